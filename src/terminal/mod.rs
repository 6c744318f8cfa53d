//! What a person sees who started forkcast in a terminal: the log, and below it a table of streams and destinations that is
//! drawn anew once a second.
//!
//! ```text
//!   observe::log ──lines──▶ Screen ──▶ one thread ──▶ standard error
//!   status ──▶ table ──frame──▶              └──────▶ standard output
//! ```
//!
//! Lines and frames go through one thread, so that neither tears the other; and a terminal that is halted (Ctrl-S, a selection)
//! makes no stream wait.

mod rates;
mod screen;
mod table;

use std::{
    env,
    io::{self, IsTerminal as _},
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, interval};

pub use self::screen::Screen;
use self::{rates::Rates, table::Size};
use crate::control::{board::Board, status::Status};

/// How often the table is drawn.
const EVERY: Duration = Duration::from_secs(1);

/// Whether a table can be drawn on standard output.
pub fn can_show_table() -> bool {
    // Without a name nobody knows what the terminal can do.
    let is_plain = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    io::stdout().is_terminal() && (!is_plain || cfg!(windows))
}

/// Draws the table once a second, for as long as the relay runs.
pub async fn show_table(screen: Screen, board: Arc<Board>) {
    let has_colours = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut rates = Rates::default();
    let mut again = interval(EVERY);
    loop {
        again.tick().await;
        let status = Status::of(&board);
        rates.note(&status, Instant::now());
        let Ok((columns, lines)) = crossterm::terminal::size() else { continue };
        let size = Size { columns: columns.into(), lines: lines.into() };
        screen.draw(table::frame(&status, &rates, size, has_colours));
    }
}

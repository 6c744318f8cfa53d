//! What the demo shows: a table that lives, then the verdict and what to do next.

use std::{
    io::{self, IsTerminal as _, Write as _},
    net::SocketAddr,
    path::Path,
    time::Duration,
};

use super::verdict::Verdict;
use crate::control::status::{DestinationStatus, Status};

/// Where the output is no terminal, the table is printed so often.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// The demo's output. Each of its methods fails where nobody reads it any more, as with `forkcast demo | head`.
pub struct Screen {
    /// Lines of the table that stand above the cursor of a terminal, to be written over.
    standing: usize,
    is_terminal: bool,
    /// When a plain table is due next.
    due: Duration,
}

impl Screen {
    /// Says what is about to happen.
    ///
    /// # Errors
    /// Where the output is closed.
    pub fn begin(destinations: &Path, relay: SocketAddr) -> io::Result<Self> {
        let mut out = io::stdout().lock();
        writeln!(out, "forkcast demo: one publish in, four destinations out, all real and all on this machine")?;
        writeln!(out, "  a test picture (H.264 and AAC) is published to rtmp://{relay}/live at the pace of a camera")?;
        writeln!(out, "  the relay reads {}: rtmp-1, rtmp-2, rtmps-1, rtmps-2", destinations.display())?;
        writeln!(
            out,
            "  the two rtmps:// sinks have certificates of an authority made just now, and they are verified"
        )?;
        writeln!(out, "  half-way rtmp-2 is killed, and comes back after two seconds\n")?;
        Ok(Self { standing: 0, is_terminal: io::stdout().is_terminal(), due: Duration::ZERO })
    }

    /// Shows where everything stands.
    ///
    /// # Errors
    /// Where the output is closed.
    pub fn show(&mut self, status: &Status, elapsed: Duration) -> io::Result<()> {
        if !self.is_terminal {
            if elapsed < self.due {
                return Ok(());
            }
            self.due = elapsed + PLAIN_EVERY;
        }
        let table = table(status, elapsed);
        let mut out = io::stdout().lock();
        if self.is_terminal && self.standing > 0 {
            // Up to the first line of the table that stands there, and clear from there on.
            write!(out, "\x1b[{}A\x1b[J", self.standing)?;
        }
        writeln!(out, "{table}")?;
        self.standing = table.lines().count() + 1;
        Ok(())
    }

    /// Says how it went and what to do next.
    ///
    /// # Errors
    /// Where the output is closed.
    pub fn conclude(&self, verdicts: &[Verdict], frames: usize, headers: usize) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "verdict: {frames} audio and video messages and {headers} headers were published")?;
        writeln!(out, "  {:<12} {:>21}  {:>21}  {:<10} ", "destination", "sent", "received", "sha-256")?;
        for verdict in verdicts {
            writeln!(
                out,
                "  {:<12} {:>21}  {:>21}  {:<10} {}",
                verdict.name,
                amount(verdict.sent),
                amount(verdict.received),
                verdict.fingerprint.to_string(),
                verdict.outcome
            )?;
        }
        if verdicts.iter().all(Verdict::is_good) {
            writeln!(out, "\nall is well. Your turn:")?;
        } else {
            writeln!(out, "\nsomething went WRONG, see above. How it is meant to be used:")?;
        }
        writeln!(out, "  1. put your stream key into destinations/youtube.toml (or twitch, facebook, linkedin)")?;
        writeln!(out, "  2. start `forkcast` (or `cargo run --release`)")?;
        writeln!(
            out,
            "  3. in OBS: Settings, Stream, Service \"Custom...\", and paste the Server and the Stream Key that it prints"
        )
    }
}

fn table(status: &Status, elapsed: Duration) -> String {
    let mut lines = vec![format!(
        "{:5.1} s  {:<12} {:<11} {:>10} {:>12} {:>8} {:>9}",
        elapsed.as_secs_f64(),
        "destination",
        "state",
        "messages",
        "bytes",
        "lag",
        "sessions"
    )];
    lines.extend(status.streams.iter().flat_map(|stream| &stream.destinations).map(row));
    lines.join("\n") + "\n"
}

fn row(destination: &DestinationStatus) -> String {
    format!(
        "         {:<12} {:<11} {:>10} {:>12} {:>5} ms {:>9}",
        destination.name,
        destination.state,
        destination.sent_messages,
        destination.sent_bytes,
        destination.lag_ms,
        destination.sessions
    )
}

fn amount((messages, bytes): (u64, u64)) -> String {
    format!("{messages} msg {bytes} B")
}

//! What the demo shows: a table that lives, then the verdict and what to do next.

use std::{
    io::{IsTerminal as _, Write as _},
    net::SocketAddr,
    path::Path,
    time::Duration,
};

use super::{record::Fingerprint, verdict::Verdict};
use crate::control::status::{DestinationStatus, Status};

/// Where the output is no terminal, the table is printed so often.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// The demo's output.
pub struct Screen {
    /// Lines of the table that stand above the cursor of a terminal, to be written over.
    standing: usize,
    is_terminal: bool,
    /// When a plain table is due next.
    due: Duration,
}

impl Screen {
    /// Says what is about to happen.
    pub fn begin(destinations: &Path, relay: SocketAddr) -> Self {
        println!("forkcast demo: one publish in, four destinations out, all real and all on this machine");
        println!("  a test picture (H.264 and AAC) is published to rtmp://{relay}/live at the pace of a camera");
        println!("  the relay reads {}: rtmp-1, rtmp-2, rtmps-1, rtmps-2", destinations.display());
        println!("  the two rtmps:// sinks have certificates of an authority made just now, and they are verified");
        println!("  half-way rtmp-2 is killed, and comes back after two seconds\n");
        Self { standing: 0, is_terminal: std::io::stdout().is_terminal(), due: Duration::ZERO }
    }

    /// Shows where everything stands.
    pub fn show(&mut self, status: &Status, elapsed: Duration) {
        if !self.is_terminal {
            if elapsed < self.due {
                return;
            }
            self.due = elapsed + PLAIN_EVERY;
        }
        let table = table(status, elapsed);
        let mut out = std::io::stdout().lock();
        if self.is_terminal && self.standing > 0 {
            // Up to the first line of the table that stands there, and clear from there on.
            let _ = write!(out, "\x1b[{}A\x1b[J", self.standing);
        }
        // Nobody reads a closed output; the exit code still tells.
        let _ = writeln!(out, "{table}");
        self.standing = table.lines().count() + 1;
    }

    /// Says how it went and what to do next.
    pub fn conclude(&self, verdicts: &[Verdict], published: &[Fingerprint]) {
        println!("verdict: {} audio and video messages were published", published.len());
        println!("  {:<12} {:>21}  {:>21}  {:<10} ", "destination", "sent", "received", "sha-256");
        for verdict in verdicts {
            println!(
                "  {:<12} {:>21}  {:>21}  {:<10} {}",
                verdict.name,
                amount(verdict.sent),
                amount(verdict.received),
                verdict.fingerprint.to_string(),
                verdict.outcome
            );
        }
        if verdicts.iter().all(Verdict::is_good) {
            println!("\nall is well. Your turn:");
        } else {
            println!("\nsomething went WRONG, see above. How it is meant to be used:");
        }
        println!("  1. put your stream key into destinations/youtube.toml (or twitch, facebook, linkedin)");
        println!("  2. start `forkcast` (or `cargo run --release`)");
        println!(
            "  3. in OBS: Settings, Stream, Service \"Custom...\", and paste the Server and the Stream Key that it prints"
        );
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

//! forkcast as a service of systemd, or of whoever speaks its notification protocol: ready, reloading, stopping, the present
//! state in a line, and a watchdog that is fed by progress alone.

mod notify;

use std::{env, process, sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval};

use self::notify::{Notifier, Word};
use crate::control::{board::Board, readiness::Stage};

/// How often the line about the present state is renewed.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// The relay's side of the service manager; does nothing where there is none.
#[derive(Clone, Debug)]
pub struct Service {
    manager: Option<Arc<Notifier>>,
}

impl Service {
    /// Of this process, as its environment says. The manager hears nothing yet.
    pub fn of_process() -> Self {
        Self { manager: Notifier::of_process().map(Arc::new) }
    }

    /// The relay has started: says so, and from now on how it is.
    pub fn ready(&self, board: &Arc<Board>) {
        let Some(manager) = &self.manager else { return };
        manager.say(&[Word::Ready, Word::Status(&board.summary())]);
        let watchdog = watchdog_of_process();
        tokio::spawn(tell(Arc::clone(manager), Arc::clone(board), watchdog));
    }

    /// The configuration is read again; [`Self::reloaded`] is to follow.
    pub fn reloading(&self) {
        if let Some(manager) = &self.manager {
            manager.say(&[Word::Reloading]);
        }
    }

    /// The configuration was read again.
    pub fn reloaded(&self) {
        if let Some(manager) = &self.manager {
            manager.say(&[Word::Ready]);
        }
    }

    /// The relay goes down.
    pub fn stopping(&self) {
        if let Some(manager) = &self.manager {
            manager.say(&[Word::Stopping, Word::Status("stopping")]);
        }
    }
}

/// Tells how the relay is, and feeds the watchdog, until the process ends. A beat of the pulse went through all that a stream
/// needs to move: without one, the watchdog is left to starve.
async fn tell(manager: Arc<Notifier>, board: Arc<Board>, watchdog: Option<Duration>) {
    let (mut pulse, mut stage) = (board.pulse.watch(), board.readiness.watch());
    let mut again = interval(TELL_EVERY);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = String::new();
    let mut fed: Option<Instant> = None;
    loop {
        // The senders of both live in the board.
        tokio::select! {
            _ = pulse.changed() => {
                let beat = *pulse.borrow_and_update();
                let Some(watchdog) = watchdog else { continue };
                // Half of the time is what the protocol asks for; a late beat may still be in time then.
                if fed.is_none_or(|fed| beat - fed >= watchdog / 4) {
                    manager.say(&[Word::Watchdog]);
                    fed = Some(beat);
                }
                continue;
            }
            // A drain may be over before it is told again.
            _ = stage.changed() => {}
            _ = again.tick() => {}
        }
        let present = *stage.borrow_and_update();
        let now = match present {
            Stage::Starting | Stage::Serving => board.summary(),
            Stage::Draining => format!("draining: {}", board.summary()),
            Stage::Stopping => continue,
        };
        if now != told {
            manager.say(&[Word::Status(&now)]);
            told = now;
        }
    }
}

/// How long the manager waits for a sign of life of this process.
fn watchdog_of_process() -> Option<Duration> {
    let variable = |name| env::var(name).ok();
    watchdog(variable("WATCHDOG_USEC").as_deref(), variable("WATCHDOG_PID").as_deref(), process::id())
}

/// The variables may be meant for another process, whose child this is.
fn watchdog(microseconds: Option<&str>, process: Option<&str>, this: u32) -> Option<Duration> {
    if process.is_some_and(|process| process.parse() != Ok(this)) {
        return None;
    }
    let microseconds = microseconds?.parse().ok().filter(|microseconds| *microseconds > 0)?;
    Some(Duration::from_micros(microseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[tokio::test(start_paused = true)]
    async fn a_drain_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
        manager.set_nonblocking(true).unwrap();
        let board = Arc::new(Board::new(None, Vec::new()));
        let notifier = Arc::new(Notifier::connect(path.as_os_str()).unwrap());
        tokio::spawn(tell(notifier, Arc::clone(&board), None));
        let began = Instant::now();
        let heard = async || {
            let mut datagram = [0; 4096];
            for _ in 0..100 {
                tokio::task::yield_now().await;
                if let Ok(length) = manager.recv(&mut datagram) {
                    return String::from_utf8(datagram[..length].to_vec()).unwrap();
                }
            }
            panic!("nothing was said")
        };
        let how = "0 of 0 streams live, 0 of 0 destinations deliver\n";
        assert_eq!(heard().await, format!("STATUS={how}"));
        board.readiness.enter(Stage::Draining);
        assert_eq!(heard().await, format!("STATUS=draining: {how}"));
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[test]
    fn whom_the_watchdog_is_for() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(watchdog(Some("20000000"), None, 7), seconds(20));
        assert_eq!(watchdog(Some("20000000"), Some("7"), 7), seconds(20));
        for (microseconds, process) in [
            (Some("20000000"), Some("8")),
            (None, Some("7")),
            (Some("0"), None),
            (Some("x"), None),
            (Some("1"), Some("")),
        ] {
            assert_eq!(watchdog(microseconds, process, 7), None, "{microseconds:?} {process:?}");
        }
    }
}

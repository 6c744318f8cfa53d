//! Which failure is news: a destination that fails twenty times in a row for one reason is told of twice.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

/// How often a failure that goes on is told again.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// The failures of one destination since it delivered, as far as they have been told: a row for each kind, since a name that
/// does not resolve and a server that refuses may take turns.
#[derive(Clone, Debug, Default)]
pub struct Repeats {
    rows: BTreeMap<&'static str, Row>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    began: Instant,
    told: Instant,
    tries: u32,
}

/// How much a failure is news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It is new.
    New,
    /// It is what became of a trouble that was told of before it failed.
    Outcome,
    /// It goes on: so many tries, for so long.
    Still {
        /// Failures in a row.
        tries: u32,
        /// Since the first of them.
        lasting: Duration,
    },
    /// It goes on and was told of a moment ago.
    Old,
}

impl Repeats {
    /// A failure of this kind (its label) at `now`.
    pub fn failed(&mut self, kind: &'static str, now: Instant) -> News {
        let Some(row) = self.rows.get_mut(kind) else {
            self.rows.insert(kind, Row { began: now, told: now, tries: 1 });
            return News::New;
        };
        row.tries += 1;
        if now - row.told < TELL_EVERY {
            return News::Old;
        }
        row.told = now;
        News::Still { tries: row.tries, lasting: now - row.began }
    }

    /// It delivers: the next failure is new.
    pub fn delivered(&mut self) {
        self.rows.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_goes_on_is_told_once_a_minute() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut repeats = Repeats::default();
        assert_eq!(repeats.failed("connection_refused", at(0)), News::New);
        assert_eq!(repeats.failed("connection_refused", at(1)), News::Old);
        assert_eq!(repeats.failed("connection_refused", at(59)), News::Old);
        let still = News::Still { tries: 4, lasting: Duration::from_secs(61) };
        assert_eq!(repeats.failed("connection_refused", at(61)), still);
        assert_eq!(repeats.failed("connection_refused", at(62)), News::Old);
        assert_eq!(repeats.failed("stalled", at(63)), News::New);
        assert_eq!(repeats.failed("connection_refused", at(64)), News::Old);
        repeats.delivered();
        assert_eq!(repeats.failed("stalled", at(65)), News::New);
    }
}

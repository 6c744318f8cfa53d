//! How long messages gather before the readers of a stream are woken. The number of writes is what fan-out costs, and a reader
//! that is woken for two messages writes once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

/// How much longer messages gather for each destination more. Writing to N takes about N times 10 µs: by this it takes an
/// eighteenth of the time at most, and at a hundred two pictures at 60 a second go together.
const FOR_EACH_WRITE: Duration = Duration::from_micros(180);

/// The time of two pictures at 60 a second: nobody can see as much as that, and what more would save is little.
pub const LONGEST: Duration = Duration::from_millis(33);

/// Less than that is not worth a timer, which counts whole milliseconds.
const SHORTEST: Duration = Duration::from_millis(2);

/// How long a message may wait for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coalescing {
    /// By what a wake-up of all readers costs: not at all for eleven, up to [`LONGEST`] for hundreds.
    #[default]
    ByLoad,
    /// Always so long. Zero: readers are woken by whatever comes.
    Fixed(Duration),
}

impl Coalescing {
    /// The time from the first message that waits to the wake-up of the readers, where a wake-up of all readers of all streams
    /// is worth so many writes.
    pub fn window(self, writes: u32) -> Duration {
        match self {
            Self::Fixed(window) => window,
            Self::ByLoad => {
                let window = FOR_EACH_WRITE.saturating_mul(writes).min(LONGEST);
                if window < SHORTEST { Duration::ZERO } else { window }
            }
        }
    }
}

/// Messages of which the readers have not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    /// When the first of them came.
    since: Instant,
    /// When the last picture came.
    picture: Option<Instant>,
}

impl Waiting {
    /// A message came that waits with `before`.
    pub(super) fn more(before: Option<Self>, now: Instant, is_picture: bool) -> Self {
        let Self { since, picture } = before.unwrap_or(Self { since: now, picture: None });
        Self { since, picture: if is_picture { Some(now) } else { picture } }
    }

    /// When they have waited enough: when the window is over, or a picture comes towards its end. The next one would come too
    /// late, and what comes until then is sound, which goes with that.
    pub(super) fn due(self, window: Duration) -> Instant {
        let towards_the_end = self.since + window / 4 * 3;
        self.picture.filter(|picture| *picture >= towards_the_end).unwrap_or(self.since + window)
    }
}

/// What a wake-up of all readers of all streams is worth, in plain writes. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Load(Arc<AtomicU32>);

impl Load {
    /// One more reader, whose writes cost as much as so many plain ones.
    pub fn add(&self, writes: u32) -> Share {
        self.0.fetch_add(writes, Relaxed);
        Share { load: self.clone(), writes }
    }

    /// All together.
    pub fn writes(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

/// The part of one reader in a [`Load`], for as long as it is held.
#[derive(Debug)]
pub struct Share {
    load: Load,
    writes: u32,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.load.0.fetch_sub(self.writes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_grows_with_what_a_wake_up_costs() {
        let table = [(0, 0), (1, 0), (11, 0), (12, 2160), (50, 9000), (100, 18_000), (183, 32_940), (184, 33_000)];
        for (writes, micros) in table {
            assert_eq!(Coalescing::ByLoad.window(writes), Duration::from_micros(micros), "{writes}");
        }
        assert_eq!(Coalescing::ByLoad.window(u32::MAX), LONGEST);
    }

    #[test]
    fn a_fixed_window_is_kept_whatever_the_load() {
        for window in [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(100)] {
            assert_eq!(Coalescing::Fixed(window).window(0), window);
            assert_eq!(Coalescing::Fixed(window).window(5000), window);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_picture_that_comes_towards_the_end_of_the_window_ends_it() {
        let began = Instant::now();
        // Of each message: when it came, in milliseconds, and whether it is a picture. When they are due, by a window of 18 ms.
        let table: &[(&[(u64, bool)], u64)] = &[
            (&[(0, true)], 18),
            (&[(0, false)], 18),
            (&[(0, true), (10, false)], 18),
            (&[(0, true), (10, false), (16, true)], 16),
            (&[(0, true), (16, false)], 18),
            (&[(0, true), (12, true)], 18),
            (&[(0, false), (14, true), (15, false)], 14),
        ];
        for (messages, due) in table {
            let waiting = messages.iter().fold(None, |before, (millis, is_picture)| {
                Some(Waiting::more(before, began + Duration::from_millis(*millis), *is_picture))
            });
            let found = waiting.unwrap().due(Duration::from_millis(18));
            assert_eq!(found - began, Duration::from_millis(*due), "{messages:?}");
        }
        assert_eq!(Waiting::more(None, began, true).due(Duration::ZERO), began);
    }

    #[test]
    fn a_reader_counts_while_it_is_there() {
        let load = Load::default();
        let (plain, tls) = (load.add(1), load.clone().add(2));
        assert_eq!(load.writes(), 3);
        drop(plain);
        assert_eq!(load.writes(), 2);
        drop(tls);
        assert_eq!(load.writes(), 0);
    }
}

//! How long messages gather before the readers of a stream are woken. The number of writes is what fan-out costs, and a reader
//! that is woken for two messages writes once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

/// Nothing waits for so few writes: with ten destinations 99 % of the messages are there within a millisecond.
const AT_ONCE: u32 = 30;

/// How much longer messages gather for each write beyond. A hundred wait 16 ms: a little longer than a picture at 60 a second lasts
/// is where the wake-ups become fewer, from 60 to 47 a second, and still below 20 ms for the last of a hundred.
const FOR_EACH_WRITE: Duration = Duration::from_micros(228);

/// The time of two pictures at 60 a second: nobody can see as much as that, and what more would save is little.
const LONGEST: Duration = Duration::from_millis(33);

/// Less than that is not worth a timer, which counts whole milliseconds.
const SHORTEST: Duration = Duration::from_millis(2);

/// How long a message may wait for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coalescing {
    /// By what a wake-up of all readers costs: not at all up to thirty writes, 33 ms at the most.
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
                let window = FOR_EACH_WRITE.saturating_mul(writes.saturating_sub(AT_ONCE)).min(LONGEST);
                if window < SHORTEST { Duration::ZERO } else { window }
            }
        }
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
        let table =
            [(0, 0), (1, 0), (30, 0), (38, 0), (39, 2052), (100, 15_960), (150, 27_360), (174, 32_832), (175, 33_000)];
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

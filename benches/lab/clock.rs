//! The clock that all processes of this machine share.

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds on the monotonic clock of the system.
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every system has this clock");
    u64::try_from(time.tv_sec()).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap_or(0)
}

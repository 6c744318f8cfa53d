//! When to try again: a pure function of the failure, the history and a random number.
//!
//! ```text
//! Soon      0.2–0.9 s, then at most 1.5 s apart for 30 s of trying, then growing with decorrelated jitter up to `max`
//! BackOff   0.2–0.9 s, then growing at once
//! Slowly    at least 30 s                 Minutes   at least 60 s           NotUntilChanged   parked
//! ```
//!
//! Decorrelated jitter (each wait at random between the base and three times the wait before) spreads a thousand
//! destinations that were cut at once, and goes on spreading them. The figures are those of the default `initial` of
//! 500 ms and scale with it. `max` bounds the waits that grow; the least waits of `Slowly` and `Minutes` protect the account
//! and stand whatever `max` says.

use std::time::Duration;

use super::{failure::Retry, settings::Reconnect};

/// The first wait lies between these times `initial`: 0.2 to 0.9 s.
const FIRST: (f64, f64) = (0.4, 1.8);

/// For the first [`QUICK_FOR`] no wait is longer than this times `initial`: 1.5 s.
const QUICK: f64 = 3.0;

/// How long is tried quickly: most of what comes back at all (a server restarted, a cable put in again) does within it.
const QUICK_FOR: Duration = Duration::from_secs(30);

/// How much longer than the one before a wait can be.
const GROWTH: f64 = 3.0;

/// The waits of [`Retry::Slowly`].
const SLOWLY: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(90));

/// The waits of [`Retry::Minutes`].
const MINUTES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(300));

/// A session that delivered for so long was healthy: the next failure is a new story.
const HEALTHY: Duration = Duration::from_secs(60);

/// A session that delivered for so long counts as a delivery for `give_up_after`; a shorter one may be a refusal.
const DELIVERY: Duration = Duration::from_secs(15);

/// The history of one destination's failures.
#[derive(Clone, Debug)]
pub struct Backoff {
    bounds: Reconnect,
    failures: u32,
    previous: Duration,
    trying: Duration,
    since_delivery: Duration,
    /// Another server had its first try since the last delivery.
    has_switched: bool,
}

/// How one attempt went, from its begin to its failure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attempt {
    /// How long it took in all.
    pub lasted: Duration,
    /// How long of that it delivered.
    pub delivered: Duration,
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try again after this wait.
    After(Duration),
    /// Wait until the destination's file changes.
    Parked,
    /// `give_up_after` is over: wait until the next publish, or until the file changes.
    GivenUp,
}

impl Backoff {
    /// A destination that has not failed yet.
    pub fn new(bounds: Reconnect) -> Self {
        Self {
            bounds,
            failures: 0,
            previous: Duration::ZERO,
            trying: Duration::ZERO,
            since_delivery: Duration::ZERO,
            has_switched: false,
        }
    }

    /// An attempt failed: what now. `unit` is a random number from 0 to 1.
    pub fn failed(&mut self, retry: Retry, attempt: Attempt, unit: f64) -> Next {
        if attempt.delivered >= HEALTHY {
            *self = Self::new(self.bounds.clone());
        }
        if attempt.delivered >= DELIVERY {
            self.since_delivery = Duration::ZERO;
            self.has_switched = false;
        }
        let in_vain = attempt.lasted.saturating_sub(attempt.delivered);
        self.failures = self.failures.saturating_add(1);
        self.trying = self.trying.saturating_add(in_vain);
        self.since_delivery = self.since_delivery.saturating_add(in_vain);

        let Some((least, most)) = self.range(retry) else {
            return Next::Parked;
        };
        let wait = between(least, most, unit);
        if self.bounds.give_up_after.is_some_and(|limit| self.since_delivery.saturating_add(wait) > limit) {
            return Next::GivenUp;
        }
        self.previous = wait;
        self.trying = self.trying.saturating_add(wait);
        self.since_delivery = self.since_delivery.saturating_add(wait);
        Next::After(wait)
    }

    /// It is another server's turn: its first try comes quickly, once since the last delivery. What was tried in vain stays
    /// counted, so that a pair of dead servers is not asked for ever at the pace of the first seconds.
    pub fn another_server(&mut self) {
        if !std::mem::replace(&mut self.has_switched, true) {
            self.failures = 0;
            self.previous = Duration::ZERO;
        }
    }

    /// Failures in a row, without a healthy minute between them.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The least and the most that the next wait may be; `None` where there is none.
    fn range(&self, retry: Retry) -> Option<(Duration, Duration)> {
        let Reconnect { initial, max, .. } = self.bounds;
        let grown = scale(self.previous, GROWTH);
        let range = match retry {
            Retry::NotUntilChanged => return None,
            Retry::Slowly => (SLOWLY.0, grown.clamp(SLOWLY.0 * 3 / 2, SLOWLY.1)),
            Retry::Minutes => (MINUTES.0, grown.clamp(MINUTES.0 * 2, MINUTES.1)),
            Retry::Soon | Retry::BackOff if self.failures <= 1 => {
                (scale(initial, FIRST.0).min(max), scale(initial, FIRST.1).min(max))
            }
            Retry::Soon if self.trying < QUICK_FOR => {
                let most = grown.max(scale(initial, FIRST.1)).min(scale(initial, QUICK)).min(max);
                (scale(initial, FIRST.0).min(most), most)
            }
            Retry::Soon | Retry::BackOff => {
                let most = grown.max(scale(initial, GROWTH)).min(max);
                (initial.min(most), most)
            }
        };
        Some(range)
    }
}

fn between(least: Duration, most: Duration, unit: f64) -> Duration {
    let unit = if unit.is_finite() { unit.clamp(0.0, 1.0) } else { 0.5 };
    least.saturating_add(scale(most.saturating_sub(least), unit)).min(most)
}

/// `duration` times `factor`; what no `Duration` can hold is as good as for ever.
fn scale(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests;

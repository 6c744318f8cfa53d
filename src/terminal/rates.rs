//! Bitrates: what counters have gained over the last seconds.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use crate::control::status::Status;

/// Over how long a rate is taken: a group of pictures or two, so that a keyframe does not jump out.
const SPAN: Duration = Duration::from_secs(4);

/// The counters of the last seconds.
#[derive(Debug, Default)]
pub(super) struct Rates(VecDeque<(Instant, HashMap<Counter, u64>)>);

/// Of a stream, or of one of its destinations.
pub(super) type Counter = (String, Option<String>);

impl Rates {
    /// The counters as they are at `now`.
    pub(super) fn note(&mut self, status: &Status, now: Instant) {
        let mut counters = HashMap::new();
        for stream in &status.streams {
            counters.insert((stream.name.clone(), None), stream.received_bytes);
            for destination in &stream.destinations {
                counters.insert((stream.name.clone(), Some(destination.name.clone())), destination.sent_bytes);
            }
        }
        while self.0.len() > 1 && self.0.front().is_some_and(|(then, _)| now - *then > SPAN) {
            self.0.pop_front();
        }
        self.0.push_back((now, counters));
    }

    /// In bits a second; `None` where the counter is new, or began anew.
    pub(super) fn of(&self, counter: &Counter) -> Option<f64> {
        let (now, newest) = self.0.back()?;
        let newest = newest.get(counter)?;
        let (then, oldest) = self.0.iter().find_map(|(then, counters)| Some((then, counters.get(counter)?)))?;
        let gained = newest.checked_sub(*oldest)?;
        let seconds = (*now - *then).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "bytes of some seconds are far below 2^52")]
        (seconds > 0.0).then(|| gained as f64 * 8.0 / seconds)
    }
}

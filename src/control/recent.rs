//! What every stream has received and every destination was sent in the last minute, a second apart: so that whoever opens the
//! page sees the minute that was, and not the one that begins. It is counted beside the media, which know nothing of it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};

use super::board::{Board, StreamView};

/// How far the counts are apart.
const EVERY: Duration = Duration::from_secs(1);

/// Counts that are kept of each: a minute has two ends.
const KEPT: usize = 61;

/// A stream, or a destination of it.
type Name = (String, Option<String>);

/// The counts of the last minute.
#[derive(Debug, Default)]
pub struct Recent {
    /// Bytes so far, the oldest first. Held for as long as it takes to copy one of them, never across an await.
    counts: Mutex<HashMap<Name, VecDeque<u64>>>,
}

impl Recent {
    /// Counts once more. What is gone is forgotten.
    pub fn count(&self, streams: &[StreamView]) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *counts);
        let mut add = |name: Name, bytes: u64| {
            let mut of_it = before.remove(&name).unwrap_or_default();
            if of_it.len() == KEPT {
                of_it.pop_front();
            }
            of_it.push_back(bytes);
            counts.insert(name, of_it);
        };
        for StreamView { feed, destinations, .. } in streams {
            add((feed.name().to_owned(), None), feed.status().received_bytes);
            for destination in destinations {
                let name = (feed.name().to_owned(), Some(destination.name.clone()));
                add(name, destination.report.sent_bytes());
            }
        }
    }

    /// Those of a stream, or of a destination of it: bytes so far, the oldest first.
    #[must_use]
    pub fn of(&self, stream: &str, destination: Option<&str>) -> Vec<u64> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (stream.to_owned(), destination.map(str::to_owned));
        counts.get(&name).map(|of_it| of_it.iter().copied().collect()).unwrap_or_default()
    }
}

/// Counts for as long as it is polled.
pub(super) async fn keep_counting(board: &Board) {
    let mut second = interval(EVERY);
    second.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        second.tick().await;
        board.recent.count(&board.streams());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        control::guide::KeyPlace,
        destination::{
            Destination,
            status::{Report, State},
        },
        stream::{Feed, Load, StreamSettings, testing::feed},
    };

    fn stream(name: &str, destinations: &[&str]) -> StreamView {
        let destination = |name: &&str| Destination {
            name: (*name).to_owned(),
            file: format!("{name}.toml").into(),
            settings: None,
            problem: None,
            lacks: &[],
            report: Arc::new(Report::new(State::Idle)),
        };
        StreamView {
            feed: Feed::new(StreamSettings { name: name.to_owned(), ..feed().settings() }, Load::default()),
            key: KeyPlace { text: String::new(), file: None },
            destinations: destinations.iter().map(destination).collect(),
        }
    }

    #[tokio::test]
    async fn a_minute_is_kept_of_whatever_is_there_and_nothing_of_what_is_gone() {
        let recent = Recent::default();
        let (live, second) = (stream("live", &["a", "b"]), stream("second", &["a"]));
        for round in 0..200_u64 {
            live.destinations[1].report.sent(1, 10);
            recent.count(&[live.clone(), second.clone()]);
            let sent = recent.of("live", Some("b"));
            assert_eq!((sent.len() as u64, sent.last().copied()), ((round + 1).min(61), Some(10 * (round + 1))));
        }
        assert_eq!(recent.of("live", Some("b"))[0], 1400);
        assert_eq!(recent.of("live", None), [0; 61]);
        assert_eq!(recent.of("second", Some("a")), [0; 61]);
        recent.count(&[live]);
        assert!(recent.of("second", Some("a")).is_empty());
        assert_eq!(recent.counts.lock().unwrap().len(), 3);
    }
}

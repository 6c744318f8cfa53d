//! The bystander rule: whatever happens to one destination, the others lose nothing, and the publisher never waits.

use std::time::Duration;

use crate::support::broadcast::Published;
use crate::support::compare;
use crate::support::flv::Tag;
use crate::support::relay::Relay;
use crate::support::wire::{Session, Sink};

/// For what is still under way when the publisher has stopped.
const END: Duration = Duration::from_secs(10);
/// A relay that waits for a destination waits for seconds; a busy machine makes it late by less than this.
const LONGEST_WRITE: Duration = Duration::from_millis(1500);

/// Two healthy destinations beside the one that a test is about.
pub(crate) struct Bystanders {
    sinks: [(&'static str, Sink); 2],
}

impl Bystanders {
    /// Writes their files; to be called before the relay starts.
    pub(crate) fn of(relay: &mut Relay) -> Self {
        let sinks = ["first-bystander", "second-bystander"].map(|name| (name, Sink::start()));
        for (name, sink) in &sinks {
            relay.destination(name, &sink.url(), "");
        }
        Self { sinks }
    }

    /// Waits until media is with both.
    #[track_caller]
    pub(crate) fn wait_for_media(&self) {
        for (name, sink) in &self.sinks {
            sink.wait_for(&format!("media at {name}"), END, |session| session.first_media.is_some());
        }
    }

    /// Waits until so much more media, in milliseconds, has passed.
    #[track_caller]
    pub(crate) fn wait_for_more(&self, milliseconds: u32) {
        self.wait_for_media();
        self.wait_until(self.sinks[0].1.session().tags.last().map_or(0, |tag| tag.timestamp) + milliseconds);
    }

    /// Waits until the clock of the first one's session says so many milliseconds.
    #[track_caller]
    pub(crate) fn wait_until(&self, milliseconds: u32) {
        let limit = Duration::from_millis(milliseconds.into()) + END;
        self.sinks[0].1.wait_for("the stream to go on", limit, |session| {
            session.tags.last().is_some_and(|tag| tag.timestamp >= milliseconds)
        });
    }

    /// Waits for the end of the one session that each had.
    #[track_caller]
    pub(crate) fn ended_sessions(&self) -> [Session; 2] {
        [0, 1].map(|index| {
            let (name, sink) = &self.sinks[index];
            sink.wait_for(&format!("the end of {name}"), END, |session| session.is_over);
            sink.session()
        })
    }

    /// After a clean stop: each had one session with everything in it, and the publisher was never paused.
    #[track_caller]
    pub(crate) fn assert_undisturbed(&self, published: &Published) {
        for (name, sink) in &self.sinks {
            assert_missed_nothing(name, sink, &published.tags);
        }
        assert_not_paused(published);
    }
}

/// Waits for the end of a session that saw everything, and asserts that it did.
#[track_caller]
pub(crate) fn assert_missed_nothing(name: &str, sink: &Sink, published: &[Tag]) {
    let session = sink.wait_for(&format!("the end of {name}"), END, |session| session.is_over);
    assert_eq!(sink.sessions().len(), 1, "{name} was disturbed: it had to connect again");
    compare::assert_same(name, published, &session.tags);
    assert!(session.was_unpublished(), "{name} was told of the end");
}

#[track_caller]
pub(crate) fn assert_not_paused(published: &Published) {
    let longest = published.longest_write;
    assert!(longest < LONGEST_WRITE, "the publisher was made to wait for {longest:?}");
}

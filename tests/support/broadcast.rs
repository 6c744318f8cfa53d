//! A publish that goes on beside the test until the test ends it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::support::flv::Tag;
use crate::support::relay::Relay;
use crate::support::synthetic;
use crate::support::wire::Publisher;

/// A hand-made encoder on a thread of its own.
pub(crate) struct Broadcast {
    ending: Arc<AtomicBool>,
    thread: JoinHandle<(Publisher, Published, io::Result<()>)>,
}

/// What was published, and how it went for the encoder.
pub(crate) struct Published {
    pub(crate) tags: Vec<Tag>,
    /// How long the relay has made it wait at most.
    pub(crate) longest_write: Duration,
}

impl Broadcast {
    /// Synthetic media with a keyframe each second, `bytes` a picture: 200 times as many bits a second.
    #[track_caller]
    pub(crate) fn synthetic(relay: &Relay, bytes: usize) -> Self {
        Self::start(relay, synthetic::headers(0).into_iter().chain(synthetic::endless(0, 1000, bytes)))
    }

    /// These tags at the pace of their timestamps; where they end, nothing more is sent until the broadcast is ended.
    #[track_caller]
    pub(crate) fn start(relay: &Relay, tags: impl Iterator<Item = Tag> + Send + 'static) -> Self {
        Self::to(relay.rtmp_port(), relay.stream_key(), tags)
    }

    /// The same to any server on this machine.
    #[track_caller]
    pub(crate) fn to(port: u16, key: &str, tags: impl Iterator<Item = Tag> + Send + 'static) -> Self {
        let publisher = Publisher::connect(port, key).expect("the relay takes the publish");
        let ending = Arc::new(AtomicBool::new(false));
        let is_ending = Arc::clone(&ending);
        Self { ending, thread: thread::spawn(move || send(publisher, tags, &is_ending)) }
    }

    /// Ends it as a user who presses Stop does.
    #[track_caller]
    pub(crate) fn stop(self) -> Published {
        let (publisher, published) = self.end();
        publisher.unpublish().expect("the relay takes the end");
        published
    }

    /// Resets the connection.
    #[track_caller]
    pub(crate) fn crash(self) -> Published {
        let (publisher, published) = self.end();
        publisher.crash();
        published
    }

    /// Sends nothing more, and leaves the connection open.
    #[track_caller]
    pub(crate) fn fall_silent(self) -> (Publisher, Published) {
        self.end()
    }

    #[track_caller]
    fn end(self) -> (Publisher, Published) {
        self.ending.store(true, Ordering::Relaxed);
        let (publisher, published, result) = self.thread.join().expect("the publisher does not panic");
        result.expect("the relay took all that was published");
        (publisher, published)
    }
}

fn send(
    mut publisher: Publisher,
    tags: impl Iterator<Item = Tag>,
    is_ending: &AtomicBool,
) -> (Publisher, Published, io::Result<()>) {
    let start = Instant::now();
    let mut published = Vec::new();
    let mut result = Ok(());
    let mut first = None;
    for tag in tags {
        // Sound may step back behind the picture: it is due at once.
        let due = tag.timestamp.saturating_sub(*first.get_or_insert(tag.timestamp));
        thread::sleep(Duration::from_millis(due.into()).saturating_sub(start.elapsed()));
        if is_ending.load(Ordering::Relaxed) {
            break;
        }
        result = publisher.send(&tag);
        if result.is_err() {
            break;
        }
        published.push(tag);
    }
    while !is_ending.load(Ordering::Relaxed) && result.is_ok() {
        thread::sleep(Duration::from_millis(10));
    }
    let longest_write = publisher.longest_write();
    (publisher, Published { tags: published, longest_write }, result)
}

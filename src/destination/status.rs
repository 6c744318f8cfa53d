//! What a destination reports of itself.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use metrics::{Counter, Gauge, counter, gauge};
use tokio::{sync::watch, time::Instant};

use super::failure::Failure;
use crate::{
    observe::metrics::name,
    stream::{Cursor, Feed, Lag},
};

/// Where a destination stands.
///
/// ```text
///   Off       Idle --broadcast--> Connecting --accepted--> Delivering --broadcast over--> Idle
///                                  ^      \                 |      ^
///                                  |       failure <--------/      |
///                                Waiting <----/       Held --------/  (publisher lost, and back)
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Not started: why.
    Off {
        /// A sentence that says what to change.
        reason: String,
    },
    /// Waits for a broadcast.
    Idle,
    /// Name, TCP, TLS, RTMP, up to the server's answer to the publish.
    Connecting,
    /// Its server accepted the publish, and the stream is being sent.
    Delivering,
    /// Its server accepted the publish; the publisher was lost and may come back.
    Held,
    /// Failed; tried again at `until`, or with the next broadcast.
    Waiting {
        /// When it is tried again.
        until: Option<Instant>,
    },
}

impl State {
    /// The state's name in status and metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Off { .. } => "off",
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Delivering => "delivering",
            Self::Held => "held",
            Self::Waiting { .. } => "waiting",
        }
    }
}

/// The position of a destination without a session.
const NOWHERE: u64 = u64::MAX;

/// A destination's report: its task writes, the status page reads.
#[derive(Debug)]
pub struct Report {
    state: watch::Sender<State>,
    last_failure: watch::Sender<Option<Failure>>,
    sessions: AtomicU64,
    sent_bytes: AtomicU64,
    sent_messages: AtomicU64,
    dropped_messages: AtomicU64,
    /// Sequence of the first message that has not been sent, or [`NOWHERE`].
    position: AtomicU64,
    metrics: Metrics,
}

struct Metrics {
    delivering: Gauge,
    lag: Gauge,
    bytes: Counter,
    messages: Counter,
    dropped: Counter,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Report {
    /// The report of a destination that is in `state`.
    pub fn new(stream: &str, destination: &str, state: State) -> Self {
        let labels = [("stream", stream.to_owned()), ("destination", destination.to_owned())];
        Self {
            state: watch::Sender::new(state),
            last_failure: watch::Sender::new(None),
            sessions: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            sent_messages: AtomicU64::new(0),
            dropped_messages: AtomicU64::new(0),
            position: AtomicU64::new(NOWHERE),
            metrics: Metrics {
                delivering: gauge!(name::DESTINATION_DELIVERING, &labels),
                lag: gauge!(name::LAG_SECONDS, &labels),
                bytes: counter!(name::SENT_BYTES, &labels),
                messages: counter!(name::SENT_MESSAGES, &labels),
                dropped: counter!(name::DROPPED_MESSAGES, &labels),
            },
        }
    }

    /// Where it stands now.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// The last failure since it started.
    pub fn last_failure(&self) -> Option<Failure> {
        self.last_failure.borrow().clone()
    }

    /// Publishes that its server accepted.
    pub fn sessions(&self) -> u64 {
        self.sessions.load(Relaxed)
    }

    /// Payload bytes sent, over all sessions.
    pub fn sent_bytes(&self) -> u64 {
        self.sent_bytes.load(Relaxed)
    }

    /// Messages sent, over all sessions, configuration included.
    pub fn sent_messages(&self) -> u64 {
        self.sent_messages.load(Relaxed)
    }

    /// Messages skipped because it was too slow.
    pub fn dropped_messages(&self) -> u64 {
        self.dropped_messages.load(Relaxed)
    }

    /// How far it is behind its stream; nothing while it has no session. Measured when asked: a session that is blocked
    /// could not say so itself.
    pub fn lag(&self, feed: &Feed) -> Lag {
        match self.position.load(Relaxed) {
            NOWHERE => Lag::default(),
            position => feed.read(|log| log.lag(Cursor::at(position))),
        }
    }

    /// Brings the metrics up to date that are measured when asked.
    pub fn measure(&self, feed: &Feed) {
        self.metrics.lag.set(self.lag(feed).duration.as_secs_f64());
    }

    pub(super) fn enter(&self, state: State) {
        self.metrics.delivering.set(if state == State::Delivering { 1.0 } else { 0.0 });
        self.state.send_if_modified(|present| {
            let is_new = *present != state;
            *present = state;
            is_new
        });
    }

    pub(super) fn failed(&self, failure: &Failure) {
        self.last_failure.send_replace(Some(failure.clone()));
    }

    pub(super) fn accepted(&self) {
        self.sessions.fetch_add(1, Relaxed);
    }

    pub(super) fn sent(&self, messages: u64, bytes: u64) {
        self.sent_messages.fetch_add(messages, Relaxed);
        self.sent_bytes.fetch_add(bytes, Relaxed);
        self.metrics.messages.increment(messages);
        self.metrics.bytes.increment(bytes);
    }

    pub(super) fn dropped(&self, messages: u64) {
        self.dropped_messages.fetch_add(messages, Relaxed);
        self.metrics.dropped.increment(messages);
    }

    /// Everything before `position` has been sent.
    pub(super) fn at(&self, position: u64) {
        self.position.store(position, Relaxed);
    }

    /// There is no session.
    pub(super) fn nowhere(&self) {
        self.position.store(NOWHERE, Relaxed);
    }
}

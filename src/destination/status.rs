//! What a destination reports of itself.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::{excess::Exceeded, failure::Failure, playhead::Dropped};
use crate::{
    net::TcpInfo,
    stream::{Cursor, Feed, Lag},
};

/// Where a destination stands.
///
/// ```text
///   Off, Wrong    Idle --broadcast--> Connecting --accepted--> Delivering <--> Stalling
///                                      ^      \                 |   ^
///                                      |       failure <--------/   |
///                                    Waiting <--/  \      Held <----/  (publisher lost, and back)
///                                                   \--> Parked
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Meant not to run.
    Off {
        /// Why, and what to change.
        reason: String,
    },
    /// Its file is wrong.
    Wrong {
        /// What is wrong.
        reason: String,
    },
    /// Waits for a broadcast.
    Idle,
    /// Name, TCP, TLS, RTMP, up to the server's answer to the publish.
    Connecting,
    /// The server accepted the publish, and takes what is sent.
    Delivering,
    /// The server accepted the publish, and acknowledges nothing of what was sent.
    Stalling,
    /// The server accepted the publish; the publisher was lost and may come back.
    Held,
    /// Not connected; tried again at `until`, or when the publisher is back.
    Waiting {
        /// When it is tried again.
        until: Option<Instant>,
    },
    /// Not tried again before its file changes or the next broadcast begins.
    Parked {
        /// Why.
        reason: String,
    },
    /// It does not take what is published: nothing is sent.
    Unsuitable {
        /// Why, and what to change.
        reason: String,
    },
}

impl State {
    /// The name of every state.
    pub const LABELS: [&'static str; 10] =
        ["off", "wrong", "idle", "connecting", "delivering", "stalling", "held", "waiting", "parked", "unsuitable"];

    /// The state's name in status and metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Off { .. } => "off",
            Self::Wrong { .. } => "wrong",
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Delivering => "delivering",
            Self::Stalling => "stalling",
            Self::Held => "held",
            Self::Waiting { .. } => "waiting",
            Self::Parked { .. } => "parked",
            Self::Unsuitable { .. } => "unsuitable",
        }
    }

    /// Whether it has failed, and waits for another try or for a person.
    pub fn waits(&self) -> bool {
        matches!(self, Self::Waiting { .. } | Self::Parked { .. })
    }

    /// Why it does not deliver, where that needs a person.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Off { reason } | Self::Wrong { reason } | Self::Parked { reason } | Self::Unsuitable { reason } => {
                Some(reason)
            }
            _ => None,
        }
    }
}

/// The position of a destination without a session.
const NOWHERE: u64 = u64::MAX;

/// A destination's report: its task writes, the status page reads.
#[derive(Debug)]
pub struct Report {
    state: watch::Sender<State>,
    last_failure: watch::Sender<Option<(Failure, Instant)>>,
    /// The last failure is a trouble of the present connection, of which it is not known yet what becomes of it.
    is_in_trouble: AtomicBool,
    connection: watch::Sender<Option<Connection>>,
    /// When its server accepted the present publish.
    accepted: watch::Sender<Option<Instant>>,
    /// How often it failed, by stage and kind.
    failures: watch::Sender<BTreeMap<(&'static str, &'static str), u64>>,
    sessions: AtomicU64,
    reconnects: AtomicU64,
    panics: AtomicU64,
    sent_bytes: AtomicU64,
    sent_messages: AtomicU64,
    /// What was left out, and when the last of it was.
    dropped: watch::Sender<(Dropped, Option<Instant>)>,
    exceeded: watch::Sender<Vec<Exceeded>>,
    /// Sequence of the first message that has not been sent, or [`NOWHERE`].
    position: AtomicU64,
    /// The destination's delay, which is no lag, in milliseconds.
    delay_millis: AtomicU64,
}

/// What is known of the present connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// The server's host and port.
    pub server: String,
    /// It is the backup.
    pub is_backup: bool,
    /// Version and cipher of TLS, and whether the certificate was pinned or not verified; `None` where nothing protects the connection.
    pub tls: Option<String>,
    /// What TCP says, where the system tells.
    pub tcp: Option<TcpInfo>,
    /// The last RTMP acknowledgement of the server. Shown, never acted on: servers count as they like.
    pub rtmp_acknowledged: Option<u32>,
}

impl Report {
    /// The report of a destination that is in `state`.
    pub fn new(state: State) -> Self {
        Self {
            state: watch::Sender::new(state),
            last_failure: watch::Sender::new(None),
            is_in_trouble: AtomicBool::new(false),
            connection: watch::Sender::new(None),
            accepted: watch::Sender::new(None),
            failures: watch::Sender::default(),
            sessions: AtomicU64::new(0),
            reconnects: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            sent_messages: AtomicU64::new(0),
            dropped: watch::Sender::new((Dropped::default(), None)),
            exceeded: watch::Sender::new(Vec::new()),
            position: AtomicU64::new(NOWHERE),
            delay_millis: AtomicU64::new(0),
        }
    }

    /// Where it stands now.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Changes with the state.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// The last failure since it started, and when that was.
    pub fn last_failure(&self) -> Option<(Failure, Instant)> {
        self.last_failure.borrow().clone()
    }

    /// What the present connection suffers from: its server has not answered for a while, or takes nothing.
    pub fn trouble(&self) -> Option<Failure> {
        let is_in_trouble = self.is_in_trouble.load(Relaxed);
        self.last_failure.borrow().as_ref().filter(|_| is_in_trouble).map(|(failure, _)| failure.clone())
    }

    /// What is known of the present connection.
    pub fn connection(&self) -> Option<Connection> {
        self.connection.borrow().clone()
    }

    /// For how long its server has taken the present publish.
    pub fn live_for(&self) -> Option<Duration> {
        self.accepted.borrow().map(|since| since.elapsed())
    }

    /// How often it failed, by stage and kind.
    pub fn failures(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        self.failures.borrow().clone()
    }

    /// Publishes that were accepted after it had been cut off in the same broadcast.
    pub fn reconnects(&self) -> u64 {
        self.reconnects.load(Relaxed)
    }

    /// How often a fault of our own has ended it.
    pub fn panics(&self) -> u64 {
        self.panics.load(Relaxed)
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

    /// Messages left out because it took too little.
    pub fn dropped(&self) -> Dropped {
        self.dropped.borrow().0
    }

    /// Since the last of them was.
    pub fn last_dropped(&self) -> Option<Duration> {
        self.dropped.borrow().1.map(|at| at.elapsed())
    }

    /// What of the stream is beyond what its platform takes.
    pub fn exceeded(&self) -> Vec<Exceeded> {
        self.exceeded.borrow().clone()
    }

    /// How far it is behind its stream; nothing while it has no session. Measured when asked: a session that is blocked
    /// could not say so itself.
    pub fn lag(&self, feed: &Feed) -> Lag {
        match self.position.load(Relaxed) {
            NOWHERE => Lag::default(),
            position => {
                let delay = Duration::from_millis(self.delay_millis.load(Relaxed));
                let released = feed.now().saturating_sub(delay);
                feed.read(|log| log.lag(Cursor::at(position), log.head_at(released)))
            }
        }
    }

    pub(super) fn enter(&self, state: State) {
        self.state.send_if_modified(|present| {
            let is_new = *present != state;
            *present = state;
            is_new
        });
    }

    /// It has no task that would say where it stands.
    pub fn rest(&self, state: State) {
        self.enter(state);
    }

    /// Its task has ended by a fault of our own.
    pub fn broken(&self) {
        self.panics.fetch_add(1, Relaxed);
        self.nowhere();
        self.connected(None);
        self.enter(State::Waiting { until: None });
    }

    pub(super) fn failed(&self, failure: &Failure) {
        let what = (failure.stage.label(), failure.kind.label());
        self.failures.send_modify(|failures| *failures.entry(what).or_default() += 1);
        self.last_failure.send_replace(Some((failure.clone(), Instant::now())));
    }

    /// It has not failed, and may: whoever looks is to know why, and what to do. Counted once it has failed.
    pub(super) fn troubled(&self, trouble: &Failure) {
        self.last_failure.send_replace(Some((trouble.clone(), Instant::now())));
        self.is_in_trouble.store(true, Relaxed);
    }

    /// That is over.
    pub(super) fn is_well(&self) {
        self.is_in_trouble.store(false, Relaxed);
    }

    pub(super) fn accepted(&self) {
        self.is_well();
        self.sessions.fetch_add(1, Relaxed);
        self.accepted.send_replace(Some(Instant::now()));
    }

    /// What was just accepted goes on with a broadcast in which it had been cut off.
    pub(super) fn reconnected(&self) {
        self.reconnects.fetch_add(1, Relaxed);
    }

    pub(crate) fn sent(&self, messages: u64, bytes: u64) {
        self.sent_messages.fetch_add(messages, Relaxed);
        self.sent_bytes.fetch_add(bytes, Relaxed);
    }

    pub(super) fn dropped_more(&self, more: Dropped) {
        self.dropped.send_modify(|(dropped, last)| {
            *dropped = dropped.and(more);
            *last = Some(Instant::now());
        });
    }

    /// The stream is beyond what its platform takes in these.
    pub(crate) fn exceeds(&self, exceeded: Vec<Exceeded>) {
        self.exceeded.send_replace(exceeded);
    }

    pub(super) fn connected(&self, connection: Option<Connection>) {
        self.accepted.send_replace(None);
        self.connection.send_replace(connection);
    }

    pub(super) fn progressed(&self, tcp: Option<TcpInfo>, rtmp_acknowledged: Option<u32>) {
        self.connection.send_modify(|connection| {
            if let Some(connection) = connection {
                connection.tcp = tcp;
                connection.rtmp_acknowledged = rtmp_acknowledged;
            }
        });
    }

    /// Everything before `position` has been sent; what arrived within `delay` is not to be sent yet.
    pub(super) fn at(&self, position: u64, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.delay_millis.store(millis, Relaxed);
        self.position.store(position, Relaxed);
    }

    /// There is no session.
    pub(super) fn nowhere(&self) {
        self.is_well();
        self.position.store(NOWHERE, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_in_the_list_of_labels() {
        let reason = String::new;
        let all = [
            State::Off { reason: reason() },
            State::Wrong { reason: reason() },
            State::Idle,
            State::Connecting,
            State::Delivering,
            State::Stalling,
            State::Held,
            State::Waiting { until: None },
            State::Parked { reason: reason() },
            State::Unsuitable { reason: reason() },
        ];
        assert_eq!(all.map(|state| state.label()), State::LABELS);
    }
}

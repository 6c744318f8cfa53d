//! How far what was sent has arrived: what makes a destination *delivering*, *stalling* or dead, and where to go on after a cut.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use crate::{destination::limits, net::TcpInfo};

/// Marks that are kept at the most: more than come in the seconds until they are looked at, after which those that have arrived
/// are forgotten.
const MARKS: usize = 1024;

/// Bytes between two marks at least. Where a session goes on is at a keyframe before, so that a tenth of a second is near enough.
const APART: u64 = 64 << 10;

/// The delivery of one session, looked at about once a second, and more often while nothing arrives. Pure: time and TCP's word are
/// arguments.
#[derive(Debug)]
pub(super) struct Delivery {
    /// When it is to be looked at next.
    due: Instant,
    /// When something arrived last, or nothing was owed.
    moved: Instant,
    /// What TCP had acknowledged when it was looked at.
    acknowledged: u64,
    /// Something went out since.
    has_sent: bool,
    silence: Duration,
    /// When so many bytes have been acknowledged, everything before that sequence has arrived.
    marks: VecDeque<(u64, u64)>,
    /// The newest mark; those in between are forgotten where they are close.
    newest: Option<(u64, u64)>,
    /// Bytes of the last of `marks`.
    marked: u64,
    /// Sequence that the session began with.
    began: u64,
}

/// What there is to be seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// TCP's word, where the system gives it.
    pub(super) tcp: Option<TcpInfo>,
    /// Bytes written to TCP.
    pub(super) written: u64,
    /// Everything that was queued has been handed to the kernel.
    pub(super) is_drained: bool,
}

impl Delivery {
    /// A session that begins to send at `now`.
    pub(super) fn begin(now: Instant) -> Self {
        Self {
            due: now + limits::LOOK_EVERY,
            moved: now,
            acknowledged: 0,
            has_sent: false,
            silence: Duration::ZERO,
            marks: VecDeque::new(),
            newest: None,
            marked: 0,
            began: 0,
        }
    }

    /// The first message is that of this sequence.
    pub(super) fn starts_with(&mut self, sequence: u64) {
        self.began = sequence;
    }

    /// The kernel took something.
    pub(super) fn sent(&mut self) {
        self.has_sent = true;
    }

    /// When it is to be looked at next.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Looks: has something arrived, by TCP's acknowledgements, or, where the system does not tell, by what the kernel takes?
    pub(super) fn look(&mut self, now: Instant, seen: Seen) {
        let has_sent = std::mem::take(&mut self.has_sent);
        let (has_moved, is_owed) = match seen.tcp {
            Some(tcp) => {
                let before = std::mem::replace(&mut self.acknowledged, tcp.acknowledged_bytes);
                (tcp.acknowledged_bytes > before, !seen.is_drained || seen.written > tcp.acknowledged_bytes)
            }
            None => (has_sent, !seen.is_drained),
        };
        if has_moved || !is_owed {
            self.moved = now;
        }
        self.silence = now - self.moved;
        self.due = now + if self.silence.is_zero() { limits::LOOK_EVERY } else { limits::LOOK_WHILE_SILENT };
        // Of the marks that have arrived only the last one says anything.
        while self.marks.get(1).is_some_and(|(written, _)| *written <= self.acknowledged) {
            self.marks.pop_front();
        }
    }

    /// How long, by the last look, something was owed and nothing arrived.
    pub(super) fn silence(&self) -> Duration {
        self.silence
    }

    /// Everything before `position` has been handed to the kernel, which has taken `written` bytes so far.
    pub(super) fn mark(&mut self, written: u64, position: u64) {
        if self.newest.is_some_and(|(_, last)| last == position) {
            return;
        }
        self.newest = Some((written, position));
        if written >= self.marked + APART {
            if self.marks.len() >= MARKS {
                self.marks.pop_front();
            }
            self.marks.push_back((written, position));
            self.marked = written;
        }
    }

    /// Sequence of the first message that may not have arrived. Where the system does not tell, what the kernel took counts.
    pub(super) fn arrived_until(&self, tcp: Option<TcpInfo>) -> u64 {
        let acknowledged = tcp.map_or(u64::MAX, |tcp| tcp.acknowledged_bytes);
        let mut marks = self.newest.iter().chain(self.marks.iter().rev());
        let arrived = marks.find(|(written, _)| *written <= acknowledged);
        arrived.map_or(self.began, |(_, position)| *position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(acknowledged_bytes: u64) -> Option<TcpInfo> {
        Some(TcpInfo {
            acknowledged_bytes,
            unsent_bytes: 0,
            in_flight_segments: 0,
            round_trip: Duration::ZERO,
            retransmits: 0,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn silence_counts_while_something_is_owed() {
        let began = Instant::now();
        let mut delivery = Delivery::begin(began);
        // Second, TCP's word, written, drained, silence.
        let history = [
            (1, tcp(100), 100, true, 0),
            (2, tcp(100), 100, true, 0),
            (3, tcp(100), 200, true, 1),
            (4, tcp(100), 300, false, 2),
            (5, tcp(101), 300, false, 0),
            (6, tcp(101), 300, false, 1),
            (7, tcp(300), 300, true, 0),
        ];
        for (second, tcp, written, is_drained, silence) in history {
            delivery.look(began + Duration::from_secs(second), Seen { tcp, written, is_drained });
            assert_eq!(delivery.silence().as_secs(), silence, "after {second} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_the_system_does_not_tell_the_kernel_counts() {
        let began = Instant::now();
        let mut delivery = Delivery::begin(began);
        let history = [(1, true, false, 0), (2, false, false, 1), (3, true, false, 0), (4, false, true, 0)];
        for (second, has_sent, is_drained, silence) in history {
            if has_sent {
                delivery.sent();
            }
            delivery.look(began + Duration::from_secs(second), Seen { tcp: None, written: 0, is_drained });
            assert_eq!(delivery.silence().as_secs(), silence, "after {second} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_where_tcp_had_got_to() {
        let mut delivery = Delivery::begin(Instant::now());
        delivery.starts_with(7);
        assert_eq!(delivery.arrived_until(tcp(10_000)), 7);
        for batch in 1..=3 {
            delivery.mark(batch * APART, 10 * batch);
        }
        let until = |delivery: &Delivery, acknowledged| delivery.arrived_until(tcp(acknowledged));
        let found = [0, APART - 1, APART, 3 * APART - 1, 9 * APART].map(|acknowledged| until(&delivery, acknowledged));
        assert_eq!(found, [7, 7, 10, 20, 30]);
        assert_eq!(delivery.arrived_until(None), 30);
        // Of those that are close to each other the newest one is known, and the one before them.
        delivery.mark(3 * APART + 100, 31);
        delivery.mark(3 * APART + 200, 32);
        let found = [100, 199, 200].map(|more| until(&delivery, 3 * APART + more));
        assert_eq!(found, [30, 30, 32]);
    }

    #[tokio::test(start_paused = true)]
    async fn marks_are_bounded_and_forgotten_once_they_have_arrived() {
        let began = Instant::now();
        let mut delivery = Delivery::begin(began);
        for batch in 0..5000 {
            delivery.mark(batch * APART, batch);
        }
        assert_eq!(delivery.marks.len(), MARKS);
        delivery.look(began, Seen { tcp: tcp(4900 * APART), written: 5000 * APART, is_drained: true });
        assert_eq!(delivery.marks.front(), Some(&(4900 * APART, 4900)));
        assert_eq!(delivery.arrived_until(tcp(4900 * APART)), 4900);
    }
}

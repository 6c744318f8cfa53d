//! The bounded log that a stream is, and the cursors that read it.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::Message;

/// How much of the past a log keeps. The newest whole group of pictures is kept beyond `duration` and `bytes`, never beyond
/// `hard_bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The longest time that any reader may be behind.
    pub duration: Duration,
    /// The most memory that is kept for readers that are behind.
    pub bytes: u64,
    /// The most memory that is kept at all: a publisher that never sends a second keyframe must not grow us.
    pub hard_bytes: u64,
}

/// The messages of a stream, oldest first. One writer appends; every reader has a [`Cursor`] of its own.
///
/// ```text
///   first                newest_random_access      head
///     [ m m m K m m m m m K m m m m m m K m m ]
///           ^ cursor (lag = head - cursor)
/// ```
///
/// Pure: no lock, no clock, no task. The thin shell that shares it between tasks is [`Feed`](super::Feed).
#[derive(Debug)]
pub struct Log {
    messages: VecDeque<Arc<Message>>,
    /// Sequences of the retained random access points, oldest first.
    random_access: VecDeque<u64>,
    /// Sequence of the message that comes next.
    head: u64,
    /// Bytes of payload ever appended.
    head_offset: u64,
    /// Memory ever held for messages that are gone.
    evicted_cost: u64,
    window: Window,
}

/// A reader's position: the sequence of the message that it reads next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    next: u64,
}

/// How much one read takes at the most. The first message is read whatever its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Pointers that are cloned under the stream's lock.
    pub messages: usize,
    /// Payload that leaves the policy's reach: what was read is sent.
    pub bytes: usize,
}

/// How far a cursor is behind the head of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// From the arrival of the message that is read next to the newest one's. By arrival, since a publisher that caught up
    /// with a burst is no fault of the reader's.
    pub duration: Duration,
    /// Payload between the cursor and the head.
    pub bytes: u64,
}

/// What a read found. Being overtaken is a normal result: the reader decides where to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// So many messages were read; zero at the head.
    Messages(usize),
    /// The log no longer holds what the cursor points at; so many messages are gone. The cursor did not move.
    Overtaken(u64),
}

impl Log {
    /// An empty log that keeps what `window` says.
    pub fn new(window: Window) -> Self {
        Self {
            messages: VecDeque::new(),
            random_access: VecDeque::new(),
            head: 0,
            head_offset: 0,
            evicted_cost: 0,
            window,
        }
    }

    /// Appends a message and moves those that are too old now into `evicted`, to be dropped outside of any lock.
    pub fn append(&mut self, message: Message, evicted: &mut Vec<Arc<Message>>) {
        let cost = self.total_cost() + message.cost(self.messages.back().map(|last| &**last));
        let message = Message { sequence: self.head, offset: self.head_offset, cost, ..message };
        self.head += 1;
        self.head_offset += message.payload.len() as u64;
        if message.random_access {
            self.random_access.push_back(message.sequence);
        }
        let now = message.arrival;
        self.messages.push_back(Arc::new(message));
        self.evict(now, evicted);
    }

    /// Keeps what another window says, from the next message on: what is dropped is dropped by [`Self::append`].
    pub fn set_window(&mut self, window: Window) {
        self.window = window;
    }

    /// The sequence of the message that will be appended next.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// Memory that is held now, in bytes.
    pub fn bytes(&self) -> u64 {
        self.total_cost() - self.evicted_cost
    }

    /// The newest message where a reader may start, among those from `from` on and before `end`.
    pub fn newest_random_access(&self, from: u64, end: u64) -> Option<&Arc<Message>> {
        let newest = self.random_access.iter().rev().find(|sequence| **sequence < end)?;
        (*newest >= from).then(|| self.message(*newest)).flatten()
    }

    /// The oldest message where a reader may start, among those from `from` on and before `end`.
    pub fn oldest_random_access(&self, from: u64, end: u64) -> Option<&Arc<Message>> {
        let oldest = self.random_access.iter().find(|sequence| **sequence >= from)?;
        (*oldest < end).then(|| self.message(*oldest)).flatten()
    }

    /// The head as it was at the time `at`: the sequence after the last message that had arrived by then.
    pub fn head_at(&self, at: Duration) -> u64 {
        let later = self.messages.partition_point(|message| message.arrival <= at);
        self.messages.get(later).map_or(self.head, |message| message.sequence)
    }

    /// When the message of that sequence arrived; `None` where it is gone or has not come yet.
    pub fn arrival(&self, sequence: u64) -> Option<Duration> {
        self.message(sequence).map(|message| message.arrival)
    }

    /// Reads at most `batch` at the cursor, ending before the sequence `until`, and moves it past what was read.
    pub fn read(&self, cursor: &mut Cursor, batch: Batch, until: u64, into: &mut Vec<Arc<Message>>) -> Read {
        let Some(first) = self.messages.front() else {
            return Read::Messages(0);
        };
        let Some(start) = cursor.next.checked_sub(first.sequence) else {
            return Read::Overtaken(first.sequence - cursor.next);
        };
        let before = into.len();
        let mut bytes = 0;
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        for message in self.messages.iter().skip(start).take(batch.messages) {
            bytes += message.payload.len();
            let is_over = bytes > batch.bytes && into.len() > before;
            if is_over || message.sequence >= until {
                break;
            }
            into.push(Arc::clone(message));
        }
        let read = into.len() - before;
        cursor.next += read as u64;
        Read::Messages(read)
    }

    /// How far `cursor` is behind the head `head` (see [`Self::head_at`]). A cursor that was overtaken is as far behind as the
    /// oldest message.
    pub fn lag(&self, cursor: Cursor, head: u64) -> Lag {
        let oldest = self.messages.front();
        let next = self.message(cursor.next).or(oldest.filter(|first| cursor.next < first.sequence));
        let newest = head.checked_sub(1).and_then(|newest| self.message(newest));
        match (next, newest) {
            (Some(next), Some(newest)) if next.sequence <= newest.sequence => Lag {
                duration: newest.arrival.saturating_sub(next.arrival),
                bytes: newest.offset + newest.payload.len() as u64 - next.offset,
            },
            _ => Lag::default(),
        }
    }

    fn message(&self, sequence: u64) -> Option<&Arc<Message>> {
        let index = sequence.checked_sub(self.messages.front()?.sequence)?;
        self.messages.get(usize::try_from(index).ok()?)
    }

    /// Memory ever held.
    fn total_cost(&self) -> u64 {
        self.messages.back().map_or(self.evicted_cost, |newest| newest.cost)
    }

    fn evict(&mut self, now: Duration, evicted: &mut Vec<Arc<Message>>) {
        while let Some(oldest) = self.messages.front() {
            let bytes = self.bytes();
            let is_late = now.saturating_sub(oldest.arrival) > self.window.duration || bytes > self.window.bytes;
            let newest_group = self.random_access.back().is_some_and(|newest| oldest.sequence >= *newest);
            let is_kept = self.messages.len() == 1 || !is_late || newest_group;
            if is_kept && bytes <= self.window.hard_bytes {
                break;
            }
            self.evicted_cost = oldest.cost;
            if self.random_access.front() == Some(&oldest.sequence) {
                self.random_access.pop_front();
            }
            evicted.extend(self.messages.pop_front());
        }
    }
}

impl Cursor {
    /// A cursor that reads the message of that sequence next.
    pub fn at(sequence: u64) -> Self {
        Self { next: sequence }
    }

    /// The sequence of the message that is read next.
    pub fn next(&self) -> u64 {
        self.next
    }
}

#[cfg(test)]
mod tests;

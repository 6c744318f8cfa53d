//! A destination's place in the stream: which messages it is sent, with which timestamps and announcements.

use std::{ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    filter::Filter,
    policy::{Decision, Policy, View},
    settings::{Backpressure, Settings},
};
use crate::{
    media::{Class, Kind},
    stream::{Batch, Cursor, Epoch, Log, Message, Read},
};

/// One read of the log. As much as the kernel may hold unsent: what is beyond that stays where the policy can act on it.
pub const BATCH: Batch = Batch { messages: 64, bytes: 128 << 10 };

/// How much faster than it came a stream is sent while a session catches up: a viewer's player hardly notices, and an
/// uplink with a third to spare carries it.
const CATCH_UP_SPEED: f64 = 1.5;

/// One session's position, pure: a cursor, what was announced, and the session's own clock.
///
/// ```text
///   log --take--> messages --prepare--> Outgoing, Outgoing, …
///    (under the lock)       (outside)
/// ```
#[derive(Debug)]
pub struct Playhead {
    cursor: Cursor,
    /// Sequence of the broadcast's first message: nothing before it is ever sent.
    from: u64,
    /// A message is sent so long after it arrived.
    delay: Duration,
    filter: Filter,
    policy: Policy,
    pace: Pace,
    picture: Picture,
    announced: Arc<Epoch>,
    clock: Clock,
    dropped: Dropped,
}

/// Where a session starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the newest random access point.
    Live,
    /// At the random access point at or before this sequence, the first that the peer may not have, where the log still
    /// holds it.
    CatchUp(u64),
}

/// How fast messages are taken.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pace {
    /// As they come.
    Live,
    /// At [`CATCH_UP_SPEED`], from the message that had arrived at `arrived`, since `began`. The policy has no say meanwhile.
    CatchingUp { began: Duration, arrived: Duration },
}

/// What is sent of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Picture {
    Whole,
    /// Without the frames that no other refers to.
    Thinned,
    /// Nothing before the random access point of this sequence; with `None` nothing before the next one.
    SkippedTo(Option<u64>),
}

/// A session's clock against the stream's timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Starts at zero with the session's first message.
    FromFirstMessage,
    /// Zero is at this time of the stream's timeline (ms).
    Since(i64),
}

/// A message ready for the RTMP session.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Audio, video or data.
    pub kind: Kind,
    /// Milliseconds on the session's clock, modulo 2^32.
    pub timestamp: u32,
    /// The FLV tag body, shared with the log.
    pub payload: Bytes,
}

/// What [`Playhead::take`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Messages to prepare and send; it may have left out all of them.
    Messages,
    /// Nothing yet: wait for the log's head to move.
    Nothing,
    /// Nothing before this time of the stream's clock.
    NothingBefore(Duration),
    /// The broadcast is over, and everything of it was taken.
    End,
    /// The log no longer holds what comes next, and the policy allows no gap.
    Lost,
}

/// Messages that were left out because the destination took too little, by what was done about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Skipped on the way to a keyframe.
    pub skipped: u64,
    /// Frames of the picture, while the sound went on.
    pub picture: u64,
    /// Frames that no other refers to.
    pub disposable: u64,
}

impl Dropped {
    /// All of them.
    pub fn total(self) -> u64 {
        self.skipped + self.picture + self.disposable
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            skipped: self.skipped + other.skipped,
            picture: self.picture + other.picture,
            disposable: self.disposable + other.disposable,
        }
    }

    /// What came to it since it was `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            skipped: self.skipped - before.skipped,
            picture: self.picture - before.picture,
            disposable: self.disposable - before.disposable,
        }
    }
}

impl Playhead {
    /// A playhead in the sequences `broadcast`, at the time `now`; `None` while there is nowhere to start.
    pub fn start(
        log: &Log,
        now: Duration,
        broadcast: Range<u64>,
        start: Start,
        settings: &Settings,
        clock: Clock,
    ) -> Option<Self> {
        let from = broadcast.start;
        let head = log.head_at(now.checked_sub(settings.delay)?).min(broadcast.end);
        let newest = log.newest_random_access(from, head);
        let (message, pace) = match start {
            Start::Live => (newest?, Pace::Live),
            Start::CatchUp(missing) => match log.newest_random_access(from, head.min(missing.saturating_add(1))) {
                Some(message) => (message, Pace::CatchingUp { began: now, arrived: message.arrival }),
                None => (newest?, Pace::Live),
            },
        };
        Some(Self {
            cursor: Cursor::at(message.sequence),
            from,
            delay: settings.delay,
            filter: Filter::new(settings),
            policy: Policy::new(&settings.backpressure),
            pace,
            picture: Picture::Whole,
            announced: Arc::default(),
            clock,
            dropped: Dropped::default(),
        })
    }

    /// Takes the next messages at the time `now`, before `until` where the broadcast ends there. Runs under the stream's
    /// lock: it clones the pointers of one [`BATCH`].
    pub fn take(&mut self, log: &Log, now: Duration, until: Option<u64>, into: &mut Vec<Arc<Message>>) -> Taken {
        let end = until.unwrap_or(u64::MAX);
        let head = self.head(log, now).min(end);
        if self.cursor.next() >= end {
            return Taken::End;
        }
        let limit = match self.pace {
            Pace::Live => {
                self.obey_policy(log, head);
                head
            }
            Pace::CatchingUp { began, arrived } => {
                let pace = now.saturating_sub(began).mul_f64(CATCH_UP_SPEED);
                head.min(log.head_at(arrived.saturating_add(pace)))
            }
        };
        let before = into.len();
        match log.read(&mut self.cursor, BATCH, limit, into) {
            Read::Messages(0) if self.cursor.next() >= head => {
                self.pace = Pace::Live;
                self.next_due(log, head)
            }
            Read::Messages(0) => self.next_due(log, head),
            Read::Messages(_) => {
                self.leave_out(into, before);
                Taken::Messages
            }
            Read::Overtaken(_) => self.overtaken(log, head, until),
        }
    }

    /// Lets the policy act while the destination takes nothing at all: what was queued before is stuck, and what comes after it
    /// must not wait for it. Says whether the cursor has moved.
    pub fn keep_up(&mut self, log: &Log, now: Duration, until: Option<u64>) -> bool {
        if self.pace != Pace::Live {
            return false;
        }
        let before = self.cursor;
        self.obey_policy(log, self.head(log, now).min(until.unwrap_or(u64::MAX)));
        self.cursor != before
    }

    /// Turns a message into what is sent: first the configuration that changed, then the message, where the destination
    /// takes it.
    ///
    /// # Errors
    /// Where the stream has gone over to a codec that the destination does not take: why, in a sentence.
    pub fn prepare(&mut self, message: &Message, mut send: impl FnMut(Outgoing)) -> Result<(), String> {
        let timestamp = self.session_time(message.timestamp);
        self.refuse(message)?;
        if !Arc::ptr_eq(&self.announced, &message.epoch) {
            for (slot, payload) in message.epoch.changed_since(&self.announced) {
                if let Some(payload) = self.filter.configuration(slot, payload) {
                    send(Outgoing { kind: slot.kind, timestamp, payload });
                }
            }
            self.announced = Arc::clone(&message.epoch);
        }
        if let Some(payload) = self.filter.message(message) {
            send(Outgoing { kind: message.kind, timestamp, payload });
        }
        Ok(())
    }

    /// A default track in a codec that is not taken: by its sequence header, or, where the codec has none, by the message.
    fn refuse(&self, message: &Message) -> Result<(), String> {
        let own = (message.description.track() == 0).then_some((message.kind, message.description.codec));
        // The headers are read where they are new: that takes longer than all else that is done for a message.
        let is_announced = Arc::ptr_eq(&self.announced, &message.epoch);
        let kinds: &[Kind] = if is_announced { &[] } else { &[Kind::Video, Kind::Audio] };
        let configured = kinds.iter().map(|kind| (*kind, message.epoch.codec(*kind)));
        let codecs = own.into_iter().chain(configured);
        let refusal = codecs.filter_map(|(kind, codec)| self.filter.refusal(kind, codec?)).next();
        refusal.map_or(Ok(()), Err)
    }

    /// Sequence of the message that is taken next.
    pub fn position(&self) -> u64 {
        self.cursor.next()
    }

    /// Goes on by other bounds; what a policy has begun, such as leaving out a picture up to its keyframe, is brought to its end.
    pub fn set_policy(&mut self, backpressure: &Backpressure) {
        self.policy = Policy::new(backpressure);
    }

    /// What was left out so far.
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// The session's clock, for a platform that wants it to go on in the next session.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The end of what arrived long enough ago: for a session with a delay the head is one of the past.
    fn head(&self, log: &Log, now: Duration) -> u64 {
        if self.delay.is_zero() { log.head() } else { log.head_at(now.saturating_sub(self.delay)) }
    }

    fn obey_policy(&mut self, log: &Log, head: u64) {
        let newer = log.newest_random_access(self.from.max(self.cursor.next() + 1), head);
        let after_jump = newer.map(|message| log.lag(Cursor::at(message.sequence), head));
        let decision = self.policy.decide(View { lag: log.lag(self.cursor, head), after_jump });
        match (decision, self.picture) {
            (Decision::Jump, _) => self.jump(newer),
            (Decision::SkipPicture, _) => self.picture = Picture::SkippedTo(newer.map(|message| message.sequence)),
            // A picture that was left cannot be gone on with before its keyframe, whatever the lag is now.
            (_, Picture::SkippedTo(_)) => {}
            (Decision::ReadThinned, _) => self.picture = Picture::Thinned,
            (Decision::Read, _) => self.picture = Picture::Whole,
        }
    }

    /// Takes out of the batch, from index `before` on, what is not to be sent of the picture.
    fn leave_out(&mut self, batch: &mut Vec<Arc<Message>>, before: usize) {
        if self.picture == Picture::Whole {
            return;
        }
        let kept = batch.split_off(before).into_iter().filter(|message| self.keeps(message));
        batch.extend(kept);
    }

    fn keeps(&mut self, message: &Message) -> bool {
        if let Picture::SkippedTo(start) = self.picture
            && message.random_access
            && start.is_none_or(|start| message.sequence >= start)
        {
            self.picture = Picture::Whole;
        }
        let is_disposable = message.description.class == Class::Disposable;
        match self.picture {
            Picture::SkippedTo(_) if message.kind == Kind::Video => {
                self.dropped.picture += 1;
                false
            }
            Picture::Thinned if is_disposable => {
                self.dropped.disposable += 1;
                false
            }
            _ => true,
        }
    }

    /// The log no longer holds what comes next.
    fn overtaken(&mut self, log: &Log, head: u64, until: Option<u64>) -> Taken {
        if matches!(self.policy, Policy::NeverDrop) {
            return Taken::Lost;
        }
        let from = self.from.max(self.cursor.next());
        // A session with a delay loses as little as it can; the others are for viewers who want to see what is now.
        let start = if self.delay.is_zero() {
            log.newest_random_access(from, head)
        } else {
            log.oldest_random_access(from, head)
        };
        match start {
            Some(_) => {
                self.jump(start);
                self.pace = Pace::Live;
                self.picture = Picture::Whole;
                // Nothing was taken yet; the next call reads on.
                Taken::Messages
            }
            None if until.is_some() => Taken::End,
            // Without a keyframe there is nothing to show: wait for one.
            None => Taken::Nothing,
        }
    }

    /// When there is more to take.
    fn next_due(&self, log: &Log, head: u64) -> Taken {
        let Some(arrival) = log.arrival(self.cursor.next()) else { return Taken::Nothing };
        match self.pace {
            Pace::CatchingUp { began, arrived } if self.cursor.next() < head => {
                // Rounded up, so that it is due then.
                let wait = arrival.saturating_sub(arrived).div_f64(CATCH_UP_SPEED) + Duration::from_millis(1);
                Taken::NothingBefore(began + wait)
            }
            _ => Taken::NothingBefore(arrival + self.delay),
        }
    }

    fn jump(&mut self, to: Option<&Arc<Message>>) {
        if let Some(to) = to {
            self.dropped.skipped += to.sequence.saturating_sub(self.cursor.next());
            self.cursor = Cursor::at(to.sequence);
        }
    }

    /// A time of the stream's timeline on the session's clock, as RTMP has it: milliseconds modulo 2^32.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "RTMP's clock wraps at 32 bits")]
    fn session_time(&mut self, timestamp: i64) -> u32 {
        let base = match self.clock {
            Clock::Since(base) => base,
            Clock::FromFirstMessage => {
                self.clock = Clock::Since(timestamp);
                timestamp
            }
        };
        // Tracks may step back against each other: what lies before the first message is sent at zero.
        timestamp.saturating_sub(base).max(0) as u32
    }
}

#[cfg(test)]
mod tests;

//! A destination's place in the stream: which messages it is sent, with which timestamps and announcements.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    filter::Filter,
    policy::{Bound, Decision, DropToKeyframe, View},
    settings::Settings,
};
use crate::{
    media::Kind,
    stream::{Batch, Cursor, Epoch, Log, Message, Read},
};

/// One read of the log. As much as the kernel may hold unsent: what is beyond that stays where the policy can act on it.
pub const BATCH: Batch = Batch { messages: 64, bytes: 128 << 10 };

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
    filter: Filter,
    policy: DropToKeyframe,
    announced: Arc<Epoch>,
    clock: Clock,
    dropped: u64,
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
    /// Messages to prepare and send.
    Messages,
    /// Nothing yet: wait for the log's head to move.
    Nothing,
    /// The broadcast is over, and everything of it was taken.
    End,
}

impl Playhead {
    /// A playhead at the newest random access point of the broadcast that begins at sequence `from`; `None` while there is
    /// none.
    pub fn start(log: &Log, from: u64, settings: &Settings, clock: Clock) -> Option<Self> {
        let start = log.newest_random_access(from)?;
        let bound = Bound { duration: settings.backpressure.max_lag, bytes: settings.backpressure.max_bytes };
        Some(Self {
            cursor: Cursor::at(start.sequence),
            from,
            filter: Filter::new(settings),
            policy: DropToKeyframe::new(bound),
            announced: Arc::default(),
            clock,
            dropped: 0,
        })
    }

    /// Takes the next messages, fewer than `until` where the broadcast ends there. Runs under the stream's lock: it clones
    /// the pointers of one [`BATCH`].
    pub fn take(&mut self, log: &Log, until: Option<u64>, into: &mut Vec<Arc<Message>>) -> Taken {
        let lag = log.lag(self.cursor);
        let newer = log.newest_random_access(self.from.max(self.cursor.next() + 1));
        let after_jump = newer.map(|message| log.lag(Cursor::at(message.sequence)));
        if self.policy.decide(View { lag, after_jump }) == Decision::Jump {
            self.jump(newer);
        }
        let end = until.unwrap_or(u64::MAX);
        match log.read(&mut self.cursor, BATCH, end, into) {
            Read::Messages(0) if self.cursor.next() >= end => Taken::End,
            Read::Messages(0) => Taken::Nothing,
            Read::Messages(_) => Taken::Messages,
            Read::Overtaken(_) if until.is_some() && newer.is_none() => Taken::End,
            Read::Overtaken(_) => {
                // Without a newer keyframe there is nothing to show: wait for one.
                self.jump(newer);
                match log.read(&mut self.cursor, BATCH, end, into) {
                    Read::Messages(count) if count > 0 => Taken::Messages,
                    Read::Messages(_) | Read::Overtaken(_) => Taken::Nothing,
                }
            }
        }
    }

    /// Turns a message into what is sent: first the configuration that changed, then the message, where the destination
    /// takes it.
    ///
    /// # Errors
    /// Where the stream has gone over to a codec that the destination does not take: why, in a sentence.
    pub fn prepare(&mut self, message: &Message, mut send: impl FnMut(Outgoing)) -> Result<(), String> {
        let timestamp = self.session_time(message.timestamp);
        if !Arc::ptr_eq(&self.announced, &message.epoch) {
            let (video, audio) = (message.epoch.codec(Kind::Video), message.epoch.codec(Kind::Audio));
            if let Some(reason) = self.filter.refusal(video, audio) {
                return Err(reason);
            }
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

    /// Sequence of the message that is taken next.
    pub fn position(&self) -> u64 {
        self.cursor.next()
    }

    /// Messages that were skipped because the destination was too slow.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The session's clock, for a platform that wants it to go on in the next session.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    fn jump(&mut self, to: Option<&Arc<Message>>) {
        if let Some(to) = to {
            self.dropped += to.sequence.saturating_sub(self.cursor.next());
            self.cursor = Cursor::at(to.sequence);
        }
    }
}

#[cfg(test)]
mod tests;

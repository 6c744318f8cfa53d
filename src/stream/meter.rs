//! What a publish brings, measured: bitrates, frame rate, the time between keyframes.

use std::time::Duration;

use crate::media::{Class, Kind};

use super::Message;

/// What is measured goes back so many seconds, the present one among them: long enough that a keyframe, which is many times larger than what follows it,
/// does not make the bitrate jump, and short enough that a person sees what a change in the encoder has done.
const SECONDS: usize = 10;

/// Nothing is told of a shorter time.
const SHORTEST_MS: i64 = 1000;

/// Times between keyframes that are remembered.
const INTERVALS: usize = 8;

/// Measures one publish. A message costs the same however many came before, and nothing is allocated for it.
///
/// A rate is a quotient of what came in the last seconds and the time that it plays for. Where it took notably longer to
/// arrive than it plays, it is that time: an encoder whose network stalls delivers less, and so does one whose clock stands
/// still. A burst that makes up for a stall is no higher bitrate.
#[derive(Clone, Debug)]
pub struct Meter {
    began: Option<Duration>,
    /// A ring: the second `n` is at `n % SECONDS`.
    seconds: [Second; SECONDS],
    keyframes: Keyframes,
}

/// What a meter says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Of the default video track, in bits a second; `None` until it has been measured for a second. Zero: nothing comes.
    pub video_bits: Option<u64>,
    /// Of the default audio track.
    pub audio_bits: Option<u64>,
    /// Of all tracks and data.
    pub total_bits: Option<u64>,
    /// Pictures a second of the default video track.
    pub frames: Option<f64>,
    /// The time between its keyframes.
    pub keyframe_interval: Option<KeyframeInterval>,
    /// For how long the publish has been measured.
    pub measured: Duration,
}

/// The time between keyframes, by their timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyframeInterval {
    /// Between the last two; `None` before the second.
    pub last: Option<Duration>,
    /// The longest of the last ones and of the time since the last keyframe.
    pub longest: Duration,
    /// The longest is the time since the last keyframe: what it will have been is not known before the next one.
    pub is_open: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Second {
    number: u64,
    video: Tally,
    audio: Tally,
    all: Tally,
}

/// What came of something.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    bytes: u64,
    messages: u32,
    /// Of the messages those that are pictures.
    frames: u32,
    /// Timestamps of the first and the last, in milliseconds.
    played: (i64, i64),
    /// When the first arrived.
    arrived: Duration,
}

#[derive(Clone, Debug, Default)]
struct Keyframes {
    /// Timestamp of the last keyframe.
    last: Option<i64>,
    /// Timestamp of the newest picture.
    newest: i64,
    /// Milliseconds between keyframes, a ring; zero where there is none yet.
    intervals: [i64; INTERVALS],
    count: usize,
}

impl Default for Meter {
    fn default() -> Self {
        Self { began: None, seconds: [Second::default(); SECONDS], keyframes: Keyframes::default() }
    }
}

impl Meter {
    /// Takes the next message of the publish.
    pub fn take(&mut self, message: &Message) {
        self.began.get_or_insert(message.arrival);
        let number = message.arrival.as_secs();
        let second = &mut self.seconds[index(number)];
        if second.number != number {
            *second = Second { number, ..Second::default() };
        }
        let is_picture = matches!(message.description.class, Class::Keyframe | Class::Inter | Class::Disposable);
        second.all.add(message, false);
        if message.description.track() != 0 {
            return;
        }
        match message.kind {
            Kind::Video => second.video.add(message, is_picture),
            Kind::Audio => second.audio.add(message, false),
            Kind::Data => {}
        }
        if message.kind == Kind::Video && is_picture {
            self.keyframes.take(message.timestamp, message.description.class == Class::Keyframe);
        }
    }

    /// What it says at `now`, on the clock of the messages' arrivals.
    pub fn rates(&self, now: Duration) -> Rates {
        let Some(began) = self.began else { return Rates::default() };
        let measured = now.saturating_sub(began);
        let of = |tally: fn(&Second) -> &Tally| {
            let oldest = (now.as_secs() + 1).saturating_sub(SECONDS as u64);
            let kept = self.seconds.iter().filter(|second| second.number >= oldest).map(tally);
            kept.filter(|tally| tally.messages > 0).copied().reduce(Tally::and)
        };
        let (video, audio, all) = (of(|second| &second.video), of(|second| &second.audio), of(|second| &second.all));
        let is_measured = millis(measured) >= SHORTEST_MS;
        let bits = |tally: Option<Tally>| match tally {
            Some(tally) => tally.bits(now),
            None => is_measured.then_some(0),
        };
        Rates {
            video_bits: bits(video),
            audio_bits: bits(audio),
            total_bits: bits(all),
            frames: video.and_then(|video| video.frames(now)),
            keyframe_interval: self.keyframes.interval(),
            measured,
        }
    }
}

impl Tally {
    fn add(&mut self, message: &Message, is_picture: bool) {
        if self.messages == 0 {
            self.played = (message.timestamp, message.timestamp);
            self.arrived = message.arrival;
        }
        self.played = (self.played.0.min(message.timestamp), self.played.1.max(message.timestamp));
        self.bytes += message.payload.len() as u64;
        self.messages += 1;
        self.frames += u32::from(is_picture);
    }

    fn and(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            messages: self.messages + other.messages,
            frames: self.frames + other.frames,
            played: (self.played.0.min(other.played.0), self.played.1.max(other.played.1)),
            arrived: self.arrived.min(other.arrived),
        }
    }

    /// What all of it but the last message plays for, in milliseconds; `None` where that is too short.
    fn span(&self, now: Duration) -> Option<i64> {
        let arrived = millis(now.saturating_sub(self.arrived));
        // A tenth is the jitter of a network, and what the newest message has been there for.
        let span = self.played.1.saturating_sub(self.played.0).max(arrived / 10 * 9);
        (span >= SHORTEST_MS).then_some(span)
    }

    fn bits(&self, now: Duration) -> Option<u64> {
        let span = self.span(now)?.unsigned_abs();
        let messages = u64::from(self.messages.max(1));
        // Of a thousand messages one is nothing, of three it is a third.
        Some((self.bytes.saturating_mul(8000) / span).saturating_mul(messages - 1) / messages)
    }

    #[expect(clippy::cast_precision_loss, reason = "a span is some seconds")]
    fn frames(&self, now: Duration) -> Option<f64> {
        let span = self.span(now)?;
        Some(f64::from(self.frames.saturating_sub(1)) * 1000.0 / span as f64)
    }
}

impl Keyframes {
    fn take(&mut self, timestamp: i64, is_keyframe: bool) {
        self.newest = timestamp;
        if !is_keyframe {
            return;
        }
        // A picture may come in several messages of the same time.
        if let Some(interval) = self.last.map(|last| timestamp.saturating_sub(last)).filter(|interval| *interval > 0) {
            self.intervals[self.count % INTERVALS] = interval;
            self.count += 1;
        }
        self.last = Some(timestamp);
    }

    fn interval(&self) -> Option<KeyframeInterval> {
        let since = self.newest.saturating_sub(self.last?);
        let last = self.count.checked_sub(1).map(|newest| duration(self.intervals[newest % INTERVALS]));
        let known = self.intervals.iter().copied().max().unwrap_or_default();
        Some(KeyframeInterval { last, longest: duration(known.max(since)), is_open: since > known })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it is below SECONDS")]
fn index(second: u64) -> usize {
    (second % SECONDS as u64) as usize
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn duration(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

#[cfg(test)]
mod tests;

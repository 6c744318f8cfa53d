//! What of a stream is beyond what a destination's platform takes: told to people, never enforced.
//!
//! ```text
//!   Facts of the stream + row of the platform + time on air ──> exceeded() ──> Told (how long, told or not) ──> Report, Event
//! ```
//!
//! Pure. [`lookout`](super::lookout) asks once a second, for as long as a broadcast lives.

pub mod told;

use std::{fmt, time::Duration};

use super::{filter::Filter, platform::Platform};
use crate::{
    media::Kind,
    stream::{Facts, KeyframeInterval},
};

/// How much of a limit is a matter of measuring, in per cent: no encoder keeps its bitrate to the bit.
const TOLERANCE: f64 = 5.0;
/// The same for what is known to be beyond its limit already, so that it does not come and go.
const TOLERANCE_BEYOND: f64 = 2.0;

/// No sound for so long, from the begin of a publish or since the last: some encoders begin with the picture.
const SOUND_AFTER: Duration = Duration::from_secs(5);

/// The end of a platform's longest session is told of so long before it, or a tenth of the session before it.
const SESSION_ENDS_SOON: Duration = Duration::from_secs(30 * 60);

/// Something that is beyond its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// What it is.
    pub what: Limit,
    /// How much it is, what the limit is, and what to do, for people.
    pub sentence: String,
}

/// What a platform has limits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// The codec of the picture or of the sound.
    Codec,
    /// The bitrate of the picture.
    VideoBitrate,
    /// The bitrate of the sound.
    AudioBitrate,
    /// The size of the picture.
    Resolution,
    /// Pictures a second.
    FrameRate,
    /// The time between keyframes.
    KeyframeInterval,
    /// There must be sound.
    Sound,
    /// How long a session may last.
    SessionLength,
}

impl Limit {
    /// Its name in the status.
    pub fn label(self) -> &'static str {
        match self {
            Self::Codec => "codec",
            Self::VideoBitrate => "video_bitrate",
            Self::AudioBitrate => "audio_bitrate",
            Self::Resolution => "resolution",
            Self::FrameRate => "frame_rate",
            Self::KeyframeInterval => "keyframe_interval",
            Self::Sound => "sound",
            Self::SessionLength => "session_length",
        }
    }

    /// That it is no longer beyond its limit, for people.
    pub fn kept(self) -> &'static str {
        match self {
            Self::Codec => "the codec is one that it takes again",
            Self::VideoBitrate => "the video bitrate is within its limit again",
            Self::AudioBitrate => "the audio bitrate is within its limit again",
            Self::Resolution => "the picture is within its limit again",
            Self::FrameRate => "the frame rate is within its limit again",
            Self::KeyframeInterval => "keyframes come often enough again",
            Self::Sound => "sound arrives again",
            Self::SessionLength => "the time on air is within its limit again",
        }
    }
}

/// What of the stream is beyond what the destination takes, in the order of [`Limit`]. `on_air` is how long the platform has
/// had this broadcast; what is in `already` was beyond its limit before, and is given less room.
pub fn exceeded(
    facts: &Facts,
    platform: &Platform,
    filter: &Filter,
    on_air: Option<Duration>,
    already: &[Limit],
) -> Vec<Exceeded> {
    let check = Check { facts, platform, already };
    let found = [
        (Limit::Codec, check.codec(filter)),
        (Limit::VideoBitrate, check.video_bitrate()),
        (Limit::AudioBitrate, check.audio_bitrate()),
        (Limit::Resolution, check.resolution()),
        (Limit::FrameRate, check.frame_rate()),
        (Limit::KeyframeInterval, check.keyframe_interval()),
        (Limit::Sound, check.sound()),
        (Limit::SessionLength, on_air.and_then(|on_air| check.session_length(on_air))),
    ];
    found.into_iter().filter_map(|(what, sentence)| Some(Exceeded { what, sentence: sentence? })).collect()
}

struct Check<'a> {
    facts: &'a Facts,
    platform: &'a Platform,
    already: &'a [Limit],
}

impl Check<'_> {
    /// Whether `value` is beyond `limit` by more than measuring does.
    fn is_beyond(&self, what: Limit, value: f64, limit: f64) -> bool {
        let tolerance = if self.already.contains(&what) { TOLERANCE_BEYOND } else { TOLERANCE };
        value > limit * (1.0 + tolerance / 100.0)
    }

    fn codec(&self, filter: &Filter) -> Option<String> {
        let codecs = [(Kind::Video, self.facts.video), (Kind::Audio, self.facts.audio)];
        codecs.into_iter().find_map(|(kind, codec)| filter.refusal(kind, codec?))
    }

    fn video_bitrate(&self) -> Option<String> {
        let (bits, limit) = (self.facts.rates.video_bits?, self.platform.limits.video_kbps?);
        self.bitrate(Limit::VideoBitrate, "video", bits, limit)
    }

    fn audio_bitrate(&self) -> Option<String> {
        let (bits, limit) = (self.facts.rates.audio_bits?, self.platform.limits.audio_kbps?);
        self.bitrate(Limit::AudioBitrate, "audio", bits, limit)
    }

    #[expect(clippy::cast_precision_loss, reason = "a bitrate of 2^52 bits a second is beyond any limit")]
    fn bitrate(&self, what: Limit, media: &str, bits: u64, limit_kbps: u32) -> Option<String> {
        let limit = u64::from(limit_kbps) * 1000;
        self.is_beyond(what, bits as f64, limit as f64).then(|| {
            let (bits, limit) = (Bitrate(bits), Bitrate(limit));
            format!("{bits} of {media}, its limit is {limit}: lower the {media} bitrate in your encoder")
        })
    }

    fn resolution(&self) -> Option<String> {
        let (size, limit) = (self.facts.formats.picture.size?, self.platform.limits.height?);
        // A picture that stands upright has its lines on the other side.
        (size.width.min(size.height) > limit).then(|| {
            let (width, height) = (size.width, size.height);
            format!("{width}x{height}, its limit is {limit} lines: lower the output resolution in your encoder")
        })
    }

    fn frame_rate(&self) -> Option<String> {
        let (frames, limit) = (self.facts.rates.frames?, self.platform.limits.fps?);
        self.is_beyond(Limit::FrameRate, frames, limit.into()).then(|| {
            let frames = Decimal(frames);
            format!("{frames} frames a second, its limit is {limit}: lower the frame rate in your encoder")
        })
    }

    fn keyframe_interval(&self) -> Option<String> {
        let KeyframeInterval { longest, is_open, .. } = self.facts.rates.keyframe_interval?;
        let limit = self.platform.limits.keyframe_seconds?;
        let longest = longest.as_secs_f64();
        // A tenth more: a whole number of frames is seldom a whole number of seconds.
        self.is_beyond(Limit::KeyframeInterval, longest, f64::from(limit) * 1.05).then(|| {
            let (longest, limit) = (Decimal(longest), Decimal(f64::from(limit)));
            let found =
                if is_open { format!("no keyframe for {longest} s") } else { format!("a keyframe every {longest} s") };
            format!("{found}, it wants one every {limit} s: set the keyframe interval in your encoder to {limit} s")
        })
    }

    fn sound(&self) -> Option<String> {
        let rates = &self.facts.rates;
        let is_silent = rates.audio_bits == Some(0) && rates.measured >= SOUND_AFTER;
        // Where nothing at all comes, that is not the sound's fault.
        (self.platform.needs_sound && is_silent && rates.video_bits > Some(0)).then(|| {
            "no sound arrives, and it needs some: add an audio track in your encoder, a silent one will do".to_owned()
        })
    }

    fn session_length(&self, on_air: Duration) -> Option<String> {
        let hours = self.platform.limits.session_hours?;
        let limit = Duration::from_secs(u64::from(hours) * 3600);
        let soon = SESSION_ENDS_SOON.min(limit / 10);
        if on_air >= limit {
            let on_air = Minutes(on_air);
            return Some(format!("on air for {on_air}, its limit is {hours} h: it may end the broadcast at any time"));
        }
        let left = limit - on_air;
        (left <= soon).then(|| {
            let left = Minutes(left);
            format!(
                "its limit is {hours} h on air, of which {left} are left: end the broadcast before, and begin a new one"
            )
        })
    }
}

/// A number with one decimal place, where that is not zero.
pub(super) struct Decimal(pub(super) f64);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.1}", self.0);
        f.write_str(text.strip_suffix(".0").unwrap_or(&text))
    }
}

/// Bits a second.
pub(super) struct Bitrate(pub(super) u64);

impl fmt::Display for Bitrate {
    #[expect(clippy::cast_precision_loss, reason = "it is shown with one decimal place")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bits @ 1_000_000.. => write!(f, "{} Mbit/s", Decimal(bits as f64 / 1e6)),
            bits => write!(f, "{} kbit/s", bits.div_ceil(1000)),
        }
    }
}

/// A long time in hours and minutes.
struct Minutes(Duration);

impl fmt::Display for Minutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0.as_secs().div_ceil(60);
        match (minutes / 60, minutes % 60) {
            (0, minutes) => write!(f, "{minutes} min"),
            (hours, 0) => write!(f, "{hours} h"),
            (hours, minutes) => write!(f, "{hours} h {minutes} min"),
        }
    }
}

#[cfg(test)]
mod tests;

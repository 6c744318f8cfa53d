//! What a track says of itself before its first frame: the size of the picture, the rate of the sound, profiles.
//!
//! ```text
//!   sequence header ──> PictureFormat::of_header, SoundFormat::of_header     the codec's own word
//!   onMetaData ───────> PictureFormat::of_metadata, SoundFormat::of_metadata the encoder's word, where the header has none
//! ```
//!
//! Nothing of the relay depends on it: it is for people. So what cannot be read is left open, whatever it is, and what is read
//! is not more than a header can hold: any bytes give an answer.

mod aac;
mod av1;
mod avc;
mod flac;
mod hevc;
mod metadata;
mod opus;

use super::enhanced::{self, Body, Enhanced};
use super::part::{Content, Part};
use super::{Codec, ConfigurationKind, FourCc, Kind};

/// Where a figure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The codec's sequence header, by which a decoder goes.
    SequenceHeader,
    /// `onMetaData`, which nothing checks against what is sent.
    Metadata,
}

/// The picture of a video track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PictureFormat {
    /// Its size, cropped as it is shown.
    pub size: Option<Size>,
    /// The codec's name for the set of its tools that is used: `High`, `Main 10`.
    pub profile: Option<&'static str>,
    /// The codec's level in tenths: 42 is 4.2.
    pub level: Option<u8>,
}

/// The size of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Who says so.
    pub origin: Origin,
}

/// The sound of an audio track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SoundFormat {
    /// In Hz, as it is heard.
    pub sample_rate: Option<u32>,
    /// As many as are heard.
    pub channels: Option<u8>,
    /// The codec's name for the set of its tools that is used: `LC`, `HE`.
    pub profile: Option<&'static str>,
    /// Who says so of rate and channels; `None` while neither is known.
    pub origin: Option<Origin>,
}

impl PictureFormat {
    /// What a sequence header says; `payload` is the body of an FLV video tag with one track. AVC, HEVC and AV1 say their size
    /// there, other codecs nothing.
    pub fn of_header(payload: &[u8]) -> Self {
        match record(Kind::Video, payload) {
            Some((FourCc::AVC, record)) => avc::picture(record),
            Some((FourCc::HEVC, record)) => hevc::picture(record),
            Some((FourCc::AV1, record)) => av1::picture(record),
            _ => None,
        }
        .unwrap_or_default()
    }

    /// What `onMetaData` says, with or without its wrapper.
    pub fn of_metadata(payload: &[u8]) -> Self {
        Self { size: metadata::size(payload), ..Self::default() }
    }

    /// This, and what `other` says of what this leaves open.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            size: self.size.or(other.size),
            profile: self.profile.or(other.profile),
            level: self.level.or(other.level),
        }
    }
}

impl SoundFormat {
    /// What a sequence header says; `payload` is the body of an FLV audio tag with one track. AAC, Opus and FLAC say it there,
    /// other codecs nothing.
    pub fn of_header(payload: &[u8]) -> Self {
        match record(Kind::Audio, payload) {
            Some((FourCc::AAC, record)) => aac::sound(record),
            Some((FourCc::OPUS, record)) => opus::sound(record),
            Some((FourCc::FLAC, record)) => flac::sound(record),
            _ => None,
        }
        .unwrap_or_default()
    }

    /// What `onMetaData` says, with or without its wrapper.
    pub fn of_metadata(payload: &[u8]) -> Self {
        metadata::sound(payload)
    }

    /// This, or where it knows neither rate nor channels those of `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self.origin.is_some() { self } else { Self { profile: self.profile, ..other } }
    }

    /// The codec's own word.
    fn of_codec(sample_rate: Option<u32>, channels: Option<u8>, profile: Option<&'static str>) -> Self {
        let (sample_rate, channels) = (sample_rate.filter(|rate| *rate > 0), channels.filter(|channels| *channels > 0));
        let origin = sample_rate.map(drop).or(channels.map(drop)).map(|()| Origin::SequenceHeader);
        Self { sample_rate, channels, profile, origin }
    }
}

/// A picture's size by its sequence header. An encoder that says nothing writes zeros.
fn size_of_header(width: u32, height: u32) -> Option<Size> {
    (width > 0 && height > 0).then_some(Size { width, height, origin: Origin::SequenceHeader })
}

/// The codec of a sequence header with one track, and its record.
fn record(kind: Kind, payload: &[u8]) -> Option<(FourCc, &[u8])> {
    let part = if enhanced::is_enhanced(kind, payload) {
        let Enhanced { packet_type, body, .. } = Enhanced::read(kind, payload)?;
        match body {
            Body::Plain(track) | Body::OneTrack(track) => Part::of_track(kind, packet_type, track),
            Body::Command | Body::ManyTracks(_) => return None,
        }
    } else {
        Part::of_legacy(kind, payload)?
    };
    match (part.codec, part.content) {
        (Codec::FourCc(codec), Content::Configuration(ConfigurationKind::SequenceHeader, record)) => {
            Some((codec, record))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;

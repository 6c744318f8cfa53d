//! What is known of the stream that comes in, for people: what its headers say, and what is measured.

use super::{Epoch, meter::Rates};
use crate::media::{Codec, ConfigurationKind, Kind, PictureFormat, Slot, SoundFormat};

/// The default tracks of a publish, now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Facts {
    /// The video codec, once it is known.
    pub video: Option<Codec>,
    /// The audio codec, once it is known.
    pub audio: Option<Codec>,
    /// What the headers say.
    pub formats: Formats,
    /// What is measured.
    pub rates: Rates,
}

/// What the headers of a publish say of its default tracks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Formats {
    /// Of the video track.
    pub picture: PictureFormat,
    /// Of the audio track.
    pub sound: SoundFormat,
}

impl Formats {
    /// By the sequence headers of an epoch, and by its `onMetaData` where they leave something open.
    pub fn of(epoch: &Epoch) -> Self {
        let slot = |kind, configuration| epoch.slot(Slot { kind, track: 0, configuration });
        let mut formats = Self::default();
        if let Some(header) = slot(Kind::Video, ConfigurationKind::SequenceHeader) {
            formats.picture = PictureFormat::of_header(header);
        }
        if let Some(header) = slot(Kind::Audio, ConfigurationKind::SequenceHeader) {
            formats.sound = SoundFormat::of_header(header);
        }
        if let Some(metadata) = slot(Kind::Data, ConfigurationKind::OnMetaData) {
            formats.picture = formats.picture.or(PictureFormat::of_metadata(metadata));
            formats.sound = formats.sound.or(SoundFormat::of_metadata(metadata));
        }
        formats
    }
}

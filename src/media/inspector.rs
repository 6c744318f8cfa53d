//! Says of each message of one publish what it is.

use std::collections::BTreeMap;

use super::enhanced::{self, Body, Enhanced, FrameType, PacketType, Tracks};
use super::nal::NalFormat;
use super::part::{Content, Part};
use super::{Class, Codec, ConfigurationKind, Description, Kind, Packaging, metadata, video};

/// Describes messages; one for each publish, as it remembers what sequence headers say of the pictures that follow.
#[derive(Debug, Default)]
pub struct Inspector {
    /// By video track id. At most 256 entries, a few bytes each.
    nal_formats: BTreeMap<u8, NalFormat>,
}

impl Inspector {
    /// For a new publish.
    pub fn new() -> Self {
        Self::default()
    }

    /// Describes a message by looking at its first bytes and, for pictures in NAL units, at the units' headers.
    ///
    /// `payload` is the body of an FLV tag of this kind. Any bytes at all are answered.
    pub fn inspect(&mut self, kind: Kind, payload: &[u8]) -> Description {
        if kind == Kind::Data {
            let class = data_class(payload);
            return Description { class, codec: None, packaging: Packaging::Legacy };
        }
        if enhanced::is_enhanced(kind, payload) {
            return self.inspect_enhanced(kind, payload);
        }
        let packaging = Packaging::Legacy;
        let Some(part) = Part::of_legacy(kind, payload) else {
            let class = if kind == Kind::Audio { Class::Silence } else { Class::Other };
            return Description { class, codec: None, packaging };
        };
        let class = self.class(kind, video::legacy_frame_type(payload), &part);
        Description { class, codec: Some(part.codec), packaging }
    }

    fn inspect_enhanced(&mut self, kind: Kind, payload: &[u8]) -> Description {
        let unreadable = Description { class: Class::Other, codec: None, packaging: Packaging::Unreadable };
        let Some(Enhanced { frame_type, packet_type, body, .. }) = Enhanced::read(kind, payload) else {
            return unreadable;
        };
        let (packaging, track) = match body {
            Body::Command => return Description { packaging: Packaging::Enhanced, ..unreadable },
            Body::ManyTracks(tracks) => {
                return self.inspect_tracks(kind, frame_type, packet_type, tracks).unwrap_or(unreadable);
            }
            Body::Plain(track) => (Packaging::Enhanced, track),
            Body::OneTrack(track) => (Packaging::OneTrack(track.id), track),
        };
        let part = Part::of_track(kind, packet_type, track);
        let class = self.class(kind, frame_type, &part);
        Description { class, codec: Some(part.codec), packaging }
    }

    /// Describes the default track, or the first; but calls the message disposable only if every track of it is.
    /// `None` where no track can be read.
    fn inspect_tracks(
        &mut self,
        kind: Kind,
        frame_type: FrameType,
        packet_type: PacketType,
        tracks: Tracks<'_>,
    ) -> Option<Description> {
        let mut described: Option<Description> = None;
        let mut all_disposable = true;
        for track in tracks {
            let part = Part::of_track(kind, packet_type, track);
            let class = self.class(kind, frame_type, &part);
            all_disposable &= class == Class::Disposable;
            if described.is_none_or(|described| part.track == 0 && described.track() != 0) {
                let packaging = Packaging::ManyTracks(part.track);
                described = Some(Description { class, codec: Some(part.codec), packaging });
            }
        }
        let mut description = described?;
        if description.class == Class::Disposable && !all_disposable {
            description.class = Class::Inter;
        }
        Some(description)
    }

    fn class(&mut self, kind: Kind, frame_type: FrameType, part: &Part<'_>) -> Class {
        match part.content {
            Content::Configuration(configuration, record) => {
                if kind == Kind::Video && configuration == ConfigurationKind::SequenceHeader {
                    self.remember_nal_format(part, record);
                }
                Class::Configuration(configuration)
            }
            Content::Coded(data) if kind == Kind::Video => self.picture_class(frame_type, part, data),
            Content::Coded(_) => Class::Audio,
            Content::End => Class::EndOfSequence,
            Content::Unknown => Class::Other,
        }
    }

    fn remember_nal_format(&mut self, part: &Part<'_>, record: &[u8]) {
        if let Codec::FourCc(codec) = part.codec
            && !record.is_empty()
        {
            self.nal_formats.insert(part.track, NalFormat::of(codec, record));
        }
    }

    fn picture_class(&self, frame_type: FrameType, part: &Part<'_>, data: &[u8]) -> Class {
        match frame_type {
            // A keyframe with nothing in it is no place to start.
            _ if data.is_empty() => Class::Other,
            FrameType::KEY | FrameType::GENERATED_KEY => Class::Keyframe,
            FrameType::INTER if self.is_disposable(part, data) => Class::Disposable,
            FrameType::INTER => Class::Inter,
            FrameType::DISPOSABLE => Class::Disposable,
            _ => Class::Other,
        }
    }

    fn is_disposable(&self, part: &Part<'_>, data: &[u8]) -> bool {
        let Codec::FourCc(codec) = part.codec else { return false };
        let format = self.nal_formats.get(&part.track).copied().unwrap_or_default();
        format.is_disposable(codec, data)
    }
}

fn data_class(payload: &[u8]) -> Class {
    if metadata::is_clear(payload) || metadata::name(metadata::inner(payload)) == Some(metadata::ON_META_DATA) {
        Class::Configuration(ConfigurationKind::OnMetaData)
    } else {
        Class::Data
    }
}

#[cfg(test)]
mod tests;

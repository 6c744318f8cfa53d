//! One track's share of a message, whichever form it came in: the common ground of legacy and Enhanced RTMP.

use super::enhanced::{PacketType, Track};
use super::{Codec, ConfigurationKind, Kind, audio, video};

/// One track's share of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) track: u8,
    pub(super) codec: Codec,
    pub(super) content: Content<'a>,
}

/// What the codec's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content<'a> {
    /// A record; for a sequence header the codec's own, with nothing before it.
    Configuration(ConfigurationKind, &'a [u8]),
    /// Coded pictures or sound, with no composition time before them.
    Coded(&'a [u8]),
    End,
    Unknown,
}

impl<'a> Part<'a> {
    /// The only part of a message in FLV's own form. `None` for an empty one, and for data messages.
    pub(super) fn of_legacy(kind: Kind, payload: &'a [u8]) -> Option<Self> {
        match kind {
            Kind::Audio => audio::read_legacy(payload),
            Kind::Video => video::read_legacy(payload),
            Kind::Data => None,
        }
    }

    /// A track of a message in Enhanced RTMP's form.
    pub(super) fn of_track(kind: Kind, packet_type: PacketType, track: Track<'a>) -> Self {
        let content = match kind {
            Kind::Audio => audio::content(packet_type, track.data),
            Kind::Video => video::content(packet_type, track.four_cc, track.data),
            Kind::Data => Content::Unknown,
        };
        Self { track: track.id, codec: track.four_cc.into(), content }
    }
}

//! The words in which a message is described.

use super::Codec;

/// What a message carries; the FLV tag types 8, 9 and 18.
///
/// The order is that of announcing to a peer: metadata first, then audio, then video, as OBS does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Script data: an AMF0 string, the name, and its values.
    Data,
    /// An FLV audio tag body.
    Audio,
    /// An FLV video tag body.
    Video,
}

impl Kind {
    /// The kind of an FLV tag type, which is also the RTMP message type; `None` for others than 8, 9 and 18.
    pub fn of_tag_type(tag_type: u8) -> Option<Self> {
        match tag_type {
            8 => Some(Self::Audio),
            9 => Some(Self::Video),
            18 => Some(Self::Data),
            _ => None,
        }
    }

    /// The FLV tag type, which is also the RTMP message type.
    pub fn tag_type(self) -> u8 {
        match self {
            Self::Audio => 8,
            Self::Video => 9,
            Self::Data => 18,
        }
    }
}

/// The kinds of configuration that a decoder, or a server, needs before the first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigurationKind {
    /// The `onMetaData` data message.
    OnMetaData,
    /// The codec's own record: avcC, hvcC, av1C, AudioSpecificConfig, …
    SequenceHeader,
    /// Enhanced RTMP video Metadata packet with `colorInfo` (HDR).
    ColorInfo,
    /// Enhanced RTMP audio MultichannelConfig packet: channel order and count.
    MultichannelConfig,
}

/// What a message is to somebody who relays it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Fills slots of the epoch, see [`configurations`](super::configurations); never in the log.
    Configuration(ConfigurationKind),
    /// A coded picture that says of itself that decoding can begin here.
    Keyframe,
    /// A coded picture that others may refer to.
    Inter,
    /// A coded picture that no other refers to: may be left out with no damage to the rest.
    Disposable,
    /// Coded sound.
    Audio,
    /// An audio message of zero bytes: "silence from here". Some servers close on it.
    Silence,
    /// The track has ended.
    EndOfSequence,
    /// A data message other than `onMetaData`.
    Data,
    /// Not understood, or of no use to a relay (command frames): forwarded as it is.
    Other,
}

/// How the codec's bytes are packed into the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Packaging {
    /// A codec id of four bits, FLV's own form. Data messages count as legacy.
    Legacy,
    /// Enhanced RTMP with a FourCC and no track id: the default track.
    Enhanced,
    /// Enhanced RTMP multitrack with one track, of this id.
    OneTrack(u8),
    /// Enhanced RTMP multitrack with several tracks in one message. The id is that of the track that
    /// class and codec speak of: 0 where the default track is among them, else the first.
    ManyTracks(u8),
    /// An Enhanced RTMP header that ends early or has a layout this code does not know; always [`Class::Other`].
    Unreadable,
}

/// One message, as far as a relay wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Description {
    /// What it is.
    pub class: Class,
    /// The codec, where the message names one.
    pub codec: Option<Codec>,
    /// The form it came in.
    pub packaging: Packaging,
}

impl Description {
    /// The id of the track that [`class`](Self::class) and [`codec`](Self::codec) speak of; 0 is the default track.
    ///
    /// A keyframe is one of the default track exactly if this is 0.
    pub fn track(&self) -> u8 {
        match self.packaging {
            Packaging::Legacy | Packaging::Enhanced | Packaging::Unreadable => 0,
            Packaging::OneTrack(track) | Packaging::ManyTracks(track) => track,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_types_both_ways() {
        for kind in [Kind::Audio, Kind::Video, Kind::Data] {
            assert_eq!(Kind::of_tag_type(kind.tag_type()), Some(kind));
        }
        assert_eq!(Kind::of_tag_type(15), None);
    }

    #[test]
    fn the_track_is_that_of_the_packaging() {
        let track = |packaging| Description { class: Class::Keyframe, codec: None, packaging }.track();
        assert_eq!(track(Packaging::Legacy), 0);
        assert_eq!(track(Packaging::OneTrack(0)), 0);
        assert_eq!(track(Packaging::ManyTracks(0)), 0);
        assert_eq!(track(Packaging::ManyTracks(3)), 3);
    }
}

//! The grammar of an Enhanced RTMP audio or video message, read and written.
//!
//! ```text
//!   video: 1 | frame type (3 bits) | packet type (4 bits)        audio: 9 (4 bits) | packet type (4 bits)
//!   while packet type is ModEx:  size, data, ModEx type (4 bits) | packet type (4 bits)
//!   a command frame:             command (8 bits)                              and nothing more
//!   multitrack:                  multitrack type (4 bits) | packet type (4 bits)  [FourCC]
//!                                then for each track  [FourCC]  track id (8 bits)  [size (24 bits)]  data
//!   else:                        FourCC  data
//! ```
//!
//! Audio and video differ in the first four bits and in the numbers of some packet types, nothing else.
//! Source: Enhanced RTMP v2, "ExVideoTagHeader", "ExVideoTagBody", "ExAudioTagHeader", "ExAudioTagBody".

use bytes::Bytes;

use super::bytes_reader::BytesReader;
use super::{FourCc, Kind, limits};

/// The first byte's upper bit says that a video message is in this form.
const VIDEO_MARK: u8 = 0x80;
/// The sound format that says that an audio message is in this form.
const AUDIO_MARK: u8 = 0x90;

/// FLV frame type, three bits. Open: 0, 6 and 7 are not defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameType(pub u8);

impl FrameType {
    /// A keyframe.
    pub const KEY: Self = Self(1);
    /// Refers to other pictures.
    pub const INTER: Self = Self(2);
    /// Refers to other pictures, and none refers to it.
    pub const DISPOSABLE: Self = Self(3);
    /// A keyframe that a server made.
    pub const GENERATED_KEY: Self = Self(4);
    /// No picture, but a command to a player.
    pub const COMMAND: Self = Self(5);
}

/// Enhanced RTMP packet type, four bits. Open: audio and video share 0, 1, 2 and 7, and reuse the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PacketType(pub u8);

impl PacketType {
    /// The codec's configuration record.
    pub const SEQUENCE_START: Self = Self(0);
    /// Coded pictures or sound; for AVC, HEVC and VVC after a composition time of 24 bits.
    pub const CODED_FRAMES: Self = Self(1);
    /// The track has ended.
    pub const SEQUENCE_END: Self = Self(2);
    /// Video: coded pictures whose composition time is zero and left out.
    pub const CODED_FRAMES_X: Self = Self(3);
    /// Video: an AMF0 name and value, so far `colorInfo`.
    pub const METADATA: Self = Self(4);
    /// Audio: channel order, count and mapping.
    pub const MULTICHANNEL_CONFIG: Self = Self(4);
    /// Video: the configuration of AV1 as an MPEG-2 TS descriptor.
    pub const MPEG2_TS_SEQUENCE_START: Self = Self(5);
    /// Audio: tracks with ids follow.
    pub const AUDIO_MULTITRACK: Self = Self(5);
    /// Video: tracks with ids follow.
    pub const VIDEO_MULTITRACK: Self = Self(6);
    /// An extension of this one message precedes its packet type.
    pub const MOD_EX: Self = Self(7);

    fn multitrack(kind: Kind) -> Self {
        if kind == Kind::Video { Self::VIDEO_MULTITRACK } else { Self::AUDIO_MULTITRACK }
    }
}

/// Values of the four bits that say how many tracks and codecs a multitrack message has.
const ONE_TRACK: u8 = 0;
const MANY_TRACKS: u8 = 1;
const MANY_TRACKS_MANY_CODECS: u8 = 2;

/// Whether an audio or video message is in Enhanced RTMP's form; else it is in FLV's own.
pub(super) fn is_enhanced(kind: Kind, payload: &[u8]) -> bool {
    payload.first().is_some_and(|&first| match kind {
        Kind::Video => first & VIDEO_MARK != 0,
        Kind::Audio => first & 0xF0 == AUDIO_MARK,
        Kind::Data => false,
    })
}

/// A message in Enhanced RTMP's form, read down to the codecs' own bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Enhanced<'a> {
    /// Zero for audio, which has none.
    pub(super) frame_type: FrameType,
    /// What each track's data are; never a ModEx or multitrack type.
    pub(super) packet_type: PacketType,
    /// ModEx packets were read over.
    pub(super) has_mod_ex: bool,
    pub(super) body: Body<'a>,
}

/// What follows the header.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body<'a> {
    /// A command frame.
    Command,
    /// The plain form; track id 0 is understood.
    Plain(Track<'a>),
    OneTrack(Track<'a>),
    ManyTracks(Tracks<'a>),
}

/// One track's share of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Track<'a> {
    pub(super) id: u8,
    pub(super) four_cc: FourCc,
    pub(super) data: &'a [u8],
}

/// Iterates the tracks of a ManyTracks message; ends before the first one that is cut short.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tracks<'a> {
    /// `None` where each track brings its own.
    four_cc: Option<FourCc>,
    left: usize,
    reader: BytesReader<'a>,
}

impl<'a> Enhanced<'a> {
    /// Reads a message for which [`is_enhanced`] holds; `None` where it ends early or has an unknown layout.
    pub(super) fn read(kind: Kind, payload: &'a [u8]) -> Option<Self> {
        let mut reader = BytesReader::new(payload);
        let (mark, first_type) = reader.nibbles()?;
        let frame_type = FrameType(if kind == Kind::Video { mark & 0x07 } else { 0 });
        let packet_type = skip_mod_ex(&mut reader, PacketType(first_type))?;
        let has_mod_ex = first_type == PacketType::MOD_EX.0;

        let (packet_type, body) = if frame_type == FrameType::COMMAND && packet_type != PacketType::METADATA {
            (packet_type, Body::Command)
        } else if packet_type == PacketType::multitrack(kind) {
            read_multitrack(kind, reader)?
        } else {
            let four_cc = read_four_cc(&mut reader)?;
            (packet_type, Body::Plain(Track { id: 0, four_cc, data: reader.rest() }))
        };
        Some(Self { frame_type, packet_type, has_mod_ex, body })
    }
}

/// What stands behind a multitrack packet type: the packet type of the tracks, and the tracks.
fn read_multitrack(kind: Kind, mut reader: BytesReader<'_>) -> Option<(PacketType, Body<'_>)> {
    let (multitrack_type, packet_type) = reader.nibbles()?;
    let packet_type = PacketType(packet_type);
    if packet_type == PacketType::multitrack(kind) || packet_type == PacketType::MOD_EX {
        return None;
    }
    let body = match multitrack_type {
        ONE_TRACK => {
            let four_cc = read_four_cc(&mut reader)?;
            let id = reader.u8()?;
            Body::OneTrack(Track { id, four_cc, data: reader.rest() })
        }
        MANY_TRACKS => {
            let four_cc = Some(read_four_cc(&mut reader)?);
            Body::ManyTracks(Tracks { four_cc, left: limits::TRACKS, reader })
        }
        MANY_TRACKS_MANY_CODECS => Body::ManyTracks(Tracks { four_cc: None, left: limits::TRACKS, reader }),
        _ => return None,
    };
    Some((packet_type, body))
}

impl<'a> Iterator for Tracks<'a> {
    type Item = Track<'a>;

    fn next(&mut self) -> Option<Track<'a>> {
        self.left = self.left.checked_sub(1)?;
        let four_cc = match self.four_cc {
            Some(four_cc) => four_cc,
            None => read_four_cc(&mut self.reader)?,
        };
        let id = self.reader.u8()?;
        let size = self.reader.length(3)?;
        let data = self.reader.take(size)?;
        Some(Track { id, four_cc, data })
    }
}

/// Passes over ModEx packets, which hold for this message only, and returns the packet type behind them.
fn skip_mod_ex(reader: &mut BytesReader<'_>, mut packet_type: PacketType) -> Option<PacketType> {
    for _ in 0..limits::MOD_EX_PACKETS {
        if packet_type != PacketType::MOD_EX {
            return Some(packet_type);
        }
        let mut size = usize::from(reader.u8()?) + 1;
        if size == 256 {
            size = usize::from(reader.u16()?) + 1;
        }
        reader.take(size)?;
        let (_mod_ex_type, next) = reader.nibbles()?;
        packet_type = PacketType(next);
    }
    (packet_type != PacketType::MOD_EX).then_some(packet_type)
}

fn read_four_cc(reader: &mut BytesReader<'_>) -> Option<FourCc> {
    reader.array().map(FourCc::of)
}

/// One track's packet, to be written as a message of its own.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Audio or video.
    pub kind: Kind,
    /// Of a video packet; audio has none.
    pub frame_type: FrameType,
    /// What the data are.
    pub packet_type: PacketType,
    /// Whose data they are.
    pub four_cc: FourCc,
    /// As the packet type asks; with the composition time where it has one.
    pub data: &'a [u8],
}

impl Packet<'_> {
    /// The message without a track id: that of the default track.
    pub fn plain(&self) -> Bytes {
        let [a, b, c, d] = self.four_cc.bytes();
        concat(&[self.mark() | self.packet_type.0 & 0x0F, a, b, c, d], self.data)
    }

    /// The message as a multitrack one with the track of this id.
    pub fn on_track(&self, id: u8) -> Bytes {
        let [a, b, c, d] = self.four_cc.bytes();
        let second = ONE_TRACK << 4 | self.packet_type.0 & 0x0F;
        concat(&[self.mark() | PacketType::multitrack(self.kind).0, second, a, b, c, d, id], self.data)
    }

    fn mark(&self) -> u8 {
        match self.kind {
            Kind::Video => VIDEO_MARK | (self.frame_type.0 & 0x07) << 4,
            Kind::Audio | Kind::Data => AUDIO_MARK,
        }
    }
}

/// A header and data in one allocation of exactly their length.
pub(super) fn concat(header: &[u8], data: &[u8]) -> Bytes {
    let mut message = Vec::with_capacity(header.len() + data.len());
    message.extend_from_slice(header);
    message.extend_from_slice(data);
    message.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::{many_codecs, many_tracks, with_mod_ex};

    /// What a message was read as, in a form that compares: frame type, packet type, form, tracks.
    type Read<'a> = (u8, u8, &'static str, Vec<(u8, FourCc, &'a [u8])>);

    fn read(kind: Kind, payload: &[u8]) -> Option<Read<'_>> {
        assert!(is_enhanced(kind, payload));
        let message = Enhanced::read(kind, payload)?;
        let (form, tracks) = match message.body {
            Body::Command => ("command", vec![]),
            Body::Plain(track) => ("plain", vec![track]),
            Body::OneTrack(track) => ("one", vec![track]),
            Body::ManyTracks(tracks) => ("many", tracks.collect()),
        };
        let tracks = tracks.into_iter().map(|track| (track.id, track.four_cc, track.data)).collect();
        Some((message.frame_type.0, message.packet_type.0, form, tracks))
    }

    #[test]
    fn every_form_by_hand_made_bytes() {
        use FourCc as F;
        use Kind::{Audio, Video};
        #[rustfmt::skip]
        let table: &[(Kind, &[u8], Read<'_>)] = &[
            (Video, b"\x91hvc1\0\0\x21data",            (1, 1, "plain", vec![(0, F::HEVC, b"\0\0\x21data")])),
            (Video, b"\x90av01",                        (1, 0, "plain", vec![(0, F::AV1, b"")])),
            (Video, b"\xa3wxyz!",                       (2, 3, "plain", vec![(0, F::of(*b"wxyz"), b"!")])),
            (Audio, b"\x91Opus\xfc",                    (0, 1, "plain", vec![(0, F::OPUS, b"\xfc")])),
            // a command frame has a command and no FourCC; the Metadata packet does not care about the frame type
            (Video, b"\xd1\x00",                        (5, 1, "command", vec![])),
            (Video, b"\xd6\x00",                        (5, 6, "command", vec![])),
            (Video, b"\xd4hvc1\x02",                    (5, 4, "plain", vec![(0, F::HEVC, b"\x02")])),
            // multitrack is 6 for video and 5 for audio
            (Video, b"\x96\x01avc1\x02\0\0\0x",         (1, 1, "one", vec![(2, F::AVC, b"\0\0\0x")])),
            (Audio, b"\x95\x01mp4a\x01x",               (0, 1, "one", vec![(1, F::AAC, b"x")])),
            (Video, b"\x95av01x",                       (1, 5, "plain", vec![(0, F::AV1, b"x")])),
            (Audio, b"\x95\x11mp4a\x00\0\0\x01a\x07\0\0\x02bc",
                                                        (0, 1, "many", vec![(0, F::AAC, b"a"), (7, F::AAC, b"bc")])),
            (Video, b"\xa6\x21avc1\x00\0\0\x01ahvc1\x01\0\0\x01b",
                                                        (2, 1, "many", vec![(0, F::AVC, b"a"), (1, F::HEVC, b"b")])),
            // a track that is cut short ends the list
            (Audio, b"\x95\x11mp4a\x00\0\0\x01a\x07\0\0\x03bc", (0, 1, "many", vec![(0, F::AAC, b"a")])),
            // ModEx: sizes of 8 and 16 bits, two in a row, before multitrack, of unknown type
            (Video, b"\x97\x02abc\x01hvc1x",            (1, 1, "plain", vec![(0, F::HEVC, b"x")])),
            (Video, b"\x97\xff\x00\x01ab\x01hvc1x",     (1, 1, "plain", vec![(0, F::HEVC, b"x")])),
            (Audio, b"\x97\x00a\x07\x00b\x91Opusx",     (0, 1, "plain", vec![(0, F::OPUS, b"x")])),
            (Video, b"\xa7\x00a\xf6\x03avc1\x09x",      (2, 3, "one", vec![(9, F::AVC, b"x")])),
        ];
        for (kind, payload, expected) in table {
            assert_eq!(read(*kind, payload).as_ref(), Some(expected), "{}", payload.escape_ascii());
        }
    }

    #[test]
    fn what_cannot_be_read() {
        let table: &[(Kind, &[u8])] = &[
            (Kind::Video, b"\x91"),
            (Kind::Video, b"\x91hvc"),
            (Kind::Video, b"\x97"),
            (Kind::Video, b"\x97\xff\x00"),
            (Kind::Video, b"\x97\x05abc\x01hvc1"),
            (Kind::Video, b"\x96"),
            (Kind::Video, b"\x96\x01avc1"),
            // multitrack within multitrack, ModEx behind multitrack, an unknown multitrack type
            (Kind::Video, b"\x96\x06avc1\x00"),
            (Kind::Audio, b"\x95\x07mp4a\x00"),
            (Kind::Audio, b"\x95\x31mp4a\x00"),
        ];
        for (kind, payload) in table {
            assert_eq!(read(*kind, payload), None, "{}", payload.escape_ascii());
        }
    }

    #[test]
    fn a_chain_of_mod_ex_is_bounded() {
        let chain = |length: usize| {
            let mut message = Bytes::from_static(b"\x91Opusx");
            for _ in 0..length {
                message = with_mod_ex(&message);
            }
            read(Kind::Audio, &message).is_some()
        };
        assert!(chain(limits::MOD_EX_PACKETS));
        assert!(!chain(limits::MOD_EX_PACKETS + 1));
        assert!(!chain(1000));
    }

    #[test]
    fn tracks_are_bounded() {
        let empty: Vec<(u8, &[u8])> = vec![(0, b""); 10_000];
        let message = many_tracks(Kind::Video, 9, 0, FourCc::AV1, &empty);
        assert_eq!(read(Kind::Video, &message).unwrap().3.len(), limits::TRACKS);
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (kind, frame_type) in [(Kind::Video, FrameType::INTER), (Kind::Audio, FrameType(0))] {
            let (four_cc, packet_type, data) = (FourCc::of(*b"abcd"), PacketType::CODED_FRAMES, &b"data"[..]);
            let packet = Packet { kind, frame_type, packet_type, four_cc, data };
            let (frame_type, packet_type) = (frame_type.0, packet_type.0);
            let expected = |form, id| Some((frame_type, packet_type, form, vec![(id, four_cc, data)]));
            assert_eq!(read(kind, &packet.plain()), expected("plain", 0));
            assert_eq!(read(kind, &packet.on_track(3)), expected("one", 3));
            let nibble = if kind == Kind::Video { 8 | frame_type } else { 9 };
            assert_eq!(read(kind, &many_tracks(kind, nibble, 1, four_cc, &[(4, data)])), expected("many", 4));
            assert_eq!(read(kind, &many_codecs(kind, nibble, 1, &[(four_cc, 5, data)])), expected("many", 5));
        }
    }

    #[test]
    fn legacy_is_told_from_enhanced_by_the_first_byte() {
        assert!(!is_enhanced(Kind::Video, b"\x17"));
        assert!(is_enhanced(Kind::Video, b"\x80"));
        assert!(!is_enhanced(Kind::Audio, b"\xaf"));
        assert!(!is_enhanced(Kind::Audio, b"\x80"));
        assert!(!is_enhanced(Kind::Data, b"\x95"));
        assert!(!is_enhanced(Kind::Audio, b""));
    }
}

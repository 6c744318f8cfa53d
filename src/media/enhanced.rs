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

        let multitrack = if kind == Kind::Video { PacketType::VIDEO_MULTITRACK } else { PacketType::AUDIO_MULTITRACK };
        if frame_type == FrameType::COMMAND && packet_type != PacketType::METADATA {
            return Some(Self { frame_type, packet_type, has_mod_ex, body: Body::Command });
        }
        if packet_type != multitrack {
            let four_cc = read_four_cc(&mut reader)?;
            let body = Body::Plain(Track { id: 0, four_cc, data: reader.rest() });
            return Some(Self { frame_type, packet_type, has_mod_ex, body });
        }

        let (multitrack_type, packet_type) = reader.nibbles()?;
        let packet_type = PacketType(packet_type);
        if packet_type == multitrack || packet_type == PacketType::MOD_EX {
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
        Some(Self { frame_type, packet_type, has_mod_ex, body })
    }
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
        let multitrack =
            if self.kind == Kind::Video { PacketType::VIDEO_MULTITRACK } else { PacketType::AUDIO_MULTITRACK };
        let [a, b, c, d] = self.four_cc.bytes();
        let second = ONE_TRACK << 4 | self.packet_type.0 & 0x0F;
        concat(&[self.mark() | multitrack.0, second, a, b, c, d, id], self.data)
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

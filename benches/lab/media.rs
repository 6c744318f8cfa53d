//! What is published: a stream shaped like H.264 and AAC, each message with a stamp in it.

use std::ops::Range;

use bytes::Bytes;
use forkcast::rtmp::message::MessageType;
use serde::{Deserialize, Serialize};

/// AAC: 1,024 samples a frame at 48 kHz.
const AUDIO_RATE: (u64, u64) = (48_000, 1024);
/// 160 kbit/s.
const AUDIO_BYTES: usize = 427;
/// Seconds from keyframe to keyframe, as platforms ask for.
const KEYFRAME_EVERY: u64 = 2;
/// A keyframe is so many times as large as another picture.
const KEYFRAME: u64 = 5;
/// An `AVCDecoderConfigurationRecord`: High profile, four-byte lengths, one SPS (1280x720), one PPS.
const AVC_CONFIGURATION: &[u8] = &[
    0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, 10, 0x67, 0x64, 0, 0x1f, 0xac, 0xd9, 0x40, 0x50, 5, 0xbb, 1, 0,
    4, 0x68, 0xeb, 0xe3, 0xcb,
];
/// An `AudioSpecificConfig`: AAC-LC, 48 kHz, stereo.
const AAC_CONFIGURATION: &[u8] = &[0xaf, 0, 0x11, 0x90];
/// Before the stamp in a picture: FLV's five bytes, the length of the NAL unit, its header and how a slice begins.
const VIDEO_STAMP_AT: usize = 12;
/// Before the stamp in a sound: FLV's two bytes and how a frame begins.
const AUDIO_STAMP_AT: usize = 4;
/// What no message has by chance at that place.
const MARK: [u8; 4] = *b"fkct";
/// Mark, number, time.
const STAMP: usize = MARK.len() + 4 + 8;

/// How much of a message a sink has to see to know it.
pub(crate) const HEAD: usize = VIDEO_STAMP_AT + STAMP;

/// Rate and size of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shape {
    /// Pictures a second.
    pub(crate) frames: u64,
    /// Bits a second, sound included.
    pub(crate) bits: u64,
}

impl Shape {
    /// 6 Mbit/s, 60 pictures a second.
    pub(crate) const FULL: Self = Self { frames: 60, bits: 6_000_000 };

    fn picture_bytes(self, is_keyframe: bool) -> usize {
        let sound = AUDIO_BYTES as u64 * AUDIO_RATE.0 / AUDIO_RATE.1;
        let each = (self.bits / 8 - sound) * KEYFRAME_EVERY / (self.frames * KEYFRAME_EVERY + KEYFRAME - 1);
        usize::try_from(if is_keyframe { each * KEYFRAME } else { each }).expect("a picture is small")
    }
}

/// The sequence headers, to be sent first.
pub(crate) fn headers() -> [(MessageType, Bytes); 2] {
    [
        (MessageType::VIDEO, Bytes::from_static(AVC_CONFIGURATION)),
        (MessageType::AUDIO, Bytes::from_static(AAC_CONFIGURATION)),
    ]
}

/// A message of the stream, before its stamp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scheduled {
    pub(crate) message_type: MessageType,
    /// When it is sent, in microseconds from the start of the stream.
    pub(crate) at: u64,
    /// Counts the messages of its type.
    pub(crate) number: u32,
    bytes: usize,
    is_keyframe: bool,
}

/// The stream without end, in the order of its times.
pub(crate) fn schedule(shape: Shape) -> impl Iterator<Item = Scheduled> {
    let (mut pictures, mut sounds) = (0_u32, 0_u32);
    std::iter::repeat_with(move || {
        let picture_at = u64::from(pictures) * 1_000_000 / shape.frames;
        let sound_at = u64::from(sounds) * 1_000_000 * AUDIO_RATE.1 / AUDIO_RATE.0;
        if picture_at <= sound_at {
            let number = pictures;
            pictures += 1;
            let is_keyframe = u64::from(number).is_multiple_of(shape.frames * KEYFRAME_EVERY);
            let bytes = shape.picture_bytes(is_keyframe).max(HEAD);
            Scheduled { message_type: MessageType::VIDEO, at: picture_at, number, bytes, is_keyframe }
        } else {
            let number = sounds;
            sounds += 1;
            let (at, bytes) = (sound_at, AUDIO_BYTES);
            Scheduled { message_type: MessageType::AUDIO, at, number, bytes, is_keyframe: false }
        }
    })
}

impl Scheduled {
    /// The message's payload, stamped with `now`.
    pub(crate) fn payload(self, now: u64) -> Bytes {
        let mut payload = vec![0x55; self.bytes];
        let mut put = |at: usize, bytes: &[u8]| payload[at..at + bytes.len()].copy_from_slice(bytes);
        let stamp_at = if self.message_type == MessageType::VIDEO {
            let unit = u32::try_from(self.bytes - 9).expect("a picture is small");
            let (first, slice) = if self.is_keyframe { (0x17, [0x65, 0x88, 0x84]) } else { (0x27, [0x41, 0x9a, 0x24]) };
            put(0, &[first, 1, 0, 0, 0]);
            put(5, &unit.to_be_bytes());
            put(9, &slice);
            VIDEO_STAMP_AT
        } else {
            put(0, &[0xaf, 1, 0x21, 0x1b]);
            AUDIO_STAMP_AT
        };
        put(stamp_at, &MARK);
        put(stamp_at + MARK.len(), &self.number.to_be_bytes());
        put(stamp_at + MARK.len() + 4, &now.to_be_bytes());
        payload.into()
    }
}

/// What a sink reads off a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stamp {
    /// Counts the messages of its type.
    pub(crate) number: u32,
    /// When it was published.
    pub(crate) published: u64,
}

/// The stamp of a message of that type, whose first bytes these are; `None` for a sequence header.
pub(crate) fn stamp(message_type: MessageType, head: &[u8]) -> Option<Stamp> {
    let at = if message_type == MessageType::VIDEO { VIDEO_STAMP_AT } else { AUDIO_STAMP_AT };
    let field = |range: Range<usize>| head.get(at + range.start..at + range.end);
    if field(0..4)? != MARK {
        return None;
    }
    let number = u32::from_be_bytes(field(4..8)?.try_into().ok()?);
    let published = u64::from_be_bytes(field(8..16)?.try_into().ok()?);
    Some(Stamp { number, published })
}

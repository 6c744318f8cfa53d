//! Streams made of bytes by hand: shaped like H.264 and AAC, of any size and rate, every frame different from every other.

use bytes::Bytes;

use crate::support::flv::{AUDIO, Tag, VIDEO};

/// Milliseconds from picture to picture: 25 a second, so that a second is a whole number of them.
const FRAME: u32 = 40;
/// An `AVCDecoderConfigurationRecord`: High profile, four-byte lengths, one SPS, one PPS.
const AVC_CONFIGURATION: &[u8] = &[
    0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, 10, 0x67, 0x64, 0, 0x1f, 0xac, 0xd9, 0x40, 0x50, 5, 0xbb, 1, 0,
    4, 0x68, 0xeb, 0xe3, 0xcb,
];
/// An `AudioSpecificConfig`: AAC-LC, 48 kHz, stereo.
const AAC_CONFIGURATION: &[u8] = &[0xaf, 0, 0x11, 0x90];

/// The two sequence headers.
pub(crate) fn headers(timestamp: u32) -> Vec<Tag> {
    vec![
        Tag { kind: VIDEO, timestamp, payload: Bytes::from_static(AVC_CONFIGURATION) },
        Tag { kind: AUDIO, timestamp, payload: Bytes::from_static(AAC_CONFIGURATION) },
    ]
}

/// Pictures and sound for this many milliseconds from `start` on: a keyframe each second, `bytes` a picture. The clock wraps.
pub(crate) fn frames(start: u32, milliseconds: u32, bytes: usize) -> Vec<Tag> {
    endless(start, 1000, bytes).take((milliseconds / FRAME * 2) as usize).collect()
}

/// Pictures and sound without end: a keyframe every so many milliseconds, `bytes` a picture.
pub(crate) fn endless(start: u32, keyframe_every: u32, bytes: usize) -> impl Iterator<Item = Tag> + Send + 'static {
    (0_u32..).flat_map(move |step| {
        let timestamp = start.wrapping_add(step.wrapping_mul(FRAME));
        let is_keyframe = step % (keyframe_every / FRAME) == 0;
        [
            Tag { kind: VIDEO, timestamp, payload: picture(is_keyframe, timestamp, bytes) },
            Tag { kind: AUDIO, timestamp, payload: sound(timestamp) },
        ]
    })
}

fn picture(is_keyframe: bool, timestamp: u32, bytes: usize) -> Bytes {
    let (first, unit) = if is_keyframe { (0x17, 0x65) } else { (0x27, 0x41) };
    let mut payload = vec![first, 1, 0, 0, 0];
    payload.extend(u32::try_from(bytes).expect("a picture is small").to_be_bytes());
    payload.push(unit);
    payload.extend(noise(timestamp, bytes - 1));
    payload.into()
}

fn sound(timestamp: u32) -> Bytes {
    let mut payload = vec![0xaf, 1];
    payload.extend(noise(timestamp ^ 0x5555_5555, 256));
    payload.into()
}

/// Bytes that depend on `seed` alone and repeat nowhere (xorshift).
fn noise(seed: u32, count: usize) -> impl Iterator<Item = u8> {
    let mut state = u64::from(seed) << 8 | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[3]
    })
    .take(count)
}

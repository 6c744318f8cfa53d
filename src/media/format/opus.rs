//! The header of Opus, RFC 7845 section 5.1: `OpusHead`, version (8 bits), channels (8), and more.

use super::SoundFormat;

/// Whatever was recorded, Opus is decoded at this rate.
const RATE: u32 = 48_000;

pub(super) fn sound(record: &[u8]) -> Option<SoundFormat> {
    let [_version, channels, ..] = record.strip_prefix(b"OpusHead")? else { return None };
    Some(SoundFormat::of_codec(Some(RATE), Some(*channels), None))
}

//! The header of FLAC, RFC 9639 section 8.2: STREAMINFO is block sizes (2 x 16 bits), frame sizes (2 x 24), sample rate (20),
//! channels less one (3), and more.

use super::SoundFormat;
use crate::media::bytes_reader::BytesReader;

pub(super) fn sound(record: &[u8]) -> Option<SoundFormat> {
    // Enhanced RTMP wants the file's mark and the block's header first; FFmpeg leaves them out.
    let mut reader = BytesReader::new(record.strip_prefix(b"fLaC").unwrap_or(record));
    if reader.rest().len() < record.len() {
        reader.take(4)?;
    }
    reader.take(10)?;
    let [high, middle, low] = reader.array()?;
    let rate = u32::from_be_bytes([0, high, middle, low]) >> 4;
    Some(SoundFormat::of_codec(Some(rate), Some((low >> 1 & 0x07) + 1), None))
}

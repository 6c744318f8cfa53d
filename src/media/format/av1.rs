//! The record of AV1: `av1C` of "AV1 Codec ISO Media File Format Binding" section 2.3.3, and as much of the sequence header in
//! it as stands before the size of the picture, AV1 Bitstream & Decoding Process Specification section 5.5.1.

use h264_reader::rbsp::{BitRead, BitReader, BitReaderError};

use super::{PictureFormat, size_of_header};
use crate::media::bytes_reader::BytesReader;

/// The type of an open bitstream unit (OBU) that is a sequence header.
const SEQUENCE_HEADER: u8 = 1;
/// The level that stands for none.
const NO_LEVEL: u8 = 31;

/// What the record says; profile and level too where it has no sequence header.
pub(super) fn picture(record: &[u8]) -> Option<PictureFormat> {
    let mut reader = BytesReader::new(record);
    // Marker and version; profile (3 bits) and level (5); bit depth, subsampling; presentation delay.
    let [_version, profile_level, _depth, _delay] = reader.array()?;
    let size = sequence_header(reader).and_then(|unit| {
        let (width, height) = size(BitReader::new(unit)).ok()?;
        size_of_header(width, height)
    });
    let profile = match profile_level >> 5 {
        0 => Some("Main"),
        1 => Some("High"),
        2 => Some("Professional"),
        _ => None,
    };
    // Two bits of the level are its minor part, and 2.0 is the lowest.
    let level = profile_level & 0x1F;
    let level = (level < NO_LEVEL).then_some((2 + (level >> 2)) * 10 + (level & 3));
    Some(PictureFormat { size, profile, level })
}

/// The first one's payload. Each unit is: forbidden bit, type (4 bits), extension flag, size flag, reserved bit; the extension's
/// byte; the size as LEB128.
fn sequence_header(mut reader: BytesReader<'_>) -> Option<&[u8]> {
    loop {
        let header = reader.u8()?;
        if header & 0x04 != 0 {
            reader.u8()?;
        }
        let unit = if header & 0x02 != 0 {
            let size = leb128(&mut reader)?;
            reader.take(size)?
        } else {
            reader.take(reader.rest().len())?
        };
        if header >> 3 & 0x0F == SEQUENCE_HEADER {
            return Some(unit);
        }
    }
}

fn leb128(reader: &mut BytesReader<'_>) -> Option<usize> {
    let mut value = 0;
    // A size of more bits than these is longer than any header.
    for shift in [0, 7, 14] {
        let byte = reader.u8()?;
        value |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn size(mut bits: impl BitRead) -> Result<(u32, u32), BitReaderError> {
    bits.skip(4, "seq_profile, still_picture")?;
    if bits.read_bit("reduced_still_picture_header")? {
        bits.skip(5, "seq_level_idx")?;
    } else {
        skip_operating_points(&mut bits)?;
    }
    let width_bits: u32 = bits.read::<4, _>("frame_width_bits_minus_1")?;
    let height_bits: u32 = bits.read::<4, _>("frame_height_bits_minus_1")?;
    let width: u32 = bits.read_var(width_bits + 1, "max_frame_width_minus_1")?;
    let height: u32 = bits.read_var(height_bits + 1, "max_frame_height_minus_1")?;
    Ok((width + 1, height + 1))
}

fn skip_operating_points(bits: &mut impl BitRead) -> Result<(), BitReaderError> {
    let mut delay_bits = None;
    if bits.read_bit("timing_info_present_flag")? {
        bits.skip(64, "num_units_in_display_tick, time_scale")?;
        if bits.read_bit("equal_picture_interval")? {
            bits.read_ue("num_ticks_per_picture_minus_1")?;
        }
        if bits.read_bit("decoder_model_info_present_flag")? {
            let delay_bits_minus_1: u32 = bits.read::<5, _>("buffer_delay_length_minus_1")?;
            delay_bits = Some(delay_bits_minus_1 + 1);
            bits.skip(42, "the rest of decoder_model_info")?;
        }
    }
    let has_display_delay = bits.read_bit("initial_display_delay_present_flag")?;
    let points: u32 = bits.read::<5, _>("operating_points_cnt_minus_1")?;
    for _ in 0..=points {
        bits.skip(12, "operating_point_idc")?;
        let level: u8 = bits.read::<5, _>("seq_level_idx")?;
        if level > 7 {
            bits.skip(1, "seq_tier")?;
        }
        if let Some(delay_bits) = delay_bits
            && bits.read_bit("decoder_model_present_for_this_op")?
        {
            bits.skip(2 * delay_bits + 1, "operating_parameters_info")?;
        }
        if has_display_delay && bits.read_bit("initial_display_delay_present_for_this_op")? {
            bits.skip(4, "initial_display_delay_minus_1")?;
        }
    }
    Ok(())
}

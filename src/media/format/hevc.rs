//! The record of H.265: `hvcC`, ISO/IEC 14496-15 section 8.3.3.1, and as much of the sequence parameter set in it as stands
//! before the size of the picture, ITU-T H.265 section 7.3.2.2.1.

use std::num::NonZeroUsize;

use h264_reader::rbsp::{BitRead, BitReader, BitReaderError, ByteReader};

use super::{PictureFormat, size_of_header};
use crate::media::bytes_reader::BytesReader;

/// NAL unit type of a sequence parameter set.
const SEQUENCE_PARAMETER_SET: u8 = 33;
/// Bytes of a NAL unit's header.
const UNIT_HEADER: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

/// What the record says; profile and level too where its parameter sets cannot be read.
pub(super) fn picture(record: &[u8]) -> Option<PictureFormat> {
    let mut reader = BytesReader::new(record);
    let [_version, profile] = reader.array()?;
    let [_compatibility_and_constraints @ .., level] = reader.array::<11>()?;
    let _segmentation_to_length_size = reader.take(9)?;
    let size = sequence_parameter_set(reader).and_then(|unit| {
        let (width, height) = size(BitReader::new(ByteReader::skipping_bytes(unit, UNIT_HEADER))).ok()??;
        size_of_header(width, height)
    });
    // General profile space (2 bits), tier (1), profile (5); the level is in thirtieths.
    let profile = match profile & 0x1F {
        1 => Some("Main"),
        2 => Some("Main 10"),
        3 => Some("Main Still Picture"),
        4 => Some("Range Extensions"),
        _ => None,
    };
    Some(PictureFormat { size, profile, level: Some(level / 3).filter(|level| *level > 0) })
}

/// The first one in the arrays that end the record.
fn sequence_parameter_set(mut reader: BytesReader<'_>) -> Option<&[u8]> {
    let arrays = reader.u8()?;
    for _ in 0..arrays {
        let unit_type = reader.u8()? & 0x3F;
        let units = reader.u16()?;
        for _ in 0..units {
            let length = reader.u16()?;
            let unit = reader.take(length.into())?;
            if unit_type == SEQUENCE_PARAMETER_SET && !unit.is_empty() {
                return Some(unit);
            }
        }
    }
    None
}

/// Width and height, cropped; `Ok(None)` where they are none.
fn size(mut bits: impl BitRead) -> Result<Option<(u32, u32)>, BitReaderError> {
    bits.skip(4, "sps_video_parameter_set_id")?;
    let sub_layers: u32 = bits.read::<3, _>("sps_max_sub_layers_minus1")?;
    bits.skip(1, "sps_temporal_id_nesting_flag")?;
    skip_profile_tier_level(&mut bits, sub_layers)?;
    bits.read_ue("sps_seq_parameter_set_id")?;
    let chroma_format = bits.read_ue("chroma_format_idc")?;
    if chroma_format == 3 {
        bits.skip(1, "separate_colour_plane_flag")?;
    }
    let (width, height) = (bits.read_ue("pic_width_in_luma_samples")?, bits.read_ue("pic_height_in_luma_samples")?);
    let mut cropped = [0; 4];
    if bits.read_bit("conformance_window_flag")? {
        for side in &mut cropped {
            *side = bits.read_ue("conf_win_offset")?;
        }
    }
    // Offsets are in samples of chroma: 4:2:0 has half of both, 4:2:2 of the width.
    let (unit_x, unit_y) = match chroma_format {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let [left, right, top, bottom] = cropped;
    let less = |length: u32, unit: u32, one: u32, other: u32| {
        one.checked_add(other).and_then(|sum| sum.checked_mul(unit)).and_then(|off| length.checked_sub(off))
    };
    Ok(less(width, unit_x, left, right).zip(less(height, unit_y, top, bottom)))
}

/// `profile_tier_level(1, sub_layers)`: that of the whole stream, then a pair of flags for each further sub-layer, padded to
/// eight pairs, then what the flags announce.
fn skip_profile_tier_level(bits: &mut impl BitRead, sub_layers: u32) -> Result<(), BitReaderError> {
    bits.skip(96, "general_profile_tier_level")?;
    if sub_layers == 0 {
        return Ok(());
    }
    let mut announced = 0;
    for _ in 0..sub_layers {
        announced += if bits.read_bit("sub_layer_profile_present_flag")? { 88 } else { 0 };
        announced += if bits.read_bit("sub_layer_level_present_flag")? { 8 } else { 0 };
    }
    bits.skip(2 * (8 - sub_layers), "reserved_zero_2bits")?;
    bits.skip(announced, "sub_layer_profile_tier_level")
}

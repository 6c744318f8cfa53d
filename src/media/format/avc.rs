//! The record of H.264: `avcC`, ISO/IEC 14496-15 section 5.3.3.1.

use h264_reader::nal::sps::{ConstraintFlags, Profile, SeqParameterSet};
use h264_reader::rbsp::{BitReader, ByteReader};

use super::{PictureFormat, size_of_header};
use crate::media::bytes_reader::BytesReader;

/// What the record says; profile and level too where its parameter sets cannot be read. The library's own reader of the record
/// is passed by: it takes it for granted that no parameter set in it is empty.
pub(super) fn picture(record: &[u8]) -> Option<PictureFormat> {
    let mut reader = BytesReader::new(record);
    let [_version, profile, flags, level, _length_size] = reader.array()?;
    let size = sequence_parameter_set(reader).and_then(|unit| {
        let set = SeqParameterSet::from_bits(BitReader::new(ByteReader::skipping_h264_header(unit))).ok()?;
        let (width, height) = set.pixel_dimensions().ok()?;
        size_of_header(width, height)
    });
    let profile = profile_name(&Profile::from_profile_idc(profile.into(), ConstraintFlags::from(flags)));
    Some(PictureFormat { size, profile, level: (level > 0).then_some(level) })
}

/// The first one: encoders for live streams send no second.
fn sequence_parameter_set(mut reader: BytesReader<'_>) -> Option<&[u8]> {
    let count = reader.u8()? & 0x1F;
    let length = reader.u16()?;
    let unit = reader.take(length.into())?;
    (count > 0 && !unit.is_empty()).then_some(unit)
}

/// Those that encoders for live streams have.
fn profile_name(profile: &Profile) -> Option<&'static str> {
    match profile {
        Profile::Baseline => Some("Baseline"),
        Profile::ConstrainedBaseline => Some("Constrained Baseline"),
        Profile::Main => Some("Main"),
        Profile::High | Profile::ProgressiveHigh | Profile::ConstrainedHigh => Some("High"),
        Profile::High10 | Profile::High10Intra => Some("High 10"),
        Profile::High422 | Profile::High422Intra => Some("High 4:2:2"),
        Profile::High444 | Profile::High444Intra => Some("High 4:4:4"),
        _ => None,
    }
}

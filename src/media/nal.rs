//! Looks into NAL units, as far as it takes to know whether a picture is one that no other refers to.
//!
//! Encoders hardly ever set FLV's "disposable" frame type, so the answer lies here. A wrong "yes" would damage the
//! picture at a destination that is catching up; a wrong "no" costs nothing. Hence every doubt is a "no".

use super::bytes_reader::BytesReader;
use super::{FourCc, limits};

/// What a sequence header says about the NAL units that follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NalFormat {
    /// Bytes of the length before each NAL unit, 1 to 4.
    length_size: usize,
    /// HEVC: temporal sub-layers of the stream, where the header states them.
    sub_layers: Option<u8>,
}

/// Four bytes is what encoders write; for a stream whose header has not come, or is too short.
impl Default for NalFormat {
    fn default() -> Self {
        Self { length_size: 4, sub_layers: None }
    }
}

impl NalFormat {
    /// From a codec's configuration record; the default for codecs without NAL units.
    pub(super) fn of(codec: FourCc, record: &[u8]) -> Self {
        match codec {
            FourCc::AVC => Self::of_avc(record),
            FourCc::HEVC => Self::of_hevc(record),
            _ => None,
        }
        .unwrap_or_default()
    }

    /// avcC, ISO/IEC 14496-15 section 5.3.3.1: the length size is in the low bits of byte 4.
    fn of_avc(record: &[u8]) -> Option<Self> {
        record.get(4).map(|byte| Self { length_size: usize::from(byte & 3) + 1, sub_layers: None })
    }

    /// hvcC, section 8.3.3.1: byte 21 is constantFrameRate (2 bits), numTemporalLayers (3), temporalIdNested (1),
    /// lengthSizeMinusOne (2). Zero layers means "not known".
    fn of_hevc(record: &[u8]) -> Option<Self> {
        record.get(21).map(|byte| Self {
            length_size: usize::from(byte & 3) + 1,
            sub_layers: Some(byte >> 3 & 7).filter(|&layers| layers > 0),
        })
    }

    /// Whether no other picture refers to the coded picture in `data` (NAL units, each after its length).
    pub(super) fn is_disposable(self, codec: FourCc, data: &[u8]) -> bool {
        match codec {
            FourCc::AVC => self.all_slices(data, is_avc_slice_disposable),
            FourCc::HEVC => self
                .sub_layers
                .is_some_and(|layers| self.all_slices(data, |unit| is_hevc_slice_disposable(unit, layers - 1))),
            _ => false,
        }
    }

    /// Whether there are slices and `verdict` holds for each. It is `None` for a unit that is no slice.
    fn all_slices(self, data: &[u8], verdict: impl Fn(&[u8]) -> Option<bool>) -> bool {
        let mut reader = BytesReader::new(data);
        let mut any = false;
        for _ in 0..limits::NAL_UNITS {
            if reader.is_empty() {
                return any;
            }
            let Some(unit) = reader.length(self.length_size).and_then(|length| reader.take(length)) else {
                return false;
            };
            match verdict(unit) {
                Some(true) => any = true,
                Some(false) => return false,
                None => {}
            }
        }
        any && reader.is_empty()
    }
}

/// H.264 section 7.4.1: `nal_ref_idc` of zero says that nothing refers to it, in whatever layer.
fn is_avc_slice_disposable(unit: &[u8]) -> Option<bool> {
    let Some(header) = unit.first() else { return Some(false) };
    // 1 to 5 are slices and their partitions, 20 and 21 slices of the scalable, multiview and 3D extensions.
    let is_slice = matches!(header & 0x1F, 1..=5 | 20 | 21);
    is_slice.then_some(header >> 5 & 3 == 0)
}

/// H.265 section 7.4.2.2: the even types up to 14 (TRAIL_N, TSA_N, STSA_N, RADL_N, RASL_N, reserved ones) are not
/// referred to *within their own sub-layer*. Higher sub-layers may refer to them, so only those of the highest count.
fn is_hevc_slice_disposable(unit: &[u8], highest_temporal_id: u8) -> Option<bool> {
    let Some(&[first, second]) = unit.first_chunk() else { return Some(false) };
    let unit_type = first >> 1 & 0x3F;
    let is_slice = unit_type < 32;
    let temporal_id_plus_1 = second & 7;
    is_slice.then_some(unit_type <= 14 && unit_type % 2 == 0 && temporal_id_plus_1 == highest_temporal_id + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units of two bytes, each after a length of four.
    fn units(headers: &[[u8; 2]]) -> Vec<u8> {
        headers.iter().flat_map(|header| [0, 0, 0, 2, header[0], header[1]]).collect()
    }

    fn is_avc_disposable(headers: &[[u8; 2]]) -> bool {
        NalFormat::default().is_disposable(FourCc::AVC, &units(headers))
    }

    #[test]
    fn avc_asks_nal_ref_idc_of_every_slice() {
        // access unit delimiter, SEI; a slice with nal_ref_idc 0; one with 2
        let (delimiter, sei, free, reference) = ([0x09, 0xF0], [0x06, 0x05], [0x01, 0x9E], [0x41, 0x9A]);
        assert!(is_avc_disposable(&[delimiter, sei, free, free]));
        assert!(!is_avc_disposable(&[delimiter, sei, reference]));
        assert!(!is_avc_disposable(&[free, reference]));
        assert!(!is_avc_disposable(&[[0x21, 0x9A]]), "nal_ref_idc 1");
        assert!(!is_avc_disposable(&[delimiter, sei]), "no slice at all");
        assert!(!is_avc_disposable(&[]));
    }

    #[test]
    fn a_wrong_length_is_a_no() {
        let format = NalFormat::default();
        assert!(!format.is_disposable(FourCc::AVC, &[0, 0, 0, 2, 0x01, 0x9E, 0, 0, 0, 9, 0x01]));
        assert!(!format.is_disposable(FourCc::AVC, &[0, 0, 0, 2, 0x01, 0x9E, 0, 0]));
        assert!(!format.is_disposable(FourCc::AVC, &[0, 0, 0, 2, 0x01, 0x9E, 0, 0, 0, 0]), "an empty unit");
        assert!(!format.is_disposable(FourCc::AVC, &[0xFF; 64]));
    }

    #[test]
    fn the_walk_is_bounded() {
        assert!(is_avc_disposable(&[[0x01, 0]; limits::NAL_UNITS]));
        assert!(!is_avc_disposable(&[[0x01, 0]; limits::NAL_UNITS + 1]));
        assert!(!is_avc_disposable(&[[0x01, 0]; 65_535]));
    }

    #[test]
    fn the_length_size_is_that_of_the_record() {
        let format = NalFormat::of(FourCc::AVC, b"\x01\x64\x00\x1f\xfd\xe1");
        assert_eq!(format.length_size, 2);
        assert!(format.is_disposable(FourCc::AVC, &[0, 2, 0x01, 0x9E]));
        assert_eq!(NalFormat::of(FourCc::AVC, b"\x01\x64"), NalFormat::default());
        assert_eq!(NalFormat::of(FourCc::AV1, b"\x81\x04\x0c\x00\xfd"), NalFormat::default());
    }

    #[test]
    fn hevc_counts_only_the_highest_sub_layer() {
        let record = |layers: u8| [[0; 21].as_slice(), &[layers << 3 | 3, 0]].concat();
        let is_disposable = |layers, unit_type: u8, temporal_id: u8| {
            let data = units(&[[unit_type << 1, temporal_id + 1]]);
            NalFormat::of(FourCc::HEVC, &record(layers)).is_disposable(FourCc::HEVC, &data)
        };
        // one layer: TRAIL_N and RASL_N, but not TRAIL_R, a reserved reference type, or IDR
        assert!(is_disposable(1, 0, 0) && is_disposable(1, 8, 0));
        assert!(!is_disposable(1, 1, 0) && !is_disposable(1, 15, 0) && !is_disposable(1, 20, 0));
        // even, but beyond 14
        assert!(!is_disposable(1, 16, 0));
        // two layers: TSA_N above may go, TRAIL_N below may be what it refers to
        assert!(is_disposable(2, 2, 1));
        assert!(!is_disposable(2, 0, 0));
        // not known how many
        assert!(!is_disposable(0, 0, 0));
        assert!(!NalFormat::default().is_disposable(FourCc::HEVC, &units(&[[0, 1]])));
    }

    #[test]
    fn hevc_units_other_than_slices_do_not_count() {
        let format = NalFormat { length_size: 4, sub_layers: Some(1) };
        let (parameter_set, sei, free) = ([33 << 1, 1], [39 << 1, 1], [0, 1]);
        assert!(format.is_disposable(FourCc::HEVC, &units(&[sei, free])));
        assert!(!format.is_disposable(FourCc::HEVC, &units(&[parameter_set, sei])));
    }
}

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

//! What the bytes of a video track are.
//!
//! Legacy: `frame type (4 bits) | codec id (4 bits)`, and for AVC `packet type (8 bits), composition time (24 bits)`.
//! Source: FLV 10.1, E.4.3; Enhanced RTMP v2, "ExVideoTagBody".

use super::bytes_reader::BytesReader;
use super::enhanced::{FrameType, PacketType};
use super::part::{Content, Part};
use super::{Codec, ConfigurationKind, FourCc, metadata};

/// AVCPacketType of the legacy form.
pub(super) const AVC_SEQUENCE_HEADER: u8 = 0;
pub(super) const AVC_NAL_UNITS: u8 = 1;
pub(super) const AVC_END_OF_SEQUENCE: u8 = 2;
/// The codec id of AVC in the legacy form.
pub(super) const AVC_CODEC_ID: u8 = 7;

/// The frame type of a message in FLV's own form.
pub(super) fn legacy_frame_type(payload: &[u8]) -> FrameType {
    FrameType(payload.first().map_or(0, |first| first >> 4))
}

/// Reads a message in FLV's own form; `None` only where it is empty.
pub(super) fn read_legacy(payload: &[u8]) -> Option<Part<'_>> {
    let mut reader = BytesReader::new(payload);
    let (frame_type, codec_id) = reader.nibbles()?;
    let content = if FrameType(frame_type) == FrameType::COMMAND {
        Content::Unknown
    } else if has_avc_layout(codec_id) {
        avc_layout(reader)
    } else {
        Content::Coded(reader.rest())
    };
    Some(Part { track: 0, codec: Codec::legacy_video(codec_id), content })
}

/// AVC, and the ids beyond the specification, which everybody who uses them builds like AVC.
fn has_avc_layout(codec_id: u8) -> bool {
    matches!(codec_id, AVC_CODEC_ID | 12..=15)
}

/// What follows the first byte. Only coded pictures must have the whole header: some senders cut it short elsewhere.
fn avc_layout(mut reader: BytesReader<'_>) -> Content<'_> {
    let packet_type = reader.u8();
    let composition_time = reader.u24();
    match (packet_type, composition_time) {
        (Some(AVC_SEQUENCE_HEADER), Some(_)) => {
            Content::Configuration(ConfigurationKind::SequenceHeader, reader.rest())
        }
        (Some(AVC_SEQUENCE_HEADER), None) => Content::Configuration(ConfigurationKind::SequenceHeader, &[]),
        (Some(AVC_NAL_UNITS), Some(_)) => Content::Coded(reader.rest()),
        (Some(AVC_END_OF_SEQUENCE), _) => Content::End,
        _ => Content::Unknown,
    }
}

/// What the data of an Enhanced RTMP track are.
pub(super) fn content(packet_type: PacketType, four_cc: FourCc, data: &[u8]) -> Content<'_> {
    match packet_type {
        PacketType::SEQUENCE_START => Content::Configuration(ConfigurationKind::SequenceHeader, data),
        PacketType::MPEG2_TS_SEQUENCE_START if four_cc == FourCc::AV1 => {
            Content::Configuration(ConfigurationKind::SequenceHeader, data)
        }
        PacketType::CODED_FRAMES if has_composition_time(four_cc) => {
            data.get(3..).map_or(Content::Unknown, Content::Coded)
        }
        PacketType::CODED_FRAMES | PacketType::CODED_FRAMES_X => Content::Coded(data),
        PacketType::SEQUENCE_END => Content::End,
        PacketType::METADATA if metadata::name(data) == Some(metadata::COLOR_INFO) => {
            Content::Configuration(ConfigurationKind::ColorInfo, data)
        }
        _ => Content::Unknown,
    }
}

/// Codecs whose CodedFrames begin with a composition time of 24 bits.
fn has_composition_time(four_cc: FourCc) -> bool {
    matches!(four_cc, FourCc::AVC | FourCc::HEVC | FourCc::VVC)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: ConfigurationKind = ConfigurationKind::SequenceHeader;

    #[test]
    fn legacy_messages() {
        #[rustfmt::skip]
        let table: &[(&[u8], Codec, Content<'_>)] = &[
            // AVC, by packet type
            (b"\x17\x00\0\0\0\x01\x64", FourCc::AVC.into(), Content::Configuration(HEADER, b"\x01\x64")),
            (b"\x17\x00\0\0\0",         FourCc::AVC.into(), Content::Configuration(HEADER, b"")),
            (b"\x17\x00",               FourCc::AVC.into(), Content::Configuration(HEADER, b"")),
            (b"\x17\x01\0\0\x21\x09",   FourCc::AVC.into(), Content::Coded(b"\x09")),
            (b"\x27\x01\0\0",           FourCc::AVC.into(), Content::Unknown),
            (b"\x17\x02\0\0\0",         FourCc::AVC.into(), Content::End),
            (b"\x17\x02",               FourCc::AVC.into(), Content::End),
            (b"\x17\x03\0\0\0\x09",     FourCc::AVC.into(), Content::Unknown),
            (b"\x17",                   FourCc::AVC.into(), Content::Unknown),
            // a command frame: seek start
            (b"\x57\x00",               FourCc::AVC.into(), Content::Unknown),
            // ids beyond the specification
            (b"\x1c\x00\0\0\0\x01",     FourCc::HEVC.into(), Content::Configuration(HEADER, b"\x01")),
            (b"\x1d\x01\0\0\0\x12",     FourCc::AV1.into(), Content::Coded(b"\x12")),
            // old codecs have no packet type
            (b"\x12\x00\x84",           Codec::LegacyVideo(2), Content::Coded(b"\x00\x84")),
        ];
        for (payload, codec, content) in table {
            let part = read_legacy(payload).unwrap();
            assert_eq!((part.codec, part.content), (*codec, *content), "{payload:02x?}");
        }
        assert!(read_legacy(b"").is_none());
    }

    #[test]
    fn composition_time_is_left_out_where_there_is_one() {
        let content = |packet_type, four_cc| super::content(packet_type, four_cc, b"\0\0\x21abc");
        assert_eq!(content(PacketType::CODED_FRAMES, FourCc::HEVC), Content::Coded(b"abc"));
        assert_eq!(content(PacketType::CODED_FRAMES, FourCc::AV1), Content::Coded(b"\0\0\x21abc"));
        assert_eq!(content(PacketType::CODED_FRAMES_X, FourCc::AVC), Content::Coded(b"\0\0\x21abc"));
        assert_eq!(super::content(PacketType::CODED_FRAMES, FourCc::AVC, b"\0\0"), Content::Unknown);
    }

    #[test]
    fn rare_packet_types() {
        let color = b"\x02\x00\x09colorInfo\x06";
        let of = |packet_type, four_cc, data| content(PacketType(packet_type), four_cc, data);
        assert_eq!(of(4, FourCc::HEVC, color), Content::Configuration(ConfigurationKind::ColorInfo, color));
        assert_eq!(of(4, FourCc::HEVC, b"\x02\x00\x05other\x06"), Content::Unknown);
        assert_eq!(of(5, FourCc::AV1, b"\x80"), Content::Configuration(HEADER, b"\x80"));
        assert_eq!(of(5, FourCc::HEVC, b"\x80"), Content::Unknown);
        assert_eq!(of(2, FourCc::VP9, b""), Content::End);
        assert_eq!(of(12, FourCc::HEVC, b"x"), Content::Unknown);
    }
}

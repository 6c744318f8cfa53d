//! What the bytes of an audio track are.
//!
//! Legacy: `format (4 bits) | rate (2) | size (1) | channels (1)`, and for AAC `packet type (8 bits)`.
//! Source: FLV 10.1, E.4.2; Enhanced RTMP v2, "ExAudioTagBody".

use super::bytes_reader::BytesReader;
use super::enhanced::PacketType;
use super::part::{Content, Part};
use super::{Codec, ConfigurationKind};

/// First byte of every legacy AAC message: 44 kHz, 16 bit and stereo are fixed, the AudioSpecificConfig tells the truth.
pub(super) const AAC_FIRST_BYTE: u8 = 0xAF;
/// AACPacketType of the legacy form.
pub(super) const AAC_SEQUENCE_HEADER: u8 = 0;
pub(super) const AAC_RAW: u8 = 1;
/// Sound formats of the legacy form that the code has to know.
pub(super) const FORMAT_MP3: u8 = 2;
pub(super) const FORMAT_MP3_8_KHZ: u8 = 14;
const FORMAT_AAC: u8 = 10;
const FORMAT_OPUS: u8 = 13;

/// Reads a message in FLV's own form; `None` only where it is empty.
pub(super) fn read_legacy(payload: &[u8]) -> Option<Part<'_>> {
    let mut reader = BytesReader::new(payload);
    let (format, _) = reader.nibbles()?;
    let data = reader.rest();
    let content = match format {
        FORMAT_AAC => match reader.u8() {
            Some(AAC_SEQUENCE_HEADER) => Content::Configuration(ConfigurationKind::SequenceHeader, reader.rest()),
            Some(AAC_RAW) => Content::Coded(reader.rest()),
            _ => Content::Unknown,
        },
        // In no specification: some write the packet type of AAC, some nothing. The header's magic word tells.
        FORMAT_OPUS => match data.strip_prefix(&[AAC_SEQUENCE_HEADER]) {
            Some(header) if header.starts_with(b"OpusHead") => {
                Content::Configuration(ConfigurationKind::SequenceHeader, header)
            }
            _ => Content::Coded(data),
        },
        _ => Content::Coded(data),
    };
    Some(Part { track: 0, codec: Codec::legacy_audio(format), content })
}

/// What the data of an Enhanced RTMP track are.
pub(super) fn content(packet_type: PacketType, data: &[u8]) -> Content<'_> {
    match packet_type {
        PacketType::SEQUENCE_START => Content::Configuration(ConfigurationKind::SequenceHeader, data),
        PacketType::CODED_FRAMES => Content::Coded(data),
        PacketType::SEQUENCE_END => Content::End,
        PacketType::MULTICHANNEL_CONFIG => Content::Configuration(ConfigurationKind::MultichannelConfig, data),
        _ => Content::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::FourCc;

    const HEADER: ConfigurationKind = ConfigurationKind::SequenceHeader;

    #[test]
    fn legacy_messages() {
        #[rustfmt::skip]
        let table: &[(&[u8], Codec, Content<'_>)] = &[
            (b"\xaf\x00\x11\x90",     FourCc::AAC.into(), Content::Configuration(HEADER, b"\x11\x90")),
            (b"\xaf\x00",             FourCc::AAC.into(), Content::Configuration(HEADER, b"")),
            (b"\xaf\x01\x21",         FourCc::AAC.into(), Content::Coded(b"\x21")),
            (b"\xaf\x02\x21",         FourCc::AAC.into(), Content::Unknown),
            (b"\xaf",                 FourCc::AAC.into(), Content::Unknown),
            (b"\x2f\xff\xfb",         FourCc::MP3.into(), Content::Coded(b"\xff\xfb")),
            (b"\xe2\xff\xe3",         FourCc::MP3.into(), Content::Coded(b"\xff\xe3")),
            (b"\xdf\x00OpusHead\x01", FourCc::OPUS.into(), Content::Configuration(HEADER, b"OpusHead\x01")),
            (b"\xdf\x00\x12",         FourCc::OPUS.into(), Content::Coded(b"\x00\x12")),
            (b"\xdf\xfc",             FourCc::OPUS.into(), Content::Coded(b"\xfc")),
            (b"\xb2\x01",             Codec::LegacyAudio(11), Content::Coded(b"\x01")),
            (b"\xff\x01",             Codec::LegacyAudio(15), Content::Coded(b"\x01")),
        ];
        for (payload, codec, content) in table {
            let part = read_legacy(payload).unwrap();
            assert_eq!((part.codec, part.content), (*codec, *content), "{payload:02x?}");
        }
        assert!(read_legacy(b"").is_none());
    }

    #[test]
    fn enhanced_packet_types() {
        assert_eq!(content(PacketType(0), b"OpusHead"), Content::Configuration(HEADER, b"OpusHead"));
        assert_eq!(content(PacketType(1), b"x"), Content::Coded(b"x"));
        assert_eq!(content(PacketType(2), b""), Content::End);
        let surround = b"\x01\x06\0\0\x06\x3f";
        let multichannel = Content::Configuration(ConfigurationKind::MultichannelConfig, surround);
        assert_eq!(content(PacketType(4), surround), multichannel);
        // 3 is CodedFramesX for video and nothing for audio.
        assert_eq!(content(PacketType(3), b"x"), Content::Unknown);
    }
}

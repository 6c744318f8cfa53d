//! The form of a message for a destination that takes one plain track of each kind.
//!
//! Most platforms know FLV's own form only. A codec that has a legacy form gets it; the others get the
//! Enhanced RTMP form without multitrack and ModEx, which the first version of that specification defines.

use bytes::Bytes;

use super::enhanced::{Body, Enhanced, Packet, PacketType, Track, concat};
use super::{Description, FourCc, Kind, Packaging, audio, video};

/// What such a destination gets of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plain {
    /// The message as it is.
    Unchanged,
    /// This instead.
    Rewritten(Bytes),
    /// Nothing: it is of another track, or says what the plain form cannot say.
    Nothing,
}

/// The default track of a message in its plainest form.
///
/// - Legacy messages and data are unchanged.
/// - Tracks other than 0, command frames and what cannot be read are left out.
/// - AVC, AAC and MP3 become FLV's own form. It has no place for colour info, multichannel configuration,
///   the end of an audio track, or packet types that this code does not know.
/// - Other codecs become plain Enhanced RTMP, whatever the packet type.
pub fn plain_default_track(kind: Kind, payload: &Bytes, description: &Description) -> Plain {
    if description.packaging == Packaging::Legacy {
        return Plain::Unchanged;
    }
    if description.track() != 0 {
        return Plain::Nothing;
    }
    let Some(message) = Enhanced::read(kind, payload) else { return Plain::Nothing };
    let (track, is_plain) = match message.body {
        Body::Command => return Plain::Nothing,
        Body::Plain(track) => (track, !message.has_mod_ex),
        Body::OneTrack(track) => (track, false),
        Body::ManyTracks(mut tracks) => match tracks.find(|track| track.id == 0) {
            Some(track) => (track, false),
            None => return Plain::Nothing,
        },
    };
    let legacy = match (kind, track.four_cc) {
        (Kind::Video, FourCc::AVC) => legacy_avc(&message, track),
        (Kind::Audio, FourCc::AAC) => legacy_aac(message.packet_type, track),
        (Kind::Audio, FourCc::MP3) => legacy_mp3(message.packet_type, track),
        _ if is_plain => return Plain::Unchanged,
        _ => {
            let Enhanced { frame_type, packet_type, .. } = message;
            let Track { four_cc, data, .. } = track;
            return Plain::Rewritten(Packet { kind, frame_type, packet_type, four_cc, data }.plain());
        }
    };
    legacy.map_or(Plain::Nothing, Plain::Rewritten)
}

/// `frame type | 7, AVCPacketType, composition time, data`; CodedFrames bring the composition time along.
fn legacy_avc(message: &Enhanced<'_>, track: Track<'_>) -> Option<Bytes> {
    let first = message.frame_type.0 << 4 | video::AVC_CODEC_ID;
    match message.packet_type {
        PacketType::SEQUENCE_START => Some(concat(&[first, video::AVC_SEQUENCE_HEADER, 0, 0, 0], track.data)),
        PacketType::CODED_FRAMES => Some(concat(&[first, video::AVC_NAL_UNITS], track.data)),
        PacketType::CODED_FRAMES_X => Some(concat(&[first, video::AVC_NAL_UNITS, 0, 0, 0], track.data)),
        PacketType::SEQUENCE_END => Some(concat(&[first, video::AVC_END_OF_SEQUENCE, 0, 0, 0], &[])),
        _ => None,
    }
}

/// `0xAF, AACPacketType, data`.
fn legacy_aac(packet_type: PacketType, track: Track<'_>) -> Option<Bytes> {
    let aac_packet_type = match packet_type {
        PacketType::SEQUENCE_START => audio::AAC_SEQUENCE_HEADER,
        PacketType::CODED_FRAMES => audio::AAC_RAW,
        _ => return None,
    };
    Some(concat(&[audio::AAC_FIRST_BYTE, aac_packet_type], track.data))
}

/// `format | rate | size | channels, data`.
fn legacy_mp3(packet_type: PacketType, track: Track<'_>) -> Option<Bytes> {
    (packet_type == PacketType::CODED_FRAMES).then(|| concat(&[mp3_first_byte(track.data)], track.data))
}

/// The legacy header of an MP3 message, as far as its numbers go, from the header of the frame in it
/// (ISO/IEC 11172-3, 2.4.2.3; version bits 00 are MPEG-2.5). Decoders trust the frame, so a frame that cannot be
/// read counts as what nearly all are: 44 kHz stereo.
fn mp3_first_byte(frame: &[u8]) -> u8 {
    const RATE_11_KHZ: u8 = 1;
    const RATE_22_KHZ: u8 = 2;
    const RATE_44_KHZ: u8 = 3;
    const SIZE_16_BIT: u8 = 1;
    const MONO: u8 = 3;

    let (format, rate, stereo) = match frame.first_chunk() {
        Some(&[0xFF, second, third, fourth]) if second & 0xE0 == 0xE0 => {
            let (format, rate) = match (second >> 3 & 3, third >> 2 & 3) {
                // MPEG-2.5 at 8 kHz has a format of its own, whose rate field says nothing.
                (0, 2) => (audio::FORMAT_MP3_8_KHZ, 0),
                (0, _) => (audio::FORMAT_MP3, RATE_11_KHZ),
                (2, _) => (audio::FORMAT_MP3, RATE_22_KHZ),
                _ => (audio::FORMAT_MP3, RATE_44_KHZ),
            };
            (format, rate, fourth >> 6 != MONO)
        }
        _ => (audio::FORMAT_MP3, RATE_44_KHZ, true),
    };
    format << 4 | rate << 2 | SIZE_16_BIT << 1 | u8::from(stereo)
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Inspector;
    use crate::media::testing::{many_codecs, many_tracks, with_mod_ex};

    fn plain(kind: Kind, payload: &Bytes) -> Plain {
        let description = Inspector::new().inspect(kind, payload);
        plain_default_track(kind, payload, &description)
    }

    #[test]
    fn bytes_of_the_plain_form() {
        use Kind::{Audio, Video};
        #[rustfmt::skip]
        let table: &[(Kind, &'static [u8], &'static [u8])] = &[
            // AVC: by packet type, from a track, with ModEx
            (Video, b"\x90avc1\x01\x64",          b"\x17\x00\0\0\0\x01\x64"),
            (Video, b"\x91avc1\0\0\x21nal",       b"\x17\x01\0\0\x21nal"),
            (Video, b"\xa3avc1nal",               b"\x27\x01\0\0\0nal"),
            (Video, b"\xb3avc1nal",               b"\x37\x01\0\0\0nal"),
            (Video, b"\x92avc1",                  b"\x17\x02\0\0\0"),
            (Video, b"\xa6\x03avc1\x00nal",       b"\x27\x01\0\0\0nal"),
            (Video, b"\xa7\x02abc\x03avc1nal",    b"\x27\x01\0\0\0nal"),
            // AAC
            (Audio, b"\x90mp4a\x11\x90",          b"\xaf\x00\x11\x90"),
            (Audio, b"\x91mp4a\x21",              b"\xaf\x01\x21"),
            (Audio, b"\x95\x01mp4a\x00\x21",      b"\xaf\x01\x21"),
            // MP3: 44.1 kHz stereo, 24 kHz mono, 11.025 kHz stereo, 8 kHz mono, something else
            (Audio, b"\x91.mp3\xff\xfb\x90\x00",  b"\x2f\xff\xfb\x90\x00"),
            (Audio, b"\x91.mp3\xff\xf3\x84\xc4",  b"\x2a\xff\xf3\x84\xc4"),
            (Audio, b"\x91.mp3\xff\xe3\x80\x00",  b"\x27\xff\xe3\x80\x00"),
            (Audio, b"\x91.mp3\xff\xe3\x88\xc4",  b"\xe2\xff\xe3\x88\xc4"),
            (Audio, b"\x91.mp3\x12",              b"\x2f\x12"),
            // no legacy form: plain Enhanced RTMP, whatever the packet type
            (Video, b"\x96\x00hvc1\x00\x01",      b"\x90hvc1\x01"),
            (Video, b"\xa6\x03hvc1\x00nal",       b"\xa3hvc1nal"),
            (Video, b"\xa6\x0chvc1\x00new",       b"\xachvc1new"),
            (Video, b"\xa7\x00a\x01av01obu",      b"\xa1av01obu"),
            (Audio, b"\x95\x04Opus\x00\x01\x02",  b"\x94Opus\x01\x02"),
        ];
        for (kind, payload, expected) in table {
            let rewritten = Plain::Rewritten(Bytes::from_static(expected));
            assert_eq!(plain(*kind, &Bytes::from_static(payload)), rewritten, "{}", payload.escape_ascii());
        }
    }

    #[test]
    fn what_is_plain_already_is_unchanged() {
        use Kind::{Audio, Data, Video};
        #[rustfmt::skip]
        let table: &[(Kind, &'static [u8])] = &[
            (Video, b"\x17\x01\0\0\0nal"), (Video, b"\x57\x00"), (Video, b""), (Video, b"\x1c\x01\0\0\0nal"),
            (Audio, b"\xaf\x01\x21"), (Audio, b"\xff"), (Audio, b""), (Data, b"\x02\x00\x0aonMetaData"), (Data, b"?"),
            (Video, b"\x91hvc1\0\0\0nal"), (Video, b"\xd4hvc1\x02\0\x09colorInfo"), (Video, b"\x9cav01new"),
            (Audio, b"\x90Opus"), (Audio, b"\x94ac-3\x01"),
        ];
        for (kind, payload) in table {
            assert_eq!(plain(*kind, &Bytes::from_static(payload)), Plain::Unchanged, "{}", payload.escape_ascii());
        }
    }

    #[test]
    fn what_the_plain_form_cannot_say_is_left_out() {
        use Kind::{Audio, Video};
        #[rustfmt::skip]
        let table: &[(Kind, &'static [u8])] = &[
            // other tracks
            (Video, b"\x96\x00avc1\x01\x01\x64"), (Audio, b"\x95\x01mp4a\x01\x21"), (Video, b"\xa6\x03hvc1\x02nal"),
            // AVC, AAC and MP3 in FLV's own form
            (Video, b"\xd4avc1\x02\0\x09colorInfo\x06"), (Video, b"\x9cavc1new"), (Audio, b"\x94mp4a\x01\x02\0\0\0\x03"),
            (Audio, b"\x92mp4a"), (Audio, b"\x90.mp3"),
            // command frames, unreadable messages
            (Video, b"\xd1\x00"), (Video, b"\x91hv"), (Video, b"\x96\x31avc1\x00"),
        ];
        for (kind, payload) in table {
            assert_eq!(plain(*kind, &Bytes::from_static(payload)), Plain::Nothing, "{}", payload.escape_ascii());
        }
    }

    #[test]
    fn the_default_track_is_taken_out_of_many() {
        let tracks: &[(u8, &[u8])] = &[(1, b"other"), (0, b"nal")];
        let avc = many_tracks(Kind::Video, 9, 3, FourCc::AVC, tracks);
        let legacy = Plain::Rewritten(Bytes::from_static(b"\x17\x01\0\0\0nal"));
        assert_eq!(plain(Kind::Video, &avc), legacy);
        assert_eq!(plain(Kind::Video, &with_mod_ex(&avc)), legacy);
        let mixed = many_codecs(Kind::Video, 9, 3, &[(FourCc::HEVC, 1, b"other"), (FourCc::AVC, 0, b"nal")]);
        assert_eq!(plain(Kind::Video, &mixed), legacy);
        let others = many_tracks(Kind::Video, 9, 3, FourCc::AVC, &[(1, b"other"), (2, b"nal")]);
        assert_eq!(plain(Kind::Video, &others), Plain::Nothing);
    }
}

use super::*;
use crate::media::FourCc;
use crate::media::enhanced::Packet;
use crate::media::testing::{many_codecs, many_tracks, with_mod_ex};

const HEADER: Class = Class::Configuration(ConfigurationKind::SequenceHeader);

/// One slice of H.264 after its length: not referred to, and referred to.
const FREE: &[u8] = b"\0\0\0\x02\x01\x9e";
const REFERENCE: &[u8] = b"\0\0\0\x02\x41\x9a";

fn inspect(kind: Kind, payload: &[u8]) -> Description {
    Inspector::new().inspect(kind, payload)
}

fn enhanced_video(frame_type: u8, packet_type: u8, four_cc: FourCc, data: &[u8]) -> Packet<'_> {
    let (frame_type, packet_type) = (FrameType(frame_type), PacketType(packet_type));
    Packet { kind: Kind::Video, frame_type, packet_type, four_cc, data }
}

#[test]
fn legacy_messages() {
    use Kind::{Audio, Video};
    #[rustfmt::skip]
    let table: &[(Kind, &[u8], Class, Option<Codec>)] = &[
        (Video, b"\x17\x00\0\0\0\x01\x64\0\x1f\xff", HEADER, Some(FourCc::AVC.into())),
        (Video, b"\x17\x00\0\0\0",                   HEADER, Some(FourCc::AVC.into())),
        (Video, b"\x17\x01\0\0\0\0\0\0\x01\x65",     Class::Keyframe, Some(FourCc::AVC.into())),
        (Video, b"\x47\x01\0\0\0\0\0\0\x01\x65",     Class::Keyframe, Some(FourCc::AVC.into())),
        (Video, b"\x17\x01\0\0\0",                   Class::Other, Some(FourCc::AVC.into())),
        (Video, b"\x27\x01\0\0\0\0\0\0\x02\x41\x9a", Class::Inter, Some(FourCc::AVC.into())),
        (Video, b"\x27\x01\0\0\0\0\0\0\x02\x01\x9e", Class::Disposable, Some(FourCc::AVC.into())),
        // a length that does not fit
        (Video, b"\x27\x01\0\0\0\0\0\0\x09\x01\x9e", Class::Inter, Some(FourCc::AVC.into())),
        // disposable, says the publisher
        (Video, b"\x37\x01\0\0\0\0\0\0\x02\x41\x9a", Class::Disposable, Some(FourCc::AVC.into())),
        (Video, b"\x17\x02\0\0\0",                   Class::EndOfSequence, Some(FourCc::AVC.into())),
        (Video, b"\x57\x00",                         Class::Other, Some(FourCc::AVC.into())),
        (Video, b"\x12\x00\x00\x84",                 Class::Keyframe, Some(Codec::LegacyVideo(2))),
        (Video, b"\x24\x00",                         Class::Inter, Some(Codec::LegacyVideo(4))),
        (Video, b"\x07\x01\0\0\0\x01",               Class::Other, Some(FourCc::AVC.into())),
        (Video, b"",                                 Class::Other, None),
        (Audio, b"\xaf\x00\x11\x90",                 HEADER, Some(FourCc::AAC.into())),
        (Audio, b"\xaf\x01\x21",                     Class::Audio, Some(FourCc::AAC.into())),
        (Audio, b"\xaf\x07",                         Class::Other, Some(FourCc::AAC.into())),
        (Audio, b"\x2f\xff\xfb",                     Class::Audio, Some(FourCc::MP3.into())),
        (Audio, b"\xb2\x01",                         Class::Audio, Some(Codec::LegacyAudio(11))),
        (Audio, b"",                                 Class::Silence, None),
    ];
    for (kind, payload, class, codec) in table {
        let expected = Description { class: *class, codec: *codec, packaging: Packaging::Legacy };
        assert_eq!(inspect(*kind, payload), expected, "{}", payload.escape_ascii());
    }
}

#[test]
fn enhanced_messages() {
    use Kind::{Audio, Video};
    let configuration = Class::Configuration;
    #[rustfmt::skip]
    let table: &[(Kind, &[u8], Class, FourCc, Packaging)] = &[
        (Video, b"\x90hvc1\x01",                   HEADER, FourCc::HEVC, Packaging::Enhanced),
        (Video, b"\x91hvc1\0\0\0\0\0\0\x02\x26\x01", Class::Keyframe, FourCc::HEVC, Packaging::Enhanced),
        (Video, b"\xa3hvc1\0\0\0\x02\x02\x01",     Class::Inter, FourCc::HEVC, Packaging::Enhanced),
        (Video, b"\xa3avc1\0\0\0\x02\x01\x9e",     Class::Disposable, FourCc::AVC, Packaging::Enhanced),
        (Video, b"\xb1av01\x12\x00",               Class::Disposable, FourCc::AV1, Packaging::Enhanced),
        (Video, b"\x91av01\x12\x00",               Class::Keyframe, FourCc::AV1, Packaging::Enhanced),
        (Video, b"\x91vp09\x82",                   Class::Keyframe, FourCc::VP9, Packaging::Enhanced),
        (Video, b"\xa1vvc1\0\0\0x",                Class::Inter, FourCc::VVC, Packaging::Enhanced),
        (Video, b"\x95av01\x80",                   HEADER, FourCc::AV1, Packaging::Enhanced),
        (Video, b"\x92hvc1",                       Class::EndOfSequence, FourCc::HEVC, Packaging::Enhanced),
        (Video, b"\xd4hvc1\x02\0\x09colorInfo\x06", configuration(ConfigurationKind::ColorInfo), FourCc::HEVC, Packaging::Enhanced),
        (Video, b"\x9chvc1x",                      Class::Other, FourCc::HEVC, Packaging::Enhanced),
        (Video, b"\x91abcdx",                      Class::Keyframe, FourCc::of(*b"abcd"), Packaging::Enhanced),
        (Video, b"\x96\x01avc1\x02\0\0\0\0\0\0\x01\x65", Class::Keyframe, FourCc::AVC, Packaging::OneTrack(2)),
        (Audio, b"\x90mp4a\x11\x90",               HEADER, FourCc::AAC, Packaging::Enhanced),
        (Audio, b"\x91ac-3\x0b\x77",               Class::Audio, FourCc::AC3, Packaging::Enhanced),
        (Audio, b"\x92Opus",                       Class::EndOfSequence, FourCc::OPUS, Packaging::Enhanced),
        (Audio, b"\x94Opus\x01\x02\0\0\0\x03",     configuration(ConfigurationKind::MultichannelConfig), FourCc::OPUS, Packaging::Enhanced),
        (Audio, b"\x95\x01fLaC\x03x",              Class::Audio, FourCc::FLAC, Packaging::OneTrack(3)),
    ];
    for (kind, payload, class, four_cc, packaging) in table {
        let expected = Description { class: *class, codec: Some((*four_cc).into()), packaging: *packaging };
        assert_eq!(inspect(*kind, payload), expected, "{}", payload.escape_ascii());
        // A ModEx packet changes nothing of it.
        assert_eq!(inspect(*kind, &with_mod_ex(payload)), expected, "{} with ModEx", payload.escape_ascii());
    }
}

#[test]
fn command_frames_and_unreadable_messages_are_other() {
    let other = |packaging| Description { class: Class::Other, codec: None, packaging };
    assert_eq!(inspect(Kind::Video, b"\xd1\x00"), other(Packaging::Enhanced));
    for payload in [&b"\x91hv"[..], b"\x97\x05", b"\x96\x31avc1\x00", b"\x96\x11avc1", b"\x96\x11avc1\x00\0\0\x09x"] {
        assert_eq!(inspect(Kind::Video, payload), other(Packaging::Unreadable), "{}", payload.escape_ascii());
    }
}

#[test]
fn data_messages() {
    let metadata = Class::Configuration(ConfigurationKind::OnMetaData);
    let table: &[(&[u8], Class)] = &[
        (b"\x02\x00\x0aonMetaData\x08", metadata),
        (b"\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData\x08", metadata),
        (b"\x02\x00\x0f@clearDataFrame\x02\x00\x0aonMetaData", metadata),
        (b"\x02\x00\x0d@setDataFrame\x02\x00\x0aonTextData\x08", Class::Data),
        (b"\x02\x00\x0aonCuePoint\x08", Class::Data),
        (b"\x00\x40\x09\x21", Class::Data),
        (b"", Class::Data),
    ];
    for (payload, class) in table {
        let expected = Description { class: *class, codec: None, packaging: Packaging::Legacy };
        assert_eq!(inspect(Kind::Data, payload), expected, "{}", payload.escape_ascii());
    }
}

#[test]
fn the_length_size_is_remembered_for_each_track() {
    let mut inspector = Inspector::new();
    let mut class = |payload: &[u8]| inspector.inspect(Kind::Video, payload).class;
    let (two_bytes, frame) = (b"\x01\x64\x00\x1f\xfd\xe1", b"\x00\x02\x01\x9e");
    assert_eq!(class(&enhanced_video(1, 0, FourCc::AVC, two_bytes).on_track(2)), HEADER);
    assert_eq!(class(&enhanced_video(2, 3, FourCc::AVC, frame).on_track(2)), Class::Disposable);
    assert_eq!(class(&enhanced_video(2, 3, FourCc::AVC, frame).on_track(1)), Class::Inter);
    assert_eq!(class(&enhanced_video(2, 3, FourCc::AVC, frame).plain()), Class::Inter);
    // A header with no record says nothing new.
    assert_eq!(class(&enhanced_video(1, 0, FourCc::AVC, b"").on_track(2)), HEADER);
    assert_eq!(class(&enhanced_video(2, 3, FourCc::AVC, frame).on_track(2)), Class::Disposable);
}

#[test]
fn many_tracks_are_described_by_the_default_track() {
    let coded = |frame_type: u8, tracks: &[(u8, &[u8])]| {
        let message = many_tracks(Kind::Video, 8 | frame_type, 3, FourCc::AVC, tracks);
        let description = inspect(Kind::Video, &message);
        (description.class, description.packaging)
    };
    assert_eq!(coded(1, &[(1, REFERENCE), (0, REFERENCE)]), (Class::Keyframe, Packaging::ManyTracks(0)));
    // Not a keyframe of the default track: the packaging says so.
    assert_eq!(coded(1, &[(2, REFERENCE), (1, REFERENCE)]), (Class::Keyframe, Packaging::ManyTracks(2)));
    // To leave it out would cost the other track a picture that it needs.
    assert_eq!(coded(2, &[(0, FREE), (1, REFERENCE)]), (Class::Inter, Packaging::ManyTracks(0)));
    assert_eq!(coded(2, &[(0, FREE), (1, FREE)]), (Class::Disposable, Packaging::ManyTracks(0)));

    let mixed = many_codecs(Kind::Video, 9, 0, &[(FourCc::HEVC, 1, b"\x01"), (FourCc::AVC, 0, b"\x01")]);
    let expected = Description { class: HEADER, codec: Some(FourCc::AVC.into()), packaging: Packaging::ManyTracks(0) };
    assert_eq!(inspect(Kind::Video, &mixed), expected);
}

//! The module as its users see it: real encoder output, and properties that hold for any bytes.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::enhanced::{FrameType, Packet, PacketType};
use super::flv::Reader;
use super::testing::{many_tracks, with_mod_ex};
use super::*;
use crate::fuzzing::assert_answered;

const HEADER: Class = Class::Configuration(ConfigurationKind::SequenceHeader);
const COLOR: Class = Class::Configuration(ConfigurationKind::ColorInfo);
const CHANNELS: Class = Class::Configuration(ConfigurationKind::MultichannelConfig);
const METADATA: Class = Class::Configuration(ConfigurationKind::OnMetaData);

/// How many messages of each class a file has, by kind and track.
fn census(file: &'static [u8]) -> Vec<(Kind, u8, Class, usize)> {
    let mut inspector = Inspector::new();
    let mut counts: BTreeMap<(Kind, u8), Vec<(Class, usize)>> = BTreeMap::new();
    for tag in Reader::new(file).unwrap() {
        let tag = tag.unwrap();
        let description = inspector.inspect(tag.kind, &tag.payload);
        let classes = counts.entry((tag.kind, description.track())).or_default();
        match classes.iter_mut().find(|(class, _)| *class == description.class) {
            Some((_, count)) => *count += 1,
            None => classes.push((description.class, 1)),
        }
    }
    let flat = counts.into_iter().flat_map(|((kind, track), classes)| {
        classes.into_iter().map(move |(class, count)| (kind, track, class, count))
    });
    flat.collect()
}

/// The codec of each track that has media.
fn codecs(file: &'static [u8]) -> Vec<(Kind, u8, String)> {
    let mut inspector = Inspector::new();
    let mut codecs = BTreeMap::new();
    for tag in Reader::new(file).unwrap() {
        let tag = tag.unwrap();
        let description = inspector.inspect(tag.kind, &tag.payload);
        if let Some(codec) = description.codec {
            codecs.insert((tag.kind, description.track()), codec.to_string());
        }
    }
    codecs.into_iter().map(|((kind, track), codec)| (kind, track, codec)).collect()
}

// The numbers below are FFmpeg's own: frames by ffprobe, NAL unit types by its `trace_headers` filter, when the
// files were made (tests/fixtures/media/README.md).

#[test]
fn h264_and_aac() {
    // 12 P, and of 36 B frames 12 that others refer to.
    let file = include_bytes!("../../tests/fixtures/media/h264_aac.flv");
    let expected = [
        (Kind::Data, 0, METADATA, 1),
        (Kind::Audio, 0, HEADER, 1),
        (Kind::Audio, 0, Class::Audio, 95),
        (Kind::Video, 0, HEADER, 1),
        (Kind::Video, 0, Class::Keyframe, 2),
        (Kind::Video, 0, Class::Inter, 24),
        (Kind::Video, 0, Class::Disposable, 24),
        (Kind::Video, 0, Class::EndOfSequence, 1),
    ];
    assert_eq!(census(file), expected);
    assert_eq!(codecs(file), [(Kind::Audio, 0, "AAC".into()), (Kind::Video, 0, "H.264".into())]);
}

#[test]
fn hevc_with_two_aac_tracks() {
    // 24 TRAIL_R, 24 TRAIL_N, one temporal layer.
    let file = include_bytes!("../../tests/fixtures/media/hevc_two_aac.flv");
    let expected = [
        (Kind::Data, 0, METADATA, 1),
        (Kind::Audio, 0, HEADER, 1),
        (Kind::Audio, 0, Class::Audio, 95),
        (Kind::Audio, 1, HEADER, 1),
        (Kind::Audio, 1, CHANNELS, 1),
        (Kind::Audio, 1, Class::Audio, 95),
        (Kind::Video, 0, HEADER, 1),
        (Kind::Video, 0, COLOR, 1),
        (Kind::Video, 0, Class::Keyframe, 2),
        (Kind::Video, 0, Class::Inter, 24),
        (Kind::Video, 0, Class::Disposable, 24),
    ];
    assert_eq!(census(file), expected);
    let names = [(Kind::Audio, 0, "AAC".into()), (Kind::Audio, 1, "AAC".into()), (Kind::Video, 0, "HEVC".into())];
    assert_eq!(codecs(file), names);
}

#[test]
fn hevc_with_temporal_layers() {
    // 24 TRAIL_R in the lower layer, 24 TSA_N in the upper.
    let file = include_bytes!("../../tests/fixtures/media/hevc_temporal_layers.flv");
    let video: Vec<_> = census(file).into_iter().filter(|row| row.0 == Kind::Video).collect();
    let expected = [
        (Kind::Video, 0, HEADER, 1),
        (Kind::Video, 0, COLOR, 1),
        (Kind::Video, 0, Class::Keyframe, 2),
        (Kind::Video, 0, Class::Inter, 24),
        (Kind::Video, 0, Class::Disposable, 24),
    ];
    assert_eq!(video, expected);
}

#[test]
fn av1_and_opus() {
    let file = include_bytes!("../../tests/fixtures/media/av1_opus.flv");
    let expected = [
        (Kind::Data, 0, METADATA, 1),
        (Kind::Audio, 0, HEADER, 1),
        (Kind::Audio, 0, CHANNELS, 1),
        (Kind::Audio, 0, Class::Audio, 101),
        (Kind::Video, 0, HEADER, 1),
        (Kind::Video, 0, COLOR, 1),
        (Kind::Video, 0, Class::Keyframe, 2),
        (Kind::Video, 0, Class::Inter, 48),
    ];
    assert_eq!(census(file), expected);
    assert_eq!(codecs(file), [(Kind::Audio, 0, "Opus".into()), (Kind::Video, 0, "AV1".into())]);
}

#[test]
fn four_audio_tracks() {
    let file = include_bytes!("../../tests/fixtures/media/four_audio_tracks.flv");
    let names = ["AC-3", "Opus", "FLAC", "MP3"];
    let expected: Vec<_> = (0..4).zip(names).map(|(track, name)| (Kind::Audio, track, name.to_owned())).collect();
    assert_eq!(codecs(file), expected);
    let audio = |track| {
        let rows = census(file).into_iter().filter(move |row| (row.0, row.1) == (Kind::Audio, track));
        rows.map(|row| (row.2, row.3)).collect::<Vec<_>>()
    };
    assert_eq!(audio(0), [(HEADER, 1), (CHANNELS, 1), (Class::Audio, 10)]);
    assert_eq!(audio(1), [(HEADER, 1), (CHANNELS, 1), (Class::Audio, 16)]);
    // FLAC's header comes again at the end, with what is known by then.
    assert_eq!(audio(2), [(HEADER, 2), (CHANNELS, 2), (Class::Audio, 16)]);
    assert_eq!(audio(3), [(HEADER, 1), (CHANNELS, 1), (Class::Audio, 14)]);
}

#[test]
fn vp9_and_vvc() {
    let vp9 = include_bytes!("../../tests/fixtures/media/vp9.flv");
    let vvc = include_bytes!("../../tests/fixtures/media/vvc.flv");
    for (file, name) in [(&vp9[..], "VP9"), (&vvc[..], "VVC")] {
        let expected = [
            (Kind::Data, 0, METADATA, 1),
            (Kind::Video, 0, HEADER, 1),
            (Kind::Video, 0, COLOR, 1),
            (Kind::Video, 0, Class::Keyframe, 1),
            (Kind::Video, 0, Class::Inter, 9),
        ];
        assert_eq!(census(file), expected);
        assert_eq!(codecs(file), [(Kind::Video, 0, name.to_owned())]);
    }
}

/// The demo loops this clip: that takes a keyframe each second, whole seconds of both tracks, and no end of sequence.
#[test]
fn the_clip_of_the_demo() {
    let file = include_bytes!("../demo/clip.flv");
    let expected = [
        (Kind::Data, 0, METADATA, 1),
        (Kind::Audio, 0, HEADER, 1),
        (Kind::Audio, 0, Class::Audio, 375),
        (Kind::Video, 0, HEADER, 1),
        (Kind::Video, 0, Class::Keyframe, 8),
        (Kind::Video, 0, Class::Inter, 80),
        (Kind::Video, 0, Class::Disposable, 152),
    ];
    assert_eq!(census(file), expected);
    let mut inspector = Inspector::new();
    let keyframes: Vec<u32> = Reader::new(&file[..])
        .unwrap()
        .map(Result::unwrap)
        .filter(|tag| inspector.inspect(tag.kind, &tag.payload).class == Class::Keyframe)
        .map(|tag| tag.timestamp)
        .collect();
    assert_eq!(keyframes, [0, 1000, 2000, 3000, 4000, 5000, 6000, 7000]);
}

#[test]
fn a_plain_destination_gets_of_two_audio_tracks_the_first_byte_for_byte() {
    let file = include_bytes!("../../tests/fixtures/media/hevc_two_aac.flv");
    let mut inspector = Inspector::new();
    for tag in Reader::new(&file[..]).unwrap() {
        let tag = tag.unwrap();
        let description = inspector.inspect(tag.kind, &tag.payload);
        let expected = if description.track() == 0 { Plain::Unchanged } else { Plain::Nothing };
        assert_eq!(plain_default_track(tag.kind, &tag.payload, &description), expected, "{tag:?}");
    }
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Audio), Just(Kind::Video), Just(Kind::Data)]
}

/// Random bytes alone would seldom get past the header: half begin like something.
fn any_payload() -> impl Strategy<Value = Bytes> {
    let start = prop::sample::select(vec![
        &b""[..],
        b"\x17\x00\0\0\0",
        b"\x27\x01\0\0\0\0\0\0\x02",
        b"\x96\x01avc1",
        b"\x96\x10avc1",
        b"\x96\x20",
        b"\x95\x10mp4a\x00\0\0",
        b"\x90hvc1",
        b"\xa1hvc1\0\0\0",
        b"\xa7\x02abc",
        b"\x97\xff",
        b"\x94Opus",
        b"\x91.mp3\xff",
        b"\x02\x00\x0d@setDataFrame\x02\x00\x0a",
        b"\x02\x00\x0f@clearDataFrame",
    ]);
    let rest = prop_oneof![prop::collection::vec(any::<u8>(), 0..200), prop::collection::vec(0..9_u8, 0..40)];
    (start, rest).prop_map(|(start, rest)| [start, &rest].concat().into())
}

fn any_four_cc() -> impl Strategy<Value = FourCc> {
    use FourCc as F;
    let known = [F::AVC, F::HEVC, F::VVC, F::AV1, F::VP8, F::VP9, F::AAC, F::MP3, F::OPUS, F::FLAC, F::AC3, F::EAC3];
    prop_oneof![prop::sample::select(known.to_vec()), any::<u32>().prop_map(FourCc)]
}

fn packet(kind: Kind, frame_type: u8, packet_type: u8, four_cc: FourCc, data: &[u8]) -> Packet<'_> {
    let frame_type = FrameType(if kind == Kind::Video { frame_type } else { 0 });
    Packet { kind, frame_type, packet_type: PacketType(packet_type), four_cc, data }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_answered(messages in prop::collection::vec((any_kind(), any_payload()), 1..8)) {
        let mut inspector = Inspector::new();
        for (kind, payload) in messages {
            assert_answered(&mut inspector, kind, &payload);
        }
    }

    #[test]
    fn flattening_undoes_wrapping(
        kind in prop_oneof![Just(Kind::Audio), Just(Kind::Video)],
        frame_type in 1..5_u8,
        packet_type in 0..5_u8,
        four_cc in any_four_cc(),
        data in prop::collection::vec(any::<u8>(), 0..40),
        others in prop::collection::vec((1..=255_u8, prop::collection::vec(any::<u8>(), 0..10)), 0..4),
    ) {
        let packet = packet(kind, frame_type, packet_type, four_cc, &data);
        let plain = packet.plain();
        let nibble = plain[0] >> 4;
        let mut tracks: Vec<(u8, &[u8])> = others.iter().map(|(id, data)| (*id, &data[..])).collect();
        tracks.insert(tracks.len() / 2, (0, &data));
        let wrapped = [packet.on_track(0), many_tracks(kind, nibble, packet_type, four_cc, &tracks)];

        let flatten = |message: &Bytes| {
            let description = Inspector::new().inspect(kind, message);
            match plain_default_track(kind, message, &description) {
                Plain::Unchanged => Some(message.clone()),
                Plain::Rewritten(plain) => Some(plain),
                Plain::Nothing => None,
            }
        };
        let expected = flatten(&plain);
        for message in wrapped.iter().flat_map(|message| [message.clone(), with_mod_ex(message)]) {
            prop_assert_eq!(&flatten(&message), &expected);
        }
        prop_assert_eq!(flatten(&with_mod_ex(&plain)), expected);
        prop_assert_eq!(flatten(&packet.on_track(1)), None);
    }

    #[test]
    fn a_message_means_the_same_in_its_legacy_form(
        frame_type in 1..5_u8,
        packet_type in 0..4_u8,
        data in prop_oneof![prop::collection::vec(any::<u8>(), 0..40), Just(b"\0\0\0\x02\x01\x9e".to_vec())],
    ) {
        for (kind, four_cc) in [(Kind::Video, FourCc::AVC), (Kind::Audio, FourCc::AAC)] {
            let message = packet(kind, frame_type, packet_type, four_cc, &data).plain();
            let description = Inspector::new().inspect(kind, &message);
            if let Plain::Rewritten(legacy) = plain_default_track(kind, &message, &description) {
                let legacy = Inspector::new().inspect(kind, &legacy);
                prop_assert_eq!(legacy, Description { packaging: Packaging::Legacy, ..description });
            }
        }
    }

    #[test]
    fn the_wrapper_of_metadata_comes_off_again(payload in any_payload()) {
        let bare = metadata::unwrap(&payload);
        if metadata::name(&bare) != Some("@setDataFrame") {
            prop_assert_eq!(metadata::unwrap(&metadata::wrap(&bare)), bare);
        }
    }
}

/// Every body of up to two bytes, and every first byte before a few that are all alike.
#[test]
fn tiny_bodies_are_answered() {
    for kind in [Kind::Audio, Kind::Video, Kind::Data] {
        let answer = |payload: Vec<u8>| {
            let payload = Bytes::from(payload);
            let description = Inspector::new().inspect(kind, &payload);
            let _ = configurations(kind, &payload, &description);
            let _ = plain_default_track(kind, &payload, &description);
        };
        answer(vec![]);
        for first in 0..=255_u8 {
            answer(vec![first]);
            for second in 0..=255_u8 {
                answer(vec![first, second]);
            }
            for length in 3..=16 {
                for fill in [0x00, 0x01, 0x77, 0xFF] {
                    let mut payload = vec![fill; length];
                    payload[0] = first;
                    answer(payload);
                }
            }
        }
    }
}

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{
    destination::testing::{legacy_settings, settings},
    media::{
        FourCc,
        enhanced::{FrameType, Packet, PacketType},
    },
    stream::{
        Window,
        testing::{
            AAC_HEADER, AVC_HEADER, AVC_OTHER_HEADER, HEVC_HEADER, METADATA, WINDOW, Written, inter, keyframe, sound,
        },
    },
};

fn start(written: &Written, settings: &Settings) -> Playhead {
    Playhead::start(&written.log, 0, settings, Clock::FromFirstMessage).unwrap()
}

/// Everything that is there to be sent.
fn send_all(playhead: &mut Playhead, log: &Log) -> Vec<Outgoing> {
    let (mut batch, mut sent) = (Vec::new(), Vec::new());
    while playhead.take(log, None, &mut batch) == Taken::Messages {}
    for message in batch {
        playhead.prepare(&message, |outgoing| sent.push(outgoing)).unwrap();
    }
    sent
}

fn summary(sent: &[Outgoing]) -> Vec<(u32, Bytes)> {
    sent.iter().map(|outgoing| (outgoing.timestamp, outgoing.payload.clone())).collect()
}

fn wrapped_metadata() -> Bytes {
    [b"\x02\x00\x0d@setDataFrame", METADATA].concat().into()
}

#[test]
fn a_session_starts_with_headers_and_a_keyframe_at_zero() {
    let mut written = Written::with_headers(WINDOW);
    written.push(Kind::Video, 5000, keyframe(b"old"));
    written.push(Kind::Video, 7000, keyframe(b"new"));
    written.push(Kind::Audio, 6990, sound(b"a little before"));
    written.push(Kind::Video, 7040, inter(b"next"));
    let mut playhead = start(&written, &settings());
    let expected = [
        (0, wrapped_metadata()),
        (0, Bytes::from_static(AAC_HEADER)),
        (0, Bytes::from_static(AVC_HEADER)),
        (0, keyframe(b"new")),
        (0, sound(b"a little before")),
        (40, inter(b"next")),
    ];
    assert_eq!(summary(&send_all(&mut playhead, &written.log)), expected);

    written.push(Kind::Video, 7080, inter(b"same epoch"));
    assert_eq!(summary(&send_all(&mut playhead, &written.log)), [(80, inter(b"same epoch"))]);
}

#[test]
fn what_is_sent_is_what_was_published_without_a_copy() {
    let mut written = Written::with_headers(WINDOW);
    let frame = keyframe(b"shared by all");
    written.push(Kind::Video, 0, frame.clone());
    for settings in [settings(), legacy_settings()] {
        let mut playhead = start(&written, &settings);
        let sent = send_all(&mut playhead, &written.log);
        assert_eq!(sent.last().unwrap().payload.as_ptr(), frame.as_ptr());
    }
}

#[test]
fn only_what_changed_is_announced_in_mid_stream() {
    let mut written = Written::with_headers(WINDOW);
    written.push(Kind::Video, 0, keyframe(b"1"));
    let mut playhead = start(&written, &settings());
    send_all(&mut playhead, &written.log);
    written.push(Kind::Video, 40, Bytes::from_static(AVC_OTHER_HEADER));
    written.push(Kind::Video, 40, keyframe(b"2"));
    let expected = [(40, Bytes::from_static(AVC_OTHER_HEADER)), (40, keyframe(b"2"))];
    assert_eq!(summary(&send_all(&mut playhead, &written.log)), expected);
}

#[test]
fn a_slow_session_goes_on_at_the_newest_keyframe() {
    let mut written = Written::with_headers(WINDOW);
    written.push(Kind::Video, 0, keyframe(b""));
    let mut playhead = start(&written, &settings());
    assert_eq!(send_all(&mut playhead, &written.log).len(), 4);
    for second in 1..=6u32 {
        written.push(Kind::Video, second * 1000, keyframe(&second.to_be_bytes()));
        written.push(Kind::Video, second * 1000 + 500, inter(b""));
    }
    let sent = send_all(&mut playhead, &written.log);
    assert_eq!(summary(&sent), [(6000, keyframe(&6u32.to_be_bytes())), (6500, inter(b""))]);
    assert_eq!(playhead.dropped(), 10);
}

#[test]
fn an_overtaken_session_goes_on_at_the_newest_keyframe() {
    let window = Window { duration: Duration::from_secs(1), bytes: 1 << 20, hard_bytes: 1 << 20 };
    let mut written = Written::with_headers(window);
    written.push(Kind::Video, 0, keyframe(b""));
    let mut playhead = start(&written, &settings());
    send_all(&mut playhead, &written.log);
    for second in 1..=4u32 {
        written.push(Kind::Video, second * 1000, keyframe(&second.to_be_bytes()));
    }
    assert_eq!(summary(&send_all(&mut playhead, &written.log)), [(4000, keyframe(&4u32.to_be_bytes()))]);
    assert_eq!(playhead.dropped(), 3);
}

#[test]
fn a_broadcast_ends_after_its_last_message() {
    let mut written = Written::with_headers(WINDOW);
    written.push(Kind::Video, 0, keyframe(b"1"));
    written.push(Kind::Video, 40, inter(b"2"));
    let until = Some(written.log.head());
    written.push(Kind::Video, 80, keyframe(b"of the next broadcast"));
    let mut playhead = Playhead::start(&written.log, 0, &settings(), Clock::FromFirstMessage).unwrap();
    let mut batch = Vec::new();
    // The newest keyframe is the next broadcast's: nothing of this one is left to be sent.
    assert_eq!(playhead.take(&written.log, until, &mut batch), Taken::End);

    let mut written = Written::with_headers(WINDOW);
    written.push(Kind::Video, 0, keyframe(b"1"));
    let mut playhead = start(&written, &settings());
    written.push(Kind::Video, 40, inter(b"2"));
    let until = Some(written.log.head());
    assert_eq!(playhead.take(&written.log, until, &mut batch), Taken::Messages);
    assert_eq!((batch.len(), playhead.take(&written.log, until, &mut batch)), (2, Taken::End));
}

#[test]
fn a_platform_may_have_its_clock_go_on() {
    let mut written = Written::with_headers(WINDOW);
    written.push(Kind::Video, 1000, keyframe(b""));
    let mut first = start(&written, &settings());
    send_all(&mut first, &written.log);
    written.push(Kind::Video, 3000, keyframe(b"later"));
    let mut second = Playhead::start(&written.log, 0, &settings(), first.clock()).unwrap();
    assert_eq!(send_all(&mut second, &written.log).last().unwrap().timestamp, 2000);
}

/// H.264 on two tracks and AAC, over Enhanced RTMP: the default tracks, and one that only some destinations take.
fn multitrack() -> Written {
    let mut written = Written::new(WINDOW);
    let packet = |kind, four_cc, packet_type, frame_type, data: &'static [u8]| Packet {
        kind,
        frame_type,
        packet_type,
        four_cc,
        data,
    };
    let video = |packet_type, data| packet(Kind::Video, FourCc::AVC, packet_type, FrameType::KEY, data);
    let audio = |packet_type, data| packet(Kind::Audio, FourCc::AAC, packet_type, FrameType::KEY, data);
    written.push(Kind::Video, 0, video(PacketType::SEQUENCE_START, b"\x01\x42\xc0\x1e\xff").on_track(0));
    written.push(Kind::Video, 0, video(PacketType::SEQUENCE_START, b"\x01\x64\x00\x28\xff").on_track(1));
    written.push(Kind::Audio, 0, audio(PacketType::SEQUENCE_START, b"\x11\x90").plain());
    written.push(Kind::Video, 0, video(PacketType::CODED_FRAMES, b"\x00\x00\x21frame of 0").on_track(0));
    written.push(Kind::Video, 0, video(PacketType::CODED_FRAMES, b"\x00\x00\x21frame of 1").on_track(1));
    written.push(Kind::Audio, 10, audio(PacketType::CODED_FRAMES, b"sound").plain());
    written
}

#[test]
fn a_legacy_platform_gets_the_default_track_in_the_plain_form() {
    let written = multitrack();
    let mut playhead = start(&written, &legacy_settings());
    let expected: [(u32, &[u8]); 4] = [
        (0, b"\xaf\x00\x11\x90"),
        (0, b"\x17\x00\x00\x00\x00\x01\x42\xc0\x1e\xff"),
        (0, b"\x17\x01\x00\x00\x21frame of 0"),
        (10, b"\xaf\x01sound"),
    ];
    let expected = expected.map(|(time, payload)| (time, Bytes::from_static(payload)));
    assert_eq!(summary(&send_all(&mut playhead, &written.log)), expected);
}

#[test]
fn rewritten_bytes_are_made_once_for_all_legacy_platforms() {
    let written = multitrack();
    let sent = [(); 2].map(|()| {
        let mut playhead = start(&written, &legacy_settings());
        send_all(&mut playhead, &written.log)[2].payload.as_ptr()
    });
    assert_eq!(sent[0], sent[1]);
}

#[test]
fn a_destination_that_takes_all_gets_every_byte() {
    let written = multitrack();
    let mut playhead = start(&written, &settings());
    let sent = send_all(&mut playhead, &written.log);
    let published: Vec<_> = written.read_all().iter().map(|message| message.payload.clone()).collect();
    assert_eq!(sent.len(), 3 + published.len(), "three headers, then every message");
    let frames: Vec<_> = sent.into_iter().skip(3).map(|outgoing| outgoing.payload).collect();
    assert_eq!(frames, published);
}

#[test]
fn a_codec_that_is_not_taken_is_said_and_not_sent() {
    let mut written = Written::with_headers(WINDOW);
    written.push(Kind::Video, 0, keyframe(b""));
    let mut playhead = start(&written, &legacy_settings());
    send_all(&mut playhead, &written.log);
    written.push(Kind::Video, 40, Bytes::from_static(HEVC_HEADER));
    written.push(Kind::Audio, 40, sound(b""));
    let mut batch = Vec::new();
    playhead.take(&written.log, None, &mut batch);
    let mut sent = 0;
    let refusal = playhead.prepare(&batch[0], |_| sent += 1).unwrap_err();
    assert!(refusal.contains("HEVC") && refusal.contains("h264"), "{refusal}");
    assert_eq!(sent, 0);
}

#[test]
fn what_some_servers_close_on_is_left_out() {
    let mut written = Written::with_headers(WINDOW);
    written.push(Kind::Video, 0, keyframe(b""));
    written.push(Kind::Audio, 10, Bytes::new());
    written.push(Kind::Video, 20, Bytes::new());
    written.push(Kind::Data, 30, Bytes::from_static(b"\x00\x00\x00\x00"));
    written.push(Kind::Data, 40, Bytes::from_static(b"\x02\x00\x0aonTextData\x05"));
    let names = |settings: &Settings| {
        let mut playhead = start(&written, settings);
        send_all(&mut playhead, &written.log).iter().filter(|sent| sent.kind == Kind::Data).count()
    };
    // The metadata for both; the text for the one that takes everything with a name.
    assert_eq!((names(&settings()), names(&legacy_settings())), (2, 1));
    assert_eq!(send_all(&mut start(&written, &settings()), &written.log).len(), 3 + 1 + 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Random streams read at random speed: in order, never back within a track, a keyframe after each gap, never stuck.
    #[test]
    fn histories(
        steps in prop::collection::vec((0u32..400, 0usize..3000, 0u8..30, any::<bool>(), 0usize..4), 1..300),
        max_lag in 200u64..6000,
    ) {
        let mut settings = settings();
        settings.backpressure.max_lag = Duration::from_millis(max_lag);
        let window = Window { duration: settings.backpressure.max_lag, bytes: 100_000, hard_bytes: 400_000 };
        let mut written = Written::with_headers(window);
        written.push(Kind::Video, 0, keyframe(b""));
        let mut playhead = start(&written, &settings);
        let (mut millis, mut next, mut last) = (0, None, [0; 3]);
        for (wait, bytes, key, is_sound, reads) in steps {
            millis += wait;
            let tail = vec![7; bytes];
            match (is_sound, key) {
                (true, _) => written.push(Kind::Audio, millis, sound(&tail)),
                (false, 0) => written.push(Kind::Video, millis, keyframe(&tail)),
                (false, _) => written.push(Kind::Video, millis, inter(&tail)),
            }
            for _ in 0..reads {
                let mut batch = Vec::new();
                if playhead.take(&written.log, None, &mut batch) != Taken::Messages {
                    break;
                }
                for message in batch {
                    if next.is_some_and(|next| next != message.sequence) {
                        prop_assert!(message.random_access, "a gap that does not end at a keyframe");
                        prop_assert!(Some(message.sequence) > next, "sent again");
                    }
                    next = Some(message.sequence + 1);
                    playhead.prepare(&message, |outgoing| {
                        let track = &mut last[outgoing.kind as usize];
                        assert!(outgoing.timestamp >= *track, "a track ran back");
                        *track = outgoing.timestamp;
                    }).unwrap();
                }
            }
        }
        // Whoever reads on arrives at the head, unless the only group left has lost its keyframe.
        let mut batch = Vec::new();
        while playhead.take(&written.log, None, &mut batch) == Taken::Messages {}
        let arrived = playhead.position() == written.log.head();
        prop_assert!(arrived || written.log.newest_random_access(0).is_none());
    }
}

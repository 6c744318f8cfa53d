use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{
    destination::{
        settings::{PolicyName, Resume},
        testing::{legacy_settings, settings},
    },
    media::{
        FourCc,
        enhanced::{FrameType, Packet, PacketType},
    },
    stream::{
        Window,
        testing::{
            AAC_HEADER, AVC_HEADER, AVC_OTHER_HEADER, HEVC_HEADER, METADATA, WINDOW, Written, disposable, inter,
            keyframe, sound,
        },
    },
};

/// Long after everything has arrived.
const LATER: Duration = Duration::from_secs(3600);

fn start(written: &Written, settings: &Settings) -> Playhead {
    Playhead::start(&written.log, LATER, 0..u64::MAX, Start::Live, settings, Clock::FromFirstMessage).unwrap()
}

/// Everything that is there to be sent.
fn send_all(playhead: &mut Playhead, log: &Log) -> Vec<Outgoing> {
    let (mut batch, mut sent) = (Vec::new(), Vec::new());
    while playhead.take(log, LATER, None, &mut batch) == Taken::Messages {}
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
    assert_eq!(playhead.dropped(), Dropped { skipped: 10, ..Dropped::default() });
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
    assert_eq!(playhead.dropped().total(), 3);
}

#[test]
fn a_broadcast_ends_after_its_last_message() {
    let mut written = Written::with_headers(WINDOW);
    written.push(Kind::Video, 0, keyframe(b"1"));
    written.push(Kind::Video, 40, inter(b"2"));
    let until = Some(written.log.head());
    written.push(Kind::Video, 80, keyframe(b"of the next broadcast"));
    let mut playhead =
        Playhead::start(&written.log, LATER, 0..u64::MAX, Start::Live, &settings(), Clock::FromFirstMessage).unwrap();
    let mut batch = Vec::new();
    // The newest keyframe is the next broadcast's: nothing of this one is left to be sent.
    assert_eq!(playhead.take(&written.log, LATER, until, &mut batch), Taken::End);

    let mut written = Written::with_headers(WINDOW);
    written.push(Kind::Video, 0, keyframe(b"1"));
    let mut playhead = start(&written, &settings());
    written.push(Kind::Video, 40, inter(b"2"));
    let until = Some(written.log.head());
    assert_eq!(playhead.take(&written.log, LATER, until, &mut batch), Taken::Messages);
    assert_eq!((batch.len(), playhead.take(&written.log, LATER, until, &mut batch)), (2, Taken::End));
}

#[test]
fn a_platform_may_have_its_clock_go_on() {
    let mut written = Written::with_headers(WINDOW);
    written.push(Kind::Video, 1000, keyframe(b""));
    let mut first = start(&written, &settings());
    send_all(&mut first, &written.log);
    written.push(Kind::Video, 3000, keyframe(b"later"));
    let mut second =
        Playhead::start(&written.log, LATER, 0..u64::MAX, Start::Live, &settings(), first.clock()).unwrap();
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
    playhead.take(&written.log, LATER, None, &mut batch);
    let mut sent = 0;
    let refusal = playhead.prepare(&batch[0], |_| sent += 1).unwrap_err();
    assert!(refusal.contains("HEVC") && refusal.contains("H.264"), "{refusal}");
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

#[test]
fn a_codec_without_a_header_is_refused_when_it_is_heard() {
    let mut written = Written::new(WINDOW);
    written.push(Kind::Video, 0, Bytes::from_static(AVC_HEADER));
    written.push(Kind::Video, 0, keyframe(b""));
    let mut playhead = start(&written, &legacy_settings());
    assert_eq!(send_all(&mut playhead, &written.log).len(), 2);
    // MP3 has no sequence header.
    written.push(Kind::Audio, 10, Bytes::from_static(b"\x2fmp3"));
    let mut batch = Vec::new();
    playhead.take(&written.log, LATER, None, &mut batch);
    let refusal = playhead.prepare(&batch[0], |_| {}).unwrap_err();
    assert!(refusal.contains("the audio is MP3") && refusal.contains("takes AAC"), "{refusal}");
}

#[test]
fn a_data_message_with_a_clock_of_its_own_is_no_lag() {
    let mut written = Written::with_headers(WINDOW);
    let text = Bytes::from_static(b"\x02\x00\x0aonTextData\x05");
    written.push(Kind::Video, 0, keyframe(b""));
    let mut playhead = start(&written, &settings());
    send_all(&mut playhead, &written.log);
    written.push_at(Kind::Data, 0, 20_000, text);
    written.push(Kind::Audio, 20_000, sound(b""));
    written.push(Kind::Video, 20_000, keyframe(b"on time"));
    assert_eq!(send_all(&mut playhead, &written.log).len(), 3);
    assert_eq!(playhead.dropped(), Dropped::default());
}

#[test]
fn disposable_frames_go_first_then_the_picture_and_never_the_sound() {
    let mut settings = settings();
    settings.backpressure.policy = PolicyName::DropDisposable;
    settings.backpressure.max_lag = Duration::from_secs(4);
    let mut written = Written::with_headers(Window { duration: settings.window(), ..WINDOW });
    written.push(Kind::Video, 0, keyframe(b"0"));
    let mut playhead = start(&written, &settings);
    send_all(&mut playhead, &written.log);

    for millis in [1000, 2000, 3500] {
        written.push(Kind::Video, millis, disposable(b""));
        written.push(Kind::Video, millis, inter(b""));
        written.push(Kind::Audio, millis, sound(b""));
    }
    let kinds = |sent: &[Outgoing]| sent.iter().map(|sent| sent.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&send_all(&mut playhead, &written.log)), [Kind::Video, Kind::Audio].repeat(3));
    assert_eq!(playhead.dropped(), Dropped { disposable: 3, ..Dropped::default() });

    for second in 4..=10 {
        written.push(Kind::Video, second * 1000, if second == 9 { keyframe(b"9") } else { inter(b"") });
        written.push(Kind::Audio, second * 1000, sound(b""));
    }
    let sent = send_all(&mut playhead, &written.log);
    assert_eq!(sent.iter().filter(|sent| sent.kind == Kind::Audio).count(), 7, "the sound is whole");
    let picture: Vec<_> = sent.iter().filter(|sent| sent.kind == Kind::Video).map(|sent| sent.timestamp).collect();
    assert_eq!(picture, [9000, 10_000], "the picture goes on at the newest keyframe");
    assert_eq!(playhead.dropped().picture, 5);
}

#[test]
fn without_a_newer_keyframe_the_picture_waits_for_one() {
    let mut settings = settings();
    settings.backpressure.policy = PolicyName::DropDisposable;
    settings.backpressure.max_lag = Duration::from_secs(1);
    let mut written = Written::with_headers(WINDOW);
    written.push(Kind::Video, 0, keyframe(b""));
    let mut playhead = start(&written, &settings);
    send_all(&mut playhead, &written.log);
    written.push(Kind::Video, 1000, inter(b""));
    written.push(Kind::Video, 3000, inter(b""));
    assert!(send_all(&mut playhead, &written.log).is_empty());
    written.push(Kind::Video, 3040, inter(b"not yet"));
    written.push(Kind::Video, 3080, keyframe(b""));
    written.push(Kind::Video, 3120, inter(b""));
    let times: Vec<_> = send_all(&mut playhead, &written.log).iter().map(|sent| sent.timestamp).collect();
    assert_eq!(times, [3080, 3120]);
}

#[test]
fn never_drop_sends_everything_or_ends_the_session() {
    let mut settings = settings();
    settings.backpressure.policy = PolicyName::NeverDrop;
    let mut written = Written::with_headers(WINDOW);
    written.push(Kind::Video, 0, keyframe(b""));
    let mut playhead = start(&written, &settings);
    for second in 1..=5 {
        written.push(Kind::Video, second * 1000, keyframe(b""));
    }
    assert_eq!(send_all(&mut playhead, &written.log).len(), 3 + 6);
    for second in 6..=20 {
        written.push(Kind::Video, second * 1000, keyframe(b""));
    }
    assert_eq!(playhead.take(&written.log, LATER, None, &mut Vec::new()), Taken::Lost);
}

#[test]
fn a_delayed_session_sends_each_message_so_long_after_it_came() {
    let settings = Settings { delay: Duration::from_secs(2), ..settings() };
    let at = Duration::from_millis;
    let mut written = Written::with_headers(WINDOW);
    written.push(Kind::Video, 0, keyframe(b"0"));
    let begin =
        |log: &Log, now| Playhead::start(log, now, 0..u64::MAX, Start::Live, &settings, Clock::FromFirstMessage);
    assert!(begin(&written.log, at(1999)).is_none());
    let mut playhead = begin(&written.log, at(2000)).unwrap();
    written.push(Kind::Video, 500, inter(b"1"));
    written.push(Kind::Video, 3000, keyframe(b"2"));
    let mut batch = Vec::new();
    let mut take = |now| playhead.take(&written.log, at(now), Some(3), &mut batch);
    assert_eq!(take(2000), Taken::Messages);
    assert_eq!(take(2001), Taken::NothingBefore(at(2500)));
    assert_eq!(take(2500), Taken::Messages);
    // The publisher has stopped; what is left is still sent at its time.
    assert_eq!(take(4000), Taken::NothingBefore(at(5000)));
    assert_eq!((take(5000), take(5000)), (Taken::Messages, Taken::End));
    assert_eq!(batch.len(), 3);
    assert_eq!(playhead.dropped(), Dropped::default(), "a delay is no lag");
}

#[test]
fn catching_up_sends_what_the_peer_may_not_have_faster_than_it_came() {
    let window = Window { duration: Duration::from_secs(30), ..WINDOW };
    let mut written = Written::with_headers(window);
    for tenth in 0..100u32 {
        written.push(Kind::Video, tenth * 100, if tenth % 20 == 0 { keyframe(b"") } else { inter(b"") });
    }
    // Cut at message 45, back at 9.9 s: from the keyframe at 40.
    let settings = Settings { resume: Resume::CatchUp { window: window.duration }, ..settings() };
    let now = Duration::from_millis(9900);
    let mut playhead =
        Playhead::start(&written.log, now, 0..u64::MAX, Start::CatchUp(45), &settings, Clock::FromFirstMessage)
            .unwrap();
    assert_eq!(playhead.position(), 40);
    let mut batch = Vec::new();
    assert_eq!(playhead.take(&written.log, now, None, &mut batch), Taken::Messages);
    assert_eq!(batch.len(), 1);
    // A second later one and a half have been sent, although the lag is above `max_lag`.
    let later = now + Duration::from_secs(1);
    while playhead.take(&written.log, later, None, &mut batch) == Taken::Messages {}
    assert_eq!(batch.len(), 16);
    let Taken::NothingBefore(next) = playhead.take(&written.log, later, None, &mut batch) else { panic!() };
    assert!(next > later && next < later + Duration::from_millis(100), "{next:?}");
    // Four seconds later it is at the head, with nothing left out, and the policy rules again.
    while playhead.take(&written.log, now + Duration::from_secs(4), None, &mut batch) == Taken::Messages {}
    assert_eq!((batch.len(), playhead.position()), (60, 100));
    assert_eq!((playhead.pace, playhead.dropped()), (Pace::Live, Dropped::default()));
}

#[test]
fn what_is_no_longer_there_cannot_be_caught_up_with() {
    let mut written = Written::with_headers(WINDOW);
    for second in 0..60 {
        written.push(Kind::Video, second * 1000, keyframe(b""));
    }
    let playhead =
        Playhead::start(&written.log, LATER, 0..u64::MAX, Start::CatchUp(3), &settings(), Clock::FromFirstMessage)
            .unwrap();
    assert_eq!((playhead.position(), playhead.pace), (59, Pace::Live));
}

#[test]
fn a_session_that_is_overtaken_across_the_end_ends() {
    let window = Window { duration: Duration::from_secs(1), bytes: 1 << 20, hard_bytes: 1 << 20 };
    let mut written = Written::with_headers(window);
    written.push(Kind::Video, 0, keyframe(b""));
    let mut playhead = start(&written, &settings());
    written.push(Kind::Video, 40, inter(b""));
    let until = Some(written.log.head());
    for second in 5..=9 {
        written.push(Kind::Video, second * 1000, keyframe(b"of the next broadcast"));
    }
    let mut batch = Vec::new();
    assert_eq!(playhead.take(&written.log, LATER, until, &mut batch), Taken::End);
    assert!(batch.is_empty() && playhead.dropped().total() == 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Random streams read at random speed under every policy: in order, never back within a track, a keyframe after each gap
    /// of the picture, sound whole where the policy says so, never over the bound for long, never stuck.
    #[test]
    fn histories(
        steps in prop::collection::vec((0u32..400, 0usize..3000, 0u8..30, 0u8..3, 0usize..4), 1..150),
        max_lag in 200u64..6000,
        policy in 0usize..3,
        delay in prop::sample::select(vec![0u64, 0, 700]),
    ) {
        let mut settings = Settings { delay: Duration::from_millis(delay), ..settings() };
        settings.backpressure.max_lag = Duration::from_millis(max_lag);
        settings.backpressure.policy = PolicyName::ALL[policy].1;
        let window = Window { duration: settings.window(), bytes: 300_000, hard_bytes: 600_000 };
        let mut written = Written::with_headers(window);
        written.push(Kind::Video, 0, keyframe(b""));
        let start_at = Duration::from_millis(delay);
        let mut playhead = Playhead::start(&written.log, start_at, 0..u64::MAX, Start::Live, &settings, Clock::FromFirstMessage).unwrap();
        let (mut millis, mut next, mut last, mut is_lost) = (delay as u32, 0, [0; 3], false);
        for (wait, bytes, key, kind, reads) in steps {
            millis += wait;
            let tail = vec![7; bytes];
            match (kind, key) {
                (0, _) => written.push(Kind::Audio, millis, sound(&tail)),
                (_, 0) => written.push(Kind::Video, millis, keyframe(&tail)),
                (1, _) => written.push(Kind::Video, millis, inter(&tail)),
                _ => written.push(Kind::Video, millis, disposable(&tail)),
            }
            let now = Duration::from_millis(millis.into());
            for _ in 0..reads {
                let mut batch = Vec::new();
                let head = written.log.head_at(now.saturating_sub(settings.delay));
                let before = written.log.lag(Cursor::at(playhead.position()), head);
                let newest = written.log.newest_random_access(playhead.position() + 1, head).map(|message| message.sequence);
                let taken = playhead.take(&written.log, now, None, &mut batch);
                let is_over = before.duration > settings.backpressure.max_lag;
                let after = newest.map(|newest| written.log.lag(Cursor::at(newest), head).duration);
                if is_over && after.is_some_and(|after| after <= settings.backpressure.max_lag / 2) {
                    let picture = batch.iter().find(|message| message.kind == Kind::Video).map(|message| message.sequence);
                    prop_assert!(
                        settings.backpressure.policy == PolicyName::NeverDrop || picture.is_none() || picture >= newest,
                        "over the bound, and the picture of before the newest keyframe was sent"
                    );
                }
                match taken {
                    Taken::Messages => {}
                    Taken::Lost => {
                        prop_assert_eq!(PolicyName::ALL[policy].1, PolicyName::NeverDrop);
                        is_lost = true;
                        break;
                    }
                    Taken::Nothing | Taken::NothingBefore(_) => break,
                    Taken::End => prop_assert!(false, "nothing has ended"),
                }
                for message in batch {
                    prop_assert!(message.sequence >= next, "sent again");
                    prop_assert!(message.arrival + settings.delay <= now, "sent before its time");
                    let missing = (next..message.sequence).filter_map(|sequence| kept(&written.log, sequence));
                    let needs_keyframe = message.kind == Kind::Video
                        && missing.clone().any(|missing| missing.kind == Kind::Video && missing.description.class != Class::Disposable);
                    prop_assert!(!needs_keyframe || message.random_access, "a gap that does not end at a keyframe");
                    next = message.sequence + 1;
                    playhead.prepare(&message, |outgoing| {
                        let track = &mut last[outgoing.kind as usize];
                        assert!(outgoing.timestamp >= *track, "a track ran back");
                        *track = outgoing.timestamp;
                    }).unwrap();
                }
            }
            if is_lost {
                break;
            }
        }
        // Whoever reads on arrives at the head, unless the only group left has lost its keyframe.
        let mut batch = Vec::new();
        while playhead.take(&written.log, LATER, None, &mut batch) == Taken::Messages {}
        let arrived = playhead.position() == written.log.head();
        prop_assert!(arrived || is_lost || written.log.newest_random_access(0, u64::MAX).is_none()
            || settings.backpressure.policy == PolicyName::NeverDrop);
    }
}

/// The message of that sequence, where the log still has it.
fn kept(log: &Log, sequence: u64) -> Option<Arc<Message>> {
    let mut found = Vec::new();
    let one = Batch { messages: 1, bytes: usize::MAX };
    log.read(&mut Cursor::at(sequence), one, u64::MAX, &mut found);
    found.pop()
}

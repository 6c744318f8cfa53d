//! Enhanced RTMP: newer codecs and several tracks, whole to those who take all, and just the default track, plain, to those who
//! do not.

use std::time::Duration;

use bytes::Bytes;

use crate::support::flv::{self, AUDIO, Tag, VIDEO};
use crate::support::peers::{self, Peer};
use crate::support::relay::Relay;
use crate::support::wire::{Publisher, Sink};
use crate::support::{compare, ffmpeg, synthetic};

const PUBLISH: Duration = Duration::from_secs(40);
const END: Duration = Duration::from_secs(10);
/// What most platforms take.
const H264_ONLY: &str = "codecs = [\"h264\", \"aac\"]\nmultitrack = false";
const HEVC: &[&str] = &["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:scenecut=0"];
const AV1: &[&str] = &["-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-b:v", "400k"];

#[test]
fn hevc_with_two_audio_tracks() {
    relays_from_ffmpeg_9(2, HEVC, "HEVC");
}

#[test]
fn av1() {
    relays_from_ffmpeg_9(1, AV1, "AV1");
}

/// A destination that takes all gets every byte, and FFmpeg 9 decodes it; one that takes H.264 alone is not started and says why.
fn relays_from_ffmpeg_9(tones: usize, video: &[&str], codec: &str) {
    if !peers::are_here(&[Peer::Ffmpeg9]) {
        return;
    }
    let mut relay = Relay::new();
    let (all, plain) = (Sink::start(), Sink::start());
    relay.destination("all", &all.url(), "");
    relay.destination("plain", &plain.url(), H264_ONLY);
    relay.start();
    let published = relay.folder().join("published.flv");
    let mut publisher = ffmpeg::publish_enhanced(relay.folder(), tones, video, &relay.publish_url(), &published);
    relay.wait_for_state("all", "delivering", PUBLISH);
    let refused = relay.wait_for("plain", "held back", END, |entry| !entry["reason"].is_null());
    assert!(refused["reason"].as_str().unwrap().contains(codec), "{refused}");
    assert_eq!(relay.stream()["video_codec"], codec);
    publisher.succeed(PUBLISH);

    let session = all.wait_for("the end", END, |session| session.is_over);
    compare::assert_same("all", &flv::read(&published), &session.tags);
    let received = relay.folder().join("received.flv");
    flv::write(&received, &session.tags);
    ffmpeg::assert_nine_decodes(relay.folder(), &received);
    assert_eq!(plain.sessions().len(), 0, "a destination that cannot show it got a publish");
    let log = relay.log();
    assert!(log.lines().any(|line| line.contains("plain") && line.contains(codec)), "the log does not say it");
}

/// As OBS does it: the default track as ever, further ones beside it as Enhanced messages with one track each.
#[test]
fn a_second_video_track_beside_a_plain_one() {
    let mut plain = synthetic::headers(0);
    plain.extend(synthetic::frames(0, 3_000, 4_000));
    let mut both = Vec::new();
    for tag in &plain {
        both.push(tag.clone());
        if tag.kind == VIDEO {
            both.push(Tag { payload: one_track(1, &tag.payload), ..tag.clone() });
        }
    }
    relays_by_need(&both, &plain);
}

/// Both tracks in one message, the default one too: to be taken out and put into the plain form.
#[test]
fn two_video_tracks_in_each_message() {
    let mut plain = synthetic::headers(0);
    plain.extend(synthetic::frames(0, 3_000, 4_000));
    let both: Vec<Tag> = plain
        .iter()
        .map(|tag| match tag.kind {
            VIDEO => Tag { payload: two_tracks(&tag.payload), ..tag.clone() },
            _ => tag.clone(),
        })
        .collect();
    relays_by_need(&both, &plain);
}

#[test]
fn a_second_audio_track_beside_a_plain_one() {
    let mut plain = synthetic::headers(0);
    plain.extend(synthetic::frames(0, 3_000, 4_000));
    let mut both = Vec::new();
    for tag in &plain {
        both.push(tag.clone());
        if tag.kind == AUDIO {
            both.push(Tag { payload: second_audio_track(&tag.payload), ..tag.clone() });
        }
    }
    relays_by_need(&both, &plain);
}

/// Publishes `both`: a destination that takes all gets `both`, one that takes a single H.264 track gets `plain`.
fn relays_by_need(both: &[Tag], plain: &[Tag]) {
    let mut relay = Relay::new();
    let (all, single) = (Sink::start(), Sink::start());
    relay.destination("all", &all.url(), "");
    relay.destination("single", &single.url(), H264_ONLY);
    relay.start();
    let mut publisher = Publisher::connect(relay.rtmp_port(), relay.stream_key()).expect("the key is right");
    publisher.send_paced(both).unwrap();
    publisher.unpublish().unwrap();
    let session = all.wait_for("the end", END, |session| session.is_over);
    // A header with several tracks may come as one header for each, so the frames alone are compared.
    compare::assert_equal_payloads("all", &compare::frames(both), &compare::frames(&session.tags));
    compare::assert_configured("all", &session.tags);
    let session = single.wait_for("the end", END, |session| session.is_over);
    compare::assert_same("single", plain, &session.tags);
}

/// The same H.264 message as the only track of an Enhanced multitrack message.
fn one_track(track: u8, legacy: &Bytes) -> Bytes {
    let [frame_type, packet_type] = [legacy[0] & 0x70, legacy[1]];
    let mut payload = vec![0x80 | frame_type | 6, packet_type];
    payload.extend(b"avc1");
    payload.push(track);
    payload.extend(body(legacy));
    payload.into()
}

/// The same H.264 message as tracks 0 and 1 of one Enhanced multitrack message.
fn two_tracks(legacy: &Bytes) -> Bytes {
    let [frame_type, packet_type] = [legacy[0] & 0x70, legacy[1]];
    let mut payload = vec![0x80 | frame_type | 6, 1 << 4 | packet_type];
    payload.extend(b"avc1");
    for track in [0, 1] {
        let body = body(legacy);
        payload.push(track);
        payload.extend(&u32::try_from(body.len()).expect("a picture is small").to_be_bytes()[1..]);
        payload.extend(body);
    }
    payload.into()
}

/// Coded frames keep their composition time, which a sequence header does not have in this form.
fn body(legacy: &Bytes) -> Bytes {
    if legacy[1] == 0 { legacy.slice(5..) } else { legacy.slice(2..) }
}

/// The same AAC message as track 1 of an Enhanced multitrack message.
fn second_audio_track(legacy: &Bytes) -> Bytes {
    let mut payload = vec![0x95, legacy[1]];
    payload.extend(b"mp4a");
    payload.push(1);
    payload.extend(&legacy[2..]);
    payload.into()
}

//! The bench against itself: each peer's own quirks, measured without a relay, so that a difference seen with one is the relay's.

use std::time::Duration;

use crate::support::certificates::{Authority, Flaw};
use crate::support::nginx::Nginx;
use crate::support::peers::{self, Peer};
use crate::support::relay::temporary_folder;
use crate::support::stunnel::Stunnel;
use crate::support::wire::{Publisher, Sink};
use crate::support::{clip, compare, ffmpeg, flv, gstreamer, ports, synthetic};

const PUBLISH: Duration = Duration::from_secs(30);

#[test]
fn nginx_records_what_ffmpeg_publishes() {
    if !peers::are_here(&[Peer::Ffmpeg, Peer::Nginx]) {
        return;
    }
    let folder = temporary_folder();
    let nginx = Nginx::start(folder.path(), "nginx");
    let published = folder.path().join("published.flv");
    let url = format!("{}/key", nginx.url());
    ffmpeg::publish(folder.path(), &clip::h264_aac(), &url, &published).succeed(PUBLISH);
    compare::assert_same("nginx", &flv::read(&published), &nginx.recording());
}

#[test]
fn nginx_behind_stunnel_records_what_ffmpeg_publishes() {
    if !peers::are_here(peers::RECORDERS) {
        return;
    }
    let folder = temporary_folder();
    let authority = Authority::new(folder.path());
    let nginx = Nginx::start(folder.path(), "nginx");
    let stunnel = Stunnel::start(folder.path(), "stunnel", &authority.identity("good", Flaw::None), nginx.port());
    let published = folder.path().join("published.flv");
    let url = format!("{}/key", stunnel.url());
    ffmpeg::publish(folder.path(), &clip::h264_aac(), &url, &published).succeed(PUBLISH);
    compare::assert_same("stunnel", &flv::read(&published), &nginx.recording());
}

#[test]
fn nginx_records_what_gstreamer_publishes() {
    if !peers::are_here(&[Peer::Ffmpeg, Peer::Gstreamer, Peer::Nginx]) {
        return;
    }
    let folder = temporary_folder();
    let nginx = Nginx::start(folder.path(), "nginx");
    let published = folder.path().join("published.flv");
    let url = format!("{}/key", nginx.url());
    gstreamer::publish(folder.path(), &clip::h264_aac(), &url, &published).succeed(PUBLISH);
    compare::assert_same("nginx", &flv::read(&published), &nginx.recording());
}

#[test]
fn the_hand_made_sink_keeps_what_ffmpeg_publishes() {
    if !peers::are_here(&[Peer::Ffmpeg]) {
        return;
    }
    let folder = temporary_folder();
    let sink = Sink::start();
    let published = folder.path().join("published.flv");
    let url = format!("{}/key", sink.url());
    ffmpeg::publish(folder.path(), &clip::h264_aac(), &url, &published).succeed(PUBLISH);
    let session = sink.wait_for("the end of the publish", PUBLISH, |session| session.is_over);
    compare::assert_same("sink", &flv::read(&published), &session.tags);
    assert!(session.was_unpublished(), "FFmpeg ends its publish in good order");
    assert_eq!(session.stream_key, "key");
}

#[test]
fn nginx_records_what_the_hand_made_publisher_publishes() {
    if !peers::are_here(&[Peer::Nginx]) {
        return;
    }
    let folder = temporary_folder();
    let nginx = Nginx::start(folder.path(), "nginx");
    let mut tags = synthetic::headers(0);
    tags.extend(synthetic::frames(0, 3000, 20_000));
    let mut publisher = Publisher::connect(nginx.port(), "key").unwrap();
    for tag in &tags {
        publisher.send(tag).unwrap();
    }
    publisher.unpublish().unwrap();
    compare::assert_same("nginx", &tags, &nginx.recording());
}

#[test]
fn the_hand_made_peers_agree_on_extended_timestamps() {
    let sink = Sink::start();
    let start = u32::MAX - 1500;
    let mut tags = synthetic::headers(start);
    tags.extend(synthetic::frames(start, 3000, 20_000));
    let mut publisher = Publisher::connect(sink.port(), "key").unwrap();
    for tag in &tags {
        publisher.send(tag).unwrap();
    }
    publisher.unpublish().unwrap();
    let session = sink.wait_for("the end of the publish", PUBLISH, |session| session.is_over);
    assert!(session.tags == tags, "every tag with its own time");
}

#[test]
fn ffmpeg_decodes_what_ffmpeg_publishes() {
    if !peers::are_here(&[Peer::Ffmpeg]) {
        return;
    }
    let folder = temporary_folder();
    let port = ports::free();
    let received = folder.path().join("received.flv");
    let mut destination = ffmpeg::listen(folder.path(), port, "key", &received);
    ffmpeg::wait_for_listener(port);
    let published = folder.path().join("published.flv");
    let url = format!("rtmp://127.0.0.1:{port}/live/key");
    ffmpeg::publish(folder.path(), &clip::h264_aac(), &url, &published).succeed(PUBLISH);
    ffmpeg::assert_decoded(&mut destination, PUBLISH);
    compare::assert_same("ffmpeg", &flv::read(&published), &flv::read(&received));
}

#[test]
fn ffmpeg_9_decodes_the_hevc_that_it_publishes_with_two_audio_tracks() {
    ffmpeg_9_decodes_what_it_publishes(
        2,
        &["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"],
    );
}

#[test]
fn ffmpeg_9_decodes_the_av1_that_it_publishes() {
    ffmpeg_9_decodes_what_it_publishes(1, &["-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8"]);
}

fn ffmpeg_9_decodes_what_it_publishes(tones: usize, video: &[&str]) {
    if !peers::are_here(&[Peer::Ffmpeg9]) {
        return;
    }
    let folder = temporary_folder();
    let sink = Sink::start();
    let published = folder.path().join("published.flv");
    let url = format!("{}/key", sink.url());
    ffmpeg::publish_enhanced(folder.path(), tones, video, &url, &published).succeed(PUBLISH);
    let session = sink.wait_for("the end of the publish", PUBLISH, |session| session.is_over);
    compare::assert_same("sink", &flv::read(&published), &session.tags);
    let received = folder.path().join("received.flv");
    flv::write(&received, &session.tags);
    ffmpeg::assert_nine_decodes(folder.path(), &received);
}

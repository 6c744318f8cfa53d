//! What real publishers send is what real servers record: the same audio and video, byte for byte, in order, on a clock that
//! differs by a constant.

use std::path::Path;
use std::time::Duration;

use crate::support::certificates::{Authority, Flaw};
use crate::support::nginx::Nginx;
use crate::support::peers::{self, Peer};
use crate::support::process::Process;
use crate::support::relay::Relay;
use crate::support::stunnel::Stunnel;
use crate::support::{clip, compare, ffmpeg, flv, gstreamer, ports};

/// The clip takes six seconds; the machine may be busy.
const PUBLISH: Duration = Duration::from_secs(30);
const END: Duration = Duration::from_secs(10);

type Publish = fn(&Path, &Path, &str, &Path) -> Process;

#[test]
fn ffmpeg_over_rtmp() {
    if !peers::are_here(peers::RECORDERS) {
        return;
    }
    relays_to_nginx_and_stunnel(ffmpeg::publish, Relay::publish_url);
}

#[test]
fn ffmpeg_over_rtmps() {
    if !peers::are_here(peers::RECORDERS) {
        return;
    }
    relays_to_nginx_and_stunnel(ffmpeg::publish, Relay::publish_url_rtmps);
}

#[test]
fn gstreamer_over_rtmp() {
    if !peers::are_here(&[Peer::Ffmpeg, Peer::Gstreamer, Peer::Nginx, Peer::Stunnel]) {
        return;
    }
    relays_to_nginx_and_stunnel(gstreamer::publish, Relay::publish_url);
}

/// One publish to two recorders at once, one over rtmp and one over rtmps.
fn relays_to_nginx_and_stunnel(publish: Publish, url: fn(&Relay) -> String) {
    let mut relay = Relay::new();
    let authority = Authority::new(relay.folder());
    let plain = Nginx::start(relay.folder(), "nginx-rtmp");
    let encrypted = Nginx::start(relay.folder(), "nginx-rtmps");
    let identity = authority.identity("stunnel", Flaw::None);
    let stunnel = Stunnel::start(relay.folder(), "stunnel", &identity, encrypted.port());
    relay.serve_rtmps(authority.identity("relay", Flaw::None));
    relay.destination("plain", &plain.url(), "");
    relay.destination("encrypted", &stunnel.url(), &format!("ca_file = \"{}\"", authority.file().display()));
    relay.start();

    let published = relay.folder().join("published.flv");
    let url = url(&relay);
    let mut publisher = publish(relay.folder(), &clip::h264_aac(), &url, &published);
    relay.wait_for_state("plain", "delivering", PUBLISH);
    relay.wait_for_state("encrypted", "delivering", PUBLISH);
    assert_eq!(relay.stream()["video_codec"], "H.264");
    assert_eq!(relay.stream()["audio_codec"], "AAC");
    publisher.succeed(PUBLISH);
    relay.wait_for_state("plain", "idle", END);

    let published = flv::read(&published);
    compare::assert_same("nginx", &published, &plain.recording());
    compare::assert_same("nginx behind stunnel", &published, &encrypted.recording());
}

#[test]
fn ffmpeg_as_destination_decodes_all() {
    if !peers::are_here(&[Peer::Ffmpeg]) {
        return;
    }
    let mut relay = Relay::new();
    let port = ports::free();
    let key = relay.destination("ffmpeg", &format!("rtmp://127.0.0.1:{port}/live"), "");
    relay.start();
    let received = relay.folder().join("received.flv");
    let mut destination = ffmpeg::listen(relay.folder(), port, &key, &received);
    ffmpeg::wait_for_listener(port);

    let published = relay.folder().join("published.flv");
    ffmpeg::publish(relay.folder(), &clip::h264_aac(), &relay.publish_url(), &published).succeed(PUBLISH);
    ffmpeg::assert_decoded(&mut destination, PUBLISH);
    // FFmpeg writes audio and video of one instant in the order in which it first saw the two, not as they came.
    let [published, received] = [published, received].map(|file| compare::by_time(&flv::read(&file)));
    compare::assert_same("ffmpeg", &published, &received);
}

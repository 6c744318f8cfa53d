//! Publishers with TLS: both versions, several certificates, one that is renewed under a live publish, ports that take both.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::broadcast::Broadcast;
use crate::support::certificates::{Authority, Flaw, Identity};
use crate::support::clip;
use crate::support::nginx::Nginx;
use crate::support::peers::{self, Peer};
use crate::support::process::Process;
use crate::support::relay::Relay;
use crate::support::stunnel::Stunnel;
use crate::support::wire::{Publisher, Sink};
use crate::support::{http, tls, wait};

const START: Duration = Duration::from_secs(10);

/// A relay with RTMPS, and its authority.
fn relay() -> (Relay, Authority) {
    let mut relay = Relay::new();
    let authority = Authority::new(relay.folder());
    relay.serve_rtmps(authority.identity("relay", Flaw::None));
    (relay, authority)
}

/// Both of these publishers use GnuTLS, which takes from a file what it may not speak; what is left, it takes the newest of.
fn only(version: &str, folder: &Path) -> PathBuf {
    let file = folder.join("gnutls.conf");
    let without = if version == "TLS 1.2" { "disabled-version = tls1.3\n" } else { "" };
    fs::write(&file, format!("[overrides]\n{without}")).expect("the folder can be written");
    file
}

fn ffmpeg(folder: &Path, clip: &Path, url: &str, policy: &Path) -> Process {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "warning", "-nostdin", "-re", "-stream_loop", "-1", "-i"]).arg(clip);
    ffmpeg.args(["-map", "0", "-c", "copy", "-f", "flv", url]).env("GNUTLS_SYSTEM_PRIORITY_FILE", policy);
    Process::start("ffmpeg-publisher", folder, &mut ffmpeg)
}

fn gstreamer(folder: &Path, clip: &Path, url: &str, policy: &Path) -> Process {
    let mut gstreamer = Command::new("gst-launch-1.0");
    gstreamer.args(["-q", "filesrc", &format!("location={}", clip.display()), "!", "flvdemux", "name=demux"]);
    gstreamer.args(["demux.video", "!", "queue", "!", "h264parse", "!", "mux."]);
    gstreamer.args(["demux.audio", "!", "queue", "!", "aacparse", "!", "mux."]);
    gstreamer.args(["flvmux", "name=mux", "streamable=true", "!", "rtmp2sink", "sync=true"]);
    // The certificate is our own authority's, which this machine does not know.
    gstreamer.args(["tls-validation-flags=0", &format!("location={url}")]);
    gstreamer.env("GNUTLS_SYSTEM_PRIORITY_FILE", policy);
    Process::start("gstreamer-publisher", folder, &mut gstreamer)
}

#[test]
fn ffmpeg_and_gstreamer_publish_with_both_versions_of_tls() {
    if !peers::are_here(&[Peer::Ffmpeg, Peer::Gstreamer]) {
        return;
    }
    let (mut relay, _authority) = relay();
    let sink = Sink::start();
    relay.destination("sink", &sink.url(), "");
    relay.start();
    // What protects it is said of each destination too.
    let plain = "destination `sink` is live: its server accepted the publish (plain)";
    let clip = clip::h264_aac();
    let url = relay.publish_url_rtmps();
    let mut lives = 0;
    for version in ["TLS 1.2", "TLS 1.3"] {
        let policy = only(version, relay.folder());
        for start in [ffmpeg, gstreamer] {
            let publisher = start(relay.folder(), &clip, &url, &policy);
            let stream = wait::until("a publisher with TLS", START, || {
                let stream = relay.stream();
                (!stream["publisher"].is_null() && stream["received_messages"].as_u64() > Some(50)).then_some(stream)
            });
            let protection = stream["publisher"]["tls"].as_str().unwrap_or_default();
            assert!(protection.starts_with(version), "{protection}, not {version}");
            // GnuTLS offers AES-256 first.
            assert!(protection.ends_with(tls::favourite()), "{protection}");
            assert_eq!(stream["publisher"]["transport"], "rtmps");
            relay.wait_for_log(&format!("({protection})"), START);
            drop(publisher);
            wait::until("the publisher to be gone", START, || relay.stream()["publisher"].is_null().then_some(()));
            lives += 1;
        }
    }
    let transports = &relay.stream()["transports"];
    assert_eq!((&transports["rtmps"]["publishes"], &transports["rtmp"]), (&lives.into(), &serde_json::Value::Null));
    sink.wait_for("media", START, |session| session.first_media.is_some());
    relay.wait_for_log(plain, START);
}

/// Towards a server with TLS its version and cipher stand in the line that says it is live, and in the status.
#[test]
fn a_leg_to_a_server_says_what_protects_it() {
    if !peers::are_here(peers::RECORDERS) {
        return;
    }
    let mut relay = Relay::new();
    let nginx = Nginx::start(relay.folder(), "nginx");
    let authority = Authority::new(relay.folder());
    let stunnel =
        Stunnel::start(relay.folder(), "stunnel", &authority.identity("destination", Flaw::None), nginx.port());
    let ca = format!("ca_file = \"{}\"", authority.file().display());
    relay.destination("behind-tls", &stunnel.url(), &ca);
    relay.start();
    let _broadcast = Broadcast::synthetic(&relay, 2_000);
    let entry = relay.wait_for_state("behind-tls", "delivering", START);
    let tls = entry["connection"]["tls"].as_str().expect("it is protected");
    assert!(tls.starts_with("TLS 1.3 with TLS13_"), "{tls}");
    relay.wait_for_log(&format!("destination `behind-tls` is live: its server accepted the publish ({tls})"), START);
}

/// Puts another pair in the place of one, as certificate robots do: each file by a rename.
fn replace(identity: &Identity, with: &Identity) {
    for (old, new) in [(&identity.certificate, &with.certificate), (&identity.key, &with.key)] {
        let draft = old.with_extension("new");
        fs::copy(new, &draft).expect("it can be written");
        fs::rename(&draft, old).expect("it can be renamed");
    }
}

#[test]
fn a_certificate_is_renewed_under_a_live_publish() {
    if !peers::are_here(&[Peer::Ffmpeg]) {
        return;
    }
    let mut relay = Relay::new();
    let authority = Authority::new(relay.folder());
    let identity = authority.identity("relay", Flaw::EndsSoon);
    let files = Identity { certificate: identity.certificate.clone(), key: identity.key.clone() };
    relay.serve_rtmps(identity);
    relay.start();
    relay.wait_for_log("5 days are left", START);
    let port = relay.rtmps_port();
    let (_, health) = http::get(relay.http_port(), "/healthz").unwrap();
    assert!(health.starts_with("forkcast is healthy\n") && health.contains("runs out in 5 days"), "{health}");
    let (_, metrics) = http::get(relay.http_port(), "/metrics").unwrap();
    assert!(metrics.contains("forkcast_certificate_expiry_timestamp_seconds{"), "{metrics}");

    let clip = clip::h264_aac();
    let any = only("TLS 1.3", relay.folder());
    let mut publisher = ffmpeg(relay.folder(), &clip, &relay.publish_url_rtmps(), &any);
    wait::until("the publisher", START, || (!relay.stream()["publisher"].is_null()).then_some(()));
    let old = tls::shown(port, "localhost", &authority.file()).unwrap();
    assert_eq!(old, tls::of_file(&files.certificate));

    // A pair that does not fit together is not taken.
    let renewed = authority.identity("renewed", Flaw::None);
    let strange = authority.identity("strange", Flaw::None);
    fs::copy(&strange.key, &files.key).unwrap();
    relay.wait_for_log("a certificate has changed and is not used", START);
    assert_eq!(tls::shown(port, "localhost", &authority.file()).unwrap(), old);

    replace(&files, &renewed);
    let began = Instant::now();
    let new = tls::of_file(&renewed.certificate);
    wait::until("the new certificate", START, || {
        (tls::shown(port, "localhost", &authority.file()).unwrap() == new).then_some(())
    });
    println!("a renewed certificate was in use after {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(5));
    relay.wait_for_log("is new and in use for new connections", START);

    // The one that was live is live still, and its messages go on.
    let messages = relay.stream()["received_messages"].as_u64();
    wait::until("more messages", START, || (relay.stream()["received_messages"].as_u64() > messages).then_some(()));
    assert!(publisher.is_running());
    assert_eq!(relay.log().matches("stream `live` is live").count(), 1, "one publish from its beginning to here");
    let status = relay.status();
    assert!(status["certificates"][0]["days_left"].as_i64() > Some(300), "{}", status["certificates"]);
}

#[test]
fn each_host_is_shown_its_certificate() {
    let (mut relay, authority) = relay();
    let other = authority.identity_for("other", &["*.studio.example", "studio.example"], Flaw::None);
    // The flags of the bench give the first pair: the file gives both.
    let first = authority.identity_for("first", &["localhost"], Flaw::None);
    let config = relay.folder().join("forkcast.toml");
    let pair = |one: &Path, other: &Path| format!("[\"{}\", \"{}\"]", one.display(), other.display());
    fs::write(
        &config,
        format!(
            "tls_cert = {}\ntls_key = {}\n",
            pair(&first.certificate, &other.certificate),
            pair(&first.key, &other.key)
        ),
    )
    .unwrap();
    relay.serve_rtmps_of_file();
    relay.with_flags(&["--config", &config.display().to_string()]);
    relay.start();
    let port = relay.rtmps_port();
    let shown = |host: &str| tls::shown(port, host, &authority.file());
    assert_eq!(shown("localhost").unwrap(), tls::of_file(&first.certificate));
    for host in ["studio.example", "a.studio.example", "A.STUDIO.example"] {
        assert_eq!(shown(host).unwrap(), tls::of_file(&other.certificate), "{host}");
    }
    // Whoever asks for another host, or for none, is shown the first.
    let error = shown("elsewhere.example").unwrap_err();
    assert!(error.contains("localhost"), "{error}");
    assert_eq!(relay.status()["certificates"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_port_takes_both_and_an_old_encoder_is_told_why_not() {
    let (mut relay, authority) = relay();
    relay.with_flags(&["--share-ports"]);
    relay.start();
    for port in [relay.rtmp_port(), relay.rtmps_port()] {
        tls::shown(port, "localhost", &authority.file()).expect("the port takes TLS");
        Publisher::connect(port, relay.stream_key()).expect("the port takes plain RTMP").unpublish().unwrap();
    }
    let transports = relay.stream()["transports"].clone();
    assert_eq!(transports["rtmp"]["publishes"], 2);
    assert!(transports["rtmp"]["last_seconds_ago"].as_f64() < Some(60.0), "{transports}");
    let (_, metrics) = http::get(relay.http_port(), "/metrics").unwrap();
    assert!(metrics.contains("forkcast_plain_publish_last_timestamp_seconds{stream=\"live\"}"), "{metrics}");

    let said = tls::old_client(relay.rtmps_port());
    assert!(said.contains("alert"), "{said}");
    relay.wait_for_log("speaks no TLS version that is safe: neither TLS 1.2 nor TLS 1.3", START);
    assert!(relay.log().contains("hint: update the encoder"));
}

#[test]
fn a_stream_that_requires_tls_says_so_to_a_plain_publisher() {
    let (mut relay, _authority) = relay();
    relay.destination_file("stream.toml", "require_tls = true\n");
    relay.start();
    let refusal = Publisher::connect(relay.rtmp_port(), relay.stream_key()).err();
    assert_eq!(refusal.as_deref(), Some("NetStream.Publish.Denied"));
    relay.wait_for_log("stream `live` takes publishers with TLS only: change the server in the encoder", START);
    if peers::are_here(&[Peer::Ffmpeg]) {
        let clip = clip::h264_aac();
        let _publisher = ffmpeg(relay.folder(), &clip, &relay.publish_url_rtmps(), &only("TLS 1.3", relay.folder()));
        wait::until("a publisher with TLS", START, || (!relay.stream()["publisher"].is_null()).then_some(()));
    }
}

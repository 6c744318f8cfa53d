//! What is said of the stream, with FFmpeg as the witness of what it is, and what of it is beyond what a platform takes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::relay::Relay;
use crate::support::wire::Sink;
use crate::support::{clip, ffmpeg, http, secret, wait};

const START: Duration = Duration::from_secs(15);
/// A limit is exceeded for five seconds before it is told of, and measured over ten.
pub(crate) const TOLD: Duration = Duration::from_secs(30);

/// Nine seconds of 720p at 50 frames a second, a keyframe every three seconds, at a constant 8 Mbit/s that is measured as such
/// because it is filled up; AAC mono.
pub(crate) fn heavy() -> PathBuf {
    clip::prepare("h264-aac-8-mbits.flv", |path| {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg
            .args(["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=50"])
            .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100", "-t", "9", "-pix_fmt", "yuv420p"])
            .args(["-c:v", "libx264", "-preset", "superfast", "-profile:v", "high", "-g", "150", "-keyint_min", "150"])
            .args(["-sc_threshold", "0", "-b:v", "8M", "-minrate", "8M", "-maxrate", "8M", "-bufsize", "4M"])
            .args(["-x264-params", "nal-hrd=cbr", "-c:a", "aac", "-b:a", "96k", "-ac", "1", "-f", "flv"])
            .arg(path);
        ffmpeg
    })
}

/// A destination on a platform, whose server is the test's own.
pub(crate) fn on_platform(relay: &mut Relay, name: &str, platform: &str, sink: &Sink) {
    let key = secret::new(name);
    relay.keep_secret(&key);
    let file = format!("platform = \"{platform}\"\nurl = \"{}\"\nkey = \"{key}\"\nhold = \"1s\"\n", sink.url());
    relay.destination_file(&format!("{name}.toml"), &file);
}

/// The limits that a destination's entry in the status has as exceeded.
fn exceeded(entry: &Value) -> Vec<&str> {
    let limits = entry["limits_exceeded"].as_array().map(Vec::as_slice).unwrap_or_default();
    limits.iter().map(|limit| limit["limit"].as_str().expect("a name")).collect()
}

/// What FFmpeg finds in a file.
fn probe(file: &Path) -> (Value, Value) {
    let mut ffprobe = Command::new("ffprobe");
    let output =
        ffprobe.args(["-v", "error", "-show_streams", "-of", "json"]).arg(file).output().expect("FFmpeg is there");
    let found: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let stream = |kind: &str| {
        let streams = found["streams"].as_array().expect("a list");
        streams.iter().find(|stream| stream["codec_type"] == kind).cloned().unwrap_or(Value::Null)
    };
    (stream("video"), stream("audio"))
}

#[track_caller]
fn assert_near(figure: &Value, expected: f64, percent: f64) {
    let figure = figure.as_f64().expect("it has been measured");
    assert!((figure - expected).abs() <= expected * percent / 100.0, "{figure} is not {expected} ± {percent} %");
}

#[test]
fn the_stream_is_what_its_encoder_says_and_each_platform_has_its_limits() {
    let clip = heavy();
    let (video, audio) = probe(&clip);
    let mut relay = Relay::new();
    let (twitch, youtube, own) = (Sink::start(), Sink::start(), Sink::start());
    on_platform(&mut relay, "tw", "twitch", &twitch);
    on_platform(&mut relay, "yt", "youtube", &youtube);
    relay.destination("own", &own.url(), "hold = \"1s\"");
    relay.start();
    // Before the show.
    let stream = relay.stream();
    assert_eq!((&stream["video"], &stream["on_air_seconds"]), (&Value::Null, &Value::Null));
    let takes =
        "6 Mbit/s of video, 320 kbit/s of audio, 1080 lines, 60 frames a second, a keyframe every 2 s, 48 h on air";
    assert_eq!(relay.destination_status("tw")["takes"], takes);
    let check = relay.command("check").output().unwrap();
    let check = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.contains(&format!("Twitch takes: {takes}\n")), "{check}");

    let publisher = ffmpeg::publish_for_ever(relay.folder(), &clip, &relay.publish_url());
    let told = relay.wait_for("tw", "beyond its limits", TOLD, |entry| exceeded(entry).len() >= 2);
    assert_eq!(exceeded(&told), ["video_bitrate", "keyframe_interval"]);
    let message = told["limits_exceeded"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("8") && message.contains(" Mbit/s of video, its limit is 6 Mbit/s: lower"),
        "{message}"
    );
    let keyframes = "a keyframe every 3 s, it wants one every 2 s: set the keyframe interval in your encoder to 2 s";
    assert_eq!(told["limits_exceeded"][1]["message"], keyframes);
    relay.wait_for("yt", "beyond its limit", TOLD, |entry| exceeded(entry) == ["keyframe_interval"]);
    assert_eq!(exceeded(&relay.destination_status("own")), [""; 0]);
    assert_eq!(told["state"], "delivering", "it is told, and sent all the same");

    let stream = relay.stream();
    let (seen, heard) = (&stream["video"], &stream["audio"]);
    println!("{seen} {heard}");
    assert_eq!((&seen["width"], &seen["height"]), (&video["width"], &video["height"]));
    assert_eq!((&seen["size_from"], &heard["format_from"]), (&json!("sequence_header"), &json!("sequence_header")));
    assert_eq!(seen["profile"], video["profile"]);
    let level = video["level"].as_u64().unwrap();
    assert_eq!(seen["level"], format!("{}.{}", level / 10, level % 10));
    assert_eq!(heard["sample_rate"].to_string(), audio["sample_rate"].as_str().unwrap());
    assert_eq!((&heard["channels"], &heard["profile"]), (&audio["channels"], &audio["profile"]));
    assert_eq!(video["r_frame_rate"], "50/1");
    assert_near(&seen["frames_per_second"], 50.0, 2.0);
    assert_eq!(seen["keyframe_interval_seconds"], 3.0);
    assert_eq!(seen["longest_keyframe_interval_seconds"], 3.0);
    assert_near(&seen["bits_per_second"], 8e6, 6.0);
    assert_near(&heard["bits_per_second"], 96e3, 6.0);
    assert_near(&stream["bits_per_second"], 8.1e6, 6.0);
    assert!(stream["on_air_seconds"].as_f64().unwrap() > 5.0);

    // Once each, however long it goes on; and where whoever watches metrics sees it.
    wait::until("twenty seconds on air", TOLD, || (relay.stream()["on_air_seconds"].as_f64()? > 20.0).then_some(()));
    let log = relay.log();
    let told = |words: &str| {
        let lines = log.lines().filter(|line| line.contains("destination `tw`: ") && line.contains(words));
        lines.count()
    };
    assert_eq!(told(" Mbit/s of video, its limit is 6 Mbit/s"), 1, "{log}");
    assert_eq!(told("it wants one every 2 s"), 1, "{log}");
    assert!(!log.contains("destination `own`: "));
    let metric = "forkcast_destination_limits_exceeded{stream=\"live\",destination=\"tw\",platform=\"twitch\"}";
    let metrics = || http::get(relay.http_port(), "/metrics").expect("the relay answers").1;
    assert!(metrics().contains(&format!("{metric} 2\n")), "{}", metrics());
    drop(publisher);
    wait::until("the broadcast to end", Duration::from_secs(30), || (relay.stream()["state"] == "idle").then_some(()));
    relay.wait_for("tw", "within its limits", START, |entry| exceeded(entry).is_empty());
    assert!(metrics().contains(&format!("{metric} 0\n")), "{}", metrics());
}

#[test]
fn a_platform_that_needs_sound_is_told_that_none_arrives() {
    let silent = clip::prepare("h264-silent.flv", |path| {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg
            .args(["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-t", "6"])
            .args(["-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-f", "flv"])
            .arg(path);
        ffmpeg
    });
    let mut relay = Relay::new();
    let (youtube, twitch) = (Sink::start(), Sink::start());
    on_platform(&mut relay, "yt", "youtube", &youtube);
    on_platform(&mut relay, "tw", "twitch", &twitch);
    relay.start();
    let _publisher = ffmpeg::publish_for_ever(relay.folder(), &silent, &relay.publish_url());
    relay.wait_for("yt", "told of the silence", TOLD, |entry| exceeded(entry) == ["sound"]);
    assert_eq!(exceeded(&relay.destination_status("tw")), [""; 0]);
    relay.wait_for_log("destination `yt`: no sound arrives, and it needs some", START);
    assert_eq!(relay.stream()["audio"]["bits_per_second"], 0);
}

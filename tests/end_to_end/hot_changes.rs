//! A destination comes, gets another key, is stopped and started, and goes, while FFmpeg publishes and nginx records; the one beside
//! it loses nothing.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::support::nginx::Nginx;
use crate::support::peers::{self, Peer};
use crate::support::relay::Relay;
use crate::support::{clip, compare, ffmpeg, flv, http, secret, wait};

const START: Duration = Duration::from_secs(10);
/// A change is to be seen within a second of looking and some for settling; the machine may be busy.
const CHANGED: Duration = Duration::from_secs(8);

/// Who changes the destination `changed`, and how.
trait Operator {
    fn add(&mut self, relay: &Relay, url: &str, key: &str);
    fn change_key(&mut self, relay: &Relay, key: &str);
    fn change_policy(&mut self, relay: &Relay);
    fn stop(&mut self, relay: &Relay);
    fn start(&mut self, relay: &Relay);
    fn remove(&mut self, relay: &Relay);
}

/// With an editor.
struct Editor;

impl Editor {
    fn file(relay: &Relay) -> PathBuf {
        relay.folder().join("destinations/changed.toml")
    }

    /// As editors do: a new file, renamed over the old one.
    fn edit(relay: &Relay, edit: impl FnOnce(&str) -> String) {
        let file = Self::file(relay);
        let text = edit(&fs::read_to_string(&file).unwrap_or_default());
        relay.destination_file(".changed.toml.swp", &text);
        fs::rename(file.with_file_name(".changed.toml.swp"), file).expect("it is our own");
    }
}

impl Operator for Editor {
    fn add(&mut self, relay: &Relay, url: &str, key: &str) {
        Self::edit(relay, |_| format!("# the operator's own words\nurl = \"{url}\"\nkey = \"{key}\" # tonight's\n"));
    }

    fn change_key(&mut self, relay: &Relay, key: &str) {
        Self::edit(relay, |text| {
            let lines = text.lines().map(|line| match line.starts_with("key") {
                true => format!("key = \"{key}\"\n"),
                false => format!("{line}\n"),
            });
            lines.collect()
        });
    }

    fn change_policy(&mut self, relay: &Relay) {
        Self::edit(relay, |text| format!("{text}[backpressure]\nmax_lag = \"3s\"\n"));
    }

    fn stop(&mut self, relay: &Relay) {
        Self::edit(relay, |text| format!("enabled = false\n{text}"));
    }

    fn start(&mut self, relay: &Relay) {
        Self::edit(relay, |text| text.replace("enabled = false\n", ""));
    }

    fn remove(&mut self, relay: &Relay) {
        fs::remove_file(Self::file(relay)).expect("it is our own");
    }
}

/// Over the control API.
struct Api;

impl Api {
    fn one(relay: &Relay, method: &str, rest: &str, body: serde_json::Value) {
        http::done(relay.http_port(), method, &format!("/api/streams/live/destinations{rest}"), &body);
    }
}

impl Operator for Api {
    fn add(&mut self, relay: &Relay, url: &str, key: &str) {
        Self::one(relay, "POST", "", json!({"name": "changed", "url": url, "key": key}));
        // Whatever an operator adds by hand is to stay.
        Editor::edit(relay, |text| format!("{text}# the operator's own words\n"));
    }

    fn change_key(&mut self, relay: &Relay, key: &str) {
        Self::one(relay, "PATCH", "/changed", json!({"key": key}));
    }

    fn change_policy(&mut self, relay: &Relay) {
        Self::one(relay, "PATCH", "/changed", json!({"backpressure": {"max_lag": "3s"}}));
    }

    fn stop(&mut self, relay: &Relay) {
        Self::one(relay, "POST", "/changed/stop", json!(null));
        let text = fs::read_to_string(Editor::file(relay)).unwrap();
        assert!(text.contains("# the operator's own words") && text.contains("max_lag = \"3s\""), "its comments stay");
        assert!(text.contains("enabled = false"), "a restart does not start it");
    }

    fn start(&mut self, relay: &Relay) {
        Self::one(relay, "POST", "/changed/start", json!(null));
    }

    fn remove(&mut self, relay: &Relay) {
        Self::one(relay, "DELETE", "/changed", json!(null));
        assert!(!Editor::file(relay).exists());
    }
}

#[test]
fn by_api() {
    is_changed_by(&mut Api);
}

#[test]
fn by_file() {
    is_changed_by(&mut Editor);
}

fn is_changed_by(operator: &mut impl Operator) {
    if !peers::are_here(&[Peer::Ffmpeg, Peer::Nginx]) {
        return;
    }
    let mut relay = Relay::new();
    let (other, changed) = (Nginx::start(relay.folder(), "other"), Nginx::start(relay.folder(), "changed"));
    relay.destination("other", &other.url(), "");
    let keys = ["changed", "changed-again"].map(secret::new);
    keys.iter().for_each(|key| relay.keep_secret(key));
    relay.start();
    let published = relay.folder().join("published.flv");
    let clip = clip::h264_aac_of(30);
    let mut publisher = ffmpeg::publish(relay.folder(), &clip, &relay.publish_url(), &published);
    relay.wait_for_state("other", "delivering", START);

    let delivers = |publishes: usize| {
        relay.wait_for("changed", "delivering", CHANGED, |entry| {
            entry["state"] == "delivering" && entry["sessions"] == publishes
        });
        wait::until("nginx to record it", CHANGED, || {
            let files = changed.recording_files();
            let last = files.get(publishes - 1).and_then(|file| Some(flv::read(file).last()?.timestamp));
            // nginx names a recording by the second: the next one must not begin in the same.
            last.filter(|last| *last > 1_500)
        });
    };
    let publishes = || changed.log().matches("publish: name=").count();

    operator.add(&relay, &changed.url(), &keys[0]);
    delivers(1);
    operator.change_key(&relay, &keys[1]);
    delivers(2);
    operator.change_policy(&relay);
    relay.wait_for_log("destination `changed` goes on by its new settings, without a break", CHANGED);
    let before = relay.destination_status("changed")["sent_messages"].as_u64();
    relay.wait_for("changed", "going on", CHANGED, |entry| entry["sent_messages"].as_u64() > before);
    assert_eq!(publishes(), 2, "a policy is changed in place");
    operator.stop(&relay);
    relay.wait_for_state("changed", "off", CHANGED);
    operator.start(&relay);
    delivers(3);
    operator.remove(&relay);
    relay.wait_for("changed", "gone", CHANGED, serde_json::Value::is_null);
    wait::until("nginx to be told of each end", CHANGED, || {
        (changed.log().matches("deleteStream").count() >= 3).then_some(())
    });

    publisher.succeed(Duration::from_secs(60));
    relay.wait_for_state("other", "idle", START);
    let published = flv::read(&published);
    compare::assert_same("the other one", &published, &other.recording());
    let recordings = changed.recording_files();
    assert_eq!(recordings.len(), 3, "{recordings:?}");
    for (recording, key) in recordings.iter().zip([&keys[0], &keys[1], &keys[1]]) {
        let name = recording.file_name().unwrap().to_string_lossy();
        assert!(name.starts_with(key.as_str()), "{name} is of another key");
        compare::assert_run_from_keyframe(&name, &published, &flv::read(recording));
    }
}

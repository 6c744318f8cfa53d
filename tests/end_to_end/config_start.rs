//! A mistake in one file holds back that destination, loudly, and no other.

use std::time::Duration;

use crate::support::process::Process;
use crate::support::relay::Relay;
use crate::support::synthetic;
use crate::support::wire::{Publisher, Sink};

const START: Duration = Duration::from_secs(10);

#[test]
fn four_of_five_are_live_and_the_fifth_is_named_with_line_and_hint() {
    let (mut relay, sinks) = relay_with_one_broken_file_of_five();
    relay.start();
    let log = relay.log();
    assert_names_the_mistake(&log);

    let mut publisher = Publisher::connect(relay.rtmp_port(), relay.stream_key()).expect("the key is right");
    let mut tags = synthetic::headers(0);
    tags.extend(synthetic::frames(0, 1_000, 2_000));
    publisher.send_paced(&tags).unwrap();
    for (name, sink) in ["one", "two", "three", "four"].into_iter().zip(&sinks) {
        relay.wait_for_state(name, "delivering", START);
        sink.wait_for("media", START, |session| session.first_media.is_some());
    }
    let broken = relay.destination_status("five");
    assert_eq!(broken["state"], "wrong", "{broken}");
    assert!(broken["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{broken}");
}

#[test]
fn check_and_strict_fail_on_it() {
    let (relay, _sinks) = relay_with_one_broken_file_of_five();
    let mut check = Process::start("check", relay.folder(), &mut relay.command("check"));
    assert_eq!(check.finish(START).code(), Some(2));
    assert_names_the_mistake(&check.output());
    let mut strict = Process::start("strict", relay.folder(), relay.command("serve").arg("--strict"));
    assert!(!strict.finish(START).success());
    assert_names_the_mistake(&strict.output());
}

fn relay_with_one_broken_file_of_five() -> (Relay, Vec<Sink>) {
    let mut relay = Relay::new();
    let mut sinks = Vec::new();
    for name in ["one", "two", "three", "four"] {
        let sink = Sink::start();
        relay.destination(name, &sink.url(), "");
        sinks.push(sink);
    }
    // Line 3: a setting that does not exist, near one that does.
    relay.keep_secret("canary-in-a-broken-file");
    relay.destination_file(
        "five.toml",
        "url = \"rtmp://127.0.0.1:1/live\"\nkey = \"canary-in-a-broken-file\"\nenable = true\n",
    );
    (relay, sinks)
}

#[track_caller]
fn assert_names_the_mistake(text: &str) {
    assert!(text.contains("five.toml:3:1"), "file, line and column are missing:\n{text}");
    assert!(text.contains("enable"), "the setting is missing:\n{text}");
    assert!(text.contains("hint:"), "the hint is missing:\n{text}");
    assert!(!text.contains("canary-in-a-broken-file"), "the excerpt shows the key");
}

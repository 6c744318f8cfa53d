//! A server that says no, in words or without: what is tried again, when, and what wakes it.

use std::time::Duration;

use crate::support::broadcast::Broadcast;
use crate::support::bystanders::Bystanders;
use crate::support::relay::Relay;
use crate::support::wire::{Answer, Behaviour, Sink};
use crate::support::{compare, secret};

const START: Duration = Duration::from_secs(10);
/// Longer than any wait of the first half minute.
const UNDISTURBED: u32 = 3_000;

#[test]
fn a_refused_key_parks_the_destination_until_its_file_has_another() {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let right = secret::new("right");
    relay.keep_secret(&right);
    let victim = Sink::with(Behaviour { only_key: Some(right.clone()), ..Behaviour::default() });
    relay.destination("victim", &victim.url(), "");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    let entry = relay.wait_for_state("victim", "parked", START);
    assert_eq!(entry["last_error"]["kind"], "key_refused", "{entry}");
    let attempts = victim.attempts().len();
    bystanders.wait_for_more(UNDISTURBED);
    assert_eq!(victim.attempts().len(), attempts, "a refused key is not tried again");

    let text = format!("url = \"{}\"\nkey = \"{right}\"\n", victim.url());
    relay.destination_file("victim.toml", &text);
    let session = victim.wait_for("media", START, |session| session.tags.len() > 20);
    assert_eq!(session.stream_key, right);
    relay.wait_for_state("victim", "delivering", START);
    compare::assert_configured("victim", &session.tags);
    bystanders.assert_undisturbed(&broadcast.stop());
}

/// As SRS and ZLMediaKit send a publisher on to the server that carries its stream.
#[test]
fn a_redirect_is_followed() {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let carrying = Sink::start();
    let first = Sink::with(Behaviour::answering(Answer::Redirect(carrying.url())));
    let key = relay.destination("moved", &first.url(), "");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    let session = carrying.wait_for("media", START, |session| session.tags.len() > 20);
    assert_eq!(session.stream_key, key);
    assert_eq!(first.attempts().len(), 1);
    assert_eq!(first.sessions().len(), 0, "nothing is published to the server that sends us on");
    bystanders.assert_undisturbed(&broadcast.stop());
}

#[test]
fn a_redirect_in_a_circle_is_given_up() {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let circle = Sink::start();
    circle.behave(Behaviour::answering(Answer::Redirect(circle.url())));
    relay.destination("moved", &circle.url(), "");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    relay.wait_for("moved", "failing", START, |entry| !entry["last_error"].is_null());
    let attempts = circle.attempts().len();
    assert!((2..=4).contains(&attempts), "three redirects at most are followed: {attempts} attempts");
    bystanders.assert_undisturbed(&broadcast.stop());
}

/// Twitch's way to refuse a key.
#[test]
fn a_server_that_closes_soon_after_each_publish_probably_refuses_the_key() {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let closes_after = Some(Duration::from_millis(300));
    let victim = Sink::with(Behaviour { closes_after, ..Behaviour::default() });
    relay.destination("victim", &victim.url(), "");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    let entry = relay.wait_for("victim", "suspicious", Duration::from_secs(20), |entry| {
        entry["last_error"]["kind"] == "key_likely_invalid"
    });
    assert_eq!(victim.sessions().len(), 3, "three silent ends make it likely");
    assert!(entry["retry_in_ms"].as_u64() > Some(55_000), "it waits for minutes: {entry}");
    bystanders.wait_for_more(UNDISTURBED);
    assert_eq!(victim.sessions().len(), 3);
    bystanders.assert_undisturbed(&broadcast.stop());
}

#[test]
fn each_refusal_is_classed() {
    // Where it is said, code, description; the kind that is shown, and whether it may be tried again within a few seconds.
    let cases = [
        ("publish", "NetStream.Publish.Denied", "no", "key_refused", false),
        ("publish", "NetStream.Publish.Unauthorized", "no", "key_refused", false),
        ("publish", "NetStream.Publish.BadAuth", "no", "key_refused", false),
        ("publish", "NetStream.Publish.BadName", "already publishing", "name_in_use", true),
        ("connect", "NetConnection.Connect.Failed", "busy", "server_trouble", true),
    ];
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let sinks = cases.map(|(at, code, description, ..)| Sink::with(Behaviour::refusing(at, code, description)));
    for (index, sink) in sinks.iter().enumerate() {
        relay.destination(&format!("case-{index}"), &sink.url(), "");
    }
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    for (index, (_, code, _, kind, _)) in cases.iter().enumerate() {
        let name = format!("case-{index}");
        let entry = relay.wait_for(&name, "refused", START, |entry| !entry["last_error"].is_null());
        assert_eq!(entry["last_error"]["kind"], *kind, "{code}: {entry}");
    }
    bystanders.wait_for_more(UNDISTURBED);
    for ((_, code, _, _, is_retried), sink) in cases.iter().zip(&sinks) {
        let attempts = sink.attempts().len();
        assert_eq!(attempts > 1, *is_retried, "{code}: {attempts} attempts");
    }
    bystanders.assert_undisturbed(&broadcast.stop());
}

//! A destination whose connection ends: seen at once, tried again at once, and nobody else notices.

use std::time::{Duration, Instant, SystemTime};

use crate::support::broadcast::Broadcast;
use crate::support::bystanders::Bystanders;
use crate::support::namespace::Namespace;
use crate::support::nginx::Nginx;
use crate::support::peers::{self, Peer};
use crate::support::relay::Relay;
use crate::support::wire::{Answer, Behaviour, Sink};
use crate::support::{compare, wait};

const START: Duration = Duration::from_secs(10);
const END: Duration = Duration::from_secs(10);
/// Within this the relay must have seen it; the rest of a second is for a machine that is busy with other tests.
const SEEN: Duration = Duration::from_millis(100);
const SEEN_WHEN_BUSY: Duration = Duration::from_secs(1);
/// 0.2 to 0.9 s, and as much again for the machine.
const RETRIED: Duration = Duration::from_millis(1500);

#[test]
fn an_end_in_good_order_is_seen_at_once_and_retried_within_a_second() {
    is_seen_and_retried(Sink::finish);
}

#[test]
fn a_reset_is_seen_at_once_and_retried_within_a_second() {
    is_seen_and_retried(Sink::reset);
}

/// Three destinations are cut one after the other.
fn is_seen_and_retried(cut: fn(&Sink)) {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let victims = ["victim-1", "victim-2", "victim-3"].map(|name| (name, Sink::start()));
    for (name, sink) in &victims {
        relay.destination(name, &sink.url(), "");
    }
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    let mut seen = Vec::new();
    for (name, sink) in &victims {
        sink.wait_for("media to flow", START, |session| session.tags.len() > 20);
        let (cut_at, cut_on) = (Instant::now(), SystemTime::now());
        cut(sink);
        let failed = relay.wait_for_log(&format!("destination `{name}` failed"), START);
        seen.push(failed.duration_since(cut_on).unwrap_or_default());
        let session = wait::until("media to flow again", START, || {
            sink.sessions().get(1).filter(|session| session.tags.len() > 20).cloned()
        });
        let retried = sink.attempts()[1].duration_since(cut_at);
        assert!(retried < RETRIED, "{name} was tried again only after {retried:?}");
        assert_eq!(sink.sessions().len(), 2);
        compare::assert_configured(name, &session.tags);
    }
    println!("seen after {seen:?}");
    assert!(seen.iter().min() < Some(&SEEN) && seen.iter().max() < Some(&SEEN_WHEN_BUSY), "seen only after {seen:?}");
    let published = broadcast.stop();
    bystanders.assert_undisturbed(&published);
    for (name, sink) in &victims {
        let session = sink.wait_for("the end", END, |session| session.is_over);
        compare::assert_run_from_keyframe(name, &published.tags, &session.tags);
    }
}

/// A peer whose packets vanish, as behind a router whose cable was pulled: no end, no reset, no error.
#[test]
fn a_half_open_peer_is_dead_within_ten_seconds_and_live_again_when_it_is_back() {
    if !peers::are_here(&[Peer::Nginx, Peer::Namespace]) {
        return;
    }
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let network = Namespace::new();
    let nginx = Nginx::start_in(relay.folder(), "nginx", &network);
    relay.destination("victim", &nginx.url(), "");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 10_000);
    relay.wait_for_state("victim", "delivering", START);
    bystanders.wait_for_more(1_000);

    network.cut();
    let cut = Instant::now();
    let entry = relay.wait_for("victim", "dead", Duration::from_secs(15), |entry| {
        !["delivering", "stalling"].contains(&entry["state"].as_str().unwrap_or_default())
    });
    let dead_after = cut.elapsed();
    println!("dead after {dead_after:?}: {}", entry["last_error"]);
    assert!(dead_after < Duration::from_millis(10_500), "dead only after {dead_after:?}");
    network.mend();
    relay.wait_for_state("victim", "delivering", Duration::from_secs(15));
    bystanders.assert_undisturbed(&broadcast.stop());
}

#[test]
fn a_connection_that_is_closed_instead_of_an_answer_is_tried_again() {
    for (at, stage) in [("connect", "rtmp_connect"), ("publish", "publish")] {
        let mut relay = Relay::new();
        let bystanders = Bystanders::of(&mut relay);
        let victim = Sink::with(Behaviour::answering(Answer::Close { at }));
        relay.destination("victim", &victim.url(), "");
        relay.start();
        let broadcast = Broadcast::synthetic(&relay, 4_000);
        let entry = relay.wait_for("victim", "failing", START, |entry| !entry["last_error"].is_null());
        assert_eq!(entry["last_error"]["stage"], stage, "{entry}");
        assert_eq!(entry["last_error"]["kind"], "closed_by_peer", "{entry}");
        victim.behave(Behaviour::default());
        let session = victim.wait_for("media", START, |session| session.tags.len() > 20);
        compare::assert_configured("victim", &session.tags);
        bystanders.assert_undisturbed(&broadcast.stop());
    }
}

#[test]
fn a_server_that_never_answers_is_left() {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let victim = Sink::with(Behaviour::answering(Answer::Silence { at: "connect" }));
    relay.destination("victim", &victim.url(), "");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    let entry = relay.wait_for("victim", "failing", Duration::from_secs(15), |entry| !entry["last_error"].is_null());
    assert_eq!(entry["last_error"]["stage"], "rtmp_connect", "{entry}");
    assert_eq!(entry["last_error"]["kind"], "timed_out", "{entry}");
    victim.behave(Behaviour::default());
    victim.wait_for("media", START, |session| session.tags.len() > 20);
    bystanders.assert_undisturbed(&broadcast.stop());
}

/// A storm: one server that carries many destinations loses them all at once.
#[test]
fn many_destinations_that_are_cut_at_once_are_all_back_soon() {
    storm(100);
}

#[test]
#[ignore = "slow: a thousand destinations"]
fn a_thousand_destinations_that_are_cut_at_once_are_all_back_within_half_a_minute() {
    storm(1000);
}

fn storm(count: usize) {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let sink = Sink::start();
    for index in 0..count {
        relay.destination(&format!("victim-{index}"), &sink.url(), "");
    }
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 1_000);
    let flowing = || sink.flowing();
    wait::until("all to flow", Duration::from_secs(60), || (flowing() == count).then_some(()));
    let cut = Instant::now();
    sink.reset();
    wait::until("all to flow again", Duration::from_secs(30), || (flowing() == count).then_some(()));
    let attempts = sink.attempts();
    let retries: Vec<Duration> = attempts[count..].iter().map(|at| at.duration_since(cut)).collect();
    let (first, last) = (retries.iter().min().unwrap(), retries.iter().max().unwrap());
    println!("{count} cut at once: tried again after {first:?} to {last:?}, all flow after {:?}", cut.elapsed());
    assert!(*last - *first > Duration::from_millis(300), "they were not spread: {first:?} to {last:?}");
    bystanders.assert_undisturbed(&broadcast.stop());
}

//! What a destination gets after a cut, and with a delay.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::broadcast::Broadcast;
use crate::support::bystanders::Bystanders;
use crate::support::compare;
use crate::support::flv::Tag;
use crate::support::relay::Relay;
use crate::support::wire::{Session, Sink};

const START: Duration = Duration::from_secs(10);
const END: Duration = Duration::from_secs(15);
const CUT: Duration = Duration::from_secs(3);

#[test]
fn catching_up_after_a_cut_brings_every_message_in_order() {
    let (published, sessions) = cut_for_three_seconds("resume = \"catch_up\"\n");
    let wanted = compare::frames(&published);
    let mut next = 0;
    for (index, session) in sessions.iter().enumerate() {
        compare::assert_run_from_keyframe("victim", &published, &session.tags);
        let frames = compare::frames(&session.tags);
        let start = wanted.iter().position(|tag| tag.payload == frames[0].payload).unwrap();
        assert!(start <= next, "session {index} begins at frame {start}, and {next} was the first that was missing");
        let repeated = next - start;
        println!("session {index} repeats {repeated} frames");
        assert!(
            index == 0 || repeated < 2 * 50 + 50,
            "session {index} repeats {repeated} frames: two seconds and more"
        );
        next = start + frames.len();
    }
    assert_eq!(next, wanted.len(), "up to the end");
}

#[test]
fn resuming_live_after_a_cut_ends_the_gap_at_a_keyframe() {
    let (published, sessions) = cut_for_three_seconds("resume = \"live\"\n");
    let wanted = compare::frames(&published);
    for session in &sessions {
        compare::assert_run_from_keyframe("victim", &published, &session.tags);
    }
    let frames = compare::frames(&sessions[1].tags);
    let start = wanted.iter().position(|tag| tag.payload == frames[0].payload).unwrap();
    let missed = start - compare::frames(&sessions[0].tags).len();
    assert!(missed > 50, "three seconds were cut out, and it went on with what was new: {missed} frames are missing");
    assert_eq!(start + frames.len(), wanted.len(), "up to the end");
}

/// What was published, and what a destination got whose server was away for three seconds.
fn cut_for_three_seconds(resume: &str) -> (Vec<Tag>, Vec<Session>) {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let victim = Sink::start();
    relay.destination("victim", &victim.url(), resume);
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 10_000);
    victim.wait_for("media to flow", START, |session| session.tags.len() > 120);
    victim.kill();
    // The outage itself, not a wait for something.
    thread::sleep(CUT);
    victim.revive();
    victim.wait_for("media to flow again", START, |session| !session.is_over && session.tags.len() > 20);
    // Enough to catch up three seconds at one and a half times the speed.
    bystanders.wait_for_more(9_000);
    let published = broadcast.stop();
    bystanders.assert_undisturbed(&published);
    victim.wait_for("the end", END, |session| session.is_over);
    let sessions = victim.sessions();
    assert_eq!(sessions.len(), 2);
    (published.tags, sessions)
}

#[test]
fn a_delayed_destination_gets_everything_later_and_drains_after_the_stop() {
    const DELAY: Duration = Duration::from_secs(3);
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let delayed = Sink::start();
    relay.destination("delayed", &delayed.url(), "delay = \"3s\"\n");
    relay.start();
    let started = Instant::now();
    let broadcast = Broadcast::synthetic(&relay, 10_000);
    bystanders.wait_for_media();
    let session = delayed.wait_for("media", START, |session| session.first_media.is_some());
    let late = session.first_media.unwrap().duration_since(started);
    println!("the first message came after {late:?}");
    assert!(late >= DELAY && late < DELAY + Duration::from_secs(2), "it came after {late:?}");
    let entry = relay.destination_status("delayed");
    assert!(entry["lag_ms"].as_u64() < Some(1_000), "its lag counts from its delay on: {entry}");
    bystanders.wait_for_more(2_000);
    let stopped = Instant::now();
    let published = broadcast.stop();
    bystanders.assert_undisturbed(&published);
    let session = delayed.wait_for("the end", END, |session| session.is_over);
    let drained = session.last_media.unwrap().duration_since(stopped);
    println!("the last message came {drained:?} after the stop");
    assert!(drained > Duration::from_secs(2) && drained < DELAY + Duration::from_secs(2), "{drained:?} after the stop");
    compare::assert_same("delayed", &published.tags, &session.tags);
    assert!(session.was_unpublished());
    assert_eq!(delayed.sessions().len(), 1);
}

#[test]
fn the_address_to_send_from_can_be_chosen() {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let sink = Sink::start();
    relay.destination("bound", &sink.url(), "bind = \"127.0.0.2\"\n");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 2_000);
    let session = sink.wait_for("media", START, |session| session.first_media.is_some());
    assert_eq!(session.peer.map(|peer| peer.to_string()).as_deref(), Some("127.0.0.2"));
    bystanders.wait_for_media();
    bystanders.assert_undisturbed(&broadcast.stop());
}

//! A second publisher with the right key: an encoder that comes back is let in, a healthy one is never displaced.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::broadcast::Broadcast;
use crate::support::bystanders::Bystanders;
use crate::support::compare;
use crate::support::flv::Tag;
use crate::support::relay::Relay;
use crate::support::wire::Publisher;
use crate::support::{synthetic, wait};

/// The time that the first has to show that it lives, and the machine's share.
const DECIDED: Duration = Duration::from_millis(4_500);
/// The second encoder's clock begins here, so that none of its bytes is the first's.
const ELSEWHERE: u32 = 1_000_000;

fn of_the_second(milliseconds: u32) -> Vec<Tag> {
    let mut tags = synthetic::headers(ELSEWHERE);
    tags.extend(synthetic::frames(ELSEWHERE, milliseconds, 4_000));
    tags
}

#[test]
fn a_healthy_publisher_is_never_displaced_and_nothing_of_the_second_is_sent() {
    for policy in ["when_silent", "never"] {
        let mut relay = Relay::new();
        relay.destination_file("stream.toml", &format!("takeover = \"{policy}\"\n"));
        let bystanders = Bystanders::of(&mut relay);
        relay.start();
        let broadcast = Broadcast::synthetic(&relay, 4_000);
        bystanders.wait_for_media();
        let asked = Instant::now();
        // It does not wait for the answer.
        let refusal = Publisher::connect_eagerly(relay.rtmp_port(), relay.stream_key(), &of_the_second(1_000)).err();
        println!("{policy}: {refusal:?} after {:?}", asked.elapsed());
        assert_eq!(refusal.as_deref(), Some("NetStream.Publish.BadName"), "{policy}");
        assert!(asked.elapsed() < DECIDED);
        bystanders.wait_for_more(1_000);
        // The same frames, and nothing else: not one of the second is among them.
        bystanders.assert_undisturbed(&broadcast.stop());
    }
}

/// An encoder whose network was lost comes back before its old connection is known to be dead.
#[test]
fn a_silent_publisher_is_displaced_within_seconds() {
    takes_over("when_silent", true);
}

#[test]
fn the_newest_takes_over_at_once_where_the_stream_says_so() {
    takes_over("newest", false);
}

fn takes_over(policy: &str, is_silent: bool) {
    let mut relay = Relay::new();
    relay.destination_file("stream.toml", &format!("takeover = \"{policy}\"\n"));
    let bystanders = Bystanders::of(&mut relay);
    relay.start();
    let mut first = Publisher::connect(relay.rtmp_port(), relay.stream_key()).unwrap();
    let mut tags = synthetic::headers(0);
    tags.extend(synthetic::frames(0, 2_000, 4_000));
    first.send_paced(&tags).unwrap();
    bystanders.wait_for_media();
    let asked = Instant::now();
    let publisher = Publisher::connect(relay.rtmp_port(), relay.stream_key());
    println!("{policy}: let in after {:?}", asked.elapsed());
    let mut second = publisher.expect("the key is right, and the first is silent");
    let limit = if is_silent { DECIDED } else { Duration::from_secs(1) };
    assert!(asked.elapsed() < limit, "let in only after {:?}", asked.elapsed());
    // The first was only slow, and goes on: nobody gets that, and it is told.
    for tag in synthetic::frames(2_000, 1_000, 4_000) {
        let _ = first.send(&tag);
    }
    wait::until("the first to be told", Duration::from_secs(5), || first.is_over().then_some(()));
    drop(first);
    let more = of_the_second(2_000);
    second.send_paced(&more).unwrap();
    second.unpublish().unwrap();
    for session in bystanders.ended_sessions() {
        let published = [compare::frames(&tags), compare::frames(&more)].concat();
        compare::assert_equal_payloads("a bystander", &published, &compare::frames(&session.tags));
        compare::assert_monotonic("a bystander", &session.tags);
    }
}

/// The restart of an encoder that crashed without a word: its next publish is taken as if nothing had been.
#[test]
fn an_encoder_that_crashed_is_let_in_again_at_once() {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    bystanders.wait_for_media();
    bystanders.wait_for_more(500);
    let (first, _) = broadcast.fall_silent();
    let second = thread::spawn({
        let (port, key) = (relay.rtmp_port(), relay.stream_key().to_owned());
        move || (Instant::now(), Publisher::connect(port, &key))
    });
    // The reset arrives while the second waits for its answer.
    thread::sleep(Duration::from_millis(500));
    first.crash();
    let (asked, publisher) = second.join().unwrap();
    let mut publisher = publisher.expect("the first is gone");
    assert!(asked.elapsed() < DECIDED);
    publisher.send_paced(&of_the_second(1_000)).unwrap();
    publisher.unpublish().unwrap();
    bystanders.ended_sessions();
}

//! Whatever the publisher's clock does, a destination's runs forward.

use std::time::Duration;

use crate::support::flv::Tag;
use crate::support::relay::Relay;
use crate::support::wire::{Publisher, Session, Sink};
use crate::support::{compare, synthetic};

const END: Duration = Duration::from_secs(10);

/// What a destination gets of publishes with these tags, one after the other, each ended by a crash but the last.
fn relay_publishes(publishes: &[Vec<Tag>]) -> Session {
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("sink", &sink.url(), "");
    relay.start();
    let mut sent = 0;
    for (index, tags) in publishes.iter().enumerate() {
        let mut publisher = Publisher::connect(relay.rtmp_port(), relay.stream_key()).expect("the key is right");
        publisher.send_paced(tags).unwrap();
        sent += compare::frames(tags).len();
        sink.wait_for("all that was sent", END, |session| compare::frames(&session.tags).len() == sent);
        if index + 1 == publishes.len() {
            publisher.unpublish().unwrap();
        } else {
            drop(publisher);
        }
    }
    sink.wait_for("the end", END, |session| session.is_over);
    sink.session()
}

fn publish_from(start: u32) -> Vec<Tag> {
    let mut tags = synthetic::headers(start);
    tags.extend(synthetic::frames(start, 3_000, 4_000));
    tags
}

/// 4 h 39 m 37 s: from here on the time no longer fits into a chunk header's 24 bits.
#[test]
fn past_the_24_bit_boundary() {
    let published = publish_from(0x00ff_ffff - 1_500);
    let session = relay_publishes(std::slice::from_ref(&published));
    compare::assert_same("sink", &published, &session.tags);
}

#[test]
fn over_the_32_bit_wrap() {
    let published = publish_from(u32::MAX - 1_500);
    let session = relay_publishes(std::slice::from_ref(&published));
    compare::assert_equal_payloads("sink", &compare::frames(&published), &compare::frames(&session.tags));
    compare::assert_monotonic("sink", &session.tags);
    assert_starts_near_zero_and_lasts(&session, 2_960);
}

/// The publisher crashes and comes back with its clock at zero: the destinations stay connected and see one clock.
#[test]
fn a_publisher_that_restarts_at_zero() {
    let first = publish_from(50_000);
    let second = publish_from(0);
    let session = relay_publishes(&[first.clone(), second.clone()]);
    let published = [first, second].concat();
    compare::assert_equal_payloads("sink", &compare::frames(&published), &compare::frames(&session.tags));
    compare::assert_monotonic("sink", &session.tags);
    // Twice three seconds and the gap between them.
    assert_starts_near_zero_and_lasts(&session, 5_900);
}

#[track_caller]
fn assert_starts_near_zero_and_lasts(session: &Session, milliseconds: u32) {
    let frames = compare::frames(&session.tags);
    let (first, last) = (frames.first().unwrap(), frames.last().unwrap());
    assert!(first.timestamp < 1_000, "the session begins at {first:?}");
    let length = last.timestamp - first.timestamp;
    assert!((milliseconds..milliseconds + 3_000).contains(&length), "it lasted {length} ms");
}

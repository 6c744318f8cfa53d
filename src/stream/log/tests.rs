use std::sync::OnceLock;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{
    media::{Class, ConfigurationKind, Description, Kind, Packaging, Slot},
    stream::Epoch,
};

const WINDOW: Window = Window { duration: Duration::from_secs(5), bytes: 1 << 20, hard_bytes: 4 << 20 };

fn message(millis: u64, bytes: usize, random_access: bool) -> Message {
    Message {
        sequence: 0,
        offset: 0,
        cost: 0,
        plain: OnceLock::new(),
        kind: Kind::Video,
        timestamp: i64::try_from(millis).unwrap(),
        arrival: Duration::from_millis(millis),
        payload: Bytes::from(vec![0; bytes]),
        description: Description {
            class: if random_access { Class::Keyframe } else { Class::Inter },
            codec: None,
            packaging: Packaging::Legacy,
        },
        epoch: Arc::new(Epoch::default()),
        random_access,
    }
}

/// A log of one message every 100 ms, a keyframe every `group` messages.
fn filled(window: Window, count: u64, group: u64, bytes: usize) -> Log {
    let mut log = Log::new(window);
    for index in 0..count {
        log.append(message(index * 100, bytes, index % group == 0), &mut Vec::new());
    }
    log
}

fn batch(messages: usize) -> Batch {
    Batch { messages, bytes: usize::MAX }
}

fn sequences(messages: &[Arc<Message>]) -> Vec<u64> {
    messages.iter().map(|message| message.sequence).collect()
}

#[test]
fn every_cursor_reads_the_same_bytes() {
    let log = filled(WINDOW, 10, 5, 100);
    let (mut a, mut b) = (Cursor { next: 0 }, Cursor { next: 0 });
    let (mut read_a, mut read_b) = (Vec::new(), Vec::new());
    assert_eq!(log.read(&mut a, batch(64), u64::MAX, &mut read_a), Read::Messages(10));
    assert_eq!(log.read(&mut b, batch(3), u64::MAX, &mut read_b), Read::Messages(3));
    assert_eq!(log.read(&mut b, batch(64), 6, &mut read_b), Read::Messages(3));
    assert_eq!(sequences(&read_b), [0, 1, 2, 3, 4, 5]);
    for (a, b) in read_a.iter().zip(&read_b) {
        assert_eq!(a.payload.as_ptr(), b.payload.as_ptr());
    }
    assert_eq!(log.read(&mut a, batch(64), u64::MAX, &mut read_a), Read::Messages(0));
}

#[test]
fn a_batch_is_bounded_in_bytes_but_never_empty() {
    let log = filled(WINDOW, 10, 5, 100);
    let mut cursor = Cursor { next: 0 };
    let mut read = Vec::new();
    assert_eq!(log.read(&mut cursor, Batch { messages: 64, bytes: 250 }, u64::MAX, &mut read), Read::Messages(2));
    assert_eq!(log.read(&mut cursor, Batch { messages: 64, bytes: 50 }, u64::MAX, &mut read), Read::Messages(1));
    assert_eq!(sequences(&read), [0, 1, 2]);
}

#[test]
fn old_messages_go_but_never_the_newest_group() {
    // Groups of two seconds: what is older than five seconds goes.
    let log = filled(WINDOW, 200, 20, 10);
    assert_eq!(log.message(148).map(|m| m.sequence), None);
    assert_eq!(log.message(149).map(|m| m.sequence), Some(149));
    // One group of twenty seconds stays whole.
    let log = filled(WINDOW, 200, 200, 10);
    assert_eq!(log.newest_random_access(0, u64::MAX).map(|m| m.sequence), Some(0));
    // Past the hard bound even that goes, and nobody may start there.
    let log = filled(Window { hard_bytes: 10_000, ..WINDOW }, 200, 200, 10);
    assert!(log.bytes() <= 10_000);
    assert!(log.newest_random_access(0, u64::MAX).is_none());
}

#[test]
fn memory_is_bounded_where_payload_is_not() {
    let window = Window { duration: Duration::from_secs(3600), bytes: 1 << 20, hard_bytes: 1 << 20 };
    let mut empty = Log::new(window);
    let mut configured = Log::new(window);
    for index in 0..20_000u32 {
        empty.append(message(0, 0, index == 0), &mut Vec::new());
        let slot = Slot { kind: Kind::Data, track: 0, configuration: ConfigurationKind::OnMetaData };
        let metadata = [&index.to_be_bytes()[..], &[0; 10_000]].concat();
        let mut epoch = Arc::default();
        Epoch::fill(&mut epoch, slot, metadata.into());
        configured.append(Message { epoch, ..message(0, 2, index == 0) }, &mut Vec::new());
    }
    assert!(empty.messages.len() < 10_000, "{} messages without a byte", empty.messages.len());
    assert!(configured.messages.len() < 110, "{} messages with an epoch of 10 kB each", configured.messages.len());
}

#[test]
fn what_is_evicted_is_handed_back() {
    let mut log = filled(WINDOW, 51, 10, 10);
    let mut evicted = Vec::new();
    log.append(message(5200, 10, false), &mut evicted);
    assert_eq!(sequences(&evicted), [0, 1]);
}

#[test]
fn an_overtaken_cursor_is_told_and_stays() {
    let log = filled(WINDOW, 200, 20, 10);
    let mut cursor = Cursor { next: 10 };
    let mut read = Vec::new();
    assert_eq!(log.read(&mut cursor, batch(64), u64::MAX, &mut read), Read::Overtaken(139));
    assert_eq!((cursor.next, read.len()), (10, 0));
    let newest = log.newest_random_access(0, u64::MAX).unwrap();
    let mut cursor = Cursor::at(newest.sequence);
    assert_eq!(log.read(&mut cursor, batch(64), u64::MAX, &mut read), Read::Messages(20));
    assert!(read[0].random_access);
}

#[test]
fn lag_is_head_minus_cursor() {
    let log = filled(WINDOW, 50, 10, 1000);
    let lag = |next| log.lag(Cursor { next }, log.head());
    assert_eq!(lag(50), Lag::default());
    assert_eq!(lag(49), Lag { duration: Duration::ZERO, bytes: 1000 });
    assert_eq!(lag(19), Lag { duration: Duration::from_secs(3), bytes: 31_000 });
    // Behind a head of the past: what came later does not count, and nobody is ahead of it.
    assert_eq!(log.lag(Cursor { next: 19 }, 30), Lag { duration: Duration::from_secs(1), bytes: 11_000 });
    assert_eq!(log.lag(Cursor { next: 30 }, 30), Lag::default());
    assert_eq!(log.lag(Cursor { next: 40 }, 30), Lag::default());
}

#[test]
fn the_head_of_the_past() {
    let log = filled(WINDOW, 50, 10, 10);
    let head_at = |millis| log.head_at(Duration::from_millis(millis));
    assert_eq!((head_at(0), head_at(99), head_at(100), head_at(4_899)), (1, 1, 2, 49));
    assert_eq!((head_at(4_900), head_at(90_000)), (50, 50));
    let starts = |from, end| {
        let sequence = |message: Option<&Arc<Message>>| message.map(|message| message.sequence);
        (sequence(log.oldest_random_access(from, end)), sequence(log.newest_random_access(from, end)))
    };
    assert_eq!(starts(0, 50), (Some(0), Some(40)));
    assert_eq!(starts(1, 40), (Some(10), Some(30)));
    assert_eq!(starts(31, 40), (None, None));
}

#[test]
fn a_publish_does_not_start_at_a_keyframe_of_the_one_before() {
    let log = filled(WINDOW, 20, 10, 10);
    assert_eq!(log.newest_random_access(10, u64::MAX).map(|m| m.sequence), Some(10));
    assert!(log.newest_random_access(11, u64::MAX).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Over random histories: bounded, in order, and what a cursor reads has no hole that it was not told of.
    #[test]
    fn histories(steps in prop::collection::vec((0u64..3_000, 0usize..60_000, 0u8..10, 0usize..8), 1..60)) {
        let window = Window { duration: Duration::from_secs(5), bytes: 200_000, hard_bytes: 400_000 };
        let mut log = Log::new(window);
        let mut cursor = Cursor { next: 0 };
        let mut expected = 0;
        let mut millis = 0;
        for (wait, bytes, key, limit) in steps {
            millis += wait;
            log.append(message(millis, bytes, key == 0), &mut Vec::new());
            prop_assert!(log.bytes() <= window.hard_bytes);
            let mut read = Vec::new();
            match log.read(&mut cursor, batch(limit), u64::MAX, &mut read) {
                Read::Messages(count) => {
                    prop_assert!(count <= limit);
                    for message in &read {
                        prop_assert_eq!(message.sequence, expected);
                        expected += 1;
                    }
                }
                Read::Overtaken(missed) => {
                    prop_assert!(missed > 0);
                    expected += missed;
                    cursor = Cursor { next: expected };
                }
            }
        }
    }
}

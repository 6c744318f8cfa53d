//! The payload is shared: ninety more destinations cost their sockets and little else. (That they hold the same bytes, and
//! not copies of them, is shown by a unit test on the pointers.)

use std::time::Duration;

use crate::support::relay::Relay;
use crate::support::wire::{Publisher, Sink};
use crate::support::{compare, synthetic};

const END: Duration = Duration::from_secs(20);
/// A copy of the log for each destination would be megabytes; this is a task, a socket and their buffers.
const PER_DESTINATION: u64 = 150 * 1024;

#[test]
fn a_hundred_destinations_need_little_more_memory_than_ten() {
    let ten = memory_with(10);
    let hundred = memory_with(100);
    let each = hundred.saturating_sub(ten) / 90;
    println!("10 destinations: {ten} bytes, 100: {hundred}, {each} for each more");
    assert!(each < PER_DESTINATION, "each further destination takes {each} bytes");
}

/// Resident memory after three seconds of 4 Mbit/s to this many destinations.
fn memory_with(destinations: usize) -> u64 {
    let mut relay = Relay::new();
    let sinks: Vec<Sink> = (0..destinations).map(|_| Sink::start()).collect();
    for (index, sink) in sinks.iter().enumerate() {
        relay.destination(&format!("sink-{index}"), &sink.url(), "");
    }
    relay.start();
    let mut tags = synthetic::headers(0);
    tags.extend(synthetic::frames(0, 3_000, 20_000));
    let mut publisher = Publisher::connect(relay.rtmp_port(), relay.stream_key()).expect("the key is right");
    publisher.send_paced(&tags).unwrap();
    for sink in &sinks {
        let wanted = compare::frames(&tags).len();
        sink.wait_for("all frames", END, |session| compare::frames(&session.tags).len() == wanted);
    }
    relay.resident_memory()
}

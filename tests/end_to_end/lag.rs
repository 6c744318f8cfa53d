//! What is said of a destination's lag is within its bound, even while it takes nothing.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::broadcast::Broadcast;
use crate::support::bystanders::Bystanders;
use crate::support::relay::Relay;
use crate::support::wire::Sink;

const START: Duration = Duration::from_secs(10);
const MAX_LAG: Duration = Duration::from_secs(2);
/// A bound is passed before anything can be done about it: one group of pictures, and the time that the machine takes.
const OVER: Duration = Duration::from_millis(1500);

#[test]
fn the_lag_of_a_stalled_destination_stays_within_its_bound() {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let victim = Sink::start();
    relay.destination("victim", &victim.url(), "[backpressure]\nmax_lag = \"2s\"\n");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 40_000);
    victim.wait_for("media to flow", START, |session| session.tags.len() > 50);
    victim.stall();
    let stalled = Instant::now();
    let mut worst = 0;
    while stalled.elapsed() < Duration::from_secs(6) {
        worst = worst.max(relay.destination_status("victim")["lag_ms"].as_u64().unwrap_or_default());
        thread::sleep(Duration::from_millis(50));
    }
    println!("the worst lag was {worst} ms");
    assert!(Duration::from_millis(worst) < MAX_LAG + OVER, "its lag was {worst} ms");
    victim.resume();
    bystanders.assert_undisturbed(&broadcast.stop());
}

//! Destinations that lead back to the relay: refused at once and with that reason, whichever way the stream comes, and
//! nobody else notices.

use std::fs;
use std::time::Duration;

use crate::support::broadcast::Broadcast;
use crate::support::bystanders::{Bystanders, assert_missed_nothing};
use crate::support::certificates::{Authority, Flaw};
use crate::support::relay::Relay;
use crate::support::secret;
use crate::support::wire::Sink;

const START: Duration = Duration::from_secs(10);
/// From the publish that closes the circle to the refusal.
const FOUND: Duration = Duration::from_secs(1);
/// Long enough to try several times, if anybody did.
const UNDISTURBED: u32 = 3_000;
/// Without it a stream that comes back is refused as a second publisher, and the circle hides for as long as the first is there.
const NEWEST: &str = "takeover = \"newest\"\n";

#[test]
fn a_destination_that_is_the_relay_itself() {
    let mut relay = Relay::new();
    let url = format!("rtmp://127.0.0.1:{}/live", relay.rtmp_port());
    let log = is_refused(&mut relay, &url, "");
    assert!(log.contains("`url` is this relay itself, which listens on 127.0.0.1:"), "it is seen before it connects");
}

#[test]
fn a_destination_that_is_the_relay_itself_over_rtmps() {
    let mut relay = Relay::new();
    let authority = Authority::new(relay.folder());
    relay.serve_rtmps(authority.identity("relay", Flaw::None));
    let url = format!("rtmps://localhost:{}/live", relay.rtmps_port());
    is_refused(&mut relay, &url, &format!("ca_file = \"{}\"\n", authority.file().display()));
}

/// With the stream's own key, at that URL of the relay. Gives the log.
#[track_caller]
fn is_refused(relay: &mut Relay, url: &str, more: &str) -> String {
    let bystanders = Bystanders::of(relay);
    relay.destination_file("circle.toml", &format!("url = \"{url}\"\nkey = \"{}\"\n{more}", relay.stream_key()));
    relay.destination_file("stream.toml", NEWEST);
    relay.start();
    let broadcast = Broadcast::synthetic(relay, 4_000);
    assert_parked(relay, "circle");
    bystanders.wait_for_more(UNDISTURBED);
    let refused = "a destination of this relay sends back to";
    assert_eq!(relay.log().matches(refused).count(), 1, "it is told once, and not tried again");
    bystanders.assert_undisturbed(&broadcast.stop());
    relay.log()
}

#[test]
fn two_relays_that_send_to_each_other() {
    a_ring_is_open_at_its_end(2, "it sends this relay's own stream back to");
}

#[test]
fn three_relays_in_a_ring() {
    a_ring_is_open_at_its_end(3, ", after 2 relays: the stream would run in a circle");
}

/// Each relay sends to the next one, and the last to the first, which is published to.
#[track_caller]
fn a_ring_is_open_at_its_end(count: usize, refusal: &str) {
    let mut relays: Vec<Relay> = (0..count).map(|_| Relay::new()).collect();
    let servers: Vec<(u16, String)> =
        relays.iter().map(|relay| (relay.rtmp_port(), relay.stream_key().to_owned())).collect();
    let mut ends = Vec::new();
    for (index, relay) in relays.iter_mut().enumerate() {
        let (port, key) = &servers[(index + 1) % count];
        relay.destination_file("next.toml", &format!("url = \"rtmp://127.0.0.1:{port}/live\"\nkey = \"{key}\"\n"));
        relay.keep_secret(key);
        relay.destination_file("stream.toml", NEWEST);
        let end = Sink::start();
        relay.destination("end", &end.url(), "");
        ends.push(end);
        relay.start();
    }
    let broadcast = Broadcast::synthetic(&relays[0], 4_000);
    let last = &relays[count - 1];
    assert_parked(last, "next");
    relays[0].wait_for_log(refusal, START);
    for relay in &relays[..count - 1] {
        relay.wait_for_state("next", "delivering", START);
    }
    ends[0].wait_for("the stream to go on", START, |session| {
        session.tags.last().is_some_and(|tag| tag.timestamp >= UNDISTURBED)
    });
    assert_eq!(relays[0].log().matches(refusal).count(), 1, "it is told once, and not tried again");
    let published = broadcast.stop();
    for (index, end) in ends.iter().enumerate() {
        assert_missed_nothing(&format!("the end of relay {index}"), end, &published.tags);
    }
}

/// No circle: the one relay is on each way once.
#[test]
fn two_streams_of_another_relay() {
    let (mut first, mut second) = (Relay::new(), Relay::new());
    let other_key = secret::new("other");
    fs::create_dir(second.folder().join("destinations/other")).unwrap();
    second.destination_file("other/stream.toml", &format!("key = \"{other_key}\"\n"));
    second.keep_secret(&other_key);
    let sinks = [Sink::start(), Sink::start()];
    for (name, sink) in ["end.toml", "other/end.toml"].into_iter().zip(&sinks) {
        second.destination_file(name, &format!("url = \"{}\"\nkey = \"any\"\n", sink.url()));
    }
    let url = format!("rtmp://127.0.0.1:{}/live", second.rtmp_port());
    for (name, key) in [("live.toml", second.stream_key()), ("other.toml", other_key.as_str())] {
        first.destination_file(name, &format!("url = \"{url}\"\nkey = \"{key}\"\n"));
    }
    first.keep_secret(&other_key);
    first.keep_secret(second.stream_key());
    second.start();
    first.start();
    let broadcast = Broadcast::synthetic(&first, 4_000);
    for sink in &sinks {
        sink.wait_for("the stream to go on", START, |session| {
            session.tags.last().is_some_and(|tag| tag.timestamp >= 1_000)
        });
    }
    let published = broadcast.stop();
    for sink in &sinks {
        assert_missed_nothing("a stream of the second relay", sink, &published.tags);
    }
}

/// The destination is parked for that reason, within a second of the relay's stream having something to send.
#[track_caller]
fn assert_parked(relay: &Relay, name: &str) {
    let entry = relay.wait_for_state(name, "parked", START);
    assert_eq!(entry["last_error"]["kind"], "relay_loop", "{entry}");
    let reason = entry["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("is this relay itself, or sends back to it"), "{reason}");
    let live = relay.wait_for_log("stream `live` is live", START);
    let failed = relay.wait_for_log(&format!("destination `{name}` failed"), START);
    let took = failed.duration_since(live).unwrap_or_default();
    assert!(took < FOUND, "it took {took:?}");
    println!("{name}: parked {took:?} after its stream was live");
}

//! Draining: no further publishers, those that are there go on, and no platform hears a word that would end a live broadcast.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::broadcast::Broadcast;
use crate::support::relay::Relay;
use crate::support::wire::{Publisher, Sink};
use crate::support::{http, synthetic, wait};

const START: Duration = Duration::from_secs(10);

fn relay() -> (Relay, Sink) {
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("sink", &sink.url(), "");
    relay.start();
    (relay, sink)
}

#[test]
fn it_waits_for_the_publisher_to_stop_and_then_stops_itself() {
    let (mut relay, sink) = relay();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    sink.wait_for("media", START, |session| session.tags.len() > 20);
    let answer = http::done(relay.http_port(), "POST", "/api/drain", &json!({"wait_seconds": 60}));
    assert!(answer["done"].as_str().is_some_and(|done| done.contains("no further publishers")), "{answer}");
    wait::until("the port to close", START, || {
        TcpStream::connect(("127.0.0.1", relay.rtmp_port())).is_err().then_some(())
    });
    let (code, text) = http::get(relay.http_port(), "/readyz").expect("the relay answers");
    assert!(code == 503 && text.starts_with("forkcast is not ready\nit is draining: "), "{text}");
    let (code, text) = http::get(relay.http_port(), "/healthz").expect("the relay answers");
    assert!(code == 200 && text.starts_with("forkcast is healthy\n"), "{text}");
    let before = sink.session().tags.len();
    sink.wait_for("more media", START, |session| session.tags.len() > before + 50);
    let again = http::request(relay.http_port(), "POST", "/api/drain", &[], "");
    assert_eq!(again.status, 409, "{}", again.body);
    broadcast.stop();
    let session = sink.wait_for("the end", START, |session| session.is_over);
    assert!(session.was_unpublished(), "the publisher stopped: the show is over");
    relay.finish(START);
}

#[test]
fn when_time_is_over_live_broadcasts_stay_open_on_their_platforms() {
    let (mut relay, sink) = relay();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    sink.wait_for("media", START, |session| session.tags.len() > 20);
    let began = Instant::now();
    http::done(relay.http_port(), "POST", "/api/drain", &json!({"wait_seconds": 2}));
    let session = sink.wait_for("the end", START, |session| session.is_over);
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert!(!session.was_unpublished(), "a relay that is started in time goes on with it");
    relay.finish(START);
    drop(broadcast);
}

/// An encoder that follows Enhanced RTMP's request to reconnect is asked; when it goes, its broadcast goes on elsewhere.
#[test]
fn an_encoder_that_can_is_asked_to_connect_anew() {
    let (mut relay, sink) = relay();
    let mut publisher =
        Publisher::connect_that_reconnects(relay.rtmp_port(), relay.stream_key()).expect("the key is right");
    let mut tags = synthetic::headers(0);
    tags.extend(synthetic::frames(0, 2_000, 2_000));
    publisher.send_paced(&tags).unwrap();
    sink.wait_for("media", START, |session| session.tags.len() > 20);
    http::done(relay.http_port(), "POST", "/api/drain", &json!({"wait_seconds": 60}));
    publisher.wait_for_status("NetConnection.Connect.ReconnectRequest", START);
    publisher.unpublish().unwrap();
    let session = sink.wait_for("the end", START, |session| session.is_over);
    assert!(!session.was_unpublished(), "it goes on with its broadcast at another relay");
    relay.finish(START);
}

#[test]
fn told_to_stop_it_drains_where_the_settings_say_so() {
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("sink", &sink.url(), "");
    relay.with_flags(&["--drain", "1m"]);
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    sink.wait_for("media", START, |session| session.tags.len() > 20);
    relay.signal("TERM");
    relay.wait_for_log("draining: no further publishers are taken", START);
    let before = sink.session().tags.len();
    sink.wait_for("more media", START, |session| session.tags.len() > before + 50);
    broadcast.stop();
    assert!(sink.wait_for("the end", START, |session| session.is_over).was_unpublished());
    relay.finish(START);
}

/// Whoever presses Ctrl-C means that the show is over, also where the relay waits for its encoders to go elsewhere.
#[test]
fn an_interrupt_ends_the_broadcasts_while_it_drains_too() {
    for _ in 0..3 {
        let (mut relay, sink) = relay();
        let broadcast = Broadcast::synthetic(&relay, 4_000);
        sink.wait_for("media", START, |session| session.tags.len() > 20);
        http::done(relay.http_port(), "POST", "/api/drain", &json!({"wait_seconds": 60}));
        relay.signal("INT");
        assert!(sink.wait_for("the end", START, |session| session.is_over).was_unpublished());
        relay.finish(START);
        assert!(!relay.log().contains("did not come back"), "nobody is waited for");
        drop(broadcast);
    }
}

//! Sessions over an in-memory connection and a paused clock. The publisher is our own client; real ones are met in the
//! end-to-end tests and the recordings.

use bytes::{Buf as _, Bytes};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    task::JoinHandle,
};

use super::*;
use crate::{
    ingest::{
        access::{Access, PublisherKey},
        address::Network,
        door::Door,
    },
    rtmp::{
        client::{self, Client, Event as ClientEvent, Stage},
        handshake::Form,
    },
    stream::{
        Coalescing, Feed, Phase, StreamSettings,
        testing::{feed, inter, keyframe, publisher},
    },
};

/// A publisher at the other end of a session.
struct Encoder {
    io: DuplexStream,
    client: Client,
    refused: Option<String>,
}

impl Encoder {
    /// Connects and asks to publish with `key`, until it is answered.
    async fn ask(io: DuplexStream, key: &str) -> Self {
        Self::ask_by_way_of(io, key, Vec::new()).await
    }

    /// The same, with a stream that has passed those relays.
    async fn ask_by_way_of(io: DuplexStream, key: &str, relay_hops: Vec<String>) -> Self {
        let config = client::Config {
            app: "live".into(),
            tc_url: "rtmp://127.0.0.1/live".into(),
            stream_key: key.to_owned().into(),
            chunk_size: 4096,
            enhanced: false,
            relay_hops,
            handshake: Form::Simple,
        };
        let mut encoder = Self { io, client: Client::new(config, &[3; RANDOM_LEN]), refused: None };
        while encoder.client.stage() != Stage::Publishing && encoder.refused.is_none() {
            encoder.flush().await;
            encoder.hear().await;
        }
        encoder
    }

    async fn flush(&mut self) {
        let outbox = self.client.transmit();
        self.io.write_all(&outbox.copy_to_bytes(outbox.remaining())).await.unwrap();
    }

    async fn hear(&mut self) {
        let mut buffer = vec![0; 4096];
        let count = self.io.read(&mut buffer).await.unwrap();
        let mut input = &buffer[..count];
        while let Some(event) = self.client.handle_input(&mut input).unwrap() {
            if let ClientEvent::Refused(refused) = event {
                self.refused = Some(format!("{} {}", refused.code, refused.description));
            }
        }
    }

    async fn send(&mut self, millis: u32, payload: impl Into<Bytes>) {
        self.client.send_media(MessageType::VIDEO, millis, payload.into());
        self.flush().await;
    }
}

/// A relay with one stream, whose key is `the-key`.
struct Relay {
    feed: Arc<Feed>,
    context: Context,
    door: Arc<Door>,
}

impl Relay {
    fn new() -> Self {
        let feed = feed();
        let keys = vec![PublisherKey::unnamed(&"the-key".into())];
        let gate = Gate::new([(Arc::clone(&feed), Access { keys, ..Access::default() })]);
        Self { feed, context: Context::new(gate, CancellationToken::new()), door: Door::new(2) }
    }

    fn accept(&self) -> (DuplexStream, JoinHandle<()>) {
        let (ours, theirs) = duplex(1 << 16);
        let (context, ticket) = (self.context.clone(), self.door.enter(Network::of([127, 0, 0, 1].into())));
        (theirs, tokio::spawn(async move { serve(ours, publisher(), ticket, &context).await }))
    }

    fn phase(&self) -> Phase {
        self.feed.broadcast().borrow().phase
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_published_is_in_the_log_until_the_publisher_stops() {
    let relay = Relay::new();
    let (io, session) = relay.accept();
    let mut head = relay.feed.head();
    let mut encoder = Encoder::ask(io, "the-key").await;
    assert_eq!(relay.phase(), Phase::Live);
    encoder.send(0, keyframe(b"1")).await;
    encoder.send(40, inter(b"2")).await;
    head.wait_for(|head| *head == 2).await.unwrap();
    encoder.client.unpublish();
    encoder.flush().await;
    let mut broadcast = relay.feed.broadcast();
    broadcast.wait_for(|now| now.phase == Phase::Ended { until: 2 }).await.unwrap();
    drop(encoder);
    session.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn messages_gather_for_one_wake_up_while_many_read() {
    let relay = Relay::new();
    let (io, _session) = relay.accept();
    let mut encoder = Encoder::ask(io, "the-key").await;
    let mut head = relay.feed.head();
    let readers = relay.feed.load().add(100);
    let began = Instant::now();
    encoder.send(0, keyframe(b"1")).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    encoder.send(10, inter(b"2")).await;
    head.changed().await.unwrap();
    let window = Duration::from_millis(16); // 15.96, and timers count whole milliseconds
    assert_eq!((began.elapsed(), *head.borrow_and_update()), (window, 2));
    let at_once = StreamSettings { coalescing: Coalescing::Fixed(Duration::ZERO), ..relay.feed.settings() };
    let by_load = relay.feed.settings();
    relay.feed.reconfigure(at_once);
    encoder.send(20, inter(b"3")).await;
    head.changed().await.unwrap();
    assert_eq!((began.elapsed(), *head.borrow_and_update()), (window, 3), "as the file says");
    relay.feed.reconfigure(by_load);
    drop(readers);
    encoder.send(30, inter(b"4")).await;
    head.changed().await.unwrap();
    assert_eq!((began.elapsed(), *head.borrow()), (window, 4), "nobody else reads");
}

#[tokio::test(start_paused = true)]
async fn what_gathers_is_not_lost_with_the_publisher() {
    let relay = Relay::new();
    let (io, session) = relay.accept();
    let mut encoder = Encoder::ask(io, "the-key").await;
    let mut head = relay.feed.head();
    let _readers = relay.feed.load().add(1000);
    encoder.send(0, keyframe(b"1")).await;
    drop(encoder);
    session.await.unwrap();
    assert!(head.has_changed().unwrap());
    assert_eq!(*head.borrow_and_update(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_lost_holds_the_broadcast() {
    let relay = Relay::new();
    let (io, session) = relay.accept();
    drop(Encoder::ask(io, "the-key").await);
    session.await.unwrap();
    assert_eq!(relay.phase(), Phase::Held);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_refused_with_the_code_that_stops_obs() {
    let relay = Relay::new();
    for (key, words) in [("another-key", "wrong stream key"), ("", "no stream key came")] {
        let (io, session) = relay.accept();
        let encoder = Encoder::ask(io, key).await;
        let refused = encoder.refused.unwrap();
        assert!(refused.starts_with("NetStream.Publish.Denied") && refused.contains(words), "{refused}");
        session.await.unwrap();
    }
    assert_eq!(relay.phase(), Phase::Idle);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_comes_back_is_refused_whatever_its_key() {
    let relay = Relay::new();
    let (io, session) = relay.accept();
    let encoder = Encoder::ask_by_way_of(io, "the-key", vec!["another".to_owned()]).await;
    let hops = relay.feed.relay_hops();
    assert!(matches!(&hops[..], [first, own] if first == "another" && own.len() == 16), "{hops:?}");
    drop(encoder);
    session.await.unwrap();

    let sixteen = vec!["another".to_owned(); 16];
    for (hops, words) in [(hops, "relay loop"), (sixteen, "too many relays")] {
        for key in ["the-key", "another-key"] {
            let (io, session) = relay.accept();
            let began = Instant::now();
            let refused = Encoder::ask_by_way_of(io, key, hops.clone()).await.refused.unwrap();
            assert!(refused.starts_with("NetConnection.Connect.Rejected") && refused.contains(words), "{refused}");
            session.await.unwrap();
            assert_eq!(began.elapsed(), Duration::ZERO);
        }
    }
    assert_eq!(relay.phase(), Phase::Held, "the stream has seen one publisher");
}

#[tokio::test(start_paused = true)]
async fn a_second_publisher_is_told_that_the_stream_is_live() {
    let relay = Relay::new();
    let (io, _session) = relay.accept();
    let mut first = Encoder::ask(io, "the-key").await;
    let (io, second_session) = relay.accept();
    let second = tokio::spawn(Encoder::ask(io, "the-key"));
    for millis in (0..5000).step_by(500) {
        first.send(millis, keyframe(b"")).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let refused = second.await.unwrap().refused.unwrap();
    assert!(refused.starts_with("NetStream.Publish.BadName") && refused.contains("live already"), "{refused}");
    second_session.await.unwrap();
    assert_eq!(relay.phase(), Phase::Live);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_waited_for_for_ever() {
    // A peer that says nothing.
    let relay = Relay::new();
    let (_io, session) = relay.accept();
    let began = Instant::now();
    session.await.unwrap();
    assert_eq!(began.elapsed(), limits::HANDSHAKE);

    // A publisher that falls silent is lost.
    let (io, session) = relay.accept();
    let _encoder = Encoder::ask(io, "the-key").await;
    let began = Instant::now();
    session.await.unwrap();
    assert_eq!((began.elapsed(), relay.phase()), (limits::MEDIA_SILENCE, Phase::Held));

    // One that has stopped and keeps the connection.
    let (io, session) = relay.accept();
    let mut encoder = Encoder::ask(io, "the-key").await;
    encoder.client.unpublish();
    encoder.flush().await;
    let began = Instant::now();
    session.await.unwrap();
    assert_eq!(began.elapsed(), limits::PUBLISH);
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_waits_for_its_turn_does_not_get_it_while_the_relay_goes_down() {
    let relay = Relay::new();
    let (io, first_session) = relay.accept();
    let _first = Encoder::ask(io, "the-key").await;
    let (io, second_session) = relay.accept();
    let second = tokio::spawn(async move { Encoder::ask(io, "the-key").await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let began = Instant::now();
    relay.context.stop.cancel();
    first_session.await.unwrap();
    second_session.await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(relay.phase(), Phase::Held);
    second.abort();
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_longest_makes_room_and_a_publisher_never() {
    let relay = Relay::new();
    let (io, _session) = relay.accept();
    let mut publisher = Encoder::ask(io, "the-key").await;
    let waiting: Vec<_> = (0..3).map(|_| relay.accept()).collect();
    let mut sessions: Vec<_> = waiting.into_iter().map(|(io, session)| (io, Some(session))).collect();
    let began = Instant::now();
    sessions[0].1.take().unwrap().await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO, "there is room for two");
    publisher.send(0, keyframe(b"1")).await;
    assert_eq!(relay.phase(), Phase::Live);
}

#[tokio::test(start_paused = true)]
async fn whoever_was_refused_makes_nobody_wait_at_the_door() {
    let relay = Relay::new();
    let (io, session) = relay.accept();
    let refused = Encoder::ask(io, "a-wrong-key").await;
    assert!(refused.refused.is_some());
    // It does not close, and its place is needed.
    let began = Instant::now();
    let _others: Vec<_> = (0..2).map(|_| relay.accept()).collect();
    session.await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
}

/// What the log says while something runs on this thread.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_comes_over_the_internet_without_tls_is_warned_about() {
    for (address, tls, is_warned) in [
        ("203.0.113.7:50000", None, true),
        ("203.0.113.7:50000", Some("TLS 1.3".to_owned()), false),
        ("192.168.1.7:50000", None, false),
    ] {
        let said = Said::default();
        let writer = said.clone();
        let log = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        let guard = tracing::subscriber::set_default(log);
        let relay = Relay::new();
        let admitted = relay.context.gate.admit(&"the-key".into(), &publisher()).await.unwrap();
        let publisher = Publisher { address: address.parse().unwrap(), tls, ..publisher() };
        assert!(go_live(admitted, &publisher).await.is_ok());
        drop(guard);
        let said = String::from_utf8(said.0.lock().unwrap().clone()).unwrap();
        assert_eq!(said.contains("sends over the internet without TLS"), is_warned, "{address}: {said}");
    }
}

//! What a message costs in memory allocations, however fast or busy the machine is: the whole relay runs on this test's thread,
//! and only what that thread allocates is counted.
//!
//! Publisher and destinations are on threads of their own, with real sockets in between. The relay is measured twice, with few
//! destinations and with many: what the second has more is what a destination costs, and the rest is what ingest costs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test says that it failed; clippy's allowance covers only the test functions themselves"
)]
#![allow(dead_code, unused_imports, reason = "a part of the bench is enough here")]

mod support;

use std::{fs, sync::Arc, time::Duration};

use forkcast::{
    admission,
    config::{Given, Origin},
    control::desk::Desk,
    destination::status::{Report, State},
    relay::Relay,
    reload::Reading,
};
use metrics_exporter_prometheus::PrometheusBuilder;
use tempfile::TempDir;
use tokio::{
    runtime::{Builder, Runtime},
    task::spawn_blocking,
    time::{sleep, timeout},
};

use crate::support::{
    broadcast::Broadcast,
    certificates::{Authority, Flaw},
    flv::Tag,
    peers::{self, Peer},
    stunnel::Stunnel,
    synthetic,
    wire::Sink,
};

const FEW: u64 = 4;
const MANY: u64 = 36;

/// Until everything that is reused has its size, and the log, which reaches back five seconds, is full and lets go of a message
/// for each that comes.
const WARM_UP: u64 = 550;
const MEASURED: u64 = 400;

/// Bytes of a picture: two chunks and more, and less than a record of TLS.
const PICTURE: usize = 12_000;

/// Pictures and sounds follow each other so much faster than [`synthetic::endless`] has them: 50 of each in a second, still within
/// what the platform takes.
const FASTER: u32 = 2;

/// Allocations for each message that comes: its payload, the count of those who share it, its place in the log. A picture that
/// comes in two reads is copied once more: where the relay is behind, every third.
const AT_INGEST: f64 = 3.0 + 0.4;

/// A message costs a destination no allocation. So much is left for a queue that grows once more, and for what is done once a
/// second, beside 100 messages: two allocations in each look would be seen.
const AT_A_DESTINATION: f64 = 0.02;

/// Under TLS it costs a record, for which the cipher has a buffer of its own each time. Where the relay is behind, messages share
/// records, and the comparison of two such runs is less exact.
const AT_A_DESTINATION_UNDER_TLS: f64 = 1.0 + 0.2;

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_message_costs_a_destination_no_allocation() {
    let sink = Sink::start();
    let cost = Cost::of(&sink.url(), "");
    assert!(cost.at_a_destination < AT_A_DESTINATION, "{cost:?}");
    assert!(cost.at_ingest < AT_INGEST, "{cost:?}");
}

#[test]
fn a_message_costs_a_destination_under_tls_the_buffer_of_the_cipher() {
    if !peers::are_here(&[Peer::Stunnel]) {
        return;
    }
    let folder = TempDir::new().expect("a folder can be made");
    let authority = Authority::new(folder.path());
    let sink = Sink::start();
    let stunnel = Stunnel::start(folder.path(), "tls", &authority.identity("tls", Flaw::None), sink.port());
    let cost = Cost::of(&stunnel.url(), &format!("ca_file = \"{}\"", authority.file().display()));
    assert!(cost.at_a_destination < AT_A_DESTINATION_UNDER_TLS, "{cost:?}");
}

/// Allocations.
#[derive(Debug)]
struct Cost {
    /// For each message that comes, however many destinations there are.
    at_ingest: f64,
    /// For each message that a destination is sent.
    at_a_destination: f64,
}

impl Cost {
    fn of(url: &str, more: &str) -> Self {
        let (few, many) = (Count::of(FEW, url, more), Count::of(MANY, url, more));
        // Two unknowns: allocations = received * at_ingest + sent * at_a_destination.
        let at_a_destination = (many.allocations * few.received - few.allocations * many.received)
            / (many.sent * few.received - few.sent * many.received);
        let at_ingest = (few.allocations - few.sent * at_a_destination) / few.received;
        let cost = Self { at_ingest, at_a_destination };
        println!("{url}\n{FEW} destinations: {few:?}\n{MANY} destinations: {many:?}\n{cost:?}");
        cost
    }
}

/// What was counted.
#[derive(Debug)]
struct Count {
    /// Messages that came.
    received: f64,
    /// Messages that all destinations together were sent.
    sent: f64,
    allocations: f64,
}

impl Count {
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    fn of(destinations: u64, url: &str, more: &str) -> Self {
        let under_test = UnderTest::start(destinations, url, more);
        under_test.pass(WARM_UP);
        let (received, sent) = (under_test.received(), under_test.sent());
        let counted = allocation_counter::measure(|| under_test.pass(MEASURED));
        let (received, sent) = (under_test.received() - received, under_test.sent() - sent);
        under_test.end();
        // What is queued on the way makes the two differ by some messages.
        assert!(sent * 2 > received * destinations, "{sent} messages were sent to {destinations} of {received}");
        Self { received: received as f64, sent: sent as f64, allocations: counted.count_total as f64 }
    }
}

/// A relay on this thread, to which somebody publishes.
struct UnderTest {
    runtime: Runtime,
    relay: Relay,
    broadcast: Broadcast,
    _folder: TempDir,
}

impl UnderTest {
    /// Starts it as `forkcast serve` does, from files, and waits until every destination is delivering.
    fn start(destinations: u64, url: &str, more: &str) -> Self {
        let folder = TempDir::new().expect("a folder can be made");
        let files = folder.path().join("destinations");
        fs::create_dir(&files).expect("the folder can be written");
        fs::write(files.join("stream.toml"), "key = \"key-of-the-publisher\"\n").expect("the folder can be written");
        for index in 0..destinations {
            let text =
                format!("platform = \"youtube\"\nurl = \"{url}\"\nkey = \"key-of-destination-{index}\"\n{more}\n");
            fs::write(files.join(format!("{index}.toml")), text).expect("the folder can be written");
        }
        let mut given = Given::default();
        let state = folder.path().join("state").display().to_string();
        let files = files.display().to_string();
        for (name, value) in
            [("destinations", files.as_str()), ("state", &state), ("rtmp", "127.0.0.1:0"), ("http", "off")]
        {
            given.set(name, value, Origin::Flag("--test"));
        }
        let reading = Reading::take(&given);
        assert!(!reading.server.has_mistake(), "{:?}", reading.server.problems);
        let options = reading.server.options;
        let streams =
            reading.config.streams.into_iter().map(|config| admission::admit(config, &options.state).0).collect();
        let metrics = PrometheusBuilder::new().build_recorder().handle();

        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        let relay =
            runtime.block_on(Relay::start(&options, streams, metrics, Desk::new().0)).expect("the relay starts");
        let port = relay.addresses.rtmp[0].port();
        let publish = spawn_blocking_on(&runtime, move || Broadcast::to(port, "key-of-the-publisher", tags()));
        let under_test = Self { broadcast: publish, relay, runtime, _folder: folder };
        under_test.runtime.block_on(async {
            let delivering = async {
                while !under_test.reports().all(|report| report.state() == State::Delivering) {
                    sleep(Duration::from_millis(20)).await;
                }
            };
            timeout(LIMIT, delivering).await.expect("every destination delivers");
        });
        under_test
    }

    /// Lets the relay run while so many messages come.
    fn pass(&self, messages: u64) {
        self.runtime.block_on(async {
            let mut head = self.relay.feed("live").expect("it is there").head();
            let until = *head.borrow() + messages;
            timeout(LIMIT, head.wait_for(|head| *head >= until))
                .await
                .expect("messages come")
                .expect("the stream stays");
        });
    }

    fn received(&self) -> u64 {
        self.relay.feed("live").expect("it is there").status().received_messages
    }

    fn sent(&self) -> u64 {
        self.reports().map(|report| report.sent_messages()).sum()
    }

    fn reports(&self) -> impl Iterator<Item = Arc<Report>> {
        let streams = self.relay.board.streams();
        let live = streams.iter().find(|stream| stream.feed.name() == "live").expect("it is there");
        let reports: Vec<_> = live.destinations.iter().map(|destination| Arc::clone(&destination.report)).collect();
        reports.into_iter()
    }

    fn end(self) {
        for report in self.reports() {
            assert_eq!((report.sessions(), report.dropped().total()), (1, 0), "what else happened is in the count");
        }
        let broadcast = self.broadcast;
        spawn_blocking_on(&self.runtime, move || broadcast.stop());
        self.runtime.block_on(self.relay.end());
    }
}

/// Does on a thread of its own what waits for the relay, and lets the relay run meanwhile.
fn spawn_blocking_on<T: Send + 'static>(runtime: &Runtime, work: impl FnOnce() -> T + Send + 'static) -> T {
    runtime.block_on(async { spawn_blocking(work).await }).expect("it does not panic")
}

fn tags() -> impl Iterator<Item = Tag> + Send + 'static {
    let frames = synthetic::endless(0, 1000, PICTURE);
    let faster = frames.map(|tag| Tag { timestamp: tag.timestamp / FASTER, ..tag });
    synthetic::headers(0).into_iter().chain(faster)
}

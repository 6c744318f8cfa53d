//! The metrics page, measured when it is asked for.
//!
//! What streams and destinations have is put into a recorder of its own for each page: a series is there as long as what it is
//! about, however often the configuration changes, and nothing has to be taken back. Their number is that of what is
//! configured; no label has a value that a peer or a key could choose.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use metrics::{Label, counter, gauge, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::board::{Board, StreamView};
use crate::{
    destination::{Destination, status::State},
    observe::{
        Posts,
        metrics::{Mode, describe, name},
    },
    stream::{Feed, FeedStatus, Phase},
};

/// The platform of a destination whose file does not say it, because it is wrong or off.
const NO_PLATFORM: &str = "unknown";

/// What the page is made of, besides the board.
pub struct Metrics {
    mode: Mode,
    /// What is counted at the door.
    events: PrometheusHandle,
    process: metrics_process::Collector,
    /// Sums do not fall when a part of them goes away. Held while one page is made.
    sums: Mutex<Sums>,
}

impl Metrics {
    /// A page in that mode.
    pub fn new(mode: Mode, events: PrometheusHandle) -> Self {
        Self { mode, events, process: metrics_process::Collector::default(), sums: Mutex::default() }
    }

    /// The page as it is now, in the text format of Prometheus.
    pub fn page(&self, board: &Board) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        with_local_recorder(&recorder, || {
            describe();
            self.process.describe();
            self.process.collect();
            measure_relay(board);
            match self.mode {
                Mode::Detailed => measure_each(board),
                Mode::Aggregate => {
                    // What a page that panicked has left is whole: a sum is put in with one step.
                    let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
                    measure_sums(board, &mut sums);
                }
            }
        });
        let mut page = self.events.render();
        page.push_str(&recorder.handle().render());
        page
    }
}

/// What is neither of one stream nor of one destination.
fn measure_relay(board: &Board) {
    gauge!(name::BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1);
    gauge!(name::READY).set(f64::from(board.readiness.reasons().is_empty()));
    for certificate in board.certificates() {
        if let Some(not_after) = certificate.not_after {
            let file = certificate.file.display().to_string();
            #[expect(clippy::cast_precision_loss, reason = "seconds of a date are far below 2^52")]
            gauge!(name::CERTIFICATE_EXPIRY, "file" => file).set(not_after as f64);
        }
    }
    for (endpoint, posts) in Posts::all() {
        for (result, count) in posts.counts() {
            counter!(name::NOTIFICATIONS, "endpoint" => endpoint.clone(), "result" => result).absolute(count);
        }
    }
    let mut streams = BTreeMap::from(["idle", "live", "held"].map(|state| (state, 0)));
    let mut platforms: BTreeMap<&str, BTreeMap<&str, u32>> = BTreeMap::new();
    let views = board.streams();
    for StreamView { feed, destinations, .. } in views.iter() {
        *streams.entry(stream_state(feed.phase())).or_default() += 1;
        for destination in destinations {
            let states =
                platforms.entry(platform(destination)).or_insert_with(|| State::LABELS.map(|state| (state, 0)).into());
            *states.entry(destination.report.state().label()).or_default() += 1;
        }
    }
    for (state, count) in streams {
        gauge!(name::STREAMS, "state" => state).set(count);
    }
    for (platform, states) in platforms {
        for (state, count) in states {
            gauge!(name::DESTINATIONS, "platform" => platform.to_owned(), "state" => state).set(count);
        }
    }
}

fn measure_each(board: &Board) {
    for StreamView { feed, destinations, .. } in board.streams().iter() {
        let status = feed.status();
        let of = vec![Label::new("stream", feed.name().to_owned())];
        let state = with(&of, [("state", stream_state(status.phase))]);
        gauge!(name::STREAM_STATE, state).set(1);
        let (publisher, hold_left) = (status.publisher.as_ref(), status.hold_left.unwrap_or_default());
        let silent = publisher.map_or(0.0, |(_, _, silence)| silence.as_secs_f64());
        gauge!(name::PUBLISHER_CONNECTED, of.clone()).set(f64::from(publisher.is_some()));
        gauge!(name::PUBLISHER_SILENT, of.clone()).set(silent);
        gauge!(name::HOLD_LEFT, of.clone()).set(hold_left.as_secs_f64());
        if let Some(last) = last_plain_publish(&status) {
            gauge!(name::PLAIN_PUBLISH_LAST, of.clone()).set(last);
        }
        for Count { name, labels, value } in counts_of_stream(&status) {
            counter!(name, with(&of, labels)).absolute(value);
        }
        for destination in destinations {
            measure_destination(destination, feed);
        }
    }
}

fn measure_destination(destination: &Destination, feed: &Feed) {
    let of = vec![
        Label::new("stream", feed.name().to_owned()),
        Label::new("destination", destination.name.clone()),
        Label::new("platform", platform(destination).to_owned()),
    ];
    let Now { state, lag, connection } = Now::of(destination, feed);
    gauge!(name::DESTINATION_STATE, with(&of, [("state", state.label())])).set(1);
    gauge!(name::DESTINATION_DELIVERING, of.clone()).set(f64::from(state == State::Delivering));
    gauge!(name::ON_BACKUP, of.clone()).set(f64::from(connection.is_backup));
    gauge!(name::LAG_SECONDS, of.clone()).set(lag);
    gauge!(name::LIMITS_EXCEEDED, of.clone()).set(limits_exceeded(destination));
    if let Some((round_trip, unsent, retransmits)) = connection.tcp {
        gauge!(name::ROUND_TRIP, of.clone()).set(round_trip);
        gauge!(name::UNSENT_BYTES, of.clone()).set(unsent);
        counter!(name::RETRANSMITS, of.clone()).absolute(retransmits);
    }
    for Count { name, labels, value } in counts_of_destination(destination) {
        counter!(name, with(&of, labels)).absolute(value);
    }
}

fn measure_sums(board: &Board, sums: &mut Sums) {
    let mut present = Vec::new();
    let mut last_plain = None;
    let mut furthest: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    let views = board.streams();
    for StreamView { feed, destinations, .. } in views.iter() {
        let status = feed.status();
        last_plain = last_plain.into_iter().chain(last_plain_publish(&status)).reduce(f64::max);
        present.push((Part { stream: feed.name().to_owned(), destination: None }, None, counts_of_stream(&status)));
        for destination in destinations {
            let (platform, now) = (platform(destination), Now::of(destination, feed));
            let labels = || vec![Label::new("platform", platform.to_owned())];
            gauge!(name::DESTINATION_DELIVERING, labels()).increment(f64::from(now.state == State::Delivering));
            gauge!(name::ON_BACKUP, labels()).increment(f64::from(now.connection.is_backup));
            gauge!(name::LIMITS_EXCEEDED, labels()).increment(limits_exceeded(destination));
            let (lag, round_trip) = furthest.entry(platform).or_default();
            *lag = lag.max(now.lag);
            if let Some((this, unsent, _)) = now.connection.tcp {
                *round_trip = round_trip.max(this);
                gauge!(name::UNSENT_BYTES, labels()).increment(unsent);
            }
            let part = Part { stream: feed.name().to_owned(), destination: Some(destination.name.clone()) };
            present.push((part, Some(platform.to_owned()), counts_of_destination(destination)));
        }
    }
    for (platform, (lag, round_trip)) in furthest {
        gauge!(name::LAG_SECONDS, "platform" => platform.to_owned()).set(lag);
        gauge!(name::ROUND_TRIP, "platform" => platform.to_owned()).set(round_trip);
    }
    if let Some(last) = last_plain {
        gauge!(name::PLAIN_PUBLISH_LAST).set(last);
    }
    sums.add(present);
    for (Sum { name, platform, labels }, value) in &sums.totals {
        let platform = platform.iter().map(|platform| Label::new("platform", platform.clone()));
        counter!(*name, with(&platform.collect::<Vec<_>>(), labels.iter().copied())).absolute(*value);
    }
}

/// What a destination is at one moment.
struct Now {
    state: State,
    /// In seconds.
    lag: f64,
    connection: ConnectionNow,
}

#[derive(Default)]
struct ConnectionNow {
    is_backup: bool,
    /// The round trip in seconds, bytes not sent, segments sent again.
    tcp: Option<(f64, f64, u64)>,
}

impl Now {
    fn of(destination: &Destination, feed: &Feed) -> Self {
        let report = &destination.report;
        let connection = report.connection().map(|connection| ConnectionNow {
            is_backup: connection.is_backup,
            tcp: connection
                .tcp
                .map(|tcp| (tcp.round_trip.as_secs_f64(), f64::from(tcp.unsent_bytes), tcp.retransmits.into())),
        });
        let lag = report.lag(feed).duration.as_secs_f64();
        Self { state: report.state(), lag, connection: connection.unwrap_or_default() }
    }
}

/// One counter of a stream or a destination, with the labels that it has beside whose it is.
#[derive(Clone, Debug)]
struct Count {
    name: &'static str,
    labels: Vec<(&'static str, &'static str)>,
    value: u64,
}

fn counts_of_stream(status: &FeedStatus) -> Vec<Count> {
    let count = |name, value| Count { name, labels: Vec::new(), value };
    let publishes = status.transports.iter().map(|(transport, used)| Count {
        name: name::PUBLISHES,
        labels: vec![("transport", *transport)],
        value: used.publishes,
    });
    let totals = status.totals;
    let mut counts = vec![
        count(name::PUBLISHERS_LOST, totals.publishers_lost),
        count(name::RECEIVED_BYTES, totals.received_bytes),
        count(name::RECEIVED_MESSAGES, totals.received_messages),
    ];
    counts.extend(publishes);
    counts
}

fn counts_of_destination(destination: &Destination) -> Vec<Count> {
    let report = &destination.report;
    let count = |name, value| Count { name, labels: Vec::new(), value };
    let dropped = |reason, value| Count { name: name::DROPPED_MESSAGES, labels: vec![("reason", reason)], value };
    let drops = report.dropped();
    let mut counts = vec![
        count(name::DESTINATION_SESSIONS, report.sessions()),
        count(name::RECONNECTS, report.reconnects()),
        count(name::DESTINATION_PANICS, report.panics()),
        count(name::SENT_BYTES, report.sent_bytes()),
        count(name::SENT_MESSAGES, report.sent_messages()),
        dropped("skipped", drops.skipped),
        dropped("picture", drops.picture),
        dropped("disposable", drops.disposable),
    ];
    counts.extend(report.failures().into_iter().map(|((stage, kind), value)| Count {
        name: name::DESTINATION_FAILURES,
        labels: vec![("stage", stage), ("kind", kind)],
        value,
    }));
    counts
}

/// Whose counts they are: a stream's, or one of its destinations'.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    stream: String,
    destination: Option<String>,
}

/// A series that is a sum.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sum {
    name: &'static str,
    platform: Option<String>,
    labels: Vec<(&'static str, &'static str)>,
}

/// Counts over streams and destinations, those that are gone included, as of the last page that they were on.
#[derive(Debug, Default)]
struct Sums {
    totals: BTreeMap<Sum, u64>,
    /// What the parts that were there had counted then.
    seen: BTreeMap<Part, Vec<Count>>,
}

impl Sums {
    /// Adds what each part has counted since the page before. One that has counted less is a new one of the same name.
    fn add(&mut self, present: Vec<(Part, Option<String>, Vec<Count>)>) {
        let mut before = std::mem::take(&mut self.seen);
        for (part, platform, counts) in present {
            let seen = before.remove(&part).unwrap_or_default();
            for Count { name, labels, value } in &counts {
                let same = |count: &&Count| count.name == *name && count.labels == *labels;
                let had = seen.iter().find(same).map_or(0, |count| count.value);
                let sum = Sum { name, platform: platform.clone(), labels: labels.clone() };
                let more = value.checked_sub(had).unwrap_or(*value);
                match self.totals.entry(sum) {
                    Entry::Occupied(mut total) => *total.get_mut() += more,
                    Entry::Vacant(total) => drop(total.insert(more)),
                }
            }
            self.seen.insert(part, counts);
        }
    }
}

fn with(of: &[Label], more: impl IntoIterator<Item = (&'static str, &'static str)>) -> Vec<Label> {
    let more = more.into_iter().map(|(label, value)| Label::from_static_parts(label, value));
    of.iter().cloned().chain(more).collect()
}

fn limits_exceeded(destination: &Destination) -> f64 {
    u32::try_from(destination.report.exceeded().len()).unwrap_or(u32::MAX).into()
}

fn platform(destination: &Destination) -> &str {
    destination.settings.as_ref().map_or(NO_PLATFORM, |settings| &settings.platform.name)
}

fn stream_state(phase: Phase) -> &'static str {
    match phase {
        Phase::Idle | Phase::Ended { .. } => "idle",
        Phase::Live => "live",
        Phase::Held => "held",
    }
}

/// In seconds since 1970.
fn last_plain_publish(status: &FeedStatus) -> Option<f64> {
    let ago = status.transports.get("rtmp")?.last.elapsed();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Some(now.saturating_sub(ago).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, sync::Arc, time::Instant};

    use super::*;
    use crate::{
        control::guide::KeyPlace,
        destination::{
            excess::{Exceeded, Limit},
            platform::Platform,
            settings::Settings,
            status::Report,
            testing::settings,
        },
        stream::testing::feed,
    };

    fn counted(destination: &str, bytes: u64) -> (Part, Option<String>, Vec<Count>) {
        let part = Part { stream: "live".to_owned(), destination: Some(destination.to_owned()) };
        let count = Count { name: name::SENT_BYTES, labels: Vec::new(), value: bytes };
        (part, Some("custom".to_owned()), vec![count])
    }

    fn board(destinations: usize) -> Board {
        let platforms = ["youtube", "twitch"].map(|name| {
            let platform = Platform::named(name).unwrap();
            Some(Arc::new(Settings { platform, ..settings() }))
        });
        let destination = |number: usize| Destination {
            name: format!("d{number}"),
            file: PathBuf::new(),
            settings: platforms[number % 2].clone(),
            problem: None,
            lacks: &[],
            report: Arc::new(Report::new(State::Idle)),
        };
        let board = Board::new(None, Vec::new());
        let key = KeyPlace { text: String::new(), file: None };
        let destinations = (0..destinations).map(destination).collect();
        board.show(Arc::new([StreamView { feed: feed(), key, destinations }]));
        board
    }

    fn page(mode: Mode, board: &Board) -> Vec<String> {
        let events = PrometheusBuilder::new().build_recorder().handle();
        let page = Metrics::new(mode, events).page(board);
        page.lines().filter(|line| line.starts_with("forkcast_")).map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn what_is_gone_has_no_series() {
        let of_the_second = |page: Vec<String>| page.iter().filter(|line| line.contains("destination=\"d1\"")).count();
        assert_eq!(of_the_second(page(Mode::Detailed, &board(2))), 13);
        assert_eq!(of_the_second(page(Mode::Detailed, &board(1))), 0);
    }

    #[tokio::test]
    async fn limits_that_are_exceeded_are_counted() {
        let board = board(4);
        let of_limits = |mode, label: &str| {
            let page = page(mode, &board);
            let mut lines = page.iter().filter(|line| line.starts_with(name::LIMITS_EXCEEDED) && line.contains(label));
            (lines.next().and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()), lines.count())
        };
        assert_eq!(of_limits(Mode::Detailed, "destination=\"d3\""), (Some(0.0), 0));
        for destination in [1, 3] {
            let exceeded = |what| Exceeded { what, sentence: String::new() };
            let exceeded = vec![exceeded(Limit::VideoBitrate), exceeded(Limit::Sound)];
            board.streams()[0].destinations[destination].report.exceeds(exceeded);
        }
        assert_eq!(of_limits(Mode::Detailed, "destination=\"d3\""), (Some(2.0), 0));
        assert_eq!(of_limits(Mode::Aggregate, "platform=\"twitch\""), (Some(4.0), 0));
        assert_eq!(of_limits(Mode::Aggregate, "platform=\"youtube\""), (Some(0.0), 0));
    }

    /// A rack: what is served once every few seconds must not take long, and the sums must not grow with it.
    #[tokio::test]
    async fn thousands_of_destinations_are_summed_up() {
        let (few, many) = (board(2), board(5_000));
        let began = Instant::now();
        let detailed = page(Mode::Detailed, &many);
        let took_detailed = began.elapsed();
        let began = Instant::now();
        let aggregate = page(Mode::Aggregate, &many);
        println!(
            "5,000 destinations: {} series in {took_detailed:?}, {} in {:?}",
            detailed.len(),
            aggregate.len(),
            began.elapsed()
        );
        assert!(detailed.len() > 13 * 5_000);
        assert_eq!(aggregate.len(), page(Mode::Aggregate, &few).len());
        assert!(
            aggregate.iter().all(|line| !line.contains("stream=\"") && !line.contains("destination=\"")),
            "{aggregate:#?}"
        );
        assert!(
            aggregate.contains(&"forkcast_destinations{platform=\"twitch\",state=\"idle\"} 2500".to_owned()),
            "{aggregate:#?}"
        );
    }

    #[test]
    fn a_sum_never_falls() {
        let mut sums = Sums::default();
        let mut after = |present| {
            sums.add(present);
            assert!(sums.seen.len() <= 2, "what is gone is forgotten");
            sums.totals.values().sum::<u64>()
        };
        assert_eq!(after(vec![counted("a", 10), counted("b", 5)]), 15);
        assert_eq!(after(vec![counted("a", 12), counted("b", 5)]), 17);
        assert_eq!(after(vec![counted("a", 12)]), 17, "b is gone");
        assert_eq!(after(vec![counted("a", 13), counted("b", 2)]), 20, "another b");
        assert_eq!(after(vec![counted("a", 13), counted("b", 1)]), 21, "and another");
        assert_eq!(after(vec![]), 21);
    }
}

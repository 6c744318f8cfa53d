//! One measurement: sinks, relay and publisher are started, flow, and are watched for some seconds.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use super::{
    media::Shape,
    process::Usage,
    publisher::{self, Publisher},
    relays::{Identity, Relay, Target},
    sinks::{self, Figures, LATENCY_STEP, Order, Sinks},
};

/// What is measured.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) relay: Relay,
    /// Of each stream.
    pub(crate) destinations: usize,
    pub(crate) streams: usize,
    pub(crate) is_tls: bool,
    pub(crate) shape: Shape,
    /// For so long, once all flow and have settled.
    pub(crate) seconds: u64,
    /// So many of the sinks read nothing meanwhile.
    pub(crate) stalled: usize,
}

/// Until figures are taken: connections are made, logs fill.
const SETTLE: Duration = Duration::from_secs(3);
/// Until all destinations flow.
const START: Duration = Duration::from_secs(90);

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) scenario: Scenario,
    pub(crate) seconds: f64,
    /// What the relay took meanwhile.
    pub(crate) cpu: Duration,
    pub(crate) slept: u64,
    pub(crate) preempted: u64,
    /// Resident bytes at the end.
    pub(crate) resident: u64,
    pub(crate) sinks: Figures,
    /// From the start of the relay to its open port.
    pub(crate) listened_after: Duration,
    /// From the publish that the relay accepted to the first picture, at the first destination and at the last.
    pub(crate) first_picture: Option<(Duration, Duration)>,
}

impl Scenario {
    pub(crate) fn new(relay: Relay, destinations: usize, is_tls: bool, seconds: u64) -> Self {
        Self { relay, destinations, streams: 1, is_tls, shape: Shape::FULL, seconds, stalled: 0 }
    }

    /// Runs it.
    pub(crate) fn run(self, identity: &Identity) -> Measured {
        let given = sinks::Given { identity: self.is_tls.then(|| identity.files()), receive_buffer: None };
        let mut sinks = Sinks::start(&given);
        let target = Target {
            port: sinks.port(),
            destinations: self.destinations,
            authority: self.is_tls.then(|| identity.authority()),
            shape: self.shape,
            streams: self.streams,
        };
        let mut running = self.relay.start(&target);
        let mut publisher = running
            .publish
            .clone()
            .map(|(port, keys)| Publisher::start(&publisher::Given { port, keys, shape: self.shape }));
        let began = Instant::now();
        while sinks.tell(Order::Tell).flowing < self.destinations * self.streams {
            running.processes.iter_mut().for_each(super::process::Guard::must_run);
            publisher.iter_mut().for_each(Publisher::must_run);
            let flowing = sinks.tell(Order::Tell);
            assert!(began.elapsed() < START, "{flowing:?} of {self:?}");
            thread::sleep(Duration::from_millis(50));
        }
        if self.stalled > 0 {
            sinks.tell(Order::Stall(self.stalled));
        }
        thread::sleep(SETTLE);
        sinks.tell(Order::Begin);
        let (before, began) = (Usage::of(&running.processes), Instant::now());
        thread::sleep(Duration::from_secs(self.seconds));
        let after = Usage::of(&running.processes);
        let seconds = began.elapsed().as_secs_f64();
        let sinks = sinks.tell(Order::Tell);
        let first_picture = publisher.as_ref().and_then(|publisher| {
            let since = |time: &u64| Duration::from_nanos(time.saturating_sub(publisher.accepted));
            Some((since(sinks.first_pictures.first()?), since(sinks.first_pictures.last()?)))
        });
        Measured {
            seconds,
            cpu: after.cpu - before.cpu,
            slept: after.slept - before.slept,
            preempted: after.preempted - before.preempted,
            resident: after.resident,
            sinks,
            listened_after: running.listened_after,
            first_picture,
            scenario: self,
        }
    }
}

impl Measured {
    /// Processor seconds for each delivered gigabyte (10^9 bytes of payload).
    pub(crate) fn cpu_per_gigabyte(&self) -> f64 {
        self.cpu.as_secs_f64() / (self.sinks.bytes as f64 / 1e9)
    }

    /// Of one core.
    pub(crate) fn cores(&self) -> f64 {
        self.cpu.as_secs_f64() / self.seconds
    }

    /// Context switches a second.
    pub(crate) fn switches(&self) -> f64 {
        (self.slept + self.preempted) as f64 / self.seconds
    }

    /// The figures in one line, for who watches.
    pub(crate) fn line(&self) -> String {
        let Latency { p50, p99, p999 } = self.latency();
        format!(
            "{:<44} x{:<5} {:>6.3} s/GB {:>6.3} core  p50 {p50:>6.2} p99 {p99:>6.2} p99.9 {p999:>6.2} ms  {:>6.1} MB  lost {}  switches {}/s",
            self.scenario.relay.name(self.scenario.is_tls),
            self.scenario.destinations,
            self.cpu_per_gigabyte(),
            self.cores(),
            self.resident as f64 / 1e6,
            self.sinks.lost + self.sinks.damaged,
            ((self.slept + self.preempted) as f64 / self.seconds).round(),
        )
    }

    /// Of its messages.
    pub(crate) fn latency(&self) -> Latency {
        Latency::of(&[self])
    }
}

/// Quantiles of the latency, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
}

impl Latency {
    /// Of the messages of several runs together.
    pub(crate) fn of(runs: &[&Measured]) -> Self {
        let mut steps: BTreeMap<u64, u64> = BTreeMap::new();
        for (step, count) in runs.iter().flat_map(|run| &run.sinks.latency) {
            *steps.entry(*step).or_default() += count;
        }
        let all: u64 = steps.values().sum();
        let at = |thousandths: u64| {
            let mut below = all * thousandths / 1000;
            let step = steps.iter().find(|(_, count)| {
                let is_here = below < **count;
                below = below.saturating_sub(**count);
                is_here
            });
            step.map_or(0.0, |(step, _)| (step * LATENCY_STEP) as f64 / 1e6)
        };
        Self { p50: at(500), p99: at(990), p999: at(999) }
    }
}

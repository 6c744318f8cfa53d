//! How cost and memory grow with destinations and streams, and what destinations that read nothing hold in the kernel.
//! `cargo bench --bench scale`.

#![allow(clippy::expect_used, reason = "a benchmark that cannot go on ends, and says where")]

mod lab;

use std::{
    fmt::Write as _,
    fs, thread,
    time::{Duration, Instant},
};

use clap::Parser;
use forkcast::net::limits::NOT_SENT_LOW_WATER;
use lab::{
    media::Shape,
    publisher::{self, Publisher},
    relays::{Identity, Relay, Target},
    report,
    run::Scenario,
    sinks::{self, Order, Sinks},
};

/// How cost and memory grow with destinations and streams.
#[derive(Parser)]
struct Options {
    /// Seconds that each measurement takes
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Write the tables to benches/README.md
    #[arg(long)]
    write: bool,
    /// Cargo says this to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// Small, so that one machine can be publisher, relay and sinks for two thousand: 1 Mbit/s, 30 pictures a second.
const SHAPE: Shape = Shape { frames: 30, bits: 1_000_000 };
/// Streams, and destinations of each.
const STEPS: [(usize, usize); 12] = [
    (1, 1),
    (1, 10),
    (1, 50),
    (1, 100),
    (1, 500),
    (1, 1000),
    (1, 2000),
    (1, 10),
    (10, 10),
    (50, 10),
    (100, 10),
    (200, 10),
];
const STALLED: usize = 2000;
/// What the kernel takes at the far end of a stalled connection.
const RECEIVE_BUFFER: usize = 16 << 10;
/// Longer than it takes to fill what the kernel holds, shorter than until the destination is given up.
const STALL: Duration = Duration::from_secs(6);

fn main() {
    if lab::play_role() {
        return;
    }
    let options = Options::parse();
    let identity = Identity::new();
    let text = format!("{}\n{}", curves(&options, &identity), stalled());
    println!("\n{text}");
    if options.write {
        report::keep("scale", &text);
    }
}

fn curves(options: &Options, identity: &Identity) -> String {
    let mut text = "| streams | destinations of each | of a core | ms of CPU a second for each | MB | KiB for each | p99 ms | lost |\n".to_owned();
    text += "| --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for (streams, destinations) in STEPS {
        let scenario = Scenario {
            streams,
            shape: SHAPE,
            ..Scenario::new(Relay::Forkcast(""), destinations, false, options.seconds)
        };
        let measured = scenario.run(identity);
        let all = (streams * destinations) as f64;
        let _ = writeln!(
            text,
            "| {streams} | {destinations} | {:.3} | {:.3} | {:.1} | {:.1} | {:.1} | {} |",
            measured.cores(),
            measured.cores() * 1e3 / all,
            measured.resident as f64 / 1e6,
            measured.resident as f64 / 1024.0 / all,
            measured.latency().p99,
            measured.sinks.lost + measured.sinks.damaged,
        );
        println!("{streams:>4} x {}", measured.line());
    }
    text
}

/// What destinations that read nothing hold in the kernel.
fn stalled() -> String {
    let mut sinks = Sinks::start(&sinks::Given { identity: None, receive_buffer: Some(RECEIVE_BUFFER) });
    let target = Target { port: sinks.port(), destinations: STALLED, authority: None, shape: SHAPE, streams: 1 };
    let mut running = Relay::Forkcast("").start(&target);
    let (port, keys) = running.publish.clone().expect("forkcast is published to");
    let mut publisher = Publisher::start(&publisher::Given { port, keys, shape: SHAPE });
    let began = Instant::now();
    while sinks.tell(Order::Tell).flowing < STALLED {
        running.processes[0].must_run();
        publisher.must_run();
        assert!(began.elapsed() < Duration::from_secs(60), "not all flow");
        thread::sleep(Duration::from_millis(50));
    }
    let before = kernel_bytes();
    sinks.tell(Order::Stall(STALLED));
    thread::sleep(STALL);
    let held = held_for(sinks.port());
    let most = held.iter().copied().max().unwrap_or_default();
    let mean = held.iter().sum::<u64>() / held.len().max(1) as u64;
    let kernel = kernel_bytes().saturating_sub(before) / STALLED as u64;
    format!(
        "{} connections whose far end reads nothing hold {:.0} KiB each that the far end has not acknowledged, and {:.0} KiB at the \
         most; the bound is {} KiB unsent (`TCP_NOTSENT_LOWAT`, and the one buffer of 64 KiB at which it is noticed) and what the far \
         end's window takes, here {} KiB. All of TCP's memory, both ends together, grew by {:.0} KiB each. forkcast itself had {:.1} MB.\n",
        held.len(),
        mean as f64 / 1024.0,
        most as f64 / 1024.0,
        NOT_SENT_LOW_WATER / 1024,
        RECEIVE_BUFFER / 1024,
        kernel as f64 / 1024.0,
        running.processes[0].usage().resident as f64 / 1e6,
    )
}

/// What each connection to that port has been given and its far end not acknowledged, in bytes.
fn held_for(port: u16) -> Vec<u64> {
    let suffix = format!(":{port:04X}");
    let table = fs::read_to_string("/proc/net/tcp").expect("the system has such a table");
    let columns = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let ours = columns.filter(|columns| columns.get(2).is_some_and(|remote| remote.ends_with(&suffix)));
    let queue = |columns: Vec<&str>| u64::from_str_radix(columns.get(4)?.split_once(':')?.0, 16).ok();
    ours.filter_map(queue).collect()
}

/// What TCP holds on this machine.
fn kernel_bytes() -> u64 {
    let text = fs::read_to_string("/proc/net/sockstat").expect("the system tells");
    let line = text.lines().find_map(|line| line.strip_prefix("TCP:")).expect("there is TCP");
    let mut words = line.split_whitespace().skip_while(|word| *word != "mem").skip(1);
    let pages: u64 = words.next().and_then(|pages| pages.parse().ok()).expect("a number of pages");
    pages * 4096
}

//! What fan-out costs, beside what people use today and the floor below it. `cargo bench --bench fan_out`.
//!
//! Everything is measured in one run on one machine, one after the other; what counts is the ratios. The bars and what they mean
//! stand in `benches/README.md`, which `-- --write` fills.

#![allow(clippy::expect_used, reason = "a benchmark that cannot go on ends, and says where")]

mod lab;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use clap::Parser;
use lab::{
    media::Shape,
    process::Guard,
    relays::{Identity, Relay, Target, forkcast_command},
    report::{self, Bar},
    run::{Latency, Measured, Scenario},
};

/// What fan-out costs, beside what people use today and the floor below it.
#[derive(Parser)]
struct Options {
    /// Seconds that each measurement takes
    #[arg(long, default_value_t = 12)]
    seconds: u64,
    /// Only the measurements whose name has this in it; no bars then
    #[arg(long)]
    only: Option<String>,
    /// Write the tables to benches/README.md
    #[arg(long)]
    write: bool,
    /// Cargo says this to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

const BY_DEFAULT: Relay = Relay::Forkcast("");
const LONG_WINDOW: Relay = Relay::Forkcast("coalesce = \"33ms\"");
const LOW_LATENCY: Relay = Relay::Forkcast("low_latency = true");

const fn floor(millis: u64) -> Relay {
    Relay::Floor(Duration::from_millis(millis))
}

/// What is measured: a name, relay, destinations, over TLS, of them stalled.
const PROGRAMME: [(&str, Relay, usize, bool, usize); 24] = [
    ("nginx", Relay::Nginx, 100, false, 0),
    ("tee", Relay::Ffmpeg, 100, false, 0),
    ("default", BY_DEFAULT, 100, false, 0),
    ("33ms", LONG_WINDOW, 100, false, 0),
    ("low-latency", LOW_LATENCY, 100, false, 0),
    ("floor-0", floor(0), 100, false, 0),
    ("floor-16", floor(16), 100, false, 0),
    ("floor-33", floor(33), 100, false, 0),
    ("nginx-again", Relay::Nginx, 100, false, 0),
    ("default-again", BY_DEFAULT, 100, false, 0),
    ("stalled", BY_DEFAULT, 100, false, 1),
    ("tls-nginx", Relay::Nginx, 50, true, 0),
    ("tls-tee", Relay::Ffmpeg, 50, true, 0),
    ("tls-default", BY_DEFAULT, 50, true, 0),
    ("tls-33ms", LONG_WINDOW, 50, true, 0),
    ("tls-floor-0", floor(0), 50, true, 0),
    ("tls-floor-27", floor(27), 50, true, 0),
    ("tls-floor-33", floor(33), 50, true, 0),
    ("one", BY_DEFAULT, 1, false, 0),
    ("ten", BY_DEFAULT, 10, false, 0),
    ("nginx-ten", Relay::Nginx, 10, false, 0),
    ("tls-ten", BY_DEFAULT, 10, true, 0),
    ("tls-nginx-ten", Relay::Nginx, 10, true, 0),
    ("500", BY_DEFAULT, 500, false, 0),
];

fn main() {
    if lab::play_role() {
        return;
    }
    let options = Options::parse();
    let identity = Identity::new();
    let mut measured = BTreeMap::new();
    for (name, relay, destinations, is_tls, stalled) in PROGRAMME {
        if options.only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        if let Some(package) = relay.is_missing(is_tls) {
            println!("{name}: left out, for {package} is not installed");
            continue;
        }
        let scenario = Scenario { stalled, ..Scenario::new(relay, destinations, is_tls, options.seconds) };
        let result = scenario.run(&identity);
        println!("{name:<14} {}", result.line());
        measured.insert(name, result);
    }
    if options.only.is_some() {
        return;
    }
    let start = start_to_listening(&identity);
    let text = page(&measured, start, options.seconds);
    println!("\n{text}");
    if options.write {
        report::keep("fan_out", &text);
    }
}

fn page(measured: &BTreeMap<&str, Measured>, start: Duration, seconds: u64) -> String {
    let in_order = PROGRAMME.iter().filter_map(|(name, ..)| measured.get(name));
    format!(
        "{}- {seconds} s each; 6 Mbit/s, 60 pictures a second, AAC at 48 kHz\n\n{}\n{}",
        report::machine(),
        report::bars(&bars(measured, start)),
        report::measurements(in_order)
    )
}

/// The median of some starts with ten destinations, until the port takes a connection.
fn start_to_listening(identity: &Identity) -> Duration {
    let target =
        Target { port: 9, destinations: 10, authority: Some(identity.authority()), shape: Shape::FULL, streams: 1 };
    let mut starts: Vec<Duration> = (0..9)
        .map(|_| {
            let folder = tempfile::TempDir::new().expect("a folder can be made");
            let (mut command, port) = forkcast_command(folder.path(), &target, "");
            let began = Instant::now();
            let mut process = Guard::start("forkcast", folder.path(), &mut command);
            while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
                process.must_run();
                std::thread::sleep(Duration::from_micros(200));
            }
            began.elapsed()
        })
        .collect();
    starts.sort_unstable();
    starts[starts.len() / 2]
}

/// The figures that are to be reached. One whose peer is not there is left out.
fn bars(measured: &BTreeMap<&str, Measured>, start: Duration) -> Vec<Bar> {
    let of = |name: &str| measured.get(name);
    let mut bars = Vec::new();
    let mut add = |what, bar, found: Option<(String, bool)>| {
        bars.extend(found.map(|(measured, is_reached)| Bar { what, bar, measured, is_reached }));
    };
    // The lowest of two runs each: what disturbs a run makes it dearer.
    let cost = |names: &[&str]| {
        names.iter().filter_map(|name| of(name)).map(Measured::cpu_per_gigabyte).min_by(f64::total_cmp)
    };
    let ratio = |ours: &[&str], theirs: &[&str]| Some((cost(ours)?, cost(theirs)?)).map(|(a, b)| (a / b, a, b));
    let told = |(ratio, ours, theirs): (f64, f64, f64)| format!("{ratio:.2} ({ours:.2} of {theirs:.2} s/GB)");
    let (ours, theirs) = (["default", "default-again"], ["nginx", "nginx-again"]);
    add(
        "CPU per delivered GB, RTMP, 100 destinations, defaults",
        "0.8 of nginx-rtmp, p99 20 ms, p99.9 below nginx-rtmp's",
        ratio(&ours, &theirs).map(|found| {
            let both = |names: [&str; 2]| names.iter().filter_map(|name| of(name)).collect::<Vec<_>>();
            let (a, b) = (Latency::of(&both(ours)), Latency::of(&both(theirs)));
            let text = format!("{}, p99 {:.1} ms, p99.9 {:.1} of {:.1} ms", told(found), a.p99, a.p999, b.p999);
            (text, found.0 <= 0.8 && a.p99 <= 20.0 && a.p999 < b.p999)
        }),
    );
    let mut at_most = |what, bar, most: f64, found: Option<(f64, f64, f64)>| {
        add(what, bar, found.map(|found| (told(found), found.0 <= most)));
    };
    at_most("the same with a 33 ms window", "0.6 of nginx-rtmp", 0.6, ratio(&["33ms"], &theirs));
    let tls = "CPU per delivered GB, RTMPS, 50 destinations, defaults";
    at_most(tls, "0.3 of nginx-rtmp with stunnel", 0.3, ratio(&["tls-default"], &["tls-nginx"]));
    at_most(tls, "0.36 of FFmpeg's tee", 0.36, ratio(&["tls-default"], &["tls-tee"]));
    for (what, ours, floor) in [
        ("against the floor, RTMP, no window", &["low-latency"][..], "floor-0"),
        ("against the floor, RTMP, 16 ms (the default's)", &ours[..], "floor-16"),
        ("against the floor, RTMP, 33 ms", &["33ms"], "floor-33"),
        ("against the floor, RTMPS, 27 ms (the default's)", &["tls-default"], "tls-floor-27"),
        ("against the floor, RTMPS, 33 ms", &["tls-33ms"], "tls-floor-33"),
    ] {
        at_most(what, "1.3 times", 1.3, ratio(ours, &[floor]));
    }
    for (what, name) in [
        ("latency added, `low_latency`, 100 destinations", "low-latency"),
        ("latency added, defaults, 10 destinations", "ten"),
    ] {
        let found = of(name).map(|measured| measured.latency().p99);
        add(what, "p99 5 ms", found.map(|p99| (format!("p99 {p99:.1} ms"), p99 <= 5.0)));
    }
    let megabytes = of("one").map(|measured| measured.resident as f64 / 1e6);
    add("memory with one stream", "15 MB", megabytes.map(|found| (format!("{found:.1} MB"), found <= 15.0)));
    for (what, bar, few, many, most) in [
        ("memory for each further RTMP destination", "40 KiB", "ten", "default", 40.0),
        ("memory for each further RTMPS destination", "96 KiB", "tls-ten", "tls-default", 96.0),
    ] {
        let found = of(few).zip(of(many)).map(|(few, many)| {
            let more = many.scenario.destinations - few.scenario.destinations;
            (many.resident as f64 - few.resident as f64) / more as f64 / 1024.0
        });
        add(what, bar, found.map(|each| (format!("{each:.0} KiB"), each <= most)));
    }
    add(
        "load held: 500 destinations of one stream (3 Gbit/s)",
        "0 lost, 0.45 of a core",
        of("500").map(|measured| {
            let (lost, cores) = (measured.sinks.lost + measured.sinks.damaged, measured.cores());
            let gigabits = measured.sinks.bytes as f64 * 8.0 / measured.seconds / 1e9;
            (format!("{lost} lost, {cores:.2} of a core at {gigabits:.2} Gbit/s"), lost == 0 && cores <= 0.45)
        }),
    );
    add(
        "one destination among 100 stalls: the p99 of the others",
        "moves by less than 5 ms",
        of("default").zip(of("stalled")).map(|(without, with)| {
            let (before, after) = (without.latency().p99, with.latency().p99);
            (format!("{before:.1} to {after:.1} ms"), (after - before).abs() < 5.0)
        }),
    );
    add(
        "first video at the last of 10 destinations after the publish was accepted",
        "100 ms",
        of("ten")
            .and_then(|measured| measured.first_picture)
            .map(|(_, last)| (format!("{:.0} ms", last.as_secs_f64() * 1e3), last <= Duration::from_millis(100))),
    );
    let is_reached = start <= Duration::from_millis(50);
    add("start to listening", "50 ms", Some((format!("{:.0} ms", start.as_secs_f64() * 1e3), is_reached)));
    bars
}

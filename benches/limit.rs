//! How far forkcast is from what sending costs at least. `cargo bench --bench limit`.
//!
//! The floor writes the same batches from shared memory to as many sockets, and does nothing else; over RTMPS it has the same
//! cipher, AES-128-GCM. Both are measured one after the other, and again, and the cheaper run of each counts.

mod lab;

use std::{fmt::Write as _, time::Duration};

use clap::Parser;
use lab::{
    relays::{Identity, Relay},
    report,
    run::{Measured, Scenario},
};

/// How far forkcast is from what sending costs at least.
#[derive(Parser)]
struct Options {
    /// Seconds that each measurement takes
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Write the table to benches/README.md
    #[arg(long)]
    write: bool,
    /// Cargo says this to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// The window in milliseconds, and the line that sets it.
const WINDOWS: [(u64, &str); 4] =
    [(0, "low_latency = true"), (8, "coalesce = \"8ms\""), (16, "coalesce = \"16ms\""), (33, "coalesce = \"33ms\"")];

fn main() {
    if lab::play_role() {
        return;
    }
    let options = Options::parse();
    let identity = Identity::new();
    let mut text = "| | window | the floor | forkcast | times | p99 ms of the floor | of forkcast |\n".to_owned();
    text += "| --- | --- | --- | --- | --- | --- | --- |\n";
    for (destinations, is_tls) in [(100, false), (50, true)] {
        for (millis, line) in WINDOWS {
            let measure = |relay: Relay| Scenario::new(relay, destinations, is_tls, options.seconds).run(&identity);
            let runs = [(); 2]
                .map(|()| [measure(Relay::Floor(Duration::from_millis(millis))), measure(Relay::Forkcast(line))]);
            let [first, second] = runs;
            let [floor, ours] = [cheaper(&first[0], &second[0]), cheaper(&first[1], &second[1])];
            let (least, found) = (floor.cpu_per_gigabyte(), ours.cpu_per_gigabyte());
            let _ = writeln!(
                text,
                "| {destinations} {} | {millis} ms | {least:.2} s/GB | {found:.2} s/GB | {:.2} | {:.1} | {:.1} |",
                if is_tls { "RTMPS" } else { "RTMP" },
                found / least,
                floor.latency().p99,
                ours.latency().p99,
            );
            println!("{}\n{}", floor.line(), ours.line());
        }
    }
    println!("\n{text}");
    if options.write {
        report::keep("limit", &text);
    }
}

fn cheaper<'a>(one: &'a Measured, other: &'a Measured) -> &'a Measured {
    if one.cpu_per_gigabyte() <= other.cpu_per_gigabyte() { one } else { other }
}

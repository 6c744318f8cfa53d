//! Tables for people, and the file that keeps them.

use std::{fmt::Write as _, fs, path::PathBuf};

use super::{machine, run::Measured};

/// A figure that is to be reached.
pub(crate) struct Bar {
    pub(crate) what: &'static str,
    pub(crate) bar: &'static str,
    pub(crate) measured: String,
    pub(crate) is_reached: bool,
}

/// The bars as a table.
pub(crate) fn bars(bars: &[Bar]) -> String {
    let mut text = "| what | bar | measured | reached |\n| --- | --- | --- | --- |\n".to_owned();
    for Bar { what, bar, measured, is_reached } in bars {
        let _ = writeln!(text, "| {what} | {bar} | {measured} | {} |", if *is_reached { "yes" } else { "**no**" });
    }
    text
}

/// Measurements as a table.
pub(crate) fn measurements<'a>(all: impl IntoIterator<Item = &'a Measured>) -> String {
    let mut text =
        "| relay | destinations | s/GB | of a core | p50 ms | p99 ms | p99.9 ms | MB | lost | switches/s |\n"
            .to_owned();
    text += "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for measured in all {
        let scenario = &measured.scenario;
        let latency = measured.latency();
        let _ = writeln!(
            text,
            "| {} | {} {} | {:.2} | {:.3} | {:.1} | {:.1} | {:.1} | {:.1} | {} | {:.0} |",
            scenario.relay.name(scenario.is_tls),
            scenario.destinations,
            if scenario.is_tls { "RTMPS" } else { "RTMP" },
            measured.cpu_per_gigabyte(),
            measured.cores(),
            latency.p50,
            latency.p99,
            latency.p999,
            measured.resident as f64 / 1e6,
            measured.sinks.lost + measured.sinks.damaged,
            measured.switches(),
        );
    }
    text
}

/// The machine, as a list.
pub(crate) fn machine() -> String {
    machine::description().iter().map(|line| format!("- {line}\n")).collect()
}

/// Puts `text` between the marks of that name in `benches/README.md`.
pub(crate) fn keep(name: &str, text: &str) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/README.md");
    let page = fs::read_to_string(&file).expect("the page is there");
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = page.split_once(&begin).expect("the page has the marks");
    let (_, after) = rest.split_once(&end).expect("the page has both marks");
    fs::write(&file, format!("{before}{begin}{text}{end}{after}")).expect("the page can be written");
}

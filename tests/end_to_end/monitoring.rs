//! What machines look at: the metrics page as Prometheus reads it, health and readiness, and what is deployed beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use forkcast::observe::metrics::{ALL, Metric};

use crate::support::broadcast::Broadcast;
use crate::support::certificates::{Authority, Flaw};
use crate::support::peers::{self, Peer};
use crate::support::relay::Relay;
use crate::support::wire::Sink;
use crate::support::{http, ports, wait};

const START: Duration = Duration::from_secs(10);

/// One series of a page: its labels, and its value.
type Series = (BTreeMap<String, String>, f64);

/// A metrics page, by name.
struct Page(BTreeMap<String, Vec<Series>>);

impl Page {
    #[track_caller]
    fn of(port: u16) -> Self {
        let (status, text) = http::get(port, "/metrics").expect("the relay answers");
        assert_eq!(status, 200, "{text}");
        let mut page: BTreeMap<String, Vec<Series>> = BTreeMap::new();
        let mut headers = BTreeSet::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(header) = line.strip_prefix("# ") {
                let header: Vec<_> = header.splitn(3, ' ').collect();
                assert!(headers.insert((header[0].to_owned(), header[1].to_owned())), "twice: {line}");
                continue;
            }
            let (series, value) = line.rsplit_once(' ').expect("a series has a value");
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let labels = labels.trim_end_matches('}').split("\",").filter(|label| !label.is_empty()).map(|label| {
                let (label, value) = label.split_once("=\"").expect("a label has a value");
                (label.to_owned(), value.trim_end_matches('"').to_owned())
            });
            let series = (labels.collect(), value.parse().expect("a value is a number"));
            page.entry(name.to_owned()).or_default().push(series);
        }
        for name in page.keys() {
            for kind in ["HELP", "TYPE"] {
                assert!(headers.contains(&(kind.to_owned(), name.clone())), "{name} has no {kind}");
            }
        }
        Self(page)
    }

    /// The values of the series that have these labels, summed up.
    fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let series = self.0.get(name).map(Vec::as_slice).unwrap_or_default();
        let has = |of: &BTreeMap<String, String>| {
            labels.iter().all(|(label, value)| of.get(*label).is_some_and(|found| found == value))
        };
        series.iter().filter(|(of, _)| has(of)).map(|(_, value)| value).sum()
    }

    /// Every metric of the list is there that has labels by it, those labels and no others; and nothing else is.
    #[track_caller]
    fn assert_is_as_listed(&self, labels: fn(&Metric) -> Option<&'static [&'static str]>) {
        for metric in ALL {
            let series = self.0.get(metric.name).map(Vec::as_slice).unwrap_or_default();
            let Some(labels) = labels(metric) else {
                assert!(series.is_empty(), "{} is here", metric.name);
                continue;
            };
            assert!(!series.is_empty(), "{} is not here", metric.name);
            let listed: BTreeSet<_> = labels.iter().copied().collect();
            for (of, _) in series {
                assert_eq!(of.keys().map(String::as_str).collect::<BTreeSet<_>>(), listed, "{}", metric.name);
            }
        }
        let known = |name: &&String| name.starts_with("process_") || ALL.iter().any(|metric| metric.name == **name);
        assert!(self.0.keys().all(|name| known(&name)), "{:?}", self.0.keys().find(|name| !known(name)));
    }
}

/// A relay with TLS, one destination that delivers, one that nobody answers, one that takes another codec, one whose file is wrong and
/// one that is off; under a live publish.
fn live_relay(flags: &[&str]) -> (Relay, Sink, Broadcast, Authority) {
    let mut relay = Relay::new();
    let authority = Authority::new(relay.folder());
    relay.serve_rtmps(authority.identity("relay", Flaw::None));
    let sink = Sink::start();
    relay.destination("good", &sink.url(), "");
    relay.destination("dead", &format!("rtmp://127.0.0.1:{}/live", ports::free()), "");
    relay.destination("unsuited", &sink.url(), "codecs = [\"hevc\", \"aac\"]\n");
    relay.destination_file("wrong.toml", "url = 7\n");
    relay.destination_file("off.toml", "platform = \"youtube\"\nkey = \"\"\n");
    // Nobody listens there: what is posted is tried again.
    relay.settings_file(&format!("[notify.ops]\nurl = \"http://127.0.0.1:{}/\"\n", ports::free()));
    relay.with_flags(flags);
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 20_000);
    relay.wait_for_state("good", "delivering", START);
    relay.wait_for("dead", "a failure", START, |entry| !entry["last_error"].is_null());
    let unsuited = relay.wait_for_state("unsuited", "unsuitable", START);
    assert!(unsuited["reason"].as_str().unwrap().contains("this destination takes HEVC"), "{unsuited}");
    // TCP is asked once a second.
    relay.wait_for("good", "measured", START, |entry| !entry["connection"]["tcp"].is_null());
    (relay, sink, broadcast, authority)
}

#[test]
fn the_page_of_a_live_relay_is_what_prometheus_takes() {
    if !peers::are_here(&[Peer::Promtool]) {
        return;
    }
    let (relay, _sink, broadcast, _authority) = live_relay(&[]);
    let (_, text) = http::get(relay.http_port(), "/metrics").expect("the relay answers");
    promtool(&["check", "metrics"], Path::new("/"), &text);

    let page = Page::of(relay.http_port());
    page.assert_is_as_listed(|metric| Some(metric.detailed));
    let good = &[("stream", "live"), ("destination", "good"), ("platform", "custom")];
    assert_eq!(page.sum("forkcast_destination_delivering", good), 1.0);
    assert_eq!(page.sum("forkcast_destination_state", &[("destination", "good"), ("state", "delivering")]), 1.0);
    assert_eq!(page.sum("forkcast_destination_sessions_total", good), 1.0);
    assert_eq!(page.sum("forkcast_destination_reconnects_total", good), 0.0);
    assert!(page.sum("forkcast_destination_round_trip_seconds", good) > 0.0);
    let refused = &[("destination", "dead"), ("stage", "connect"), ("kind", "connection_refused")];
    assert!(page.sum("forkcast_destination_failures_total", refused) >= 1.0);
    assert_eq!(page.sum("forkcast_destinations", &[("platform", "unknown"), ("state", "wrong")]), 1.0);
    // Who gets nothing of the stream is not to be taken for one that is meant to be off.
    assert_eq!(page.sum("forkcast_destination_state", &[("destination", "unsuited"), ("state", "unsuitable")]), 1.0);
    assert_eq!(page.sum("forkcast_destinations", &[("state", "off")]), 1.0);
    assert_eq!(page.sum("forkcast_destinations", &[("state", "unsuitable")]), 1.0);
    assert_eq!(page.sum("forkcast_destinations", &[]), 5.0);
    assert_eq!(page.sum("forkcast_streams", &[("state", "live")]), 1.0);
    assert_eq!(page.sum("forkcast_stream_publisher_connected", &[("stream", "live")]), 1.0);
    assert_eq!(page.sum("forkcast_publishes_total", &[("stream", "live"), ("transport", "rtmp")]), 1.0);
    assert_eq!(page.sum("forkcast_ready", &[]), 1.0);
    assert!(page.sum("process_resident_memory_bytes", &[]) > 1e6 && page.sum("process_open_fds", &[]) > 5.0);
    let (received, sent) = ("forkcast_received_bytes_total", "forkcast_sent_bytes_total");
    wait::until("both counters to rise", START, || {
        let later = Page::of(relay.http_port());
        let rises = |name| later.sum(name, &[]) > page.sum(name, &[]) && page.sum(name, &[]) > 0.0;
        (rises(received) && rises(sent)).then_some(())
    });

    // A publisher that goes without a word is waited for.
    broadcast.crash();
    wait::until("the stream to be held", START, || {
        let page = Page::of(relay.http_port());
        let is_held = page.sum("forkcast_stream_state", &[("stream", "live"), ("state", "held")]) == 1.0
            && page.sum("forkcast_stream_hold_left_seconds", &[("stream", "live")]) > 1.0
            && page.sum("forkcast_stream_publisher_connected", &[("stream", "live")]) == 0.0
            && page.sum("forkcast_publishers_lost_total", &[("stream", "live")]) == 1.0;
        is_held.then_some(())
    });
}

#[test]
fn the_aggregate_page_names_no_stream_and_no_destination() {
    if !peers::are_here(&[Peer::Promtool]) {
        return;
    }
    let (relay, _sink, _broadcast, _authority) = live_relay(&["--metrics", "aggregate"]);
    let (_, text) = http::get(relay.http_port(), "/metrics").expect("the relay answers");
    promtool(&["check", "metrics"], Path::new("/"), &text);
    let page = Page::of(relay.http_port());
    page.assert_is_as_listed(|metric| metric.aggregate);
    assert_eq!(page.sum("forkcast_destination_delivering", &[("platform", "custom")]), 1.0);
    assert_eq!(page.sum("forkcast_destinations", &[]), 5.0);
    assert!(page.sum("forkcast_sent_bytes_total", &[("platform", "custom")]) > 0.0);
    assert!(page.sum("forkcast_received_bytes_total", &[]) > 0.0);
}

#[test]
fn the_monitoring_listener_has_metrics_and_health_alone() {
    let mut relay = Relay::new();
    let monitoring = ports::free();
    relay.destination_file("wrong.toml", "url = 7\n");
    relay.with_flags(&["--monitoring", &format!("127.0.0.1:{monitoring}")]);
    relay.start();
    for port in [relay.http_port(), monitoring] {
        let get = |path| http::get(port, path).expect("the relay answers");
        assert!(get("/metrics").1.contains("forkcast_build_info{version=\""));
        let (code, text) = get("/healthz");
        assert!(code == 200 && text.starts_with("forkcast is healthy\n"), "{text}");
        let (code, text) = get("/readyz");
        assert_eq!(code, 200, "a wrong file is no reason: {text}");
        assert!(text.starts_with("forkcast is ready\ndestination `wrong` is held back, its file is wrong: "), "{text}");
    }
    for path in ["/", "/api/status", "/dashboard.js"] {
        assert_eq!(http::get(relay.http_port(), path).expect("the relay answers").0, 200, "{path}");
        assert_eq!(http::get(monitoring, path).expect("the relay answers").0, 404, "{path}");
    }
    let monitoring = format!("127.0.0.1:{monitoring}");
    let mut health = Command::new(env!("CARGO_BIN_EXE_forkcast"));
    health.current_dir(relay.folder()).args(["health", "--http", "off", "--monitoring", &monitoring]);
    let health = health.output().expect("the program runs");
    let said = String::from_utf8_lossy(&health.stdout).into_owned();
    assert!(health.status.success() && said.starts_with("healthy\n"), "{health:?}");
}

#[test]
fn what_is_wrong_with_the_files_is_remarked() {
    let mut relay = Relay::new();
    let folder = relay.folder().join("destinations");
    relay.destination("any", "rtmp://127.0.0.1:9/live", "");
    relay.destination_file("stream.toml", "deny = [\"0.0.0.0/\"]\n");
    fs::create_dir(folder.join("studio")).expect("the folder can be made");
    relay.destination_file("studio/stream.toml", "require_tls = true\n");
    relay.start();
    let remarks = |path: &str| {
        let (code, text) = http::get(relay.http_port(), path).expect("the relay answers");
        assert_eq!(code, 200, "{text}");
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let deny = format!("nobody can publish stream `live`: {}:1:9: ", folder.join("stream.toml").display());
    for path in ["/healthz", "/readyz"] {
        let said = remarks(path);
        assert!(said.len() == 2 && said[0].starts_with(&deny), "{said:#?}");
        assert_eq!(said[1], "nobody can publish stream `studio`: it takes RTMPS only, and there is no RTMPS here");
    }
    relay.settings_file("drian = \"5m\"\n");
    wait::until("the wrong settings to be remarked", START, || {
        remarks("/healthz")
            .iter()
            .any(|remark| remark.starts_with("a file is wrong: forkcast.toml:1:1: "))
            .then_some(())
    });
    fs::rename(&folder, relay.folder().join("away")).expect("the folder can be renamed");
    wait::until("the folder to be missed", START, || {
        let kept = "the files were read again, and are not gone by: the folder ";
        remarks("/healthz").iter().any(|remark| remark.starts_with(kept)).then_some(())
    });
}

#[test]
fn the_alerts_are_right_and_tested() {
    if !peers::are_here(&[Peer::Promtool]) {
        return;
    }
    let folder = deploy().join("prometheus");
    promtool(&["check", "rules", "forkcast.rules.yml"], &folder, "");
    promtool(&["test", "rules", "forkcast.test.yml"], &folder, "");
}

/// Runs it, and asserts that it has nothing to complain of.
#[track_caller]
fn promtool(arguments: &[&str], folder: &Path, input: &str) {
    let mut promtool = Command::new("promtool");
    promtool.args(arguments).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = promtool.spawn().expect("promtool is installed");
    let mut stdin = promtool.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).expect("promtool reads");
    drop(stdin);
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // What it only remarks is said on standard error too, with success.
    let has_remarks = arguments[1] == "metrics" && !said.trim().is_empty();
    assert!(output.status.success() && !has_remarks, "promtool {arguments:?}:\n{said}");
}

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

/// What the unit may do is what the relay needs: the tool of systemd itself looks through it.
#[test]
fn the_unit_is_right_and_confined() {
    if !peers::are_here(&[Peer::SystemdAnalyze]) {
        return;
    }
    let relay = Relay::new();
    let unit = fs::read_to_string(deploy().join("forkcast.service")).expect("the unit can be read");
    // The program that is looked for is the one under test.
    let here = unit.replace("/usr/local/bin/forkcast", env!("CARGO_BIN_EXE_forkcast"));
    assert_ne!(here, unit);
    let path = relay.folder().join("forkcast.service");
    fs::write(&path, here).expect("the folder can be written");
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output();
    let verified = verified.expect("systemd-analyze runs");
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && !said.contains("forkcast.service"), "{said}");
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--offline=true", "--no-pager", "--threshold=20"]).arg(&path);
    let security = security.output().expect("systemd-analyze runs");
    let said = String::from_utf8_lossy(&security.stdout).into_owned();
    println!("{}", said.lines().last().unwrap_or_default());
    assert!(security.status.success(), "{said}\n{}", String::from_utf8_lossy(&security.stderr));
}

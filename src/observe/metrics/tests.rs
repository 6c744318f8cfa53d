//! What is written about the metrics, and what uses them, names metrics that exist, with labels and values that they have.

use std::collections::BTreeSet;

use super::*;
use crate::destination::{
    failure::{self, Stage},
    status::State,
};

const REFERENCE: &str = include_str!("../../../docs/metrics.md");
const RULES: &str = include_str!("../../../deploy/prometheus/forkcast.rules.yml");
const RULE_TESTS: &str = include_str!("../../../deploy/prometheus/forkcast.test.yml");
const DASHBOARD: &str = include_str!("../../../deploy/grafana/forkcast.json");

/// What every Prometheus client has of its process, and what Prometheus itself has of whom it asks.
const COMMON: [&str; 9] = [
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_threads",
    "process_virtual_memory_bytes",
    "process_virtual_memory_max_bytes",
    "up",
];

/// Words that begin as metrics do.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("forkcast_") || word.starts_with("process_")).collect()
}

/// What Prometheus adds to whatever it asks for, and to alerts.
const ADDED: [&str; 4] = ["job", "instance", "alertname", "severity"];

/// The values that a label can have, where they are known.
fn values_of(metric: &str, label: &str) -> Option<Vec<&'static str>> {
    let values: &[&str] = match (metric, label) {
        (name::STREAMS | name::STREAM_STATE, "state") => &["idle", "live", "held"],
        (name::DESTINATIONS | name::DESTINATION_STATE, "state") => &State::LABELS,
        (name::INGEST_REFUSED, "reason") => &REFUSALS,
        (name::DROPPED_MESSAGES, "reason") => &["skipped", "picture", "disposable"],
        (name::CERTIFICATE_RELOADS, "result") => &["used", "refused"],
        (name::CONFIGURATION_READS, "result") => &["used", "kept"],
        (name::NOTIFICATIONS, "result") => &["delivered", "lost"],
        (_, "transport") => &["rtmp", "rtmps"],
        (_, "stage") => return Some(Stage::ALL.iter().map(|stage| stage.label()).collect()),
        (_, "kind") => return Some(failure::Kind::ALL.iter().map(|kind| kind.label()).collect()),
        _ => return None,
    };
    Some(values.to_vec())
}

/// What is wrong with the labels by which series are chosen in a text, and how many labels there are.
fn wrong_selectors(text: &str) -> (Vec<String>, usize) {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for metric in ALL {
        for (at, _) in text.match_indices(metric.name) {
            let is_whole = !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            let Some(rest) = text[at + metric.name.len()..].strip_prefix('{').filter(|_| is_whole) else { continue };
            let selector = rest.split('}').next().unwrap_or_default();
            for matcher in selector.split("\",").map(str::trim).filter(|matcher| !matcher.is_empty()) {
                count += 1;
                let (label, value) = matcher.split_once('"').unwrap_or((matcher, ""));
                let label = label.trim_end_matches(['=', '~', '!']);
                let is_known = metric.detailed.contains(&label) || ADDED.contains(&label);
                let known = values_of(metric.name, label);
                let is_value = |value: &str| known.as_ref().is_none_or(|known| known.contains(&value));
                if !is_known || !value.trim_end_matches('"').split('|').all(is_value) {
                    wrong.push(format!("{}: {matcher}", metric.name));
                }
            }
        }
    }
    (wrong, count)
}

/// The labels by which a text groups, joins, and names what it found.
fn labels_used(text: &str) -> BTreeSet<&str> {
    let lists = ["by (", "without (", "on (", "ignoring ("];
    let lists = lists.iter().flat_map(|begin| text.match_indices(begin).map(|(at, begin)| at + begin.len()));
    let listed = lists.flat_map(|at| text[at..].split(')').next().unwrap_or_default().split(','));
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let named = text.match_indices("$labels.").map(|(at, begin)| &text[at + begin.len()..]);
    let named = named.map(|rest| rest.split(|c| !is_of_word(c)).next().unwrap_or_default());
    listed.map(str::trim).chain(named).collect()
}

/// Every expression of the Grafana dashboard, on a line of its own.
fn expressions_of_the_dashboard() -> String {
    fn collect(value: &serde_json::Value, into: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(fields) => {
                for (field, value) in fields {
                    match value.as_str().filter(|_| ["expr", "query"].contains(&field.as_str())) {
                        Some(expression) => into.push(expression.to_owned()),
                        None => collect(value, into),
                    }
                }
            }
            serde_json::Value::Array(values) => values.iter().for_each(|value| collect(value, into)),
            _ => {}
        }
    }
    let mut expressions = Vec::new();
    collect(&serde_json::from_str(DASHBOARD).unwrap(), &mut expressions);
    expressions.join("\n")
}

fn labels(labels: Option<&[&str]>) -> String {
    match labels {
        None => "left out".to_owned(),
        Some([]) => "none".to_owned(),
        Some(labels) => labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", "),
    }
}

#[test]
fn the_reference_is_the_list() {
    let rows: Vec<_> = REFERENCE.lines().filter(|line| line.starts_with("| `forkcast_")).collect();
    let expected: Vec<_> = ALL
        .iter()
        .map(|metric| {
            let kind = if metric.kind == Kind::Counter { "counter" } else { "gauge" };
            let (detailed, aggregate) = (labels(Some(metric.detailed)), labels(metric.aggregate));
            format!("| `{}` | {kind} | {detailed} | {aggregate} | {} |", metric.name, metric.help)
        })
        .collect();
    assert_eq!(rows, expected, "\n{}", expected.join("\n"));
    for name in COMMON.iter().filter(|name| **name != "up") {
        assert!(REFERENCE.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn what_is_deployed_uses_only_metrics_that_exist() {
    let known: BTreeSet<_> = ALL.iter().map(|metric| metric.name).chain(COMMON).collect();
    for (what, text, most) in [
        ("the rules", RULES, 10),
        ("the tests of the rules", RULE_TESTS, 10),
        ("the dashboard", DASHBOARD, 20),
        ("the reference", REFERENCE, 30),
    ] {
        let used = metrics_in(text);
        let unknown: Vec<_> = used.difference(&known).collect();
        assert!(unknown.is_empty(), "{what}: {unknown:?}");
        assert!(used.len() > most, "{what} is not read: {used:?}");
    }
}

#[test]
fn what_is_deployed_uses_only_labels_and_values_that_exist() {
    let known: BTreeSet<_> = ALL.iter().flat_map(|metric| metric.detailed).copied().chain(ADDED).collect();
    let dashboard = expressions_of_the_dashboard();
    for (what, text, most) in
        [("the rules", RULES, 8), ("the tests of the rules", RULE_TESTS, 100), ("the dashboard", &dashboard, 50)]
    {
        let (wrong, count) = wrong_selectors(text);
        assert!(wrong.is_empty(), "{what}: {wrong:#?}");
        assert!(count > most, "{what} is not read: {count} labels");
        let unknown: Vec<_> = labels_used(text).difference(&known).copied().collect();
        assert!(unknown.is_empty(), "{what}: {unknown:?}");
    }
}

/// Whoever does not deliver while the stream is live is in the alert, by whatever state, unless somebody wants it so.
#[test]
fn every_state_is_written_of_and_is_alerted_or_meant() {
    for state in State::LABELS {
        assert!(REFERENCE.contains(&format!("`{state}`")), "{state}");
    }
    let (_, alert) = RULES.split_once("- alert: ForkcastDestinationDown").unwrap();
    let (states, _) = alert.split_once("state=~\"").and_then(|(_, rest)| rest.split_once('"')).unwrap();
    let alerted: BTreeSet<_> = states.split('|').collect();
    let quiet = ["delivering", "held", "idle", "off", "wrong"];
    assert_eq!(State::LABELS.into_iter().filter(|state| !quiet.contains(state)).collect::<BTreeSet<_>>(), alerted);
}

/// The comparison can fail.
#[test]
fn a_label_or_a_value_that_is_wrong_is_seen() {
    for wrong in [
        "sum(forkcast_destinations{state=~\"connecting|stuck\"})",
        "forkcast_destinations{platfrom=\"youtube\"}",
        "rate(forkcast_ingest_refused_total{job=\"a\", reason!=\"wrong_key\"}[5m])",
    ] {
        assert_eq!(wrong_selectors(wrong).0.len(), 1, "{wrong}");
    }
    let right = "forkcast_destination_failures_total{stage=\"tls\", kind=\"tls_version\", stream=~\".*\"}";
    assert_eq!(wrong_selectors(right), (vec![], 3));
    let used = labels_used("max by (job, plattform) (a) and on (stream) b {{ $labels.endpont }}");
    assert_eq!(used, BTreeSet::from(["job", "plattform", "stream", "endpont"]));
}

#[test]
fn every_alert_has_a_test_of_both_kinds() {
    let alerts: Vec<_> = RULES.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    for alert in alerts {
        for test in ["fires", "keeps quiet"] {
            assert!(RULE_TESTS.contains(&format!("- name: {alert} {test}\n")), "{alert} {test}");
        }
    }
}

#[test]
fn the_dashboard_is_one() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.iter().all(|panel| panel["targets"][0]["expr"].is_string() && panel["title"].is_string()));
}

/// A name that is not there is found: the comparison can fail.
#[test]
fn a_name_that_is_wrong_is_seen() {
    assert_eq!(metrics_in("rate(forkcast_sent_byte_total{a=\"b\"}[5m])"), BTreeSet::from(["forkcast_sent_byte_total"]));
}

#[test]
fn names_follow_the_conventions() {
    for metric in ALL {
        assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
        assert!(metric.name.starts_with("forkcast_") && !metric.help.ends_with('.'), "{}", metric.name);
        let aggregate = metric.aggregate.unwrap_or_default();
        assert!(aggregate.iter().all(|label| metric.detailed.contains(label)), "{}", metric.name);
        assert!(!aggregate.contains(&"stream") && !aggregate.contains(&"destination"), "{}", metric.name);
    }
}

//! What is written about the metrics, and what uses them, names metrics that exist.

use std::collections::BTreeSet;

use super::*;

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

//! The reference for people and the code say the same.

use crate::{
    config::{destination, document::show_duration, document::show_size, server, stream},
    destination::{
        codecs::Codecs,
        platform::{KeyNeed, Platform, Urls},
        settings::{Backpressure, Backup, DEFAULT_HOLD, Failback, KEPT_LIMIT, PolicyName, Reconnect, Resume},
    },
    rtmp::url::Scheme,
    stream::Takeover,
};

use super::*;

const REFERENCE: &str = include_str!("../../../docs/destinations.md");

/// The rows of the table whose head begins with a text, cell by cell.
#[track_caller]
fn table(head: &str) -> Vec<Vec<&'static str>> {
    let lines = REFERENCE.lines().skip_while(|line| !line.starts_with(&format!("| {head}"))).skip(2);
    let rows: Vec<_> = lines
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect::<Vec<_>>())
        .collect();
    assert!(!rows.is_empty(), "no table {head}");
    rows
}

fn first_cells(rows: &[Vec<&str>]) -> Vec<String> {
    rows.iter().filter_map(|row| row.first()).map(|cell| cell.replace('`', "")).collect()
}

fn names(fields: &[crate::config::document::Field]) -> Vec<String> {
    let name = |field: &crate::config::document::Field| match field.inside {
        [] => vec![field.name.to_owned()],
        inside => inside.iter().map(|inside| format!("{}.NAME.{}", field.name, inside.name)).collect(),
    };
    fields.iter().flat_map(name).collect()
}

#[test]
fn every_field_is_documented_once_and_no_other() {
    assert_eq!(first_cells(&table("field |")), names(destination::FIELDS));
    assert_eq!(first_cells(&table("field of `stream.toml`")), names(stream::FIELDS));
    assert_eq!(first_cells(&table("`forkcast.toml`")), names(server::FIELDS));
}

#[test]
fn documented_defaults_are_the_defaults() {
    let rows = table("field |");
    let default = |name: &str| {
        let row = rows.iter().find(|row| row.first() == Some(&format!("`{name}`").as_str()));
        row.and_then(|row| row.last()).copied().unwrap_or_default()
    };
    let (reconnect, backpressure) = (Reconnect::default(), Backpressure::default());
    let quoted = |text: String| format!("`\"{text}\"`");
    assert_eq!(default("reconnect.initial"), quoted(show_duration(reconnect.initial)));
    assert_eq!(default("reconnect.max"), quoted(show_duration(reconnect.max)));
    assert_eq!((default("reconnect.give_up_after"), reconnect.give_up_after), ("never", None));
    assert_eq!(default("backpressure.max_lag"), quoted(show_duration(backpressure.max_lag)));
    assert_eq!(default("backpressure.max_bytes"), quoted(show_size(backpressure.max_bytes)));
    assert_eq!(default("backup_after"), format!("`{}`", Backup::AFTER));
    assert_eq!(default("failback"), quoted(destination::show_failback(Failback::default())));
    assert_eq!(default("resume"), quoted(name_of(Resume::default(), &Resume::ALL)));
    assert_eq!(default("catch_up_window"), quoted(show_duration(Resume::WINDOW)));
    assert!(default("hold").ends_with(&quoted(show_duration(DEFAULT_HOLD))));
    assert_eq!(default("backpressure.policy"), quoted(name_of(backpressure.policy, &PolicyName::ALL)));
    let streams = table("field of `stream.toml`");
    let takeover = streams.iter().find(|row| row[0] == "`takeover`").and_then(|row| row.last()).copied();
    assert_eq!(takeover, Some(quoted(name_of(Takeover::default(), &Takeover::ALL)).as_str()));
    let limit = show_size(KEPT_LIMIT);
    assert!(rows.iter().any(|row| row[0] == "`delay`" && row[1].contains(&limit)));
    let says = |field: &str, names: &[&str]| {
        let all = rows.iter().chain(&streams).filter(|row| row[0] == format!("`{field}`"));
        let text: String = all.map(|row| row[1]).collect();
        names.iter().for_each(|name| assert!(text.contains(&format!("`\"{name}\"`")), "{field}: {name}"));
    };
    says("backpressure.policy", &PolicyName::ALL.map(|(name, _)| name));
    says("resume", &Resume::ALL.map(|(name, _)| name));
    says("takeover", &Takeover::ALL.map(|(name, _)| name));
    for (name, _) in Codecs::NAMES {
        assert!(rows.iter().any(|row| row[0] == "`codecs`" && row[1].contains(&format!("`{name}`"))), "{name}");
    }
}

fn name_of<T: PartialEq>(value: T, names: &[(&str, T)]) -> String {
    names.iter().find(|(_, known)| *known == value).map(|(name, _)| (*name).to_owned()).expect("each has a name")
}

#[test]
fn every_platform_is_documented_as_its_row_says() {
    let rows = table("`platform` | server");
    let documented: Vec<_> = first_cells(&rows);
    assert_eq!(documented, Platform::names().collect::<Vec<_>>());
    for row in rows {
        let platform = Platform::named(&row[0].replace('`', "")).unwrap();
        let knows = |scheme| platform.server.of(scheme).is_some();
        let is_known = knows(Scheme::Rtmps) || knows(Scheme::Rtmp);
        assert_eq!(row[1].starts_with("known"), is_known, "{row:?}");
        assert_eq!(row[1].contains("`rtmps` alone"), platform.rtmps_only, "{row:?}");
        if is_known {
            assert_eq!(row[1].contains("`rtmps`"), knows(Scheme::Rtmps), "{row:?}");
            assert_eq!(row[1].contains("`rtmp`"), knows(Scheme::Rtmp), "{row:?}");
        }
        assert_eq!(
            platform.backup != Urls::default(),
            REFERENCE.contains(&format!("{} has a backup server", platform.title))
        );
        assert_eq!(row[2] == "needed", platform.key == KeyNeed::Needed, "{row:?}");
    }
}

#[test]
fn the_examples_of_the_reference_are_right() {
    let examples: Vec<_> = REFERENCE.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(examples.len(), 4);
    let (of_stream, of_destinations): (Vec<&str>, Vec<&str>) =
        examples.into_iter().partition(|example| example.contains("[keys.alice]"));
    for example in of_stream {
        let mut memory = Memory::new(&[("destinations/stream.toml", example)])
            .variable("FORKCAST_SIGNING_SECRET", "a-long-enough-secret");
        memory.files.insert("/run/secrets/alice".into(), b"key-of-alice".to_vec());
        let config = memory.load();
        assert_eq!(rendered(&config), "", "{example}");
        let access = &config.streams.first().unwrap().access;
        assert_eq!((access.keys.len(), access.signing.is_some(), access.require_tls), (2, true, true));
    }
    for example in of_destinations {
        let mut memory = Memory::new(&[("destinations/d.toml", example)]);
        memory.files.insert("/run/secrets/mux".into(), b"abcd".to_vec());
        memory.files.insert("/run/secrets/studio".into(), b"abcd".to_vec());
        let config = memory.load();
        assert_eq!(rendered(&config), "", "{example}");
        settings(&config);
    }
}

//! The tables `[notify.NAME]`, and that docs/events.md and the code say the same.

use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::*;
use crate::{
    config::{Explained, Given, Place, Resolved, ServeOptions, document::show_duration, notify},
    notify::{Selection, limits},
    observe::{
        Kind,
        kind::{Audience, Severity},
    },
};

const REFERENCE: &str = include_str!("../../../docs/events.md");

fn resolve(memory: &Memory) -> Resolved {
    ServeOptions::resolve(&Given::default(), memory, Path::new("/state"))
}

fn seen(resolved: &Resolved) -> String {
    let problems: Vec<_> = resolved.problems.iter().map(ToString::to_string).collect();
    problems.join("\n")
}

fn file(text: &str) -> Memory {
    Memory::new(&[("forkcast.toml", text)])
}

/// The rows of the table whose head begins with a text, cell by cell.
fn table(head: &str) -> Vec<Vec<&'static str>> {
    let lines = REFERENCE.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn endpoints_are_read_with_their_defaults() {
    let memory = file(
        "http = \"off\"\n[notify.ops]\nurl = \"https://hooks.example/T0/secret-path\"\n[notify.pager]\n\
         url = \"http://127.0.0.1:9000/?token=a\"\nsecret_env = \"FORKCAST_PAGER\"\n\
         events = [\"destination_parked\", \"error\"]\ntimeout = \"2s\"\nca_file = \"ca.pem\"\n",
    );
    let mut memory = memory.variable("FORKCAST_PAGER", "a-secret-of-the-pager");
    memory.files.insert("ca.pem".into(), Vec::new());
    let resolved = resolve(&memory);
    assert_eq!(seen(&resolved), "");
    let [ops, pager] = &resolved.options.notify[..] else { panic!("{:?}", resolved.options.notify) };
    assert_eq!(
        (ops.name.as_str(), &ops.shown, &ops.events),
        ("ops", &"https://hooks.example/…".to_owned(), &Selection::default())
    );
    assert!(ops.secret.is_none() && ops.ca_file.is_none());
    assert_eq!((ops.timeout, pager.timeout), (Duration::from_secs(5), Duration::from_secs(2)));
    assert_eq!(pager.secret.as_ref().unwrap().expose_secret(), "a-secret-of-the-pager");
    assert_eq!(pager.ca_file.as_deref(), Some(Path::new("ca.pem")));
    let explained = resolved.options.explanation.iter().filter(|explained| explained.field == "notify");
    let explained: Vec<_> = explained.map(|Explained { value, origin, .. }| format!("{value} | {origin}")).collect();
    assert_eq!(
        explained,
        [
            "`ops` https://hooks.example/… is told of default, not signed, within 5s | forkcast.toml:3",
            "`pager` http://127.0.0.1:9000/… is told of destination_parked, error, signed, within 2s | forkcast.toml:5",
        ]
    );
    let shown = format!("{:?}", resolved.options);
    assert!(!shown.contains("secret-path") && !shown.contains("a-secret-of"), "{shown}");

    // A variable that the file names is read by somebody.
    let mut config = memory.load();
    let is_unread =
        |config: &Config| config.problems.iter().any(|problem| matches!(problem.place, Place::Environment(_)));
    assert!(is_unread(&config), "the folder does not know");
    config.note_own_listeners(&resolved.options);
    assert!(!is_unread(&config), "{}", rendered(&config));
}

#[test]
fn what_is_wrong_is_told_at_its_line_without_a_secret_and_nothing_starts() {
    let url = "url = \"https://hooks.example/T0/canary\"\n";
    for (text, message, hint) in [
        ("", "`notify.ops` has no `url`", "write `url"),
        ("url = \"http://hooks.example/canary\"", "in the clear", "https://"),
        ("url = \"ftp://hooks.example/canary\"", "is not HTTP", "https://"),
        ("url = \"canary\"", "is not a URL", "https://"),
        ("url = 7", "`url` is a number, not text", "quotes"),
        (
            &format!("{url}events = [\"destination_fails\"]"),
            "unknown event `destination_fails`",
            "did you mean `destination_failed`?",
        ),
        (&format!("{url}events = [\"notify_failed\"]"), "unknown event `notify_failed`", "it can be `default`"),
        (&format!("{url}events = true"), "`events` is not a list of names", "docs/events.md"),
        (&format!("{url}timeout = \"1h\""), "`timeout` is too large", "30s"),
        (&format!("{url}secret = \"\""), "`secret` is empty", "forkcast key new"),
        (
            &format!("{url}secret = \"canary-canary-canary\"\nsecret_env = \"X\""),
            "`secret_env` is there although",
            "keep one of",
        ),
        (&format!("{url}secret_env = \"NOT_SET\""), "`NOT_SET` is not set", "set `NOT_SET`"),
        (&format!("{url}ca_file = \"none.pem\""), "none.pem cannot be read", "check the path"),
        (&format!("{url}evnets = [\"error\"]"), "unknown field `evnets`", "did you mean `events`?"),
        (&format!("{url}key = \"canary\""), "unknown field `key`", "it can be"),
    ] {
        let resolved = resolve(&file(&format!("[notify.ops]\n{text}\n")));
        let seen = seen(&resolved);
        assert!(seen.contains(message) && seen.contains(hint), "for {text}:\n{seen}");
        assert!(!seen.contains("canary"), "{seen}");
        assert!(resolved.has_mistake(), "{text}");
    }
    let many: String = (0..=limits::ENDPOINTS).map(|index| format!("[notify.n{index}]\n{url}")).collect();
    assert!(seen(&resolve(&file(&many))).contains("more than 16 tables"));
    assert!(seen(&resolve(&file("[notify.\"a b\"]\nurl = \"https://h.example\"\n"))).contains("cannot be the name"));
    assert!(seen(&resolve(&file("notify = \"https://h.example/canary\"\n"))).contains("not a table of tables"));
}

#[test]
fn what_others_get_to_see_and_what_is_short_is_warned_of() {
    let text = "[notify.ops]\nurl = \"https://hooks.example/T0/B0\"\nsecret = \"canary\"\n";
    let mut memory = file(text);
    memory.open_to_all.insert("forkcast.toml".into());
    let resolved = resolve(&memory);
    let seen = seen(&resolved);
    assert!(seen.contains("others get to see this file") && seen.contains("`chmod 600 forkcast.toml`"), "{seen}");
    assert!(seen.contains("the secret has 6 characters") && !seen.contains("canary"), "{seen}");
    assert!(!resolved.has_mistake());
    assert_eq!(resolved.options.notify.len(), 1);
}

#[test]
fn every_kind_is_documented_as_it_is() {
    let documented: Vec<_> = table("| kind |")
        .into_iter()
        .map(|row| (row[0].replace('`', ""), row[1], row[2], !row[3].is_empty()))
        .collect();
    let expected: Vec<_> = Kind::ALL
        .iter()
        .map(|kind| {
            let told = if kind.audience() == Audience::Person { "yes" } else { "" };
            (kind.name().to_owned(), kind.severity().name(), told, true)
        })
        .collect();
    assert_eq!(documented, expected);
    assert_eq!(Severity::ALL.map(Severity::name), ["info", "warning", "error"]);
}

#[test]
fn every_field_is_documented_with_its_default_and_the_example_is_right() {
    let rows = table("| field | what it is | default |");
    let fields: Vec<_> = rows.iter().map(|row| row[0].replace('`', "")).collect();
    assert_eq!(fields, notify::NOTIFY.inside.iter().map(|field| field.name).collect::<Vec<_>>());
    let default = |name: &str| rows.iter().find(|row| row[0] == format!("`{name}`")).map(|row| row[2]);
    assert_eq!(default("timeout"), Some(format!("`\"{}\"`", show_duration(notify::DEFAULT_TIMEOUT)).as_str()));
    assert_eq!(default("events"), Some(format!("`[\"{}\"]`", Selection::default()).as_str()));
    let example = REFERENCE.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let mut memory = file(example);
    memory.files.insert("/run/secrets/notify".into(), b"a-secret-that-is-long".to_vec());
    let resolved = resolve(&memory);
    assert_eq!(seen(&resolved), "");
    assert_eq!(resolved.options.notify.len(), 2);
}

/// The figures in the text are those of the code.
#[test]
fn what_the_text_says_of_limits_is_so() {
    let waits: Vec<_> = limits::WAITS.iter().map(|wait| wait.as_secs().to_string()).collect();
    let (last, before) = waits.split_last().unwrap();
    let text = REFERENCE.replace('\n', " ");
    for words in [
        format!("after {} and {last} seconds", before.join(", ")),
        format!("there can be {}", limits::ENDPOINTS),
        format!("for {} seconds at the most", if limits::FLUSH.as_secs() == 2 { "two" } else { "?" }),
    ] {
        assert!(text.contains(&words), "docs/events.md does not say: {words}");
    }
    let figures = (limits::OF_ONE, limits::AT_ONCE, limits::EVERY.as_secs(), limits::NAMED, limits::QUEUE);
    assert_eq!(figures, (4, 6, 3, 100, 100), "the text says so in words");
}

//! The rules about who may know what, read off the sources: the pure parts know no runtime, socket, clock or chance, and the parts
//! depend on each other in one direction only. `docs/architecture.md` says why.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test says that it failed; clippy's allowance covers only the test functions themselves"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes and values in, values and bytes out: files and folders below `src/`.
const PURE: &[&str] = &[
    "rtmp",
    "media",
    "stream/log",
    "stream/epoch",
    "stream/timeline",
    "stream/message",
    "stream/demuxer",
    "stream/broadcast",
    "stream/facts",
    "stream/meter",
    "destination/backoff",
    "destination/excess",
    "destination/failure",
    "destination/filter",
    "destination/playhead",
    "destination/policy",
    "preflight/table",
    "notify/fold",
    "notify/outbox",
    "notify/selection",
];

/// What a pure part may not name. `Duration` is a value like any other; a clock is not.
const IMPURE: &[&str] = &[
    "tokio",
    "socket2",
    "rustls",
    "std::net",
    "std::fs",
    "println!",
    "std::thread",
    "std::env",
    "Instant",
    "SystemTime",
    "getrandom",
    "rand::",
    "tracing",
    "metrics::",
];

/// Each part below `src/`, and the other parts that it may name. The composition root and the command line, which know every
/// part, are files and not listed.
const MAY_USE: &[(&str, &[&str])] = &[
    ("rtmp", &[]),
    ("media", &[]),
    ("stream", &["media"]),
    ("net", &[]),
    ("observe", &[]),
    ("ingest", &["rtmp", "media", "stream", "net", "observe"]),
    ("destination", &["rtmp", "media", "stream", "net", "observe"]),
    ("notify", &["net", "observe"]),
    ("preflight", &["rtmp", "net", "destination"]),
    // The type of a setting belongs to the part that it is for.
    ("config", &["rtmp", "stream", "net", "ingest", "destination", "observe", "notify"]),
    // `media` for the words in which a stream is described, no more.
    ("control", &["media", "stream", "net", "destination", "observe", "config", "preflight"]),
    ("service", &["control"]),
    ("terminal", &["control", "observe"]),
];

#[test]
fn pure_parts_name_no_runtime_socket_clock_or_chance() {
    let mut offences = Vec::new();
    for part in PURE {
        let sources = sources(part);
        assert!(!sources.is_empty(), "src/{part} is gone: this list is to follow the sources");
        for (path, line, text) in sources.iter().flat_map(lines) {
            for word in IMPURE.iter().filter(|word| names(text, word)) {
                offences.push(format!("{}:{line}: `{word}` in a pure part: {}", path.display(), text.trim()));
            }
        }
    }
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

#[test]
fn parts_depend_on_each_other_in_one_direction() {
    let mut offences = Vec::new();
    for (part, allowed) in MAY_USE {
        for source in sources(part) {
            for other in modules_named(&source) {
                let is_part = MAY_USE.iter().any(|(name, _)| *name == other);
                if is_part && other != *part && !allowed.contains(&other.as_str()) {
                    offences.push(format!("{}: `{part}` may not know `{other}`", source.path.display()));
                }
            }
        }
    }
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

/// A new folder below `src/` has its place in the order decided, not fallen into.
#[test]
fn every_part_has_its_place() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(source).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let is_listed = MAY_USE.iter().any(|(part, _)| *part == name);
        // Part of the composition root, which stands beside its file; users of the whole program, like the command line.
        let is_user = ["relay", "operator", "demo", "fuzzing"].contains(&name.as_str());
        assert!(entry.path().is_file() || is_listed || is_user, "say in tests/layers.rs what src/{name} may use");
    }
}

/// A source file and what it says outside of comments and tests.
struct Source {
    path: PathBuf,
    text: String,
}

fn lines(source: &Source) -> impl Iterator<Item = (&Path, usize, &str)> {
    // Unit tests stand at the bottom of a file and may use what they like.
    let code = source.text.lines().take_while(|line| line.trim() != "#[cfg(test)]");
    code.enumerate()
        .map(|(index, line)| (source.path.as_path(), index + 1, line.split("//").next().unwrap_or_default()))
}

/// The modules at the top of the crate that a file names: `crate::NAME…` and `crate::{NAME…, NAME…}`.
fn modules_named(source: &Source) -> Vec<String> {
    let code: Vec<&str> = lines(source).map(|(_, _, text)| text).collect();
    let code = code.join("\n");
    let mut modules = Vec::new();
    for (at, path) in code.match_indices("crate::") {
        let rest = &code[at + path.len()..];
        let group =
            rest.strip_prefix('{').unwrap_or_else(|| rest.split([':', ';', ')', ' ']).next().unwrap_or_default());
        let mut depth = 0;
        for name in group.split_inclusive(['{', '}', ',']) {
            if depth == 0 {
                let name = name.trim().split([':', ',', '}', ' ']).next().unwrap_or_default();
                modules.push(name.to_owned());
            }
            depth += i32::from(name.ends_with('{')) - i32::from(name.ends_with('}'));
            if depth < 0 {
                break;
            }
        }
    }
    modules
}

/// `src/PART.rs` and everything below `src/PART/`, without the files of tests.
fn sources(part: &str) -> Vec<Source> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut waiting = vec![source.join(part), source.join(format!("{part}.rs"))];
    let mut found = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test(&path) && path.exists() {
            found.push(Source { text: fs::read_to_string(&path).unwrap(), path });
        }
    }
    found
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests") || path.file_stem().is_some_and(|stem| stem == "tests")
}

/// Does `text` name `word`, and not just a longer word that holds it?
fn names(text: &str, word: &str) -> bool {
    let is_part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part_of_name) && (word.ends_with(':') || !after.is_some_and(is_part_of_name))
    })
}

//! The files that people write: destinations, streams, the server.

use std::path::Path;

use crate::{
    check,
    config::{Config, Given, Memory, Resolved, ServeOptions},
};

/// A key that looks like one. No six characters of it may be seen anywhere.
const KEY: &str = "q7zk9wv2xp4jd8lm";

/// A line that is only the word is where the key is planted, with the rest around it.
const PLACES: [(&str, &str, &str); 3] =
    [("KEY", "key = \"", "\""), ("SECRET", "secret = \"", "\""), ("URL", "url = \"https://host/ask?token=", "\"")];

/// A file of a destination, right or wrong: the key in it is never shown.
pub fn destination_file(data: &[u8]) {
    check("destinations/d.toml", data);
}

/// As [`destination_file`], for the file of a stream.
pub fn stream_file(data: &[u8]) {
    check("destinations/stream.toml", data);
}

/// As [`destination_file`], for the file of the server, where a key does not belong.
pub fn server_file(data: &[u8]) {
    check("forkcast.toml", data);
}

/// Reads everything with this one file, and looks at all that is said of it.
fn check(file: &str, data: &[u8]) {
    // Fuzzers learn what they are compared with: a part of the key in another place than its own is no secret.
    if shows_key(&String::from_utf8_lossy(data)) {
        return;
    }
    let mut source = Memory::new(&[("destinations/key", KEY), ("cert.pem", "-----BEGIN CERTIFICATE-----\n")])
        .variable("YOUTUBE_KEY", KEY);
    source.files.insert(file.into(), with_key(data));
    source.open_to_all.insert(file.into());
    source.tracked.insert(file.into());

    let server: Resolved = ServeOptions::resolve(&Given::default(), &source, Path::new("state"));
    let config = Config::load(&source, Path::new("destinations"));
    let report = check::report(&server, &config, true);
    let shown = format!("{}{config:?}{:?}", report.text, server.problems);
    assert!(!shows_key(&shown), "the key is shown:\n{shown}");
    let mistakes = config.problems.iter().chain(&server.problems).filter(|problem| problem.is_mistake());
    assert_eq!(report.exit_code == check::WRONG, mistakes.count() > 0);
}

fn shows_key(text: &str) -> bool {
    (0..=KEY.len() - 6).any(|start| text.contains(&KEY[start..start + 6]))
}

/// The text with the key in each place for it, or at its end.
fn with_key(data: &[u8]) -> Vec<u8> {
    let plant = |(_, before, behind): &(&str, &str, &str)| [before, KEY, behind].concat().into_bytes();
    let mut has_place = false;
    let lines = data.split(|byte| *byte == b'\n').map(|line| {
        let place = PLACES.iter().find(|(word, ..)| word.as_bytes() == line);
        has_place |= place.is_some();
        place.map_or_else(|| line.to_vec(), plant)
    });
    let mut lines: Vec<_> = lines.collect();
    if !has_place {
        lines.extend(PLACES.first().map(plant));
    }
    lines.join(&b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_shown_is_found() {
        assert!(shows_key("it is wv2xp4 here") && !shows_key("it is wv2xp here"));
    }

    #[test]
    fn the_key_is_planted_in_its_places_or_at_the_end() {
        let line = format!("key = \"{KEY}\"");
        assert_eq!(with_key(b"a = 1\nKEY\n[b]\nKEY"), format!("a = 1\n{line}\n[b]\n{line}").into_bytes());
        assert_eq!(with_key(b"KEY = 1"), format!("KEY = 1\n{line}").into_bytes());
        assert_eq!(with_key(b"SECRET"), format!("secret = \"{KEY}\"").into_bytes());
    }
}

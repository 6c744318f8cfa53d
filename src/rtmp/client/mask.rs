//! Takes secrets out of what a server says: several repeat the stream key in the description of a refusal, and that is
//! what people are shown and logs are full of.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::rtmp::command::Status;

/// What stands in place of a secret.
const HIDDEN: &str = "…";

/// Shorter parts are left: names like `live2` would be found in every second sentence, and guard nothing.
const SHORTEST: usize = 6;

/// A part of the path without a digit is left below this length: `stream` and its like are words, too.
const SHORTEST_WORD: usize = 8;

/// What a server may repeat of key and app and nobody may see, longest first: both, and their parts, since servers tend to
/// repeat only the last segment of a path, or to cut off a query. An app of fixed words (`live2`) is no secret; a key always is.
pub fn secrets<'a>(stream_key: &'a str, app: &'a str) -> Vec<&'a str> {
    let of_key = stream_key.split(['/', '?', '&', '=']).filter(|part| part.len() >= SHORTEST);
    let (path, query) = app.split_once('?').unwrap_or((app, ""));
    let of_path = path.split('/').filter(|part| may_be_secret(part));
    // The names of a query's values are words.
    let values = query.split(['/', '?', '&']).map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
    let of_app: Vec<&str> = of_path.chain(values.filter(|value| value.len() >= SHORTEST)).collect();
    let whole_app = (!of_app.is_empty()).then_some(app);
    let whole_key = (!stream_key.is_empty()).then_some(stream_key);
    let mut secrets: Vec<&str> = whole_key.into_iter().chain(of_key).chain(whole_app).chain(of_app).collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    secrets
}

fn may_be_secret(segment: &str) -> bool {
    segment.len() >= SHORTEST_WORD || (segment.len() >= SHORTEST && segment.contains(|c: char| c.is_ascii_digit()))
}

/// The texts to take out, longest first.
pub(super) struct Mask(Vec<SecretString>);

impl Mask {
    /// Masks what is secret of key and app.
    pub(super) fn new(stream_key: &SecretString, app: &str) -> Self {
        let secrets = secrets(stream_key.expose_secret(), app);
        // A key of a few letters would be found inside of words.
        Self(secrets.into_iter().filter(|secret| secret.len() >= SHORTEST).map(SecretString::from).collect())
    }

    /// The status with its words for people masked. Its URLs are left: they are to be followed, not shown.
    pub(super) fn status(&self, status: Status) -> Status {
        Status { code: self.text(status.code), description: self.text(status.description), ..status }
    }

    fn text(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| text.replace(secret.expose_secret(), HIDDEN))
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mask({} texts)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_parts_of_urls_are_taken_out() {
        let mask = Mask::new(&SecretString::from("FB-1234?s_bl=1&a=Abcdefgh"), "live/0a1b2c3d4e?token=qwertz");
        let table = [
            ("stream FB-1234?s_bl=1&a=Abcdefgh is busy", "stream … is busy"),
            ("stream FB-1234 is busy", "stream … is busy"),
            ("no such app: live/0a1b2c3d4e", "no such app: live/…"),
            ("a=Abcdefgh, token=qwertz", "a=…, token=…"),
            ("live is the type", "live is the type"),
        ];
        for (description, masked) in table {
            let status = mask.status(Status::error(description, description));
            assert_eq!((status.code.as_str(), status.description.as_str()), (masked, masked));
        }
    }

    #[test]
    fn an_app_of_words_is_no_secret() {
        for (app, expected) in [
            ("", &[][..]),
            ("live", &[]),
            ("live2?backup=1", &[]),
            ("rtmp/stream/x", &[]),
            ("live/0a1b2c", &["live/0a1b2c", "0a1b2c"]),
            ("opensesame", &["opensesame"]),
            ("live2?backup=1/qwertz", &["live2?backup=1/qwertz", "qwertz"]),
            ("?token=qwertz", &["?token=qwertz", "qwertz"]),
        ] {
            assert_eq!(secrets("", app), expected, "{app}");
        }
        assert_eq!(secrets("live", "live"), ["live"], "a key is a key");
    }

    #[test]
    fn nothing_is_taken_out_for_short_and_missing_secrets() {
        let mask = Mask::new(&SecretString::from(""), "live2");
        assert_eq!(mask.status(Status::error("c", "live2 is full")).description, "live2 is full");
        let mask = Mask::new(&SecretString::from(""), "rtmp/stream");
        assert_eq!(mask.status(Status::error("c", "the stream is busy")).description, "the stream is busy");
    }
}

//! Takes secrets out of what a server says: several repeat the stream key in the description of a refusal, and that is
//! what people are shown and logs are full of.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::rtmp::command::Status;

/// What stands in place of a secret.
const HIDDEN: &str = "…";

/// Shorter texts are left: names like `live2` would be found in every second sentence, and guard nothing.
const SHORTEST: usize = 6;

/// The texts to take out, longest first.
pub(super) struct Mask(Vec<SecretString>);

impl Mask {
    /// Masks key and app, and the parts of both: servers tend to repeat only the last segment of a path, or to cut off a
    /// query.
    pub(super) fn new(stream_key: &SecretString, app: &str) -> Self {
        let secrets = [stream_key.expose_secret(), app];
        let parts = secrets.into_iter().flat_map(|secret| secret.split(['/', '?', '&', '=']));
        let mut texts: Vec<&str> = secrets.into_iter().chain(parts).filter(|text| text.len() >= SHORTEST).collect();
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        texts.dedup();
        Self(texts.into_iter().map(SecretString::from).collect())
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
    fn nothing_is_taken_out_for_short_and_missing_secrets() {
        let mask = Mask::new(&SecretString::from(""), "live2");
        assert_eq!(mask.status(Status::error("c", "live2 is full")).description, "live2 is full");
    }
}

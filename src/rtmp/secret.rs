//! A text that may be as good as a stream key: the path and the query of a server's URL, since platforms give a URL per event and
//! people type their key behind it; and the URL to which a server sends its publishers.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// The text. `Debug` shows its length, its memory is zeroed on drop, and [`expose_secret`](ExposeSecret::expose_secret) is the one
/// way to read it. Two can be compared, which those of `secrecy` cannot; in no constant time, so a text that a peer chose is not to
/// be compared with ours.
#[derive(Clone, Default)]
pub struct SecretText(SecretString);

impl ExposeSecret<str> for SecretText {
    fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        self.expose_secret() == other.expose_secret()
    }
}

impl Eq for SecretText {}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretText({} bytes)", self.expose_secret().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_compared_and_not_shown() {
        let text = SecretText::from("сезам");
        assert_eq!(text, SecretText::from("сезам".to_owned()));
        assert_ne!(text, SecretText::default());
        assert_eq!(format!("{text:?} {text:#?}"), "SecretText(10 bytes) SecretText(10 bytes)");
    }
}

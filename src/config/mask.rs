//! What of a file's values may be shown to a person.

use super::server_url::OFF;
use crate::destination::platform::Platform;

/// Stands for whatever is not shown.
pub(super) const MASK: &str = "…";

/// How a field's value may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// As it is written, unless it looks like a key that landed in the wrong field.
    Plain,
    /// Scheme, host and port: platforms put secrets into the path.
    Url,
    /// Not at all.
    Never,
}

impl Shown {
    /// The value of a field, without quotes, as it may be shown.
    pub(super) fn value(self, text: &str) -> String {
        match self {
            Self::Plain if !may_hold_a_key(text) => text.to_owned(),
            Self::Url if text == OFF => text.to_owned(),
            Self::Url => url(text),
            Self::Plain | Self::Never => MASK.to_owned(),
        }
    }
}

/// Whether a text as a whole could be somebody's stream key. Rather too often than too seldom.
pub(super) fn looks_like_a_key(text: &str) -> bool {
    let has = |test: fn(&char) -> bool| text.chars().any(|c| test(&c));
    let is_random =
        text.len() >= 12 && text.chars().all(is_of_a_key) && has(char::is_ascii_digit) && has(char::is_ascii_lowercase);
    is_random || Platform::all().any(|platform| platform.has_key_form(text))
}

/// Whether any part of a text could be a key; a path is one, and its parts are not.
pub(super) fn may_hold_a_key(text: &str) -> bool {
    let is_path = text.contains(['/', '\\']) && !text.contains([' ', '=', '"', '\'']);
    text.contains("://") || (!is_path && text.split(|c| !is_of_a_key(c)).any(looks_like_a_key))
}

/// Whether a path that was typed is rather a key, or a URL with one.
pub(super) fn is_hardly_a_path(text: &str) -> bool {
    text.contains("://") || (!text.contains(['/', '\\', '.']) && looks_like_a_key(text))
}

fn is_of_a_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_?&=".contains(c)
}

/// Whether a field's name may be shown: a key that was typed where a name belongs may not.
pub(super) fn is_showable_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '-' || (c.is_ascii_digit() && name.len() < 12);
    !name.is_empty() && name.len() <= 24 && name.chars().all(word) && !looks_like_a_key(name)
}

/// Whether a URL has something before an `@` where the host should be, even if a stray `?` or `#` hides it.
pub(super) fn has_user(url: &str) -> bool {
    let behind_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    behind_scheme.split('/').next().is_some_and(|server| server.contains('@'))
}

fn url(text: &str) -> String {
    let shown = url::Url::parse(text).ok().filter(|_| !has_user(text)).and_then(|url| {
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        Some(format!("{}://{}{port}/{MASK}", url.scheme(), url.host_str()?))
    });
    shown.unwrap_or_else(|| MASK.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_what_belongs_there() {
        for key in
            ["abcd-efgh-ijkl-mnop-qrst", "live_123456_AbCdEf", "FB-1234-0-Ab", "sk_us-west-2_abc", "a1b2c3d4e5f6g7"]
        {
            assert!(looks_like_a_key(key), "{key}");
        }
        assert!(may_hold_a_key("youtube a1b2c3d4e5f6g7"));
        assert!(may_hold_a_key("rtmp://host/live/key"));
        assert!(!may_hold_a_key("/run/secrets/youtube-2024-b"));
        assert!(!is_hardly_a_path("my-own-authority-2024.pem"));
        for other in ["youtube", "YOUTUBE_KEY_2", "/run/secrets/youtube-2024", "drop_to_keyframe", "5s", "16 MiB"] {
            assert!(!looks_like_a_key(other), "{other}");
        }
    }

    #[test]
    fn a_url_is_shown_up_to_its_path() {
        assert_eq!(Shown::Url.value("rtmps://Host.example:1936/live/secret?key=1"), "rtmps://Host.example:1936/…");
        assert_eq!(Shown::Url.value("rtmp://user:secret@host/live"), "…");
        assert_eq!(Shown::Url.value("secret"), "…");
        assert_eq!(Shown::Url.value("off"), "off");
    }
}

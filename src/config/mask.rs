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
    let is_of_a_key = text.chars().all(is_of_a_key);
    let is_random = text.len() >= 12 && has(char::is_ascii_digit) && has(char::is_ascii_lowercase);
    // Base32, hexadecimal digits in capitals; Base64 that happens to have no digit. A variable's name has words.
    let is_encoded = text.len() >= 20
        && !text.contains('_')
        && has(char::is_ascii_uppercase)
        && (has(char::is_ascii_digit) || has(char::is_ascii_lowercase));
    (is_of_a_key && (is_random || is_encoded)) || Platform::all().any(|platform| platform.has_key_form(text))
}

/// Whether any part of a text could be a key; a path is one, and its parts are not. No name, time or size of ours has a letter
/// that is not ASCII.
pub(super) fn may_hold_a_key(text: &str) -> bool {
    let has_key = !text.is_ascii() || is_mixed(text) || text.split(|c| !is_of_a_key(c)).any(looks_like_a_key);
    text.contains("://") || (has_key && !is_path(text))
}

/// Whether a text is the path of a file and nothing else. A key can have a slash in it, as Base64 has: what does not begin as paths do
/// has no part that could be a key, and is no mixture.
fn is_path(text: &str) -> bool {
    let begins_as_one = text.starts_with(['/', '.', '~', '\\']) || text.get(1..3).is_some_and(|drive| drive == ":\\");
    let mut parts = text.split(['/', '\\']);
    text.contains(['/', '\\'])
        && !text.contains([' ', '=', '"', '\'', '+', '%', '?', '&'])
        && (begins_as_one || !(is_mixed(text) || parts.any(|part| !part.is_ascii() || looks_like_a_key(part))))
}

/// Whether a text with a slash in it has digits, small letters and capitals.
fn is_mixed(text: &str) -> bool {
    let has = |test: fn(&u8) -> bool| text.bytes().any(|byte| test(&byte));
    text.len() >= 16
        && text.contains('/')
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
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

/// Whether a URL has something before an `@` where the host should be, even if a stray `?` or `#` hides it, or a password that has a
/// slash in it ends what looks like the host.
pub(super) fn has_user(url: &str) -> bool {
    let behind_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (server, path) = behind_scheme.split_once('/').unwrap_or((behind_scheme, ""));
    let is_host = server.contains(['.', ']']) || server.starts_with("localhost");
    server.contains('@') || (!is_host && path.contains('@'))
}

fn url(text: &str) -> String {
    let shown = url::Url::parse(text).ok().filter(|_| !text.contains('@')).and_then(|url| {
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        // A key that was pasted in front of a URL would be its scheme.
        let is_scheme = ["rtmp", "rtmps", "http", "https", "srt", "rtsp"].contains(&url.scheme());
        Some(format!("{}://{}{port}/{MASK}", if is_scheme { url.scheme() } else { MASK }, url.host_str()?))
    });
    shown.unwrap_or_else(|| MASK.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_what_belongs_there() {
        for key in [
            "abcd-efgh-ijkl-mnop-qrst",
            "live_123456_AbCdEf",
            "FB-1234-0-Ab",
            "sk_us-west-2_abc",
            "a1b2c3d4e5f6g7",
            "0123456789ABCDEF0123",
            "QWxhZGRpbkpvcGVuU2VzYW1l",
        ] {
            assert!(looks_like_a_key(key), "{key}");
        }
        assert!(may_hold_a_key("youtube a1b2c3d4e5f6g7"));
        assert!(may_hold_a_key("rtmp://host/live/key"));
        for text in [
            "сезам",
            "pässword",
            "ключ/сезам",
            "q7zk9wv2xp4jd8lm/AbC",
            "Zm9v7zk9wv/8lm2xp4jd",
            "a+b/q7zk9wv2xp4jd8lm",
            "/x%2Fq7zk9wv2xp4jd8lm",
        ] {
            assert!(may_hold_a_key(text), "{text}");
        }
        for path in
            ["/run/secrets/youtube-2024-b", "keys/youtube", "./ключ/ютуб", "C:\\keys\\youtube-2024-b", "../a.pem"]
        {
            assert!(!may_hold_a_key(path), "{path}");
        }
        assert!(!is_hardly_a_path("my-own-authority-2024.pem"));
        for other in [
            "youtube",
            "YOUTUBE_KEY_2",
            "FORKCAST_YOUTUBE_KEY_2",
            "/run/secrets/youtube-2024",
            "drop_to_keyframe",
            "5s",
            "16 MiB",
        ] {
            assert!(!looks_like_a_key(other), "{other}");
        }
    }

    #[test]
    fn a_user_name_is_found() {
        for url in [
            "rtmp://a@h/live",
            "rtmp://a:b@h.example",
            "rtmp://a?@h/live",
            "rtmp://a:b/c@h.example/live",
            "rtmp://a/b@h",
        ] {
            assert!(has_user(url), "{url}");
        }
        for url in
            ["rtmp://h/live", "rtmp://h.example/live/a@b", "rtmp://[::1]/a@b", "rtmp://localhost:1935/a@b", "rtmp://h"]
        {
            assert!(!has_user(url), "{url}");
        }
    }

    #[test]
    fn a_url_is_shown_up_to_its_path() {
        assert_eq!(Shown::Url.value("rtmps://Host.example:1936/live/secret?key=1"), "rtmps://Host.example:1936/…");
        assert_eq!(Shown::Url.value("rtmp://user:secret@host/live"), "…");
        assert_eq!(Shown::Url.value("rtmp://sec/ret@host/live"), "…");
        assert_eq!(Shown::Url.value("secret"), "…");
        assert_eq!(Shown::Url.value("secret://host/live"), "…://host/…");
        assert_eq!(Shown::Url.value("off"), "off");
    }
}

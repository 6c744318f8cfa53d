//! What of a file's values may be shown to a person.

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
            Self::Plain if !looks_like_a_key(text) => text.to_owned(),
            Self::Url => url(text),
            Self::Plain | Self::Never => MASK.to_owned(),
        }
    }
}

/// Whether a text could be somebody's stream key. Rather too often than too seldom.
pub(super) fn looks_like_a_key(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || "-_?&=".contains(c);
    let has = |test: fn(&char) -> bool| text.chars().any(|c| test(&c));
    let random =
        text.len() >= 12 && text.chars().all(word) && has(char::is_ascii_digit) && has(char::is_ascii_lowercase);
    random || Platform::all().any(|platform| platform.has_key_form(text))
}

/// Whether a field's name may be shown: a key that was typed where a name belongs may not.
pub(super) fn is_showable_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '-';
    !name.is_empty() && name.len() <= 24 && name.chars().all(plain) && !looks_like_a_key(name)
}

fn url(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(url) if url.username().is_empty() && url.password().is_none() => {
            let Some(host) = url.host_str() else { return MASK.to_owned() };
            let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
            format!("{}://{host}{port}/{MASK}", url.scheme())
        }
        _ => MASK.to_owned(),
    }
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
        for other in ["youtube", "YOUTUBE_KEY_2", "/run/secrets/youtube-2024", "drop_to_keyframe", "5s", "16 MiB"] {
            assert!(!looks_like_a_key(other), "{other}");
        }
    }

    #[test]
    fn a_url_is_shown_up_to_its_path() {
        assert_eq!(Shown::Url.value("rtmps://Host.example:1936/live/secret?key=1"), "rtmps://Host.example:1936/…");
        assert_eq!(Shown::Url.value("rtmp://user:secret@host/live"), "…");
        assert_eq!(Shown::Url.value("secret"), "…");
    }
}

//! A key, given as `key`, `key_file` or `key_env`.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::{
    document::{At, Document, Field},
    explain::Origin,
    mask::{is_hardly_a_path, looks_like_a_key, may_hold_a_key},
    source::Source,
};

/// The three ways to give a key, one of which a file may have.
pub(super) const KEY: Field = Field::secret("key");
pub(super) const KEY_FILE: Field = Field::plain("key_file");
pub(super) const KEY_ENV: Field = Field::plain("key_env");

/// The fields of one secret.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    /// The secret itself.
    pub(super) plain: &'static str,
    /// The file that holds it.
    pub(super) file: &'static str,
    /// The environment variable that holds it.
    pub(super) env: &'static str,
}

/// Those of a stream key.
pub(super) const KEY_NAMES: Names = Names { plain: KEY.name, file: KEY_FILE.name, env: KEY_ENV.name };

/// Most bytes of a key. Facebook's, with its query, has about 150.
const KEY_LIMIT: usize = 2048;

/// What a file says about its key.
pub(super) enum Key {
    /// It has no such field.
    Absent,
    /// The field is there and empty, or still says what to put there.
    Blank(Range<usize>),
    /// There is one.
    Set(SetKey),
    /// It is wrong, and that is reported.
    Wrong,
}

/// A key that is set.
pub(super) struct SetKey {
    pub(super) value: SecretString,
    /// How an explanation shows it.
    pub(super) shown: String,
    pub(super) span: Range<usize>,
    pub(super) origin: Origin,
    /// It is in the settings' own file, which every user of the machine may read.
    pub(super) is_open: bool,
    /// It is in the settings' own file, which git tracks.
    pub(super) is_tracked: bool,
}

impl Key {
    /// Finds a document's key, wherever it is kept. Reports what is wrong with it.
    pub(super) fn read(document: &mut Document<'_>, source: &dyn Source) -> Self {
        Self::read_named(document, source, KEY_NAMES)
    }

    /// The same for a secret of other names.
    pub(super) fn read_named(document: &mut Document<'_>, source: &dyn Source, fields: Names) -> Self {
        let names = [fields.plain, fields.file, fields.env];
        let given: Vec<_> = names.into_iter().filter(|name| document.span_of(name).is_some()).collect();
        if let [first, .., last] = given.as_slice() {
            let span = document.span_of(last).unwrap_or_default();
            let hint = format!(
                "keep one of `{}`, `{}` and `{}`",
                last_of(fields.plain),
                last_of(fields.file),
                last_of(fields.env)
            );
            document.mistake(&span, last, format!("`{last}` is there although `{first}` is there too"), hint);
            return Self::Wrong;
        }
        let Some(name) = given.first() else {
            let is_broken = names.into_iter().any(|name| document.has(name));
            return if is_broken { Self::Wrong } else { Self::Absent };
        };
        let Some(At { value, span }) = document.text(name) else { return Self::Wrong };
        let found = match *name {
            name if name == fields.plain => Ok((value.into(), "(set)".to_owned())),
            name if name == fields.file => from_file(document.file(), &value, source, fields),
            _ => from_environment(&value, source, fields),
        };
        match found {
            Ok(found) => Self::check(document, source, (name, fields), &span, found),
            Err(Complaint { message, hint }) => {
                document.mistake(&span, name, message, hint);
                Self::Wrong
            }
        }
    }

    fn check(
        document: &mut Document<'_>,
        source: &dyn Source,
        (name, fields): (&str, Names),
        span: &Range<usize>,
        (value, shown): (SecretString, String),
    ) -> Self {
        if is_placeholder(value.expose_secret()) {
            return Self::Blank(span.clone());
        }
        match complaint_about(value.expose_secret()) {
            None => {
                let (file, is_here) = (document.file(), name == fields.plain);
                let is_open = is_here && source.is_open_to_all(file);
                let is_tracked = is_here && source.is_tracked(file);
                let origin = document.origin(span);
                Self::Set(SetKey { value, shown, span: span.clone(), origin, is_open, is_tracked })
            }
            Some(Complaint { message, hint }) => {
                let message = if name == fields.plain {
                    format!("`{name}` {message}")
                } else {
                    format!("the {} from `{name}` {message}", last_of(fields.plain))
                };
                document.mistake(span, name, message, hint);
                Self::Wrong
            }
        }
    }
}

/// What is wrong, and what to do.
pub(super) struct Complaint {
    pub(super) message: String,
    pub(super) hint: String,
}

impl Complaint {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

/// A path in a file is relative to the file's folder.
pub(super) fn beside(file: &Path, path: &str) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(path)
}

/// Why a path that was given cannot be read, and what to do. The path is not named where it could be a key.
pub(super) fn unreadable(field: &str, path: &Path, typed: &str, error: &std::io::Error) -> (String, String) {
    let hint = if typed.starts_with('~') {
        "`~` means nothing here: write the whole path"
    } else if error.kind() == std::io::ErrorKind::PermissionDenied {
        "let forkcast's user read it"
    } else if error.kind() == std::io::ErrorKind::InvalidInput {
        "name a file: pipes and devices are not read"
    } else {
        "check the path; a relative one begins at the folder of this file"
    };
    let path = if may_hold_a_key(typed) { "the file".to_owned() } else { path.display().to_string() };
    (format!("`{field}`: {path} cannot be read: {error}"), hint.to_owned())
}

fn from_file(
    file: &Path,
    typed: &str,
    source: &dyn Source,
    fields: Names,
) -> Result<(SecretString, String), Complaint> {
    let (name, plain) = (last_of(fields.file), last_of(fields.plain));
    if typed.is_empty() {
        return Err(Complaint::new(
            format!("`{name}` is empty"),
            format!("write the path of a file that holds the {plain} and nothing else"),
        ));
    }
    if is_hardly_a_path(typed) {
        let hint = format!("`{name}` takes the path of a file; for the {plain} itself write `{plain} = \"…\"`");
        return Err(Complaint::new(format!("`{name}` looks like a key, not like a path"), hint));
    }
    let path = beside(file, typed);
    let bytes = source.read(&path).map_err(|error| {
        let (message, hint) = unreadable(name, &path, typed, &error);
        Complaint::new(message, hint)
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Complaint::new(
            format!("`{name}` is not a text file"),
            format!("it must hold the {plain} and nothing else, as plain text"),
        )
    })?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        let hint = format!("put the {plain} into it, and nothing else");
        return Err(Complaint::new(format!("the file of `{name}` is empty"), hint));
    }
    Ok((text.into(), format!("(set, from {name} {})", path.display())))
}

fn from_environment(name: &str, source: &dyn Source, fields: Names) -> Result<(SecretString, String), Complaint> {
    let (field, plain) = (last_of(fields.env), last_of(fields.plain));
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(is_name) || looks_like_a_key(name) {
        let hint =
            format!("`{field}` takes a name such as `YOUTUBE_KEY`; for the {plain} itself write `{plain} = \"…\"`");
        return Err(Complaint::new(format!("`{field}` is not the name of an environment variable"), hint));
    }
    let value = source.variable(name).unwrap_or_default();
    let Ok(text) = value.into_string().map(Zeroizing::new) else {
        return Err(Complaint::new(
            format!("environment variable `{name}` is not UTF-8 text"),
            format!("set it to the {plain} alone"),
        ));
    };
    if text.trim().is_empty() {
        let hint = format!("set `{name}` for forkcast's process, or take `{field}` out to leave this off");
        return Err(Complaint::new(format!("environment variable `{name}` is not set, or is empty"), hint));
    }
    Ok((text.trim().into(), format!("(set, from {field} {name})")))
}

/// A field's own name, without that of its table.
fn last_of(name: &'static str) -> &'static str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Why a text cannot be a stream key, if it cannot.
pub(super) fn complaint_about(text: &str) -> Option<Complaint> {
    if text.contains("://") {
        let hint = "`url` takes the server's URL; `key` takes what the platform calls stream key, or stream name";
        return Some(Complaint::new("holds a URL", hint));
    }
    if text.lines().count() > 1 {
        return Some(Complaint::new("has more than one line", "it must be the key and nothing else"));
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Some(Complaint::new("has a space or an invisible character in it", "copy it once more, the key alone"));
    }
    if text.len() > KEY_LIMIT {
        let message = format!("has {} bytes; no platform's key has more than {KEY_LIMIT}", text.len());
        return Some(Complaint::new(message, "copy it once more, the key alone"));
    }
    None
}

/// Whether a text only says what is to be put in its place.
pub(super) fn is_placeholder(text: &str) -> bool {
    // Letters of other scripts are a key's like any: only punctuation says nothing.
    let says_nothing = |c: char| c == '…' || c.is_whitespace() || (c.is_ascii() && !c.is_ascii_alphanumeric());
    let plain: String = text.chars().filter(|c| !says_nothing(*c)).map(|c| c.to_ascii_lowercase()).collect();
    let says = [
        "pasteyour",
        "pastethe",
        "pastehere",
        "pastekey",
        "yourkey",
        "yourstreamkey",
        "streamkeyhere",
        "keyhere",
        "yourstreamurl",
        "yoururl",
    ];
    let is = ["", "paste", "key", "streamkey", "changeme", "todo", "none"];
    is.contains(&plain.as_str())
        || says.iter().any(|word| plain.contains(word))
        || plain.chars().all(|c| c == 'x')
        || (text.starts_with('<') && text.ends_with('>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_told_from_keys() {
        for text in [
            "",
            "  ",
            "paste",
            "PASTE-YOUR-KEY-HERE",
            "paste it: <paste here>",
            "<your key>",
            "xxxx-xxxx-xxxx-xxxx-xxxx",
            "your_stream_key",
            "...",
            "…",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in
            ["abcd-efgh-ijkl", "live_123456_AbC", "keystone", "copy-paste-show", "x1", "сезам-откройся", "芝麻开门"]
        {
            assert!(!is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn a_key_with_its_query_is_whole_and_two_lines_are_not() {
        assert!(complaint_about("FB-1-0-Ab?s_bl=1&s_ps=1&a=Ab").is_none());
        assert!(complaint_about("?streamname=a&key=b").is_none());
        for text in ["a\nb", "a b", "a\u{0}b", "rtmp://host/live/key", "a\u{a0}b"] {
            assert!(complaint_about(text).is_some(), "{text:?}");
        }
    }
}

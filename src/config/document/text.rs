//! A file's text, and places in it.

use std::{
    io,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};

use crate::config::{
    problem::{Place, Problem, Severity},
    source::{FILE_LIMIT, Source},
};

/// A file's text, which may hold a key.
pub(in crate::config) struct Text {
    pub(in crate::config) file: PathBuf,
    text: SecretString,
}

impl Text {
    /// Reads a file as UTF-8, without the mark that some editors put before it.
    pub(in crate::config) fn read(source: &dyn Source, file: &Path) -> Result<Self, Box<Problem>> {
        let whole = |message: String, hint: &str| {
            let (severity, place, hint) = (Severity::Mistake, Place::File(file.to_owned()), hint.to_owned());
            Box::new(Problem { severity, place, field: None, message, excerpt: None, hint })
        };
        let bytes = source.read(file).map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::InvalidInput => "put a file in its place; pipes and devices are not read",
                _ => "check that it exists and that forkcast's user may read it",
            };
            whole(format!("cannot be read: {error}"), hint)
        })?;
        if bytes.len() > FILE_LIMIT {
            return Err(whole(
                "is larger than 1 MiB".to_owned(),
                "this is hardly a file of settings; move it out of the folder",
            ));
        }
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            let (line, _) = position(&bytes, error.valid_up_to());
            whole(
                format!("is not UTF-8 text, first in line {line}"),
                "save it again as UTF-8; nearly every editor offers that",
            )
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).into();
        Ok(Self { file: file.to_owned(), text })
    }

    /// All of it. What is shown of it goes through the masks of [`Document`](super::Document).
    pub(in crate::config) fn expose_text(&self) -> &str {
        self.text.expose_secret()
    }
}

/// Line and column of an offset, both from one; the column counts characters.
pub(super) fn position(text: &[u8], offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let column = 1 + String::from_utf8_lossy(before.get(line_start..).unwrap_or_default()).chars().count();
    (line, column)
}

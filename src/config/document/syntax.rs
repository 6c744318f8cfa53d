//! What is wrong with a file's TOML, in words for people who do not know TOML.

use std::{collections::BTreeSet, ops::Range};

use toml::{Spanned, de::Error};

use super::{Document, Spot, last, table_of, text::position};
use crate::config::{
    mask::MASK,
    problem::{Excerpt, Place, Severity},
};

impl<'t> Document<'t> {
    /// Reports each line that does not parse, once. False where the lines after it can mean nothing.
    pub(super) fn report_syntax(&mut self, errors: &[Error], stray_values: &[Range<usize>]) -> bool {
        let mut lines = BTreeSet::new();
        let mut rest_is_good = true;
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            let field = self.field_around(&span);
            let is_in_value = field.is_some() || stray_values.iter().any(|value| contains(value, &span));
            rest_is_good &= is_in_value || error.message().starts_with("duplicate key");
            let (line, _) = position(self.text.expose_text().as_bytes(), span.start);
            if lines.insert(line) {
                self.report_line(error.message(), &span, field);
            }
            self.broken.extend(field);
        }
        for field in &self.broken {
            // What the parser made of a broken value was not looked at as it stands in the file.
            if let Some(value) = self.values.remove(field) {
                self.masks.insert(0, (value.span(), MASK.to_owned()));
            }
        }
        rest_is_good
    }

    fn report_line(&mut self, reason: &str, span: &Range<usize>, field: Option<&'static str>) {
        let line = self.line_around(span.start);
        let known = field.or_else(|| self.first_name(line));
        let (message, hint) = explain(reason, known, line);
        let cautious = if self.is_known_table(line) { None } else { cautious_excerpt(known, line) };
        let spot = match cautious {
            // The parser's own place may be anywhere behind the mark: what is read and what is marked are one.
            Some(excerpt) => {
                let (number, _) = position(self.text.expose_text().as_bytes(), span.start);
                let place = Place::Line { file: self.text.file.clone(), line: number, column: excerpt.start + 1 };
                Spot { place, excerpt: Some(excerpt) }
            }
            None => {
                let excerpt = self.is_known_table(line).then(|| self.excerpt(span));
                Spot { place: self.place(span.start), excerpt }
            }
        };
        self.report(Severity::Mistake, spot, known, message, hint);
    }

    /// The known field inside whose value a span lies.
    fn field_around(&self, span: &Range<usize>) -> Option<&'static str> {
        self.values.iter().find(|(_, value)| contains(&Spanned::span(value), span)).map(|(name, _)| *name)
    }

    fn line_around(&self, offset: usize) -> &'t str {
        let text = self.text.expose_text();
        let start = text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
        text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default()
    }

    /// Whether a line is the head of a known table and nothing else, however broken.
    fn is_known_table(&self, line: &str) -> bool {
        let name = line.trim().trim_matches(['[', ']', ' ']);
        line.trim().starts_with('[') && !name.is_empty() && self.fields.iter().any(|field| table_of(field.name) == name)
    }

    /// The known name with which a line begins.
    fn first_name(&self, line: &str) -> Option<&'static str> {
        let name: String =
            line.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || "_-.".contains(*c)).collect();
        let matches = |known: &&str| *known == name || last(known) == name;
        self.fields.iter().map(|field| field.name).find(matches)
    }
}

fn contains(value: &Range<usize>, span: &Range<usize>) -> bool {
    value.start <= span.start && span.end <= value.end
}

/// Message and hint for the parser's reason. Neither holds anything of the line but a known name.
fn explain(reason: &str, known: Option<&str>, line: &str) -> (String, String) {
    let name = known.map_or("name", last);
    let value = line.split_once('=').map_or("", |(_, rest)| rest.trim());
    let has = |beginning: &str| reason.starts_with(beginning);
    let quoted = format!("write `{name} = \"…\"`");
    let behind = line.trim_start().strip_prefix(name).map(str::trim_start);
    if behind.is_some_and(|behind| behind.starts_with(':')) {
        return (format!("`{name}` is followed by `:` instead of `=`"), quoted);
    }
    if value.contains(['“', '”', '„', '‘', '’', '«', '»']) {
        let hint =
            format!("{quoted} with the plain quote `\"`; a word processor changes it, a plain text editor does not");
        (format!("the quotes around the value of `{name}` are typographic ones"), hint)
    } else if has("string values must be quoted") && value.is_empty() {
        (format!("`{name}` has no value"), format!("{quoted}, or take the line out"))
    } else if has("string values must be quoted") {
        (format!("the value of `{name}` is not in quotes"), quoted)
    } else if has("invalid basic string") || has("invalid literal string") {
        (format!("the quotes around the value of `{name}` are not closed"), quoted)
    } else if has("missing escaped value") || has("too few unicode") {
        let hint = format!("take single quotes, which leave backslashes alone: `{name} = '…'`");
        (format!("a backslash in the value of `{name}` begins an escape that does not exist"), hint)
    } else if has("duplicate key") {
        let what = known.map_or_else(|| "a field or table".to_owned(), |name| format!("`{name}`"));
        (format!("{what} is there twice"), "keep one of them".to_owned())
    } else if has("key with no value") {
        ("this line has no `=`".to_owned(), format!("{quoted}; a comment begins with `#`"))
    } else if has("unclosed table") {
        (
            "the `]` of this line is missing".to_owned(),
            "write the whole name between brackets, such as `[reconnect]`".to_owned(),
        )
    } else {
        let reason = reason.split(", expected").next().unwrap_or_default();
        (format!("this is not TOML: {reason}"), "each line is `name = \"value\"`; a comment begins with `#`".to_owned())
    }
}

/// The line as far as its value, in whose place the mark stands: in a line that does not parse, anything could be a key.
fn cautious_excerpt(known: Option<&str>, line: &str) -> Option<Excerpt> {
    let name = last(known?);
    let blank = [' ', '\t'];
    let behind = line.trim_start_matches(blank).strip_prefix(name)?.trim_start_matches(blank);
    let value = behind.strip_prefix(['=', ':']).unwrap_or(behind).trim_start_matches(blank);
    let before = line.get(..line.len() - value.len())?;
    let start = before.chars().count();
    let text = if value.trim_end().is_empty() { before.to_owned() } else { format!("{before}{MASK}") };
    Some(Excerpt { text, start, length: 1 })
}

//! One TOML file with positions: which fields it has, where they stand, and what of them may be shown.
//!
//! A file is described by a table of [`Field`]s. Whatever is not in that table is a mistake, and is never shown.

mod strays;
mod syntax;
mod text;
mod values;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::Path,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

pub(super) use text::Text;
pub use values::show_duration;
pub(super) use values::show_size;

use super::{
    explain::Origin,
    homes::homes_of,
    mask::{MASK, Shown, is_showable_name},
    problem::{Excerpt, Place, Problem, Severity},
};
use strays::Stray;
use text::position;

/// Unknown fields of one file that are told of, each with its line. A file with more is no file of settings, and is not read.
const STRAYS_TOLD: usize = 50;

/// A field that a kind of file may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// Its name, dotted where it stands in a table: `reconnect.max`.
    pub(super) name: &'static str,
    /// How its value may be shown.
    pub(super) shown: Shown,
    /// Where it is a table of tables with names of one's own: what each of them may have. Else empty.
    pub(super) inside: &'static [Field],
}

impl Field {
    pub(super) const fn plain(name: &'static str) -> Self {
        Self { name, shown: Shown::Plain, inside: &[] }
    }

    pub(super) const fn url(name: &'static str) -> Self {
        Self { name, shown: Shown::Url, inside: &[] }
    }

    pub(super) const fn secret(name: &'static str) -> Self {
        Self { name, shown: Shown::Never, inside: &[] }
    }

    /// `[NAME.…]`: any number of tables, each with these fields.
    pub(super) const fn tables(name: &'static str, inside: &'static [Self]) -> Self {
        Self { name, shown: Shown::Never, inside }
    }
}

/// A value together with where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// A place in a file that outlives the document, for problems that show only when files are compared.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) place: Place,
    pub(super) excerpt: Option<Excerpt>,
}

/// A file that was parsed as far as it could be, with the problems found so far.
pub(super) struct Document<'t> {
    text: &'t Text,
    fields: &'static [Field],
    values: BTreeMap<&'static str, Spanned<DeValue<'t>>>,
    /// Fields whose value does not parse.
    broken: Vec<&'static str>,
    /// Fields that were probably meant by a name that is none.
    meant: BTreeSet<&'static str>,
    /// Parts that are shown as something else, in any order.
    masks: Vec<(Range<usize>, String)>,
    problems: Vec<Problem>,
    /// A line is broken in a way that leaves the lines after it without meaning.
    is_unreadable: bool,
}

impl<'t> Document<'t> {
    /// Parses a text. Mistakes in one value leave the others readable.
    pub(super) fn parse(text: &'t Text, fields: &'static [Field]) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text.expose_text());
        let mut document = Self {
            text,
            fields,
            values: BTreeMap::new(),
            broken: Vec::new(),
            meant: BTreeSet::new(),
            masks: Vec::new(),
            problems: Vec::new(),
            is_unreadable: false,
        };
        let mut strays = Vec::new();
        document.collect("", table.into_inner(), &mut strays);
        let stray_values: Vec<_> = strays.iter().map(|stray| stray.value.clone()).collect();
        if document.report_syntax(&errors, &stray_values) {
            let left_out = strays.len().saturating_sub(STRAYS_TOLD);
            for stray in strays.into_iter().take(STRAYS_TOLD) {
                let homes = homes_of(&stray.path);
                document.report_stray(stray, homes);
            }
            if left_out > 0 {
                let message = format!("there are {left_out} more unknown fields");
                document.mistake_of_file(message, "this is hardly a file of settings; move it out of the folder");
                document.values.clear();
                document.is_unreadable = true;
            }
        } else {
            // What the parser guessed after a broken line would only lead a reader astray.
            document.values.clear();
            document.is_unreadable = true;
        }
        document
    }

    /// Every problem, in the order of the lines.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(Problem::position);
        self.problems
    }

    pub(super) fn file(&self) -> &'t Path {
        &self.text.file
    }

    /// Whether the file has the field, be it right or wrong; true where that cannot be told.
    pub(super) fn has(&self, name: &str) -> bool {
        self.is_unreadable || self.values.contains_key(name) || self.broken.contains(&name)
    }

    /// Whether something stands there that was probably meant to be the field.
    pub(super) fn means(&self, name: &str) -> bool {
        self.meant.contains(name)
    }

    /// Whether anything in it is wrong.
    pub(super) fn has_mistake(&self) -> bool {
        self.problems.iter().any(Problem::is_mistake)
    }

    /// Whether the field is there and its value is none that it can have.
    pub(super) fn is_broken(&self, name: &str) -> bool {
        self.is_unreadable || self.broken.contains(&name)
    }

    /// Whether the file has the field, or something that was probably meant to be it.
    pub(super) fn has_or_means(&self, name: &str) -> bool {
        self.has(name) || self.meant.contains(name)
    }

    /// Where a field's value stands.
    pub(super) fn span_of(&self, name: &str) -> Option<Range<usize>> {
        self.values.get(name).map(Spanned::span)
    }

    /// File and line of a span, for an explanation.
    pub(super) fn origin(&self, span: &Range<usize>) -> Origin {
        let (line, _) = position(self.text.expose_text().as_bytes(), span.start);
        Origin::File { file: self.text.file.clone(), line }
    }

    /// The first mistake, on one line.
    pub(super) fn first_mistake(&self) -> Option<String> {
        let mistakes = self.problems.iter().filter(|problem| problem.is_mistake());
        mistakes.min_by_key(|problem| problem.position()).map(Problem::one_line)
    }

    pub(super) fn mistake(&mut self, span: &Range<usize>, field: &str, message: String, hint: impl Into<String>) {
        self.report(Severity::Mistake, self.spot(span), Some(field), message, hint.into());
    }

    pub(super) fn warning(&mut self, span: &Range<usize>, field: &str, message: String, hint: impl Into<String>) {
        self.report(Severity::Warning, self.spot(span), Some(field), message, hint.into());
    }

    /// A mistake of the file as a whole.
    pub(super) fn mistake_of_file(&mut self, message: String, hint: impl Into<String>) {
        let spot = Spot { place: Place::File(self.text.file.clone()), excerpt: None };
        self.report(Severity::Mistake, spot, None, message, hint.into());
    }

    fn report(&mut self, severity: Severity, spot: Spot, field: Option<&str>, message: String, hint: String) {
        let field = field.map(str::to_owned);
        self.problems.push(Problem { severity, place: spot.place, field, message, excerpt: spot.excerpt, hint });
    }

    /// A place with its line, masked.
    pub(super) fn spot(&self, span: &Range<usize>) -> Spot {
        Spot { place: self.place(span.start), excerpt: Some(self.excerpt(span)) }
    }

    fn place(&self, offset: usize) -> Place {
        let (line, column) = position(self.text.expose_text().as_bytes(), offset);
        Place::Line { file: self.text.file.clone(), line, column }
    }

    /// The line in which a span begins, up to the span's end: what follows it may hold anything.
    fn excerpt(&self, span: &Range<usize>) -> Excerpt {
        let text = self.text.expose_text();
        let before = text.get(..span.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line_end =
            text.get(span.start..).and_then(|rest| rest.find(['\r', '\n'])).map_or(text.len(), |end| span.start + end);
        let end = span.end.clamp(span.start, line_end);

        let mut shown = String::new();
        let mut marker = None;
        let mut at = line_start;
        while at < end {
            if at >= span.start && marker.is_none() {
                marker = Some(shown.chars().count());
            }
            if let Some((range, mask)) = self.masks.iter().find(|(range, _)| range.contains(&at)) {
                shown.push_str(mask);
                at = range.end;
            } else if let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
                shown.push(c);
                at += c.len_utf8();
            } else {
                break;
            }
        }
        let length = shown.chars().count();
        let start = marker.unwrap_or(length);
        // A name is shown with a hint of its value, a table's with its bracket.
        let rest = text.get(end..).unwrap_or_default();
        if rest.trim_start_matches([' ', '\t']).starts_with('=') {
            shown.push_str(" = …");
        } else if rest.starts_with(']') {
            shown.push(']');
        }
        Excerpt { text: shown, start, length: length.saturating_sub(start).max(1) }
    }

    /// Files the values of known fields under their names, and masks what may not be shown.
    fn collect(&mut self, prefix: &str, table: DeTable<'t>, strays: &mut Vec<Stray>) {
        for (key, value) in table {
            let path =
                if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
            if let Some(field) = self.fields.iter().find(|field| field.name == path) {
                self.mask_field(&value, field);
                self.values.insert(field.name, value);
                continue;
            }
            let is_section = self
                .fields
                .iter()
                .any(|field| field.name.strip_prefix(&path).is_some_and(|rest| rest.starts_with('.')));
            match (is_section, value.span(), value.into_inner()) {
                (true, _, DeValue::Table(inner)) => self.collect(&path, inner, strays),
                (is_section, span, value) => {
                    let value_span = span.clone();
                    self.mask(&Spanned::new(span, value), Shown::Never);
                    if !key.get_ref().split('.').all(is_showable_name) {
                        self.masks.push((key.span(), MASK.to_owned()));
                    }
                    strays.push(Stray { path, key: key.span(), value: value_span, is_section });
                }
            }
        }
    }

    fn mask_field(&mut self, value: &Spanned<DeValue<'t>>, field: &Field) {
        let DeValue::Table(tables) = value.get_ref() else { return self.mask(value, field.shown) };
        for (name, table) in tables {
            // A name is shown in logs; what was meant as a key is not.
            if !name.get_ref().chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
                self.masks.push((name.span(), MASK.to_owned()));
            }
            let DeValue::Table(table) = table.get_ref() else {
                self.mask(table, Shown::Never);
                continue;
            };
            for (key, value) in table {
                let known = field.inside.iter().find(|field| field.name == key.get_ref().as_ref());
                self.mask(value, known.map_or(Shown::Never, |field| field.shown));
            }
        }
    }

    /// The tables of a field that has them, each with its name and as a document of its own, whose problems are to be given
    /// back with [`Document::absorb`]. Reports what is no table.
    pub(super) fn tables(&mut self, name: &'static str) -> Vec<(At<String>, Self)> {
        let Some(field) = self.fields.iter().find(|field| field.name == name) else { return Vec::new() };
        let Some(value) = self.values.remove(name) else { return Vec::new() };
        let span = value.span();
        let DeValue::Table(tables) = value.into_inner() else {
            let hint = format!("write `[{name}.NAME]` on a line of its own, and below it what it has");
            self.mistake(&span, name, format!("`{name}` is not a table of tables"), hint);
            self.broken.push(name);
            return Vec::new();
        };
        let mut documents = Vec::new();
        for (key, value) in tables {
            let (at, span) = (At { value: key.get_ref().to_string(), span: key.span() }, value.span());
            let DeValue::Table(table) = value.into_inner() else {
                let hint = format!("write `[{name}.NAME]` on a line of its own, and below it what it has");
                self.mistake(&span, name, format!("`{name}` has something in it that is not a table"), hint);
                self.broken.push(name);
                continue;
            };
            let mut document = Document {
                text: self.text,
                fields: field.inside,
                values: BTreeMap::new(),
                broken: Vec::new(),
                meant: BTreeSet::new(),
                masks: self.masks.clone(),
                problems: Vec::new(),
                is_unreadable: false,
            };
            let mut strays = Vec::new();
            document.collect("", table, &mut strays);
            strays.into_iter().for_each(|stray| document.report_stray(stray, None));
            documents.push((at, document));
        }
        documents
    }

    /// Takes back the problems of one of its tables.
    pub(super) fn absorb(&mut self, table: Self) {
        self.problems.extend(table.problems);
    }

    fn mask(&mut self, value: &Spanned<DeValue<'t>>, shown: Shown) {
        match value.get_ref() {
            DeValue::Table(table) => table.values().for_each(|value| self.mask(value, Shown::Never)),
            DeValue::Array(array) => array.iter().for_each(|value| self.mask(value, shown)),
            DeValue::String(text) => {
                let visible = shown.value(text);
                let raw = self.text.expose_text().get(value.span()).unwrap_or_default().trim_matches(['"', '\'']);
                // What is escaped, or does not parse, is not what was looked at.
                let visible = if raw == text { visible } else { MASK.to_owned() };
                if visible != *text {
                    self.masks.push((value.span(), format!("\"{visible}\"")));
                }
            }
            _ if shown == Shown::Plain => {}
            _ => self.masks.push((value.span(), MASK.to_owned())),
        }
    }
}

/// The part of a name behind its table's.
fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// The part of a name before the field's own; empty for a field above every table.
fn table_of(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(table, _)| table)
}

/// Names in backticks, with commas.
pub(super) fn list<T: AsRef<str>>(names: &[T]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    quoted.join(", ")
}

//! Typed readers of a document's fields: each reports its mistake and leaves the rest of the file readable.

use std::{ops::RangeInclusive, time::Duration};

use bytesize::ByteSize;
use toml::{Spanned, de::DeValue};

use super::{At, Document, last, list};
use crate::config::{mask::may_hold_a_key, nearest::nearest};

impl Document<'_> {
    /// A text, without the space around it.
    pub(in crate::config) fn text(&mut self, name: &'static str) -> Option<At<String>> {
        let (span, found) = match self.values.get(name)?.get_ref() {
            DeValue::String(text) => return Some(At { value: text.trim().to_owned(), span: self.span_of(name)? }),
            other => (self.span_of(name)?, what_it_is(other)),
        };
        let hint = format!("put it in quotes: `{} = \"…\"`", last(name));
        self.mistake(&span, name, format!("`{name}` is {found}, not text"), hint);
        // Reported once, however often it is read.
        self.values.remove(name);
        self.broken.push(name);
        None
    }

    /// A moment as text, be it a date of TOML's or in quotes.
    pub(in crate::config) fn date(&mut self, name: &'static str) -> Option<At<String>> {
        match self.values.get(name)?.get_ref() {
            DeValue::Datetime(date) => Some(At { value: date.to_string(), span: self.span_of(name)? }),
            _ => self.text(name),
        }
    }

    /// A text as it is written, without a word where it is none.
    pub(in crate::config) fn written(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.get_ref().as_str()
    }

    /// True or false.
    pub(in crate::config) fn boolean(&mut self, name: &'static str) -> Option<At<bool>> {
        let span = self.span_of(name)?;
        let found = match self.values.get(name)?.get_ref() {
            DeValue::Boolean(value) => return Some(At { value: *value, span }),
            other => what_it_is(other),
        };
        let field = last(name);
        let hint = format!("write `{field} = true` or `{field} = false`, without quotes");
        self.mistake(&span, name, format!("`{name}` is {found}, not true or false"), hint);
        None
    }

    /// A time such as "5s", within bounds.
    pub(in crate::config) fn duration(
        &mut self,
        name: &'static str,
        bounds: RangeInclusive<Duration>,
    ) -> Option<At<Duration>> {
        let hint = format!("write a number with its unit, such as `{} = \"5s\"`, `\"500ms\"` or `\"2m\"`", last(name));
        let span = self.span_of(name)?;
        let parsed = match self.values.get(name)?.get_ref() {
            DeValue::String(text) => humantime::parse_duration(text.trim()).map_err(|_| "not a time".to_owned()),
            DeValue::Integer(_) | DeValue::Float(_) => Err("a number without a unit".to_owned()),
            other => Err(format!("{}, not a time", what_it_is(other))),
        };
        match parsed {
            Ok(value) if bounds.contains(&value) => Some(At { value, span }),
            Ok(value) => {
                self.out_of_bounds(&At { value, span }, name, &bounds, show_duration);
                None
            }
            Err(what) => {
                self.mistake(&span, name, format!("`{name}` is {what}"), hint);
                None
            }
        }
    }

    /// A size such as "16 MiB", or a number of bytes, within bounds.
    pub(in crate::config) fn size(&mut self, name: &'static str, bounds: RangeInclusive<u64>) -> Option<At<u64>> {
        let hint = format!("write `{} = \"16 MiB\"`, or a number of bytes", last(name));
        let span = self.span_of(name)?;
        let parsed = match self.values.get(name)?.get_ref() {
            DeValue::String(text) => {
                text.trim().parse().map(|size: ByteSize| size.as_u64()).map_err(|_| "not a size".to_owned())
            }
            // A negative or huge number is outside every bound.
            DeValue::Integer(number) => Ok(u64::from_str_radix(number.as_str(), number.radix()).unwrap_or(u64::MAX)),
            other => Err(format!("{}, not a size", what_it_is(other))),
        };
        match parsed {
            Ok(value) if bounds.contains(&value) => Some(At { value, span }),
            Ok(value) => {
                self.out_of_bounds(&At { value, span }, name, &bounds, show_size);
                None
            }
            Err(what) => {
                self.mistake(&span, name, format!("`{name}` is {what}"), hint);
                None
            }
        }
    }

    /// A whole number, within bounds.
    pub(in crate::config) fn count(&mut self, name: &'static str, bounds: RangeInclusive<u32>) -> Option<At<u32>> {
        let span = self.span_of(name)?;
        let value = match self.values.get(name)?.get_ref() {
            DeValue::Integer(number) if number.as_str().starts_with('-') => 0,
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).unwrap_or(u32::MAX),
            other => {
                let message = format!("`{name}` is {}, not a whole number", what_it_is(other));
                let hint = format!("write `{} = {}`, without quotes", last(name), bounds.start());
                self.mistake(&span, name, message, hint);
                return None;
            }
        };
        if !bounds.contains(&value) {
            self.out_of_bounds(&At { value, span }, name, &bounds, |count| count.to_string());
            return None;
        }
        Some(At { value, span })
    }

    fn out_of_bounds<T: Copy + PartialOrd>(
        &mut self,
        found: &At<T>,
        name: &str,
        bounds: &RangeInclusive<T>,
        show: fn(T) -> String,
    ) {
        let what = if found.value < *bounds.start() { "small" } else { "large" };
        let hint = format!("it can be from {} to {}", show(*bounds.start()), show(*bounds.end()));
        self.mistake(&found.span, name, format!("`{name}` is too {what}"), hint);
    }

    /// One of several names.
    pub(in crate::config) fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<At<T>> {
        let At { value: text, span } = self.text(name)?;
        let found = choices.iter().find(|(choice, _)| choice.eq_ignore_ascii_case(&text));
        if let Some((_, value)) = found {
            return Some(At { value: *value, span });
        }
        let names: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
        self.unknown_name(&At { value: text, span }, name, &names);
        None
    }

    /// A mistake: a text that is none of the names it can be.
    pub(in crate::config) fn unknown_name(&mut self, found: &At<String>, field: &str, names: &[&str]) {
        let noun = last(field).trim_end_matches('s');
        let message = match found.value.as_str() {
            "" => format!("`{field}` is empty"),
            text if may_hold_a_key(text) => format!("unknown {noun}; it is not shown, as it could be a key"),
            text => format!("unknown {noun} `{text}`"),
        };
        let hint = match nearest(&found.value, names) {
            Some(name) if names.len() > 1 => format!("did you mean `{name}`? it can be {}", list(names)),
            _ => format!("it can be {}", list(names)),
        };
        self.mistake(&found.span, field, message, hint);
    }

    /// A list of texts, or one text.
    pub(in crate::config) fn texts(&mut self, name: &'static str, hint: &str) -> Option<Vec<At<String>>> {
        let span = self.span_of(name)?;
        let one = |value: &Spanned<DeValue<'_>>| {
            value.get_ref().as_str().map(|text| At { value: text.trim().to_owned(), span: value.span() })
        };
        let value = self.values.get(name)?;
        let texts = match value.get_ref() {
            DeValue::Array(array) => array.iter().map(one).collect(),
            _ => one(value).map(|text| vec![text]),
        };
        if texts.is_none() {
            self.mistake(&span, name, format!("`{name}` is not a list of names"), hint);
        }
        texts
    }
}

/// A time as a file says it.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// A size as a file says it.
pub(in crate::config) fn show_size(bytes: u64) -> String {
    match bytes {
        bytes if bytes % (1 << 30) == 0 => format!("{} GiB", bytes >> 30),
        bytes if bytes % (1 << 20) == 0 => format!("{} MiB", bytes >> 20),
        bytes => format!("{bytes} bytes"),
    }
}

fn what_it_is(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

//! One line of the log, and what it looks like.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    time::SystemTime,
};

use serde::Serialize;
use tracing::{
    Event, Level,
    field::{Field, Visit},
};

/// Before what is to be done about it; the second where a line of a file stands before it.
const HINTS: [&str; 2] = ["\n  hint: ", "\nhint: "];

/// The field that says that a line is the same as no other.
const OF_ITS_OWN: &str = "of_its_own";

/// What happened, as it was told. Two are the same where everything in them is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Line {
    level: Level,
    message: String,
    /// What else was said, by name.
    fields: BTreeMap<&'static str, String>,
    /// Another one in the same words is about something else.
    is_of_its_own: bool,
}

/// What lines look like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    Text { has_colours: bool },
    Json,
}

/// The names and the order of what an object has; whatever else was said comes after it.
#[derive(Serialize)]
struct Object<'a> {
    time: String,
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<&'a str>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(flatten)]
    more: BTreeMap<&'static str, &'a str>,
}

/// What the sentence for people says already.
const IN_THE_MESSAGE: [&str; 4] = ["kind", "stream", "destination", "hint"];

impl Line {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let (level, message, fields) = (*event.metadata().level(), String::new(), BTreeMap::new());
        let mut line = Self { level, message, fields, is_of_its_own: false };
        event.record(&mut line);
        line
    }

    pub(super) fn is_of_its_own(&self) -> bool {
        self.is_of_its_own
    }

    pub(super) fn level(&self) -> &Level {
        &self.level
    }

    /// The same with a remark, which stands before what is to be done.
    pub(super) fn remarked(mut self, remark: &str) -> Self {
        let at = self.hint().map_or(self.message.len(), |(at, _)| at);
        self.message.insert_str(at, remark);
        self
    }

    /// Where what is to be done about it begins in the message, and what it is.
    fn hint(&self) -> Option<(usize, &str)> {
        HINTS.iter().find_map(|mark| {
            let (before, hint) = self.message.split_once(mark)?;
            Some((before.len(), hint))
        })
    }

    pub(super) fn show(&self, look: Look, time: SystemTime) -> String {
        let time = humantime::format_rfc3339_micros(time);
        match look {
            Look::Text { has_colours: false } => format!("{time} {:>5} {}\n", self.level, self.text()),
            Look::Text { has_colours: true } => {
                let colour = match self.level {
                    Level::ERROR => 31,
                    Level::WARN => 33,
                    Level::INFO => 32,
                    Level::DEBUG => 34,
                    Level::TRACE => 35,
                };
                format!("\x1b[2m{time}\x1b[0m \x1b[{colour}m{:>5}\x1b[0m {}\n", self.level, self.text())
            }
            Look::Json => {
                let mut object = serde_json::to_string(&self.object(time.to_string())).unwrap_or_default();
                object.push('\n');
                object
            }
        }
    }

    fn text(&self) -> String {
        let mut text = self.message.clone();
        for (name, value) in self.fields.iter().filter(|(name, _)| !IN_THE_MESSAGE.contains(name)) {
            let _ = write!(text, " {name}={value}");
        }
        if !text.contains(|c: char| c.is_control() && c != '\n') {
            return text;
        }
        // What a peer says may not move the cursor, nor paint.
        let shown = |c: char| if c.is_control() && c != '\n' { c.escape_default().to_string() } else { c.to_string() };
        text.chars().map(shown).collect()
    }

    fn object(&self, time: String) -> Object<'_> {
        let field = |name| self.fields.get(name).map(String::as_str);
        let [kind, stream, destination, said] = IN_THE_MESSAGE.map(field);
        let (message, hint) = match self.hint() {
            Some((at, hint)) => (self.message.split_at(at).0, Some(said.unwrap_or(hint))),
            None => (self.message.as_str(), said),
        };
        let level = match self.level {
            Level::ERROR => "error",
            Level::WARN => "warning",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        let is_more = |(name, _): &(&&'static str, &String)| !IN_THE_MESSAGE.contains(name);
        let more = self.fields.iter().filter(is_more).map(|(name, value)| (*name, value.as_str())).collect();
        Object { time, level, kind, stream, destination, message, hint, more }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(value),
            name => drop(self.fields.insert(name, value.to_owned())),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        match field.name() {
            OF_ITS_OWN => self.is_of_its_own = value,
            _ => self.record_debug(field, &value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

//! An event as it is kept and passed on.

use std::time::SystemTime;

use serde::{Serialize, Serializer};
use tracing::{debug, error, info, warn};
use utoipa::ToSchema;

use super::kind::{Kind, Severity};
use crate::moment;

/// What an event says: made once, and the log line, the history and every webhook show this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What happened.
    pub kind: Kind,
    /// The stream that it is about, where it is about one.
    pub stream: Option<String>,
    /// The destination that it is about.
    pub destination: Option<String>,
    /// What happened, to whom: one sentence, lower case, no full stop, no key.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How the log says it, where that is not the message and the hint: with lines of a file, or without a hint that it has shown.
    pub log: Option<String>,
    /// The same was told a moment ago: a line for whoever debugs, and no more.
    pub is_repeat: bool,
    /// Another one in the same words is about something else: the log folds it into none.
    pub is_of_its_own: bool,
}

impl Statement {
    /// A sentence about nobody in particular.
    pub fn new(kind: Kind, message: String) -> Self {
        let (stream, destination, hint, log) = (None, None, None, None);
        Self { kind, stream, destination, message, hint, log, is_repeat: false, is_of_its_own: false }
    }

    /// About this stream.
    pub fn of_stream(self, stream: &str) -> Self {
        Self { stream: Some(stream.to_owned()), ..self }
    }

    /// About this destination of this stream.
    pub fn of(self, stream: &str, destination: &str) -> Self {
        Self { destination: Some(destination.to_owned()), ..self.of_stream(stream) }
    }

    /// With what to do about it.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Writes the log line.
    pub(super) fn log(&self) {
        let Self { kind, message, hint, log, .. } = self;
        let line = match (log, hint) {
            _ if self.is_repeat => message.clone(),
            (Some(log), _) => log.clone(),
            (None, Some(hint)) => format!("{message}\n  hint: {hint}"),
            (None, None) => message.clone(),
        };
        // For a log that machines read.
        let (kind_name, stream, destination) = (kind.name(), self.stream.as_deref(), self.destination.as_deref());
        let hint = hint.as_deref();
        let of_its_own = self.is_of_its_own;
        match kind.severity() {
            _ if self.is_repeat => debug!(kind = kind_name, stream, destination, hint, "{line}"),
            Severity::Info => info!(kind = kind_name, stream, destination, hint, of_its_own, "{line}"),
            Severity::Warning => warn!(kind = kind_name, stream, destination, hint, of_its_own, "{line}"),
            Severity::Error => error!(kind = kind_name, stream, destination, hint, of_its_own, "{line}"),
        }
    }
}

/// A statement with its number and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct Record {
    /// Rises from one record to the next, and from one run of the relay to the next. Below 2^53, so that every reader of JSON
    /// can hold it.
    pub id: u64,
    /// When it happened: RFC 3339, UTC, with milliseconds.
    #[serde(serialize_with = "in_utc")]
    #[schema(value_type = String, format = DateTime)]
    pub time: SystemTime,
    /// How much it matters.
    pub severity: Severity,
    /// What happened, for machines.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// The stream that it is about; null where it is about none.
    pub stream: Option<String>,
    /// The destination that it is about.
    pub destination: Option<String>,
    /// What happened, for people.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Record {
    pub(super) fn new(id: u64, time: SystemTime, statement: Statement) -> Self {
        let Statement { kind, stream, destination, message, hint, .. } = statement;
        Self { id, time, severity: kind.severity(), kind, stream, destination, message, hint }
    }

    /// The memory that it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let texts = [&self.stream, &self.destination, &self.hint].into_iter().flatten().chain([&self.message]);
        size_of::<Self>() + texts.map(String::capacity).sum::<usize>()
    }
}

fn in_utc<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&moment::rfc3339_millis(*time))
}

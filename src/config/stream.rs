//! Who may publish a stream: its file `stream.toml`, or for the default stream the environment.

mod coalescing;
mod ways;

use std::path::Path;

use secrecy::ExposeSecret as _;

use super::{
    destination::{HOLD, StreamHold},
    document::{At, Document, Field, Spot, Text, show_duration},
    explain::{Explained, Origin},
    problem::{Place, Problem, Severity},
    secret::{Complaint, KEY, KEY_ENV, KEY_FILE, complaint_about},
    source::Source,
};
use crate::{
    ingest::access::{Access, PublisherKey},
    stream::{Coalescing, Takeover},
};

/// Everything that a stream's file may have; `docs/destinations.md` describes each.
pub(super) const FIELDS: &[Field] = &[
    KEY,
    KEY_FILE,
    KEY_ENV,
    ways::KEY_SHA256,
    Field::tables("keys", ways::NAMED_KEY),
    Field::secret("signed.secret"),
    Field::plain("signed.secret_file"),
    Field::plain("signed.secret_env"),
    Field::url("webhook.url"),
    Field::plain("webhook.timeout"),
    Field::plain("webhook.remember"),
    Field::plain("webhook.ca_file"),
    Field::plain("allow"),
    Field::plain("deny"),
    Field::plain("require_tls"),
    Field::plain("takeover"),
    Field::plain("hold"),
    Field::plain("coalesce"),
    Field::plain("low_latency"),
];

/// The variable with the default stream's key. A flag would show it to every user of the machine.
pub(super) const VARIABLE: &str = "FORKCAST_STREAM_KEY";

/// Fewer characters than this are guessed by whoever finds the port. A key that forkcast makes has 32.
const SHORT_KEY: usize = 8;

/// Who may publish one stream, and how the stream goes on without.
pub(super) struct Publisher {
    /// Who may; empty where nothing is configured, and a key is to be made.
    pub(super) access: Access,
    /// Where each key of `access` stands.
    pub(super) spots: Vec<Spot>,
    /// Each way in, with where it comes from.
    pub(super) ways: Vec<Explained>,
    /// What happens when a second publisher shows the key.
    pub(super) takeover: Takeover,
    /// How long messages gather for a write.
    pub(super) coalescing: Coalescing,
    /// How long its destinations hold, where the file says so.
    pub(super) hold: Option<StreamHold>,
    /// The values of the file beside the ways in, with where they come from.
    pub(super) settings: Vec<Explained>,
    /// Why nobody may publish.
    pub(super) wrong: Option<String>,
    pub(super) problems: Vec<Problem>,
    /// The environment variables that its file names.
    pub(super) named_variables: Vec<String>,
    /// Its file holds a key, and everybody may read it.
    pub(super) has_open_key: bool,
    /// The same where git tracks the file.
    pub(super) has_tracked_key: bool,
}

impl Publisher {
    /// Nothing is configured: a key is to be generated.
    pub(super) fn unnamed() -> Self {
        Self {
            access: Access::default(),
            spots: Vec::new(),
            ways: Vec::new(),
            takeover: Takeover::default(),
            coalescing: Coalescing::default(),
            hold: None,
            settings: explain_settings((Takeover::default(), Origin::Default), None, coalescing::by_default().1),
            wrong: None,
            problems: Vec::new(),
            named_variables: Vec::new(),
            has_open_key: false,
            has_tracked_key: false,
        }
    }

    /// What is configured cannot be read: nobody may publish.
    pub(super) fn unknown(problem: String) -> Self {
        Self { access: Access { is_closed: true, ..Access::default() }, wrong: Some(problem), ..Self::unnamed() }
    }

    /// The default stream's key from the environment, which goes before its file's. `None` where it is not set.
    pub(super) fn from_environment(source: &dyn Source) -> Option<Self> {
        let value = source.variable(VARIABLE).filter(|value| !value.is_empty())?;
        let spot = Spot { place: Place::Environment(VARIABLE.to_owned()), excerpt: None };
        let mut publisher = Self::unnamed();
        let origin = Origin::Environment(VARIABLE.to_owned());
        let text = value.to_str().map(str::trim);
        let complaint = match text {
            None => {
                Some(Complaint { message: "is not UTF-8 text".to_owned(), hint: "set it to the key alone".to_owned() })
            }
            Some("") => Some(Complaint {
                message: "holds nothing but space".to_owned(),
                hint: "set it to the key alone, or unset it".to_owned(),
            }),
            Some(text) => complaint_about(text),
        };
        match (complaint, text) {
            (None, Some(text)) => {
                let key = text.into();
                publisher.problems.extend(short_key_warning(&key, &spot));
                publisher.add(PublisherKey::unnamed(&key), spot, explained("key", "(set)", origin));
            }
            (Some(Complaint { message, hint }), _) => {
                let problem = problem_at(&spot, Severity::Mistake, format!("the stream key {message}"), hint);
                publisher.wrong = Some(problem.one_line());
                publisher.problems.push(problem);
            }
            (None, None) => {}
        }
        Some(publisher)
    }

    /// This key before that of the stream's file, whose other values count, and whose mistakes are shown.
    pub(super) fn before(mut self, of_file: Self) -> Self {
        self.problems.extend(of_file.problems);
        let Self { access, spots, ways, takeover, coalescing, hold, settings, named_variables, wrong, .. } = of_file;
        let Self { has_open_key, has_tracked_key, .. } = of_file;
        let Access { keys, .. } = &access;
        // Named keys stay beside it.
        for ((key, spot), way) in keys.iter().zip(spots).zip(&ways) {
            if key.name.is_some() {
                self.add(key.clone(), spot, way.clone());
            }
        }
        self.ways.extend(ways.into_iter().skip(keys.len()));
        let access = Access { keys: std::mem::take(&mut self.access.keys), ..access };
        // A list of addresses that is wrong still holds the stream back; a key that is wrong no longer matters.
        let wrong = self.wrong.take().or(wrong.filter(|_| access.is_closed));
        Self {
            access,
            takeover,
            coalescing,
            hold,
            settings,
            named_variables,
            has_open_key,
            has_tracked_key,
            wrong,
            ..self
        }
    }

    /// What `stream.toml` says.
    pub(super) fn read(source: &dyn Source, file: &Path) -> Self {
        let text = match Text::read(source, file) {
            Ok(text) => text,
            Err(problem) => return Self { problems: vec![*problem.clone()], ..Self::unknown(problem.one_line()) },
        };
        let mut publisher = Self::unnamed();
        let mut document = Document::parse(&text, FIELDS);
        publisher.settings.clear();
        let is_whole = publisher.read_ways(&mut document, source);
        let takeover = document.choice("takeover", &Takeover::ALL);
        let hold = document.duration("hold", HOLD);
        publisher.hold = hold.map(|At { value, span }| StreamHold { hold: value, origin: document.origin(&span) });
        let takeover = takeover
            .map_or((Takeover::default(), Origin::Default), |At { value, span }| (value, document.origin(&span)));
        publisher.takeover = takeover.0;
        let (coalescing, coalesce) = coalescing::read(&mut document);
        publisher.coalescing = coalescing;
        let narrowing = std::mem::take(&mut publisher.settings);
        publisher.settings = explain_settings(takeover, publisher.hold.as_ref(), coalesce);
        publisher.settings.extend(narrowing);
        // Nobody gets in where it was meant otherwise: no key is made in place of one that is wrong.
        if publisher.access.is_closed || (!is_whole && publisher.access.is_empty()) {
            publisher.wrong = document.first_mistake();
        }
        publisher.problems.extend(document.into_problems());
        publisher.problems.sort_by_key(Problem::position);
        publisher
    }

    fn add(&mut self, key: PublisherKey, spot: Spot, way: Explained) {
        // Keys stand first, so that each has its way at its own place.
        self.ways.insert(self.access.keys.len(), way);
        self.access.keys.push(key);
        self.spots.push(spot);
    }

    /// Takes a key out, because another stream has it too.
    pub(super) fn refuse_key(&mut self, index: usize, message: String, hint: String) {
        let problem = problem_at(&self.spots.remove(index), Severity::Mistake, message, hint);
        self.access.keys.remove(index);
        self.ways.remove(index);
        if self.access.is_empty() {
            self.wrong = Some(problem.one_line());
        }
        self.problems.push(problem);
    }
}

/// A warning about a key that is guessed easily.
fn short_key_warning(key: &secrecy::SecretString, spot: &Spot) -> Option<Problem> {
    let length = key.expose_secret().chars().count();
    (length < SHORT_KEY).then(|| {
        let message =
            format!("the stream key has {length} characters: whoever finds the server can guess it, and publish");
        let hint = "take a longer one, or none: then forkcast makes one".to_owned();
        problem_at(spot, Severity::Warning, message, hint)
    })
}

/// A problem of a key, at its place.
fn problem_at(spot: &Spot, severity: Severity, message: String, hint: String) -> Problem {
    Problem {
        severity,
        place: spot.place.clone(),
        field: Some(KEY.name.to_owned()),
        message,
        excerpt: spot.excerpt.clone(),
        hint,
    }
}

fn explain_settings(
    (takeover, origin): (Takeover, Origin),
    hold: Option<&StreamHold>,
    coalesce: Explained,
) -> Vec<Explained> {
    let name = Takeover::ALL.iter().find(|(_, known)| *known == takeover).map_or("", |(name, _)| name);
    let takeover = Explained { field: "takeover", value: name.to_owned(), origin };
    let hold = hold.map(|StreamHold { hold, origin }| (show_duration(*hold), origin.clone()));
    let (value, origin) = hold.unwrap_or_else(|| ("each destination's own".to_owned(), Origin::Default));
    vec![takeover, Explained { field: "hold", value, origin }, coalesce]
}

fn explained(field: &'static str, value: impl Into<String>, origin: Origin) -> Explained {
    Explained { field, value: value.into(), origin }
}

//! Who may publish a stream: its file `stream.toml`, or for the default stream the environment.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::{
    destination::{HOLD, StreamHold},
    document::{At, Document, Field, Spot, Text, show_duration},
    explain::{Explained, Origin},
    problem::{Place, Problem, Severity},
    secret::{Complaint, KEY, KEY_ENV, KEY_FILE, Key, complaint_about},
    source::Source,
};
use crate::stream::Takeover;

/// Everything that a stream's file may have; `docs/destinations.md` describes each.
pub(super) const FIELDS: &[Field] = &[KEY, KEY_FILE, KEY_ENV, Field::plain("takeover"), Field::plain("hold")];

/// The variable with the default stream's key. A flag would show it to every user of the machine.
pub(super) const VARIABLE: &str = "FORKCAST_STREAM_KEY";

/// Fewer characters than this are guessed by whoever finds the port. A key that forkcast makes has 32.
const SHORT_KEY: usize = 8;

/// Who may publish one stream, and how the stream goes on without.
pub(super) struct Publisher {
    /// The key, if one is configured.
    pub(super) key: Option<SecretString>,
    pub(super) explanation: Explained,
    /// What happens when a second publisher shows the key.
    pub(super) takeover: Takeover,
    /// How long its destinations hold, where the file says so.
    pub(super) hold: Option<StreamHold>,
    /// The values of the file beside the key, with where they come from.
    pub(super) settings: Vec<Explained>,
    /// Where the key is said.
    pub(super) spot: Spot,
    /// Why nobody may publish.
    pub(super) wrong: Option<String>,
    pub(super) problems: Vec<Problem>,
    /// The environment variable that its file names.
    pub(super) key_env: Option<String>,
    /// Its file holds the key, and everybody may read it.
    pub(super) has_open_key: bool,
}

impl Publisher {
    /// No key is configured: one is to be generated.
    pub(super) fn unnamed() -> Self {
        Self {
            key: None,
            explanation: explained("(generated at start, kept in the state folder)", Origin::Default),
            takeover: Takeover::default(),
            hold: None,
            settings: explain_settings((Takeover::default(), Origin::Default), None),
            spot: Spot { place: Place::Settings, excerpt: None },
            wrong: None,
            problems: Vec::new(),
            key_env: None,
            has_open_key: false,
        }
    }

    /// The default stream's key from the environment, which goes before its file. `None` where it is not set.
    pub(super) fn from_environment(source: &dyn Source) -> Option<Self> {
        let value = source.variable(VARIABLE).filter(|value| !value.is_empty())?;
        let spot = Spot { place: Place::Environment(VARIABLE.to_owned()), excerpt: None };
        let mut publisher = Self { spot, ..Self::unnamed() };
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
                publisher.key = Some(text.into());
                publisher.explanation = explained("(set)", origin);
                publisher.warn_if_short();
            }
            (Some(Complaint { message, hint }), _) => {
                publisher.report(Severity::Mistake, format!("the stream key {message}"), hint);
                publisher.wrong = publisher.problems.first().map(Problem::one_line);
            }
            (None, None) => {}
        }
        Some(publisher)
    }

    /// This key before that of the stream's file, whose other values count, and whose mistakes are shown.
    pub(super) fn before(mut self, of_file: Self) -> Self {
        self.problems.extend(of_file.problems);
        let Self { takeover, hold, settings, key_env, has_open_key, .. } = of_file;
        Self { takeover, hold, settings, key_env, has_open_key, ..self }
    }

    /// What `stream.toml` says.
    pub(super) fn read(source: &dyn Source, file: &Path) -> Self {
        let mut publisher = Self::unnamed();
        let text = match Text::read(source, file) {
            Ok(text) => text,
            Err(problem) => {
                publisher.wrong = Some(problem.one_line());
                publisher.problems.push(*problem);
                return publisher;
            }
        };
        let mut document = Document::parse(&text, FIELDS);
        match Key::read(&mut document, source) {
            // Nobody gets in with a key that was meant otherwise; any other mistake leaves the stream open.
            Key::Wrong => publisher.wrong = document.first_mistake(),
            Key::Set(key) => {
                publisher.spot = document.spot(&key.span);
                publisher.explanation = explained(key.shown, key.origin);
                publisher.has_open_key = key.is_open;
                publisher.key = Some(key.value);
            }
            Key::Blank(_) | Key::Absent => {}
        }
        let takeover = document.choice("takeover", &Takeover::ALL);
        let hold = document.duration("hold", HOLD);
        publisher.hold = hold.map(|At { value, span }| StreamHold { hold: value, origin: document.origin(&span) });
        let takeover = takeover
            .map_or((Takeover::default(), Origin::Default), |At { value, span }| (value, document.origin(&span)));
        publisher.takeover = takeover.0;
        publisher.settings = explain_settings(takeover, publisher.hold.as_ref());
        publisher.key_env = document.written(KEY_ENV.name).map(str::to_owned);
        publisher.problems = document.into_problems();
        publisher.warn_if_short();
        publisher
    }

    fn warn_if_short(&mut self) {
        let length = self.key.as_ref().map_or(usize::MAX, |key| key.expose_secret().chars().count());
        if length < SHORT_KEY {
            let message =
                format!("the stream key has {length} characters: whoever finds the server can guess it, and publish");
            let hint = "take a longer one, or none: then forkcast makes one".to_owned();
            self.report(Severity::Warning, message, hint);
        }
    }

    /// A problem at the place of the key.
    pub(super) fn report(&mut self, severity: Severity, message: String, hint: String) {
        self.problems.push(Problem {
            severity,
            place: self.spot.place.clone(),
            field: Some(KEY.name.to_owned()),
            message,
            excerpt: self.spot.excerpt.clone(),
            hint,
        });
    }
}

fn explain_settings((takeover, origin): (Takeover, Origin), hold: Option<&StreamHold>) -> Vec<Explained> {
    let name = Takeover::ALL.iter().find(|(_, known)| *known == takeover).map_or("", |(name, _)| name);
    let takeover = Explained { field: "takeover", value: name.to_owned(), origin };
    let hold = hold.map(|StreamHold { hold, origin }| (show_duration(*hold), origin.clone()));
    let (value, origin) = hold.unwrap_or_else(|| ("each destination's own".to_owned(), Origin::Default));
    vec![takeover, Explained { field: "hold", value, origin }]
}

fn explained(value: impl Into<String>, origin: Origin) -> Explained {
    Explained { field: "key", value: value.into(), origin }
}

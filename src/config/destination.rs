//! One destination's file.

mod backup;
mod broadcast;
mod parts;
mod trust;

#[cfg(test)]
pub(super) use backup::show_failback;
pub(super) use broadcast::HOLD;

use std::{path::Path, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};

use super::{
    Activation, DestinationConfig,
    document::{At, Document, Field, Spot, Text},
    explain::{Explained, Origin},
    folder::NAME_LIMIT,
    problem::Problem,
    secret::{KEY, KEY_ENV, KEY_FILE, Key, SetKey},
    server_url::{BACKUP_URL, PROTOCOL, Server, URL, server_of},
    source::Source,
};
use crate::{
    destination::{
        platform::{KeyNeed, Platform},
        settings::Settings,
    },
    rtmp::{secret::SecretText, url::ServerUrl},
};

/// Everything that a destination's file may have; `docs/destinations.md` describes each.
pub(super) const FIELDS: &[Field] = &[
    Field::plain("platform"),
    URL,
    KEY,
    KEY_FILE,
    KEY_ENV,
    Field::plain("enabled"),
    PROTOCOL,
    Field::plain("ca_file"),
    Field::plain("certificate_sha256"),
    Field::plain("dangerous_accept_any_certificate"),
    Field::plain("codecs"),
    Field::plain("multitrack"),
    BACKUP_URL,
    Field::plain("backup_after"),
    Field::plain("failback"),
    Field::plain("resume"),
    Field::plain("catch_up_window"),
    Field::plain("hold"),
    Field::plain("delay"),
    Field::plain("bind"),
    Field::plain("reconnect.initial"),
    Field::plain("reconnect.max"),
    Field::plain("reconnect.give_up_after"),
    Field::plain("backpressure.policy"),
    Field::plain("backpressure.max_lag"),
    Field::plain("backpressure.max_bytes"),
];

/// How long the destinations of a stream hold, as the stream's own file says it.
#[derive(Clone, Debug)]
pub(super) struct StreamHold {
    pub(super) hold: Duration,
    pub(super) origin: Origin,
}

/// A destination's file, read by itself.
pub(super) struct DestinationFile {
    pub(super) config: DestinationConfig,
    pub(super) problems: Vec<Problem>,
    /// Where it sends, if it is on: no other may send to the same.
    pub(super) target: Option<Target>,
    /// Where its `backup_url` stands; `None` where its backup is the platform's.
    pub(super) backup_spot: Option<Spot>,
    /// The environment variable that it names.
    pub(super) key_env: Option<String>,
    /// It holds the key, and everybody may read it.
    pub(super) has_open_key: bool,
    /// It holds the key, and git tracks it.
    pub(super) has_tracked_key: bool,
}

/// Where a destination sends.
pub(super) struct Target {
    /// See [`server_of`].
    pub(super) server: SecretText,
    pub(super) key: SecretString,
    pub(super) spot: Spot,
}

impl DestinationFile {
    /// Reads and checks one file.
    pub(super) fn read(source: &dyn Source, file: &Path, name: &str, hold: Option<&StreamHold>) -> Self {
        let config = |activation, explanation| DestinationConfig {
            name: name.to_owned(),
            file: file.to_owned(),
            activation,
            explanation,
        };
        let text = match Text::read(source, file) {
            Ok(text) => text,
            Err(problem) => {
                let activation = Activation::Wrong { problem: problem.one_line() };
                return Self::wrong(config(activation, Vec::new()), *problem);
            }
        };
        let document = Document::parse(&text, FIELDS);
        let mut reader =
            Reader { document, source, explanation: Vec::new(), has_open_key: false, has_tracked_key: false };
        let (activation, target) = reader.read(name, hold);
        let backup_spot = reader.document.span_of(BACKUP_URL.name).map(|span| reader.document.spot(&span));
        let key_env = reader.document.written(KEY_ENV.name).map(str::to_owned);
        let Reader { has_open_key, has_tracked_key, .. } = reader;
        let config = config(activation, reader.explanation);
        let problems = reader.document.into_problems();
        Self { config, problems, target, backup_spot, key_env, has_open_key, has_tracked_key }
    }

    /// A file whose name is no destination's: it is not read, and `problem` says why.
    pub(super) fn misnamed(file: &Path, problem: Problem) -> Self {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // What has a name of its own in logs and metrics has none that breaks them.
        let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let config = DestinationConfig {
            name: name.chars().map(safe).take(NAME_LIMIT).collect(),
            file: file.to_owned(),
            activation: Activation::Wrong { problem: problem.one_line() },
            explanation: Vec::new(),
        };
        Self::wrong(config, problem)
    }

    fn wrong(config: DestinationConfig, problem: Problem) -> Self {
        Self {
            config,
            problems: vec![problem],
            target: None,
            backup_spot: None,
            key_env: None,
            has_open_key: false,
            has_tracked_key: false,
        }
    }
}

struct Reader<'t, 's> {
    document: Document<'t>,
    source: &'s dyn Source,
    explanation: Vec<Explained>,
    has_open_key: bool,
    has_tracked_key: bool,
}

impl Reader<'_, '_> {
    fn read(&mut self, name: &str, stream_hold: Option<&StreamHold>) -> (Activation, Option<Target>) {
        let enabled = self.document.boolean("enabled");
        let is_off = enabled.as_ref().is_some_and(|enabled| !enabled.value);
        let named = self.platform();
        let is_named_wrongly = named.is_none() && self.document.has_or_means("platform");
        let platform = named.unwrap_or_else(Platform::custom);
        let server = Server::read(&mut self.document, &platform);
        // A destination that is off needs no secret: its file or variable may well be elsewhere.
        let key = if is_off { Key::Absent } else { Key::read(&mut self.document, self.source) };
        self.has_open_key = matches!(&key, Key::Set(key) if key.is_open);
        self.has_tracked_key = matches!(&key, Key::Set(key) if key.is_tracked);
        self.note_foreign_key(&platform, &key);
        self.note_key_in_path(&platform, &server, &key);
        self.explain_target(&server, &key);
        let backup = self.backup(&platform, &server);
        if let (Server::Set { url, .. }, Key::Set(key)) = (&server, &key) {
            let backup = backup.as_ref().map(|backup| (BACKUP_URL.name, &backup.url));
            for (field, url) in [(URL.name, url)].into_iter().chain(backup) {
                self.forbid_key_at_end(field, url, &key.value);
            }
        }
        let trust = self.trust(is_off, &server, backup.as_ref());
        let codecs = self.codecs(&platform);
        let multitrack = self.multitrack(&platform);
        let resume = self.resume();
        let hold = self.hold(&platform, stream_hold);
        let delay = self.delay();
        self.forbid_too_much_memory(&platform, delay, resume);
        let bind = self.bind(&server);
        let reconnect = self.reconnect();
        let backpressure = self.backpressure();
        self.explain_row(&platform);

        let off = match is_off {
            true => Some(("`enabled = false`".to_owned(), &[][..])),
            // What is missing depends on the platform.
            false if is_named_wrongly => None,
            false => self.missing(enabled, &platform, &server, &key),
        };
        if let Some(problem) = self.document.first_mistake() {
            return (Activation::Wrong { problem }, None);
        }
        let (Server::Set { url, .. }, None) = (server, &off) else {
            let (reason, lacks) = off.unwrap_or_default();
            return (Activation::Off { reason, lacks }, None);
        };
        let (key, span) = match key {
            Key::Set(SetKey { value, span, .. }) => (value, Some(span)),
            _ => (SecretString::default(), self.document.span_of(URL.name)),
        };
        let target =
            span.map(|span| Target { server: server_of(&url), key: key.clone(), spot: self.document.spot(&span) });
        let name = name.to_owned();
        let settings = Settings {
            name,
            platform,
            url,
            key,
            trust,
            reconnect,
            backpressure,
            codecs,
            multitrack,
            backup,
            resume,
            hold,
            delay,
            bind,
        };
        (Activation::On(Box::new(settings)), target)
    }

    /// The row of the file's `platform`, if it names one that exists.
    fn platform(&mut self) -> Option<Platform> {
        let typed = self.document.text("platform")?;
        let platform = Platform::named(&typed.value.to_ascii_lowercase());
        match &platform {
            Some(platform) => {
                let origin = self.document.origin(&typed.span);
                self.explain("platform", platform.name.clone(), origin);
            }
            None => {
                let names: Vec<_> = Platform::names().collect();
                self.document.unknown_name(&typed, "platform", &names);
            }
        }
        platform
    }

    /// A key in the wrong file is refused without a word by some platforms.
    fn note_foreign_key(&mut self, platform: &Platform, key: &Key) {
        let Key::Set(SetKey { value, span, .. }) = key else { return };
        let has_form = |platform: &&Platform| platform.has_key_form(value.expose_secret());
        if platform.key_form.is_none() || has_form(&platform) {
            return;
        }
        if let Some(other) = Platform::all().find(has_form) {
            let message = format!("this looks like a key of {}, not of {}", other.title, platform.title);
            self.document.warning(span, "key", message, "check that it is in the right file");
        }
    }

    /// A server of one's own whose URL goes on behind the app, and there is no key: it goes on with the key.
    fn note_key_in_path(&mut self, platform: &Platform, server: &Server, key: &Key) {
        let (Server::Set { url, .. }, Key::Absent) = (server, key) else { return };
        let path = url.expose_app().split('?').next().unwrap_or_default();
        let is_long = path.split('/').filter(|part| !part.is_empty()).count() > 1;
        if let Some(span) = self.document.span_of(URL.name).filter(|_| platform.name == "custom" && is_long) {
            let message = "there is no `key`, and `url` goes on behind the app, probably with the key";
            let hint = "put the last part of its path into `key`, and end `url` before that";
            self.document.warning(&span, URL.name, message.to_owned(), hint);
        }
    }

    /// A URL that ends with the key, which is sent behind it: the server would be asked for an app that it does not have, with the key
    /// in it. An app alone may be called like a key.
    fn forbid_key_at_end(&mut self, field: &'static str, url: &ServerUrl, key: &SecretString) {
        let app = url.expose_app();
        let is_key = |text: &str| text.rsplit_once('/').is_some_and(|(_, end)| end == key.expose_secret());
        let is_at_end = is_key(app) || app.split_once('?').is_some_and(|(path, _)| is_key(path.trim_end_matches('/')));
        if let Some(span) = self.document.span_of(field).filter(|_| is_at_end) {
            let message = format!("`{field}` ends with the stream key, which is sent by itself");
            self.document.mistake(&span, field, message, format!("end `{field}` before the key"));
        }
    }

    /// Why the destination is off although nobody said so: something is still to be filled in.
    ///
    /// Where somebody did say that it is on, or filled in a part, the rest is a mistake.
    fn missing(
        &mut self,
        enabled: Option<At<bool>>,
        platform: &Platform,
        server: &Server,
        key: &Key,
    ) -> Option<(String, &'static [&'static str])> {
        if !self.document.has_or_means("platform") && !self.document.has_or_means(URL.name) {
            let names: Vec<_> = Platform::names().collect();
            let hint = format!("write a line `platform = \"youtube\"`, or one of {}", names.join(", "));
            self.document.mistake_of_file("has neither a `platform` nor a `url`".to_owned(), hint);
            return None;
        }
        let file = self.document.file().display().to_string();
        let needs_key = match key {
            Key::Set(_) | Key::Wrong => false,
            Key::Absent => platform.key == KeyNeed::Needed,
            // The line is there to be filled in, unless somebody turned the destination on without.
            Key::Blank(_) => platform.key == KeyNeed::Needed || enabled.is_none(),
        };
        let needs_url = matches!(server, Server::Absent);
        let key_from = platform.key_from.as_ref().map(|place| format!("; it is at {place}")).unwrap_or_default();
        let url_from = platform.url_from.as_ref().map(|place| format!("; it is at {place}")).unwrap_or_default();
        if let Some(At { span, .. }) = &enabled {
            if needs_key {
                let message = "`enabled = true`, but there is no key".to_owned();
                self.document.mistake(span, "enabled", message, format!("write `key = \"…\"`{key_from}"));
            }
            if needs_url {
                let message = "`enabled = true`, but there is no URL".to_owned();
                self.document.mistake(span, "enabled", message, format!("write `url = \"rtmps://…\"`{url_from}"));
            }
            return None;
        }
        if let (Key::Set(SetKey { span, .. }), true) = (key, needs_url) {
            let span = self.document.span_of("platform").unwrap_or(span.clone());
            let message = format!("a key is there, but no `url`, and {} has no fixed one", platform.title);
            self.document.mistake(&span, "platform", message, format!("write `url = \"rtmps://…\"`{url_from}"));
            return None;
        }
        let or_none =
            if platform.key == KeyNeed::Optional { ", or take the `key` line out if there is none" } else { "" };
        match (needs_url, needs_key) {
            (true, true) => Some((format!("no URL and no key yet: put them into {file}{url_from}"), &["url", "key"])),
            (true, false) => Some((format!("no URL yet: put it into {file}{url_from}"), &["url"])),
            (false, true) => Some((format!("no key yet: put one into {file}{or_none}{key_from}"), &["key"])),
            (false, false) => None,
        }
    }

    fn explain(&mut self, field: &'static str, value: impl Into<String>, origin: Origin) {
        self.explanation.push(Explained { field, value: value.into(), origin });
    }

    fn explain_target(&mut self, server: &Server, key: &Key) {
        if let Server::Set { url, origin } = server {
            self.explain("url", url.to_string(), origin.clone());
        }
        match key {
            Key::Set(key) => self.explain("key", key.shown.clone(), key.origin.clone()),
            Key::Blank(span) => self.explain("key", "(empty)", self.document.origin(span)),
            Key::Absent => self.explain("key", "(none)", Origin::Default),
            Key::Wrong => {}
        }
    }

    /// What the row says that a file cannot.
    fn explain_row(&mut self, platform: &Platform) {
        let origin = Origin::Platform(platform.name.clone());
        self.explain("chunk size", format!("{} bytes", platform.chunk_size), origin);
    }

    /// Where a field stands, if it does.
    fn origin_of(&self, field: &str) -> Origin {
        self.document.span_of(field).map_or(Origin::Default, |span| self.document.origin(&span))
    }
}

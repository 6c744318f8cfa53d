//! The tables `[notify.NAME]` of `forkcast.toml`: who is told of what happens.

use std::{ops::RangeInclusive, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};

use super::{
    document::{At, Document, Field, show_duration},
    explain::Explained,
    mask::Shown,
    secret::{Key, Names, beside, unreadable},
    source::Source,
    web_url,
};
use crate::notify::{Endpoint, Selection, limits::ENDPOINTS, selection::Choice};

/// The field that holds them.
pub(super) const NOTIFY: Field = Field::tables("notify", ENDPOINT);

const ENDPOINT: &[Field] = &[
    Field::url("url"),
    Field::secret("secret"),
    Field::plain("secret_file"),
    Field::plain("secret_env"),
    Field::plain("events"),
    Field::plain("timeout"),
    Field::plain("ca_file"),
];

const SECRET: Names = Names { plain: "secret", file: "secret_file", env: "secret_env" };

/// A secret that is shorter can be tried out by whoever has seen one post.
const SHORT_SECRET: usize = 16;

/// Longest name, in characters: it stands in log lines and metrics.
const NAME_LIMIT: usize = 32;

/// Below a tenth of a second nothing answers; after half a minute something else has happened.
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(30);
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// Every endpoint that is right, with an explanation of each and the variables that they name. One that is wrong is reported,
/// and left out.
#[derive(Debug, Default)]
pub(super) struct Notify {
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) explanation: Vec<Explained>,
    pub(super) named_variables: Vec<String>,
}

impl Notify {
    pub(super) fn read(document: &mut Document<'_>, source: &dyn Source) -> Self {
        let mut notify = Self::default();
        let mut is_open = None;
        for (index, (name, mut table)) in document.tables(NOTIFY.name).into_iter().enumerate() {
            notify.named_variables.extend(table.written(SECRET.env).map(str::to_owned));
            if index == ENDPOINTS {
                let message = format!("there are more than {ENDPOINTS} tables `[notify.…]`");
                table.mistake(&name.span, NOTIFY.name, message, "let one program pass on what it is told");
            }
            if source.is_open_to_all(table.file()) || source.is_tracked(table.file()) {
                is_open.get_or_insert(name.span.clone());
            }
            if let Ok(endpoint) = notify.read_endpoint(&name, &mut table, source)
                && index < ENDPOINTS
            {
                notify.endpoints.push(endpoint);
            }
            document.absorb(table);
        }
        if let Some(span) = is_open {
            let message = "others get to see this file, and could post by its URLs in forkcast's name".to_owned();
            let hint = format!(
                "`chmod 600 {}`, and keep it out of git: chat systems put the right to post into the URL",
                document.file().display()
            );
            document.warning(&span, NOTIFY.name, message, hint);
        }
        notify
    }

    fn read_endpoint(
        &mut self,
        name: &At<String>,
        table: &mut Document<'_>,
        source: &dyn Source,
    ) -> Result<Endpoint, Wrong> {
        let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let is_name = name.value.chars().all(is_of_a_name) && (1..=NAME_LIMIT).contains(&name.value.len());
        if !is_name {
            let hint = format!("take up to {NAME_LIMIT} letters a to z, digits, `-` and `_`");
            table.mistake(&name.span, NOTIFY.name, "this cannot be the name of an endpoint".to_owned(), hint);
        }
        // Each is read before any of them decides, so that every mistake is reported at once.
        let (secret, events) = (read_secret(table, source), read_events(table));
        let timeout = match table.duration("timeout", TIMEOUT) {
            None if table.has_or_means("timeout") => Err(Wrong),
            timeout => Ok(timeout.map_or(DEFAULT_TIMEOUT, |at| at.value)),
        };
        let ca_file = match table.text("ca_file") {
            None if table.has_or_means("ca_file") => Err(Wrong),
            None => Ok(None),
            Some(At { value: typed, span }) => {
                let path = beside(table.file(), &typed);
                match source.read(&path) {
                    Ok(_) => Ok(Some(path)),
                    Err(error) => {
                        let (message, hint) = unreadable("ca_file", &path, &typed, &error);
                        table.mistake(&span, "ca_file", message, hint);
                        Err(Wrong)
                    }
                }
            }
        };
        let Some(At { value: url, span }) = table.text("url") else {
            if !table.has_or_means("url") {
                let message = format!("`notify.{}` has no `url`", if is_name { &name.value } else { "…" });
                table.mistake(&name.span, "url", message, "write `url = \"https://…\"` below this line");
            }
            return Err(Wrong);
        };
        if let Some((message, hint)) = web_url::objection("url", &url, "what happens, and the right to post it,") {
            table.mistake(&span, "url", message, hint);
            return Err(Wrong);
        }
        let (secret, events, timeout, ca_file) = (secret?, events?, timeout?, ca_file?);
        if !is_name {
            return Err(Wrong);
        }
        let shown = Shown::Url.value(&url);
        let signed = if secret.is_some() { "signed" } else { "not signed" };
        let value =
            format!("`{}` {shown} is told of {events}, {signed}, within {}", name.value, show_duration(timeout));
        self.explanation.push(Explained { field: NOTIFY.name, value, origin: table.origin(&span) });
        Ok(Endpoint { name: name.value.clone(), url: SecretString::from(url), shown, secret, events, timeout, ca_file })
    }
}

/// Something is wrong, and that is reported.
struct Wrong;

fn read_secret(table: &mut Document<'_>, source: &dyn Source) -> Result<Option<SecretString>, Wrong> {
    match Key::read_named(table, source, SECRET) {
        Key::Absent => Ok(None),
        Key::Wrong => Err(Wrong),
        Key::Blank(span) => {
            let hint = "write a long random text, as `forkcast key new` makes one, or take the line out";
            table.mistake(&span, SECRET.plain, "`secret` is empty".to_owned(), hint);
            Err(Wrong)
        }
        Key::Set(key) => {
            let length = key.value.expose_secret().chars().count();
            if length < SHORT_SECRET {
                let message = format!("the secret has {length} characters: whoever has seen one post can find it out");
                table.warning(&key.span, SECRET.plain, message, "take a longer one; `forkcast key new` makes one");
            }
            Ok(Some(key.value))
        }
    }
}

fn read_events(table: &mut Document<'_>) -> Result<Selection, Wrong> {
    if !table.has_or_means("events") {
        return Ok(Selection::default());
    }
    let hint = "write `events = [\"default\", \"destination_live\"]`; docs/events.md lists the names";
    let names = table.texts("events", hint).ok_or(Wrong)?;
    let mut choices = Vec::new();
    let mut is_right = true;
    for name in names {
        match Choice::named(&name.value) {
            Some(choice) => choices.push(choice),
            None => {
                table.unknown_name(&name, "events", &Choice::names());
                is_right = false;
            }
        }
    }
    if is_right { Ok(Selection::new(choices)) } else { Err(Wrong) }
}

//! The ways into a stream, as its file says them: keys, named keys, signatures, a webhook; and what narrows them.

use std::{
    net::IpAddr,
    ops::RangeInclusive,
    sync::Arc,
    time::{Duration, SystemTime},
};

use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Publisher, explained, short_key_warning};
use crate::{
    config::{
        document::{At, Document, Field, Spot, list, show_duration},
        explain::Origin,
        mask::Shown,
        secret::{KEY, KEY_ENV, KEY_FILE, Key, Names, beside, unreadable},
        source::Source,
        web_url,
    },
    ingest::{
        access::{KeyDigest, PublisherKey},
        webhook::Webhook,
    },
    moment,
};

pub(super) const KEY_SHA256: Field = Field::secret("key_sha256");

/// What a table `[keys.NAME]` may have.
pub(super) const NAMED_KEY: &[Field] =
    &[KEY, KEY_FILE, KEY_ENV, KEY_SHA256, Field::plain("valid_from"), Field::plain("valid_until")];

/// Where one of these was meant and misspelt, no key is made in its place.
const WAYS: &[&str] = &[
    KEY.name,
    KEY_FILE.name,
    KEY_ENV.name,
    KEY_SHA256.name,
    "keys",
    SIGNED.plain,
    SIGNED.file,
    SIGNED.env,
    "webhook.url",
];

const SIGNED: Names = Names { plain: "signed.secret", file: "signed.secret_file", env: "signed.secret_env" };

/// A secret that is shorter can be tried out by whoever has one signed key.
const SHORT_SECRET: usize = 16;

/// Longest name of a key, in characters: it stands in log lines.
const NAME_LIMIT: usize = crate::ingest::limits::PUBLISHER_NAME;

/// Below a tenth of a second nothing answers; after half a minute an encoder has given up.
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(30);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

/// Up to a day: a longer break is another show.
const REMEMBER: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(86_400);
const DEFAULT_REMEMBER: Duration = Duration::from_secs(300);

impl Publisher {
    /// Reads every way in. False where one of them is wrong: it is reported and left out.
    pub(super) fn read_ways(&mut self, document: &mut Document<'_>, source: &dyn Source) -> bool {
        let mut is_whole = true;
        match self.read_key(document, source) {
            Ok(None) => {}
            Ok(Some(found)) => self.add_key(None, found, (None, None)),
            Err(Wrong) => is_whole = false,
        }
        for (name, mut table) in document.tables("keys") {
            match self.read_named_key(&name, &mut table, source) {
                // What was meant to narrow it may be what is wrong: a key that has run out must not open the stream.
                Ok((found, validity)) if !table.has_mistake() => self.add_key(Some(name.value), found, validity),
                _ => is_whole = false,
            }
            document.absorb(table);
        }
        is_whole &= !document.is_broken("keys") && !WAYS.iter().any(|name| document.means(name));
        is_whole &= self.read_signed(document, source).is_ok();
        is_whole &= self.read_webhook(document, source).is_ok();
        let (allow, deny) = (networks(document, "allow"), networks(document, "deny"));
        let require_tls = document.boolean("require_tls");
        let is_narrow =
            allow.is_some() && deny.is_some() && (require_tls.is_some() || !document.has_or_means("require_tls"));
        self.access.is_closed = !is_narrow || document.means("allow") || document.means("deny");
        self.access.allow = self.explain_networks(document, "allow", allow.unwrap_or_default());
        self.access.deny = self.explain_networks(document, "deny", deny.unwrap_or_default());
        if let Some(At { value, span }) = require_tls {
            self.access.require_tls = value;
            self.settings.push(explained("require_tls", value.to_string(), document.origin(&span)));
        }
        is_whole
    }

    /// The key of a document, given in one of four ways.
    fn read_key(&mut self, document: &mut Document<'_>, source: &dyn Source) -> Result<Option<Found>, Wrong> {
        self.named_variables.extend(document.written(KEY_ENV.name).map(str::to_owned));
        let digest = match document.text(KEY_SHA256.name) {
            None if document.has(KEY_SHA256.name) => return Err(Wrong),
            None => None,
            Some(At { value, span }) => {
                let digest = KeyDigest::from_hex(&value);
                if digest.is_none() {
                    let hint = "it has 64 hexadecimal digits; `forkcast key hash` makes it from a key";
                    let message = "`key_sha256` is not a SHA-256 digest".to_owned();
                    document.mistake(&span, KEY_SHA256.name, message, hint);
                    return Err(Wrong);
                }
                digest.map(|digest| (digest, span))
            }
        };
        match (Key::read(document, source), digest) {
            (Key::Wrong, _) => Err(Wrong),
            (Key::Set(_), Some((_, span))) => {
                let message = "`key_sha256` is there although the key itself is there too".to_owned();
                document.mistake(&span, KEY_SHA256.name, message, "keep one of them");
                Err(Wrong)
            }
            (Key::Set(key), None) => {
                let spot = document.spot(&key.span);
                self.problems.extend(short_key_warning(&key.value, &spot));
                self.has_open_key |= key.is_open;
                self.has_tracked_key |= key.is_tracked;
                Ok(Some(Found { digest: KeyDigest::of(&key.value), spot, shown: key.shown, origin: key.origin }))
            }
            (Key::Blank(_) | Key::Absent, Some((digest, span))) => {
                let (spot, origin) = (document.spot(&span), document.origin(&span));
                Ok(Some(Found { digest, spot, shown: "(set, by its SHA-256)".to_owned(), origin }))
            }
            (Key::Blank(_) | Key::Absent, None) => Ok(None),
        }
    }

    fn read_named_key(
        &mut self,
        name: &At<String>,
        table: &mut Document<'_>,
        source: &dyn Source,
    ) -> Result<(Found, Validity), Wrong> {
        let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_name = name.value.chars().all(is_of_a_name) && (1..=NAME_LIMIT).contains(&name.value.len());
        if !is_name {
            let hint = format!("take up to {NAME_LIMIT} letters a to z, digits, `-`, `_` and `.`");
            table.mistake(&name.span, "keys", "this cannot be the name of a key".to_owned(), hint);
        }
        let key = self.read_key(table, source)?;
        let validity = (moment_of(table, "valid_from")?, moment_of(table, "valid_until")?);
        let found = key.ok_or_else(|| {
            let fields = list(&["key", "key_file", "key_env", "key_sha256"]);
            let message = format!("the key of `{}` is not there", if is_name { &name.value } else { "…" });
            table.mistake(&name.span, "keys", message, format!("write one of {fields} below this line"));
            Wrong
        })?;
        if let (Some(from), Some(until)) = validity
            && from >= until
        {
            let span = table.span_of("valid_until").unwrap_or(name.span.clone());
            let message = "`valid_until` is not after `valid_from`: this key would open at no time".to_owned();
            table.mistake(&span, "valid_until", message, "correct one of the two");
            return Err(Wrong);
        }
        if is_name { Ok((found, validity)) } else { Err(Wrong) }
    }

    fn add_key(
        &mut self,
        name: Option<String>,
        Found { digest, spot, shown, origin }: Found,
        (valid_from, valid_until): Validity,
    ) {
        let from = valid_from.map_or_else(String::new, |from| format!(", from {}", moment::show(from)));
        let until = valid_until.map_or_else(String::new, |until| format!(", until {}", moment::show(until)));
        let (field, of) = match &name {
            None => ("key", String::new()),
            Some(name) => ("keys", format!("`{name}` ")),
        };
        let way = explained(field, format!("{of}{shown}{from}{until}"), origin);
        self.add(PublisherKey { name, digest, valid_from, valid_until }, spot, way);
    }

    fn read_signed(&mut self, document: &mut Document<'_>, source: &dyn Source) -> Result<(), Wrong> {
        self.named_variables.extend(document.written(SIGNED.env).map(str::to_owned));
        let key = match Key::read_named(document, source, SIGNED) {
            Key::Absent => return Ok(()),
            Key::Wrong => return Err(Wrong),
            Key::Blank(span) => {
                let hint = "write a long random text, as `forkcast key new` makes one, or take the table out";
                document.mistake(&span, SIGNED.plain, "the secret of `signed` is empty".to_owned(), hint);
                return Err(Wrong);
            }
            Key::Set(key) => key,
        };
        self.has_open_key |= key.is_open;
        self.has_tracked_key |= key.is_tracked;
        let length = key.value.expose_secret().chars().count();
        if length < SHORT_SECRET {
            let message = format!("the secret has {length} characters: whoever has one signed key can find it out");
            let hint = "take a longer one; `forkcast key new` makes one";
            document.warning(&key.span, SIGNED.plain, message, hint);
        }
        self.access.signing = Some(key.value);
        self.ways.push(explained("signed", format!("keys signed with the secret {}", key.shown), key.origin));
        Ok(())
    }

    fn read_webhook(&mut self, document: &mut Document<'_>, source: &dyn Source) -> Result<(), Wrong> {
        let timeout = document.duration("webhook.timeout", TIMEOUT);
        let remember = document.duration("webhook.remember", REMEMBER);
        let ca_file = document.text("webhook.ca_file");
        let Some(At { value: url, span }) = document.text("webhook.url") else {
            let others = ["webhook.url", "webhook.timeout", "webhook.remember", "webhook.ca_file"];
            let first = others.into_iter().find_map(|name| document.span_of(name));
            if document.has("webhook.url") || document.has_or_means("webhook.url") {
                return Err(Wrong);
            }
            let Some(span) = first else { return Ok(()) };
            let message = "there is a `[webhook]` without a `url`".to_owned();
            document.mistake(&span, "webhook.url", message, "write `url = \"https://…\"`, or take the table out");
            return Err(Wrong);
        };
        if let Some((message, hint)) = web_url::objection("webhook.url", &url, "stream keys") {
            document.mistake(&span, "webhook.url", message, hint);
            return Err(Wrong);
        }
        let ca_file = match ca_file {
            None if document.has("webhook.ca_file") => return Err(Wrong),
            None => None,
            Some(At { value: typed, span }) => {
                let path = beside(document.file(), &typed);
                if let Err(error) = source.read(&path) {
                    let (message, hint) = unreadable("webhook.ca_file", &path, &typed, &error);
                    document.mistake(&span, "webhook.ca_file", message, hint);
                    return Err(Wrong);
                }
                Some(path)
            }
        };
        let is_set = |name: &str, is_read: bool| is_read || !document.has(name);
        if !is_set("webhook.timeout", timeout.is_some()) || !is_set("webhook.remember", remember.is_some()) {
            return Err(Wrong);
        }
        let timeout = timeout.map_or(DEFAULT_TIMEOUT, |at| at.value);
        let remember = remember.map_or(DEFAULT_REMEMBER, |at| at.value);
        let shown = Shown::Url.value(&url);
        let text = format!(
            "{shown} is asked, for up to {}, and its answer kept for {}",
            show_duration(timeout),
            show_duration(remember)
        );
        self.ways.push(explained("webhook", text, document.origin(&span)));
        let url = SecretString::from(url);
        self.access.webhook = Some(Webhook { url, shown, timeout, remember, ca_file, agent: Arc::default() });
        Ok(())
    }

    fn explain_networks(&mut self, document: &Document<'_>, name: &'static str, networks: Vec<IpNet>) -> Vec<IpNet> {
        if let Some(span) = document.span_of(name).filter(|_| !networks.is_empty()) {
            let texts: Vec<_> = networks.iter().map(ToString::to_string).collect();
            self.settings.push(explained(name, texts.join(", "), document.origin(&span)));
        }
        networks
    }
}

/// A way in is wrong, and that is reported.
struct Wrong;

/// A key that was found.
struct Found {
    digest: KeyDigest,
    spot: Spot,
    /// How an explanation shows it.
    shown: String,
    origin: Origin,
}

/// From when, and until when.
type Validity = (Option<SystemTime>, Option<SystemTime>);

/// A moment, in quotes or as TOML writes it.
fn moment_of(table: &mut Document<'_>, name: &'static str) -> Result<Option<SystemTime>, Wrong> {
    let Some(At { value, span }) = table.date(name) else {
        return if table.has(name) { Err(Wrong) } else { Ok(None) };
    };
    let moment = moment::parse(&value);
    if moment.is_none() {
        let hint = format!(
            "write date, time and offset from UTC, such as `{name} = 2026-12-01T20:00:00+01:00`, or `Z` for UTC"
        );
        table.mistake(&span, name, format!("`{name}` is not a moment"), hint);
        return Err(Wrong);
    }
    Ok(moment)
}

/// The networks of a list; `None` where one of them is none, which is reported.
fn networks(document: &mut Document<'_>, name: &'static str) -> Option<Vec<IpNet>> {
    let hint = format!("write `{name} = [\"192.0.2.0/24\", \"2001:db8::/32\"]`; an address alone is itself");
    if !document.has(name) {
        return Some(Vec::new());
    }
    let mut networks = Vec::new();
    let mut is_right = true;
    for At { value, span } in document.texts(name, &hint)? {
        match value.parse().ok().or_else(|| Some(IpNet::from(value.parse::<IpAddr>().ok()?))) {
            Some(network) => networks.push(network),
            None => {
                document.mistake(&span, name, format!("`{name}` has something in it that is no network"), &*hint);
                is_right = false;
            }
        }
    }
    is_right.then_some(networks)
}

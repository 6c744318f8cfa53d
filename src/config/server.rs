//! The settings of the server as a whole: flags before environment before `forkcast.toml`.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};

use super::{
    document::{At, Document, Field, Text, show_duration},
    explain::{Explained, Origin},
    mask::Shown,
    notify::{NOTIFY, Notify},
    problem::{Place, Problem, Severity},
    secret::beside,
    source::Source,
};
use crate::{
    net::tls::CertificateFiles,
    notify::Endpoint,
    observe::{log::Format, metrics},
};

/// Everything that `forkcast.toml` may have. A flag is the same name with `-` for `_`; its variable is `FORKCAST_` and the
/// name in capitals.
pub(super) const FIELDS: &[Field] = &[
    Field::plain("destinations"),
    Field::plain("state"),
    Field::plain("rtmp"),
    Field::plain("rtmps"),
    Field::plain("tls_cert"),
    Field::plain("tls_key"),
    Field::plain("share_ports"),
    Field::plain("http"),
    Field::secret("http_token"),
    Field::plain("http_token_file"),
    Field::plain("drain"),
    Field::plain("monitoring"),
    Field::plain("metrics"),
    Field::plain("log_format"),
    Field::plain("no_table"),
    Field::plain("strict"),
    NOTIFY,
];

/// On this machine alone: what it shows needs no token there.
const DEFAULT_HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// The variable with the token of the HTTP listener. A flag would show it to every user of the machine.
pub(super) const TOKEN_VARIABLE: &str = "FORKCAST_HTTP_TOKEN";

/// Fewer characters than this are guessed by whoever finds the port.
const TOKEN_LENGTH: usize = 16;

/// How long publishers are waited for when forkcast is told to stop: not at all, so that a restart takes a moment.
const DRAIN: Duration = Duration::ZERO;

/// The longest that they are: whoever means more has forgotten that a relay drains.
pub const LONGEST_DRAIN: Duration = Duration::from_secs(24 * 60 * 60);

/// The variable that names the file itself.
pub(super) const CONFIG_VARIABLE: &str = "FORKCAST_CONFIG";

/// The file that is read where no flag names another.
const DEFAULT_FILE: &str = "forkcast.toml";

/// What `serve` runs with, besides the destinations.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Where publishers connect with `rtmp://`.
    pub rtmp: Option<SocketAddr>,
    /// Where publishers connect with `rtmps://`.
    pub rtmps: Option<Rtmps>,
    /// Each of the two takes both: the first byte of a connection decides.
    pub share_ports: bool,
    /// Where status, metrics and health are served.
    pub http: Option<Http>,
    /// What whoever asks there must show; where nobody gave one, and the address is not of this machine alone, one is made.
    pub http_token: Option<SecretString>,
    /// How long publishers are waited for when forkcast is told to stop.
    pub drain: Duration,
    /// Where metrics and health are served by themselves, beside `http`.
    pub monitoring: Option<SocketAddr>,
    /// How much the metrics page says.
    pub metrics: metrics::Mode,
    /// What a line of the log looks like.
    pub log_format: Format,
    /// Show no live table, not even where standard output is a terminal.
    pub no_table: bool,
    /// The folder of destinations.
    pub destinations: PathBuf,
    /// The folder where generated stream keys are kept.
    pub state: PathBuf,
    /// Do not start while any file is wrong.
    pub strict: bool,
    /// Who is told of what happens.
    pub notify: Vec<Endpoint>,
    /// The environment variables that the file names.
    pub named_variables: Vec<String>,
    /// Each setting's effective value, with where it comes from.
    pub explanation: Vec<Explained>,
}

/// The HTTP listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http {
    /// Where it listens.
    pub address: SocketAddr,
    /// Somebody asked for it: without it there is no start. The default address may be another program's.
    pub is_asked_for: bool,
}

/// A listener with TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rtmps {
    /// Where it listens.
    pub address: SocketAddr,
    /// The certificates, at least one; the first is for publishers that name no host that one is for.
    pub certificates: Vec<CertificateFiles>,
}

/// The settings that flags and environment variables give, as they were typed.
///
/// Names are those of `forkcast.toml`, and `config` for that file itself.
#[derive(Clone, Debug, Default)]
pub struct Given(BTreeMap<&'static str, (String, Origin)>);

impl Given {
    /// Notes one setting; of two with one name the later counts.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>, origin: Origin) {
        self.0.insert(name, (value.into(), origin));
    }

    /// Each setting that was given: its name, its text, and where it was said.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str, &Origin)> {
        self.0.iter().map(|(name, (value, origin))| (*name, value.as_str(), origin))
    }
}

/// Options with what is wrong about them.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The options; where a setting is wrong, its default. Not to be served with then.
    pub options: ServeOptions,
    /// Every mistake and warning.
    pub problems: Vec<Problem>,
}

impl Resolved {
    /// Whether `serve` cannot start with them.
    #[must_use]
    pub fn has_mistake(&self) -> bool {
        self.problems.iter().any(Problem::is_mistake)
    }
}

impl ServeOptions {
    /// Whether both ask for the same token.
    #[must_use]
    pub fn has_token_of(&self, other: &Self) -> bool {
        let exposed = |options: &Self| options.http_token.as_ref().map(|token| token.expose_secret().to_owned());
        exposed(self) == exposed(other)
    }

    /// Puts together what was given, what `forkcast.toml` says, and the defaults.
    ///
    /// `default_state` is the user's folder for the state of programs.
    #[must_use]
    pub fn resolve(given: &Given, source: &dyn Source, default_state: &Path) -> Resolved {
        let mut problems = Vec::new();
        let text = read_file(given, source, &mut problems);
        let document = text.as_ref().map(|text| Document::parse(text, FIELDS));
        let mut settings = Settings { given, source, document, problems, explanation: Vec::new() };
        let options = settings.read(default_state);
        let Settings { document, mut problems, explanation, .. } = settings;
        problems.extend(document.map(Document::into_problems).unwrap_or_default());
        Resolved { options: ServeOptions { explanation, ..options }, problems }
    }
}

fn read_file(given: &Given, source: &dyn Source, problems: &mut Vec<Problem>) -> Option<Text> {
    let named = given.0.get("config");
    let file = PathBuf::from(named.map_or(DEFAULT_FILE, |(file, _)| file));
    if named.is_none() && source.read(&file).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return None;
    }
    Text::read(source, &file).map_err(|problem| problems.push(*problem)).ok()
}

struct Settings<'g, 't> {
    given: &'g Given,
    source: &'g dyn Source,
    document: Option<Document<'t>>,
    problems: Vec<Problem>,
    explanation: Vec<Explained>,
}

/// One setting as it was typed, with where.
struct Typed {
    text: String,
    origin: Origin,
    span: Option<Range<usize>>,
}

impl Settings<'_, '_> {
    fn read(&mut self, default_state: &Path) -> ServeOptions {
        let any = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let destinations = self.destinations();
        let state = self.path("state").map_or_else(
            || {
                self.explain("state", default_state.display().to_string(), Origin::Default);
                default_state.to_owned()
            },
            |(path, _)| path,
        );
        let rtmp = self.address("rtmp", Some(any(1935)));
        let rtmps = self.rtmps(any(443));
        let is_asked_for = self.is_given("http");
        let http = self.address("http", Some(DEFAULT_HTTP)).map(|address| Http { address, is_asked_for });
        let monitoring = self.address("monitoring", None);
        let metrics = self.choice("metrics", &metrics::Mode::ALL);
        let log_format = self.choice("log_format", &Format::ALL);
        let no_table = self.switch("no_table");
        if rtmp.is_none() && rtmps.is_none() && self.problems.is_empty() {
            let hint = "leave out `--rtmp off`, or give `--rtmps` with `--tls-cert` and `--tls-key`";
            self.report(None, "rtmp", "there is no listener: nobody could publish".to_owned(), hint);
        }
        let rtmps_address = rtmps.as_ref().map(|rtmps| rtmps.address);
        let share_ports = self.share_ports(rtmp, rtmps_address);
        let is_one = share_ports && rtmp == rtmps_address;
        self.forbid_shared_ports(&[
            ("rtmp", if is_one { None } else { rtmp }),
            ("rtmps", rtmps_address),
            ("http", http.map(|http| http.address)),
            ("monitoring", monitoring),
        ]);
        let http_token = self.http_token();
        let drain = self.drain();
        let strict = self.switch("strict");
        let Notify { endpoints: notify, explanation, named_variables } =
            self.document.as_mut().map(|document| Notify::read(document, self.source)).unwrap_or_default();
        self.explanation.extend(explanation);
        let explanation = Vec::new();
        ServeOptions {
            rtmp,
            rtmps,
            share_ports,
            http,
            http_token,
            drain,
            monitoring,
            metrics,
            log_format,
            no_table,
            destinations,
            state,
            strict,
            notify,
            named_variables,
            explanation,
        }
    }

    fn typed(&mut self, name: &'static str) -> Option<Typed> {
        // The file's line is read even where it does not count: a mistake in it is one.
        let in_file = self.document.as_mut().and_then(|document| {
            let at = document.text(name)?;
            Some(Typed { text: at.value, origin: document.origin(&at.span), span: Some(at.span) })
        });
        match self.given.0.get(name) {
            Some((text, origin)) => Some(Typed { text: text.trim().to_owned(), origin: origin.clone(), span: None }),
            None => in_file,
        }
    }

    fn address(&mut self, name: &'static str, default: Option<SocketAddr>) -> Option<SocketAddr> {
        let (address, origin) = match self.typed(name) {
            None => (default, Origin::Default),
            Some(typed) if typed.text.eq_ignore_ascii_case("off") => (None, typed.origin),
            Some(typed) => match typed.text.parse() {
                Ok(address) => (Some(address), typed.origin),
                Err(_) => {
                    // Whatever was typed here: the URL of a destination has its key in it.
                    let shown = if typed.text.contains("://") { Shown::Url } else { Shown::Plain };
                    let message = format!("`{}` is not an address to listen on", shown.value(&typed.text));
                    self.report(Some(&typed), name, message, &address_hint(&typed.text, default));
                    return default;
                }
            },
        };
        let shown = address.map_or_else(|| "off".to_owned(), |address| address.to_string());
        self.explain(name, shown, origin);
        address
    }

    /// A certificate with its key turns the listener on; an address without them is a mistake.
    fn rtmps(&mut self, default: SocketAddr) -> Option<Rtmps> {
        let typed = self.typed("rtmps");
        let certs = self.pems("tls_cert", "-----BEGIN CERTIFICATE-----", "a certificate");
        let keys = self.pems("tls_key", "PRIVATE KEY-----", "a private key");
        match (certs, keys) {
            (Some((chains, _)), Some((keys, _))) if chains.len() == keys.len() => {
                let address = self.address("rtmps", Some(default))?;
                let pairs = chains.into_iter().zip(keys);
                let certificates = pairs.map(|(chain, key)| CertificateFiles { chain, key }).collect();
                Some(Rtmps { address, certificates })
            }
            (Some((chains, _)), Some((keys, typed))) => {
                let message = format!("there are {} certificates and {} private keys", chains.len(), keys.len());
                self.report(Some(&typed), "tls_key", message, "give each certificate its key, in the same order");
                None
            }
            (None, None) if !self.is_given("tls_cert") && !self.is_given("tls_key") => {
                let address = self.address("rtmps", None);
                if address.is_some() {
                    let message = "RTMPS needs a certificate and its private key".to_owned();
                    let hint =
                        "add `--tls-cert FILE --tls-key FILE` (PEM), or leave RTMPS out and publish with `rtmp://`";
                    self.report(typed.as_ref(), "rtmps", message, hint);
                }
                None
            }
            (Some((_, typed)), None) if !self.is_given("tls_key") => {
                let message = "there is a certificate, but no private key for it".to_owned();
                self.report(Some(&typed), "tls_cert", message, "add `--tls-key FILE` (PEM)");
                None
            }
            (None, Some((_, typed))) if !self.is_given("tls_cert") => {
                let message = "there is a private key, but no certificate for it".to_owned();
                self.report(Some(&typed), "tls_key", message, "add `--tls-cert FILE` (PEM, the whole chain)");
                None
            }
            // The other one is there and wrong, which is reported.
            _ => None,
        }
    }

    fn is_given(&self, name: &'static str) -> bool {
        self.given.0.contains_key(name) || self.document.as_ref().is_some_and(|document| document.has(name))
    }

    /// PEM files that can be read and hold what they should: one path or a list of them. A flag and a variable separate paths
    /// as the system's `PATH` does.
    fn pems(&mut self, name: &'static str, marker: &str, what: &str) -> Option<(Vec<PathBuf>, Typed)> {
        let hint = format!("`{name}` is a PEM file with {what} that forkcast's user may read");
        let in_file = self.document.as_mut().and_then(|document| {
            let texts = document.texts(name, &hint)?;
            let of = |at: At<String>| Typed { text: at.value, origin: document.origin(&at.span), span: Some(at.span) };
            Some(texts.into_iter().map(of).collect::<Vec<_>>())
        });
        let typed = match self.given.0.get(name) {
            Some((text, origin)) => std::env::split_paths(text)
                .map(|path| Typed { text: path.display().to_string(), origin: origin.clone(), span: None })
                .collect(),
            None => in_file?,
        };
        let mut paths = Vec::new();
        for typed in &typed {
            let path = self.path_of(name, typed)?;
            let message = match self.source.read(&path) {
                Ok(bytes) if String::from_utf8_lossy(&bytes).contains(marker) => {
                    paths.push(path);
                    continue;
                }
                Ok(_) => format!("{} does not hold {what}", path.display()),
                Err(error) => format!("{} cannot be read: {error}", path.display()),
            };
            self.report(Some(typed), name, message, &hint);
        }
        let is_whole = !typed.is_empty() && paths.len() == typed.len();
        let last = typed.into_iter().next_back()?;
        is_whole.then_some((paths, last))
    }

    /// A path: one in the file is relative to the file's folder, any other to where forkcast was started.
    fn path(&mut self, name: &'static str) -> Option<(PathBuf, Typed)> {
        let typed = self.typed(name)?;
        Some((self.path_of(name, &typed)?, typed))
    }

    fn path_of(&mut self, name: &'static str, typed: &Typed) -> Option<PathBuf> {
        if typed.text.is_empty() {
            self.report(Some(typed), name, format!("`{name}` is empty"), "write a path, or leave it out");
            return None;
        }
        // A path is shown. What follows a quotation mark that was not closed may be anything.
        if typed.text.contains("://") || typed.text.contains(['\n', '"']) {
            let message = format!("`{name}` is no path; it is not shown, as it could hold a key");
            self.report(Some(typed), name, message, "write a path, on one line and in one pair of quotes");
            return None;
        }
        let path = match &typed.origin {
            Origin::File { file, .. } => beside(file, &typed.text),
            _ => PathBuf::from(&typed.text),
        };
        self.explain(name, path.display().to_string(), typed.origin.clone());
        Some(path)
    }

    /// The token of the HTTP listener: from the environment, else from its file, else from `forkcast.toml` itself.
    fn http_token(&mut self) -> Option<SecretString> {
        let variable = self.source.variable(TOKEN_VARIABLE).filter(|value| !value.is_empty());
        let in_file = self.document.as_mut().and_then(|document| {
            let at = document.text("http_token")?;
            Some(Typed { text: at.value, origin: document.origin(&at.span), span: Some(at.span) })
        });
        let file = self.path("http_token_file");
        let (name, typed, token) = match (variable, file, in_file) {
            (Some(value), ..) => {
                let origin = Origin::Environment(TOKEN_VARIABLE.to_owned());
                let token = value.to_str().unwrap_or_default().trim().into();
                ("http_token", Typed { text: String::new(), origin, span: None }, token)
            }
            (None, Some((path, typed)), _) => match self.source.read(&path) {
                Ok(bytes) => {
                    let token = std::str::from_utf8(&bytes).unwrap_or_default().trim().into();
                    ("http_token_file", typed, token)
                }
                Err(error) => {
                    let message = format!("{} cannot be read: {error}", path.display());
                    let hint = "`http_token_file` is a file with the token alone that forkcast's user may read";
                    self.report(Some(&typed), "http_token_file", message, hint);
                    return None;
                }
            },
            (None, None, Some(typed)) => {
                let token: SecretString = typed.text.trim().into();
                ("http_token", Typed { text: String::new(), ..typed }, token)
            }
            (None, None, None) => return None,
        };
        let is_fit = |token: &str| token.chars().all(|c| c.is_ascii_graphic()) && token.len() >= TOKEN_LENGTH;
        if !is_fit(token.expose_secret()) {
            let message =
                format!("the token of the HTTP listener needs {TOKEN_LENGTH} characters or more, without spaces");
            self.report(Some(&typed), name, message, "take one that nobody guesses: `forkcast key new` makes one");
            return None;
        }
        self.explain("http_token", "(set)", typed.origin);
        Some(token)
    }

    fn drain(&mut self) -> Duration {
        let Some(typed) = self.typed("drain") else {
            self.explain("drain", show_duration(DRAIN), Origin::Default);
            return DRAIN;
        };
        match humantime::parse_duration(&typed.text) {
            Ok(drain) if drain <= LONGEST_DRAIN => {
                self.explain("drain", show_duration(drain), typed.origin);
                drain
            }
            _ => {
                let message = "`drain` is no time up to a day".to_owned();
                self.report(Some(&typed), "drain", message, "write a number with its unit, such as `30s` or `10m`");
                DRAIN
            }
        }
    }

    /// Both ports take both transports: that needs a certificate, and plain RTMP must not be off.
    fn share_ports(&mut self, rtmp: Option<SocketAddr>, rtmps: Option<SocketAddr>) -> bool {
        let share_ports = self.switch("share_ports");
        let (message, hint) = match (rtmp, rtmps) {
            _ if !share_ports => return false,
            (Some(_), Some(_)) => return true,
            (_, None) => (
                "`share_ports` lets each port take RTMP and RTMPS, and there is no RTMPS",
                "add `--tls-cert FILE --tls-key FILE`, or leave `share_ports` out",
            ),
            (None, Some(_)) => (
                "`share_ports` would take plain RTMP on the port of RTMPS, and `rtmp` is off",
                "leave `share_ports` out; for one port that takes both, give `rtmp` and `rtmps` the same address",
            ),
        };
        // A wrong certificate is reported by itself.
        if self.problems.is_empty() {
            let given = self.given.0.get("share_ports");
            let typed = given.map(|(text, origin)| Typed { text: text.clone(), origin: origin.clone(), span: None });
            let span = self.document.as_ref().and_then(|document| document.span_of("share_ports"));
            match (typed, span, &mut self.document) {
                (None, Some(span), Some(document)) => document.mistake(&span, "share_ports", message.to_owned(), hint),
                (typed, ..) => self.report(typed.as_ref(), "share_ports", message.to_owned(), hint),
            }
        }
        false
    }

    /// The default folder may be missing; one that somebody names may not.
    fn destinations(&mut self) -> PathBuf {
        let Some((path, typed)) = self.path("destinations") else {
            self.explain("destinations", "destinations", Origin::Default);
            return PathBuf::from("destinations");
        };
        if self.source.entries(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            let message = format!("the folder {} does not exist", path.display());
            self.report(
                Some(&typed),
                "destinations",
                message,
                "create it, or correct the path; in a container, mount it",
            );
        }
        path
    }

    /// A setting that is on or off, and off where nobody says it.
    fn switch(&mut self, name: &'static str) -> bool {
        let in_file = self.document.as_mut().and_then(|document| {
            let at = document.boolean(name)?;
            Some((at.value, document.origin(&at.span)))
        });
        let (is_on, origin) = match self.given.0.get(name) {
            None => in_file.unwrap_or((false, Origin::Default)),
            Some((text, origin)) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => (true, origin.clone()),
                "false" | "0" | "no" | "off" => (false, origin.clone()),
                _ => {
                    let typed = Typed { text: text.clone(), origin: origin.clone(), span: None };
                    self.report(
                        Some(&typed),
                        name,
                        format!("`{text}` is neither true nor false"),
                        "set it to `true` or `false`",
                    );
                    (false, origin.clone())
                }
            },
        };
        self.explain(name, is_on.to_string(), origin);
        is_on
    }

    /// A setting that has one of a few names; its default where nobody says one.
    fn choice<T: Copy + Default + PartialEq>(&mut self, name: &'static str, all: &[(&'static str, T)]) -> T {
        let default = T::default();
        let Some(typed) = self.typed(name) else {
            let shown = all.iter().find(|(_, value)| *value == default).map_or("", |(shown, _)| *shown);
            self.explain(name, shown, Origin::Default);
            return default;
        };
        let Some((shown, value)) = all.iter().find(|(known, _)| known.eq_ignore_ascii_case(&typed.text)) else {
            let names: Vec<_> = all.iter().map(|(known, _)| format!("`{known}`")).collect();
            let message = format!("`{}` is no value of `{name}`", Shown::Plain.value(&typed.text));
            self.report(Some(&typed), name, message, &format!("write {}", names.join(" or ")));
            return default;
        };
        self.explain(name, *shown, typed.origin);
        *value
    }

    fn forbid_shared_ports(&mut self, listeners: &[(&'static str, Option<SocketAddr>)]) {
        for (position, (name, address)) in listeners.iter().enumerate() {
            let same = |other: &&(&str, Option<SocketAddr>)| matches!((address, other.1), (Some(one), Some(other)) if one == &other && one.port() != 0);
            if let Some((other, _)) = listeners.iter().take(position).find(same) {
                let typed = self.typed(name);
                let message = format!("`{name}` and `{other}` listen on the same address");
                self.report(typed.as_ref(), name, message, "give one of them another port");
            }
        }
    }

    fn explain(&mut self, field: &'static str, value: impl Into<String>, origin: Origin) {
        self.explanation.push(Explained { field, value: value.into(), origin });
    }

    /// A mistake, where the setting was typed.
    fn report(&mut self, typed: Option<&Typed>, field: &'static str, message: String, hint: &str) {
        let place = match typed.map(|typed| (&typed.origin, &typed.span)) {
            Some((_, Some(span))) => {
                if let Some(document) = &mut self.document {
                    document.mistake(span, field, message, hint);
                }
                return;
            }
            Some((Origin::Flag(name), _)) => Place::Flag(name),
            Some((Origin::Environment(name), _)) => Place::Environment(name.clone()),
            _ => Place::Settings,
        };
        let (field, hint) = (Some(field.to_owned()), hint.to_owned());
        self.problems.push(Problem { severity: Severity::Mistake, place, field, message, excerpt: None, hint });
    }
}

fn address_hint(text: &str, default: Option<SocketAddr>) -> String {
    let example = default.map_or_else(|| "127.0.0.1:8080".to_owned(), |address| address.to_string());
    if text.parse::<u16>().is_ok() {
        return format!(
            "add the address before the port: `0.0.0.0:{text}` for every network, `127.0.0.1:{text}` for this machine"
        );
    }
    if let Some(port) = text.strip_prefix("localhost:").or(text.strip_prefix(':')) {
        let host = if text.starts_with(':') { "0.0.0.0" } else { "127.0.0.1" };
        return format!("write `{host}:{port}`");
    }
    if text.contains("://") {
        return format!("an address has no scheme and no path; write for example `{example}`");
    }
    format!("write an IP address and a port such as `{example}`, or `off`")
}

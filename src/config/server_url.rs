//! Which server URL a destination has: its file's, or its platform's for the protocol.

use std::{net::Ipv4Addr, ops::Range};

use url::Url;

use super::{
    document::{At, Document, Field},
    explain::Origin,
    mask::has_user,
    secret::is_placeholder,
};
use crate::{
    destination::platform::{Platform, Urls},
    rtmp::{
        secret::SecretText,
        url::{ParseError, Scheme, ServerUrl},
    },
};

pub(super) const URL: Field = Field::url("url");
pub(super) const BACKUP_URL: Field = Field::url("backup_url");
pub(super) const PROTOCOL: Field = Field::plain("protocol");

/// No second server.
pub(super) const OFF: &str = "off";

const PROTOCOLS: [(&str, Scheme); 2] = [("rtmps", Scheme::Rtmps), ("rtmp", Scheme::Rtmp)];

/// What a file and its platform say about the server.
pub(super) enum Server {
    /// Neither has a URL.
    Absent,
    /// There is one.
    Set { url: ServerUrl, origin: Origin },
    /// It is wrong, and that is reported.
    Wrong,
}

impl Server {
    /// Finds the server's URL. Reports what is wrong with it.
    ///
    /// `platform` is the row of the file's `platform`, the custom one where it has none.
    pub(super) fn read(document: &mut Document<'_>, platform: &Platform) -> Self {
        let protocol = document.choice(PROTOCOL.name, &PROTOCOLS);
        if protocol.is_none() && document.has(PROTOCOL.name) {
            return Self::Wrong;
        }
        if document.has(URL.name) {
            match document.text(URL.name) {
                None => return Self::Wrong,
                Some(typed) if is_placeholder(&typed.value) => {}
                Some(typed) => return Self::typed(document, URL.name, platform, protocol, &typed),
            }
        }
        Self::of_platform(document, platform, protocol)
    }

    /// Finds the URL of the second server: the file's, else the platform's beside its own. Reports what is wrong with it.
    pub(super) fn read_backup(document: &mut Document<'_>, platform: &Platform, primary: &Self) -> Self {
        if document.has(BACKUP_URL.name) {
            return match document.text(BACKUP_URL.name) {
                None => Self::Wrong,
                Some(typed) if typed.value.eq_ignore_ascii_case(OFF) => Self::Absent,
                Some(typed) => Self::typed(document, BACKUP_URL.name, platform, None, &typed).beside(document, primary),
            };
        }
        // Who names another server than the platform's own has not asked for its second one.
        let Self::Set { url: primary, origin: Origin::Platform(_) } = primary else { return Self::Absent };
        match platform.backup.of(primary.scheme()).map(str::parse) {
            Some(Ok(url)) => Self::Set { url, origin: Origin::Platform(platform.name.clone()) },
            _ => Self::Absent,
        }
    }

    /// A backup is another server.
    fn beside(self, document: &mut Document<'_>, primary: &Self) -> Self {
        match (&self, primary) {
            (Self::Set { url, .. }, Self::Set { url: primary, .. }) if server_of(url) == server_of(primary) => {
                let span = document.span_of(BACKUP_URL.name).unwrap_or_default();
                let hint = "a backup is a second server of the platform; take the line out if there is none";
                document.mistake(&span, BACKUP_URL.name, "`backup_url` is the server of `url`".to_owned(), hint);
                Self::Wrong
            }
            _ => self,
        }
    }

    fn of_platform(document: &mut Document<'_>, platform: &Platform, protocol: Option<At<Scheme>>) -> Self {
        let found = match &protocol {
            Some(protocol) => platform.server.of(protocol.value),
            None => platform.server.of(Scheme::Rtmps).or(platform.server.of(Scheme::Rtmp)),
        };
        // The rows' URLs parse: a test sees to it.
        if let Some(url) = found.and_then(|text| text.parse().ok()) {
            return Self::Set { url, origin: Origin::Platform(platform.name.clone()) };
        }
        let Some(At { value: protocol, span }) = protocol else { return Self::Absent };
        if platform.server.of(other(protocol)).is_none() {
            return Self::Absent;
        }
        let (title, wanted, has) = (&platform.title, protocol.as_str(), other(protocol).as_str());
        let message = if platform.rtmps_only {
            format!("{title} takes `{has}` only, not `{wanted}`")
        } else {
            format!("forkcast knows no `{wanted}` server of {title}")
        };
        let hint = format!("take the line out for `{has}`, or give the server's `url` yourself");
        document.mistake(&span, PROTOCOL.name, message, hint);
        Self::Wrong
    }

    fn typed(
        document: &mut Document<'_>,
        field: &'static str,
        platform: &Platform,
        protocol: Option<At<Scheme>>,
        typed: &At<String>,
    ) -> Self {
        let At { value: text, span } = typed;
        let mut complain = |message: String, hint: String| {
            document.mistake(span, field, message, hint);
            Self::Wrong
        };
        if text.is_empty() {
            let hint = format!("write `{field} = \"rtmps://…\"`, or take the line out");
            return complain(format!("`{field}` is empty"), hint);
        }
        let parsed = Url::parse(text).ok();
        if has_user(text) {
            let hint = "take out what stands before the `@`; a stream key goes into `key`";
            return complain(format!("`{field}` has a user name or password in it"), hint.to_owned());
        }
        let known = parsed.as_ref().and_then(|url| url.host_str()).and_then(Platform::of_host);
        let owner = if platform.server == Urls::default() { known } else { Some(platform) };
        if let Some(inside) = parsed.as_ref().and_then(|url| key_inside(url, owner)) {
            let hint = match inside.server {
                Some(server) => format!("put its last part into `key`; the server alone is `{field} = \"{server}\"`"),
                None => format!("put the last part of its path into `key`, and end `{field}` before that"),
            };
            return complain(format!("`{field}` has the stream key in it"), hint);
        }
        let url: ServerUrl = match completed(text, platform).parse() {
            Ok(url) => url,
            Err(error) => {
                // Its sentences are what is wrong, a colon, and what to do.
                let error = ParseError::to_string(&error);
                let (message, hint) =
                    error.split_once(": ").unwrap_or((&error, "it looks like `rtmps://host:443/app`"));
                let quoted = format!("`{field}`");
                let message = message.replace("the server URL", &quoted);
                let message = if message.contains(&quoted) { message } else { format!("{quoted}: {message}") };
                return complain(message, hint.to_owned());
            }
        };
        if let Some(protocol) = protocol.filter(|protocol| protocol.value != url.scheme()) {
            let (says, begins) = (protocol.value.as_str(), url.scheme().as_str());
            let message = format!("`protocol` says `{says}`, but `url` begins with `{begins}://`");
            document.mistake(
                &protocol.span,
                PROTOCOL.name,
                message,
                "take the `protocol` line out: with a `url` it is not needed",
            );
            return Self::Wrong;
        }
        note_platform(document, field, span, platform, known, &url);
        Self::Set { url, origin: document.origin(span) }
    }
}

/// What two sessions with one key take from each other: host, port and app. Names are not looked up, but everybody knows this
/// machine's own.
pub(super) fn server_of(url: &ServerUrl) -> SecretText {
    let host = match url.host().to_ascii_lowercase() {
        host if host == "localhost" => Ipv4Addr::LOCALHOST.to_string(),
        host => host,
    };
    format!("{host}:{}/{}", url.port(), url.expose_app()).into()
}

/// Warns of a platform's server that is used without the platform's row, or with a protocol that it refuses.
fn note_platform(
    document: &mut Document<'_>,
    field: &'static str,
    span: &Range<usize>,
    platform: &Platform,
    known: Option<&Platform>,
    url: &ServerUrl,
) {
    let Some(known) = known else { return };
    if known.rtmps_only && url.scheme() == Scheme::Rtmp {
        let message = format!("{} takes `rtmps` only, and this is an `rtmp` URL", known.title);
        document.warning(span, field, message, "copy the platform's `rtmps://` URL");
    }
    if field == URL.name && platform.name == "custom" && !document.has_or_means("platform") {
        let message = format!("this is a server of {}, but the file names no platform", known.title);
        let hint = format!("add `platform = \"{}\"`: then forkcast keeps to what it takes", known.name);
        document.warning(span, URL.name, message, hint);
    }
}

/// A key was found in a URL.
struct Inside {
    /// The URL without it, where its platform's own is known.
    server: Option<String>,
}

/// Looks for a key in path and query: it goes on after the whole of the platform's own URL, or has the form of a key.
fn key_inside(url: &Url, owner: Option<&Platform>) -> Option<Inside> {
    let parts = |url: &Url| -> Vec<String> {
        url.path().split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let path = parts(url);
    let servers =
        owner.into_iter().flat_map(|owner| [&owner.backup, &owner.server]).flat_map(|urls| [&urls.rtmps, &urls.rtmp]);
    for server in servers.flatten().filter_map(|server| Url::parse(server).ok()) {
        let whole = parts(&server);
        let goes_on = path.len() > whole.len() && path.starts_with(&whole);
        // Some programs write the key behind the query: `live2?backup=1/KEY`.
        let goes_on_in_query = path == whole && url.query().is_some_and(|query| query.contains('/'));
        let has_its_query =
            server.query().is_none_or(|query| url.query().is_some_and(|typed| typed.starts_with(query)));
        if (goes_on || goes_on_in_query) && has_its_query {
            let mut alone = server.clone();
            // The host stays as it was typed: it may be the nearest of many.
            let is_kept = alone.set_host(url.host_str()).is_ok() && alone.set_port(url.port()).is_ok();
            let server = alone.to_string().replacen(server.scheme(), url.scheme(), 1);
            return Some(Inside { server: is_kept.then_some(server) });
        }
    }
    let query = url.query().into_iter().flat_map(|query| query.split(['&', '=', '/', '?']));
    let mut suspects = path.iter().skip(1).map(String::as_str).chain(query);
    let has_form = |part: &str| Platform::all().any(|platform| platform.has_key_form(part));
    suspects.any(has_form).then_some(Inside { server: None })
}

/// The URL with the port and the app that its platform leaves out, if it leaves out one. The rest stays as it was typed.
fn completed(text: &str, platform: &Platform) -> String {
    let authority = text.find("://").map_or(0, |scheme| scheme + 3);
    let end =
        text.get(authority..).and_then(|rest| rest.find(['/', '?', '#'])).map_or(text.len(), |end| authority + end);
    let (server, path) = text.split_at(end);
    let has_port = server.get(authority..).is_some_and(|authority| authority.contains(':'));
    let is_rtmps = server.to_ascii_lowercase().starts_with("rtmps:");
    let port =
        platform.rtmps_port.filter(|_| is_rtmps && !has_port).map_or_else(String::new, |port| format!(":{port}"));
    match &platform.app {
        Some(app) if matches!(path, "" | "/") => format!("{server}{port}/{app}"),
        _ => format!("{server}{port}{path}"),
    }
}

fn other(protocol: Scheme) -> Scheme {
    match protocol {
        Scheme::Rtmp => Scheme::Rtmps,
        Scheme::Rtmps => Scheme::Rtmp,
    }
}

//! The words with which servers refuse, and what they mean: a table, since no two servers agree.

use super::{Failure, Kind, Retry, Stage, quoted};
use crate::{
    net::{Endpoint, error::Origin},
    rtmp::command::hops,
};

/// What a server said no with: `_error`, or `onStatus` of level "error".
#[derive(Clone, Copy)]
pub struct Refusal<'a> {
    /// Whether it refused `connect` or `publish`.
    pub stage: Stage,
    /// Such as `NetStream.Publish.BadName`; may be empty.
    pub code: &'a str,
    /// In the server's own words; may be empty, and may quote the key.
    pub description: &'a str,
}

/// The first row that fits decides.
struct Row {
    /// One of these ends the code, in any case; none means any code.
    codes: &'static [&'static str],
    /// One of these stands in the description: a word as a whole word, several words as they are. None means any text.
    words: &'static [&'static str],
    kind: Kind,
    first: Retry,
    /// From how many times in a row on it is `then` instead.
    patience: u32,
    then: Retry,
}

/// In use, or still held for a session that was cut: nginx, SRS and their like.
const IN_USE: &[&str] = &["already", "in use", "busy", "exists", "publishing", "occupied", "duplicate"];
const ABOUT_THE_KEY: &[&str] = &[
    "key",
    "keys",
    "streamkey",
    "stream_key",
    "token",
    "auth",
    "authentication",
    "authorization",
    "unauthorized",
    "denied",
    "forbidden",
    "permission",
    "password",
    "signature",
    "expired",
    "not allowed",
    "not authorized",
    "invalid stream",
];
const LIMIT: &[&str] =
    &["limit", "limits", "quota", "exceeded", "maximum", "too many", "too high", "bandwidth", "bitrate"];
const ABOUT_THE_APP: &[&str] = &["app", "application", "vhost", "path"];

const PUBLISH_REFUSED: &[&str] = &["publish.denied", "publish.unauthorized", "publish.rejected", "badauth"];
const PUBLISH_FAILED: &[&str] = &["publish.failed", "netstream.failed"];
const BAD_NAME: &[&str] = &["publish.badname"];
const REJECTED: &[&str] = &["connect.rejected"];
const ANY: &[&str] = &[];

/// Long enough for a server to let go of a session that was cut: about two minutes of trying.
const STALE_SESSION: u32 = 8;
/// Once may be an accident, three times is an answer.
const ANSWER: u32 = 3;
const NEVER: u32 = u32::MAX;

const ROWS: &[Row] = &[
    row(
        ANY,
        &["authmod=", "need auth"],
        Kind::AuthenticationNeeded,
        Retry::NotUntilChanged,
        NEVER,
        Retry::NotUntilChanged,
    ),
    row(PUBLISH_REFUSED, IN_USE, Kind::NameInUse, Retry::BackOff, STALE_SESSION, Retry::Minutes),
    row(PUBLISH_REFUSED, LIMIT, Kind::OverLimit, Retry::Minutes, NEVER, Retry::Minutes),
    row(PUBLISH_REFUSED, ANY, Kind::KeyRefused, Retry::NotUntilChanged, NEVER, Retry::NotUntilChanged),
    row(BAD_NAME, IN_USE, Kind::NameInUse, Retry::BackOff, STALE_SESSION, Retry::Minutes),
    row(BAD_NAME, ABOUT_THE_KEY, Kind::KeyRefused, Retry::NotUntilChanged, NEVER, Retry::NotUntilChanged),
    row(BAD_NAME, ANY, Kind::NameInUse, Retry::BackOff, STALE_SESSION, Retry::Minutes),
    row(PUBLISH_FAILED, IN_USE, Kind::NameInUse, Retry::BackOff, STALE_SESSION, Retry::Minutes),
    row(PUBLISH_FAILED, LIMIT, Kind::OverLimit, Retry::Minutes, NEVER, Retry::Minutes),
    row(PUBLISH_FAILED, ABOUT_THE_KEY, Kind::KeyRefused, Retry::BackOff, ANSWER, Retry::NotUntilChanged),
    row(PUBLISH_FAILED, ANY, Kind::PublishRejected, Retry::BackOff, ANSWER, Retry::Minutes),
    row(&["connect.invalidapp"], ANY, Kind::AppRefused, Retry::BackOff, ANSWER, Retry::NotUntilChanged),
    row(REJECTED, &[hops::LOOP], Kind::RelayLoop, Retry::NotUntilChanged, NEVER, Retry::NotUntilChanged),
    row(REJECTED, &[hops::TOO_MANY], Kind::TooManyRelays, Retry::NotUntilChanged, NEVER, Retry::NotUntilChanged),
    row(REJECTED, LIMIT, Kind::OverLimit, Retry::Minutes, NEVER, Retry::Minutes),
    row(REJECTED, ABOUT_THE_KEY, Kind::KeyRefused, Retry::BackOff, ANSWER, Retry::NotUntilChanged),
    row(REJECTED, ABOUT_THE_APP, Kind::AppRefused, Retry::BackOff, ANSWER, Retry::NotUntilChanged),
    row(REJECTED, ANY, Kind::ConnectRejected, Retry::BackOff, ANSWER, Retry::Minutes),
    row(
        &["connect.failed", "connect.closed", "connect.appshutdown", "call.failed"],
        ANY,
        Kind::ServerTrouble,
        Retry::BackOff,
        NEVER,
        Retry::BackOff,
    ),
];

/// No row fits: the stage decides.
const OTHER_CONNECT: Row = row(ANY, ANY, Kind::ConnectRejected, Retry::BackOff, ANSWER, Retry::Minutes);
const OTHER_PUBLISH: Row = row(ANY, ANY, Kind::PublishRejected, Retry::BackOff, ANSWER, Retry::Minutes);

const fn row(
    codes: &'static [&'static str],
    words: &'static [&'static str],
    kind: Kind,
    first: Retry,
    patience: u32,
    then: Retry,
) -> Row {
    Row { codes, words, kind, first, patience, then }
}

impl Row {
    fn fits(&self, code: &str, description: &str) -> bool {
        (self.codes.is_empty() || self.codes.iter().any(|end| code.ends_with(end)))
            && (self.words.is_empty() || self.words.iter().any(|words| says(description, words)))
    }
}

/// Whether `words` stand in `description`. "key" is not said by "keyframe".
fn says(description: &str, words: &str) -> bool {
    if words.chars().all(|character| character.is_alphanumeric() || character == '_') {
        description.split(|character: char| !character.is_alphanumeric() && character != '_').any(|word| word == words)
    } else {
        description.contains(words)
    }
}

impl Failure {
    /// The server said no. `times` counts the refusals in a row, with this one: what a server repeats, it means. In what
    /// is shown of its words, `secrets` are masked.
    pub fn refused(peer: &Endpoint, refusal: Refusal<'_>, times: u32, secrets: &[&str]) -> Self {
        let (code, description) = (refusal.code.to_lowercase(), refusal.description.to_lowercase());
        let otherwise = if refusal.stage == Stage::RtmpConnect { &OTHER_CONNECT } else { &OTHER_PUBLISH };
        let row = ROWS.iter().find(|row| row.fits(&code, &description)).unwrap_or(otherwise);
        let (what, hint) = words(row.kind, peer);
        Self {
            stage: refusal.stage,
            kind: row.kind,
            retry: if times >= row.patience { row.then } else { row.first },
            message: format!("`{peer}` {what}: {}", quoted(refusal.code, refusal.description, secrets)),
            hint,
        }
    }
}

/// What the server did, and the remedy.
fn words(kind: Kind, peer: &Endpoint) -> (&'static str, String) {
    let is_platform = peer.origin() == Origin::Platform;
    let (what, hint) = match kind {
        Kind::KeyRefused => (
            "refused the stream key",
            "copy the stream key anew from the platform into the destination's file; saving the file tries again at once",
        ),
        Kind::NameInUse => (
            "says that this stream key is in use",
            "stop the other encoder or relay that sends with this key; a session that was cut is let go within about two \
             minutes; some servers mean a wrong key by this",
        ),
        Kind::AppRefused if is_platform => (
            "does not know the path of the URL",
            "see whether the platform shows another server URL now; then write it as `url` into the destination's file",
        ),
        Kind::AppRefused => (
            "does not know the path of the URL",
            "check the path in `url`: it must be the server URL that the platform shows",
        ),
        Kind::AuthenticationNeeded => (
            "wants a user name and a password",
            "choose a server URL and key that need no login: RTMP's own login (authmod) is not supported",
        ),
        Kind::OverLimit => (
            "refused, since a limit is reached",
            "end other broadcasts of the account, or lower the encoder's bitrate; the server's words above say which",
        ),
        Kind::RelayLoop => (
            "is this relay itself, or sends back to it: the stream would run in a circle",
            "change `url` of this destination, or take out what sends the stream back here from there; saving the file \
             tries again at once",
        ),
        Kind::TooManyRelays => (
            "does not take a stream that has come through so many relays",
            "send to this server from a relay that is nearer to the encoder",
        ),
        Kind::ServerTrouble => (
            "has trouble of its own",
            "wait; if it stays so, look at the platform's status page or use another server of it",
        ),
        Kind::PublishRejected => (
            "would not start the broadcast",
            "check on the platform that the broadcast is set up and its URL and key have not been used or run out",
        ),
        _ if is_platform => ("rejected the connection", "check on the platform that the account may go live"),
        _ => ("rejected the connection", "check the path in `url` and that the account may go live"),
    };
    // The table speaks of the field that most addresses stand in.
    (what, hint.replace("`url`", peer.field()))
}

//! Why a destination is not live: one value for the log line, the status, the metric label and the back-off.
//!
//! ```text
//! Resolve ─► Connect ─► Tls ─► Handshake ─► RtmpConnect ─► Publish ─► Sending ─► EndedByPeer
//! ```
//!
//! A [`Failure`] says at which stage, what [`Kind`], when to [`Retry`], the sentence and the remedy. Constructors take what
//! the stage knows: [`net::Error`](crate::net::Error) up to TLS, [`Failure::refused`] for the server's own words (a table),
//! [`Failure::lost`] and [`Failure::lost_after_publish`] for a connection that ended, the rest by name.

mod reach;
mod refusal;

use std::{fmt, io, time::Duration};

use serde::{Serialize, Serializer};

pub use self::refusal::Refusal;
use crate::{
    net::{Cause, Endpoint, error::Origin, limits, peer_text},
    rtmp::error::{Error, NotRtmp},
};

/// A peer that closes sooner than this after `publish`, saying nothing, has probably refused the key: that is Twitch's way.
pub const EARLY: Duration = Duration::from_secs(15);

/// How many early ends in a row make it probable; one or two may be a server that restarts.
pub const EARLY_ENDS: u32 = 3;

/// What went wrong, and what to do. `Display` is one line: the message and the hint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// How far it came.
    pub stage: Stage,
    /// Which failure it is.
    pub kind: Kind,
    /// When it may be tried again.
    pub retry: Retry,
    /// What happened, to which server; lower case, no full stop, no secret.
    pub message: String,
    /// What to do about it; imperative, no full stop.
    pub hint: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; hint: {}", self.message, self.hint)
    }
}

/// An enum whose variants have labels for metrics and JSON that never change.
macro_rules! labelled {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $label:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every one, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in metrics and JSON, in snake case.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.label())
            }
        }
    };
}

labelled! {
    /// How far a connection came.
    Stage {
        /// Looking up the name.
        Resolve = "resolve",
        /// TCP.
        Connect = "connect",
        /// TLS.
        Tls = "tls",
        /// RTMP's handshake.
        Handshake = "handshake",
        /// RTMP's `connect`.
        RtmpConnect = "rtmp_connect",
        /// From `createStream` to the answer to `publish`.
        Publish = "publish",
        /// Media was being sent.
        Sending = "sending",
        /// The server ended the broadcast.
        EndedByPeer = "ended_by_peer",
    }
}

labelled! {
    /// When to try again. The back-off turns it into a time.
    Retry {
        /// Within a second, and often at first: it may pass at any moment.
        Soon = "soon",
        /// Within a second, then at growing distances.
        BackOff = "back_off",
        /// Not within half a minute: nothing will have changed, and the far side counts.
        Slowly = "slowly",
        /// Not within a minute: probably a person has to do something.
        Minutes = "minutes",
        /// Not before the destination's file changes.
        NotUntilChanged = "not_until_changed",
    }
}

labelled! {
    /// Which failure.
    Kind {
        /// DNS knows no such name.
        NameNotFound = "name_not_found",
        /// DNS gives no answer.
        DnsFailed = "dns_failed",
        /// DNS did not answer in time.
        DnsTimedOut = "dns_timed_out",
        /// Nothing listens there.
        ConnectionRefused = "connection_refused",
        /// A blocked port, or a wrong address.
        ConnectionTimedOut = "connection_timed_out",
        /// The local address from which to send cannot be used.
        LocalAddressUnusable = "local_address_unusable",
        /// No route.
        NetworkUnreachable = "network_unreachable",
        /// This machine forbids it.
        ConnectionNotPermitted = "connection_not_permitted",
        /// This process has too many open files.
        NoDescriptor = "no_descriptor",
        /// TCP failed otherwise.
        ConnectionFailed = "connection_failed",
        /// The host cannot stand in a certificate.
        HostNotForTls = "host_not_for_tls",
        /// Plain RTMP, HTTP or something else on this port.
        NotTls = "not_tls",
        /// Closed during the TLS handshake.
        TlsClosed = "tls_closed",
        /// The TLS handshake took too long.
        TlsTimedOut = "tls_timed_out",
        /// Only TLS versions that are too old.
        TlsVersion = "tls_version",
        /// No cipher in common.
        TlsNoCommonCipher = "tls_no_common_cipher",
        /// The server does not serve this host name.
        TlsHostUnknown = "tls_host_unknown",
        /// The server wants a certificate from us.
        TlsClientCertificate = "tls_client_certificate",
        /// The server ended TLS with another alert.
        TlsAlert = "tls_alert",
        /// The server shows no certificate.
        TlsNoCertificate = "tls_no_certificate",
        /// What came is no TLS as it should be.
        TlsBroken = "tls_broken",
        /// TLS failed otherwise.
        TlsFailed = "tls_failed",
        /// The `ca_file` or the system's roots cannot be used.
        TrustUnusable = "trust_unusable",
        /// The certificate's time is over.
        CertificateExpired = "certificate_expired",
        /// The certificate's time has not come, or the clock is wrong.
        CertificateNotYetValid = "certificate_not_yet_valid",
        /// The certificate vouches for itself.
        CertificateSelfSigned = "certificate_self_signed",
        /// An authority that we do not know.
        CertificateUnknownIssuer = "certificate_unknown_issuer",
        /// The server does not send its whole chain.
        CertificateMissingIntermediate = "certificate_missing_intermediate",
        /// Not signed by the authority that it names.
        CertificateBadSignature = "certificate_bad_signature",
        /// The certificate is for other hosts.
        CertificateWrongHost = "certificate_wrong_host",
        /// Not a server's certificate.
        CertificateUnsuitable = "certificate_unsuitable",
        /// Another certificate than the pinned one.
        CertificateNotPinned = "certificate_not_pinned",
        /// The server does not hold the key of the certificate that it shows.
        CertificateKeyNotProven = "certificate_key_not_proven",
        /// The peer broke RTMP's rules, or does not speak it.
        ProtocolError = "protocol_error",
        /// No answer in time.
        TimedOut = "timed_out",
        /// The peer takes nothing any more.
        Stalled = "stalled",
        /// The peer closed the connection.
        ClosedByPeer = "closed_by_peer",
        /// The peer, or something in between, reset the connection.
        ResetByPeer = "reset_by_peer",
        /// The kernel has given up: the peer is gone or reads nothing, or the network is gone.
        ConnectionLost = "connection_lost",
        /// The connection failed otherwise.
        Io = "io",
        /// The stream key was refused.
        KeyRefused = "key_refused",
        /// The peer closes soon after each publish and says nothing.
        KeyLikelyInvalid = "key_likely_invalid",
        /// The stream key is in use by another session.
        NameInUse = "name_in_use",
        /// The URL's path is not known there.
        AppRefused = "app_refused",
        /// User name and password are wanted.
        AuthenticationNeeded = "authentication_needed",
        /// The platform's or account's limit.
        OverLimit = "over_limit",
        /// `publish` was refused for another reason.
        PublishRejected = "publish_rejected",
        /// `connect` was refused for another reason.
        ConnectRejected = "connect_rejected",
        /// The server is this relay, or leads back to it.
        RelayLoop = "relay_loop",
        /// The stream has passed too many relays.
        TooManyRelays = "too_many_relays",
        /// The server has trouble of its own.
        ServerTrouble = "server_trouble",
        /// It was so slow that the log no longer holds what comes next.
        FellBehind = "fell_behind",
        /// It named another server that cannot be gone to.
        BadRedirect = "bad_redirect",
        /// The platform ended the broadcast.
        BroadcastEnded = "broadcast_ended",
    }
}

impl Kind {
    /// The server said no, in words: to be counted in a row, since one no may be an accident and three are an answer.
    pub const fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::KeyRefused
                | Self::NameInUse
                | Self::AppRefused
                | Self::AuthenticationNeeded
                | Self::OverLimit
                | Self::PublishRejected
                | Self::ConnectRejected
                | Self::RelayLoop
                | Self::TooManyRelays
                | Self::ServerTrouble
        )
    }
}

impl Failure {
    /// The peer broke RTMP's rules, or does not speak it.
    pub fn protocol(peer: &Endpoint, stage: Stage, error: &Error) -> Self {
        let ports = ": RTMP is usually on port 1935, RTMPS on 443";
        let (message, hint) = match error {
            Error::NotRtmp(NotRtmp::HttpResponse) => (
                format!("`{peer}` is a web server: it answered in HTTP"),
                check(peer, "host and port", &format!("{ports} of a host of its own")),
            ),
            Error::NotRtmp(NotRtmp::TlsAlert | NotRtmp::TlsHello) => (
                format!("`{peer}` speaks TLS on this port"),
                format!("write rtmps:// in place of rtmp:// in {}, with this port", peer.field()),
            ),
            Error::NotRtmp(NotRtmp::RtmpEncrypted { .. }) => (
                format!("`{peer}` speaks RTMPE, which is obsolete and not supported"),
                "use the server's rtmps:// URL, or rtmp:// where it has none".to_owned(),
            ),
            Error::NotRtmp(NotRtmp::Unknown { first }) => (
                format!("`{peer}` does not speak RTMP (it began with the byte 0x{first:02x})"),
                check(peer, "host and port", ports),
            ),
            Error::NotRtmp(NotRtmp::HttpRequest | NotRtmp::ProxyHeader) => {
                (format!("`{peer}` does not speak RTMP"), check(peer, "host and port", ports))
            }
            Error::Malformed(_) | Error::OutOfOrder(_) | Error::Limit { .. } => (
                format!("`{peer}` does not speak RTMP as it should: {error}"),
                "try again later; if it stays so, report it with this line: the server's RTMP differs from what is known"
                    .to_owned(),
            ),
        };
        let retry = if stage == Stage::Handshake { Retry::Slowly } else { Retry::BackOff };
        Self { stage, kind: Kind::ProtocolError, retry, message, hint }
    }

    /// The peer did not answer within `limit`.
    pub fn timed_out(peer: &Endpoint, stage: Stage, limit: Duration) -> Self {
        let (what, hint) = unanswered(peer, stage);
        Self {
            stage,
            kind: Kind::TimedOut,
            retry: Retry::BackOff,
            message: format!("`{peer}` did not answer{what} within {} s", limit.as_secs_f32()),
            hint,
        }
    }

    /// The peer has not answered for so long, and is waited for.
    pub fn no_answer_yet(peer: &Endpoint, stage: Stage, after: Duration) -> Self {
        let (what, hint) = unanswered(peer, stage);
        let message = format!("`{peer}` has not answered{what} for {:.0} s", after.as_secs_f32());
        Self { stage, kind: Kind::TimedOut, retry: Retry::BackOff, message, hint }
    }

    /// What a destination was connected to is this relay: its own listener at that address.
    pub fn own(peer: &Endpoint, listener: &dyn fmt::Display) -> Self {
        Self {
            stage: Stage::RtmpConnect,
            kind: Kind::RelayLoop,
            retry: Retry::NotUntilChanged,
            message: format!("`{peer}` is this forkcast itself, which listens on {listener}"),
            hint: format!(
                "change {} to the server that this destination is meant for: a stream that runs in a circle is refused",
                peer.field()
            ),
        }
    }

    /// The peer has taken nothing for `silence`, with something to send.
    pub fn stalled(peer: &Endpoint, silence: Duration) -> Self {
        Self {
            stage: Stage::Sending,
            kind: Kind::Stalled,
            retry: Retry::Soon,
            message: took_nothing(peer, silence),
            hint: "nothing to do if it stays the only time; else the server is overloaded, or the upload is too slow for the \
                   bitrate of all destinations together"
                .to_owned(),
        }
    }

    /// The connection ended; `error` is `None` where the peer closed it in order.
    pub fn lost(peer: &Endpoint, stage: Stage, error: Option<&io::Error>) -> Self {
        let retry = match stage {
            // Whoever closes before the first word of RTMP (a proxy without its server) does so many times.
            Stage::Handshake | Stage::RtmpConnect | Stage::Publish => Retry::BackOff,
            _ => Retry::Soon,
        };
        if let Some(cause) = error.and_then(Cause::from_stream) {
            let failure = Self::from(&peer.error(cause));
            let retry = if failure.retry == Retry::Soon { retry } else { failure.retry };
            return Self { stage, retry, ..failure };
        }
        let (kind, what) = match error.map(io::Error::kind) {
            None => (Kind::ClosedByPeer, format!("`{peer}` closed the connection")),
            // Without close_notify, as many servers end TLS, and as anybody in between can.
            Some(io::ErrorKind::UnexpectedEof) => {
                (Kind::ClosedByPeer, format!("`{peer}` closed the connection without ending TLS first (truncated)"))
            }
            Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe) => {
                (Kind::ResetByPeer, format!("`{peer}` reset the connection"))
            }
            Some(io::ErrorKind::TimedOut) => {
                // The kernel gives up on a peer that reads nothing just as on one that is gone.
                (Kind::ConnectionLost, took_nothing(peer, limits::USER_TIMEOUT))
            }
            Some(_) => {
                let detail = error.map(ToString::to_string).unwrap_or_default();
                (Kind::Io, format!("the connection to `{peer}` failed ({detail})"))
            }
        };
        let (when, hint) = match stage {
            Stage::Handshake if peer.is_tls() => (
                " during the RTMP handshake",
                check(
                    peer,
                    "host and port",
                    ": TLS works there, and what is behind it is no RTMP server, or does not run; in front of a server of your \
                     own (stunnel, a proxy) see what it connects to",
                ),
            ),
            Stage::Handshake => (
                " during the RTMP handshake",
                check(
                    peer,
                    "host and port",
                    ": is it an RTMP server? a port for TLS closes like this (then use rtmps://)",
                ),
            ),
            Stage::RtmpConnect => (
                " in answer to `connect`",
                check(peer, "the path", ": many servers close without a word when it is unknown"),
            ),
            Stage::Publish => (
                " in answer to `publish`",
                "check the stream key: many servers close without a word when it is wrong or has run out".to_owned(),
            ),
            _ => (
                "",
                "nothing to do: forkcast connects again; if it happens often, check network and bitrate".to_owned(),
            ),
        };
        Self { stage, kind, retry, message: format!("{what}{when}"), hint }
    }

    /// The connection ended `since_publish` after `publish` was sent, and no status had come. `times` counts the sessions
    /// in a row, with this one, that ended sooner than [`EARLY`].
    pub fn lost_after_publish(
        peer: &Endpoint,
        stage: Stage,
        error: Option<&io::Error>,
        since_publish: Duration,
        times: u32,
    ) -> Self {
        if !is_key_likely_invalid(since_publish, times) {
            return Self::lost(peer, stage, error);
        }
        Self {
            stage,
            kind: Kind::KeyLikelyInvalid,
            retry: Retry::Minutes,
            message: format!(
                "`{peer}` ended the connection within {} s of publishing, {times} times in a row, without saying why: the \
                 stream key is likely invalid",
                EARLY.as_secs()
            ),
            hint: "copy the stream key anew from the platform into the destination's file, and check that the broadcast is set \
                   up there; saving the file tries again at once"
                .to_owned(),
        }
    }

    /// The policy allows no gap, and the log no longer holds what comes next.
    pub fn fell_behind(peer: &Endpoint) -> Self {
        Self {
            stage: Stage::Sending,
            kind: Kind::FellBehind,
            retry: Retry::Soon,
            message: format!("`{peer}` takes so little that what comes next is no longer kept"),
            hint: "more is kept with a larger `backpressure.max_lag`; else lower the bitrate, or let `backpressure.policy` drop"
                .to_owned(),
        }
    }

    /// The server sent us to another one that cannot be gone to.
    pub fn redirected_badly(peer: &Endpoint, stage: Stage, why: &str) -> Self {
        Self {
            stage,
            kind: Kind::BadRedirect,
            retry: Retry::Slowly,
            message: format!("`{peer}` sends its publishers to another server, and that was not followed: {why}"),
            hint: "write the server that it should be into the destination's file".to_owned(),
        }
    }

    /// The server asked for a new connection (Enhanced RTMP's ReconnectRequest), as it does before a restart of its own.
    pub fn asked_to_reconnect(peer: &Endpoint) -> Self {
        Self {
            stage: Stage::EndedByPeer,
            kind: Kind::ServerTrouble,
            retry: Retry::Soon,
            message: format!("`{peer}` asked to connect anew"),
            hint: "nothing to do: forkcast connects again at once".to_owned(),
        }
    }

    /// The server ended the broadcast with a status; `secrets` are masked in what it says.
    pub fn ended(peer: &Endpoint, code: &str, description: &str, secrets: &[&str]) -> Self {
        Self {
            stage: Stage::EndedByPeer,
            kind: Kind::BroadcastEnded,
            retry: Retry::Minutes,
            message: format!("`{peer}` ended the broadcast: {}", quoted(code, description, secrets)),
            hint: "look at the broadcast on the platform: it was stopped there, or its longest duration is reached"
                .to_owned(),
        }
    }
}

/// Whether an end without a word, so soon after `publish` and for the `times`-th time in a row, speaks against the key.
pub fn is_key_likely_invalid(since_publish: Duration, times: u32) -> bool {
    since_publish < EARLY && times >= EARLY_ENDS
}

/// What to look at where an address may be wrong, and the rest of the sentence. A platform's own is right.
fn check(peer: &Endpoint, what: &str, rest: &str) -> String {
    match peer.origin() {
        Origin::Url | Origin::BackupUrl => format!("check {what} in {}{rest}", peer.field()),
        Origin::Platform => {
            "see the platform's status page; where it has no trouble, something between here and it (a proxy, a \
                             firewall, a login page of the venue's network) is in the way"
                .to_owned()
        }
    }
}

/// What has not been answered, and what to do about it.
fn unanswered(peer: &Endpoint, stage: Stage) -> (&'static str, String) {
    match stage {
        Stage::Resolve | Stage::Connect | Stage::Tls => (
            "",
            match peer.origin() {
                Origin::Platform => format!(
                    "check this machine's network and DNS, and that no firewall blocks port {} on the way out; else see the \
                     platform's status page",
                    peer.port()
                ),
                Origin::Url | Origin::BackupUrl => format!(
                    "check host and port in {}, this machine's network and DNS, and that no firewall blocks port {} on the way out",
                    peer.field(),
                    peer.port()
                ),
            },
        ),
        Stage::Handshake if peer.is_tls() => (
            " to the RTMP handshake",
            check(
                peer,
                "host and port",
                ": TLS works there, and what is behind it is silent: is it an RTMP server? else it is overloaded",
            ),
        ),
        Stage::Handshake => (
            " to the RTMP handshake",
            check(
                peer,
                "host and port",
                ": a port for TLS is silent like this (then use rtmps://); else the server is overloaded",
            ),
        ),
        Stage::RtmpConnect => (
            " to `connect`",
            check(peer, "the path", "; if it is right, the server is overloaded: wait, or use another one"),
        ),
        Stage::Publish => (
            " to `publish`",
            "check that the broadcast is set up on the platform and the stream key is current; else the server is overloaded"
                .to_owned(),
        ),
        Stage::Sending | Stage::EndedByPeer => {
            (" to what was sent", "check the network between here and the server".to_owned())
        }
    }
}

fn took_nothing(peer: &Endpoint, silence: Duration) -> String {
    format!("`{peer}` has taken nothing for {} s: it is stuck or overloaded, or the network is gone", silence.as_secs())
}

/// A server's code and description as they may be shown.
fn quoted(code: &str, description: &str, secrets: &[&str]) -> String {
    let (code, description) = (peer_text::masked(code, secrets), peer_text::masked(description, secrets));
    match (code.is_empty(), description.is_empty()) {
        (true, true) => "no reason given".to_owned(),
        (true, false) => format!("\"{description}\""),
        (false, true) => code,
        (false, false) => format!("{code}, \"{description}\""),
    }
}

#[cfg(test)]
mod tests;

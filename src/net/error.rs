//! Why a server could not be reached: one cause, the sentence that says it, and the remedy.
//!
//! The reader is somebody at three in the morning with a show running. So each sentence names host and port, says what was
//! found and not what was called, and each hint says what to do next. Four are named as every guide names them:
//! *self-signed*, *host mismatch*, *TLS version*, *blocked port*.

mod classify;
mod hint;
mod sentence;
#[cfg(test)]
pub(crate) mod testing;
mod unfit;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

pub use self::unfit::Unfit;
use super::tls::Fingerprint;

/// Host and port of a server, as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
    origin: Origin,
    is_tls: bool,
}

/// Where the address of a server stands: what a hint can ask a person to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// In `url` of the destination's file.
    #[default]
    Url,
    /// In its `backup_url`.
    BackupUrl,
    /// In no file: it is the platform's own, and right as it is.
    Platform,
}

impl Endpoint {
    /// `host` may be a name or an address; the brackets of an IPv6 address are optional.
    pub fn new(host: &str, port: u16) -> Self {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        Self { host: bare.to_owned(), port, origin: Origin::default(), is_tls: false }
    }

    /// The same, with where it stands and whether TLS is spoken there.
    #[must_use]
    pub fn named_by(self, origin: Origin, is_tls: bool) -> Self {
        Self { origin, is_tls, ..self }
    }

    /// Where it stands.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The field in which it stands, in backticks.
    pub fn field(&self) -> &'static str {
        match self.origin {
            Origin::Url | Origin::Platform => "`url`",
            Origin::BackupUrl => "`backup_url`",
        }
    }

    /// TLS is spoken there, as far as the URL says.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The error that this endpoint gave.
    pub fn error(&self, cause: Cause) -> Error {
        Error { endpoint: self.clone(), cause }
    }
}

impl fmt::Display for Endpoint {
    /// `host:port`, with brackets around an IPv6 address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A server that could not be reached. `Display` is the sentence; [`Error::hint`] the remedy.
#[derive(Clone, Debug)]
pub struct Error {
    /// Where we wanted to connect.
    pub endpoint: Endpoint,
    /// What stood in the way.
    pub cause: Cause,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sentence::write(f, &self.endpoint, &self.cause)
    }
}

impl std::error::Error for Error {}

impl Error {
    /// What to do about it, in the imperative, without a full stop.
    pub fn hint(&self) -> String {
        hint::of(&self.endpoint, &self.cause)
    }
}

/// What stands between us and a server. In the order of an attempt: name, TCP, TLS, certificate, and TLS in
/// mid-stream.
#[derive(Clone, Debug)]
pub enum Cause {
    /// DNS says that there is no such name, or that it has no address.
    NameNotFound,
    /// DNS did not give an answer: the resolver is down or cannot be reached.
    LookupFailed {
        /// The system's words.
        detail: String,
    },
    /// DNS did not answer in time.
    LookupTimedOut {
        /// The limit.
        after: Duration,
    },
    /// The local address from which to send cannot be used.
    Bind {
        /// The address.
        local: IpAddr,
        /// The system's words; `None` where this machine does not have the address.
        detail: Option<String>,
    },
    /// The server has no address of the family of the local one from which to send.
    NoAddressToReach {
        /// The local address.
        local: IpAddr,
    },
    /// No address accepted.
    Connect {
        /// The most telling of the failures.
        problem: ConnectProblem,
        /// What each address did.
        tried: Vec<(SocketAddr, ConnectProblem)>,
        /// The limit for all of them together.
        limit: Duration,
    },
    /// The host cannot be a name in a certificate (underscores are the usual reason).
    HostNotForTls,
    /// The peer sent bytes that are not TLS.
    NotTls {
        /// What they are.
        speaks: Speaks,
    },
    /// The connection ended before the handshake did.
    ClosedDuringTls {
        /// By a reset instead of an orderly end.
        reset: bool,
    },
    /// The handshake was not done in time.
    TlsTimedOut {
        /// The limit.
        after: Duration,
    },
    /// The peer speaks neither TLS 1.2 nor 1.3.
    TlsVersion,
    /// No cipher suite, group or signature scheme in common.
    NoCommonCipher,
    /// The peer does not know the host name that we asked for (SNI).
    HostUnknownToPeer,
    /// The peer wants a certificate from us.
    ClientCertificateDemanded,
    /// The peer ended the handshake with another alert.
    TlsAlert {
        /// Its name, such as `InternalError`.
        alert: String,
    },
    /// The peer shows no certificate at all.
    NoCertificate,
    /// The peer breaks the rules of TLS.
    TlsBroken {
        /// Which, in the TLS library's words.
        detail: String,
    },
    /// Any other failure of the handshake.
    TlsOther {
        /// The TLS library's words.
        detail: String,
    },
    /// The peer's certificate was refused.
    Certificate(CertificateProblem),
    /// The peer ended a connection that was made with an alert.
    StreamAlert {
        /// Its name, such as `InternalError`.
        alert: String,
    },
    /// What came over a connection that was made is no TLS that the peer can have meant.
    StreamBroken {
        /// What is wrong with it, in the TLS library's words.
        detail: String,
    },
}

/// What is wrong with a certificate. Texts from it are [`printable`](super::peer_text::printable).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateProblem {
    /// Its time is over.
    Expired {
        /// Which certificate of the chain.
        whose: Whose,
        /// Its last day, `YYYY-MM-DD` in UTC.
        on: String,
        /// Today by this machine's clock.
        today: String,
    },
    /// Its time has not come.
    NotYetValid {
        /// Which certificate of the chain.
        whose: Whose,
        /// Its first day, `YYYY-MM-DD` in UTC.
        from: String,
        /// Today by this machine's clock.
        today: String,
    },
    /// It vouches for itself, and nobody told us to believe it.
    SelfSigned {
        /// Its own name.
        name: String,
        /// Why it could not be a server's certificate even if it were trusted.
        flaw: Option<Flaw>,
        /// Its fingerprint, with which it could be pinned.
        fingerprint: Fingerprint,
        /// Whether the destination names a `ca_file`.
        ca_file: bool,
    },
    /// The authority at the end of its chain is none that we know.
    UnknownIssuer {
        /// That authority's name.
        issuer: String,
        /// The fingerprint of the server's own certificate, with which it could be pinned.
        fingerprint: Fingerprint,
        /// Whether the destination names a `ca_file`.
        ca_file: bool,
    },
    /// Very likely a public authority's, but the server does not send the certificate in between.
    MissingIntermediate {
        /// The name of the certificate that is lacking.
        issuer: String,
    },
    /// It bears the name of an authority that we know, but not its signature.
    BadSignature {
        /// That authority's name.
        issuer: String,
        /// Whether the destination names a `ca_file`.
        ca_file: bool,
    },
    /// It is for other hosts.
    WrongHost {
        /// The names and addresses that it is for, as they stand in it.
        names: Vec<String>,
        /// How many more there are.
        more: usize,
        /// The common name, which has not counted as a host name for years; given where there are no names.
        common_name: Option<String>,
    },
    /// It is not fit for a server, whoever issued it.
    Unsuitable {
        /// In which way.
        unfit: Unfit,
    },
    /// It is none of those that are pinned.
    NotPinned {
        /// Its fingerprint.
        fingerprint: Fingerprint,
    },
    /// The server shows it and does not hold its key.
    KeyNotProven,
}

/// Which certificate of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The server's own.
    Server,
    /// An authority's in the chain, by name.
    Authority(String),
}

/// Why a self-signed certificate could not be a server's, even if it were trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is marked as an authority's (`CA:TRUE`), which `openssl req -x509` does by default.
    Authority,
    /// It is of X.509 version 1, which cannot carry host names.
    Version1,
}

/// What a port speaks that should speak TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// Plain RTMP.
    Rtmp,
    /// Plain HTTP.
    Http,
    /// Something else.
    Unknown,
}

/// Why one address could not be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectProblem {
    /// Nothing listens there, or a firewall says no.
    Refused,
    /// No answer.
    TimedOut,
    /// No route to it.
    Unreachable,
    /// This machine forbids it.
    NotPermitted,
    /// This process has no file descriptor left.
    NoDescriptor,
    /// Anything else, in the system's words.
    Other(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Endpoint {
        Endpoint::new("a.example", 443)
    }

    /// As migration guides name them.
    #[test]
    fn four_failures_are_named_as_every_guide_names_them_and_no_others() {
        type Is = fn(&Cause) -> bool;
        let named: [(&str, Is); 4] = [
            ("self-signed", |cause| matches!(cause, Cause::Certificate(CertificateProblem::SelfSigned { .. }))),
            ("host mismatch", |cause| matches!(cause, Cause::Certificate(CertificateProblem::WrongHost { .. }))),
            ("TLS version", |cause| matches!(cause, Cause::TlsVersion)),
            ("blocked port", |cause| matches!(cause, Cause::Connect { problem: ConnectProblem::TimedOut, .. })),
        ];
        for cause in testing::every_cause() {
            let error = at().error(cause);
            let text = format!("{error} {}", error.hint());
            for (words, is) in named {
                assert_eq!(text.contains(words), is(&error.cause), "{words}: {text}");
            }
        }
    }

    /// Nobody is sent to a line that is not there.
    #[test]
    fn a_hint_names_the_field_in_which_the_address_stands() {
        for cause in testing::every_cause() {
            let hint = |origin| at().named_by(origin, true).error(cause.clone()).hint();
            let [url, backup, platform] = [Origin::Url, Origin::BackupUrl, Origin::Platform].map(hint);
            assert_eq!(backup, url.replace("`url`", "`backup_url`"));
            assert!(!platform.contains("`url`") && !platform.contains("rtmp://"), "{platform}");
            if url.contains("`url`") {
                assert!(
                    ["network", "way out", "between here"].iter().any(|words| platform.contains(words)),
                    "{platform}"
                );
            }
        }
    }

    #[test]
    fn each_has_a_sentence_of_its_own_and_a_remedy() {
        let mut sentences = std::collections::HashSet::new();
        for cause in testing::every_cause() {
            let error = at().error(cause);
            let (sentence, hint) = (error.to_string(), error.hint());
            assert!(sentence.contains("a.example"), "{sentence}");
            for text in [&sentence, &hint] {
                assert!(!text.is_empty() && !text.ends_with('.') && !text.contains('\n'), "{text}");
                assert!(text.chars().next().is_some_and(|first| !first.is_uppercase()), "{text}");
            }
            assert!(sentences.insert(sentence.clone()), "said of two causes: {sentence}");
        }
    }
}

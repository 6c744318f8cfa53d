//! From what the system and the TLS library report to a [`Cause`]. (Certificates: `tls::certificate`.)

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use rustls::{AlertDescription, PeerIncompatible};

use super::{Cause, ConnectProblem, Speaks};

impl Cause {
    /// The cause behind a failed name lookup.
    pub(in crate::net) fn from_lookup(error: &io::Error) -> Self {
        // The standard library gives getaddrinfo's verdict as text only, in English: no locale is ever set. Windows: a code.
        const NOT_FOUND: [&str; 5] = [
            "Name or service not known",
            "Name does not resolve",
            "nodename nor servname provided",
            "No address associated",
            "Name has no usable address",
        ];
        const WSAHOST_NOT_FOUND: i32 = 11001;
        const WSANO_DATA: i32 = 11004;
        let text = error.to_string();
        let is_not_found = NOT_FOUND.iter().any(|words| text.contains(words))
            || (cfg!(windows) && matches!(error.raw_os_error(), Some(WSAHOST_NOT_FOUND | WSANO_DATA)));
        if is_not_found {
            return Self::NameNotFound;
        }
        let detail = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_lowercase();
        Self::LookupFailed { detail }
    }

    /// The cause behind a local address on which no socket can be bound.
    pub(in crate::net) fn from_bind(local: IpAddr, error: &io::Error) -> Self {
        let is_not_ours = error.kind() == io::ErrorKind::AddrNotAvailable;
        Self::Bind { local, detail: (!is_not_ours).then(|| error.to_string()) }
    }

    /// The cause behind a lost race: of several failures the one that tells most.
    pub(in crate::net) fn from_failures(tried: Vec<(SocketAddr, ConnectProblem)>, limit: Duration) -> Self {
        let problem = tried.iter().map(|(_, problem)| problem).min_by_key(|problem| problem.rank()).cloned();
        match problem {
            Some(problem) => Self::Connect { problem, tried, limit },
            None => Self::NameNotFound,
        }
    }

    /// The cause behind a TLS handshake that failed otherwise than by the certificate. `first` are the first bytes that
    /// the peer sent, as far as there were any.
    pub(in crate::net) fn from_handshake(error: &io::Error, first: &[u8]) -> Self {
        if let Some(speaks) = Speaks::instead_of_tls(first) {
            return Self::NotTls { speaks };
        }
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => Self::from_tls(error),
            None if error.kind() == io::ErrorKind::UnexpectedEof => Self::ClosedDuringTls { reset: false },
            None => Self::ClosedDuringTls { reset: true },
        }
    }

    /// The cause behind a connection under TLS that failed after its handshake; `None` where TLS had no part in it.
    pub fn from_stream(error: &io::Error) -> Option<Self> {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())? {
            rustls::Error::AlertReceived(alert) => Some(match alert {
                // In TLS 1.3 the client has long begun to send when the server looks for its certificate.
                AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
                    Self::ClientCertificateDemanded
                }
                other => Self::StreamAlert { alert: format!("{other:?}") },
            }),
            other => Some(Self::StreamBroken { detail: other.to_string() }),
        }
    }

    fn from_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::AlertReceived(alert) => Self::from_alert(*alert),
            rustls::Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ) => Self::TlsVersion,
            rustls::Error::PeerIncompatible(_) => Self::NoCommonCipher,
            rustls::Error::NoCertificatesPresented => Self::NoCertificate,
            rustls::Error::InvalidMessage(_)
            | rustls::Error::PeerMisbehaved(_)
            | rustls::Error::InappropriateMessage { .. }
            | rustls::Error::InappropriateHandshakeMessage { .. }
            | rustls::Error::PeerSentOversizedRecord
            | rustls::Error::DecryptError => Self::TlsBroken { detail: error.to_string() },
            other => Self::TlsOther { detail: other.to_string() },
        }
    }

    fn from_alert(alert: AlertDescription) -> Self {
        match alert {
            AlertDescription::ProtocolVersion => Self::TlsVersion,
            AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => Self::NoCommonCipher,
            AlertDescription::UnrecognisedName => Self::HostUnknownToPeer,
            AlertDescription::CertificateRequired | AlertDescription::NoCertificate => Self::ClientCertificateDemanded,
            AlertDescription::CloseNotify | AlertDescription::UserCanceled => Self::ClosedDuringTls { reset: false },
            other => Self::TlsAlert { alert: format!("{other:?}") },
        }
    }
}

impl ConnectProblem {
    /// Of one attempt.
    pub(in crate::net) fn from_io(error: &io::Error) -> Self {
        // 24 and 23 are EMFILE and ENFILE on every Unix, 10024 is WSAEMFILE.
        let no_descriptor: &[i32] = if cfg!(windows) { &[10024] } else { &[23, 24] };
        if error.raw_os_error().is_some_and(|code| no_descriptor.contains(&code)) {
            return Self::NoDescriptor;
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable | io::ErrorKind::AddrNotAvailable => {
                Self::Unreachable
            }
            io::ErrorKind::PermissionDenied => Self::NotPermitted,
            _ => Self::Other(error.to_string()),
        }
    }

    /// Lower tells more: a host with IPv4 alone answers "unreachable" for each IPv6 address, which explains nothing.
    fn rank(&self) -> u8 {
        match self {
            Self::NoDescriptor => 0,
            Self::NotPermitted => 1,
            Self::Refused => 2,
            Self::TimedOut => 3,
            Self::Other(_) => 4,
            Self::Unreachable => 5,
        }
    }
}

impl Speaks {
    /// What the first bytes show; `None` where they may be TLS, or there are none.
    pub(in crate::net) fn instead_of_tls(first: &[u8]) -> Option<Self> {
        match first {
            // TLS record types, RFC 8446 section 5.1, and heartbeat.
            [] | [20..=24, ..] => None,
            // The version byte that opens RTMP's handshake.
            [3, ..] => Some(Self::Rtmp),
            [b'H', rest @ ..] if b"TTP/".starts_with(rest) || rest.starts_with(b"TTP/") => Some(Self::Http),
            _ => Some(Self::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookups() {
        for (text, not_found) in [
            ("failed to lookup address information: Name or service not known", true),
            ("failed to lookup address information: Name does not resolve", true),
            ("failed to lookup address information: nodename nor servname provided, or not known", true),
            ("failed to lookup address information: No address associated with hostname", true),
            ("failed to lookup address information: Temporary failure in name resolution", false),
            ("failed to lookup address information: Try again", false),
        ] {
            match Cause::from_lookup(&io::Error::other(text)) {
                Cause::NameNotFound => assert!(not_found, "{text}"),
                Cause::LookupFailed { detail } => {
                    assert!(!not_found, "{text}");
                    assert!(!detail.contains("lookup address"), "{detail}");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_most_telling_failure_is_reported() {
        use ConnectProblem::{NoDescriptor, Refused, TimedOut, Unreachable};
        for (problems, expected) in [
            (vec![Unreachable, Refused], Refused),
            (vec![Unreachable, TimedOut], TimedOut),
            (vec![TimedOut, Refused, Unreachable], Refused),
            (vec![Unreachable, Unreachable], Unreachable),
            (vec![Refused, NoDescriptor], NoDescriptor),
        ] {
            let tried = problems.into_iter().map(|problem| ("192.0.2.1:1".parse().unwrap(), problem)).collect();
            match Cause::from_failures(tried, Duration::ZERO) {
                Cause::Connect { problem, .. } => assert_eq!(problem, expected),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn in_mid_stream() {
        use rustls::Error::{AlertReceived, DecryptError};
        for (error, expected) in [
            (AlertReceived(AlertDescription::CertificateRequired), "ClientCertificateDemanded"),
            (AlertReceived(AlertDescription::BadRecordMac), "StreamAlert { alert: \"BadRecordMac\" }"),
            (DecryptError, "StreamBroken"),
        ] {
            let cause = Cause::from_stream(&io::Error::new(io::ErrorKind::InvalidData, error)).unwrap();
            assert!(format!("{cause:?}").starts_with(expected), "{cause:?}");
        }
        // TCP's own, and a close without close_notify.
        for kind in [io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof] {
            assert!(Cause::from_stream(&io::Error::new(kind, "peer closed")).is_none(), "{kind:?}");
        }
    }

    #[test]
    fn first_bytes() {
        for (first, expected) in [
            (&b""[..], None),
            (b"\x16\x03\x03", None),
            (b"\x15\x03\x01\x00\x02", None),
            (b"\x03", Some(Speaks::Rtmp)),
            (b"\x03\x00\x00\x00\x00", Some(Speaks::Rtmp)),
            (b"H", Some(Speaks::Http)),
            (b"HTTP/", Some(Speaks::Http)),
            (b"HELO ", Some(Speaks::Unknown)),
            (b"220 m", Some(Speaks::Unknown)),
            (b"SSH-2", Some(Speaks::Unknown)),
        ] {
            assert_eq!(Speaks::instead_of_tls(first), expected, "{first:?}");
        }
    }

    #[test]
    fn alerts_and_incompatibilities() {
        use rustls::Error::{AlertReceived, PeerIncompatible as Incompatible};
        for (error, expected) in [
            (AlertReceived(AlertDescription::ProtocolVersion), "TlsVersion"),
            (Incompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13), "TlsVersion"),
            (AlertReceived(AlertDescription::HandshakeFailure), "NoCommonCipher"),
            (Incompatible(PeerIncompatible::NoCipherSuitesInCommon), "NoCommonCipher"),
            (AlertReceived(AlertDescription::UnrecognisedName), "HostUnknownToPeer"),
            (AlertReceived(AlertDescription::CertificateRequired), "ClientCertificateDemanded"),
            (AlertReceived(AlertDescription::InternalError), "TlsAlert { alert: \"InternalError\" }"),
            (rustls::Error::DecryptError, "TlsBroken"),
            (rustls::Error::NoCertificatesPresented, "NoCertificate"),
            (rustls::Error::FailedToGetCurrentTime, "TlsOther"),
        ] {
            let cause = Cause::from_handshake(&io::Error::new(io::ErrorKind::InvalidData, error), b"\x15");
            assert!(format!("{cause:?}").starts_with(expected), "{cause:?}");
        }
    }
}

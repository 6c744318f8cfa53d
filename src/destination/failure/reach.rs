//! A server that could not be reached, as a failure of the destination.

use crate::net::{
    Cause, Error,
    error::{CertificateProblem, ConnectProblem},
    tls::FileError,
};

use super::{Failure, Kind, Retry, Stage};

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let (stage, kind, retry) = class(&error.cause);
        Self { stage, kind, retry, message: error.to_string(), hint: error.hint() }
    }
}

impl Failure {
    /// The same where the server is the platform's own, which forkcast brings: there is no `url` that could be wrong, and what
    /// cannot be reached lies on this machine's side.
    pub(in crate::destination) fn of_own_server_of(self, title: &str) -> Self {
        let hint = match self.kind {
            Kind::NameNotFound | Kind::DnsFailed | Kind::DnsTimedOut => format!(
                "this is {title}'s own server: check this machine's network connection and its DNS server; does a web page open \
                 on it?"
            ),
            Kind::ConnectionRefused | Kind::ConnectionTimedOut | Kind::ConnectionFailed => format!(
                "this is {title}'s own server: check that no firewall, provider or venue network blocks the way to it; else \
                 {title} has trouble, and it is tried again by itself"
            ),
            _ => return self,
        };
        Self { hint, ..self }
    }
}

impl From<&FileError> for Failure {
    /// A `ca_file` that cannot be used: nothing is sent without it, and only a change of the file helps.
    fn from(error: &FileError) -> Self {
        Self {
            stage: Stage::Tls,
            kind: Kind::TrustUnusable,
            retry: Retry::NotUntilChanged,
            message: error.to_string(),
            hint: error.hint().to_owned(),
        }
    }
}

/// What may pass on its own is tried soon; what a person has to mend is not, and no certificate mends itself in seconds.
fn class(cause: &Cause) -> (Stage, Kind, Retry) {
    match cause {
        Cause::NameNotFound => (Stage::Resolve, Kind::NameNotFound, Retry::BackOff),
        Cause::LookupFailed { .. } => (Stage::Resolve, Kind::DnsFailed, Retry::Soon),
        Cause::LookupTimedOut { .. } => (Stage::Resolve, Kind::DnsTimedOut, Retry::Soon),
        // A connection that is down (a VPN, a second provider) may come up.
        Cause::Bind { .. } => (Stage::Connect, Kind::LocalAddressUnusable, Retry::BackOff),
        Cause::NoAddressToReach { .. } => (Stage::Connect, Kind::LocalAddressUnusable, Retry::Slowly),
        Cause::Connect { problem, .. } => {
            let (kind, retry) = match problem {
                ConnectProblem::Refused => (Kind::ConnectionRefused, Retry::Soon),
                ConnectProblem::TimedOut => (Kind::ConnectionTimedOut, Retry::Soon),
                ConnectProblem::Unreachable => (Kind::NetworkUnreachable, Retry::Soon),
                ConnectProblem::NotPermitted => (Kind::ConnectionNotPermitted, Retry::BackOff),
                ConnectProblem::NoDescriptor => (Kind::NoDescriptor, Retry::BackOff),
                ConnectProblem::Other(_) => (Kind::ConnectionFailed, Retry::BackOff),
            };
            (Stage::Connect, kind, retry)
        }
        Cause::HostNotForTls => (Stage::Tls, Kind::HostNotForTls, Retry::NotUntilChanged),
        Cause::NotTls { .. } => (Stage::Tls, Kind::NotTls, Retry::Slowly),
        Cause::ClosedDuringTls { .. } => (Stage::Tls, Kind::TlsClosed, Retry::Soon),
        Cause::TlsTimedOut { .. } => (Stage::Tls, Kind::TlsTimedOut, Retry::Soon),
        Cause::TlsVersion => (Stage::Tls, Kind::TlsVersion, Retry::Slowly),
        Cause::NoCommonCipher => (Stage::Tls, Kind::TlsNoCommonCipher, Retry::Slowly),
        Cause::HostUnknownToPeer => (Stage::Tls, Kind::TlsHostUnknown, Retry::Slowly),
        Cause::ClientCertificateDemanded => (Stage::Tls, Kind::TlsClientCertificate, Retry::Slowly),
        Cause::TlsAlert { .. } => (Stage::Tls, Kind::TlsAlert, Retry::BackOff),
        Cause::NoCertificate => (Stage::Tls, Kind::TlsNoCertificate, Retry::Slowly),
        Cause::TlsBroken { .. } => (Stage::Tls, Kind::TlsBroken, Retry::BackOff),
        Cause::TlsOther { .. } => (Stage::Tls, Kind::TlsFailed, Retry::BackOff),
        Cause::Certificate(problem) => (Stage::Tls, certificate(problem), Retry::Slowly),
        Cause::StreamAlert { .. } => (Stage::Sending, Kind::TlsAlert, Retry::Soon),
        Cause::StreamBroken { .. } => (Stage::Sending, Kind::TlsBroken, Retry::Soon),
    }
}

fn certificate(problem: &CertificateProblem) -> Kind {
    match problem {
        CertificateProblem::Expired { .. } => Kind::CertificateExpired,
        CertificateProblem::NotYetValid { .. } => Kind::CertificateNotYetValid,
        CertificateProblem::SelfSigned { .. } => Kind::CertificateSelfSigned,
        CertificateProblem::UnknownIssuer { .. } => Kind::CertificateUnknownIssuer,
        CertificateProblem::MissingIntermediate { .. } => Kind::CertificateMissingIntermediate,
        CertificateProblem::BadSignature { .. } => Kind::CertificateBadSignature,
        CertificateProblem::WrongHost { .. } => Kind::CertificateWrongHost,
        CertificateProblem::Unsuitable { .. } => Kind::CertificateUnsuitable,
        CertificateProblem::NotPinned { .. } => Kind::CertificateNotPinned,
        CertificateProblem::KeyNotProven => Kind::CertificateKeyNotProven,
    }
}

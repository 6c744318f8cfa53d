//! Every failure that there is, for tests of what is said and done about them.

use std::time::Duration;

use super::{Cause, CertificateProblem, ConnectProblem, Flaw, Speaks, Unfit, Whose};
use crate::net::tls::Fingerprint;

/// At least one of each variant, those of [`every_certificate_problem`] too.
pub(crate) fn every_cause() -> Vec<Cause> {
    let after = Duration::from_secs(10);
    let text = || "some words".to_owned();
    let connect = |problem| Cause::Connect { problem, tried: Vec::new(), limit: after };
    let mut causes = vec![
        Cause::NameNotFound,
        Cause::LookupFailed { detail: text() },
        Cause::LookupTimedOut { after },
        Cause::Bind { local: [192, 0, 2, 7].into(), detail: None },
        Cause::Bind { local: [192, 0, 2, 7].into(), detail: Some(text()) },
        Cause::NoAddressToReach { local: [192, 0, 2, 7].into() },
        connect(ConnectProblem::Refused),
        connect(ConnectProblem::TimedOut),
        connect(ConnectProblem::Unreachable),
        connect(ConnectProblem::NotPermitted),
        connect(ConnectProblem::NoDescriptor),
        connect(ConnectProblem::Other(text())),
        Cause::HostNotForTls,
        Cause::NotTls { speaks: Speaks::Rtmp },
        Cause::NotTls { speaks: Speaks::Http },
        Cause::NotTls { speaks: Speaks::Unknown },
        Cause::ClosedDuringTls { reset: false },
        Cause::ClosedDuringTls { reset: true },
        Cause::TlsTimedOut { after },
        Cause::TlsVersion,
        Cause::NoCommonCipher,
        Cause::HostUnknownToPeer,
        Cause::ClientCertificateDemanded,
        Cause::TlsAlert { alert: text() },
        Cause::NoCertificate,
        Cause::TlsBroken { detail: text() },
        Cause::TlsOther { detail: text() },
        Cause::StreamAlert { alert: text() },
        Cause::StreamBroken { detail: text() },
    ];
    causes.extend(every_certificate_problem().into_iter().map(Cause::Certificate));
    causes
}

/// At least one of each variant.
pub(crate) fn every_certificate_problem() -> Vec<CertificateProblem> {
    let day = || "2026-10-01".to_owned();
    let name = || "Some Authority".to_owned();
    let fingerprint = Fingerprint::of(b"a certificate");
    let expired = |whose| CertificateProblem::Expired { whose, on: day(), today: day() };
    let early = |whose| CertificateProblem::NotYetValid { whose, from: day(), today: day() };
    let mut problems = vec![
        expired(Whose::Server),
        expired(Whose::Authority(name())),
        early(Whose::Server),
        early(Whose::Authority(name())),
        CertificateProblem::UnknownIssuer { issuer: name(), fingerprint, ca_file: false },
        CertificateProblem::UnknownIssuer { issuer: name(), fingerprint, ca_file: true },
        CertificateProblem::MissingIntermediate { issuer: name() },
        CertificateProblem::BadSignature { issuer: name(), ca_file: true },
        CertificateProblem::WrongHost { names: Vec::new(), more: 0, common_name: Some(name()) },
        CertificateProblem::WrongHost { names: vec!["b.example".to_owned()], more: 0, common_name: None },
        CertificateProblem::NotPinned { fingerprint },
        CertificateProblem::KeyNotProven,
    ];
    for (flaw, name) in [(None, "x"), (Some(Flaw::Authority), "y"), (Some(Flaw::Version1), "z")] {
        problems.push(CertificateProblem::SelfSigned { name: name.to_owned(), flaw, fingerprint, ca_file: false });
    }
    let unfit = [
        Unfit::Malformed,
        Unfit::EndsBeforeItBegins,
        Unfit::Revoked,
        Unfit::NotForServers,
        Unfit::CriticalExtension,
        Unfit::Authority,
        Unfit::Version1,
        Unfit::ObsoleteDigest,
        Unfit::ShortKey { bits: 1024 },
        Unfit::UnusualSignature,
        Unfit::OutsideNameConstraints,
        Unfit::PathTooLong,
        Unfit::IssuerIsNoAuthority,
        Unfit::TooTangled,
        Unfit::Other { detail: "some words".to_owned() },
    ];
    problems.extend(unfit.into_iter().map(|unfit| CertificateProblem::Unsuitable { unfit }));
    problems
}

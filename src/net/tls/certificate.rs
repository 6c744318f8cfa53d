//! What is wrong with a certificate, read from the certificate itself: with a peer's that was refused, and with the time for
//! which our own is valid.
//!
//! Of a peer's the verdict stands before anything here runs; this only finds words for it.

use std::time::{SystemTime, UNIX_EPOCH};

use rustls::{
    CertificateError,
    pki_types::{CertificateDer, UnixTime},
};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    oid_registry::OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS,
    time::ASN1Time,
    x509::{X509Name, X509Version},
};

use super::{Fingerprint, Trust, unfit, witness::Refused};
use crate::net::{
    error::{CertificateProblem, Flaw, Whose},
    limits,
    peer_text::printable,
};

/// When a certificate of ours that runs out is spoken of, in days before its end. Machines renew a month before: one that comes
/// nearer was forgotten.
const WARN_BEFORE: [i64; 4] = [30, 14, 7, 1];

const DAY: i64 = 24 * 60 * 60;

/// For how long a certificate is valid, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    not_before: i64,
    not_after: i64,
}

impl Validity {
    /// Of `certificate`, where it can be read.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let validity = certificate.validity();
        Some(Self { not_before: validity.not_before.timestamp(), not_after: validity.not_after.timestamp() })
    }

    /// Continues "the certificate …"; nothing where it is valid and stays so for a while.
    pub(super) fn problem(&self, now: SystemTime) -> Option<String> {
        let (begin, end) = (day(self.not_before), day(self.not_after));
        Some(match self.warning(now)? {
            Warning::NotYet => format!(
                "is not valid before {begin}, and this machine's clock says {}: encoders will refuse it until then",
                day(clock(now)?)
            ),
            Warning::Over => {
                format!("expired on {end}: encoders refuse it; renew it, new files are taken by themselves")
            }
            Warning::Within(_) => {
                let left = match self.days_left(now)? {
                    0 => "less than a day is left".to_owned(),
                    1 => "1 day is left".to_owned(),
                    days => format!("{days} days are left"),
                };
                format!(
                    "expires on {end}, {left}: encoders will refuse it then; renew it, new files are taken by themselves"
                )
            }
        })
    }

    /// Which of the warnings is due; nothing where it is valid and stays so for a while.
    pub(super) fn warning(&self, now: SystemTime) -> Option<Warning> {
        let now = clock(now)?;
        if now < self.not_before {
            return Some(Warning::NotYet);
        }
        if now > self.not_after {
            return Some(Warning::Over);
        }
        let left = self.not_after - now;
        WARN_BEFORE.into_iter().rev().find(|days| left < days * DAY).map(Warning::Within)
    }

    /// Whole days that are left; negative where it has run out.
    pub(super) fn days_left(&self, now: SystemTime) -> Option<i64> {
        Some((self.not_after - clock(now)?).div_euclid(DAY))
    }

    /// Its end, in seconds since 1970.
    pub(super) fn not_after(&self) -> i64 {
        self.not_after
    }

    /// Its last day, `YYYY-MM-DD` in UTC.
    pub(super) fn until(&self) -> String {
        day(self.not_after)
    }
}

/// What is to be said of the time for which a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Warning {
    /// It has not come.
    NotYet,
    /// It ends within so many days.
    Within(i64),
    /// It is over.
    Over,
}

/// A time in seconds since 1970.
fn clock(now: SystemTime) -> Option<i64> {
    now.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok())
}

/// The host names that a certificate is for; addresses are none, since no client asks for one by name.
pub(super) fn host_names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = x509_parser::parse_x509_certificate(certificate) else { return Vec::new() };
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(printable(name)),
        _ => None,
    });
    names.collect()
}

/// The problem behind `error`, with what was `refused`, by a client with this `trust`.
pub(super) fn diagnose(error: &CertificateError, refused: Option<&Refused>, trust: &Trust) -> CertificateProblem {
    let presented = match refused {
        Some(Refused::Chain(chain)) => chain.as_slice(),
        Some(Refused::Signature(certificate)) => std::slice::from_ref(certificate),
        None => &[],
    };
    if let (Trust::Pinned(_), Some(Refused::Chain(_)), Some(own)) = (trust, refused, presented.first()) {
        return CertificateProblem::NotPinned { fingerprint: Fingerprint::of(own) };
    }
    let chain: Vec<X509Certificate<'_>> = presented
        .iter()
        .filter_map(|der| x509_parser::parse_x509_certificate(der).ok().map(|(_, certificate)| certificate))
        .collect();
    let (Some(der), Some(leaf)) = (presented.first(), chain.first()) else {
        return CertificateProblem::Unsuitable { unfit: unfit::of(error, &[]) };
    };
    let is_bad_signature = matches!(error, CertificateError::BadSignature);
    // The TLS library does not say of a signature by too short a key that the key is too short.
    if let Some(unfit) = unfit::short_key(&chain).filter(|_| is_bad_signature) {
        return CertificateProblem::Unsuitable { unfit };
    }
    if matches!(refused, Some(Refused::Signature(_))) && is_bad_signature {
        return CertificateProblem::KeyNotProven;
    }
    let ca_file = matches!(trust, Trust::Authorities { ca_file: Some(_) });
    let shown = Shown { chain: &chain, leaf, fingerprint: Fingerprint::of(der), ca_file };
    match error {
        CertificateError::ExpiredContext { time, not_after } => CertificateProblem::Expired {
            whose: whose(&chain, |each| each.validity().not_after.timestamp() == seconds(*not_after)),
            on: day(seconds(*not_after)),
            today: day(seconds(*time)),
        },
        CertificateError::NotValidYetContext { time, not_before } => CertificateProblem::NotYetValid {
            whose: whose(&chain, |each| each.validity().not_before.timestamp() == seconds(*not_before)),
            from: day(seconds(*not_before)),
            today: day(seconds(*time)),
        },
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => wrong_host(leaf),
        CertificateError::UnknownIssuer => shown.unknown_issuer(),
        CertificateError::BadSignature => {
            CertificateProblem::BadSignature { issuer: name(top(&chain, leaf).issuer()), ca_file }
        }
        // A self-signed certificate with a flaw is refused for the flaw, before anyone looks who issued it.
        _ if is_self_signed(leaf) && flaw(leaf).is_some() => shown.self_signed(),
        other => CertificateProblem::Unsuitable { unfit: unfit::of(other, &chain) },
    }
}

/// What a server showed to a client that asks authorities.
struct Shown<'c, 'd> {
    chain: &'c [X509Certificate<'d>],
    leaf: &'c X509Certificate<'d>,
    fingerprint: Fingerprint,
    ca_file: bool,
}

impl Shown<'_, '_> {
    fn unknown_issuer(&self) -> CertificateProblem {
        if is_self_signed(self.leaf) {
            return self.self_signed();
        }
        let issuer = name(top(self.chain, self.leaf).issuer());
        // Public authorities say where their intermediate can be fetched, and never issue from a root; private ones do neither.
        if self.chain.len() == 1 && says_where_its_issuer_is(self.leaf) {
            return CertificateProblem::MissingIntermediate { issuer };
        }
        CertificateProblem::UnknownIssuer { issuer, fingerprint: self.fingerprint, ca_file: self.ca_file }
    }

    fn self_signed(&self) -> CertificateProblem {
        CertificateProblem::SelfSigned {
            name: name(self.leaf.subject()),
            flaw: flaw(self.leaf),
            fingerprint: self.fingerprint,
            ca_file: self.ca_file,
        }
    }
}

fn wrong_host(leaf: &X509Certificate<'_>) -> CertificateProblem {
    let mut names: Vec<String> = Vec::new();
    if let Ok(Some(extension)) = leaf.subject_alternative_name() {
        names.extend(extension.value.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(printable(name)),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        }));
    }
    let more = names.len().saturating_sub(limits::CERTIFICATE_NAMES);
    names.truncate(limits::CERTIFICATE_NAMES);
    let common_name = if names.is_empty() { common_name(leaf.subject()) } else { None };
    CertificateProblem::WrongHost { names, more, common_name }
}

/// Follows the issuers from `leaf` as far as `chain` knows them.
fn top<'c, 'd>(chain: &'c [X509Certificate<'d>], leaf: &'c X509Certificate<'d>) -> &'c X509Certificate<'d> {
    let mut top = leaf;
    // No longer than the chain, however its certificates name each other.
    for _ in chain {
        let issuer = chain.iter().find(|each| each.subject().as_raw() == top.issuer().as_raw() && !is_self_signed(top));
        match issuer {
            Some(issuer) => top = issuer,
            None => break,
        }
    }
    top
}

fn whose(chain: &[X509Certificate<'_>], is_it: impl Fn(&X509Certificate<'_>) -> bool) -> Whose {
    match chain.iter().position(is_it) {
        None | Some(0) => Whose::Server,
        Some(at) => chain.get(at).map_or(Whose::Server, |each| Whose::Authority(name(each.subject()))),
    }
}

fn is_self_signed(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
}

fn flaw(certificate: &X509Certificate<'_>) -> Option<Flaw> {
    if certificate.is_ca() {
        Some(Flaw::Authority)
    } else if certificate.version() == X509Version::V1 {
        Some(Flaw::Version1)
    } else {
        None
    }
}

fn says_where_its_issuer_is(certificate: &X509Certificate<'_>) -> bool {
    certificate.extensions().iter().any(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => {
            access.accessdescs.iter().any(|each| each.access_method == OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS)
        }
        _ => false,
    })
}

/// The common name, else the organisation, else the whole name.
fn name(name: &X509Name<'_>) -> String {
    common_name(name)
        .or_else(|| name.iter_organization().find_map(|each| each.as_str().ok()).map(printable))
        .unwrap_or_else(|| printable(&name.to_string()))
}

fn common_name(name: &X509Name<'_>) -> Option<String> {
    name.iter_common_name().find_map(|each| each.as_str().ok()).map(printable)
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(v4).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|v6| std::net::Ipv6Addr::from(v6).to_string())
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// `YYYY-MM-DD` in UTC.
fn day(seconds: i64) -> String {
    match ASN1Time::from_timestamp(seconds) {
        Ok(time) => {
            let date = time.to_datetime();
            format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
        }
        Err(_) => "a day beyond every calendar".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_time_of_our_own_certificate() {
        // 2026-01-02 to 2026-03-04, each at 00:00 UTC.
        let validity = Validity { not_before: 1_767_312_000, not_after: 1_772_582_400 };
        let end = validity.not_after;
        for (now, warning, text, days) in [
            (
                1_767_311_999,
                Some(Warning::NotYet),
                "is not valid before 2026-01-02, and this machine's clock says 2026-01-01",
                61,
            ),
            (1_767_312_000, None, "", 61),
            (end - 30 * DAY, None, "", 30),
            (end - 30 * DAY + 1, Some(Warning::Within(30)), "expires on 2026-03-04, 29 days are left", 29),
            (end - 14 * DAY, Some(Warning::Within(30)), "expires on 2026-03-04, 14 days", 14),
            (end - 14 * DAY + 1, Some(Warning::Within(14)), "expires on 2026-03-04, 13 days", 13),
            (end - 7 * DAY + 1, Some(Warning::Within(7)), "expires on 2026-03-04, 6 days", 6),
            (end - DAY, Some(Warning::Within(7)), "expires on 2026-03-04, 1 day is left", 1),
            (end - DAY + 1, Some(Warning::Within(1)), "expires on 2026-03-04, less than a day is left", 0),
            (end, Some(Warning::Within(1)), "expires on 2026-03-04", 0),
            (end + 1, Some(Warning::Over), "expired on 2026-03-04: encoders refuse it", -1),
        ] {
            let at = UNIX_EPOCH + Duration::from_secs(u64::try_from(now).unwrap());
            assert_eq!(validity.warning(at), warning, "{now}");
            let problem = validity.problem(at).unwrap_or_default();
            assert!(problem.starts_with(text) && (text.is_empty() == problem.is_empty()), "{now}: {problem}");
            assert_eq!(validity.days_left(at), Some(days), "{now}");
        }
    }
}

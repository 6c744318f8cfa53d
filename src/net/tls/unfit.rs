//! In which way a certificate is not fit for a server: from the verdict, and from the certificates themselves where the
//! verdict says too little.

use rustls::CertificateError;
use x509_parser::{
    certificate::X509Certificate,
    der_parser::{Oid, oid},
    oid_registry,
    public_key::PublicKey,
    x509::X509Version,
};

use crate::net::{error::Unfit, peer_text::printable};

/// The shortest RSA key that is accepted, in bits; that of every browser.
const RSA_BITS: usize = 2048;

/// What `error` means, for the chain that the server sent, its own certificate first; nothing of it where it cannot be read.
pub(super) fn of(error: &CertificateError, chain: &[X509Certificate<'_>]) -> Unfit {
    match error {
        CertificateError::BadEncoding => Unfit::Malformed,
        CertificateError::Expired => Unfit::EndsBeforeItBegins,
        CertificateError::Revoked => Unfit::Revoked,
        CertificateError::UnhandledCriticalExtension => Unfit::CriticalExtension,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Unfit::NotForServers,
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => unusual(chain),
        CertificateError::Other(inner) => inner
            .0
            .downcast_ref::<webpki::Error>()
            .map_or_else(|| Unfit::Other { detail: printable(&error.to_string()) }, |verdict| by_path(verdict, chain)),
        _ => Unfit::Other { detail: printable(&error.to_string()) },
    }
}

/// The RSA key of fewer bits than [`RSA_BITS`] on which the chain depends: the server's own, or one that signed in it.
pub(super) fn short_key(chain: &[X509Certificate<'_>]) -> Option<Unfit> {
    let own = chain.first().and_then(|leaf| match leaf.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => Some(key.key_size()),
        _ => None,
    });
    // An RSA signature is as long as the key: the issuer's certificate need not be at hand.
    let signing = signed_by_others(chain)
        .filter(|each| is_rsa(&each.signature_algorithm.algorithm))
        .map(|each| each.signature_value.data.len() * 8);
    let bits = own.into_iter().chain(signing).min()?;
    (bits < RSA_BITS).then_some(Unfit::ShortKey { bits })
}

/// The verdicts of the path's verification that have no name in rustls.
fn by_path(verdict: &webpki::Error, chain: &[X509Certificate<'_>]) -> Unfit {
    match verdict {
        webpki::Error::UnsupportedCriticalExtension => Unfit::CriticalExtension,
        webpki::Error::CaUsedAsEndEntity => Unfit::Authority,
        webpki::Error::UnsupportedCertVersion => Unfit::Version1,
        webpki::Error::NameConstraintViolation => Unfit::OutsideNameConstraints,
        webpki::Error::PathLenConstraintViolated => Unfit::PathTooLong,
        webpki::Error::EndEntityUsedAsCa => Unfit::IssuerIsNoAuthority,
        webpki::Error::MaximumPathDepthExceeded
        | webpki::Error::MaximumSignatureChecksExceeded
        | webpki::Error::MaximumPathBuildCallsExceeded
        | webpki::Error::MaximumNameConstraintComparisonsExceeded => Unfit::TooTangled,
        webpki::Error::ExtensionValueInvalid
        | webpki::Error::MalformedExtensions
        | webpki::Error::MalformedDnsIdentifier
        | webpki::Error::MalformedNameConstraint
        | webpki::Error::InvalidSerialNumber
        | webpki::Error::SignatureAlgorithmMismatch => Unfit::Malformed,
        other => match chain.first() {
            Some(leaf) if leaf.is_ca() => Unfit::Authority,
            Some(leaf) if leaf.version() == X509Version::V1 => Unfit::Version1,
            _ => Unfit::Other { detail: printable(&other.to_string()) },
        },
    }
}

/// A signature that is not supported: which, the certificates say.
fn unusual(chain: &[X509Certificate<'_>]) -> Unfit {
    let obsolete = [
        oid_registry::OID_PKCS1_SHA1WITHRSA,
        oid_registry::OID_SHA1_WITH_RSA,
        oid_registry::OID_PKCS1_MD5WITHRSAENC,
        // ecdsa-with-SHA1, RFC 3279 section 2.2.3.
        oid!(1.2.840.10045.4.1),
    ];
    if signed_by_others(chain).any(|each| obsolete.contains(&each.signature_algorithm.algorithm)) {
        return Unfit::ObsoleteDigest;
    }
    Unfit::UnusualSignature
}

/// Those whose signatures count: nobody looks at a root's own.
fn signed_by_others<'c, 'd>(chain: &'c [X509Certificate<'d>]) -> impl Iterator<Item = &'c X509Certificate<'d>> {
    let is_root = |each: &X509Certificate<'_>| each.subject().as_raw() == each.issuer().as_raw();
    chain.iter().enumerate().filter(move |(index, each)| *index == 0 || !is_root(each)).map(|(_, each)| each)
}

fn is_rsa(algorithm: &Oid<'_>) -> bool {
    [
        oid_registry::OID_PKCS1_SHA1WITHRSA,
        oid_registry::OID_PKCS1_SHA256WITHRSA,
        oid_registry::OID_PKCS1_SHA384WITHRSA,
        oid_registry::OID_PKCS1_SHA512WITHRSA,
        oid_registry::OID_PKCS1_RSASSAPSS,
    ]
    .contains(algorithm)
}

//! In which way a certificate is not fit for a server, whoever issued it; each with its remedy.

use super::{Endpoint, hint::alternative_name};

/// In which way a certificate is not fit for a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It cannot be read.
    Malformed,
    /// Its end lies before its beginning.
    EndsBeforeItBegins,
    /// Its issuer has revoked it.
    Revoked,
    /// Its extended key usage lacks serverAuth.
    NotForServers,
    /// It has a critical extension that nobody here understands: whoever does not understand one has to refuse.
    CriticalExtension,
    /// It is an authority's own (`CA:TRUE`).
    Authority,
    /// It is of X.509 version 1, which names no host.
    Version1,
    /// It is signed with a digest that can be forged: SHA-1, MD5.
    ObsoleteDigest,
    /// It, or one above it, is signed or to be used with an RSA key that is too short.
    ShortKey {
        /// The key's length.
        bits: usize,
    },
    /// It is signed in a way that is not supported: an unusual curve, mostly.
    UnusualSignature,
    /// An authority above it may not issue for the names in it.
    OutsideNameConstraints,
    /// An authority above it allows fewer authorities below itself (`pathlen`).
    PathTooLong,
    /// Its issuer's certificate is no authority's (`CA:FALSE`).
    IssuerIsNoAuthority,
    /// There are too many certificates or names to look through.
    TooTangled,
    /// Another way, in the TLS library's words.
    Other {
        /// Those words.
        detail: String,
    },
}

impl Unfit {
    /// Continues "the certificate is not fit for a server: it …".
    pub(super) fn reason(&self) -> String {
        let reason = match self {
            Self::Malformed => "is malformed",
            Self::EndsBeforeItBegins => "ends before it begins",
            Self::Revoked => "has been revoked",
            Self::NotForServers => "may not be used by servers (its extended key usage lacks serverAuth)",
            Self::CriticalExtension => "has a critical extension that nobody here understands",
            Self::Authority => "is an authority's own (CA:TRUE), which no server may show",
            Self::Version1 => "is of X.509 version 1, which names no host",
            Self::ObsoleteDigest => "is signed in an obsolete way (SHA-1 or MD5), which can be forged",
            Self::ShortKey { bits } => {
                return format!("depends on an RSA key of {bits} bits, which is too short to be safe");
            }
            Self::UnusualSignature => "is signed in a way that is not supported (an unusual curve or algorithm)",
            Self::OutsideNameConstraints => {
                "names a host for which its authority may not issue (name constraints of the authority)"
            }
            Self::PathTooLong => "has more authorities above it than the first of them allows (path length)",
            Self::IssuerIsNoAuthority => "was issued with a certificate that is no authority's (CA:FALSE)",
            Self::TooTangled => "comes with too many certificates or names to look through",
            Self::Other { detail } => return format!("is refused ({detail})"),
        };
        reason.to_owned()
    }

    /// What to do about it.
    pub(super) fn remedy(&self, at: &Endpoint) -> String {
        let what = match self {
            Self::Malformed => "export its certificate again, whole and as PEM".to_owned(),
            Self::NotForServers => "make its certificate anew with `extendedKeyUsage=serverAuth`".to_owned(),
            Self::CriticalExtension => {
                "make its certificate anew without that extension, or with it marked as not critical".to_owned()
            }
            Self::Authority => {
                "make its certificate anew with `basicConstraints=critical,CA:FALSE`, issued by this one".to_owned()
            }
            Self::Version1 => format!(
                "make its certificate anew with `subjectAltName={}` (`openssl x509 -req` needs `-extfile` or \
                 `-copy_extensions copy` for that)",
                alternative_name(at)
            ),
            Self::ObsoleteDigest => "make its certificate, and those above it, anew with `-sha256`".to_owned(),
            Self::ShortKey { .. } | Self::UnusualSignature => {
                "make key and certificate anew, and those above it: ECDSA P-256, or RSA of at least 2048 bits".to_owned()
            }
            Self::OutsideNameConstraints => {
                format!("have its certificate issued by an authority that may issue for `{}`", at.host())
            }
            Self::PathTooLong => {
                "have its certificate issued by an authority higher up, or make the upper one's anew with a larger `pathlen`"
                    .to_owned()
            }
            Self::IssuerIsNoAuthority => {
                "have its certificate issued by an authority, or make the issuer's anew with \
                 `basicConstraints=critical,CA:TRUE`"
                    .to_owned()
            }
            Self::TooTangled => "let it send its own certificate and those up to the root, and no others".to_owned(),
            Self::EndsBeforeItBegins | Self::Revoked | Self::Other { .. } => "make its certificate anew".to_owned(),
        };
        format!("if the server is yours, {what}; else tell the server's operator")
    }
}

//! What a server showed on a connection that was made.

use std::time::SystemTime;

use rustls::pki_types::CertificateDer;

use super::certificate::Validity;

/// The chain of certificates that a peer showed, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// How many certificates, the peer's own with them.
    pub length: usize,
    /// The last day of the peer's own, `YYYY-MM-DD` in UTC; `None` where it cannot be read.
    pub until: Option<String>,
    /// Whole days that its own has left; negative where it has run out.
    pub days_left: Option<i64>,
}

impl Chain {
    /// Of what was shown, as it is `now`; `None` where there is no certificate.
    pub(in crate::net) fn of(shown: &[CertificateDer<'_>], now: SystemTime) -> Option<Self> {
        let validity = Validity::of(shown.first()?);
        Some(Self {
            length: shown.len(),
            until: validity.map(|validity| validity.until()),
            days_left: validity.and_then(|validity| validity.days_left(now)),
        })
    }
}

//! What encrypts: aws-lc-rs, and first of its ciphers the one that this machine's processor does fastest.

use std::sync::{Arc, OnceLock};

use rustls::{
    CipherSuite,
    crypto::{CryptoProvider, aws_lc_rs},
};

/// The same for every connection of the process. With AES in the processor AES-128-GCM is first, which takes less of it than
/// AES-256-GCM and protects as well; without, ChaCha20-Poly1305.
pub(in crate::net) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(ordered(has_aes()))))
}

fn ordered(has_aes: bool) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    // Stable: TLS 1.3 stays before 1.2, and ECDSA before RSA.
    provider.cipher_suites.sort_by_key(|suite| Cipher::of(suite.suite()).rank(has_aes));
    provider
}

/// Whether a peer that offers these suites, its favourite first, has no AES in its processor: whoever has some offers AES first.
pub(super) fn prefers_chacha(offered: &[CipherSuite]) -> bool {
    // What is not ours says nothing: CBC, and the values that are there to be ignored.
    let favourite = offered.iter().map(|suite| Cipher::of(*suite)).find(|cipher| *cipher != Cipher::Other);
    favourite == Some(Cipher::ChaCha20Poly1305)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cipher {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
    Other,
}

impl Cipher {
    fn of(suite: CipherSuite) -> Self {
        match suite {
            CipherSuite::TLS13_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => Self::Aes128Gcm,
            CipherSuite::TLS13_AES_256_GCM_SHA384
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
            | CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => Self::Aes256Gcm,
            CipherSuite::TLS13_CHACHA20_POLY1305_SHA256
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
            | CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => Self::ChaCha20Poly1305,
            _ => Self::Other,
        }
    }

    /// Its place, from the front.
    fn rank(self, has_aes: bool) -> u8 {
        match self {
            Self::ChaCha20Poly1305 if !has_aes => 0,
            Self::Aes128Gcm => 1,
            Self::Aes256Gcm => 2,
            Self::ChaCha20Poly1305 => 3,
            Self::Other => 4,
        }
    }
}

/// Whether the processor does AES and GCM's multiplication itself.
fn has_aes() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes") && std::arch::is_aarch64_feature_detected!("pmull");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    false
}

#[cfg(test)]
mod tests {
    use rustls::ProtocolVersion;

    use super::*;

    fn order(has_aes: bool, version: ProtocolVersion) -> Vec<Cipher> {
        let suites = ordered(has_aes).cipher_suites;
        let mut ciphers: Vec<_> = suites
            .iter()
            .filter(|suite| suite.version().version == version)
            .map(|suite| Cipher::of(suite.suite()))
            .collect();
        ciphers.dedup();
        ciphers
    }

    #[test]
    fn what_the_processor_does_fastest_is_first() {
        use Cipher::{Aes128Gcm, Aes256Gcm, ChaCha20Poly1305};

        for version in [ProtocolVersion::TLSv1_3, ProtocolVersion::TLSv1_2] {
            assert_eq!(order(true, version), [Aes128Gcm, Aes256Gcm, ChaCha20Poly1305]);
            assert_eq!(order(false, version), [ChaCha20Poly1305, Aes128Gcm, Aes256Gcm]);
        }
        // Nothing is left out: a server may have one of them alone.
        assert_eq!(ordered(true).cipher_suites.len(), aws_lc_rs::default_provider().cipher_suites.len());
    }

    #[test]
    fn who_has_no_aes_says_so_by_its_order() {
        let grease = CipherSuite::Unknown(0x1A1A);
        let cbc = CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA;
        let (aes, chacha) = (CipherSuite::TLS13_AES_256_GCM_SHA384, CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
        let chacha12 = CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;
        for (offered, expected) in [
            (&[aes, chacha][..], false),
            (&[chacha, aes], true),
            (&[grease, chacha, aes], true),
            (&[cbc, chacha12, aes], true),
            (&[grease, aes, chacha], false),
            (&[cbc, grease], false),
            (&[], false),
        ] {
            assert_eq!(prefers_chacha(offered), expected, "{offered:?}");
        }
    }
}

//! The verdict on a server.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
    client::{
        VerifierBuilderError, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::{
    Fingerprint, signature,
    witness::{self, Refused},
};

/// Decides whether a server is believed. Every server must prove that it holds the key of what it shows, whoever is trusted.
#[derive(Debug)]
pub(super) struct Verifier {
    judge: Judge,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
enum Judge {
    Authorities(Arc<WebPkiServerVerifier>),
    Pinned(Vec<Fingerprint>),
    Anybody,
}

impl Verifier {
    /// Believes servers for which one of `roots` vouches, for the host and now.
    pub(super) fn authorities(
        roots: RootCertStore,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        Ok(Self::new(Judge::Authorities(builder.build()?), provider))
    }

    /// Believes servers that show one of the certificates `pins`.
    pub(super) fn pinned(pins: Vec<Fingerprint>, provider: &CryptoProvider) -> Self {
        Self::new(Judge::Pinned(pins), provider)
    }

    /// Believes everybody.
    pub(super) fn dangerous_anybody(provider: &CryptoProvider) -> Self {
        Self::new(Judge::Anybody, provider)
    }

    fn new(judge: Judge, provider: &CryptoProvider) -> Self {
        Self { judge, algorithms: provider.signature_verification_algorithms }
    }

    fn noted(
        certificate: &CertificateDer<'_>,
        verdict: Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        if verdict.is_err() {
            witness::refused(|| Refused::Signature(certificate.clone().into_owned()));
        }
        verdict
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = match &self.judge {
            Judge::Authorities(inner) => {
                inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            Judge::Pinned(pins) if pins.contains(&Fingerprint::of(end_entity)) => Ok(ServerCertVerified::assertion()),
            Judge::Pinned(_) => Err(CertificateError::ApplicationVerificationFailure.into()),
            Judge::Anybody => Ok(ServerCertVerified::assertion()),
        };
        if verdict.is_err() {
            witness::refused(|| {
                let chain = std::iter::once(end_entity).chain(intermediates);
                Refused::Chain(chain.map(|each| each.clone().into_owned()).collect())
            });
        }
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verdict = match &self.judge {
            Judge::Authorities(inner) => inner.verify_tls12_signature(message, certificate, signed),
            Judge::Pinned(_) | Judge::Anybody => {
                signature::verify_tls12(message, certificate, signed, &self.algorithms)
            }
        };
        Self::noted(certificate, verdict)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verdict = match &self.judge {
            Judge::Authorities(inner) => inner.verify_tls13_signature(message, certificate, signed),
            Judge::Pinned(_) | Judge::Anybody => {
                signature::verify_tls13(message, certificate, signed, &self.algorithms)
            }
        };
        Self::noted(certificate, verdict)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        match &self.judge {
            Judge::Authorities(inner) => inner.root_hint_subjects(),
            Judge::Pinned(_) | Judge::Anybody => None,
        }
    }
}

//! TLS on both sides, and why a handshake failed.
//!
//! Versions 1.2 and 1.3 with aws-lc-rs (`provider`), which is passed to every configuration: there is no process-wide default
//! to depend on.

mod certificate;
mod chain;
mod client;
mod file;
mod fingerprint;
mod provider;
mod roots;
mod server;
mod sessions;
mod shown;
mod signature;
mod trust;
mod unfit;
mod verifier;
mod verifiers;
mod witness;

pub use self::{
    chain::Chain,
    client::TlsClient,
    file::{FileError, FileProblem},
    fingerprint::{Fingerprint, FingerprintError},
    roots::trusted_certificates,
    server::{AcceptCause, AcceptError, TlsServer},
    shown::{CertificateFiles, CertificateStatus, Change},
    trust::Trust,
};
pub(in crate::net) use self::{client::Unprotected, provider::provider};

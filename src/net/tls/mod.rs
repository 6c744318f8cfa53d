//! TLS on both sides, and why a handshake failed.
//!
//! Versions 1.2 and 1.3 with aws-lc-rs, which is passed to every configuration: there is no process-wide default to
//! depend on.

mod certificate;
mod chain;
mod client;
mod file;
mod fingerprint;
mod server;
mod shown;
mod signature;
mod trust;
mod unfit;
mod verifier;
mod witness;

pub use self::{
    chain::Chain,
    client::{TlsClient, trusted_certificates},
    file::{FileError, FileProblem},
    fingerprint::{Fingerprint, FingerprintError},
    server::{AcceptCause, AcceptError, TlsServer},
    shown::{CertificateFiles, CertificateStatus, Change},
    trust::Trust,
};

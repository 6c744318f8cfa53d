//! TLS on both sides, and why a handshake failed.
//!
//! Versions 1.2 and 1.3 with aws-lc-rs, which is passed to every configuration: there is no process-wide default to
//! depend on.

mod certificate;
mod client;
mod file;
mod server;
mod shown;

pub use self::{
    client::{TlsClient, trusted_certificates},
    file::{FileError, FileProblem},
    server::{AcceptCause, AcceptError, TlsServer},
    shown::{CertificateFiles, CertificateStatus, Change},
};

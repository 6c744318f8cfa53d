//! The settings of the server as a whole: flags before environment before `forkcast.toml`.

use std::{net::SocketAddr, path::PathBuf};

use super::explain::Explained;

/// What `serve` runs with, besides the destinations.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Where publishers connect with `rtmp://`.
    pub rtmp: Option<SocketAddr>,
    /// Where publishers connect with `rtmps://`.
    pub rtmps: Option<Rtmps>,
    /// Where status, metrics and health are served.
    pub http: Option<SocketAddr>,
    /// The folder of destinations.
    pub destinations: PathBuf,
    /// The folder where generated stream keys are kept.
    pub state: PathBuf,
    /// Do not start with any file wrong.
    pub strict: bool,
    /// Each setting's effective value, with where it comes from.
    pub explanation: Vec<Explained>,
}

/// A listener with TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rtmps {
    /// Where it listens.
    pub address: SocketAddr,
    /// The certificate chain, PEM.
    pub tls_cert: PathBuf,
    /// The private key, PEM.
    pub tls_key: PathBuf,
}

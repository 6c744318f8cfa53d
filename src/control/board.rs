//! Everything of a running relay that can be looked at.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use super::guide::Guide;
use crate::{
    destination::Destination,
    net::{TlsServer, tls::CertificateStatus},
    stream::Feed,
};

/// The streams of a relay and their destinations, with when it started.
pub struct Board {
    /// When the relay started.
    pub started: Instant,
    /// Each stream with its destinations, in the order of the configuration.
    pub streams: Vec<(Arc<Feed>, Vec<Destination>)>,
    /// The certificates that publishers are shown, where there is TLS.
    pub tls: Option<TlsServer>,
    /// What a person needs to go live.
    pub guide: Guide,
}

impl Board {
    /// Each certificate that publishers are shown, as it is now.
    pub fn certificates(&self) -> Vec<CertificateStatus> {
        self.tls.as_ref().map(|tls| tls.certificates(SystemTime::now())).unwrap_or_default()
    }
}

//! Everything of a running relay that can be looked at.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Instant, SystemTime},
};

use tokio::sync::watch;

use super::guide::KeyPlace;
use crate::{
    config::Problem,
    destination::Destination,
    net::{TlsServer, tls::CertificateStatus},
    stream::Feed,
};

/// What a relay shows of itself. What runs changes with the files: each look is at what there is at that moment.
pub struct Board {
    /// When the relay started.
    pub started: Instant,
    /// The certificates that publishers are shown, where there is TLS.
    pub tls: Option<TlsServer>,
    /// The server URL of each listener. `HOST` stands for a name that only its reader knows.
    pub servers: Vec<String>,
    /// Replaced as a whole; held for one clone, never across an await.
    streams: RwLock<Arc<[StreamView]>>,
    configuration: RwLock<Arc<Configuration>>,
    readiness: watch::Sender<Readiness>,
}

/// Whether the relay takes publishers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It does.
    Ready,
    /// It takes no further ones, and stops when those that are there have left.
    Draining,
}

/// One stream, as others see it.
#[derive(Clone)]
pub struct StreamView {
    /// The stream.
    pub feed: Arc<Feed>,
    /// Where a person finds its key.
    pub key: KeyPlace,
    /// Where it goes, in the order of the configuration.
    pub destinations: Vec<Destination>,
}

/// What was last read of the files.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// When that was.
    pub read: SystemTime,
    /// Every mistake and warning.
    pub problems: Vec<Problem>,
    /// What to do while no destination is on; `None` where one is.
    pub first_step: Option<String>,
    /// Why the files that are there now are not gone by as a whole, and what to do.
    pub kept: Option<String>,
    /// What has changed and counts only from the next start on.
    pub needs_restart: Vec<String>,
}

impl Board {
    /// Of a relay that has just started, with no stream yet.
    #[must_use]
    pub fn new(tls: Option<TlsServer>, servers: Vec<String>) -> Self {
        Self {
            started: Instant::now(),
            tls,
            servers,
            streams: RwLock::default(),
            configuration: RwLock::default(),
            readiness: watch::Sender::new(Readiness::Ready),
        }
    }

    /// Each stream with its destinations, in the order of the configuration.
    #[must_use]
    pub fn streams(&self) -> Arc<[StreamView]> {
        Arc::clone(&self.streams.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows other streams from now on.
    pub fn show(&self, streams: Arc<[StreamView]>) {
        *self.streams.write().unwrap_or_else(PoisonError::into_inner) = streams;
    }

    /// What was last read of the files.
    #[must_use]
    pub fn configuration(&self) -> Arc<Configuration> {
        Arc::clone(&self.configuration.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows what was read just now.
    pub fn show_configuration(&self, configuration: Configuration) {
        *self.configuration.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(configuration);
    }

    /// Whether the relay takes publishers.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        *self.readiness.borrow()
    }

    /// From now on it does, or does not.
    pub fn set_readiness(&self, readiness: Readiness) {
        self.readiness.send_replace(readiness);
    }

    /// Each certificate that publishers are shown, as it is now.
    #[must_use]
    pub fn certificates(&self) -> Vec<CertificateStatus> {
        self.tls.as_ref().map(|tls| tls.certificates(SystemTime::now())).unwrap_or_default()
    }
}

impl Default for Configuration {
    fn default() -> Self {
        Self { read: SystemTime::now(), problems: Vec::new(), first_step: None, kept: None, needs_restart: Vec::new() }
    }
}

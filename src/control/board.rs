//! Everything of a running relay that can be looked at.

use std::{
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::{Instant, SystemTime},
};

use super::{guide::KeyPlace, readiness::Readiness, recent::Recent};
use crate::{
    config::Problem,
    destination::{Destination, status::State},
    net::{TlsServer, tls::CertificateStatus},
    observe::Pulse,
    stream::{Feed, Phase},
};

/// What a relay shows of itself. What runs changes with the files: each look is at what there is at that moment.
pub struct Board {
    /// When the relay started.
    pub started: Instant,
    /// The certificates that publishers are shown, where there is TLS.
    pub tls: Option<TlsServer>,
    /// The server URL of each listener. `HOST` stands for a name that only its reader knows.
    pub servers: Vec<String>,
    /// The address of each listener for publishers.
    pub listeners: Vec<SocketAddr>,
    /// Whether publishers may come. Whoever drains the relay says so here.
    pub readiness: Readiness,
    /// Whether the relay makes progress.
    pub pulse: Pulse,
    /// What came and went in the last minute, where somebody counts it.
    pub recent: Recent,
    /// Replaced as a whole; held for one clone, never across an await.
    streams: RwLock<Arc<[StreamView]>>,
    configuration: RwLock<Arc<Configuration>>,
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
            listeners: Vec::new(),
            readiness: Readiness::starting(),
            pulse: Pulse::new(),
            recent: Recent::default(),
            streams: RwLock::default(),
            configuration: RwLock::default(),
        }
    }

    /// The same of one that listens for publishers there.
    #[must_use]
    pub fn listening_on(self, listeners: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self { listeners: listeners.into_iter().collect(), ..self }
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

    /// How the relay is, in a line: `2 of 3 streams live, 7 of 8 destinations deliver, 1 fails`.
    #[must_use]
    pub fn summary(&self) -> String {
        let streams = self.streams();
        let live = streams.iter().filter(|stream| stream.feed.phase() == Phase::Live).count();
        let (mut on, mut deliver, mut fail) = (0, 0, 0);
        for destination in streams.iter().flat_map(|stream| &stream.destinations) {
            match destination.report.state() {
                State::Off { .. } => continue,
                State::Delivering => deliver += 1,
                State::Wrong { .. }
                | State::Stalling
                | State::Waiting { .. }
                | State::Parked { .. }
                | State::Unsuitable { .. } => fail += 1,
                State::Connecting if destination.report.trouble().is_some() => fail += 1,
                State::Idle | State::Connecting | State::Held => {}
            }
            on += 1;
        }
        let fails = match fail {
            0 => String::new(),
            1 => ", 1 fails".to_owned(),
            fail => format!(", {fail} fail"),
        };
        let plural =
            |count: usize, what: &str| if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") };
        let (streams, on) = (plural(streams.len(), "stream"), plural(on, "destination"));
        format!("{live} of {streams} live, {deliver} of {on} deliver{fails}")
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::{destination::status::Report, stream::testing::feed};

    #[tokio::test]
    async fn whoever_gets_nothing_of_the_stream_is_counted_as_failing() {
        let reason = String::new;
        let states = [
            State::Delivering,
            State::Off { reason: reason() },
            State::Unsuitable { reason: reason() },
            State::Stalling,
            State::Connecting,
        ];
        let destinations = states.map(|state| Destination {
            name: state.label().to_owned(),
            file: PathBuf::new(),
            settings: None,
            problem: None,
            lacks: &[],
            report: Arc::new(Report::new(state)),
        });
        let board = Board::new(None, Vec::new());
        let key = KeyPlace { text: String::new(), file: None };
        board.show(Arc::new([StreamView { feed: feed(), key, destinations: destinations.into() }]));
        assert_eq!(board.summary(), "0 of 1 stream live, 1 of 4 destinations deliver, 2 fail");
    }
}

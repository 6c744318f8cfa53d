//! What is asked about a server, and what was found.

use std::{sync::Arc, time::Duration};

use super::limits;
use crate::{
    destination::{
        failure::{Failure, Kind, Stage},
        route::Server,
        settings::{Settings, Trust},
    },
    net::{Endpoint, Steps, io::Protection, tls::Chain},
    rtmp::url::{Scheme, ServerUrl},
};

/// One server of a destination, to be connected to.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The destination, as its lines are to be called.
    pub destination: String,
    /// The destination's settings.
    pub settings: Arc<Settings>,
    /// The server.
    pub server: Server,
    /// What is known to be wrong with it before it is asked.
    pub warning: Option<Warning>,
}

impl Subject {
    /// The servers of a destination: the primary, and the backup where there is one.
    pub fn all(destination: &str, settings: &Settings) -> Vec<Self> {
        let backup = settings.backup.as_ref().map(|backup| Server { url: backup.url.clone(), is_backup: true });
        let servers = [Server { url: settings.url.clone(), is_backup: false }].into_iter().chain(backup);
        let settings = Arc::new(settings.clone());
        let of = |server| {
            let (destination, settings) = (destination.to_owned(), Arc::clone(&settings));
            Self { destination, settings, server, warning: None }
        };
        servers.map(of).collect()
    }

    /// Whether one connection answers for both: up to `connect` a server is told nothing that differs between them, and what is to be
    /// done about it is to be done in the same field.
    pub(super) fn is_same_connection(&self, other: &Self) -> bool {
        let field = |subject: &Self| subject.server.endpoint(&subject.settings).origin();
        let of = |subject: &Self| (subject.settings.bind, subject.settings.platform.chunk_size, field(subject));
        self.server.url.expose_tc_url() == other.server.url.expose_tc_url()
            && self.settings.trust == other.settings.trust
            && of(self) == of(other)
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The destination.
    pub destination: String,
    /// The server, as the destination's file names it.
    pub url: ServerUrl,
    /// It is the backup.
    pub is_backup: bool,
    /// How far it came.
    pub outcome: Outcome,
    /// What was seen on the way, as far as it went.
    pub seen: Seen,
    /// What a person should know of it even where it is ready.
    pub warning: Option<Warning>,
}

/// How far a connection came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server accepted `connect`; nothing was published.
    Ready,
    /// It failed, as the destination would have.
    Failed(Failure),
    /// The time of the preflight was over before this was done.
    NotReached(Stage),
}

/// What was seen of a server. The times are those of the server that answered, where another one sent us there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Name, TCP and TLS.
    pub steps: Steps,
    /// The RTMP handshake.
    pub handshake: Option<Duration>,
    /// From the end of the handshake to the answer to `connect`.
    pub rtmp_connect: Option<Duration>,
    /// Version and cipher of TLS.
    pub protection: Option<Protection>,
    /// The certificates that were shown, also where they were refused.
    pub chain: Option<Chain>,
    /// TCP's round trip, where the system tells.
    pub round_trip: Option<Duration>,
    /// From the beginning to the outcome.
    pub took: Duration,
    /// The server to which this one sends its publishers.
    pub sent_on: Option<ServerUrl>,
}

/// What is right as far as the connection goes, and should not stay as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What it is; lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Finding {
    /// Of this server, with this outcome.
    pub(super) fn new(subject: &Subject, outcome: Outcome, seen: Seen) -> Self {
        let of_certificate = || Warning::of(&subject.settings.trust, &subject.server.url, &seen);
        let known = subject.warning.clone().filter(|_| !outcome.is_relay_itself());
        let warning = known.or_else(of_certificate);
        let Server { url, is_backup } = subject.server.clone();
        Self { destination: subject.destination.clone(), url, is_backup, outcome, seen, warning }
    }

    /// Whether a publish could begin there.
    pub fn is_ready(&self) -> bool {
        self.outcome == Outcome::Ready
    }
}

impl Outcome {
    /// It was seen to lead to this relay, which says more than what was known before.
    fn is_relay_itself(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.kind == Kind::RelayLoop)
    }
}

impl Seen {
    /// The step that was not done when time was over.
    pub(super) fn stage(&self, url: &ServerUrl) -> Stage {
        let url = self.sent_on.as_ref().unwrap_or(url);
        match &self.steps {
            Steps { resolve: None, .. } => Stage::Resolve,
            Steps { connect: None, .. } => Stage::Connect,
            Steps { tls: None, .. } if url.scheme() == Scheme::Rtmps => Stage::Tls,
            _ if self.handshake.is_none() => Stage::Handshake,
            _ => Stage::RtmpConnect,
        }
    }
}

impl Warning {
    fn of(trust: &Trust, url: &ServerUrl, seen: &Seen) -> Option<Self> {
        // Whoever pins a certificate, or believes anybody, does not ask for its time. Of one that was refused more is said than this.
        if !matches!(trust, Trust::Authorities { .. }) || seen.steps.tls.is_none() {
            return None;
        }
        let chain = seen.chain.as_ref()?;
        let (days, until) = (chain.days_left.filter(|days| *days < limits::DAYS_LEFT)?, chain.until.as_ref()?);
        let left = match days {
            1 => "1 day is left".to_owned(),
            days if days < 1 => "less than a day is left".to_owned(),
            days => format!("{days} days are left"),
        };
        let url = seen.sent_on.as_ref().unwrap_or(url);
        let endpoint = Endpoint::new(url.host(), url.port());
        Some(Self {
            message: format!("the certificate of `{endpoint}` expires on {until}, {left}"),
            hint: "renew it, or ask the server's operator to: once it has expired nothing is sent there".to_owned(),
        })
    }
}

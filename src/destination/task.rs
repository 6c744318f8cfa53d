//! A destination's life: wait for a broadcast, connect, send, try again, end with it.

use std::{io, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    backoff::{Attempt, Backoff, Next},
    failure::{self, Failure, Kind},
    filter::Filter,
    playhead::Clock,
    session::{Context, End, History, Session, Watch},
    settings::Settings,
    status::{Report, State},
};
use crate::{
    net::{self, Endpoint, Target, TlsClient},
    observe::Event,
    rtmp::{
        client::{self, Client},
        handshake::{Form, RANDOM_LEN, Random},
        url::Scheme,
    },
    stream::{Broadcast, Feed, Phase},
};

/// How a destination is asked to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// No further broadcast is served; the present one is, to its end.
    pub drain: CancellationToken,
    /// The connection is dropped at once, with no word that would end the broadcast on the platform.
    pub leave: CancellationToken,
}

/// One destination of one stream. Owns its connection, its cursor and its state; nobody waits for it.
pub struct Task {
    settings: Settings,
    feed: Arc<Feed>,
    report: Arc<Report>,
    stop: Stop,
    filter: Filter,
    endpoint: Endpoint,
    /// Made at the first connection: reading the system's roots takes a while.
    tls: Option<Arc<TlsClient>>,
    /// The number of the broadcast that was served last: each one is served once.
    served: u64,
    /// The session's clock, for platforms that want it to go on after a reconnect.
    clock: Clock,
    backoff: Backoff,
    history: History,
    /// When it was last cut off while it delivered.
    lost: Option<Instant>,
}

impl Task {
    /// A destination that waits for its stream's next broadcast.
    pub fn new(settings: Settings, feed: Arc<Feed>, report: Arc<Report>, stop: Stop) -> Self {
        Self {
            filter: Filter::new(&settings),
            backoff: Backoff::new(settings.reconnect.clone()),
            endpoint: Endpoint::new(settings.url.host(), settings.url.port()),
            settings,
            feed,
            report,
            stop,
            tls: None,
            served: 0,
            clock: Clock::FromFirstMessage,
            history: History::default(),
            lost: None,
        }
    }

    /// Serves one broadcast after the other until it is asked to stop.
    pub async fn run(mut self) {
        while let Some(broadcast) = self.next_broadcast().await {
            self.served = broadcast.number;
            self.serve(broadcast).await;
        }
        self.report.enter(State::Idle);
    }

    /// Waits for a broadcast that can be started: it has its first random access point, and is what the destination takes.
    async fn next_broadcast(&mut self) -> Option<Broadcast> {
        self.report.enter(State::Idle);
        let mut broadcast = self.feed.broadcast();
        let mut head = self.feed.head();
        let mut refused = 0;
        loop {
            let now = *broadcast.borrow_and_update();
            let mut waits_for_keyframe = false;
            if now.phase == Phase::Live && now.number > self.served && now.number > refused {
                waits_for_keyframe = self.feed.read(|log| log.newest_random_access(now.from).is_none());
                if !waits_for_keyframe {
                    match self.refusal() {
                        None => return Some(now),
                        Some(reason) => {
                            refused = now.number;
                            self.unsuitable(reason);
                        }
                    }
                }
            }
            tokio::select! {
                biased;
                () = self.stop.leave.cancelled() => return None,
                () = self.stop.drain.cancelled() => return None,
                // The senders live in the feed.
                _ = broadcast.changed() => {}
                _ = head.changed(), if waits_for_keyframe => {}
            }
        }
    }

    /// Connects, sends, and tries again, until the broadcast is over or nothing more is to be tried.
    async fn serve(&mut self, broadcast: Broadcast) {
        self.backoff = Backoff::new(self.settings.reconnect.clone());
        self.history = History::default();
        self.lost = None;
        self.clock = Clock::FromFirstMessage;
        while self.publisher_is_there(broadcast).await {
            self.report.enter(State::Connecting);
            let began = Instant::now();
            let (end, delivered) = self.attempt(broadcast).await;
            let (stream, destination) = (self.feed.name(), self.settings.name.as_str());
            let failure = match end {
                End::Finished => return Event::DestinationEnded { stream, destination }.emit(),
                End::Left => return Event::DestinationLeft { stream, destination }.emit(),
                End::Unsuitable(reason) => {
                    self.unsuitable(reason);
                    break;
                }
                End::Failed(failure) => failure,
            };
            let attempt = Attempt { lasted: began.elapsed(), delivered: delivered.unwrap_or_default() };
            self.remember(&failure, delivered);
            if !self.wait(&failure, attempt, broadcast).await {
                break;
            }
        }
        self.rest(broadcast).await;
    }

    /// One connection, from dialling to its end, and for how long the server accepted the publish.
    async fn attempt(&mut self, broadcast: Broadcast) -> (End, Option<Duration>) {
        let tls = match self.tls().await {
            Ok(tls) => tls,
            Err(failure) => return (End::Failed(failure), None),
        };
        let target = Target::new(self.settings.url.host(), self.settings.url.port(), tls);
        let transport = tokio::select! {
            biased;
            () = self.stop.leave.cancelled() => return (End::Left, None),
            () = over(&self.feed, broadcast) => return (End::Finished, None),
            dialled = net::dial(&target) => match dialled {
                Ok(transport) => transport,
                Err(error) => return (End::Failed(Failure::from(&error)), None),
            },
        };
        let client = match self.client() {
            Ok(client) => client,
            Err(failure) => return (End::Failed(failure), None),
        };
        let context = Context {
            feed: &self.feed,
            broadcast,
            settings: &self.settings,
            report: &self.report,
            endpoint: &self.endpoint,
            history: self.history,
        };
        let mut session = Session::new(transport, client, context, self.clock);
        let mut teller = Teller { feed: &self.feed, settings: &self.settings, lost: self.lost };
        let end = session.run(&self.stop.leave, &mut teller).await;
        self.report.nowhere();
        let delivered = session.accepted_for();
        if self.settings.platform.continuous_timestamps {
            self.clock = session.clock();
        }
        match end {
            End::Finished => session.close().await,
            // An unpublish would end the broadcast on some platforms: the connection is just dropped.
            End::Left | End::Unsuitable(_) | End::Failed(_) => session.into_io().abort(),
        }
        (end, delivered)
    }

    /// The trust that this destination's server is verified with; `None` for plain RTMP.
    async fn tls(&mut self) -> Result<Option<Arc<TlsClient>>, Failure> {
        if self.settings.url.scheme() == Scheme::Rtmp {
            return Ok(None);
        }
        if self.tls.is_none() {
            let ca_file = self.settings.ca_file.clone();
            // It reads files: the system's roots and the destination's own.
            let made = tokio::task::spawn_blocking(move || TlsClient::new(ca_file.as_deref())).await;
            let made = made.map_err(|error| self.lost_to(io::Error::other(error)))?;
            self.tls = Some(Arc::new(made.map_err(|error| Failure::from(&error))?));
        }
        Ok(self.tls.clone())
    }

    fn client(&self) -> Result<Client, Failure> {
        let mut random: Random = [0; RANDOM_LEN];
        getrandom::fill(&mut random).map_err(|error| self.lost_to(io::Error::other(error)))?;
        let config = client::Config {
            app: self.settings.url.expose_app().to_owned(),
            tc_url: self.settings.url.expose_tc_url().to_owned(),
            stream_key: self.settings.key.clone(),
            chunk_size: self.settings.platform.chunk_size,
            // A server that was never told of Enhanced RTMP gets the call that OBS makes.
            enhanced: self.feed.status().is_enhanced,
            handshake: Form::Simple,
        };
        Ok(Client::new(config, &random))
    }

    /// While the publisher is away nobody is dialled. False when the broadcast is over, or the relay goes down.
    async fn publisher_is_there(&self, served: Broadcast) -> bool {
        let mut broadcast = self.feed.broadcast();
        loop {
            let now = *broadcast.borrow_and_update();
            if now.end_of(served.number).is_some() || self.stop.leave.is_cancelled() {
                return false;
            }
            if now.phase == Phase::Live {
                return true;
            }
            self.report.enter(State::Held);
            tokio::select! {
                biased;
                () = self.stop.leave.cancelled() => return false,
                _ = broadcast.changed() => {}
            }
        }
    }

    fn remember(&mut self, failure: &Failure, delivered: Option<Duration>) {
        let is_silent_end = matches!(failure.kind, Kind::ClosedByPeer | Kind::ResetByPeer | Kind::KeyLikelyInvalid);
        self.history = match delivered {
            None if failure.kind.is_refusal() => History { refusals: self.history.refusals + 1, ..self.history },
            None => History { refusals: 0, ..self.history },
            Some(delivered) if delivered < failure::EARLY && is_silent_end => {
                History { refusals: 0, early_ends: self.history.early_ends + 1 }
            }
            Some(_) => History::default(),
        };
        if delivered.is_some() {
            self.lost = Some(Instant::now());
        }
    }

    /// Tells of the failure and waits for the next try. False where there is none in this broadcast.
    async fn wait(&mut self, failure: &Failure, attempt: Attempt, broadcast: Broadcast) -> bool {
        let next = self.backoff.failed(failure.retry, attempt, unit());
        let retry_in = match next {
            Next::After(wait) => Some(wait),
            Next::Parked | Next::GivenUp => None,
        };
        self.report.failed(failure);
        self.report.enter(State::Waiting { until: retry_in.map(|wait| Instant::now() + wait) });
        Event::DestinationFailed {
            stream: self.feed.name(),
            destination: &self.settings.name,
            stage: failure.stage.label(),
            kind: failure.kind.label(),
            message: &failure.message,
            hint: &failure.hint,
            retry_in,
        }
        .emit();
        let Some(wait) = retry_in else { return false };
        tokio::select! {
            biased;
            () = self.stop.leave.cancelled() => false,
            () = over(&self.feed, broadcast) => false,
            () = sleep(wait) => true,
        }
    }

    /// Nothing more is tried in this broadcast: waits for its end in the state that says why.
    async fn rest(&self, broadcast: Broadcast) {
        tokio::select! {
            biased;
            () = self.stop.leave.cancelled() => {}
            () = over(&self.feed, broadcast) => {}
        }
    }

    /// This machine could not do its part.
    fn lost_to(&self, error: io::Error) -> Failure {
        Failure::lost(&self.endpoint, failure::Stage::Handshake, Some(&error))
    }

    fn refusal(&self) -> Option<String> {
        let status = self.feed.status();
        self.filter.refusal(status.video, status.audio)
    }

    fn unsuitable(&self, reason: String) {
        Event::DestinationUnsuitable { stream: self.feed.name(), destination: &self.settings.name, reason: &reason }
            .emit();
        self.report.enter(State::Off { reason });
    }
}

/// Tells the events of a session.
struct Teller<'a> {
    feed: &'a Feed,
    settings: &'a Settings,
    lost: Option<Instant>,
}

impl Watch for Teller<'_> {
    fn accepted(&mut self) {
        Event::DestinationLive {
            stream: self.feed.name(),
            destination: &self.settings.name,
            resumed_after: self.lost.map(|since| since.elapsed()),
        }
        .emit();
    }

    fn dropped(&mut self, messages: u64) {
        Event::DestinationDropped { stream: self.feed.name(), destination: &self.settings.name, messages }.emit();
    }
}

/// Completes when the broadcast is over.
async fn over(feed: &Feed, broadcast: Broadcast) {
    // The sender lives in the feed: waiting cannot fail.
    let _ = feed.broadcast().wait_for(|now| now.end_of(broadcast.number).is_some()).await;
}

/// A random number from 0 to 1.
fn unit() -> f64 {
    // Without randomness every destination waits the middle of its range, which is still right for each of them.
    getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX))
}

//! A destination's life: wait for a broadcast, connect, send, try again, end with it.

use std::{pin::pin, sync::Arc, time::Duration};

use secrecy::ExposeSecret as _;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    backoff::{Attempt, Backoff, Next},
    dialler::{self, Dialler},
    failure::{self, Failure, Kind},
    filter::Filter,
    limits,
    lookout::look_out,
    orders::{Change, Orders, changed},
    playhead::{Clock, Dropped, Start},
    route::Route,
    session::{Context, End, History, Session, Watch},
    settings::{Resume, Trust},
    status::{Connection, Report, State},
};
use crate::{
    media::Kind as Media,
    net::{self, Endpoint},
    observe::{Event, News, Repeats},
    stream::{Broadcast, Epoch, Feed, Message, Phase},
};

/// A destination with a delay is dialled so long before its first message is due: servers close on publishers that send
/// nothing.
const DIAL_AHEAD: Duration = Duration::from_secs(3);

/// How often it is told that messages are left out.
const TELL_DROPS_EVERY: Duration = Duration::from_secs(10);

/// Why a destination sends nothing while others do, after a person has ended the broadcast there.
pub const ENDED_HERE: &str =
    "this broadcast was ended here by hand; restart sends it again, and the next one is sent anyway";

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
    /// What it is told from outside, while it runs.
    incoming: watch::Receiver<Orders>,
    /// What it goes by.
    orders: Orders,
    feed: Arc<Feed>,
    report: Arc<Report>,
    stop: Stop,
    filter: Filter,
    /// Which server is next.
    route: Route,
    dialler: Dialler,
    /// The number of the broadcast that was served last: each one is served once.
    served: u64,
    /// The session's clock, for platforms that want it to go on after a reconnect.
    clock: Clock,
    /// Sequence before which nothing is sent any more: an earlier session has ended with it, in order.
    from: u64,
    /// What the sessions of this broadcast have sent: the first sequence that was not, and the first that may not have arrived.
    sent: Option<(u64, u64)>,
    backoff: Backoff,
    history: History,
    repeats: Repeats,
    /// When it was last cut off while it delivered.
    lost: Option<Instant>,
    /// It was told of a failure since it last was live.
    has_failed: bool,
    /// What the last connection failed by was told of while it lasted.
    is_in_trouble: bool,
}

impl Task {
    /// A destination that waits for its stream's next broadcast.
    pub fn new(incoming: watch::Receiver<Orders>, feed: Arc<Feed>, report: Arc<Report>, stop: Stop) -> Self {
        let orders = incoming.borrow().clone();
        Self {
            incoming,
            filter: Filter::new(&orders.settings),
            route: Route::new(&orders.settings),
            backoff: Backoff::new(orders.settings.reconnect.clone()),
            orders,
            feed,
            report,
            stop,
            dialler: Dialler::default(),
            served: 0,
            clock: Clock::FromFirstMessage,
            from: 0,
            sent: None,
            history: History::default(),
            repeats: Repeats::default(),
            lost: None,
            has_failed: false,
            is_in_trouble: false,
        }
    }

    /// Serves one broadcast after the other until it is asked to stop.
    pub async fn run(mut self) {
        let watching = look_out(self.incoming.clone(), Arc::clone(&self.feed), Arc::clone(&self.report));
        // A task of its own, which ends with this one: what looks once a second need not be asked at each message.
        let watching = AbortOnDropHandle::new(tokio::spawn(watching));
        self.serve_broadcasts().await;
        watching.abort();
        let _ = watching.await;
        self.report.exceeds(Vec::new());
    }

    async fn serve_broadcasts(&mut self) {
        while let Some(broadcast) = self.next_broadcast().await {
            self.served = broadcast.number;
            self.begin();
            self.serve(broadcast).await;
        }
        let dismissed = self.incoming.borrow().dismissed.clone();
        self.report.enter(dismissed.map_or(State::Idle, |reason| State::Off { reason }));
    }

    async fn next_broadcast(&mut self) -> Option<Broadcast> {
        let mut broadcast = self.feed.broadcast();
        loop {
            let now = *broadcast.borrow_and_update();
            let orders = self.incoming.borrow_and_update().clone();
            if orders.dismissed.is_some() {
                return None;
            }
            let is_ended_here = matches!(now.phase, Phase::Live | Phase::Held) && !orders.serve(now.number);
            if is_ended_here {
                // Should that be taken back, it is served once more.
                self.served = self.served.min(now.number.saturating_sub(1));
                self.report.enter(State::Off { reason: ENDED_HERE.to_owned() });
            } else if now.phase == Phase::Live && now.number > self.served {
                return Some(now);
            } else {
                self.report.enter(State::Idle);
            }
            tokio::select! {
                biased;
                () = self.stop.leave.cancelled() => return None,
                () = self.stop.drain.cancelled() => return None,
                // The sender lives in the feed.
                _ = broadcast.changed() => {}
                () = changed(&mut self.incoming) => {}
            }
        }
    }

    /// A broadcast owes nothing to the one before, nor does another server or key.
    fn begin(&mut self) {
        let orders = self.incoming.borrow_and_update().clone();
        self.go_by(orders);
        self.clock = Clock::FromFirstMessage;
        self.from = 0;
        self.sent = None;
        self.lost = None;
    }

    /// Goes by other orders: what failed by the old ones may work by these.
    fn go_by(&mut self, orders: Orders) {
        self.filter = Filter::new(&orders.settings);
        self.route = Route::new(&orders.settings);
        self.dialler.review_trust();
        self.backoff = Backoff::new(orders.settings.reconnect.clone());
        self.history = History::default();
        self.repeats = Repeats::default();
        self.orders = orders;
    }

    /// Looks, between two sessions, whether there are other orders. Says whether the broadcast is still to be served.
    fn obey(&mut self, broadcast: Broadcast) -> bool {
        let orders = self.incoming.borrow_and_update().clone();
        let is_served = orders.serve(broadcast.number);
        match orders.change_since(&self.orders, broadcast.number) {
            Change::Nothing => {}
            Change::InPlace | Change::Reconnect => self.go_by(orders),
            Change::End if is_served => self.begin(),
            Change::End => {}
        }
        is_served
    }

    /// Connects, sends, and tries again, until the broadcast is over.
    async fn serve(&mut self, broadcast: Broadcast) {
        let mut refused = None;
        while let Some(start) = self.something_to_send(broadcast, refused.as_ref()).await {
            if let Some(reason) = self.refusal(&start) {
                self.unsuitable(reason, "is not started");
                refused = Some(Arc::clone(&start.epoch));
                continue;
            }
            if self.route.fail_back_at().is_some_and(|at| at <= Instant::now()) {
                self.route.fail_back();
            }
            self.report.enter(State::Connecting);
            let began = Instant::now();
            let (end, delivered) = self.attempt(broadcast).await;
            self.report.nowhere();
            self.report.connected(None);
            let (stream, destination) = (self.feed.name(), self.orders.settings.name.as_str());
            match end {
                // The broadcast may go on, where the publisher was away for too long: then it is served again, from there.
                End::Finished => {
                    Event::DestinationEnded { stream, destination, when: "with the broadcast" }.emit();
                    self.from = self.sent.take().map_or(self.from, |(next, _)| next);
                    self.lost = None;
                }
                End::NotNeeded => {}
                End::Left => return Event::DestinationLeft { stream, destination }.emit(),
                End::FailBack => {
                    Event::DestinationFailsBack { stream, destination }.emit();
                    self.route.fail_back();
                    self.lost = Some(Instant::now());
                }
                End::Ordered(change) => {
                    if change == Change::End && delivered.is_some() {
                        let when = "as it was told to; the broadcast goes on";
                        Event::DestinationEnded { stream, destination, when }.emit();
                    }
                    self.lost = delivered.map(|_| Instant::now());
                }
                End::Redirected(url) => {
                    if let Err(failure) = self.route.redirect(url.expose_secret()) {
                        self.cope(&failure, Attempt { lasted: began.elapsed(), ..Attempt::default() }, broadcast).await;
                    }
                }
                End::Unsuitable(reason) => {
                    let now = *self.feed.broadcast().borrow();
                    refused = self.start_of(broadcast, now).map(|start| Arc::clone(&start.epoch));
                    self.unsuitable(reason, "is cut off");
                }
                End::Failed(failure) => {
                    let attempt = Attempt { lasted: began.elapsed(), delivered: delivered.unwrap_or_default() };
                    self.remember(&failure, delivered);
                    self.cope(&failure, attempt, broadcast).await;
                }
            }
        }
    }

    /// Waits until there is something to start with that is not of the epoch `refused`, and soon to be sent. `None`: the
    /// broadcast is over, or the relay goes down.
    async fn something_to_send(&mut self, served: Broadcast, refused: Option<&Arc<Epoch>>) -> Option<Arc<Message>> {
        let mut broadcast = self.feed.broadcast();
        let mut head = self.feed.head();
        loop {
            let now = *broadcast.borrow_and_update();
            if !self.obey(served)
                || self.stop.leave.is_cancelled()
                || is_over(&self.feed, now, served, self.orders.settings.delay)
            {
                return None;
            }
            // Nobody is dialled while the publisher is away, unless there is something left to be sent.
            let is_there = now.phase == Phase::Live || !self.orders.settings.delay.is_zero();
            let start = self.start_of(served, now).filter(|_| is_there);
            let start = start.filter(|start| refused.is_none_or(|refused| !Arc::ptr_eq(refused, &start.epoch)));
            let due = match start {
                Some(start) => {
                    let due =
                        self.feed.instant((start.arrival + self.orders.settings.delay).saturating_sub(DIAL_AHEAD));
                    if due <= Instant::now() {
                        return Some(start);
                    }
                    Some(due)
                }
                None => None,
            };
            if refused.is_none() && !(now.phase == Phase::Live && due.is_none()) {
                self.report.enter(State::Waiting { until: due });
            }
            tokio::select! {
                biased;
                () = self.stop.leave.cancelled() => return None,
                // The senders live in the feed.
                _ = broadcast.changed() => {}
                _ = head.changed(), if due.is_none() && now.phase == Phase::Live => {}
                () = over(&self.feed, served, self.orders.settings.delay) => {}
                () = reached(due) => {}
                () = changed(&mut self.incoming) => {
                    // What was refused may not be by other settings.
                    let is_served = self.obey(served);
                    if refused.is_some() && is_served {
                        return self.start_of(served, now);
                    }
                }
            }
        }
    }

    /// The message that a session would start with: the newest start; with a delay the oldest, since nothing of it was sent.
    fn start_of(&self, served: Broadcast, now: Broadcast) -> Option<Arc<Message>> {
        let (from, end) = (served.from.max(self.from), now.end_of(served.number).unwrap_or(u64::MAX));
        self.feed.read(|log| {
            let start = if self.orders.settings.delay.is_zero() || self.sent.is_some() {
                log.newest_random_access(from, end)
            } else {
                log.oldest_random_access(from, end)
            };
            start.cloned()
        })
    }

    /// One connection, from dialling to its end, and for how long the server accepted the publish.
    async fn attempt(&mut self, broadcast: Broadcast) -> (End, Option<Duration>) {
        let server = self.route.server();
        let endpoint = server.endpoint(&self.orders.settings);
        let (unsent, start) = (self.unsent(broadcast), self.start());
        let mut teller = Teller {
            feed: &self.feed,
            destination: &self.orders.settings.name,
            report: &self.report,
            tls: None,
            lost: self.lost,
            has_failed: self.has_failed,
            is_in_trouble: false,
            drops: Drops::default(),
        };
        let dial = self.dialler.dial(&self.orders.settings, &server, &endpoint);
        let dial = noticing(dial, limits::TELL_SILENT, || teller.does_not_connect(&endpoint));
        let dialled = tokio::select! {
            biased;
            () = self.stop.leave.cancelled() => return (End::Left, None),
            () = over(&self.feed, broadcast, self.orders.settings.delay) => return (End::NotNeeded, None),
            () = changed(&mut self.incoming) => return (End::Ordered(Change::Reconnect), None),
            dialled = dial => dialled,
        };
        self.has_failed = teller.has_failed;
        self.is_in_trouble = teller.is_in_trouble;
        let transport = match dialled {
            Ok(transport) => transport,
            Err(failure) => return (End::Failed(failure), None),
        };
        // A server that was never told of Enhanced RTMP gets the call that OBS makes.
        let is_enhanced = self.feed.status().is_enhanced;
        let client = match dialler::client(&self.orders.settings, &server, is_enhanced, self.feed.relay_hops()) {
            Ok(client) => client,
            Err(error) => {
                return (End::Failed(Failure::lost(&endpoint, failure::Stage::Handshake, Some(&error))), None);
            }
        };
        if let (Trust::DangerousAnybody, Some(certificate)) = (&self.orders.settings.trust, transport.certificate()) {
            let (stream, destination) = (self.feed.name(), self.orders.settings.name.as_str());
            let (server, fingerprint) = (&endpoint.to_string(), &certificate.to_string());
            Event::CertificateNotVerified { stream, destination, server, fingerprint }.emit();
        }
        teller.tls = transport.protection().map(|protection| {
            let remark = self.orders.settings.trust.remark().map(|remark| format!(", {remark}")).unwrap_or_default();
            format!("{protection}{remark}")
        });
        self.report.connected(Some(Connection {
            server: server.url.to_string(),
            is_backup: server.is_backup,
            tls: teller.tls.clone(),
            tcp: None,
            rtmp_acknowledged: None,
        }));
        let context = Context {
            feed: &self.feed,
            broadcast: unsent,
            start,
            clock: self.clock,
            orders: self.orders.clone(),
            report: &self.report,
            url: &server.url,
            endpoint: &endpoint,
            fail_back: self.route.fail_back_at(),
            history: self.history,
        };
        let mut session = Session::new(transport, client, context);
        let end = session.run(&self.stop.leave, &mut self.incoming, &mut teller).await;
        let delivered = session.accepted_for();
        self.has_failed = teller.has_failed;
        self.is_in_trouble = teller.is_in_trouble;
        if let Some((next, arrived)) = session.position().zip(session.arrived_until()) {
            self.sent = Some((next, arrived));
        }
        if self.orders.settings.platform.continuous_timestamps {
            self.clock = session.clock();
        }
        match end {
            End::Finished => session.close().await,
            End::Ordered(Change::End) if delivered.is_some() => session.close().await,
            // An unpublish would end the broadcast on some platforms: the connection is just dropped.
            _ => session.into_io().abort(),
        }
        (end, delivered)
    }

    /// Where the next session starts.
    fn start(&self) -> Start {
        match (self.orders.settings.resume, self.sent) {
            (Resume::CatchUp { .. }, Some((_, arrived))) => Start::CatchUp(arrived),
            _ => Start::Live,
        }
    }

    /// What the next session serves of the broadcast. A clock that goes on must not run back: nothing is sent again then.
    fn unsent(&self, broadcast: Broadcast) -> Broadcast {
        let from = match self.sent {
            Some((next, _)) if self.orders.settings.platform.continuous_timestamps => self.from.max(next),
            _ => self.from,
        };
        Broadcast { from: broadcast.from.max(from), ..broadcast }
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
        if delivered.is_some_and(|delivered| delivered >= failure::EARLY) {
            self.repeats.delivered();
        }
    }

    /// Tells of a failure and waits for the next try: a while, until the file is mended, or until the broadcast is over.
    async fn cope(&mut self, failure: &Failure, attempt: Attempt, broadcast: Broadcast) {
        let is_over = is_over(&self.feed, *self.feed.broadcast().borrow(), broadcast, self.orders.settings.delay);
        let switched = self.route.failed(failure, attempt.delivered, Instant::now());
        if switched {
            self.backoff.another_server();
            // The key is the same there: refusals go on counting.
            self.history.early_ends = 0;
        }
        let next = self.backoff.failed(failure.retry, attempt, unit());
        let state = match next {
            _ if is_over => State::Idle,
            Next::After(wait) => State::Waiting { until: Some(Instant::now() + wait) },
            Next::Parked => State::Parked { reason: format!("{}; {}", failure.message, failure.hint) },
            Next::GivenUp => State::Parked { reason: format!("given up: {}", failure.message) },
        };
        let words = match next {
            _ if is_over => "the broadcast is over".to_owned(),
            Next::After(wait) => {
                let server = if switched { self.route.server().name() } else { "" };
                format!("next try{server} in {:.1} s", wait.as_secs_f64())
            }
            Next::Parked => "not tried again before its file changes or the next broadcast begins".to_owned(),
            Next::GivenUp => "given up (`reconnect.give_up_after`) until the next broadcast".to_owned(),
        };
        let is_parked = matches!(next, Next::Parked | Next::GivenUp) && !is_over;
        let was_told = std::mem::take(&mut self.is_in_trouble);
        let news = match self.repeats.failed(failure.kind.label(), Instant::now()) {
            News::New | News::Old if was_told => News::Outcome,
            news => news,
        };
        self.has_failed = true;
        // Whoever hears of it finds it in the status.
        self.report.failed(failure);
        self.report.enter(state);
        Event::DestinationFailed {
            stream: self.feed.name(),
            destination: &self.orders.settings.name,
            stage: failure.stage.label(),
            kind: failure.kind.label(),
            message: &failure.message,
            hint: &failure.hint,
            next: &words,
            is_parked,
            // That it is not tried again is new, however often it has failed for the same reason.
            news: if is_parked { News::New } else { news },
        }
        .emit();
        tokio::select! {
            biased;
            () = self.stop.leave.cancelled() => {}
            () = over(&self.feed, broadcast, self.orders.settings.delay) => {}
            () = until(next) => {}
            // Whatever has changed: it may be what helps.
            () = changed(&mut self.incoming) => {}
        }
    }

    /// Why the stream, as it is at `start`, is not sent here: by its headers, or, for a track without one, by what was heard.
    fn refusal(&self, start: &Message) -> Option<String> {
        let status = self.feed.status();
        [(Media::Video, status.video), (Media::Audio, status.audio)].into_iter().find_map(|(kind, heard)| {
            let heard = heard.filter(|codec| !codec.needs_sequence_header());
            let configured = start.epoch.codec(kind);
            [configured, heard].into_iter().flatten().find_map(|codec| self.filter.refusal(kind, codec))
        })
    }

    fn unsuitable(&self, reason: String, what: &str) {
        let (stream, destination) = (self.feed.name(), self.orders.settings.name.as_str());
        Event::DestinationUnsuitable { stream, destination, what, reason: &reason }.emit();
        self.report.enter(State::Unsuitable { reason });
    }
}

/// Tells the events of a session.
struct Teller<'a> {
    feed: &'a Feed,
    destination: &'a str,
    report: &'a Report,
    /// What protects the connection.
    tls: Option<String>,
    lost: Option<Instant>,
    has_failed: bool,
    /// That the server does not answer, or takes nothing, was told, and is not over.
    is_in_trouble: bool,
    drops: Drops,
}

/// Messages that were left out and not told of yet.
#[derive(Default)]
struct Drops {
    told: Option<Instant>,
    untold: Dropped,
}

impl Teller<'_> {
    fn does_not_connect(&mut self, endpoint: &Endpoint) {
        let trouble = Failure::no_answer_yet(endpoint, failure::Stage::Connect, limits::TELL_SILENT);
        self.tell_trouble("is not live yet", &trouble, net::limits::CONNECT);
    }

    /// Of a destination that was told to have failed it is nothing new that it does not come back; its status says by what.
    fn tell_trouble(&mut self, what: &'static str, trouble: &Failure, limit: Duration) {
        self.report.troubled(trouble);
        if std::mem::replace(&mut self.has_failed, true) {
            return;
        }
        self.is_in_trouble = true;
        Event::DestinationStalling {
            stream: self.feed.name(),
            destination: self.destination,
            what,
            message: &trouble.message,
            hint: &trouble.hint,
            next: &format!("connected anew where that lasts for {} s", limit.as_secs()),
        }
        .emit();
    }
}

impl Watch for Teller<'_> {
    fn accepted(&mut self) {
        if self.lost.is_some() {
            self.report.reconnected();
        }
        Event::DestinationLive {
            stream: self.feed.name(),
            destination: self.destination,
            tls: self.tls.as_deref(),
            resumed_after: self.lost.map(|since| since.elapsed()),
            has_failed: std::mem::take(&mut self.has_failed),
        }
        .emit();
        self.is_in_trouble = false;
    }

    fn troubled(&mut self, trouble: &Failure, limit: Duration) {
        let what = if trouble.kind == Kind::Stalled { "stalls" } else { "is not live yet" };
        self.tell_trouble(what, trouble, limit);
    }

    fn flows(&mut self, after: Duration) {
        self.report.is_well();
        if std::mem::take(&mut self.has_failed) {
            self.is_in_trouble = false;
            let (stream, destination) = (self.feed.name(), self.destination);
            Event::DestinationFlows { stream, destination, after }.emit();
        }
    }

    fn dropped(&mut self, dropped: Dropped) {
        self.drops.untold = self.drops.untold.and(dropped);
        if self.drops.told.is_some_and(|told| told.elapsed() < TELL_DROPS_EVERY) {
            return;
        }
        let Dropped { skipped, picture, disposable } = std::mem::take(&mut self.drops.untold);
        self.drops.told = Some(Instant::now());
        let (stream, destination) = (self.feed.name(), self.destination);
        Event::DestinationDropped { stream, destination, skipped, picture, disposable }.emit();
    }
}

/// Whether the broadcast `served` is over for a destination with that delay: it has ended, and all of it has been due.
fn is_over(feed: &Feed, now: Broadcast, served: Broadcast, delay: Duration) -> bool {
    now.end_of(served.number).is_some_and(|end| last_due(feed, end, delay) <= feed.now())
}

/// Completes when it is.
async fn over(feed: &Feed, served: Broadcast, delay: Duration) {
    // The sender lives in the feed: waiting cannot fail.
    let ended = feed.broadcast().wait_for(|now| now.end_of(served.number).is_some()).await.map(|now| *now);
    let end = ended.ok().and_then(|ended| ended.end_of(served.number)).unwrap_or_default();
    sleep_until(feed.instant(last_due(feed, end, delay))).await;
}

/// When the last message before the sequence `end` is due.
fn last_due(feed: &Feed, end: u64, delay: Duration) -> Duration {
    let arrival = feed.read(|log| log.arrival(end.checked_sub(1)?));
    arrival.filter(|_| !delay.is_zero()).map_or(Duration::ZERO, |arrival| arrival + delay)
}

/// The future; `late` is called where it takes longer than that.
async fn noticing<F: Future>(future: F, limit: Duration, late: impl FnOnce()) -> F::Output {
    let mut future = pin!(future);
    match timeout(limit, &mut future).await {
        Ok(output) => output,
        Err(_) => {
            late();
            future.await
        }
    }
}

/// Completes at that time; without one, never.
async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Completes when it is time for the next try; where there is none, never.
async fn until(next: Next) {
    match next {
        Next::After(wait) => sleep(wait).await,
        Next::Parked | Next::GivenUp => std::future::pending().await,
    }
}

/// A random number from 0 to 1.
fn unit() -> f64 {
    // Without randomness every destination waits the middle of its range, which is still right for each of them.
    getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX))
}

//! One connection to a destination, from the RTMP handshake to its end: the loop that moves bytes.
//!
//! Everything that decides stands elsewhere and is pure: the RTMP dialogue in [`client`], what is sent in [`Playhead`].

mod delivery;
mod seldom;

use std::{io, pin::pin, sync::Arc, time::Duration};

use bytes::Buf as _;
use secrecy::ExposeSecret as _;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use self::{
    delivery::{Delivery, Seen},
    seldom::Seldom,
};
use super::{
    failure::{Failure, Refusal, Stage},
    limits,
    orders::{self, Change, Orders},
    playhead::{Clock, Dropped, Playhead, Start, Taken},
    status::{Report, State},
};
use crate::{
    media::Kind,
    net::{
        Endpoint, TcpInfo, Transport,
        duplex::{Duplex, Step},
    },
    rtmp::{
        client::{self, Client, Event, Refused},
        message::MessageType,
        secret::SecretText,
        url::ServerUrl,
    },
    stream::{Broadcast, Feed, Listener, Message, Phase, coalescing::Share},
};

/// How a session ended.
#[derive(Debug)]
pub enum End {
    /// The broadcast is over, or its publisher did not come back in time: everything was sent, and the server was told.
    Finished,
    /// The broadcast was over before the server had accepted it: there is nothing to end.
    NotNeeded,
    /// The relay goes down while the broadcast goes on: to be dropped, with no word that would end the broadcast.
    Left,
    /// It is time to go back to the primary server.
    FailBack,
    /// Other orders came. In order where what was shown is over ([`Change::End`]) and the server had accepted it; else to be
    /// dropped.
    Ordered(Change),
    /// The publisher went over to a codec that the destination does not take: why, in a sentence.
    Unsuitable(String),
    /// The server sent us to another one (tcUrl, absolute or relative).
    Redirected(SecretText),
    /// It failed.
    Failed(Failure),
}

/// What went before, as far as it decides what a failure means.
#[derive(Clone, Copy, Debug, Default)]
pub struct History {
    /// Refusals in a row.
    pub refusals: u32,
    /// Times in a row that the server ended the connection soon after a publish, without a word.
    pub early_ends: u32,
}

/// What a session serves, and for whom.
#[derive(Clone)]
pub struct Context<'a> {
    /// The stream.
    pub feed: &'a Feed,
    /// The broadcast that is served.
    pub broadcast: Broadcast,
    /// Where in it to start.
    pub start: Start,
    /// The session's clock, where the platform wants that of the session before to go on.
    pub clock: Clock,
    /// What the destination is to do.
    pub orders: Orders,
    /// Its report.
    pub report: &'a Report,
    /// The server in use.
    pub url: &'a ServerUrl,
    /// The same for messages.
    pub endpoint: &'a Endpoint,
    /// When to go back to the primary server.
    pub fail_back: Option<Instant>,
    /// What went before.
    pub history: History,
}

/// What a session tells its destination while it runs.
pub trait Watch {
    /// The server accepted the publish.
    fn accepted(&mut self);
    /// Messages were left out because the server takes too little.
    fn dropped(&mut self, dropped: Dropped);
    /// The server does not answer, or takes nothing; it is not given up yet, which happens after `limit`.
    fn troubled(&mut self, trouble: &Failure, limit: Duration);
    /// It takes what is sent again, after so long.
    fn flows(&mut self, after: Duration);
}

/// The connection below a session.
pub trait Link: AsyncRead + AsyncWrite + Unpin {
    /// Bytes written to TCP so far, to be compared with what TCP says was acknowledged.
    fn written(&self) -> u64;
    /// What TCP says, where the system tells.
    fn tcp_info(&self) -> Option<TcpInfo>;
    /// What a write costs, in those of plain TCP.
    fn cost(&self) -> u32;
}

impl Link for Transport {
    fn written(&self) -> u64 {
        Self::written(self)
    }

    fn tcp_info(&self) -> Option<TcpInfo> {
        TcpInfo::of(self.tcp())
    }

    fn cost(&self) -> u32 {
        // The cipher nearly doubles what a write costs, and a write that is saved saves a record too. By three a show over RTMPS waits
        // long enough to stay below what FFmpeg takes, see `benches/README.md`.
        if matches!(self, Self::Plain(_)) { 1 } else { 3 }
    }
}

/// One session and what it serves.
pub struct Session<'a, T> {
    io: Duplex<T>,
    client: Client,
    context: Context<'a>,
    state: SessionState,
    playhead: Option<Playhead>,
    /// Messages read from the log, to be prepared; reused.
    batch: Vec<Arc<Message>>,
    /// Messages and payload bytes that are queued and have not all gone out.
    queued: (u64, u64),
    /// When the server accepted the publish.
    accepted: Option<Instant>,
    /// Its part in what a wake-up costs, from then on.
    share: Option<Share>,
    /// What the report was told last.
    shown: Option<State>,
    /// When the present step of opening or closing began.
    step_began: Instant,
    /// How far what was sent has arrived.
    delivery: Delivery,
    /// It was told that the server does not answer, or takes nothing.
    trouble: Option<Trouble>,
    /// Since when the publisher is away.
    held: Option<Instant>,
    /// Where the broadcast ended, and when that was first seen. The first answer stands: further broadcasts are others'.
    until: Option<(u64, Instant)>,
    /// It closes because it was ordered to.
    is_ordered: bool,
    /// Everything was read that the readers were told of; nothing more is to be had before they are told again.
    is_at_head: bool,
}

/// What was told of, and is not over yet.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    began: Instant,
    /// When it was last seen to be so.
    seen: Instant,
}

/// ```text
///   Opening --publish accepted--> Sending --all taken--> Closing
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SessionState {
    /// Handshake, connect, publish, up to the server's answer.
    Opening,
    Sending,
    /// The unpublish is queued: what remains is to get it out.
    Closing,
}

/// What seldom changes, and changes what a session does.
struct News<'a> {
    /// Cancelled when the relay is to go down; `None` where that no longer matters.
    leave: Option<&'a CancellationToken>,
    orders: &'a mut watch::Receiver<Orders>,
    broadcast: watch::Receiver<Broadcast>,
}

/// What of it has changed.
enum Heard {
    Leave,
    Orders,
    Broadcast,
}

impl News<'_> {
    /// Completes when something has changed.
    async fn next(mut self) -> (Self, Heard) {
        let heard = tokio::select! {
            biased;
            () = left(self.leave) => Heard::Leave,
            () = orders::changed(self.orders) => Heard::Orders,
            // The sender lives in the feed, and the feed outlives the session.
            _ = self.broadcast.changed() => Heard::Broadcast,
        };
        (self, heard)
    }
}

/// Completes when the relay is to go down; never, where that no longer matters.
async fn left(leave: Option<&CancellationToken>) {
    match leave {
        Some(leave) => leave.cancelled().await,
        None => std::future::pending().await,
    }
}

/// What a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// The server: to answer, or to take what is queued.
    Server,
    /// The stream: there is nothing to send.
    Stream,
    /// A time: what there is is not to be sent before.
    Until(Instant),
}

impl<'a, T: Link> Session<'a, T> {
    /// A session over the connection `io`.
    pub fn new(io: T, client: Client, context: Context<'a>) -> Self {
        Self {
            io: Duplex::narrow(io, limits::READ),
            client,
            context,
            state: SessionState::Opening,
            playhead: None,
            batch: Vec::new(),
            queued: (0, 0),
            accepted: None,
            share: None,
            shown: None,
            step_began: Instant::now(),
            delivery: Delivery::begin(Instant::now()),
            trouble: None,
            held: None,
            until: None,
            is_ordered: false,
            is_at_head: false,
        }
    }

    /// Runs the session to its end. The connection is still open then: see [`Self::close`] and [`Self::into_io`].
    pub async fn run(
        &mut self,
        leave: &CancellationToken,
        orders: &mut watch::Receiver<Orders>,
        watch: &mut impl Watch,
    ) -> End {
        let mut bell = self.context.feed.listen();
        let broadcast = self.context.feed.broadcast();
        self.follow(*broadcast.borrow());
        let mut news = Seldom::new(News { leave: Some(leave), orders, broadcast }.next());
        let mut timer = pin!(sleep_until(self.step_began));
        loop {
            self.count_what_went_out();
            let wait = match self.has_read_all(&bell) {
                true => Wait::Stream,
                false => match self.fill(watch) {
                    Ok(wait) => wait,
                    Err(end) => return end,
                },
            };
            // Most of the time the kernel takes all of it, and there is nothing to wait for.
            if wait == Wait::Server && self.io.send_at_once(self.client.transmit()).await.is_some() {
                self.delivery.sent();
                continue;
            }
            if self.state == SessionState::Closing && self.is_drained() {
                return self.closed();
            }
            // The timer is moved on when it fires, so that a busy session need not touch it; only what is due earlier cannot
            // wait for that.
            let due = self.due(wait);
            if due < timer.deadline() {
                timer.as_mut().reset(due);
            }
            tokio::select! {
                biased;
                (mut listened, heard) = &mut news => {
                    if let Err(end) = self.hear(&mut listened, &heard) {
                        return end;
                    }
                    news.set(listened.next());
                }
                () = bell.rung(), if wait == Wait::Stream => {}
                step = self.io.step(self.client.transmit()) => match self.stepped(step, watch) {
                    Ok(()) => {}
                    // The broadcast is over, and a server may be quicker to close than we are.
                    Err(_) if self.state == SessionState::Closing => return self.closed(),
                    Err(end) => return end,
                },
                () = timer.as_mut() => {
                    if let Err(end) = self.on_time(wait, watch) {
                        return end;
                    }
                    let due = self.due(wait);
                    let is_blocked = wait == Wait::Server && self.state == SessionState::Sending;
                    if is_blocked {
                        self.keep_up(watch);
                    }
                    timer.as_mut().reset(if is_blocked { due.min(Instant::now() + limits::ASK_EVERY) } else { due });
                }
            }
        }
    }

    /// Acts on what has changed.
    fn hear(&mut self, news: &mut News<'_>, heard: &Heard) -> Result<(), End> {
        self.is_at_head = false;
        match heard {
            Heard::Leave => {
                self.follow(*news.broadcast.borrow_and_update());
                // Where the broadcast is over nothing goes on: the server is to be told.
                news.leave = None;
                if self.until.is_none() { Err(End::Left) } else { Ok(()) }
            }
            Heard::Orders => {
                let now = news.orders.borrow_and_update().clone();
                self.obey(now)
            }
            Heard::Broadcast => {
                self.follow(*news.broadcast.borrow_and_update());
                Ok(())
            }
        }
    }

    /// Does what other orders ask of a session that runs.
    fn obey(&mut self, orders: Orders) -> Result<(), End> {
        match (orders.change_since(&self.context.orders, self.context.broadcast.number), self.state) {
            // What is ending anyway is not hurried.
            (_, SessionState::Closing) => {}
            (Change::Nothing | Change::InPlace, _) => {
                let backpressure = &orders.settings.backpressure;
                let playhead =
                    self.playhead.as_mut().filter(|_| *backpressure != self.context.orders.settings.backpressure);
                if let Some(playhead) = playhead {
                    playhead.set_policy(backpressure);
                }
                self.context.orders = orders;
            }
            (Change::End, SessionState::Sending) => {
                self.is_ordered = true;
                self.unpublish();
            }
            (change, _) => return Err(End::Ordered(change)),
        }
        Ok(())
    }

    /// The end of a session that had nothing left to say.
    fn closed(&self) -> End {
        if self.is_ordered { End::Ordered(Change::End) } else { End::Finished }
    }

    /// Ends the connection in order: our end, then a moment for the server's.
    pub async fn close(mut self) {
        let closing = async {
            // Whatever fails now, the broadcast has been ended and nothing is left to do about it.
            let _ = self.io.shutdown().await;
            while let Ok(Step::Received | Step::Sent(_) | Step::Flushed) = self.io.step(&mut bytes::Bytes::new()).await
            {
            }
        };
        let _ = tokio::time::timeout(limits::CLOSE, closing).await;
    }

    /// The connection, to be dropped.
    pub fn into_io(self) -> T {
        self.io.into_inner()
    }

    /// The session's clock, for the next one.
    pub fn clock(&self) -> Clock {
        self.playhead.as_ref().map_or(self.context.clock, Playhead::clock)
    }

    /// How long the server has accepted the publish.
    pub fn accepted_for(&self) -> Option<Duration> {
        self.accepted.map(|since| since.elapsed())
    }

    /// Sequence of the first message that the server may not have; `None` where nothing was sent.
    pub fn arrived_until(&self) -> Option<u64> {
        self.playhead.as_ref().map(|_| self.delivery.arrived_until(self.io.get_ref().tcp_info()))
    }

    /// Sequence of the message that comes next; `None` where nothing was sent.
    pub fn position(&self) -> Option<u64> {
        self.playhead.as_ref().map(Playhead::position)
    }

    fn follow(&mut self, now: Broadcast) {
        let end = now.end_of(self.context.broadcast.number);
        self.until = self.until.or_else(|| end.map(|end| (end, Instant::now())));
        let is_held = self.until.is_none() && now.phase == Phase::Held;
        self.held = if is_held { self.held.or_else(|| Some(Instant::now())) } else { None };
    }

    /// Everything that the readers were told of was read and has gone out: a look at the log would find nothing.
    fn has_read_all(&mut self, bell: &Listener) -> bool {
        !self.client.transmit().has_remaining() && std::mem::take(&mut self.is_at_head) && !bell.has_rung()
    }

    fn is_drained(&mut self) -> bool {
        !self.client.transmit().has_remaining() && self.io.is_flushed()
    }

    fn count_what_went_out(&mut self) {
        if !self.is_drained() {
            return;
        }
        let (messages, bytes) = std::mem::take(&mut self.queued);
        if messages > 0 {
            self.context.report.sent(messages, bytes);
        }
        if let Some(position) = self.position() {
            self.delivery.mark(self.io.get_ref().written(), position);
        }
    }

    /// Queues the next batch where everything before it has gone out. Says what there is to wait for.
    fn fill(&mut self, watch: &mut impl Watch) -> Result<Wait, End> {
        match self.state {
            // With a delay there is still something to be sent.
            SessionState::Opening if self.until.is_some() && self.context.orders.settings.delay.is_zero() => {
                return Err(End::NotNeeded);
            }
            SessionState::Opening | SessionState::Closing => return Ok(Wait::Server),
            SessionState::Sending => {}
        }
        self.show();
        loop {
            if self.client.transmit().has_remaining() {
                return Ok(Wait::Server);
            }
            match self.take(watch) {
                Taken::Messages => self.send_batch()?,
                Taken::Nothing => return Ok(Wait::Stream),
                Taken::NothingBefore(time) => {
                    // What is due soon after goes with it, as it does for those who are told by the bell.
                    let feed = self.context.feed;
                    return Ok(Wait::Until(feed.instant(time) + feed.window()));
                }
                Taken::End => {
                    self.unpublish();
                    return Ok(Wait::Server);
                }
                Taken::Lost => return Err(End::Failed(Failure::fell_behind(self.context.endpoint))),
            }
        }
    }

    /// Takes the next batch from the log. Everything before it has been handed to the kernel.
    fn take(&mut self, watch: &mut impl Watch) -> Taken {
        let Context { feed, ref broadcast, start, clock, ref orders, report, .. } = self.context;
        let settings = &*orders.settings;
        let until = self.until.map(|(until, _)| until);
        let end = until.unwrap_or(u64::MAX);
        let now = feed.now();
        let (playhead, batch, delivery) = (&mut self.playhead, &mut self.batch, &mut self.delivery);
        let before = playhead.as_ref().map_or_else(Dropped::default, Playhead::dropped);
        let (taken, position, is_at_head) = feed.read(|log| {
            if playhead.is_none() {
                *playhead = Playhead::start(log, now, broadcast.from..end, start, settings, clock);
                delivery.starts_with(playhead.as_ref().map_or(0, Playhead::position));
            }
            match playhead {
                Some(playhead) => {
                    let position = playhead.position();
                    (playhead.take(log, now, until, batch), position, playhead.position() == log.head())
                }
                None => match log.oldest_random_access(broadcast.from, end) {
                    // With a delay there is something to send that is not due yet.
                    Some(first) if first.arrival + settings.delay > now => {
                        (Taken::NothingBefore(first.arrival + settings.delay), log.head(), false)
                    }
                    _ if until.is_some() => (Taken::End, log.head(), false),
                    _ => (Taken::Nothing, log.head(), false),
                },
            }
        });
        self.is_at_head = is_at_head && until.is_none() && taken == Taken::Messages;
        report.at(position, settings.delay);
        let dropped = playhead.as_ref().map_or(before, Playhead::dropped).since(before);
        if dropped.total() > 0 {
            report.dropped_more(dropped);
            watch.dropped(dropped);
        }
        taken
    }

    /// Lets the policy act while the server takes nothing.
    fn keep_up(&mut self, watch: &mut impl Watch) {
        let Some(playhead) = &mut self.playhead else { return };
        let (feed, until) = (self.context.feed, self.until.map(|(until, _)| until));
        let before = playhead.dropped();
        let now = feed.now();
        if feed.read(|log| playhead.keep_up(log, now, until)) {
            self.context.report.at(playhead.position(), self.context.orders.settings.delay);
            let dropped = playhead.dropped().since(before);
            self.context.report.dropped_more(dropped);
            watch.dropped(dropped);
        }
    }

    fn send_batch(&mut self) -> Result<(), End> {
        let Some(playhead) = &mut self.playhead else { return Ok(()) };
        for message in self.batch.drain(..) {
            let prepared = playhead.prepare(&message, |outgoing| {
                self.queued.0 += 1;
                self.queued.1 += outgoing.payload.len() as u64;
                let message_type = match outgoing.kind {
                    Kind::Audio => MessageType::AUDIO,
                    Kind::Video => MessageType::VIDEO,
                    Kind::Data => MessageType::DATA_AMF0,
                };
                self.client.send_media(message_type, outgoing.timestamp, outgoing.payload);
            });
            prepared.map_err(End::Unsuitable)?;
        }
        Ok(())
    }

    fn unpublish(&mut self) {
        self.client.unpublish();
        self.state = SessionState::Closing;
        self.step_began = Instant::now();
    }

    fn stepped(&mut self, step: io::Result<Step>, watch: &mut impl Watch) -> Result<(), End> {
        match step {
            Ok(Step::Sent(_)) => {
                self.delivery.sent();
                Ok(())
            }
            Ok(Step::Flushed) => Ok(()),
            Ok(Step::Received) => self.receive(watch),
            Ok(Step::Closed) => Err(End::Failed(self.lost(None))),
            Err(error) => Err(End::Failed(self.lost(Some(&error)))),
        }
    }

    fn receive(&mut self, watch: &mut impl Watch) -> Result<(), End> {
        let mut input = self.io.received();
        loop {
            let before = self.client.stage();
            let event = match self.client.handle_input(&mut input) {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(error) => {
                    return Err(End::Failed(Failure::protocol(self.context.endpoint, stage(before), &error)));
                }
            };
            if self.client.stage() != before {
                // The next step has its own time.
                self.step_began = Instant::now();
            }
            match event {
                Event::Connected | Event::Status(_) => {}
                Event::Publishing => {
                    self.state = SessionState::Sending;
                    self.accepted = Some(Instant::now());
                    self.share = Some(self.context.feed.load().add(self.io.get_ref().cost()));
                    self.delivery = Delivery::begin(Instant::now());
                    self.trouble = None;
                    self.context.report.accepted();
                    watch.accepted();
                }
                Event::Refused(Refused { redirect: Some(url), .. }) => return Err(End::Redirected(url)),
                Event::Refused(refused) => return Err(End::Failed(self.refused(&refused))),
                Event::ReconnectRequested(_) => {
                    return Err(End::Failed(Failure::asked_to_reconnect(self.context.endpoint)));
                }
                Event::Ended(status) => {
                    let Context { endpoint, .. } = self.context;
                    let ended = Failure::ended(endpoint, &status.code, &status.description, &self.secrets());
                    return Err(End::Failed(ended));
                }
            }
        }
        Ok(())
    }

    /// When something is to be looked at, whatever happens until then.
    fn due(&self, wait: Wait) -> Instant {
        let limit = match self.state {
            SessionState::Opening if self.trouble.is_none() => return self.step_began + limits::TELL_SILENT,
            SessionState::Opening | SessionState::Closing => return self.step_began + self.patience(),
            SessionState::Sending => self.delivery.due(),
        };
        let hold = self.held.filter(|_| wait == Wait::Stream).map(|since| since + self.context.orders.settings.hold);
        let released = match wait {
            Wait::Until(time) => Some(time),
            Wait::Server | Wait::Stream => None,
        };
        [hold, released, self.fail_back(), self.drained_by()].into_iter().flatten().fold(limit, Instant::min)
    }

    fn on_time(&mut self, wait: Wait, watch: &mut impl Watch) -> Result<(), End> {
        let now = Instant::now();
        if self.state == SessionState::Opening && self.trouble.is_none() {
            if now >= self.step_began + limits::TELL_SILENT {
                self.trouble = Some(Trouble { began: self.step_began, seen: now });
                let stage = stage(self.client.stage());
                let trouble = Failure::no_answer_yet(self.context.endpoint, stage, now - self.step_began);
                watch.troubled(&trouble, self.patience());
            }
            return Ok(());
        }
        if self.state != SessionState::Sending {
            if self.is_ordered && now >= self.due(wait) {
                // A server that takes nothing any more learns of it by the end of the connection.
                return Err(self.closed());
            }
            return if now < self.due(wait) { Ok(()) } else { Err(self.timed_out(self.patience())) };
        }
        if self.drained_by().is_some_and(|by| now >= by) {
            return Err(self.timed_out(self.context.orders.settings.drain_time()));
        }
        if self.fail_back().is_some_and(|at| now >= at) {
            return Err(End::FailBack);
        }
        let is_patience_over = self.held.is_some_and(|since| now >= since + self.context.orders.settings.hold);
        if is_patience_over && wait == Wait::Stream {
            self.unpublish();
            return Ok(());
        }
        self.look(now, watch)
    }

    /// Looks, about once a second, whether what was sent arrives.
    fn look(&mut self, now: Instant, watch: &mut impl Watch) -> Result<(), End> {
        if now < self.delivery.due() {
            return Ok(());
        }
        let tcp = self.io.get_ref().tcp_info();
        let seen = Seen { tcp, written: self.io.get_ref().written(), is_drained: self.is_drained() };
        self.delivery.look(now, seen);
        self.context.report.progressed(tcp, self.client.acknowledged());
        self.show();
        let silence = self.delivery.silence();
        if silence >= limits::STALLED {
            return Err(End::Failed(Failure::stalled(self.context.endpoint, silence)));
        }
        self.tell_trouble(now, watch);
        Ok(())
    }

    /// Tells that nothing arrives, and that it does again where that is no accident: a server that takes a little now and then is no
    /// better off.
    fn tell_trouble(&mut self, now: Instant, watch: &mut impl Watch) {
        let silence = self.delivery.silence();
        match &mut self.trouble {
            // What is left of a broadcast that is over is nobody's show.
            None if silence >= limits::TELL_STALLED && self.until.is_none() => {
                self.trouble = Some(Trouble { began: now - silence, seen: now });
                watch.troubled(&Failure::stalled(self.context.endpoint, silence), limits::STALLED);
            }
            None => {}
            Some(trouble) if silence >= limits::STALLING => trouble.seen = now,
            Some(trouble) if now >= trouble.seen + limits::TELL_STALLED => {
                let after = trouble.seen - trouble.began;
                self.trouble = None;
                watch.flows(after);
            }
            Some(_) => {}
        }
    }

    fn show(&mut self) {
        let state = Some(self.visible_state());
        if self.shown != state {
            self.shown = state;
            self.context.report.enter(self.visible_state());
        }
    }

    fn visible_state(&self) -> State {
        match self.held {
            Some(_) => State::Held,
            None if self.delivery.silence() >= limits::STALLING => State::Stalling,
            None => State::Delivering,
        }
    }

    /// When to go back to the primary server: while there is something to show there.
    fn fail_back(&self) -> Option<Instant> {
        self.context.fail_back.filter(|_| self.until.is_none() && self.held.is_none())
    }

    fn patience(&self) -> Duration {
        match (self.state, self.client.stage()) {
            (SessionState::Opening, client::Stage::Handshake) => limits::HANDSHAKE,
            (SessionState::Opening, client::Stage::Publish) => limits::PUBLISH_REPLY,
            (SessionState::Opening, _) => limits::REPLY,
            (SessionState::Sending | SessionState::Closing, _) => limits::FLUSH,
        }
    }

    /// When everything of a broadcast that is over must have gone out: what is kept for a slow server is bounded, and so is
    /// the time to send it.
    fn drained_by(&self) -> Option<Instant> {
        self.until.map(|(_, seen)| seen + self.context.orders.settings.drain_time())
    }

    fn timed_out(&self, limit: Duration) -> End {
        End::Failed(Failure::timed_out(self.context.endpoint, stage(self.client.stage()), limit))
    }

    fn refused(&self, refused: &Refused) -> Failure {
        let refusal = Refusal { stage: stage(refused.stage), code: &refused.code, description: &refused.description };
        let times = self.context.history.refusals + 1;
        Failure::refused(self.context.endpoint, refusal, times, &self.secrets())
    }

    fn lost(&self, error: Option<&io::Error>) -> Failure {
        let stage = stage(self.client.stage());
        match self.accepted_for() {
            None => Failure::lost(self.context.endpoint, stage, error),
            Some(since) => {
                let times = self.context.history.early_ends + 1;
                Failure::lost_after_publish(self.context.endpoint, stage, error, since, times)
            }
        }
    }

    /// What a server's answer may quote and a message must not.
    fn secrets(&self) -> Vec<&str> {
        client::secrets(self.context.orders.settings.key.expose_secret(), self.context.url.expose_app())
    }
}

/// The stage of a failure at this point of the dialogue.
pub fn stage(stage: client::Stage) -> Stage {
    match stage {
        client::Stage::Handshake => Stage::Handshake,
        client::Stage::Connect | client::Stage::CreateStream => Stage::RtmpConnect,
        client::Stage::Publish => Stage::Publish,
        client::Stage::Publishing => Stage::Sending,
    }
}

#[cfg(test)]
mod tests;

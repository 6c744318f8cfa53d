//! One publisher's connection, from the RTMP handshake to its end: the loop that moves bytes.

use std::{
    convert::Infallible,
    future::pending,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    address::is_public,
    answers::Kept,
    auth::{Admitted, Gate},
    door::Ticket,
    limits,
    loops::{Loop, RelayId},
};
use crate::{
    media::Kind,
    net::duplex::{Duplex, Step},
    observe::{Event, Line, Told, told::Budget},
    rtmp::{
        handshake::{RANDOM_LEN, Random},
        message::{Message, MessageType},
        server::{self, Refusal, Server},
    },
    stream::{Feed, NotBegun, Publish, Publisher, SHUT},
};

/// What every session of a relay needs.
#[derive(Clone)]
pub struct Context {
    /// Who may publish.
    pub gate: Arc<Gate>,
    /// Who this relay is, to know its own streams when they come back.
    pub relay: RelayId,
    /// Cancelled when the relay takes no publishers any more: their connections are dropped.
    pub stop: CancellationToken,
    /// Cancelled when the relay takes no further publishers; those that are live stay.
    pub drain: CancellationToken,
    /// How much has been told of peers that did not become publishers.
    told: Arc<Mutex<Told>>,
}

impl Context {
    /// For the publishers of `gate`.
    #[must_use]
    pub fn new(gate: Gate, stop: CancellationToken) -> Self {
        let budget = Budget {
            of_one: limits::TOLD_OF_ONE,
            in_a_second: limits::TOLD_IN_A_SECOND,
            addresses: limits::TOLD_ADDRESSES,
        };
        let told = Arc::new(Mutex::new(Told::new(budget, Instant::now())));
        let drain = CancellationToken::new();
        Self { gate: Arc::new(gate), relay: RelayId::random(), stop, drain, told }
    }

    /// Whether something about this peer is told.
    pub(super) fn line(&self, address: SocketAddr) -> Line {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).tell(address.ip(), Instant::now())
    }

    /// A connection that did not become a publisher.
    pub(super) fn refused(&self, address: SocketAddr, transport: &'static str, reason: &str) {
        Event::IngestRefused { address, transport, reason, line: self.line(address) }.emit();
    }

    /// One that had to make room.
    pub(super) fn evicted(&self, address: SocketAddr, transport: &'static str) {
        self.refused(address, transport, "it waited longest when there were too many connections");
    }
}

/// Serves the publisher at the other end of `io` until it is gone.
pub async fn serve<T: AsyncRead + AsyncWrite + Unpin>(io: T, publisher: Publisher, ticket: Ticket, context: &Context) {
    let server = match server() {
        Ok(server) => server,
        Err(error) => {
            let reason = format!("the system gives no random bytes: {error}");
            return context.refused(publisher.address, publisher.transport, &reason);
        }
    };
    let mut session = Session {
        io: Duplex::narrow(io, limits::READ_BEFORE),
        server,
        context,
        publisher,
        ticket: Some(ticket),
        state: State::Handshake,
        since: Instant::now(),
        has_spoken: false,
        is_silence_told: false,
        farewell: Farewell::NotYet,
    };
    let end = session.run().await;
    session.finish(end).await;
}

/// A server with random bytes of its own.
fn server() -> Result<Server, getrandom::Error> {
    let mut random: Random = [0; RANDOM_LEN];
    getrandom::fill(&mut random)?;
    Ok(Server::new(&random))
}

struct Session<'a, T> {
    io: Duplex<T>,
    server: Server,
    context: &'a Context,
    publisher: Publisher,
    /// Until the first publish is accepted: the connection may have to make room for others.
    ticket: Option<Ticket>,
    state: State,
    /// When the state was entered; while live, when the last message came.
    since: Instant,
    /// The peer has sent at least one byte.
    has_spoken: bool,
    /// It was told that a live publisher has fallen silent.
    is_silence_told: bool,
    /// What became of the relay's wish that it goes.
    farewell: Farewell,
}

/// Whether a publisher was asked to go elsewhere, since the relay takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Farewell {
    NotYet,
    /// It cannot be asked: when it ends its publish, the show is over.
    Waited,
    /// It connects anew: when it ends its publish here, the show goes on there.
    Asked,
}

/// ```text
///   Handshake --connected--> Idle --publish accepted--> Live
///                             ^  \                       |
///                             |   \--refused--> (end)    |
///                             \------- unpublish --------/
/// ```
enum State {
    Handshake,
    Idle,
    Live(Box<Live>),
}

struct Live {
    publish: Publish,
    /// What its webhook has answered is kept from its end on.
    _kept: Option<Kept>,
    feed: Arc<Feed>,
}

/// Why a session is over.
enum End {
    /// The peer closed, or the connection broke.
    Lost(String),
    /// Nothing came for too long.
    Silent(Duration),
    /// What came is not what an encoder sends.
    Protocol(String),
    /// The publish was refused and the peer is told why.
    Refused(String),
    /// The connection was refused: its stream would run in a circle. The peer is told, too.
    Loop(Loop),
    /// Another publisher with the same key has taken over.
    Displaced,
    /// A person has cut it off, or ended the broadcast.
    CutOff,
    /// Others needed its place before it was a publisher.
    Evicted,
    /// It ended its publish, and the relay takes no further ones.
    Done,
    /// The relay goes down.
    Stopped,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Session<'_, T> {
    async fn run(&mut self) -> End {
        match self.serve().await {
            Err(end) => end,
            Ok(never) => match never {},
        }
    }

    async fn serve(&mut self) -> Result<Infallible, End> {
        let stop = &self.context.stop;
        let mut timer = pin!(sleep_until(self.due()));
        loop {
            // The timer is moved on when it fires, so that a busy session need not touch it; only what is due earlier cannot
            // wait for that.
            let due = self.due();
            if due < timer.deadline() {
                timer.as_mut().reset(due);
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Err(End::Stopped),
                () = evicted(self.ticket.as_ref()) => return Err(End::Evicted),
                () = self.state.cut_off() => return Err(End::CutOff),
                () = self.context.drain.cancelled(), if self.farewell == Farewell::NotYet => self.take_leave()?,
                step = self.io.step(self.server.transmit()) => match step {
                    Ok(Step::Received) => self.receive().await?,
                    Ok(Step::Sent(_) | Step::Flushed) => {}
                    Ok(Step::Closed) => return Err(End::Lost("it closed the connection".to_owned())),
                    Err(error) => return Err(End::Lost(error.to_string())),
                },
                () = timer.as_mut() => {
                    if Instant::now() >= self.since + self.patience() {
                        return Err(End::Silent(self.patience()));
                    }
                    if let State::Live(live) = &mut self.state {
                        live.wake_readers();
                    }
                    self.tell_silence();
                    timer.as_mut().reset(self.due());
                }
            }
        }
    }

    /// The relay takes no more: a publisher that can is asked to go elsewhere, and one that is none yet goes.
    fn take_leave(&mut self) -> Result<(), End> {
        if !matches!(self.state, State::Live(_)) {
            return Err(End::Stopped);
        }
        let is_asked = self.server.request_reconnect("forkcast is about to restart");
        self.farewell = if is_asked { Farewell::Asked } else { Farewell::Waited };
        Ok(())
    }

    async fn receive(&mut self) -> Result<(), End> {
        self.has_spoken = true;
        let mut input = self.io.received();
        let mut messages = 0;
        loop {
            let event = match self.server.handle_input(&mut input) {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(error) => return Err(End::Protocol(error.to_string())),
            };
            match event {
                server::Event::Connected(connected) => match self.context.relay.pass(&connected) {
                    Ok(hops) => {
                        self.publisher.relay_hops = hops;
                        self.state = State::Idle;
                        self.since = Instant::now();
                    }
                    Err(circle) => {
                        self.server.refuse_connect(circle.refusal());
                        return Err(End::Loop(circle));
                    }
                },
                server::Event::PublishRequested(request) => {
                    let decision = tokio::select! {
                        biased;
                        () = self.context.stop.cancelled() => return Err(End::Stopped),
                        () = evicted(self.ticket.as_ref()) => return Err(End::Evicted),
                        // Boxed: few connections come so far.
                        decision = Box::pin(self.context.gate.admit(&request.stream_key, &self.publisher)) => decision,
                    };
                    let live = match decision {
                        Ok(admitted) => {
                            self.ticket = None;
                            tokio::select! {
                                biased;
                                () = self.context.stop.cancelled() => return Err(End::Stopped),
                                live = Box::pin(go_live(admitted, &self.publisher)) => live,
                            }
                        }
                        Err(refusal) => Err(refusal),
                    };
                    match live {
                        Ok(live) => {
                            self.server.accept_publish();
                            self.state = State::Live(Box::new(live));
                            self.since = Instant::now();
                        }
                        Err(refusal) => {
                            let reason = refusal.description.clone();
                            self.server.refuse_publish(refusal);
                            return Err(End::Refused(reason));
                        }
                    }
                }
                server::Event::Media(message) => {
                    if let State::Live(live) = &mut self.state {
                        live.append(message)?;
                        messages += 1;
                    }
                }
                server::Event::Unpublished if self.farewell == Farewell::Asked => return Err(went_elsewhere()),
                server::Event::Closed if self.farewell == Farewell::Asked => return Err(went_elsewhere()),
                server::Event::Unpublished => {
                    self.state.unpublish();
                    if self.farewell != Farewell::NotYet {
                        return Err(End::Done);
                    }
                    self.since = Instant::now();
                }
                server::Event::Closed => {
                    self.state.unpublish();
                    return Err(End::Lost("it closed the session".to_owned()));
                }
            }
        }
        if let State::Live(live) = &mut self.state {
            self.io.widen();
            if messages > 0 {
                live.wake_readers();
                self.since = Instant::now();
                self.is_silence_told = false;
            }
        }
        Ok(())
    }

    fn patience(&self) -> Duration {
        match self.state {
            State::Handshake => limits::HANDSHAKE,
            State::Idle => limits::PUBLISH,
            State::Live(_) => limits::MEDIA_SILENCE,
        }
    }

    /// When something is to be said or done, where nothing comes until then.
    fn due(&self) -> Instant {
        match &self.state {
            State::Live(live) => {
                let patience = if self.is_silence_told { self.patience() } else { limits::SILENCE_TOLD };
                live.publish.due().into_iter().fold(self.since + patience, Instant::min)
            }
            State::Handshake | State::Idle => self.since + self.patience(),
        }
    }

    fn tell_silence(&mut self) {
        if let State::Live(live) = &self.state
            && !self.is_silence_told
            && self.since.elapsed() >= limits::SILENCE_TOLD
        {
            self.is_silence_told = true;
            Event::PublisherSilent { stream: live.feed.name(), silence: limits::SILENCE_TOLD }.emit();
        }
    }

    async fn finish(mut self, end: End) {
        let Publisher { address, transport, .. } = self.publisher;
        let is_cut_off = matches!(end, End::CutOff);
        let (reason, is_news) = match end {
            End::Lost(reason) => (reason, false),
            End::Protocol(reason) => (reason, true),
            End::Silent(patience) => (format!("nothing came for {} s", patience.as_secs()), true),
            End::Refused(reason) => {
                Event::PublishRefused { address, transport, reason: &reason, line: self.context.line(address) }.emit();
                return self.say_goodbye().await;
            }
            End::Loop(circle) => {
                let line = self.context.line(address);
                Event::LoopRefused { address, transport, reason: &circle.to_string(), line }.emit();
                return self.say_goodbye().await;
            }
            End::Done => return self.say_goodbye().await,
            End::Displaced => ("another publisher with the same key took over".to_owned(), false),
            End::CutOff => ("it was cut off by hand".to_owned(), false),
            End::Evicted => return self.context.evicted(address, transport),
            End::Stopped => return,
        };
        match self.state {
            State::Live(live) => {
                let Live { publish, feed, .. } = *live;
                let stream = feed.name();
                if publish.lose() {
                    Event::PublisherLost { stream, reason: &reason, hold: feed.settings().hold }.emit();
                } else if !is_cut_off {
                    Event::PublisherDisplaced { stream, address }.emit();
                }
            }
            // A port scan or a health check; an encoder that probes, or is done.
            State::Handshake if !self.has_spoken => Event::IngestProbed { address, transport }.emit(),
            State::Idle if !is_news => {}
            State::Handshake | State::Idle => self.context.refused(address, transport, &reason),
        }
    }

    /// Sends what is queued, ends our direction, and leaves the peer a moment to read it, unless its place is needed: whoever
    /// was refused makes nobody wait at the door.
    async fn say_goodbye(&mut self) {
        let ticket = self.ticket.take();
        let goodbye = async {
            while bytes::Buf::has_remaining(self.server.transmit()) {
                if !matches!(self.io.step(self.server.transmit()).await, Ok(Step::Sent(_) | Step::Received)) {
                    return;
                }
            }
            let _ = self.io.shutdown().await;
            while let Ok(Step::Received | Step::Flushed) = self.io.step(&mut bytes::Bytes::new()).await {}
        };
        tokio::select! {
            () = evicted(ticket.as_ref()) => {}
            _ = tokio::time::timeout(limits::REFUSAL, goodbye) => {}
        }
    }
}

impl State {
    /// Completes when a person has cut the publisher off; never before it is one.
    async fn cut_off(&self) {
        match self {
            Self::Live(live) => live.publish.cut_off().await,
            Self::Handshake | Self::Idle => pending().await,
        }
    }

    /// The publisher ended the broadcast; it may begin another.
    fn unpublish(&mut self) {
        if let Self::Live(live) = std::mem::replace(self, Self::Idle) {
            live.publish.stop();
            Event::PublishStopped { stream: live.feed.name(), reason: "the publisher stopped" }.emit();
        }
    }
}

impl Live {
    fn append(&mut self, message: Message) -> Result<(), End> {
        let kind = match message.message_type {
            MessageType::AUDIO => Kind::Audio,
            MessageType::VIDEO => Kind::Video,
            _ => Kind::Data,
        };
        self.publish.append(kind, message.timestamp, message.payload).map_err(|_| End::Displaced)
    }

    /// Wakes the readers, where it is time.
    fn wake_readers(&mut self) {
        if self.publish.due().is_some_and(|due| due <= Instant::now()) {
            self.publish.wake();
        }
    }
}

/// The end of a publisher that was asked to connect anew.
fn went_elsewhere() -> End {
    End::Lost("it connects anew, as it was asked to".to_owned())
}

/// When the ticket's place is needed for another; never without a ticket.
async fn evicted(ticket: Option<&Ticket>) {
    match ticket {
        Some(ticket) => ticket.evicted().await,
        None => pending().await,
    }
}

/// Begins the publish of a publisher that may, as soon as the present one has made room.
async fn go_live(admitted: Admitted, publisher: &Publisher) -> Result<Live, Refusal> {
    let Admitted { feed, pass, kept } = admitted;
    let publisher = Publisher { name: pass.name, ..publisher.clone() };
    let Publisher { address, transport, tls, name, .. } = publisher.clone();
    let publish = feed.publish(publisher).await.map_err(|not_begun| Refusal {
        code: Refusal::BAD_NAME,
        description: match not_begun {
            NotBegun::AlreadyLive => {
                format!("stream `{}` is live already, from another encoder: stop that one first", feed.name())
            }
            NotBegun::Shut => format!(
                "the broadcast of stream `{}` was ended by hand: stop the encoder, and start it again after {} s, or let it \
                 in on forkcast's page",
                feed.name(),
                SHUT.as_secs()
            ),
        },
    })?;
    let (stream, tls) = (feed.name(), tls.as_deref());
    let returned_after = publish.returned_after();
    Event::PublishStarted { stream, address, transport, tls, name: name.as_deref(), returned_after }.emit();
    if tls.is_none() && is_public(address.ip()) {
        Event::PublishUnprotected { stream, address }.emit();
    }
    Ok(Live { publish, _kept: kept, feed })
}

#[cfg(test)]
mod tests;

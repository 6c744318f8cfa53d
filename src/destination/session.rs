//! One connection to a destination, from the RTMP handshake to its end: the loop that moves bytes.
//!
//! Everything that decides stands elsewhere and is pure: the RTMP dialogue in [`client`], what is sent in [`Playhead`].

use std::{io, pin::pin, sync::Arc, time::Duration};

use bytes::Buf as _;
use secrecy::ExposeSecret as _;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    failure::{Failure, Refusal, Stage},
    limits,
    playhead::{Clock, Playhead, Taken},
    settings::Settings,
    status::{Report, State},
};
use crate::{
    media::Kind,
    net::{
        Endpoint,
        duplex::{Duplex, Step},
    },
    rtmp::{
        client::{self, Client, Event, Refused},
        message::MessageType,
    },
    stream::{Broadcast, Feed, Message, Phase},
};

/// How a session ended.
#[derive(Debug)]
pub enum End {
    /// The broadcast is over: everything was sent, and the server was told.
    Finished,
    /// The relay goes down while the broadcast goes on: to be dropped, with no word that would end the broadcast.
    Left,
    /// The publisher went over to a codec that the destination does not take: why, in a sentence.
    Unsuitable(String),
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
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The stream.
    pub feed: &'a Feed,
    /// The broadcast that is served.
    pub broadcast: Broadcast,
    /// The destination.
    pub settings: &'a Settings,
    /// Its report.
    pub report: &'a Report,
    /// Its server, for messages.
    pub endpoint: &'a Endpoint,
    /// What went before.
    pub history: History,
}

/// What a session tells its destination while it runs.
pub trait Watch {
    /// The server accepted the publish.
    fn accepted(&mut self);
    /// So many messages were skipped because the server takes too little.
    fn dropped(&mut self, messages: u64);
}

/// One session and what it serves.
pub struct Session<'a, T> {
    io: Duplex<T>,
    client: Client,
    context: Context<'a>,
    playhead: Option<Playhead>,
    /// The clock of the session before, where the platform wants it to go on.
    clock: Clock,
    /// Messages read from the log, to be prepared; reused.
    batch: Vec<Arc<Message>>,
    /// Messages and payload bytes that are queued and have not all gone out.
    queued: (u64, u64),
    state: SessionState,
    /// When the present step began, or bytes last went out.
    progress: Instant,
    /// When the server accepted the publish.
    accepted: Option<Instant>,
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

impl<'a, T: AsyncRead + AsyncWrite + Unpin> Session<'a, T> {
    /// A session over the connection `io`.
    pub fn new(io: T, client: Client, context: Context<'a>, clock: Clock) -> Self {
        Self {
            io: Duplex::new(io),
            client,
            context,
            playhead: None,
            clock,
            batch: Vec::new(),
            queued: (0, 0),
            state: SessionState::Opening,
            progress: Instant::now(),
            accepted: None,
        }
    }

    /// Runs the session to its end. The connection is still open then: see [`Self::close`] and [`Self::into_io`].
    pub async fn run(&mut self, leave: &CancellationToken, watch: &mut impl Watch) -> End {
        let mut head = self.context.feed.head();
        let mut broadcast = self.context.feed.broadcast();
        let mut timer = pin!(sleep_until(self.deadline()));
        loop {
            let now = *broadcast.borrow_and_update();
            self.count_what_went_out();
            let waits = match self.fill(now, watch) {
                Ok(waits) => waits,
                Err(end) => return end,
            };
            if self.state == SessionState::Closing && !self.client.transmit().has_remaining() {
                return End::Finished;
            }
            // The timer is moved back when it fires, so that a busy session need not touch it; only an earlier deadline cannot
            // wait for that.
            if self.deadline() < timer.deadline() {
                timer.as_mut().reset(self.deadline());
            }
            tokio::select! {
                biased;
                () = leave.cancelled() => return End::Left,
                step = self.io.step(self.client.transmit()) => match self.stepped(step, watch) {
                    Ok(()) => {}
                    // The broadcast is over, and a server may be quicker to close than we are.
                    Err(_) if self.state == SessionState::Closing => return End::Finished,
                    Err(failure) => return End::Failed(failure),
                },
                // The senders live in the feed, and the feed outlives the session.
                _ = broadcast.changed() => {}
                _ = head.changed(), if waits => {}
                () = timer.as_mut() => {
                    if waits {
                        // Nothing has to go out: the peer cannot be blamed for silence.
                        self.progress = Instant::now();
                    }
                    if Instant::now() >= self.deadline() {
                        return self.timed_out();
                    }
                    timer.as_mut().reset(self.deadline());
                }
            }
        }
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
        self.playhead.as_ref().map_or(self.clock, Playhead::clock)
    }

    /// How long the server has accepted the publish.
    pub fn accepted_for(&self) -> Option<Duration> {
        self.accepted.map(|since| since.elapsed())
    }

    /// Queues the next batch where everything before it has gone out. Says whether it waits for more to come.
    fn fill(&mut self, broadcast: Broadcast, watch: &mut impl Watch) -> Result<bool, End> {
        if self.state != SessionState::Sending || self.client.transmit().has_remaining() {
            return Ok(false);
        }
        let is_held = broadcast.number == self.context.broadcast.number && broadcast.phase == Phase::Held;
        self.context.report.enter(if is_held { State::Held } else { State::Delivering });
        match self.take(broadcast.end_of(self.context.broadcast.number), watch) {
            Taken::Messages => {
                self.send_batch()?;
                // From now on something has to go out.
                self.progress = Instant::now();
                Ok(false)
            }
            Taken::Nothing => Ok(true),
            Taken::End => {
                self.client.unpublish();
                self.state = SessionState::Closing;
                self.progress = Instant::now();
                Ok(false)
            }
        }
    }

    /// Takes the next batch from the log, from the newest keyframe at first. Everything before it has been sent.
    fn take(&mut self, until: Option<u64>, watch: &mut impl Watch) -> Taken {
        let Context { feed, broadcast, settings, report, .. } = self.context;
        let (playhead, batch, clock) = (&mut self.playhead, &mut self.batch, self.clock);
        let dropped = playhead.as_ref().map_or(0, Playhead::dropped);
        let (taken, position) = feed.read(|log| {
            if playhead.is_none() {
                *playhead = Playhead::start(log, broadcast.from, settings, clock);
            }
            match playhead {
                Some(playhead) => {
                    let taken = playhead.take(log, until, batch);
                    (taken, playhead.position() - batch.len() as u64)
                }
                None if until.is_some() => (Taken::End, log.head()),
                None => (Taken::Nothing, log.head()),
            }
        });
        report.at(position);
        let newly_dropped = playhead.as_ref().map_or(0, Playhead::dropped) - dropped;
        if newly_dropped > 0 {
            report.dropped(newly_dropped);
            watch.dropped(newly_dropped);
        }
        taken
    }

    fn send_batch(&mut self) -> Result<(), End> {
        let Some(playhead) = &mut self.playhead else { return Ok(()) };
        let (mut messages, mut bytes) = (0, 0);
        for message in self.batch.drain(..) {
            let prepared = playhead.prepare(&message, |outgoing| {
                messages += 1;
                bytes += outgoing.payload.len() as u64;
                let message_type = match outgoing.kind {
                    Kind::Audio => MessageType::AUDIO,
                    Kind::Video => MessageType::VIDEO,
                    Kind::Data => MessageType::DATA_AMF0,
                };
                self.client.send_media(message_type, outgoing.timestamp, outgoing.payload);
            });
            if let Err(reason) = prepared {
                return Err(End::Unsuitable(reason));
            }
        }
        self.queued = (messages, bytes);
        Ok(())
    }

    fn count_what_went_out(&mut self) {
        if !self.client.transmit().has_remaining() {
            let (messages, bytes) = std::mem::take(&mut self.queued);
            self.context.report.sent(messages, bytes);
        }
    }

    fn stepped(&mut self, step: io::Result<Step>, watch: &mut impl Watch) -> Result<(), Failure> {
        match step {
            Ok(Step::Sent(_) | Step::Flushed) => {
                self.progress = Instant::now();
                Ok(())
            }
            Ok(Step::Received) => self.receive(watch),
            Ok(Step::Closed) => Err(self.lost(None)),
            Err(error) => Err(self.lost(Some(&error))),
        }
    }

    fn receive(&mut self, watch: &mut impl Watch) -> Result<(), Failure> {
        let mut input = self.io.received();
        loop {
            let before = self.client.stage();
            let event = match self.client.handle_input(&mut input) {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(error) => {
                    return Err(Failure::protocol(self.context.endpoint, stage(before), &error.to_string()));
                }
            };
            match event {
                Event::Connected => {}
                Event::Publishing => {
                    self.state = SessionState::Sending;
                    self.accepted = Some(Instant::now());
                    self.context.report.accepted();
                    watch.accepted();
                }
                Event::Status(_) => {}
                Event::Refused(refused) => return Err(self.refused(&refused)),
                Event::ReconnectRequested(_) => return Err(Failure::asked_to_reconnect(self.context.endpoint)),
                Event::Ended(status) => {
                    return Err(Failure::ended(
                        self.context.endpoint,
                        &status.code,
                        &status.description,
                        &self.secrets(),
                    ));
                }
            }
            if self.client.stage() != before {
                // The next step has its own time.
                self.progress = Instant::now();
            }
        }
        Ok(())
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
    fn secrets(&self) -> [&str; 2] {
        [self.context.settings.key.expose_secret(), self.context.settings.url.expose_app()]
    }

    fn patience(&self) -> Duration {
        match (self.state, self.client.stage()) {
            (SessionState::Opening, client::Stage::Handshake) => limits::HANDSHAKE,
            (SessionState::Opening, client::Stage::Publish) => limits::PUBLISH_REPLY,
            (SessionState::Opening, _) => limits::REPLY,
            (SessionState::Sending, _) => limits::STALLED,
            (SessionState::Closing, _) => limits::FLUSH,
        }
    }

    fn deadline(&self) -> Instant {
        self.progress + self.patience()
    }

    fn timed_out(&mut self) -> End {
        let endpoint = self.context.endpoint;
        match self.state {
            SessionState::Opening => {
                End::Failed(Failure::timed_out(endpoint, stage(self.client.stage()), self.patience()))
            }
            SessionState::Sending => End::Failed(Failure::stalled(endpoint, self.patience())),
            // The server has stopped reading: it cannot be told.
            SessionState::Closing => End::Finished,
        }
    }
}

fn stage(stage: client::Stage) -> Stage {
    match stage {
        client::Stage::Handshake => Stage::Handshake,
        client::Stage::Connect | client::Stage::CreateStream => Stage::RtmpConnect,
        client::Stage::Publish => Stage::Publish,
        client::Stage::Publishing => Stage::Sending,
    }
}

#[cfg(test)]
mod tests;

//! Whoever runs the relay while it runs: takes what files, signals and the API ask, one after the other.

mod files;

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::{
    config::LONGEST_DRAIN,
    control::{
        desk::{Act, Answer, Ask, Refused, Request, Target},
        readiness::Stage,
    },
    observe::Event,
    relay::{Changes, Relay},
    reload::{Reloader, Why},
    service::Service,
    stream::{Feed, Phase},
};

/// How long publishers are waited for where neither the request nor the settings say it.
const DRAIN: Duration = Duration::from_secs(5 * 60);

/// A relay and what it is told.
pub struct Operator {
    relay: Relay,
    reloader: Reloader,
    desk: mpsc::Receiver<Request>,
    /// A word whenever the files have changed.
    changes: mpsc::Receiver<()>,
    /// How long publishers are waited for where nobody says otherwise.
    drain_time: Duration,
    /// Until when they are, once no more are taken.
    drains_until: Option<Instant>,
    /// Is told when files are read.
    service: Service,
}

/// What a relay is told next.
pub enum Next {
    /// Its files have changed.
    Changed,
    /// The API asks for something.
    Asked(Request),
    /// It takes no more publishers, and waits for none any more.
    Drained,
}

impl Operator {
    /// Of a relay that was started with what `reloader` has read.
    #[must_use]
    pub fn new(
        relay: Relay,
        reloader: Reloader,
        desk: mpsc::Receiver<Request>,
        drain_time: Duration,
        service: Service,
    ) -> Self {
        let changes = reloader.changes();
        Self { relay, reloader, desk, changes, drain_time, drains_until: None, service }
    }

    /// What is next. Cancel-safe: nothing is done yet.
    pub async fn next(&mut self) -> Next {
        let (until, is_drained) = (self.drains_until, self.relay.is_drained());
        tokio::select! {
            biased;
            () = reached(until) => Next::Drained,
            () = is_drained, if until.is_some() => Next::Drained,
            Some(()) = self.changes.recv() => Next::Changed,
            Some(request) = self.desk.recv() => Next::Asked(request),
        }
    }

    /// Does it. Says whether the relay is drained, and to be left.
    pub async fn act(&mut self, next: Next) -> bool {
        match next {
            Next::Drained => return true,
            // What is not gone by was told of.
            Next::Changed => drop(self.reload(Why::Changed).await),
            Next::Asked(Request { ask, answer }) => {
                let done = self.answer(ask).await;
                // Nobody may be waiting any more; it is done all the same.
                drop(answer.send(done));
            }
        }
        false
    }

    /// Reads the files now.
    ///
    /// # Errors
    /// Why what is there is not gone by.
    pub async fn reload(&mut self, why: Why) -> Result<Changes, String> {
        self.service.reloading();
        let read = self.reloader.reload(&mut self.relay, why).await;
        self.service.reloaded();
        read
    }

    /// Takes no further publishers and waits for those that are there. Says whether that is new.
    pub fn drain(&mut self, wait: Option<Duration>) -> bool {
        if self.drains_until.is_some() {
            return false;
        }
        let wait = wait.unwrap_or(if self.drain_time.is_zero() { DRAIN } else { self.drain_time });
        let wait = wait.min(LONGEST_DRAIN);
        self.drains_until = Some(Instant::now() + wait);
        self.relay.board.readiness.enter(Stage::Draining);
        self.relay.take_no_more();
        Event::Draining { wait }.emit();
        true
    }

    /// The relay, to be stopped.
    #[must_use]
    pub fn into_relay(self) -> Relay {
        self.relay
    }

    async fn answer(&mut self, ask: Ask) -> Answer {
        match ask {
            Ask::Reload => match self.reload(Why::Asked).await {
                Ok(changes) => Ok(format!("the files were read: {changes}")),
                Err(reason) => Err(Refused::Conflict(reason)),
            },
            Ask::Destination(target, act) => self.act_on(target, act).await,
            Ask::Add { stream, name, fields } => self.add(&stream, name, fields).await,
            Ask::CreateStream { name, key } => self.create_stream(&name, key).await,
            Ask::RemoveStream(name) => self.remove_stream(&name).await,
            Ask::RotateKey { stream, key, grace } => self.rotate_key(&stream, key, grace).await,
            Ask::End(stream) => {
                let feed = self.relay.feed(&stream).ok_or_else(|| no_stream(&stream))?;
                if !is_live(&feed) {
                    return Err(Refused::Conflict(format!("stream `{stream}` is not live: there is nothing to end")));
                }
                // Before it ends: whoever sees the end is to know why.
                feed.shut();
                feed.end_broadcast();
                Event::BroadcastEnded { stream: &stream }.emit();
                Ok(format!(
                    "the broadcast of `{stream}` ends on every destination; its encoder is kept out for a minute"
                ))
            }
            Ask::Reopen(stream) => {
                self.relay.feed(&stream).ok_or_else(|| no_stream(&stream))?.reopen();
                Ok(format!("encoders may publish `{stream}` again"))
            }
            Ask::CutOff(stream) => {
                let feed = self.relay.feed(&stream).ok_or_else(|| no_stream(&stream))?;
                match feed.cut_off() {
                    true => Ok(format!("the publisher of `{stream}` is cut off; it may come back")),
                    false => Err(Refused::Conflict(format!("nobody publishes `{stream}`"))),
                }
            }
            Ask::Drain(wait) => match self.drain(wait) {
                true => Ok("no further publishers are taken; forkcast stops when the last one has left".to_owned()),
                false => Err(Refused::Conflict("forkcast drains already".to_owned())),
            },
        }
    }

    async fn act_on(&mut self, target: Target, act: Act) -> Answer {
        let Target { stream, destination } = &target;
        let feed = self.relay.feed(stream).ok_or_else(|| no_stream(stream))?;
        if !self.relay.has_destination(stream, destination) {
            return Err(Refused::Unknown(format!("stream `{stream}` has no destination `{destination}`")));
        }
        match act {
            Act::Start => self.start(&target).await,
            Act::Stop => self.stop(&target).await,
            Act::Restart if !is_live(&feed) => {
                Err(Refused::Conflict(format!("nobody publishes `{stream}`: `{destination}` has no connection")))
            }
            Act::Restart => match self.relay.restart(stream, destination) {
                true => Ok(format!("`{destination}` connects anew")),
                false => Err(Refused::Conflict(format!("`{destination}` is off: start it"))),
            },
            Act::End => match self.relay.end_at(stream, destination) {
                true => Ok(format!("this broadcast ends at `{destination}`; the next one is sent there again")),
                false => Err(Refused::Conflict(format!("`{destination}` sends nothing of this broadcast"))),
            },
            Act::Change(fields) => self.change(&target, fields).await,
            Act::Remove => self.remove(&target).await,
        }
    }
}

fn is_live(feed: &Feed) -> bool {
    matches!(feed.broadcast().borrow().phase, Phase::Live | Phase::Held)
}

fn no_stream(stream: &str) -> Refused {
    Refused::Unknown(format!("there is no stream `{stream}`"))
}

/// Completes at that time; without one, never.
async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

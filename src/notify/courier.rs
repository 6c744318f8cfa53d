//! The task that posts to one endpoint.

use std::{
    future::pending,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use secrecy::ExposeSecret as _;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    Endpoint,
    fold::Post,
    limits::{BATCH, FLUSH},
    message,
    outbox::{Again, Outbox, Tell},
};
use crate::{
    net::web,
    observe::{
        Event, Posts,
        history::{Batch, Cursor},
    },
};

/// Reads the history for one endpoint, and posts.
pub struct Courier {
    mailer: Mailer,
    cursor: Cursor,
    outbox: Outbox,
    counts: Arc<Posts>,
    began: Instant,
    /// Why the last post was not taken.
    reason: String,
}

/// Why a post was not taken.
struct Refusal {
    reason: String,
    again: Again,
}

impl Courier {
    /// One that has posted nothing yet.
    #[must_use]
    pub fn new(endpoint: Endpoint, cursor: Cursor) -> Self {
        let counts = Posts::of(&endpoint.name);
        let mailer = Mailer { endpoint: Arc::new(endpoint), agent: Arc::default() };
        Self { mailer, cursor, outbox: Outbox::default(), counts, began: Instant::now(), reason: String::new() }
    }

    /// Posts until `stop`, and then what is left for [`FLUSH`] at the most.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut under_way: Option<JoinHandle<Result<(), Refusal>>> = None;
        loop {
            let now = self.began.elapsed();
            if under_way.is_none() {
                under_way = self.outbox.next(now).map(|post| self.mailer.post(post));
            }
            let wake_at = self.outbox.wake_at().filter(|_| under_way.is_none()).map(|at| self.began + at);
            tokio::select! {
                () = stop.cancelled() => break,
                batch = self.cursor.next(BATCH) => self.take(batch),
                answer = answered(&mut under_way) => {
                    under_way = None;
                    self.settle(answer);
                }
                () = reached(wake_at) => {}
            }
        }
        self.flush(under_way).await;
    }

    fn take(&mut self, Batch { missed, records }: Batch) {
        let now = self.began.elapsed();
        self.outbox.missed(missed);
        for record in records {
            match self.mailer.endpoint.events.has(record.kind) {
                true => self.outbox.take(record, now),
                false => self.outbox.pass(&record),
            }
        }
        if let Some(tell) = self.outbox.overflow(now) {
            "it is too slow for what happens".clone_into(&mut self.reason);
            self.tell(tell);
        }
        self.count_lost();
    }

    fn settle(&mut self, answer: Result<(), Refusal>) {
        let tell = match answer {
            Ok(()) => {
                self.counts.note_delivered();
                self.outbox.delivered()
            }
            Err(Refusal { reason, again }) => {
                self.reason = reason;
                self.outbox.failed(again, self.began.elapsed())
            }
        };
        if let Some(tell) = tell {
            self.tell(tell);
        }
        self.count_lost();
    }

    fn count_lost(&mut self) {
        let lost = self.outbox.count_lost();
        if lost > 0 {
            self.counts.note_lost(lost);
        }
    }

    fn tell(&self, tell: Tell) {
        let endpoint = &self.mailer.endpoint.name;
        match tell {
            Tell::Failing { lost } => Event::NotifyFailed { endpoint, reason: &self.reason, lost }.emit(),
            Tell::Recovered { lost } => Event::NotifyRecovered { endpoint, lost }.emit(),
        }
    }

    /// Each post that is left gets one try.
    async fn flush(mut self, mut under_way: Option<JoinHandle<Result<(), Refusal>>>) {
        let until = Instant::now() + FLUSH;
        let left = self.cursor.read(usize::MAX);
        self.take(left);
        self.outbox.hurry();
        let mut lost = 0;
        loop {
            if under_way.is_none() {
                under_way = self.outbox.next(self.began.elapsed()).map(|post| self.mailer.post(post));
            }
            if under_way.is_none() {
                break;
            }
            let Ok(answer) = timeout_at(until, answered(&mut under_way)).await else {
                "forkcast stops".clone_into(&mut self.reason);
                lost += self.outbox.waiting() as u64;
                break;
            };
            under_way = None;
            match answer {
                Ok(()) => {
                    self.counts.note_delivered();
                    self.outbox.delivered();
                }
                Err(Refusal { reason, .. }) => {
                    self.reason = reason;
                    self.outbox.failed(Again::Never, self.began.elapsed());
                    lost += 1;
                }
            }
        }
        if lost > 0 {
            self.counts.note_lost(lost);
            self.tell(Tell::Failing { lost });
        }
    }
}

/// The answer to the post that is under way; where there is none, never. Cancel-safe.
async fn answered(under_way: &mut Option<JoinHandle<Result<(), Refusal>>>) -> Result<(), Refusal> {
    match under_way {
        None => pending().await,
        Some(task) => task.await.unwrap_or_else(|_| Err(Refusal::later("the post could not be made"))),
    }
}

async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

impl Refusal {
    fn later(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), again: Again::Later(None) }
    }

    fn never(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), again: Again::Never }
    }
}

/// Makes posts, each on a thread of its own.
#[derive(Clone)]
struct Mailer {
    endpoint: Arc<Endpoint>,
    /// Made at the first post, since reading the system's roots takes a while.
    agent: Arc<OnceLock<ureq::Agent>>,
}

impl Mailer {
    fn post(&self, post: &Post) -> JoinHandle<Result<(), Refusal>> {
        let (mailer, post) = (self.clone(), post.clone());
        tokio::task::spawn_blocking(move || mailer.post_blocking(&post))
    }

    fn post_blocking(&self, post: &Post) -> Result<(), Refusal> {
        let Endpoint { url, shown, secret, .. } = &*self.endpoint;
        let at = |why: &dyn std::fmt::Display| format!("`{shown}`: {why}");
        let body = message::body(post).map_err(|error| Refusal::never(at(&error)))?;
        let agent = match self.agent.get() {
            Some(agent) => agent,
            None => {
                let agent = self.agent().map_err(|error| Refusal::later(at(&error)))?;
                self.agent.get_or_init(|| agent)
            }
        };
        let mut request = agent.post(url.expose_secret()).content_type("application/json");
        if let Some(secret) = secret {
            let (timestamp, signature) = message::signature(secret, &body, SystemTime::now());
            request = request.header(message::TIMESTAMP, timestamp).header(message::SIGNATURE, signature);
        }
        let answer = request.send(&body).map_err(|error| Refusal::later(at(&web::sentence(&error))))?;
        let status = answer.status().as_u16();
        let wait = answer.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.trim().parse().ok());
        let reason = at(&format_args!("it answered with HTTP status {status}"));
        match status {
            200..=299 => Ok(()),
            // Too early, too many, or not now.
            408 | 425 | 429 | 500.. => Err(Refusal { reason, again: Again::Later(wait.map(Duration::from_secs)) }),
            _ => Err(Refusal::never(reason)),
        }
    }

    fn agent(&self) -> Result<ureq::Agent, String> {
        let Endpoint { url, ca_file, timeout, .. } = &*self.endpoint;
        web::client(url.expose_secret().starts_with("https://"), ca_file.as_deref(), *timeout)
    }
}

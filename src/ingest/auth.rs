//! The decision about a publisher: which stream its key opens, if any.
//!
//! ```text
//! key ─▶ tried too often from there? ─▶ a key of some stream? ─▶ signed for the stream that it names?
//!                                            │ yes                      │ yes        │ no
//!                                            ▼                          ▼            ▼
//!                                 may it now, from there, so?      (the same)   its webhook ─▶ wrong key
//! ```

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::SystemTime,
};

use secrecy::{ExposeSecret as _, SecretString};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until},
};

use super::{
    access::{Access, KeyDigest, Pass, Verdict},
    address::Network,
    answers::{Answers, Asked, Kept},
    attempts::Attempts,
    limits::{WEBHOOK_QUESTIONS, WRONG_KEY_PAUSE},
    signed,
    webhook::{No, Question, Webhook},
};
use crate::{
    observe::Event,
    rtmp::server::Refusal,
    stream::{Feed, Publisher},
};

/// Who may publish, of all streams. The key alone decides which stream a publisher writes to; no two streams share one.
///
/// Keys are kept and compared as SHA-256 digests, every one at each try, in constant time; and a key that opens nothing is
/// refused at a fixed time after it came. How long a refusal takes says nothing about a key, its length, or which streams
/// there are.
pub struct Gate {
    /// Replaced as a whole when a file changes; held for one clone, never across an await.
    streams: RwLock<Arc<[Arc<Guarded>]>>,
    /// Held for one look-up, never across an await.
    attempts: Mutex<Attempts>,
    answers: Arc<Answers>,
    /// How many questions may be on their way to webhooks.
    questions: Semaphore,
}

/// A stream, and who may publish it.
struct Guarded {
    feed: Arc<Feed>,
    access: Access,
}

/// A publisher that may publish.
pub struct Admitted {
    /// What it may write to.
    pub feed: Arc<Feed>,
    /// How it came in.
    pub pass: Pass,
    /// Its webhook's answer, to be held while it is live.
    pub kept: Option<Kept>,
}

impl Gate {
    /// The streams, each with who may publish it.
    pub fn new(streams: impl IntoIterator<Item = (Arc<Feed>, Access)>) -> Self {
        Self {
            streams: RwLock::new(guarded(streams)),
            attempts: Mutex::default(),
            answers: Arc::default(),
            questions: Semaphore::new(WEBHOOK_QUESTIONS),
        }
    }

    /// Other streams, or others who may publish them, from the next publish on: whoever is live stays.
    pub fn replace(&self, streams: impl IntoIterator<Item = (Arc<Feed>, Access)>) {
        *self.streams.write().unwrap_or_else(PoisonError::into_inner) = guarded(streams);
    }

    /// Decides about a publisher that shows `key`.
    ///
    /// # Errors
    /// What the publisher is told. All codes are such that encoders give up and show the sentence.
    pub async fn admit(&self, key: &SecretString, publisher: &Publisher) -> Result<Admitted, Refusal> {
        let asked = Instant::now();
        if key.expose_secret().is_empty() {
            let description =
                "no stream key came: put it into the encoder's field Stream Key (FFmpeg: rtmp://HOST/live/KEY)";
            return Err(denied(description));
        }
        let (digest, network) = (KeyDigest::of(key), Network::of(publisher.address.ip()));
        if !self.attempts(|attempts| attempts.may_try(network, digest, asked)) {
            sleep_until(asked + WRONG_KEY_PAUSE).await;
            return Err(denied(
                "too many wrong stream keys came from your address: wait a minute, then try the right one",
            ));
        }
        let found = match self.judge(key, &digest, SystemTime::now()) {
            Some((stream, verdict)) => Some((stream, verdict, None)),
            None => self.ask(key, digest, publisher).await?,
        };
        let Some((stream, verdict, kept)) = found else {
            self.attempts(|attempts| attempts.was_wrong(network, asked));
            sleep_until(asked + WRONG_KEY_PAUSE).await;
            return Err(denied(
                "wrong stream key: compare the key in the encoder with the one that forkcast was given",
            ));
        };
        let Guarded { feed, access } = &*stream;
        let pass = match verdict {
            Verdict::Opens(pass) => pass,
            Verdict::Closed(why) => return Err(denied(format!("this stream key {why}"))),
            Verdict::Unknown => return Err(denied("wrong stream key")),
        };
        if let Some(objection) = access.objection(publisher.address.ip(), publisher.tls.is_some()) {
            return Err(denied(format!("stream `{}` {objection}", feed.name())));
        }
        self.attempts(|attempts| attempts.was_right(network, digest, asked));
        Ok(Admitted { feed: Arc::clone(feed), pass, kept })
    }

    /// What the keys and signatures of all streams say. Every key is compared: stopping at the first that fits would tell how
    /// many come before it.
    fn judge(&self, key: &SecretString, digest: &KeyDigest, now: SystemTime) -> Option<(Arc<Guarded>, Verdict)> {
        let named = signed::stream_of(key);
        self.streams().iter().fold(None, |found, stream| {
            let Guarded { feed, access } = &**stream;
            let by_key = access.judge_key(digest, now);
            let is_named = named == Some(feed.name());
            let by_signature = if is_named { access.judge_signature(key, now) } else { Verdict::Unknown };
            match (by_key, by_signature) {
                (Verdict::Unknown, Verdict::Unknown) => found,
                (Verdict::Unknown, verdict) | (verdict, _) => Some((Arc::clone(stream), verdict)),
            }
        })
    }

    /// Asks the webhook of the stream that the key names before `?`, else that of the default stream.
    async fn ask(
        &self,
        key: &SecretString,
        digest: KeyDigest,
        publisher: &Publisher,
    ) -> Result<Option<(Arc<Guarded>, Verdict, Option<Kept>)>, Refusal> {
        let name = signed::stream_of(key);
        let streams = self.streams();
        let named = streams.iter().find(|stream| Some(stream.feed.name()) == name);
        let Some(stream) = named.or(streams.first()).map(Arc::clone) else { return Ok(None) };
        let Guarded { feed, access } = &*stream;
        let Some(webhook) = &access.webhook else { return Ok(None) };
        // Whoever may not publish from there anyway does not make us ask.
        if access.objection(publisher.address.ip(), publisher.tls.is_some()).is_some() {
            return Ok(None);
        }
        let asked = Asked::new(feed.name(), digest, &webhook.url);
        if let Some((kept, name)) = self.answers.recall(asked.clone(), Instant::now()) {
            return Ok(Some((Arc::clone(&stream), Verdict::Opens(Pass { name }), Some(kept))));
        }
        match self.question(webhook, feed.name(), key, publisher).await {
            Ok(name) => {
                let kept = self.answers.keep(asked, name.clone(), webhook.remember, Instant::now());
                Ok(Some((Arc::clone(&stream), Verdict::Opens(Pass { name }), Some(kept))))
            }
            // Nobody who cannot say why is told more than "wrong key".
            Err(No::Refused(None)) => Ok(None),
            Err(No::Refused(Some(reason))) => {
                let (network, now) = (Network::of(publisher.address.ip()), Instant::now());
                self.attempts(|attempts| attempts.was_wrong(network, now));
                Err(denied(reason))
            }
            Err(No::Unanswered(why)) => {
                Event::WebhookFailed { stream: feed.name(), address: publisher.address, reason: &why }.emit();
                Err(denied("forkcast cannot ask just now who may publish: try again in a moment"))
            }
        }
    }

    async fn question(
        &self,
        webhook: &Webhook,
        stream: &str,
        key: &SecretString,
        publisher: &Publisher,
    ) -> Result<Option<String>, No> {
        let busy = || No::Unanswered("too many questions are on their way to it".to_owned());
        let permit = tokio::time::timeout(webhook.timeout, self.questions.acquire()).await;
        let _permit = permit.map_err(|_| busy())?.map_err(|_| busy())?;
        let question = Question {
            stream: stream.to_owned(),
            key: key.clone(),
            address: publisher.address.to_string(),
            transport: publisher.transport,
        };
        webhook.ask(question).await
    }

    fn streams(&self) -> Arc<[Arc<Guarded>]> {
        Arc::clone(&self.streams.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn attempts<R>(&self, with: impl FnOnce(&mut Attempts) -> R) -> R {
        with(&mut self.attempts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gate({} streams)", self.streams().len())
    }
}

fn guarded(streams: impl IntoIterator<Item = (Arc<Feed>, Access)>) -> Arc<[Arc<Guarded>]> {
    streams.into_iter().map(|(feed, access)| Arc::new(Guarded { feed, access })).collect()
}

fn denied(description: impl Into<String>) -> Refusal {
    Refusal { code: Refusal::DENIED, description: description.into() }
}

#[cfg(test)]
mod tests;

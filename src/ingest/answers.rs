//! What webhooks have answered, kept so that a publisher who comes back does not depend on who answers then.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use secrecy::SecretString;
use tokio::time::Instant;

use super::{access::KeyDigest, limits::WEBHOOK_ANSWERS};

/// The publishers that webhooks have let in, while they are live and for a while after.
#[derive(Debug, Default)]
pub struct Answers {
    /// Held for one look-up, never across an await.
    kept: Mutex<HashMap<Asked, Answer>>,
}

/// What was asked, and of whom: another webhook has let nobody in yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asked {
    /// The stream's name.
    stream: String,
    /// The digest of the key that was shown.
    key: [u8; 32],
    /// The digest of the webhook's URL.
    webhook: [u8; 32],
}

impl Asked {
    /// Whether the key opens the stream, asked of a webhook.
    pub fn new(stream: &str, key: KeyDigest, webhook: &SecretString) -> Self {
        Self { stream: stream.to_owned(), key: key.bytes(), webhook: KeyDigest::of(webhook).bytes() }
    }
}

#[derive(Debug)]
struct Answer {
    name: Option<String>,
    /// Publishes that live on it.
    live: u32,
    /// When the last of them ended, and for how long it counts then.
    ended: Instant,
    remember: Duration,
}

/// Held by a live publish: dropping it begins the time for which the answer is kept.
#[derive(Debug)]
pub struct Kept {
    answers: Arc<Answers>,
    asked: Asked,
}

impl Answers {
    /// Whether this key was let in before and still counts; with the publisher's name.
    pub fn recall(self: &Arc<Self>, asked: Asked, now: Instant) -> Option<(Kept, Option<String>)> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = kept.get_mut(&asked).filter(|answer| answer.counts(now))?;
        answer.live += 1;
        Some((Kept { answers: Arc::clone(self), asked }, answer.name.clone()))
    }

    /// Keeps that a key was let in just now.
    pub fn keep(self: &Arc<Self>, asked: Asked, name: Option<String>, remember: Duration, now: Instant) -> Kept {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= WEBHOOK_ANSWERS {
            kept.retain(|_, answer| answer.counts(now));
        }
        // More live publishes than there is room for: they are asked about again when they come back.
        if kept.len() < WEBHOOK_ANSWERS || kept.contains_key(&asked) {
            let live = 1 + kept.get(&asked).map_or(0, |answer| answer.live);
            kept.insert(asked.clone(), Answer { name, live, ended: now, remember });
        }
        Kept { answers: Arc::clone(self), asked }
    }
}

impl Answer {
    fn counts(&self, now: Instant) -> bool {
        self.live > 0 || now < self.ended + self.remember
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut kept = self.answers.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = kept.get_mut(&self.asked) {
            answer.live = answer.live.saturating_sub(1);
            answer.ended = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REMEMBER: Duration = Duration::from_secs(300);

    fn asked_of(stream: &str, key: &str, webhook: &str) -> Asked {
        Asked::new(stream, KeyDigest::of(&key.into()), &webhook.into())
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_counts_while_live_and_for_a_while_after() {
        let answers = Arc::new(Answers::default());
        let asked = || asked_of("live", "live?token=1", "https://a.example");
        let recalled = |question| answers.recall(question, Instant::now()).map(|(_, name)| name);
        assert_eq!(recalled(asked()), None);
        let kept = answers.keep(asked(), Some("alice".to_owned()), REMEMBER, Instant::now());
        // A broadcast of a day.
        tokio::time::advance(Duration::from_secs(86_400)).await;
        assert_eq!(recalled(asked()), Some(Some("alice".to_owned())));
        assert_eq!(recalled(asked_of("studio", "live?token=1", "https://a.example")), None);
        assert_eq!(recalled(asked_of("live", "live?token=2", "https://a.example")), None);
        // Whoever the webhook before let in is asked about.
        assert_eq!(recalled(asked_of("live", "live?token=1", "https://b.example")), None);
        drop(kept);
        tokio::time::advance(REMEMBER - Duration::from_secs(1)).await;
        let again = answers.recall(asked(), Instant::now());
        assert!(again.is_some());
        tokio::time::advance(Duration::from_secs(86_400)).await;
        drop(again);
        tokio::time::advance(REMEMBER).await;
        assert_eq!(recalled(asked()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_is_bounded() {
        let answers = Arc::new(Answers::default());
        let keep =
            |key: &str| drop(answers.keep(asked_of("live", key, "https://a.example"), None, REMEMBER, Instant::now()));
        for number in 0..WEBHOOK_ANSWERS + 100 {
            keep(&number.to_string());
        }
        assert_eq!(answers.kept.lock().unwrap().len(), WEBHOOK_ANSWERS);
        tokio::time::advance(REMEMBER).await;
        keep("new");
        assert_eq!(answers.kept.lock().unwrap().len(), 1);
    }
}

//! What webhooks have answered, kept so that a publisher who comes back does not depend on who answers then.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{access::KeyDigest, limits::WEBHOOK_ANSWERS};

/// The publishers that webhooks have let in, while they are live and for a while after.
#[derive(Debug, Default)]
pub struct Answers {
    /// By stream and key. Held for one look-up, never across an await.
    kept: Mutex<HashMap<Question, Answer>>,
}

/// A stream's name, and the key that was shown.
type Question = (String, [u8; 32]);

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
    question: Question,
}

impl Answers {
    /// Whether this key was let in before and still counts; with the publisher's name.
    pub fn recall(self: &Arc<Self>, stream: &str, key: KeyDigest, now: Instant) -> Option<(Kept, Option<String>)> {
        let question = (stream.to_owned(), key.bytes());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = kept.get_mut(&question).filter(|answer| answer.counts(now))?;
        answer.live += 1;
        Some((Kept { answers: Arc::clone(self), question }, answer.name.clone()))
    }

    /// Keeps that a key was let in just now.
    pub fn keep(
        self: &Arc<Self>,
        stream: &str,
        key: KeyDigest,
        name: Option<String>,
        remember: Duration,
        now: Instant,
    ) -> Kept {
        let question = (stream.to_owned(), key.bytes());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= WEBHOOK_ANSWERS {
            kept.retain(|_, answer| answer.counts(now));
        }
        // More live publishes than there is room for: they are asked about again when they come back.
        if kept.len() < WEBHOOK_ANSWERS || kept.contains_key(&question) {
            let live = 1 + kept.get(&question).map_or(0, |answer| answer.live);
            kept.insert(question.clone(), Answer { name, live, ended: now, remember });
        }
        Kept { answers: Arc::clone(self), question }
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
        if let Some(answer) = kept.get_mut(&self.question) {
            answer.live = answer.live.saturating_sub(1);
            answer.ended = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REMEMBER: Duration = Duration::from_secs(300);

    #[tokio::test(start_paused = true)]
    async fn an_answer_counts_while_live_and_for_a_while_after() {
        let answers = Arc::new(Answers::default());
        let key = KeyDigest::of(&"live?token=1".into());
        let recalled = |stream: &str| answers.recall(stream, key, Instant::now()).map(|(_, name)| name);
        assert_eq!(recalled("live"), None);
        let kept = answers.keep("live", key, Some("alice".to_owned()), REMEMBER, Instant::now());
        // A broadcast of a day.
        tokio::time::advance(Duration::from_secs(86_400)).await;
        assert_eq!(recalled("live"), Some(Some("alice".to_owned())));
        assert_eq!(recalled("studio"), None);
        drop(kept);
        tokio::time::advance(REMEMBER - Duration::from_secs(1)).await;
        let again = answers.recall("live", key, Instant::now());
        assert!(again.is_some());
        tokio::time::advance(Duration::from_secs(86_400)).await;
        drop(again);
        tokio::time::advance(REMEMBER).await;
        assert_eq!(recalled("live"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_is_bounded() {
        let answers = Arc::new(Answers::default());
        for number in 0..WEBHOOK_ANSWERS + 100 {
            let key = KeyDigest::of(&number.to_string().into());
            drop(answers.keep("live", key, None, REMEMBER, Instant::now()));
        }
        assert_eq!(answers.kept.lock().unwrap().len(), WEBHOOK_ANSWERS);
        tokio::time::advance(REMEMBER).await;
        drop(answers.keep("live", KeyDigest::of(&"new".into()), None, REMEMBER, Instant::now()));
        assert_eq!(answers.kept.lock().unwrap().len(), 1);
    }
}

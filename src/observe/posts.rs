//! What was posted to each webhook for people: counted for as long as the webhook is there, so that its series goes with it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, LazyLock, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// The counts of all that are there. Held for a look into a small map.
static ALL: LazyLock<Mutex<BTreeMap<String, Weak<Posts>>>> = LazyLock::new(Mutex::default);

/// The counts of one webhook.
#[derive(Debug, Default)]
pub struct Posts {
    delivered: AtomicU64,
    lost: AtomicU64,
}

impl Posts {
    /// Those of the webhook of that name, which are there for as long as somebody holds them.
    #[must_use]
    pub fn of(endpoint: &str) -> Arc<Self> {
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(posts) = all.get(endpoint).and_then(Weak::upgrade) {
            return posts;
        }
        all.retain(|_, posts| posts.strong_count() > 0);
        let posts = Arc::<Self>::default();
        all.insert(endpoint.to_owned(), Arc::downgrade(&posts));
        posts
    }

    /// Every webhook that there is, with its counts.
    #[must_use]
    pub fn all() -> Vec<(String, Arc<Self>)> {
        let all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(|(endpoint, posts)| Some((endpoint.clone(), posts.upgrade()?))).collect()
    }

    /// One was taken.
    pub fn note_delivered(&self) {
        self.delivered.fetch_add(1, Relaxed);
    }

    /// So many events will never be posted.
    pub fn note_lost(&self, events: u64) {
        self.lost.fetch_add(events, Relaxed);
    }

    /// Each count, with the value of its label `result`.
    #[must_use]
    pub fn counts(&self) -> [(&'static str, u64); 2] {
        [("delivered", self.delivered.load(Relaxed)), ("lost", self.lost.load(Relaxed))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_there_for_as_long_as_their_webhook() {
        let names = || Posts::all().into_iter().map(|(name, _)| name).filter(|name| name.starts_with("posts-test"));
        let (one, same) = (Posts::of("posts-test-a"), Posts::of("posts-test-a"));
        one.note_delivered();
        same.note_lost(3);
        assert_eq!(one.counts(), [("delivered", 1), ("lost", 3)]);
        let other = Posts::of("posts-test-b");
        assert_eq!(names().collect::<Vec<_>>(), ["posts-test-a", "posts-test-b"]);
        drop(one);
        assert_eq!(names().count(), 2, "another holds it");
        drop(same);
        assert_eq!(names().collect::<Vec<_>>(), ["posts-test-b"]);
        assert_eq!(Posts::of("posts-test-a").counts(), [("delivered", 0), ("lost", 0)], "it is a new one");
        drop(other);
        assert_eq!(names().count(), 0);
    }
}

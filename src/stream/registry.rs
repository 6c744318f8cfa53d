//! The streams of this process, by name.

use std::{collections::BTreeMap, sync::Arc};

use super::Feed;

/// Every configured stream. Ingest finds the one to write to, the status page lists them all.
#[derive(Clone, Default)]
pub struct Registry {
    feeds: BTreeMap<String, Arc<Feed>>,
}

impl Registry {
    /// The streams `feeds`.
    pub fn new(feeds: impl IntoIterator<Item = Arc<Feed>>) -> Self {
        let feeds = feeds.into_iter().map(|feed| (feed.name().to_owned(), feed)).collect();
        Self { feeds }
    }

    /// The stream of that name.
    pub fn feed(&self, name: &str) -> Option<&Arc<Feed>> {
        self.feeds.get(name)
    }

    /// All streams, by name.
    pub fn feeds(&self) -> impl Iterator<Item = &Arc<Feed>> {
        self.feeds.values()
    }
}

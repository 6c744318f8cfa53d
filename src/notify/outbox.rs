//! What waits to be posted to one endpoint, when it is tried, and what is said of an endpoint that takes nothing. Pure: time is an
//! argument, counted from any moment.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{
    fold::{Fold, Post},
    limits::{LONGEST_WAIT, QUEUE, TELL_EVERY, WAITS},
};
use crate::observe::Record;

/// The posts of one endpoint, in order.
#[derive(Debug, Default)]
pub struct Outbox {
    fold: Fold,
    queue: VecDeque<Post>,
    /// The one that is being tried, or waits for its next try.
    head: Option<Post>,
    failures: usize,
    not_before: Duration,
    standing: Standing,
}

/// When a post that failed may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// No try will be different.
    Never,
    /// After the usual wait, or a longer one that the endpoint asks for.
    Later(Option<Duration>),
}

/// What is to be told of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tell {
    /// It takes nothing; so many posts were lost since that was told last.
    Failing {
        /// Posts that will never be made.
        lost: u64,
    },
    /// It takes posts again; so many were lost meanwhile.
    Recovered {
        /// Posts that were never made.
        lost: u64,
    },
}

#[derive(Debug, Default)]
struct Standing {
    /// It was told that it takes nothing, and not yet that it takes posts again.
    is_open: bool,
    /// When that it takes nothing was told last.
    told: Option<Duration>,
    /// Posts that were lost since it last took one.
    lost: u64,
    untold: u64,
    /// Of these such as were lost before anybody tried to post them.
    overflowed: u64,
    uncounted: u64,
}

impl Outbox {
    /// An event that is wanted.
    pub fn take(&mut self, record: Arc<Record>, now: Duration) {
        let post = self.fold.take(record, now);
        self.push(post);
    }

    /// An event that is not wanted.
    pub fn pass(&mut self, record: &Record) {
        self.fold.pass(record);
    }

    /// So many events were gone before anybody could look whether they are wanted.
    pub fn missed(&mut self, events: u64) {
        self.standing.overflow(events);
    }

    /// The post that is to be tried now. To be followed by [`Outbox::delivered`] or [`Outbox::failed`].
    pub fn next(&mut self, now: Duration) -> Option<&Post> {
        let released = self.fold.release(now);
        self.push(released);
        if self.head.is_none() {
            self.head = self.queue.pop_front();
        }
        self.head.as_ref().filter(|_| self.not_before <= now)
    }

    /// When [`Outbox::next`] may give something, if nothing else happens.
    #[must_use]
    pub fn wake_at(&self) -> Option<Duration> {
        let has_post = self.head.is_some() || !self.queue.is_empty();
        let next = has_post.then_some(self.not_before);
        [next, self.fold.due()].into_iter().flatten().min()
    }

    /// The post was taken.
    pub fn delivered(&mut self) -> Option<Tell> {
        self.head = None;
        self.failures = 0;
        self.not_before = Duration::ZERO;
        self.standing.recovered()
    }

    /// The post was not taken.
    pub fn failed(&mut self, again: Again, now: Duration) -> Option<Tell> {
        let wait = match again {
            Again::Never => None,
            Again::Later(asked) => {
                WAITS.get(self.failures).map(|wait| asked.unwrap_or_default().min(LONGEST_WAIT).max(*wait))
            }
        };
        match wait {
            Some(wait) => {
                self.failures += 1;
                self.not_before = now + wait;
                // Once may be an accident, or a service that says how fast it is.
                if self.failures > 1 { self.standing.failing(now) } else { None }
            }
            None => {
                self.failures = 0;
                self.head = None;
                self.standing.lose(1);
                self.standing.failing(now)
            }
        }
    }

    /// What was lost without a try: the endpoint is too slow for what happens.
    pub fn overflow(&mut self, now: Duration) -> Option<Tell> {
        if self.standing.overflowed == 0 { None } else { self.standing.failing(now) }
    }

    /// All that waits may be tried now: there will be no later.
    pub fn hurry(&mut self) {
        self.not_before = Duration::ZERO;
        let waiting = self.fold.release_all();
        self.push(waiting);
    }

    /// How many posts were lost since this was asked last.
    pub fn count_lost(&mut self) -> u64 {
        std::mem::take(&mut self.standing.uncounted)
    }

    /// How many posts wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len() + usize::from(self.head.is_some())
    }

    fn push(&mut self, posts: impl IntoIterator<Item = Post>) {
        self.queue.extend(posts);
        while self.queue.len() > QUEUE {
            self.queue.pop_front();
            self.standing.overflow(1);
        }
    }
}

impl Standing {
    fn lose(&mut self, posts: u64) {
        self.lost += posts;
        self.untold += posts;
        self.uncounted += posts;
    }

    fn overflow(&mut self, posts: u64) {
        self.overflowed += posts;
        self.lose(posts);
    }

    /// It is told when it begins, and then while posts are lost; once a minute, however often it is well in between.
    fn failing(&mut self, now: Duration) -> Option<Tell> {
        let is_news = !self.is_open || self.untold > 0;
        if !is_news || self.told.is_some_and(|told| now < told + TELL_EVERY) {
            return None;
        }
        (self.is_open, self.told, self.overflowed) = (true, Some(now), 0);
        Some(Tell::Failing { lost: std::mem::take(&mut self.untold) })
    }

    fn recovered(&mut self) -> Option<Tell> {
        if !self.is_open {
            return None;
        }
        let Self { lost, told, uncounted, .. } = *self;
        *self = Self { told, uncounted, ..Self::default() };
        Some(Tell::Recovered { lost })
    }
}

#[cfg(test)]
mod tests;

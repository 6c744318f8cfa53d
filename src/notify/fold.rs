//! What comes too often is told as one. Pure: time is an argument, counted from any moment.
//!
//! In a window of a minute so many posts are made about one destination or stream, and so many in all. What goes beyond waits
//! for the end of the window and is then one post: the last that happened, with how many were before it. So the last word about
//! everything is always said, at most a minute late.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::limits::{OF_ALL, OF_ONE, WINDOW};
use crate::observe::{Kind, Record};

/// One post to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// What happened.
    pub record: Arc<Record>,
    /// How many other events are told by this one: those about the same within the minute before, or, where there was too much of
    /// everything, any.
    pub folded: u64,
}

/// What was posted lately to one endpoint, and what waits.
#[derive(Debug, Default)]
pub struct Fold {
    subjects: BTreeMap<Subject, Window>,
    all: Window,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Destination(String, String),
    Stream(String),
    Kind(Kind),
}

#[derive(Debug, Default)]
struct Window {
    began: Duration,
    told: u32,
    held: Option<Post>,
}

impl Fold {
    /// An event that is wanted: a post, or nothing yet.
    pub fn take(&mut self, record: Arc<Record>, now: Duration) -> Option<Post> {
        self.subjects.retain(|_, window| window.held.is_some() || !window.is_over(now));
        let post = Post { record, folded: 0 };
        let window = self.subjects.entry(Subject::of(&post.record)).or_insert_with(|| Window::begin(now));
        if window.told >= OF_ONE || window.held.is_some() {
            window.hold(post);
            return None;
        }
        window.told += 1;
        self.within_all(post, now)
    }

    /// When something waits no longer.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        let windows = self.subjects.values().chain([&self.all]);
        windows.filter(|window| window.held.is_some()).map(|window| window.began + WINDOW).min()
    }

    /// What has waited for long enough.
    pub fn release(&mut self, now: Duration) -> Vec<Post> {
        let mut posts = Vec::new();
        if self.all.is_over(now)
            && let Some(post) = self.all.held.take()
        {
            self.all = Window { told: 1, ..Window::begin(now) };
            posts.push(post);
        }
        let mut waited: Vec<_> = self.subjects.values_mut().filter_map(|window| window.release(now)).collect();
        waited.sort_by_key(|post| post.record.id);
        posts.extend(waited.into_iter().filter_map(|post| self.within_all(post, now)));
        posts
    }

    /// All that waits, at once: there will be no later.
    pub fn release_all(&mut self) -> Vec<Post> {
        let windows = self.subjects.values_mut().chain([&mut self.all]);
        let mut posts: Vec<_> = windows.filter_map(|window| window.held.take()).collect();
        posts.sort_by_key(|post| post.record.id);
        posts
    }

    fn within_all(&mut self, post: Post, now: Duration) -> Option<Post> {
        if self.all.held.is_none() && self.all.is_over(now) {
            self.all = Window::begin(now);
        }
        if self.all.told >= OF_ALL || self.all.held.is_some() {
            self.all.hold_worst(post);
            return None;
        }
        self.all.told += 1;
        Some(post)
    }
}

impl Subject {
    fn of(record: &Record) -> Self {
        match (&record.stream, &record.destination) {
            (Some(stream), Some(destination)) => Self::Destination(stream.clone(), destination.clone()),
            (Some(stream), None) => Self::Stream(stream.clone()),
            (None, _) => Self::Kind(record.kind),
        }
    }
}

impl Window {
    fn begin(now: Duration) -> Self {
        Self { began: now, told: 0, held: None }
    }

    fn is_over(&self, now: Duration) -> bool {
        now >= self.began + WINDOW
    }

    /// How things are is what happened last.
    fn hold(&mut self, post: Post) {
        let before = self.held.take().map_or(0, |held| held.folded + 1);
        self.held = Some(Post { folded: post.folded + before, ..post });
    }

    /// Of many things the worst is told, and of those the last.
    fn hold_worst(&mut self, post: Post) {
        match self.held.take() {
            Some(held) if held.record.severity > post.record.severity => {
                self.held = Some(Post { folded: held.folded + post.folded + 1, ..held });
            }
            held => {
                self.held = held;
                self.hold(post);
            }
        }
    }

    fn release(&mut self, now: Duration) -> Option<Post> {
        let post = self.held.take_if(|_| self.began + WINDOW <= now)?;
        *self = Self { told: 1, ..Self::begin(now) };
        Some(post)
    }
}

#[cfg(test)]
mod tests;

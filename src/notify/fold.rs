//! What comes too often is told as one. Pure: time is an argument, counted from any moment.
//!
//! ```text
//!   event ─▶ Window of what it is about ─▶ Pace of the endpoint ─▶ post
//!             four a minute, then held       six at once, then gathered: one every three seconds, with all the names
//! ```
//!
//! What is beyond four about the same within a minute waits for the end of that minute, and is then one post: the last that
//! happened, with how many were before it. What fails and goes on failing is told as soon as that is certain, so that who flaps and
//! then dies is not thought to be well; and a failure is not told twice where nothing was better in between. Where too many different
//! things happen at once, they go together into one post within seconds. So the last word about everything is always said, and of
//! what is bad it is said soon.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::limits::{AT_ONCE, EVERY, GATHER, OF_ONE, SETTLED, WINDOW};
use crate::observe::{Kind, Record, Severity};

/// One post to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// What happened; of several things the worst, and of those the last.
    pub record: Arc<Record>,
    /// How many other events are told by this one.
    pub folded: u64,
    /// Of those, the last word about each that is about something else, in their order.
    pub others: Vec<Arc<Record>>,
}

/// What was posted lately to one endpoint, and what waits.
#[derive(Debug, Default)]
pub struct Fold {
    windows: BTreeMap<Subject, Window>,
    pace: Pace,
    gathered: BTreeMap<Subject, Post>,
    /// When what is gathered goes out, where there is something.
    gathered_until: Duration,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Destination(String, String, Topic),
    Stream(String, Topic),
    Kind(Kind),
}

/// What of it an event is about: remarks must not use up what is there for whether it works at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    Standing,
    Remark,
}

/// What was posted within a minute about the same.
#[derive(Debug)]
struct Window {
    began: Duration,
    told: u32,
    /// The last that was told is that it fails.
    is_down: bool,
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    post: Post,
    due: Duration,
}

/// How many posts an endpoint is sent: some at once, then one every few seconds.
#[derive(Debug, Default)]
struct Pace {
    /// Until then, at one in [`EVERY`], what was sent would have taken.
    until: Duration,
}

impl Fold {
    /// An event that is wanted: a post, or nothing yet.
    pub fn take(&mut self, record: Arc<Record>, now: Duration) -> Option<Post> {
        self.windows.retain(|_, window| window.held.is_some() || !window.is_over(now));
        let subject = Subject::of(&record);
        let window = self.windows.entry(subject.clone()).or_insert_with(|| Window::begin(now));
        let post = window.take(record, now)?;
        self.at_its_pace(subject, post, now)
    }

    /// An event that is not wanted. It may say that what failed is well again: then the next failure is news.
    pub fn pass(&mut self, record: &Record) {
        if let Some(window) = self.windows.get_mut(&Subject::of(record)) {
            window.is_down &= fails(record.kind);
        }
    }

    /// When something waits no longer.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        let held = self.windows.values().filter_map(|window| window.held.as_ref()).map(|held| held.due);
        held.chain((!self.gathered.is_empty()).then_some(self.gathered_until)).min()
    }

    /// What has waited for long enough.
    pub fn release(&mut self, now: Duration) -> Vec<Post> {
        let released =
            self.windows.iter_mut().filter_map(|(subject, window)| Some((subject.clone(), window.release(now)?)));
        let mut waited: Vec<_> = released.collect();
        waited.sort_by_key(|(_, post)| post.record.id);
        let mut posts = Vec::new();
        for (subject, post) in waited {
            posts.extend(self.at_its_pace(subject, post, now));
        }
        if !self.gathered.is_empty() && self.gathered_until <= now {
            self.pace.spend(now);
            posts.extend(together(std::mem::take(&mut self.gathered).into_values()));
        }
        posts
    }

    /// All that waits, at once: there will be no later.
    pub fn release_all(&mut self) -> Vec<Post> {
        let held = self.windows.values_mut().filter_map(|window| window.held.take()).map(|held| held.post);
        let mut posts: Vec<_> = held.chain(std::mem::take(&mut self.gathered).into_values()).collect();
        if posts.len() > AT_ONCE as usize {
            return together(posts).into_iter().collect();
        }
        posts.sort_by_key(|post| post.record.id);
        posts
    }

    fn at_its_pace(&mut self, subject: Subject, post: Post, now: Duration) -> Option<Post> {
        if self.gathered.is_empty() {
            // The last one is kept for what happens at the same moment, so that it goes together.
            if self.pace.left(now) > 1 {
                self.pace.spend(now);
                return Some(post);
            }
            self.gathered_until = self.pace.free_at().max(now + GATHER);
        }
        let before = self.gathered.remove(&subject).map_or(0, |before| before.folded + 1);
        self.gathered.insert(subject, Post { folded: post.folded + before, ..post });
        None
    }
}

/// Several as one.
fn together(posts: impl IntoIterator<Item = Post>) -> Option<Post> {
    let mut posts: Vec<_> = posts.into_iter().collect();
    posts.sort_by_key(|post| post.record.id);
    let worst = posts.iter().enumerate().max_by_key(|(_, post)| post.record.severity)?.0;
    let Post { record, folded, .. } = posts.remove(worst);
    let folded = posts.iter().fold(folded, |folded, post| folded + post.folded + 1);
    Some(Post { record, folded, others: posts.into_iter().map(|post| post.record).collect() })
}

/// Whether it says that a destination does not work, and will be told again in other words for as long as it does not.
fn fails(kind: Kind) -> bool {
    matches!(kind, Kind::DestinationStalling | Kind::DestinationFailed)
}

impl Subject {
    fn of(record: &Record) -> Self {
        let topic = Topic::of(record.kind);
        match (&record.stream, &record.destination) {
            (Some(stream), Some(destination)) => Self::Destination(stream.clone(), destination.clone(), topic),
            (Some(stream), None) => Self::Stream(stream.clone(), topic),
            (None, _) => Self::Kind(record.kind),
        }
    }
}

impl Topic {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::LimitExceeded
            | Kind::LimitKept
            | Kind::DestinationDropped
            | Kind::DestinationChanged
            | Kind::CertificateNotVerified
            | Kind::WebhookFailed
            | Kind::KeyReplaced
            | Kind::StreamWithoutKey
            | Kind::PublishUnprotected => Self::Remark,
            _ => Self::Standing,
        }
    }
}

impl Window {
    fn begin(now: Duration) -> Self {
        Self { began: now, told: 0, is_down: false, held: None }
    }

    fn end(&self) -> Duration {
        self.began + WINDOW
    }

    fn is_over(&self, now: Duration) -> bool {
        now >= self.end()
    }

    /// What is held is in what comes after it: how things are is what happened last.
    fn take(&mut self, record: Arc<Record>, now: Duration) -> Option<Post> {
        let folded = self.held.take().map_or(0, |held| held.post.folded + 1);
        let is_known = self.is_down && fails(record.kind);
        let is_bad = record.severity > Severity::Info;
        let post = Post { record, folded, others: Vec::new() };
        if !is_known && self.told < OF_ONE {
            self.tell(&post);
            return Some(post);
        }
        let is_soon = is_bad && !is_known && self.told < 2 * OF_ONE;
        let due = if is_soon { self.end().min(now + SETTLED) } else { self.end() };
        self.held = Some(Held { post, due });
        None
    }

    fn release(&mut self, now: Duration) -> Option<Post> {
        let Held { post, .. } = self.held.take_if(|held| held.due <= now)?;
        if self.is_over(now) {
            *self = Self::begin(now);
        }
        self.tell(&post);
        Some(post)
    }

    fn tell(&mut self, post: &Post) {
        self.told += 1;
        self.is_down = fails(post.record.kind);
    }
}

impl Pace {
    /// How many posts may be made now.
    fn left(&self, now: Duration) -> u32 {
        let owed = self.until.saturating_sub(now).as_millis().div_ceil(EVERY.as_millis());
        AT_ONCE.saturating_sub(u32::try_from(owed).unwrap_or(u32::MAX))
    }

    /// From when on there is one.
    fn free_at(&self) -> Duration {
        (self.until + EVERY).saturating_sub(EVERY * AT_ONCE)
    }

    fn spend(&mut self, now: Duration) {
        self.until = self.until.max(now) + EVERY;
    }
}

#[cfg(test)]
mod tests;

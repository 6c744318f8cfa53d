//! What has happened lately: a bounded list of records that everybody reads at their own pace.
//!
//! It is to events what the log is to a stream: whoever notes a record never waits, and each reader is a [`Cursor`] that is told
//! how many records it was too slow for. The dashboard and the webhooks are such readers.

use std::{
    collections::VecDeque,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::sync::watch;

use super::{
    kind::{Audience, Severity},
    record::{Record, Statement},
};

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Records.
    pub records: usize,
    /// Memory, in bytes.
    pub bytes: usize,
    /// How many of the records may be about strangers who knock.
    pub crowd: usize,
}

/// Some hours of a show that goes badly, within a megabyte.
const BOUNDS: Bounds = Bounds { records: 1000, bytes: 1 << 20, crowd: 200 };

/// Everything that this process was told of, as far as it is kept.
static HISTORY: LazyLock<Arc<History>> = LazyLock::new(|| Arc::new(History::new(first_id(SystemTime::now()), BOUNDS)));

/// A reader that comes back asks for what is newer than what it has. After a restart that works as long as numbers go on
/// rising: they begin with the microseconds since 1970, far below 2^53.
fn first_id(now: SystemTime) -> u64 {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or_default().max(1)
}

/// The records of a while.
#[derive(Debug)]
pub struct History {
    bounds: Bounds,
    first: u64,
    /// Held for one push, or for copying pointers; never over an await.
    kept: Mutex<Kept>,
    /// The newest record's number.
    newest: watch::Sender<u64>,
}

#[derive(Debug)]
struct Kept {
    /// By rising number.
    records: VecDeque<Arc<Record>>,
    bytes: usize,
    crowd: usize,
    next: u64,
}

/// Which records somebody wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Older than this one.
    pub before: Option<u64>,
    /// Of this stream.
    pub stream: Option<String>,
    /// Of the destinations with this name.
    pub destination: Option<String>,
    /// That matter at least so much.
    pub severity: Option<Severity>,
}

impl History {
    /// An empty one, whose first record will have that number.
    #[must_use]
    pub fn new(first: u64, bounds: Bounds) -> Self {
        let kept = Kept { records: VecDeque::new(), bytes: 0, crowd: 0, next: first };
        Self { bounds, first, kept: Mutex::new(kept), newest: watch::Sender::new(first - 1) }
    }

    /// The one of this process: what is emitted is noted here.
    #[must_use]
    pub fn of_process() -> Arc<Self> {
        Arc::clone(&HISTORY)
    }

    /// Keeps a statement as a record, and wakes who reads.
    pub fn note(&self, statement: Statement, time: SystemTime) {
        let mut kept = self.kept();
        let record = Arc::new(Record::new(kept.next, time, statement));
        kept.next += 1;
        kept.push(record);
        while kept.crowd > self.bounds.crowd {
            kept.drop_oldest_of_crowd();
        }
        while kept.records.len() > self.bounds.records || kept.bytes > self.bounds.bytes {
            kept.drop_oldest();
        }
        // Within the lock, so that the number never goes back; it wakes, and waits for nobody.
        self.newest.send_replace(kept.next - 1);
    }

    /// The newest `limit` of the records that are wanted, newest first.
    #[must_use]
    pub fn page(&self, wanted: &Wanted, limit: usize) -> Vec<Arc<Record>> {
        let kept = self.kept();
        kept.records.iter().rev().filter(|record| wanted.has(record)).take(limit).cloned().collect()
    }

    /// The newest record's number; one less than the first where there is none yet.
    #[must_use]
    pub fn newest(&self) -> u64 {
        *self.newest.borrow()
    }

    /// A reader of what is newer than a record. A number that was never given, as of another run, stands for the beginning.
    #[must_use]
    pub fn after(self: &Arc<Self>, id: u64) -> Cursor {
        let is_ours = (self.first..=self.newest()).contains(&id);
        let after = if is_ours { id } else { self.first - 1 };
        Cursor { history: Arc::clone(self), after, newest: self.newest.subscribe() }
    }

    /// A reader of all that is kept.
    #[must_use]
    pub fn from_beginning(self: &Arc<Self>) -> Cursor {
        self.after(0)
    }

    /// A reader of what is still to come.
    #[must_use]
    pub fn from_now(self: &Arc<Self>) -> Cursor {
        let after = self.newest();
        Cursor { history: Arc::clone(self), after, newest: self.newest.subscribe() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Whoever panicked has left whole records.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn push(&mut self, record: Arc<Record>) {
        self.bytes += record.bytes();
        self.crowd += usize::from(is_of_crowd(&record));
        self.records.push_back(record);
    }

    fn drop_oldest(&mut self) {
        self.forget(0);
    }

    fn drop_oldest_of_crowd(&mut self) {
        let oldest = self.records.iter().position(|record| is_of_crowd(record));
        self.forget(oldest.unwrap_or_default());
    }

    fn forget(&mut self, place: usize) {
        if let Some(record) = self.records.remove(place) {
            self.bytes -= record.bytes();
            self.crowd -= usize::from(is_of_crowd(&record));
        }
    }
}

fn is_of_crowd(record: &Record) -> bool {
    record.kind.audience() == Audience::Crowd
}

impl Wanted {
    fn has(&self, record: &Record) -> bool {
        let is = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        self.before.is_none_or(|before| record.id < before)
            && is(&self.stream, &record.stream)
            && is(&self.destination, &record.destination)
            && self.severity.is_none_or(|severity| record.severity >= severity)
    }
}

/// A reader's place in a history.
#[derive(Debug)]
pub struct Cursor {
    history: Arc<History>,
    /// The last record that was read.
    after: u64,
    newest: watch::Receiver<u64>,
}

/// What has come since a reader last looked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Records that are no longer kept: the reader was too slow for them.
    pub missed: u64,
    /// The others, oldest first.
    pub records: Vec<Arc<Record>>,
}

impl Cursor {
    /// Waits for records, and gives at most `limit` of them. Cancel-safe.
    pub async fn next(&mut self, limit: usize) -> Batch {
        let after = self.after;
        // The sender lives in the history.
        let _ = self.newest.wait_for(|newest| *newest > after).await;
        self.read(limit)
    }

    /// What there is now, perhaps nothing.
    pub fn read(&mut self, limit: usize) -> Batch {
        let kept = self.history.kept();
        let start = kept.records.partition_point(|record| record.id <= self.after);
        let records: Vec<_> = kept.records.range(start..).take(limit).cloned().collect();
        let last = match records.last() {
            Some(record) if records.len() == limit => record.id,
            _ => kept.next - 1,
        };
        // Numbers have no holes when they are given.
        let missed = last - self.after - records.len() as u64;
        self.after = last;
        Batch { missed, records }
    }
}

#[cfg(test)]
mod tests;

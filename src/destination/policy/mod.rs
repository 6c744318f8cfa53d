//! What to do when a destination takes less than the stream brings: one small file for each policy.
//!
//! A policy is a pure function of what a cursor sees. Before each read of the log the playhead asks it, and does what it says.

pub mod drop_to_keyframe;

pub use drop_to_keyframe::DropToKeyframe;

use std::time::Duration;

use crate::stream::Lag;

/// What a policy is asked about.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// How far the cursor is behind.
    pub lag: Lag,
    /// How far it would be behind at the newest random access point, where that lies before it.
    pub after_jump: Option<Lag>,
}

/// How far a destination may be behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// In time.
    pub duration: Duration,
    /// In bytes.
    pub bytes: u64,
}

impl Bound {
    /// Whether `lag` is beyond it.
    pub fn is_passed_by(&self, lag: Lag) -> bool {
        lag.duration > self.duration || lag.bytes > self.bytes
    }

    /// Half of it: the mark below which a cursor counts as having caught up.
    fn low_mark(&self) -> Self {
        Self { duration: self.duration / 2, bytes: self.bytes / 2 }
    }
}

/// What the playhead does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Read on.
    Read,
    /// Go to the newest random access point.
    Jump,
}

//! What to do when a destination takes less than the stream brings: one small file for each policy.
//!
//! A policy is a pure function of what a cursor sees. Before each read of the log the playhead asks it, and does what it says.

pub mod drop_disposable;
pub mod drop_to_keyframe;

use std::time::Duration;

use self::{drop_disposable::DropDisposable, drop_to_keyframe::DropToKeyframe};
use super::settings::{Backpressure, PolicyName};
use crate::stream::Lag;

/// What a policy is asked about.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// How far the cursor is behind.
    pub lag: Lag,
    /// How far it would be behind at the newest random access point, where that lies before it.
    pub after_jump: Option<Lag>,
}

/// What the playhead does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Read on.
    Read,
    /// Read on, without the frames that no other refers to.
    ReadThinned,
    /// Read on, without the picture, up to the newest random access point; where there is none yet, to the next one.
    SkipPicture,
    /// Go to the newest random access point.
    Jump,
}

/// A destination's policy.
#[derive(Clone, Debug)]
pub enum Policy {
    /// See [`DropToKeyframe`].
    DropToKeyframe(DropToKeyframe),
    /// See [`DropDisposable`].
    DropDisposable(DropDisposable),
    /// Everything is sent, however late, as fast as the peer takes it. What the log no longer holds ends the session: a gap
    /// within a session would be a drop.
    NeverDrop,
}

impl Policy {
    /// The policy of a destination's settings.
    pub fn new(settings: &Backpressure) -> Self {
        let bound = Bound { duration: settings.max_lag, bytes: settings.max_bytes };
        match settings.policy {
            PolicyName::DropToKeyframe => Self::DropToKeyframe(DropToKeyframe::new(bound)),
            PolicyName::DropDisposable => Self::DropDisposable(DropDisposable::new(bound)),
            PolicyName::NeverDrop => Self::NeverDrop,
        }
    }

    /// What to do at `view`.
    pub fn decide(&mut self, view: View) -> Decision {
        match self {
            Self::DropToKeyframe(policy) => policy.decide(view),
            Self::DropDisposable(policy) => policy.decide(view),
            Self::NeverDrop => Decision::Read,
        }
    }
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
    pub fn is_passed_by(self, lag: Lag) -> bool {
        lag.duration > self.duration || lag.bytes > self.bytes
    }

    /// Half of it.
    fn half(self) -> Self {
        Self { duration: self.duration / 2, bytes: self.bytes / 2 }
    }
}

//! The policy that gives up smoothness first: frames that no other frame refers to, then pictures, never sound.

use super::{Bound, Decision, View};

/// Past half of the bound, disposable frames are left out; the picture stutters, and nothing else suffers. Past the bound,
/// everything of the picture is left out up to the newest keyframe. Sound is always kept.
#[derive(Clone, Debug)]
pub struct DropDisposable {
    bound: Bound,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    CaughtUp,
    /// Disposable frames are left out until the lag is under a quarter of the bound.
    Thinning,
}

impl DropDisposable {
    /// The policy with `bound`.
    pub fn new(bound: Bound) -> Self {
        Self { bound, state: State::CaughtUp }
    }

    /// What to do at `view`.
    pub fn decide(&mut self, view: View) -> Decision {
        let half = self.bound.half();
        if half.is_passed_by(view.lag) {
            self.state = State::Thinning;
        } else if !half.half().is_passed_by(view.lag) {
            self.state = State::CaughtUp;
        }
        match self.state {
            _ if self.bound.is_passed_by(view.lag) => Decision::SkipPicture,
            State::Thinning => Decision::ReadThinned,
            State::CaughtUp => Decision::Read,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::stream::Lag;

    #[test]
    fn decisions() {
        use Decision::{Read, ReadThinned, SkipPicture};
        let bound = Bound { duration: Duration::from_secs(4), bytes: 16 << 20 };
        let history = [
            (0, Read),
            (2000, Read),
            (2001, ReadThinned),
            (1500, ReadThinned),
            (1001, ReadThinned),
            (1000, Read),
            (1500, Read),
            (4000, ReadThinned),
            (4001, SkipPicture),
            (900, Read),
        ];
        let mut policy = DropDisposable::new(bound);
        for (millis, expected) in history {
            let lag = Lag { duration: Duration::from_millis(millis), bytes: 0 };
            assert_eq!(policy.decide(View { lag, after_jump: None }), expected, "at {millis} ms");
        }
    }

    #[test]
    fn bytes_bound_it_too() {
        let mut policy = DropDisposable::new(Bound { duration: Duration::from_secs(3600), bytes: 1000 });
        let mut at = |bytes| policy.decide(View { lag: Lag { duration: Duration::ZERO, bytes }, after_jump: None });
        assert_eq!((at(500), at(501), at(1001)), (Decision::Read, Decision::ReadThinned, Decision::SkipPicture));
    }
}

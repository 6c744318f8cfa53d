//! The default policy: past the bound, go on at the newest keyframe.

use super::{Bound, Decision, View};

/// Everything is sent until the lag passes the bound; then the cursor jumps to the newest keyframe that lies before it.
///
/// It jumps again only after it has caught up, or where the jump itself catches up: groups of pictures as long as the bound
/// would otherwise let a slow destination send a few frames of each and never a moving picture.
#[derive(Clone, Debug)]
pub struct DropToKeyframe {
    bound: Bound,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    CaughtUp,
    Jumped,
}

impl DropToKeyframe {
    /// The policy with `bound`.
    pub fn new(bound: Bound) -> Self {
        Self { bound, state: State::CaughtUp }
    }

    /// What to do at `view`.
    pub fn decide(&mut self, view: View) -> Decision {
        if !self.bound.half().is_passed_by(view.lag) {
            self.state = State::CaughtUp;
        }
        if !self.bound.is_passed_by(view.lag) {
            return Decision::Read;
        }
        match view.after_jump {
            Some(after) if self.state == State::CaughtUp || !self.bound.half().is_passed_by(after) => {
                self.state = State::Jumped;
                Decision::Jump
            }
            _ => Decision::Read,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::stream::Lag;

    fn lag(millis: u64) -> Lag {
        Lag { duration: Duration::from_millis(millis), bytes: millis * 100 }
    }

    #[test]
    fn decisions() {
        use Decision::{Jump, Read};
        let bound = Bound { duration: Duration::from_secs(5), bytes: 16 << 20 };
        // A step a line: lag, lag after a jump (where there is a newer keyframe), what is decided.
        let histories: &[(&str, &[(u64, Option<u64>, Decision)])] = &[
            ("within the bound nothing is dropped", &[(0, None, Read), (4999, Some(10), Read), (5000, Some(10), Read)]),
            ("past it, the newest keyframe", &[(5001, Some(1000), Jump), (1000, None, Read)]),
            ("no newer keyframe: wait for one", &[(5001, None, Read), (9000, None, Read), (9500, Some(0), Jump)]),
            (
                "not again before it has caught up",
                &[(5001, Some(4900), Jump), (5001, Some(4000), Read), (2000, None, Read), (5001, Some(4000), Jump)],
            ),
            ("unless the jump itself catches up", &[(5001, Some(4900), Jump), (5100, Some(2000), Jump)]),
        ];
        for (name, history) in histories {
            let mut policy = DropToKeyframe::new(bound);
            for &(now, after, expected) in *history {
                let view = View { lag: lag(now), after_jump: after.map(lag) };
                assert_eq!(policy.decide(view), expected, "{name}: at {now} ms");
            }
        }
    }

    #[test]
    fn bytes_bound_it_too() {
        let mut policy = DropToKeyframe::new(Bound { duration: Duration::from_secs(3600), bytes: 1000 });
        let view = |bytes| View { lag: Lag { duration: Duration::ZERO, bytes }, after_jump: Some(Lag::default()) };
        assert_eq!(policy.decide(view(1000)), Decision::Read);
        assert_eq!(policy.decide(view(1001)), Decision::Jump);
    }
}

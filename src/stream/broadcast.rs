//! The life of a broadcast: what viewers see as one show, however often the encoder reconnects.

/// Where the present broadcast of a stream stands.
///
/// ```text
///   Idle --publish--> Live --connection lost--> Held --hold runs out--> Ended
///                      ^  \                      |                       |
///                      |   \--publisher stops----|---------------------> |
///                      +-----publisher returns---+                       |
///                      +-----------next publish (number + 1)-------------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broadcast {
    /// Counts the broadcasts of the stream; zero before the first.
    pub number: u64,
    /// Sequence of its first message in the log.
    pub from: u64,
    /// Counts the publishes of the stream: a publisher that returns may have changed everything.
    pub publish: u64,
    /// Live, held, ended.
    pub phase: Phase,
}

/// See [`Broadcast`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nobody has published yet.
    Idle,
    /// A publisher is connected.
    Live,
    /// The publisher's connection was lost; destinations stay connected until it returns or the hold runs out.
    Held,
    /// The publisher stopped, or did not come back: destinations end cleanly after the last message.
    Ended {
        /// Sequence after the broadcast's last message.
        until: u64,
    },
}

impl Broadcast {
    /// Before the first publish.
    pub const IDLE: Self = Self { number: 0, from: 0, publish: 0, phase: Phase::Idle };

    /// A publish begins where the log's head is `head`: it continues a held broadcast, else it is a new one.
    pub fn publish_began(self, head: u64) -> Self {
        let publish = self.publish + 1;
        match self.phase {
            Phase::Live | Phase::Held => Self { publish, phase: Phase::Live, ..self },
            Phase::Idle | Phase::Ended { .. } => {
                Self { number: self.number + 1, from: head, publish, phase: Phase::Live }
            }
        }
    }

    /// The publisher's connection was lost.
    pub fn publisher_lost(self) -> Self {
        match self.phase {
            Phase::Live => Self { phase: Phase::Held, ..self },
            Phase::Idle | Phase::Held | Phase::Ended { .. } => self,
        }
    }

    /// The publisher stopped, or a hold ran out, where the log's head is `head`.
    pub fn ended(self, head: u64) -> Self {
        match self.phase {
            Phase::Live | Phase::Held => Self { phase: Phase::Ended { until: head }, ..self },
            Phase::Idle | Phase::Ended { .. } => self,
        }
    }

    /// Where a session that serves the broadcast `number` must end: `None` while it goes on.
    pub fn end_of(self, number: u64) -> Option<u64> {
        if self.number != number {
            // The next one has begun: it starts where the one before ended.
            return Some(self.from);
        }
        match self.phase {
            Phase::Ended { until } => Some(until),
            Phase::Idle | Phase::Live | Phase::Held => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_continues_a_held_broadcast_and_nothing_else() {
        let live = Broadcast::IDLE.publish_began(7);
        assert_eq!(live, Broadcast { number: 1, from: 7, publish: 1, phase: Phase::Live });

        let held = live.publisher_lost();
        assert_eq!(held.phase, Phase::Held);
        assert_eq!(held.publish_began(90), Broadcast { publish: 2, ..live });
        assert_eq!(held.end_of(1), None);

        let ended = held.ended(90);
        assert_eq!(ended.end_of(1), Some(90));
        let next = ended.publish_began(90);
        assert_eq!(next, Broadcast { number: 2, from: 90, publish: 2, phase: Phase::Live });
        assert_eq!((next.end_of(1), next.end_of(2)), (Some(90), None));
    }

    #[test]
    fn what_is_over_stays_over() {
        let ended = Broadcast::IDLE.publish_began(0).ended(5);
        assert_eq!(ended.ended(9), ended);
        assert_eq!(ended.publisher_lost(), ended);
        assert_eq!(Broadcast::IDLE.ended(3), Broadcast::IDLE);
    }
}

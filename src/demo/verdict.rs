//! The demo's judgement of each destination.

use std::{fmt, time::Duration};

use tokio::time::Instant;

use super::{
    record::{Fingerprint, is_everything_since_its_start},
    sink::{Log, Session},
};

/// What the destinations are judged by.
#[derive(Clone, Copy)]
pub struct Witness<'a> {
    /// What the publisher sent.
    pub published: &'a [Fingerprint],
    /// The sink that was killed, and when it was back.
    pub victim: usize,
    /// See there.
    pub back: Instant,
}

/// One destination's result.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The destination.
    pub name: &'static str,
    /// Messages and payload bytes that the relay sent.
    pub sent: (u64, u64),
    /// Messages and payload bytes that the sink received.
    pub received: (u64, u64),
    /// Of the frames that the sink received last, to be compared with the publisher's.
    pub fingerprint: Fingerprint,
    /// How it went.
    pub outcome: Outcome,
}

/// How it went for one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every message from its first keyframe to the end arrived, unchanged and in order.
    Equal,
    /// It was killed, came back, and was on from a keyframe after so long, with nothing missing from there to the end.
    Recovered(Duration),
    /// What is wrong.
    Wrong(&'static str),
}

impl Verdict {
    /// Judges the sink number `index` by what the relay says it sent and by what it logged itself.
    pub fn of(name: &'static str, index: usize, sent: (u64, u64), log: &Log, witness: Witness<'_>) -> Self {
        let sum = |of: fn(&Session) -> u64| log.sessions.iter().map(of).sum();
        let received = (sum(|session| session.messages), sum(|session| session.bytes));
        let fingerprint = Fingerprint::of_all(log.sessions.last().map_or(&[], |session| &session.frames));
        let outcome =
            if index == witness.victim { recovery(log, witness) } else { equality(sent, received, log, witness) };
        Self { name, sent, received, fingerprint, outcome }
    }

    /// Whether it is what a user may expect.
    pub fn is_good(&self) -> bool {
        !matches!(self.outcome, Outcome::Wrong(_))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equal => f.write_str("equal"),
            Self::Recovered(after) => write!(f, "recovered: at a keyframe {} ms after it came back", after.as_millis()),
            Self::Wrong(what) => write!(f, "WRONG: {what}"),
        }
    }
}

fn equality(sent: (u64, u64), received: (u64, u64), log: &Log, witness: Witness<'_>) -> Outcome {
    let [session] = log.sessions.as_slice() else {
        return Outcome::Wrong("it was not one session");
    };
    match whole_from_a_keyframe(session, witness) {
        Err(what) => Outcome::Wrong(what),
        Ok(_) if sent != received => Outcome::Wrong("the relay sent more or less than arrived"),
        Ok(_) => Outcome::Equal,
    }
}

fn recovery(log: &Log, witness: Witness<'_>) -> Outcome {
    let [before, after] = log.sessions.as_slice() else {
        return Outcome::Wrong("it was not killed once and back once");
    };
    if before.is_ended {
        return Outcome::Wrong("it was told that the broadcast ended before it was killed");
    }
    match whole_from_a_keyframe(after, witness) {
        Err(what) => Outcome::Wrong(what),
        Ok(first) => Outcome::Recovered(first.saturating_duration_since(witness.back)),
    }
}

/// When the session's first frame came, if everything about it is right.
fn whole_from_a_keyframe(session: &Session, witness: Witness<'_>) -> Result<Instant, &'static str> {
    match session.first {
        None => Err("nothing arrived"),
        Some((_, false)) => Err("it did not begin with sequence headers and a keyframe"),
        Some(_) if !is_everything_since_its_start(&session.frames, witness.published) => {
            Err("a message is missing or differs")
        }
        Some(_) if !session.is_ended => Err("it was not told that the broadcast ended"),
        Some((first, true)) => Ok(first),
    }
}

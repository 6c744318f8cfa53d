//! What the API asks of the relay. Whoever runs the relay takes one request after the other, so that no two changes meet.

use std::{fmt, time::Duration};

use secrecy::SecretString;
use tokio::sync::{mpsc, oneshot};

use crate::config::{Problem, edit::Fields};

/// Requests that wait: more than a person makes, and few enough that a script that runs wild is told so.
const WAITING: usize = 32;

/// Where the API hands in its requests.
#[derive(Clone)]
pub struct Desk(mpsc::Sender<Request>);

/// One request, and where its answer goes.
pub struct Request {
    /// What is asked.
    pub ask: Ask,
    /// The other end is gone where nobody waits for the answer any more.
    pub answer: oneshot::Sender<Answer>,
}

/// What came of a request: a sentence that says what was done, or why it was not.
pub type Answer = Result<String, Refused>;

/// What can be asked.
#[derive(Clone, Debug)]
pub enum Ask {
    /// Read the files now, whatever has become of them.
    Reload,
    /// Something with one destination.
    Destination(Target, Act),
    /// Write the file of a destination that is new.
    Add {
        /// Its stream.
        stream: String,
        /// Its name; without one it is called like its platform.
        name: Option<String>,
        /// The fields of its file.
        fields: Fields,
    },
    /// Make a stream.
    CreateStream {
        /// Its name.
        name: String,
        /// Its key; without one forkcast makes one.
        key: Option<SecretString>,
    },
    /// Take away a stream that has no destinations and is not live.
    RemoveStream(String),
    /// Give a stream another key.
    RotateKey {
        /// The stream.
        stream: String,
        /// The new key; without one forkcast makes one.
        key: Option<SecretString>,
        /// For how long the old one opens the stream, too.
        grace: Duration,
    },
    /// End the broadcast of a stream now, on every destination, and keep its encoder out.
    End(String),
    /// Let encoders in again after that.
    Reopen(String),
    /// Cut off the publisher, as if its connection had been lost.
    CutOff(String),
    /// Take no further publishers, wait so long for those that are there, and then stop as for an upgrade.
    Drain(Option<Duration>),
}

/// One destination.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its stream.
    pub stream: String,
    /// Its name.
    pub destination: String,
}

/// What can be done with a destination.
#[derive(Clone, Debug)]
pub enum Act {
    /// Turn it on.
    Start,
    /// End what it sends, and turn it off.
    Stop,
    /// Drop its connection, and make another.
    Restart,
    /// End this broadcast there; the next one is sent again.
    End,
    /// Set fields of its file.
    Change(Fields),
    /// Remove its file.
    Remove,
}

/// Why something was not done.
#[derive(Debug)]
pub enum Refused {
    /// There is no such stream or destination.
    Unknown(String),
    /// It cannot be done as things are.
    Conflict(String),
    /// The name that it is to have is another's.
    Taken(String),
    /// A field of what was sent makes no sense.
    Invalid {
        /// The field.
        field: &'static str,
        /// Why, and what to do.
        error: String,
    },
    /// A file would be wrong by it: each mistake.
    Wrong(Vec<Problem>),
    /// Too many requests wait.
    Busy,
    /// The relay stops.
    Gone,
}

impl Request {
    /// One whose answer nobody waits for: what comes of it is told as an event.
    #[must_use]
    pub fn of(ask: Ask) -> Self {
        Self { ask, answer: oneshot::channel().0 }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(text) | Self::Conflict(text) | Self::Taken(text) | Self::Invalid { error: text, .. } => {
                f.write_str(text)
            }
            Self::Wrong(problems) => {
                let first = problems.first().map(Problem::one_line).unwrap_or_default();
                write!(f, "nothing was written, since the file would be wrong: {first}")
            }
            Self::Busy => f.write_str("too many requests wait already: try again in a moment"),
            Self::Gone => f.write_str("forkcast is stopping"),
        }
    }
}

impl Desk {
    /// A desk, and where its requests come out.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Request>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), receiver)
    }

    /// Hands in a request, and waits for its answer.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn ask(&self, ask: Ask) -> Answer {
        let (answer, receiver) = oneshot::channel();
        self.0.try_send(Request { ask, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refused::Busy,
            mpsc::error::TrySendError::Closed(_) => Refused::Gone,
        })?;
        receiver.await.unwrap_or(Err(Refused::Gone))
    }
}

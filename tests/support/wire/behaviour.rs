//! What a sink does otherwise than a good server does.

use std::time::Duration;

/// The default is a good server; it never acknowledges what it got, as some real ones do not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Behaviour {
    pub(crate) answer: Answer,
    /// It takes this key alone; to any other it says `NetStream.Publish.Denied`.
    pub(crate) only_key: Option<String>,
    /// It closes so long after each publish, and says nothing.
    pub(crate) closes_after: Option<Duration>,
    /// `SO_RCVBUF` of its connections, where it is to hide less than usual.
    pub(crate) receive_buffer: Option<usize>,
}

/// The answer to a command: to `connect` or to `publish`, as `at` says.
#[derive(Clone, Debug, Default)]
pub(crate) enum Answer {
    #[default]
    Yes,
    No {
        at: &'static str,
        code: String,
        description: String,
    },
    /// It closes the connection instead.
    Close {
        at: &'static str,
    },
    /// It never answers.
    Silence {
        at: &'static str,
    },
    /// To `connect`: an error with `ex.code` 302 and this server URL.
    Redirect(String),
}

impl Behaviour {
    pub(crate) fn answering(answer: Answer) -> Self {
        Self { answer, ..Self::default() }
    }

    pub(crate) fn refusing(at: &'static str, code: &str, description: &str) -> Self {
        Self::answering(Answer::No { at, code: code.to_owned(), description: description.to_owned() })
    }
}

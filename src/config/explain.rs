//! Where an effective value comes from, for `check --explain`.

use std::{fmt, path::PathBuf};

/// One effective value, fit for printing: a secret is only said to be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The field, dotted: `backpressure.max_lag`.
    pub field: &'static str,
    /// The value as a person would write it.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line, such as `--rtmp`.
    Flag(&'static str),
    /// An environment variable.
    Environment(String),
    /// A line of a file, counted from one.
    File {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
    },
    /// The row of a platform.
    Platform(String),
    /// Nothing says otherwise.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File { file, line } => write!(f, "{}:{line}", file.display()),
            Self::Platform(name) => write!(f, "platform {name}"),
            Self::Default => f.write_str("default"),
        }
    }
}

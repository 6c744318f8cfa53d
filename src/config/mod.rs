//! Text to settings: the folder of destinations and the file of the server, checked.
//!
//! ```text
//! destinations/*.toml ─┐
//! */stream.toml ───────┼─ Source ─▶ document ─▶ section ─▶ destination, stream ─▶ folder ─▶ Config
//! FORKCAST_STREAM_KEY ─┘           (text with    (typed     (one file)             (all of them,
//!                                   positions)    fields)                           compared)
//! forkcast.toml, flags, FORKCAST_… ─────────────────────────────────────▶ server ─▶ ServeOptions
//! ```
//!
//! Reading never stops at the first mistake: each becomes a [`Problem`] with file, line, column and a hint, and the
//! rest goes on. The result is a pure function of what a [`Source`] gives. No value of a field that is or could be a
//! secret enters a problem or an explanation.

mod destination;
mod document;
pub mod edit;
mod explain;
mod folder;
mod git_index;
mod homes;
mod mask;
mod memory;
mod nearest;
mod notify;
mod own_listeners;
mod problem;
mod secret;
mod server;
mod server_url;
mod shared;
mod source;
mod stream;
mod variables;
mod watched;
mod web_url;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

pub use document::show_duration;
pub use explain::{Explained, Origin};
pub use folder::{DEFAULT_STREAM, is_name};
#[doc(hidden)]
pub use memory::Memory;
pub use problem::{Excerpt, Place, Problem, Severity};
pub use server::{Given, Http, LONGEST_DRAIN, Resolved, Rtmps, ServeOptions};
pub use source::{Disk, Entry, FILE_LIMIT, Source};
pub use watched::{Stamps, Watched};

use crate::{
    destination::settings::Settings,
    ingest::access::Access,
    stream::{Coalescing, Takeover},
};

/// All streams with their destinations, and everything that is wrong with their files.
#[derive(Debug)]
pub struct Config {
    /// The default stream `live` first, then one for each folder, by name.
    pub streams: Vec<StreamConfig>,
    /// Every mistake and warning, in the order of files and lines.
    pub problems: Vec<Problem>,
}

/// What runs while the files are read.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// The names of the streams.
    pub streams: BTreeSet<String>,
    /// What each destination runs by, by its file.
    pub destinations: BTreeMap<PathBuf, Arc<Settings>>,
}

/// One stream: who may publish it, and where it goes.
#[derive(Debug)]
pub struct StreamConfig {
    /// `live`, or the folder's name.
    pub name: String,
    /// Who may publish it; without any way in where none is configured, and a key is to be generated.
    pub access: Access,
    /// Each way in, with where it comes from; never a key.
    pub ways: Vec<Explained>,
    /// Why the stream's own file holds it back: a publisher must not get in with a key that was meant otherwise.
    pub wrong: Option<String>,
    /// There is a mistake in the stream's own file, of whatever kind: where the stream runs already, nothing of it counts.
    pub is_wrong: bool,
    /// Its folder is there and cannot be listed: what its files say is not known, and where the stream runs it goes on as a whole.
    pub is_unlisted: bool,
    /// What happens when a second publisher shows the key.
    pub takeover: Takeover,
    /// How long messages gather for a write.
    pub coalescing: Coalescing,
    /// How long its destinations stay connected when the publisher is lost, where `stream.toml` says so; each destination's
    /// own settings have it already.
    pub hold: Option<Duration>,
    /// Each of the stream's other values, with where it comes from.
    pub settings: Vec<Explained>,
    /// One for each file, by name.
    pub destinations: Vec<DestinationConfig>,
}

impl StreamConfig {
    /// Whether its key is to be the one that forkcast makes: nothing says otherwise.
    #[must_use]
    pub fn needs_key(&self) -> bool {
        self.wrong.is_none() && self.ways.is_empty()
    }
}

/// One destination's file.
#[derive(Debug)]
pub struct DestinationConfig {
    /// The file's name without `.toml`.
    pub name: String,
    /// The file.
    pub file: PathBuf,
    /// Whether it is to run.
    pub activation: Activation,
    /// Each field's effective value, with where it comes from.
    pub explanation: Vec<Explained>,
}

/// Whether a destination is to run, and why not.
#[derive(Debug)]
pub enum Activation {
    /// It runs.
    On(Box<Settings>),
    /// It is meant not to run.
    Off {
        /// Why, and how to turn it on.
        reason: String,
        /// Fields that wait to be filled in: with them it is on.
        lacks: &'static [&'static str],
    },
    /// It was meant to run, or may have been, and its file is wrong.
    Wrong {
        /// The first mistake, on one line; all of them are in [`Config::problems`].
        problem: String,
    },
}

#[cfg(test)]
mod tests;

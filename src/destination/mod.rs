//! Destinations: one independent task each, a cursor into the stream's log on one side and a server on the other.
//!
//! ```text
//!   Feed --Playhead (Cursor, Filter, policy)--> Outgoing --rtmp::client--> Duplex --> TCP / TLS
//!           task: when to connect, Failure --Backoff--> when to try again
//! ```
//!
//! Pure: [`playhead`], [`filter`], [`policy`], [`failure`], [`backoff`]; for people [`excess`]. The loop that moves bytes is
//! [`session`], the one that lives as long as the destination is [`task`]; [`lookout`] looks on beside it. A platform is a row of [`platform`]'s table.

pub mod backoff;
pub mod codecs;
pub mod dialler;
pub mod excess;
pub mod failure;
pub mod filter;
pub mod limits;
pub mod lookout;
pub mod orders;
pub mod platform;
pub mod playhead;
pub mod policy;
pub mod redirect;
pub mod route;
pub mod session;
pub mod settings;
pub mod status;
pub mod task;
#[cfg(test)]
pub(crate) mod testing;

use std::{path::PathBuf, sync::Arc};

/// A configured destination, as others see it.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Its file's name, without `.toml`.
    pub name: String,
    /// Its file.
    pub file: PathBuf,
    /// What it runs by; `None` where its file is wrong or it is off.
    pub settings: Option<Arc<settings::Settings>>,
    /// What is wrong with its file, where it goes on by what was read before.
    pub problem: Option<String>,
    /// Fields of its file that wait to be filled in: with them it is on.
    pub lacks: &'static [&'static str],
    /// What it reports of itself.
    pub report: Arc<status::Report>,
}

//! What one destination is told to do: the type that `config` produces and the destination's task is started with.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;

use super::{codecs::Codecs, platform::Platform};
use crate::rtmp::url::ServerUrl;

/// One destination, checked: everything that its task needs to know.
///
/// `Debug` shows neither the key nor the URL's path; both can be secrets.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The destination's name: its file's, without `.toml`.
    pub name: String,
    /// What its platform takes and needs; the built-in row `custom` where the file has only a `url`.
    pub platform: Platform,
    /// The server's URL, without the key.
    pub url: ServerUrl,
    /// The stream key, as the platform gave it; empty where none is needed.
    pub key: SecretString,
    /// A PEM file of certificates to trust beside the system's roots.
    pub ca_file: Option<PathBuf>,
    /// When to try again.
    pub reconnect: Reconnect,
    /// What to do when the destination takes less than the stream brings.
    pub backpressure: Backpressure,
    /// The codecs that it is sent: the file's, else the platform row's.
    pub codecs: Codecs,
    /// Whether further tracks of an Enhanced RTMP multitrack publish are sent too.
    pub multitrack: bool,
}

/// The table `[reconnect]`: bounds for the back-off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconnect {
    /// The wait before the first retry, before jitter.
    pub initial: Duration,
    /// The longest wait between two tries.
    pub max: Duration,
    /// How long to go on trying after the last delivery; `None`: for as long as the stream is live.
    pub give_up_after: Option<Duration>,
}

impl Default for Reconnect {
    /// 500 ms, jittered, keeps the first retry within a second; with 30 s a platform's return is never missed for long.
    fn default() -> Self {
        Self { initial: Duration::from_millis(500), max: Duration::from_secs(30), give_up_after: None }
    }
}

/// The table `[backpressure]`: how far a destination may fall behind, and what happens then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backpressure {
    /// What happens when a bound is passed.
    pub policy: PolicyName,
    /// The bound in time: the age of the oldest message that has not been sent.
    pub max_lag: Duration,
    /// The bound in bytes.
    pub max_bytes: u64,
}

impl Default for Backpressure {
    /// 5 s and 16 MiB: short enough for a live audience, long enough for a pause of the network.
    fn default() -> Self {
        Self { policy: PolicyName::DropToKeyframe, max_lag: Duration::from_secs(5), max_bytes: 16 << 20 }
    }
}

/// The name of a backpressure policy, as `[backpressure] policy` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyName {
    /// Skip forward to a keyframe.
    DropToKeyframe,
}

impl PolicyName {
    /// Every policy with its name in a file.
    pub const ALL: [(&'static str, Self); 1] = [("drop_to_keyframe", Self::DropToKeyframe)];
}

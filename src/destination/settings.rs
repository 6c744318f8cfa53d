//! What one destination is told to do: the type that `config` produces and the destination's task is started with.

use std::{net::IpAddr, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};

use super::{codecs::Codecs, platform::Platform};
pub use crate::net::tls::{Fingerprint, FingerprintError, Trust};
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
    /// Which servers are believed to be the destination's: of the primary, of the backup, and where either sends us.
    pub trust: Trust,
    /// When to try again.
    pub reconnect: Reconnect,
    /// What to do when the destination takes less than the stream brings.
    pub backpressure: Backpressure,
    /// The codecs that it is sent: the file's, else the platform row's.
    pub codecs: Codecs,
    /// Whether further tracks of an Enhanced RTMP multitrack publish are sent too.
    pub multitrack: bool,
    /// A second server that takes over when the first fails.
    pub backup: Option<Backup>,
    /// Where a session starts after a cut.
    pub resume: Resume,
    /// How long it stays connected when the publisher is lost.
    pub hold: Duration,
    /// So long after it arrived a message is sent; zero: at once.
    pub delay: Duration,
    /// The address of this machine to send from.
    pub bind: Option<IpAddr>,
}

/// How long a destination stays connected when the publisher is lost, where nothing says otherwise: an encoder that restarts
/// is back by then, and no platform has ended the broadcast.
pub const DEFAULT_HOLD: Duration = Duration::from_secs(15);

/// The most memory that the delay of one destination and what it may catch up on can take, in bytes. It takes a slip of the
/// finger to need more, and a machine that runs out of memory takes every destination with it.
pub const KEPT_LIMIT: u64 = 1 << 30;

impl Settings {
    /// How far back the stream's log must reach for this destination.
    pub fn window(&self) -> Duration {
        self.delay + (self.backpressure.max_lag * self.backpressure.slack()).max(self.resume.window())
    }

    /// The same in bytes of memory.
    pub fn window_bytes(&self) -> u64 {
        let lag = self.backpressure.max_bytes.saturating_mul(self.backpressure.slack().into());
        let lag = lag.max(self.platform.stream_bytes(self.resume.window()));
        self.platform.stream_bytes(self.delay).saturating_add(lag)
    }

    /// How much of the stream is kept for what this destination asks beyond the others: its delay, and what it may catch up on.
    pub fn kept(&self) -> Duration {
        self.delay + self.resume.window()
    }

    /// How long it may take to send what is left of a broadcast that is over.
    pub fn drain_time(&self) -> Duration {
        self.delay + self.backpressure.max_lag.max(self.resume.window()) + super::limits::FLUSH
    }
}

/// How much other settings change for a session that runs, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// They are the same.
    None,
    /// Bounds and waits: the session goes on by them.
    Numbers,
    /// How the server is reached, or what is sent: another connection is needed, for the same broadcast.
    Connection,
    /// Where it is sent: what was shown there until now is over.
    Target,
}

impl Settings {
    /// What has changed since `earlier`.
    #[must_use]
    pub fn difference(&self, earlier: &Self) -> Difference {
        // Each field by name, so that a new one has to be thought of here.
        let Self {
            name: _,
            platform,
            url: _,
            key: _,
            trust,
            reconnect,
            backpressure,
            codecs,
            multitrack,
            backup,
            resume,
            hold,
            delay,
            bind,
        } = self;
        if !self.has_target_of(earlier) {
            return Difference::Target;
        }
        let backup_url = |backup: &Option<Backup>| backup.as_ref().map(|backup| backup.url.clone());
        let is_same_connection = *platform == earlier.platform
            && *trust == earlier.trust
            && *codecs == earlier.codecs
            && *multitrack == earlier.multitrack
            && *delay == earlier.delay
            && *bind == earlier.bind
            && backup_url(backup) == backup_url(&earlier.backup);
        if !is_same_connection {
            return Difference::Connection;
        }
        let is_same = *reconnect == earlier.reconnect
            && *backpressure == earlier.backpressure
            && *backup == earlier.backup
            && *resume == earlier.resume
            && *hold == earlier.hold;
        if is_same { Difference::None } else { Difference::Numbers }
    }

    /// Whether both send to the same server with the same key: two sessions there would take it from each other.
    #[must_use]
    pub fn has_target_of(&self, other: &Self) -> bool {
        self.url == other.url && self.key.expose_secret() == other.key.expose_secret()
    }
}

/// A second server of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its URL; the key is the same.
    pub url: ServerUrl,
    /// It takes over after so many failed tries in a row. A dead peer is enough by itself.
    pub after: u32,
    /// When to go back.
    pub failback: Failback,
}

impl Backup {
    /// The failed tries in a row after which it takes over, where nothing says otherwise: with the usual waits some four
    /// seconds, in which a server that is only restarting is back.
    pub const AFTER: u32 = 3;
}

/// When a destination goes back from its backup to its primary server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Failback {
    /// With the next publish.
    #[default]
    NextPublish,
    /// After so long on the backup.
    After(Duration),
    /// Only when the backup fails.
    Never,
}

/// Where a session starts after a cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resume {
    /// At the newest keyframe: viewers see what is now.
    #[default]
    Live,
    /// Where the server's TCP had got to, at a keyframe before it, and then faster than real time: nothing is missing.
    CatchUp {
        /// How far back the log is kept for it.
        window: Duration,
    },
}

impl Resume {
    /// How far back the log is kept for catching up, where nothing says otherwise: a router that restarts is back by then.
    pub const WINDOW: Duration = Duration::from_secs(30);

    /// Every form with its name in a file.
    pub const ALL: [(&'static str, Self); 2] =
        [("live", Self::Live), ("catch_up", Self::CatchUp { window: Self::WINDOW })];

    /// How far back it may have to go.
    pub fn window(self) -> Duration {
        match self {
            Self::Live => Duration::ZERO,
            Self::CatchUp { window } => window,
        }
    }
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

impl Backpressure {
    /// How many times its bound the policy must find in the log: one that keeps the sound past the bound needs what lies
    /// beyond it.
    pub fn slack(&self) -> u32 {
        match self.policy {
            PolicyName::DropDisposable => 2,
            PolicyName::DropToKeyframe | PolicyName::NeverDrop => 1,
        }
    }
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
    /// Leave out frames that no other refers to, then the picture up to a keyframe, never the sound.
    DropDisposable,
    /// Send everything, however late.
    NeverDrop,
}

impl PolicyName {
    /// Every policy with its name in a file.
    pub const ALL: [(&'static str, Self); 3] = [
        ("drop_to_keyframe", Self::DropToKeyframe),
        ("drop_disposable", Self::DropDisposable),
        ("never_drop", Self::NeverDrop),
    ];
}

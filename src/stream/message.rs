//! One entry of a stream's log.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;

use super::Epoch;
use crate::media::{self, Description, Kind, Packaging, Plain};

/// One audio, video or data message of a stream, demuxed once and shared by every reader.
///
/// Codec configuration is never a message: it stands in the [`Epoch`] that the message points to.
pub struct Message {
    /// Position in the log, which gives it: grows by one with every message, over all publishes of the stream.
    pub sequence: u64,
    /// Audio, video or data.
    pub kind: Kind,
    /// Decoding time in milliseconds on the stream's own timeline; never runs back within a track.
    pub timestamp: i64,
    /// When the message arrived, on the stream's monotonic clock.
    pub arrival: Duration,
    /// The FLV tag body, exactly as it was published.
    pub payload: Bytes,
    /// What a peek into the payload found.
    pub description: Description,
    /// The codec configuration under which the payload is to be decoded.
    pub epoch: Arc<Epoch>,
    /// True where a reader may start.
    pub random_access: bool,
    /// Bytes of payload that the log took before this message, given by it too: lag in bytes is a subtraction.
    pub offset: u64,
    /// What the log holds for this message and all before it, over its life, in bytes of memory.
    pub(super) cost: u64,
    /// The plain form for destinations that take one legacy track, made at most once.
    pub(super) plain: OnceLock<Plain>,
}

impl Message {
    /// Memory that the message may hold after `before`, in bytes: not its payload alone, since small messages and changing
    /// configuration cost too. A payload that is not in the legacy form may be held twice, see [`Self::plain`].
    pub(super) fn cost(&self, before: Option<&Self>) -> u64 {
        let copies = if self.description.packaging == Packaging::Legacy { 1 } else { 2 };
        let shares_epoch = before.is_some_and(|before| Arc::ptr_eq(&before.epoch, &self.epoch));
        let epoch = if shares_epoch { 0 } else { self.epoch.bytes() };
        (size_of::<Self>() + self.payload.len() * copies + epoch) as u64
    }

    /// The message as one plain track, for destinations that know nothing else. The rewritten bytes are made by the first
    /// destination that asks, and shared by the others.
    pub fn plain(&self) -> &Plain {
        self.plain.get_or_init(|| media::plain_default_track(self.kind, &self.payload, &self.description))
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("sequence", &self.sequence)
            .field("kind", &self.kind)
            .field("timestamp", &self.timestamp)
            .field("bytes", &self.payload.len())
            .field("random_access", &self.random_access)
            .finish_non_exhaustive()
    }
}

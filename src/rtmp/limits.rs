//! Every limit of the protocol layer, each with its reason.

/// What one peer may make us hold. A peer that goes over gets [`Error::Limit`](super::error::Error::Limit).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest message, in bytes. Checked against the length in the header, before anything is stored.
    pub message: usize,
    /// Bytes held for all unfinished messages together: chunk streams interleave, so there can be one on each.
    pub partial_messages: usize,
    /// Number of chunk streams ever used on the connection: each keeps its last header for good.
    pub chunk_streams: usize,
    /// Bytes received in all, after the handshake.
    pub received: u64,
}

impl Limits {
    /// For a publisher whose key has not been accepted yet: anybody can reach this state, so it is small. The
    /// dialogue up to `publish` takes below 4 KiB and four chunk streams with every known encoder.
    pub const BEFORE_AUTHORISATION: Self =
        Self { message: 64 * 1024, partial_messages: 256 * 1024, chunk_streams: 8, received: 256 * 1024 };

    /// For a publisher whose key is right. A keyframe of 4K video at a high bit rate is 1 to 4 MiB; other servers
    /// stop at 10 MiB too.
    pub const AFTER_AUTHORISATION: Self =
        Self { message: 10 * 1024 * 1024, partial_messages: 16 * 1024 * 1024, chunk_streams: 64, received: u64::MAX };

    /// For the server of a destination. It sends replies and acknowledgements, never media, but for days on end.
    pub const DESTINATION: Self =
        Self { message: 64 * 1024, partial_messages: 256 * 1024, chunk_streams: 64, received: u64::MAX };
}

/// Largest message that the 24-bit length field can describe, in bytes (RTMP 1.0 §5.3.1.2.1).
pub const MESSAGE_ON_THE_WIRE: usize = 0xFF_FFFF;

/// Largest chunk size that has a meaning, in bytes: no message is longer. Peers announce up to 2^31 - 1; what they
/// announce is clamped to this, and is never the size of an allocation.
pub const CHUNK_SIZE: u32 = 0xFF_FFFF;

/// Control replies (pongs, acknowledgements, windows) that may wait to be sent. Past that the peer asks without
/// reading: further replies are left out, since queueing them would let it fill our memory.
pub const WAITING_REPLIES: usize = 64;

/// Least number of bytes between two acknowledgements, whatever window the peer announces: a window of one byte would
/// otherwise make us answer each byte with sixteen.
pub const ACKNOWLEDGEMENT_INTERVAL: u32 = 4096;

/// How deep AMF values may be nested. Real commands and metadata stay below 5; 70,000 nested arrays have been sent to
/// overflow a stack.
pub const AMF_DEPTH: usize = 32;

/// AMF values in one message, copies through references and the names of a class's properties included. Real messages
/// have below 200.
pub const AMF_VALUES: usize = 2048;

/// Longest AMF string in bytes: no URL, key or name comes near.
pub const AMF_STRING: usize = 64 * 1024;

/// Bytes of text in one AMF message, copies through references included: a reference of two bytes can stand for the
/// longest string.
pub const AMF_TEXT: usize = 256 * 1024;

/// Message streams that one publisher may hold open at the same time. Each encoder needs one; endless `createStream`
/// has brought servers down.
pub const MESSAGE_STREAMS: usize = 8;

/// Relays that one stream may pass in a row. Real chains have two or three.
pub const RELAY_HOPS: usize = 16;

/// Longest id of a relay in characters. forkcast's own have 16; with [`RELAY_HOPS`] of them `connect` grows by half a KiB.
pub const RELAY_ID: usize = 32;

/// Calls before a publish. The longest known dialogue has eight.
pub const CALLS_BEFORE_PUBLISH: u32 = 100;

/// Bytes that may wait to be sent before the peer's calls go unanswered: it asks without reading. The whole dialogue
/// takes below 2 KiB.
pub const WAITING_ANSWERS: usize = 64 * 1024;

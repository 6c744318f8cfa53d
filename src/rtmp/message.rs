//! A whole RTMP message, as it stands above the chunk layer.

use std::fmt;

use bytes::Bytes;

/// The message type id of the chunk header: an open set, so that a type nobody here knows is carried, not lost.
///
/// Source: RTMP 1.0 §5.4, §6.2, §7.1.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageType(pub u8);

impl MessageType {
    /// The sender's chunk size from here on.
    pub const SET_CHUNK_SIZE: Self = Self(1);
    /// Drop the unfinished message of one chunk stream.
    pub const ABORT: Self = Self(2);
    /// How many bytes have been received in all.
    pub const ACKNOWLEDGEMENT: Self = Self(3);
    /// Stream events, ping and pong.
    pub const USER_CONTROL: Self = Self(4);
    /// How often the sender of this message wants to be acknowledged.
    pub const WINDOW_ACKNOWLEDGEMENT_SIZE: Self = Self(5);
    /// How much the receiver of this message may have unacknowledged.
    pub const SET_PEER_BANDWIDTH: Self = Self(6);
    /// An FLV audio tag body.
    pub const AUDIO: Self = Self(8);
    /// An FLV video tag body.
    pub const VIDEO: Self = Self(9);
    /// Data (metadata) with a leading format byte, AMF3 by name.
    pub const DATA_AMF3: Self = Self(15);
    /// A shared object event, AMF3.
    pub const SHARED_OBJECT_AMF3: Self = Self(16);
    /// A command with a leading format byte, AMF3 by name.
    pub const COMMAND_AMF3: Self = Self(17);
    /// Data (metadata), AMF0.
    pub const DATA_AMF0: Self = Self(18);
    /// A shared object event, AMF0.
    pub const SHARED_OBJECT_AMF0: Self = Self(19);
    /// A command, AMF0.
    pub const COMMAND_AMF0: Self = Self(20);
    /// Several audio, video and data messages in one body, each as an FLV tag.
    pub const AGGREGATE: Self = Self(22);
}

/// A message: what the chunk layer puts together and takes apart.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// What the payload is.
    pub message_type: MessageType,
    /// 0 for the connection itself, else the number that `createStream` gave.
    pub message_stream_id: u32,
    /// Milliseconds from a start that the sender chose; wraps at 32 bits.
    pub timestamp: u32,
    /// The body: at most 16,777,215 bytes, since the length on the wire has 24 bits.
    pub payload: Bytes,
}

/// Prints the payload's length alone: a command carries the stream key.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("message_type", &self.message_type)
            .field("message_stream_id", &self.message_stream_id)
            .field("timestamp", &self.timestamp)
            .field("payload_len", &self.payload.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_payload() {
        let message = Message {
            message_type: MessageType::COMMAND_AMF0,
            message_stream_id: 1,
            timestamp: 0,
            payload: Bytes::from_static(b"publish-secret-key"),
        };
        let text = format!("{message:?}");
        assert!(!text.contains("secret") && text.contains("payload_len: 18"), "{text}");
    }
}

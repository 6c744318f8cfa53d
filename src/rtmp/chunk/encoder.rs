//! Messages to chunks: headers only, the payload stays where it is.

use bytes::Bytes;

use super::DEFAULT_CHUNK_SIZE;
use super::header::{EXTENDED, MessageHeader, continuation};
use crate::rtmp::limits;
use crate::rtmp::message::{Message, MessageType};
use crate::rtmp::outbox::{ChunkedMessage, Outbox};

/// Cuts messages into chunks. Whole messages go one after the other: every peer accepts that.
///
/// It writes the forms that all peers read alike, which is less than the specification allows:
/// - fmt 0 for the first message of a chunk stream, whenever time goes back (some peers cannot add a negative delta),
///   and from 0xFFFFFF ms (4 h 39 m) on, where peers disagree whether the extended field of fmt 1 and 2 is a delta;
/// - fmt 1 or 2 else;
/// - fmt 3 only to go on with a message: as the start of one it is read in three different ways.
#[derive(Debug)]
pub struct Encoder {
    chunk_size: u32,
    /// The last message of each chunk stream, from 0 on: sessions use four or five of these, and they lie together.
    previous: [Option<Previous>; NEAR],
    /// Those of higher ids, which nobody has been seen to need.
    others: Vec<(u32, Previous)>,
}

/// 3 to 8 are for use, and 2 is protocol control.
const NEAR: usize = 9;

/// What the next header of a chunk stream may refer to.
#[derive(Debug, Clone, Copy)]
struct Previous {
    timestamp: u32,
    length: u32,
    message_type: MessageType,
    message_stream_id: u32,
}

impl Encoder {
    /// An encoder with the default chunk size, which has sent nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { chunk_size: DEFAULT_CHUNK_SIZE, previous: [None; NEAR], others: Vec::new() }
    }

    /// Sets the size of the chunks from the next message on, in bytes; brought into 1 to 0xFFFFFF. The peer must have
    /// been told: [`Control::SetChunkSize`](crate::rtmp::control::Control::SetChunkSize).
    pub fn set_chunk_size(&mut self, chunk_size: u32) {
        self.chunk_size = chunk_size.clamp(1, limits::CHUNK_SIZE);
    }

    /// Queues a message on a chunk stream: 2 is protocol control, 3 to 8 are for use. Higher ids (to 65,599) are
    /// encoded right, but some servers refuse them.
    ///
    /// A payload beyond 16,777,215 bytes has no form on the wire, and is left out; limits on what is received keep one
    /// from arising.
    pub fn encode(&mut self, chunk_stream_id: u32, message: Message, out: &mut Outbox) {
        let Some(length) = length_on_the_wire(&message.payload) else { return };
        let present = Previous {
            timestamp: message.timestamp,
            length,
            message_type: message.message_type,
            message_stream_id: message.message_stream_id,
        };
        let header = match self.replace(chunk_stream_id, present) {
            Some(previous) => present.header_after(&previous),
            None => present.full_header(),
        };
        out.push(ChunkedMessage {
            first: header.encode(chunk_stream_id),
            continuation: continuation(&header, chunk_stream_id),
            chunk_size: self.chunk_size as usize,
            payload: message.payload,
        });
    }

    /// Remembers the last message of a chunk stream, and gives the one before.
    fn replace(&mut self, chunk_stream_id: u32, present: Previous) -> Option<Previous> {
        let near = usize::try_from(chunk_stream_id).ok().and_then(|id| self.previous.get_mut(id));
        if let Some(previous) = near {
            return previous.replace(present);
        }
        match self.others.iter_mut().find(|(id, _)| *id == chunk_stream_id) {
            Some((_, previous)) => Some(std::mem::replace(previous, present)),
            None => {
                self.others.push((chunk_stream_id, present));
                None
            }
        }
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Previous {
    fn full_header(&self) -> MessageHeader {
        MessageHeader::Full {
            timestamp: self.timestamp,
            length: self.length,
            message_type: self.message_type,
            message_stream_id: self.message_stream_id,
        }
    }

    fn header_after(&self, previous: &Self) -> MessageHeader {
        if self.message_stream_id != previous.message_stream_id
            || self.timestamp < previous.timestamp
            || self.timestamp >= EXTENDED
        {
            return self.full_header();
        }
        let delta = self.timestamp - previous.timestamp;
        if (self.length, self.message_type) == (previous.length, previous.message_type) {
            MessageHeader::SameShape { delta }
        } else {
            MessageHeader::SameStream { delta, length: self.length, message_type: self.message_type }
        }
    }
}

fn length_on_the_wire(payload: &Bytes) -> Option<u32> {
    u32::try_from(payload.len()).ok().filter(|_| payload.len() <= limits::MESSAGE_ON_THE_WIRE)
}

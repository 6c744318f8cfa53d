//! Aggregate messages: several media messages in one body.

use std::fmt;

use bytes::Bytes;

use super::message::{Message, MessageType};

/// Splits an aggregate (RTMP 1.0 §7.1.6): FLV tags one after the other, each `type u8, length u24, time u24, time's high
/// byte u8, stream id u24`, the data, and a back pointer u32.
///
/// Gives the audio, video and data messages in it; every other type is passed over, aggregates in aggregates too. It
/// ends at a tag that is longer than the rest.
pub(super) struct Aggregate {
    outer: Message,
    rest: Bytes,
    /// The time of the first tag: the outer time belongs to it.
    first_time: Option<u32>,
}

impl Aggregate {
    pub(super) fn new(outer: Message) -> Self {
        let rest = outer.payload.clone();
        Self { outer, rest, first_time: None }
    }
}

/// Prints sizes alone, as a message does.
impl fmt::Debug for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aggregate").field("outer", &self.outer).field("rest_len", &self.rest.len()).finish()
    }
}

impl Iterator for Aggregate {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        loop {
            let (header, body) = self.rest.split_first_chunk()?;
            let [message_type, l2, l1, l0, t2, t1, t0, t3, ..]: [u8; 11] = *header;
            let message_type = MessageType(message_type);
            let length = u32::from_be_bytes([0, l2, l1, l0]) as usize;
            let time = u32::from_be_bytes([t3, t2, t1, t0]);
            let (data, after) = body.split_at_checked(length)?;
            // A copy: a slice would keep the whole aggregate in memory as long as one small tag of it is needed.
            let payload = Bytes::copy_from_slice(data);
            // The back pointer is not looked at, and may be missing at the end.
            self.rest = self.rest.slice_ref(after.get(4..).unwrap_or_default());

            let first_time = *self.first_time.get_or_insert(time);
            let wanted = [MessageType::AUDIO, MessageType::VIDEO, MessageType::DATA_AMF0, MessageType::DATA_AMF3];
            if wanted.contains(&message_type) {
                return Some(Message {
                    message_type,
                    message_stream_id: self.outer.message_stream_id,
                    timestamp: self.outer.timestamp.wrapping_add(time.wrapping_sub(first_time)),
                    payload,
                });
            }
        }
    }
}

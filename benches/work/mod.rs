//! The work of the benchmarks, written once: `core` times it, `instructions` counts it.
//!
//! Each function gets everything ready and gives what is to be measured; the media are one second of a 6 Mbit/s stream at 60 frames
//! a second with 47 audio messages.

#![allow(clippy::expect_used, reason = "a benchmark whose work cannot be done ends")]
#![allow(dead_code, reason = "each benchmark takes what it needs")]

mod amf;
mod chunks;
mod log;
mod playhead;

pub(crate) use amf::{connect_decode, connect_encode, metadata_decode, metadata_encode};
pub(crate) use chunks::{chunk_decode, chunk_encode, outbox_send};
pub(crate) use log::{cursors_read, log_append};
pub(crate) use playhead::{DECISIONS, POLICIES, SECONDS as PLAYHEAD_SECONDS, playhead_read, policy_decide};

use bytes::Bytes;
use forkcast::rtmp::message::{Message, MessageType};

/// Messages of one second.
pub(crate) const MESSAGES: u64 = 107;

/// One second of media, in the order of its timestamps.
pub(crate) fn one_second() -> Vec<Message> {
    let video = (0..60u32).map(|frame| (frame * 1000 / 60, MessageType::VIDEO, 12_000));
    let audio = (0..47u32).map(|frame| (frame * 1000 / 47, MessageType::AUDIO, 400));
    let mut all: Vec<_> = video.chain(audio).collect();
    all.sort_by_key(|(timestamp, ..)| *timestamp);
    all.into_iter().map(|(timestamp, message_type, bytes)| message(timestamp, message_type, bytes)).collect()
}

/// Payload bytes of one second.
pub(crate) fn one_second_bytes() -> usize {
    one_second().iter().map(|message| message.payload.len()).sum()
}

/// The sequence headers of its picture and its sound.
fn headers() -> [Message; 2] {
    let avc =
        b"\x17\0\0\0\0\x01\x64\0\x1f\xff\xe1\0\x0a\x67\x64\0\x1f\xac\xd9\x40\x50\x05\xbb\x01\0\x04\x68\xeb\xe3\xcb";
    let header = |message_type, payload: &'static [u8]| Message {
        message_type,
        message_stream_id: 1,
        timestamp: 0,
        payload: Bytes::from_static(payload),
    };
    [header(MessageType::VIDEO, avc), header(MessageType::AUDIO, b"\xaf\0\x11\x90")]
}

fn message(timestamp: u32, message_type: MessageType, bytes: usize) -> Message {
    let mut payload = vec![0x55; bytes];
    let tag: &[u8] = match (message_type, timestamp) {
        (MessageType::AUDIO, _) => b"\xaf\x01",
        (_, 0) => b"\x17\x01\0\0\0",
        _ => b"\x27\x01\0\0\0",
    };
    payload[..tag.len()].copy_from_slice(tag);
    Message { message_type, message_stream_id: 1, timestamp, payload: payload.into() }
}

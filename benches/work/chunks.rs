//! Chunks in, chunks out.

use std::{hint::black_box, io::IoSlice};

use bytes::{Buf as _, Bytes};
use forkcast::rtmp::{
    chunk::{Decoder, Encoder},
    limits::Limits,
    message::{Message, MessageType},
    outbox::Outbox,
};

use super::one_second;

/// Slices of one vectored write.
const SLICES: usize = 128;

/// One second into chunks.
pub(crate) fn chunk_encode(chunk_size: u32) -> impl FnMut() {
    let messages = one_second();
    let mut encoder = Encoder::new();
    encoder.set_chunk_size(chunk_size);
    let mut outbox = Outbox::default();
    move || {
        encode(&mut encoder, &messages, &mut outbox);
        outbox.advance(outbox.remaining());
    }
}

/// The same, and the slices of each vectored write, of which the kernel takes all.
pub(crate) fn outbox_send(chunk_size: u32) -> impl FnMut() {
    let messages = one_second();
    let mut encoder = Encoder::new();
    encoder.set_chunk_size(chunk_size);
    let mut outbox = Outbox::default();
    move || {
        encode(&mut encoder, &messages, &mut outbox);
        while outbox.has_remaining() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = outbox.chunks_vectored(&mut slices);
            let taken = black_box(&slices[..count]).iter().map(|slice| slice.len()).sum();
            outbox.advance(taken);
        }
    }
}

/// One second out of chunks, from the beginning of a connection.
pub(crate) fn chunk_decode(chunk_size: u32) -> impl FnMut() {
    let wire = wire(chunk_size);
    move || {
        let mut decoder = Decoder::new(Limits::AFTER_AUTHORISATION);
        decoder.set_chunk_size(chunk_size);
        let mut input = &wire[..];
        while let Ok(Some(message)) = decoder.decode(&mut input) {
            black_box(message);
        }
    }
}

fn wire(chunk_size: u32) -> Bytes {
    let mut encoder = Encoder::new();
    encoder.set_chunk_size(chunk_size);
    let mut outbox = Outbox::default();
    encode(&mut encoder, &one_second(), &mut outbox);
    outbox.copy_to_bytes(outbox.remaining())
}

fn encode(encoder: &mut Encoder, messages: &[Message], outbox: &mut Outbox) {
    for message in messages {
        let chunk_stream = if message.message_type == MessageType::AUDIO { 4 } else { 6 };
        encoder.encode(chunk_stream, message.clone(), outbox);
    }
}

//! The chunk layer: the decoder against its reference, and against the encoder.

use std::io::IoSlice;

use bytes::{Buf as _, Bytes};

use super::{
    choices::{Choices, Cuts},
    reference::{Malformed, Reference},
};
use crate::rtmp::{
    chunk::{Decoder, Encoder},
    control::Control,
    error::Error,
    limits::{CHUNK_SIZE, Limits},
    message::{Message, MessageType},
    outbox::Outbox,
};

/// None, since the reference knows none.
const UNLIMITED: Limits =
    Limits { message: usize::MAX, partial_messages: usize::MAX, chunk_streams: usize::MAX, received: u64::MAX };

/// Any bytes, cut anywhere, give the messages that the reference gives, chunk sizes and aborts in the stream obeyed, and
/// are malformed where it says so. What is held for unfinished messages follows what was received.
pub fn chunk_decoder(data: &[u8]) {
    let mut choices = Choices::new(data);
    let chunk_size = 1 + u32::from(choices.u8());
    let cuts = choices.cuts();
    let wire = choices.rest();

    let mut reference = Reference::new(wire, chunk_size as usize);
    let mut decoder = Decoder::new(UNLIMITED);
    decoder.set_chunk_size(chunk_size);
    let mut received = 0;
    for mut piece in cuts.pieces(wire) {
        received += piece.len();
        loop {
            match decoder.decode(&mut piece) {
                Ok(Some(message)) => {
                    assert_eq!(reference.next(), Some(Ok(message.clone())));
                    obey(&message, &mut decoder, &mut reference);
                }
                Ok(None) => break assert!(piece.is_empty(), "None means that the input is used up"),
                Err(Error::Malformed(_)) => return assert_eq!(reference.next(), Some(Err(Malformed))),
                Err(error) => panic!("there are no limits: {error}"),
            }
        }
        // What is at hand counts once for what may come, and twice for what is kept, since that may double.
        assert!(decoder.reserved() <= 3 * received, "{} for {received}", decoder.reserved());
    }
    assert_eq!(reference.next(), None, "the reference finds more");
}

/// Chunk size and abort, as a connection obeys them.
fn obey(message: &Message, decoder: &mut Decoder, reference: &mut Reference<'_>) {
    match Control::decode(message.message_type, &message.payload) {
        Some(Control::SetChunkSize(size)) => {
            decoder.set_chunk_size(size);
            reference.chunk_size = size.clamp(1, CHUNK_SIZE) as usize;
        }
        Some(Control::Abort(chunk_stream_id)) => {
            decoder.abort(chunk_stream_id);
            reference.abort(chunk_stream_id);
        }
        _ => {}
    }
}

/// What is encoded, sent in parts of any size and cut anywhere, decodes to the same messages, by the reference too; the
/// chunk size may change between any two messages. Nothing is held in the end.
pub fn chunk_round_trip(data: &[u8]) {
    let mut choices = Choices::new(data);
    let cuts = choices.cuts();
    let sends = choices.cuts();

    let mut encoder = Encoder::new();
    let mut outbox = Outbox::default();
    let mut sent = Vec::new();
    while !choices.is_empty() && sent.len() < 32 {
        let (chunk_size, chunk_stream_id, message) = message(&mut choices);
        encoder.set_chunk_size(chunk_size);
        encoder.encode(chunk_stream_id, message.clone(), &mut outbox);
        sent.push((chunk_size as usize, message));
    }
    let wire = transmit(&mut outbox, sends);

    let mut reference = Reference::new(&wire, 0);
    let mut decoder = Decoder::new(UNLIMITED);
    let mut expected = sent.iter();
    let mut next = expected.next();
    let announce = |next: Option<&(usize, Message)>, decoder: &mut Decoder| {
        if let Some((chunk_size, _)) = next {
            decoder.set_chunk_size(u32::try_from(*chunk_size).unwrap_or(u32::MAX));
        }
    };
    announce(next, &mut decoder);
    for mut piece in cuts.pieces(&wire) {
        while let Some(message) = decoder.decode(&mut piece).unwrap_or_else(|error| panic!("our own bytes: {error}")) {
            let Some((chunk_size, sent)) = next else { panic!("a message that was not sent") };
            assert_eq!(&message, sent);
            reference.chunk_size = *chunk_size;
            assert_eq!(reference.next(), Some(Ok(message)));
            next = expected.next();
            announce(next, &mut decoder);
        }
    }
    assert!(next.is_none(), "a message is missing");
    assert_eq!(decoder.reserved(), 0);
}

fn message(choices: &mut Choices<'_>) -> (u32, u32, Message) {
    let chunk_size = match choices.u8() {
        size @ 0..16 => u32::from(size) + 1,
        size @ 16..=254 => 8 * u32::from(size),
        255 => CHUNK_SIZE,
    };
    let chunk_stream_id = match choices.u8() {
        id @ 2..240 => u32::from(id),
        _ => 64 + u32::from(choices.u16()),
    };
    let timestamp = match choices.u8() {
        // Around the places where the form changes.
        step @ 0..128 => u32::from(step),
        step @ 128..192 => 0xFF_FFC0 + u32::from(step),
        step @ 192..224 => u32::MAX - u32::from(step - 192),
        _ => choices.u32(),
    };
    let message_type = MessageType(choices.u8());
    let message_stream_id = u32::from(choices.u8() % 3);
    let length = usize::from(choices.u16() % 280);
    // A short pattern over and over: so headers, times and payload look alike.
    let pattern = choices.take(3);
    let payload: Bytes = pattern.iter().copied().cycle().take(length).collect();
    (chunk_size, chunk_stream_id, Message { message_type, message_stream_id, timestamp, payload })
}

/// Sends everything, each write taking a part of what is offered.
fn transmit(outbox: &mut Outbox, cuts: Cuts) -> Vec<u8> {
    let total = vec![0; outbox.len()];
    let mut wire = Vec::with_capacity(total.len());
    for part in cuts.pieces(&total) {
        let mut left = part.len();
        while left > 0 {
            let mut slices = [IoSlice::new(&[]); 4];
            let filled = outbox.chunks_vectored(&mut slices);
            let before = wire.len();
            for slice in &slices[..filled] {
                wire.extend_from_slice(&slice[..slice.len().min(left + before - wire.len())]);
            }
            let taken = wire.len() - before;
            assert!(taken > 0, "there is more, and nothing is offered");
            outbox.advance(taken);
            left -= taken;
        }
    }
    assert!(outbox.is_empty());
    wire
}

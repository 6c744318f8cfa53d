//! What one message costs in the core: chunks in, log, cursors, chunks out. `cargo bench`.
//!
//! The work is one second of a 6 Mbit/s stream at 60 frames a second with 47 audio messages. Figures of one machine say
//! little; compare two commits on the same one.

use std::{sync::Arc, time::Duration};

use bytes::{Buf as _, Bytes};
use divan::{Bencher, black_box, counter::BytesCount};
use forkcast::{
    media::Kind,
    rtmp::{
        chunk::{Decoder, Encoder},
        limits::Limits,
        message::{Message, MessageType},
        outbox::Outbox,
    },
    stream::{Batch, Cursor, Demuxer, Log, Meter, Timeline, Window},
};

fn main() {
    divan::main();
}

/// One second of media, in the order of its timestamps.
fn one_second() -> Vec<Message> {
    let video = (0..60u32).map(|frame| (frame * 1000 / 60, MessageType::VIDEO, 12_000));
    let audio = (0..47u32).map(|frame| (frame * 1000 / 47, MessageType::AUDIO, 400));
    let mut all: Vec<_> = video.chain(audio).collect();
    all.sort_by_key(|(timestamp, ..)| *timestamp);
    all.into_iter().map(|(timestamp, message_type, bytes)| message(timestamp, message_type, bytes)).collect()
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

fn encode(encoder: &mut Encoder, messages: &[Message], outbox: &mut Outbox) {
    for message in messages {
        let chunk_stream = if message.message_type == MessageType::AUDIO { 4 } else { 6 };
        encoder.encode(chunk_stream, message, outbox);
    }
}

fn size(messages: &[Message]) -> usize {
    messages.iter().map(|message| message.payload.len()).sum()
}

#[divan::bench(args = [4096, 65_536])]
fn chunk_encode(bencher: Bencher<'_, '_>, chunk_size: u32) {
    let messages = one_second();
    let mut encoder = Encoder::new();
    encoder.set_chunk_size(chunk_size);
    let mut outbox = Outbox::default();
    bencher.counter(BytesCount::new(size(&messages))).bench_local(|| {
        encode(&mut encoder, &messages, &mut outbox);
        outbox.advance(outbox.remaining());
    });
}

#[divan::bench(args = [128, 4096, 65_536])]
fn chunk_decode(bencher: Bencher<'_, '_>, chunk_size: u32) {
    let messages = one_second();
    let mut encoder = Encoder::new();
    encoder.set_chunk_size(chunk_size);
    let mut outbox = Outbox::default();
    encode(&mut encoder, &messages, &mut outbox);
    let wire = outbox.copy_to_bytes(outbox.remaining());
    bencher.counter(BytesCount::new(size(&messages))).bench_local(|| {
        let mut decoder = Decoder::new(Limits::AFTER_AUTHORISATION);
        decoder.set_chunk_size(chunk_size);
        let mut input = &wire[..];
        while let Ok(Some(message)) = decoder.decode(&mut input) {
            black_box(message);
        }
    });
}

const WINDOW: Window = Window { duration: Duration::from_secs(5), bytes: 16 << 20, hard_bytes: 64 << 20 };

/// A log that one second was appended to, as ingest does it.
fn written(messages: &[Message]) -> Log {
    let (mut log, mut timeline) = (Log::new(WINDOW), Timeline::default());
    let (mut demuxer, mut meter) = (Demuxer::new(Duration::ZERO), Meter::default());
    for message in messages {
        let kind = if message.message_type == MessageType::AUDIO { Kind::Audio } else { Kind::Video };
        let now = Duration::from_millis(message.timestamp.into());
        if let Some(demuxed) = demuxer.demux(kind, message.payload.clone(), now) {
            let message = demuxed.place(message.timestamp, &mut timeline);
            meter.take(&message);
            log.append(message, &mut Vec::new());
        }
    }
    log
}

#[divan::bench]
fn log_append(bencher: Bencher<'_, '_>) {
    let messages = one_second();
    bencher.counter(BytesCount::new(size(&messages))).bench_local(|| written(&messages));
}

#[divan::bench(args = [1, 10, 100, 1000])]
fn cursors_read(bencher: Bencher<'_, '_>, cursors: usize) {
    let messages = one_second();
    let log = written(&messages);
    let batch = Batch { messages: 64, bytes: 128 << 10 };
    let mut into: Vec<Arc<forkcast::stream::Message>> = Vec::new();
    bencher.counter(BytesCount::new(size(&messages) * cursors)).bench_local(|| {
        for _ in 0..cursors {
            let mut cursor = Cursor::at(0);
            while log.read(&mut cursor, batch, u64::MAX, &mut into) != forkcast::stream::Read::Messages(0) {
                into.clear();
            }
        }
    });
}

#[divan::bench]
fn amf_metadata(bencher: Bencher<'_, '_>) {
    let body = Bytes::from_static(
        b"\x02\0\x0aonMetaData\x08\0\0\0\x03\0\x05width\0\x40\x9e\0\0\0\0\0\0\0\x06height\0\x40\x90\xe0\0\0\0\0\0\0\x07encoder\x02\0\x03obs\0\0\x09",
    );
    bencher.bench_local(|| forkcast::rtmp::amf0::Value::decode_all(&body));
}

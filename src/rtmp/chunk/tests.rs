//! Chunks both ways: byte tables, every cut, hostile input, and a slow reference decoder as the second opinion.

use std::collections::HashMap;

use bytes::{Buf, Bytes};
use proptest::prelude::*;

use super::header::{MessageHeader, continuation};
use super::{Decoder, Encoder};
use crate::fuzzing::reference::reference_messages;
use crate::rtmp::error::Error;
use crate::rtmp::limits::Limits;
use crate::rtmp::message::{Message, MessageType};
use crate::rtmp::outbox::Outbox;

const LIMITS: Limits = Limits::AFTER_AUTHORISATION;

fn message(message_type: MessageType, message_stream_id: u32, timestamp: u32, payload: impl Into<Bytes>) -> Message {
    Message { message_type, message_stream_id, timestamp, payload: payload.into() }
}

fn video(timestamp: u32, payload: impl Into<Bytes>) -> Message {
    message(MessageType::VIDEO, 1, timestamp, payload)
}

fn audio(timestamp: u32, payload: impl Into<Bytes>) -> Message {
    message(MessageType::AUDIO, 1, timestamp, payload)
}

/// Bytes that count up, so that no two places look alike.
fn counting(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index % 251) as u8).collect()
}

/// Everything that is in `wire`, given in pieces of these lengths (the last one again and again).
fn decode_in_pieces(decoder: &mut Decoder, wire: &[u8], pieces: &[usize]) -> Result<Vec<Message>, Error> {
    let mut messages = Vec::new();
    let mut pieces = pieces.iter().copied();
    let mut piece = 1;
    let mut rest = wire;
    while !rest.is_empty() {
        piece = pieces.next().unwrap_or(piece).clamp(1, rest.len());
        let mut input = &rest[..piece];
        while let Some(message) = decoder.decode(&mut input)? {
            messages.push(message);
        }
        assert!(input.is_empty(), "None means that the input is used up");
        rest = &rest[piece..];
    }
    Ok(messages)
}

fn decode(wire: &[u8]) -> Result<Vec<Message>, Error> {
    decode_in_pieces(&mut Decoder::new(LIMITS), wire, &[wire.len()])
}

fn encode(messages: &[(u32, Message)], chunk_size: u32) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.set_chunk_size(chunk_size);
    let mut outbox = Outbox::default();
    for (chunk_stream_id, message) in messages {
        encoder.encode(*chunk_stream_id, message.clone(), &mut outbox);
    }
    outbox.copy_to_bytes(outbox.remaining()).to_vec()
}

/// Messages, and the bytes that we write for them.
struct Case {
    what: &'static str,
    chunk_size: u32,
    messages: Vec<(u32, Message)>,
    wire: Vec<u8>,
}

fn both_ways() -> Vec<Case> {
    let long = counting(300);
    vec![
        Case {
            what: "one chunk",
            chunk_size: 128,
            messages: vec![(3, message(MessageType::COMMAND_AMF0, 0, 0, &b"abc"[..]))],
            wire: b"\x03\0\0\0\0\0\x03\x14\0\0\0\0abc".to_vec(),
        },
        Case {
            what: "no payload",
            chunk_size: 128,
            messages: vec![(4, audio(0, Bytes::new())), (4, audio(5, Bytes::new()))],
            wire: b"\x04\0\0\0\0\0\0\x08\x01\0\0\0\x84\0\0\x05".to_vec(),
        },
        Case {
            what: "three chunks",
            chunk_size: 128,
            messages: vec![(6, video(16, long.clone()))],
            wire: [
                b"\x06\0\0\x10\0\x01\x2C\x09\x01\0\0\0",
                &long[..128],
                b"\xC6",
                &long[128..256],
                b"\xC6",
                &long[256..],
            ]
            .concat(),
        },
        Case {
            what: "a payload of whole chunks has no empty chunk behind it",
            chunk_size: 4,
            messages: vec![(6, video(0, &b"12345678"[..]))],
            wire: b"\x06\0\0\0\0\0\x08\x09\x01\0\0\x001234\xC65678".to_vec(),
        },
        Case {
            what: "fmt 1 where length or type differ, fmt 2 where they do not, fmt 3 never",
            chunk_size: 128,
            messages: vec![
                (4, audio(10, &b"aa"[..])),
                (4, audio(33, &b"bbb"[..])),
                (4, audio(56, &b"ccc"[..])),
                (4, audio(79, &b"ddd"[..])),
                (4, video(79, &b"eee"[..])),
            ],
            wire: [
                &b"\x04\0\0\x0A\0\0\x02\x08\x01\0\0\0aa"[..],
                b"\x44\0\0\x17\0\0\x03\x08bbb",
                b"\x84\0\0\x17ccc",
                b"\x84\0\0\x17ddd",
                b"\x44\0\0\0\0\0\x03\x09eee",
            ]
            .concat(),
        },
        Case {
            what: "fmt 0 when time goes back, and for another message stream",
            chunk_size: 128,
            messages: vec![
                (4, audio(23, &b"a"[..])),
                (4, audio(20, &b"b"[..])),
                (4, message(MessageType::AUDIO, 0x0201, 21, &b"c"[..])),
            ],
            wire: [
                &b"\x04\0\0\x17\0\0\x01\x08\x01\0\0\0a"[..],
                b"\x04\0\0\x14\0\0\x01\x08\x01\0\0\0b",
                b"\x04\0\0\x15\0\0\x01\x08\x01\x02\0\0c",
            ]
            .concat(),
        },
        Case {
            what: "the 24-bit boundary: fmt 0, extended, repeated in each chunk",
            chunk_size: 2,
            messages: vec![
                (6, video(0xFF_FFFE, &b"1"[..])),
                (6, video(0xFF_FFFF, &b"22222"[..])),
                (6, video(0x0100_0010, &b"3"[..])),
            ],
            wire: [
                &b"\x06\xFF\xFF\xFE\0\0\x01\x09\x01\0\0\x001"[..],
                b"\x06\xFF\xFF\xFF\0\0\x05\x09\x01\0\0\0\0\xFF\xFF\xFF22",
                b"\xC6\0\xFF\xFF\xFF22",
                b"\xC6\0\xFF\xFF\xFF2",
                b"\x06\xFF\xFF\xFF\0\0\x01\x09\x01\0\0\0\x01\0\0\x103",
            ]
            .concat(),
        },
        Case {
            what: "the 32-bit wrap",
            chunk_size: 128,
            messages: vec![(6, video(0xFFFF_FFFF, &b"1"[..])), (6, video(9, &b"2"[..]))],
            wire: [
                &b"\x06\xFF\xFF\xFF\0\0\x01\x09\x01\0\0\0\xFF\xFF\xFF\xFF1"[..],
                b"\x06\0\0\x09\0\0\x01\x09\x01\0\0\x002",
            ]
            .concat(),
        },
        Case {
            what: "chunk streams of two and three bytes, each with a past of its own",
            chunk_size: 2,
            messages: vec![(64, audio(1, &b"abc"[..])), (320, audio(2, &b"def"[..])), (64, audio(3, &b"ghi"[..]))],
            wire: [
                &b"\0\0\0\0\x01\0\0\x03\x08\x01\0\0\0ab\xC0\0c"[..],
                b"\x01\0\x01\0\0\x02\0\0\x03\x08\x01\0\0\0de\xC1\0\x01f",
                b"\x80\0\0\0\x02gh\xC0\0i",
            ]
            .concat(),
        },
    ]
}

#[test]
fn messages_both_ways() {
    for case in both_ways() {
        assert_eq!(encode(&case.messages, case.chunk_size), case.wire, "{}", case.what);
        let messages: Vec<_> = case.messages.into_iter().map(|(_, message)| message).collect();
        for cut in 1..=case.wire.len() {
            for pieces in [&[cut, usize::MAX][..], &[cut]] {
                let mut decoder = Decoder::new(LIMITS);
                decoder.set_chunk_size(case.chunk_size);
                let decoded = decode_in_pieces(&mut decoder, &case.wire, pieces).unwrap();
                assert_eq!(decoded, messages, "{} cut {pieces:?}", case.what);
                assert_eq!(decoder.reserved(), 0);
            }
        }
    }
}

/// What others send and we do not.
#[test]
fn forms_that_are_only_received() {
    let table: Vec<(&str, Vec<u8>, Vec<Message>)> = vec![
        (
            "fmt 3 as a new message adds the delta again",
            b"\x04\0\0\x0A\0\0\x01\x08\x01\0\0\0a\x84\0\0\x17b\xC4c\xC4d".to_vec(),
            vec![audio(10, &b"a"[..]), audio(33, &b"b"[..]), audio(56, &b"c"[..]), audio(79, &b"d"[..])],
        ),
        (
            "fmt 3 as a new message right after fmt 0 adds the timestamp",
            b"\x04\0\0\x0A\0\0\x01\x08\x01\0\0\0a\xC4b".to_vec(),
            vec![audio(10, &b"a"[..]), audio(20, &b"b"[..])],
        ),
        (
            "fmt 1 first: time from 0, message stream 0",
            b"\x42\0\0\x03\0\0\x02\x04zz".to_vec(),
            vec![message(MessageType::USER_CONTROL, 0, 3, &b"zz"[..])],
        ),
        (
            "a step of 3 ms back as an extended delta",
            b"\x04\0\0\x17\0\0\x01\x08\x01\0\0\0a\x44\xFF\xFF\xFF\0\0\x01\x09\xFF\xFF\xFF\xFDv".to_vec(),
            vec![audio(23, &b"a"[..]), video(20, &b"v"[..])],
        ),
        (
            "a delta that wraps",
            b"\x04\xFF\xFF\xFF\0\0\x01\x08\x01\0\0\0\xFF\xFF\xFF\xFFa\x84\0\0\x02b".to_vec(),
            vec![audio(0xFFFF_FFFF, &b"a"[..]), audio(1, &b"b"[..])],
        ),
        (
            "an extended time that need not be one is repeated all the same",
            [b"\x04\xFF\xFF\xFF\0\0\x82\x08\x01\0\0\0\0\0\0\x07", &counting(128)[..], b"\xC4\0\0\0\x07yz"].concat(),
            vec![audio(7, [&counting(128)[..], b"yz"].concat())],
        ),
        (
            "chunk streams that interleave",
            [
                b"\x04\0\0\x01\0\0\x82\x08\x01\0\0\0",
                &counting(128)[..],
                b"\x06\0\0\x02\0\0\x83\x09\x01\0\0\0",
                &counting(128),
                b"\xC4AB\xC6VWX",
            ]
            .concat(),
            vec![audio(1, [&counting(128)[..], b"AB"].concat()), video(2, [&counting(128)[..], b"VWX"].concat())],
        ),
        (
            "a header inside an unfinished message: that message is dropped",
            [b"\x04\0\0\x05\0\0\x82\x08\x01\0\0\0", &counting(128)[..], b"\x44\0\0\x02\0\0\x02\x09vv"].concat(),
            vec![video(7, &b"vv"[..])],
        ),
        (
            "a delta from the clock of a message that was dropped, length and type too",
            [b"\x04\0\0\x05\0\0\x82\x08\x01\0\0\0", &counting(128)[..], b"\x84\0\0\x02", &counting(128), b"\xC4yz"]
                .concat(),
            vec![audio(7, [&counting(128)[..], b"yz"].concat())],
        ),
    ];
    for (what, wire, messages) in table {
        for cut in 1..=wire.len() {
            let mut decoder = Decoder::new(LIMITS);
            assert_eq!(decode_in_pieces(&mut decoder, &wire, &[cut]).unwrap(), messages, "{what} cut {cut}");
            assert_eq!(decoder.reserved(), 0, "{what}");
        }
        assert_eq!(reference_messages(&wire, 128), (messages, false), "{what}");
    }
}

/// A long message at 0x01000000 ms whose chunks are cut at 4 bytes; `repeat` is what stands behind each fmt 3 header.
fn long_time(payload: &[u8], repeat: &[u8]) -> Vec<u8> {
    let mut wire = b"\x06\xFF\xFF\xFF\0\0".to_vec();
    wire.push(u8::try_from(payload.len()).unwrap());
    wire.extend_from_slice(b"\x09\x01\0\0\0\x01\0\0\0");
    for (index, chunk) in payload.chunks(4).enumerate() {
        if index > 0 {
            wire.push(0xC6);
            wire.extend_from_slice(repeat);
        }
        wire.extend_from_slice(chunk);
    }
    wire
}

#[test]
fn extended_time_repeated_or_not() {
    let payloads: [&[u8]; 6] = [
        b"0123456789AB",
        // Looks like the repeated time for one, two and three bytes.
        b"0123\x01aaa\x01\0bb\x01\0\0c",
        // The last chunk is shorter than the field would be, and looks like it to its end.
        b"0123\x01",
        b"0123\x01\0",
        b"0123\x01\0\0",
        b"0123a",
    ];
    for payload in payloads {
        for repeat in [&b""[..], b"\x01\0\0\0"] {
            // A second message behind it: its header must not be swallowed.
            let wire = [&long_time(payload, repeat)[..], b"\x04\0\0\0\0\0\x01\x08\x01\0\0\0a"].concat();
            let expected = [video(0x0100_0000, payload.to_vec()), audio(0, &b"a"[..])];
            for cut in 1..=wire.len() {
                let mut decoder = Decoder::new(LIMITS);
                decoder.set_chunk_size(4);
                let decoded = decode_in_pieces(&mut decoder, &wire, &[cut]).unwrap();
                assert_eq!(decoded, expected, "{payload:?} {repeat:?} cut {cut}");
                assert_eq!(decoder.reserved(), 0);
            }
        }
    }
}

#[test]
fn a_field_that_is_left_out_is_not_waited_for() {
    // The last chunk has two bytes. The first one differs from the time: the message is whole at its last byte.
    let wire = long_time(b"0123ab", b"");
    let mut decoder = Decoder::new(LIMITS);
    decoder.set_chunk_size(4);
    assert_eq!(decoder.decode(&mut &wire[..]).unwrap(), Some(video(0x0100_0000, &b"0123ab"[..])));
}

/// Chunk size 1, the field left out, and bytes that equal the time's although they are something else.
#[test]
fn what_looks_like_the_time_may_be_payload_and_headers() {
    let table: [(&[u8], Vec<Message>); 2] = [
        // Payload, a fmt 3 header, payload.
        (
            b"\x06\xFF\xFF\xFF\0\0\x04\x09\x01\0\0\0\x01\xC6\x01\0A\xC6\x01\xC6\x01\xC6B",
            vec![video(0x01C6_0100, &b"A\x01\x01B"[..])],
        ),
        // The end of the message, and the header of another one.
        (
            b"\x06\xFF\xFF\xFF\0\0\x02\x09\x01\0\0\0\x01\x04\x01\0A\xC6\x01\x04\0\0\x09\0\0\x01\x08\x01\0\0\0a",
            vec![video(0x0104_0100, &b"A\x01"[..]), audio(9, &b"a"[..])],
        ),
    ];
    for (wire, messages) in table {
        for cut in 1..=wire.len() {
            let mut decoder = Decoder::new(LIMITS);
            decoder.set_chunk_size(1);
            assert_eq!(decode_in_pieces(&mut decoder, wire, &[cut]).unwrap(), messages, "cut {cut}");
        }
        assert_eq!(reference_messages(wire, 1), (messages, false));
    }
}

#[test]
fn a_delta_repeated_as_the_absolute_time_is_consumed() {
    // fmt 1 with a delta of 0x01000000 after time 5; the continuation carries 0x01000005.
    let wire = [
        &b"\x06\0\0\x05\0\0\x01\x09\x01\0\0\0a"[..],
        b"\x46\xFF\xFF\xFF\0\0\x82\x09\x01\0\0\0",
        &counting(128),
        b"\xC6\x01\0\0\x05yz",
    ]
    .concat();
    let expected = [video(5, &b"a"[..]), video(0x0100_0005, [&counting(128)[..], b"yz"].concat())];
    assert_eq!(decode(&wire).unwrap(), expected);
}

#[test]
fn chunk_size_changes_inside_a_message() {
    let payload = counting(128 + 300);
    let wire = [b"\x04\0\0\0\0\x01\xAC\x09\x01\0\0\0", &payload[..128], b"\xC4", &payload[128..]].concat();
    let mut decoder = Decoder::new(LIMITS);
    assert_eq!(decoder.decode(&mut &wire[..100]).unwrap(), None);
    // In the middle of a chunk: the chunk keeps its size, the next one has the new.
    decoder.set_chunk_size(4096);
    assert_eq!(decoder.decode(&mut &wire[100..]).unwrap(), Some(video(0, payload)));
}

#[test]
fn abort_drops_the_unfinished_message() {
    let mut decoder = Decoder::new(LIMITS);
    let begin = [b"\x04\0\0\x05\0\0\x82\x08\x01\0\0\0", &counting(128)[..]].concat();
    assert_eq!(decoder.decode(&mut &begin[..]).unwrap(), None);
    decoder.abort(99);
    assert_ne!(decoder.reserved(), 0);
    decoder.abort(4);
    assert_eq!(decoder.reserved(), 0);
    // A fmt 3 header begins a message again.
    let again = [b"\xC4", &counting(128)[..], b"\xC4yz"].concat();
    assert_eq!(decoder.decode(&mut &again[..]).unwrap(), Some(audio(10, [&counting(128)[..], b"yz"].concat())));
}

#[test]
fn a_chunk_stream_that_begins_by_referring_back_is_malformed() {
    for wire in [&b"\x84\0\0\0"[..], b"\xC4"] {
        assert!(matches!(decode(wire), Err(Error::Malformed(_))));
        assert!(reference_messages(wire, 128).1);
    }
}

#[test]
fn limits_are_kept() {
    let limits = Limits { message: 1000, partial_messages: 200, chunk_streams: 3, received: u64::MAX };
    let begin = |chunk_stream_id: u8, len: u16| {
        let [high, low] = len.to_be_bytes();
        [&[chunk_stream_id, 0, 0, 0, 0, high, low, 9, 1, 0, 0, 0], &counting(100)[..]].concat()
    };
    let over = |chunks: &[Vec<u8>]| {
        let error = decode_in_pieces(&mut Decoder::new(limits), &chunks.concat(), &[usize::MAX]).err()?;
        let Error::Limit { what, limit } = error else { panic!("{error}") };
        Some((what, limit))
    };
    assert_eq!(over(&[begin(4, 1001)]), Some(("bytes in a message", 1000)));
    assert_eq!(over(&[begin(4, 100), begin(5, 100), begin(6, 100)]), None);
    assert_eq!(over(&[begin(4, 100), begin(5, 100), begin(6, 100), begin(7, 100)]), Some(("chunk streams", 3)));
    // 100 bytes of each are in the first chunk, which is not at its end.
    let half = |chunk_stream_id| {
        let mut chunk = begin(chunk_stream_id, 1000);
        chunk.extend_from_slice(&counting(28));
        chunk
    };
    assert_eq!(over(&[half(4), half(5)]), Some(("bytes in unfinished messages", 200)));
}

#[test]
fn a_claimed_length_reserves_nothing() {
    let limits = Limits { message: 0xFF_FFFF, partial_messages: usize::MAX, ..LIMITS };
    let mut decoder = Decoder::new(limits);
    decoder.set_chunk_size(0xFF_FFFF);
    for chunk_stream_id in 3..60 {
        let wire = [&[chunk_stream_id, 0, 0, 0, 0xFF, 0xFF, 0xFF, 9, 1, 0, 0, 0], &counting(100)[..]].concat();
        assert_eq!(decoder.decode(&mut &wire[..]).unwrap(), None);
    }
    assert!(decoder.reserved() <= 57 * 2 * 112, "{}", decoder.reserved());
}

#[test]
fn memory_grows_with_what_arrives_and_nothing_is_spare_in_the_end() {
    let payload = counting(1_000_003);
    let wire = encode(&[(6, video(0, payload.clone()))], 4096);
    for piece in [1, 1000, 65_536, wire.len()] {
        let mut decoder = Decoder::new(LIMITS);
        decoder.set_chunk_size(4096);
        let mut received = 0;
        let mut whole = None;
        for mut input in wire.chunks(piece) {
            received += input.len();
            whole = decoder.decode(&mut input).unwrap();
            assert!(decoder.reserved() <= 2 * received);
        }
        let Ok(unique) = whole.unwrap().payload.try_into_mut() else { panic!("shared") };
        assert_eq!((unique.len(), unique.capacity()), (payload.len(), payload.len()), "in pieces of {piece}");
    }
}

#[test]
fn debug_shows_no_payload() {
    let wire = encode(&[(3, message(MessageType::COMMAND_AMF0, 0, 0, &b"secretsecretsecret"[..]))], 128);
    let mut decoder = Decoder::new(LIMITS);
    assert_eq!(decoder.decode(&mut &wire[..wire.len() - 1]).unwrap(), None);
    let mut outbox = Outbox::default();
    Encoder::new().encode(3, video(0, &b"secret"[..]), &mut outbox);
    let text = format!("{decoder:?} {outbox:?}");
    // "s" is 115, "e" is 101.
    assert!(!text.contains("secret") && !text.contains("115, 101"), "{text}");
}

/// Times around the places where their form changes.
fn any_time() -> impl Strategy<Value = u32> {
    prop_oneof![0..100_u32, 0xFF_FFF0..0x0100_0010_u32, 0xFFFF_FFF0..=u32::MAX, any::<u32>()]
}

fn any_chunk_stream_id() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 2..9_u32, 1 => 60..70_u32, 1 => 315..325_u32, 1 => Just(65_599)]
}

fn any_message() -> impl Strategy<Value = Message> {
    let payload = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20),
        prop::collection::vec(prop_oneof![Just(0), Just(1), Just(0xFF)], 0..700),
    ];
    (any::<u8>(), 0..3_u32, any_time(), payload)
        .prop_map(|(kind, stream, time, payload)| message(MessageType(kind), stream, time, payload))
}

/// One chunk as anybody might send it, right or wrong.
#[derive(Debug, Clone)]
struct AnyChunk {
    format: u8,
    chunk_stream_id: u32,
    time: u32,
    length: u32,
    /// Behind fmt 3, where there was an extended time.
    repeats_time: bool,
    /// It ends too early, so that all that follows is read out of step.
    is_cut: bool,
    payload: [u8; 6],
}

fn any_chunk() -> impl Strategy<Value = AnyChunk> {
    let byte = prop_oneof![Just(0), Just(1), Just(0xFF), Just(0xC4), any::<u8>()];
    let flags = (any::<bool>(), prop::bool::weighted(0.02));
    (0..4_u8, 2..6_u32, any_time(), 0..12_u32, flags, prop::array::uniform6(byte)).prop_map(
        |(format, chunk_stream_id, time, length, (repeats_time, is_cut), payload)| AnyChunk {
            format,
            chunk_stream_id,
            time,
            length,
            repeats_time,
            is_cut,
            payload,
        },
    )
}

/// The bytes of these chunks, each with as much payload as belongs to it (a chunk size of at most 6).
fn wire_of(chunks: &[AnyChunk], chunk_size: u32) -> Vec<u8> {
    // For each chunk stream: its last header but fmt 3, its length, and how much of the message is missing.
    let mut streams: HashMap<u32, (MessageHeader, u32, u32)> = HashMap::new();
    let mut wire = Vec::new();
    for chunk in chunks {
        let AnyChunk { chunk_stream_id, time, length, .. } = *chunk;
        let message_type = MessageType::VIDEO;
        let full = MessageHeader::Full { timestamp: time, length, message_type, message_stream_id: 1 };
        let (last, last_length, missing) = *streams.entry(chunk_stream_id).or_insert((full, length, u32::MAX));
        let (header, length, missing) = match chunk.format {
            1 => (MessageHeader::SameStream { delta: time, length, message_type }, length, length),
            // The first on its chunk stream.
            _ if missing == u32::MAX => (full, length, length),
            0 => (full, length, length),
            2 => (MessageHeader::SameShape { delta: time }, last_length, last_length),
            _ => (MessageHeader::Repeat, last_length, if missing == 0 { last_length } else { missing }),
        };
        let repeated = header == MessageHeader::Repeat;
        let bytes = if repeated && chunk.repeats_time {
            continuation(&last, chunk_stream_id)
        } else {
            header.encode(chunk_stream_id)
        };
        let payload = missing.min(chunk_size);
        wire.extend_from_slice(bytes.bytes());
        wire.extend_from_slice(&chunk.payload[..payload.saturating_sub(u32::from(chunk.is_cut)) as usize]);
        streams.insert(chunk_stream_id, (if repeated { last } else { header }, length, missing - payload));
    }
    wire
}

proptest! {
    #[test]
    fn what_is_encoded_decodes(
        messages in prop::collection::vec((any_chunk_stream_id(), any_message()), 0..12),
        chunk_size in prop_oneof![1..10_u32, 100..200_u32, Just(65_536)],
        pieces in prop::collection::vec(1..200_usize, 1..20),
    ) {
        let wire = encode(&messages, chunk_size);
        let messages: Vec<_> = messages.into_iter().map(|(_, message)| message).collect();
        let mut decoder = Decoder::new(LIMITS);
        decoder.set_chunk_size(chunk_size);
        prop_assert_eq!(decode_in_pieces(&mut decoder, &wire, &pieces).unwrap(), messages.clone());
        prop_assert_eq!(decoder.reserved(), 0);
        prop_assert_eq!(reference_messages(&wire, chunk_size as usize), (messages, false));
    }

    /// Chunks in any order, interleaved, cut short, with and without repeated times: the same messages, and an error in
    /// the same cases, as the reference has.
    #[test]
    fn any_chunks_mean_what_the_reference_says(
        chunks in prop::collection::vec(any_chunk(), 0..40),
        chunk_size in 1..7_u32,
        pieces in prop::collection::vec(1..50_usize, 1..20),
    ) {
        let wire = wire_of(&chunks, chunk_size);
        let (expected, malformed) = reference_messages(&wire, chunk_size as usize);
        let unlimited = usize::MAX;
        let limits = Limits { message: unlimited, partial_messages: unlimited, chunk_streams: unlimited, ..LIMITS };
        let mut decoder = Decoder::new(limits);
        decoder.set_chunk_size(chunk_size);
        let decoded = decode_in_pieces(&mut decoder, &wire, &pieces);
        match decoded {
            Ok(messages) => prop_assert_eq!((messages, false), (expected, malformed)),
            Err(Error::Malformed(_)) => prop_assert!(malformed),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn no_bytes_make_it_panic_or_hold_more_than_they_are(
        wire in prop::collection::vec(any::<u8>(), 0..2000),
        pieces in prop::collection::vec(1..300_usize, 1..20),
    ) {
        let mut decoder = Decoder::new(Limits { message: 0xFF_FFFF, ..LIMITS });
        let _ = decode_in_pieces(&mut decoder, &wire, &pieces);
        // Each of the bytes at hand may count for each chunk stream once; the pieces are up to 300 bytes.
        prop_assert!(decoder.reserved() <= 2 * wire.len() + 64 * 300);
    }
}

//! The engine against hand-written bytes, and against itself.

use bytes::{Buf, BufMut, Bytes};

use super::*;
use crate::rtmp::control::BandwidthLimit;
use crate::rtmp::handshake::RANDOM_LEN;

const RANDOM: Random = [0x5A; RANDOM_LEN];

/// A server that has the handshake behind it, and has said nothing since.
fn server() -> Connection {
    let mut server = Connection::server(&RANDOM);
    let c0c1c2 = [&[3][..], &[0; 2 * 1536]].concat();
    assert_eq!(server.receive(&mut &c0c1c2[..]).unwrap(), None);
    assert!(server.is_handshake_done());
    assert_eq!(sent(&mut server).len(), 1 + 2 * 1536);
    server
}

fn sent(connection: &mut Connection) -> Vec<u8> {
    let outbox = connection.transmit();
    outbox.copy_to_bytes(outbox.remaining()).to_vec()
}

/// All messages in `wire`.
fn receive(connection: &mut Connection, wire: &[u8]) -> Result<Vec<Message>, Error> {
    let mut input = wire;
    let mut messages = Vec::new();
    while let Some(message) = connection.receive(&mut input)? {
        messages.push(message);
    }
    assert!(input.is_empty());
    Ok(messages)
}

/// One chunk with a full header, at time 0 on message stream 0.
fn chunk(chunk_stream_id: u8, message_type: MessageType, payload: &[u8]) -> Vec<u8> {
    let mut wire = vec![chunk_stream_id, 0, 0, 0];
    wire.put_uint(payload.len() as u64, 3);
    wire.put_u8(message_type.0);
    wire.put_u32(0);
    wire.extend_from_slice(payload);
    wire
}

fn control(control: &Control) -> Vec<u8> {
    let message = control.encode();
    chunk(2, message.message_type, &message.payload)
}

fn media(message_type: MessageType, timestamp: u32, payload: &'static [u8]) -> Message {
    Message { message_type, message_stream_id: 1, timestamp, payload: Bytes::from_static(payload) }
}

#[test]
fn what_is_not_control_is_passed_on() {
    let mut server = server();
    for message_type in [0, 7, 8, 9, 15, 16, 17, 18, 19, 20, 21, 23, 255].map(MessageType) {
        let messages = receive(&mut server, &chunk(4, message_type, b"x")).unwrap();
        assert_eq!(messages.len(), 1);
        assert_eq!((messages[0].message_type, &messages[0].payload[..]), (message_type, &b"x"[..]));
    }
    assert!(server.transmit().is_empty());
}

#[test]
fn the_peers_chunk_size_holds_from_its_next_chunk_on() {
    let mut server = server();
    let payload = vec![7; 128 + 200];
    let mut wire = vec![4, 0, 0, 0, 0, 1, 0x48, 9, 0, 0, 0, 0];
    wire.extend_from_slice(&payload[..128]);
    wire.extend_from_slice(&control(&Control::SetChunkSize(4096)));
    wire.push(0xC4);
    wire.extend_from_slice(&payload[128..]);
    let messages = receive(&mut server, &wire).unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].payload, payload);
    // Each direction has its own.
    server.send(4, media(MessageType::VIDEO, 0, &[1; 129]));
    assert_eq!(sent(&mut server).len(), 12 + 128 + 1 + 1);
}

#[test]
fn our_chunk_size_holds_behind_its_announcement() {
    let mut server = server();
    server.send_control(Control::SetChunkSize(4096));
    server.send(4, media(MessageType::VIDEO, 0, &[1; 129]));
    let expected = [&b"\x02\0\0\0\0\0\x04\x01\0\0\0\0\0\0\x10\0"[..], b"\x04\0\0\0\0\0\x81\x09\x01\0\0\0", &[1; 129]];
    assert_eq!(sent(&mut server), expected.concat());
}

#[test]
fn any_chunk_size_but_zero_and_the_top_bit() {
    for size in [1, 128, 65_536, 0xFF_FFFF, 0x7FFF_FFFF] {
        assert!(receive(&mut server(), &control(&Control::SetChunkSize(size))).is_ok());
    }
    for size in [0, 0x8000_0000, u32::MAX] {
        let error = receive(&mut server(), &control(&Control::SetChunkSize(size))).unwrap_err();
        assert!(matches!(error, Error::Malformed(_)));
    }
}

#[test]
fn short_control_bodies_do_nothing() {
    let mut server = server();
    for message_type in 1..=6 {
        for len in 0..4 {
            let wire = chunk(2, MessageType(message_type), &vec![0; len]);
            assert_eq!(receive(&mut server, &wire), Ok(Vec::new()));
        }
    }
    assert!(server.transmit().is_empty());
}

#[test]
fn abort_is_obeyed() {
    let mut server = server();
    let mut wire = vec![4, 0, 0, 0, 0, 0, 200, 9, 0, 0, 0, 0];
    wire.extend_from_slice(&[7; 128]);
    wire.extend_from_slice(&control(&Control::Abort(4)));
    wire.extend_from_slice(&chunk(4, MessageType::AUDIO, b"a"));
    assert_eq!(receive(&mut server, &wire).unwrap().len(), 1);
}

#[test]
fn ping_is_answered_by_pong() {
    let mut server = server();
    let ping = Control::UserControl(UserControl::PingRequest(0x0102_0304));
    let pong = Control::UserControl(UserControl::PingResponse(0x0102_0304));
    receive(&mut server, &control(&ping)).unwrap();
    assert_eq!(sent(&mut server), control(&pong));
    receive(&mut server, &control(&pong)).unwrap();
    assert!(server.transmit().is_empty());
}

#[test]
fn a_peer_that_asks_without_reading_is_not_answered_forever() {
    let mut server = server();
    server.set_limits(Limits::AFTER_AUTHORISATION);
    let pings = control(&Control::UserControl(UserControl::PingRequest(1))).repeat(10_000);
    receive(&mut server, &pings).unwrap();
    assert!(sent(&mut server).len() < 2000);
    // It is, once it has read.
    receive(&mut server, &pings[..18]).unwrap();
    assert!(!server.transmit().is_empty());
}

#[test]
fn a_peer_bandwidth_is_answered_where_it_is_new() {
    let mut server = server();
    let bandwidth = |size| control(&Control::SetPeerBandwidth { size, limit: BandwidthLimit::DYNAMIC });
    server.send_control(Control::WindowAcknowledgementSize(5_000_000));
    sent(&mut server);
    receive(&mut server, &bandwidth(5_000_000)).unwrap();
    assert!(server.transmit().is_empty());
    receive(&mut server, &bandwidth(2_500_000)).unwrap();
    // Time, length and type are the same as before: fmt 2.
    assert_eq!(sent(&mut server), b"\x82\0\0\0\0\x26\x25\xA0");
    receive(&mut server, &bandwidth(2_500_000)).unwrap();
    assert!(server.transmit().is_empty());
}

#[test]
fn acknowledgements_tell_the_total_at_half_the_window() {
    let mut server = server();
    receive(&mut server, &control(&Control::WindowAcknowledgementSize(20_000))).unwrap();
    let audio = chunk(4, MessageType::AUDIO, &[1; 88]);
    let mut acknowledged = Vec::new();
    for _ in 0..300 {
        receive(&mut server, &audio).unwrap();
        if !server.transmit().is_empty() {
            acknowledged.push((server.bytes_received(), sent(&mut server)));
        }
    }
    // 16 bytes of control, then 100 for each message.
    assert_eq!(acknowledged.iter().map(|(total, _)| *total).collect::<Vec<_>>(), [10_016, 20_016, 30_016]);
    assert_eq!(acknowledged[0].1, control(&Control::Acknowledgement(10_016)));
    assert_eq!(acknowledged[1].1, b"\x82\0\0\0\0\0\x4E\x30");
}

#[test]
fn the_acknowledged_total_wraps() {
    let received = (1 << 32) + 5000;
    let due = |window, reported| Acknowledgements { received, reported, window, by_peer: None }.due();
    assert_eq!(due(10_000, received - 5000), Some(5000));
    assert_eq!(due(10_000, received - 4999), None);
    // However small the window.
    for window in [0, 1, 8192] {
        assert_eq!(due(window, received - 4095), None);
        assert_eq!(due(window, received - 4096), Some(5000));
    }
}

#[test]
fn being_acknowledged_is_remembered() {
    let mut server = server();
    assert_eq!(server.acknowledged(), None);
    for total in [9, 0xFFFF_FFFF, 131_325, 131_325] {
        receive(&mut server, &control(&Control::Acknowledgement(total))).unwrap();
        assert_eq!(server.acknowledged(), Some(total));
    }
    assert!(server.transmit().is_empty());
}

#[test]
fn bytes_are_limited_until_the_publish_is_accepted() {
    let audio = chunk(4, MessageType::AUDIO, &[1; 88]).repeat(3000);
    let limit = Limits::BEFORE_AUTHORISATION.received;
    assert!(matches!(receive(&mut server(), &audio), Err(Error::Limit { limit: over, .. }) if over == limit));
    let mut authorised = server();
    authorised.set_limits(Limits::AFTER_AUTHORISATION);
    assert_eq!(receive(&mut authorised, &audio).unwrap().len(), 3000);
}

#[test]
fn what_is_sent_during_the_handshake_waits_for_its_end() {
    let mut client = Connection::client(&RANDOM);
    client.send_control(Control::SetChunkSize(4096));
    client.send(4, media(MessageType::VIDEO, 0, &[1; 129]));
    assert_eq!(sent(&mut client).len(), 1 + 1536);
    let s0s1s2 = [&[3][..], &[9; 2 * 1536]].concat();
    client.receive(&mut &s0s1s2[..2000]).unwrap();
    assert_eq!(sent(&mut client).len(), 1536);
    assert!(!client.is_handshake_done());
    client.receive(&mut &s0s1s2[2000..]).unwrap();
    assert!(client.is_handshake_done());
    assert_eq!(sent(&mut client).len(), 16 + 12 + 129);
}

/// An aggregate of these tags: type, time, data.
fn aggregate(tags: &[(u8, u32, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (message_type, time, data) in tags {
        body.put_u8(*message_type);
        body.put_uint(data.len() as u64, 3);
        body.put_uint(u64::from(time & 0xFF_FFFF), 3);
        body.put_u8((time >> 24) as u8);
        body.put_uint(0, 3);
        body.extend_from_slice(data);
        body.put_u32(11 + data.len() as u32);
    }
    body
}

/// A chunk with an aggregate at time 100 on message stream 1.
fn aggregate_chunk(body: &[u8]) -> Vec<u8> {
    let mut wire = chunk(4, MessageType::AGGREGATE, body);
    wire[3] = 100;
    wire[8] = 1;
    wire
}

#[test]
fn an_aggregate_is_split() {
    let tags: [(u8, u32, &[u8]); 5] = [
        (8, 0x0100_0000, b"a"),
        (9, 0x0100_0021, b"video"),
        (22, 0x0100_0022, b"nested"),
        (1, 0x0100_0022, b"\0\0\0\0"),
        (18, 0x00FF_FFFE, b""),
    ];
    let body = aggregate(&tags);
    let expected = [
        media(MessageType::AUDIO, 100, b"a"),
        media(MessageType::VIDEO, 133, b"video"),
        media(MessageType::DATA_AMF0, 98, b""),
    ];
    assert_eq!(receive(&mut server(), &aggregate_chunk(&body)).unwrap(), expected);
    // The last back pointer may be missing.
    assert_eq!(receive(&mut server(), &aggregate_chunk(&body[..body.len() - 4])).unwrap(), expected);
}

#[test]
fn an_aggregate_ends_where_it_is_broken() {
    let body = aggregate(&[(8, 0, b"aa"), (9, 1, b"vvv")]);
    for len in 0..body.len() {
        let mut server = server();
        let wire = [aggregate_chunk(&body[..len]), chunk(5, MessageType::AUDIO, b"next")].concat();
        let messages = receive(&mut server, &wire).unwrap();
        let whole = usize::from(len >= 13) + usize::from(len >= 17 + 14);
        assert_eq!(messages.len(), whole + 1, "cut at {len}");
        assert_eq!(messages[whole].payload, &b"next"[..]);
    }
}

#[test]
fn both_ends_at_any_cut() {
    let messages: Vec<Message> = (0..40_u32)
        .map(|index| Message {
            message_type: if index % 3 == 0 { MessageType::VIDEO } else { MessageType::AUDIO },
            message_stream_id: 1,
            timestamp: index * 20,
            payload: Bytes::from(vec![index as u8; (index * 37 % 500) as usize]),
        })
        .collect();
    for form in [Form::Simple, Form::Digest] {
        for piece in [1, 2, 3, 100, 1000, 1537, 1_000_000] {
            let mut client = Connection::client_with_form(form, &RANDOM);
            let mut server = Connection::server(&RANDOM);
            let mut received = Vec::new();
            // Publishing begins at once: what is sent waits for the handshake.
            for (index, message) in messages.iter().enumerate() {
                if index == 20 {
                    client.send_control(Control::SetChunkSize(4096));
                }
                client.send(if index % 3 == 0 { 6 } else { 4 }, message.clone());
            }
            for _ in 0..3 {
                for part in sent(&mut client).chunks(piece) {
                    received.extend(receive(&mut server, part).unwrap());
                }
                for part in sent(&mut server).chunks(piece) {
                    assert_eq!(receive(&mut client, part), Ok(Vec::new()));
                }
            }
            assert!(client.is_handshake_done() && server.is_handshake_done());
            assert_eq!(received, messages, "{form:?} in pieces of {piece}");
        }
    }
}

#[test]
fn debug_shows_no_payload() {
    let mut server = server();
    server.send(4, media(MessageType::COMMAND_AMF0, 0, b"secret"));
    receive(&mut server, &chunk(4, MessageType::AUDIO, b"secret")).unwrap();
    server.receive(&mut &aggregate_chunk(&aggregate(&[(8, 0, b"a"), (8, 0, b"secret")]))[..]).unwrap();
    let text = format!("{server:?}");
    assert!(text.contains("aggregate: Some") && !text.contains("secret"), "{text}");
}

use bytes::{Buf, Bytes};
use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;
use crate::rtmp::handshake::RANDOM_LEN;

const RANDOM: Random = [7; RANDOM_LEN];

/// S0, S1 and S2.
const HANDSHAKE_LEN: usize = 1 + 1536 + 1536;

/// A publisher's bytes, put together by hand: nothing of the engine under test has a part in it.
struct Publisher {
    bytes: Vec<u8>,
    chunk_size: usize,
}

impl Publisher {
    /// Handshake packets of zeros.
    fn new() -> Self {
        Self { bytes: [&[3][..], &[0; 2 * 1536]].concat(), chunk_size: 128 }
    }

    /// SetChunkSize.
    fn chunk_size(mut self, size: u32) -> Self {
        self = self.message(2, 1, 0, &size.to_be_bytes());
        self.chunk_size = size as usize;
        self
    }

    /// One message: a type 0 header, then type 3 headers for the chunks that follow.
    fn message(mut self, chunk_stream: u8, message_type: u8, message_stream: u8, payload: &[u8]) -> Self {
        let [_, length @ ..] = u32::try_from(payload.len()).expect("short").to_be_bytes();
        self.bytes.extend_from_slice(&[chunk_stream, 0, 0, 0]);
        self.bytes.extend_from_slice(&length);
        self.bytes.extend_from_slice(&[message_type, message_stream, 0, 0, 0]);
        for (index, chunk) in payload.chunks(self.chunk_size).enumerate() {
            if index > 0 {
                self.bytes.push(0xC0 | chunk_stream);
            }
            self.bytes.extend_from_slice(chunk);
        }
        self
    }

    /// A call on chunk stream 3 and message stream 0.
    fn call(self, payload: &[u8]) -> Self {
        self.message(3, 20, 0, payload)
    }
}

const CONNECT_OBS: &[u8] = b"\x02\x00\x07connect\x00\x3F\xF0\0\0\0\0\0\0\x03\
    \x00\x03app\x02\x00\x04live\
    \x00\x04type\x02\x00\x0Anonprivate\
    \x00\x08flashVer\x02\x00\x1FFMLE/3.0 (compatible; FMSc/1.0)\
    \x00\x06swfUrl\x02\x00\x15rtmp://h.example/live\
    \x00\x05tcUrl\x02\x00\x15rtmp://h.example/live\x00\x00\x09";
const RELEASE_STREAM: &[u8] = b"\x02\x00\x0DreleaseStream\x00\x40\x00\0\0\0\0\0\0\x05\x02\x00\x09abcd-1234";
const FC_PUBLISH: &[u8] = b"\x02\x00\x09FCPublish\x00\x40\x08\0\0\0\0\0\0\x05\x02\x00\x09abcd-1234";
const CREATE_STREAM: &[u8] = b"\x02\x00\x0CcreateStream\x00\x40\x10\0\0\0\0\0\0\x05";
const PUBLISH: &[u8] = b"\x02\x00\x07publish\x00\x40\x14\0\0\0\0\0\0\x05\x02\x00\x09abcd-1234\x02\x00\x04live";
const FC_UNPUBLISH: &[u8] = b"\x02\x00\x0BFCUnpublish\x00\x40\x18\0\0\0\0\0\0\x05\x02\x00\x09abcd-1234";
const DELETE_STREAM_1: &[u8] = b"\x02\x00\x0CdeleteStream\x00\x40\x1C\0\0\0\0\0\0\x05\x00\x3F\xF0\0\0\0\0\0\0";
const METADATA: &[u8] = b"\x02\x00\x0D@setDataFrame\x02\x00\x0AonMetaData\x08\x00\x00\x00\x00\x00\x00\x09";

fn obs() -> Publisher {
    Publisher::new()
        .chunk_size(4096)
        .call(CONNECT_OBS)
        .call(RELEASE_STREAM)
        .call(FC_PUBLISH)
        .call(CREATE_STREAM)
        .message(4, 20, 1, PUBLISH)
        .message(4, 18, 1, METADATA)
        .message(4, 8, 1, b"\xAF\x00\x11\x90")
        .message(4, 9, 1, &[0x17; 300])
        .call(FC_UNPUBLISH)
        .call(DELETE_STREAM_1)
}

/// Chunks of 128 bytes until it has read our chunk size, which it echoes; window and bandwidth are answered too.
fn ffmpeg() -> Publisher {
    Publisher::new()
        .call(
            b"\x02\x00\x07connect\x00\x3F\xF0\0\0\0\0\0\0\x03\
              \x00\x03app\x02\x00\x04live\x00\x04type\x02\x00\x0Anonprivate\
              \x00\x08flashVer\x02\x00\x24FMLE/3.0 (compatible; Lavf60.16.100)\
              \x00\x05tcUrl\x02\x00\x1Artmp://h.example:1935/live\x00\x00\x09",
        )
        .message(2, 5, 0, &2_500_000_u32.to_be_bytes())
        .chunk_size(65_536)
        .call(RELEASE_STREAM)
        .call(FC_PUBLISH)
        .call(CREATE_STREAM)
        .message(8, 20, 1, PUBLISH)
        .message(8, 18, 1, METADATA)
        .message(4, 8, 1, b"\xAF\x00\x11\x90")
        .message(6, 9, 1, &[0x17; 300])
        .call(FC_UNPUBLISH)
        .call(DELETE_STREAM_1)
}

/// More fields in `connect`, and the stream key in `deleteStream`.
fn gstreamer() -> Publisher {
    Publisher::new()
        .call(
            b"\x02\x00\x07connect\x00\x3F\xF0\0\0\0\0\0\0\x03\
              \x00\x03app\x02\x00\x04live\x00\x04type\x02\x00\x0Anonprivate\
              \x00\x05tcUrl\x02\x00\x1Artmp://h.example:1935/live\
              \x00\x08flashVer\x02\x00\x0ELNX 10,0,32,18\
              \x00\x0Ccapabilities\x00\x40\x2E\0\0\0\0\0\0\x00\x04fpad\x01\x00\x00\x00\x09",
        )
        .call(RELEASE_STREAM)
        .call(FC_PUBLISH)
        .call(CREATE_STREAM)
        .message(4, 20, 1, PUBLISH)
        .message(4, 18, 1, METADATA)
        .message(5, 8, 1, b"\xAF\x00\x11\x90")
        .message(6, 9, 1, &[0x17; 300])
        .call(b"\x02\x00\x0BFCUnpublish\x00\0\0\0\0\0\0\0\0\x05\x02\x00\x09abcd-1234")
        .message(4, 20, 1, b"\x02\x00\x0BcloseStream\x00\0\0\0\0\0\0\0\0\x05")
        .call(b"\x02\x00\x0CdeleteStream\x00\0\0\0\0\0\0\0\0\x05\x02\x00\x09abcd-1234")
}

/// A bandwidth check first, FCPublish after createStream.
fn haivision() -> Publisher {
    Publisher::new()
        .call(CONNECT_OBS)
        .call(b"\x02\x00\x08_checkbw\x00\x40\x00\0\0\0\0\0\0\x05")
        .call(CREATE_STREAM)
        .call(FC_PUBLISH)
        .message(4, 20, 1, PUBLISH)
        .message(4, 18, 1, METADATA)
        .message(4, 8, 1, b"\xAF\x00\x11\x90")
        .message(4, 9, 1, &[0x17; 300])
        .message(4, 20, 1, b"\x02\x00\x0BcloseStream\x00\0\0\0\0\0\0\0\0\x05")
}

/// Object encoding 3: commands are of type 17, data of type 15, both with a byte in front; createStream and publish only.
fn flash() -> Publisher {
    Publisher::new()
        .message(
            3,
            17,
            0,
            b"\x00\x02\x00\x07connect\x00\x3F\xF0\0\0\0\0\0\0\x03\x00\x03app\x02\x00\x04live\
              \x00\x0EobjectEncoding\x00\x40\x08\0\0\0\0\0\0\x00\x05tcUrl\x02\x00\x15rtmp://h.example/live\x00\x00\x09",
        )
        .message(3, 17, 0, &[b"\x00", CREATE_STREAM].concat())
        .message(3, 17, 1, &[b"\x00", PUBLISH].concat())
        .message(3, 15, 1, &[b"\x00", METADATA].concat())
        .message(3, 8, 1, b"\xAF\x00\x11\x90")
        .message(3, 9, 1, &[0x17; 300])
        .message(3, 17, 1, b"\x00\x02\x00\x07publish\x00\0\0\0\0\0\0\0\0\x05\x01\x00")
}

/// Window and chunk size before connect, publish with transaction 0 on stream 1, nothing waited for, no unpublish.
fn nginx_relay() -> Publisher {
    Publisher::new()
        .chunk_size(4096)
        .message(2, 5, 0, &5_000_000_u32.to_be_bytes())
        .call(CONNECT_OBS)
        .call(b"\x02\x00\x0CcreateStream\x00\x40\x00\0\0\0\0\0\0\x05")
        .message(5, 20, 1, b"\x02\x00\x07publish\x00\0\0\0\0\0\0\0\0\x05\x02\x00\x09abcd-1234\x02\x00\x04live")
        .message(5, 18, 1, METADATA)
        .message(6, 8, 1, b"\xAF\x00\x11\x90")
        .message(7, 9, 1, &[0x17; 300])
}

/// What a caller sees, in the clear.
fn describe(event: &Event) -> String {
    match event {
        Event::Connected(connected) => {
            format!("connected {} {}", connected.app.expose_secret(), connected.tc_url.expose_secret())
        }
        Event::PublishRequested(request) => {
            format!("publish {} {}", request.stream_key.expose_secret(), request.publish_type)
        }
        Event::Media(message) => format!("media {} {:02x?}", message.message_type.0, &message.payload[..]),
        Event::Unpublished => "unpublished".to_owned(),
        Event::Closed => "closed".to_owned(),
    }
}

/// Feeds the pieces to a server that accepts every publish.
fn serve<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Server, Vec<String>) {
    let mut server = Server::new(&RANDOM);
    let mut events = Vec::new();
    for mut piece in pieces {
        while let Some(event) = server.handle_input(&mut piece).expect("a dialogue without mistakes") {
            events.push(describe(&event));
            if let Event::PublishRequested(_) = event {
                server.accept_publish();
            }
        }
        assert!(piece.is_empty());
    }
    (server, events)
}

/// What the server sends after the handshake.
fn answers(server: &mut Server) -> Bytes {
    let outbox = server.transmit();
    let mut sent = outbox.copy_to_bytes(outbox.len());
    sent.split_off(HANDSHAKE_LEN)
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn expected(tc_url: &str, end: &[&str]) -> Vec<String> {
    let media = |kind: u8, payload: &[u8]| format!("media {kind} {payload:02x?}");
    let start = [
        format!("connected live {tc_url}"),
        "publish abcd-1234 live".to_owned(),
        media(18, METADATA),
        media(8, b"\xAF\x00\x11\x90"),
        media(9, &[0x17; 300]),
    ];
    start.into_iter().chain(end.iter().map(|event| (*event).to_owned())).collect()
}

fn dialogues() -> Vec<(&'static str, Publisher, Vec<String>)> {
    let (plain, with_port) = ("rtmp://h.example/live", "rtmp://h.example:1935/live");
    vec![
        ("OBS", obs(), expected(plain, &["unpublished"])),
        ("FFmpeg", ffmpeg(), expected(with_port, &["unpublished"])),
        ("GStreamer", gstreamer(), expected(with_port, &["unpublished"])),
        ("Haivision", haivision(), expected(plain, &["unpublished"])),
        ("Flash", flash(), expected(plain, &["unpublished"])),
        ("nginx", nginx_relay(), expected(plain, &[])),
    ]
}

#[test]
fn every_dialect_is_served() {
    for (name, publisher, expected) in dialogues() {
        let (mut server, events) = serve([&publisher.bytes[..]]);
        assert_eq!(events, expected, "{name}");
        let answers = answers(&mut server);
        assert!(contains(&answers, b"NetStream.Publish.Start"), "{name}");
        assert!(contains(&answers, b"\x02\x00\x07_result"), "{name}");
        assert!(!contains(&answers, b"abcd-1234"), "{name}: no answer repeats the key");
    }
}

#[test]
fn every_cut_gives_the_same_events() {
    for (name, publisher, expected) in dialogues() {
        let bytes = &publisher.bytes[..];
        for cut in 0..=bytes.len() {
            let (first, second) = bytes.split_at(cut);
            assert_eq!(serve([first, second]).1, expected, "{name} cut at {cut}");
        }
        assert_eq!(serve(bytes.chunks(1)).1, expected, "{name} byte by byte");
    }
}

/// The whole of what OBS reads up to Publish.Start.
#[test]
fn the_answers_are_these_bytes() {
    let publisher = Publisher::new()
        .call(CONNECT_OBS)
        .call(RELEASE_STREAM)
        .call(FC_PUBLISH)
        .call(CREATE_STREAM)
        .message(4, 20, 1, PUBLISH);
    let (mut server, _) = serve([&publisher.bytes[..]]);

    let capabilities: &[u8] = b"\x00\x0AfourCcList\x0A\x00\x00\x00\x01\x02\x00\x01*\
        \x00\x12videoFourCcInfoMap\x03\x00\x01*\x00\x40\x10\0\0\0\0\0\0\x00\x00\x09\
        \x00\x12audioFourCcInfoMap\x03\x00\x01*\x00\x40\x10\0\0\0\0\0\0\x00\x00\x09\
        \x00\x06capsEx\x00\x40\x2C\0\0\0\0\0\0\x00\x00\x09";
    let connected = [
        b"\x02\x00\x07_result\x00\x3F\xF0\0\0\0\0\0\0\
          \x03\x00\x06fmsVer\x02\x00\x0DFMS/3,0,1,123\x00\x0Ccapabilities\x00\x40\x3F\0\0\0\0\0\0",
        capabilities,
        b"\x03\x00\x05level\x02\x00\x06status\x00\x04code\x02\x00\x1DNetConnection.Connect.Success\
          \x00\x0Bdescription\x02\x00\x09connected\x00\x0EobjectEncoding\x00\0\0\0\0\0\0\0\0",
        capabilities,
    ]
    .concat();
    let mut answers = &answers(&mut server)[..];
    let messages: [(u8, u8, u8, &[u8]); 10] = [
        (2, 5, 0, b"\x00\x26\x25\xA0"),
        (2, 6, 0, b"\x00\x26\x25\xA0\x02"),
        (2, 4, 0, b"\x00\x00\x00\x00\x00\x00"),
        (2, 1, 0, b"\x00\x01\x00\x00"),
        (3, 20, 0, &connected),
        (3, 20, 0, b"\x02\x00\x07_result\x00\x40\x00\0\0\0\0\0\0\x05\x06"),
        (3, 20, 0, b"\x02\x00\x07_result\x00\x40\x08\0\0\0\0\0\0\x05\x06"),
        (
            3,
            20,
            0,
            b"\x02\x00\x0BonFCPublish\x00\0\0\0\0\0\0\0\0\x05\x03\x00\x05level\x02\x00\x06status\
              \x00\x04code\x02\x00\x17NetStream.Publish.Start\x00\x0Bdescription\x02\x00\x11publish may begin\x00\x00\x09",
        ),
        (3, 20, 0, b"\x02\x00\x07_result\x00\x40\x10\0\0\0\0\0\0\x05\x00\x3F\xF0\0\0\0\0\0\0"),
        (
            5,
            20,
            1,
            b"\x02\x00\x08onStatus\x00\0\0\0\0\0\0\0\0\x05\x03\x00\x05level\x02\x00\x06status\
              \x00\x04code\x02\x00\x17NetStream.Publish.Start\x00\x0Bdescription\x02\x00\x0Apublishing\x00\x00\x09",
        ),
    ];
    for (chunk_stream, message_type, message_stream, payload) in messages {
        // Which of the shorter header forms the encoder takes is its own affair.
        let form = answers[0] >> 6;
        let header_length = [12, 8, 4, 1][usize::from(form)];
        assert_eq!(answers[0] & 0x3F, chunk_stream);
        if form <= 1 {
            let length = [0, answers[4], answers[5], answers[6]];
            assert_eq!(u32::from_be_bytes(length) as usize, payload.len());
            assert_eq!(answers[7], message_type);
        }
        if form == 0 {
            assert_eq!(answers[8..12], [message_stream, 0, 0, 0]);
        }
        answers.advance(header_length);
        assert_eq!(&answers[..payload.len()], payload, "message of type {message_type}");
        answers.advance(payload.len());
    }
    assert!(answers.is_empty(), "{answers:02x?}");
}

/// A connection up to the request to publish, undecided.
fn asked() -> Server {
    let publisher = Publisher::new().call(CONNECT_OBS).call(CREATE_STREAM).message(4, 20, 1, PUBLISH);
    let mut server = Server::new(&RANDOM);
    let mut input = &publisher.bytes[..];
    assert!(matches!(server.handle_input(&mut input), Ok(Some(Event::Connected(_)))));
    assert!(matches!(server.handle_input(&mut input), Ok(Some(Event::PublishRequested(_)))));
    server
}

/// Bytes of the dialogue after the handshake.
fn later(build: impl FnOnce(Publisher) -> Publisher) -> Vec<u8> {
    build(Publisher { bytes: Vec::new(), chunk_size: 128 }).bytes
}

#[test]
fn nothing_is_read_while_a_publish_waits_for_the_decision() {
    let mut server = asked();
    let media = later(|publisher| publisher.message(4, 8, 1, b"\xAF\x01"));
    let mut input = &media[..];
    assert!(matches!(server.handle_input(&mut input), Ok(None)));
    assert_eq!(input.len(), media.len());
    server.accept_publish();
    assert!(matches!(server.handle_input(&mut input), Ok(Some(Event::Media(_)))));
    assert!(input.is_empty());
}

#[test]
fn a_refusal_is_told_and_what_follows_is_thrown_away() {
    for code in [Refusal::DENIED, Refusal::BAD_NAME] {
        let mut server = asked();
        server.refuse_publish(Refusal { code, description: "the reason".to_owned() });
        let answers = answers(&mut server);
        let status = [
            b"onStatus\x00\0\0\0\0\0\0\0\0\x05\x03\x00\x05level\x02\x00\x05error\x00\x04code\x02\x00",
            &[u8::try_from(code.len()).expect("short")][..],
            code.as_bytes(),
            b"\x00\x0Bdescription\x02\x00\x0Athe reason\x00\x00\x09",
        ]
        .concat();
        assert!(contains(&answers, &status));
        let mut input = &b"\xFF\xFF\xFF"[..];
        assert!(matches!(server.handle_input(&mut input), Ok(None)));
        assert!(input.is_empty());
        // Too late.
        server.accept_publish();
        assert!(server.transmit().is_empty());
    }
}

#[test]
fn a_connection_is_accepted_by_reading_on() {
    let connect = Publisher::new().call(CONNECT_OBS).bytes;
    let introduced = || {
        let mut server = Server::new(&RANDOM);
        let mut input = &connect[..];
        assert!(matches!(server.handle_input(&mut input), Ok(Some(Event::Connected(_)))));
        assert_eq!(server.transmit().len(), HANDSHAKE_LEN);
        server
    };
    let mut server = introduced();
    assert!(matches!(server.handle_input(&mut &[][..]), Ok(None)));
    assert!(contains(&answers(&mut server), Status::CONNECT_SUCCESS.as_bytes()));
    server.refuse_connect(Refusal { code: Refusal::REJECTED, description: "too late".to_owned() });
    assert!(server.transmit().is_empty());

    let mut server = introduced();
    server.refuse_connect(Refusal { code: Refusal::REJECTED, description: "the reason".to_owned() });
    let error = b"\x02\x00\x06_error\x00\x3F\xF0\0\0\0\0\0\0\x05\x03\x00\x05level\x02\x00\x05error\
        \x00\x04code\x02\x00\x1ENetConnection.Connect.Rejected\x00\x0Bdescription\x02\x00\x0Athe reason\x00\x00\x09";
    let answers = answers(&mut server);
    assert!(answers.ends_with(error), "{answers:02x?}");
    assert_eq!(answers.len(), 12 + error.len(), "nothing else is said");
    let later = later(|publisher| publisher.call(CREATE_STREAM));
    let mut input = &later[..];
    assert!(matches!(server.handle_input(&mut input), Ok(None)));
    assert!(input.is_empty() && server.transmit().is_empty());
}

#[test]
fn the_relays_on_the_way_are_read() {
    let ids = vec!["a"; 100].join(",");
    let table = [
        ("0123456789abcdef", vec!["0123456789abcdef"]),
        ("a,b", vec!["a", "b"]),
        ("a b", vec![]),
        (&ids, vec!["a"; 16]),
    ];
    for (text, expected) in table {
        let length = u8::try_from(text.len()).expect("short");
        let property = [b"\x00\x09relayHops\x02\x00", &[length][..], text.as_bytes(), b"\x00\x00\x09"].concat();
        let connect = [CONNECT_OBS.strip_suffix(b"\x00\x00\x09").expect("an object"), &property].concat();
        let publisher = Publisher::new().chunk_size(4096).call(&connect);
        let event = Server::new(&RANDOM).handle_input(&mut &publisher.bytes[..]);
        let Ok(Some(Event::Connected(connected))) = event else { panic!("{event:?}") };
        assert_eq!(connected.relay_hops, expected, "{text}");
    }
}

#[test]
fn media_counts_only_between_accepted_and_unpublished() {
    let publisher = Publisher::new()
        .call(CONNECT_OBS)
        .message(4, 9, 1, b"\x17early")
        .message(4, 20, 1, PUBLISH)
        .message(4, 9, 1, b"\x17live")
        .call(FC_UNPUBLISH)
        .message(4, 9, 1, b"\x17late");
    let (_, events) = serve([&publisher.bytes[..]]);
    let media = |payload: &[u8]| format!("media 9 {payload:02x?}");
    assert_eq!(events[2..], [media(b"\x17live"), "unpublished".to_owned()]);
}

#[test]
fn a_publisher_may_publish_again() {
    let mut publisher = obs();
    for _ in 0..20 {
        publisher =
            publisher.call(CREATE_STREAM).message(4, 20, 1, PUBLISH).message(4, 9, 1, b"\x17").call(DELETE_STREAM_1);
    }
    let (_, events) = serve([&publisher.bytes[..]]);
    assert_eq!(events.iter().filter(|event| *event == "unpublished").count(), 21);
    assert_eq!(events.last().map(String::as_str), Some("unpublished"));
}

#[test]
fn only_the_end_of_the_live_stream_ends_the_publish() {
    let delete_stream_3 = b"\x02\x00\x0CdeleteStream\x00\x40\x1C\0\0\0\0\0\0\x05\x00\x40\x08\0\0\0\0\0\0";
    let close_stream = b"\x02\x00\x0BcloseStream\x00\0\0\0\0\0\0\0\0\x05";
    let publisher = Publisher::new()
        .call(CONNECT_OBS)
        .message(4, 20, 1, PUBLISH)
        .call(delete_stream_3)
        .message(4, 20, 3, close_stream)
        .message(4, 9, 1, b"\x17")
        .message(4, 20, 1, close_stream);
    let (_, events) = serve([&publisher.bytes[..]]);
    assert_eq!(events[2..], ["media 9 [17]", "unpublished"]);
}

#[test]
fn a_second_publish_on_a_connection_is_refused_and_the_first_goes_on() {
    let publisher = Publisher::new()
        .call(CONNECT_OBS)
        .message(4, 20, 1, PUBLISH)
        .message(4, 20, 3, PUBLISH)
        .message(4, 9, 1, b"\x17");
    let (mut server, events) = serve([&publisher.bytes[..]]);
    assert_eq!(events.last().map(String::as_str), Some("media 9 [17]"));
    assert!(contains(&answers(&mut server), Refusal::BAD_NAME.as_bytes()));
}

#[test]
fn unknown_calls_with_a_number_are_answered_and_those_without_are_not() {
    let publisher = Publisher::new()
        .call(b"\x02\x00\x04ping\x00\x40\x00\0\0\0\0\0\0\x05")
        .call(b"\x02\x00\x04ping\x00\0\0\0\0\0\0\0\0\x05")
        .call(b"\x02\x00\x08_checkbw\x00\x40\x08\0\0\0\0\0\0\x05");
    let (mut server, _) = serve([&publisher.bytes[..]]);
    let answers = answers(&mut server);
    assert!(contains(&answers, b"\x02\x00\x07_result\x00\x40\x00\0\0\0\0\0\0\x05\x05"));
    assert!(contains(&answers, b"\x02\x00\x07_result\x00\x40\x08\0\0\0\0\0\0\x05\x05"));
    assert_eq!(answers.windows(7).filter(|window| window == b"_result").count(), 2);
}

#[test]
fn a_probe_asks_for_an_empty_key() {
    let probe = Publisher::new().call(CONNECT_OBS).call(CREATE_STREAM).message(
        4,
        20,
        1,
        b"\x02\x00\x07publish\x00\x40\x14\0\0\0\0\0\0\x05\x02\x00\x00\x02\x00\x04live",
    );
    assert_eq!(serve([&probe.bytes[..]]).1[1], "publish  live");
}

#[test]
fn close_ends_the_connection() {
    let close = b"\x02\x00\x05close\x00\0\0\0\0\0\0\0\0\x05";
    let publisher = Publisher::new().call(CONNECT_OBS).message(4, 20, 1, PUBLISH).call(close).call(CONNECT_OBS);
    assert_eq!(serve([&publisher.bytes[..]]).1[2..], ["closed"]);
}

/// The first error in a dialogue whose publishes are accepted.
fn error_of(publisher: &Publisher) -> Option<Error> {
    let mut server = Server::new(&RANDOM);
    let mut input = &publisher.bytes[..];
    loop {
        match server.handle_input(&mut input) {
            Ok(None) => return None,
            Ok(Some(_)) => server.accept_publish(),
            Err(error) => return Some(error),
        }
    }
}

#[test]
fn what_is_out_of_order_or_too_much_is_an_error() {
    assert!(matches!(error_of(&Publisher::new().call(CREATE_STREAM)), Some(Error::OutOfOrder(_))));
    assert!(matches!(error_of(&Publisher::new().call(CONNECT_OBS).call(CONNECT_OBS)), Some(Error::OutOfOrder(_))));

    let mut many_streams = Publisher::new().call(CONNECT_OBS);
    let mut many_calls = Publisher::new().call(CONNECT_OBS);
    for _ in 0..CALLS_BEFORE_PUBLISH {
        many_streams = many_streams.call(CREATE_STREAM);
        many_calls = many_calls.call(FC_PUBLISH);
    }
    assert!(matches!(error_of(&many_streams), Some(Error::Limit { limit: 8, .. })));
    assert!(matches!(error_of(&many_calls), Some(Error::Limit { limit: 100, .. })));

    let nested = b"\x0A\x00\x00\x00\x01".repeat(12_000);
    let deep = Publisher::new().call(&[b"\x02\x00\x07connect\x00\x3F\xF0\0\0\0\0\0\0", &nested[..]].concat());
    assert!(matches!(error_of(&deep), Some(Error::Limit { .. })));
    let long = Publisher::new().message(4, 9, 1, &[0; 65_537]);
    assert!(matches!(error_of(&long), Some(Error::Limit { .. })));
}

#[test]
fn a_call_that_cannot_be_read_ends_no_broadcast() {
    let publisher = Publisher::new()
        .call(CONNECT_OBS)
        .message(4, 20, 1, PUBLISH)
        .call(b"\x02\x00\x07connect\x00\x3F\xF0\0\0\0\0\0\0\x6C")
        .call(b"\xFF")
        .message(4, 22, 1, b"")
        .message(4, 99, 1, b"unknown")
        .message(4, 9, 1, &[0; 70_000]);
    assert_eq!(serve([&publisher.bytes[..]]).1.len(), 3);
}

#[test]
fn a_publisher_that_asks_without_reading_fills_no_memory() {
    let mut publisher = Publisher::new().call(CONNECT_OBS).message(4, 20, 1, PUBLISH);
    for _ in 0..5000 {
        publisher = publisher.call(FC_PUBLISH);
    }
    let (mut server, _) = serve([&publisher.bytes[..]]);
    assert!(server.transmit().len() < WAITING_ANSWERS + 4096);
}

#[test]
fn data_in_amf3_becomes_amf0() {
    let data = b"\x00\x02\x00\x0AonMetaData\x11\x0A\x0B\x01\x0Bwidth\x04\x85\x00\x01";
    let junk = b"\x00\x02\x00\x0AonMetaData\x6C";
    let publisher =
        Publisher::new().call(CONNECT_OBS).message(4, 20, 1, PUBLISH).message(4, 15, 1, data).message(4, 15, 1, junk);
    let amf0 = b"\x02\x00\x0AonMetaData\x03\x00\x05width\x00\x40\x84\0\0\0\0\0\0\x00\x00\x09";
    let expected = [format!("media 18 {amf0:02x?}"), format!("media 18 {:02x?}", &junk[1..])];
    assert_eq!(serve([&publisher.bytes[..]]).1[2..], expected);
}

#[test]
fn debug_shows_no_key() {
    let secret = "abcd-1234";
    let mut server = Server::new(&RANDOM);
    let publisher = obs();
    let mut input = &publisher.bytes[..];
    let mut text = format!("{server:?}");
    while let Some(event) = server.handle_input(&mut input).expect("a dialogue without mistakes") {
        text += &format!("{event:?} {event:#?} {server:?}");
        server.accept_publish();
    }
    let connected = Connected {
        app: secret.into(),
        tc_url: secret.into(),
        flash_ver: String::new(),
        capabilities: Capabilities::default(),
        relay_hops: Vec::new(),
    };
    text += &format!("{connected:?}");
    assert!(!text.contains(secret), "{text}");
}

proptest! {
    /// Commands of random arguments, since random bytes alone seldom make a message.
    #[test]
    fn no_call_makes_it_panic(
        calls in prop::collection::vec((0..CALLS.len(), prop::collection::vec(0..=0x12_u8, 0..20), 0..4_u8), 0..30),
    ) {
        let mut publisher = Publisher::new().call(CONNECT_OBS);
        for (call, arguments, message_stream) in calls {
            let payload = [CALLS[call], b"\x00\x40\x00\0\0\0\0\0\0", &arguments[..]].concat();
            publisher = publisher.message(3, 20, message_stream, &payload);
        }
        error_of(&publisher);
    }
}

const CALLS: [&[u8]; 7] = [
    b"\x02\x00\x07publish",
    b"\x02\x00\x0CdeleteStream",
    b"\x02\x00\x0BcloseStream",
    b"\x02\x00\x0CcreateStream",
    b"\x02\x00\x0BFCUnpublish",
    b"\x02\x00\x07connect",
    b"\x02\x00\x08onStatus",
];

use bytes::Buf;
use proptest::prelude::*;

use super::*;
use crate::rtmp::handshake::RANDOM_LEN;
use crate::rtmp::server::{self, Refusal, Server};

const RANDOM: Random = [7; RANDOM_LEN];
const KEY: &str = "abcd-1234";

fn config() -> Config {
    Config {
        app: "live2?backup=1".into(),
        tc_url: "rtmp://h.example/live2?backup=1".into(),
        stream_key: SecretString::from(KEY),
        chunk_size: 4096,
        enhanced: false,
        relay_hops: Vec::new(),
        handshake: Form::Simple,
    }
}

/// Moves bytes between the two engines until both are silent; every publish is answered by `decide`.
fn exchange(
    client: &mut Client,
    server: &mut Server,
    decide: impl Fn(&mut Server),
) -> (Vec<Event>, Vec<server::Event>) {
    let (mut of_client, mut of_server) = (Vec::new(), Vec::new());
    while !client.transmit().is_empty() || !server.transmit().is_empty() {
        let sent = drain(client.transmit());
        let mut input = &sent[..];
        while let Some(event) = server.handle_input(&mut input).expect("the client is right") {
            if matches!(event, server::Event::PublishRequested(_)) {
                decide(server);
            }
            of_server.push(event);
        }
        let sent = drain(server.transmit());
        let mut input = &sent[..];
        while let Some(event) = client.handle_input(&mut input).expect("the server is right") {
            of_client.push(event);
        }
    }
    (of_client, of_server)
}

fn drain(outbox: &mut Outbox) -> Bytes {
    outbox.copy_to_bytes(outbox.len())
}

#[test]
fn publish_media_unpublish() {
    for handshake in [Form::Simple, Form::Digest] {
        let mut client = Client::new(Config { handshake, ..config() }, &RANDOM);
        let mut server = Server::new(&RANDOM);
        assert_eq!(client.stage(), Stage::Handshake);
        let (of_client, of_server) = exchange(&mut client, &mut server, Server::accept_publish);
        assert_eq!(of_client, [Event::Connected, Event::Publishing]);
        assert_eq!(client.stage(), Stage::Publishing);
        let [server::Event::Connected(connected), server::Event::PublishRequested(request)] = &of_server[..] else {
            panic!("{of_server:?}");
        };
        assert_eq!(
            (connected.app.expose_secret(), connected.tc_url.expose_secret()),
            ("live2?backup=1", "rtmp://h.example/live2?backup=1")
        );
        assert_eq!(connected.capabilities, Capabilities::default());
        assert_eq!((request.stream_key.expose_secret(), request.publish_type.as_str()), (KEY, "live"));

        let media = [
            (MessageType::DATA_AMF0, 0, Bytes::from_static(b"\x02\x00\x0AonMetaData")),
            (MessageType::AUDIO, 0, Bytes::from_static(b"\xAF\x00\x11\x90")),
            (MessageType::VIDEO, 40, Bytes::from(vec![0x17; 100_000])),
            (MessageType::VIDEO, u32::MAX, Bytes::from_static(b"\x27")),
        ];
        for (message_type, timestamp, payload) in media.clone() {
            client.send_media(message_type, timestamp, payload);
        }
        client.unpublish();
        client.send_media(MessageType::AUDIO, 0, Bytes::from_static(b"\xAF\x01"));
        let (of_client, of_server) = exchange(&mut client, &mut server, Server::accept_publish);
        assert_eq!(of_client, [], "the server's answer to our own unpublish is no news");
        let (last, received) = of_server.split_last().expect("events");
        assert!(matches!(last, server::Event::Unpublished));
        let received: Vec<_> = received
            .iter()
            .map(|event| match event {
                server::Event::Media(message) => (message.message_type, message.timestamp, message.payload.clone()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(received, media);
    }
}

#[test]
fn both_refusals_arrive() {
    for code in [Refusal::DENIED, Refusal::BAD_NAME] {
        let mut client = Client::new(config(), &RANDOM);
        let mut server = Server::new(&RANDOM);
        let description = format!("{KEY} is busy");
        let (of_client, _) = exchange(&mut client, &mut server, |server| {
            server.refuse_publish(Refusal { code, description: description.clone() });
        });
        let refused = Refused {
            stage: Stage::Publish,
            code: code.to_owned(),
            description: "… is busy".to_owned(),
            redirect: None,
        };
        assert_eq!(of_client, [Event::Connected, Event::Refused(refused)]);
    }
}

#[test]
fn a_connection_is_refused_before_anything_else_is_said() {
    let relay_hops = vec!["a".to_owned(), "b".to_owned()];
    let mut client = Client::new(Config { relay_hops: relay_hops.clone(), ..config() }, &RANDOM);
    let mut server = Server::new(&RANDOM);
    // C0, C1 and S0, S1, S2: then C2 and `connect`.
    let hello = drain(client.transmit()).split_to(1 + 1536);
    assert!(matches!(server.handle_input(&mut &hello[..]), Ok(None)));
    let answer = drain(server.transmit());
    assert!(matches!(client.handle_input(&mut &answer[..]), Ok(None)));
    let sent = drain(client.transmit());
    let event = server.handle_input(&mut &sent[..]);
    let Ok(Some(server::Event::Connected(connected))) = event else { panic!("{event:?}") };
    assert_eq!(connected.relay_hops, relay_hops);
    assert!(server.transmit().is_empty(), "the answer waits for the decision");

    server.refuse_connect(Refusal { code: Refusal::REJECTED, description: format!("not you, {KEY}") });
    let answer = drain(server.transmit());
    let mut input = &answer[..];
    let Ok(Some(Event::Refused(refused))) = client.handle_input(&mut input) else { panic!("{answer:02x?}") };
    assert_eq!((refused.stage, refused.code.as_str()), (Stage::Connect, Refusal::REJECTED));
    assert_eq!(refused.description, "not you, …");
    assert!(matches!(client.handle_input(&mut input), Ok(None)));
    assert!(client.transmit().is_empty());
}

#[test]
fn capabilities_are_announced_where_asked_for() {
    let mut client = Client::new(Config { enhanced: true, ..config() }, &RANDOM);
    let mut server = Server::new(&RANDOM);
    let (_, of_server) = exchange(&mut client, &mut server, Server::accept_publish);
    let server::Event::Connected(connected) = &of_server[0] else { panic!("{of_server:?}") };
    assert_eq!(connected.capabilities, capabilities());
    assert!(connected.capabilities.flags.contains(CapabilityFlags::RECONNECT));
}

/// A server's bytes, put together by hand: handshake packets of zeros, then each message in one chunk.
#[derive(Clone)]
struct Script(Vec<u8>);

impl Script {
    fn new() -> Self {
        // A chunk size of 4096, so that one chunk is enough.
        let set_chunk_size = b"\x02\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00\x00\x00\x10\x00";
        Self([&[3][..], &[0; 2 * 1536], set_chunk_size].concat())
    }

    fn command(mut self, message_stream: u8, payload: &[u8]) -> Self {
        let [_, _, high, low] = u32::try_from(payload.len()).expect("short").to_be_bytes();
        self.0.extend_from_slice(&[3, 0, 0, 0, 0, high, low, 20, message_stream, 0, 0, 0]);
        self.0.extend_from_slice(payload);
        self
    }

    fn status(self, name: &[u8], level: &str, code: &str) -> Self {
        let string = |text: &str| [&[2, 0, u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
        let payload = [
            name,
            b"\x05\x03\x00\x05level",
            &string(level),
            b"\x00\x04code",
            &string(code),
            b"\x00\x0Bdescription",
            &string("stream abcd-1234"),
            b"\x00\x05tcUrl\x02\x00\x0Ertmp://b/other\x00\x02ex\x03\x00\x04code\x00\x40\x72\xE0\0\0\0\0\0\
              \x00\x08redirect\x02\x00\x0Ertmp://b/other\x00\x00\x09\x00\x00\x09",
        ]
        .concat();
        self.command(1, &payload)
    }

    fn connected(self) -> Self {
        self.command(0, RESULT_1)
    }

    fn created(self) -> Self {
        self.connected().command(0, RESULT_4)
    }

    fn started(self) -> Self {
        self.created().status(ON_STATUS, "status", "NetStream.Publish.Start")
    }

    /// The events, and what the client has sent after the handshake.
    fn play(&self) -> (Client, Vec<Event>, Bytes) {
        self.play_in(self.0.len())
    }

    fn play_in(&self, piece: usize) -> (Client, Vec<Event>, Bytes) {
        let mut client = Client::new(config(), &RANDOM);
        let mut events = Vec::new();
        for mut piece in self.0.chunks(piece) {
            while let Some(event) = client.handle_input(&mut piece).expect("a dialogue without mistakes") {
                events.push(event);
            }
            assert!(piece.is_empty());
        }
        let mut sent = drain(client.transmit());
        sent.advance(1 + 2 * 1536);
        (client, events, sent)
    }
}

const RESULT_1: &[u8] = b"\x02\x00\x07_result\x00\x3F\xF0\0\0\0\0\0\0\
    \x03\x00\x06fmsVer\x02\x00\x0DFMS/3,0,1,123\x00\x00\x09\
    \x03\x00\x05level\x02\x00\x06status\x00\x04code\x02\x00\x1DNetConnection.Connect.Success\x00\x00\x09";
const RESULT_4: &[u8] = b"\x02\x00\x07_result\x00\x40\x10\0\0\0\0\0\0\x05\x00\x40\x08\0\0\0\0\0\0";
const RESULT_5: &[u8] = b"\x02\x00\x07_result\x00\x40\x14\0\0\0\0\0\0\x05\x05";
const ON_STATUS: &[u8] = b"\x02\x00\x08onStatus\x00\0\0\0\0\0\0\0\0";
const ERROR_1: &[u8] = b"\x02\x00\x06_error\x00\x3F\xF0\0\0\0\0\0\0";
const ERROR_2: &[u8] = b"\x02\x00\x06_error\x00\x40\x00\0\0\0\0\0\0";
const ERROR_4: &[u8] = b"\x02\x00\x06_error\x00\x40\x10\0\0\0\0\0\0";
const ERROR_5: &[u8] = b"\x02\x00\x06_error\x00\x40\x14\0\0\0\0\0\0";
const ERROR_8: &[u8] = b"\x02\x00\x06_error\x00\x40\x20\0\0\0\0\0\0";
const ON_BW_DONE: &[u8] = b"\x02\x00\x08onBWDone\x00\0\0\0\0\0\0\0\0\x05";
const CLOSE: &[u8] = b"\x02\x00\x05close\x00\0\0\0\0\0\0\0\0\x05";

/// The first bytes of a message that the client sends, with a type 0 header.
fn header(chunk_stream: u8, message_stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("short");
    let header = [chunk_stream, 0, 0, 0, 0, 0, length, 20, message_stream, 0, 0, 0];
    [&header[..], payload].concat()
}

#[test]
fn what_is_sent_are_these_bytes() {
    let (client, _, sent) = Script::new().play();
    assert_eq!(client.stage(), Stage::Connect);
    let flash_ver = FLASH_VER.as_bytes();
    let connect = [
        b"\x02\x00\x07connect\x00\x3F\xF0\0\0\0\0\0\0\x03\x00\x03app\x02\x00\x0Elive2?backup=1\
          \x00\x04type\x02\x00\x0Anonprivate\x00\x08flashVer\x02\x00",
        &[u8::try_from(flash_ver.len()).expect("short")][..],
        flash_ver,
        b"\x00\x06swfUrl\x02\x00\x1Frtmp://h.example/live2?backup=1\
          \x00\x05tcUrl\x02\x00\x1Frtmp://h.example/live2?backup=1\x00\x00\x09",
    ]
    .concat();
    let set_chunk_size = b"\x02\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00\x00\x00\x10\x00";
    assert_eq!(sent, [&set_chunk_size[..], &header(3, 0, &connect)].concat());

    let (client, events, sent) = Script::new().connected().play();
    assert_eq!((client.stage(), events), (Stage::CreateStream, vec![Event::Connected]));
    let calls: [&[u8]; 3] = [
        b"\x02\x00\x0DreleaseStream\x00\x40\x00\0\0\0\0\0\0\x05\x02\x00\x09abcd-1234",
        b"\x02\x00\x09FCPublish\x00\x40\x08\0\0\0\0\0\0\x05\x02\x00\x09abcd-1234",
        b"\x02\x00\x0CcreateStream\x00\x40\x10\0\0\0\0\0\0\x05",
    ];
    for call in calls {
        assert!(sent.windows(call.len()).any(|window| window == call), "{call:02x?}");
    }

    let (client, _, sent) = Script::new().created().play();
    assert_eq!(client.stage(), Stage::Publish);
    let publish = b"\x02\x00\x07publish\x00\x40\x14\0\0\0\0\0\0\x05\x02\x00\x09abcd-1234\x02\x00\x04live";
    assert!(sent.ends_with(&header(8, 3, publish)), "{sent:02x?}");

    let (mut client, _, _) = Script::new().started().play();
    client.unpublish();
    let sent = drain(client.transmit());
    let calls: [&[u8]; 2] = [
        b"\x02\x00\x0BFCUnpublish\x00\x40\x18\0\0\0\0\0\0\x05\x02\x00\x09abcd-1234",
        b"\x02\x00\x0CdeleteStream\x00\x40\x1C\0\0\0\0\0\0\x05\x00\x40\x08\0\0\0\0\0\0",
    ];
    for call in calls {
        assert!(sent.windows(call.len()).any(|window| window == call), "{call:02x?}");
    }
}

#[test]
fn white_space_around_the_key_is_left_out() {
    let mut client = Client::new(Config { stream_key: SecretString::from(" abcd-1234\r\n"), ..config() }, &RANDOM);
    let mut server = Server::new(&RANDOM);
    let (_, of_server) = exchange(&mut client, &mut server, Server::accept_publish);
    let server::Event::PublishRequested(request) = &of_server[1] else { panic!("{of_server:?}") };
    assert_eq!(request.stream_key.expose_secret(), KEY);
}

#[test]
fn media_waits_for_the_server() {
    for script in [Script::new(), Script::new().connected(), Script::new().created()] {
        let (mut client, _, _) = script.play();
        client.send_media(MessageType::AUDIO, 0, Bytes::from_static(b"\xAF\x01"));
        assert!(client.transmit().is_empty());
    }
}

#[test]
fn a_result_counts_as_the_start_too() {
    let (client, events, _) = Script::new().created().command(0, RESULT_5).play();
    assert_eq!((client.stage(), events), (Stage::Publishing, vec![Event::Connected, Event::Publishing]));
}

#[test]
fn refusals_of_calls_that_do_not_matter_are_passed_over() {
    let code = "NetConnection.Call.Failed";
    let script = Script::new().connected().status(ERROR_2, "error", code).status(ERROR_8, "error", code);
    assert_eq!(script.play().1, [Event::Connected]);
    let (_, events, _) = Script::new().status(ERROR_4, "error", code).play();
    assert_eq!(events, [], "an error of a call that was not made yet");
}

#[test]
fn a_bandwidth_check_is_offered() {
    let (_, events, sent) = Script::new().command(0, ON_BW_DONE).play();
    assert_eq!(events, []);
    assert!(sent.ends_with(b"\x02\x00\x08_checkbw\x00\x40\x20\0\0\0\0\0\0\x05"));
}

#[test]
fn refusals_at_every_stage() {
    let rejected = "NetConnection.Connect.Rejected";
    let denied = "NetStream.Publish.Denied";
    let table = [
        (Script::new().status(ERROR_1, "error", rejected), Stage::Connect, rejected),
        (Script::new().status(ON_STATUS, "error", rejected), Stage::Connect, rejected),
        (Script::new().command(0, CLOSE), Stage::Connect, "close"),
        (Script::new().connected().status(ERROR_4, "error", denied), Stage::CreateStream, denied),
        (Script::new().connected().status(ON_STATUS, "error", denied), Stage::CreateStream, denied),
        (Script::new().created().status(ERROR_5, "error", denied), Stage::Publish, denied),
        (Script::new().created().status(ON_STATUS, "error", denied), Stage::Publish, denied),
        // ZLMediaKit; a server that sets no level
        (
            Script::new().created().status(ON_STATUS, "", "NetStream.Publish.BadAuth"),
            Stage::Publish,
            "NetStream.Publish.BadAuth",
        ),
    ];
    for (script, stage, code) in table {
        let (mut client, events, _) = script.clone().status(ON_STATUS, "error", "later").play();
        let Some(Event::Refused(refused)) = events.last() else { panic!("{code}: {events:?}") };
        assert_eq!((refused.stage, refused.code.as_str()), (stage, code));
        assert_eq!(client.stage(), stage);
        if code != "close" {
            assert_eq!(refused.description, "stream …");
            assert_eq!(refused.redirect, Some("rtmp://b/other".into()));
        }
        let mut junk = &[0xFF; 100][..];
        assert!(matches!(client.handle_input(&mut junk), Ok(None)) && junk.is_empty());
    }
}

#[test]
fn ends_of_the_publish() {
    let table = [
        ("error", "NetStream.Failed"),
        ("status", "NetStream.Unpublish.Success"),
        ("status", "NetConnection.Connect.Closed"),
        ("status", "NetConnection.Connect.AppShutdown"),
    ];
    for (level, code) in table {
        let script = Script::new().started().status(ON_STATUS, level, code);
        let (_, events, _) = script.play();
        assert!(matches!(&events[2..], [Event::Ended(status)] if status.code == code), "{code}: {events:?}");
        assert!(matches!(&events[2], Event::Ended(status) if status.description == "stream …"));
    }
    let calls: [&[u8]; 3] = [
        CLOSE,
        b"\x02\x00\x0DonFCUnpublish\x00\0\0\0\0\0\0\0\0\x05",
        b"\x02\x00\x0FonFCUnsubscribe\x00\0\0\0\0\0\0\0\0\x05",
    ];
    for call in calls {
        let (_, events, _) = Script::new().started().command(0, call).play();
        assert!(matches!(&events[2..], [Event::Ended(_)]), "{events:?}");
    }
}

#[test]
fn the_end_of_an_older_publish_is_not_ours() {
    let script = Script::new()
        .created()
        .command(0, b"\x02\x00\x0DonFCUnpublish\x00\0\0\0\0\0\0\0\0\x05")
        .status(ON_STATUS, "status", Status::UNPUBLISH_SUCCESS)
        .status(ON_STATUS, "status", Status::PUBLISH_START);
    let (_, events, _) = script.play();
    assert!(matches!(events[..], [Event::Connected, Event::Status(_), Event::Publishing]), "{events:?}");
}

#[test]
fn a_server_that_asks_without_reading_fills_no_memory() {
    let many = (0..5000).fold(Script::new().started(), |script, _| script.command(0, ON_BW_DONE));
    assert!(many.play().2.len() < WAITING_ANSWERS + 4096);
}

#[test]
fn a_request_to_reconnect_is_passed_on_and_media_goes_on() {
    let script = Script::new().started().status(ON_STATUS, "status", Status::RECONNECT_REQUEST);
    let (mut client, events, _) = script.play();
    let request = ReconnectRequest { tc_url: Some("rtmp://b/other".into()) };
    assert_eq!(events[2..], [Event::ReconnectRequested(request)]);
    client.send_media(MessageType::AUDIO, 0, Bytes::from_static(b"\xAF\x01"));
    assert!(!client.transmit().is_empty());
}

#[test]
fn other_news_is_passed_on() {
    let script = Script::new().started().status(ON_STATUS, "status", "NetStream.Buffer.Full");
    assert!(matches!(&script.play().1[2..], [Event::Status(status)] if status.code == "NetStream.Buffer.Full"));
}

#[test]
fn every_cut_gives_the_same_events() {
    let script = Script::new().started().status(ON_STATUS, "status", "NetStream.Unpublish.Success");
    let (_, events, sent) = script.play();
    for piece in 1..script.0.len() {
        let (_, cut_events, cut_sent) = script.play_in(piece);
        assert_eq!((cut_events, cut_sent), (events.clone(), sent.clone()), "in pieces of {piece}");
    }
}

#[test]
fn what_cannot_be_read_fails_a_dialogue_and_ends_no_broadcast() {
    let fails = |script: &Script| {
        let mut client = Client::new(config(), &RANDOM);
        let mut input = &script.0[..];
        loop {
            match client.handle_input(&mut input) {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(error) => return Some(error),
            }
        }
    };
    let junk = b"\x02\x00\x08onStatus\x6C";
    let no_number = b"\x02\x00\x07_result\x00\x40\x10\0\0\0\0\0\0\x05\x05";
    assert!(matches!(fails(&Script::new().command(0, junk)), Some(Error::Malformed(_))));
    assert!(matches!(fails(&Script::new().connected().command(0, no_number)), Some(Error::Malformed(_))));
    assert_eq!(fails(&Script::new().started().command(0, junk)), None);
}

#[test]
fn debug_shows_no_key() {
    let config = Config { app: KEY.into(), tc_url: KEY.into(), ..config() };
    let mut client = Client::new(config.clone(), &RANDOM);
    let mut server = Server::new(&RANDOM);
    let mut text = format!("{config:?} {client:?}");
    text += &format!("{:?}", exchange(&mut client, &mut server, Server::accept_publish));
    client.unpublish();
    text += &format!("{client:?} {:?}", exchange(&mut client, &mut server, Server::accept_publish));
    let redirect = || Some(SecretText::from(KEY));
    let refused =
        Refused { stage: Stage::Connect, code: String::new(), description: String::new(), redirect: redirect() };
    text += &format!("{refused:?} {:?}", ReconnectRequest { tc_url: redirect() });
    assert!(!text.contains(KEY), "{text}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut client = Client::new(config(), &RANDOM);
        let bytes = [Script::new().started().0, bytes].concat();
        let mut input = &bytes[..];
        while let Ok(Some(_)) = client.handle_input(&mut input) {}
    }
}

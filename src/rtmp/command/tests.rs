use std::mem::discriminant;

use super::*;
use crate::rtmp::secret::SecretText;

fn key() -> SecretString {
    SecretString::from("abcd-1234")
}

fn message(message_type: MessageType, payload: impl Into<Vec<u8>>) -> Message {
    Message { message_type, message_stream_id: 0, timestamp: 0, payload: Bytes::from(payload.into()) }
}

fn decode(payload: &[u8]) -> Command {
    Command::decode(&message(MessageType::COMMAND_AMF0, payload)).expect("decodes")
}

/// Secrets do not compare; what is written from them does.
fn assert_same(left: &Command, right: &Command) {
    assert_eq!(discriminant(&left.call), discriminant(&right.call));
    assert_eq!(left.encode(), right.encode());
}

fn connect(connect: Connect) -> Call {
    Call::Connect(Box::new(connect))
}

fn obs_connect() -> Connect {
    Connect {
        app: "live".into(),
        connection_type: "nonprivate".into(),
        flash_ver: "FMLE/3.0 (compatible; FMSc/1.0)".into(),
        swf_url: "rtmp://h.example/live".into(),
        tc_url: "rtmp://h.example/live".into(),
        ..Connect::default()
    }
}

/// Payloads as they stand on the wire, and what they mean; each is run both ways.
fn table() -> Vec<(&'static [u8], f64, Call)> {
    let status = |code: &str| Status::success(code, "d");
    vec![
        // OBS
        (
            b"\x02\x00\x07connect\x00\x3F\xF0\0\0\0\0\0\0\x03\
              \x00\x03app\x02\x00\x04live\
              \x00\x04type\x02\x00\x0Anonprivate\
              \x00\x08flashVer\x02\x00\x1FFMLE/3.0 (compatible; FMSc/1.0)\
              \x00\x06swfUrl\x02\x00\x15rtmp://h.example/live\
              \x00\x05tcUrl\x02\x00\x15rtmp://h.example/live\
              \x00\x00\x09",
            1.0,
            connect(obs_connect()),
        ),
        // FFmpeg
        (
            b"\x02\x00\x07connect\x00\x3F\xF0\0\0\0\0\0\0\x03\
              \x00\x03app\x02\x00\x04live\
              \x00\x04type\x02\x00\x0Anonprivate\
              \x00\x08flashVer\x02\x00\x24FMLE/3.0 (compatible; Lavf60.16.100)\
              \x00\x05tcUrl\x02\x00\x1Artmp://h.example:1935/live\
              \x00\x00\x09",
            1.0,
            connect(Connect {
                flash_ver: "FMLE/3.0 (compatible; Lavf60.16.100)".into(),
                swf_url: SecretText::default(),
                tc_url: "rtmp://h.example:1935/live".into(),
                ..obs_connect()
            }),
        ),
        // Every field of Enhanced RTMP, object encoding, no path
        (
            b"\x02\x00\x07connect\x00\x3F\xF0\0\0\0\0\0\0\x03\
              \x00\x03app\x02\x00\x00\
              \x00\x0EobjectEncoding\x00\x40\x08\0\0\0\0\0\0\
              \x00\x0AfourCcList\x0A\x00\x00\x00\x02\x02\x00\x04av01\x02\x00\x04hvc1\
              \x00\x12videoFourCcInfoMap\x03\x00\x01*\x00\x40\x10\0\0\0\0\0\0\x00\x00\x09\
              \x00\x12audioFourCcInfoMap\x03\x00\x04Opus\x00\x3F\xF0\0\0\0\0\0\0\x00\x00\x09\
              \x00\x06capsEx\x00\x40\x18\0\0\0\0\0\0\
              \x00\x00\x09",
            1.0,
            connect(Connect {
                object_encoding: Some(3.0),
                capabilities: Capabilities {
                    four_cc_list: vec!["av01".into(), "hvc1".into()],
                    video: vec![("*".into(), CodecAbility::FORWARD)],
                    audio: vec![("Opus".into(), CodecAbility::DECODE)],
                    flags: CapabilityFlags::MULTITRACK.with(CapabilityFlags::MOD_EX),
                },
                ..Connect::default()
            }),
        ),
        // forkcast, towards what may be another one
        (
            b"\x02\x00\x07connect\x00\x3F\xF0\0\0\0\0\0\0\x03\
              \x00\x03app\x02\x00\x04live\
              \x00\x09relayHops\x02\x00\x141a2b3c4d5e6f7a8b,abc\
              \x00\x00\x09",
            1.0,
            connect(Connect {
                app: "live".into(),
                relay_hops: vec!["1a2b3c4d5e6f7a8b".into(), "abc".into()],
                ..Connect::default()
            }),
        ),
        (
            b"\x02\x00\x0DreleaseStream\x00\x40\x00\0\0\0\0\0\0\x05\x02\x00\x09abcd-1234",
            2.0,
            Call::ReleaseStream(key()),
        ),
        (b"\x02\x00\x09FCPublish\x00\x40\x08\0\0\0\0\0\0\x05\x02\x00\x09abcd-1234", 3.0, Call::FcPublish(key())),
        (b"\x02\x00\x0CcreateStream\x00\x40\x10\0\0\0\0\0\0\x05", 4.0, Call::CreateStream),
        (
            b"\x02\x00\x07publish\x00\x40\x14\0\0\0\0\0\0\x05\x02\x00\x09abcd-1234\x02\x00\x04live",
            5.0,
            Call::Publish { stream_key: key(), publish_type: "live".into() },
        ),
        (b"\x02\x00\x0BFCUnpublish\x00\x40\x18\0\0\0\0\0\0\x05\x02\x00\x09abcd-1234", 6.0, Call::FcUnpublish(key())),
        (
            b"\x02\x00\x0CdeleteStream\x00\x40\x1C\0\0\0\0\0\0\x05\x00\x3F\xF0\0\0\0\0\0\0",
            7.0,
            Call::DeleteStream(StreamReference::Number(1.0)),
        ),
        // GStreamer
        (
            b"\x02\x00\x0CdeleteStream\x00\0\0\0\0\0\0\0\0\x05\x02\x00\x09abcd-1234",
            0.0,
            Call::DeleteStream(StreamReference::Key(key())),
        ),
        (b"\x02\x00\x0CdeleteStream\x00\0\0\0\0\0\0\0\0\x05", 0.0, Call::DeleteStream(StreamReference::Missing)),
        (b"\x02\x00\x0BcloseStream\x00\0\0\0\0\0\0\0\0\x05", 0.0, Call::CloseStream),
        // Haivision
        (b"\x02\x00\x08_checkbw\x00\x40\x00\0\0\0\0\0\0\x05", 2.0, Call::CheckBandwidth),
        (b"\x02\x00\x08onBWDone\x00\0\0\0\0\0\0\0\0\x05", 0.0, Call::OnBandwidthDone),
        (b"\x02\x00\x05close\x00\0\0\0\0\0\0\0\0\x05", 0.0, Call::Close),
        (
            b"\x02\x00\x08onStatus\x00\0\0\0\0\0\0\0\0\x05\x03\
              \x00\x05level\x02\x00\x06status\
              \x00\x04code\x02\x00\x17NetStream.Publish.Start\
              \x00\x0Bdescription\x02\x00\x01d\
              \x00\x00\x09",
            0.0,
            Call::OnStatus(status(Status::PUBLISH_START)),
        ),
        (
            b"\x02\x00\x0BonFCPublish\x00\0\0\0\0\0\0\0\0\x05\x03\
              \x00\x05level\x02\x00\x06status\x00\x04code\x02\x00\x01c\x00\x0Bdescription\x02\x00\x01d\x00\x00\x09",
            0.0,
            Call::OnFcPublish(status("c")),
        ),
        (
            b"\x02\x00\x0DonFCUnpublish\x00\0\0\0\0\0\0\0\0\x05\x03\
              \x00\x05level\x02\x00\x06status\x00\x04code\x02\x00\x01c\x00\x0Bdescription\x02\x00\x01d\x00\x00\x09",
            0.0,
            Call::OnFcUnpublish(status("c")),
        ),
        // Enhanced RTMP's reconnect request
        (
            b"\x02\x00\x08onStatus\x00\0\0\0\0\0\0\0\0\x05\x03\
              \x00\x05level\x02\x00\x06status\x00\x04code\x02\x00\x01c\x00\x0Bdescription\x02\x00\x01d\
              \x00\x05tcUrl\x02\x00\x05//b/a\x00\x00\x09",
            0.0,
            Call::OnStatus(Status { tc_url: Some("//b/a".into()), ..status("c") }),
        ),
        (
            b"\x02\x00\x07_result\x00\x40\x10\0\0\0\0\0\0\x05\x00\x3F\xF0\0\0\0\0\0\0",
            4.0,
            Call::Result(Reply::stream(1)),
        ),
        (b"\x02\x00\x07_result\x00\x40\x00\0\0\0\0\0\0\x05\x06", 2.0, Call::Result(Reply::undefined())),
        (b"\x02\x00\x07_result\x00\x40\x00\0\0\0\0\0\0\x05\x05", 2.0, Call::Result(Reply::null())),
        // SRS's redirect
        (
            b"\x02\x00\x06_error\x00\x3F\xF0\0\0\0\0\0\0\x05\x03\
              \x00\x05level\x02\x00\x05error\x00\x04code\x02\x00\x01c\x00\x0Bdescription\x02\x00\x01d\
              \x00\x02ex\x03\x00\x04code\x00\x40\x72\xE0\0\0\0\0\0\x00\x08redirect\x02\x00\x0Artmp://b/a\x00\x00\x09\
              \x00\x00\x09",
            1.0,
            Call::Error(Reply::error(&Status { redirect: Some("rtmp://b/a".into()), ..Status::error("c", "d") })),
        ),
    ]
}

#[test]
fn table_both_ways() {
    for (bytes, transaction, call) in table() {
        let command = Command::new(transaction, call);
        assert_eq!(command.encode(), bytes, "{command:?}");
        assert_same(&decode(bytes), &command);
    }
}

#[test]
fn a_cut_command_is_an_error_or_a_shorter_command() {
    for (bytes, ..) in table() {
        for end in 0..bytes.len() {
            let _ = Command::decode(&message(MessageType::COMMAND_AMF0, &bytes[..end]));
        }
        assert!(Command::decode(&message(MessageType::COMMAND_AMF0, &bytes[..5])).is_err());
    }
    assert!(Command::decode(&message(MessageType::COMMAND_AMF0, b"")).is_err());
    assert!(Command::decode(&message(MessageType::COMMAND_AMF0, b"\x05")).is_err());
}

#[test]
fn connect_forgives_spelling_quotes_extra_arguments_and_ecma_arrays() {
    let command = decode(
        b"\x02\x00\x07connect\x00\x40\x08\0\0\0\0\0\0\x08\x00\x00\x00\x09\
          \x00\x03app\x02\x00\x04live\x00\x05tcurl\x02\x00\x17\"rtmp://h.example/live\"\x00\x04fpad\x01\x00\x00\x00\x09\
          \x02\x00\x03arg\x00\x3F\xF0\0\0\0\0\0\0",
    );
    let Call::Connect(connect) = command.call else { panic!("{command:?}") };
    let expected = Connect { app: "live".into(), tc_url: "rtmp://h.example/live".into(), ..Connect::default() };
    assert_eq!((command.transaction, *connect), (3.0, expected));
}

#[test]
fn missing_and_odd_arguments_are_read_as_empty() {
    let cases: [(&[u8], Call); 5] = [
        (b"\x02\x00\x07connect", connect(Connect::default())),
        (
            b"\x02\x00\x07publish\x00\0\0\0\0\0\0\0\0",
            Call::Publish { stream_key: SecretString::from(""), publish_type: "live".into() },
        ),
        (
            b"\x02\x00\x07publish\x00\0\0\0\0\0\0\0\0\x05\x05\x00\0\0\0\0\0\0\0\0",
            Call::Publish { stream_key: SecretString::from(""), publish_type: "live".into() },
        ),
        (b"\x02\x00\x07publish\x00\0\0\0\0\0\0\0\0\x05\x01\x00", Call::CloseStream),
        (b"\x02\x00\x08onStatus\x00\0\0\0\0\0\0\0\0\x05", Call::OnStatus(Status::default())),
    ];
    for (bytes, call) in cases {
        assert_same(&Command::new(decode(bytes).transaction, call), &decode(bytes));
    }
}

#[test]
fn an_unknown_command_keeps_its_name_and_number_and_is_not_read_further() {
    let command = decode(b"\x02\x00\x04ping\x00\x40\x00\0\0\0\0\0\0\xFF\xFF");
    assert_eq!(command.transaction, 2.0);
    assert!(matches!(command.call, Call::Unknown { name } if name == "ping"));
}

#[test]
fn type_17_has_a_format_byte_and_may_hold_amf3() {
    let create = b"\x02\x00\x0CcreateStream\x00\x40\x10\0\0\0\0\0\0\x05";
    for payload in [[b"\x00", &create[..]].concat(), create.to_vec()] {
        let command = Command::decode(&message(MessageType::COMMAND_AMF3, payload)).expect("decodes");
        assert_same(&command, &Command::new(4.0, Call::CreateStream));
    }
    // Flash: connect with the command object in AMF3.
    let payload = b"\x00\x02\x00\x07connect\x00\x3F\xF0\0\0\0\0\0\0\x11\x0A\x0B\x01\x07app\x06\x09live\x01";
    let command = Command::decode(&message(MessageType::COMMAND_AMF3, payload)).expect("decodes");
    assert_same(&command, &Command::new(1.0, connect(Connect { app: "live".into(), ..Connect::default() })));
}

#[test]
fn replies_are_read_by_what_they_answer() {
    assert_eq!(Reply::stream(7).stream_id(), Some(7));
    for number in [0.0, -1.0, 1.5, 4_294_967_296.0, f64::NAN] {
        assert_eq!(Reply { properties: Value::Null, information: Value::Number(number) }.stream_id(), None);
    }
    assert_eq!(Reply::null().stream_id(), None);
    assert_eq!(Reply::null().status(), Status::default());

    let reply = Reply::connected(&Capabilities::relay());
    assert_eq!(reply.status().code, Status::CONNECT_SUCCESS);
    assert_eq!(reply.information.property("objectEncoding").and_then(Value::as_number), Some(0.0));
    assert_eq!(reply.capabilities(), Capabilities::relay());
    for object in [&reply.properties, &reply.information] {
        let forward = object.property("videoFourCcInfoMap").and_then(|map| map.property("*"));
        assert_eq!(forward.and_then(Value::as_number), Some(4.0));
    }
}

#[test]
fn errors_are_told_by_level_or_code() {
    let of = |level: &str, code: &str| Status { level: level.into(), code: code.into(), ..Status::default() };
    assert!(of("error", "NetStream.Odd").is_error());
    assert!(of("status", "NetStream.Publish.BadName").is_error());
    assert!(of("", "NetConnection.Connect.Rejected").is_error());
    assert!(!of("status", Status::PUBLISH_START).is_error());
    assert!(!of("warning", "NetStream.Buffer.Full").is_error());
}

#[test]
fn debug_shows_no_key() {
    let secret = || SecretString::from("secret");
    let status =
        || Status { tc_url: Some("secret".into()), redirect: Some("secret".into()), ..Status::error("c", "secret") };
    let reply = || Reply { properties: Value::from("secret"), information: status().write() };
    let hidden =
        Connect { app: "secret".into(), swf_url: "secret".into(), tc_url: "secret".into(), ..Connect::default() };
    let calls = [
        connect(hidden),
        Call::ReleaseStream(secret()),
        Call::FcPublish(secret()),
        Call::Publish { stream_key: secret(), publish_type: "live".into() },
        Call::FcUnpublish(secret()),
        Call::DeleteStream(StreamReference::Key(secret())),
        Call::OnStatus(status()),
        Call::Result(reply()),
        Call::Error(reply()),
    ];
    for call in calls {
        let text = format!("{call:?} {:#?}", Command::notify(call.clone()));
        assert!(!text.contains("secret"), "{text}");
    }
}

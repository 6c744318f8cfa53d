//! Commands and metadata.

use std::hint::black_box;

use forkcast::rtmp::{
    amf0::Value,
    command::{Call, Capabilities, Command, Connect},
};

fn connect() -> Command {
    let connect = Connect {
        app: "live2".into(),
        connection_type: "nonprivate".to_owned(),
        flash_ver: "FMLE/3.0 (compatible; FMSc/1.0)".to_owned(),
        swf_url: "rtmps://a.rtmps.youtube.com:443/live2".into(),
        tc_url: "rtmps://a.rtmps.youtube.com:443/live2".into(),
        object_encoding: None,
        capabilities: Capabilities::relay(),
        relay_hops: Vec::new(),
    };
    Command::new(1.0, Call::Connect(Box::new(connect)))
}

/// `onMetaData` as OBS sends it.
fn metadata() -> [Value; 2] {
    let numbers = [
        ("duration", 0.0),
        ("fileSize", 0.0),
        ("width", 1920.0),
        ("height", 1080.0),
        ("videodatarate", 6000.0),
        ("framerate", 60.0),
        ("audiodatarate", 160.0),
        ("audiosamplerate", 48_000.0),
        ("audiosamplesize", 16.0),
        ("audiochannels", 2.0),
    ];
    let texts =
        [("videocodecid", "avc1"), ("audiocodecid", "mp4a"), ("encoder", "obs-output module (libobs version 31.0.0)")];
    let flags = ["stereo", "2.1", "3.1", "4.0", "4.1", "5.1", "7.1"];
    let numbers = numbers.map(|(name, number)| (name.to_owned(), Value::Number(number)));
    let texts = texts.map(|(name, text)| (name.to_owned(), text.into()));
    let flags = flags.map(|name| (name.to_owned(), Value::Boolean(name == "stereo")));
    ["onMetaData".into(), Value::EcmaArray(numbers.into_iter().chain(texts).chain(flags).collect())]
}

/// The body of a `connect`, as a relay sends it.
pub(crate) fn connect_encode() -> impl FnMut() {
    let command = connect();
    move || drop(black_box(command.encode()))
}

/// The same, read.
pub(crate) fn connect_decode() -> impl FnMut() {
    let message = connect().message(0);
    move || drop(black_box(Command::decode(&message)))
}

/// The body of `onMetaData`.
pub(crate) fn metadata_encode() -> impl FnMut() {
    let values = metadata();
    move || drop(black_box(encode(&values)))
}

/// The same, read.
pub(crate) fn metadata_decode() -> impl FnMut() {
    let body = encode(&metadata());
    move || drop(black_box(Value::decode_all(&body)))
}

fn encode(values: &[Value]) -> Vec<u8> {
    let mut body = Vec::new();
    values.iter().for_each(|value| value.encode(&mut body));
    body
}

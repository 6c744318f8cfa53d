//! What has brought RTMP servers down, sent to ours: each input is refused or read rightly, at once, and in memory that
//! follows what was received and no length that was declared.
//!
//! The bytes are put together by hand. They go to a publisher's session before its key was accepted and after, and to a
//! session with a destination's server; what is read goes on to the demuxer, as it does in the program.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test says that it failed; clippy's allowance covers only the test functions themselves"
)]

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes};
use forkcast::{
    media::Kind,
    rtmp::{
        client::{self, Client},
        error::Error,
        handshake::{Form, RANDOM_LEN},
        outbox::Outbox,
        server::{self, Server},
    },
    stream::Demuxer,
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Each input is dealt with in this time, in a build without optimisation: the best of some runs, since other programs run
/// too.
const TIME: Duration = Duration::from_millis(1);

/// The most by which memory grows, beside [`BYTES_FOR_A_BYTE`] for each one that was received: the values and texts that
/// one AMF message may have.
const GROWTH: usize = 512 * 1024;

/// A payload that grows is held twice for a moment.
const BYTES_FOR_A_BYTE: usize = 2;

/// What one read of a socket takes.
const READ: usize = 32 * 1024;

/// How far a session is when the input comes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// A publisher has connected and has shown no key.
    Before,
    /// Its publish is accepted.
    After,
    /// A destination's server has accepted our publish.
    Server,
}

/// What becomes of an input.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Verdict {
    /// It is read; so many messages of media were in it.
    Read(usize),
    /// It is against the protocol.
    Malformed,
    /// It is over this limit.
    Limit(&'static str),
}
use Verdict::{Limit, Malformed, Read};

const LEVELS: Verdict = Limit("levels of nested AMF values");
const VALUES: Verdict = Limit("AMF values in a message");
const MESSAGE: Verdict = Limit("bytes in a message");
const CHUNK_STREAMS: Verdict = Limit("chunk streams");

enum Session {
    Publisher(Box<Server>, Demuxer),
    Destination(Box<Client>),
}

impl Session {
    fn at(stage: Stage) -> Self {
        let handshake = [&[3][..], &[0; 2 * 1536]].concat();
        if stage == Stage::Server {
            let config = client::Config {
                app: "live".into(),
                tc_url: "rtmp://h.example/live".into(),
                relay_hops: Vec::new(),
                stream_key: "abcd-1234".into(),
                chunk_size: 4096,
                enhanced: true,
                handshake: Form::Simple,
            };
            let mut client = Client::new(config, &[7; RANDOM_LEN]);
            let results: [&[u8]; 3] = [
                b"\x02\0\x07_result\0\x3F\xF0\0\0\0\0\0\0\x05\x05",
                b"\x02\0\x07_result\0\x40\x10\0\0\0\0\0\0\x05\0\x3F\xF0\0\0\0\0\0\0",
                b"\x02\0\x07_result\0\x40\x14\0\0\0\0\0\0\x05\x05",
            ];
            let wire = [handshake, results.map(|result| message(3, COMMAND, result)).concat()].concat();
            let mut input = &wire[..];
            while client.handle_input(&mut input).unwrap().is_some() {}
            assert_eq!(client.stage(), client::Stage::Publishing);
            take_all(client.transmit());
            return Self::Destination(Box::new(client));
        }
        let connect = b"\x02\0\x07connect\0\x3F\xF0\0\0\0\0\0\0\x03\0\x03app\x02\0\x04live\0\0\x09";
        let publish = b"\x02\0\x07publish\0\x40\x14\0\0\0\0\0\0\x05\x02\0\x09abcd-1234\x02\0\x04live";
        let mut server = Server::new(&[7; RANDOM_LEN]);
        let mut input = &[handshake, message(3, COMMAND, connect)].concat()[..];
        assert!(matches!(server.handle_input(&mut input), Ok(Some(server::Event::Connected(_)))));
        if stage == Stage::After {
            let publish = message(3, COMMAND, publish);
            assert!(matches!(server.handle_input(&mut &publish[..]), Ok(Some(server::Event::PublishRequested(_)))));
            server.accept_publish();
        }
        take_all(server.transmit());
        Self::Publisher(Box::new(server), Demuxer::new(Duration::ZERO))
    }

    /// Takes all of `wire` as a socket would give it. Nothing that is sent in answer is taken by the peer.
    fn receive(&mut self, wire: &[u8]) -> Verdict {
        let mut media = 0;
        for mut input in wire.chunks(READ) {
            loop {
                let received = match self {
                    Self::Publisher(server, demuxer) => server.handle_input(&mut input).map(|event| {
                        event.map(|event| {
                            if let server::Event::Media(message) = event {
                                media += 1;
                                let kind = Kind::of_tag_type(message.message_type.0).expect("media");
                                demuxer.demux(kind, message.payload, Duration::ZERO);
                            }
                        })
                    }),
                    Self::Destination(client) => client.handle_input(&mut input).map(|event| event.map(|_| ())),
                };
                match received {
                    Ok(Some(())) => {}
                    Ok(None) => break,
                    Err(Error::Malformed(_)) => return Malformed,
                    Err(Error::Limit { what, .. }) => return Limit(what),
                    Err(error) => panic!("no input here is {error}"),
                }
            }
        }
        Read(media)
    }
}

fn take_all(outbox: &mut Outbox) {
    outbox.advance(outbox.len());
}

const COMMAND: u8 = 20;
const AUDIO: u8 = 8;
const VIDEO: u8 = 9;

/// A message in one chunk, on message stream 1.
fn message(chunk_stream: u8, message_type: u8, payload: &[u8]) -> Vec<u8> {
    [&header(chunk_stream, message_type, payload.len()), payload].concat()
}

/// The header of a message, whose time is 0.
fn header(chunk_stream: u8, message_type: u8, length: usize) -> Vec<u8> {
    let [.., high, middle, low] = length.to_be_bytes();
    vec![chunk_stream, 0, 0, 0, high, middle, low, message_type, 1, 0, 0, 0]
}

fn control(message_type: u8, number: u32) -> Vec<u8> {
    message(2, message_type, &number.to_be_bytes())
}

/// A message in chunks as long as there are.
fn long(message_type: u8, payload: &[u8]) -> Vec<u8> {
    [control(1, 0xFF_FFFF), message(4, message_type, payload)].concat()
}

/// A call whose argument is this AMF value.
fn call(value: &[u8]) -> Vec<u8> {
    long(COMMAND, &[b"\x02\0\x08onStatus\0\0\0\0\0\0\0\0\0", value].concat())
}

/// A row of the table: what it is; the bytes; what becomes of them before the key is accepted, and after.
type Row = (&'static str, Vec<u8>, Verdict, Verdict);

fn amf() -> Vec<Row> {
    let array = b"\x0A\0\0\0\x01";
    let amf3_array = b"\x09\x03\x01";
    // A class of 1900 names without letters, and objects of it within each other: a byte or two for each.
    let class = [b"\x11\x0A\x81\xED\x43\x01", &[1; 1900][..], &b"\x0A\x01".repeat(40)].concat();
    // Each array holds the one before it twice.
    let mut doubled = b"\x11\x09\x2B\x01\x09\x01\x01".to_vec();
    for index in 1..=20 {
        doubled.extend_from_slice(&[9, 5, 1, 9, index << 1, 9, index << 1]);
    }
    vec![
        ("70,000 nested arrays", call(&array.repeat(70_000)), MESSAGE, Read(0)),
        ("70,000 nested objects", call(&b"\x03\0\x01a".repeat(70_000)), MESSAGE, Read(0)),
        ("70,000 nested AMF3 arrays", call(&[b"\x11", &amf3_array.repeat(70_000)[..]].concat()), MESSAGE, Read(0)),
        ("70,000 nested arrays as data", long(15, &[&[0], &array.repeat(70_000)[..]].concat()), MESSAGE, Read(1)),
        ("13,000 nested arrays", call(&array.repeat(13_000)), LEVELS, Read(0)),
        ("16,000 nested objects", call(&b"\x03\0\x01a".repeat(16_000)), LEVELS, Read(0)),
        ("20,000 nested AMF3 arrays", call(&[b"\x11", &amf3_array.repeat(20_000)[..]].concat()), LEVELS, Read(0)),
        ("13,000 nested arrays as data", long(15, &[&[0], &array.repeat(13_000)[..]].concat()), Read(0), Read(1)),
        ("64,000 values", call(&[5; 64_000]), VALUES, Read(0)),
        ("an ECMA array of 2^32-1 values", call(b"\x08\xFF\xFF\xFF\xFF"), Read(0), Read(0)),
        ("an array of 2^32-1 values", call(b"\x0A\xFF\xFF\xFF\xFF"), Malformed, Read(0)),
        (
            "an array of 2^32-1 values, some there",
            call(&[b"\x0A\xFF\xFF\xFF\xFF", &[5; 60_000][..]].concat()),
            VALUES,
            Read(0),
        ),
        ("a text of 2^32-1 bytes", call(b"\x0C\xFF\xFF\xFF\xFFx"), Limit("bytes of an AMF string"), Read(0)),
        ("an AMF3 text of 2^28-1 bytes", call(b"\x11\x06\xFF\xFF\xFF\xFFx"), Limit("bytes of an AMF string"), Read(0)),
        ("AMF3 bytes, 2^28-1", call(b"\x11\x0C\xFF\xFF\xFF\xFFx"), Malformed, Read(0)),
        ("an AMF3 vector of 2^28-1 numbers", call(b"\x11\x0D\xFF\xFF\xFF\xFF\0\0\0\0\x01"), Malformed, Read(0)),
        ("an AMF3 class of 2^25-1 properties", call(b"\x11\x0A\xFF\xFF\xFF\xF3\x01"), VALUES, Read(0)),
        ("an AMF3 class in itself, over and over", call(&class), LEVELS, Read(0)),
        ("references that stand for a million values", call(&doubled), VALUES, Read(0)),
        ("references to nothing", call(b"\x11\x09\xFE"), Malformed, Read(0)),
        ("a reserved marker", call(b"\x04"), Malformed, Read(0)),
        ("a key of 65,535 bytes that are not there", call(b"\x03\xFF\xFFkey"), Malformed, Read(0)),
        (
            "a key of 65,535 bytes, cut short",
            call(&[b"\x03\xFF\xFF", &[b'k'; 65_000][..]].concat()),
            Malformed,
            Read(0),
        ),
        ("64,000 bytes that are no UTF-8", call(&[b"\x02\xFA\0", &[0xFF; 64_000][..]].concat()), Read(0), Read(0)),
    ]
}

fn chunks() -> Vec<Row> {
    let media = message(4, AUDIO, &[0xAF, 1]);
    let behind = |first: Vec<u8>| [first, media.clone()].concat();
    let in_single_bytes = |length: usize| {
        let mut wire = [control(1, 1), header(4, VIDEO, length)].concat();
        (0..length).for_each(|_| wire.extend_from_slice(b"\x17\xC4"));
        wire.pop();
        wire
    };
    let changed_inside = [header(4, VIDEO, 200), vec![0x17; 128], control(1, 0x7FFF_FFFF), vec![0xC4], vec![0x17; 72]];
    let unfinished = [header(4, VIDEO, 200), vec![0x17; 128]].concat();
    let empty: Vec<u8> = (1..=6).flat_map(|message_type| message(2, message_type, b"")).collect();
    let short: Vec<u8> = (1..=6).flat_map(|message_type| message(2, message_type, &[0; 3])).collect();
    let acknowledged = |numbers: &[u32]| numbers.iter().flat_map(|number| control(3, *number)).collect::<Vec<u8>>();
    let each_byte: Vec<u32> = (0..50).collect();
    let extended = [
        b"\x04\xFF\xFF\xFF\0\0\x82\x08\x01\0\0\0\xFF\xFF\xFF\xFF".to_vec(),
        vec![0xAF; 128],
        b"\xC4\xFF\xFF\xFF\xFFab".to_vec(),
        b"\xC4\xFF\xFF\xFF\xFF".to_vec(),
        vec![0xAF; 128],
        b"\xC4ab".to_vec(),
    ];
    let mut nested = b"".to_vec();
    for _ in 0..1000 {
        nested.extend_from_slice(b"\x16\xFF\xFF\xFF\0\0\0\0\0\0\0");
    }
    vec![
        ("chunk size 0", control(1, 0), Malformed, Malformed),
        ("chunk size 1", in_single_bytes(300), Read(0), Read(1)),
        ("chunk size 2^31-1", behind(control(1, 0x7FFF_FFFF)), Read(0), Read(1)),
        ("chunk size 2^31-1 inside of a message", changed_inside.concat(), Read(0), Read(1)),
        ("chunk size 2^31", control(1, 0x8000_0000), Malformed, Malformed),
        ("chunk size 2^32-1", control(1, u32::MAX), Malformed, Malformed),
        ("empty control bodies", behind(empty), Read(0), Read(1)),
        ("control bodies that are too short", behind(short), Read(0), Read(1)),
        ("an acknowledgement of what was never sent", behind(acknowledged(&[u32::MAX, 0, 7])), Read(0), Read(1)),
        ("an acknowledgement of each byte", behind(acknowledged(&each_byte)), Read(0), Read(1)),
        ("a window of 0 and of 1", behind([control(5, 0), control(5, 1)].concat()), Read(0), Read(1)),
        ("a window of 2^32-1", behind(control(5, u32::MAX)), Read(0), Read(1)),
        ("200,000 bytes and no acknowledgement", long(VIDEO, &[0x17; 50_000]).repeat(4), Read(0), Read(4)),
        ("type 3 first", vec![0xC9], Malformed, Malformed),
        ("type 2 first", b"\x89\0\0\0".to_vec(), Malformed, Malformed),
        ("type 3 first, on chunk stream 65,599", b"\xC1\xFF\xFF".to_vec(), Malformed, Malformed),
        ("type 1 first", b"\x49\0\0\0\0\0\x02\x08\xAF\x01".to_vec(), Read(0), Read(1)),
        ("type 0 inside of a message", behind(unfinished), Read(0), Read(1)),
        ("the abort of a chunk stream that there is not", behind(control(2, 99)), Read(0), Read(1)),
        ("extended times, repeated and not", extended.concat(), Read(0), Read(2)),
        (
            "100 messages of a byte each on the wire",
            [message(4, AUDIO, b""), vec![0xC4; 99]].concat(),
            Read(0),
            Read(100),
        ),
        ("aggregates in an aggregate, each too long", long(22, &nested), Read(0), Read(0)),
        ("pings that nobody reads the answers to", control(4, 0x0006_0000).repeat(50), Read(0), Read(0)),
    ]
}

fn media() -> Vec<Row> {
    let video = |body: &[u8]| long(VIDEO, body);
    let tracks = (0..=255).flat_map(|id| [id, 0, 0, 1, 0x65]).collect::<Vec<u8>>();
    let table: Vec<(&'static str, Vec<u8>)> = vec![
        ("no body", video(b"")),
        ("one byte", video(b"\x97")),
        ("an unknown FourCC", video(b"\x91????x")),
        ("256 tracks and more", video(&[b"\x96\x10avc1", &tracks[..], &tracks[..]].concat())),
        ("a track of 2^24-1 bytes", video(b"\x96\x10avc1\0\xFF\xFF\xFFx")),
        ("1,000 ModEx packets", video(&[b"\x97", &b"\0x\x07".repeat(1000)[..]].concat())),
        ("a ModEx packet of 65,536 bytes", video(b"\x97\xFF\xFF\xFFx")),
        ("a sequence header of 60,000 bytes", video(&[b"\x17\0\0\0\0", &[0xFF; 60_000][..]].concat())),
        ("15,000 NAL units of no bytes", video(&[b"\x27\x01\0\0\0", &[0; 60_000][..]].concat())),
        (
            "10,000 NAL units of two bytes",
            video(&[b"\x27\x01\0\0\0", &b"\0\0\0\x02\x01\0".repeat(10_000)[..]].concat()),
        ),
        ("a NAL unit of 2^32-1 bytes", video(b"\x27\x01\0\0\0\xFF\xFF\xFF\xFF\x01")),
        ("metadata whose name is cut short", long(18, b"\x02\xFF\xFF@setDataFrame")),
    ];
    table.into_iter().map(|(what, wire)| (what, wire, Read(0), Read(1))).collect()
}

/// Memory is that of the whole process: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What becomes of `wire`, and by how many bytes memory grew meanwhile at the most.
fn measure(stage: Stage, wire: &[u8]) -> (Verdict, usize) {
    let mut session = Session::at(stage);
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let verdict = session.receive(wire);
    (verdict, HEAP.peak_usage().saturating_sub(before))
}

/// The best time of some runs: of as many as it takes to be undisturbed by other programs once, for what is fast enough.
fn time(stage: Stage, wire: &[u8]) -> Duration {
    let mut best = Duration::MAX;
    for run in 0..500 {
        let mut session = Session::at(stage);
        let start = Instant::now();
        session.receive(wire);
        best = best.min(start.elapsed());
        if run >= 20 && best <= TIME {
            break;
        }
    }
    best
}

/// Where `wire` does harm, if it does: another verdict than `expected`, more memory, or more time than there may be.
fn harm(what: &str, stage: Stage, wire: &[u8], expected: Option<Verdict>) -> Vec<String> {
    let mut harm = Vec::new();
    let (verdict, growth) = measure(stage, wire);
    if expected.is_some_and(|expected| expected != verdict) {
        harm.push(format!("{what} ({stage:?}): {verdict:?} and not {expected:?}"));
    }
    if growth > GROWTH + BYTES_FOR_A_BYTE * wire.len() {
        harm.push(format!("{what} ({stage:?}): {growth} bytes for {}", wire.len()));
    }
    let time = time(stage, wire);
    if time > TIME {
        harm.push(format!("{what} ({stage:?}): {time:?}"));
    }
    println!("{what} ({stage:?}): {verdict:?}, {growth} bytes for {}, {time:?}", wire.len());
    harm
}

#[test]
fn each_input_is_refused_or_read_at_once_and_in_little_memory() {
    let _alone = alone();
    let mut harms = Vec::new();
    for (what, wire, before, after) in [amf(), chunks(), media()].concat() {
        for (stage, expected) in [(Stage::Before, Some(before)), (Stage::After, Some(after)), (Stage::Server, None)] {
            harms.extend(harm(what, stage, &wire, expected));
        }
    }
    assert!(harms.is_empty(), "{}", harms.join("\n"));
}

#[test]
fn endless_create_stream_ends() {
    let _alone = alone();
    let create = message(3, COMMAND, b"\x02\0\x0CcreateStream\0\x40\x10\0\0\0\0\0\0\x05").repeat(10_000);
    for stage in [Stage::Before, Stage::After] {
        let harm = harm("createStream", stage, &create, Some(Limit("message streams of a connection")));
        assert!(harm.is_empty(), "{}", harm.join("\n"));
    }
}

/// One header after the other, each on a chunk stream of its own and with the first chunk of its message.
fn begun_messages(length: usize, chunk_size: u32, first: usize) -> Vec<u8> {
    let mut wire = control(1, chunk_size);
    for chunk_stream in 3..=65_599_u32 {
        match chunk_stream {
            3..64 => wire.push(chunk_stream as u8),
            64..320 => wire.extend_from_slice(&[0, (chunk_stream - 64) as u8]),
            _ => {
                wire.push(1);
                wire.extend_from_slice(&((chunk_stream - 64) as u16).to_le_bytes());
            }
        }
        wire.extend_from_slice(&header(0, VIDEO, length)[1..]);
        wire.resize(wire.len() + first, 0x17);
    }
    wire
}

/// 16 MiB are declared on each of 65,599 chunk streams; then as much as is allowed, with as little behind each header as
/// there can be.
#[test]
fn declared_messages_on_all_chunk_streams_are_cut_off_and_take_no_memory() {
    const MOST: usize = 1 << 20;
    let _alone = alone();
    for (length, chunk_size, first, before, after) in [
        (0xFF_FFFF, 128, 128, MESSAGE, MESSAGE),
        (64 * 1024, 128, 128, CHUNK_STREAMS, CHUNK_STREAMS),
        (64 * 1024, 1, 1, CHUNK_STREAMS, CHUNK_STREAMS),
        (10 << 20, 128, 128, MESSAGE, CHUNK_STREAMS),
        (10 << 20, 1, 1, MESSAGE, CHUNK_STREAMS),
    ] {
        let wire = begun_messages(length, chunk_size, first);
        for (stage, expected) in [(Stage::Before, before), (Stage::After, after)] {
            let (verdict, growth) = measure(stage, &wire);
            println!("{length} bytes declared, {first} sent ({stage:?}): {growth} bytes");
            assert_eq!(verdict, expected, "{length} bytes declared ({stage:?})");
            assert!(growth <= MOST, "{growth} bytes for {length} declared ({stage:?})");
        }
    }
}

/// What the tests above rest on: the counter counts, and bytes that are received are held.
#[test]
fn the_measure_measures() {
    let _alone = alone();
    let half = &long(VIDEO, &[0x17; 400_000])[..300_000];
    let (verdict, growth) = measure(Stage::After, half);
    assert_eq!(verdict, Read(0));
    assert!((280_000..900_000).contains(&growth), "{growth}");
    let payload = Bytes::from(vec![0x17; 3_000_000]);
    let before = HEAP.current_usage();
    drop(payload);
    assert!(before - HEAP.current_usage() >= 3_000_000);
}

//! Recordings of real encoders: the same events however TCP cuts the bytes.
//!
//! `recordings/*.bin` hold what the encoder sent on the socket, from the first byte of the handshake to the end, while
//! [`Server`] answered it. Each is a publish of about a second (test picture of 160x90, H.264 and AAC, as small as they
//! get) with the key `test-key` to the app `live`:
//!
//! - `ffmpeg-publish.bin`: FFmpeg 5.1, `-f lavfi -i testsrc -c:v libx264 -bf 2 -c:a aac -f flv rtmp://…/live/test-key`
//! - `gstreamer-publish.bin`: GStreamer 1.22, `x264enc`, `avenc_aac`, `flvmux streamable=true ! rtmp2sink`
//!
//! They are the witness that does not share code with the engine. The answers are not recorded: what an encoder sends
//! does not depend on them, as long as it goes on.
#![allow(clippy::expect_used, clippy::panic, reason = "a panic is how a test fails, in its helpers too")]

use bytes::Bytes;
use forkcast::rtmp::handshake::RANDOM_LEN;
use forkcast::rtmp::message::MessageType;
use forkcast::rtmp::server::{Event, Server};
use secrecy::ExposeSecret;

const FFMPEG: &[u8] = include_bytes!("recordings/ffmpeg-publish.bin");
const GSTREAMER: &[u8] = include_bytes!("recordings/gstreamer-publish.bin");

/// What a caller sees of an event.
#[derive(Debug, PartialEq)]
enum Seen {
    Connected { app: String, tc_url: String, flash_ver: String },
    Publish { key: String, publish_type: String },
    Media { message_type: MessageType, timestamp: u32, payload: Bytes },
    Unpublished,
    Closed,
}

impl From<Event> for Seen {
    fn from(event: Event) -> Self {
        match event {
            Event::Connected(connected) => Self::Connected {
                app: connected.app.expose_secret().to_owned(),
                tc_url: connected.tc_url.expose_secret().to_owned(),
                flash_ver: connected.flash_ver,
            },
            Event::PublishRequested(request) => {
                Self::Publish { key: request.stream_key.expose_secret().to_owned(), publish_type: request.publish_type }
            }
            Event::Media(message) => Self::Media {
                message_type: message.message_type,
                timestamp: message.timestamp,
                payload: message.payload,
            },
            Event::Unpublished => Self::Unpublished,
            Event::Closed => Self::Closed,
        }
    }
}

/// The events of a server that accepts every publish, for bytes that come in these pieces.
fn serve<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Seen> {
    let mut server = Server::new(&[9; RANDOM_LEN]);
    let mut seen = Vec::new();
    for mut piece in pieces {
        while let Some(event) = server.handle_input(&mut piece).expect("an encoder makes no mistakes") {
            let is_request = matches!(event, Event::PublishRequested(_));
            seen.push(event.into());
            if is_request {
                server.accept_publish();
            }
        }
        assert!(piece.is_empty());
    }
    seen
}

/// Every cut in two, on all cores, since that is as many runs as the recording has bytes; then byte by byte.
fn assert_cuts_do_not_matter(recording: &[u8]) {
    let expected = serve([recording]);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for first in 0..threads {
            let expected = &expected;
            scope.spawn(move || {
                for cut in (first..recording.len()).step_by(threads) {
                    let (before, after) = recording.split_at(cut);
                    assert!(serve([before, after]) == *expected, "cut at {cut}");
                }
            });
        }
    });
    assert_eq!(serve(recording.chunks(1)), expected, "byte by byte");
}

/// One publish from beginning to end, with all that the recorded encoders were given to send.
fn assert_dialogue(seen: &[Seen], flash_ver: &str) {
    let [Seen::Connected { app, tc_url, flash_ver: name }, Seen::Publish { key, publish_type }, media @ .., last] =
        seen
    else {
        panic!("{seen:?}");
    };
    assert_eq!((app.as_str(), key.as_str(), publish_type.as_str()), ("live", "test-key", "live"));
    assert!(tc_url.starts_with("rtmp://127.0.0.1:") && tc_url.ends_with("/live"), "{tc_url}");
    assert_eq!(name, flash_ver);
    assert_eq!(*last, Seen::Unpublished);

    let of = |wanted: MessageType| {
        media.iter().filter_map(move |event| match event {
            Seen::Media { message_type, timestamp, payload } if *message_type == wanted => Some((*timestamp, payload)),
            _ => None,
        })
    };
    let (_, metadata) = of(MessageType::DATA_AMF0).next().expect("metadata");
    assert!(metadata.starts_with(b"\x02\x00\x0D@setDataFrame\x02\x00\x0AonMetaData"));
    let (_, audio_header) = of(MessageType::AUDIO).next().expect("audio");
    assert_eq!(audio_header[..2], [0xAF, 0]);
    let (_, video_header) = of(MessageType::VIDEO).next().expect("video");
    assert_eq!(video_header[..2], [0x17, 0]);
    // A sequence header, 18 frames, an end of sequence.
    assert_eq!(of(MessageType::VIDEO).count(), 20);
    for message_type in [MessageType::AUDIO, MessageType::VIDEO] {
        let times: Vec<_> = of(message_type).map(|(timestamp, _)| timestamp).collect();
        assert!(times.is_sorted() && times.last().is_some_and(|last| (1000..2000).contains(last)), "{times:?}");
    }
}

#[test]
fn ffmpeg_is_understood() {
    assert_dialogue(&serve([FFMPEG]), "FMLE/3.0 (compatible; Lavf59.27.100)");
}

#[test]
fn gstreamer_is_understood() {
    assert_dialogue(&serve([GSTREAMER]), "LNX 10,0,32,18");
}

#[test]
fn ffmpeg_cut_at_every_boundary() {
    assert_cuts_do_not_matter(FFMPEG);
}

#[test]
fn gstreamer_cut_at_every_boundary() {
    assert_cuts_do_not_matter(GSTREAMER);
}

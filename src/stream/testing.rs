//! A small hand-made stream for tests: H.264 and AAC tags, and a feed that is published to.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    Batch, Coalescing, Cursor, Demuxer, Feed, Load, Log, Message, Publish, Publisher, StreamSettings, Takeover,
    Timeline, Window,
};
use crate::media::Kind;

/// Five seconds, 16 MiB: what the defaults of the settings give.
pub(crate) const WINDOW: Window = Window { duration: Duration::from_secs(5), bytes: 16 << 20, hard_bytes: 64 << 20 };

pub(crate) const METADATA: &[u8] = b"\x02\x00\x0aonMetaData\x08\x00\x00\x00\x00\x00\x00\x09";
/// An AVC sequence header; the record says that NAL lengths have four bytes.
pub(crate) const AVC_HEADER: &[u8] =
    b"\x17\x00\x00\x00\x00\x01\x42\xc0\x1e\xff\xe1\x00\x02\x67\x42\x01\x00\x02\x68\xce";
pub(crate) const AVC_OTHER_HEADER: &[u8] =
    b"\x17\x00\x00\x00\x00\x01\x64\x00\x28\xff\xe1\x00\x02\x67\x64\x01\x00\x02\x68\xce";
pub(crate) const AAC_HEADER: &[u8] = b"\xaf\x00\x11\x90";
pub(crate) const HEVC_HEADER: &[u8] = b"\x90hvc1\x01\x01\x60\x00\x00\x00";

/// A keyframe that ends with `tail`.
pub(crate) fn keyframe(tail: &[u8]) -> Bytes {
    picture(0x17, 0x65, tail)
}

/// A frame that others refer to.
pub(crate) fn inter(tail: &[u8]) -> Bytes {
    picture(0x27, 0x41, tail)
}

/// A frame that no other refers to.
pub(crate) fn disposable(tail: &[u8]) -> Bytes {
    picture(0x27, 0x01, tail)
}

/// An AVC tag of one NAL unit with that header.
fn picture(tag: u8, nal: u8, tail: &[u8]) -> Bytes {
    let length = u32::try_from(tail.len() + 1).unwrap();
    [&[tag, 1, 0, 0, 0][..], &length.to_be_bytes(), &[nal], tail].concat().into()
}

/// A frame of sound.
pub(crate) fn sound(tail: &[u8]) -> Bytes {
    [b"\xaf\x01", tail].concat().into()
}

/// A log that is written as ingest writes it.
pub(crate) struct Written {
    pub(crate) log: Log,
    pub(crate) demuxer: Demuxer,
    timeline: Timeline,
}

impl Written {
    pub(crate) fn new(window: Window) -> Self {
        Self { log: Log::new(window), demuxer: Demuxer::new(Duration::ZERO), timeline: Timeline::default() }
    }

    /// A log that has been told the metadata and both headers.
    pub(crate) fn with_headers(window: Window) -> Self {
        let mut written = Self::new(window);
        for (kind, header) in headers() {
            written.push(kind, 0, header);
        }
        written
    }

    /// A message with the publisher's time `millis`, which is also when it arrives.
    pub(crate) fn push(&mut self, kind: Kind, millis: u32, payload: impl Into<Bytes>) {
        self.push_at(kind, millis, millis, payload);
    }

    /// A message with the publisher's time `raw` that arrives at `millis`.
    pub(crate) fn push_at(&mut self, kind: Kind, raw: u32, millis: u32, payload: impl Into<Bytes>) {
        let now = Duration::from_millis(millis.into());
        if let Some(demuxed) = self.demuxer.demux(kind, payload.into(), now) {
            self.log.append(demuxed.place(raw, &mut self.timeline), &mut Vec::new());
        }
    }

    /// All messages that the log holds, where it has lost none.
    pub(crate) fn read_all(&self) -> Vec<Arc<Message>> {
        let mut messages = Vec::new();
        let everything = Batch { messages: usize::MAX, bytes: usize::MAX };
        self.log.read(&mut Cursor::default(), everything, u64::MAX, &mut messages);
        messages
    }
}

pub(crate) fn headers() -> [(Kind, &'static [u8]); 3] {
    [(Kind::Data, METADATA), (Kind::Audio, AAC_HEADER), (Kind::Video, AVC_HEADER)]
}

pub(crate) fn publisher() -> Publisher {
    Publisher {
        address: ([127, 0, 0, 1], 50_000).into(),
        transport: "rtmp",
        tls: None,
        name: None,
        relay_hops: Vec::new(),
    }
}

pub(crate) fn feed() -> Arc<Feed> {
    let settings = StreamSettings {
        name: "live".to_owned(),
        window: WINDOW,
        hold: Duration::from_secs(15),
        takeover: Takeover::WhenSilent,
        coalescing: Coalescing::ByLoad,
    };
    Feed::new(settings, Load::default())
}

/// A feed that is published to, its headers told.
pub(crate) async fn live_feed() -> (Arc<Feed>, Publish) {
    let feed = feed();
    let mut publish = feed.publish(publisher()).await.unwrap();
    for (kind, header) in headers() {
        publish.append(kind, 0, Bytes::from_static(header)).unwrap();
    }
    (feed, publish)
}

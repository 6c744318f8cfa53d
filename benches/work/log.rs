//! A log that is written, and cursors that read it.

use std::{sync::Arc, time::Duration};

use forkcast::{
    media::Kind,
    rtmp::message::{Message, MessageType},
    stream::{Batch, Cursor, Demuxer, Log, Meter, Read, Timeline, Window},
};

use super::{headers, one_second};

const WINDOW: Window = Window { duration: Duration::from_secs(5), bytes: 16 << 20, hard_bytes: 64 << 20 };

/// A stream that is written as ingest does it.
pub(crate) struct Writer {
    pub(crate) log: Log,
    timeline: Timeline,
    demuxer: Demuxer,
    meter: Meter,
    evicted: Vec<Arc<forkcast::stream::Message>>,
}

impl Writer {
    /// A stream whose headers have come.
    pub(crate) fn new() -> Self {
        let mut writer = Self {
            log: Log::new(WINDOW),
            timeline: Timeline::default(),
            demuxer: Demuxer::new(Duration::ZERO),
            meter: Meter::default(),
            evicted: Vec::new(),
        };
        for header in headers() {
            writer.append(&header, Duration::ZERO);
        }
        writer
    }

    /// Appends a message that arrives `since` the beginning, at its timestamp after that.
    pub(crate) fn append(&mut self, message: &Message, since: Duration) {
        let kind = if message.message_type == MessageType::AUDIO { Kind::Audio } else { Kind::Video };
        let now = since + Duration::from_millis(message.timestamp.into());
        if let Some(demuxed) = self.demuxer.demux(kind, message.payload.clone(), now) {
            #[allow(clippy::cast_possible_truncation, reason = "RTMP's clock wraps at 32 bits")]
            let message = demuxed.place(now.as_millis() as u32, &mut self.timeline);
            self.meter.take(&message);
            self.log.append(message, &mut self.evicted);
            self.evicted.clear();
        }
    }
}

/// The next second, onto a log that is full.
pub(crate) fn log_append() -> impl FnMut() {
    let messages = one_second();
    let mut writer = Writer::new();
    let mut since = Duration::ZERO;
    let mut append = move || {
        messages.iter().for_each(|message| writer.append(message, since));
        since += Duration::from_secs(1);
    };
    (0..=WINDOW.duration.as_secs()).for_each(|_| append());
    append
}

/// One second, read by so many cursors one after the other.
pub(crate) fn cursors_read(cursors: u64) -> impl FnMut() {
    let mut writer = Writer::new();
    one_second().iter().for_each(|message| writer.append(message, Duration::ZERO));
    let batch = Batch { messages: 64, bytes: 128 << 10 };
    let mut into = Vec::new();
    move || {
        for _ in 0..cursors {
            let mut cursor = Cursor::at(0);
            while writer.log.read(&mut cursor, batch, u64::MAX, &mut into) != Read::Messages(0) {
                into.clear();
            }
        }
    }
}

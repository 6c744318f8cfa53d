//! What is inside audio, video and data messages.

use std::time::Duration;

use bytes::Bytes;

use super::choices::Choices;
use crate::{
    media::FourCc,
    media::{
        Class, Description, Inspector, Kind, PictureFormat, Plain, Size, SoundFormat, configurations,
        enhanced::{FrameType, Packet, PacketType},
        metadata, plain_default_track,
    },
    stream::{Demuxer, Log, Meter, Timeline, Window},
};

/// A small log, so that its bounds are reached.
const WINDOW: Window = Window { duration: Duration::from_secs(5), bytes: 1 << 14, hard_bytes: 1 << 16 };

/// The most configuration that one publish can make us hold, in bytes.
const LARGEST_EPOCH: usize = 1 << 20;

/// Any messages are answered, and lie in the log of a stream within its bounds, in an order that never runs back.
pub fn media_tag(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut inspector = Inspector::new();
    let mut stream = Stream::default();
    for _ in 0..64 {
        if choices.is_empty() {
            break;
        }
        let kind = [Kind::Video, Kind::Audio, Kind::Data][usize::from(choices.u8() % 3)];
        let step = choices.u16();
        let length = match choices.u8() {
            u8::MAX => usize::MAX,
            length => length.into(),
        };
        let payload = Bytes::copy_from_slice(choices.take(length));
        assert_answered(&mut inspector, kind, &payload);
        stream.append(kind, step, payload);
    }
}

/// A configuration record says the same of the pictures behind it in whatever form both are sent: FLV's own, plain
/// Enhanced RTMP, on one track and in the form for many.
pub fn codec_configuration(data: &[u8]) {
    let mut choices = Choices::new(data);
    let four_cc = [FourCc::AVC, FourCc::HEVC, FourCc::AV1, FourCc::VVC][usize::from(choices.u8() % 4)];
    let frame_type = FrameType(1 + choices.u8() % 4);
    let length = usize::from(choices.u8());
    let record = choices.take(length);
    let picture = choices.rest();

    let packet = |frame_type, packet_type, data| Packet { kind: Kind::Video, frame_type, packet_type, four_cc, data };
    let header = packet(FrameType::KEY, PacketType::SEQUENCE_START, record);
    let coded = packet(frame_type, PacketType::CODED_FRAMES_X, picture);
    let described = |header: &Bytes, coded: &Bytes| {
        let mut inspector = Inspector::new();
        assert_answered(&mut inspector, Kind::Video, header);
        assert_answered(&mut inspector, Kind::Video, coded);
        let Description { class, codec, .. } = inspector.inspect(Kind::Video, coded);
        (class, codec)
    };
    let expected = described(&header.plain(), &coded.plain());
    for track in [0, 7] {
        assert_eq!(described(&header.on_track(track), &coded.on_track(track)), expected);
    }
    assert_eq!(described(&many_tracks(&header), &many_tracks(&coded)), expected);
    let codec_id = match four_cc {
        FourCc::AVC => 7,
        FourCc::HEVC => 12,
        FourCc::AV1 => 13,
        _ => return,
    };
    let legacy = |frame_type: FrameType, packet_type, data: &[u8]| -> Bytes {
        [&[frame_type.0 << 4 | codec_id, packet_type, 0, 0, 0], data].concat().into()
    };
    assert_eq!(described(&legacy(FrameType::KEY, 0, record), &legacy(frame_type, 1, picture)), expected);
}

/// What the headers of a track say, for people: it is answered whatever they hold, within bounds that a decoder could have, and
/// the same in every form; a header that is cut short says less, never something else.
pub fn track_format(data: &[u8]) {
    let mut choices = Choices::new(data);
    let (kind, four_cc) = [
        (Kind::Video, FourCc::AVC),
        (Kind::Video, FourCc::HEVC),
        (Kind::Video, FourCc::AV1),
        (Kind::Audio, FourCc::AAC),
        (Kind::Audio, FourCc::OPUS),
        (Kind::Audio, FourCc::FLAC),
        (Kind::Data, FourCc::AVC),
    ][usize::from(choices.u8() % 7)];
    let cut = usize::from(choices.u8());
    let record = choices.rest();
    let said = |form: &[u8]| match kind {
        Kind::Video => (PictureFormat::of_header(form), SoundFormat::default()),
        Kind::Audio => (PictureFormat::default(), SoundFormat::of_header(form)),
        Kind::Data => (PictureFormat::of_metadata(form), SoundFormat::of_metadata(form)),
    };
    if kind == Kind::Data {
        assert_believable(said(record));
        assert_eq!(said(record), said(&metadata::wrap(&metadata::unwrap(&Bytes::copy_from_slice(record)))));
        return;
    }
    let packet =
        |data| Packet { kind, frame_type: FrameType::KEY, packet_type: PacketType::SEQUENCE_START, four_cc, data };
    let whole = said(&packet(record).plain());
    assert_believable(whole);
    assert_eq!(said(&packet(record).on_track(7)), whole);
    let (part, _) = record.split_at(cut.min(record.len()));
    let part = said(&packet(part).plain());
    assert_believable(part);
    assert!(part.0.size.is_none() || part.0.size == whole.0.size || whole.0.size.is_none(), "another size");
}

/// No larger than what the fields of the codecs can hold.
fn assert_believable((picture, sound): (PictureFormat, SoundFormat)) {
    if let Some(Size { width, height, .. }) = picture.size {
        assert!(width > 0 && height > 0);
    }
    assert!(picture.level.is_none_or(|level| level > 0));
    assert!(sound.sample_rate.is_none_or(|rate| (1..1 << 24).contains(&rate)));
    assert!(sound.channels.is_none_or(|channels| channels > 0));
    assert_eq!(sound.origin.is_none(), sound.sample_rate.is_none() && sound.channels.is_none());
}

/// The packet in the form for many tracks, as the only one.
fn many_tracks(packet: &Packet<'_>) -> Bytes {
    const MANY_TRACKS: u8 = 1 << 4;
    let one_track = packet.on_track(0);
    let (header, _) = one_track.split_at(6);
    let [_, s2, s1, s0] = u32::try_from(packet.data.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[header[0], MANY_TRACKS | header[1]], &header[2..], &[0, s2, s1, s0], packet.data].concat().into()
}

/// A message is described; what it configures and its plain form are messages that mean the same.
pub(crate) fn assert_answered(inspector: &mut Inspector, kind: Kind, payload: &Bytes) {
    let description = inspector.inspect(kind, payload);
    let slots = configurations(kind, payload, &description);
    assert!(slots.is_empty() || matches!(description.class, Class::Configuration(_)));

    // What is stored for a slot is a message of its own that fills this slot and no other.
    for (slot, stored) in slots.into_iter().filter(|(_, stored)| !stored.is_empty()) {
        let description = Inspector::new().inspect(slot.kind, &stored);
        assert_eq!(description.class, Class::Configuration(slot.configuration));
        assert_eq!(description.track(), slot.track);
        assert_eq!(configurations(slot.kind, &stored, &description), vec![(slot, stored)]);
    }

    // What has been made plain is plain, and is the same thing.
    if let Plain::Rewritten(plain) = plain_default_track(kind, payload, &description) {
        let again = Inspector::new().inspect(kind, &plain);
        assert_eq!(again.codec, description.codec);
        assert_eq!(plain_default_track(kind, &plain, &again), Plain::Unchanged);
    }
}

/// A publish, from its messages to its log.
pub(super) struct Stream {
    demuxer: Demuxer,
    timeline: Timeline,
    log: Log,
    meter: Meter,
    now: Duration,
    raw: u32,
    /// The last time on each track.
    last: std::collections::BTreeMap<(Kind, u8), i64>,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            demuxer: Demuxer::new(Duration::ZERO),
            timeline: Timeline::default(),
            log: Log::new(WINDOW),
            meter: Meter::default(),
            now: Duration::ZERO,
            raw: 0,
            last: std::collections::BTreeMap::new(),
        }
    }
}

impl Stream {
    /// A message that comes so many milliseconds later; the clock of the publisher jumps where that is many.
    fn append(&mut self, kind: Kind, step: u16, payload: Bytes) {
        self.now += Duration::from_millis(u64::from(step % 4096));
        self.raw = self.raw.wrapping_add(if step > 60_000 { u32::from(step) << 15 } else { u32::from(step % 4096) });
        self.append_at(kind, self.raw, payload);
    }

    /// A message with the publisher's time `raw`.
    pub(super) fn append_at(&mut self, kind: Kind, raw: u32, payload: Bytes) {
        let Some(demuxed) = self.demuxer.demux(kind, payload, self.now) else { return };
        let message = demuxed.place(raw, &mut self.timeline);
        let track = (kind, message.description.track());
        let last = self.last.insert(track, message.timestamp);
        assert!(last.is_none_or(|last| last <= message.timestamp), "time runs back");
        assert!(message.epoch.bytes() <= LARGEST_EPOCH);
        let _ = message.plain();
        self.meter.take(&message);
        let rates = self.meter.rates(self.now);
        assert!(rates.frames.is_none_or(|frames| frames.is_finite() && frames >= 0.0));
        self.log.append(message, &mut Vec::new());
        assert!(self.log.bytes() <= WINDOW.hard_bytes);
    }
}

//! From the messages of a publish to the entries of a log.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;

use super::{Epoch, Message, Timeline, facts::Formats};
use crate::media::{self, Class, Codec, Description, Inspector, Kind, Packaging};

/// While a publish has shown no video for this long, its audio is where readers start.
const AUDIO_ONLY_AFTER: Duration = Duration::from_secs(1);

/// Turns the messages of one publish into what the log takes: configuration goes into the epoch, everything else gets its
/// place on the timeline. Each publish starts with an empty epoch.
///
/// Pure: the time of arrival is an argument.
pub struct Demuxer {
    inspector: Inspector,
    epoch: Arc<Epoch>,
    /// Those of `epoch`.
    formats: Formats,
    began: Duration,
    video: Option<Codec>,
    audio: Option<Codec>,
    has_video: bool,
    is_enhanced: bool,
}

/// A message of a publish that has no place on the timeline and in the log yet.
pub struct Demuxed {
    kind: Kind,
    arrival: Duration,
    payload: Bytes,
    description: Description,
    epoch: Arc<Epoch>,
    random_access: bool,
}

impl Demuxed {
    /// The message at its place on `timeline`, by the publisher's timestamp `raw` (ms). The log gives it the rest.
    pub fn place(self, raw: u32, timeline: &mut Timeline) -> Message {
        let Self { kind, arrival, payload, description, epoch, random_access } = self;
        let timestamp = timeline.place(kind, description.track(), raw, arrival);
        Message {
            sequence: 0,
            offset: 0,
            cost: 0,
            plain: OnceLock::new(),
            kind,
            timestamp,
            arrival,
            payload,
            description,
            epoch,
            random_access,
        }
    }
}

impl Demuxer {
    /// A publish that began at `now` on the stream's clock.
    pub fn new(now: Duration) -> Self {
        Self {
            inspector: Inspector::new(),
            epoch: Arc::new(Epoch::default()),
            formats: Formats::default(),
            began: now,
            video: None,
            audio: None,
            has_video: false,
            is_enhanced: false,
        }
    }

    /// The codec of the default video track, once it is known.
    pub fn video_codec(&self) -> Option<Codec> {
        self.video
    }

    /// The codec of the default audio track, once it is known.
    pub fn audio_codec(&self) -> Option<Codec> {
        self.audio
    }

    /// What the headers that are in force say of the default tracks.
    pub fn formats(&self) -> Formats {
        self.formats
    }

    /// Whether the publisher sends Enhanced RTMP.
    pub fn is_enhanced(&self) -> bool {
        self.is_enhanced
    }

    /// Takes one FLV tag body. Configuration gives `None`: it travels with the messages that need it. Everything that can be
    /// found out without the stream's lock.
    pub fn demux(&mut self, kind: Kind, payload: Bytes, now: Duration) -> Option<Demuxed> {
        let description = self.inspector.inspect(kind, &payload);
        self.remember_codec(kind, &description);
        if matches!(description.class, Class::Configuration(_)) {
            self.configure(kind, &payload, &description);
            return None;
        }
        let random_access = self.is_random_access(kind, &description, now);
        Some(Demuxed { kind, arrival: now, payload, description, epoch: Arc::clone(&self.epoch), random_access })
    }

    fn remember_codec(&mut self, kind: Kind, description: &Description) {
        self.has_video |= kind == Kind::Video;
        self.is_enhanced |= description.packaging != Packaging::Legacy;
        if description.track() != 0 || description.codec.is_none() {
            return;
        }
        match kind {
            Kind::Video => self.video = description.codec,
            Kind::Audio => self.audio = description.codec,
            Kind::Data => {}
        }
    }

    fn configure(&mut self, kind: Kind, payload: &Bytes, description: &Description) {
        let before = Arc::clone(&self.epoch);
        for (slot, payload) in media::configurations(kind, payload, description) {
            // Empty means cleared.
            if payload.is_empty() {
                Epoch::clear(&mut self.epoch, slot);
            } else {
                Epoch::fill(&mut self.epoch, slot, payload);
            }
        }
        // Encoders repeat their headers: what is the same is not read again.
        if !Arc::ptr_eq(&before, &self.epoch) {
            self.formats = Formats::of(&self.epoch);
        }
    }

    /// A keyframe of the default video track whose codec is configured; while no video is known, any audio.
    fn is_random_access(&self, kind: Kind, description: &Description, now: Duration) -> bool {
        let starts = match (kind, description.class) {
            (Kind::Video, Class::Keyframe) => true,
            (Kind::Audio, Class::Audio) => !self.has_video && now.saturating_sub(self.began) >= AUDIO_ONLY_AFTER,
            _ => false,
        };
        starts && description.track() == 0 && self.epoch.can_decode(kind, description.codec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        media::{ConfigurationKind, Slot},
        stream::testing::{
            AAC_HEADER, AVC_HEADER, AVC_OTHER_HEADER, METADATA, WINDOW, Written, inter, keyframe, sound,
        },
    };

    fn random_access(written: &Written) -> Option<u64> {
        written.log.newest_random_access(0, u64::MAX).map(|message| message.sequence)
    }

    #[test]
    fn configuration_travels_with_the_messages_that_need_it() {
        let mut written = Written::with_headers(WINDOW);
        assert_eq!(written.log.head(), 0, "configuration is not a message");
        written.push(Kind::Video, 40, keyframe(b"1"));
        written.push(Kind::Video, 80, Bytes::from_static(AVC_HEADER));
        written.push(Kind::Video, 80, inter(b"2"));
        written.push(Kind::Video, 120, Bytes::from_static(AVC_OTHER_HEADER));
        written.push(Kind::Video, 120, keyframe(b"3"));
        let messages = written.read_all();
        assert!(Arc::ptr_eq(&messages[0].epoch, &messages[1].epoch), "a repeated header changes nothing");
        assert!(!Arc::ptr_eq(&messages[1].epoch, &messages[2].epoch));
        let metadata = Slot { kind: Kind::Data, track: 0, configuration: ConfigurationKind::OnMetaData };
        assert_eq!(messages[2].epoch.slot(metadata).unwrap(), METADATA);
    }

    #[test]
    fn a_reader_starts_at_a_keyframe_that_can_be_decoded() {
        let mut written = Written::new(WINDOW);
        written.push(Kind::Video, 0, keyframe(b"no header yet"));
        assert_eq!(random_access(&written), None);
        written.push(Kind::Video, 40, Bytes::from_static(AVC_HEADER));
        written.push(Kind::Video, 40, inter(b""));
        assert_eq!(random_access(&written), None);
        written.push(Kind::Video, 80, keyframe(b""));
        assert_eq!(random_access(&written), Some(2));
        written.push(Kind::Audio, 90, Bytes::from_static(AAC_HEADER));
        written.push(Kind::Audio, 5000, sound(b""));
        assert_eq!(random_access(&written), Some(2), "sound is no start where there is a picture");
    }

    #[test]
    fn sound_alone_is_a_start_once_no_picture_came_for_a_second() {
        let mut written = Written::new(WINDOW);
        written.push(Kind::Audio, 0, Bytes::from_static(AAC_HEADER));
        written.push(Kind::Audio, 0, sound(b"1"));
        written.push(Kind::Audio, 999, sound(b"2"));
        assert_eq!(random_access(&written), None);
        written.push(Kind::Audio, 1000, sound(b"3"));
        assert_eq!(random_access(&written), Some(2));
    }
}

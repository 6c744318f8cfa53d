//! FLV files, read and written by the letter of the file format and nothing else (FLV 10.1, annex E).

use std::fs;
use std::path::Path;

use bytes::Bytes;

pub(crate) const AUDIO: u8 = 8;
pub(crate) const VIDEO: u8 = 9;
pub(crate) const DATA: u8 = 18;

/// Packet types: a sequence header, and in Enhanced RTMP colour information (video) or the order of channels (audio).
const SEQUENCE_HEADER: u8 = 0;
const EXTRA_CONFIGURATION: u8 = 4;

const FILE_HEADER: usize = 9;
const TAG_HEADER: usize = 11;
const BACK_POINTER: usize = 4;

/// One tag, which is also one RTMP media message: kind 8, 9 or 18, milliseconds, and the payload as it stands.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) kind: u8,
    pub(crate) timestamp: u32,
    pub(crate) payload: Bytes,
}

/// A place for one configuration: a new one there takes the place of the old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot {
    kind: u8,
    packet: u8,
    track: u8,
}

impl Tag {
    pub(crate) fn is_media(&self) -> bool {
        self.kind == AUDIO || self.kind == VIDEO
    }

    /// What the message configures, where it does; frames belong to a slot's track.
    pub(crate) fn configures(&self) -> Option<Slot> {
        let (packet, track) = self.packet()?;
        let is_configuration = packet == SEQUENCE_HEADER || (packet == EXTRA_CONFIGURATION && self.is_enhanced());
        is_configuration.then_some(Slot { kind: self.kind, packet, track })
    }

    pub(crate) fn is_configuration(&self) -> bool {
        self.configures().is_some()
    }

    /// The track of an Enhanced multitrack message with one track (the first one's, where it has several); else 0.
    pub(crate) fn track(&self) -> u8 {
        self.packet().map_or(0, |(_, track)| track)
    }

    fn is_enhanced(&self) -> bool {
        let first = self.payload.first().copied().unwrap_or_default();
        if self.kind == VIDEO { first & 0x80 != 0 } else { first >> 4 == 9 }
    }

    /// The packet type and the track. A legacy AVC or AAC message has a packet type too, with the same number for a header.
    fn packet(&self) -> Option<(u8, u8)> {
        let first = *self.payload.first()?;
        if !self.is_enhanced() {
            let has_packet_type = if self.kind == VIDEO { first & 0x0f == 7 } else { first >> 4 == 10 };
            return has_packet_type.then_some((*self.payload.get(1)?, 0));
        }
        let multitrack = if self.kind == VIDEO { 6 } else { 5 };
        if first & 0x0f != multitrack {
            return Some((first & 0x0f, 0));
        }
        // Multitrack type and true packet type, a FourCC, the track.
        Some((*self.payload.get(1)? & 0x0f, *self.payload.get(6)?))
    }

    /// A picture that needs no other, legacy or Enhanced.
    pub(crate) fn is_keyframe(&self) -> bool {
        self.kind == VIDEO && !self.is_configuration() && self.payload.first().is_some_and(|first| first >> 4 & 7 == 1)
    }
}

impl std::fmt::Debug for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start: String = self.payload.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        write!(f, "{}@{} {} bytes {start}", self.kind, self.timestamp, self.payload.len())
    }
}

/// All whole tags of a file; a tag that is still being written is not there yet.
pub(crate) fn read(path: &Path) -> Vec<Tag> {
    let file = Bytes::from(fs::read(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display())));
    assert!(file.starts_with(b"FLV"), "{} is not an FLV file", path.display());
    let mut tags = Vec::new();
    let mut at = FILE_HEADER + BACK_POINTER;
    while at + TAG_HEADER <= file.len() {
        let header = &file[at..at + TAG_HEADER];
        let length = u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize;
        let payload = at + TAG_HEADER..at + TAG_HEADER + length;
        if payload.end > file.len() {
            break;
        }
        tags.push(Tag {
            kind: header[0] & 0x1f,
            timestamp: u32::from_be_bytes([header[7], header[4], header[5], header[6]]),
            payload: file.slice(payload.clone()),
        });
        at = payload.end + BACK_POINTER;
    }
    tags
}

/// Writes tags as a file that any player opens.
pub(crate) fn write(path: &Path, tags: &[Tag]) {
    let mut file = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
    for tag in tags {
        let length = u32::try_from(tag.payload.len()).expect("a tag is small");
        let [_, length @ ..] = length.to_be_bytes();
        let [high, low @ ..] = tag.timestamp.to_be_bytes();
        file.push(tag.kind);
        file.extend(length);
        file.extend(low);
        file.extend([high, 0, 0, 0]);
        file.extend(&tag.payload);
        let back = u32::try_from(TAG_HEADER + tag.payload.len()).expect("a tag is small");
        file.extend(back.to_be_bytes());
    }
    fs::write(path, file).expect("the file can be written");
}

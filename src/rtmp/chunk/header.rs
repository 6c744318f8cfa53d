//! The header of a chunk, both ways (RTMP 1.0 §5.3.1).
//!
//! ```text
//! basic header      fmt (2 bits), chunk stream id (6 bits; 0 and 1 mean one and two more bytes)
//! message header    11, 7, 3 or 0 bytes, by fmt
//! extended time     4 bytes, where the 24-bit time field is 0xFFFFFF
//! ```

use crate::rtmp::message::MessageType;
use crate::rtmp::outbox::ChunkHeader;

/// The value of the 24-bit time field that says: the time stands in four more bytes.
pub(super) const EXTENDED: u32 = 0xFF_FFFF;

/// A message header, as far as it is on the wire. A `delta` is to be added to the time of the message before on the
/// same chunk stream, modulo 2^32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageHeader {
    /// fmt 0: everything.
    Full { timestamp: u32, length: u32, message_type: MessageType, message_stream_id: u32 },
    /// fmt 1: all but the message stream.
    SameStream { delta: u32, length: u32, message_type: MessageType },
    /// fmt 2: time alone; length and type too are those of the message before.
    SameShape { delta: u32 },
    /// fmt 3: nothing. The message goes on, or another one begins with all as before. Whether an extended time follows
    /// is not to be seen here: it is repeated where the last header of another kind had one.
    Repeat,
}

/// What [`MessageHeader::parse`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parsed {
    /// The header has at least this many bytes, more than there are.
    Incomplete(usize),
    /// The header is whole. `extended`: its time once more, if it stood in the extended field.
    Complete { chunk_stream_id: u32, header: MessageHeader, extended: Option<u32> },
}

impl MessageHeader {
    /// Reads the header that `bytes` begin with. Never asks for more bytes than the header has: whoever takes just what
    /// is asked for ends exactly behind it.
    pub(super) fn parse(bytes: &[u8]) -> Parsed {
        let (format, chunk_stream_id, rest) = match *bytes {
            [] => return Parsed::Incomplete(1),
            [first, ref rest @ ..] => match (first & 0x3F, rest) {
                (0, [low, rest @ ..]) => (first >> 6, 64 + u32::from(*low), rest),
                (0, _) => return Parsed::Incomplete(2),
                // The one little-endian number beside the message stream id.
                (1, [low, high, rest @ ..]) => (first >> 6, 64 + u32::from(u16::from_le_bytes([*low, *high])), rest),
                (1, _) => return Parsed::Incomplete(3),
                (id, rest) => (first >> 6, u32::from(id), rest),
            },
        };
        let basic_len = bytes.len() - rest.len();
        let fields_len = match format {
            0 => 11,
            1 => 7,
            2 => 3,
            _ => return Parsed::Complete { chunk_stream_id, header: Self::Repeat, extended: None },
        };
        let Some((fields, after)) = rest.split_at_checked(fields_len) else {
            return Parsed::Incomplete(basic_len + fields_len);
        };
        let mut time = fields.first_chunk().map_or(0, |bytes| u24(*bytes));
        let mut extended = None;
        if time == EXTENDED {
            let Some(bytes) = after.first_chunk() else { return Parsed::Incomplete(basic_len + fields_len + 4) };
            time = u32::from_be_bytes(*bytes);
            extended = Some(time);
        }
        let header = match *fields {
            [_, _, _, l2, l1, l0, kind, s0, s1, s2, s3] => Self::Full {
                timestamp: time,
                length: u24([l2, l1, l0]),
                message_type: MessageType(kind),
                message_stream_id: u32::from_le_bytes([s0, s1, s2, s3]),
            },
            [_, _, _, l2, l1, l0, kind] => {
                Self::SameStream { delta: time, length: u24([l2, l1, l0]), message_type: MessageType(kind) }
            }
            _ => Self::SameShape { delta: time },
        };
        Parsed::Complete { chunk_stream_id, header, extended }
    }

    /// The bytes of this header. [`Repeat`](Self::Repeat) is written without an extended time: see [`continuation`].
    pub(super) fn encode(&self, chunk_stream_id: u32) -> ChunkHeader {
        let mut out = ChunkHeader::default();
        let time = match *self {
            Self::Full { timestamp, length, message_type, message_stream_id } => {
                put_basic(&mut out, 0, chunk_stream_id);
                put_u24(&mut out, timestamp.min(EXTENDED));
                put_u24(&mut out, length);
                out.put(&[message_type.0]);
                out.put(&message_stream_id.to_le_bytes());
                timestamp
            }
            Self::SameStream { delta, length, message_type } => {
                put_basic(&mut out, 1, chunk_stream_id);
                put_u24(&mut out, delta.min(EXTENDED));
                put_u24(&mut out, length);
                out.put(&[message_type.0]);
                delta
            }
            Self::SameShape { delta } => {
                put_basic(&mut out, 2, chunk_stream_id);
                put_u24(&mut out, delta.min(EXTENDED));
                delta
            }
            Self::Repeat => {
                put_basic(&mut out, 3, chunk_stream_id);
                return out;
            }
        };
        put_extended(&mut out, time);
        out
    }

    /// The time field: a timestamp or a delta, whichever the header has.
    pub(super) fn time(&self) -> Option<u32> {
        match *self {
            Self::Full { timestamp: time, .. }
            | Self::SameStream { delta: time, .. }
            | Self::SameShape { delta: time } => Some(time),
            Self::Repeat => None,
        }
    }
}

/// The header of each chunk of a message but its first, where `first` is the message's header. The extended time is
/// always repeated, as the specification has it (§5.3.1.3).
pub(super) fn continuation(first: &MessageHeader, chunk_stream_id: u32) -> ChunkHeader {
    let mut out = MessageHeader::Repeat.encode(chunk_stream_id);
    put_extended(&mut out, first.time().unwrap_or_default());
    out
}

fn put_basic(out: &mut ChunkHeader, format: u8, chunk_stream_id: u32) {
    let format = format << 6;
    // Ids are at most 65,599 (§5.3.1.1); the casts take the bits that the form has.
    match chunk_stream_id {
        0..64 => out.put(&[format | chunk_stream_id as u8]),
        64..320 => out.put(&[format, (chunk_stream_id - 64) as u8]),
        _ => {
            let [low, high] = ((chunk_stream_id - 64) as u16).to_le_bytes();
            out.put(&[format | 1, low, high]);
        }
    }
}

fn put_u24(out: &mut ChunkHeader, value: u32) {
    let [_, high, middle, low] = value.to_be_bytes();
    out.put(&[high, middle, low]);
}

fn put_extended(out: &mut ChunkHeader, time: u32) {
    if time >= EXTENDED {
        out.put(&time.to_be_bytes());
    }
}

fn u24([high, middle, low]: [u8; 3]) -> u32 {
    u32::from_be_bytes([0, high, middle, low])
}

#[cfg(test)]
mod tests {
    use super::MessageHeader::{Full, Repeat, SameShape, SameStream};
    use super::*;

    const AUDIO: MessageType = MessageType::AUDIO;
    const VIDEO: MessageType = MessageType::VIDEO;

    /// One table, both ways: chunk stream id, header, its bytes.
    fn table() -> Vec<(u32, MessageHeader, Vec<u8>)> {
        let full = |timestamp| Full { timestamp, length: 0x01_02_03, message_type: VIDEO, message_stream_id: 1 };
        let fields = [0x01, 0x02, 0x03, 9, 1, 0, 0, 0];
        vec![
            (2, full(0), [&[0x02, 0, 0, 0][..], &fields].concat()),
            (63, full(0x0A_0B_0C), [&[0x3F, 0x0A, 0x0B, 0x0C][..], &fields].concat()),
            (64, full(1), [&[0x00, 0, 0, 0, 1][..], &fields].concat()),
            (319, full(1), [&[0x00, 0xFF, 0, 0, 1][..], &fields].concat()),
            (320, full(1), [&[0x01, 0x00, 0x01, 0, 0, 1][..], &fields].concat()),
            (65_599, full(1), [&[0x01, 0xFF, 0xFF, 0, 0, 1][..], &fields].concat()),
            (4, full(0xFF_FFFE), [&[0x04, 0xFF, 0xFF, 0xFE][..], &fields].concat()),
            (4, full(0xFF_FFFF), [&[0x04, 0xFF, 0xFF, 0xFF][..], &fields, &[0, 0xFF, 0xFF, 0xFF]].concat()),
            (4, full(0xFFFF_FFFF), [&[0x04, 0xFF, 0xFF, 0xFF][..], &fields, &[0xFF; 4]].concat()),
            (
                5,
                Full { timestamp: 0, length: 0, message_type: AUDIO, message_stream_id: 0x0403_0201 },
                vec![0x05, 0, 0, 0, 0, 0, 0, 8, 1, 2, 3, 4],
            ),
            (
                4,
                SameStream { delta: 23, length: 0xFF_FFFF, message_type: AUDIO },
                vec![0x44, 0, 0, 23, 0xFF, 0xFF, 0xFF, 8],
            ),
            // A step of 3 ms back, as OBS writes it.
            (
                4,
                SameStream { delta: 0xFFFF_FFFD, length: 5, message_type: VIDEO },
                vec![0x44, 0xFF, 0xFF, 0xFF, 0, 0, 5, 9, 0xFF, 0xFF, 0xFF, 0xFD],
            ),
            (400, SameShape { delta: 40 }, vec![0x81, 0x50, 0x01, 0, 0, 40]),
            (6, SameShape { delta: 0x0100_0000 }, vec![0x86, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0]),
            (6, Repeat, vec![0xC6]),
            (64, Repeat, vec![0xC0, 0]),
            (320, Repeat, vec![0xC1, 0, 1]),
        ]
    }

    #[test]
    fn headers_both_ways() {
        for (chunk_stream_id, header, bytes) in table() {
            assert_eq!(header.encode(chunk_stream_id).bytes(), bytes);
            let extended = header.time().filter(|time| *time >= EXTENDED);
            assert_eq!(MessageHeader::parse(&bytes), Parsed::Complete { chunk_stream_id, header, extended });
        }
    }

    #[test]
    fn an_incomplete_header_asks_for_no_more_than_it_has() {
        for (_, _, bytes) in table() {
            for len in 0..bytes.len() {
                match MessageHeader::parse(&bytes[..len]) {
                    Parsed::Incomplete(needed) => assert!(needed > len && needed <= bytes.len(), "{bytes:?} {len}"),
                    complete => panic!("{bytes:?} cut at {len}: {complete:?}"),
                }
            }
        }
    }

    #[test]
    fn a_continuation_repeats_the_extended_time() {
        let long = Full { timestamp: 0x0102_0304, length: 1000, message_type: VIDEO, message_stream_id: 1 };
        assert_eq!(continuation(&long, 6).bytes(), [0xC6, 1, 2, 3, 4]);
        assert_eq!(continuation(&SameShape { delta: 40 }, 6).bytes(), [0xC6]);
    }
}

//! A chunk decoder that is slow and plain: all bytes at hand, one function, no states. It shares no code with the real
//! one.

use std::collections::HashMap;

use crate::rtmp::message::{Message, MessageType};

#[derive(Default, Clone)]
struct Stream {
    time: u32,
    delta: u32,
    len: usize,
    kind: u8,
    message_stream: u32,
    extended: Option<u32>,
    partial: Option<Vec<u8>>,
}

/// Big-endian, of any length.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// The messages in `wire`, and whether it is malformed behind them.
pub(super) fn reference_messages(wire: &[u8], chunk_size: usize) -> (Vec<Message>, bool) {
    let mut messages = Vec::new();
    let malformed = read(wire, chunk_size, &mut messages) == Some(true);
    (messages, malformed)
}

/// `None` where the bytes end inside of something.
fn read(wire: &[u8], chunk_size: usize, messages: &mut Vec<Message>) -> Option<bool> {
    let mut streams: HashMap<u32, Stream> = HashMap::new();
    let mut at = 0;
    while at < wire.len() {
        let format = wire[at] / 64;
        let id = match wire[at] % 64 {
            0 => 64 + u32::from(*wire.get(at + 1)?),
            1 => 64 + u32::from(*wire.get(at + 1)?) + 256 * u32::from(*wire.get(at + 2)?),
            id => u32::from(id),
        };
        at += match wire[at] % 64 {
            0 => 2,
            1 => 3,
            _ => 1,
        };

        let known = streams.contains_key(&id);
        let mut stream = streams.get(&id).cloned().unwrap_or_default();
        if format < 3 {
            let fields = wire.get(at..at + [11, 7, 3][usize::from(format)])?;
            at += fields.len();
            let mut time = number(&fields[..3]);
            stream.extended = None;
            if time == 0xFF_FFFF {
                time = number(wire.get(at..at + 4)?);
                at += 4;
                stream.extended = Some(time);
            }
            if format < 2 {
                stream.len = number(&fields[3..6]) as usize;
                stream.kind = fields[6];
            } else if !known {
                return Some(true);
            }
            stream.delta = time;
            stream.time = if format == 0 { time } else { stream.time.wrapping_add(time) };
            if format == 0 {
                stream.message_stream = u32::from(fields[7])
                    + 0x100 * u32::from(fields[8])
                    + 0x1_0000 * u32::from(fields[9])
                    + 0x100_0000 * u32::from(fields[10]);
            }
            stream.partial = Some(Vec::new());
        } else {
            if !known {
                return Some(true);
            }
            if let Some(extended) = stream.extended {
                for count in 1..=4 {
                    let bytes = wire.get(at..at + count)?;
                    if bytes != &extended.to_be_bytes()[..count] && bytes != &stream.time.to_be_bytes()[..count] {
                        break;
                    }
                    if count == 4 {
                        at += 4;
                    }
                }
            }
            if stream.partial.is_none() {
                stream.time = stream.time.wrapping_add(stream.delta);
                stream.partial = Some(Vec::new());
            }
        }

        let mut partial = stream.partial.take().unwrap();
        let left = chunk_size.min(stream.len - partial.len());
        partial.extend_from_slice(wire.get(at..at + left)?);
        at += left;
        if partial.len() < stream.len {
            stream.partial = Some(partial);
        } else {
            messages.push(Message {
                message_type: MessageType(stream.kind),
                message_stream_id: stream.message_stream,
                timestamp: stream.time,
                payload: partial.into(),
            });
        }
        streams.insert(id, stream);
    }
    Some(false)
}

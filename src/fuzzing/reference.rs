//! A chunk decoder that is slow and plain: all bytes at hand, one function, no states. It shares no code with the real
//! one.

use std::collections::HashMap;

use crate::rtmp::message::{Message, MessageType};

/// Reads the messages of a chunk stream one after the other.
pub(crate) struct Reference<'a> {
    wire: &'a [u8],
    at: usize,
    streams: HashMap<u32, Stream>,
    /// The peer's chunk size. Not brought into any range here: that is for who sets it.
    pub(crate) chunk_size: usize,
}

/// Where the wire has no meaning.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

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

impl<'a> Reference<'a> {
    pub(crate) fn new(wire: &'a [u8], chunk_size: usize) -> Self {
        Self { wire, at: 0, streams: HashMap::new(), chunk_size }
    }

    /// The unfinished message of a chunk stream is dropped.
    pub(crate) fn abort(&mut self, chunk_stream_id: u32) {
        if let Some(stream) = self.streams.get_mut(&chunk_stream_id) {
            stream.partial = None;
        }
    }

    /// Reads chunks up to the end of a message. `None` where the bytes end inside of something, or at their end.
    pub(crate) fn next(&mut self) -> Option<Result<Message, Malformed>> {
        loop {
            match self.chunk()? {
                Ok(None) => {}
                Ok(Some(message)) => return Some(Ok(message)),
                Err(malformed) => return Some(Err(malformed)),
            }
        }
    }

    fn chunk(&mut self) -> Option<Result<Option<Message>, Malformed>> {
        let (wire, mut at) = (self.wire, self.at);
        let first = *wire.get(at)?;
        let format = first / 64;
        let id = match first % 64 {
            0 => 64 + u32::from(*wire.get(at + 1)?),
            1 => 64 + u32::from(*wire.get(at + 1)?) + 256 * u32::from(*wire.get(at + 2)?),
            id => u32::from(id),
        };
        at += match first % 64 {
            0 => 2,
            1 => 3,
            _ => 1,
        };

        let known = self.streams.contains_key(&id);
        let mut stream = self.streams.get(&id).cloned().unwrap_or_default();
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
                return Some(Err(Malformed));
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
                return Some(Err(Malformed));
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

        let mut partial = stream.partial.take().unwrap_or_default();
        let left = self.chunk_size.min(stream.len - partial.len());
        partial.extend_from_slice(wire.get(at..at + left)?);
        self.at = at + left;
        let message = if partial.len() < stream.len {
            stream.partial = Some(partial);
            None
        } else {
            Some(Message {
                message_type: MessageType(stream.kind),
                message_stream_id: stream.message_stream,
                timestamp: stream.time,
                payload: partial.into(),
            })
        };
        self.streams.insert(id, stream);
        Some(Ok(message))
    }
}

/// The messages in `wire`, and whether it is malformed behind them.
#[cfg(test)]
pub(crate) fn reference_messages(wire: &[u8], chunk_size: usize) -> (Vec<Message>, bool) {
    let mut reference = Reference::new(wire, chunk_size);
    let mut messages = Vec::new();
    loop {
        match reference.next() {
            None => return (messages, false),
            Some(Ok(message)) => messages.push(message),
            Some(Err(Malformed)) => return (messages, true),
        }
    }
}

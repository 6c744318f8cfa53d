//! The chunk stream, read in all its header forms and written in the plainest one (Adobe RTMP 1.0, section 5.3).

use std::collections::HashMap;
use std::io::{self, Read};

use bytes::Bytes;

pub(crate) const SET_CHUNK_SIZE: u8 = 1;
pub(crate) const ABORT: u8 = 2;
pub(crate) const USER_CONTROL: u8 = 4;
pub(crate) const WINDOW_ACKNOWLEDGEMENT_SIZE: u8 = 5;
pub(crate) const SET_PEER_BANDWIDTH: u8 = 6;
pub(crate) const COMMAND: u8 = 20;

/// The header field that says that four more bytes hold the time.
const EXTENDED: u32 = 0x00ff_ffff;

/// A whole message.
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) stream: u32,
    pub(crate) timestamp: u32,
    pub(crate) payload: Bytes,
}

#[derive(Default)]
struct ChunkStream {
    timestamp: u32,
    delta: u32,
    is_extended: bool,
    length: usize,
    kind: u8,
    stream: u32,
    partial: Vec<u8>,
}

/// Reads messages off a byte stream.
pub(crate) struct Reader<R> {
    source: R,
    chunk_size: usize,
    chunk_streams: HashMap<u32, ChunkStream>,
}

impl<R: Read> Reader<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, chunk_size: 128, chunk_streams: HashMap::new() }
    }

    /// The next message; a change of chunk size is obeyed, and given like any other.
    pub(crate) fn read(&mut self) -> io::Result<Message> {
        loop {
            if let Some(message) = self.read_chunk()? {
                if message.kind == SET_CHUNK_SIZE
                    && let Ok(size) = <[u8; 4]>::try_from(&message.payload[..])
                {
                    self.chunk_size = u32::from_be_bytes(size) as usize;
                }
                if message.kind == ABORT {
                    return Err(io::Error::other("the relay never has a reason to abort a message"));
                }
                return Ok(message);
            }
        }
    }

    fn read_chunk(&mut self) -> io::Result<Option<Message>> {
        let first = self.number(1)?;
        let id = match first & 0x3f {
            0 => self.number(1)? + 64,
            1 => self.number(2)?.to_be_bytes()[2..].iter().rev().fold(0, |id, byte| id << 8 | u32::from(*byte)) + 64,
            id => id,
        };
        let form = first >> 6;
        let time = if form < 3 { self.number(3)? } else { 0 };
        let length_and_kind =
            if form < 2 { Some((self.number(3)? as usize, self.number(1)?.to_be_bytes()[3])) } else { None };
        let stream = if form == 0 { Some(self.number(4)?.swap_bytes()) } else { None };

        let was_extended = self.chunk_streams.get(&id).is_some_and(|known| known.is_extended);
        let is_extended = if form < 3 { time == EXTENDED } else { was_extended };
        let time = if is_extended { self.number(4)? } else { time };

        let chunk_stream = self.chunk_streams.entry(id).or_default();
        let is_new = chunk_stream.partial.is_empty();
        if form < 3 && !is_new {
            return Err(io::Error::other("a new header stands inside an unfinished message"));
        }
        chunk_stream.is_extended = is_extended;
        if let Some(stream) = stream {
            chunk_stream.stream = stream;
        }
        if let Some((length, kind)) = length_and_kind {
            (chunk_stream.length, chunk_stream.kind) = (length, kind);
        }
        match form {
            0 => (chunk_stream.timestamp, chunk_stream.delta) = (time, time),
            1 | 2 => {
                chunk_stream.delta = time;
                chunk_stream.timestamp = chunk_stream.timestamp.wrapping_add(time);
            }
            _ if is_new => chunk_stream.timestamp = chunk_stream.timestamp.wrapping_add(chunk_stream.delta),
            _ => {}
        }

        let start = chunk_stream.partial.len();
        let count = (chunk_stream.length - start).min(self.chunk_size);
        chunk_stream.partial.resize(start + count, 0);
        self.source.read_exact(&mut chunk_stream.partial[start..])?;
        if chunk_stream.partial.len() < chunk_stream.length {
            return Ok(None);
        }
        Ok(Some(Message {
            kind: chunk_stream.kind,
            stream: chunk_stream.stream,
            timestamp: chunk_stream.timestamp,
            payload: std::mem::take(&mut chunk_stream.partial).into(),
        }))
    }

    /// A big-endian number of up to four bytes.
    fn number(&mut self, count: usize) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.source.read_exact(&mut bytes[4 - count..])?;
        Ok(u32::from_be_bytes(bytes))
    }
}

/// One message as chunks: a full header, then continuations that repeat an extended timestamp.
pub(crate) fn encode(chunk_stream: u8, chunk_size: usize, message: &Message) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.payload.len() + 64);
    let field = message.timestamp.min(EXTENDED);
    let extended = (field == EXTENDED).then(|| message.timestamp.to_be_bytes());
    let length = u32::try_from(message.payload.len()).expect("a message is small");

    out.push(chunk_stream);
    out.extend(&field.to_be_bytes()[1..]);
    out.extend(&length.to_be_bytes()[1..]);
    out.push(message.kind);
    out.extend(message.stream.to_le_bytes());
    out.extend(extended.iter().flatten());
    for (index, chunk) in message.payload.chunks(chunk_size).enumerate() {
        if index > 0 {
            out.push(0xc0 | chunk_stream);
            out.extend(extended.iter().flatten());
        }
        out.extend(chunk);
    }
    out
}

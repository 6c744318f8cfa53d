//! The sinks' own reader of chunks (RTMP 1.0, section 5.3): nothing of it is shared with the relay that it measures.
//!
//! A payload is not kept: of audio and video only what bears the stamp, of other messages all.

use forkcast::rtmp::message::MessageType;

use super::media;

const SET_CHUNK_SIZE: u8 = 1;
/// Of commands no more than this is kept.
const COMMAND: usize = 4096;

/// Reads messages out of bytes that come in pieces.
#[derive(Default)]
pub(crate) struct ChunkReader {
    chunk_size: usize,
    /// The header that is being received.
    header: Vec<u8>,
    streams: Vec<ChunkStream>,
    /// The chunk whose payload is being received: its stream, and what is missing.
    chunk: Option<(usize, usize)>,
}

#[derive(Default)]
struct ChunkStream {
    id: u32,
    length: usize,
    type_id: u8,
    has_extended: bool,
    received: usize,
    head: Vec<u8>,
}

/// A message that is complete.
pub(crate) struct Received<'a> {
    pub(crate) type_id: u8,
    pub(crate) length: usize,
    /// How it begins.
    pub(crate) head: &'a [u8],
}

/// A header, as far as it says where its parts are.
struct Layout {
    id: u32,
    format: u8,
    /// Where the message header begins.
    at: usize,
}

impl ChunkReader {
    pub(crate) fn new() -> Self {
        Self { chunk_size: 128, ..Self::default() }
    }

    /// Takes all of `input`, and gives each message that it completes.
    pub(crate) fn read(&mut self, mut input: &[u8], mut complete: impl FnMut(Received<'_>)) {
        while !input.is_empty() {
            let Some((index, missing)) = self.chunk else {
                self.header.push(input[0]);
                input = &input[1..];
                self.begin_chunk();
                continue;
            };
            let taken = missing.min(input.len());
            let stream = &mut self.streams[index];
            let is_media = [MessageType::AUDIO.0, MessageType::VIDEO.0].contains(&stream.type_id);
            let kept = if is_media { media::HEAD } else { COMMAND };
            let wanted = kept.saturating_sub(stream.head.len()).min(taken);
            stream.head.extend_from_slice(&input[..wanted]);
            stream.received += taken;
            input = &input[taken..];
            self.chunk = (taken < missing).then_some((index, missing - taken));
            if stream.received == stream.length {
                if stream.type_id == SET_CHUNK_SIZE && stream.head.len() == 4 {
                    let size = u32::from_be_bytes([stream.head[0], stream.head[1], stream.head[2], stream.head[3]]);
                    self.chunk_size = size.clamp(1, 0xFF_FFFF) as usize;
                }
                complete(Received { type_id: stream.type_id, length: stream.length, head: &stream.head });
                stream.received = 0;
                stream.head.clear();
            }
        }
    }

    /// Where the header is complete, the payload of its chunk comes next.
    fn begin_chunk(&mut self) {
        let Some(layout) = layout(&self.header) else { return };
        let fields = [11, 7, 3, 0][usize::from(layout.format)];
        let Some(message) = self.header.get(layout.at..layout.at + fields) else { return };
        let index = self.streams.iter().position(|stream| stream.id == layout.id);
        let has_extended = match message.get(..3) {
            Some(time) => time == [0xFF; 3],
            None => index.is_some_and(|index| self.streams[index].has_extended),
        };
        if self.header.len() < layout.at + fields + if has_extended { 4 } else { 0 } {
            return;
        }
        let index = index.unwrap_or_else(|| {
            self.streams.push(ChunkStream { id: layout.id, ..ChunkStream::default() });
            self.streams.len() - 1
        });
        let stream = &mut self.streams[index];
        stream.has_extended = has_extended;
        if let Some(&[high, middle, low, type_id]) = message.get(3..7) {
            stream.length = u32::from_be_bytes([0, high, middle, low]) as usize;
            stream.type_id = type_id;
        }
        self.chunk = Some((index, self.chunk_size.min(stream.length - stream.received)));
        self.header.clear();
    }
}

fn layout(header: &[u8]) -> Option<Layout> {
    let first = *header.first()?;
    let (id, at) = match first & 0x3F {
        0 => (u32::from(*header.get(1)?) + 64, 2),
        1 => (u32::from(*header.get(1)?) + u32::from(*header.get(2)?) * 256 + 64, 3),
        id => (u32::from(id), 1),
    };
    Some(Layout { id, format: first >> 6, at })
}

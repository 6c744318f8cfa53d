//! Chunks to messages.
//!
//! ```text
//!            .----------------------- end of the chunk -----------------------.
//!            v                                                                |
//!         Header --- fmt 0, 1, 2, or 3 without extended time -----------> Payload --> message
//!            |                                                                ^
//!            '-- fmt 3 after an extended time --> ExtendedTime --(decided)----'
//! ```

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use bytes::Bytes;

use super::DEFAULT_CHUNK_SIZE;
use super::header::{MessageHeader, Parsed};
use crate::rtmp::error::Error;
use crate::rtmp::limits::{self, Limits};
use crate::rtmp::message::{Message, MessageType};
use crate::rtmp::outbox::ChunkHeader;

/// Puts messages together from chunks that arrive in pieces of any size.
///
/// A payload is copied once, into an allocation of its own that grows as bytes arrive and has no spare capacity when
/// the message is whole. The length in a header reserves nothing.
pub struct Decoder {
    limits: Limits,
    /// Bytes of payload in each chunk but the last of a message.
    chunk_size: usize,
    streams: BTreeMap<u32, ChunkStream>,
    /// Capacity of all unfinished messages together, in bytes.
    reserved: usize,
    position: Position,
    /// Bytes that were taken for an extended time and are none: they come before any further input. At most three.
    replay: Vec<u8>,
}

/// Where in the byte stream the decoder is.
#[derive(Debug)]
enum Position {
    /// In a header, of which these bytes have come.
    Header(ChunkHeader),
    /// Behind a fmt 3 header, in what may be a repeated extended time: so far it is one.
    ExtendedTime { chunk_stream_id: u32, seen: ChunkHeader },
    /// In the payload of a chunk, `left` bytes before its end.
    Payload { chunk_stream_id: u32, left: usize },
}

/// What a chunk stream remembers: its last message header, against which the next one is compressed.
#[derive(Default)]
struct ChunkStream {
    timestamp: u32,
    delta: u32,
    length: usize,
    message_type: MessageType,
    message_stream_id: u32,
    /// The extended time of the last header that was not fmt 3, if it had one.
    extended: Option<u32>,
    /// The payload of the unfinished message, if there is one.
    partial: Option<Vec<u8>>,
}

impl Decoder {
    /// A decoder at the beginning of the chunk stream, right behind the handshake.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            chunk_size: DEFAULT_CHUNK_SIZE as usize,
            streams: BTreeMap::new(),
            reserved: 0,
            position: Position::Header(ChunkHeader::default()),
            replay: Vec::new(),
        }
    }

    /// Sets other limits, for messages that begin from here on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Sets the peer's chunk size from the next chunk on, in bytes; brought into 1 to 0xFFFFFF.
    pub fn set_chunk_size(&mut self, chunk_size: u32) {
        self.chunk_size = chunk_size.clamp(1, limits::CHUNK_SIZE) as usize;
    }

    /// Drops the unfinished message of a chunk stream, if there is one (RTMP 1.0 §5.4.2).
    pub fn abort(&mut self, chunk_stream_id: u32) {
        if let Some(stream) = self.streams.get_mut(&chunk_stream_id) {
            self.reserved -= stream.drop_partial();
        }
    }

    /// Memory that unfinished messages occupy, in bytes.
    #[must_use]
    pub fn reserved(&self) -> usize {
        self.reserved
    }

    /// Takes bytes from the front of `input` up to the end of the next message, and gives that message. `None`: all of
    /// `input` is taken, and no message ended in it.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a chunk stream that begins with a header that refers back; [`Error::Limit`].
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Error> {
        loop {
            if self.replay.is_empty() {
                let message = self.run(input)?;
                if message.is_some() || self.replay.is_empty() {
                    return Ok(message);
                }
            } else {
                let replay = std::mem::take(&mut self.replay);
                let mut bytes = replay.as_slice();
                let message = self.run(&mut bytes)?;
                self.replay.extend_from_slice(bytes);
                if message.is_some() {
                    return Ok(message);
                }
            }
        }
    }

    /// Goes on to the end of a message, the end of the input, or the moment when there are bytes to replay.
    fn run(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Error> {
        loop {
            match &mut self.position {
                Position::Header(bytes) => match MessageHeader::parse(bytes.bytes()) {
                    Parsed::Incomplete(needed) => {
                        let missing = needed - bytes.bytes().len();
                        bytes.put(take(input, missing));
                        if bytes.bytes().len() < needed {
                            return Ok(None);
                        }
                    }
                    Parsed::Complete { chunk_stream_id, header, extended } => {
                        self.begin_chunk(chunk_stream_id, header, extended)?;
                    }
                },
                Position::ExtendedTime { chunk_stream_id, seen } => {
                    let (chunk_stream_id, seen) = (*chunk_stream_id, *seen);
                    let Some(&next) = input.first() else { return Ok(None) };
                    let mut longer = seen;
                    longer.put(&[next]);
                    if !self.streams.entry(chunk_stream_id).or_default().may_repeat(longer.bytes()) {
                        self.continue_message(chunk_stream_id);
                        self.replay = seen.bytes().to_vec();
                        if !self.replay.is_empty() {
                            return Ok(None);
                        }
                        continue;
                    }
                    take(input, 1);
                    self.position = Position::ExtendedTime { chunk_stream_id, seen: longer };
                    if longer.bytes().len() == size_of::<u32>() {
                        self.continue_message(chunk_stream_id);
                    }
                }
                Position::Payload { chunk_stream_id, left } => {
                    let (chunk_stream_id, left) = (*chunk_stream_id, *left);
                    let available = input.len();
                    let bytes = take(input, left);
                    self.store(chunk_stream_id, bytes, available)?;
                    let left = left - bytes.len();
                    if left > 0 {
                        self.position = Position::Payload { chunk_stream_id, left };
                        return Ok(None);
                    }
                    self.position = Position::Header(ChunkHeader::default());
                    if let Some(message) = self.finish(chunk_stream_id) {
                        return Ok(Some(message));
                    }
                }
            }
        }
    }

    /// A header is whole.
    fn begin_chunk(&mut self, chunk_stream_id: u32, header: MessageHeader, extended: Option<u32>) -> Result<(), Error> {
        let in_use = self.streams.len();
        let stream = match self.streams.entry(chunk_stream_id) {
            Entry::Occupied(stream) => stream.into_mut(),
            // fmt 1 is not right here either, but old librtmp begins with it, and it says all that is needed.
            Entry::Vacant(_) if matches!(header, MessageHeader::SameShape { .. } | MessageHeader::Repeat) => {
                return Err(Error::Malformed("the first header of a chunk stream refers to a message before it"));
            }
            Entry::Vacant(_) if in_use >= self.limits.chunk_streams => {
                return Err(Error::Limit { what: "chunk streams", limit: self.limits.chunk_streams as u64 });
            }
            Entry::Vacant(free) => free.insert(ChunkStream::default()),
        };
        match header {
            MessageHeader::Repeat if stream.extended.is_some() => {
                self.position = Position::ExtendedTime { chunk_stream_id, seen: ChunkHeader::default() };
            }
            MessageHeader::Repeat => self.continue_message(chunk_stream_id),
            header => {
                // A header inside an unfinished message: that message will never be whole. Its buffer must not be
                // written on, since the length may be another one now.
                self.reserved -= stream.drop_partial();
                stream.apply(header);
                stream.extended = extended;
                if stream.length > self.limits.message {
                    return Err(Error::Limit { what: "bytes in a message", limit: self.limits.message as u64 });
                }
                stream.partial = Some(Vec::new());
                self.enter_payload(chunk_stream_id);
            }
        }
        Ok(())
    }

    /// A fmt 3 header is whole: the message goes on, or another one begins.
    fn continue_message(&mut self, chunk_stream_id: u32) {
        let stream = self.streams.entry(chunk_stream_id).or_default();
        if stream.partial.is_none() {
            stream.apply(MessageHeader::Repeat);
            stream.partial = Some(Vec::new());
        }
        self.enter_payload(chunk_stream_id);
    }

    fn enter_payload(&mut self, chunk_stream_id: u32) {
        let stream = self.streams.entry(chunk_stream_id).or_default();
        let left = self.chunk_size.min(stream.missing());
        self.position = Position::Payload { chunk_stream_id, left };
    }

    /// Appends to the unfinished message of a chunk stream. `available`: how many bytes there are at hand, of whatever.
    fn store(&mut self, chunk_stream_id: u32, bytes: &[u8], available: usize) -> Result<(), Error> {
        let mut partial = self.streams.entry(chunk_stream_id).or_default().partial.get_or_insert_default();
        if bytes.len() > partial.capacity() - partial.len() {
            self.grow(chunk_stream_id, bytes.len(), available)?;
            partial = self.streams.entry(chunk_stream_id).or_default().partial.get_or_insert_default();
        }
        partial.extend_from_slice(bytes);
        Ok(())
    }

    /// Makes room for at least `more` bytes of an unfinished message, in steps that what has arrived justifies: by what
    /// is at hand, or by as much again. What is at hand counts once for all chunk streams together, since a header and
    /// one byte on each could claim it. The last step is the exact length, so nothing is spare in the end.
    fn grow(&mut self, chunk_stream_id: u32, more: usize, available: usize) -> Result<(), Error> {
        let spare: usize = self.streams.values().map(ChunkStream::spare).sum();
        let stream = self.streams.entry(chunk_stream_id).or_default();
        let partial = stream.partial.get_or_insert_default();
        let needed = partial.len() + more;
        let at_hand = partial.len() + available.saturating_sub(spare);
        let step = at_hand.max(2 * partial.len()).max(needed).min(stream.length);
        let free = self.limits.partial_messages.saturating_sub(self.reserved);
        let most = partial.capacity() + free;
        if needed > most {
            let limit = self.limits.partial_messages as u64;
            return Err(Error::Limit { what: "bytes in unfinished messages", limit });
        }
        let before = partial.capacity();
        partial.reserve_exact(step.min(most) - partial.len());
        self.reserved += partial.capacity() - before;
        Ok(())
    }

    /// The message of a chunk stream, if it is whole.
    fn finish(&mut self, chunk_stream_id: u32) -> Option<Message> {
        let stream = self.streams.entry(chunk_stream_id).or_default();
        let payload = stream.partial.take_if(|partial| partial.len() >= stream.length)?;
        self.reserved -= payload.capacity();
        Some(Message {
            message_type: stream.message_type,
            message_stream_id: stream.message_stream_id,
            timestamp: stream.timestamp,
            payload: Bytes::from(payload),
        })
    }
}

/// Prints sizes alone: an unfinished command may carry a stream key.
impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("chunk_size", &self.chunk_size)
            .field("chunk_streams", &self.streams.len())
            .field("reserved", &self.reserved)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl ChunkStream {
    /// Makes this header, which begins a message, the last one.
    fn apply(&mut self, header: MessageHeader) {
        match header {
            MessageHeader::Full { timestamp, length, message_type, message_stream_id } => {
                self.timestamp = timestamp;
                // A fmt 3 message right after this one adds the timestamp itself (RTMP 1.0 §5.3.1.2.4).
                self.delta = timestamp;
                self.length = length as usize;
                self.message_type = message_type;
                self.message_stream_id = message_stream_id;
            }
            MessageHeader::SameStream { delta, length, message_type } => {
                self.advance(delta);
                self.length = length as usize;
                self.message_type = message_type;
            }
            MessageHeader::SameShape { delta } => self.advance(delta),
            MessageHeader::Repeat => self.advance(self.delta),
        }
    }

    /// Time is modulo 2^32: it wraps after 49 days, and OBS steps back by adding nearly 2^32.
    fn advance(&mut self, delta: u32) {
        self.delta = delta;
        self.timestamp = self.timestamp.wrapping_add(delta);
    }

    /// Bytes that the unfinished message lacks.
    fn missing(&self) -> usize {
        self.length - self.partial.as_ref().map_or(0, Vec::len)
    }

    /// Bytes that the unfinished message can take without growing.
    fn spare(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.capacity() - partial.len())
    }

    /// Forgets the unfinished message; gives the memory it had, in bytes.
    fn drop_partial(&mut self) -> usize {
        self.partial.take().map_or(0, |partial| partial.capacity())
    }

    /// Whether these bytes, the first behind a fmt 3 header, are the beginning of a repeated extended time, or all of
    /// it. Half of the senders repeat it and half do not; some repeat a delta as the absolute time. A first byte that
    /// differs decides, so that no more is waited for than there may be.
    fn may_repeat(&self, bytes: &[u8]) -> bool {
        let starts = |time: u32| time.to_be_bytes().starts_with(bytes);
        self.extended.is_some_and(starts) || starts(self.timestamp)
    }
}

/// Takes up to `most` bytes from the front of `input`.
fn take<'a>(input: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(most.min(input.len()));
    *input = rest;
    taken
}

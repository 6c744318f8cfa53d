//! Bytes to send: chunk headers beside payloads that are not copied.
//!
//! A message is queued once, whatever the number of its chunks: its payload by reference, its first header, and the one
//! header that all its other chunks share. The slices `[header, payload, header, payload, …]` are made when a sender
//! asks for them, so that one vectored write can carry up to IOV_MAX of them.

use std::collections::VecDeque;
use std::fmt;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// The queue of bytes to send; a [`Buf`].
///
/// A sender fills an array by [`chunks_vectored`](Buf::chunks_vectored), writes it with one system call, and calls
/// [`advance`](Buf::advance) with what was taken, which may end anywhere. The queue's own memory is reused: in the
/// steady state a message costs no allocation.
#[derive(Default)]
pub struct Outbox {
    messages: VecDeque<ChunkedMessage>,
    /// How far the front message is sent.
    sent: Position,
    /// Bytes in all of `messages` that are not sent.
    remaining: usize,
    /// How many times everything was sent.
    drained: u64,
}

impl Outbox {
    /// Bytes that are not sent yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.remaining
    }

    /// Whether everything is sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remaining == 0
    }

    /// Queues bytes as they are, outside of any chunk: the handshake.
    pub(super) fn push_bytes(&mut self, bytes: Bytes) {
        let chunk_size = bytes.len().max(1);
        self.push(ChunkedMessage {
            first: ChunkHeader::default(),
            continuation: ChunkHeader::default(),
            chunk_size,
            payload: bytes,
        });
    }

    /// Queues a message.
    pub(super) fn push(&mut self, message: ChunkedMessage) {
        let len = message.len();
        if len > 0 {
            self.remaining += len;
            self.messages.push_back(message);
        }
    }

    /// Moves everything of `other` behind what is here. `other` must be untouched by a sender.
    pub(super) fn append(&mut self, other: &mut Self) {
        debug_assert_eq!(other.sent, Position::default());
        self.remaining += std::mem::take(&mut other.remaining);
        self.messages.append(&mut other.messages);
    }

    /// How many times the queue has run empty: whether the peer takes what it is sent.
    pub(super) fn drained(&self) -> u64 {
        self.drained
    }
}

impl Buf for Outbox {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        self.messages.front().map_or(&[], |message| message.slice_at(self.sent))
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        let mut position = self.sent;
        for message in &self.messages {
            loop {
                let slice = message.slice_at(position);
                if slice.is_empty() {
                    break;
                }
                let Some(free) = slices.get_mut(filled) else { return filled };
                *free = IoSlice::new(slice);
                filled += 1;
                position = message.advance(position, slice.len());
            }
            position = Position::default();
        }
        filled
    }

    /// Counts `count` bytes as sent. More than [`remaining`](Buf::remaining) is a mistake of the caller, and counts as
    /// all.
    fn advance(&mut self, count: usize) {
        debug_assert!(count <= self.remaining, "advanced past the end");
        let mut left = count.min(self.remaining);
        self.remaining -= left;
        while left > 0 {
            let Some(message) = self.messages.front() else { break };
            let step = message.slice_at(self.sent).len().min(left);
            left -= step;
            self.sent = message.advance(self.sent, step);
            if message.slice_at(self.sent).is_empty() {
                self.messages.pop_front();
                self.sent = Position::default();
            }
        }
        if count > 0 && self.remaining == 0 {
            self.drained += 1;
            // The next ones go where these were, whose memory is at hand, and not round the whole of the queue.
            self.messages.clear();
        }
    }
}

/// Prints sizes alone: commands on their way carry stream keys.
impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("messages", &self.messages.len()).field("len", &self.remaining).finish()
    }
}

/// A message on its way: a payload, cut into chunks, each behind a header.
pub(super) struct ChunkedMessage {
    /// Before the first chunk.
    pub(super) first: ChunkHeader,
    /// Before every other chunk.
    pub(super) continuation: ChunkHeader,
    /// Payload bytes of each chunk but the last, at least 1.
    pub(super) chunk_size: usize,
    pub(super) payload: Bytes,
}

impl ChunkedMessage {
    fn len(&self) -> usize {
        let continuations = self.payload.len().saturating_sub(1) / self.chunk_size;
        self.first.bytes().len() + self.payload.len() + continuations * self.continuation.bytes().len()
    }

    /// The bytes from `position` to the end of the header or chunk that it is in. Empty at the end of the message.
    fn slice_at(&self, position: Position) -> &[u8] {
        let header = if position.payload == 0 { &self.first } else { &self.continuation };
        let header = header.bytes().get(position.header..).unwrap_or_default();
        if !header.is_empty() {
            return header;
        }
        let end = (position.payload - position.payload % self.chunk_size).saturating_add(self.chunk_size);
        self.payload.get(position.payload..end.min(self.payload.len())).unwrap_or_default()
    }

    /// The position `count` bytes later, where `count` is at most the length of the slice at `position`.
    fn advance(&self, position: Position, count: usize) -> Position {
        let header = if position.payload == 0 { &self.first } else { &self.continuation };
        if position.header < header.bytes().len() {
            return Position { header: position.header + count, ..position };
        }
        let payload = position.payload + count;
        let next_chunk = payload.is_multiple_of(self.chunk_size) && payload < self.payload.len();
        // Past the last byte the header counts as sent, so that the slice there is empty.
        Position { header: if next_chunk { 0 } else { usize::MAX }, payload }
    }
}

/// How far a message is sent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Position {
    /// Bytes of the present chunk's header that are sent; anything from its length on means all.
    header: usize,
    /// Bytes of the payload that are sent.
    payload: usize,
}

/// The header of one chunk, as it goes on the wire: a small array, so that it needs no allocation.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct ChunkHeader {
    bytes: [u8; Self::MAX_LEN],
    /// In a byte: two headers lie beside each payload, and all of a batch are read for each destination.
    len: u8,
}

impl ChunkHeader {
    /// Basic header, message header, extended timestamp: 3 + 11 + 4 bytes.
    pub(super) const MAX_LEN: usize = 18;

    /// Appends bytes. What goes beyond the longest header there is (there is no such call) is left out.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        let start = usize::from(self.len);
        let end = start + bytes.len();
        if let (Some(free), Ok(len)) = (self.bytes.get_mut(start..end), u8::try_from(end)) {
            free.copy_from_slice(bytes);
            self.len = len;
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(bytes: &[u8]) -> ChunkHeader {
        let mut header = ChunkHeader::default();
        header.put(bytes);
        header
    }

    fn message(first: &[u8], continuation: &[u8], chunk_size: usize, payload: &'static [u8]) -> ChunkedMessage {
        ChunkedMessage {
            first: header(first),
            continuation: header(continuation),
            chunk_size,
            payload: Bytes::from_static(payload),
        }
    }

    fn filled() -> Outbox {
        let mut outbox = Outbox::default();
        outbox.push_bytes(Bytes::from_static(b"hello"));
        outbox.push(message(b"F", b"c", 3, b"abcdefgh"));
        outbox.push(message(b"GG", b"cc", 4, b"12345678"));
        outbox.push(message(b"Z", b"z", 4, b""));
        outbox.push_bytes(Bytes::new());
        outbox.push(message(b"Y", b"y", 4, b"!"));
        outbox
    }

    const WIRE: &[u8] = b"helloFabccdefcghGG1234cc5678ZY!";

    fn vectored(outbox: &Outbox, count: usize) -> Vec<u8> {
        let mut slices = vec![IoSlice::new(&[]); count];
        let filled = outbox.chunks_vectored(&mut slices);
        slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn chunks_are_laid_out_in_order() {
        let mut outbox = filled();
        assert_eq!((outbox.len(), outbox.is_empty()), (WIRE.len(), false));
        assert_eq!(vectored(&outbox, 64), WIRE);
        assert_eq!(vectored(&outbox, 3), b"helloFabc");
        assert_eq!(outbox.copy_to_bytes(WIRE.len()), WIRE);
        assert!(outbox.is_empty() && outbox.chunk().is_empty() && vectored(&outbox, 1).is_empty());
    }

    #[test]
    fn a_partial_write_may_end_anywhere() {
        for cut in 0..=WIRE.len() {
            for step in 1..=7 {
                let mut outbox = filled();
                outbox.advance(cut);
                assert_eq!(vectored(&outbox, 64), &WIRE[cut..]);
                let mut rest = Vec::new();
                while outbox.has_remaining() {
                    let step = step.min(outbox.remaining());
                    rest.extend_from_slice(&vectored(&outbox, 64)[..step]);
                    outbox.advance(step);
                }
                assert_eq!(rest, &WIRE[cut..]);
                assert_eq!(outbox.drained(), 1);
            }
        }
    }

    #[test]
    fn payloads_are_not_copied() {
        let payload = Bytes::from(vec![7; 100_000]);
        let range = payload.as_ptr_range();
        let mut outbox = Outbox::default();
        outbox.push(ChunkedMessage {
            first: header(&[1; 12]),
            continuation: header(&[2]),
            chunk_size: 4096,
            payload: payload.clone(),
        });
        let mut slices = vec![IoSlice::new(&[]); 1024];
        let filled = outbox.chunks_vectored(&mut slices);
        assert_eq!(filled, 2 * 100_000_usize.div_ceil(4096));
        assert!(slices[..filled].iter().skip(1).step_by(2).all(|slice| range.contains(&slice.as_ptr())));
    }

    #[test]
    fn what_waited_is_appended() {
        let mut outbox = filled();
        outbox.advance(7);
        let mut waiting = filled();
        outbox.append(&mut waiting);
        assert!(waiting.is_empty());
        assert_eq!(outbox.len(), 2 * WIRE.len() - 7);
        assert_eq!(vectored(&outbox, 64), [&WIRE[7..], WIRE].concat());
    }
}

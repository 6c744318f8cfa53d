//! The chunk layer: messages to chunks and back (RTMP 1.0 §5.3).
//!
//! A message is cut into chunks of at most the chunk size, so that a long one does not hold up others: chunks of
//! different *chunk streams* may interleave, and each chunk stream compresses its headers against its own last message.
//! The two directions share nothing but the form of the [`header`].

mod decoder;
mod encoder;
mod header;

#[cfg(test)]
mod tests;

pub use decoder::Decoder;
pub use encoder::Encoder;

/// The chunk size of each direction until its sender announces another, in bytes (RTMP 1.0 §5.4.1).
pub const DEFAULT_CHUNK_SIZE: u32 = 128;

//! What must hold for any bytes at all: one function for each place where bytes come in that somebody else chose.
//!
//! Each takes the bytes and panics where a promise is broken: not only the promise to survive, but what is said beside it
//! (the same messages however they are cut, memory that follows what was received, no media before it is accepted, no
//! key in what people are shown). The fuzzers in `fuzz/`, the tests that replay its corpus and the property tests call
//! these same functions; nothing else does.
//!
//! Targets of several parts read their first bytes as choices ([`choices`]): how the rest is cut, what is answered.

#![allow(clippy::panic, reason = "a panic is how a target says what does not hold; nothing in the program calls it")]

mod amf;
mod choices;
mod chunks;
mod client;
mod config;
mod handshake;
mod media;
pub(crate) mod reference;
mod server;
mod url;

pub use amf::{amf0, amf3, command};
pub use chunks::{chunk_decoder, chunk_round_trip};
pub use client::client_session;
pub use config::{destination_file, server_file, stream_file};
pub use handshake::handshake;
pub use media::{codec_configuration, media_tag, track_format};
pub use server::server_session;
pub use url::server_url;

#[cfg(test)]
pub(crate) use media::assert_answered;

/// A place where bytes come in.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of its fuzzer, and of its folder in the corpus.
    pub name: &'static str,
    /// Panics where something does not hold.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "amf0", run: amf0 },
    Target { name: "amf3", run: amf3 },
    Target { name: "chunk_decoder", run: chunk_decoder },
    Target { name: "chunk_round_trip", run: chunk_round_trip },
    Target { name: "client_session", run: client_session },
    Target { name: "codec_configuration", run: codec_configuration },
    Target { name: "command", run: command },
    Target { name: "destination_file", run: destination_file },
    Target { name: "handshake", run: handshake },
    Target { name: "media_tag", run: media_tag },
    Target { name: "server_file", run: server_file },
    Target { name: "server_session", run: server_session },
    Target { name: "server_url", run: server_url },
    Target { name: "stream_file", run: stream_file },
    Target { name: "track_format", run: track_format },
];

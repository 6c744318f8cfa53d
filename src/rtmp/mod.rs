//! RTMP without sockets: bytes in, events and bytes out.
//!
//! Nothing here reads a socket or a clock, starts a task or draws a random number, so all of it is tested with byte
//! slices. Both ends of a connection run on one engine; a session over it knows only commands.
//!
//! ```text
//!                 server.rs   client.rs      the dialogue of each role (publisher's, destination's)
//!                      \       /
//!      command.rs ---- connection.rs ------- handshake/        one engine for both ends
//!      amf0.rs amf3.rs    |     \
//!                    chunk/    control.rs    messages <-> chunks, protocol control (and aggregate.rs)
//!                    decoder  encoder
//!                       ^        v
//!                    bytes in   outbox.rs    bytes to send, payloads by reference
//! ```
//!
//! # The one calling rule
//! Whoever holds a session ([`server`], [`client`], or [`connection`] alone) repeats:
//! 1. read bytes from the socket;
//! 2. call `handle_input` (`receive` of the connection) with them until it gives `None`, dealing with each event: the
//!    slice is empty then, and what was unfinished is kept inside;
//! 3. write what `transmit()` holds: it is a [`bytes::Buf`], made for vectored writes.
//!
//! After an error the position in the byte stream is lost: write what `transmit()` still holds, then close.
//!
//! ```
//! use bytes::{Buf, Bytes};
//! use forkcast::rtmp::connection::Connection;
//! use forkcast::rtmp::handshake::RANDOM_LEN;
//! use forkcast::rtmp::message::{Message, MessageType};
//!
//! /// Steps 1 to 3 for `to`, with `from` as the network: the messages that arrived.
//! fn exchange(from: &mut Connection, to: &mut Connection) -> Vec<Message> {
//!     let outbox = from.transmit();
//!     let bytes = outbox.copy_to_bytes(outbox.remaining());
//!     let mut input = &bytes[..];
//!     let mut messages = Vec::new();
//!     while let Some(message) = to.receive(&mut input).expect("both ends are right") {
//!         messages.push(message);
//!     }
//!     messages
//! }
//!
//! let mut publisher = Connection::client(&[7; RANDOM_LEN]);
//! let mut relay = Connection::server(&[8; RANDOM_LEN]);
//! exchange(&mut publisher, &mut relay);
//! exchange(&mut relay, &mut publisher);
//!
//! let frame = Bytes::from_static(b"a video tag");
//! let video = Message { message_type: MessageType::VIDEO, message_stream_id: 1, timestamp: 0, payload: frame };
//! publisher.send(6, video.clone());
//! assert_eq!(exchange(&mut publisher, &mut relay), [video]);
//! ```
//!
//! # Invariants
//! - No byte that a peer can send makes this code panic, recurse without bound, or reserve memory by a claimed length;
//!   every limit stands in [`limits`].
//! - What is unknown (message types, control events, commands) is passed over or passed on, not refused.
//! - No text that may hold a stream key is printable: it is a [`SecretString`](secrecy::SecretString) or a
//!   [`SecretText`](secret::SecretText), and `Debug` of what still is bytes or an AMF value shows lengths.

// A slice index is a panic that a peer's bytes might reach.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod error;
pub mod limits;
pub mod message;

mod aggregate;
pub mod chunk;
pub mod connection;
pub mod control;
pub mod handshake;
pub mod outbox;

pub mod amf0;
pub mod amf3;
pub mod command;
pub mod secret;
pub mod url;

pub mod client;
pub mod server;

//! forkcast: one RTMP or RTMPS publish in, many RTMP and RTMPS destinations out.
//!
//! # The data path
//! A stream is a log; everything downstream is a cursor into it.
//!
//! ```text
//!                    ┌───────────────── stream ─────────────────┐
//! encoder ─TCP/TLS─▶ ingest ─▶ Demuxer ─▶ Log [ m m K m m m K m ] ─▶ Playhead ─▶ destination ─TCP/TLS─▶ platform
//!          rtmp::server      media::Inspector      ▲         ▲                   rtmp::client
//!                            Timeline, Epoch    cursor    cursor   (one for each destination)
//! ```
//!
//! # The modules, in reading order
//! - [`rtmp`]: the protocol, sans-IO: bytes to messages to commands, and back. One engine for both ends.
//! - [`media`]: what is inside an audio, video or data message. Knows no RTMP.
//! - [`stream`]: message, epoch, timeline, log, cursor, and the shell that shares them. Knows no network.
//! - [`net`]: dialling, TLS, and the sentence that says why it failed.
//! - [`observe`]: the one vocabulary of events; log lines, history, metrics.
//! - [`ingest`]: accepts publishers and writes logs. [`destination`]: reads logs and publishes, one task each.
//! - [`notify`]: posts to webhooks what a person should hear of.
//! - [`preflight`]: whether every destination's servers are there, before there is anything to send.
//! - [`config`]: text to settings, every mistake with file, line, column and a hint.
//! - [`control`]: HTTP: the dashboard, status, metrics, health. [`service`]: what a service manager is told.
//! - [`terminal`]: the log and the live table, for who started forkcast by hand.
//! - [`relay`]: the composition root: start and stop order, and how what runs becomes what the files say. [`reload`]: when they
//!   are read again. [`admission`]: who may publish a stream whose files do not say so.
//!   [`operator`]: does what files, signals and the API ask, one after the other.
//! - [`moment`], [`regular_file`]: times as people write them, and files as people name them, for whichever part reads one.
//! - [`cli`]: flags; [`serve`], [`check`], [`health`], [`key`], [`demo`]: a command each.
//! - [`fuzzing`]: what must hold for any bytes, one function for each place where they come in.
//!
//! # Invariants
//! 1. The write side never waits for a reader: appending takes a lock that readers hold for a few clones, and wakes them.
//! 2. A peer's bytes can neither panic nor grow us: memory follows what was received, within the limits that stand in the
//!    files named `limits`.
//! 3. A key is never printable: it has a type that hides it, or it is not there. A call named `expose_…` reads it; a test lists them.
//! 4. One destination that stalls, fails or panics is invisible to every other, and to the publisher.

pub mod admission;
pub mod check;
pub mod cli;
pub mod config;
pub mod control;
pub mod demo;
pub mod destination;
#[doc(hidden)]
pub mod fuzzing;
pub mod health;
pub mod ingest;
pub mod key;
pub mod media;
pub mod moment;
pub mod net;
pub mod notify;
pub mod observe;
pub mod operator;
pub mod preflight;
pub mod regular_file;
pub mod relay;
pub mod reload;
pub mod rtmp;
pub mod serve;
pub mod service;
pub mod stream;
pub mod terminal;

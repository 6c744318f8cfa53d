//! The test bench: real peers (FFmpeg, nginx, stunnel, GStreamer, Chromium), a hand-written RTMP peer for what no real peer does on
//! command, and the relay under test.
//!
//! Nothing here uses the crate's own protocol code: a mistake that both ends of one engine share is seen only by a witness
//! that does not share it. Every process is ended by its guard, every wait has a deadline, nothing sleeps to synchronise.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test says that it failed; clippy's allowance covers only the test functions themselves"
)]

pub(crate) mod broadcast;
pub(crate) mod browser;
pub(crate) mod bystanders;
pub(crate) mod certificates;
pub(crate) mod clip;
pub(crate) mod compare;
pub(crate) mod confinement;
pub(crate) mod ffmpeg;
pub(crate) mod flv;
pub(crate) mod gstreamer;
pub(crate) mod http;
pub(crate) mod namespace;
pub(crate) mod nginx;
pub(crate) mod peers;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod relay;
pub(crate) mod secret;
pub(crate) mod stunnel;
pub(crate) mod synthetic;
pub(crate) mod tls;
pub(crate) mod wait;
pub(crate) mod webhook;
pub(crate) mod wire;

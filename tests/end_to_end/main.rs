//! End-to-end tests: the real program between real peers.
//!
//! One program and not one per theme: it is linked once, and its tests, which mostly wait for media to pass in real time, run
//! beside each other. The themes are the modules; `bench` shows first that the bench itself is true, with no relay in between.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test says that it failed; clippy's allowance covers only the test functions themselves"
)]
#![allow(dead_code, reason = "a part of the bench is for the crowds alone")]

#[path = "../support/mod.rs"]
mod support;

mod access;
mod api;
mod api_guard;
mod backup;
mod bench;
mod canaries;
mod config_start;
mod confined;
mod dashboard;
mod dashboard_orders;
mod dashboard_setup;
mod dashboard_trouble;
mod dashboard_windows;
mod demo;
mod drain;
mod encoder_drop;
mod enhanced;
mod faults;
mod hot_changes;
mod hot_files;
mod ingest_tls;
mod lag;
mod limits;
mod loops;
mod lost_destinations;
mod memory;
mod monitoring;
mod notify;
mod preflight;
mod refusals;
mod relay_peers;
mod restart;
mod resume;
mod secrets;
mod service;
mod slow_destinations;
mod takeover;
mod terminal;
mod timestamps;
mod trust;

//! What a crowd of strangers costs: thousands of connections that never become publishers, from a whole range of addresses, and
//! a publisher in their midst. A program of its own, so that nothing else runs beside it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test says that it failed; clippy's allowance covers only the test functions themselves"
)]
#![allow(dead_code, unused_imports, reason = "a part of the bench is enough here")]

#[path = "../support/mod.rs"]
mod support;

mod descriptors;
mod liars;
mod slow;

//! Secrets, without a running relay: where the sources read one, that a panic shows none, and that the search with which the other
//! tests look for them can find.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test says that it failed; clippy's allowance covers only the test functions themselves"
)]

#[path = "../support/secret.rs"]
#[allow(dead_code, reason = "the end-to-end tests use the rest of it")]
mod secret;

mod exposure;
mod panics;
mod search;

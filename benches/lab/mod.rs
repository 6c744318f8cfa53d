//! The load generator of the benchmarks: a publisher at real-time pace, sinks that count, check and time, the relays under test,
//! and the floor below them. Each is a process of its own, so that what a relay takes is read from the system and nothing of the
//! generator is in it.
//!
//! ```text
//!   publisher ──rtmp──▶ relay under test ──rtmp(s)──▶ sinks
//!   stamps each message    processor time, memory,     count, check, time each message
//!                          context switches
//! ```
//!
//! The program of a benchmark starts itself anew for the roles: `main` begins with [`play_role`].
#![allow(dead_code, reason = "each benchmark uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot go on ends, and says where"
)]

pub(crate) mod chunks;
pub(crate) mod clock;
pub(crate) mod floor;
pub(crate) mod machine;
pub(crate) mod media;
pub(crate) mod process;
pub(crate) mod publisher;
pub(crate) mod relays;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod sinks;

#[path = "../../tests/support/wire/amf.rs"]
mod amf;

/// Where this process was started for one of the roles, plays it to its end and says so.
pub(crate) fn play_role() -> bool {
    let mut arguments = std::env::args().skip(1);
    let role = arguments.next();
    let given = arguments.next();
    let (Some(role), Some(given)) = (role, given) else { return false };
    match role.as_str() {
        "publisher" => publisher::play(&serde_json::from_str(&given).expect("what it was started with")),
        "sinks" => sinks::play(&serde_json::from_str(&given).expect("what it was started with")),
        "floor" => floor::play(&serde_json::from_str(&given).expect("what it was started with")),
        _ => return false,
    }
    true
}

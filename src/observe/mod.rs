//! What an operator sees of a running relay: one vocabulary of events, and the metrics that they move.

pub mod event;
pub mod log;
pub mod metrics;
pub mod pulse;
pub mod repeats;
pub mod told;

pub use event::Event;
pub use pulse::Pulse;
pub use repeats::{News, Repeats};
pub use told::{Line, Told};

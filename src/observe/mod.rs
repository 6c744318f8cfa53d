//! What an operator sees of a running relay: one vocabulary of events, and the metrics that they move.

pub mod event;
pub mod metrics;
pub mod repeats;
pub mod told;

pub use event::Event;
pub use repeats::{News, Repeats};
pub use told::{Line, Told};

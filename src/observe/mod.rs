//! What an operator sees of a running relay: one vocabulary of events, and the metrics that they move.
//!
//! Reading order: [`event`], [`kind`], [`record`] (an event as it is kept and passed on), [`history`] (what is kept, and who
//! reads it), [`repeats`] and [`told`] (what is not worth a line), [`log`] (how lines are written), [`metrics`], [`posts`] (what webhooks were
//! sent), [`pulse`] (whether all of it still moves).

pub mod event;
pub mod history;
pub mod kind;
pub mod log;
pub mod metrics;
pub mod posts;
pub mod pulse;
pub mod record;
pub mod repeats;
pub mod told;

pub use event::Event;
pub use history::History;
pub use kind::{Kind, Severity};
pub use posts::Posts;
pub use pulse::Pulse;
pub use record::Record;
pub use repeats::{News, Repeats};
pub use told::{Line, Told};

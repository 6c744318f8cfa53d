//! Everything of a running relay that can be looked at.

use std::{sync::Arc, time::Instant};

use crate::{destination::Destination, stream::Feed};

/// The streams of a relay and their destinations, with when it started.
pub struct Board {
    /// When the relay started.
    pub started: Instant,
    /// Each stream with its destinations, in the order of the configuration.
    pub streams: Vec<(Arc<Feed>, Vec<Destination>)>,
}

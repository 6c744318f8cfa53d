//! Preflight: whether every server of every destination would take a publish, found out before there is one.
//!
//! ```text
//! Settings --Subject::all--> Subject --run: side by side--> Finding --table--> text
//!                              name, TCP, TLS, RTMP handshake, connect |  createStream, publish
//!                                                             here it stops
//! ```
//!
//! What fails is told with the [`Failure`](crate::destination::failure::Failure) that the destination itself would have. Platforms
//! may find a connection without a publish odd: each server gets one, however many destinations go there, and no second try; two where
//! it is the primary of one and the backup of another.

mod finding;
pub mod limits;
mod own;
mod probe;
pub mod table;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};

pub use self::{
    finding::{Finding, Outcome, Seen, Subject, Warning},
    own::Own,
};
use crate::destination::failure::Stage;

/// How much time there is.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For all of it.
    pub total: Duration,
    /// For each step at one server.
    pub step: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { total: limits::TOTAL, step: limits::STEP }
    }
}

/// Connects to all of them side by side; one finding for each, in their order. One that leads to the relay's `own` listeners has
/// failed by that.
///
/// Cancel-safe in the sense that dropping the future closes every connection.
pub async fn run(subjects: Vec<Subject>, limits: Limits, own: Own) -> Vec<Finding> {
    let deadline = Instant::now() + limits.total;
    let own = Arc::new(own);
    let (connections, connection_of) = group(&subjects);
    // A probe that panics leaves its line as it is.
    let mut results = vec![(Outcome::NotReached(Stage::Resolve), Seen::default()); connections.len()];
    let mut probes = JoinSet::new();
    for (index, subject) in connections.into_iter().enumerate() {
        let own = Arc::clone(&own);
        probes.spawn(async move { (index, probe::probe(&subject, limits, &own, deadline).await) });
    }
    while let Some(done) = probes.join_next().await {
        if let Ok((index, result)) = done
            && let Some(place) = results.get_mut(index)
        {
            *place = result;
        }
    }
    let found = subjects.iter().zip(connection_of);
    found
        .filter_map(|(subject, index)| results.get(index).map(|result| (subject, result.clone())))
        .map(|(subject, (outcome, seen))| Finding::new(subject, outcome, seen))
        .collect()
}

/// The connections that are made, and for each subject which of them answers for it.
fn group(subjects: &[Subject]) -> (Vec<Arc<Subject>>, Vec<usize>) {
    let mut connections: Vec<Arc<Subject>> = Vec::new();
    let mut connection_of = Vec::new();
    for subject in subjects {
        let known = connections.iter().position(|known| known.is_same_connection(subject));
        connection_of.push(known.unwrap_or(connections.len()));
        if known.is_none() {
            connections.push(Arc::new(subject.clone()));
        }
    }
    (connections, connection_of)
}

//! Webhooks for people: what somebody should hear of is posted to the endpoints that they named.
//!
//! ```text
//! history ─cursor─▶ Selection ─▶ Fold ─▶ Outbox ─▶ POST, signed      (one courier for each endpoint)
//!                   wanted?      too much? queue, retries
//! ```
//!
//! Each endpoint has a task and a cursor of its own: one that is slow or gone delays neither another nor the relay, and loses the
//! oldest of what waits for it. What reaches it comes in order.
//!
//! Reading order: [`endpoint`], [`selection`]; [`fold`] and [`outbox`], which are pure; [`message`] (what is posted); [`courier`].

pub mod courier;
pub mod endpoint;
pub mod fold;
pub mod limits;
pub mod message;
pub mod outbox;
pub mod selection;

use std::sync::Arc;

use tokio::{sync::watch, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::courier::Courier;
pub use self::{endpoint::Endpoint, selection::Selection};
use crate::observe::{History, history::Cursor};

/// The endpoints that are posted to.
#[derive(Debug)]
pub struct Notifier {
    endpoints: watch::Sender<Vec<Endpoint>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Notifier {
    /// Posts to these what the history has, and what will come.
    #[must_use]
    pub fn start(endpoints: Vec<Endpoint>, history: &Arc<History>) -> Self {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let notifier = Self { endpoints: watch::Sender::new(endpoints), tasks: tasks.clone(), stop: stop.clone() };
        let wanted = notifier.endpoints.subscribe();
        let desk = Desk { wanted, history: Arc::clone(history), couriers: Vec::new(), tasks, stop };
        notifier.tasks.spawn(desk.run());
        notifier
    }

    /// Posts what is left, and ends: within [`limits::FLUSH`], and a moment for what hangs.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        let _ = timeout(limits::FLUSH + limits::MOMENT, self.tasks.wait()).await;
    }

    /// Other endpoints from now on. One that stays as it is notices nothing; one that goes is sent what waits for it, for a
    /// short while; a new one hears of what comes. Gives how many are new, other than before, or gone.
    pub fn replace(&self, endpoints: Vec<Endpoint>) -> usize {
        let mut changed = 0;
        self.endpoints.send_if_modified(|present| {
            let is_gone = |before: &&Endpoint| endpoints.iter().all(|endpoint| endpoint.name != before.name);
            changed = endpoints.iter().filter(|endpoint| !present.contains(endpoint)).count()
                + present.iter().filter(is_gone).count();
            *present = endpoints;
            changed > 0
        });
        changed
    }
}

/// Sees to it that each endpoint has its courier.
struct Desk {
    wanted: watch::Receiver<Vec<Endpoint>>,
    history: Arc<History>,
    couriers: Vec<(Endpoint, CancellationToken)>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Desk {
    async fn run(mut self) {
        self.assign(History::from_beginning);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                changed = self.wanted.changed() => match changed {
                    Ok(()) => self.assign(History::from_now),
                    // Nobody can replace them any more.
                    Err(_) => return self.stop.cancelled().await,
                },
            }
        }
    }

    fn assign(&mut self, cursor: fn(&Arc<History>) -> Cursor) {
        let wanted = self.wanted.borrow_and_update().clone();
        self.couriers.retain(|(endpoint, stop)| {
            let stays = wanted.contains(endpoint);
            if !stays {
                stop.cancel();
            }
            stays
        });
        for endpoint in wanted {
            if self.couriers.iter().all(|(known, _)| *known != endpoint) {
                let stop = self.stop.child_token();
                let courier = Courier::new(endpoint.clone(), cursor(&self.history));
                self.tasks.spawn(courier.run(stop.clone()));
                self.couriers.push((endpoint, stop));
            }
        }
    }
}

#[cfg(test)]
mod tests;

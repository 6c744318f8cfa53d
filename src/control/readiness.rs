//! Whether publishers may come: what a load balancer, an orchestrator and a service manager want to know.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::watch;

/// Where the relay is in its life.
///
/// ```text
///   Starting --> Serving --> Draining --> Stopping
///                   \______________________^
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Listeners are bound, nothing runs yet.
    Starting,
    /// Publishers may come.
    Serving,
    /// The ones that are here may go on; others are to go elsewhere.
    Draining,
    /// It is going down.
    Stopping,
}

/// The stage, and how many ports are listened on. Others watch it, and whoever drains sets it.
#[derive(Debug)]
pub struct Readiness {
    stage: watch::Sender<Stage>,
    listening: AtomicUsize,
}

impl Readiness {
    /// Of a relay that is starting.
    pub fn starting() -> Self {
        Self { stage: watch::Sender::new(Stage::Starting), listening: AtomicUsize::new(0) }
    }

    /// Where the relay is now.
    pub fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    /// Goes on to a stage; there is no way back.
    pub fn enter(&self, stage: Stage) {
        self.stage.send_if_modified(|present| {
            let is_later = (*present as u8) < stage as u8;
            if is_later {
                *present = stage;
            }
            is_later
        });
    }

    /// Changes with the stage.
    pub fn watch(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    /// A port is listened on, for as long as the future runs: one that ends by a fault of our own is missed.
    pub async fn while_listening(&self, listening: impl Future<Output = ()>) {
        self.listening.fetch_add(1, Relaxed);
        let _gone = Gone(&self.listening);
        listening.await;
    }

    /// Why no publisher should come; nothing where they may.
    pub fn reasons(&self) -> Vec<&'static str> {
        let stage = match self.stage() {
            Stage::Starting => Some("it is starting"),
            Stage::Serving => None,
            Stage::Draining => Some("it is draining: it takes no new publishers, and waits for those that are live"),
            Stage::Stopping => Some("it is stopping"),
        };
        let deaf = self.listening.load(Relaxed) == 0;
        stage.into_iter().chain(deaf.then_some("no port is listened on")).collect()
    }
}

/// One port less.
struct Gone<'a>(&'a AtomicUsize);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn ready_is_who_serves_and_listens() {
        let readiness = Readiness::starting();
        assert_eq!(readiness.reasons(), ["it is starting", "no port is listened on"]);
        readiness.enter(Stage::Serving);
        let mut listener = Box::pin(readiness.while_listening(pending()));
        assert!(futures_poll(&mut listener).await);
        assert!(readiness.reasons().is_empty());
        readiness.enter(Stage::Draining);
        readiness.enter(Stage::Serving);
        assert_eq!(readiness.stage(), Stage::Draining, "there is no way back");
        drop(listener);
        assert_eq!(readiness.reasons().len(), 2);
    }

    /// Polls once; whether it is still to be waited for.
    async fn futures_poll(future: &mut (impl Future + Unpin)) -> bool {
        tokio::select! {
            biased;
            _ = future => false,
            () = async {} => true,
        }
    }
}

//! How the readers of a stream are woken: one ring wakes them all.
//!
//! A `watch` would do the same. But each of its receivers enters a list anew for every change, among those of other tasks, which
//! `benches/README.md` found to be dear with a hundred of them. Here a reader takes a seat once.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

/// Rung by whoever writes.
#[derive(Debug, Default)]
pub(super) struct Bell {
    /// How often it was rung.
    rings: AtomicU64,
    /// One for each listener; those of listeners that are gone are free. Held for as long as it takes to tell their tasks.
    seats: Mutex<Vec<Option<Waker>>>,
}

/// Hears a bell. What was rung before it began to listen is not heard.
#[derive(Debug)]
pub struct Listener {
    bell: Arc<Bell>,
    seat: usize,
    /// How many rings it has heard of.
    heard: u64,
    /// The task in its seat.
    task: Option<Waker>,
}

impl Bell {
    pub(super) fn listen(self: &Arc<Self>) -> Listener {
        let mut seats = self.seats();
        let heard = self.rings.load(Ordering::Acquire);
        let free = seats.iter().position(Option::is_none);
        let seat = free.unwrap_or_else(|| {
            seats.push(None);
            seats.len() - 1
        });
        // Taken, though nobody is to be woken yet.
        if let Some(place) = seats.get_mut(seat) {
            *place = Some(Waker::noop().clone());
        }
        drop(seats);
        Listener { bell: Arc::clone(self), seat, heard, task: None }
    }

    /// Wakes all who listen. Nothing of theirs runs here.
    pub(super) fn ring(&self) {
        self.rings.fetch_add(1, Ordering::Release);
        self.seats().iter().flatten().for_each(Waker::wake_by_ref);
    }

    fn seats(&self) -> MutexGuard<'_, Vec<Option<Waker>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Whether it was rung since it was heard last.
    pub fn has_rung(&self) -> bool {
        self.bell.rings.load(Ordering::Acquire) != self.heard
    }

    /// Completes when it was rung since it was heard last, however often. Cancel-safe.
    ///
    /// Once this was polled its task is woken by every ring, also while it waits for something else: that costs it a run.
    pub async fn rung(&mut self) {
        poll_fn(|cx| self.poll_rung(cx)).await;
    }

    fn poll_rung(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            self.task = Some(cx.waker().clone());
            if let Some(seat) = self.bell.seats().get_mut(self.seat) {
                *seat = Some(cx.waker().clone());
            }
        }
        // After it has taken its seat: what is rung from here on wakes it.
        let rings = self.bell.rings.load(Ordering::Acquire);
        if rings == self.heard {
            return Poll::Pending;
        }
        self.heard = rings;
        Poll::Ready(())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(seat) = self.bell.seats().get_mut(self.seat) {
            *seat = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    async fn is_rung(listener: &mut Listener) -> bool {
        timeout(Duration::from_millis(1), listener.rung()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn every_listener_hears_once_what_was_rung_since() {
        let bell = Arc::new(Bell::default());
        bell.ring();
        let (mut one, mut other) = (bell.listen(), bell.listen());
        assert!(!one.has_rung() && !is_rung(&mut one).await, "that was before");
        bell.ring();
        bell.ring();
        assert!(one.has_rung());
        assert!(is_rung(&mut one).await && !is_rung(&mut one).await);
        assert!(is_rung(&mut other).await && !other.has_rung());
    }

    #[tokio::test(start_paused = true)]
    async fn a_seat_is_free_again_when_its_listener_is_gone() {
        let bell = Arc::new(Bell::default());
        let mut stays = bell.listen();
        for _ in 0..1000 {
            drop(bell.listen());
        }
        assert_eq!(bell.seats().len(), 2);
        bell.ring();
        assert!(is_rung(&mut stays).await);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_ring_is_lost_between_threads() {
        const RINGS: u64 = 20_000;
        let bell = Arc::new(Bell::default());
        let mut listeners = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let mut listener = bell.listen();
            listeners.spawn(async move {
                while listener.heard < RINGS {
                    timeout(Duration::from_secs(10), listener.rung()).await.expect("the last ring is heard");
                }
            });
        }
        let ringing = std::thread::spawn(move || (0..RINGS).for_each(|_| bell.ring()));
        listeners.join_all().await;
        ringing.join().unwrap();
    }
}

//! A future for what seldom happens, in a task that runs often.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

/// Polls its future only where that was woken: at every other run of its task it costs a look at a flag. A session runs for
/// media, dozens of times a second, and what it listens to beside changes a few times a day.
#[derive(Debug)]
pub(super) struct Seldom<F> {
    future: Pin<Box<F>>,
    bell: Arc<Bell>,
    /// The task that the bell wakes.
    task: Option<Waker>,
}

#[derive(Debug)]
struct Bell {
    has_rung: AtomicBool,
    /// Held for a clone or a wake-up.
    task: Mutex<Waker>,
}

impl<F: Future> Seldom<F> {
    pub(super) fn new(future: F) -> Self {
        let bell = Bell { has_rung: AtomicBool::new(true), task: Mutex::new(Waker::noop().clone()) };
        Self { future: Box::pin(future), bell: Arc::new(bell), task: None }
    }

    /// Goes on with another future, after one that has completed.
    pub(super) fn set(&mut self, future: F) {
        self.future = Box::pin(future);
        self.bell.has_rung.store(true, Ordering::Release);
    }
}

impl<F: Future> Future for Seldom<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if !this.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            this.task = Some(cx.waker().clone());
            *this.bell.task.lock().unwrap_or_else(PoisonError::into_inner) = cx.waker().clone();
        }
        // Looked at before it is taken back, which writes to memory that others read.
        if !this.bell.has_rung.load(Ordering::Acquire) || !this.bell.has_rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let waker = Waker::from(Arc::clone(&this.bell));
        this.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::Release);
        self.task.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::poll_fn, time::Duration};

    use tokio::{
        sync::{Notify, watch},
        time::{sleep, timeout},
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_polled_when_it_was_woken_and_at_no_other_time() {
        let polls = Cell::new(0);
        let notify = Notify::new();
        let mut notified = Box::pin(notify.notified());
        let mut seldom = Seldom::new(poll_fn(|cx| {
            polls.set(polls.get() + 1);
            notified.as_mut().poll(cx)
        }));
        for _ in 0..100 {
            assert!(timeout(Duration::from_millis(1), &mut seldom).await.is_err());
        }
        assert_eq!(polls.get(), 1);
        notify.notify_waiters();
        seldom.await;
        assert_eq!(polls.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_with_the_next_one() {
        let (sender, receiver) = watch::channel(0);
        let next = |mut receiver: watch::Receiver<u64>| async move {
            receiver.changed().await.unwrap();
            let value = *receiver.borrow_and_update();
            (receiver, value)
        };
        let mut seldom = Seldom::new(next(receiver));
        for expected in 1..=1000 {
            sender.send_replace(expected);
            let (receiver, value) = (&mut seldom).await;
            assert_eq!(value, expected);
            seldom.set(next(receiver));
        }
    }

    #[tokio::test]
    async fn whichever_thread_rings_it_is_heard() {
        let (sender, receiver) = watch::channel(0_u32);
        let ringing = std::thread::spawn(move || {
            for value in 1..=20_000 {
                sender.send_replace(value);
            }
        });
        let next = |mut receiver: watch::Receiver<u32>| async move {
            let is_open = receiver.changed().await.is_ok();
            (receiver, is_open)
        };
        let mut seldom = Seldom::new(next(receiver));
        let last = loop {
            let heard = timeout(Duration::from_secs(10), async {
                tokio::select! {
                    biased;
                    heard = &mut seldom => Some(heard),
                    // The task runs often.
                    () = sleep(Duration::from_micros(100)) => None,
                }
            });
            match heard.await.unwrap() {
                Some((receiver, true)) => seldom.set(next(receiver)),
                Some((receiver, false)) => break *receiver.borrow(),
                None => {}
            }
        };
        assert_eq!(last, 20_000);
        ringing.join().unwrap();
    }
}

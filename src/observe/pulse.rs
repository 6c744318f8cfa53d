//! Whether the program makes progress: a beat each second that goes through everything that a stream needs to move. Health and
//! the service manager's watchdog believe it, and not a timer that lives on beside a program that hangs.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    sync::watch,
    time::{Instant, sleep},
};

/// From one beat to the next.
pub const EVERY: Duration = Duration::from_secs(1);

/// Without a beat for so long the program hangs: a busy machine makes it late by less.
pub const HANGS_AFTER: Duration = Duration::from_secs(10);

/// When the last beat was.
#[derive(Debug)]
pub struct Pulse(watch::Sender<Instant>);

impl Pulse {
    /// A first beat.
    pub fn new() -> Self {
        Self(watch::Sender::new(Instant::now()))
    }

    /// Since the last beat.
    pub fn age(&self) -> Duration {
        self.0.borrow().elapsed()
    }

    /// Changes with each beat.
    pub fn watch(&self) -> watch::Receiver<Instant> {
        self.0.subscribe()
    }

    /// Beats for ever, or for as long as the program does. A beat takes the runtime's timer, its queue of tasks, its sockets, and
    /// `touch`, which takes each lock that the data path takes.
    pub async fn beat(&self, touch: impl Fn()) {
        let mut wire = Wire::new();
        loop {
            sleep(EVERY).await;
            // Where the system has no descriptors left, the rest is still to be looked at.
            let _ = wire.pass().await;
            touch();
            self.0.send_replace(Instant::now());
        }
    }
}

impl Default for Pulse {
    fn default() -> Self {
        Self::new()
    }
}

/// Two connected ends.
enum Wire {
    #[cfg(unix)]
    Sockets(tokio::net::UnixStream, tokio::net::UnixStream),
    /// Where there are none to be had: the queue of tasks alone.
    Memory(DuplexStream, DuplexStream),
}

impl Wire {
    fn new() -> Self {
        #[cfg(unix)]
        if let Ok((near, far)) = tokio::net::UnixStream::pair() {
            return Self::Sockets(near, far);
        }
        let (near, far) = tokio::io::duplex(1);
        Self::Memory(near, far)
    }

    /// Sends one byte. Whoever waits for it does so before it is sent, so that nothing but the system's word that it has come
    /// can wake it.
    async fn pass(&mut self) -> io::Result<()> {
        // A task of its own: it has to come through the queue.
        let turn = tokio::spawn(async {});
        let _ = turn.await;
        let mut byte = [0];
        let (read, write) = match self {
            #[cfg(unix)]
            Self::Sockets(near, far) => tokio::join!(biased; far.read_exact(&mut byte), near.write_all(&[0])),
            Self::Memory(near, far) => tokio::join!(biased; far.read_exact(&mut byte), near.write_all(&[0])),
        };
        read.and(write)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_beats_each_second() {
        let pulse = Arc::new(Pulse::new());
        let mut beats = pulse.watch();
        tokio::spawn({
            let pulse = Arc::clone(&pulse);
            async move { pulse.beat(|| {}).await }
        });
        for _ in 0..3 {
            let before = *beats.borrow_and_update();
            beats.changed().await.unwrap();
            assert!(*beats.borrow() - before >= EVERY);
        }
    }

    /// Timers go on, tasks go on: only who needs the lock does not.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_lock_that_nobody_gives_back_stops_it() {
        let lock = Arc::new(Mutex::new(()));
        let pulse = Arc::new(Pulse::new());
        let mut beats = pulse.watch();
        tokio::spawn({
            let (pulse, lock) = (Arc::clone(&pulse), Arc::clone(&lock));
            async move { pulse.beat(|| drop(lock.lock().unwrap_or_else(PoisonError::into_inner))).await }
        });
        beats.changed().await.unwrap();
        let held = lock.lock().unwrap();
        beats.borrow_and_update();
        // Holding it for some beats is the test itself: nothing is waited for.
        let late = tokio::task::block_in_place(|| {
            std::thread::sleep(EVERY * 3);
            beats.has_changed().unwrap()
        });
        assert!(!late && pulse.age() >= EVERY * 2, "{:?}", pulse.age());
        drop(held);
        beats.changed().await.unwrap();
    }
}

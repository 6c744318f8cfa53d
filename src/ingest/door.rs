//! Connections that have not been accepted as publishers yet: how many may wait, and who goes when there are too many.
//!
//! Nobody is turned away at the door: of too many the one that has waited longest goes, first of those from the same address,
//! then of all. An encoder is done in a second, so it is never the oldest for long; whoever holds connections open pays for it
//! with its own.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    address::Network,
    limits::{LEAVING, WAITING_OF_ONE},
};

/// Those who wait, of all listeners.
#[derive(Debug)]
pub struct Door {
    /// How many may wait in all.
    room: AtomicUsize,
    /// Held for one entry, never across an await.
    state: Mutex<State>,
    /// Somebody who had to go is gone.
    gone: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// By the order in which they came.
    waiting: BTreeMap<u64, (Network, CancellationToken)>,
    /// The same for each network.
    of_one: HashMap<Network, Vec<u64>>,
    next: u64,
    /// Those who have to go and are still there, each with its descriptor.
    leaving: usize,
}

/// One connection that waits. Dropping it makes room: it is over, or a publisher.
#[derive(Debug)]
pub struct Ticket {
    door: Arc<Door>,
    number: u64,
    /// Cancelled when another one needs the room.
    evicted: CancellationToken,
}

impl Door {
    /// A door with room for so many.
    #[must_use]
    pub fn new(room: usize) -> Arc<Self> {
        Arc::new(Self { room: AtomicUsize::new(room), state: Mutex::default(), gone: Notify::new() })
    }

    /// Has room for so many from now on; of those who are one too many each goes when the next one comes.
    pub fn set_room(&self, room: usize) {
        self.room.store(room, Relaxed);
    }

    /// Waits until those who had to go are gone, but for a few: else a burst would take more descriptors than there is room.
    /// Cancel-safe.
    pub async fn settle(&self) {
        loop {
            let gone = self.gone.notified();
            if self.lock().leaving < LEAVING {
                return;
            }
            gone.await;
        }
    }

    /// A connection from there comes in; the oldest goes where there is no room.
    pub fn enter(self: &Arc<Self>, from: Network) -> Ticket {
        let mut state = self.lock();
        let room = self.room.load(Relaxed);
        let of_one = state.of_one.get(&from).map_or(&[][..], Vec::as_slice);
        let oldest = match of_one {
            [oldest, ..] if of_one.len() >= WAITING_OF_ONE => Some(*oldest),
            _ if state.waiting.len() >= room => state.waiting.keys().next().copied(),
            _ => None,
        };
        // A second one, where there is less room than there was.
        let next = if state.waiting.len() > room { state.waiting.keys().nth(1).copied() } else { None };
        for number in [oldest, next].into_iter().flatten() {
            if let Some((_, evicted)) = state.leave(number) {
                evicted.cancel();
                state.leaving += 1;
            }
        }
        let (number, evicted) = (state.next, CancellationToken::new());
        state.next += 1;
        state.waiting.insert(number, (from, evicted.clone()));
        state.of_one.entry(from).or_default().push(number);
        drop(state);
        Ticket { door: Arc::clone(self), number, evicted }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn leave(&mut self, number: u64) -> Option<(Network, CancellationToken)> {
        let (network, evicted) = self.waiting.remove(&number)?;
        if let Some(of_one) = self.of_one.get_mut(&network) {
            of_one.retain(|other| *other != number);
            if of_one.is_empty() {
                self.of_one.remove(&network);
            }
        }
        Some((network, evicted))
    }
}

impl Ticket {
    /// Waits until the room is needed for another.
    pub async fn evicted(&self) {
        self.evicted.cancelled().await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.door.lock();
        // Who is not among those who wait had to go.
        if state.leave(self.number).is_none() {
            state.leaving = state.leaving.saturating_sub(1);
            drop(state);
            // Each listener waits for it alone.
            self.door.gone.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn network(number: u32) -> Network {
        Network::of(Ipv4Addr::from(0x7F00_0000 + number).into())
    }

    #[test]
    fn the_oldest_goes_where_there_is_no_room() {
        let door = Door::new(3);
        let mut tickets: Vec<Ticket> = (0..3).map(|number| door.enter(network(number))).collect();
        let is_evicted = |ticket: &Ticket| ticket.evicted.is_cancelled();
        assert!(!tickets.iter().any(is_evicted));
        let fourth = door.enter(network(3));
        assert_eq!(tickets.iter().map(is_evicted).collect::<Vec<_>>(), [true, false, false]);
        // One that leaves makes room.
        tickets.remove(1);
        let fifth = door.enter(network(4));
        assert!(!is_evicted(&tickets[1]) && !is_evicted(&fourth) && !is_evicted(&fifth));
        assert_eq!(door.lock().waiting.len(), 3);
        drop((tickets, fourth, fifth));
        let state = door.lock();
        assert!(state.waiting.is_empty() && state.of_one.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_waits_until_those_who_had_to_go_are_gone() {
        let door = Door::new(1);
        let mut tickets: Vec<Ticket> =
            (0..u32::try_from(LEAVING).unwrap() + 1).map(|number| door.enter(network(number))).collect();
        let settled = tokio::time::timeout(std::time::Duration::from_secs(1), door.settle());
        assert!(settled.await.is_err(), "{LEAVING} have to go, and none has gone");
        drop(tickets.remove(0));
        door.settle().await;
        drop(tickets);
        assert_eq!(door.lock().leaving, 0);
    }

    #[test]
    fn whoever_comes_too_often_goes_before_others() {
        let door = Door::new(1_000);
        let patient = door.enter(network(1));
        let greedy: Vec<Ticket> = (0..100).map(|_| door.enter(network(2))).collect();
        assert!(!patient.evicted.is_cancelled());
        let left = greedy.iter().filter(|ticket| !ticket.evicted.is_cancelled()).count();
        assert_eq!(left, WAITING_OF_ONE);
        assert!(!greedy.last().unwrap().evicted.is_cancelled(), "the newest stays");
    }
}

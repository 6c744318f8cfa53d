//! How often one address may try a wrong key: pure, with time as an argument.
//!
//! Five wrong keys at once, then one in twelve seconds: a person who mistypes is not held up, and whoever guesses has 300 tries
//! an hour. Past that a key from there is refused unseen, unless it has opened a stream from there before: an encoder that
//! comes back is not locked out by whoever shares its address.

use std::collections::HashMap;

use tokio::time::Instant;

use super::{
    access::KeyDigest,
    address::Network,
    limits::{NETWORKS_WATCHED, WRONG_KEY_EVERY, WRONG_KEYS_AT_ONCE},
};

/// The wrong keys of all addresses, as far as they still count, and the right ones.
#[derive(Debug, Default)]
pub struct Attempts {
    /// When the last of an address's wrong keys is forgotten. Each wrong key moves it on by [`WRONG_KEY_EVERY`].
    wrong: HashMap<Network, Instant>,
    /// Which keys have opened a stream, from where, and when last.
    right: HashMap<(Network, [u8; 32]), Instant>,
}

impl Attempts {
    /// Whether a key from there is to be looked at.
    #[must_use]
    pub fn may_try(&self, from: Network, key: KeyDigest, now: Instant) -> bool {
        let owed = self.wrong.get(&from).map(|until| until.saturating_duration_since(now)).unwrap_or_default();
        owed <= WRONG_KEY_EVERY * (WRONG_KEYS_AT_ONCE - 1) || self.right.contains_key(&(from, key.bytes()))
    }

    /// A key from there was wrong.
    pub fn was_wrong(&mut self, from: Network, now: Instant) {
        let until = self.wrong.get(&from).copied().unwrap_or(now).max(now) + WRONG_KEY_EVERY;
        make_room(&mut self.wrong, |until| *until <= now);
        self.wrong.insert(from, until);
    }

    /// A key from there has opened its stream.
    pub fn was_right(&mut self, from: Network, key: KeyDigest, now: Instant) {
        make_room(&mut self.right, |_| false);
        self.right.insert((from, key.bytes()), now);
    }
}

/// Keeps a table below its bound: what is over goes first, then what would go next.
fn make_room<K: Copy + Eq + std::hash::Hash>(table: &mut HashMap<K, Instant>, is_over: impl Fn(&Instant) -> bool) {
    if table.len() < NETWORKS_WATCHED {
        return;
    }
    table.retain(|_, until| !is_over(until));
    if table.len() >= NETWORKS_WATCHED
        && let Some(oldest) = table.iter().min_by_key(|(_, until)| **until).map(|(key, _)| *key)
    {
        table.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use super::*;

    fn network(last: u32) -> Network {
        Network::of(Ipv4Addr::from(0xC000_0200 + last).into())
    }

    fn key(text: &str) -> KeyDigest {
        KeyDigest::of(&text.into())
    }

    #[tokio::test(start_paused = true)]
    async fn five_at_once_then_one_in_twelve_seconds() {
        let began = Instant::now();
        let mut attempts = Attempts::default();
        let mut tried = 0;
        // Somebody who tries ten times a second for an hour.
        for tenth in 0..36_000 {
            let now = began + Duration::from_millis(100) * tenth;
            if attempts.may_try(network(1), key("guess"), now) {
                attempts.was_wrong(network(1), now);
                tried += 1;
            }
            if tenth == 50 {
                assert_eq!(tried, 5);
            }
        }
        assert_eq!(tried, 4 + 300);
        assert!(attempts.may_try(network(2), key("guess"), began), "another address is another matter");
        assert!(attempts.may_try(network(1), key("guess"), began + Duration::from_secs(3600 + 60)), "a minute heals");
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_was_right_from_there_is_never_locked_out() {
        let now = Instant::now();
        let mut attempts = Attempts::default();
        attempts.was_right(network(1), key("right"), now);
        (0..100).for_each(|_| attempts.was_wrong(network(1), now));
        assert!(attempts.may_try(network(1), key("right"), now));
        assert!(!attempts.may_try(network(1), key("guess"), now));
        attempts.was_wrong(network(2), now);
        (0..100).for_each(|_| attempts.was_wrong(network(2), now));
        assert!(!attempts.may_try(network(2), key("right"), now), "it was right from elsewhere");
    }

    #[tokio::test(start_paused = true)]
    async fn the_tables_are_bounded() {
        let now = Instant::now();
        let mut attempts = Attempts::default();
        for last in 0..u32::try_from(NETWORKS_WATCHED).unwrap() + 100 {
            attempts.was_wrong(network(last), now);
            attempts.was_right(network(last), key("k"), now);
        }
        assert_eq!((attempts.wrong.len(), attempts.right.len()), (NETWORKS_WATCHED, NETWORKS_WATCHED));
    }
}

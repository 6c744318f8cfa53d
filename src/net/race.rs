//! Which address is tried when: RFC 8305 ("happy eyeballs") as a pure plan.
//!
//! ```text
//! start ──► attempt 1 ──250 ms or failure──► attempt 2 ──…──► first to connect wins, all failed: lost
//! ```
//!
//! The caller owns clock and sockets: it calls [`Race::start_next`] at the start, after each failure and after each stagger in
//! which nobody won.

use std::{collections::VecDeque, net::SocketAddr};

use super::{error::ConnectProblem, limits};

/// The order in which addresses are tried: families alternate, beginning with the one that the resolver put first (it
/// knows the host's address policy, RFC 6724), each address once, at most [`limits::ADDRESSES`].
pub fn order(resolved: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut unique: Vec<SocketAddr> = Vec::new();
    for address in resolved {
        if !unique.contains(&address) {
            unique.push(address);
        }
    }
    let Some(first_is_v6) = unique.first().map(SocketAddr::is_ipv6) else {
        return unique;
    };
    let (first, second): (Vec<_>, Vec<_>) = unique.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut second = second.into_iter();
    let mut ordered = Vec::new();
    for address in first {
        ordered.push(address);
        ordered.extend(second.next());
    }
    ordered.extend(second);
    ordered.truncate(limits::ADDRESSES);
    ordered
}

/// A race in progress.
#[derive(Debug)]
pub struct Race {
    waiting: VecDeque<SocketAddr>,
    running: Vec<SocketAddr>,
    failed: Vec<(SocketAddr, ConnectProblem)>,
}

impl Race {
    /// A race over `addresses`, in this order.
    pub fn new(addresses: Vec<SocketAddr>) -> Self {
        Self { waiting: addresses.into(), running: Vec::new(), failed: Vec::new() }
    }

    /// The address to try next, now; `None` where every one has been tried.
    pub fn start_next(&mut self) -> Option<SocketAddr> {
        let address = self.waiting.pop_front()?;
        self.running.push(address);
        Some(address)
    }

    /// One attempt failed.
    pub fn failed(&mut self, address: SocketAddr, problem: ConnectProblem) {
        self.running.retain(|running| *running != address);
        self.failed.push((address, problem));
    }

    /// Whether an address is left to be tried.
    pub fn has_next(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether every address has failed.
    pub fn is_lost(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// Ends a race without a winner: what became of each address that was tried; those still running have timed out.
    pub fn into_failures(mut self) -> Vec<(SocketAddr, ConnectProblem)> {
        self.failed.extend(self.running.into_iter().map(|address| (address, ConnectProblem::TimedOut)));
        self.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "4a" is an IPv4 address ending in a, "6b" an IPv6 one ending in b.
    fn address(name: &str) -> SocketAddr {
        match name.split_at(1) {
            ("4", last) => format!("192.0.2.{}:443", u8::from_str_radix(last, 16).unwrap()).parse().unwrap(),
            (_, last) => format!("[2001:db8::{last}]:443").parse().unwrap(),
        }
    }

    fn addresses(names: &str) -> Vec<SocketAddr> {
        names.split_whitespace().map(address).collect()
    }

    #[test]
    fn families_alternate() {
        for (resolved, expected) in [
            ("", ""),
            ("4a", "4a"),
            ("6a 6b 6c 4a 4b 4c", "6a 4a 6b 4b 6c 4c"),
            ("4a 4b 6a 6b", "4a 6a 4b 6b"),
            ("6a 4a 4b 4c", "6a 4a 4b 4c"),
            ("6a 6b 6c 4a", "6a 4a 6b 6c"),
            ("4a 4a 4b 4a", "4a 4b"),
            ("61 62 63 64 65 66 67 68 69 41", "61 41 62 63 64 65 66 67"),
        ] {
            assert_eq!(order(addresses(resolved)), addresses(expected), "{resolved}");
        }
    }

    #[test]
    fn each_failure_and_each_stagger_starts_the_next() {
        let mut race = Race::new(addresses("6a 4a 6b"));
        assert_eq!(race.start_next(), Some(address("6a")));
        assert_eq!(race.start_next(), Some(address("4a")), "the stagger passed");
        race.failed(address("4a"), ConnectProblem::Refused);
        assert!(race.has_next());
        assert_eq!(race.start_next(), Some(address("6b")), "a failure does not wait for the stagger");
        assert_eq!(race.start_next(), None);
        race.failed(address("6b"), ConnectProblem::Unreachable);
        assert!(!race.is_lost(), "6a is still running");
        assert_eq!(
            race.into_failures(),
            [
                (address("4a"), ConnectProblem::Refused),
                (address("6b"), ConnectProblem::Unreachable),
                (address("6a"), ConnectProblem::TimedOut),
            ]
        );
    }

    #[test]
    fn a_race_is_lost_when_all_have_failed() {
        let mut race = Race::new(addresses("4a"));
        assert!(!race.is_lost());
        race.start_next();
        race.failed(address("4a"), ConnectProblem::Refused);
        assert!(race.is_lost());
        assert!(Race::new(Vec::new()).is_lost());
    }
}

//! How often peers that nobody knows are told of: a scanner that knocks ten thousand times fills no log.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use tokio::time::Instant;

/// How much may be told.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// The least time between two lines about one address.
    pub of_one: Duration,
    /// Lines about all of them in a second.
    pub in_a_second: u32,
    /// Addresses that are remembered.
    pub addresses: usize,
}

/// What has been told. Pure: time is an argument.
#[derive(Debug)]
pub struct Told {
    budget: Budget,
    of_one: HashMap<IpAddr, Instant>,
    /// The second that is being counted, and its lines.
    second: (Instant, u32),
    left_out: u64,
}

/// Whether something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Yes, and so many were left out before.
    Told {
        /// Since the last line that was told.
        left_out: u64,
    },
    /// No: enough was told.
    LeftOut,
}

impl Told {
    /// Nothing told yet.
    #[must_use]
    pub fn new(budget: Budget, now: Instant) -> Self {
        Self { budget, of_one: HashMap::new(), second: (now, 0), left_out: 0 }
    }

    /// There is something to tell about an address.
    pub fn tell(&mut self, address: IpAddr, now: Instant) -> Line {
        if now - self.second.0 >= Duration::from_secs(1) {
            self.second = (now, 0);
        }
        let is_news = self.of_one.get(&address).is_none_or(|last| now - *last >= self.budget.of_one);
        if !is_news || self.second.1 >= self.budget.in_a_second {
            self.left_out += 1;
            return Line::LeftOut;
        }
        if self.of_one.len() >= self.budget.addresses {
            self.of_one.retain(|_, last| now - *last < self.budget.of_one);
        }
        if self.of_one.len() < self.budget.addresses {
            self.of_one.insert(address, now);
        }
        self.second.1 += 1;
        Line::Told { left_out: std::mem::take(&mut self.left_out) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_line_a_second_for_each_and_a_few_for_all() {
        let began = Instant::now();
        let budget = Budget { of_one: Duration::from_secs(1), in_a_second: 3, addresses: 4 };
        let mut told = Told::new(budget, began);
        let mut tell = |last: u8, millis| told.tell([192, 0, 2, last].into(), began + Duration::from_millis(millis));
        assert_eq!(tell(1, 0), Line::Told { left_out: 0 });
        assert_eq!(tell(1, 999), Line::LeftOut);
        assert_eq!(tell(2, 999), Line::Told { left_out: 1 });
        assert_eq!(tell(1, 1_000), Line::Told { left_out: 0 });
        assert_eq!(tell(3, 1_000), Line::Told { left_out: 0 });
        assert_eq!(tell(4, 1_000), Line::Told { left_out: 0 });
        assert_eq!(tell(5, 1_000), Line::LeftOut, "three in a second");
        assert_eq!(tell(5, 2_000), Line::Told { left_out: 1 });
        for address in 0..200 {
            tell(address, 10_000);
        }
        assert!(told.of_one.len() <= 4);
    }
}

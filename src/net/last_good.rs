//! The addresses at which servers were reached last, for the time in which DNS gives no answer.

use std::net::SocketAddr;

use super::{error::Endpoint, limits};

/// What the owner of a destination remembers between two attempts: an address for each of its few servers.
#[derive(Clone, Debug, Default)]
pub struct LastGood {
    /// The one that was reached last is at the end.
    addresses: Vec<(Endpoint, SocketAddr)>,
}

impl LastGood {
    /// Where `endpoint` was reached last, TLS included.
    pub fn address(&self, endpoint: &Endpoint) -> Option<SocketAddr> {
        self.addresses.iter().find(|(known, _)| known == endpoint).map(|(_, address)| *address)
    }

    /// It was reached at `address`.
    pub(super) fn remember(&mut self, endpoint: &Endpoint, address: SocketAddr) {
        self.addresses.retain(|(known, _)| known != endpoint);
        if self.addresses.len() >= limits::LAST_GOOD {
            self.addresses.remove(0);
        }
        self.addresses.push((endpoint.clone(), address));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_its_own_and_the_oldest_goes() {
        let mut last_good = LastGood::default();
        let endpoint = |port: usize| Endpoint::new("a.example", u16::try_from(port).unwrap());
        let address = |port: usize| SocketAddr::from(([192, 0, 2, 1], u16::try_from(port).unwrap()));
        for port in 1..=limits::LAST_GOOD {
            last_good.remember(&endpoint(port), address(port));
        }
        last_good.remember(&endpoint(1), address(9));
        assert_eq!(last_good.address(&endpoint(1)), Some(address(9)));
        last_good.remember(&endpoint(100), address(100));
        assert_eq!(last_good.address(&endpoint(2)), None);
        assert_eq!(last_good.address(&endpoint(1)), Some(address(9)));
        assert_eq!(last_good.address(&endpoint(100)), Some(address(100)));
        assert_eq!(last_good.addresses.len(), limits::LAST_GOOD);
    }
}

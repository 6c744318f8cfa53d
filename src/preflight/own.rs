//! Whether a server that was connected to is this relay itself.

use std::net::SocketAddr;

use crate::net::Ends;

/// Where this relay listens for publishers, or would.
#[derive(Clone, Debug, Default)]
pub struct Own(Vec<SocketAddr>);

impl Own {
    /// These addresses.
    #[must_use]
    pub fn new(listeners: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self(listeners.into_iter().collect())
    }

    /// The listener at which a connection has arrived; `None`: it is somebody else's.
    ///
    /// A connection stays on this machine where both ends have the same address, or the far one is of the loopback. Which of this
    /// machine's addresses a name stands for, nobody else could say: it is seen once there is a connection.
    pub(super) fn listener(&self, ends: Ends) -> Option<SocketAddr> {
        let (local, peer) = (ends.local.ip().to_canonical(), ends.peer.ip().to_canonical());
        let is_here = peer.is_loopback() || peer == local;
        let takes = |listener: &&SocketAddr| {
            let ip = listener.ip().to_canonical();
            // One for IPv6 takes IPv4 too.
            let is_every = ip.is_unspecified() && (ip.is_ipv6() || peer.is_ipv4());
            listener.port() == ends.peer.port() && (is_every || ip == peer)
        };
        self.0.iter().find(takes).copied().filter(|_| is_here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_has_not_left_the_machine_and_ends_at_a_listener() {
        let table = [
            // From, to, listener, and whether it is its.
            ("192.0.2.7:40000", "192.0.2.7:1935", "0.0.0.0:1935", true),
            ("192.0.2.7:40000", "192.0.2.7:1935", "192.0.2.7:1935", true),
            ("192.0.2.7:40000", "192.0.2.7:1935", "[::]:1935", true),
            ("127.0.0.1:40000", "127.0.0.2:1935", "0.0.0.0:1935", true),
            ("[::1]:40000", "[::1]:1935", "[::]:1935", true),
            ("[::ffff:192.0.2.7]:40000", "[::ffff:192.0.2.7]:1935", "192.0.2.7:1935", true),
            ("[2001:db8::7]:40000", "[2001:db8::7]:443", "[2001:db8::7]:443", true),
            // Another machine, another port, another listener, another family.
            ("192.0.2.7:40000", "192.0.2.8:1935", "0.0.0.0:1935", false),
            ("192.0.2.7:40000", "192.0.2.7:1936", "0.0.0.0:1935", false),
            ("192.0.2.7:40000", "192.0.2.7:1935", "127.0.0.1:1935", false),
            ("[::1]:40000", "[::1]:1935", "0.0.0.0:1935", false),
        ];
        for (local, peer, listener, expected) in table {
            let ends = Ends { local: local.parse().unwrap(), peer: peer.parse().unwrap() };
            let listener: SocketAddr = listener.parse().unwrap();
            let others = ["127.0.0.1:9".parse().unwrap(), listener];
            assert_eq!(
                Own::new(others).listener(ends),
                expected.then_some(listener),
                "{local} to {peer} at {listener}"
            );
        }
    }
}

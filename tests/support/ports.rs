//! Ports for peers that must be told theirs.

use std::net::SocketAddr;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use socket2::{Domain, Socket, Type};

/// Below the range that the kernel hands to outgoing connections (32768 and up), so that no connection of another test
/// takes a port between its choice here and the peer's own bind.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port of 127.0.0.1 on which nothing listens, different at each call in this process.
pub(crate) fn free() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two test processes on one machine begin far apart.
    let start = u16::try_from(process::id() * 97 % u32::from(COUNT)).expect("the remainder fits");
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (start + step) % COUNT;
        if can_be_bound(port) {
            return port;
        }
    }
    panic!("no free port from {FIRST} to {}", FIRST + COUNT);
}

/// Binds and does not listen: a process that another test starts at this moment holds a copy of the socket until it has become
/// the other program, and a port where that copy listens would not be free for whoever is about to get it.
fn can_be_bound(port: u16) -> bool {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be made");
    socket.set_reuse_address(true).expect("the option exists");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], port)).into()).is_ok()
}

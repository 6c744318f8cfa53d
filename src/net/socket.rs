//! Socket options: small queues in the kernel, and a dead peer noticed within ten seconds.

use std::{io, net::SocketAddr, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::limits;

/// Sets the options that every media connection has, dialled or accepted.
///
/// Each is set as far as the system knows it, and one that it refuses is left: a stream without it is still live.
pub fn tune(stream: &TcpStream) {
    set(&SockRef::from(stream));
}

/// A port that listens, whose connections have those options from the start: the kernel hands them on, so that a connection
/// which never says anything costs no call for them.
///
/// # Errors
/// Where the address cannot be bound.
pub fn listen(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A port whose last connections are still dying away can be bound; Windows means something else by it.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    set(&SockRef::from(&socket));
    socket.listen(backlog)
}

fn set(socket: &SockRef<'_>) {
    // The sender coalesces on its own; Nagle on top would hold the tail of each frame back.
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_tcp_keepalive(&keepalive());
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let _ = socket.set_tcp_notsent_lowat(limits::NOT_SENT_LOW_WATER);
        // Keepalive sees nothing while bytes are under way; this does.
        let _ = socket.set_tcp_user_timeout(Some(limits::USER_TIMEOUT));
    }
}

/// Makes the close that follows a reset (RST): what is unsent is discarded and the peer sees an error, not a clean end.
pub fn reset_on_close(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

fn keepalive() -> TcpKeepalive {
    let keepalive = TcpKeepalive::new().with_time(limits::KEEPALIVE_IDLE);
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "ios",
        target_os = "macos",
        target_os = "windows"
    ))]
    let keepalive = keepalive.with_interval(limits::KEEPALIVE_INTERVAL).with_retries(limits::KEEPALIVE_PROBES);
    keepalive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn options_are_set_on_what_is_dialled_and_what_is_accepted() {
        let listener = listen("127.0.0.1:0".parse().unwrap(), 16).unwrap();
        let dialled = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        tune(&dialled);
        assert_tuned(&dialled);
        let (accepted, _) = listener.accept().await.unwrap();
        assert_tuned(&accepted);
    }

    #[track_caller]
    fn assert_tuned(stream: &TcpStream) {
        let socket = SockRef::from(stream);
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_keepalive_time().unwrap(), limits::KEEPALIVE_IDLE);
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), limits::KEEPALIVE_INTERVAL);
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), limits::KEEPALIVE_PROBES);
            assert_eq!(socket.tcp_notsent_lowat().unwrap(), limits::NOT_SENT_LOW_WATER);
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(limits::USER_TIMEOUT));
        }
    }
}

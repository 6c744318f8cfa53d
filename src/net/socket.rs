//! Socket options: small queues in the kernel, and a dead peer noticed within ten seconds.

use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use super::limits;

/// Sets the options that every media connection has, dialled or accepted.
///
/// Each is set as far as the system knows it, and one that it refuses is left: a stream without it is still live.
pub fn tune(stream: &TcpStream) {
    let socket = SockRef::from(stream);
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
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn options_are_set() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        tune(&stream);
        let socket = SockRef::from(&stream);
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

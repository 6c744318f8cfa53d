//! A connection, whatever protects it.

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::SystemTime,
};

use rustls::pki_types::CertificateDer;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{client, rustls::CommonState, server};

use super::{
    socket,
    tcp::Tcp,
    tls::{Chain, Fingerprint},
};

/// A TCP connection, plain or under TLS.
///
/// `shutdown` ends it in order (close_notify, then FIN). [`Transport::abort`] resets it. Dropping it closes it without
/// close_notify. Under TLS up to 64 KiB of ciphertext may wait here after a write: flush before sleeping.
///
/// A peer that closes without close_notify reads as [`io::ErrorKind::UnexpectedEof`]; most servers do that, and RTMP has
/// its own ends, so that it means no more than a plain end of file.
#[derive(Debug)]
pub enum Transport {
    /// Plain TCP.
    Plain(Tcp),
    /// TLS that we began.
    Client(Box<client::TlsStream<Tcp>>),
    /// TLS that the peer began.
    Server(Box<server::TlsStream<Tcp>>),
}

impl Transport {
    /// A connection that nothing protects.
    pub fn plain(stream: TcpStream) -> Self {
        Self::Plain(Tcp::new(stream))
    }

    /// The socket below, for addresses and options. What is read or written there bypasses TLS.
    pub fn tcp(&self) -> &TcpStream {
        self.bottom().stream()
    }

    /// Bytes written to TCP so far: under TLS those of its records and its handshake. To be compared with
    /// [`TcpInfo::acknowledged_bytes`](super::TcpInfo::acknowledged_bytes); what is not flushed is not in it.
    pub fn written(&self) -> u64 {
        self.bottom().written()
    }

    fn bottom(&self) -> &Tcp {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Client(stream) => stream.get_ref().0,
            Self::Server(stream) => stream.get_ref().0,
        }
    }

    /// What protects the connection; `None` where nothing does.
    pub fn protection(&self) -> Option<Protection> {
        match self {
            Self::Plain(_) => None,
            Self::Client(stream) => Protection::of(stream.get_ref().1),
            Self::Server(stream) => Protection::of(stream.get_ref().1),
        }
    }

    /// The fingerprint of the certificate that the peer showed; `None` where it showed none.
    pub fn certificate(&self) -> Option<Fingerprint> {
        self.shown().first().map(|certificate| Fingerprint::of(certificate))
    }

    /// The chain of certificates that the peer showed, as it is `now`; `None` where it showed none.
    pub fn chain(&self, now: SystemTime) -> Option<Chain> {
        Chain::of(self.shown(), now)
    }

    fn shown(&self) -> &[CertificateDer<'static>] {
        let shown = match self {
            Self::Plain(_) => None,
            Self::Client(stream) => stream.get_ref().1.peer_certificates(),
            Self::Server(stream) => stream.get_ref().1.peer_certificates(),
        };
        shown.unwrap_or_default()
    }

    /// Just drops the connection: what is unsent is discarded and the peer sees a reset.
    pub fn abort(self) {
        socket::reset_on_close(self.tcp());
    }
}

/// Version and cipher suite of a TLS connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// "TLS 1.2" or "TLS 1.3".
    pub version: &'static str,
    /// The suite by its IANA name, such as `TLS13_AES_128_GCM_SHA256`.
    pub cipher: String,
}

impl Protection {
    fn of(state: &CommonState) -> Option<Self> {
        use tokio_rustls::rustls::ProtocolVersion;

        let version = match state.protocol_version()? {
            ProtocolVersion::TLSv1_3 => "TLS 1.3",
            ProtocolVersion::TLSv1_2 => "TLS 1.2",
            // No other version is ever enabled.
            _ => "TLS",
        };
        Some(Self { version, cipher: format!("{:?}", state.negotiated_cipher_suite()?.suite()) })
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {}", self.version, self.cipher)
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Client(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Server(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buffer),
            Self::Client(stream) => Pin::new(stream).poll_write(cx, buffer),
            Self::Server(stream) => Pin::new(stream).poll_write(cx, buffer),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, buffers),
            Self::Client(stream) => Pin::new(stream).poll_write_vectored(cx, buffers),
            Self::Server(stream) => Pin::new(stream).poll_write_vectored(cx, buffers),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Client(stream) => stream.is_write_vectored(),
            Self::Server(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Client(stream) => Pin::new(stream).poll_flush(cx),
            Self::Server(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Client(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Server(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    async fn pair() -> (Transport, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Transport::plain(client), listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn abort_is_a_reset() {
        let (mut ours, mut theirs) = pair().await;
        ours.write_all(b"lost").await.unwrap();
        ours.abort();
        let error = async {
            loop {
                theirs.read_u8().await?;
            }
        };
        let error: io::Error = match error.await {
            Ok(never) => never,
            Err(error) => error,
        };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn shutdown_is_a_clean_end() {
        let (mut ours, mut theirs) = pair().await;
        ours.write_all(b"kept").await.unwrap();
        assert_eq!(ours.written(), 4);
        ours.shutdown().await.unwrap();
        let mut received = Vec::new();
        theirs.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"kept");
        assert!(ours.protection().is_none());
        assert!(ours.is_write_vectored());
    }
}

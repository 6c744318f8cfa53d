//! Remembers how a peer began to speak, since after a failed handshake those bytes are gone.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A TCP connection that keeps the first bytes it received.
#[derive(Debug)]
pub struct FirstBytes {
    tcp: TcpStream,
    /// Enough to tell a TLS record, RTMP's version byte and `HTTP/` apart.
    bytes: [u8; 5],
    kept: usize,
}

impl FirstBytes {
    pub(super) fn new(tcp: TcpStream) -> Self {
        Self { tcp, bytes: [0; 5], kept: 0 }
    }

    /// The connection itself.
    pub fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// What came first, up to five bytes.
    pub(super) fn received(&self) -> &[u8] {
        self.bytes.get(..self.kept).unwrap_or_default()
    }

    fn keep(&mut self, received: &[u8]) {
        let room = self.bytes.get_mut(self.kept..).unwrap_or_default();
        for (place, byte) in room.iter_mut().zip(received) {
            *place = *byte;
            self.kept += 1;
        }
    }
}

impl AsyncRead for FirstBytes {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let result = Pin::new(&mut this.tcp).poll_read(cx, buffer);
        if this.kept < this.bytes.len() {
            this.keep(buffer.filled().get(before..).unwrap_or_default());
        }
        result
    }
}

impl AsyncWrite for FirstBytes {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tcp).poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tcp).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(cx)
    }
}

//! The TCP connection at the bottom of a transport: it remembers how the peer began to speak, since after a failed TLS handshake
//! those bytes are gone, and counts what was written, since above TLS nobody knows how much that is.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A TCP connection that keeps the first bytes it received and counts those that it sent.
#[derive(Debug)]
pub struct Tcp {
    stream: TcpStream,
    /// Enough to tell a TLS record, RTMP's version byte and `HTTP/` apart.
    first: [u8; 5],
    kept: usize,
    written: u64,
}

impl Tcp {
    /// Over `stream`, on which nothing has been sent yet.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, first: [0; 5], kept: 0, written: 0 }
    }

    /// The socket. What is read or written there is missing here.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Bytes that the kernel has taken so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// What came first, up to five bytes.
    pub(super) fn first_received(&self) -> &[u8] {
        self.first.get(..self.kept).unwrap_or_default()
    }

    fn keep(&mut self, received: &[u8]) {
        let room = self.first.get_mut(self.kept..).unwrap_or_default();
        for (place, byte) in room.iter_mut().zip(received) {
            *place = *byte;
            self.kept += 1;
        }
    }

    fn count(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.written += *bytes as u64;
        }
        written
    }
}

impl AsyncRead for Tcp {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let result = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if this.kept < this.first.len() {
            this.keep(buffer.filled().get(before..).unwrap_or_default());
        }
        result
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buffer);
        this.count(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, buffers);
        this.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

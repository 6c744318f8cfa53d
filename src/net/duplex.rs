//! One step of a connection that reads and writes at the same time.

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};

/// What one read takes from the kernel at most. A 6 Mbit/s publish brings 25 KiB a frame.
const READ_BYTES: usize = 32 << 10;

/// Slices of one vectored write: the headers and payloads of 256 KiB in chunks of 4 KiB, well within Linux's 1,024.
const SLICES: usize = 128;

/// A connection whose two directions never wait for each other, in one task and without a lock.
#[derive(Debug)]
pub struct Duplex<T> {
    io: T,
    buffer: Box<[u8]>,
    filled: usize,
    /// A TLS session may hold back ciphertext that it has already taken: flush before sleeping.
    unflushed: bool,
    /// A send that failed, until everything that the peer had said before was read: it may say why.
    failed: Option<io::Error>,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Bytes came in: [`Duplex::received`] has them.
    Received,
    /// So many bytes of the outbox went out.
    Sent(usize),
    /// Everything that was sent has left for the kernel.
    Flushed,
    /// The peer will send nothing more.
    Closed,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex<T> {
    /// A connection over `io`.
    pub fn new(io: T) -> Self {
        Self::narrow(io, READ_BYTES)
    }

    /// A connection over `io` that reads no more than so many bytes at a time until it is [widened](Self::widen): the buffer is
    /// most of what a connection costs that has not said anything yet.
    pub fn narrow(io: T, read_bytes: usize) -> Self {
        Self { io, buffer: vec![0; read_bytes].into(), filled: 0, unflushed: false, failed: None }
    }

    /// From now on reads as much at a time as media needs. What the last step has received is gone.
    pub fn widen(&mut self) {
        if self.buffer.len() < READ_BYTES {
            self.buffer = vec![0; READ_BYTES].into();
            self.filled = 0;
        }
    }

    /// Sends from `outbox` or receives, whichever is possible first. Sending has precedence, so that a peer which floods us
    /// cannot keep us from sending; a peer that takes nothing leaves us receiving.
    ///
    /// Cancel-safe: a step that is dropped has done nothing.
    ///
    /// # Errors
    /// What the connection reports.
    pub async fn step(&mut self, outbox: &mut impl Buf) -> io::Result<Step> {
        poll_fn(|cx| self.poll_step(cx, outbox)).await
    }

    /// Sends from `outbox` what the kernel takes at once, and never waits: where it takes nothing, or the connection has failed,
    /// [`Self::step`] is to find out.
    pub async fn send_at_once(&mut self, outbox: &mut impl Buf) -> Option<usize> {
        poll_fn(|cx| {
            let sent = match self.failed {
                None => self.poll_send(cx, outbox),
                Some(_) => Poll::Pending,
            };
            Poll::Ready(match sent {
                Poll::Ready(Ok(Step::Sent(bytes))) => Some(bytes),
                Poll::Ready(Err(error)) => {
                    self.failed = Some(error);
                    None
                }
                Poll::Ready(Ok(_)) | Poll::Pending => None,
            })
        })
        .await
    }

    /// The bytes of the last [`Step::Received`].
    pub fn received(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// Whether everything that was taken from an outbox has left for the kernel.
    pub fn is_flushed(&self) -> bool {
        !self.unflushed
    }

    /// Ends the sending direction in order.
    ///
    /// # Errors
    /// What the connection reports.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.io.shutdown().await
    }

    /// The connection itself. What is read or written there is missing here.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// The connection itself.
    pub fn into_inner(self) -> T {
        self.io
    }

    fn poll_step(&mut self, cx: &mut Context<'_>, outbox: &mut impl Buf) -> Poll<io::Result<Step>> {
        if self.failed.is_none() {
            match self.poll_send(cx, outbox) {
                Poll::Ready(Ok(step)) => return Poll::Ready(Ok(step)),
                Poll::Ready(Err(error)) => self.failed = Some(error),
                Poll::Pending => {}
            }
        }
        let mut buffer = ReadBuf::new(&mut self.buffer);
        let read = Pin::new(&mut self.io).poll_read(cx, &mut buffer);
        self.filled = buffer.filled().len();
        if self.filled > 0 {
            return Poll::Ready(Ok(Step::Received));
        }
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Err(error));
        }
        ready!(read)?;
        Poll::Ready(Ok(Step::Closed))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, outbox: &mut impl Buf) -> Poll<io::Result<Step>> {
        let mut io = Pin::new(&mut self.io);
        if outbox.has_remaining() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = outbox.chunks_vectored(&mut slices);
            let sent = ready!(io.as_mut().poll_write_vectored(cx, slices.get(..count).unwrap_or_default()))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            outbox.advance(sent);
            // What has left already needs no step of its own.
            self.unflushed = outbox.has_remaining() || !matches!(io.poll_flush(cx), Poll::Ready(Ok(())));
            return Poll::Ready(Ok(Step::Sent(sent)));
        }
        if self.unflushed {
            ready!(io.poll_flush(cx))?;
            self.unflushed = false;
            return Poll::Ready(Ok(Step::Flushed));
        }
        Poll::Pending
    }
}

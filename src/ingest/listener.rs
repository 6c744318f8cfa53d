//! The ports that publishers connect to.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    address::Network,
    door::{Door, Ticket},
    limits,
    session::{self, Context},
};
use crate::{
    net::{TlsServer, socket, tls::AcceptCause},
    observe::{Event, News, Repeats},
    stream::Publisher,
};

/// The first byte of a TLS record that begins a handshake (RFC 8446, section 5.1); RTMP begins with 3.
const TLS_HANDSHAKE: u8 = 22;

/// A bound port.
pub struct Listener {
    listener: TcpListener,
    takes: Takes,
}

/// Which transports a port takes. Where it takes both, the first byte of a connection decides.
#[derive(Clone, Debug)]
pub enum Takes {
    /// `rtmp://`.
    Rtmp,
    /// `rtmps://`.
    Rtmps(TlsServer),
    /// Either.
    Both(TlsServer),
}

impl Takes {
    /// As log lines call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rtmp => "rtmp",
            Self::Rtmps(_) => "rtmps",
            Self::Both(_) => "rtmp and rtmps",
        }
    }
}

impl Listener {
    /// Binds `address`.
    ///
    /// # Errors
    /// Where the address cannot be bound: in use, not of this machine, or a port that needs more rights.
    pub fn bind(address: SocketAddr, takes: Takes) -> io::Result<Self> {
        Ok(Self { listener: socket::listen(address, limits::BACKLOG)?, takes })
    }

    /// The bound address, with the port that the system chose where 0 was asked for.
    ///
    /// # Errors
    /// What the system reports.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What it takes.
    pub fn takes(&self) -> &Takes {
        &self.takes
    }

    /// Accepts publishers until the context says stop. Each one is a task of `tasks`.
    pub async fn run(self, context: Context, door: Arc<Door>, tasks: TaskTracker) {
        let mut failures = Repeats::default();
        loop {
            let accepted = tokio::select! {
                () = context.stop.cancelled() => return,
                () = context.drain.cancelled() => return,
                accepted = async {
                    door.settle().await;
                    self.listener.accept().await
                } => accepted,
            };
            match accepted {
                Ok((stream, address)) => {
                    failures.delivered();
                    let ticket = door.enter(Network::of(address.ip()));
                    tasks.spawn(serve(stream, address, self.takes.clone(), ticket, context.clone()));
                }
                Err(error) => {
                    if failures.failed("accept", tokio::time::Instant::now()) != News::Old {
                        Event::AcceptFailed { transport: self.takes.name(), error: &error.to_string() }.emit();
                    }
                    pause(&context.stop, limits::ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// One connection, to its end. What TLS needs is boxed: a connection without it is ten times smaller.
async fn serve(stream: TcpStream, address: SocketAddr, takes: Takes, ticket: Ticket, context: Context) {
    let deadline = Instant::now() + limits::HANDSHAKE;
    let tls = match takes {
        Takes::Rtmp => None,
        Takes::Rtmps(tls) => Some(tls),
        Takes::Both(tls) => {
            let mut first = [0; 1];
            tokio::select! {
                () = context.stop.cancelled() => return,
                () = ticket.evicted() => return context.evicted(address, "rtmp"),
                peeked = timeout(limits::HANDSHAKE, stream.peek(&mut first)) => match peeked {
                    Ok(Ok(1..)) => {}
                    Ok(_) => return Event::IngestProbed { address, transport: "rtmp" }.emit(),
                    Err(_) => return context.refused(address, "rtmp", "it sent nothing"),
                }
            }
            (first == [TLS_HANDSHAKE]).then_some(tls)
        }
    };
    let publisher = |transport, tls| Publisher { address, transport, tls, name: None, relay_hops: Vec::new() };
    match tls {
        None => session::serve(stream, publisher("rtmp", None), ticket, &context).await,
        Some(tls) => Box::pin(serve_tls(stream, publisher("rtmps", None), tls, deadline, ticket, context)).await,
    }
}

async fn serve_tls(
    stream: TcpStream,
    publisher: Publisher,
    tls: TlsServer,
    deadline: Instant,
    ticket: Ticket,
    context: Context,
) {
    let address = publisher.address;
    let accepted = tokio::select! {
        () = context.stop.cancelled() => return,
        () = ticket.evicted() => return context.evicted(address, publisher.transport),
        accepted = tls.accept(stream, deadline.saturating_duration_since(Instant::now())) => accepted,
    };
    match accepted {
        Ok(transport) => {
            let tls = transport.protection().map(|protection| protection.to_string());
            session::serve(transport, Publisher { tls, ..publisher }, ticket, &context).await;
        }
        Err(error) => match &error.cause {
            AcceptCause::NothingSent => Event::IngestProbed { address, transport: publisher.transport }.emit(),
            cause => {
                let line = context.line(address);
                Event::TlsRefused { address, reason: &cause.to_string(), hint: error.hint(), line }.emit();
            }
        },
    }
}

async fn pause(stop: &CancellationToken, duration: Duration) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = sleep(duration) => {}
    }
}

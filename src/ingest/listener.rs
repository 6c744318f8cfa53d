//! The ports that publishers connect to.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    limits,
    session::{self, Context},
};
use crate::{
    net::{TlsServer, socket, tls::AcceptCause},
    observe::Event,
    stream::Publisher,
};

/// A bound port, plain or TLS.
pub struct Listener {
    listener: TcpListener,
    tls: Option<TlsServer>,
}

impl Listener {
    /// Binds `address`; with `tls` it takes RTMPS, else RTMP.
    ///
    /// # Errors
    /// Where the address cannot be bound: in use, not of this machine, or a port that needs more rights.
    pub async fn bind(address: SocketAddr, tls: Option<TlsServer>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        // Told at the start, where somebody reads: encoders that refuse it hardly say why.
        if let Some(problem) = tls.as_ref().and_then(|tls| tls.validity_problem(SystemTime::now())) {
            Event::CertificateProblem { problem: &problem }.emit();
        }
        Ok(Self { listener, tls })
    }

    /// The bound address, with the port that the system chose where 0 was asked for.
    ///
    /// # Errors
    /// What the system reports.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// `rtmp` or `rtmps`.
    pub fn transport(&self) -> &'static str {
        if self.tls.is_some() { "rtmps" } else { "rtmp" }
    }

    /// Accepts publishers until the context says stop. Each one is a task of `tasks`.
    pub async fn run(self, context: Context, connections: Arc<Semaphore>, tasks: TaskTracker) {
        loop {
            let accepted = tokio::select! {
                () = context.stop.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => {
                    // Without a permit the connection is closed here: whoever holds the others open pays for it first.
                    let Ok(permit) = Arc::clone(&connections).try_acquire_owned() else {
                        let reason = format!("{} connections are open already", limits::CONNECTIONS);
                        Event::IngestRefused { address, transport: self.transport(), reason: &reason }.emit();
                        continue;
                    };
                    let (tls, context) = (self.tls.clone(), context.clone());
                    tasks.spawn(async move {
                        serve(stream, address, tls, context).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    Event::AcceptFailed { transport: self.transport(), error: &error.to_string() }.emit();
                    pause(&context.stop, limits::ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn serve(stream: TcpStream, address: SocketAddr, tls: Option<TlsServer>, context: Context) {
    socket::tune(&stream);
    let Some(tls) = tls else {
        return session::serve(stream, Publisher { address, transport: "rtmp" }, &context).await;
    };
    let accepted = tokio::select! {
        () = context.stop.cancelled() => return,
        accepted = tls.accept(stream, limits::HANDSHAKE) => accepted,
    };
    match accepted {
        Ok(transport) => session::serve(transport, Publisher { address, transport: "rtmps" }, &context).await,
        Err(error) => match &error.cause {
            AcceptCause::NothingSent => Event::IngestProbed { address, transport: "rtmps" }.emit(),
            cause => Event::TlsRefused { address, reason: &cause.to_string(), hint: error.hint() }.emit(),
        },
    }
}

async fn pause(stop: &CancellationToken, duration: Duration) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = sleep(duration) => {}
    }
}

//! The demo's platforms: RTMP and RTMPS servers that take a publish and remember the fingerprint of all that comes.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::record::Fingerprint;
use crate::{
    media::{Class, Inspector, Kind},
    net::{
        TlsServer, Transport,
        duplex::{Duplex, Step},
    },
    rtmp::{
        handshake::{RANDOM_LEN, Random},
        message::Message,
        server::{Event, Server},
    },
};

/// How long a sink tries to get its port back when it comes back.
const REBIND: Duration = Duration::from_secs(2);

/// A platform of the demo. It can be killed, and come back on the same port with all that it remembers.
pub struct Sink {
    /// Its destination's name.
    pub name: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    tls: Option<TlsServer>,
    log: Arc<Mutex<Log>>,
    /// The life that it leads now.
    life: Mutex<Life>,
}

/// From a start to a kill.
#[derive(Clone, Default)]
struct Life {
    killed: CancellationToken,
    tasks: TaskTracker,
}

/// What a sink received.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// One for each publish that it took.
    pub sessions: Vec<Session>,
}

/// What one publish brought.
#[derive(Clone, Debug)]
pub struct Session {
    /// Audio, video and data messages, configuration included.
    pub messages: u64,
    /// Their payload.
    pub bytes: u64,
    /// The fingerprints of the audio and video messages without the configuration, in order.
    pub frames: Vec<Fingerprint>,
    /// When the first frame came, and whether it was a keyframe after the sequence headers of both tracks.
    pub first: Option<(Instant, bool)>,
    /// It ended with an unpublish.
    pub is_ended: bool,
    sequence_headers: usize,
}

impl Sink {
    /// A sink on a free port of this machine, for RTMP or, with `tls`, for RTMPS.
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn start(name: &'static str, tls: Option<TlsServer>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let sink = Self { name, address: listener.local_addr()?, tls, log: Arc::default(), life: Mutex::default() };
        sink.live(listener);
        Ok(sink)
    }

    /// Whether it takes RTMPS.
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// What it has received so far.
    pub fn log(&self) -> Log {
        lock(&self.log).clone()
    }

    /// Cuts its connections and stops to listen, as a server does whose process is killed.
    pub async fn kill(&self) {
        let life = lock(&self.life).clone();
        life.killed.cancel();
        life.tasks.close();
        life.tasks.wait().await;
    }

    /// Comes back on the same port.
    ///
    /// # Errors
    /// Where the port has been taken meanwhile.
    pub async fn come_back(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + REBIND;
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(error) if Instant::now() > deadline => return Err(error.into()),
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        };
        self.live(listener);
        Ok(())
    }

    fn live(&self, listener: TcpListener) {
        let life = Life::default();
        let (tls, log, within) = (self.tls.clone(), Arc::clone(&self.log), life.clone());
        life.tasks.spawn(async move {
            loop {
                let stream = tokio::select! {
                    () = within.killed.cancelled() => return,
                    Ok((stream, _)) = listener.accept() => stream,
                };
                let (tls, log, killed) = (tls.clone(), Arc::clone(&log), within.killed.clone());
                within.tasks.spawn(async move { serve(stream, tls, &log, &killed).await });
            }
        });
        *lock(&self.life) = life;
    }
}

async fn serve(stream: TcpStream, tls: Option<TlsServer>, log: &Mutex<Log>, killed: &CancellationToken) {
    let transport = match tls {
        None => Transport::plain(stream),
        Some(tls) => match tls.accept(stream, Duration::from_secs(5)).await {
            Ok(transport) => transport,
            // The verdict shows that nothing came.
            Err(_) => return,
        },
    };
    let mut random: Random = [0; RANDOM_LEN];
    if getrandom::fill(&mut random).is_err() {
        return;
    }
    let mut io = Duplex::new(transport);
    let mut server = Server::new(&random);
    tokio::select! {
        () = killed.cancelled() => io.into_inner().abort(),
        () = receive(&mut io, &mut server, log) => {}
    }
}

async fn receive<T: AsyncRead + AsyncWrite + Unpin>(io: &mut Duplex<T>, server: &mut Server, log: &Mutex<Log>) {
    let mut inspector = Inspector::new();
    loop {
        match io.step(server.transmit()).await {
            Ok(Step::Sent(_) | Step::Flushed) => continue,
            Ok(Step::Received) => {}
            Ok(Step::Closed) | Err(_) => return,
        }
        let mut input = io.received();
        while let Ok(Some(event)) = server.handle_input(&mut input) {
            match event {
                Event::Connected(_) => {}
                Event::PublishRequested(_) => {
                    server.accept_publish();
                    lock(log).sessions.push(Session::new());
                }
                Event::Media(message) => {
                    if let Some(session) = lock(log).sessions.last_mut() {
                        session.add(&message, &mut inspector);
                    }
                }
                Event::Unpublished => {
                    if let Some(session) = lock(log).sessions.last_mut() {
                        session.is_ended = true;
                    }
                }
                Event::Closed => return,
            }
        }
    }
}

impl Session {
    fn new() -> Self {
        Self { messages: 0, bytes: 0, frames: Vec::new(), first: None, is_ended: false, sequence_headers: 0 }
    }

    fn add(&mut self, message: &Message, inspector: &mut Inspector) {
        let Some(kind) = Kind::of_tag_type(message.message_type.0) else { return };
        self.messages += 1;
        self.bytes += message.payload.len() as u64;
        if kind == Kind::Data {
            return;
        }
        match inspector.inspect(kind, &message.payload).class {
            Class::Configuration(_) => self.sequence_headers += 1,
            class => {
                let is_right = class == Class::Keyframe && self.sequence_headers >= 2;
                self.first.get_or_insert((Instant::now(), is_right));
                self.frames.push(Fingerprint::of(kind, &message.payload));
            }
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is one push or one assignment: what is shared is whole even where a task panicked.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

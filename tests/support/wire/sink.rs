//! A destination made by hand: it keeps every byte of media and the name of every command, and misbehaves on request.

mod conversation;

use std::io::{self, Read};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};

use super::amf::Value;
use super::behaviour::Behaviour;
use crate::support::flv::Tag;
use crate::support::{ports, wait};

/// Small, so that a sink that stops reading is felt by the sender at once and not after megabytes.
const RECEIVE_BUFFER: usize = 64 * 1024;
/// How long a port is waited for that is known to be ours.
const FREE_PORT: Duration = Duration::from_secs(5);

/// An RTMP server on this machine that takes every publish, unless its [`Behaviour`] says otherwise.
pub(crate) struct Sink {
    port: u16,
    shared: Arc<Shared>,
}

/// One connection, from its publish on.
#[derive(Clone, Default)]
pub(crate) struct Session {
    /// The names of all commands in their order.
    pub(crate) commands: Vec<String>,
    /// The first argument of `connect`.
    pub(crate) connect: Option<Value>,
    pub(crate) stream_key: String,
    /// Where the connection came from.
    pub(crate) peer: Option<IpAddr>,
    /// Everything of type 8, 9 or 18, as it came.
    pub(crate) tags: Vec<Tag>,
    /// When the first audio or video message was complete, and the last.
    pub(crate) first_media: Option<Instant>,
    pub(crate) last_media: Option<Instant>,
    pub(crate) is_over: bool,
}

impl Session {
    /// Was the end of the publish announced?
    pub(crate) fn was_unpublished(&self) -> bool {
        self.commands.iter().any(|name| name == "FCUnpublish" || name == "deleteStream" || name == "closeStream")
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    behaviour: Behaviour,
    sessions: Vec<Session>,
    /// When each connection was accepted.
    attempts: Vec<Instant>,
    /// The names of all commands of all connections, also of those that never published.
    heard: Vec<String>,
    /// The connections that were accepted and not yet ended from here.
    sockets: Vec<TcpStream>,
    is_stalled: bool,
    /// Bytes a second that each connection reads at most.
    rate: Option<usize>,
    is_closed: bool,
    /// Counts the calls of `kill`: an acceptor of an earlier life takes nothing more.
    life: u64,
    /// The connections are being reset: nobody is to end one in good order.
    is_resetting: bool,
}

impl Sink {
    pub(crate) fn start() -> Self {
        Self::with(Behaviour::default())
    }

    pub(crate) fn with(behaviour: Behaviour) -> Self {
        let sink = Self { port: ports::free(), shared: Arc::default() };
        sink.state().behaviour = behaviour;
        sink.listen();
        sink
    }

    /// From the next command on.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        self.state().behaviour = behaviour;
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The server URL, without a key.
    pub(crate) fn url(&self) -> String {
        format!("rtmp://127.0.0.1:{}/live", self.port)
    }

    /// Stops reading, on every connection; what the kernel takes meanwhile stays unread.
    pub(crate) fn stall(&self) {
        self.state().is_stalled = true;
    }

    pub(crate) fn resume(&self) {
        self.state().is_stalled = false;
        self.shared.changed.notify_all();
    }

    /// From now on each connection reads no faster than this.
    pub(crate) fn read_slowly(&self, kilobits_per_second: usize) {
        self.state().rate = Some(kilobits_per_second * 1000 / 8);
    }

    /// Ends every connection in good order (FIN), and goes on listening.
    pub(crate) fn finish(&self) {
        for socket in self.state().sockets.drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Ends every connection with a reset (RST), and goes on listening.
    pub(crate) fn reset(&self) {
        let mut state = self.state();
        state.is_resetting = true;
        for socket in state.sockets.drain(..) {
            let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
            // Says nothing to the peer: it only wakes the reader, and the reset goes out when that lets go of the socket.
            let _ = socket.shutdown(Shutdown::Read);
        }
        drop(state);
        let is_done = || Arc::strong_count(&self.shared) <= 2;
        wait::until("the connections to be reset", Duration::from_secs(5), || is_done().then_some(()));
        self.state().is_resetting = false;
    }

    /// Closes every connection and the listening port, as the death of the process does.
    pub(crate) fn kill(&self) {
        let mut state = self.state();
        state.life += 1;
        state.is_closed = true;
        state.is_stalled = false;
        for socket in state.sockets.drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
        drop(state);
        self.shared.changed.notify_all();
        // Wakes the acceptor, which then drops its listener.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        wait::until("a killed sink's port to close", Duration::from_secs(5), || {
            TcpStream::connect(("127.0.0.1", self.port)).is_err().then_some(())
        });
    }

    /// Listens again, on the same port.
    pub(crate) fn revive(&self) {
        self.state().is_closed = false;
        self.listen();
    }

    /// When each connection was accepted.
    pub(crate) fn attempts(&self) -> Vec<Instant> {
        self.state().attempts.clone()
    }

    /// The names of all commands of all connections, in the order in which they came; also of those that never published.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.state().heard.clone()
    }

    /// A copy of all sessions so far, oldest first; the media bytes are shared.
    pub(crate) fn sessions(&self) -> Vec<Session> {
        self.state().sessions.clone()
    }

    /// How many sessions there are in which media has come.
    pub(crate) fn flowing(&self) -> usize {
        self.state().sessions.iter().filter(|session| !session.is_over && session.first_media.is_some()).count()
    }

    /// The one session that there must be.
    #[track_caller]
    pub(crate) fn session(&self) -> Session {
        let mut sessions = self.sessions();
        assert_eq!(sessions.len(), 1, "one session was expected");
        sessions.remove(0)
    }

    /// Waits until the newest session fulfils a condition, and gives a copy of it.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, limit: Duration, condition: impl Fn(&Session) -> bool) -> Session {
        wait::until(what, limit, || self.state().sessions.last().filter(|session| condition(session)).cloned())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }

    fn listen(&self) {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be made");
        socket.set_reuse_address(true).expect("the option exists");
        let receive_buffer = self.state().behaviour.receive_buffer.unwrap_or(RECEIVE_BUFFER);
        socket.set_recv_buffer_size(receive_buffer).expect("the option exists");
        // A process that another test is about to start may hold a copy of our last listener for a moment.
        wait::until("the port to be free", FREE_PORT, || socket.bind(&address.into()).ok());
        socket.listen(1024).expect("a bound socket can listen");
        let listener = TcpListener::from(socket);
        let shared = Arc::clone(&self.shared);
        let life = self.state().life;
        thread::spawn(move || {
            for socket in listener.incoming() {
                let Ok(socket) = socket else { return };
                let mut state = shared.state();
                if state.life != life {
                    return;
                }
                let Ok(copy) = socket.try_clone() else { return };
                state.sockets.push(copy);
                state.attempts.push(Instant::now());
                drop(state);
                let shared = Arc::clone(&shared);
                thread::spawn(move || conversation::serve(&shared, socket, life));
            }
        });
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if !self.state().is_closed {
            self.kill();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

/// The socket, behind a gate that a stalled sink closes and a slow one opens a little at a time.
struct Gate {
    socket: TcpStream,
    shared: Arc<Shared>,
    life: u64,
    /// When a slow reader may read next.
    due: Instant,
}

impl Read for Gate {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let state = self.shared.state();
        let life = self.life;
        let state = self
            .shared
            .changed
            .wait_while(state, |state| state.is_stalled && state.life == life)
            .expect("no holder of this lock panics");
        let rate = state.rate;
        drop(state);
        let Some(rate) = rate else { return self.socket.read(buffer) };
        thread::sleep(self.due.saturating_duration_since(Instant::now()));
        let most = (rate / 50).clamp(1, buffer.len().max(1)).min(buffer.len());
        let count = self.socket.read(&mut buffer[..most])?;
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        let takes = Duration::from_secs_f64(count as f64 / rate as f64);
        self.due = self.due.max(Instant::now()) + takes;
        Ok(count)
    }
}

//! A destination made by hand: it keeps every byte of media and the name of every command, and misbehaves on request.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use socket2::{Domain, Socket, Type};

use super::amf::{self, Value};
use super::chunks::{self, Message, Reader};
use crate::support::flv::{self, Tag};
use crate::support::{ports, wait};

/// Small, so that a sink that stops reading is felt by the sender at once and not after megabytes.
const RECEIVE_BUFFER: usize = 64 * 1024;
/// What the sink announces for its own few messages.
const CHUNK_SIZE: usize = 4096;

/// An RTMP server on this machine that takes every publish.
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
    /// Everything of type 8, 9 or 18, as it came.
    pub(crate) tags: Vec<Tag>,
    /// When the first audio or video message was complete.
    pub(crate) first_media: Option<Instant>,
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
    sessions: Vec<Session>,
    /// The sockets of the sessions, and how to end the listener.
    sockets: Vec<TcpStream>,
    is_stalled: bool,
    is_closed: bool,
    /// Counts the calls of `kill`: an acceptor of an earlier life takes nothing more.
    life: u64,
    refusal: Option<String>,
}

impl Sink {
    pub(crate) fn start() -> Self {
        let sink = Self { port: ports::free(), shared: Arc::default() };
        sink.listen();
        sink
    }

    /// A sink that answers every publish with an error of this code.
    pub(crate) fn refusing(code: &str) -> Self {
        let sink = Self::start();
        sink.state().refusal = Some(code.to_owned());
        sink
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

    /// A copy of all sessions so far, oldest first; the media bytes are shared.
    pub(crate) fn sessions(&self) -> Vec<Session> {
        self.state().sessions.clone()
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
        socket.set_recv_buffer_size(RECEIVE_BUFFER).expect("the option exists");
        socket.bind(&address.into()).expect("the port is free");
        socket.listen(128).expect("a bound socket can listen");
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
                drop(state);
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(&shared, socket, life));
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

/// The socket, behind a gate that a stalled sink closes.
struct Gate {
    socket: TcpStream,
    shared: Arc<Shared>,
    life: u64,
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
        drop(state);
        self.socket.read(buffer)
    }
}

/// One connection from its first byte to its end; an error is an end like any other.
fn serve(shared: &Arc<Shared>, socket: TcpStream, life: u64) {
    let mut session = None;
    let closing = socket.try_clone();
    let _ = converse(shared, socket, life, &mut session);
    // Dropping is not enough: the list that `kill` goes through holds the socket too.
    let _ = closing.map(|socket| socket.shutdown(Shutdown::Both));
    if let Some(index) = session {
        let mut state = shared.state();
        if let Some(session) = state.sessions.get_mut(index) {
            session.is_over = true;
        }
    }
}

fn converse(shared: &Arc<Shared>, mut socket: TcpStream, life: u64, index: &mut Option<usize>) -> io::Result<()> {
    let _ = socket.set_nodelay(true);
    let gate = Gate { socket: socket.try_clone()?, shared: Arc::clone(shared), life };
    let mut gate = io::BufReader::with_capacity(16 * 1024, gate);
    let mut hello = vec![0; 1537];
    gate.read_exact(&mut hello[..1])?;
    if hello[0] != 3 {
        return Err(io::Error::other("not the plain RTMP that this port speaks"));
    }
    gate.read_exact(&mut hello[1..])?;
    let mut answer = vec![3];
    answer.extend([0; 8]);
    answer.extend([7; 1528]);
    answer.extend(&hello[1..]);
    socket.write_all(&answer)?;
    gate.read_exact(&mut [0; 1536])?;

    let mut session = Session::default();
    let mut reader = Reader::new(gate);
    loop {
        let message = reader.read()?;
        match message.kind {
            chunks::COMMAND => {
                let values = amf::decode(&message.payload);
                note(&mut session, &values);
                let refusal = shared.state().refusal.clone();
                let is_publish = answer_command(&mut socket, &values, message.stream, refusal.as_deref())?;
                if is_publish && refusal.is_some() {
                    return socket.shutdown(Shutdown::Write);
                }
                if is_publish {
                    let mut state = shared.state();
                    *index = Some(state.sessions.len());
                    state.sessions.push(Session::default());
                }
            }
            flv::AUDIO | flv::VIDEO | flv::DATA => {
                let tag = Tag { kind: message.kind, timestamp: message.timestamp, payload: message.payload };
                if tag.is_media() && session.first_media.is_none() {
                    session.first_media = Some(Instant::now());
                }
                session.tags.push(tag);
            }
            _ => continue,
        }
        if let Some(index) = *index {
            publish_session(shared, index, &mut session);
        }
    }
}

/// Makes what has come since the last call visible to the test.
fn publish_session(shared: &Shared, index: usize, new: &mut Session) {
    let mut state = shared.state();
    let Some(session) = state.sessions.get_mut(index) else { return };
    session.commands.append(&mut new.commands);
    session.tags.append(&mut new.tags);
    session.first_media = session.first_media.or(new.first_media);
    if let Some(connect) = new.connect.take() {
        session.connect = Some(connect);
    }
    if !new.stream_key.is_empty() {
        session.stream_key = std::mem::take(&mut new.stream_key);
    }
}

fn note(session: &mut Session, values: &[Value]) {
    let name = values.first().and_then(Value::text).unwrap_or_default();
    session.commands.push(name.to_owned());
    match name {
        "connect" => session.connect = values.get(2).cloned(),
        "publish" => session.stream_key = values.get(3).and_then(Value::text).unwrap_or_default().to_owned(),
        _ => {}
    }
}

/// Answers as a server must; says whether it was the publish.
fn answer_command(socket: &mut TcpStream, values: &[Value], stream: u32, refusal: Option<&str>) -> io::Result<bool> {
    let name = values.first().and_then(Value::text).unwrap_or_default();
    let transaction = values.get(1).cloned().unwrap_or(Value::Null);
    match name {
        "connect" => {
            let window = 2_500_000_u32.to_be_bytes().to_vec();
            control(socket, chunks::WINDOW_ACKNOWLEDGEMENT_SIZE, window.clone())?;
            control(socket, chunks::SET_PEER_BANDWIDTH, [window, vec![2]].concat())?;
            control(socket, chunks::USER_CONTROL, vec![0; 6])?;
            let size = u32::try_from(CHUNK_SIZE).expect("it is small");
            control(socket, chunks::SET_CHUNK_SIZE, size.to_be_bytes().to_vec())?;
            let server = object(&[("fmsVer", "FMS/3,0,1,123")]);
            let status =
                object(&[("level", "status"), ("code", "NetConnection.Connect.Success"), ("description", "welcome")]);
            command(socket, 0, &["_result".into(), transaction, server, status])?;
        }
        "createStream" => command(socket, 0, &["_result".into(), transaction, Value::Null, Value::Number(1.0)])?,
        "publish" => {
            let (level, code) = refusal.map_or(("status", "NetStream.Publish.Start"), |code| ("error", code));
            let status = object(&[("level", level), ("code", code), ("description", "said by the test's sink")]);
            command(socket, stream, &["onStatus".into(), Value::Number(0.0), Value::Null, status])?;
            return Ok(true);
        }
        "releaseStream" | "FCPublish" => {
            command(socket, 0, &["_result".into(), transaction, Value::Null, Value::Null])?
        }
        _ => {}
    }
    Ok(false)
}

fn object(fields: &[(&str, &str)]) -> Value {
    Value::Object(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect())
}

fn command(socket: &mut TcpStream, stream: u32, values: &[Value]) -> io::Result<()> {
    send(socket, 3, chunks::COMMAND, stream, amf::encode(values))
}

fn control(socket: &mut TcpStream, kind: u8, payload: Vec<u8>) -> io::Result<()> {
    send(socket, 2, kind, 0, payload)
}

fn send(socket: &mut TcpStream, chunk_stream: u8, kind: u8, stream: u32, payload: Vec<u8>) -> io::Result<()> {
    let message = Message { kind, stream, timestamp: 0, payload: Bytes::from(payload) };
    // The size of one's own chunks is 128 until it is announced, and `connect` is answered after that.
    let chunk_size = if kind == chunks::COMMAND { CHUNK_SIZE } else { 128 };
    socket.write_all(&chunks::encode(chunk_stream, chunk_size, &message))
}

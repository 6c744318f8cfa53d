//! The sinks: one process that takes any number of publishes on one port, and counts, checks and times their messages.
//!
//! It is told what to do in lines on its standard input, and answers each with a line of JSON.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs,
    future::poll_fn,
    io::Write as _,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    process::{Child, ChildStdin, Command, Stdio},
    rc::Rc,
    sync::Arc,
    task::{Poll, ready},
};

use forkcast::rtmp::message::MessageType;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde::{Deserialize, Serialize};
use socket2::{Domain, Socket, Type};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader, ReadBuf},
    net::TcpListener,
    sync::Notify,
    task::LocalSet,
};
use tokio_rustls::TlsAcceptor;

use super::{
    amf::{self, Value},
    chunks::{ChunkReader, Received},
    clock, media,
    process::Guard,
};

/// What one read takes.
const READ: usize = 256 << 10;
const HANDSHAKE: usize = 1536;
/// Nanoseconds.
pub(crate) const LATENCY_STEP: u64 = 50_000;
/// Set Chunk Size: 4,096, as nginx-rtmp announces it. FFmpeg takes a server's size for its own, and writes each chunk by itself.
const CHUNK_SIZE: [u8; 16] = [2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0x10, 0];

/// What the process is started with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Given {
    /// Certificate chain and key (PEM): the sinks speak RTMPS.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    /// What the kernel may hold that they have not read, where it is not the system's default.
    pub(crate) receive_buffer: Option<usize>,
}

/// What it is told.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Forget all figures, and count from now on.
    Begin,
    /// Tell the figures since.
    Tell,
    /// Read nothing more from the first so many connections.
    Stall(usize),
}

/// What it tells.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Publishes in which media has come.
    pub(crate) flowing: usize,
    /// Connections that were ever accepted.
    pub(crate) accepted: usize,
    pub(crate) messages: u64,
    /// Payload bytes.
    pub(crate) bytes: u64,
    /// Messages that are missing between two that came.
    pub(crate) lost: u64,
    /// Messages that are not what was published.
    pub(crate) damaged: u64,
    /// From the publisher's stamp to here: how many messages took so many twentieths of a millisecond.
    pub(crate) latency: BTreeMap<u64, u64>,
    /// When the first picture came to each publish that has one, on the shared clock, in order.
    pub(crate) first_pictures: Vec<u64>,
}

/// The running process.
pub(crate) struct Sinks {
    process: Guard,
    orders: ChildStdin,
    answers: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
    port: u16,
}

impl Sinks {
    pub(crate) fn start(given: &Given) -> Self {
        let program = std::env::current_exe().expect("a program knows where it is");
        let mut child: Child = Command::new(program)
            .args(["sinks", &serde_json::to_string(given).expect("plain data")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started");
        let orders = child.stdin.take().expect("it is piped");
        let mut answers = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("it is piped")));
        let port = answers.next().expect("the sinks listen").expect("they say where").parse().expect("a port");
        Self { process: Guard::new("sinks", child), orders, answers, port }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn process(&self) -> &Guard {
        &self.process
    }

    pub(crate) fn tell(&mut self, order: Order) -> Figures {
        writeln!(self.orders, "{}", serde_json::to_string(&order).expect("plain data")).expect("the sinks run");
        let answer = self.answers.next().expect("the sinks run").expect("they answer");
        serde_json::from_str(&answer).expect("they answer in JSON")
    }
}

/// All connections' figures.
#[derive(Default)]
struct State {
    accepted: usize,
    /// By connection: the next number of picture and of sound.
    sessions: BTreeMap<usize, [Option<u32>; 2]>,
    first_pictures: Vec<u64>,
    figures: Figures,
    stalled: usize,
    /// One buffer for all: what was read is dealt with before the next read.
    buffer: Vec<u8>,
}

/// The role.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn play(given: &Given) {
    LocalSet::new().run_until(serve(given)).await;
}

async fn serve(given: &Given) {
    let acceptor = given.identity.as_ref().map(|(certificate, key)| acceptor(certificate, key));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be made");
    if let Some(bytes) = given.receive_buffer {
        socket.set_recv_buffer_size(bytes).expect("the option exists");
    }
    socket.set_nonblocking(true).expect("the option exists");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port is free");
    socket.listen(4096).expect("a bound socket can listen");
    let listener = TcpListener::from_std(socket.into()).expect("it is a listener");
    println!("{}", listener.local_addr().expect("it is bound").port());
    let state = Rc::new(RefCell::new(State { buffer: vec![0; READ], ..State::default() }));
    let told = Rc::new(Notify::new());
    tokio::task::spawn_local(accept(listener, acceptor, Rc::clone(&state)));
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = orders.next_line().await {
        let figures = state.borrow_mut().obey(serde_json::from_str(&line).expect("an order"));
        println!("{}", serde_json::to_string(&figures).expect("plain data"));
        let _ = std::io::stdout().flush();
        told.notify_waiters();
    }
}

fn acceptor(certificate: &std::path::Path, key: &std::path::Path) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let pem = fs::read(certificate).expect("the certificate was written");
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem).map(|der| der.expect("a certificate")).collect();
    let key = PrivateKeyDer::from_pem_file(key).expect("the key was written");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("there are such versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("they belong together");
    TlsAcceptor::from(Arc::new(config))
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, state: Rc<RefCell<State>>) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let _ = stream.set_nodelay(true);
        let number = state.borrow().accepted;
        state.borrow_mut().accepted += 1;
        let (acceptor, state) = (acceptor.clone(), Rc::clone(&state));
        tokio::task::spawn_local(async move {
            // A relay that goes away in the middle of something is no news.
            let _ = match acceptor {
                Some(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => converse(number, stream, &state).await,
                    Err(error) => Err(error),
                },
                None => converse(number, stream, &state).await,
            };
        });
    }
}

async fn converse<T: AsyncRead + AsyncWrite + Unpin>(
    number: usize,
    mut stream: T,
    state: &Rc<RefCell<State>>,
) -> std::io::Result<()> {
    let mut handshake = vec![0; 1 + HANDSHAKE];
    stream.read_exact(&mut handshake).await?;
    let mut answer = vec![3];
    answer.extend([0; HANDSHAKE]);
    answer.extend(&handshake[1..]);
    stream.write_all(&answer).await?;
    stream.flush().await?;
    stream.read_exact(&mut handshake[..HANDSHAKE]).await?;
    drop(handshake);
    let mut reader = ChunkReader::new();
    loop {
        while state.borrow().stalled > number {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let mut answers = Vec::new();
        let taken = poll_fn(|context| {
            let state = &mut *state.borrow_mut();
            let mut buffer = std::mem::take(&mut state.buffer);
            let mut into = ReadBuf::new(&mut buffer);
            let result = Pin::new(&mut stream).poll_read(context, &mut into);
            let bytes = into.filled().len();
            if bytes > 0 {
                let now = clock::now();
                reader.read(&buffer[..bytes], |message| state.take(number, now, &message, &mut answers));
            }
            state.buffer = buffer;
            ready!(result)?;
            Poll::Ready(std::io::Result::Ok(bytes))
        });
        if taken.await? == 0 {
            return Ok(());
        }
        if !answers.is_empty() {
            stream.write_all(&answers).await?;
            stream.flush().await?;
        }
    }
}

impl State {
    fn obey(&mut self, order: Order) -> Figures {
        match order {
            Order::Begin => {
                self.figures = Figures::default();
            }
            Order::Stall(count) => self.stalled = count,
            Order::Tell => {}
        }
        let mut first_pictures = self.first_pictures.clone();
        first_pictures.sort_unstable();
        let (flowing, accepted) = (self.sessions.len(), self.accepted);
        Figures { flowing, accepted, first_pictures, ..self.figures.clone() }
    }

    /// A message of connection `connection`.
    fn take(&mut self, connection: usize, now: u64, message: &Received<'_>, answers: &mut Vec<u8>) {
        let message_type = MessageType(message.type_id);
        match message_type {
            MessageType::COMMAND_AMF0 => answer(message.head, answers),
            MessageType::AUDIO | MessageType::VIDEO => {
                let Some(stamp) = media::stamp(message_type, message.head) else { return };
                let is_video = message_type == MessageType::VIDEO;
                let session = self.sessions.entry(connection).or_default();
                let next = &mut session[usize::from(is_video)];
                if is_video && next.is_none() {
                    self.first_pictures.push(now);
                }
                match next.replace(stamp.number + 1) {
                    Some(expected) if stamp.number < expected => self.figures.damaged += 1,
                    Some(expected) => self.figures.lost += u64::from(stamp.number - expected),
                    None => {}
                }
                self.figures.messages += 1;
                self.figures.bytes += message.length as u64;
                if connection >= self.stalled {
                    let latency = now.saturating_sub(stamp.published) / LATENCY_STEP;
                    *self.figures.latency.entry(latency).or_default() += 1;
                }
            }
            _ => {}
        }
    }
}

/// What a publisher has to be answered.
fn answer(command: &[u8], out: &mut Vec<u8>) {
    let values = amf::decode(command);
    let (Some(name), Some(transaction)) = (values.first().and_then(Value::text), values.get(1).and_then(Value::number))
    else {
        return;
    };
    let status = |code: &str| {
        Value::Object(vec![
            ("level".to_owned(), "status".into()),
            ("code".to_owned(), code.into()),
            ("description".to_owned(), "".into()),
        ])
    };
    let result = |value| vec!["_result".into(), Value::Number(transaction), Value::Null, value];
    let (stream, reply) = match name {
        "connect" => {
            out.extend(CHUNK_SIZE);
            (0, result(status("NetConnection.Connect.Success")))
        }
        "createStream" => (0, result(Value::Number(1.0))),
        "publish" => {
            let code = status("NetStream.Publish.Start");
            (1, vec!["onStatus".into(), Value::Number(0.0), Value::Null, code])
        }
        _ => return,
    };
    put_message(&amf::encode(&reply), stream, out);
}

/// A command on chunk stream 3; each is short enough for one chunk.
fn put_message(payload: &[u8], stream: u8, out: &mut Vec<u8>) {
    let length = u16::try_from(payload.len()).expect("a short answer").to_be_bytes();
    out.extend([3, 0, 0, 0, 0, length[0], length[1], MessageType::COMMAND_AMF0.0, stream, 0, 0, 0]);
    out.extend(payload);
}

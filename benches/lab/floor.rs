//! The floor: what sending costs where nothing else is done. One task for each destination, payloads and headers shared, one
//! vectored write for each batch; no log, no policy, no state, no time limits.
//!
//! It makes the stream itself, at the pace of real time, and holds messages back for a window as the relay does.

use std::{
    future::poll_fn,
    io::IoSlice,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::ready,
    time::Duration,
};

use bytes::{Buf as _, Bytes};
use forkcast::{
    net::duplex::Duplex,
    rtmp::{
        chunk::Encoder,
        message::{Message, MessageType},
        outbox::Outbox,
    },
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_rustls::TlsConnector;

use super::{
    clock,
    media::{self, Scheduled, Shape},
    publisher,
};

/// What the process is started with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) port: u16,
    pub(crate) destinations: usize,
    /// The certificate authority of the sinks, where they speak RTMPS.
    pub(crate) authority: Option<PathBuf>,
    pub(crate) shape: Shape,
    /// How long a message may wait for others.
    pub(crate) window: Duration,
}

/// What goes out with one write, and what comes after it.
struct Batch {
    slices: Vec<Bytes>,
    next: OnceLock<Arc<Batch>>,
}

impl Batch {
    fn new(slices: Vec<Bytes>) -> Arc<Self> {
        Arc::new(Self { slices, next: OnceLock::new() })
    }
}

/// The role.
#[tokio::main]
pub(crate) async fn play(given: &Given) {
    let mut batch = Batch::new(Vec::new());
    let head = watch::Sender::new(0_u64);
    let tls = given.authority.as_ref().map(|authority| connector(authority));
    for number in 0..given.destinations {
        let stream = TcpStream::connect(("127.0.0.1", given.port)).await.expect("the sinks listen");
        stream.set_nodelay(true).expect("the option exists");
        let (from, head) = (Arc::clone(&batch), head.subscribe());
        let key = format!("key-{number}");
        if let Some(tls) = &tls {
            let name = ServerName::try_from("localhost").expect("it is a name");
            let stream = tls.connect(name, stream).await.expect("the sinks speak TLS");
            begin(stream, given.port, &key, from, head).await;
        } else {
            begin(stream, given.port, &key, from, head).await;
        }
    }
    let mut encoder = Encoder::new();
    encoder.set_chunk_size(CHUNK_SIZE);
    let mut append = |slices: Vec<Bytes>| {
        let next = Batch::new(slices);
        let _ = batch.next.set(Arc::clone(&next));
        batch = next;
        head.send_modify(|head| *head += 1);
    };
    let headers = media::headers().map(|(message_type, payload)| chunks(&mut encoder, message_type, 0, payload));
    append(headers.into_iter().flatten().collect());
    let began = Instant::now();
    let mut waiting = Vec::new();
    let mut release = None;
    for message in media::schedule(given.shape) {
        let due = began + Duration::from_micros(message.at);
        if let Some(at) = release
            && at <= due
        {
            sleep_until(at).await;
            append(std::mem::take(&mut waiting));
            release = None;
        }
        sleep_until(due).await;
        waiting.extend(stamped(&mut encoder, message));
        if given.window.is_zero() {
            append(std::mem::take(&mut waiting));
        } else if release.is_none() {
            release = Some(Instant::now() + given.window);
        }
    }
}

/// That of a server of the relay that no platform's row is for.
const CHUNK_SIZE: u32 = 65_536;

fn stamped(encoder: &mut Encoder, message: Scheduled) -> Vec<Bytes> {
    let timestamp = u32::try_from(message.at / 1000).expect("a benchmark is short");
    chunks(encoder, message.message_type, timestamp, message.payload(clock::now()))
}

/// A message as it goes out: headers, and the payload's bytes where they are.
fn chunks(encoder: &mut Encoder, message_type: MessageType, timestamp: u32, payload: Bytes) -> Vec<Bytes> {
    let chunk_stream = if message_type == MessageType::AUDIO { 4 } else { 6 };
    let mut outbox = Outbox::default();
    encoder.encode(
        chunk_stream,
        Message { message_type, message_stream_id: 1, timestamp, payload: payload.clone() },
        &mut outbox,
    );
    let mut slices = Vec::new();
    while outbox.has_remaining() {
        let chunk = outbox.chunk();
        let range = payload.as_ptr_range();
        let slice =
            if range.contains(&chunk.as_ptr()) { payload.slice_ref(chunk) } else { Bytes::copy_from_slice(chunk) };
        outbox.advance(slice.len());
        slices.push(slice);
    }
    slices
}

fn connector(authority: &std::path::Path) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).expect("the authority was written")).expect("it is one");
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| format!("{:?}", suite.suite()).contains("AES_128"));
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("there are such versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

async fn begin<T>(stream: T, port: u16, key: &str, from: Arc<Batch>, head: watch::Receiver<u64>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut io = Duplex::narrow(stream, 4096);
    let mut client = publisher::client(port, key, CHUNK_SIZE);
    publisher::open(&mut io, &mut client).await.expect("the sinks accept every publish");
    let stream = io.into_inner();
    tokio::spawn(write(stream, from, head));
}

async fn write<T: AsyncWrite + Unpin>(mut stream: T, mut batch: Arc<Batch>, mut head: watch::Receiver<u64>) {
    while head.changed().await.is_ok() {
        while let Some(next) = batch.next.get().cloned() {
            batch = next;
            if write_batch(&mut stream, &batch.slices).await.is_err() {
                return;
            }
        }
    }
}

async fn write_batch<T: AsyncWrite + Unpin>(stream: &mut T, slices: &[Bytes]) -> std::io::Result<()> {
    // Which slice, and how much of it is written.
    let mut written = (0, 0);
    poll_fn(|context| {
        while written.0 < slices.len() {
            let mut vector = [IoSlice::new(&[]); 64];
            let mut count = 0;
            for (place, slice) in vector.iter_mut().zip(&slices[written.0..]) {
                let from = if count == 0 { written.1 } else { 0 };
                *place = IoSlice::new(&slice[from..]);
                count += 1;
            }
            let mut taken = ready!(Pin::new(&mut *stream).poll_write_vectored(context, &vector[..count]))?;
            while taken > 0 {
                let left = slices[written.0].len() - written.1;
                let step = left.min(taken);
                taken -= step;
                written = if step == left { (written.0 + 1, 0) } else { (written.0, written.1 + step) };
            }
        }
        Pin::new(&mut *stream).poll_flush(context)
    })
    .await
}

//! The publisher: sends streams at the pace of real time, each message with the time at which it was sent.

use std::{
    io::BufRead as _,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use forkcast::{
    net::duplex::{Duplex, Step},
    rtmp::{
        client::{Client, Config, Event},
        handshake::Form,
    },
};
use serde::{Deserialize, Serialize};
use tokio::{
    net::TcpStream,
    sync::{Barrier, Semaphore},
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    clock,
    media::{self, Shape},
    process::Guard,
};

/// What the process is started with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) port: u16,
    /// One stream for each.
    pub(crate) keys: Vec<String>,
    pub(crate) shape: Shape,
}

/// So many connect at a time: a relay lets in no crowd from one address that has shown no key yet.
const AT_THE_DOOR: usize = 4;

/// The running process.
pub(crate) struct Publisher {
    process: Guard,
    /// When all its publishes were accepted, on the shared clock.
    pub(crate) accepted: u64,
}

impl Publisher {
    /// Starts one, and waits until all its publishes are accepted.
    pub(crate) fn start(given: &Given) -> Self {
        let program = std::env::current_exe().expect("a program knows where it is");
        let mut child = Command::new(program)
            .args(["publisher", &serde_json::to_string(given).expect("plain data")])
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started");
        let mut line = String::new();
        let mut output = std::io::BufReader::new(child.stdout.take().expect("it is piped"));
        output.read_line(&mut line).expect("the publisher speaks");
        let accepted = line.trim().parse().expect("the relay accepts the publish");
        Self { process: Guard::new("publisher", child), accepted }
    }

    pub(crate) fn must_run(&mut self) {
        self.process.must_run();
    }
}

/// A client that publishes `live/KEY` on this machine.
pub(crate) fn client(port: u16, key: &str, chunk_size: u32) -> Client {
    let config = Config {
        app: "live".into(),
        tc_url: format!("rtmp://127.0.0.1:{port}/live").as_str().into(),
        stream_key: key.to_owned().into(),
        chunk_size,
        enhanced: false,
        relay_hops: Vec::new(),
        handshake: Form::Simple,
    };
    Client::new(config, &[7; forkcast::rtmp::handshake::RANDOM_LEN])
}

/// Leads the dialogue until the publish is accepted.
pub(crate) async fn open<T>(io: &mut Duplex<T>, client: &mut Client) -> std::io::Result<()>
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    loop {
        match io.step(client.transmit()).await? {
            Step::Received => {
                let mut input = io.received();
                while let Some(event) = client.handle_input(&mut input).map_err(std::io::Error::other)? {
                    match event {
                        Event::Publishing => return Ok(()),
                        Event::Refused(refused) => return Err(std::io::Error::other(refused.code)),
                        _ => {}
                    }
                }
            }
            Step::Closed => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            Step::Sent(_) | Step::Flushed => {}
        }
    }
}

/// The role.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn play(given: &Given) {
    let mut streams = JoinSet::new();
    let accepted = Arc::new(Barrier::new(given.keys.len()));
    let door = Arc::new(Semaphore::new(AT_THE_DOOR));
    for (index, key) in given.keys.iter().enumerate() {
        let (given, key, accepted, door) = (given.clone(), key.clone(), Arc::clone(&accepted), Arc::clone(&door));
        streams.spawn(async move { publish(&given, &key, index, &accepted, &door).await });
    }
    streams.join_all().await;
}

async fn publish(given: &Given, key: &str, index: usize, accepted: &Barrier, door: &Semaphore) {
    let place = door.acquire().await.expect("it is never closed");
    let stream = TcpStream::connect(("127.0.0.1", given.port)).await.expect("the relay listens");
    stream.set_nodelay(true).expect("the option exists");
    // The chunk size of OBS.
    let mut client = client(given.port, key, 4096);
    let mut io = Duplex::new(stream);
    open(&mut io, &mut client).await.expect("the relay accepts the publish");
    drop(place);
    let now = clock::now();
    if accepted.wait().await.is_leader() {
        println!("{now}");
    }
    // Encoders don't keep step.
    let picture = Duration::from_secs(1) / u32::try_from(given.shape.frames).expect("a picture lasts a while");
    tokio::time::sleep(picture * u32::try_from(index).unwrap_or(0) / u32::try_from(given.keys.len()).unwrap_or(1))
        .await;
    for (message_type, payload) in media::headers() {
        client.send_media(message_type, 0, payload);
    }
    let began = Instant::now();
    let mut schedule = media::schedule(given.shape).peekable();
    while let Some(next) = schedule.peek().copied() {
        let due = began + Duration::from_micros(next.at);
        tokio::select! {
            biased;
            step = io.step(client.transmit()) => match step {
                Ok(Step::Received) => {
                    let mut input = io.received();
                    while let Ok(Some(_)) = client.handle_input(&mut input) {}
                }
                Ok(Step::Sent(_) | Step::Flushed) => {}
                Ok(Step::Closed) | Err(_) => return,
            },
            () = sleep_until(due) => {
                schedule.next();
                let timestamp = u32::try_from(next.at / 1000).expect("a benchmark is short");
                client.send_media(next.message_type, timestamp, next.payload(clock::now()));
            }
        }
    }
}

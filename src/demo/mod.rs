//! `forkcast demo`: the main job with no account and no encoder, through the same code as `serve`.
//!
//! ```text
//!   clip --publisher--> RTMP socket --> relay --> rtmp-1, rtmp-2, rtmps-1, rtmps-2   (four TOML files, four sinks)
//!                                                        rtmp-2 is killed half-way and comes back
//! ```

mod certificates;
mod clip;
mod interruption;
mod publisher;
mod record;
mod screen;
mod sink;
mod verdict;

use std::{
    convert::Infallible,
    fs,
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, bail};
use tokio::time::{Instant, interval, sleep_until, timeout};

use self::{
    certificates::Certificates,
    clip::Clip,
    interruption::Interruption,
    publisher::Publisher,
    screen::Screen,
    sink::Sink,
    verdict::{Verdict, Witness},
};
use crate::{
    config::{Config, Disk, Http, ServeOptions},
    control::{desk::Desk, guide::KeyPlace, status::Status},
    destination::{Destination, status::State},
    ingest::{
        access::{Access, PublisherKey},
        keys::StreamKey,
    },
    net::TlsServer,
    observe,
    relay::{Relay, Stream},
};

/// The destination that is killed half-way.
const VICTIM: usize = 1;

/// How long the victim is away.
const AWAY: Duration = Duration::from_secs(2);

/// How long the relay has, after the publisher's stop, to end every destination.
const DRAIN: Duration = Duration::from_secs(5);

/// Runs the demo for about `seconds`. Exit code 0: every message arrived, and the killed destination recovered. A signal, or
/// an output that nobody reads any more, ends it early with the exit code that a shell gives then; it leaves nothing behind.
pub async fn run(seconds: u64) -> ExitCode {
    let interrupted = match Interruption::listen() {
        Ok(interruption) => interruption,
        Err(error) => return failed(&error.into()),
    };
    tokio::select! {
        signal = interrupted.exit_code() => ExitCode::from(signal),
        ended = demonstrate(Duration::from_secs(seconds)) => match ended {
            Ok(verdicts) if verdicts.iter().all(Verdict::is_good) => ExitCode::SUCCESS,
            Ok(_) => ExitCode::FAILURE,
            Err(error) => failed(&error),
        },
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        // 128 and the number of SIGPIPE.
        return ExitCode::from(141);
    }
    // Where this cannot be read either, the exit code still tells.
    let _ = writeln!(io::stderr(), "error: the demo could not run: {error:#}");
    ExitCode::FAILURE
}

async fn demonstrate(length: Duration) -> anyhow::Result<Vec<Verdict>> {
    let folder = tempfile::Builder::new().prefix("forkcast-demo-").tempdir().context("no temporary folder")?;
    let certificates = Certificates::make(folder.path())?;
    let sinks = start_sinks(&certificates).await?;
    let destinations = folder.path().join("destinations");
    write_destinations(&destinations, &sinks, &certificates.ca)?;
    let (relay, key) = start_relay(folder.path(), &destinations).await?;
    let address = relay.addresses.rtmp.first().copied().context("the relay has no RTMP listener")?;
    let mut screen = Screen::begin(&destinations, address)?;

    let clip = Clip::embedded()?;
    let publisher = Publisher::connect(address, key.key).await?;
    let start = Instant::now();
    let mut published = Vec::new();
    let show = async {
        let publishing = publisher.publish(&clip, start + length, &mut published);
        let killing = kill_and_bring_back(&sinks[VICTIM], start + length / 2);
        tokio::try_join!(publishing, killing).map(|((), back)| back)
    };
    let back = tokio::select! {
        back = show => back?,
        told = tell(&relay, &mut screen, start) => match told? {},
    };
    drained(&relay).await?;
    screen.show(&Status::of(&relay.board), start.elapsed())?;
    let witness = Witness { published: &published, victim: VICTIM, back };
    let verdicts = judge(&relay, &sinks, witness);
    relay.end().await;
    for sink in &sinks {
        sink.kill().await;
    }
    screen.conclude(&verdicts, published.len(), clip.headers.len())?;
    Ok(verdicts)
}

/// Two RTMP and two RTMPS sinks.
async fn start_sinks(certificates: &Certificates) -> anyhow::Result<[Sink; 4]> {
    let tls = TlsServer::from_files(std::slice::from_ref(&certificates.server))?;
    Ok([
        Sink::start("rtmp-1", None).await?,
        Sink::start("rtmp-2", None).await?,
        Sink::start("rtmps-1", Some(tls.clone())).await?,
        Sink::start("rtmps-2", Some(tls)).await?,
    ])
}

/// The files that a person would write, one for each sink.
fn write_destinations(folder: &Path, sinks: &[Sink], ca: &Path) -> anyhow::Result<()> {
    fs::create_dir(folder)?;
    for sink in sinks {
        let port = sink.address.port();
        let mut file = toml::Table::new();
        // The name in the certificate is `localhost`, and it is verified.
        let url = if sink.is_tls() {
            format!("rtmps://localhost:{port}/live")
        } else {
            format!("rtmp://127.0.0.1:{port}/live")
        };
        file.insert("url".to_owned(), url.into());
        file.insert("key".to_owned(), format!("demo-key-of-{}", sink.name).into());
        if sink.is_tls() {
            file.insert("ca_file".to_owned(), ca.display().to_string().into());
        }
        write_privately(&folder.join(format!("{}.toml", sink.name)), &toml::to_string(&file)?)?;
    }
    Ok(())
}

/// A file with a key in it, a stream's or a certificate's, is its owner's alone; `check` warns of any other.
fn write_privately(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).with_context(|| format!("cannot write `{}`", path.display()))?;
    file.write_all(text.as_bytes())?;
    Ok(())
}

/// The relay of `serve`, on free ports, with the folder's files.
async fn start_relay(state: &Path, destinations: &Path) -> anyhow::Result<(Relay, StreamKey)> {
    let config = Config::load(&Disk::default(), destinations);
    if let Some(problem) = config.problems.iter().find(|problem| problem.is_mistake()) {
        bail!("a file that the demo wrote is wrong: {problem}");
    }
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let options = ServeOptions {
        rtmp: Some(free),
        rtmps: None,
        share_ports: false,
        http: Some(Http { address: free, is_asked_for: true }),
        http_token: None,
        drain: Duration::ZERO,
        monitoring: None,
        metrics: observe::metrics::Mode::default(),
        log_format: observe::log::Format::default(),
        no_table: true,
        destinations: destinations.to_owned(),
        state: state.to_owned(),
        strict: true,
        notify: Vec::new(),
        named_variables: Vec::new(),
        explanation: Vec::new(),
    };
    let key = StreamKey::load_or_make(state, "live")?;
    let streams = config
        .streams
        .into_iter()
        .map(|stream| Stream {
            name: stream.name,
            access: Access { keys: vec![PublisherKey::unnamed(&key.key)], ..Access::default() },
            key: KeyPlace { text: "of the demonstration's own".to_owned(), file: None },
            takeover: stream.takeover,
            coalescing: stream.coalescing,
            is_wrong: false,
            unlisted: None,
            destinations: stream.destinations,
        })
        .collect();
    let relay = Relay::start(&options, streams, observe::metrics::install()?, Desk::new().0).await?;
    Ok((relay, key))
}

/// Shows the table again and again, for as long as somebody reads it.
async fn tell(relay: &Relay, screen: &mut Screen, start: Instant) -> io::Result<Infallible> {
    let mut again = interval(Duration::from_millis(500));
    loop {
        again.tick().await;
        screen.show(&Status::of(&relay.board), start.elapsed())?;
    }
}

/// Kills the sink at `at`, and says when it was back.
async fn kill_and_bring_back(sink: &Sink, at: Instant) -> anyhow::Result<Instant> {
    sleep_until(at).await;
    sink.kill().await;
    sleep_until(at + AWAY).await;
    sink.come_back().await.context("the killed sink cannot come back")?;
    Ok(Instant::now())
}

/// Waits until every destination has sent what was left and ended with the broadcast.
async fn drained(relay: &Relay) -> anyhow::Result<()> {
    let all_idle = async {
        let mut again = interval(Duration::from_millis(20));
        let is_idle = |destination: &Destination| destination.report.state() == State::Idle;
        while !relay.board.streams().iter().all(|stream| stream.destinations.iter().all(is_idle)) {
            again.tick().await;
        }
    };
    timeout(DRAIN, all_idle).await.context("the destinations did not end with the broadcast")
}

fn judge(relay: &Relay, sinks: &[Sink], witness: Witness<'_>) -> Vec<Verdict> {
    let streams = relay.board.streams();
    let destinations = streams.iter().flat_map(|stream| &stream.destinations);
    let by_name = |name: &str| destinations.clone().find(|destination| destination.name == name);
    let verdict = |(index, sink): (usize, &Sink)| {
        let sent = by_name(sink.name).map_or((0, 0), |found| (found.report.sent_messages(), found.report.sent_bytes()));
        Verdict::of(sink.name, index, sent, &sink.log(), witness)
    };
    sinks.iter().enumerate().map(verdict).collect()
}

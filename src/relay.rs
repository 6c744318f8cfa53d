//! The composition root: what is started, in which order, and how it all stops.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::{Activation, DestinationConfig, Http, ServeOptions},
    control::{
        board::Board,
        guide::Guide,
        server::{Control, Server},
    },
    destination::{
        Destination,
        settings::{Backpressure, DEFAULT_HOLD, Settings},
        status::{Report, State},
        task::{Stop, Task},
    },
    ingest::{
        self,
        access::Access,
        auth::Gate,
        door::Door,
        listener::{Listener, Takes},
        session::Context,
    },
    mend::{self, DestinationFile},
    net::{
        TlsServer, descriptors,
        tls::{Change, FileError},
    },
    observe::Event,
    stream::{Broadcast, Feed, Phase, StreamSettings, Takeover, Window},
};

/// What the log of a stream may hold beyond what its destinations need, for the newest group of pictures of an encoder that
/// seldom sends keyframes, in bytes: ten seconds at 50 Mbit/s.
const LONG_GROUP: u64 = 64 << 20;

/// The pause before a destination that a fault of our own has ended is started anew.
const RESTART: Duration = Duration::from_secs(5);

/// Descriptors of the process itself: standard streams, the runtime's, listeners, HTTP, files that are read meanwhile.
const DESCRIPTORS: usize = 64;

/// How long ingest sessions and destinations have to end in order, beyond their own limits.
const GRACE: Duration = Duration::from_secs(8);

/// One stream to be relayed: its name, its key, and where it goes.
#[derive(Debug)]
pub struct Stream {
    /// `live`, or the folder's name.
    pub name: String,
    /// Who may publish; nobody where the stream's own file is wrong.
    pub access: Access,
    /// What happens when a second publisher shows the key.
    pub takeover: Takeover,
    /// One for each file.
    pub destinations: Vec<DestinationConfig>,
}

/// A running relay.
pub struct Relay {
    /// Where it listens.
    pub addresses: Addresses,
    /// What it looks like.
    pub board: Arc<Board>,
    ingest_stop: CancellationToken,
    destination_stop: Stop,
    http_stop: CancellationToken,
    ingest: TaskTracker,
    destinations: TaskTracker,
    http: TaskTracker,
    /// How long the slowest destination may need to send what is left of a broadcast that is over.
    patience: Duration,
}

/// The bound addresses, with the ports that the system chose where 0 was asked for.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    /// For `rtmp://` publishers.
    pub rtmp: Vec<SocketAddr>,
    /// For `rtmps://` publishers.
    pub rtmps: Vec<SocketAddr>,
    /// For the dashboard, status, metrics and health.
    pub http: Option<SocketAddr>,
}

impl Addresses {
    /// The server URL of each listener, as an encoder is given it. `HOST` stands for a name that only its reader knows: this
    /// machine's as others call it, or the one of the certificate.
    pub fn servers(&self) -> Vec<String> {
        let url = |scheme: &str, host: &str, port: u16, default: u16| match port == default {
            true => format!("{scheme}://{host}/live"),
            false => format!("{scheme}://{host}:{port}/live"),
        };
        let rtmp = self.rtmp.iter().map(|address| match address.ip() {
            ip if ip.is_unspecified() => url("rtmp", "HOST", address.port(), 1935),
            IpAddr::V4(ip) => url("rtmp", &ip.to_string(), address.port(), 1935),
            IpAddr::V6(ip) => url("rtmp", &format!("[{ip}]"), address.port(), 1935),
        });
        rtmp.chain(self.rtmps.iter().map(|address| url("rtmps", "HOST", address.port(), 443))).collect()
    }
}

/// Why a relay did not start. Nothing of it runs then.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener's address cannot be bound.
    #[error("cannot listen on {address} for {what}: {error}\n  hint: {}", bind_hint(.error, what))]
    Bind {
        /// What was to listen there.
        what: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The certificate or the key of the RTMPS listener.
    #[error("rtmps cannot be offered: {0}\n  hint: {hint}", hint = .0.hint())]
    Certificate(#[from] FileError),
}

impl Relay {
    /// Starts the relay: every listener is bound before anything runs. The servers of the `guide` are filled in here.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(
        options: &ServeOptions,
        streams: Vec<Stream>,
        guide: Guide,
        metrics: PrometheusHandle,
    ) -> Result<Self, StartError> {
        let tls = match &options.rtmps {
            Some(rtmps) => Some(TlsServer::from_files(&rtmps.certificates)?),
            None => None,
        };
        let listeners = bind(options, tls.as_ref())?;
        let http = bind_http(options.http).await?;
        let that_take = |takes: fn(&Takes) -> bool| {
            let listeners = listeners.iter().filter(|listener| takes(listener.takes()));
            listeners.filter_map(|listener| listener.local_address().ok()).collect()
        };
        let addresses = Addresses {
            rtmp: that_take(|takes| matches!(takes, Takes::Rtmp | Takes::Both(_))),
            rtmps: that_take(|takes| matches!(takes, Takes::Rtmps(_) | Takes::Both(_))),
            http: http.as_ref().and_then(|http| http.local_address().ok()),
        };

        let guide = Guide { servers: addresses.servers(), ..guide };
        let mut relay = Self {
            addresses,
            board: Arc::new(Board { started: Instant::now(), streams: Vec::new(), tls, guide }),
            ingest_stop: CancellationToken::new(),
            destination_stop: Stop::default(),
            http_stop: CancellationToken::new(),
            ingest: TaskTracker::new(),
            destinations: TaskTracker::new(),
            http: TaskTracker::new(),
            patience: Duration::ZERO,
        };
        relay.start_streams(streams, &options.destinations, listeners);
        if let Some(server) = http {
            let control = Control { board: Arc::clone(&relay.board), metrics };
            let stop = relay.http_stop.clone();
            relay.http.spawn(async move {
                if let Err(error) = server.run(control, stop).await {
                    Event::AcceptFailed { transport: "http", error: &error.to_string() }.emit();
                }
            });
        }
        Ok(relay)
    }

    /// Ends the broadcast: publishers are cut off, destinations send what is left and tell their servers.
    pub async fn end(self) {
        Event::Stopping { how: "the broadcast ends on every destination" }.emit();
        self.stop_ingest().await;
        for (feed, _) in &self.board.streams {
            feed.end_broadcast();
        }
        self.destination_stop.drain.cancel();
        self.stop_destinations().await;
    }

    /// Goes down while the broadcast goes on: connections are dropped with no word that would end it on a platform, so that
    /// a relay which is started again in time goes on with the same broadcast.
    pub async fn leave(self) {
        Event::Stopping { how: "connections are dropped, platforms keep the broadcast open for a restart" }.emit();
        self.destination_stop.leave.cancel();
        self.stop_ingest().await;
        self.stop_destinations().await;
    }

    fn start_streams(&mut self, streams: Vec<Stream>, folder: &Path, listeners: Vec<Listener>) {
        let mut access = Vec::new();
        let mut board = Vec::new();
        for stream in streams {
            let feed = Feed::new(stream_settings(&stream));
            access.push((Arc::clone(&feed), stream.access));
            let start = |destination| self.start_destination(destination, &feed, folder);
            let destinations = stream.destinations.into_iter().map(start).collect();
            self.ingest.spawn(tell_when_a_hold_runs_out(Arc::clone(&feed), self.ingest_stop.clone()));
            board.push((feed, destinations));
        }
        let (tls, guide) = (self.board.tls.clone(), self.board.guide.clone());
        self.ingest.spawn(watch_certificates(tls.clone(), self.ingest_stop.clone()));
        let door = Door::new(room_for_publishers(&board));
        self.board = Arc::new(Board { started: self.board.started, streams: board, tls, guide });

        let context = Context::new(Gate::new(access), self.ingest_stop.clone());
        for listener in listeners {
            if let Ok(address) = listener.local_address() {
                Event::Listening { transport: listener.takes().name(), address }.emit();
            }
            self.ingest.spawn(listener.run(context.clone(), Arc::clone(&door), self.ingest.clone()));
        }
    }

    fn start_destination(&mut self, config: DestinationConfig, feed: &Arc<Feed>, folder: &Path) -> Destination {
        let (settings, state) = match config.activation {
            Activation::On(settings) => (Some(settings), State::Idle),
            Activation::Off { reason } => (None, State::Off { reason }),
            Activation::Wrong { problem } => (None, State::Wrong { reason: problem }),
        };
        let (stream, destination) = (feed.name(), config.name.as_str());
        match &state {
            State::Off { reason } => Event::DestinationOff { stream, destination, reason }.emit(),
            State::Wrong { reason } => Event::DestinationWrong { stream, destination, reason }.emit(),
            _ => {}
        }
        let report = Arc::new(Report::new(stream, destination, state));
        let platform = settings.as_ref().map(|settings| settings.platform.name.clone());
        let url = settings.as_ref().map(|settings| settings.url.to_string());
        if let Some(settings) = settings {
            self.patience = self.patience.max(settings.drain_time());
            let (mended, receiver) = watch::channel(Arc::from(settings));
            let file = DestinationFile { folder: folder.to_owned(), stream: stream.to_owned(), file: config.file };
            let stop = self.destination_stop.clone();
            self.destinations.spawn(mend::wake_when_mended(file, mended, Arc::clone(&report), stop.clone()));
            self.destinations.spawn(keep_running(receiver, Arc::clone(feed), Arc::clone(&report), stop));
        }
        Destination { name: config.name, platform, url, report }
    }

    async fn stop_ingest(&self) {
        self.ingest_stop.cancel();
        self.ingest.close();
        // What is left after the grace ends with the process.
        let _ = timeout(GRACE, self.ingest.wait()).await;
    }

    async fn stop_destinations(&self) {
        self.destinations.close();
        if timeout(self.patience + GRACE, self.destinations.wait()).await.is_err() {
            self.destination_stop.leave.cancel();
            let _ = timeout(GRACE, self.destinations.wait()).await;
        }
        self.http_stop.cancel();
        self.http.close();
        let _ = timeout(GRACE, self.http.wait()).await;
    }
}

fn bind(options: &ServeOptions, tls: Option<&TlsServer>) -> Result<Vec<Listener>, StartError> {
    let mut ports = Vec::new();
    let rtmps = options.rtmps.as_ref().map(|rtmps| rtmps.address);
    let shared = tls.filter(|_| options.share_ports);
    if let Some(address) = options.rtmp {
        ports.push(("rtmp", address, shared.map_or(Takes::Rtmp, |tls| Takes::Both(tls.clone()))));
    }
    if let (Some(address), Some(tls)) = (rtmps, tls)
        && (shared.is_none() || options.rtmp != rtmps)
    {
        ports.push(("rtmps", address, shared.map_or(Takes::Rtmps(tls.clone()), |tls| Takes::Both(tls.clone()))));
    }
    let mut listeners = Vec::new();
    for (what, address, takes) in ports {
        let listener = Listener::bind(address, takes);
        listeners.push(listener.map_err(|error| StartError::Bind { what, address, error })?);
    }
    Ok(listeners)
}

/// How many connections may wait to become publishers: as many as ingest allows, but never the descriptors that destinations
/// and publishers need.
fn room_for_publishers(streams: &[(Arc<Feed>, Vec<Destination>)]) -> usize {
    // A destination that changes its server has two for a moment; a stream has its publisher and one that waits for its turn.
    let destinations: usize = streams.iter().map(|(_, destinations)| destinations.len()).sum();
    let needed = DESCRIPTORS + 2 * destinations + 2 * streams.len();
    let Some(limit) = descriptors::raise_limit() else { return ingest::limits::WAITING };
    let room = limit.saturating_sub(needed as u64);
    let wanted = ingest::limits::WAITING_AT_LEAST;
    if room < wanted as u64 {
        Event::FewDescriptors { limit, wanted: (needed + wanted) as u64 }.emit();
    }
    usize::try_from(room).unwrap_or(usize::MAX).clamp(wanted, ingest::limits::WAITING)
}

/// Looks every few seconds whether certificates were renewed, and tells when one runs out.
async fn watch_certificates(tls: Option<TlsServer>, stop: CancellationToken) {
    let Some(tls) = tls else { return };
    loop {
        let tls = tls.clone();
        let looked = tokio::task::spawn_blocking(move || tls.look(SystemTime::now())).await;
        for change in looked.unwrap_or_default() {
            match change {
                Change::Renewed { file, until } => {
                    Event::CertificateRenewed { file: &file.display().to_string(), until: &until }.emit();
                }
                Change::Kept(error) => {
                    Event::CertificateKept { problem: &error.to_string(), hint: error.hint() }.emit();
                }
                Change::Expiry(problem) => Event::CertificateProblem { problem: &problem }.emit(),
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(ingest::limits::CERTIFICATE_LOOK) => {}
        }
    }
}

/// The default address may be another program's: the relay does its main job without a page.
async fn bind_http(http: Option<Http>) -> Result<Option<Server>, StartError> {
    let Some(Http { address, is_asked_for }) = http else { return Ok(None) };
    match Server::bind(address).await {
        Ok(server) => Ok(Some(server)),
        Err(error) if is_asked_for => Err(StartError::Bind { what: "http", address, error }),
        Err(error) => {
            Event::HttpOff { address, error: &error.to_string() }.emit();
            Ok(None)
        }
    }
}

/// A fault of our own in one destination is nobody else's: its task is started anew.
async fn keep_running(mended: watch::Receiver<Arc<Settings>>, feed: Arc<Feed>, report: Arc<Report>, stop: Stop) {
    loop {
        let task = Task::new(mended.clone(), Arc::clone(&feed), Arc::clone(&report), stop.clone());
        if tokio::spawn(task.run()).await.is_ok() {
            return;
        }
        report.broken();
        let (stream, destination) = (feed.name().to_owned(), mended.borrow().name.clone());
        Event::DestinationBroken { stream: &stream, destination: &destination, restart_in: RESTART }.emit();
        tokio::select! {
            () = stop.leave.cancelled() => return,
            () = stop.drain.cancelled() => return,
            () = sleep(RESTART) => {}
        }
    }
}

/// The log keeps as much as the slowest of the stream's destinations may need, and a lost publisher is waited for as long as
/// the most patient of them stays connected.
fn stream_settings(stream: &Stream) -> StreamSettings {
    let on: Vec<&Settings> = stream
        .destinations
        .iter()
        .filter_map(|destination| match &destination.activation {
            Activation::On(settings) => Some(&**settings),
            Activation::Off { .. } | Activation::Wrong { .. } => None,
        })
        .collect();
    let default = Backpressure::default();
    let duration = on.iter().map(|settings| settings.window()).fold(default.max_lag, Duration::max);
    let bytes = on.iter().map(|settings| settings.window_bytes()).fold(default.max_bytes, u64::max);
    let hold = on.iter().map(|settings| settings.hold).max().unwrap_or(DEFAULT_HOLD);
    let window = Window { duration, bytes, hard_bytes: bytes.saturating_add(LONG_GROUP) };
    StreamSettings { name: stream.name.clone(), window, hold, takeover: stream.takeover }
}

async fn tell_when_a_hold_runs_out(feed: Arc<Feed>, stop: CancellationToken) {
    let mut broadcast = feed.broadcast();
    let mut before = Broadcast::IDLE.phase;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = broadcast.changed() => {}
        }
        let now = broadcast.borrow_and_update().phase;
        if before == Phase::Held && matches!(now, Phase::Ended { .. }) {
            Event::PublishStopped { stream: feed.name(), reason: "the publisher did not come back in time" }.emit();
        }
        before = now;
    }
}

fn bind_hint(error: &io::Error, what: &str) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!(
                "another program listens there, perhaps another forkcast: stop it, or choose another port with --{what}"
            )
        }
        io::ErrorKind::PermissionDenied => format!(
            "ports below 1024 need more rights: choose another with --{what}, or allow it \
             (Linux: `setcap cap_net_bind_service=+ep` on the program)"
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("this machine does not have that address: 0.0.0.0 stands for all that it has (--{what})")
        }
        _ => format!("choose another address with --{what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_encoder_is_given() {
        let at = |addresses: &[&str]| addresses.iter().map(|address| address.parse().unwrap()).collect();
        let addresses = Addresses {
            rtmp: at(&["0.0.0.0:1935", "127.0.0.1:1936", "[::]:1937", "[::1]:1935"]),
            rtmps: at(&["127.0.0.1:443", "192.0.2.1:1935"]),
            http: None,
        };
        let expected = [
            "rtmp://HOST/live",
            "rtmp://127.0.0.1:1936/live",
            "rtmp://HOST:1937/live",
            "rtmp://[::1]/live",
            "rtmps://HOST/live",
            "rtmps://HOST:1935/live",
        ];
        assert_eq!(addresses.servers(), expected);
    }
}

//! The composition root: what is started, in which order, and how it all stops.

mod member;
mod roster;

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::time::{sleep, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::roster::{Changes, Stream};
use self::{member::Member, roster::Roster};
use crate::{
    config::{Http, ServeOptions},
    control::{
        board::Board,
        desk::Desk,
        metrics::Metrics,
        readiness::Stage,
        server::{Audience, Control, Server},
        token::Guard,
    },
    destination::{status::State, task::Stop},
    ingest::{
        self,
        access::KeyDigest,
        auth::Gate,
        door::Door,
        listener::{Listener, Takes},
        session::Context,
    },
    net::{
        TlsServer, descriptors,
        tls::{Change, FileError},
    },
    notify::Notifier,
    observe::{Event, History},
    stream::{Broadcast, Feed, Phase},
};

/// Descriptors of the process itself: standard streams, the runtime's, listeners, HTTP, files that are read meanwhile.
const DESCRIPTORS: usize = 64;

/// How long ingest sessions and destinations have to end in order, beyond their own limits.
const GRACE: Duration = Duration::from_secs(8);

/// A running relay.
pub struct Relay {
    /// Where it listens.
    pub addresses: Addresses,
    /// What it looks like.
    pub board: Arc<Board>,
    /// Who is told of what happens.
    pub notifier: Notifier,
    roster: Roster,
    door: Arc<Door>,
    /// Cancelled when no further publishers are taken.
    drain: CancellationToken,
    ingest_stop: CancellationToken,
    destination_stop: Stop,
    http_stop: CancellationToken,
    ingest: TaskTracker,
    http: TaskTracker,
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
    /// For metrics and health by themselves.
    pub monitoring: Option<SocketAddr>,
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
    /// Starts the relay: every listener is bound before anything runs.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(
        options: &ServeOptions,
        streams: Vec<Stream>,
        metrics: PrometheusHandle,
        desk: Desk,
    ) -> Result<Self, StartError> {
        let tls = match &options.rtmps {
            Some(rtmps) => Some(TlsServer::from_files(&rtmps.certificates)?),
            None => None,
        };
        let listeners = bind(options, tls.as_ref())?;
        let http = bind_http("http", options.http).await?;
        let monitoring = options.monitoring.map(|address| Http { address, is_asked_for: true });
        let monitoring = bind_http("monitoring", monitoring).await?;
        let that_take = |takes: fn(&Takes) -> bool| {
            let listeners = listeners.iter().filter(|listener| takes(listener.takes()));
            listeners.filter_map(|listener| listener.local_address().ok()).collect()
        };
        let addresses = Addresses {
            rtmp: that_take(|takes| matches!(takes, Takes::Rtmp | Takes::Both(_))),
            rtmps: that_take(|takes| matches!(takes, Takes::Rtmps(_) | Takes::Both(_))),
            http: http.as_ref().and_then(|http| http.local_address().ok()),
            monitoring: monitoring.as_ref().and_then(|monitoring| monitoring.local_address().ok()),
        };

        let listeners_for_publishers = addresses.rtmp.iter().chain(&addresses.rtmps).copied();
        let board = Arc::new(Board::new(tls.clone(), addresses.servers()).listening_on(listeners_for_publishers));
        let (ingest_stop, destination_stop) = (CancellationToken::new(), Stop::default());
        let context = Context::new(Gate::new([]), ingest_stop.clone());
        let roster = Roster::new(Arc::clone(&context.gate), Arc::clone(&board), destination_stop.clone());
        let mut relay = Self {
            addresses,
            board,
            notifier: Notifier::start(options.notify.clone(), &History::of_process()),
            roster,
            door: Door::new(ingest::limits::WAITING_AT_LEAST),
            drain: context.drain.clone(),
            ingest_stop,
            destination_stop,
            http_stop: CancellationToken::new(),
            ingest: TaskTracker::new(),
            http: TaskTracker::new(),
        };
        relay.apply(streams, &BTreeSet::new());
        relay.ingest.spawn(watch_certificates(tls, relay.ingest_stop.clone()));
        for listener in listeners {
            if let Ok(address) = listener.local_address() {
                Event::Listening { transport: listener.takes().name(), address }.emit();
            }
            let run = listener.run(context.clone(), Arc::clone(&relay.door), relay.ingest.clone());
            let board = Arc::clone(&relay.board);
            relay.ingest.spawn(async move { board.readiness.while_listening(run).await });
        }
        relay.spawn_pulse();
        let guard = options.http_token.as_ref().map(Guard::of).unwrap_or_default();
        let (board, metrics) = (Arc::clone(&relay.board), Arc::new(Metrics::new(options.metrics, metrics)));
        let control = Control { board, metrics, desk, guard };
        for (server, audience) in [(http, Audience::Everybody), (monitoring, Audience::Monitoring)] {
            if let Some(server) = server {
                relay.serve_http(server, audience, control.clone());
            }
        }
        relay.board.readiness.enter(Stage::Serving);
        Ok(relay)
    }

    /// Makes what runs what the files say; whatever they do not change is not touched. A destination that waits is tried again at
    /// once where a file of its own is among those that were `saved`.
    pub fn apply(&mut self, streams: Vec<Stream>, saved: &BTreeSet<PathBuf>) -> Changes {
        let changes = self.roster.apply(streams, saved);
        self.door.set_room(room_for_publishers(self.roster.len()));
        changes
    }

    /// One stream.
    #[must_use]
    pub fn feed(&self, stream: &str) -> Option<Arc<Feed>> {
        self.roster.feeds().find(|feed| feed.name() == stream).cloned()
    }

    /// Whether a stream has a destination of that name.
    #[must_use]
    pub fn has_destination(&self, stream: &str, destination: &str) -> bool {
        self.roster.member(stream, destination).is_some()
    }

    /// Where a destination stands.
    #[must_use]
    pub fn state(&self, stream: &str, destination: &str) -> Option<State> {
        self.roster.member(stream, destination).map(|(_, member)| member.state())
    }

    /// Whether a destination is on.
    #[must_use]
    pub fn runs(&self, stream: &str, destination: &str) -> bool {
        self.roster.member(stream, destination).is_some_and(|(_, member)| member.settings().is_some())
    }

    /// A destination's file.
    #[must_use]
    pub fn file_of(&self, stream: &str, destination: &str) -> Option<PathBuf> {
        self.roster.member(stream, destination).map(|(_, member)| member.file().to_owned())
    }

    /// Drops a destination's connection and makes another. Says whether it is on.
    pub fn restart(&self, stream: &str, destination: &str) -> bool {
        self.roster.member(stream, destination).is_some_and(|(_, member)| member.restart())
    }

    /// Ends this broadcast at one destination, in order. Says whether there was one.
    pub fn end_at(&self, stream: &str, destination: &str) -> bool {
        self.roster.member(stream, destination).is_some_and(|(feed, member)| {
            let broadcast = *feed.broadcast().borrow();
            matches!(broadcast.phase, Phase::Live | Phase::Held) && member.end(broadcast.number)
        })
    }

    /// Takes back that this broadcast was ended at one destination. Says whether it was.
    pub fn rejoin(&self, stream: &str, destination: &str) -> bool {
        self.roster.member(stream, destination).is_some_and(|(_, member)| member.rejoin())
    }

    /// Turns a destination off now, whatever its file says, for the life of this process.
    pub fn stop(&mut self, stream: &str, destination: &str) {
        self.roster.stop(stream, destination);
    }

    /// Lets the file of a destination that was stopped decide again: the next [`Self::apply`] does. Says whether that is a change.
    pub fn set_free(&mut self, stream: &str, destination: &str) -> bool {
        self.roster.member_mut(stream, destination).is_some_and(Member::set_free)
    }

    /// The stream that a key opens.
    #[must_use]
    pub fn stream_of_key(&self, key: &KeyDigest) -> Option<&str> {
        self.roster.stream_of_key(key)
    }

    /// Takes no further publishers. Encoders that can are asked to connect anew; where one does, its destinations are left without
    /// a word that would end the broadcast.
    pub fn take_no_more(&self) {
        self.drain.cancel();
        self.roster.leave_what_is_lost();
    }

    /// Completes when nobody publishes any more.
    pub fn is_drained(&self) -> impl Future<Output = ()> + use<> {
        let feeds: Vec<_> = self.roster.feeds().cloned().collect();
        async move {
            for feed in feeds {
                // The sender lives in the feed.
                let _ = feed.broadcast().wait_for(|broadcast| broadcast.phase != Phase::Live).await;
            }
        }
    }

    /// Ends the broadcast: publishers are cut off, destinations send what is left and tell their servers.
    pub async fn end(self) {
        self.board.readiness.enter(Stage::Stopping);
        Event::Stopping { how: "the broadcast ends on every destination" }.emit();
        self.roster.wait_for_nobody();
        self.stop_ingest().await;
        for feed in self.roster.feeds() {
            feed.end_broadcast();
        }
        self.destination_stop.drain.cancel();
        self.stop_destinations().await;
    }

    /// Goes down while the broadcast goes on: connections are dropped with no word that would end it on a platform, so that
    /// a relay which is started again in time goes on with the same broadcast.
    pub async fn leave(self) {
        self.board.readiness.enter(Stage::Stopping);
        let is_live = |feed: &Arc<Feed>| matches!(feed.broadcast().borrow().phase, Phase::Live | Phase::Held);
        let how = match self.roster.feeds().any(is_live) {
            true => "connections are dropped, platforms keep the broadcast open for a restart",
            false => "nobody publishes",
        };
        Event::Stopping { how }.emit();
        self.destination_stop.leave.cancel();
        self.stop_ingest().await;
        self.stop_destinations().await;
    }

    /// Looks each second whether the data path moves, until the very end.
    fn spawn_pulse(&self) {
        let (board, stop) = (Arc::clone(&self.board), self.http_stop.clone());
        self.http.spawn(async move {
            let touch = || board.streams().iter().for_each(|stream| stream.feed.read(|_| ()));
            tokio::select! {
                () = stop.cancelled() => {}
                () = board.pulse.beat(touch) => {}
            }
        });
    }

    fn serve_http(&self, server: Server, audience: Audience, control: Control) {
        self.http.spawn(server.run(audience, control, room_for_http(), self.http_stop.clone()));
    }

    async fn stop_ingest(&self) {
        self.ingest_stop.cancel();
        self.ingest.close();
        // What is left after the grace ends with the process.
        let _ = timeout(GRACE, self.ingest.wait()).await;
    }

    async fn stop_destinations(&self) {
        let tasks = self.roster.tasks();
        tasks.close();
        if timeout(self.roster.patience() + GRACE, tasks.wait()).await.is_err() {
            self.destination_stop.leave.cancel();
            let _ = timeout(GRACE, tasks.wait()).await;
        }
        // Last, so that the end of everything else is told too.
        self.notifier.stop().await;
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
fn room_for_publishers((streams, destinations): (usize, usize)) -> usize {
    // A destination that changes its server has two for a moment; a stream has its publisher and one that waits for its turn.
    let needed = DESCRIPTORS + 2 * room_for_http() + 2 * destinations + 2 * streams;
    let Some(limit) = descriptors::raise_limit() else { return ingest::limits::WAITING };
    let room = limit.saturating_sub(needed as u64);
    let wanted = ingest::limits::WAITING_AT_LEAST;
    if room < wanted as u64 {
        Event::FewDescriptors { limit, wanted: (needed + wanted) as u64 }.emit();
    }
    usize::try_from(room).unwrap_or(usize::MAX).clamp(wanted, ingest::limits::WAITING)
}

/// How many connections each of the HTTP listeners may have at once: browsers take a handful each. Never more than a small part of
/// all descriptors.
fn room_for_http() -> usize {
    const ROOM: usize = 128;
    let limit = descriptors::raise_limit().and_then(|limit| usize::try_from(limit).ok());
    limit.map_or(ROOM, |limit| (limit / 16).clamp(8, ROOM))
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
async fn bind_http(what: &'static str, http: Option<Http>) -> Result<Option<Server>, StartError> {
    let Some(Http { address, is_asked_for }) = http else { return Ok(None) };
    match Server::bind(address).await {
        Ok(server) => Ok(Some(server)),
        Err(error) if is_asked_for => Err(StartError::Bind { what, address, error }),
        Err(error) => {
            Event::HttpOff { address, error: &error.to_string() }.emit();
            Ok(None)
        }
    }
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
        let is_by_hand = feed.status().shut_for.is_some();
        if before == Phase::Held && matches!(now, Phase::Ended { .. }) && !is_by_hand {
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
            monitoring: None,
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

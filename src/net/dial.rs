//! One attempt to reach a server: resolve, connect, TLS.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::{TcpSocket, TcpStream, lookup_host},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{
    error::{Cause, ConnectProblem, Endpoint, Error},
    io::Transport,
    last_good::LastGood,
    limits,
    race::{self, Race},
    socket,
    tls::{Chain, TlsClient, Unprotected},
};

/// Where to connect, and how.
#[derive(Clone, Debug)]
pub struct Target {
    /// Host and port.
    pub endpoint: Endpoint,
    /// TLS with this trust; `None` is plain TCP.
    pub tls: Option<Arc<TlsClient>>,
    /// The local address to send from; `None` leaves it to the system. Of the server's addresses only those of its family are
    /// tried.
    pub bind: Option<IpAddr>,
    /// How long each step may take.
    pub timeouts: Timeouts,
}

impl Target {
    /// `host` (a name, or an address with or without the brackets of IPv6) and `port`, with the usual time-outs.
    pub fn new(host: &str, port: u16, tls: Option<Arc<TlsClient>>) -> Self {
        Self { endpoint: Endpoint::new(host, port), tls, bind: None, timeouts: Timeouts::default() }
    }
}

/// How long each step of [`dial`] may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Name resolution.
    pub resolve: Duration,
    /// TCP, over all addresses.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { resolve: limits::RESOLVE, connect: limits::CONNECT, tls: limits::TLS }
    }
}

/// How long each step of an attempt took, and what was seen at it; `None`: it was not done, or there was none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// Name resolution.
    pub resolve: Option<Duration>,
    /// TCP, over all addresses.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// The two ends of the TCP connection.
    pub ends: Option<Ends>,
    /// The certificates that were shown and refused.
    pub refused: Option<Chain>,
}

/// The two ends of a TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Our own.
    pub local: SocketAddr,
    /// The server's.
    pub peer: SocketAddr,
}

/// Connects to `target`: its name is resolved anew each time, its addresses are raced, and the winner gets the socket
/// options of [`socket::tune`] and, where asked for, TLS.
///
/// Where DNS gives no answer, the address that worked last is tried. (Where it answers that there is no such name, that holds.)
///
/// Cancel-safe in the sense that dropping the future closes whatever it had opened.
///
/// # Errors
/// The one cause, with a sentence and a remedy.
pub async fn dial(target: &Target, last_good: &mut LastGood) -> Result<Transport, Error> {
    dial_timed(target, last_good, &mut Steps::default()).await
}

/// The same; `steps` says how far it came and how long that took, even where it failed or was dropped.
///
/// # Errors
/// The one cause, with a sentence and a remedy.
pub async fn dial_timed(target: &Target, last_good: &mut LastGood, steps: &mut Steps) -> Result<Transport, Error> {
    let endpoint = &target.endpoint;
    let known = last_good.address(endpoint);
    let patience = if known.is_some() { limits::RESOLVE_KNOWN } else { limits::RESOLVE };
    let began = Instant::now();
    let resolved = resolve(endpoint, target.timeouts.resolve.min(patience)).await;
    steps.resolve = resolved.is_ok().then(|| began.elapsed());
    let began = Instant::now();
    let stream = connect(target, resolved, known).await.map_err(|cause| endpoint.error(cause))?;
    steps.connect = Some(began.elapsed());
    let address = stream.peer_addr().ok();
    steps.ends = stream.local_addr().ok().zip(address).map(|(local, peer)| Ends { local, peer });
    socket::tune(&stream);
    let transport = match &target.tls {
        None => Transport::plain(stream),
        Some(tls) => {
            let began = Instant::now();
            let protected = tls.connect(endpoint.host(), stream, target.timeouts.tls).await;
            let protected = protected.map_err(|Unprotected { cause, shown }| {
                steps.refused = shown;
                endpoint.error(cause)
            })?;
            steps.tls = Some(began.elapsed());
            protected
        }
    };
    if let Some(address) = address {
        last_good.remember(endpoint, address);
    }
    Ok(transport)
}

async fn resolve(endpoint: &Endpoint, limit: Duration) -> Result<Vec<SocketAddr>, Cause> {
    let resolved: Vec<SocketAddr> = match timeout(limit, lookup_host((endpoint.host(), endpoint.port()))).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => return Err(Cause::from_lookup(&error)),
        Err(_) => return Err(Cause::LookupTimedOut { after: limit }),
    };
    if resolved.is_empty() {
        return Err(Cause::NameNotFound);
    }
    Ok(resolved)
}

/// To one of the addresses that were `resolved`, or without an answer to the one that is `known`.
async fn connect(
    target: &Target,
    resolved: Result<Vec<SocketAddr>, Cause>,
    known: Option<SocketAddr>,
) -> Result<TcpStream, Cause> {
    let limit = target.timeouts.connect;
    match (resolved, known) {
        (Ok(addresses), _) => race(race::order(reachable(addresses, target.bind)?), target.bind, limit).await,
        (Err(no_answer @ (Cause::LookupFailed { .. } | Cause::LookupTimedOut { .. })), Some(known)) => {
            let connected = race(reachable(vec![known], target.bind)?, target.bind, limit).await;
            // The address may be out of date: what has to be mended is DNS.
            connected.map_err(|_| no_answer)
        }
        (Err(cause), _) => Err(cause),
    }
}

/// Those of `addresses` that can be reached from the local address `bind`.
fn reachable(addresses: Vec<SocketAddr>, bind: Option<IpAddr>) -> Result<Vec<SocketAddr>, Cause> {
    let Some(local) = bind else { return Ok(addresses) };
    let reachable: Vec<SocketAddr> =
        addresses.into_iter().filter(|address| address.is_ipv6() == local.is_ipv6()).collect();
    if reachable.is_empty() {
        return Err(Cause::NoAddressToReach { local });
    }
    // What fails here fails for each of them: one cause, not one for each address.
    socket_on(local).map_err(|error| Cause::from_bind(local, &error))?;
    Ok(reachable)
}

/// The first of `addresses` that accepts. A new one joins at each failure and every [`limits::STAGGER`].
async fn race(addresses: Vec<SocketAddr>, bind: Option<IpAddr>, limit: Duration) -> Result<TcpStream, Cause> {
    let mut race = Race::new(addresses);
    let winner = timeout(limit, run(&mut race, bind)).await.ok().flatten();
    winner.ok_or_else(|| Cause::from_failures(race.into_failures(), limit))
}

/// `None` when the race is lost.
async fn run(race: &mut Race, bind: Option<IpAddr>) -> Option<TcpStream> {
    // Dropping the set, with the winner found or on a time-out, ends the attempts that still run.
    let mut attempts = JoinSet::new();
    loop {
        if let Some(address) = race.start_next() {
            attempts.spawn(async move { (address, attempt(address, bind).await) });
        }
        tokio::select! {
            finished = attempts.join_next() => match finished {
                Some(Ok((_, Ok(stream)))) => return Some(stream),
                Some(Ok((address, Err(error)))) => race.failed(address, ConnectProblem::from_io(&error)),
                // A task that only connects neither panics nor is aborted from elsewhere.
                Some(Err(_)) => {}
                None => return None,
            },
            () = sleep(limits::STAGGER), if race.has_next() => {}
        }
        if race.is_lost() {
            return None;
        }
    }
}

async fn attempt(address: SocketAddr, bind: Option<IpAddr>) -> io::Result<TcpStream> {
    match bind {
        None => TcpStream::connect(address).await,
        Some(local) => socket_on(local)?.connect(address).await,
    }
}

/// A socket that sends from `local`, from whatever port.
fn socket_on(local: IpAddr) -> io::Result<TcpSocket> {
    let socket = if local.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.bind(SocketAddr::new(local, 0))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::net::TcpListener;

    use super::*;

    /// Its only place in the queue of waiting connections is taken, so that the kernel drops further SYNs: a black hole.
    async fn black_hole() -> (TcpListener, Vec<TcpStream>, SocketAddr) {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut filling = Vec::new();
        while let Ok(Ok(stream)) = timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
            filling.push(stream);
        }
        (listener, filling, address)
    }

    #[tokio::test]
    #[cfg_attr(not(target_os = "linux"), ignore = "other kernels treat a full queue differently")]
    async fn a_black_hole_costs_one_stagger() {
        let (_listener, _filling, dead) = black_hole().await;
        let live = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let begun = Instant::now();
        let stream = race(vec![dead, live.local_addr().unwrap()], None, Duration::from_secs(5)).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), live.local_addr().unwrap());
        assert!(
            begun.elapsed() >= limits::STAGGER && begun.elapsed() < Duration::from_secs(2),
            "{:?}",
            begun.elapsed()
        );
    }

    #[tokio::test]
    #[cfg_attr(not(target_os = "linux"), ignore = "other kernels treat a full queue differently")]
    async fn a_black_hole_alone_is_a_blocked_port() {
        let (_listener, _filling, dead) = black_hole().await;
        let mut target = Target::new("127.0.0.1", dead.port(), None);
        target.timeouts.connect = Duration::from_millis(300);
        let error = dial(&target, &mut LastGood::default()).await.unwrap_err();
        assert!(matches!(&error.cause, Cause::Connect { problem: ConnectProblem::TimedOut, .. }), "{error:?}");
        assert_eq!(
            error.to_string(),
            format!(
                "`{}` did not answer within 300 ms: a blocked port, or a wrong address (tried 127.0.0.1)",
                target.endpoint
            )
        );
        assert!(error.hint().contains("firewall"), "{}", error.hint());
    }

    #[tokio::test]
    async fn the_second_address_is_tried_at_once_when_the_first_refuses() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let live = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = race(vec![closed, live.local_addr().unwrap()], None, Duration::from_secs(5)).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), live.local_addr().unwrap());
    }

    fn no_answer() -> Result<Vec<SocketAddr>, Cause> {
        Err(Cause::LookupFailed { detail: "temporary failure in name resolution".to_owned() })
    }

    #[tokio::test]
    async fn without_dns_the_address_that_worked_last_is_tried() {
        let live = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = live.local_addr().unwrap();
        let target = Target::new("localhost", address.port(), None);
        let mut last_good = LastGood::default();
        dial(&target, &mut last_good).await.unwrap();
        let known = last_good.address(&target.endpoint);
        assert_eq!(known, Some(address));

        let stream = connect(&target, no_answer(), known).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
        let slow = Err(Cause::LookupTimedOut { after: Duration::from_secs(3) });
        assert!(connect(&target, slow, known).await.is_ok());

        let gone = connect(&target, Err(Cause::NameNotFound), known).await;
        assert!(matches!(gone, Err(Cause::NameNotFound)), "{gone:?}: DNS has answered");
        let unknown = connect(&target, no_answer(), None).await;
        assert!(matches!(unknown, Err(Cause::LookupFailed { .. })), "{unknown:?}");
        drop(live);
        let closed = connect(&target, no_answer(), known).await;
        assert!(matches!(closed, Err(Cause::LookupFailed { .. })), "{closed:?}: DNS is what has to be mended");
    }

    #[tokio::test]
    async fn a_server_that_could_not_be_reached_is_not_remembered() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let mut last_good = LastGood::default();
        let target = Target::new("127.0.0.1", closed.port(), None);
        dial(&target, &mut last_good).await.unwrap_err();
        assert_eq!(last_good.address(&target.endpoint), None);
    }

    #[tokio::test]
    #[cfg_attr(not(target_os = "linux"), ignore = "elsewhere loopback is 127.0.0.1 alone")]
    async fn sends_from_the_address_that_is_asked_for() {
        let live = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut target = Target::new("localhost", live.local_addr().unwrap().port(), None);
        target.bind = Some("127.0.0.9".parse().unwrap());
        let transport = dial(&target, &mut LastGood::default()).await.unwrap();
        let (_, from) = live.accept().await.unwrap();
        assert_eq!(from.ip().to_string(), "127.0.0.9");
        assert_eq!(transport.tcp().local_addr().unwrap(), from);
    }

    #[tokio::test]
    async fn a_local_address_that_cannot_be_used() {
        let mut target = Target::new("127.0.0.1", 1935, None);
        for (bind, message, hint) in [
            // Of a block that nobody has (RFC 5737).
            (
                "192.0.2.7",
                "`127.0.0.1:1935` cannot be reached from `192.0.2.7` (`bind`): this machine does not have that address",
                "check `bind`",
            ),
            ("::1", "`127.0.0.1:1935` has no IPv6 address, and is to be reached from `::1` (`bind`)", "IPv4 address"),
        ] {
            target.bind = Some(bind.parse().unwrap());
            let error = dial(&target, &mut LastGood::default()).await.unwrap_err();
            assert_eq!(error.to_string(), message);
            assert!(error.hint().contains(hint), "{}", error.hint());
        }
    }
}

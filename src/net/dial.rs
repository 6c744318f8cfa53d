//! One attempt to reach a server: resolve, connect, TLS.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpStream, lookup_host},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    error::{Cause, ConnectProblem, Endpoint, Error},
    io::Transport,
    limits,
    race::{self, Race},
    socket,
    tls::TlsClient,
};

/// Where to connect, and how.
#[derive(Clone, Debug)]
pub struct Target {
    /// Host and port.
    pub endpoint: Endpoint,
    /// TLS with this trust; `None` is plain TCP.
    pub tls: Option<Arc<TlsClient>>,
    /// How long each step may take.
    pub timeouts: Timeouts,
}

impl Target {
    /// `host` (a name, or an address with or without the brackets of IPv6) and `port`, with the usual time-outs.
    pub fn new(host: &str, port: u16, tls: Option<Arc<TlsClient>>) -> Self {
        Self { endpoint: Endpoint::new(host, port), tls, timeouts: Timeouts::default() }
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

/// Connects to `target`: its name is resolved anew each time, its addresses are raced, and the winner gets the socket
/// options of [`socket::tune`] and, where asked for, TLS.
///
/// Cancel-safe in the sense that dropping the future closes whatever it had opened.
///
/// # Errors
/// The one cause, with a sentence and a remedy.
pub async fn dial(target: &Target) -> Result<Transport, Error> {
    let endpoint = &target.endpoint;
    let addresses = resolve(endpoint, target.timeouts.resolve).await.map_err(|cause| endpoint.error(cause))?;
    let stream = connect(addresses, target.timeouts.connect).await.map_err(|cause| endpoint.error(cause))?;
    socket::tune(&stream);
    match &target.tls {
        None => Ok(Transport::plain(stream)),
        Some(tls) => {
            tls.connect(endpoint.host(), stream, target.timeouts.tls).await.map_err(|cause| endpoint.error(cause))
        }
    }
}

async fn resolve(endpoint: &Endpoint, limit: Duration) -> Result<Vec<SocketAddr>, Cause> {
    let resolved = match timeout(limit, lookup_host((endpoint.host(), endpoint.port()))).await {
        Ok(Ok(addresses)) => race::order(addresses),
        Ok(Err(error)) => return Err(Cause::from_lookup(&error)),
        Err(_) => return Err(Cause::LookupTimedOut { after: limit }),
    };
    if resolved.is_empty() {
        return Err(Cause::NameNotFound);
    }
    Ok(resolved)
}

/// The first of `addresses` that accepts. A new one joins at each failure and every [`limits::STAGGER`].
async fn connect(addresses: Vec<SocketAddr>, limit: Duration) -> Result<TcpStream, Cause> {
    let mut race = Race::new(addresses);
    let winner = timeout(limit, run(&mut race)).await.ok().flatten();
    winner.ok_or_else(|| Cause::from_failures(race.into_failures(), limit))
}

/// `None` when the race is lost.
async fn run(race: &mut Race) -> Option<TcpStream> {
    // Dropping the set, with the winner found or on a time-out, ends the attempts that still run.
    let mut attempts = JoinSet::new();
    loop {
        if let Some(address) = race.start_next() {
            attempts.spawn(async move { (address, TcpStream::connect(address).await) });
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
        let stream = connect(vec![dead, live.local_addr().unwrap()], Duration::from_secs(5)).await.unwrap();
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
        let error = dial(&target).await.unwrap_err();
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
        let stream = connect(vec![closed, live.local_addr().unwrap()], Duration::from_secs(5)).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), live.local_addr().unwrap());
    }
}

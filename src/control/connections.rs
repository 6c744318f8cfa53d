//! The connections of an HTTP listener: so many at once and no more. Whoever can reach the port can open connections, and the
//! descriptors that they take are not to be those of a show. Who says nothing makes nobody wait: of too many, the one goes that has
//! waited longest with its first request.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::Router;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::TcpListener,
    sync::Semaphore,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::observe::{Event, News, Repeats};

/// How long a peer has for the head of a request, also for the next one on the same connection.
const HEAD: Duration = Duration::from_secs(15);

/// The pause after a connection that could not be accepted: the reason seldom goes away at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long answers that are under way have, once it is to stop.
const GRACE: Duration = Duration::from_secs(3);

/// Answers on `listener` until `stop`, at most `room` connections at once; who comes when all of them ask waits for a place.
pub(super) async fn serve(listener: TcpListener, routes: Router, room: usize, stop: CancellationToken) {
    let (places, silent) = (Arc::new(Semaphore::new(room)), Arc::new(Silent::default()));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let mut failures = Repeats::default();
    loop {
        let accept = async {
            let stream = listener.accept().await?.0;
            if places.available_permits() == 0 {
                silent.send_one_away();
            }
            let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((place, stream))
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept => accepted,
        };
        match accepted {
            Ok((place, stream)) => {
                failures.delivered();
                let (number, sent_away) = silent.enter();
                let (routes, who) = (TowerToHyperService::new(routes.clone()), Arc::clone(&silent));
                let service = service_fn(move |request| {
                    who.leave(number);
                    hyper::service::Service::call(&routes, request)
                });
                let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
                let silent = Arc::clone(&silent);
                tokio::spawn(async move {
                    tokio::select! {
                        // However it ended: it was the peer's.
                        _ = connection => {}
                        () = sent_away.cancelled() => {}
                    }
                    silent.leave(number);
                    drop(place);
                });
            }
            Err(error) => {
                if failures.failed("accept", Instant::now()) != News::Old {
                    Event::AcceptFailed { transport: "http", error: &error.to_string() }.emit();
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    // A listener to events that reads nothing is not waited for.
    let _ = timeout(GRACE, graceful.shutdown()).await;
}

/// The connections that have not asked for anything yet, by the order in which they came.
#[derive(Default)]
struct Silent {
    /// Held for one entry, never across an await.
    connections: Mutex<(u64, BTreeMap<u64, CancellationToken>)>,
}

impl Silent {
    /// One more; its token is cancelled when its place is needed.
    fn enter(&self) -> (u64, CancellationToken) {
        let (next, connections) = &mut *self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        *next += 1;
        let sent_away = CancellationToken::new();
        connections.insert(*next, sent_away.clone());
        (*next, sent_away)
    }

    /// It has asked, or is gone.
    fn leave(&self, number: u64) {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&number);
    }

    fn send_one_away(&self) {
        let oldest = self.connections.lock().unwrap_or_else(PoisonError::into_inner).1.pop_first();
        if let Some((_, sent_away)) = oldest {
            sent_away.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };

    use super::*;

    async fn ask(stream: &mut TcpStream) -> String {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn who_says_nothing_makes_nobody_wait_and_who_has_asked_is_not_sent_away() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let pending = get(|| async { std::future::pending::<&'static str>().await });
        let routes = Router::new().route("/", get(|| async { "here" })).route("/pending", pending);
        let server = tokio::spawn(serve(listener, routes, 2, stop.clone()));
        // One that asks and gets no answer yet, and ever more that say nothing.
        let mut patient = TcpStream::connect(address).await.unwrap();
        patient.write_all(b"GET /pending HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut silent = Vec::new();
        for _ in 0..20 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let mut asking = TcpStream::connect(address).await.unwrap();
        let answer = timeout(Duration::from_secs(5), ask(&mut asking)).await.unwrap();
        assert!(answer.ends_with("here"), "{answer}");
        let gone = timeout(Duration::from_secs(5), silent[0].read(&mut [0; 1])).await.unwrap();
        assert!(matches!(gone, Ok(0) | Err(_)), "the oldest that said nothing is sent away");
        let still = timeout(Duration::from_millis(100), patient.read(&mut [0; 1])).await;
        assert!(still.is_err(), "who has asked stays: {still:?}");
        stop.cancel();
        timeout(GRACE + Duration::from_secs(2), server).await.unwrap().unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}

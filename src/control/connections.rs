//! The connections of an HTTP listener: so many at once and no more, and none that makes others wait by saying nothing. Whoever
//! can reach the port can open connections, and the descriptors that they take are not to be those of a show.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
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

/// Answers on `listener` until `stop`, at most `room` connections at once; who comes then waits until there is a place.
pub(super) async fn serve(listener: TcpListener, routes: Router, room: usize, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(room));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let mut failures = Repeats::default();
    loop {
        let accept = async {
            let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((place, listener.accept().await?.0))
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept => accepted,
        };
        match accepted {
            Ok((place, stream)) => {
                failures.delivered();
                let service = TowerToHyperService::new(routes.clone());
                let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
                tokio::spawn(async move {
                    // However it ended: it was the peer's.
                    let _ = connection.await;
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
    async fn who_comes_when_there_is_no_place_waits_for_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let routes = Router::new().route("/", get(|| async { "here" }));
        let server = tokio::spawn(serve(listener, routes, 2, stop.clone()));
        let mut silent = Vec::new();
        for _ in 0..2 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let mut third = TcpStream::connect(address).await.unwrap();
        let early = timeout(Duration::from_millis(300), ask(&mut third)).await;
        assert!(early.is_err(), "both places are taken: {early:?}");
        // One that goes makes a place.
        silent.pop();
        let mut fourth = TcpStream::connect(address).await.unwrap();
        let answer = timeout(Duration::from_secs(5), ask(&mut fourth)).await.unwrap();
        assert!(answer.ends_with("here"), "{answer}");
        stop.cancel();
        timeout(Duration::from_secs(5), server).await.unwrap().unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}

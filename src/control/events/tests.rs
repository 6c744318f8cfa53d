//! The routes behind a real listener: that the server ends while somebody listens can be seen in no other way.

use std::{net::SocketAddr, time::SystemTime};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};

use super::*;
use crate::observe::{Kind, history::Bounds, record::Statement};

/// For what takes no time at all on a machine that has any to spare.
const SOON: Duration = Duration::from_secs(10);

struct Server {
    history: Arc<History>,
    address: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<std::io::Result<()>>,
}

impl Server {
    async fn start() -> Self {
        let history = Arc::new(History::new(1, Bounds { records: 10, bytes: 1 << 20, crowd: 10 }));
        let stop = CancellationToken::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes: OpenApiRouter = routes(Events::new(Arc::clone(&history), stop.clone()));
        let routes = axum::Router::from(routes);
        let serve = axum::serve(listener, routes).with_graceful_shutdown(stop.clone().cancelled_owned());
        Self { history, address, stop, running: tokio::spawn(async { serve.await }) }
    }

    fn note(&self, kind: Kind, destination: &str) {
        let statement = Statement::new(kind, format!("{destination}: {kind}")).of("live", destination);
        self.history.note(statement, SystemTime::UNIX_EPOCH);
    }

    async fn ask(&self, path: &str, headers: &str) -> Answer {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        Answer { socket, text: String::new() }
    }

    /// The status and the body as JSON, null where it is none.
    async fn get(&self, path: &str) -> (u16, Value) {
        let mut answer = self.ask(path, "Connection: close\r\n").await;
        answer.read_on().await;
        let body = answer.text.split_once("\r\n\r\n").unwrap().1;
        (answer.status(), serde_json::from_str(body).unwrap_or_default())
    }
}

struct Answer {
    socket: TcpStream,
    text: String,
}

impl Answer {
    /// Reads until the text is there.
    async fn wait_for(&mut self, wanted: &str) {
        while !self.text.contains(wanted) {
            let read = timeout(SOON, self.read()).await;
            assert!(matches!(read, Ok(1..)), "`{wanted}` does not come after: {}", self.text);
        }
    }

    async fn read(&mut self) -> usize {
        let mut buffer = [0; 4096];
        let length = self.socket.read(&mut buffer).await.unwrap_or_default();
        self.text.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        length
    }

    async fn read_on(&mut self) {
        timeout(SOON, async { while self.read().await > 0 {} }).await.unwrap();
    }

    fn status(&self) -> u16 {
        self.text.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// The numbers of the events that have come.
    fn ids(&self) -> Vec<&str> {
        self.text.lines().filter_map(|line| line.strip_prefix("id: ")).collect()
    }
}

fn ids(page: &Value) -> Vec<u64> {
    page["events"].as_array().unwrap().iter().map(|event| event["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn the_list_is_paged_and_filtered() {
    let server = Server::start().await;
    for destination in ["a", "b"] {
        server.note(Kind::DestinationFailed, destination);
        server.note(Kind::DestinationLive, destination);
    }
    let (status, page) = server.get("/api/events?limit=3").await;
    assert_eq!((status, ids(&page), &page["before"]), (200, vec![4, 3, 2], &Value::from(2)));
    let (_, page) = server.get("/api/events?limit=3&before=2").await;
    assert_eq!((ids(&page), &page["before"]), (vec![1], &Value::Null));
    assert_eq!(page["events"][0]["message"], "a: destination_failed");
    for (query, expected) in [
        ("", vec![4, 3, 2, 1]),
        ("?severity=error", vec![3, 1]),
        ("?destination=a&stream=live", vec![2, 1]),
        ("?stream=other", vec![]),
        ("?limit=0", vec![4]),
        ("?limit=99999", vec![4, 3, 2, 1]),
    ] {
        assert_eq!(ids(&server.get(&format!("/api/events{query}")).await.1), expected, "{query}");
    }
    for query in ["?limit=some", "?severity=fatal", "?before=-1", "?destinations=a"] {
        assert_eq!(server.get(&format!("/api/events{query}")).await.0, 400, "{query}");
    }
}

#[tokio::test]
async fn a_listener_hears_what_comes_and_comes_back_to_where_it_was() {
    let server = Server::start().await;
    server.note(Kind::DestinationFailed, "before");
    let mut listener = server.ask("/api/events/stream", "").await;
    listener.wait_for("retry: 1000").await;
    assert!(listener.text.contains("content-type: text/event-stream"), "{}", listener.text);
    server.note(Kind::DestinationLive, "new");
    listener.wait_for("new: destination_live").await;
    assert_eq!(listener.ids(), ["2"]);

    server.note(Kind::DestinationLive, "3");
    for (path, headers, expected) in [
        ("/api/events/stream?after=1", "", vec!["2", "3"]),
        ("/api/events/stream", "Last-Event-ID: 2\r\n", vec!["3"]),
        // The browser's own place goes before the one in the page's address.
        ("/api/events/stream?after=1", "Last-Event-ID: 2\r\n", vec!["3"]),
        // Of another run, or no number: everything.
        ("/api/events/stream", "Last-Event-ID: 1796151600000000\r\n", vec!["1", "2", "3"]),
    ] {
        let mut listener = server.ask(path, headers).await;
        listener.wait_for("3: destination_live").await;
        assert_eq!(listener.ids(), expected, "{path} {headers}");
    }
    for _ in 0..20 {
        server.note(Kind::DestinationLive, "many");
    }
    let mut late = server.ask("/api/events/stream?after=3", "").await;
    late.wait_for("id: 23").await;
    assert!(late.text.contains("event: missed\ndata: {\"missed\":10}"), "{}", late.text);
}

#[tokio::test]
async fn places_are_bounded_and_free_again_and_none_is_for_a_page_of_somebody_else() {
    let server = Server::start().await;
    let mut listeners = Vec::new();
    for _ in 0..LISTENERS {
        let mut listener = server.ask("/api/events/stream", "Sec-Fetch-Site: same-origin\r\n").await;
        listener.wait_for("retry: ").await;
        listeners.push(listener);
    }
    let mut refused = server.ask("/api/events/stream", "Connection: close\r\n").await;
    refused.read_on().await;
    assert_eq!(refused.status(), 503);
    assert!(
        refused.text.contains("retry-after: 10") && refused.text.contains("ask for /api/events"),
        "{}",
        refused.text
    );
    assert_eq!(server.get("/api/events").await.0, 200, "the list is there all the same");

    drop(listeners.pop());
    let admitted = async {
        loop {
            // A connection that has gone is noticed when something is sent.
            server.note(Kind::DestinationLive, "anything");
            let mut listener = server.ask("/api/events/stream", "").await;
            listener.read().await;
            if listener.status() == 200 {
                break;
            }
        }
    };
    timeout(SOON, admitted).await.expect("its place is free again");

    let mut strange = server.ask("/api/events/stream", "Sec-Fetch-Site: cross-site\r\nConnection: close\r\n").await;
    strange.read_on().await;
    assert_eq!(strange.status(), 403);
}

/// In one thread, so that nothing is sent between the last word and the end.
#[tokio::test]
async fn the_last_word_is_told_however_soon_the_end_comes() {
    let server = Server::start().await;
    let mut listener = server.ask("/api/events/stream", "").await;
    listener.wait_for("retry: ").await;
    server.note(Kind::Stopping, "last");
    server.stop.cancel();
    listener.read_on().await;
    assert!(listener.text.contains("\"kind\":\"stopping\""), "{}", listener.text);
}

#[tokio::test]
async fn the_server_ends_while_somebody_listens() {
    let server = Server::start().await;
    let mut listener = server.ask("/api/events/stream", "").await;
    listener.wait_for("retry: ").await;
    server.stop.cancel();
    timeout(SOON, server.running).await.expect("it ends").unwrap().unwrap();
    listener.read_on().await;
}

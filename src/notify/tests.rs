//! The notifier and real listeners, in one process.

use std::{
    sync::Mutex,
    time::{Duration, SystemTime},
};

use axum::{Router, extract::State, http::StatusCode, routing::post};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    time::timeout,
};

use super::*;
use crate::observe::{Kind, history::Bounds, record::Statement};

/// For what takes no time at all on a machine that has any to spare.
const SOON: Duration = Duration::from_secs(10);

/// A program that is told.
#[derive(Clone)]
struct Receiver {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    /// The messages, in the order in which they came.
    came: watch::Sender<Vec<String>>,
    /// The statuses of the next answers; then 200.
    answers: Mutex<Vec<StatusCode>>,
    /// An answer waits for one of these.
    may_answer: Semaphore,
}

impl Receiver {
    async fn start() -> Self {
        let shared = Shared {
            came: watch::Sender::default(),
            answers: Mutex::default(),
            may_answer: Semaphore::new(Semaphore::MAX_PERMITS),
        };
        let shared = Arc::new(shared);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let routes = Router::new().route("/", post(take)).with_state(Arc::clone(&shared));
        tokio::spawn(async { axum::serve(listener, routes).await });
        Self { port, shared }
    }

    fn answer(&self, statuses: &[u16]) {
        let statuses = statuses.iter().rev().map(|status| StatusCode::from_u16(*status).unwrap());
        *self.shared.answers.lock().unwrap() = statuses.collect();
    }

    /// No answer any more.
    fn hang(&self) {
        self.shared.may_answer.forget_permits(Semaphore::MAX_PERMITS);
    }

    fn endpoint(&self, name: &str) -> Endpoint {
        Endpoint {
            name: name.to_owned(),
            url: format!("http://127.0.0.1:{}/", self.port).into(),
            shown: "http://127.0.0.1/…".to_owned(),
            secret: None,
            events: Selection::default(),
            timeout: Duration::from_secs(30),
            ca_file: None,
        }
    }

    async fn wait_for(&self, messages: &[&str]) {
        let mut came = self.shared.came.subscribe();
        let all = came.wait_for(|came| came.len() >= messages.len());
        let all = timeout(SOON, all).await.map(|came| came.unwrap().clone());
        assert_eq!(all.unwrap_or_else(|_| self.came()), messages);
    }

    fn came(&self) -> Vec<String> {
        self.shared.came.borrow().clone()
    }
}

async fn take(State(shared): State<Arc<Shared>>, body: String) -> StatusCode {
    let body: Value = serde_json::from_str(&body).unwrap();
    let message = body["message"].as_str().unwrap().to_owned();
    shared.came.send_modify(|came| came.push(message));
    let _answered = shared.may_answer.acquire().await.unwrap();
    shared.answers.lock().unwrap().pop().unwrap_or(StatusCode::OK)
}

fn history() -> Arc<History> {
    Arc::new(History::new(1, Bounds { records: 1000, bytes: 1 << 20, crowd: 10 }))
}

/// Something happens, to a destination of its own.
fn note(history: &History, message: &str) {
    let statement = Statement::new(Kind::DestinationFailed, message.to_owned()).of("live", message);
    history.note(statement, SystemTime::UNIX_EPOCH);
}

#[tokio::test]
async fn endpoints_can_be_replaced_and_one_that_stays_notices_nothing() {
    let (history, stays, goes, comes) =
        (history(), Receiver::start().await, Receiver::start().await, Receiver::start().await);
    note(&history, "at the start");
    let notifier = Notifier::start(vec![stays.endpoint("stays"), goes.endpoint("goes")], &history);
    stays.wait_for(&["at the start"]).await;
    goes.wait_for(&["at the start"]).await;
    let endpoints = || vec![stays.endpoint("stays"), comes.endpoint("comes")];
    assert_eq!(notifier.replace(endpoints()), 2, "one has gone, and one come");
    assert_eq!(notifier.replace(endpoints()), 0);
    // Whether the new one has its place already cannot be seen but by what it hears.
    let mut count = 0;
    while comes.came().is_empty() && count < 10_000 {
        note(&history, &format!("later {count}"));
        count += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(comes.came()[0].starts_with("later"), "{:?}", comes.came());
    let heard = goes.came().len();
    note(&history, "at the end");
    notifier.stop().await;
    assert!(stays.came().starts_with(&["at the start".to_owned(), "later 0".to_owned()]), "{:?}", stays.came());
    assert_eq!(goes.came().len(), heard, "it has gone");
}

#[tokio::test]
async fn an_endpoint_that_hangs_delays_no_other_and_not_the_end() {
    let (history, hangs, works) = (history(), Receiver::start().await, Receiver::start().await);
    hangs.hang();
    let notifier = Notifier::start(vec![hangs.endpoint("hangs"), works.endpoint("works")], &history);
    for message in ["a", "b", "c"] {
        note(&history, message);
    }
    works.wait_for(&["a", "b", "c"]).await;
    hangs.wait_for(&["a"]).await;
    let asked = std::time::Instant::now();
    notifier.stop().await;
    let took = asked.elapsed();
    assert!(took < limits::FLUSH + Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn what_is_refused_for_now_comes_again_before_what_came_later() {
    let (history, receiver) = (history(), Receiver::start().await);
    receiver.answer(&[503, 200, 404, 200]);
    let notifier = Notifier::start(vec![receiver.endpoint("ops")], &history);
    for message in ["a", "b", "c"] {
        note(&history, message);
    }
    // The first is refused and comes again; the second is refused for good, and lost.
    receiver.wait_for(&["a", "a", "b", "c"]).await;
    notifier.stop().await;
}

#[tokio::test]
async fn what_happens_at_the_end_is_told_and_what_was_not_wanted_never() {
    let (history, receiver) = (history(), Receiver::start().await);
    let notifier = Notifier::start(vec![receiver.endpoint("ops")], &history);
    for kind in [Kind::DestinationLive, Kind::PublishRefused, Kind::NotifyFailed, Kind::PublishStopped] {
        history.note(Statement::new(kind, kind.to_string()), SystemTime::UNIX_EPOCH);
    }
    notifier.stop().await;
    assert_eq!(receiver.came(), ["publish_stopped"]);
}

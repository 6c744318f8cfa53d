//! What has happened: a list, and a stream of server-sent events.
//!
//! ```text
//! GET /api/events          ?limit=100 &before=ID &stream=NAME &destination=NAME &severity=warning
//!   {"events":[…],"before":ID}            newest first; `before` asks for the next page, null on the last one
//! GET /api/events/stream   ?after=ID      or the header Last-Event-ID, which a browser sends when it comes back
//!   id: ID
//!   data: {"id":ID,"time":"…","severity":"…","kind":"…",…}
//!
//!   event: missed                          what happened meanwhile is not kept any more
//!   data: {"missed":7}
//! ```

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header::RETRY_AFTER},
    response::{
        IntoResponse as _, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::stream::{self, Stream};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer::{self, NotDone},
    parts::Query,
};
use crate::observe::{
    History, Record, Severity,
    history::{Batch, Cursor, Wanted},
};

/// Most events of one answer, and how many there are where nobody says.
const PAGE_LIMIT: usize = 500;
const PAGE: usize = 100;

/// Who may listen at the same time. A browser has six connections for all tabs of a page; each costs a task and a socket here.
const LISTENERS: usize = 64;

/// How often something is sent where nothing happens, so that proxies leave the connection open and a dead one is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long a browser waits before it comes back.
const COME_BACK: Duration = Duration::from_secs(1);

/// Events that are taken from the history at a time.
const BATCH: usize = 64;

/// What the routes answer from.
#[derive(Clone)]
pub struct Events {
    history: Arc<History>,
    /// Streams of events end with it: else the server could not.
    stop: CancellationToken,
    places: Arc<Semaphore>,
}

impl Events {
    /// Those of this history. Streams end with `stop`.
    #[must_use]
    pub fn new(history: Arc<History>, stop: CancellationToken) -> Self {
        Self { history, stop, places: Arc::new(Semaphore::new(LISTENERS)) }
    }
}

/// Which events are asked for.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many, 1 to 500.
    pub limit: Option<usize>,
    /// Older than the event with this number.
    pub before: Option<u64>,
    /// Of this stream.
    pub stream: Option<String>,
    /// Of the destinations with this name.
    pub destination: Option<String>,
    /// That matter at least so much.
    pub severity: Option<Severity>,
}

/// Events, newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = EventPage)]
pub struct Page {
    /// What has happened.
    pub events: Vec<Record>,
    /// What to ask for to get the next page; absent where there is none.
    pub before: Option<u64>,
}

/// From where on events are to be sent.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// The number of the last event that is known; without it, only what comes is sent.
    pub after: Option<u64>,
}

/// That a listener was too slow.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Missed {
    /// How many events it will not get.
    pub missed: u64,
}

/// The two routes.
pub fn routes<S: Clone + Send + Sync + 'static>(events: Events) -> OpenApiRouter<S> {
    OpenApiRouter::new().routes(routes!(page)).routes(routes!(listen)).with_state(events)
}

/// What has happened, the newest first.
#[utoipa::path(get, path = "/api/events", params(PageQuery), tag = "events", responses((status = OK, body = Page)))]
async fn page(State(events): State<Events>, Query(query): Query<PageQuery>) -> Json<Page> {
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE_LIMIT);
    let PageQuery { before, stream, destination, severity, .. } = query;
    let mut found = events.history.page(&Wanted { before, stream, destination, severity }, limit + 1);
    let has_more = found.len() > limit;
    found.truncate(limit);
    let before = found.last().filter(|_| has_more).map(|record| record.id);
    Json(Page { events: found.into_iter().map(Arc::unwrap_or_clone).collect(), before })
}

/// What happens, as it happens: server-sent events, each of them an event as in the list, or `missed`.
#[utoipa::path(get, path = "/api/events/stream", params(StreamQuery), tag = "events",
    responses(
        (status = OK, content_type = "text/event-stream", body = Record),
        (status = FORBIDDEN, body = NotDone),
        (status = SERVICE_UNAVAILABLE, body = NotDone)
    ))]
async fn listen(State(events): State<Events>, Query(query): Query<StreamQuery>, headers: HeaderMap) -> Response {
    if is_of_another_page(&headers) {
        let error = "this request comes from a page of another origin: only forkcast's own page may listen to events";
        return answer::refusal(StatusCode::FORBIDDEN, error).into_response();
    }
    let Ok(place) = Arc::clone(&events.places).try_acquire_owned() else {
        let error = "too many listen to events at the same time: close some of them, or ask for /api/events";
        return ([(RETRY_AFTER, "10")], answer::refusal(StatusCode::SERVICE_UNAVAILABLE, error)).into_response();
    };
    let known = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.trim().parse().ok()).or(query.after);
    let cursor = match known {
        Some(id) => events.history.after(id),
        None => events.history.from_now(),
    };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Sse::new(Listener::stream(cursor, events.stop, place)).keep_alive(keep_alive).into_response()
}

/// A page of somebody else's could not read what it is sent, and would still take a place. Browsers say whose page asks; other
/// programs do not.
fn is_of_another_page(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    matches!(site, Some("cross-site" | "same-site"))
}

/// One that listens, until it goes or the server stops.
struct Listener {
    cursor: Cursor,
    stop: CancellationToken,
    /// Read and not sent yet.
    waiting: VecDeque<Event>,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    fn stream(
        cursor: Cursor,
        stop: CancellationToken,
        place: OwnedSemaphorePermit,
    ) -> impl Stream<Item = Result<Event, Infallible>> {
        // At once, so that a listener knows that it is heard, and when to come back.
        let hello = Event::default().retry(COME_BACK).comment("events of forkcast");
        let listener = Self { cursor, stop, waiting: [hello].into(), _place: place };
        stream::unfold(listener, |mut listener| async {
            let event = listener.next().await?;
            Some((Ok(event), listener))
        })
    }

    async fn next(&mut self) -> Option<Event> {
        while self.waiting.is_empty() {
            let Batch { missed, records } = tokio::select! {
                // What has happened comes before the end: the last that is told is that the relay stops.
                biased;
                batch = self.cursor.next(BATCH) => batch,
                () = self.stop.cancelled() => return None,
            };
            if missed > 0 {
                self.waiting.extend(Event::default().event("missed").json_data(Missed { missed }).ok());
            }
            let events = records
                .iter()
                .filter_map(|record| Event::default().id(record.id.to_string()).json_data(record.as_ref()).ok());
            self.waiting.extend(events);
        }
        self.waiting.pop_front()
    }
}

#[cfg(test)]
mod tests;

//! The HTTP listener.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::{from_fn_with_state, map_response},
    response::IntoResponse,
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    answer, api,
    board::Board,
    connections, dashboard,
    desk::Desk,
    events::Events,
    health, host,
    metrics::Metrics,
    recent::keep_counting,
    token::{self, Guard},
};
use crate::observe::History;

/// What the routes answer from.
#[derive(Clone)]
pub struct Control {
    /// The relay.
    pub board: Arc<Board>,
    /// The page of its metrics.
    pub metrics: Arc<Metrics>,
    /// Where requests to change something are handed in.
    pub desk: Desk,
    /// Who may look and ask.
    pub guard: Guard,
}

/// For whom a listener is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// People with browsers, and machines.
    Everybody,
    /// Machines that look whether all is well: metrics and health alone.
    Monitoring,
}

/// The HTTP listener, bound.
pub struct Server {
    listener: TcpListener,
}

impl Server {
    /// Binds `address`.
    ///
    /// # Errors
    /// Where the address cannot be bound.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await? })
    }

    /// The bound address.
    ///
    /// # Errors
    /// What the system reports.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `stop`, `room` connections at once.
    pub async fn run(self, audience: Audience, control: Control, room: usize, stop: CancellationToken) {
        let board = Arc::clone(&control.board);
        let routes = match (audience, self.local_address()) {
            (Audience::Everybody, Ok(address)) => {
                let events = Events::new(History::of_process(), stop.clone());
                monitoring().merge(for_browsers(control.guard, events, address.ip()))
            }
            // A listener without an address of its own would not know by which names it is called.
            (Audience::Monitoring, _) | (Audience::Everybody, Err(_)) => monitoring(),
        };
        let routes = routes.fallback(nowhere).method_not_allowed_fallback(otherwise).with_state(control);
        let serving = connections::serve(self.listener, routes, room, stop);
        match audience {
            Audience::Everybody => tokio::select! {
                () = serving => {}
                // For whoever opens the page.
                () = keep_counting(&board) => {}
            },
            Audience::Monitoring => serving.await,
        }
    }
}

async fn nowhere() -> impl IntoResponse {
    answer::refusal(StatusCode::NOT_FOUND, "there is nothing here: /api/openapi.json lists what there is")
}

async fn otherwise() -> impl IntoResponse {
    answer::refusal(StatusCode::METHOD_NOT_ALLOWED, "not by this method: /api/openapi.json says by which one")
}

/// Scrapers and health checks come through proxies and forwarded ports under any name: these answer to all of them. They can
/// only be read, and say less than the status does.
fn monitoring() -> Router<Control> {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).route("/metrics", get(metrics))
}

fn for_browsers(guard: Guard, events: Events, listener: IpAddr) -> Router<Control> {
    let (api, _) = api::routes(events);
    // The page itself says nothing; what it shows needs the token where there is one.
    dashboard::routes()
        .merge(api.layer(from_fn_with_state(guard, token::check)))
        .layer(from_fn_with_state(listener, host::check))
        .layer(map_response(dashboard::harden))
}

async fn metrics(State(control): State<Control>) -> Result<impl IntoResponse, StatusCode> {
    // A page over thousands of destinations takes longer than a task should hold its thread for.
    let page = tokio::task::spawn_blocking(move || control.metrics.page(&control.board)).await;
    let page = page.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    // The content type of the Prometheus text format.
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page))
}

async fn healthz(State(control): State<Control>) -> impl IntoResponse {
    health::liveness(&control.board)
}

async fn readyz(State(control): State<Control>) -> impl IntoResponse {
    health::readiness(&control.board)
}

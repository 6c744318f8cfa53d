//! The HTTP listener.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    extract::State,
    http::header::CONTENT_TYPE,
    middleware::{from_fn_with_state, map_response},
    response::IntoResponse,
    routing::get,
};
use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    api,
    board::Board,
    dashboard,
    desk::Desk,
    events::Events,
    host,
    token::{self, Guard},
};
use crate::observe::{History, metrics::name};

/// The first line of what `/healthz` answers: `forkcast health` knows by it that it is forkcast that answers. Below it stands
/// what will be wrong soon, a line each.
pub const HEALTHY: &str = "forkcast is healthy\n";

/// A certificate that has less than so many days left is spoken of.
const CERTIFICATE_DAYS: i64 = 30;

/// What the routes answer from.
#[derive(Clone)]
pub struct Control {
    /// The relay.
    pub board: Arc<Board>,
    /// Its counters.
    pub metrics: PrometheusHandle,
    /// Where requests to change something are handed in.
    pub desk: Desk,
    /// Who may look and ask.
    pub guard: Guard,
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

    /// Answers until `stop`.
    ///
    /// # Errors
    /// What the listener reports.
    pub async fn run(self, control: Control, stop: CancellationToken) -> io::Result<()> {
        let events = Events::new(History::of_process(), stop.clone());
        let routes = routes(control, events, self.local_address()?.ip());
        axum::serve(self.listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await
    }
}

fn routes(control: Control, events: Events, listener: IpAddr) -> Router {
    let (api, _) = api::routes(events);
    // The page itself says nothing; what it shows needs the token where there is one.
    let for_browsers = dashboard::routes()
        .merge(api.layer(from_fn_with_state(control.guard, token::check)))
        .layer(from_fn_with_state(listener, host::check))
        .layer(map_response(dashboard::harden));
    // Scrapers and health checks come through proxies and forwarded ports under any name: these two answer to all of them.
    // They can only be read, and say less than the status does.
    Router::new().route("/healthz", get(health)).route("/metrics", get(metrics)).merge(for_browsers).with_state(control)
}

async fn metrics(State(control): State<Control>) -> impl IntoResponse {
    for stream in control.board.streams().iter() {
        for destination in &stream.destinations {
            destination.report.measure(&stream.feed);
        }
    }
    for certificate in control.board.certificates() {
        if let Some(not_after) = certificate.not_after {
            let file = certificate.file.display().to_string();
            #[expect(clippy::cast_precision_loss, reason = "seconds of a date are far below 2^52")]
            gauge!(name::CERTIFICATE_EXPIRY, "file" => file).set(not_after as f64);
        }
    }
    // The content type of the Prometheus text format.
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], control.metrics.render())
}

async fn health(State(control): State<Control>) -> String {
    let mut answer = HEALTHY.to_owned();
    for certificate in control.board.certificates() {
        let (file, until) = (certificate.file.display(), certificate.until.unwrap_or_default());
        match certificate.days_left {
            Some(..0) => answer.push_str(&format!("certificate `{file}` has run out on {until}: renew it\n")),
            Some(days @ 0..=CERTIFICATE_DAYS) => {
                answer.push_str(&format!("certificate `{file}` runs out in {days} days, on {until}: renew it\n"));
            }
            _ => {}
        }
    }
    answer
}

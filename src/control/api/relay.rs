//! The relay as a whole: its files, its platforms, a rehearsal, its end.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Body;
use crate::{
    config::LONGEST_DRAIN,
    control::{
        answer::{self, Done, NotDone, ProblemStatus},
        board::StreamView,
        desk::{Ask, Refused},
        parts::Query,
        server::Control,
        status::Status,
    },
    destination::platform::{KeyNeed, Platform},
    moment,
    observe::event::full_name,
    preflight::{self, Finding, Limits, Outcome, Own, Subject},
};

/// One rehearsal at a time: servers may find connections without a publish odd.
static REHEARSAL: Mutex<bool> = Mutex::new(false);

pub(super) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new()
        .routes(routes!(status))
        .routes(routes!(configuration))
        .routes(routes!(reload))
        .routes(routes!(platforms))
        .routes(routes!(rehearse))
        .routes(routes!(drain))
}

/// How much of the status is wanted.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StatusQuery {
    /// With what came and went in the last minute, second by second: `minute` of each stream and each destination.
    minute: bool,
}

/// The whole relay at one moment.
#[utoipa::path(get, path = "/api/status", tag = "relay", params(StatusQuery), responses((status = OK, body = Status)))]
async fn status(State(control): State<Control>, Query(query): Query<StatusQuery>) -> Json<Status> {
    let status = Status::of(&control.board);
    Json(if query.minute { status.with_minute(&control.board) } else { status })
}

/// What was last read of the files.
#[derive(Serialize, Deserialize, ToSchema)]
struct ConfigurationStatus {
    /// When that was, in seconds since 1970.
    read_at: u64,
    /// Every mistake and warning.
    problems: Vec<ProblemStatus>,
    /// Why what is there now is not gone by as a whole, and what to do.
    kept: Option<String>,
    /// Settings that have changed and count from the next start on.
    needs_restart: Vec<String>,
}

/// What is wrong with the files, with line, column and a masked excerpt.
#[utoipa::path(get, path = "/api/configuration", tag = "relay", responses((status = OK, body = ConfigurationStatus)))]
async fn configuration(State(control): State<Control>) -> Json<ConfigurationStatus> {
    let configuration = control.board.configuration();
    Json(ConfigurationStatus {
        read_at: moment::unix_seconds(configuration.read),
        problems: configuration.problems.iter().map(ProblemStatus::from).collect(),
        kept: configuration.kept.clone(),
        needs_restart: configuration.needs_restart.clone(),
    })
}

/// Reads the files now, as SIGHUP does.
#[utoipa::path(post, path = "/api/reload", tag = "relay",
    responses((status = OK, body = Done), (status = CONFLICT, body = NotDone, description = "what is there is not gone by")))]
async fn reload(State(control): State<Control>) -> Result<Json<Done>, Refused> {
    control.ask(Ask::Reload).await
}

/// A platform, as far as a person needs to know it to fill in a destination.
#[derive(Serialize, Deserialize, ToSchema)]
struct PlatformStatus {
    /// For the field `platform`.
    name: String,
    /// As people write it.
    title: String,
    /// It has no server that is the same for everybody: the field `url` is needed.
    needs_url: bool,
    /// Where its URL is found.
    url_from: Option<String>,
    /// A key is needed beside the URL.
    needs_key: bool,
    /// Where its key is found.
    key_from: Option<String>,
}

/// Every platform that has a name.
#[utoipa::path(get, path = "/api/platforms", tag = "relay", responses((status = OK, body = Vec<PlatformStatus>)))]
async fn platforms() -> Json<Vec<PlatformStatus>> {
    let all = Platform::names().filter_map(Platform::named);
    let show = |platform: Platform| PlatformStatus {
        needs_url: platform.server.rtmps.is_none() && platform.server.rtmp.is_none(),
        name: platform.name,
        title: platform.title,
        url_from: platform.url_from,
        needs_key: platform.key == KeyNeed::Needed,
        key_from: platform.key_from,
    };
    Json(all.map(show).collect())
}

/// What to rehearse.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rehearsal {
    /// The stream whose destinations are tried; without one, of all streams.
    stream: Option<String>,
}

/// One server of a destination that was connected to.
#[derive(Serialize, Deserialize, ToSchema)]
struct FindingStatus {
    /// The destination, with its stream where that is not the default one.
    destination: String,
    /// The server; the path is left out, since it can be a secret.
    url: String,
    /// It is the backup.
    is_backup: bool,
    /// A publish could begin there.
    is_ready: bool,
    /// What was found, and what to do.
    text: String,
    /// Version and cipher of TLS.
    tls: Option<String>,
    /// Days that the server's certificate is valid for; negative where it has run out.
    certificate_days_left: Option<i64>,
    /// TCP's round trip.
    round_trip_ms: Option<f64>,
    /// From the beginning to the answer to `connect`.
    took_ms: f64,
}

/// What a rehearsal found.
#[derive(Serialize, Deserialize, ToSchema)]
struct RehearsalStatus {
    /// Every server, in the order of the configuration.
    servers: Vec<FindingStatus>,
    /// What is wrong with the files: the same key twice, a backup that cannot be, a destination that is the relay itself.
    problems: Vec<ProblemStatus>,
}

/// Connects to every server side by side, up to the RTMP `connect`, and publishes nothing. Takes ten seconds at the most.
#[utoipa::path(post, path = "/api/preflight", tag = "relay", request_body = Rehearsal,
    responses((status = OK, body = RehearsalStatus), (status = NOT_FOUND, body = NotDone), (status = TOO_MANY_REQUESTS, body = NotDone)))]
async fn rehearse(
    State(control): State<Control>,
    Body(rehearsal): Body<Rehearsal>,
) -> Result<Json<RehearsalStatus>, Response> {
    let streams: Vec<StreamView> = match &rehearsal.stream {
        Some(name) => vec![control.stream(name).map_err(Refused::into_response)?],
        None => control.board.streams().to_vec(),
    };
    let Some(_turn) = Turn::take() else {
        let error = "a preflight is under way: it takes ten seconds at the most";
        return Err(answer::refusal(StatusCode::TOO_MANY_REQUESTS, error).into_response());
    };
    let subjects = streams.iter().flat_map(|stream| {
        let of = |destination: &crate::destination::Destination| {
            let name = full_name(stream.feed.name(), &destination.name);
            destination.settings.as_ref().map(|settings| Subject::all(&name, settings)).unwrap_or_default()
        };
        stream.destinations.iter().flat_map(of).collect::<Vec<_>>()
    });
    let findings =
        preflight::run(subjects.collect(), Limits::default(), Own::new(control.board.listeners.clone())).await;
    Ok(Json(RehearsalStatus {
        servers: findings.iter().map(FindingStatus::from).collect(),
        problems: control.board.configuration().problems.iter().map(ProblemStatus::from).collect(),
    }))
}

impl From<&Finding> for FindingStatus {
    fn from(finding: &Finding) -> Self {
        let text = match (&finding.outcome, &finding.warning) {
            (Outcome::Ready, None) => "ready".to_owned(),
            (Outcome::Ready, Some(warning)) => format!("ready, but {}: {}", warning.message, warning.hint),
            (Outcome::Failed(failure), _) => format!("{}: {}", failure.message, failure.hint),
            (Outcome::NotReached(stage), _) => {
                format!("it was not done in time ({}): try again, and see whether the network is slow", stage.label())
            }
        };
        Self {
            destination: finding.destination.clone(),
            url: finding.url.to_string(),
            is_backup: finding.is_backup,
            is_ready: finding.is_ready(),
            text,
            tls: finding.seen.protection.as_ref().map(ToString::to_string),
            certificate_days_left: finding.seen.chain.as_ref().and_then(|chain| chain.days_left),
            round_trip_ms: finding.seen.round_trip.map(|time| time.as_secs_f64() * 1000.0),
            took_ms: finding.seen.took.as_secs_f64() * 1000.0,
        }
    }
}

/// Held by the rehearsal that is under way.
struct Turn;

impl Turn {
    fn take() -> Option<Self> {
        let mut is_taken = REHEARSAL.lock().unwrap_or_else(PoisonError::into_inner);
        (!std::mem::replace(&mut *is_taken, true)).then(|| Self)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *REHEARSAL.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

/// How to drain.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Drain {
    /// How long to wait for publishers to leave; without it as long as the setting `drain` says.
    wait_seconds: Option<u64>,
}

/// Takes no further publishers, asks encoders that can to go elsewhere, waits for all to leave, and then stops as for an upgrade:
/// platforms keep broadcasts open that are still live.
#[utoipa::path(post, path = "/api/drain", tag = "relay", request_body = Drain,
    responses((status = ACCEPTED, body = Done), (status = CONFLICT, body = NotDone, description = "it drains already")))]
async fn drain(State(control): State<Control>, Body(drain): Body<Drain>) -> Result<(StatusCode, Json<Done>), Refused> {
    let wait = drain.wait_seconds.map(Duration::from_secs);
    if wait.is_some_and(|wait| wait > LONGEST_DRAIN) {
        let error = format!("publishers are waited for {} s at the most", LONGEST_DRAIN.as_secs());
        return Err(Refused::Invalid { field: "wait_seconds", error });
    }
    Ok((StatusCode::ACCEPTED, control.ask(Ask::Drain(wait)).await?))
}

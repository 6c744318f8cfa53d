//! Streams: who publishes, and what a person may do about it.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Body, Page, Part};
use crate::control::{
    answer::{Done, NotDone},
    desk::{Ask, Refused},
    parts::{Path, Query},
    server::Control,
    status::StreamStatus,
};

/// For how long the old key of a stream opens it beside the new one, where nothing is said.
const GRACE: Duration = Duration::from_secs(10 * 60);

/// The longest that may be said.
const GRACE_LIMIT: Duration = Duration::from_secs(31 * 24 * 60 * 60);

pub(super) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(one, remove))
        .routes(routes!(end))
        .routes(routes!(reopen))
        .routes(routes!(cut_off))
        .routes(routes!(rotate_key))
}

/// Every stream, with its destinations.
#[utoipa::path(get, path = "/api/streams", params(Part), tag = "streams",
    responses((status = OK, body = Page<StreamStatus>)))]
async fn list(State(control): State<Control>, Query(part): Query<Part>) -> Json<Page<StreamStatus>> {
    let streams = control.board.streams();
    Json(part.of(&streams, |stream| stream.feed.name(), StreamStatus::of))
}

/// One stream, with its destinations.
#[utoipa::path(get, path = "/api/streams/{stream}", tag = "streams",
    params(("stream" = String, Path, description = "its name; `live` is the default stream")),
    responses((status = OK, body = StreamStatus), (status = NOT_FOUND, body = NotDone)))]
async fn one(State(control): State<Control>, Path(stream): Path<String>) -> Result<Json<StreamStatus>, Refused> {
    Ok(Json(StreamStatus::of(&control.stream(&stream)?)))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewStream {
    /// Up to 64 letters, digits, `-`, `_` and `.`.
    name: String,
    /// Its stream key; without one forkcast makes one, and the stream says in which file it is.
    #[schema(value_type = Option<String>)]
    key: Option<SecretString>,
}

/// Makes a stream: a folder with a `stream.toml`.
#[utoipa::path(post, path = "/api/streams", tag = "streams", request_body = NewStream,
    responses((status = CREATED, body = Done), (status = CONFLICT, body = NotDone, description = "it is there already, or the folder cannot be written"),
        (status = UNPROCESSABLE_ENTITY, body = NotDone)))]
async fn create(
    State(control): State<Control>,
    Body(new): Body<NewStream>,
) -> Result<(StatusCode, Json<Done>), Refused> {
    let NewStream { name, key } = new;
    Ok((StatusCode::CREATED, control.ask(Ask::CreateStream { name, key }).await?))
}

/// Takes away a stream that has no destinations and is not live, with its key.
#[utoipa::path(delete, path = "/api/streams/{stream}", tag = "streams", params(("stream" = String, Path)),
    responses((status = OK, body = Done), (status = NOT_FOUND, body = NotDone),
        (status = CONFLICT, body = NotDone, description = "it is live or has destinations, or its folder cannot be written")))]
async fn remove(State(control): State<Control>, Path(stream): Path<String>) -> Result<Json<Done>, Refused> {
    control.ask(Ask::RemoveStream(stream)).await
}

/// Ends the broadcast now, on every destination. Its encoder is cut off, and kept out until it has not tried for a minute.
#[utoipa::path(post, path = "/api/streams/{stream}/end", tag = "streams", params(("stream" = String, Path)),
    responses((status = OK, body = Done), (status = NOT_FOUND, body = NotDone), (status = CONFLICT, body = NotDone, description = "nothing is live")))]
async fn end(State(control): State<Control>, Path(stream): Path<String>) -> Result<Json<Done>, Refused> {
    control.ask(Ask::End(stream)).await
}

/// Lets encoders in again after `end`.
#[utoipa::path(post, path = "/api/streams/{stream}/reopen", tag = "streams", params(("stream" = String, Path)),
    responses((status = OK, body = Done), (status = NOT_FOUND, body = NotDone)))]
async fn reopen(State(control): State<Control>, Path(stream): Path<String>) -> Result<Json<Done>, Refused> {
    control.ask(Ask::Reopen(stream)).await
}

/// Cuts off the publisher as if its connection had been lost: destinations hold, and it may come back.
#[utoipa::path(post, path = "/api/streams/{stream}/kick", tag = "streams", params(("stream" = String, Path)),
    responses((status = OK, body = Done), (status = NOT_FOUND, body = NotDone), (status = CONFLICT, body = NotDone, description = "nobody publishes")))]
async fn cut_off(State(control): State<Control>, Path(stream): Path<String>) -> Result<Json<Done>, Refused> {
    control.ask(Ask::CutOff(stream)).await
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// The new key; without one forkcast makes one.
    #[schema(value_type = Option<String>)]
    key: Option<SecretString>,
    /// For how many seconds the old key opens the stream, too: 600 where nothing is said, 31 days at the most.
    grace_seconds: Option<u64>,
}

/// Gives a stream another key. The old one opens it for a while longer; whoever is live stays.
#[utoipa::path(post, path = "/api/streams/{stream}/rotate-key", tag = "streams", params(("stream" = String, Path)),
    request_body = Rotation,
    responses((status = OK, body = Done), (status = NOT_FOUND, body = NotDone),
        (status = CONFLICT, body = NotDone, description = "its key is kept where forkcast does not write"), (status = UNPROCESSABLE_ENTITY, body = NotDone)))]
async fn rotate_key(
    State(control): State<Control>,
    Path(stream): Path<String>,
    Body(rotation): Body<Rotation>,
) -> Result<Json<Done>, Refused> {
    let grace = rotation.grace_seconds.map_or(GRACE, Duration::from_secs).min(GRACE_LIMIT);
    control.ask(Ask::RotateKey { stream, key: rotation.key, grace }).await
}

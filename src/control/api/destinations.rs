//! Destinations: how they fare, and their files.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Body, Page, Part};
use crate::{
    config::edit::Fields,
    control::{
        answer::{Done, NotDone},
        desk::{Act, Ask, Refused, Target},
        parts::{Path, Query},
        server::Control,
        status::DestinationStatus,
    },
};

pub(super) fn routes() -> OpenApiRouter<Control> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(one, change, remove))
        .routes(routes!(start))
        .routes(routes!(stop))
        .routes(routes!(restart))
        .routes(routes!(end))
}

/// The destinations of a stream.
#[utoipa::path(get, path = "/api/streams/{stream}/destinations", tag = "destinations", params(("stream" = String, Path), Part),
    responses((status = OK, body = Page<DestinationStatus>), (status = NOT_FOUND, body = NotDone)))]
async fn list(
    State(control): State<Control>,
    Path(stream): Path<String>,
    Query(part): Query<Part>,
) -> Result<Json<Page<DestinationStatus>>, Refused> {
    let stream = control.stream(&stream)?;
    let show = |destination| DestinationStatus::of(destination, &stream.feed);
    Ok(Json(part.of(&stream.destinations, |destination| destination.name.as_str(), show)))
}

/// One destination.
#[utoipa::path(get, path = "/api/streams/{stream}/destinations/{destination}", tag = "destinations",
    params(("stream" = String, Path), ("destination" = String, Path)),
    responses((status = OK, body = DestinationStatus), (status = NOT_FOUND, body = NotDone)))]
async fn one(
    State(control): State<Control>,
    Path((stream, destination)): Path<(String, String)>,
) -> Result<Json<DestinationStatus>, Refused> {
    let view = control.stream(&stream)?;
    let found = view.destinations.iter().find(|known| known.name == destination);
    let found =
        found.ok_or_else(|| Refused::Unknown(format!("stream `{stream}` has no destination `{destination}`")))?;
    Ok(Json(DestinationStatus::of(found, &view.feed)))
}

/// A new destination.
#[derive(Default, Deserialize, ToSchema)]
struct NewDestination {
    /// Up to 64 letters, digits, `-`, `_` and `.`; without one it is called like its platform.
    name: Option<String>,
    /// The fields of its file, by the names that `docs/destinations.md` describes: `platform`, `url`, `key` and others; tables
    /// such as `backpressure` are objects.
    #[schema(value_type = Object)]
    #[serde(flatten)]
    fields: Fields,
}

/// Writes the file of a destination that is new. It takes part at once.
#[utoipa::path(post, path = "/api/streams/{stream}/destinations", tag = "destinations", params(("stream" = String, Path)),
    request_body = NewDestination,
    responses((status = CREATED, body = Done), (status = NOT_FOUND, body = NotDone),
        (status = CONFLICT, body = NotDone, description = "it is there already, or the folder cannot be written"),
        (status = UNPROCESSABLE_ENTITY, body = NotDone, description = "the file would be wrong")))]
async fn add(
    State(control): State<Control>,
    Path(stream): Path<String>,
    Body(new): Body<NewDestination>,
) -> Result<(StatusCode, Json<Done>), Refused> {
    let NewDestination { name, fields } = new;
    Ok((StatusCode::CREATED, control.ask(Ask::Add { stream, name, fields }).await?))
}

/// Sets fields of the file; `null` takes one out. Comments stay. What runs changes as with an editor: in place where that can be,
/// by another connection where it must.
#[utoipa::path(patch, path = "/api/streams/{stream}/destinations/{destination}", tag = "destinations",
    params(("stream" = String, Path), ("destination" = String, Path)),
    request_body(content = Object, description = "fields of the file, by their names in it"),
    responses((status = OK, body = Done), (status = NOT_FOUND, body = NotDone),
        (status = CONFLICT, body = NotDone, description = "the file cannot be written"),
        (status = UNPROCESSABLE_ENTITY, body = NotDone, description = "the file would be wrong")))]
async fn change(
    State(control): State<Control>,
    Path(path): Path<(String, String)>,
    Body(fields): Body<Fields>,
) -> Result<Json<Done>, Refused> {
    act(&control, path, Act::Change(fields)).await
}

/// Removes the file. What is sent there ends in order.
#[utoipa::path(delete, path = "/api/streams/{stream}/destinations/{destination}", tag = "destinations",
    params(("stream" = String, Path), ("destination" = String, Path)),
    responses((status = OK, body = Done), (status = NOT_FOUND, body = NotDone), (status = CONFLICT, body = NotDone, description = "the folder cannot be written")))]
async fn remove(State(control): State<Control>, Path(path): Path<(String, String)>) -> Result<Json<Done>, Refused> {
    act(&control, path, Act::Remove).await
}

/// Turns it on: `enabled` in its file.
#[utoipa::path(post, path = "/api/streams/{stream}/destinations/{destination}/start", tag = "destinations",
    params(("stream" = String, Path), ("destination" = String, Path)),
    responses((status = OK, body = Done), (status = NOT_FOUND, body = NotDone), (status = CONFLICT, body = NotDone), (status = UNPROCESSABLE_ENTITY, body = NotDone)))]
async fn start(State(control): State<Control>, Path(path): Path<(String, String)>) -> Result<Json<Done>, Refused> {
    act(&control, path, Act::Start).await
}

/// Ends what is sent there in order, and turns it off: `enabled = false` in its file. Where that cannot be written, it stays off
/// until forkcast restarts.
#[utoipa::path(post, path = "/api/streams/{stream}/destinations/{destination}/stop", tag = "destinations",
    params(("stream" = String, Path), ("destination" = String, Path)),
    responses((status = OK, body = Done), (status = NOT_FOUND, body = NotDone), (status = CONFLICT, body = NotDone), (status = UNPROCESSABLE_ENTITY, body = NotDone)))]
async fn stop(State(control): State<Control>, Path(path): Path<(String, String)>) -> Result<Json<Done>, Refused> {
    act(&control, path, Act::Stop).await
}

/// Drops its connection with no word that would end the broadcast, and makes another. One that waits tries at once.
#[utoipa::path(post, path = "/api/streams/{stream}/destinations/{destination}/restart", tag = "destinations",
    params(("stream" = String, Path), ("destination" = String, Path)),
    responses((status = OK, body = Done), (status = NOT_FOUND, body = NotDone), (status = CONFLICT, body = NotDone, description = "it is off")))]
async fn restart(State(control): State<Control>, Path(path): Path<(String, String)>) -> Result<Json<Done>, Refused> {
    act(&control, path, Act::Restart).await
}

/// Ends this broadcast there, in order; the next one is sent there again.
#[utoipa::path(post, path = "/api/streams/{stream}/destinations/{destination}/end", tag = "destinations",
    params(("stream" = String, Path), ("destination" = String, Path)),
    responses((status = OK, body = Done), (status = NOT_FOUND, body = NotDone), (status = CONFLICT, body = NotDone, description = "it is off, or nothing is live")))]
async fn end(State(control): State<Control>, Path(path): Path<(String, String)>) -> Result<Json<Done>, Refused> {
    act(&control, path, Act::End).await
}

async fn act(control: &Control, (stream, destination): (String, String), act: Act) -> Result<Json<Done>, Refused> {
    control.ask(Ask::Destination(Target { stream, destination }, act)).await
}

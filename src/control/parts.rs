//! What stands in the URL of a request, whose mistakes are told in our own form.

use axum::{
    extract::{self, FromRequestParts},
    http::{StatusCode, request::Parts},
    response::{IntoResponse as _, Response},
};
use serde::de::DeserializeOwned;

use super::answer;

/// The fields after the `?`.
pub(super) struct Query<T>(pub(super) T);

/// The names in the path.
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match extract::Query::from_request_parts(parts, state).await {
            Ok(extract::Query(fields)) => Ok(Self(fields)),
            // Which field, and what it may be: nothing secret belongs in a query.
            Err(error) => Err(senseless("query", &error.body_text())),
        }
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match extract::Path::from_request_parts(parts, state).await {
            Ok(extract::Path(names)) => Ok(Self(names)),
            Err(error) => Err(senseless("path", &error.body_text())),
        }
    }
}

fn senseless(what: &str, why: &str) -> Response {
    let error = format!("the {what} makes no sense; see /api/openapi.json ({why})");
    answer::refusal(StatusCode::BAD_REQUEST, error).into_response()
}

//! What stands behind the `?` of a request, whose mistakes are told in our own form.

use axum::{
    extract::{FromRequestParts, Query as AxumQuery},
    http::{StatusCode, request::Parts},
    response::{IntoResponse as _, Response},
};
use serde::de::DeserializeOwned;

use super::answer;

/// The fields of a query.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match AxumQuery::from_request_parts(parts, state).await {
            Ok(AxumQuery(fields)) => Ok(Self(fields)),
            // Which field, and what it may be: nothing secret belongs in a query, and none of ours is repeated by the parser.
            Err(error) => {
                let error = format!("the query makes no sense; see /api/openapi.json ({})", error.body_text());
                Err(answer::refusal(StatusCode::BAD_REQUEST, error).into_response())
            }
        }
    }
}

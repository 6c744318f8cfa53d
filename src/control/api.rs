//! The control API: what runs, and what a person may do about it. Its document is made of this code.

mod destinations;
mod relay;
mod streams;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRequest, Request},
    http::{Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::{
    IntoParams, OpenApi, ToSchema,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;

use super::{
    answer,
    desk::{Ask, Refused},
    events::{self, Events},
    server::Control,
};

/// Most bytes of a request's body. A key has a few hundred.
const BODY_LIMIT: usize = 64 << 10;

/// What bodies are sent as; the second one is what a change of a file is (RFC 7396).
const JSON: [&str; 2] = ["application/json", "application/merge-patch+json"];

/// Entries of a list that is not asked for in other portions, and at the most.
const PAGE: usize = 100;
const PAGE_LIMIT: usize = 1000;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "forkcast",
        description = "Watch and change a running forkcast. Where a token was given, or the address is not a loopback one, \
                       each request shows it as a bearer token. Keys go in and never come out."
    ),
    modifiers(&Token),
    security((), ("token" = []))
)]
struct Document;

struct Token;

impl utoipa::Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        document.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

/// What any route may answer, whatever is asked.
const ANSWERS: [(&str, &str); 4] = [
    ("401", "the token is needed, and was not shown"),
    ("403", "the request comes from a page of another origin, or by another machine's name"),
    ("429", "too many requests wait"),
    ("503", "forkcast is stopping"),
];

/// What a route with a body may answer beside these.
const ANSWERS_TO_BODIES: [(&str, &str); 3] =
    [("400", "the body makes no sense"), ("413", "the body is too large"), ("415", "the body is not sent as JSON")];

fn add_answers(document: &mut utoipa::openapi::OpenApi) {
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            let to_bodies = ANSWERS_TO_BODIES.iter().filter(|_| operation.request_body.is_some());
            let answers: Vec<_> = ANSWERS.iter().chain(to_bodies).collect();
            for (status, description) in answers {
                let answer = utoipa::openapi::ResponseBuilder::new().description(*description).build();
                operation.responses.responses.entry((*status).to_owned()).or_insert(answer.into());
            }
        }
    }
}

/// Every route below `/api`, with the document of them all.
pub fn routes(events: Events) -> (Router<Control>, utoipa::openapi::OpenApi) {
    let routes = OpenApiRouter::with_openapi(Document::openapi())
        .merge(streams::routes())
        .merge(destinations::routes())
        .merge(relay::routes())
        .merge(events::routes(events));
    let (routes, mut document) = routes.split_for_parts();
    add_answers(&mut document);
    let shown = document.clone();
    let routes = routes
        .route("/api/openapi.json", axum::routing::get(move || async move { Json(shown) }))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(forbid_foreign_pages));
    (routes, document)
}

/// A page of somebody else's may make a browser send requests here. It cannot hide where it comes from: what changes something
/// must come from a page of ours, or from no page at all.
async fn forbid_foreign_pages(request: Request, next: Next) -> Response {
    if may_change(&request) {
        return next.run(request).await;
    }
    let error = "this request comes from a page of another origin: only forkcast's own page may change something";
    answer::refusal(StatusCode::FORBIDDEN, error).into_response()
}

fn may_change(request: &Request) -> bool {
    // What is no text is nothing that a page of ours sends.
    let text = |name: header::HeaderName| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(header::HOST).unwrap_or_default();
    let is_our_origin =
        |origin: &str| origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host));
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    let is_ours = text(header::ORIGIN).is_none_or(is_our_origin) && matches!(site, None | Some("same-origin" | "none"));
    is_ours || matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
}

/// A body in JSON, whose mistakes are told in our own form. An empty one is the default.
struct Body<T>(T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let bytes = match axum::body::Bytes::from_request(request, state).await {
            Ok(bytes) => bytes,
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                let error = format!("the body is too large: {} KiB are the most", BODY_LIMIT >> 10);
                return Err(answer::refusal(StatusCode::PAYLOAD_TOO_LARGE, error).into_response());
            }
            Err(error) => return Err(answer::refusal(error.status(), error.body_text()).into_response()),
        };
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        let kind = kind.as_deref().and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        if !JSON.iter().any(|json| kind.eq_ignore_ascii_case(json)) {
            let error = "the body must be JSON: send the header `Content-Type: application/json`";
            return Err(answer::refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, error).into_response());
        }
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            // Where, and not what: the parser may repeat what it found, and that may be a key.
            let what = match error.classify() {
                serde_json::error::Category::Data => "a field is not there or of another type; see /api/openapi.json",
                _ => "this is no JSON",
            };
            let error = format!("{what} (line {}, column {})", error.line(), error.column());
            answer::refusal(StatusCode::BAD_REQUEST, error).into_response()
        })
    }
}

/// Which part of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Part {
    /// What comes after the entry of this name.
    after: Option<String>,
    /// So many entries, 100 where nothing is said and 1,000 at the most.
    limit: Option<usize>,
}

/// A part of a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
struct Page<T> {
    /// The entries, in the order of the configuration.
    items: Vec<T>,
    /// For `after`, where there are more.
    next: Option<String>,
}

impl Part {
    /// Cuts it out of a list. An `after` that is gone meanwhile begins anew, so that nothing is left out.
    fn of<'a, E, T>(&self, entries: &'a [E], name: impl Fn(&'a E) -> &'a str, show: impl Fn(&'a E) -> T) -> Page<T> {
        let start = self.after.as_ref().and_then(|after| entries.iter().position(|entry| name(entry) == *after));
        let rest = entries.get(start.map_or(0, |index| index + 1)..).unwrap_or_default();
        let limit = self.limit.unwrap_or(PAGE).clamp(1, PAGE_LIMIT);
        let part = rest.get(..limit).unwrap_or(rest);
        let next = part.last().filter(|_| part.len() < rest.len()).map(|last| name(last).to_owned());
        Page { items: part.iter().map(show).collect(), next }
    }
}

impl Control {
    async fn ask(&self, ask: Ask) -> Result<Json<answer::Done>, Refused> {
        answer::of(self.desk.ask(ask).await)
    }

    fn stream(&self, name: &str) -> Result<super::board::StreamView, Refused> {
        let streams = self.board.streams();
        let found = streams.iter().find(|stream| stream.feed.name() == name);
        found.cloned().ok_or_else(|| Refused::Unknown(format!("there is no stream `{name}`")))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::observe::History;

    const REFERENCE: &str = include_str!("../../docs/api.md");

    #[test]
    fn the_reference_has_a_section_for_each_route_and_no_other() {
        let (_, document) = routes(Events::new(History::of_process(), CancellationToken::new()));
        let document = serde_json::to_value(document).unwrap();
        let mut of_document = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            let methods = methods.as_object().unwrap().keys();
            of_document.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
        }
        let heads = REFERENCE.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
        let heads: Vec<_> = heads.map(str::to_owned).collect();
        let of_reference: BTreeSet<_> = heads.iter().cloned().collect();
        assert_eq!(of_reference, of_document);
        assert_eq!(heads.len(), of_reference.len(), "one of them is there twice");
    }

    #[test]
    fn the_examples_of_the_reference_are_right() {
        let sections: Vec<_> = REFERENCE.split("\n### `").skip(1).collect();
        for section in &sections {
            let (head, text) = section.split_once("`\n").unwrap();
            let (method, path) = head.split_once(' ').unwrap();
            // As `live` and whatever destination.
            let parts: Vec<_> =
                path.split('{').map(|part| part.split_once('}').map_or(part, |(_, rest)| rest)).collect();
            let commands: String = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
            assert!(parts.iter().all(|part| commands.contains(part)), "{head} is not called: {commands}");
            let is_said = match method {
                "GET" => !commands.contains(" -X "),
                "POST" if commands.contains("--json") => true,
                method => commands.contains(&format!("-X {method} ")),
            };
            assert!(is_said, "{head} is called in another way: {commands}");
        }
        let answers: Vec<_> =
            REFERENCE.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert!(answers.len() > sections.len() / 2);
        for answer in answers {
            let answer = serde_json::from_str::<Value>(answer);
            assert!(answer.is_ok(), "{answer:?}");
        }
    }

    #[test]
    fn a_list_is_cut_into_parts_that_leave_nothing_out() {
        let names: Vec<String> = (0..250).map(|number| format!("{number:03}")).collect();
        let part = |after: Option<&str>, limit| {
            let part = Part { after: after.map(str::to_owned), limit };
            part.of(&names, String::as_str, Clone::clone)
        };
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = part(after.as_deref(), None);
            seen.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, names);
        assert_eq!(part(None, Some(0)).items.len(), 1);
        assert_eq!(part(None, Some(usize::MAX)).items.len(), 250);
        assert_eq!(part(Some("249"), None).items.len(), 0);
        assert_eq!(part(Some("gone"), Some(1)).items, ["000"]);
    }
}

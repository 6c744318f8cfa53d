//! The page that a streamer looks at. It is a few files of this program, which ask for nothing outside of it; what it shows
//! comes from the API, and what is done there goes through it.

use axum::{
    Router,
    http::{
        HeaderName, HeaderValue,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    },
    response::Response,
    routing::get,
};

/// What a browser is told with every answer. Nothing runs or is fetched but what this program serves; no text can become
/// markup; nobody may put the page into a frame of theirs (a browser dock of OBS is none); nothing is kept, so that a page is
/// never older than the program.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
             frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; \
             trusted-types 'none'",
        ),
    ),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Names files that are part of the program, each served by its own name.
macro_rules! files {
    ($($name:literal)*) => { &[$((concat!("/", $name), include_str!(concat!("dashboard/", $name)))),*] };
}

const STYLES: &[(&str, &str)] = files!["dashboard.css" "controls.css" "events.css"];

/// The first one is the page's own; it imports the others.
const SCRIPTS: &[(&str, &str)] = files![
    "dashboard.js" "actions.js" "add.js" "api.js" "configuration.js" "copy.js" "destination.js" "dialog.js" "dom.js"
    "events.js" "figures.js" "form.js" "listeners.js" "orders.js" "platforms.js" "preflight.js" "setup.js" "states.js"
    "stream.js" "streamkey.js" "target.js" "toasts.js" "token.js" "words.js"
];

/// The page at `/`, its styles and its scripts.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let file = |kind: &'static str, text: &'static str| get(move || async move { ([(CONTENT_TYPE, kind)], text) });
    let page = file("text/html; charset=utf-8", include_str!("dashboard/index.html"));
    let styles = STYLES.iter().map(|(path, text)| (*path, file("text/css; charset=utf-8", text)));
    let scripts = SCRIPTS.iter().map(|(path, text)| (*path, file("text/javascript; charset=utf-8", text)));
    styles.chain(scripts).fold(Router::new().route("/", page), |router, (path, answer)| router.route(path, answer))
}

/// Adds the headers of every answer that a browser may show.
pub async fn harden(mut answer: Response) -> Response {
    answer.headers_mut().extend(HEADERS);
    answer
}

//! Who may ask the control API what: every route against no, a wrong and the right token; foreign pages; bodies that are none.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::Value;

use crate::support::relay::Relay;
use crate::support::{http, secret, wait};

/// Every route of the document, with names in it that nobody has.
fn routes(document: &Value) -> Vec<(String, String)> {
    let paths = document["paths"].as_object().expect("the document lists paths");
    let mut routes = vec![("GET".to_owned(), "/api/openapi.json".to_owned())];
    for (path, methods) in paths {
        let path = path.replace("{stream}", "nobody").replace("{destination}", "nobody");
        for method in methods.as_object().expect("a path lists methods").keys() {
            if ["get", "post", "patch", "delete", "put"].contains(&method.as_str()) {
                routes.push((method.to_uppercase(), path.clone()));
            }
        }
    }
    // The relay stops after this one.
    routes.sort_by_key(|(_, path)| path == "/api/drain");
    routes
}

#[test]
fn on_an_address_that_others_reach_each_route_asks_for_the_token() {
    let mut relay = Relay::new();
    relay.listen_for_http_everywhere();
    relay.start();
    let port = relay.http_port();
    let file = relay.folder().join("state/http-token");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let token = fs::read_to_string(file).unwrap().trim().to_owned();
    assert!(token.len() >= 32);
    relay.keep_secret(&token);
    assert!(relay.log().contains("it asks for a token, which is in the file"));

    let right = format!("Bearer {token}");
    let document = http::request(port, "GET", "/api/openapi.json", &[("Authorization", &right)], "").json();
    let routes = routes(&document);
    assert!(routes.len() >= 20, "{routes:?}");
    let shown = [None, Some("Bearer wrong".to_owned()), Some(format!("Bearer {}", secret::new("token"))), Some(right)];
    for (method, path) in &routes {
        for (index, shown) in shown.iter().enumerate() {
            let is_right = index == 3;
            if !is_right || path != "/api/events/stream" {
                let mut headers = vec![("Content-Type", "application/json")];
                headers.extend(shown.as_deref().map(|shown| ("Authorization", shown)));
                let answer = http::request(port, method, path, &headers, if method == "GET" { "" } else { "{}" });
                assert_eq!(answer.status == 401, !is_right, "{method} {path} with {index}: {}", answer.body);
                assert!(!answer.body.contains(&token));
                if !is_right {
                    assert!(answer.head.to_lowercase().contains("www-authenticate: bearer"), "{}", answer.head);
                }
            }
        }
    }
    // What anybody may have: the page, which says nothing, and what machines look at.
    wait::until("the relay to have drained", Duration::from_secs(10), || {
        http::get(port, "/healthz").is_none().then_some(())
    });
}

#[test]
fn what_anybody_may_have_there_says_nothing_that_is_theirs_alone() {
    let mut relay = Relay::new();
    relay.listen_for_http_everywhere();
    let sink = crate::support::wire::Sink::start();
    relay.destination("of-mine", &sink.url(), "");
    let token = secret::new("token");
    relay.environment("FORKCAST_HTTP_TOKEN", &token);
    relay.keep_secret(&token);
    relay.start();
    assert!(!relay.folder().join("state/http-token").exists(), "none is made where one is given");
    for path in ["/", "/dashboard.js", "/dashboard.css", "/healthz"] {
        let (status, body) = http::get(relay.http_port(), path).unwrap();
        assert_eq!(status, 200, "{path}");
        assert!(!body.contains("of-mine"), "{path}");
    }
    let (status, _) = http::get(relay.http_port(), "/api/status").unwrap();
    assert_eq!(status, 401);
    let bearer = format!("Bearer {token}");
    let answer = http::request(relay.http_port(), "GET", "/api/status", &[("Authorization", &bearer)], "");
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("of-mine"));
}

#[test]
fn what_changes_something_comes_from_a_page_of_ours_or_from_none() {
    let mut relay = Relay::new();
    relay.start();
    let port = relay.http_port();
    let own = format!("http://127.0.0.1:{port}");
    let reload = |headers: &[(&str, &str)]| http::request(port, "POST", "/api/reload", headers, "").status;
    assert_eq!(reload(&[]), 200);
    assert_eq!(reload(&[("Origin", &own)]), 200);
    assert_eq!(reload(&[("Origin", &own), ("Sec-Fetch-Site", "same-origin")]), 200);
    for foreign in ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost"] {
        assert_eq!(reload(&[("Origin", foreign)]), 403, "{foreign}");
    }
    assert_eq!(reload(&[("Sec-Fetch-Site", "cross-site")]), 403);
    assert_eq!(reload(&[("Host", "evil.example")]), 403, "a name that was bound to this machine");
    assert_eq!(reload(&[("Host", "evil.example"), ("Origin", "http://evil.example")]), 403);
}

#[test]
fn bodies_that_are_none() {
    let mut relay = Relay::new();
    relay.start();
    let port = relay.http_port();
    let json = ("Content-Type", "application/json");
    let add = |headers: &[(&str, &str)], body: &str| {
        let answer = http::request(port, "POST", "/api/streams/live/destinations", headers, body);
        (answer.status, answer.body)
    };
    let key = secret::new("in-a-body");
    relay.keep_secret(&key);
    let good = format!("{{\"platform\": \"twitch\", \"key\": \"{key}\"");
    assert_eq!(add(&[("Content-Type", "text/plain")], &format!("{good}}}")).0, 415);
    assert_eq!(add(&[], &format!("{good}}}")).0, 415);
    let (status, body) = add(&[json], &good);
    assert_eq!(status, 400);
    assert!(body.contains("line 1") && !body.contains(&key), "{body}");
    let (status, body) = add(&[json], &format!("{{\"name\": [\"{key}\"]}}"));
    assert_eq!(status, 400);
    assert!(!body.contains(&key), "{body}");
    let (status, _) = add(&[json], &format!("{good}, \"more\": \"{}\"}}", "x".repeat(100 << 10)));
    assert_eq!(status, 413);
    let (status, body) = add(&[json], &format!("{good}, \"{}\": 1}}", "[".repeat(1000)));
    assert!(status == 422 && !body.contains(&key), "{status} {body}");
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(500), "]".repeat(500));
    assert_eq!(add(&[json], &deep).0, 400);
    assert_eq!(fs::read_dir(relay.folder().join("destinations")).unwrap().count(), 0, "nothing was written");
}

#[test]
fn the_document_names_each_route_and_what_it_takes() {
    let mut relay = Relay::new();
    relay.start();
    let document: Value = serde_json::from_str(&http::get(relay.http_port(), "/api/openapi.json").unwrap().1).unwrap();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")), "{}", document["openapi"]);
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let is_described = operation["summary"].as_str().or(operation["description"].as_str()).is_some();
            assert!(is_described, "{method} {path} says what it does");
            assert!(
                operation["responses"].as_object().is_some_and(|responses| !responses.is_empty()),
                "{method} {path}"
            );
        }
    }
}

#[test]
fn queries_that_make_no_sense_are_told_in_the_same_form_as_anything_else() {
    let mut relay = Relay::new();
    relay.start();
    for (path, word) in [
        ("/api/streams?limit=many", "limit"),
        ("/api/streams?page=2", "page"),
        ("/api/streams/live/destinations?limit=-1", "limit"),
        ("/api/events?limit=many", "limit"),
        ("/api/events?severity=awful", "severity"),
        ("/api/events/stream?after=x", "after"),
    ] {
        let answer = http::request(relay.http_port(), "GET", path, &[], "");
        assert_eq!(answer.status, 400, "{path}");
        let error = answer.json()["error"].as_str().expect("it is an answer of the API").to_owned();
        assert!(error.contains(word) && error.contains("/api/openapi.json"), "{error}");
    }
}

//! By which name a request came. A stranger's page can give its own name the address of this machine (DNS rebinding), and the
//! browser that shows it then reads what is served here as if it were the page's own: on a loopback address, where everybody
//! who may ask sits at this machine, only this machine's own names are answered.

use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    http::{StatusCode, header::HOST, uri::Authority},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::answer;

const REFUSAL: &str = "forkcast answers here only to `localhost` and addresses of this machine such as 127.0.0.1\n\
                       hint: open the page by one of those; from another machine `ssh -L 8080:127.0.0.1:8080 HOST` brings it there, or \
                       `--http 0.0.0.0:8080`, which asks for a token\n";

/// Lets a request pass that came by a name of the listener's own.
pub async fn check(State(listener): State<IpAddr>, request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    if is_own(host.unwrap_or_default(), listener) {
        next.run(request).await
    } else if request.uri().path().starts_with("/api/") {
        answer::refusal(StatusCode::FORBIDDEN, REFUSAL.trim()).into_response()
    } else {
        (StatusCode::FORBIDDEN, REFUSAL).into_response()
    }
}

/// Any port will do: forwarded ones have other numbers, and what a rebound name cannot change is the name. On an address that
/// others can reach, nobody here knows by which names they do.
fn is_own(host: &str, listener: IpAddr) -> bool {
    if !listener.to_canonical().is_loopback() {
        return true;
    }
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback() || address == listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_listener_answers_to() {
        let table = [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1:8080", "127.0.0.1", true),
            ("localhost:9000", "127.0.0.1", true),
            ("LocalHost", "::1", true),
            ("[::1]:8080", "::1", true),
            ("[::1]", "127.0.0.1", true),
            ("127.0.0.2:8080", "127.0.0.2", true),
            ("", "127.0.0.1", false),
            ("evil.example:8080", "127.0.0.1", false),
            ("localhost.evil.example", "127.0.0.1", false),
            ("127.0.0.1.evil.example", "::1", false),
            ("192.0.2.1:8080", "127.0.0.1", false),
            ("0.0.0.0:8080", "127.0.0.1", false),
            ("local host", "127.0.0.1", false),
            ("anything.example", "0.0.0.0", true),
            ("", "192.0.2.1", true),
        ];
        for (host, listener, expected) in table {
            assert_eq!(is_own(host, listener.parse().unwrap()), expected, "`{host}` at {listener}");
        }
    }
}

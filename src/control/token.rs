//! Who may ask: on a loopback address everybody who sits at this machine, elsewhere whoever shows the token.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::answer;

const REFUSAL: &str = "this address answers only to whoever shows its token, in the header `Authorization: Bearer TOKEN`; \
                       forkcast said at its start where the token is";

/// The token of a listener, kept as its digest; without one everybody may ask.
#[derive(Clone, Copy, Debug, Default)]
pub struct Guard(Option<Digest>);

#[derive(Clone, Copy)]
struct Digest([u8; 32]);

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest(…)")
    }
}

impl Guard {
    /// Lets pass whoever shows this token.
    #[must_use]
    pub fn of(token: &SecretString) -> Self {
        Self(Some(Digest(Sha256::digest(token.expose_secret().as_bytes()).into())))
    }

    /// Whether somebody with these headers may ask. Takes as long whatever was shown.
    fn admits(self, headers: &HeaderMap) -> bool {
        let Some(Digest(expected)) = self.0 else { return true };
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // The scheme is not told apart by case (RFC 9110, section 11.1).
        let token = match shown.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => "",
        };
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        digest.ct_eq(&expected).into()
    }
}

/// Lets a request pass that may.
pub async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    if guard.admits(request.headers()) {
        return next.run(request).await;
    }
    let mut refusal = answer::refusal(StatusCode::UNAUTHORIZED, REFUSAL).into_response();
    refusal.headers_mut().insert("www-authenticate", axum::http::HeaderValue::from_static("Bearer realm=\"forkcast\""));
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_and_nothing_else() {
        let guard = Guard::of(&"the right token".into());
        let admits = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            guard.admits(&headers)
        };
        for (value, expected) in [
            ("Bearer the right token", true),
            ("bearer the right token", true),
            ("BEARER  the right token ", true),
            ("Bearer the right toke", false),
            ("Bearer the right token2", false),
            ("Bearer ", false),
            ("Bearer", false),
            ("Basic the right token", false),
            ("the right token", false),
        ] {
            assert_eq!(admits(value), expected, "{value}");
        }
        assert!(!guard.admits(&HeaderMap::new()));
        assert!(Guard::default().admits(&HeaderMap::new()), "where no token is needed");
        assert!(!format!("{guard:?}").contains("token"));
    }
}

//! Where a server sends its publishers: a refused `connect` with code 302 names another tcUrl.

use zeroize::Zeroizing;

use super::failure::{Failure, Stage};
use crate::{
    net::Endpoint,
    rtmp::url::{Scheme, ServerUrl},
};

/// Redirects in a row that are followed. More is a circle.
pub const HOPS: u32 = 3;

/// The server that `present` names with `to`, which is a whole URL or a path on the same server, after `hops` redirects
/// before this one.
///
/// # Errors
/// Where it is one too many, no RTMP URL, or would give up TLS: a key that was to be sent encrypted is never sent plain.
pub fn follow(present: &ServerUrl, to: &str, hops: u32) -> Result<ServerUrl, Failure> {
    let endpoint = Endpoint::new(present.host(), present.port());
    let refused = |why: &str| Failure::redirected_badly(&endpoint, Stage::RtmpConnect, why);
    if hops >= HOPS {
        return Err(refused("it is the fourth redirect in a row"));
    }
    let absolute = Zeroizing::new(if to.contains("://") { to.to_owned() } else { beside(present, to) });
    let next: ServerUrl = absolute.parse().map_err(|_| refused("what it names is no RTMP server"))?;
    if present.scheme() == Scheme::Rtmps && next.scheme() == Scheme::Rtmp {
        return Err(refused("it names a server without TLS, which would show the key to anyone on the path"));
    }
    Ok(next)
}

/// A path on the same server.
fn beside(present: &ServerUrl, path: &str) -> String {
    let scheme = match present.scheme() {
        Scheme::Rtmp => "rtmp",
        Scheme::Rtmps => "rtmps",
    };
    let host = if present.host().contains(':') { format!("[{}]", present.host()) } else { present.host().to_owned() };
    format!("{scheme}://{host}:{}/{}", present.port(), path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_leads() {
        let table = [
            ("rtmp://a.example/live", "rtmp://b.example:1936/live", Some(("b.example", 1936, "live"))),
            ("rtmp://a.example/live", "rtmps://b.example/x", Some(("b.example", 443, "x"))),
            ("rtmp://a.example:1940/live", "/other", Some(("a.example", 1940, "other"))),
            ("rtmps://[::1]:444/live", "other?a=b", Some(("::1", 444, "other?a=b"))),
            ("rtmps://a.example/live", "rtmp://b.example/live", None),
            ("rtmp://a.example/live", "http://b.example/live", None),
        ];
        for (present, to, expected) in table {
            let followed = follow(&present.parse().unwrap(), to, 0).ok();
            let found =
                followed.as_ref().map(|url| (url.host().trim_matches(['[', ']']), url.port(), url.expose_app()));
            assert_eq!(found, expected, "{present} -> {to}");
        }
    }

    #[test]
    fn the_fourth_in_a_row_is_a_circle() {
        let present: ServerUrl = "rtmp://a.example/live".parse().unwrap();
        assert!((0..3).all(|hops| follow(&present, "/live", hops).is_ok()));
        assert!(follow(&present, "/live", 3).unwrap_err().message.contains("fourth"));
    }
}

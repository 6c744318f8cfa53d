//! The URL of a program that is asked or told something over HTTP.

use url::{Host, Url};

/// What is wrong with such a URL, and what to do. `field` is where it stands, and `cargo` what would cross the network in the
/// clear.
pub(super) fn objection(field: &str, url: &str, cargo: &str) -> Option<(String, &'static str)> {
    let Some(url) = Url::parse(url).ok().filter(Url::has_host) else {
        return Some((format!("`{field}` is not a URL"), "write `url = \"https://…\"`, with the host"));
    };
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => None,
        "http" if is_here => None,
        "http" => Some((
            format!("`{field}` is not encrypted: {cargo} would cross the network in the clear"),
            "write https://; plain http:// is for this machine alone, 127.0.0.1 or localhost",
        )),
        _ => Some((format!("`{field}` is not HTTP"), "write `url = \"https://…\"`")),
    }
}

//! What the relay's own listeners make of its streams: destinations whose URL is one of them, and a stream that wants TLS where
//! there is none.
//!
//! Of a URL only what it says literally is seen here; whatever else leads back is found when it connects.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{
    Activation, Config, Origin, ServeOptions,
    problem::{Place, Problem, Severity},
};
use crate::rtmp::url::ServerUrl;

impl Config {
    /// Warns of each destination that is the relay itself, as it listens by `options`, and of each stream to which nobody can
    /// come that way.
    pub fn note_own_listeners(&mut self, options: &ServeOptions) {
        // `forkcast.toml` may name variables too.
        self.problems.retain(|problem| match &problem.place {
            Place::Environment(name) => problem.is_mistake() || !options.named_variables.contains(name),
            _ => true,
        });
        if options.rtmps.is_none() {
            self.note_missing_tls();
        }
        let listeners = [options.rtmp, options.rtmps.as_ref().map(|rtmps| rtmps.address)];
        for destination in self.streams.iter().flat_map(|stream| &stream.destinations) {
            let Activation::On(settings) = &destination.activation else { continue };
            let backup = settings.backup.as_ref().map(|backup| ("backup_url", &backup.url));
            for (field, url) in [("url", &settings.url)].into_iter().chain(backup) {
                let Some(listener) = listeners.into_iter().flatten().find(|listener| leads_to(url, *listener)) else {
                    continue;
                };
                self.problems.push(Problem {
                    severity: Severity::Warning,
                    place: Place::File(destination.file.clone()),
                    field: Some(field.to_owned()),
                    message: format!("`{field}` is this relay itself, which listens on {listener}"),
                    excerpt: None,
                    hint: format!("change `{field}`: a stream that runs in a circle is refused"),
                });
            }
        }
    }
}

impl Config {
    fn note_missing_tls(&mut self) {
        for stream in self.streams.iter().filter(|stream| stream.access.require_tls) {
            let origin = stream.settings.iter().find(|line| line.field == "require_tls").map(|line| &line.origin);
            let place = match origin {
                Some(Origin::File { file, .. }) => Place::File(file.clone()),
                _ => Place::Settings,
            };
            let message =
                format!("nobody can publish stream `{}`: it takes RTMPS only, and there is no RTMPS here", stream.name);
            let hint = "give `--tls-cert FILE --tls-key FILE`, or take `require_tls` out".to_owned();
            let (severity, field) = (Severity::Warning, Some("require_tls".to_owned()));
            self.problems.push(Problem { severity, place, field, message, excerpt: None, hint });
        }
    }
}

fn leads_to(url: &ServerUrl, listener: SocketAddr) -> bool {
    let is_there =
        |address: IpAddr| address.is_loopback() && (listener.ip().is_unspecified() || listener.ip() == address);
    url.port() == listener.port()
        && match url.host() {
            "localhost" => is_there(Ipv4Addr::LOCALHOST.into()) || is_there(Ipv6Addr::LOCALHOST.into()),
            host => host.parse().is_ok_and(is_there),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_url_says_literally() {
        let table = [
            ("rtmp://127.0.0.1/live", "0.0.0.0:1935", true),
            ("rtmp://localhost/live", "[::]:1935", true),
            ("rtmps://localhost:444/live", "127.0.0.1:444", true),
            ("rtmp://LOCALHOST/live", "[::1]:1935", true),
            ("rtmp://[::1]/live", "[::1]:1935", true),
            ("rtmp://127.0.0.2/live", "0.0.0.0:1935", true),
            ("rtmp://127.0.0.2/live", "127.0.0.1:1935", false),
            ("rtmp://[::1]/live", "127.0.0.1:1935", false),
            ("rtmp://127.0.0.1:1936/live", "0.0.0.0:1935", false),
            ("rtmp://192.0.2.1/live", "0.0.0.0:1935", false),
            ("rtmp://localhost.example/live", "0.0.0.0:1935", false),
        ];
        for (url, listener, expected) in table {
            assert_eq!(leads_to(&url.parse().unwrap(), listener.parse().unwrap()), expected, "{url} on {listener}");
        }
    }
}

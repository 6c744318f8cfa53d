//! The URL of an RTMP server, as a platform shows it and a person pastes it: `rtmp(s)://HOST[:PORT][/APP[?QUERY]]`.
//!
//! Path and query together are the app, byte for byte: no decoding, no dots resolved, no key guessed from the last
//! segment. Some platforms give a URL per event, so the app is a secret: it is exposed by name, never printed.

use std::fmt;
use std::str::FromStr;

use secrecy::ExposeSecret as _;
use url::Host;

use super::secret::SecretText;

/// The URL of a server, without a stream key. `Display` and `Debug` end at the port.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    scheme: Scheme,
    host: String,
    port: u16,
    app: SecretText,
    tc_url: SecretText,
}

/// How the connection is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain TCP.
    Rtmp,
    /// RTMP inside TLS.
    Rtmps,
}

impl Scheme {
    /// As it is written in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rtmp => "rtmp",
            Self::Rtmps => "rtmps",
        }
    }

    /// The port of a URL that names none.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Rtmp => 1935,
            Self::Rtmps => 443,
        }
    }
}

/// Why a text is not the URL of an RTMP server: one sentence, with what to do. It never repeats the path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing, or white space.
    #[error("the server URL is empty: copy it from the platform's stream settings, it begins with rtmps:// or rtmp://")]
    Empty,
    /// White space or a control character in the middle.
    #[error("the server URL has a space or line break in it: give the URL alone, with the stream key in its own field")]
    Space,
    /// No `://`.
    #[error("the server URL has no scheme: put rtmps:// (or rtmp://, where the platform has no TLS) in front of it")]
    NoScheme,
    /// `http` or `https`.
    #[error(
        "{0}:// is the address of a web page: copy the server URL of the platform's stream settings, it begins with rtmps:// or rtmp://"
    )]
    WebPage(&'static str),
    /// RTMP inside HTTP, or RTMP's own encryption.
    #[error(
        "{0}:// is an old form of RTMP that is not supported: write rtmps:// where the server has TLS, else rtmp://"
    )]
    OldForm(&'static str),
    /// Any other scheme.
    #[error(
        "the scheme of the server URL is not RTMP (srt://, whip:// and others are not supported): it must begin with rtmps:// or rtmp://"
    )]
    OtherScheme,
    /// `user:password@host`.
    #[error(
        "the server URL has a user name in front of the host, which is not supported: remove all up to and with the `@`"
    )]
    UserInfo,
    /// Nothing between `://` and the path.
    #[error("the server URL has no host: write it after the scheme, as in rtmps://live.example.com/app")]
    NoHost,
    /// A host that cannot be one.
    #[error(
        "the host of the server URL is not a valid name or address: check it for typing mistakes (IPv6 addresses stand in brackets, as in rtmp://[2001:db8::1]/app)"
    )]
    Host,
    /// A port that is not a number from 1 to 65535.
    #[error(
        "the port of the server URL is not a number from 1 to 65535: correct it, or leave it out with its colon for the usual one (1935 for rtmp, 443 for rtmps)"
    )]
    Port,
}

impl ServerUrl {
    /// How the connection is secured.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The name or address to connect to, and to verify in TLS. An IPv6 address stands without brackets, an
    /// international name in its ASCII form.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port, the scheme's own where the URL names none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `app` of `connect`: path and query without the first and one last `/`. May be empty: some platforms have no path.
    pub fn expose_app(&self) -> &str {
        self.app.expose_secret()
    }

    /// `tcUrl` of `connect`: the URL as it was typed, without white space around it.
    pub fn expose_tc_url(&self) -> &str {
        self.tc_url.expose_secret()
    }
}

impl FromStr for ServerUrl {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseError::Empty);
        }
        if text.chars().any(|character| character.is_whitespace() || character.is_control()) {
            return Err(ParseError::Space);
        }
        let (scheme, rest) = text.split_once("://").ok_or(ParseError::NoScheme)?;
        let scheme = parse_scheme(scheme)?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (host, port) = parse_authority(authority)?;
        let app = path.strip_prefix('/').unwrap_or(path);
        Ok(Self {
            scheme,
            host,
            port: port.unwrap_or(scheme.default_port()),
            app: app.strip_suffix('/').unwrap_or(app).into(),
            tc_url: text.into(),
        })
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme.as_str();
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}/…", self.host, self.port)
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerUrl({self})")
    }
}

fn parse_scheme(scheme: &str) -> Result<Scheme, ParseError> {
    match scheme.to_ascii_lowercase().as_str() {
        "rtmp" => Ok(Scheme::Rtmp),
        "rtmps" => Ok(Scheme::Rtmps),
        "http" => Err(ParseError::WebPage("http")),
        "https" => Err(ParseError::WebPage("https")),
        "rtmpt" => Err(ParseError::OldForm("rtmpt")),
        "rtmpts" => Err(ParseError::OldForm("rtmpts")),
        "rtmpe" => Err(ParseError::OldForm("rtmpe")),
        "rtmpte" => Err(ParseError::OldForm("rtmpte")),
        "" => Err(ParseError::NoScheme),
        _ => Err(ParseError::OtherScheme),
    }
}

/// Host and port. The host goes through the `url` crate's rules for web addresses (international names, IPv4, IPv6);
/// the rest of that crate would rewrite the path of a scheme it does not know, so it does not see it.
fn parse_authority(authority: &str) -> Result<(String, Option<u16>), ParseError> {
    if authority.contains('@') {
        return Err(ParseError::UserInfo);
    }
    let (host, port) = match authority.rsplit_once(':') {
        // The colons of an IPv6 address stand inside brackets.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if host.is_empty() {
        return Err(ParseError::NoHost);
    }
    let host = match Host::parse(host).map_err(|_| ParseError::Host)? {
        Host::Domain(name) => name,
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    Ok((host, port.map(parse_port).transpose()?))
}

/// `parse` alone would take a sign.
fn parse_port(port: &str) -> Result<u16, ParseError> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|port| digits && *port != 0);
    port.ok_or(ParseError::Port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ServerUrl {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn urls_of_platforms() {
        use Scheme::{Rtmp, Rtmps};
        let long_app = "x".repeat(4096);
        let long = format!("rtmp://h/{long_app}");
        let table = [
            ("rtmp://a.rtmp.youtube.com/live2", Rtmp, "a.rtmp.youtube.com", 1935, "live2"),
            ("rtmps://a.rtmps.youtube.com:443/live2", Rtmps, "a.rtmps.youtube.com", 443, "live2"),
            ("rtmp://b.rtmp.youtube.com/live2?backup=1", Rtmp, "b.rtmp.youtube.com", 1935, "live2?backup=1"),
            ("rtmps://live-api-s.facebook.com:443/rtmp/", Rtmps, "live-api-s.facebook.com", 443, "rtmp"),
            // Kick's has no path.
            ("rtmps://fa7.global-contribute.live-video.net", Rtmps, "fa7.global-contribute.live-video.net", 443, ""),
            (
                "rtmps://fa7.global-contribute.live-video.net:443/",
                Rtmps,
                "fa7.global-contribute.live-video.net",
                443,
                "",
            ),
            // LinkedIn's and Teams' look as if they ended in a key, and do not.
            (
                "rtmps://x.channel.media.azure.net:2935/live/0a1b2c",
                Rtmps,
                "x.channel.media.azure.net",
                2935,
                "live/0a1b2c",
            ),
            ("rtmp://h/app/instance//", Rtmp, "h", 1935, "app/instance/"),
            ("rtmp://h//app", Rtmp, "h", 1935, "/app"),
            ("rtmp://h/a/../b%20c/./d#e", Rtmp, "h", 1935, "a/../b%20c/./d#e"),
            ("rtmp://h?token=1", Rtmp, "h", 1935, "?token=1"),
            ("  RTMPS://Live.Example.COM/App \n", Rtmps, "live.example.com", 443, "App"),
            ("rtmp://192.0.2.7:19350/live", Rtmp, "192.0.2.7", 19350, "live"),
            ("rtmp://[2001:DB8::1]/live", Rtmp, "2001:db8::1", 1935, "live"),
            ("rtmps://[::1]:1936/live", Rtmps, "::1", 1936, "live"),
            ("rtmp://stream_1.example/live", Rtmp, "stream_1.example", 1935, "live"),
            ("rtmp://b\u{fc}cher.example/live", Rtmp, "xn--bcher-kva.example", 1935, "live"),
            (long.as_str(), Rtmp, "h", 1935, long_app.as_str()),
        ];
        for (text, scheme, host, port, app) in table {
            let url = parse(text);
            let parts = (url.scheme(), url.host(), url.port(), url.expose_app());
            assert_eq!(parts, (scheme, host, port, app), "{text}");
            assert_eq!(url.expose_tc_url(), text.trim());
        }
    }

    #[test]
    fn mistakes() {
        use ParseError as E;
        let table = [
            ("", E::Empty),
            (" \t\n", E::Empty),
            ("live.example.com/app", E::NoScheme),
            ("://live.example.com/app", E::NoScheme),
            ("live_1234", E::NoScheme),
            ("http://live.example.com/app", E::WebPage("http")),
            ("HTTPS://studio.youtube.com", E::WebPage("https")),
            ("rtmpt://h/app", E::OldForm("rtmpt")),
            ("rtmpe://h/app", E::OldForm("rtmpe")),
            ("srt://h:9999", E::OtherScheme),
            ("rtmp:///app", E::NoHost),
            ("rtmp://", E::NoHost),
            ("rtmp://:1935/app", E::NoHost),
            ("rtmp://user:password@h/app", E::UserInfo),
            ("rtmp://user@h/app", E::UserInfo),
            ("rtmp://h:0/app", E::Port),
            ("rtmp://h:/app", E::Port),
            ("rtmp://h:65536/app", E::Port),
            ("rtmp://h:+80/app", E::Port),
            ("rtmp://h:port/app", E::Port),
            ("rtmp://2001:db8::1/app", E::Host),
            ("rtmp://[2001:db8::1/app", E::Host),
            ("rtmp://[::1]x/app", E::Host),
            ("rtmp://ho<st/app", E::Host),
            ("rtmp://h/app key", E::Space),
            ("rtmp://h/app\nkey", E::Space),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<ServerUrl>(), Err(error), "{text}");
        }
    }

    #[test]
    fn printing_ends_at_the_port() {
        let url = parse("rtmps://h.example/secret?secret=1");
        assert_eq!(url.to_string(), "rtmps://h.example:443/…");
        assert!(!format!("{url:?} {url:#?}").contains("secret"));
        assert_eq!(parse("rtmp://[::1]/a").to_string(), "rtmp://[::1]:1935/…");
    }

    #[test]
    fn every_mistake_is_one_sentence_with_a_remedy() {
        for text in ["", "h/secret", "srt://h/secret", "rtmp://h:0/secret", "rtmp://u@h/secret", "rtmp:///secret"] {
            let message = text.parse::<ServerUrl>().expect_err("wrong").to_string();
            assert!(message.contains(": ") && !message.ends_with('.') && !message.contains("secret"), "{message}");
        }
    }
}

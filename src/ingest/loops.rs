//! Streams that come back: a destination may be this relay itself, or lead back to it through others.
//!
//! Each relay says in `connect` by which relays its stream has come. Whoever finds itself among them would send the stream
//! round and round, and refuses it.

use std::fmt;

use secrecy::ExposeSecret as _;

use crate::{
    net::peer_text,
    rtmp::{
        command::hops,
        limits::RELAY_HOPS,
        server::{Connected, Refusal},
        url::ServerUrl,
    },
};

/// The id of a running relay: 16 hex digits, made at random at each start. No secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayId(String);

/// A stream that is not to be taken, by what its publisher says of its way. `Display` says it for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loop {
    fault: Fault,
    /// The URL that the publisher has for this relay; `None` where it has none that can be read.
    url: Option<ServerUrl>,
}

/// What is wrong with a stream's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It has passed this relay before, and so many others since.
    Circle { others: usize },
    /// It has passed as many relays as one may.
    TooLong,
}

impl RelayId {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        // Without random bytes no session is served: then this id is of no use, and does no harm.
        Self(format!("{:016x}", getrandom::u64().unwrap_or_default()))
    }

    /// The way of a publisher's stream up to and with this relay.
    ///
    /// # Errors
    /// Where the stream is not to be taken.
    pub fn pass(&self, connected: &Connected) -> Result<Vec<String>, Loop> {
        let hops = &connected.relay_hops;
        let before = hops.iter().rposition(|id| *id == self.0);
        let fault = match before {
            Some(before) => Fault::Circle { others: hops.len() - before - 1 },
            None if hops.len() >= RELAY_HOPS => Fault::TooLong,
            None => return Ok(hops.iter().chain([&self.0]).cloned().collect()),
        };
        Err(Loop { fault, url: connected.tc_url.expose_secret().parse().ok() })
    }
}

impl Loop {
    /// What the publisher is told. It is a relay: its destination's status shows it.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let description = match self.fault {
            Fault::Circle { .. } => format!("{}: this stream has passed this relay before", hops::LOOP),
            Fault::TooLong => format!("{}: this stream has passed {RELAY_HOPS} before this one", hops::TOO_MANY),
        };
        Refusal { code: Refusal::REJECTED, description }
    }
}

impl fmt::Display for Loop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let here = match &self.url {
            Some(url) => format!("`{}`", peer_text::printable(&url.to_string())),
            None => "this relay".to_owned(),
        };
        match self.fault {
            Fault::Circle { others: 0 } => {
                write!(f, "a destination of this relay sends back to {here}: the stream would run in a circle")
            }
            Fault::Circle { others: 1 } => {
                write!(f, "it sends this relay's own stream back to {here}: the stream would run in a circle")
            }
            Fault::Circle { others } => write!(
                f,
                "it sends this relay's own stream back to {here}, after {others} relays: the stream would run in a circle"
            ),
            Fault::TooLong => {
                write!(f, "it sends a stream that has passed {RELAY_HOPS} relays to {here}: no more are taken")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtmp::command::Capabilities;

    fn by_way_of(hops: &[&str]) -> Connected {
        Connected {
            app: "live".into(),
            tc_url: "rtmp://relay.example/secret".into(),
            flash_ver: String::new(),
            capabilities: Capabilities::default(),
            relay_hops: hops.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn the_way_grows_or_is_a_circle() {
        let own = RelayId("own".to_owned());
        let sixteen = [&["a"; 15][..], &["own"]].concat();
        let table: [(&[&str], Result<&[&str], Fault>); 8] = [
            (&[], Ok(&["own"])),
            (&["a", "b"], Ok(&["a", "b", "own"])),
            (&["Own", "own1", "ow"], Ok(&["Own", "own1", "ow", "own"])),
            (&["own"], Err(Fault::Circle { others: 0 })),
            (&["own", "a"], Err(Fault::Circle { others: 1 })),
            (&["x", "own", "a", "own", "b", "c"], Err(Fault::Circle { others: 2 })),
            (&["a"; 16], Err(Fault::TooLong)),
            (&sixteen, Err(Fault::Circle { others: 0 })),
        ];
        for (hops, expected) in table {
            let passed = own.pass(&by_way_of(hops));
            let expected = expected.map(|hops| hops.iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(passed.map_err(|refused| refused.fault), expected, "{hops:?}");
        }
        assert_eq!(own.pass(&by_way_of(&["a"; 15])).map(|hops| hops.len()), Ok(16), "the sixteenth in a row");
    }

    #[test]
    fn who_refuses_knows_by_which_url_it_was_found() {
        let said = |connected: &Connected| RelayId("own".to_owned()).pass(connected).unwrap_err().to_string();
        let table: [(&[&str], &str); 4] = [
            (
                &["own"],
                "a destination of this relay sends back to `rtmp://relay.example:1935/…`: the stream would run in a circle",
            ),
            (
                &["own", "a"],
                "it sends this relay's own stream back to `rtmp://relay.example:1935/…`: the stream would run in a circle",
            ),
            (
                &["own", "a", "b"],
                "it sends this relay's own stream back to `rtmp://relay.example:1935/…`, after 2 relays: the stream would run \
                 in a circle",
            ),
            (
                &["a"; 16],
                "it sends a stream that has passed 16 relays to `rtmp://relay.example:1935/…`: no more are taken",
            ),
        ];
        for (hops, expected) in table {
            assert_eq!(said(&by_way_of(hops)), expected);
        }
        let unreadable = Connected { tc_url: "live".into(), ..by_way_of(&["own"]) };
        assert!(said(&unreadable).contains("back to this relay:"));
        let long = Connected { tc_url: format!("rtmp://{}/", "a.".repeat(30_000)).into(), ..by_way_of(&["own"]) };
        assert!(said(&long).len() < 1000, "a peer does not fill the log");
    }

    #[test]
    fn ids_are_new_and_can_be_sent() {
        let (first, second) = (RelayId::random(), RelayId::random());
        assert_ne!(first, second);
        assert!(first.0.len() == 16 && first.0.bytes().all(|byte| byte.is_ascii_hexdigit()), "{first:?}");
    }
}

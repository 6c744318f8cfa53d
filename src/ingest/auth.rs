//! Which stream a publisher's key opens.

use std::{fmt, sync::Arc};

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::stream::Feed;

/// The keys of all streams. The key alone decides which stream a publisher writes to; no two streams share one.
///
/// Keys are kept and compared as SHA-256 digests, every one at each try, in constant time: how long a refusal takes says
/// nothing about a key, its length or the number of streams that come before it.
#[derive(Default)]
pub struct Keys {
    keys: Vec<([u8; 32], Arc<Feed>)>,
}

impl Keys {
    /// The keys with their streams.
    pub fn new(keys: impl IntoIterator<Item = (SecretString, Arc<Feed>)>) -> Self {
        Self { keys: keys.into_iter().map(|(key, feed)| (digest(&key), feed)).collect() }
    }

    /// The stream that `shown` opens.
    pub fn feed(&self, shown: &SecretString) -> Option<&Arc<Feed>> {
        let shown = digest(shown);
        // Every key is visited: stopping at the first that fits would tell how many come before it.
        self.keys.iter().fold(None, |found, (key, feed)| if bool::from(key.ct_eq(&shown)) { Some(feed) } else { found })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.keys.len())
    }
}

fn digest(key: &SecretString) -> [u8; 32] {
    Sha256::digest(key.expose_secret().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::stream::{StreamSettings, Takeover, Window};

    fn feed(name: &str) -> Arc<Feed> {
        let window = Window { duration: Duration::from_secs(5), bytes: 1, hard_bytes: 1 };
        Feed::new(StreamSettings {
            name: name.to_owned(),
            window,
            hold: Duration::from_secs(15),
            takeover: Takeover::WhenSilent,
        })
    }

    #[tokio::test]
    async fn a_key_opens_its_stream_and_nothing_else() {
        let keys = Keys::new([("key-of-live".into(), feed("live")), ("key-of-studio".into(), feed("studio"))]);
        let opened = |key: &str| keys.feed(&key.into()).map(|feed| feed.name().to_owned());
        assert_eq!(opened("key-of-live").as_deref(), Some("live"));
        assert_eq!(opened("key-of-studio").as_deref(), Some("studio"));
        for wrong in ["", "key", "key-of-live ", "KEY-OF-LIVE", "live"] {
            assert_eq!(opened(wrong), None, "{wrong:?}");
        }
    }
}

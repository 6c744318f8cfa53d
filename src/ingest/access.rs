//! Who may publish a stream: its settings, and the judgement of what a publisher shows, which is pure.

use std::{fmt, net::IpAddr, time::SystemTime};

use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{
    signed::{self, Fault},
    webhook::Webhook,
};
use crate::moment;

/// Who may publish one stream. Any of its keys, its signatures or its webhook is enough; addresses and transport narrow it.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The keys that a publisher may show.
    pub keys: Vec<PublisherKey>,
    /// Keys that are signed with this secret: `STREAM?exp=…&sig=…`.
    pub signing: Option<SecretString>,
    /// Who is asked about a key that is none of these.
    pub webhook: Option<Webhook>,
    /// The networks from which may be published; empty: all.
    pub allow: Vec<IpNet>,
    /// Networks from which may not be published, even if they are in `allow`.
    pub deny: Vec<IpNet>,
    /// Only with TLS.
    pub require_tls: bool,
    /// What narrows it cannot be read: nobody may.
    pub is_closed: bool,
}

impl PartialEq for Access {
    /// Whether the same may publish.
    fn eq(&self, other: &Self) -> bool {
        let Self { keys, signing, webhook, allow, deny, require_tls, is_closed } = self;
        let signs = |secret: &Option<SecretString>| secret.as_ref().map(KeyDigest::of);
        let asks = |webhook: &Option<Webhook>| {
            let Webhook { url, timeout, remember, ca_file, .. } = webhook.as_ref()?;
            Some((KeyDigest::of(url), *timeout, *remember, ca_file.clone()))
        };
        *keys == other.keys
            && signs(signing) == signs(&other.signing)
            && asks(webhook) == asks(&other.webhook)
            && *allow == other.allow
            && *deny == other.deny
            && *require_tls == other.require_tls
            && *is_closed == other.is_closed
    }
}

/// One key of a stream. The key itself is not kept: what is shown is compared with its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublisherKey {
    /// Whose it is; `None` for the stream's one `key`.
    pub name: Option<String>,
    /// What it is compared by.
    pub digest: KeyDigest,
    /// From when it may be used.
    pub valid_from: Option<SystemTime>,
    /// Until when a publish may be begun with it.
    pub valid_until: Option<SystemTime>,
}

/// The SHA-256 digest of a stream key. Compared in constant time; never printed, since a short key can be found from it.
#[derive(Clone, Copy)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// Of a key.
    #[must_use]
    pub fn of(key: &SecretString) -> Self {
        Self(Sha256::digest(key.expose_secret().as_bytes()).into())
    }

    /// From 64 hexadecimal digits, as [`KeyDigest::hex`] writes them.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        signed::bytes_of_hex(text).map(Self)
    }

    /// As 64 hexadecimal digits, for the field `key_sha256`.
    #[must_use]
    pub fn hex(&self) -> String {
        signed::hex(&self.0)
    }

    /// For tables that are kept by digest.
    #[must_use]
    pub fn bytes(self) -> [u8; 32] {
        self.0
    }
}

impl PartialEq for KeyDigest {
    /// Takes as long wherever the two differ.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyDigest {}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(…)")
    }
}

/// What a stream makes of a key that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It opens the stream.
    Opens(Pass),
    /// It is one of the stream's, and opens it not now: continues "this stream key …".
    Closed(String),
    /// It is none of this stream's.
    Unknown,
}

/// By what a publisher came in, as it is shown to people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// The name of the key, or what a signature or a webhook calls the publisher.
    pub name: Option<String>,
}

impl Access {
    /// Whether nobody could come in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.signing.is_none() && self.webhook.is_none()
    }

    /// What the stream's keys say of a key that was shown.
    #[must_use]
    pub fn judge_key(&self, shown: &KeyDigest, now: SystemTime) -> Verdict {
        self.key(shown).map_or(Verdict::Unknown, |key| key.judge(now))
    }

    /// The key that was shown, whatever its time. Each of them is compared, whichever fits.
    #[must_use]
    pub fn key(&self, shown: &KeyDigest) -> Option<&PublisherKey> {
        self.keys.iter().fold(None, |found, key| if key.digest == *shown { Some(key) } else { found })
    }

    /// What the stream's signature says of a key that was shown, whose part before `?` is the stream's name.
    #[must_use]
    pub fn judge_signature(&self, shown: &SecretString, now: SystemTime) -> Verdict {
        let Some(secret) = &self.signing else { return Verdict::Unknown };
        match signed::verify(secret, shown, now) {
            Ok(name) => Verdict::Opens(Pass { name }),
            Err(Fault::Early { from }) => {
                Verdict::Closed(format!("is signed for a publish from {}", moment::show(from)))
            }
            Err(Fault::Late { until }) => Verdict::Closed(format!("is signed, and ended at {}", moment::show(until))),
            Err(Fault::NotSigned) => Verdict::Unknown,
        }
    }

    /// Why a publisher with a right key may not publish from there: continues "this stream …".
    #[must_use]
    pub fn objection(&self, address: IpAddr, is_tls: bool) -> Option<String> {
        if self.require_tls && !is_tls {
            return Some(
                "takes publishers with TLS only: change the server in the encoder from rtmp:// to rtmps://. The key has \
                 crossed the network unprotected: take a new one"
                    .to_owned(),
            );
        }
        let address = address.to_canonical();
        let is_in = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
        if is_in(&self.deny) || !(self.allow.is_empty() || is_in(&self.allow)) {
            return Some(format!("takes no publisher from {address}: its `allow` and `deny` say from where"));
        }
        None
    }
}

impl PublisherKey {
    /// The one `key` of a stream, without a name and for good.
    #[must_use]
    pub fn unnamed(key: &SecretString) -> Self {
        Self { name: None, digest: KeyDigest::of(key), valid_from: None, valid_until: None }
    }

    fn judge(&self, now: SystemTime) -> Verdict {
        match (self.valid_from, self.valid_until) {
            (Some(from), _) if now < from => Verdict::Closed(format!("is valid from {}", moment::show(from))),
            (_, Some(until)) if now >= until => Verdict::Closed(format!("was valid until {}", moment::show(until))),
            _ => Verdict::Opens(Pass { name: self.name.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn key(name: &str, key: &str, from: Option<u64>, until: Option<u64>) -> PublisherKey {
        PublisherKey {
            name: Some(name.to_owned()),
            valid_from: from.map(at),
            valid_until: until.map(at),
            ..PublisherKey::unnamed(&key.into())
        }
    }

    #[test]
    fn a_key_opens_from_its_first_moment_up_to_its_last() {
        let access = Access {
            keys: vec![
                PublisherKey::unnamed(&"always".into()),
                key("alice", "key of alice", Some(1_000), Some(2_000)),
                key("bob", "key of bob", None, Some(1_500)),
            ],
            ..Access::default()
        };
        let opens = |name: Option<&str>| Verdict::Opens(Pass { name: name.map(str::to_owned) });
        for (shown, now, expected) in [
            ("always", 0, opens(None)),
            ("key of alice", 999, Verdict::Closed("is valid from 1970-01-01 00:16:40 UTC".to_owned())),
            ("key of alice", 1_000, opens(Some("alice"))),
            ("key of alice", 1_999, opens(Some("alice"))),
            ("key of alice", 2_000, Verdict::Closed("was valid until 1970-01-01 00:33:20 UTC".to_owned())),
            ("key of bob", 0, opens(Some("bob"))),
            ("key of bob", 1_500, Verdict::Closed("was valid until 1970-01-01 00:25:00 UTC".to_owned())),
            ("key of carol", 1_000, Verdict::Unknown),
            ("", 1_000, Verdict::Unknown),
            ("ALWAYS", 1_000, Verdict::Unknown),
            ("always ", 1_000, Verdict::Unknown),
        ] {
            assert_eq!(access.judge_key(&KeyDigest::of(&shown.into()), at(now)), expected, "{shown} at {now}");
        }
    }

    #[test]
    fn addresses_and_transport_narrow_it() {
        let networks = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpNet>>();
        let access = Access {
            allow: networks(&["192.0.2.0/24", "2001:db8::/32"]),
            deny: networks(&["192.0.2.7/32"]),
            ..Access::default()
        };
        for (address, is_welcome) in [
            ("192.0.2.1", true),
            ("::ffff:192.0.2.1", true),
            ("192.0.2.7", false),
            ("::ffff:192.0.2.7", false),
            ("198.51.100.1", false),
            ("2001:db8::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(access.objection(address.parse().unwrap(), false).is_none(), is_welcome, "{address}");
        }
        assert!(Access::default().objection("198.51.100.1".parse().unwrap(), false).is_none());
        let tls = Access { require_tls: true, ..Access::default() };
        assert!(tls.objection("192.0.2.1".parse().unwrap(), true).is_none());
        let objection = tls.objection("192.0.2.1".parse().unwrap(), false).unwrap();
        assert!(objection.contains("rtmps://"), "{objection}");
    }

    #[test]
    fn a_digest_is_read_as_it_is_written_and_not_printed() {
        let digest = KeyDigest::of(&"abc".into());
        // FIPS 180-4, appendix B.1.
        assert_eq!(digest.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(KeyDigest::from_hex(&digest.hex().to_uppercase()), Some(digest));
        for wrong in ["", "ba78", &"g".repeat(64), &"a".repeat(63), &"a".repeat(65)] {
            assert_eq!(KeyDigest::from_hex(wrong), None, "{wrong}");
        }
        assert_eq!(format!("{digest:?}"), "KeyDigest(…)");
    }
}

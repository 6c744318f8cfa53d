//! Stream keys that carry their own permission: `STREAM?exp=SECONDS&…&sig=HEX`, typed into the encoder's field Stream Key.
//!
//! `sig` is the HMAC-SHA256 (RFC 2104) of everything before `&sig=`, in hexadecimal digits, with a secret that only the relay
//! and whoever makes the keys have. So a guest can be given a key for one evening, and nothing has to be configured or taken
//! back.
//!
//! | parameter | what it says |
//! | --- | --- |
//! | `exp` | until when a publish may be begun, in seconds since 1970; always there |
//! | `nbf` | from when, in seconds since 1970 |
//! | `id` | who the publisher is, for the log |
//!
//! Others may stand there: they are signed, and mean nothing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use super::limits::PUBLISHER_NAME;
use crate::moment;

/// Stands between what is signed and its signature.
const SIGNATURE: &str = "&sig=";

/// Why a signed key does not open its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It has no signature of this secret, or says not until when it is valid.
    NotSigned,
    /// Its time has not come.
    Early {
        /// When it comes.
        from: SystemTime,
    },
    /// Its time is over.
    Late {
        /// When it ended.
        until: SystemTime,
    },
}

/// A key for `stream` up to `until`, signed with `secret`. `id` says in the log who publishes; of it only letters, digits, `-`,
/// `_` and `.` are kept.
#[must_use]
pub fn sign(secret: &SecretString, stream: &str, until: SystemTime, id: Option<&str>) -> SecretString {
    let mut text = format!("{stream}?exp={}", moment::unix_seconds(until));
    if let Some(id) = id.map(printable_id).filter(|id| !id.is_empty()) {
        text.push_str("&id=");
        text.push_str(&id);
    }
    let signature = hex(&mac(secret, &text).finalize().into_bytes().into());
    text.push_str(SIGNATURE);
    text.push_str(&signature);
    text.into()
}

/// The stream that a key names before its `?`, where it has one.
#[must_use]
pub fn stream_of(shown: &SecretString) -> Option<&str> {
    shown.expose_secret().split_once('?').map(|(stream, _)| stream)
}

/// Until when a publish may be begun with a key, as the key itself says: to be believed under a right signature.
#[must_use]
pub fn valid_until(shown: &SecretString) -> Option<SystemTime> {
    seconds(shown.expose_secret(), "exp")
}

/// Checks a key's signature, in constant time, and its times; gives its `id`.
///
/// # Errors
/// [`Fault`]; the times count only under a right signature.
pub fn verify(secret: &SecretString, shown: &SecretString, now: SystemTime) -> Result<Option<String>, Fault> {
    let (text, signature) = shown.expose_secret().rsplit_once(SIGNATURE).ok_or(Fault::NotSigned)?;
    let signature = bytes_of_hex(signature).ok_or(Fault::NotSigned)?;
    mac(secret, text).verify(&signature.into()).map_err(|_| Fault::NotSigned)?;
    let until = seconds(text, "exp").ok_or(Fault::NotSigned)?;
    if let Some(from) = seconds(text, "nbf").filter(|from| now < *from) {
        return Err(Fault::Early { from });
    }
    if now >= until {
        return Err(Fault::Late { until });
    }
    Ok(parameter(text, "id").map(printable_id).filter(|id| !id.is_empty()))
}

/// 32 bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 32 bytes from 64 hexadecimal digits of either case.
pub(super) fn bytes_of_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let bytes: Vec<u8> = digits?.chunks(2).filter_map(|pair| Some(pair.first()? << 4 | pair.get(1)?)).collect();
    if text.len() == 64 { bytes.try_into().ok() } else { None }
}

fn mac(secret: &SecretString, text: &str) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104, section 2)")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).expect("any length");
    mac.update(text.as_bytes());
    mac
}

fn seconds(text: &str, name: &str) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(parameter(text, name)?.parse().ok()?))
}

/// The first parameter of this name.
fn parameter<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, query) = text.split_once('?')?;
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn printable_id(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(PUBLISHER_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a secret of the relay";

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Made by `printf 'live?exp=2000000000' | openssl dgst -sha256 -hmac 'a secret of the relay'`.
    const BY_OPENSSL: &str = "live?exp=2000000000&sig=0f5e86dcc2428709d35ba3847ed7d8f680f4f3a4e720f2f49a7f647870221d48";

    #[test]
    fn a_key_that_another_program_signed_opens() {
        let shown: SecretString = BY_OPENSSL.into();
        assert_eq!(verify(&SECRET.into(), &shown, at(1_999_999_999)), Ok(None));
        assert_eq!(stream_of(&shown), Some("live"));
        assert_eq!(sign(&SECRET.into(), "live", at(2_000_000_000), None).expose_secret(), BY_OPENSSL);
    }

    #[test]
    fn what_is_signed_is_verified_and_nothing_else() {
        let signed = sign(&SECRET.into(), "studio-b", at(1_000), Some("guest 7\n"));
        let text = signed.expose_secret();
        assert!(text.starts_with("studio-b?exp=1000&id=guest7&sig="), "{text}");
        assert_eq!(verify(&SECRET.into(), &signed, at(999)), Ok(Some("guest7".to_owned())));
        assert_eq!(verify(&SECRET.into(), &signed, at(1_000)), Err(Fault::Late { until: at(1_000) }));
        assert_eq!(verify(&"another".into(), &signed, at(999)), Err(Fault::NotSigned));
        for wrong in [
            text.replace("1000", "9000"),
            text.replace("studio-b", "studio-c"),
            text.replace("id=guest7", "id=guest8"),
            text.replace("&id=guest7", ""),
            text.replace("&sig=", "&nbf=1&sig="),
            text.replace("&sig=", "&sig"),
            format!("{text}0"),
            format!("{text}&exp=9000"),
            text[..text.len() - 1].to_owned(),
            text.split(SIGNATURE).next().unwrap().to_owned(),
            String::new(),
        ] {
            assert_eq!(verify(&SECRET.into(), &wrong.as_str().into(), at(999)), Err(Fault::NotSigned), "{wrong}");
        }
    }

    #[test]
    fn times_count_under_a_right_signature_alone() {
        let signed = |text: &str| -> SecretString {
            let signature = hex(&mac(&SECRET.into(), text).finalize().into_bytes().into());
            format!("{text}{SIGNATURE}{signature}").into()
        };
        for (text, now, expected) in [
            ("live?exp=100&nbf=50", 49, Err(Fault::Early { from: at(50) })),
            ("live?exp=100&nbf=50", 50, Ok(None)),
            ("live?nbf=50&exp=100", 100, Err(Fault::Late { until: at(100) })),
            // The first of two counts, as it was signed.
            ("live?exp=10&exp=1000", 100, Err(Fault::Late { until: at(10) })),
            ("live", 0, Err(Fault::NotSigned)),
            ("live?id=x", 0, Err(Fault::NotSigned)),
            ("live?exp=", 0, Err(Fault::NotSigned)),
            ("live?exp=-5", 0, Err(Fault::NotSigned)),
            ("live?exp=99999999999999999999999", 0, Err(Fault::NotSigned)),
            ("live?exp=18446744073709551615", 0, Err(Fault::NotSigned)),
        ] {
            assert_eq!(verify(&SECRET.into(), &signed(text), at(now)), expected, "{text} at {now}");
        }
    }
}

//! The SHA-256 of a certificate: what people compare, and what a pin is.

use std::{fmt, str::FromStr};

use sha2::{Digest as _, Sha256};

/// The SHA-256 of a certificate's DER form.
///
/// `Display` is what `openssl x509 -noout -fingerprint -sha256` prints behind the `=`: 32 pairs of digits with colons between.
/// It is no secret: every server shows its certificate to everyone.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; Self::LEN]);

impl Fingerprint {
    /// In bytes.
    pub const LEN: usize = 32;

    /// Of a certificate in DER form.
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }

    /// Its first and last bytes, enough to tell one from another in a table.
    pub fn short(&self) -> String {
        let whole = self.to_string();
        let (head, tail) = (whole.get(..11).unwrap_or_default(), whole.get(whole.len() - 11..).unwrap_or_default());
        format!("{head}:…:{tail}")
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if index == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is no fingerprint. Says nothing of the text itself, which may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FingerprintError {
    /// Something else than digits and colons.
    #[error("there is something else in it than hexadecimal digits and colons")]
    NotHexadecimal,
    /// Not the length of a SHA-256.
    #[error("it has {0} hexadecimal digits, not 64")]
    Length(usize),
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Colons and case do not matter, nor do the words that `openssl` puts before the `=`.
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digits = match text.split_once('=') {
            Some((words, digits)) if words.trim().eq_ignore_ascii_case("sha256 fingerprint") => digits.trim(),
            _ => text.trim(),
        };
        let mut bytes = [0; Self::LEN];
        let mut count = 0;
        for digit in digits.chars().filter(|c| *c != ':') {
            let value = digit.to_digit(16).and_then(|value| u8::try_from(value).ok());
            let value = value.ok_or(FingerprintError::NotHexadecimal)?;
            if let Some(byte) = bytes.get_mut(count / 2) {
                *byte = *byte << 4 | value;
            }
            count += 1;
        }
        if count == 2 * Self::LEN { Ok(Self(bytes)) } else { Err(FingerprintError::Length(count)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of "abc", FIPS 180-2 appendix B.1.
    const ABC: &str = "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";

    #[test]
    fn as_openssl_prints_it() {
        let fingerprint = Fingerprint::of(b"abc");
        assert_eq!(fingerprint.to_string(), ABC);
        assert_eq!(fingerprint.short(), "BA:78:16:BF:…:F2:00:15:AD");
    }

    #[test]
    fn as_people_write_it() {
        let bare = ABC.replace(':', "");
        for text in [ABC, &ABC.to_lowercase(), &bare, &bare.to_lowercase(), &format!("sha256 Fingerprint={ABC}")] {
            assert_eq!(text.parse(), Ok(Fingerprint::of(b"abc")), "{text}");
        }
        for (text, error) in [
            ("", FingerprintError::Length(0)),
            (&ABC[..59], FingerprintError::Length(40)),
            (&format!("{bare}0"), FingerprintError::Length(65)),
            (&bare.replace('A', "G"), FingerprintError::NotHexadecimal),
            (&format!("SHA1 Fingerprint={ABC}"), FingerprintError::NotHexadecimal),
            ("die Schlüssel", FingerprintError::NotHexadecimal),
        ] {
            assert_eq!(text.parse::<Fingerprint>(), Err(error), "{text}");
        }
    }
}

//! What was sent and what arrived, message by message, and whether it is the same.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::media::Kind;

/// The SHA-256 of one audio or video message: its kind and its bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of one FLV tag body.
    pub fn of(kind: Kind, payload: &[u8]) -> Self {
        Self(Sha256::new().chain_update([kind.tag_type()]).chain_update(payload).finalize().into())
    }

    /// Of a whole sequence.
    pub fn of_all(sequence: &[Self]) -> Self {
        let mut all = Sha256::new();
        for one in sequence {
            all.update(one.0);
        }
        Self(all.finalize().into())
    }
}

impl fmt::Display for Fingerprint {
    /// The first eight hexadecimal digits: enough to compare by eye.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether `received` is the end of `published`: every message from the first received one to the last published one, in
/// order, and nothing else.
pub fn is_everything_since_its_start(received: &[Fingerprint], published: &[Fingerprint]) -> bool {
    !received.is_empty() && published.ends_with(received)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_missing_or_changed_message_is_seen() {
        let published: Vec<_> = (0u8..20).map(|byte| Fingerprint::of(Kind::Video, &[byte])).collect();
        assert!(is_everything_since_its_start(&published, &published));
        assert!(is_everything_since_its_start(&published[5..], &published));
        assert!(!is_everything_since_its_start(&[], &published));
        assert!(!is_everything_since_its_start(&published[5..19], &published), "the last one is missing");
        let mut holed = published.clone();
        holed.remove(7);
        assert!(!is_everything_since_its_start(&holed, &published), "one in the middle is missing");
        let mut changed = published.clone();
        changed[7] = Fingerprint::of(Kind::Audio, &[7]);
        assert!(!is_everything_since_its_start(&changed, &published), "one is of another kind");
    }
}

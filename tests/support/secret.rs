//! Stream keys that can be recognised wherever they turn up.

use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A key that occurs nowhere else: not in another test, not in the program, not in a path. It has no character that a URL
/// would change, so that a search for its own letters finds it in any form.
pub(crate) fn new(purpose: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_nanos();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("canary-{purpose}-{:x}-{now:x}-{count:x}", process::id())
}

/// Asserts that none of the secrets stands in `text`: as it is, in Base64, or in hexadecimal digits.
#[track_caller]
pub(crate) fn assert_absent(place: &str, text: &str, secrets: &[String]) {
    for secret in secrets {
        for form in [secret.clone(), base64(secret.as_bytes()), hexadecimal(secret.as_bytes())] {
            if let Some(at) = text.find(&form) {
                let line = text[..at].lines().count().max(1);
                let shown = text.lines().nth(line - 1).unwrap_or_default();
                panic!("a secret stands in {place}, line {line}: {shown}");
            }
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As it stands where the secret begins the encoded text; without the last letters, which depend on what follows.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters = bytes.chunks_exact(3).flat_map(|three| {
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        [18, 12, 6, 0].map(|shift| char::from(LETTERS[(bits >> shift & 0x3f) as usize]))
    });
    letters.collect()
}

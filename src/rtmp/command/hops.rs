//! `relayHops` of `connect`: the relays that a stream has passed. An extension of forkcast's own, in no specification;
//! without it a relay whose destination leads back to itself would send one stream round and round.
//!
//! A text: ids with commas between, the first relay first, the one that connects last. An id is one to
//! [`RELAY_ID`] ASCII letters and digits, means nothing by itself, and is no secret.

use super::Value;
use crate::rtmp::limits::{RELAY_HOPS, RELAY_ID};

/// How a relay begins the description of its `NetConnection.Connect.Rejected`, where the stream has passed it before.
pub const LOOP: &str = "relay loop";

/// The same, where the stream has passed too many others.
pub const TOO_MANY: &str = "too many relays";

/// The name of the property.
pub(super) const KEY: &str = "relayHops";

/// The ids; none where there are none or they cannot be read, since a peer may put anything there. A list that is longer
/// than [`RELAY_HOPS`] is cut off there: it is too long with what is left.
pub(super) fn read(value: Option<&Value>) -> Vec<String> {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    let ids = || text.split(',').take(RELAY_HOPS);
    if ids().all(is_id) { ids().map(str::to_owned).collect() } else { Vec::new() }
}

/// The property's value; `None` where there is nothing to say.
pub(super) fn write(ids: &[String]) -> Option<Value> {
    (!ids.is_empty()).then(|| ids.join(",").as_str().into())
}

fn is_id(text: &str) -> bool {
    (1..=RELAY_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn both_ways() {
        let longest = "z".repeat(RELAY_ID);
        let table = [
            ("0123456789abcdef", ids(&["0123456789abcdef"])),
            ("a,B,3", ids(&["a", "B", "3"])),
            ("a,a", ids(&["a", "a"])),
            (&longest, ids(&[&longest])),
        ];
        for (text, expected) in table {
            assert_eq!(read(Some(&text.into())), expected, "{text}");
            assert_eq!(write(&expected), Some(text.into()), "{text}");
        }
        assert_eq!(write(&[]), None);
    }

    #[test]
    fn what_is_no_list_of_ids_is_passed_over() {
        let too_long = "z".repeat(RELAY_ID + 1);
        let texts = [
            "",
            ",",
            "a,",
            ",a",
            "a,,b",
            "a b",
            " a",
            "a;b",
            "a\n",
            "a\0",
            "ä",
            "a-b",
            "<a>",
            &too_long,
            "a,\u{202e}b",
        ];
        for text in texts {
            assert_eq!(read(Some(&text.into())), ids(&[]), "{text:?}");
        }
        assert_eq!(read(Some(&Value::Number(1.0))), ids(&[]));
        assert_eq!(read(Some(&Value::Null)), ids(&[]));
        assert_eq!(read(None), ids(&[]));
    }

    #[test]
    fn a_long_list_is_cut_off() {
        for count in [RELAY_HOPS - 1, RELAY_HOPS, RELAY_HOPS + 1, 10_000] {
            let text = vec!["a"; count].join(",");
            assert_eq!(read(Some(&text.as_str().into())).len(), count.min(RELAY_HOPS));
        }
    }
}

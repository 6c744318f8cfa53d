//! Names of data messages, and the `@setDataFrame` wrapper, as byte work: the values stay as the publisher wrote them.
//!
//! A publisher sends the AMF0 values `"@setDataFrame", "onMetaData", {…}`; servers store the part behind the wrapper
//! and play it to viewers. Some send it with no wrapper. Inside the relay it has none; towards a destination it is
//! put on, as some servers insist on it.

use bytes::Bytes;

use super::bytes_reader::BytesReader;
use super::enhanced::concat;

/// Name of the message that describes the stream.
pub const ON_META_DATA: &str = "onMetaData";
/// Name of the Enhanced RTMP video metadata that describes colours (HDR).
pub(super) const COLOR_INFO: &str = "colorInfo";

/// AMF0 marker of a string: then its length in 16 bits and its bytes.
const STRING_MARKER: u8 = 2;
const SET_DATA_FRAME: &str = "@setDataFrame";
const CLEAR_DATA_FRAME: &str = "@clearDataFrame";
/// `"@setDataFrame"` as an AMF0 string.
const WRAPPER: &[u8] = b"\x02\x00\x0d@setDataFrame";

/// The first AMF0 string of a data message; `None` where it does not begin with one, or it is not UTF-8.
pub fn name(payload: &[u8]) -> Option<&str> {
    split_name(payload).map(|(name, _)| name)
}

/// The message without a leading `"@setDataFrame"`. Shares the payload's memory.
pub fn unwrap(payload: &Bytes) -> Bytes {
    payload.slice_ref(inner(payload))
}

/// The message with a leading `"@setDataFrame"`, which is put there unless it is already.
pub fn wrap(payload: &Bytes) -> Bytes {
    if name(payload) == Some(SET_DATA_FRAME) { payload.clone() } else { concat(WRAPPER, payload) }
}

/// Whether the message takes `onMetaData` back: `"@clearDataFrame", "onMetaData"`.
pub fn is_clear(payload: &[u8]) -> bool {
    split_name(payload).is_some_and(|(first, rest)| first == CLEAR_DATA_FRAME && name(rest) == Some(ON_META_DATA))
}

/// As [`unwrap`], for borrowed bytes.
pub(super) fn inner(payload: &[u8]) -> &[u8] {
    match split_name(payload) {
        Some((SET_DATA_FRAME, rest)) => rest,
        _ => payload,
    }
}

/// The first AMF0 string and what follows it.
fn split_name(payload: &[u8]) -> Option<(&str, &[u8])> {
    let mut reader = BytesReader::new(payload);
    if reader.u8()? != STRING_MARKER {
        return None;
    }
    let length = reader.u16()?;
    let name = std::str::from_utf8(reader.take(length.into())?).ok()?;
    Some((name, reader.rest()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &[u8] = b"\x02\x00\x0aonMetaData\x08\0\0\0\0\0\0\x09";
    const WRAPPED: &[u8] = b"\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData\x08\0\0\0\0\0\0\x09";

    #[test]
    fn names() {
        assert_eq!(name(BARE), Some("onMetaData"));
        assert_eq!(name(WRAPPED), Some("@setDataFrame"));
        assert_eq!(name(b"\x02\x00\x00"), Some(""));
        // A time code track of FFmpeg: four bytes that are no string.
        assert_eq!(name(&[0x00, 0x40, 0x09, 0x21]), None);
        assert_eq!(name(b"\x02\x00\x0aonMeta"), None);
        assert_eq!(name(b"\x02\x00\x02\xff\xfe"), None);
        assert_eq!(name(b""), None);
    }

    #[test]
    fn the_wrapper_comes_off_and_goes_on() {
        let (bare, wrapped) = (Bytes::from_static(BARE), Bytes::from_static(WRAPPED));
        assert_eq!(unwrap(&wrapped), bare);
        assert_eq!(unwrap(&bare), bare);
        assert_eq!(wrap(&bare), wrapped);
        assert_eq!(wrap(&wrapped), wrapped);
        // No bytes are copied to take it off.
        assert_eq!(unwrap(&wrapped).as_ptr(), wrapped[WRAPPER.len()..].as_ptr());
    }

    #[test]
    fn only_on_meta_data_is_cleared() {
        assert!(is_clear(b"\x02\x00\x0f@clearDataFrame\x02\x00\x0aonMetaData"));
        assert!(!is_clear(b"\x02\x00\x0f@clearDataFrame\x02\x00\x05other"));
        assert!(!is_clear(b"\x02\x00\x0f@clearDataFrame"));
        assert!(!is_clear(WRAPPED));
    }
}

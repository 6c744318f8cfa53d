use super::*;

/// The first value after the marker 0x11 that switches to AMF3.
fn decode_one(bytes: &[u8]) -> Result<Value, Error> {
    let body = [b"\x11", bytes].concat();
    Value::decode_all(&body).map(|mut values| values.remove(0))
}

fn object(properties: &[(&str, Value)]) -> Properties {
    properties.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

fn text(text: &str) -> Value {
    Value::from(text)
}

fn numbers(numbers: &[f64]) -> Value {
    Value::StrictArray(numbers.iter().map(|number| Value::Number(*number)).collect())
}

#[test]
fn table() {
    let table: &[(&[u8], Value)] = &[
        (b"\x00", Value::Undefined),
        (b"\x01", Value::Null),
        (b"\x02", Value::Boolean(false)),
        (b"\x03", Value::Boolean(true)),
        (b"\x04\x00", Value::Number(0.0)),
        (b"\x04\x7F", Value::Number(127.0)),
        (b"\x04\x81\x00", Value::Number(128.0)),
        (b"\x04\xFF\x7F", Value::Number(16_383.0)),
        (b"\x04\x81\x80\x00", Value::Number(16_384.0)),
        (b"\x04\xBF\xFF\xFF\xFF", Value::Number(268_435_455.0)),
        (b"\x04\xC0\x80\x80\x00", Value::Number(-268_435_456.0)),
        (b"\x04\xFF\xFF\xFF\xFF", Value::Number(-1.0)),
        (b"\x05\x3F\xF8\0\0\0\0\0\0", Value::Number(1.5)),
        (b"\x06\x01", text("")),
        (b"\x06\x09live", text("live")),
        (b"\x07\x09<a/>", Value::XmlDocument("<a/>".to_owned())),
        (b"\x0B\x09<a/>", Value::XmlDocument("<a/>".to_owned())),
        (b"\x08\x01\x42\x75\x6B\xB6\x0E\xF7\xA0\x00", Value::Date { milliseconds: 1_472_022_507_386.0, timezone: 0 }),
        (b"\x09\x05\x01\x04\x01\x04\x02", numbers(&[1.0, 2.0])),
        (b"\x09\x03\x03a\x03\x01\x01", Value::EcmaArray(object(&[("a", Value::Boolean(true)), ("0", Value::Null)]))),
        // A dynamic object without a class: what ActionScript's {} becomes.
        (
            b"\x0A\x0B\x01\x07app\x06\x09live\x03n\x04\x05\x01",
            Value::Object(object(&[("app", text("live")), ("n", Value::Number(5.0))])),
        ),
        // A class with two sealed properties.
        (
            b"\x0A\x23\x03C\x03a\x03b\x01\x03",
            Value::TypedObject {
                class: "C".to_owned(),
                properties: object(&[("a", Value::Null), ("b", Value::Boolean(true))]),
            },
        ),
        // A sealed property and dynamic ones.
        (
            b"\x0A\x1B\x01\x03a\x01\x03b\x03\x01",
            Value::Object(object(&[("a", Value::Null), ("b", Value::Boolean(true))])),
        ),
        // Flex wraps an array in a class of its own.
        (b"\x0A\x07\x43flex.messaging.io.ArrayCollection\x09\x03\x01\x04\x07", numbers(&[7.0])),
        (b"\x0C\x07\x01\x02\x03", Value::Unsupported),
        (b"\x0D\x05\x00\xFF\xFF\xFF\xFF\x00\x00\x00\x02", numbers(&[-1.0, 2.0])),
        (b"\x0E\x03\x01\xFF\xFF\xFF\xFF", numbers(&[4_294_967_295.0])),
        (b"\x0F\x03\x00\x3F\xF8\0\0\0\0\0\0", numbers(&[1.5])),
        (b"\x10\x03\x00\x01\x06\x03a", Value::StrictArray(vec![text("a")])),
        (b"\x11\x03\x00\x06\x03a\x03", Value::EcmaArray(object(&[("a", Value::Boolean(true))]))),
        (b"\x11\x03\x00\x04\x09\x03", Value::EcmaArray(object(&[("0", Value::Boolean(true))]))),
    ];
    for (bytes, value) in table {
        assert_eq!(decode_one(bytes).as_ref(), Ok(value), "{bytes:02x?}");
        for end in 0..bytes.len() {
            assert!(decode_one(&bytes[..end]).is_err(), "{:02x?}", &bytes[..end]);
        }
    }
}

#[test]
fn references() {
    let pair = |value: Value| Ok(Value::StrictArray(vec![value.clone(), value]));
    // A string, a date, and an array that is the second object of its message.
    assert_eq!(decode_one(b"\x09\x05\x01\x06\x03a\x06\x00"), pair(text("a")));
    let date = Value::Date { milliseconds: 0.0, timezone: 0 };
    assert_eq!(decode_one(b"\x09\x05\x01\x08\x01\0\0\0\0\0\0\0\0\x08\x02"), pair(date));
    assert_eq!(decode_one(b"\x09\x05\x01\x09\x03\x01\x01\x09\x02"), pair(Value::StrictArray(vec![Value::Null])));
    // The second object has the traits of the first, and its key is a reference too.
    let keys = |value| Value::Object(object(&[("k", value)]));
    assert_eq!(
        decode_one(b"\x09\x05\x01\x0A\x13\x01\x03k\x02\x0A\x01\x03"),
        Ok(Value::StrictArray(vec![keys(Value::Boolean(false)), keys(Value::Boolean(true))])),
    );
    // The tables last for the whole message.
    let values = Value::decode_all(b"\x11\x06\x03a\x11\x06\x00").expect("decodes");
    assert_eq!(values, [text("a"), text("a")]);
}

#[test]
fn references_to_nothing_are_malformed() {
    let missing: &[&[u8]] =
        &[b"\x06\x00", b"\x09\x02", b"\x0A\x00", b"\x0A\x05", b"\x09\x03\x01\x09\x00", b"\x0A\x07\x03X"];
    for bytes in missing {
        assert!(matches!(decode_one(bytes), Err(Error::Malformed(_))), "{bytes:02x?}");
    }
    for marker in 0x12..=0xFF {
        assert!(matches!(decode_one(&[marker]), Err(Error::Malformed(_))), "{marker:#x}");
    }
}

/// Each array holds the one before it twice: 60 bytes that stand for 2^20 values.
#[test]
fn copies_are_paid_for() {
    let mut bytes = b"\x09\x2B\x01\x09\x01\x01".to_vec();
    for index in 1..=20_u8 {
        bytes.extend_from_slice(&[0x09, 0x05, 0x01, 0x09, index << 1, 0x09, index << 1]);
    }
    assert!(matches!(decode_one(&bytes), Err(Error::Limit { .. })));

    let mut bytes = [b"\x09\xA0\x01\x01\x06\x87\xFF\x7F", vec![b'x'; 0xFFFF].as_slice()].concat();
    bytes.extend_from_slice(&b"\x06\x00".repeat(4000));
    assert!(matches!(decode_one(&bytes), Err(Error::Limit { .. } | Error::Malformed(_))));
}

/// A reference puts a deep tree below a deep place.
#[test]
fn a_copy_cannot_be_deeper_than_the_limit() {
    let deep = |inner: &[u8]| [&b"\x09\x03\x01".repeat(20)[..], inner].concat();
    let bytes = [b"\x09\x05\x01", &deep(b"\x01")[..], &deep(b"\x09\x02")].concat();
    assert!(matches!(decode_one(&bytes), Err(Error::Limit { .. })));
}

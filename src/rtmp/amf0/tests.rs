use proptest::prelude::*;

use super::*;

fn object(properties: &[(&str, Value)]) -> Properties {
    properties.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

/// Bytes and the one value that they hold; each is run both ways.
fn table() -> Vec<(&'static [u8], Value)> {
    vec![
        (b"\x00\x3F\xF8\0\0\0\0\0\0", Value::Number(1.5)),
        (b"\x00\xC0\x00\0\0\0\0\0\0", Value::Number(-2.0)),
        (b"\x01\x00", Value::Boolean(false)),
        (b"\x01\x01", Value::Boolean(true)),
        (b"\x02\x00\x00", Value::from("")),
        (b"\x02\x00\x04live", Value::from("live")),
        (b"\x02\x00\x02\xC3\xA9", Value::from("\u{e9}")),
        (b"\x03\x00\x00\x09", Value::Object(vec![])),
        (
            b"\x03\x00\x01b\x05\x00\x01a\x06\x00\x00\x09",
            Value::Object(object(&[("b", Value::Null), ("a", Value::Undefined)])),
        ),
        (b"\x03\x00\x00\x05\x00\x00\x09", Value::Object(object(&[("", Value::Null)]))),
        (
            b"\x03\x00\x01o\x03\x00\x01n\x02\x00\x01x\x00\x00\x09\x00\x00\x09",
            Value::Object(object(&[("o", Value::Object(object(&[("n", Value::from("x"))])))])),
        ),
        (b"\x05", Value::Null),
        (b"\x06", Value::Undefined),
        (b"\x07\x01\x02", Value::Reference(0x0102)),
        (
            b"\x08\x00\x00\x00\x01\x00\x01k\x01\x01\x00\x00\x09",
            Value::EcmaArray(object(&[("k", Value::Boolean(true))])),
        ),
        (b"\x0A\x00\x00\x00\x00", Value::StrictArray(vec![])),
        (b"\x0A\x00\x00\x00\x02\x05\x02\x00\x04av01", Value::StrictArray(vec![Value::Null, Value::from("av01")])),
        (
            b"\x0B\x42\x75\x6B\xB6\x0E\xF7\xA0\x00\xFF\xC4",
            Value::Date { milliseconds: 1_472_022_507_386.0, timezone: -60 },
        ),
        (b"\x0D", Value::Unsupported),
        (b"\x0F\x00\x00\x00\x04<a/>", Value::XmlDocument("<a/>".to_owned())),
        (
            b"\x10\x00\x01C\x00\x01p\x05\x00\x00\x09",
            Value::TypedObject { class: "C".to_owned(), properties: object(&[("p", Value::Null)]) },
        ),
    ]
}

#[test]
fn table_both_ways() {
    for (bytes, value) in table() {
        assert_eq!(Value::decode_all(bytes), Ok(vec![value.clone()]), "{bytes:02x?}");
        let mut encoded = Vec::new();
        value.encode(&mut encoded);
        assert_eq!(encoded, bytes, "{value:?}");
    }
}

#[test]
fn every_cut_is_an_error_or_a_shorter_object() {
    for (bytes, _) in table() {
        for end in 1..bytes.len() {
            if let Ok(values) = Value::decode_all(&bytes[..end]) {
                let forgiving = values.len() == 1 && values[0].properties().is_some();
                assert!(forgiving, "{:02x?}", &bytes[..end]);
            }
        }
    }
}

#[test]
fn several_values_in_a_row() {
    let values = Value::decode_all(b"\x05\x01\x01\x02\x00\x01a");
    assert_eq!(values, Ok(vec![Value::Null, Value::Boolean(true), Value::from("a")]));
}

#[test]
fn object_end_may_be_missing_at_the_end_of_the_body() {
    let expected = Ok(vec![Value::Object(object(&[("a", Value::Null)]))]);
    assert_eq!(Value::decode_all(b"\x03\x00\x01a\x05"), expected);
    assert_eq!(Value::decode_all(b"\x03\x00\x01a\x05\x00\x00"), expected);
    assert_eq!(Value::decode_all(b"\x03"), Ok(vec![Value::Object(vec![])]));
}

#[test]
fn the_count_of_an_ecma_array_is_a_hint() {
    for count in [[0, 0, 0, 0], [0xFF; 4]] {
        let bytes = [b"\x08", &count[..], b"\x00\x01a\x05\x00\x00\x09\x05"].concat();
        let expected = vec![Value::EcmaArray(object(&[("a", Value::Null)])), Value::Null];
        assert_eq!(Value::decode_all(&bytes), Ok(expected));
    }
}

#[test]
fn a_string_past_16_bits_takes_the_long_form() {
    let value = Value::String("x".repeat(0x1_0000));
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    assert_eq!(bytes[..5], [marker::LONG_STRING, 0, 1, 0, 0]);
    assert_eq!(Value::decode_all(&bytes), Ok(vec![value]));
    assert_eq!(Value::decode_all(b"\x0C\x00\x00\x00\x01a"), Ok(vec![Value::from("a")]));
}

#[test]
fn text_that_is_not_utf8_is_read_with_replacements() {
    assert_eq!(Value::decode_all(b"\x02\x00\x03a\xFFb"), Ok(vec![Value::from("a\u{fffd}b")]));
}

#[test]
fn an_avmplus_value_is_read_in_place() {
    let values = Value::decode_all(b"\x11\x06\x07abc\x05").expect("decodes");
    assert_eq!(values, [Value::from("abc"), Value::Null]);
}

#[test]
fn markers_without_a_form_are_malformed() {
    for marker in [0x04, 0x09, 0x0E, 0x12, 0x6C, 0xFF] {
        assert!(matches!(Value::decode_all(&[marker, 0, 0]), Err(Error::Malformed(_))), "{marker:#x}");
    }
}

#[test]
fn seventy_thousand_nested_arrays_need_little_stack() {
    let array = b"\x0A\x00\x00\x00\x01".repeat(70_000);
    let object = b"\x03\x00\x01a".repeat(70_000);
    let mixed = b"\x11\x09\x03\x01".iter().chain(b"\x09\x03\x01".repeat(70_000).iter()).copied().collect();
    for bytes in [array, object, mixed] {
        let small = std::thread::Builder::new().stack_size(256 * 1024);
        let decoded = small.spawn(move || Value::decode_all(&bytes)).expect("starts").join().expect("no overflow");
        assert!(matches!(decoded, Err(Error::Limit { .. })), "{decoded:?}");
    }
}

#[test]
fn depth_values_and_text_have_limits() {
    let nested = |levels: usize| [b"\x0A\x00\x00\x00\x01".repeat(levels - 1), b"\x05".to_vec()].concat();
    assert!(Value::decode_all(&nested(limits::AMF_DEPTH)).is_ok());
    assert!(matches!(Value::decode_all(&nested(limits::AMF_DEPTH + 1)), Err(Error::Limit { .. })));

    assert!(Value::decode_all(&vec![marker::NULL; limits::AMF_VALUES]).is_ok());
    let too_many = Value::decode_all(&vec![marker::NULL; limits::AMF_VALUES + 1]);
    assert!(matches!(too_many, Err(Error::Limit { .. })));
    // A claimed count costs nothing.
    assert_eq!(Value::decode_all(b"\x0A\xFF\xFF\xFF\xFF"), Err(Error::Malformed("an AMF value is cut short")));

    let mut long = Vec::new();
    Value::String("x".repeat(limits::AMF_STRING + 1)).encode(&mut long);
    assert!(matches!(Value::decode_all(&long), Err(Error::Limit { .. })));
    let mut longest = Vec::new();
    Value::String("x".repeat(limits::AMF_STRING)).encode(&mut longest);
    assert!(Value::decode_all(&longest).is_ok());
    let too_much = Value::decode_all(&longest.repeat(limits::AMF_TEXT / limits::AMF_STRING + 1));
    assert!(matches!(too_much, Err(Error::Limit { .. })));
}

#[test]
fn properties_are_found_in_every_form_of_object() {
    let properties = object(&[("a", Value::Number(1.0)), ("a", Value::Number(2.0))]);
    let forms = [
        Value::Object(properties.clone()),
        Value::EcmaArray(properties.clone()),
        Value::TypedObject { class: String::new(), properties },
    ];
    for form in forms {
        assert_eq!(form.property("a").and_then(Value::as_number), Some(1.0));
        assert_eq!(form.property("b"), None);
    }
    assert_eq!(Value::Null.property("a"), None);
}

#[test]
fn debug_shows_no_text() {
    let secret = || "secret".to_owned();
    let values = [
        Value::String(secret()),
        Value::Object(vec![(secret(), Value::String(secret()))]),
        Value::EcmaArray(vec![(secret(), Value::String(secret()))]),
        Value::StrictArray(vec![Value::String(secret())]),
        Value::XmlDocument(secret()),
        Value::TypedObject { class: secret(), properties: vec![(secret(), Value::Null)] },
    ];
    let text = format!("{values:?} {values:#?}");
    assert!(!text.contains("secret") && text.contains("String(6 bytes)"), "{text}");
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<f64>().prop_filter("compares", |number| !number.is_nan()).prop_map(Value::Number),
        any::<bool>().prop_map(Value::Boolean),
        ".{0,40}".prop_map(Value::String),
        Just(Value::Null),
        Just(Value::Undefined),
        any::<u16>().prop_map(Value::Reference),
        (-1e15..1e15, any::<i16>()).prop_map(|(milliseconds, timezone)| Value::Date { milliseconds, timezone }),
        Just(Value::Unsupported),
        ".{0,40}".prop_map(Value::XmlDocument),
    ];
    leaf.prop_recursive(6, 100, 8, |inner| {
        let properties = prop::collection::vec((".{0,12}", inner.clone()), 0..8).boxed();
        prop_oneof![
            properties.clone().prop_map(Value::Object),
            properties.clone().prop_map(Value::EcmaArray),
            prop::collection::vec(inner, 0..8).prop_map(Value::StrictArray),
            (".{0,12}", properties).prop_map(|(class, properties)| Value::TypedObject { class, properties }),
        ]
    })
}

proptest! {
    #[test]
    fn values_survive_the_way_there_and_back(value in any_value()) {
        let mut bytes = Vec::new();
        value.encode(&mut bytes);
        prop_assert_eq!(Value::decode_all(&bytes), Ok(vec![value]));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Value::decode_all(&bytes);
    }

    /// Random bytes seldom get past the first marker; these do.
    #[test]
    fn no_likely_bytes_make_it_panic(bytes in prop::collection::vec(0..=0x12_u8, 0..200)) {
        let _ = Value::decode_all(&bytes);
    }
}

//! AMF values, and the commands that are made of them.

use bytes::Bytes;

use super::choices::Choices;
use crate::rtmp::{
    amf0::Value,
    command::Command,
    limits::{AMF_DEPTH, AMF_STRING, AMF_TEXT, AMF_VALUES},
    message::{Message, MessageType},
};

/// Values stay within the limits of a message, and survive being written and read again.
pub fn amf0(data: &[u8]) {
    if let Ok(values) = Value::decode_all(data) {
        assert_sound(&values);
    }
}

/// As [`amf0`], for bytes that stand behind the marker of AMF3.
pub fn amf3(data: &[u8]) {
    const AVMPLUS: u8 = 0x11;
    amf0(&[&[AVMPLUS], data].concat());
}

/// A command that can be read can be written, and is the same when it is read again: nothing is forgotten by then.
pub fn command(data: &[u8]) {
    let mut choices = Choices::new(data);
    let message_type =
        if choices.u8().is_multiple_of(2) { MessageType::COMMAND_AMF0 } else { MessageType::COMMAND_AMF3 };
    let payload = Bytes::copy_from_slice(choices.rest());
    let message = Message { message_type, message_stream_id: 0, timestamp: 0, payload };
    let Ok(command) = Command::decode(&message) else { return };
    let written = command.encode();
    let fits = Value::decode_all(&written).is_ok();
    match Command::decode(&command.message(0)) {
        Ok(again) => {
            assert_eq!(again.call.name(), command.call.name());
            assert_eq!(again.encode(), written);
        }
        Err(error) => assert!(!fits, "our own bytes: {error}"),
    }
}

/// What a message's values come to.
#[derive(Default)]
struct Census {
    values: usize,
    text: usize,
    /// A text that has no form of its own length, or one that is refused: replacement characters make texts longer.
    has_overlong: bool,
}

fn assert_sound(values: &[Value]) {
    let mut census = Census::default();
    values.iter().for_each(|value| census.count(value, 0));
    let Census { values: count, text, has_overlong } = census;
    assert!(count <= AMF_VALUES && text <= AMF_TEXT, "{count} values, {text} bytes of text");
    if has_overlong {
        return;
    }
    let written = encode(values);
    let again = Value::decode_all(&written).unwrap_or_else(|error| panic!("our own bytes: {error}"));
    // Not the values: a number that is none is unequal to itself.
    assert_eq!(encode(&again), written);
}

fn encode(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    values.iter().for_each(|value| value.encode(&mut out));
    out
}

impl Census {
    fn count(&mut self, value: &Value, depth: usize) {
        assert!(depth < AMF_DEPTH);
        self.values += 1;
        match value {
            Value::String(text) | Value::XmlDocument(text) => self.count_text(text, AMF_STRING),
            Value::StrictArray(values) => values.iter().for_each(|value| self.count(value, depth + 1)),
            Value::Object(properties) | Value::EcmaArray(properties) | Value::TypedObject { properties, .. } => {
                if let Value::TypedObject { class, .. } = value {
                    self.count_text(class, u16::MAX.into());
                }
                for (key, value) in properties {
                    self.count_text(key, u16::MAX.into());
                    self.count(value, depth + 1);
                }
            }
            _ => {}
        }
    }

    fn count_text(&mut self, text: &str, longest: usize) {
        self.text += text.len();
        self.has_overlong |= text.len() > longest;
    }
}

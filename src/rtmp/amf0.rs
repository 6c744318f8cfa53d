//! AMF0: the values that commands and data messages are made of (AMF0 specification, section 2).
//!
//! A value is one marker byte and its body. Objects keep their keys in the order of the wire, since some peers read a
//! reply by position. A value may switch to AMF3 (marker 0x11); it is read by [`super::amf3`] into the same [`Value`],
//! so that nobody above this layer asks which of the two formats a peer speaks.

use std::fmt;

use super::amf3;
use super::error::Error;
use super::limits;
use reader::Reader;

pub(super) mod reader;

mod marker {
    pub(super) const NUMBER: u8 = 0x00;
    pub(super) const BOOLEAN: u8 = 0x01;
    pub(super) const STRING: u8 = 0x02;
    pub(super) const OBJECT: u8 = 0x03;
    pub(super) const NULL: u8 = 0x05;
    pub(super) const UNDEFINED: u8 = 0x06;
    pub(super) const REFERENCE: u8 = 0x07;
    pub(super) const ECMA_ARRAY: u8 = 0x08;
    pub(super) const OBJECT_END: u8 = 0x09;
    pub(super) const STRICT_ARRAY: u8 = 0x0A;
    pub(super) const DATE: u8 = 0x0B;
    pub(super) const LONG_STRING: u8 = 0x0C;
    pub(super) const UNSUPPORTED: u8 = 0x0D;
    pub(super) const XML_DOCUMENT: u8 = 0x0F;
    pub(super) const TYPED_OBJECT: u8 = 0x10;
    pub(super) const AVMPLUS: u8 = 0x11;
    // 0x04 (movie clip) and 0x0E (record set) are reserved: they have no defined body, so nothing after them can be read.
}

/// The properties of an object, in the order of the wire; a key may appear twice.
pub type Properties = Vec<(String, Value)>;

/// One AMF value. Text that is not UTF-8 is read with replacement characters.
///
/// `Debug` shows the length of a text, never its contents: a stream key may be in it.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// 0x00, big-endian double. AMF3 integers and doubles become this too.
    Number(f64),
    /// 0x01, one byte.
    Boolean(bool),
    /// 0x02 (16-bit length) or, where longer than that holds, 0x0C (32-bit length).
    String(String),
    /// 0x03, pairs up to an empty key and 0x09.
    Object(Properties),
    /// 0x05.
    Null,
    /// 0x06.
    Undefined,
    /// 0x07, index of an object that came earlier in the same message. It is not followed: no peer needs it in a command,
    /// and following is how a small message grows into a large one.
    Reference(u16),
    /// 0x08, as an object but with a count in front, which is a hint and often wrong.
    EcmaArray(Properties),
    /// 0x0A, 32-bit count, then that many values.
    StrictArray(Vec<Value>),
    /// 0x0B.
    Date {
        /// Milliseconds since 1970-01-01 UTC.
        milliseconds: f64,
        /// Reserved by the specification; 0 in practice.
        timezone: i16,
    },
    /// 0x0D, a value that the sender could not express. AMF3 byte arrays become this.
    Unsupported,
    /// 0x0F, 32-bit length.
    XmlDocument(String),
    /// 0x10, an object with the name of its class in front.
    TypedObject {
        /// The name of the class.
        class: String,
        /// As those of an object.
        properties: Properties,
    },
}

impl Value {
    /// Reads all values of a message's body.
    ///
    /// # Errors
    /// Malformed for a body that is cut short or has a marker without a defined form; over a limit for one that is nested
    /// deeper than [`limits::AMF_DEPTH`], or has more values or longer texts than `limits` allows.
    pub fn decode_all(body: &[u8]) -> Result<Vec<Self>, Error> {
        let mut decoder = Decoder::new(body);
        let mut values = Vec::new();
        while let Some(value) = decoder.next()? {
            values.push(value);
        }
        Ok(values)
    }

    /// Appends the value as AMF0.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Number(number) => {
                out.push(marker::NUMBER);
                out.extend_from_slice(&number.to_be_bytes());
            }
            Self::Boolean(boolean) => out.extend_from_slice(&[marker::BOOLEAN, u8::from(*boolean)]),
            Self::String(text) => encode_string(text, out),
            Self::Object(properties) => {
                out.push(marker::OBJECT);
                encode_properties(properties, out);
            }
            Self::Null => out.push(marker::NULL),
            Self::Undefined => out.push(marker::UNDEFINED),
            Self::Reference(index) => {
                out.push(marker::REFERENCE);
                out.extend_from_slice(&index.to_be_bytes());
            }
            Self::EcmaArray(properties) => {
                out.push(marker::ECMA_ARRAY);
                encode_length(properties.len(), out);
                encode_properties(properties, out);
            }
            Self::StrictArray(values) => {
                out.push(marker::STRICT_ARRAY);
                encode_length(values.len(), out);
                for value in values {
                    value.encode(out);
                }
            }
            Self::Date { milliseconds, timezone } => {
                out.push(marker::DATE);
                out.extend_from_slice(&milliseconds.to_be_bytes());
                out.extend_from_slice(&timezone.to_be_bytes());
            }
            Self::Unsupported => out.push(marker::UNSUPPORTED),
            Self::XmlDocument(text) => {
                out.push(marker::XML_DOCUMENT);
                encode_length(text.len(), out);
                out.extend_from_slice(text.as_bytes());
            }
            Self::TypedObject { class, properties } => {
                out.push(marker::TYPED_OBJECT);
                encode_key(class, out);
                encode_properties(properties, out);
            }
        }
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The properties, if it is an object of any form. Peers use objects and ECMA arrays alike.
    pub fn properties(&self) -> Option<&[(String, Value)]> {
        match self {
            Self::Object(properties) | Self::EcmaArray(properties) | Self::TypedObject { properties, .. } => {
                Some(properties)
            }
            _ => None,
        }
    }

    /// The first property of that name.
    pub fn property(&self, name: &str) -> Option<&Self> {
        self.properties()?.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Boolean(boolean) => write!(f, "{boolean}"),
            Self::String(text) => write!(f, "String({} bytes)", text.len()),
            Self::Object(properties) => write!(f, "Object({} properties)", properties.len()),
            Self::Null => f.write_str("Null"),
            Self::Undefined => f.write_str("Undefined"),
            Self::Reference(index) => write!(f, "Reference({index})"),
            Self::EcmaArray(properties) => write!(f, "EcmaArray({} properties)", properties.len()),
            Self::StrictArray(values) => write!(f, "StrictArray({} values)", values.len()),
            Self::Date { milliseconds, .. } => write!(f, "Date({milliseconds})"),
            Self::Unsupported => f.write_str("Unsupported"),
            Self::XmlDocument(text) => write!(f, "XmlDocument({} bytes)", text.len()),
            Self::TypedObject { properties, .. } => {
                write!(f, "TypedObject({} properties)", properties.len())
            }
        }
    }
}

/// Reads the values of one message, one after the other, so that a reader may stop at the first it does not need.
pub struct Decoder<'a> {
    reader: Reader<'a>,
    references: amf3::References,
}

impl<'a> Decoder<'a> {
    /// A decoder at the start of a message's body.
    pub fn new(body: &'a [u8]) -> Self {
        Self { reader: Reader::new(body), references: amf3::References::default() }
    }

    /// The next value, or none at the end of the body.
    ///
    /// # Errors
    /// As [`Value::decode_all`]. What comes after an error cannot be read.
    #[expect(clippy::should_implement_trait, reason = "an iterator would go on after an error")]
    pub fn next(&mut self) -> Result<Option<Value>, Error> {
        if self.reader.is_empty() {
            return Ok(None);
        }
        self.value(0).map(Some)
    }

    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        self.reader.enter(depth)?;
        Ok(match self.reader.u8()? {
            marker::NUMBER => Value::Number(self.reader.f64()?),
            marker::BOOLEAN => Value::Boolean(self.reader.u8()? != 0),
            marker::STRING => Value::String(self.short_text()?),
            marker::OBJECT => Value::Object(self.properties(depth)?),
            marker::NULL => Value::Null,
            marker::UNDEFINED => Value::Undefined,
            marker::REFERENCE => Value::Reference(self.reader.u16()?),
            marker::ECMA_ARRAY => {
                self.reader.u32()?;
                Value::EcmaArray(self.properties(depth)?)
            }
            marker::STRICT_ARRAY => Value::StrictArray(self.strict_array(depth)?),
            marker::DATE => {
                Value::Date { milliseconds: self.reader.f64()?, timezone: i16::from_be_bytes(self.reader.array()?) }
            }
            marker::LONG_STRING => Value::String(self.long_text()?),
            marker::UNSUPPORTED => Value::Unsupported,
            marker::XML_DOCUMENT => Value::XmlDocument(self.long_text()?),
            marker::TYPED_OBJECT => {
                Value::TypedObject { class: self.short_text()?, properties: self.properties(depth)? }
            }
            marker::AVMPLUS => amf3::decode(&mut self.reader, &mut self.references, depth)?,
            _ => {
                return Err(Error::Malformed("an AMF0 value has a marker that no value has"));
            }
        })
    }

    fn short_text(&mut self) -> Result<String, Error> {
        let length = self.reader.u16()?;
        self.reader.text(usize::from(length))
    }

    fn long_text(&mut self) -> Result<String, Error> {
        let length = self.reader.u32()?;
        self.reader.text(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// Pairs up to an empty key with the end marker, or up to the end of the body: Envivio's encoders leave the end out.
    fn properties(&mut self, depth: usize) -> Result<Properties, Error> {
        let mut properties = Properties::new();
        while !self.reader.is_empty() {
            let key = self.short_text()?;
            if key.is_empty() && (self.reader.is_empty() || self.reader.skip_if(marker::OBJECT_END)) {
                break;
            }
            properties.push((key, self.value(depth + 1)?));
        }
        Ok(properties)
    }

    fn strict_array(&mut self, depth: usize) -> Result<Vec<Value>, Error> {
        let count = self.reader.u32()?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(self.value(depth + 1)?);
        }
        Ok(values)
    }
}

fn encode_string(text: &str, out: &mut Vec<u8>) {
    if let Ok(length) = u16::try_from(text.len()) {
        out.push(marker::STRING);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.push(marker::LONG_STRING);
        encode_length(text.len(), out);
    }
    out.extend_from_slice(text.as_bytes());
}

fn encode_properties(properties: &[(String, Value)], out: &mut Vec<u8>) {
    for (key, value) in properties {
        encode_key(key, out);
        value.encode(out);
    }
    out.extend_from_slice(&[0, 0, marker::OBJECT_END]);
}

/// A key has no long form: one that is longer than a 16-bit length can say is cut.
fn encode_key(key: &str, out: &mut Vec<u8>) {
    let length = u16::try_from(key.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend(key.bytes().take(usize::from(length)));
}

fn encode_length(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

#[cfg(test)]
mod tests;

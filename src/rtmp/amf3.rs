//! AMF3, read only (AMF3 specification, section 3): what Flash-style publishers put behind marker 0x11 when they were
//! told object encoding 3. Every value becomes its AMF0 counterpart; nothing here ever writes AMF3, since a server that
//! answers with object encoding 0 is understood by everyone.
//!
//! Strings, objects and the traits of objects may be references to what came earlier in the message. They are resolved
//! by copying, and every copy is paid for out of the message's budget.

use std::rc::Rc;

use super::amf0::reader::Reader;
use super::amf0::{Properties, Value};
use super::error::Error;

mod marker {
    pub(super) const UNDEFINED: u8 = 0x00;
    pub(super) const NULL: u8 = 0x01;
    pub(super) const FALSE: u8 = 0x02;
    pub(super) const TRUE: u8 = 0x03;
    pub(super) const INTEGER: u8 = 0x04;
    pub(super) const DOUBLE: u8 = 0x05;
    pub(super) const STRING: u8 = 0x06;
    pub(super) const XML_DOCUMENT: u8 = 0x07;
    pub(super) const DATE: u8 = 0x08;
    pub(super) const ARRAY: u8 = 0x09;
    pub(super) const OBJECT: u8 = 0x0A;
    pub(super) const XML: u8 = 0x0B;
    pub(super) const BYTE_ARRAY: u8 = 0x0C;
    pub(super) const VECTOR_INT: u8 = 0x0D;
    pub(super) const VECTOR_UINT: u8 = 0x0E;
    pub(super) const VECTOR_DOUBLE: u8 = 0x0F;
    pub(super) const VECTOR_OBJECT: u8 = 0x10;
    pub(super) const DICTIONARY: u8 = 0x11;
}

/// What earlier values of the message can be referred to; one set for all AMF3 values of a message.
#[derive(Default)]
pub(super) struct References {
    strings: Vec<String>,
    /// None while the object itself is still being read.
    objects: Vec<Option<Value>>,
    traits: Vec<Rc<Traits>>,
}

/// The class of an object: its name and the names of the properties that each object of the class has. Shared by the
/// objects: a reference of one byte must not copy the names before they are paid for.
struct Traits {
    class: String,
    sealed: Vec<String>,
    form: Form,
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// The sealed properties only.
    Sealed,
    /// Followed by key and value pairs up to an empty key.
    Dynamic,
    /// Written by the class itself, in a form that only the class knows.
    External,
}

/// The first number of a complex value.
enum Header {
    /// Index into the table of objects.
    Reference(usize),
    /// The value follows; the number is its length, count or flags.
    Inline(usize),
}

/// Reads one value that stands behind the AMF0 marker 0x11, at that depth.
pub(super) fn decode(reader: &mut Reader<'_>, references: &mut References, depth: usize) -> Result<Value, Error> {
    Decoder { reader, references }.value(depth)
}

struct Decoder<'r, 'a> {
    reader: &'r mut Reader<'a>,
    references: &'r mut References,
}

impl Decoder<'_, '_> {
    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        self.reader.enter(depth)?;
        match self.reader.u8()? {
            marker::UNDEFINED => Ok(Value::Undefined),
            marker::NULL => Ok(Value::Null),
            marker::FALSE => Ok(Value::Boolean(false)),
            marker::TRUE => Ok(Value::Boolean(true)),
            marker::INTEGER => Ok(Value::Number(f64::from(sign_extended(self.u29()?)))),
            marker::DOUBLE => Ok(Value::Number(self.reader.f64()?)),
            marker::STRING => Ok(Value::String(self.string()?)),
            marker::XML_DOCUMENT | marker::XML => {
                self.complex(depth, |this, length| Ok(Value::XmlDocument(this.reader.text(length)?)))
            }
            marker::DATE => {
                self.complex(depth, |this, _| Ok(Value::Date { milliseconds: this.reader.f64()?, timezone: 0 }))
            }
            marker::ARRAY => self.complex(depth, |this, count| this.array(count, depth)),
            marker::OBJECT => self.complex(depth, |this, flags| this.object(flags, depth)),
            // AMF0 has no bytes. They are read over.
            marker::BYTE_ARRAY => {
                self.complex(depth, |this, length| this.reader.take(length).map(|_| Value::Unsupported))
            }
            marker::VECTOR_INT => self.vector(depth, |this, _| {
                let number = i32::from_be_bytes(this.reader.array()?);
                Ok(Value::Number(f64::from(number)))
            }),
            marker::VECTOR_UINT => self.vector(depth, |this, _| Ok(Value::Number(f64::from(this.reader.u32()?)))),
            marker::VECTOR_DOUBLE => self.vector(depth, |this, _| Ok(Value::Number(this.reader.f64()?))),
            marker::VECTOR_OBJECT => self.complex(depth, |this, count| {
                this.reader.u8()?; // fixed length or not
                this.string()?; // the class of the elements
                this.values(count, depth).map(Value::StrictArray)
            }),
            marker::DICTIONARY => self.complex(depth, |this, count| this.dictionary(count, depth)),
            _ => Err(Error::Malformed("an AMF3 value has a marker that no value has")),
        }
    }

    /// A value that later ones may refer to, or such a reference.
    fn complex(
        &mut self,
        depth: usize,
        read: impl FnOnce(&mut Self, usize) -> Result<Value, Error>,
    ) -> Result<Value, Error> {
        let size = match self.header()? {
            Header::Inline(size) => size,
            Header::Reference(index) => {
                let found = self.references.objects.get(index);
                let value = found.ok_or(Error::Malformed("an AMF3 value refers to an object that was not sent"))?;
                let value = value.as_ref().ok_or(Error::Malformed("an AMF3 object contains itself"))?;
                self.reader.pay_for_copy(value, depth)?;
                return Ok(value.clone());
            }
        };
        let index = self.references.objects.len();
        self.references.objects.push(None);
        let value = read(self, size)?;
        self.reader.pay_for_copy(&value, depth)?;
        if let Some(place) = self.references.objects.get_mut(index) {
            *place = Some(value.clone());
        }
        Ok(value)
    }

    /// Named elements up to an empty name, then the numbered ones. Where there are names, it becomes an ECMA array.
    fn array(&mut self, count: usize, depth: usize) -> Result<Value, Error> {
        let mut named = self.pairs(depth)?;
        let numbered = self.values(count, depth)?;
        if named.is_empty() {
            return Ok(Value::StrictArray(numbered));
        }
        named.extend(numbered.into_iter().enumerate().map(|(index, value)| (index.to_string(), value)));
        Ok(Value::EcmaArray(named))
    }

    fn object(&mut self, flags: usize, depth: usize) -> Result<Value, Error> {
        let traits = self.traits(flags)?;
        if traits.form == Form::External {
            return self.external(&traits.class, depth);
        }
        let mut properties = Properties::new();
        for name in &traits.sealed {
            self.reader.pay_for_text(name)?;
            properties.push((name.clone(), self.value(depth + 1)?));
        }
        if traits.form == Form::Dynamic {
            properties.extend(self.pairs(depth)?);
        }
        if traits.class.is_empty() {
            return Ok(Value::Object(properties));
        }
        self.reader.pay_for_text(&traits.class)?;
        Ok(Value::TypedObject { class: traits.class.clone(), properties })
    }

    /// Flex wraps plain values in classes that write exactly one value. What any other class writes cannot be known.
    fn external(&mut self, class: &str, depth: usize) -> Result<Value, Error> {
        match class {
            "flex.messaging.io.ArrayCollection" | "flex.messaging.io.ArrayList" | "flex.messaging.io.ObjectProxy" => {
                self.value(depth + 1)
            }
            _ => Err(Error::Malformed("an AMF3 object has a form that only its own class can read")),
        }
    }

    fn traits(&mut self, flags: usize) -> Result<Rc<Traits>, Error> {
        if flags & 0b1 == 0 {
            let found = self.references.traits.get(flags >> 1).map(Rc::clone);
            return found.ok_or(Error::Malformed("an AMF3 object refers to a class that was not sent"));
        }
        let form = match flags >> 1 & 0b11 {
            0b00 => Form::Sealed,
            0b10 => Form::Dynamic,
            _ => Form::External,
        };
        let count = if form == Form::External { 0 } else { flags >> 3 };
        // A name of no letters is one byte on the wire and a string in memory.
        self.reader.pay_for_values(count)?;
        let class = self.string()?;
        let sealed = (0..count).map(|_| self.string()).collect::<Result<_, _>>()?;
        let traits = Rc::new(Traits { class, sealed, form });
        self.references.traits.push(Rc::clone(&traits));
        Ok(traits)
    }

    fn vector(
        &mut self,
        depth: usize,
        element: impl Fn(&mut Self, usize) -> Result<Value, Error>,
    ) -> Result<Value, Error> {
        self.complex(depth, |this, count| {
            this.reader.u8()?; // fixed length or not
            let mut values = Vec::new();
            for _ in 0..count {
                this.reader.enter(depth + 1)?;
                values.push(element(this, depth + 1)?);
            }
            Ok(Value::StrictArray(values))
        })
    }

    /// Keys may be of any type; those that are not text are numbered, so that the values stay in order.
    fn dictionary(&mut self, count: usize, depth: usize) -> Result<Value, Error> {
        self.reader.u8()?; // weak keys or not
        let mut properties = Properties::new();
        for index in 0..count {
            let key = match self.value(depth + 1)? {
                Value::String(text) => text,
                _ => index.to_string(),
            };
            properties.push((key, self.value(depth + 1)?));
        }
        Ok(Value::EcmaArray(properties))
    }

    fn pairs(&mut self, depth: usize) -> Result<Properties, Error> {
        let mut properties = Properties::new();
        loop {
            let key = self.string()?;
            if key.is_empty() {
                return Ok(properties);
            }
            properties.push((key, self.value(depth + 1)?));
        }
    }

    fn values(&mut self, count: usize, depth: usize) -> Result<Vec<Value>, Error> {
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(self.value(depth + 1)?);
        }
        Ok(values)
    }

    /// The empty string is never referred to: it is as short as a reference.
    fn string(&mut self) -> Result<String, Error> {
        match self.header()? {
            Header::Inline(0) => Ok(String::new()),
            Header::Inline(length) => {
                let text = self.reader.text(length)?;
                self.references.strings.push(text.clone());
                Ok(text)
            }
            Header::Reference(index) => {
                let text = self.references.strings.get(index);
                let text = text.ok_or(Error::Malformed("an AMF3 value refers to a string that was not sent"))?;
                self.reader.pay_for_text(text)?;
                Ok(text.clone())
            }
        }
    }

    fn header(&mut self) -> Result<Header, Error> {
        let number = self.u29()? as usize;
        Ok(if number & 1 == 0 { Header::Reference(number >> 1) } else { Header::Inline(number >> 1) })
    }

    /// Up to four bytes, the first three with seven bits and a flag that another follows, the fourth with eight.
    fn u29(&mut self) -> Result<u32, Error> {
        let mut number = 0;
        for _ in 0..3 {
            let byte = self.reader.u8()?;
            number = number << 7 | u32::from(byte & 0x7F);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Ok(number << 8 | u32::from(self.reader.u8()?))
    }
}

fn sign_extended(number: u32) -> i32 {
    (number << 3).cast_signed() >> 3
}

#[cfg(test)]
mod tests;

//! A cursor over AMF bytes that keeps the budget of one message: both formats read through it, so that neither can be
//! used to get around the limits of the other.

use super::{Error, Value, limits};

/// The unread rest of a message's body, and what may still be decoded from it.
pub(in crate::rtmp) struct Reader<'a> {
    rest: &'a [u8],
    values: usize,
    text: usize,
}

impl<'a> Reader<'a> {
    pub(in crate::rtmp) fn new(body: &'a [u8]) -> Self {
        Self { rest: body, values: limits::AMF_VALUES, text: limits::AMF_TEXT }
    }

    pub(in crate::rtmp) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Called once for each value, before it is read. Recursion is bounded here and nowhere else.
    pub(in crate::rtmp) fn enter(&mut self, depth: usize) -> Result<(), Error> {
        if depth >= limits::AMF_DEPTH {
            return Err(Error::Limit { what: "levels of nested AMF values", limit: limits::AMF_DEPTH as u64 });
        }
        self.pay_for_values(1)
    }

    /// Pays for so many values, or for what takes as much memory.
    pub(in crate::rtmp) fn pay_for_values(&mut self, count: usize) -> Result<(), Error> {
        self.values = self
            .values
            .checked_sub(count)
            .ok_or(Error::Limit { what: "AMF values in a message", limit: limits::AMF_VALUES as u64 })?;
        Ok(())
    }

    /// Pays for a copy of a value that was read before, with all that is in it, at the depth where the copy will stand: a
    /// few bytes of references can stand for a very large tree.
    pub(in crate::rtmp) fn pay_for_copy(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        self.enter(depth)?;
        match value {
            Value::String(text) | Value::XmlDocument(text) => self.pay_for_text(text),
            Value::StrictArray(values) => values.iter().try_for_each(|value| self.pay_for_copy(value, depth + 1)),
            _ => {
                let properties = value.properties().unwrap_or_default();
                properties.iter().try_for_each(|(key, value)| {
                    self.pay_for_text(key)?;
                    self.pay_for_copy(value, depth + 1)
                })
            }
        }
    }

    pub(in crate::rtmp) fn pay_for_text(&mut self, text: &str) -> Result<(), Error> {
        self.text = self
            .text
            .checked_sub(text.len())
            .ok_or(Error::Limit { what: "bytes of AMF text in a message", limit: limits::AMF_TEXT as u64 })?;
        Ok(())
    }

    /// Text of that many bytes.
    pub(in crate::rtmp) fn text(&mut self, length: usize) -> Result<String, Error> {
        if length > limits::AMF_STRING {
            return Err(Error::Limit { what: "bytes of an AMF string", limit: limits::AMF_STRING as u64 });
        }
        let text = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.pay_for_text(&text)?;
        Ok(text)
    }

    pub(in crate::rtmp) fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(CUT_SHORT)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(in crate::rtmp) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(CUT_SHORT)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Skips the next byte if it is that one.
    pub(in crate::rtmp) fn skip_if(&mut self, byte: u8) -> bool {
        let Some(rest) = self.rest.strip_prefix(&[byte]) else {
            return false;
        };
        self.rest = rest;
        true
    }

    pub(in crate::rtmp) fn u8(&mut self) -> Result<u8, Error> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(in crate::rtmp) fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_be_bytes)
    }

    pub(in crate::rtmp) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    pub(in crate::rtmp) fn f64(&mut self) -> Result<f64, Error> {
        self.array().map(f64::from_be_bytes)
    }
}

const CUT_SHORT: Error = Error::Malformed("an AMF value is cut short");

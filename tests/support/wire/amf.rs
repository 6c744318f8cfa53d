//! AMF0, the part that commands use.

/// A value of a command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    Boolean(bool),
    String(String),
    Object(Vec<(String, Value)>),
    Array(Vec<Value>),
    Null,
}

impl Value {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// A field of an object.
    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Object(fields) => fields.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

pub(crate) fn encode(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        put(&mut out, value);
    }
    out
}

fn put(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Number(number) => {
            out.push(0);
            out.extend(number.to_be_bytes());
        }
        Value::Boolean(yes) => out.extend([1, u8::from(*yes)]),
        Value::String(text) => {
            out.push(2);
            put_name(out, text);
        }
        Value::Object(fields) => {
            out.push(3);
            for (name, value) in fields {
                put_name(out, name);
                put(out, value);
            }
            out.extend([0, 0, 9]);
        }
        Value::Array(values) => {
            out.push(10);
            out.extend(u32::try_from(values.len()).expect("a short array").to_be_bytes());
            for value in values {
                put(out, value);
            }
        }
        Value::Null => out.push(5),
    }
}

fn put_name(out: &mut Vec<u8>, text: &str) {
    out.extend(u16::try_from(text.len()).expect("a short string").to_be_bytes());
    out.extend(text.as_bytes());
}

/// The values of a command's payload; what this reader does not know ends the list.
pub(crate) fn decode(mut bytes: &[u8]) -> Vec<Value> {
    let mut values = Vec::new();
    while let Some(value) = take(&mut bytes) {
        values.push(value);
    }
    values
}

fn take(bytes: &mut &[u8]) -> Option<Value> {
    Some(match take_bytes(bytes, 1)?[0] {
        0 => Value::Number(f64::from_be_bytes(take_bytes(bytes, 8)?.try_into().ok()?)),
        1 => Value::Boolean(take_bytes(bytes, 1)?[0] != 0),
        2 => Value::String(take_name(bytes)?),
        3 => Value::Object(take_fields(bytes)?),
        5 | 6 => Value::Null,
        8 => {
            take_bytes(bytes, 4)?;
            Value::Object(take_fields(bytes)?)
        }
        10 => {
            let count = u32::from_be_bytes(take_bytes(bytes, 4)?.try_into().ok()?);
            Value::Array((0..count).map_while(|_| take(bytes)).collect())
        }
        _ => return None,
    })
}

fn take_fields(bytes: &mut &[u8]) -> Option<Vec<(String, Value)>> {
    let mut fields = Vec::new();
    loop {
        let name = take_name(bytes)?;
        if name.is_empty() && bytes.first() == Some(&9) {
            take_bytes(bytes, 1)?;
            return Some(fields);
        }
        fields.push((name, take(bytes)?));
    }
}

fn take_name(bytes: &mut &[u8]) -> Option<String> {
    let length = u16::from_be_bytes(take_bytes(bytes, 2)?.try_into().ok()?);
    Some(String::from_utf8_lossy(take_bytes(bytes, length.into())?).into_owned())
}

fn take_bytes<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

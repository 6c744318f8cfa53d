//! The values after a command's transaction number, read by position: the first is the command object, null in most.

use secrecy::SecretString;

use super::{Reply, Status, StreamReference, Value};

pub(super) struct Arguments(Vec<Value>);

impl Arguments {
    pub(super) fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

    /// The argument at that position; a missing one is undefined, as in the language that the protocol comes from.
    pub(super) fn at(&self, index: usize) -> &Value {
        self.0.get(index).unwrap_or(&Value::Undefined)
    }

    /// The stream key, which is the first argument after the command object. Empty where there is none, which is how
    /// Wirecast probes a server.
    pub(super) fn key(&self) -> SecretString {
        SecretString::from(self.at(1).as_str().unwrap_or_default())
    }

    pub(super) fn stream(&self) -> StreamReference {
        match self.at(1) {
            Value::Number(number) => StreamReference::Number(*number),
            Value::String(key) => StreamReference::Key(SecretString::from(key.as_str())),
            _ => StreamReference::Missing,
        }
    }

    /// The first object, since some servers leave out the null before it.
    pub(super) fn status(&self) -> Status {
        let object = self.0.iter().find(|value| value.properties().is_some());
        object.map(Status::read).unwrap_or_default()
    }

    pub(super) fn reply(&self) -> Reply {
        Reply { properties: self.at(0).clone(), information: self.at(1).clone() }
    }
}

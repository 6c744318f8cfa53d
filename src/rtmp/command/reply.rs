//! The arguments of `_result` and `_error`.

use super::{Capabilities, Status, Value};
use crate::rtmp::amf0::Properties;

/// Two values. What they mean depends on the call that is answered; some clients read them by position, so both are
/// always there.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The first: the server's properties for `connect`, null for the others.
    pub properties: Value,
    /// The second: an information object, the new stream's number, or null or undefined.
    pub information: Value,
}

impl Reply {
    /// The reply to `connect`. The capabilities stand in both objects, since the specification does not say in which.
    /// Object encoding 0, whatever the client asked for: every client can read it.
    pub fn connected(capabilities: &Capabilities) -> Self {
        let mut properties: Properties =
            vec![("fmsVer".to_owned(), "FMS/3,0,1,123".into()), ("capabilities".to_owned(), 31.0.into())];
        capabilities.write(&mut properties);
        let mut information = Status::success(Status::CONNECT_SUCCESS, "connected").properties();
        information.push(("objectEncoding".to_owned(), 0.0.into()));
        capabilities.write(&mut information);
        Self { properties: Value::Object(properties), information: Value::Object(information) }
    }

    /// The reply to `createStream`.
    pub fn stream(message_stream_id: u32) -> Self {
        Self { properties: Value::Null, information: f64::from(message_stream_id).into() }
    }

    /// The reply to a call whose outcome nobody needs.
    pub fn undefined() -> Self {
        Self { properties: Value::Null, information: Value::Undefined }
    }

    /// The reply to a call that is not known.
    pub fn null() -> Self {
        Self { properties: Value::Null, information: Value::Null }
    }

    /// An `_error`.
    pub fn error(status: &Status) -> Self {
        Self { properties: Value::Null, information: status.write() }
    }

    /// The information object; empty where there is none.
    pub fn status(&self) -> Status {
        let objects = [&self.information, &self.properties];
        objects.into_iter().find(|value| value.properties().is_some()).map(Status::read).unwrap_or_default()
    }

    /// The number that answers `createStream`: a whole number of 32 bits that is not 0.
    pub fn stream_id(&self) -> Option<u32> {
        let number = self.information.as_number().or_else(|| self.properties.as_number())?;
        let id = number as u32;
        (id != 0 && f64::from(id) == number).then_some(id)
    }

    /// What the server can do with Enhanced RTMP, from the reply to `connect`.
    pub fn capabilities(&self) -> Capabilities {
        let of_information = Capabilities::read(&self.information);
        if of_information == Capabilities::default() { Capabilities::read(&self.properties) } else { of_information }
    }
}

//! The information object: how an end says what has happened (RTMP 1.0 §7.2.2).

use std::fmt;

use secrecy::ExposeSecret as _;

use super::Value;
use crate::rtmp::{amf0::Properties, secret::SecretText};

/// An information object, from `onStatus` and its like or from a reply.
///
/// `Debug` leaves out the text in which servers repeat keys.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// `level`: `status`, `warning` or `error`.
    pub level: String,
    /// `code`: what happened, in words with dots between, as `NetStream.Publish.Start`.
    pub code: String,
    /// `description`: for people.
    pub description: String,
    /// `tcUrl`, absolute or relative: where to reconnect (Enhanced RTMP v2, "Reconnect Request").
    pub tc_url: Option<SecretText>,
    /// `ex.redirect`, a tcUrl: connect there instead. Only some servers have it.
    pub redirect: Option<SecretText>,
}

impl Status {
    /// The publish is accepted.
    pub const PUBLISH_START: &str = "NetStream.Publish.Start";
    /// The publish has ended.
    pub const UNPUBLISH_SUCCESS: &str = "NetStream.Unpublish.Success";
    /// The connection is accepted.
    pub const CONNECT_SUCCESS: &str = "NetConnection.Connect.Success";
    /// The server wants the client to connect anew (Enhanced RTMP v2).
    pub const RECONNECT_REQUEST: &str = "NetConnection.Connect.ReconnectRequest";

    /// News that all is well.
    pub fn success(code: &str, description: impl Into<String>) -> Self {
        Self::new("status", code, description)
    }

    /// A refusal or a failure.
    pub fn error(code: &str, description: impl Into<String>) -> Self {
        Self::new("error", code, description)
    }

    fn new(level: &str, code: &str, description: impl Into<String>) -> Self {
        let (level, code) = (level.to_owned(), code.to_owned());
        Self { level, code, description: description.into(), tc_url: None, redirect: None }
    }

    /// Whether it says that something was refused or went wrong. Not every server sets the level.
    pub fn is_error(&self) -> bool {
        const ERRORS: [&str; 7] =
            [".Rejected", ".Denied", ".BadName", ".BadAuth", ".Unauthorized", ".Failed", ".InvalidApp"];
        self.level == "error" || ERRORS.iter().any(|end| self.code.ends_with(end))
    }

    /// Of an object's properties; those that are missing are left empty.
    pub(super) fn read(object: &Value) -> Self {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let details = object.property("ex");
        let redirect = details.and_then(|details| details.property("redirect").or(details.property("redirect2")));
        Self {
            level: text(object.property("level")).unwrap_or_default(),
            code: text(object.property("code")).unwrap_or_default(),
            description: text(object.property("description")).unwrap_or_default(),
            tc_url: text(object.property("tcUrl")).map(SecretText::from),
            redirect: text(redirect).map(SecretText::from),
        }
    }

    pub(super) fn write(&self) -> Value {
        Value::Object(self.properties())
    }

    pub(super) fn properties(&self) -> Properties {
        let mut properties: Properties = vec![
            ("level".to_owned(), self.level.as_str().into()),
            ("code".to_owned(), self.code.as_str().into()),
            ("description".to_owned(), self.description.as_str().into()),
        ];
        if let Some(tc_url) = &self.tc_url {
            properties.push(("tcUrl".to_owned(), tc_url.expose_secret().into()));
        }
        if let Some(redirect) = &self.redirect {
            let details =
                vec![("code".to_owned(), 302.0.into()), ("redirect".to_owned(), redirect.expose_secret().into())];
            properties.push(("ex".to_owned(), Value::Object(details)));
        }
        properties
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Status")
            .field("level", &self.level)
            .field("code", &self.code)
            .field("description_len", &self.description.len())
            .field("tc_url", &self.tc_url)
            .field("redirect", &self.redirect)
            .finish()
    }
}

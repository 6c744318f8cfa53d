//! The argument of `connect`.

use secrecy::ExposeSecret as _;

use super::{Capabilities, Value, hops};
use crate::rtmp::{amf0::Properties, secret::SecretText};

/// The command object of `connect` (RTMP 1.0 §7.2.1.1). A text that is missing on the wire is empty here, and the other
/// way round.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Connect {
    /// `app`: path and query of the server's URL. Always written.
    pub app: SecretText,
    /// `type`: `nonprivate`, from publishers.
    pub connection_type: String,
    /// `flashVer`: name and version of the program.
    pub flash_ver: String,
    /// `swfUrl`: from publishers, the same as `tc_url`.
    pub swf_url: SecretText,
    /// `tcUrl`: the server's URL as it was typed. Spelled `tcurl`, or put in quotes, by some.
    pub tc_url: SecretText,
    /// `objectEncoding`: 0 asks for AMF0, 3 for AMF3.
    pub object_encoding: Option<f64>,
    /// The fields of Enhanced RTMP.
    pub capabilities: Capabilities,
    /// `relayHops`: the ids of the relays that the stream has passed, the one that connects last. forkcast's own: no other
    /// program sends it, and those who do not know it pass over it.
    pub relay_hops: Vec<String>,
}

impl Connect {
    pub(super) fn read(object: &Value) -> Self {
        let text = |key| field(object, key).and_then(Value::as_str).unwrap_or_default();
        Self {
            app: text("app").into(),
            connection_type: text("type").to_owned(),
            flash_ver: text("flashVer").to_owned(),
            swf_url: text("swfUrl").into(),
            tc_url: text("tcUrl").trim_matches(['"', '\'']).into(),
            object_encoding: field(object, "objectEncoding").and_then(Value::as_number),
            capabilities: Capabilities::read(object),
            relay_hops: hops::read(field(object, hops::KEY)),
        }
    }

    /// The keys in the order of OBS, whose form every server has been tested with.
    pub(super) fn write(&self) -> Value {
        let mut properties: Properties = vec![("app".to_owned(), self.app.expose_secret().into())];
        let texts = [
            ("type", self.connection_type.as_str()),
            ("flashVer", self.flash_ver.as_str()),
            ("swfUrl", self.swf_url.expose_secret()),
            ("tcUrl", self.tc_url.expose_secret()),
        ];
        for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            properties.push((key.to_owned(), text.into()));
        }
        if let Some(encoding) = self.object_encoding {
            properties.push(("objectEncoding".to_owned(), encoding.into()));
        }
        self.capabilities.write(&mut properties);
        properties.extend(hops::write(&self.relay_hops).map(|hops| (hops::KEY.to_owned(), hops)));
        Value::Object(properties)
    }
}

fn field<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let properties = object.properties()?;
    properties.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

//! What an end of a connection can do with Enhanced RTMP: fields of `connect` and of its reply (Enhanced RTMP v2,
//! "Enhancing NetConnection connect Command"). Nothing is negotiated: each end states its own.

use super::Value;
use crate::rtmp::amf0::Properties;

/// The capability fields; empty for a peer that knows legacy RTMP alone, which is most of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// `fourCcList`: codecs that can be received, by FourCC; `*` for any. The form of Enhanced RTMP v1.
    pub four_cc_list: Vec<String>,
    /// `videoFourCcInfoMap`: for each FourCC, or `*`, what can be done with it.
    pub video: Vec<(String, CodecAbility)>,
    /// `audioFourCcInfoMap`, likewise.
    pub audio: Vec<(String, CodecAbility)>,
    /// `capsEx`.
    pub flags: CapabilityFlags,
}

/// A mask of what can be done with a codec. Unknown bits are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CodecAbility(pub u32);

impl CodecAbility {
    /// It can be decoded.
    pub const DECODE: Self = Self(1);
    /// It can be encoded.
    pub const ENCODE: Self = Self(2);
    /// It can be passed on as it is: what a relay does.
    pub const FORWARD: Self = Self(4);
}

/// The mask `capsEx`. Unknown bits are kept; 0 is not sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CapabilityFlags(pub u32);

impl CapabilityFlags {
    /// Follows a request to reconnect.
    pub const RECONNECT: Self = Self(1);
    /// Several tracks in one publish.
    pub const MULTITRACK: Self = Self(2);
    /// Packets with modifiers in front.
    pub const MOD_EX: Self = Self(4);
    /// The modifier that gives nanoseconds.
    pub const TIMESTAMP_NANO_OFFSET: Self = Self(8);

    /// The flags of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all flags of the other are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

const KEY_LIST: &str = "fourCcList";
const KEY_VIDEO: &str = "videoFourCcInfoMap";
const KEY_AUDIO: &str = "audioFourCcInfoMap";
const KEY_FLAGS: &str = "capsEx";

impl Capabilities {
    /// Those of a relay: it passes on every codec, with whatever stands around it.
    pub fn relay() -> Self {
        let any = || vec![("*".to_owned(), CodecAbility::FORWARD)];
        let flags =
            CapabilityFlags::MULTITRACK.with(CapabilityFlags::MOD_EX).with(CapabilityFlags::TIMESTAMP_NANO_OFFSET);
        Self { four_cc_list: vec!["*".to_owned()], video: any(), audio: any(), flags }
    }

    /// Those among the properties of that object.
    pub(super) fn read(object: &Value) -> Self {
        let list = match object.property(KEY_LIST) {
            Some(Value::StrictArray(codecs)) => codecs.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        Self {
            four_cc_list: list,
            video: read_map(object.property(KEY_VIDEO)),
            audio: read_map(object.property(KEY_AUDIO)),
            flags: CapabilityFlags(object.property(KEY_FLAGS).map(read_mask).unwrap_or_default()),
        }
    }

    /// Appends the fields that say something.
    pub(super) fn write(&self, properties: &mut Properties) {
        let mut push = |key: &str, value: Value| properties.push((key.to_owned(), value));
        if !self.four_cc_list.is_empty() {
            push(KEY_LIST, Value::StrictArray(self.four_cc_list.iter().map(|codec| codec.as_str().into()).collect()));
        }
        for (key, map) in [(KEY_VIDEO, &self.video), (KEY_AUDIO, &self.audio)] {
            if !map.is_empty() {
                let entries = map.iter().map(|(codec, ability)| (codec.clone(), f64::from(ability.0).into()));
                push(key, Value::Object(entries.collect()));
            }
        }
        if self.flags != CapabilityFlags::default() {
            push(KEY_FLAGS, f64::from(self.flags.0).into());
        }
    }
}

fn read_map(map: Option<&Value>) -> Vec<(String, CodecAbility)> {
    let entries = map.and_then(Value::properties).unwrap_or_default();
    entries.iter().map(|(codec, mask)| (codec.clone(), CodecAbility(read_mask(mask)))).collect()
}

/// A mask is a number on the wire; the cast takes fractions off and keeps anything else within 32 bits.
fn read_mask(value: &Value) -> u32 {
    value.as_number().unwrap_or_default() as u32
}

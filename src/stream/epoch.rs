//! The codec configuration in force at a message.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::media::{Codec, ConfigurationKind, Inspector, Kind, Slot};

/// The most that an epoch holds, in bytes: sequence headers of dozens of tracks and a long onMetaData. A publisher that
/// fills slot after slot must not grow us.
const LARGEST: usize = 1 << 20;

/// An immutable set of codec configuration: one slot for each (media, track, kind of configuration), holding the FLV tag
/// body that announces it.
///
/// Every message points to the epoch under which it was encoded. A sender keeps the epoch that it announced last and, before
/// the next message, announces the slots whose bytes differ. First connect, reconnect, a jump after a drop, late audio and a
/// codec change in mid-stream are all that one comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Epoch {
    slots: BTreeMap<Slot, Bytes>,
}

impl Epoch {
    /// The epoch that follows when `slot` is filled with `payload`, or `None` where nothing changes: encoders repeat their
    /// sequence headers. Past 1 MiB in all nothing more is taken.
    pub fn with(&self, slot: Slot, payload: Bytes) -> Option<Self> {
        let before = self.slots.get(&slot);
        if before == Some(&payload) || self.bytes() - before.map_or(0, Bytes::len) + payload.len() > LARGEST {
            return None;
        }
        let mut slots = self.slots.clone();
        slots.insert(slot, payload);
        Some(Self { slots })
    }

    /// The epoch that follows when `slot` is cleared, or `None` where it was empty.
    pub fn without(&self, slot: Slot) -> Option<Self> {
        let mut slots = self.slots.clone();
        slots.remove(&slot)?;
        Some(Self { slots })
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        self.slots.values().map(Bytes::len).sum()
    }

    /// What fills `slot`.
    pub fn slot(&self, slot: Slot) -> Option<&Bytes> {
        self.slots.get(&slot)
    }

    /// The slots that a sender which announced `announced` must announce now, in the order of announcing.
    pub fn changed_since<'a>(&'a self, announced: &'a Self) -> impl Iterator<Item = (Slot, &'a Bytes)> {
        self.slots
            .iter()
            .filter(|(slot, payload)| announced.slots.get(slot) != Some(payload))
            .map(|(slot, payload)| (*slot, payload))
    }

    /// The codec of the default track of `kind`, where it has a sequence header.
    pub fn codec(&self, kind: Kind) -> Option<Codec> {
        let payload = self.slots.get(&sequence_header(kind))?;
        Inspector::new().inspect(kind, payload).codec
    }

    /// Whether a frame of the default track of `kind` in `codec` can be decoded with what this epoch holds.
    pub fn can_decode(&self, kind: Kind, codec: Option<Codec>) -> bool {
        !codec.is_some_and(|codec| codec.needs_sequence_header()) || self.slots.contains_key(&sequence_header(kind))
    }
}

fn sequence_header(kind: Kind) -> Slot {
    Slot { kind, track: 0, configuration: ConfigurationKind::SequenceHeader }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIDEO: Slot = Slot { kind: Kind::Video, track: 0, configuration: ConfigurationKind::SequenceHeader };
    const AUDIO: Slot = Slot { kind: Kind::Audio, track: 0, configuration: ConfigurationKind::SequenceHeader };
    const METADATA: Slot = Slot { kind: Kind::Data, track: 0, configuration: ConfigurationKind::OnMetaData };

    #[test]
    fn a_repeated_header_changes_nothing() {
        let epoch = Epoch::default().with(VIDEO, Bytes::from_static(b"a")).unwrap();
        assert!(epoch.with(VIDEO, Bytes::from_static(b"a")).is_none());
        assert!(epoch.with(VIDEO, Bytes::from_static(b"b")).is_some());
    }

    #[test]
    fn only_what_differs_is_announced_metadata_first() {
        let first = Epoch::default()
            .with(VIDEO, Bytes::from_static(b"v1"))
            .and_then(|e| e.with(METADATA, Bytes::from_static(b"m1")))
            .unwrap();
        let all: Vec<_> = first.changed_since(&Epoch::default()).map(|(slot, _)| slot).collect();
        assert_eq!(all, [METADATA, VIDEO]);

        let second = first
            .with(VIDEO, Bytes::from_static(b"v2"))
            .and_then(|e| e.with(AUDIO, Bytes::from_static(b"a1")))
            .unwrap();
        let changed: Vec<_> = second.changed_since(&first).map(|(slot, _)| slot).collect();
        assert_eq!(changed, [AUDIO, VIDEO]);
        assert_eq!(second.changed_since(&second).count(), 0);
    }

    #[test]
    fn clearing_an_empty_slot_changes_nothing() {
        let epoch = Epoch::default().with(METADATA, Bytes::from_static(b"m")).unwrap();
        assert_eq!(epoch.without(METADATA), Some(Epoch::default()));
        assert!(epoch.without(VIDEO).is_none());
    }
}

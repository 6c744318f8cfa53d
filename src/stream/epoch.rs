//! The codec configuration in force at a message.

use std::{collections::BTreeMap, sync::Arc};

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
    /// Length of all that is in `slots`.
    bytes: usize,
}

impl Epoch {
    /// Fills `slot` with `payload`, in an epoch of its own where others hold this one: one copy for all tracks of a
    /// message. Nothing changes where the slot is the same already, since encoders repeat their sequence headers. Past 1 MiB
    /// in all nothing more is taken.
    pub fn fill(this: &mut Arc<Self>, slot: Slot, payload: Bytes) {
        let before = this.slots.get(&slot);
        let bytes = this.bytes - before.map_or(0, Bytes::len) + payload.len();
        if before == Some(&payload) || bytes > LARGEST {
            return;
        }
        let epoch = Arc::make_mut(this);
        epoch.slots.insert(slot, payload);
        epoch.bytes = bytes;
    }

    /// Clears `slot`, as [`fill`](Self::fill) fills it.
    pub fn clear(this: &mut Arc<Self>, slot: Slot) {
        if !this.slots.contains_key(&slot) {
            return;
        }
        let epoch = Arc::make_mut(this);
        let cleared = epoch.slots.remove(&slot);
        epoch.bytes -= cleared.map_or(0, |payload| payload.len());
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        self.bytes
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

    fn filled(from: &Arc<Epoch>, slots: &[(Slot, &'static [u8])]) -> Arc<Epoch> {
        let mut epoch = Arc::clone(from);
        for (slot, payload) in slots {
            Epoch::fill(&mut epoch, *slot, Bytes::from_static(payload));
        }
        epoch
    }

    #[test]
    fn a_repeated_header_changes_nothing() {
        let first = filled(&Arc::default(), &[(VIDEO, b"a")]);
        assert!(Arc::ptr_eq(&first, &filled(&first, &[(VIDEO, b"a")])));
        let second = filled(&first, &[(VIDEO, b"bc")]);
        assert_eq!((first.bytes(), second.bytes()), (1, 2), "who holds the first one sees no change");
    }

    #[test]
    fn only_what_differs_is_announced_metadata_first() {
        let first = filled(&Arc::default(), &[(VIDEO, b"v1"), (METADATA, b"m1")]);
        let all: Vec<_> = first.changed_since(&Epoch::default()).map(|(slot, _)| slot).collect();
        assert_eq!(all, [METADATA, VIDEO]);

        let second = filled(&first, &[(VIDEO, b"v2"), (AUDIO, b"a1")]);
        let changed: Vec<_> = second.changed_since(&first).map(|(slot, _)| slot).collect();
        assert_eq!(changed, [AUDIO, VIDEO]);
        assert_eq!(second.changed_since(&second).count(), 0);
    }

    #[test]
    fn clearing_an_empty_slot_changes_nothing() {
        let first = filled(&Arc::default(), &[(METADATA, b"m")]);
        let mut second = Arc::clone(&first);
        Epoch::clear(&mut second, VIDEO);
        assert!(Arc::ptr_eq(&first, &second));
        Epoch::clear(&mut second, METADATA);
        assert_eq!((first.bytes(), &*second), (1, &Epoch::default()));
    }

    #[test]
    fn slot_after_slot_is_filled_up_to_a_bound() {
        let half = Bytes::from(vec![0; LARGEST / 2]);
        let mut epoch = Arc::default();
        for track in 0..=255 {
            Epoch::fill(&mut epoch, Slot { track, ..VIDEO }, half.clone());
        }
        assert_eq!((epoch.bytes(), epoch.slots.len()), (LARGEST, 2));
        Epoch::fill(&mut epoch, Slot { track: 1, ..VIDEO }, Bytes::from_static(b"less"));
        assert_eq!(epoch.bytes(), LARGEST / 2 + 4);
    }
}

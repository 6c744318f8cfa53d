//! The slots of an epoch that a configuration message fills.

use bytes::Bytes;

use super::enhanced::{Body, Enhanced, Packet};
use super::part::{Content, Part};
use super::{Class, Codec, ConfigurationKind, Description, Kind, Packaging, metadata};

/// A place for one configuration message. Slots sort in the order in which they are announced to a peer:
/// metadata, then every audio track, then every video track, as OBS does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// Of the message.
    pub kind: Kind,
    /// Id of the track; 0 is the default track, and that of data.
    pub track: u8,
    /// What is configured.
    pub configuration: ConfigurationKind,
}

/// The slots that a message of [`Class::Configuration`] fills, each with a message that can be announced by itself;
/// none for other messages.
///
/// - The payload goes into its slot as it is. A message with several tracks is split into messages of one track each.
/// - `onMetaData` is kept without `@setDataFrame`. An **empty payload clears** the slot: `@clearDataFrame`.
/// - A sequence header without a record fills nothing where the codec needs one: some encoders send it
///   before they know their configuration, and it must not displace a good one.
pub fn configurations(kind: Kind, payload: &Bytes, description: &Description) -> Vec<(Slot, Bytes)> {
    let Class::Configuration(configuration) = description.class else { return Vec::new() };
    if kind == Kind::Data {
        let slot = Slot { kind, track: 0, configuration };
        let stored = if metadata::is_clear(payload) { Bytes::new() } else { metadata::unwrap(payload) };
        return vec![(slot, stored)];
    }
    if description.packaging == Packaging::Legacy {
        let slot = Part::of_legacy(kind, payload).and_then(|part| slot_of(kind, &part));
        return slot.map(|slot| (slot, payload.clone())).into_iter().collect();
    }
    let Some(Enhanced { frame_type, packet_type, body, .. }) = Enhanced::read(kind, payload) else {
        return Vec::new();
    };
    match body {
        Body::Command => Vec::new(),
        Body::Plain(track) | Body::OneTrack(track) => {
            let slot = slot_of(kind, &Part::of_track(kind, packet_type, track));
            slot.map(|slot| (slot, payload.clone())).into_iter().collect()
        }
        Body::ManyTracks(tracks) => tracks
            .filter_map(|track| {
                let slot = slot_of(kind, &Part::of_track(kind, packet_type, track))?;
                let packet = Packet { kind, frame_type, packet_type, four_cc: track.four_cc, data: track.data };
                Some((slot, packet.on_track(track.id)))
            })
            .collect(),
    }
}

fn slot_of(kind: Kind, part: &Part<'_>) -> Option<Slot> {
    let Content::Configuration(configuration, record) = part.content else { return None };
    let lacks_record = configuration == ConfigurationKind::SequenceHeader && record.is_empty();
    if lacks_record && Codec::needs_sequence_header(part.codec) {
        return None;
    }
    Some(Slot { kind, track: part.track, configuration })
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::{many_codecs, many_tracks};
    use crate::media::{FourCc, Inspector};

    fn filled(kind: Kind, payload: &Bytes) -> Vec<(Slot, Bytes)> {
        let description = Inspector::new().inspect(kind, payload);
        configurations(kind, payload, &description)
    }

    fn header_slot(kind: Kind, track: u8) -> Slot {
        Slot { kind, track, configuration: ConfigurationKind::SequenceHeader }
    }

    #[test]
    fn a_header_goes_into_its_slot_as_it_is() {
        let table: &[(Kind, &'static [u8], u8)] = &[
            (Kind::Video, b"\x17\x00\0\0\0\x01\x64", 0),
            (Kind::Audio, b"\xaf\x00\x11\x90", 0),
            (Kind::Video, b"\x90hvc1\x01", 0),
            (Kind::Audio, b"\x95\x00mp4a\x01\x11\x90", 1),
        ];
        for (kind, payload, track) in table {
            let payload = Bytes::from_static(payload);
            let filled = filled(*kind, &payload);
            assert_eq!(filled, [(header_slot(*kind, *track), payload.clone())]);
            assert_eq!(filled[0].1.as_ptr(), payload.as_ptr());
        }
    }

    #[test]
    fn many_tracks_are_split() {
        let message = many_codecs(Kind::Video, 9, 0, &[(FourCc::AVC, 0, b"\x01\x64"), (FourCc::HEVC, 3, b"\x01")]);
        let expected = [
            (header_slot(Kind::Video, 0), Bytes::from_static(b"\x96\x00avc1\x00\x01\x64")),
            (header_slot(Kind::Video, 3), Bytes::from_static(b"\x96\x00hvc1\x03\x01")),
        ];
        assert_eq!(filled(Kind::Video, &message), expected);

        let message = many_tracks(Kind::Audio, 9, 4, FourCc::OPUS, &[(2, b"\x00\x02")]);
        let configuration = ConfigurationKind::MultichannelConfig;
        let slot = Slot { kind: Kind::Audio, track: 2, configuration };
        assert_eq!(filled(Kind::Audio, &message), [(slot, Bytes::from_static(b"\x95\x04Opus\x02\x00\x02"))]);
    }

    #[test]
    fn a_header_without_a_record_fills_nothing_where_one_is_needed() {
        for (kind, payload) in
            [(Kind::Video, &b"\x17\x00\0\0\0"[..]), (Kind::Audio, b"\xaf\x00"), (Kind::Video, b"\x90av01")]
        {
            assert_eq!(filled(kind, &Bytes::from_static(payload)), []);
        }
        let message = many_tracks(Kind::Video, 9, 0, FourCc::AVC, &[(0, b""), (1, b"\x01")]);
        assert_eq!(filled(Kind::Video, &message).len(), 1);
        // FFmpeg begins an AC-3 track so: there is no more to say.
        let ac3 = Bytes::from_static(b"\x90ac-3");
        assert_eq!(filled(Kind::Audio, &ac3), [(header_slot(Kind::Audio, 0), ac3)]);
    }

    #[test]
    fn metadata_is_kept_bare_and_can_be_cleared() {
        let slot = Slot { kind: Kind::Data, track: 0, configuration: ConfigurationKind::OnMetaData };
        let bare = Bytes::from_static(b"\x02\x00\x0aonMetaData\x08\0\0\0\0\0\0\x09");
        assert_eq!(filled(Kind::Data, &bare), [(slot, bare.clone())]);
        assert_eq!(filled(Kind::Data, &metadata::wrap(&bare)), [(slot, bare)]);
        let clear = Bytes::from_static(b"\x02\x00\x0f@clearDataFrame\x02\x00\x0aonMetaData");
        assert_eq!(filled(Kind::Data, &clear), [(slot, Bytes::new())]);
    }

    #[test]
    fn other_messages_fill_nothing() {
        assert_eq!(filled(Kind::Audio, &Bytes::from_static(b"\xaf\x01\x21")), []);
        assert_eq!(filled(Kind::Data, &Bytes::from_static(b"\x02\x00\x0aonCuePoint")), []);
    }

    #[test]
    fn slots_sort_in_the_order_of_announcing() {
        let mut slots = [header_slot(Kind::Video, 0), header_slot(Kind::Audio, 1), header_slot(Kind::Audio, 0)];
        slots.sort();
        assert_eq!(slots, [header_slot(Kind::Audio, 0), header_slot(Kind::Audio, 1), header_slot(Kind::Video, 0)]);
        let metadata = Slot { kind: Kind::Data, track: 0, configuration: ConfigurationKind::OnMetaData };
        assert!(metadata < slots[0]);
        let color = Slot { configuration: ConfigurationKind::ColorInfo, ..slots[2] };
        assert!(slots[2] < color, "the header before what refines it");
    }
}

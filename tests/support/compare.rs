//! Is what arrived what was published?

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;

use crate::support::flv::{AUDIO, Slot, Tag, VIDEO};
use crate::support::wire::Session;

/// The coded audio and video alone.
pub(crate) fn frames(tags: &[Tag]) -> Vec<Tag> {
    tags.iter().filter(|tag| tag.is_media() && !tag.is_configuration()).cloned().collect()
}

/// The pictures and their configurations alone.
pub(crate) fn video(tags: &[Tag]) -> Vec<Tag> {
    tags.iter().filter(|tag| tag.kind == VIDEO).cloned().collect()
}

/// From the first keyframe on.
pub(crate) fn from_first_keyframe(tags: &[Tag]) -> &[Tag] {
    let first = tags.iter().position(Tag::is_keyframe).expect("there is a keyframe");
    &tags[first..]
}

/// In the order of their timestamps; audio first of two that have the same.
pub(crate) fn by_time(tags: &[Tag]) -> Vec<Tag> {
    let mut tags = tags.to_vec();
    tags.sort_by_key(|tag| (tag.timestamp, tag.kind));
    tags
}

/// Asserts that `received` is exactly what was `published` from its first keyframe on: every configuration before the first
/// frame that needs it, then the same frames, byte for byte and in order, timestamps differing by one constant.
#[track_caller]
pub(crate) fn assert_same(name: &str, published: &[Tag], received: &[Tag]) {
    let wanted = frames(from_first_keyframe(published));
    // Where audio was there before any picture was announced, a destination may have begun with it.
    let got = frames(from_first_keyframe(received));
    assert_configured(name, received);
    assert_equal_payloads(name, &wanted, &got);
    assert_constant_offset(name, &wanted, &got);
    assert_eq!(configurations(received), configurations(published), "{name}: the configurations differ");
}

/// What stood in each slot when the first keyframe came, and what replaced it later.
///
/// A configuration that only repeats the one before it is left out, because recorders and senders repeat them at will: nginx's
/// recorder writes the AAC header that it keeps and then the one that arrives. A decoder sees no difference.
fn configurations(tags: &[Tag]) -> BTreeMap<Slot, Vec<Bytes>> {
    let first_keyframe = tags.iter().position(Tag::is_keyframe).expect("there is a keyframe");
    let mut slots: BTreeMap<Slot, Vec<Bytes>> = BTreeMap::new();
    for (index, tag) in tags.iter().enumerate().filter(|(_, tag)| tag.is_media()) {
        let Some(slot) = tag.configures() else { continue };
        let slot = slots.entry(slot).or_default();
        if index < first_keyframe {
            slot.clear();
        }
        if slot.last() != Some(&tag.payload) {
            slot.push(tag.payload.clone());
        }
    }
    slots
}

/// Asserts that no frame comes before the sequence header of its track, and that the first picture is a keyframe.
#[track_caller]
pub(crate) fn assert_configured(name: &str, received: &[Tag]) {
    let mut configured = BTreeSet::new();
    let mut has_picture = false;
    for tag in received.iter().filter(|tag| tag.is_media()) {
        if tag.is_configuration() {
            configured.insert((tag.kind, tag.track()));
            continue;
        }
        assert!(configured.contains(&(tag.kind, tag.track())), "{name}: {tag:?} came before its sequence header");
        if tag.kind == VIDEO && tag.track() == 0 && !has_picture {
            assert!(tag.is_keyframe(), "{name}: the first picture {tag:?} is no keyframe");
            has_picture = true;
        }
    }
}

#[track_caller]
pub(crate) fn assert_equal_payloads(name: &str, wanted: &[Tag], got: &[Tag]) {
    for (index, (wanted, got)) in wanted.iter().zip(got).enumerate() {
        assert!(
            wanted.kind == got.kind && wanted.payload == got.payload,
            "{name}: frame {index} differs: published {wanted:?}, received {got:?}"
        );
    }
    assert_eq!(wanted.len(), got.len(), "{name}: published {} frames, received {}", wanted.len(), got.len());
}

#[track_caller]
fn assert_constant_offset(name: &str, wanted: &[Tag], got: &[Tag]) {
    let offset = |index: usize| i64::from(got[index].timestamp) - i64::from(wanted[index].timestamp);
    for index in 0..got.len() {
        assert_eq!(
            offset(index),
            offset(0),
            "{name}: at frame {index} the timestamps moved: published {:?}, received {:?}",
            wanted[index],
            got[index]
        );
    }
}

/// Asserts that `received` is a run of what was `published`: the frames from one keyframe on, none missing, up to some frame.
#[track_caller]
pub(crate) fn assert_run_from_keyframe(name: &str, published: &[Tag], received: &[Tag]) {
    assert_configured(name, received);
    let wanted = frames(published);
    let got = frames(received);
    let first = got.first().unwrap_or_else(|| panic!("{name}: no frame came"));
    assert!(first.is_keyframe(), "{name}: it starts at {first:?}, which is no keyframe");
    let start = wanted
        .iter()
        .position(|tag| tag.payload == first.payload)
        .unwrap_or_else(|| panic!("{name}: its first frame {first:?} was never published"));
    let end = (start + got.len()).min(wanted.len());
    assert_equal_payloads(name, &wanted[start..end], &got);
}

/// Asserts that the timestamps of each kind never step back.
#[track_caller]
pub(crate) fn assert_monotonic(name: &str, received: &[Tag]) {
    for kind in [AUDIO, VIDEO] {
        let times: Vec<&Tag> = received.iter().filter(|tag| tag.kind == kind).collect();
        for pair in times.windows(2) {
            assert!(
                pair[0].timestamp <= pair[1].timestamp,
                "{name}: time runs back from {:?} to {:?}",
                pair[0],
                pair[1]
            );
        }
    }
}

/// Asserts that every stretch of frames that a destination got begins at a keyframe and that nothing within a stretch is
/// missing, and counts the stretches.
#[track_caller]
pub(crate) fn count_stretches(name: &str, published: &[Tag], sessions: &[Session]) -> usize {
    let published = frames(published);
    let indices: HashMap<&Bytes, usize> =
        published.iter().enumerate().map(|(index, tag)| (&tag.payload, index)).collect();
    let mut stretches = 0;
    for session in sessions {
        assert_configured(name, &session.tags);
        let mut expected = None;
        for tag in frames(&session.tags) {
            let index = *indices.get(&tag.payload).unwrap_or_else(|| panic!("{name}: {tag:?} was never published"));
            if expected != Some(index) {
                assert!(tag.is_keyframe(), "{name}: after a gap it went on at {tag:?}, which is no keyframe");
                stretches += 1;
            }
            expected = Some(index + 1);
        }
    }
    stretches
}

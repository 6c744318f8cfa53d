//! The publisher's 32-bit timestamps laid onto one 64-bit timeline.

use std::{collections::BTreeMap, time::Duration};

use crate::media::Kind;

/// A step of a track's clock past which it says nothing any more, in milliseconds: the track is anchored by arrival time.
const LARGEST_STEP: i64 = 10_000;

/// A stream's own clock, in milliseconds from its first message, over every publish of the stream.
///
/// Wrap at 32 bits (and at 31, where an encoder masks its clock), a restart at zero and backward steps are dealt with here,
/// once, so that nothing downstream needs to know of them. RTMP timestamps: section 5.3.1 of the RTMP 1.0 specification.
#[derive(Debug, Default)]
pub struct Timeline {
    /// The tracks of the present publish.
    tracks: BTreeMap<(Kind, u8), Anchor>,
    /// The message placed last, of any audio or video track: where a new or jumping track finds its place beside the others.
    latest: Option<Anchor>,
    /// The last time given out on each track, over all publishes: no track ever runs back.
    given: BTreeMap<(Kind, u8), i64>,
    /// The furthest end of any track, over all publishes.
    end: Option<Anchor>,
}

/// A message whose place is known.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    raw: u32,
    placed: i64,
    /// What was given out: `placed`, unless the track would have run back.
    given: i64,
    arrival: Duration,
}

impl Timeline {
    /// A publish begins: its clock owes nothing to the one before.
    pub fn begin_publish(&mut self) {
        self.tracks.clear();
        self.latest = None;
    }

    /// The place of a message with the publisher's timestamp `raw` (ms) that arrived at `now`.
    ///
    /// Call it in the order of arrival. Within a track the result never runs back.
    pub fn place(&mut self, kind: Kind, track: u8, raw: u32, now: Duration) -> i64 {
        let own = self.tracks.get(&(kind, track)).copied();
        let placed = own
            .and_then(|own| own.by_clock(raw))
            // Tracks of one publish share its clock: one that is new, or that jumps after another did, keeps its distance.
            .or_else(|| self.latest?.by_clock(raw))
            .or_else(|| Some(own.or(self.latest)?.by_arrival(now)))
            // The first message of a publish comes after all that was there before, by the real gap.
            .or_else(|| Some(self.end?.by_arrival(now)))
            .unwrap_or(0);
        let given = self.given.get(&(kind, track)).map_or(placed, |last| placed.max(*last));
        self.given.insert((kind, track), given);
        let anchor = Anchor { raw, placed, given, arrival: now };
        self.tracks.insert((kind, track), anchor);
        // The clock of data messages is often a constant zero: nobody else is to be measured by it.
        if kind != Kind::Data {
            self.latest = Some(anchor);
            if self.end.is_none_or(|end| given >= end.given) {
                self.end = Some(anchor);
            }
        }
        given
    }
}

impl Anchor {
    /// The place of `raw` by the publisher's clock, where that has not jumped.
    fn by_clock(&self, raw: u32) -> Option<i64> {
        let step = step(self.raw, raw);
        (step.abs() <= LARGEST_STEP).then_some(self.placed + step)
    }

    /// The place of something that arrives at `now`, whatever the publisher's clock says.
    fn by_arrival(&self, now: Duration) -> i64 {
        let gap = now.saturating_sub(self.arrival).as_millis();
        self.given.saturating_add(i64::try_from(gap).unwrap_or(i64::MAX))
    }
}

/// The signed step from one raw timestamp to the next, modulo 2^32; modulo 2^31 where an encoder that masks the top bit wraps.
fn step(from: u32, to: u32) -> i64 {
    let wide = to.wrapping_sub(from);
    let masked = i64::from((wide << 1).cast_signed() >> 1);
    if from.max(to) < 1 << 31 && masked.abs() <= LARGEST_STEP {
        return masked;
    }
    i64::from(wide.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Places `(kind, raw, arrival)` one after the other.
    fn place_all(timeline: &mut Timeline, messages: &[(Kind, u32, u64)]) -> Vec<i64> {
        messages.iter().map(|&(kind, raw, arrival)| timeline.place(kind, 0, raw, at(arrival))).collect()
    }

    #[test]
    fn histories() {
        use Kind::{Audio as A, Data as D, Video as V};
        let table: &[(&str, &[(Kind, u32, u64)], &[i64])] = &[
            ("starts at zero whatever the publisher says", &[(V, 5000, 0), (V, 5040, 40)], &[0, 40]),
            ("past the 24-bit boundary", &[(V, 0xFF_FFF0, 0), (V, 0x100_0018, 40)], &[0, 40]),
            ("over the 32-bit wrap", &[(V, u32::MAX - 9, 0), (V, 30, 40)], &[0, 40]),
            ("over the wrap of a masked clock", &[(V, 0x7FFF_FFF6, 0), (V, 30, 40)], &[0, 40]),
            (
                "tracks may step back against each other",
                &[(V, 100, 0), (A, 80, 1), (V, 140, 40), (A, 101, 41)],
                &[0, -20, 40, 1],
            ),
            (
                "never back within a track, and no drift after it",
                &[(V, 100, 0), (V, 60, 40), (V, 140, 80)],
                &[0, 0, 40],
            ),
            (
                "a restart at zero is anchored by arrival, the second track beside the first",
                &[(V, 90_000, 0), (A, 90_010, 5), (V, 0, 40), (A, 15, 45), (V, 40, 80)],
                &[0, 10, 40, 55, 80],
            ),
            ("a jump ahead of a day", &[(V, 0, 0), (V, 86_400_000, 33), (V, 86_400_033, 66)], &[0, 33, 66]),
            (
                "a track with a clock of its own belongs where it arrives",
                &[(V, 3_600_000, 0), (A, 0, 10), (V, 3_600_040, 40), (A, 23, 33)],
                &[0, 10, 40, 33],
            ),
            (
                "data with a constant clock disturbs nobody",
                &[(V, 50_000, 0), (D, 0, 10), (V, 50_040, 40), (D, 0, 50), (A, 50_050, 50)],
                &[0, 10, 40, 10, 50],
            ),
        ];
        for (name, messages, expected) in table {
            assert_eq!(&place_all(&mut Timeline::default(), messages), expected, "{name}");
        }
    }

    #[test]
    fn a_returning_publish_begins_after_the_latest_track_by_the_real_gap() {
        let mut timeline = Timeline::default();
        place_all(&mut timeline, &[(Kind::Video, 1000, 0), (Kind::Audio, 1500, 10)]);
        timeline.begin_publish();
        // The audio reached 500 at 10 ms; the publisher is back 5 s later, its clock at zero.
        assert_eq!(timeline.place(Kind::Video, 0, 0, at(5010)), 5500);
        assert_eq!(timeline.place(Kind::Audio, 0, 20, at(5011)), 5520);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(10_000))]

        #[test]
        fn never_back_within_a_track(
            messages in proptest::collection::vec((0u8..3, 0u8..2, proptest::num::u32::ANY, 0u64..20_000, 0u8..40), 1..60)
        ) {
            let mut timeline = Timeline::default();
            let mut now = Duration::ZERO;
            let mut last = BTreeMap::new();
            for (kind, track, raw, wait, restart) in messages {
                let kind = [Kind::Audio, Kind::Video, Kind::Data][usize::from(kind)];
                now += at(wait);
                if restart == 0 {
                    timeline.begin_publish();
                }
                let placed = timeline.place(kind, track, raw, now);
                proptest::prop_assert!(last.insert((kind, track), placed).is_none_or(|before| placed >= before));
            }
        }
    }
}

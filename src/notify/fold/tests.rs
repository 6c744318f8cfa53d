use super::*;
use crate::{
    notify::limits,
    observe::{History, history::Bounds, record::Statement},
};

/// Makes records with rising numbers.
struct Maker(Arc<History>);

impl Maker {
    fn new() -> Self {
        Self(Arc::new(History::new(1, Bounds { records: 10, bytes: 1 << 20, crowd: 10 })))
    }

    fn of(&self, kind: Kind, destination: &str) -> Arc<Record> {
        self.0.note(Statement::new(kind, kind.to_string()).of("live", destination), std::time::SystemTime::UNIX_EPOCH);
        self.0.page(&Default::default(), 1).remove(0)
    }
}

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// A destination that fails and comes back twenty times within a minute.
#[test]
fn what_flaps_is_told_a_few_times_and_then_as_one_with_the_last_word() {
    let (make, mut fold, mut posts) = (Maker::new(), Fold::default(), Vec::new());
    for flap in 0..20 {
        let seconds = f64::from(flap) * 2.5;
        posts.extend(fold.take(make.of(Kind::DestinationFailed, "a"), at(seconds)));
        posts.extend(fold.take(make.of(Kind::DestinationRecovered, "a"), at(seconds + 1.0)));
        posts.extend(fold.release(at(seconds + 1.0)));
    }
    assert_eq!(posts.len(), 4, "{posts:?}");
    assert!(posts.iter().all(|post| post.folded == 0));
    assert_eq!(fold.due(), Some(at(60.0)));
    assert_eq!(fold.release(at(59.9)), []);
    let last = fold.release(at(60.0));
    assert_eq!(last.len(), 1);
    assert_eq!((last[0].record.id, last[0].record.kind, last[0].folded), (40, Kind::DestinationRecovered, 35));
    assert_eq!(fold.due(), None);
    // The next minute has begun with that one.
    let more: Vec<_> = (0..5).filter_map(|_| fold.take(make.of(Kind::DestinationFailed, "a"), at(61.0))).collect();
    assert_eq!(more.len(), 3);
}

#[test]
fn what_flaps_does_not_keep_another_from_being_told() {
    let (make, mut fold) = (Maker::new(), Fold::default());
    for _ in 0..50 {
        fold.take(make.of(Kind::DestinationFailed, "a"), at(1.0));
    }
    let told = fold.take(make.of(Kind::DestinationFailed, "b"), at(1.0));
    assert_eq!(told.map(|post| post.record.id), Some(51));
    // Streams and what is about neither are subjects of their own.
    let stream = Statement::new(Kind::PublisherLost, "lost".to_owned()).of_stream("live");
    make.0.note(stream, std::time::SystemTime::UNIX_EPOCH);
    assert!(fold.take(make.0.page(&Default::default(), 1).remove(0), at(1.0)).is_some());
}

/// A server that carries five hundred destinations goes away.
#[test]
fn a_storm_is_told_by_some_and_one_that_counts_the_rest() {
    let (make, mut fold) = (Maker::new(), Fold::default());
    let of = |kind, index: u32| make.of(kind, &index.to_string());
    let failed = (0..500).filter_map(|index| fold.take(of(Kind::DestinationFailed, index), at(0.0))).count();
    assert_eq!(failed, 20);
    let recovered = (0..500).filter_map(|index| fold.take(of(Kind::DestinationRecovered, index), at(30.0))).count();
    assert_eq!(recovered, 0);
    let digest = fold.release(at(60.0));
    assert_eq!(digest.len(), 1);
    // The worst, and of those the last.
    assert_eq!((digest[0].record.kind, digest[0].folded), (Kind::DestinationFailed, 979));
    assert_eq!(digest[0].record.id, 500);
    assert!(fold.take(of(Kind::DestinationFailed, 7), at(61.0)).is_some());
}

#[test]
fn slow_news_are_never_folded() {
    let (make, mut fold) = (Maker::new(), Fold::default());
    for minute in 0..100 {
        let now = at(f64::from(minute) * 16.0);
        assert!(fold.take(make.of(Kind::DestinationFailed, "a"), now).is_some(), "{minute}");
        assert_eq!(fold.due(), None);
    }
    assert_eq!(fold.subjects.len(), 1);
    fold.take(make.of(Kind::DestinationFailed, "b"), at(10_000.0));
    assert_eq!(fold.subjects.len(), 1, "what is long ago is forgotten");
}

#[test]
fn at_the_end_all_that_waits_is_told_in_order() {
    let (make, mut fold) = (Maker::new(), Fold::default());
    for _ in 0..6 {
        fold.take(make.of(Kind::DestinationFailed, "b"), at(0.0));
        fold.take(make.of(Kind::DestinationFailed, "a"), at(0.0));
    }
    let ids: Vec<_> = fold.release_all().into_iter().map(|post| (post.record.id, post.folded)).collect();
    assert_eq!(ids, [(11, 1), (12, 1)]);
    assert_eq!((fold.release_all(), fold.due()), (vec![], None));
}

/// However events come, every one of them is told, by itself or in a number; and no minute has more posts than two windows.
#[test]
fn no_event_is_lost_and_no_minute_is_full() {
    let mut seed = 7u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for _ in 0..50 {
        let (make, mut fold) = (Maker::new(), Fold::default());
        let (mut now, mut events, mut posts): (u64, u64, Vec<(u64, u64)>) = (0, 0, Vec::new());
        let (destinations, pause) = (1 + random(40), 1 + random(5_000));
        for _ in 0..400 {
            now += random(pause);
            let millis = Duration::from_millis(now);
            let record = make.of(Kind::DestinationFailed, &random(destinations).to_string());
            events += 1;
            let made = fold.release(millis).into_iter().chain(fold.take(record, millis));
            posts.extend(made.map(|post| (now, post.folded)));
        }
        posts.extend(fold.release_all().into_iter().map(|post| (now, post.folded)));
        assert_eq!(posts.iter().map(|(_, folded)| folded + 1).sum::<u64>(), events);
        let most =
            posts.iter().map(|(from, _)| posts.iter().filter(|(at, _)| (*from..from + 60_000).contains(at)).count());
        // What waited for destinations is released at the end beyond the count.
        assert!(most.max() <= Some(2 * limits::OF_ALL as usize + 41), "{posts:?}");
    }
}

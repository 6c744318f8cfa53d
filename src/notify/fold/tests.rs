use super::*;
use crate::observe::{History, history::Bounds, record::Statement};

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

/// What a destination, or several, went through: what was told when, with how many were folded into it.
fn told(fold: &mut Fold, make: &Maker, history: &[(f64, Kind, &str)], until: f64) -> Vec<(f64, Kind, u64)> {
    let mut told = Vec::new();
    let mut history = history.iter().peekable();
    for tenth in 0..=(until * 10.0) as u32 {
        let now = f64::from(tenth) / 10.0;
        let mut posts = fold.release(at(now));
        while let Some((_, kind, destination)) = history.next_if(|(time, ..)| *time <= now) {
            posts.extend(fold.take(make.of(*kind, destination), at(now)));
        }
        told.extend(posts.into_iter().map(|post| (now, post.record.kind, post.folded)));
    }
    told
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
    let more = (0..5).filter_map(|round| fold.take(make.of(Kind::DestinationParked, "a"), at(61.0 + f64::from(round))));
    assert_eq!(more.count(), 3);
}

/// What was told before, and however much, whoever dies is told of within five seconds.
#[test]
fn a_failure_waits_neither_for_remarks_nor_for_the_end_of_what_flapped() {
    use Kind::{DestinationFailed as Failed, DestinationRecovered as Recovered, LimitExceeded as Limit};
    let (make, mut fold) = (Maker::new(), Fold::default());
    let limits = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0].map(|time| (time, Limit, "a"));
    let history = [&limits[..], &[(6.0, Failed, "a")]].concat();
    let all = told(&mut fold, &make, &history, 60.0);
    assert_eq!(all[..5], [(0.0, Limit, 0), (1.0, Limit, 0), (2.0, Limit, 0), (3.0, Limit, 0), (6.0, Failed, 0)]);
    assert_eq!(all[5..], [(9.0, Limit, 1)]);

    let (make, mut fold) = (Maker::new(), Fold::default());
    let mut history = Vec::new();
    for flap in 0..6 {
        history.extend([(f64::from(flap), Failed, "a"), (f64::from(flap) + 0.5, Recovered, "a")]);
    }
    history.push((6.0, Failed, "a"));
    let all = told(&mut fold, &make, &history, 100.0);
    assert_eq!(all[..4], [(0.0, Failed, 0), (0.5, Recovered, 0), (1.0, Failed, 0), (1.5, Recovered, 0)]);
    assert_eq!(all[4..], [(10.0, Failed, 8)], "four seconds after it died");
}

/// First its server closes, then nobody answers there: one death.
#[test]
fn a_death_is_told_once_and_what_it_becomes_with_the_next_word() {
    use Kind::DestinationStalling as Stalling;
    use Kind::{DestinationFailed as Failed, DestinationParked as Parked, DestinationRecovered as Recovered};
    let table: [(&[(f64, Kind, &str)], &[(f64, Kind, u64)]); 4] = [
        // Back within the minute: what was held is in that post.
        (&[(0.0, Failed, "a"), (0.5, Failed, "a"), (20.0, Recovered, "a")], &[(0.0, Failed, 0), (20.0, Recovered, 1)]),
        // Not back: the reason as it is then.
        (&[(0.0, Failed, "a"), (0.5, Failed, "a"), (9.0, Failed, "a")], &[(0.0, Failed, 0), (60.0, Failed, 1)]),
        // Given up after it stalled, and dead again after it was back.
        (
            &[(0.0, Stalling, "a"), (4.0, Failed, "a"), (5.0, Recovered, "a"), (6.0, Stalling, "a")],
            &[(0.0, Stalling, 0), (5.0, Recovered, 1), (6.0, Stalling, 0)],
        ),
        // That it needs a person is news.
        (&[(0.0, Failed, "a"), (0.5, Failed, "a"), (2.0, Parked, "a")], &[(0.0, Failed, 0), (2.0, Parked, 1)]),
    ];
    for (history, expected) in table {
        assert_eq!(told(&mut Fold::default(), &Maker::new(), history, 130.0), expected, "{history:?}");
    }
}

/// An endpoint that asked for failures alone.
#[test]
fn whoever_does_not_hear_of_recoveries_hears_of_the_next_failure() {
    let (make, mut fold) = (Maker::new(), Fold::default());
    assert!(fold.take(make.of(Kind::DestinationFailed, "a"), at(0.0)).is_some());
    assert!(fold.take(make.of(Kind::DestinationFailed, "a"), at(1.0)).is_none());
    fold.pass(&make.of(Kind::LimitKept, "a"));
    assert!(fold.take(make.of(Kind::DestinationFailed, "a"), at(2.0)).is_none(), "that says nothing of it");
    fold.pass(&make.of(Kind::DestinationRecovered, "a"));
    assert_eq!(fold.take(make.of(Kind::DestinationFailed, "a"), at(3.0)).map(|post| post.folded), Some(2));
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

/// The way out of a rack is cut: within four seconds everybody is named, in a few posts.
#[test]
fn thirty_that_fail_at_once_are_all_named_within_seconds() {
    let (make, mut fold, mut named) = (Maker::new(), Fold::default(), Vec::new());
    let mut posts = Vec::new();
    for millis in 0..5_000 {
        let now = Duration::from_millis(millis);
        posts.extend(fold.release(now));
        // One after the other, within two seconds.
        if millis % 70 == 0 && millis < 30 * 70 {
            posts.extend(fold.take(make.of(Kind::DestinationFailed, &(millis / 70).to_string()), now));
        }
    }
    assert!(posts.len() <= 8, "{} posts", posts.len());
    for post in &posts {
        named.extend([&post.record].into_iter().chain(&post.others).filter_map(|record| record.destination.clone()));
        assert_eq!(post.folded, post.others.len() as u64);
    }
    named.sort();
    named.dedup();
    assert_eq!(named.len(), 30);
}

/// A server that carries five hundred destinations goes away, and comes back half a minute later.
#[test]
fn a_storm_is_told_by_some_and_by_one_that_names_the_rest() {
    let (make, mut fold) = (Maker::new(), Fold::default());
    let storm = |fold: &mut Fold, kind, now: f64| {
        (0..500).filter_map(|index: u32| fold.take(make.of(kind, &index.to_string()), at(now))).count()
    };
    assert_eq!(storm(&mut fold, Kind::DestinationFailed, 0.0), 5);
    assert_eq!(fold.due(), Some(at(1.0)));
    let digest = fold.release(at(1.0));
    assert_eq!(digest.len(), 1);
    // The worst, and of those the last.
    assert_eq!((digest[0].record.id, digest[0].folded, digest[0].others.len()), (500, 494, 494));
    assert_eq!(storm(&mut fold, Kind::DestinationRecovered, 30.0), 5);
    let digest = fold.release(at(31.0));
    assert_eq!((digest[0].record.kind, digest[0].others.len()), (Kind::DestinationRecovered, 494));
    assert_eq!(fold.due(), None);
}

/// What is bad stands at the head, and of each the last word counts.
#[test]
fn what_goes_together_has_the_last_word_about_each() {
    let (make, mut fold) = (Maker::new(), Fold::default());
    for index in 0..5 {
        fold.take(make.of(Kind::DestinationFailed, &index.to_string()), at(0.0));
    }
    for (kind, destination) in [
        (Kind::DestinationFailed, "a"),
        (Kind::DestinationFailed, "b"),
        (Kind::LimitExceeded, "a"),
        (Kind::DestinationRecovered, "a"),
    ] {
        assert_eq!(fold.take(make.of(kind, destination), at(0.5)), None);
    }
    let posts = fold.release(at(1.5));
    let [Post { record, folded, others }] = posts.as_slice() else { panic!("{posts:?}") };
    assert_eq!((record.kind, record.destination.as_deref(), *folded), (Kind::DestinationFailed, Some("b"), 3));
    let others: Vec<_> = others.iter().map(|record| record.kind).collect();
    assert_eq!(others, [Kind::LimitExceeded, Kind::DestinationRecovered]);
}

#[test]
fn slow_news_are_never_folded() {
    let (make, mut fold) = (Maker::new(), Fold::default());
    for minute in 0..100 {
        let now = at(f64::from(minute) * 16.0);
        assert!(fold.take(make.of(Kind::DestinationParked, "a"), now).is_some(), "{minute}");
        assert_eq!(fold.due(), None);
    }
    assert_eq!(fold.windows.len(), 1);
    fold.take(make.of(Kind::DestinationFailed, "b"), at(10_000.0));
    assert_eq!(fold.windows.len(), 1, "what is long ago is forgotten");
}

#[test]
fn at_the_end_all_that_waits_is_told_in_order_and_much_as_one() {
    let (make, mut fold) = (Maker::new(), Fold::default());
    for _ in 0..3 {
        fold.take(make.of(Kind::DestinationFailed, "b"), at(0.0));
        fold.take(make.of(Kind::DestinationFailed, "a"), at(0.0));
    }
    let ids: Vec<_> = fold.release_all().into_iter().map(|post| (post.record.id, post.folded)).collect();
    assert_eq!(ids, [(5, 1), (6, 1)]);
    assert_eq!((fold.release_all(), fold.due()), (vec![], None));
    for index in 0..40 {
        fold.take(make.of(Kind::DestinationFailed, &index.to_string()), at(0.0));
    }
    let posts = fold.release_all();
    assert_eq!((posts.len(), posts[0].others.len() as u64), (1, posts[0].folded));
}

/// However events come, every one of them is told, by itself or in a number; nothing waits for longer than a minute, what is bad
/// for no longer than the time in which it settles and is gathered; and no minute has more posts than a chat takes.
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
            let kind = match random(3) {
                0 => Kind::DestinationRecovered,
                1 => Kind::LimitExceeded,
                _ => Kind::DestinationFailed,
            };
            let record = make.of(kind, &random(destinations).to_string());
            events += 1;
            let made = fold.release(millis).into_iter().chain(fold.take(record, millis));
            posts.extend(made.map(|post| (now, post.folded)));
            assert!(fold.due().is_none_or(|due| due <= millis + WINDOW));
        }
        let most =
            posts.iter().map(|(from, _)| posts.iter().filter(|(at, _)| (*from..from + 60_000).contains(at)).count());
        assert!(most.max() <= Some(27), "{posts:?}");
        posts.extend(fold.release_all().into_iter().map(|post| (now, post.folded)));
        assert_eq!(posts.iter().map(|(_, folded)| folded + 1).sum::<u64>(), events);
    }
}

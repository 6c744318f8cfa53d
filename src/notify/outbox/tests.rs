use super::*;
use crate::observe::{History, Kind, history::Bounds, record::Statement};

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// As many records, each about another destination.
fn records(count: usize) -> Vec<Arc<Record>> {
    let history = Arc::new(History::new(1, Bounds { records: count, bytes: usize::MAX, crowd: 0 }));
    for index in 0..count {
        let statement = Statement::new(Kind::DestinationFailed, index.to_string()).of("live", &index.to_string());
        history.note(statement, std::time::SystemTime::UNIX_EPOCH);
    }
    history.from_beginning().read(usize::MAX).records
}

fn filled(count: usize) -> Outbox {
    let mut outbox = Outbox::default();
    records(count).into_iter().for_each(|record| outbox.take(record, at(0)));
    outbox
}

/// The number of the record that is to be tried at that time.
fn next(outbox: &mut Outbox, now: Duration) -> Option<u64> {
    outbox.next(now).map(|post| post.record.id)
}

#[test]
fn what_fails_is_tried_again_in_order_at_growing_distances_and_then_given_up() {
    let mut outbox = filled(2);
    let mut now = at(0);
    for (tries, wait) in [1, 2, 5, 15, 30, 60].into_iter().enumerate() {
        assert_eq!(next(&mut outbox, now), Some(1));
        let told = outbox.failed(Again::Later(None), now);
        // Once may be an accident.
        assert_eq!(told, (tries == 1).then_some(Tell::Failing { lost: 0 }), "try {tries}");
        assert_eq!(outbox.wake_at(), Some(now + at(wait)));
        assert_eq!(next(&mut outbox, now + at(wait) - Duration::from_millis(1)), None);
        now += at(wait);
    }
    assert_eq!(next(&mut outbox, now), Some(1));
    assert_eq!(outbox.failed(Again::Later(None), now), Some(Tell::Failing { lost: 1 }));
    assert_eq!(next(&mut outbox, now), Some(2), "the next one, at once");
    assert_eq!(outbox.delivered(), Some(Tell::Recovered { lost: 1 }));
    assert_eq!((next(&mut outbox, now), outbox.wake_at(), outbox.waiting()), (None, None, 0));
}

#[test]
fn an_endpoint_may_ask_for_more_time_but_not_for_ever_and_not_for_less() {
    for (asked, wait) in [(0, 1), (30, 30), (86_400, 300)] {
        let mut outbox = filled(1);
        assert_eq!(next(&mut outbox, at(0)), Some(1));
        outbox.failed(Again::Later(Some(at(asked))), at(0));
        assert_eq!(outbox.wake_at(), Some(at(wait)), "{asked}");
    }
}

#[test]
fn what_no_try_will_change_is_lost_and_told_of_once_a_minute() {
    let mut outbox = filled(5);
    let mut told = Vec::new();
    for seconds in [0, 1, 59, 60, 61] {
        assert!(next(&mut outbox, at(seconds)).is_some());
        told.push(outbox.failed(Again::Never, at(seconds)));
    }
    let failing = |lost| Some(Tell::Failing { lost });
    assert_eq!(told, [failing(1), None, None, failing(3), None]);
}

/// A service that says how fast it is, by 429, takes everything all the same.
#[test]
fn an_endpoint_that_takes_each_post_at_the_second_try_is_not_told_of() {
    let mut outbox = filled(5);
    let mut now = at(0);
    for _ in 0..5 {
        assert!(next(&mut outbox, now).is_some());
        assert_eq!(outbox.failed(Again::Later(Some(at(3))), now), None);
        now += at(3);
        assert!(next(&mut outbox, now).is_some());
        assert_eq!(outbox.delivered(), None);
    }
}

#[test]
fn an_endpoint_that_comes_and_goes_is_told_of_once_a_minute() {
    let mut outbox = filled(6);
    let mut told = Vec::new();
    for round in 0..5 {
        let now = at(round * 20);
        assert!(next(&mut outbox, now).is_some());
        outbox.failed(Again::Later(None), now);
        assert!(next(&mut outbox, now + at(1)).is_some());
        told.extend(outbox.failed(Again::Later(None), now + at(1)).map(|tell| (round * 20 + 1, tell)));
        assert!(next(&mut outbox, now + at(3)).is_some());
        told.extend(outbox.delivered().map(|tell| (round * 20 + 3, tell)));
    }
    let (failing, recovered) = (Tell::Failing { lost: 0 }, Tell::Recovered { lost: 0 });
    assert_eq!(told, [(1, failing), (3, recovered), (61, failing), (63, recovered)]);
}

/// What an endpoint refuses for good is lost, and the endpoint is not too slow.
#[test]
fn what_was_refused_is_no_overflow() {
    let mut outbox = filled(5);
    for seconds in [0, 1, 70] {
        assert!(next(&mut outbox, at(seconds)).is_some());
        outbox.failed(Again::Never, at(seconds));
        assert_eq!(outbox.overflow(at(seconds + 65)), None);
    }
    outbox.missed(2);
    assert_eq!(outbox.overflow(at(200)), Some(Tell::Failing { lost: 2 }));
    assert_eq!(outbox.overflow(at(300)), None, "it is told");
}

#[test]
fn of_too_many_the_oldest_go_and_are_counted_and_the_one_under_way_stays() {
    let mut outbox = Outbox::default();
    let mut records = records(2_000).into_iter();
    outbox.take(records.next().unwrap(), at(0));
    assert_eq!(next(&mut outbox, at(0)), Some(1));
    // What happens every three seconds goes at once.
    let mut now = 0;
    while outbox.waiting() <= QUEUE {
        now += 3;
        outbox.take(records.next().unwrap(), at(now));
        outbox.next(at(now));
    }
    assert_eq!(outbox.overflow(at(now)), None);
    for _ in 0..5 {
        now += 3;
        outbox.take(records.next().unwrap(), at(now));
    }
    assert_eq!(outbox.waiting(), QUEUE + 1);
    assert_eq!(outbox.overflow(at(now)), Some(Tell::Failing { lost: 5 }));
    assert_eq!(outbox.overflow(at(now)), None);
    assert_eq!(next(&mut outbox, at(now)), Some(1), "it is under way");
    outbox.delivered();
    assert_eq!(next(&mut outbox, at(now)), Some(7), "the oldest are gone");
}

#[test]
fn what_is_folded_comes_at_its_time_and_at_the_end_at_once() {
    let record = records(1).remove(0);
    let mut outbox = Outbox::default();
    (0..3).for_each(|_| outbox.take(Arc::clone(&record), at(0)));
    assert!(next(&mut outbox, at(0)).is_some());
    outbox.delivered();
    assert_eq!((next(&mut outbox, at(0)), outbox.wake_at()), (None, Some(at(60))));
    assert_eq!(outbox.next(at(60)).map(|post| post.folded), Some(1));
    outbox.failed(Again::Later(None), at(60));
    assert_eq!(outbox.next(at(60)), None);
    outbox.hurry();
    assert_eq!(outbox.next(at(60)).map(|post| post.folded), Some(1));
}

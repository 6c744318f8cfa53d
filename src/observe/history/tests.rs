use std::time::Duration;

use super::*;
use crate::observe::kind::Kind;

const SMALL: Bounds = Bounds { records: 6, bytes: 1 << 20, crowd: 2 };

fn history(bounds: Bounds) -> Arc<History> {
    Arc::new(History::new(100, bounds))
}

fn note(history: &History, kind: Kind, text: &str) {
    history.note(Statement::new(kind, text.to_owned()).of("live", "a"), UNIX_EPOCH);
}

fn ids(records: &[Arc<Record>]) -> Vec<u64> {
    records.iter().map(|record| record.id).collect()
}

#[test]
fn the_oldest_go_and_strangers_push_out_only_each_other() {
    let history = history(SMALL);
    note(&history, Kind::DestinationFailed, "100");
    for _ in 0..50 {
        note(&history, Kind::PublishRefused, "a stranger");
    }
    note(&history, Kind::DestinationRecovered, "151");
    assert_eq!(ids(&history.page(&Wanted::default(), 10)), [151, 150, 149, 100]);
    for _ in 0..4 {
        note(&history, Kind::DestinationFailed, "one of us");
    }
    assert_eq!(ids(&history.page(&Wanted::default(), 10)), [155, 154, 153, 152, 151, 150]);
    assert_eq!(history.kept().crowd, 1);
}

#[test]
fn what_is_kept_is_bounded_in_bytes_whatever_is_said() {
    let history = history(Bounds { bytes: 10_000, records: 1000, crowd: 1000 });
    for _ in 0..500 {
        note(&history, Kind::DestinationFailed, &"long ".repeat(100));
    }
    let kept = history.kept();
    assert!(kept.bytes <= 10_000 && kept.records.len() >= 10, "{} bytes, {}", kept.bytes, kept.records.len());
    assert_eq!(kept.bytes, kept.records.iter().map(|record| record.bytes()).sum::<usize>());
}

#[test]
fn a_page_is_what_is_wanted_newest_first() {
    let history = history(SMALL);
    note(&history, Kind::DestinationFailed, "100");
    history.note(Statement::new(Kind::PublisherLost, "101".to_owned()).of_stream("second"), UNIX_EPOCH);
    note(&history, Kind::DestinationLive, "102");
    history.note(Statement::new(Kind::DestinationFailed, "103".to_owned()).of("second", "b"), UNIX_EPOCH);
    let page = |wanted: Wanted, limit| ids(&history.page(&wanted, limit));
    assert_eq!(page(Wanted::default(), 3), [103, 102, 101]);
    assert_eq!(page(Wanted { before: Some(101), ..Wanted::default() }, 3), [100]);
    assert_eq!(page(Wanted { stream: Some("second".to_owned()), ..Wanted::default() }, 9), [103, 101]);
    assert_eq!(page(Wanted { destination: Some("a".to_owned()), ..Wanted::default() }, 9), [102, 100]);
    assert_eq!(page(Wanted { severity: Some(Severity::Warning), ..Wanted::default() }, 9), [103, 101, 100]);
    assert_eq!(page(Wanted { severity: Some(Severity::Error), before: Some(103), ..Wanted::default() }, 9), [100]);
}

#[test]
fn a_reader_gets_each_record_once_and_is_told_what_it_was_too_slow_for() {
    let history = history(SMALL);
    let mut cursor = history.from_now();
    assert_eq!(cursor.read(10), Batch::default());
    note(&history, Kind::DestinationFailed, "100");
    note(&history, Kind::DestinationFailed, "101");
    assert_eq!(ids(&cursor.read(1).records), [100]);
    assert_eq!(ids(&cursor.read(10).records), [101]);
    for _ in 0..10 {
        note(&history, Kind::DestinationFailed, "102 to 111");
    }
    let Batch { missed, records } = cursor.read(4);
    assert_eq!((missed, ids(&records)), (4, vec![106, 107, 108, 109]));
    assert_eq!((cursor.read(4).missed, cursor.read(4).records.len()), (0, 0), "two were read and not looked at");

    // Holes in the middle, where strangers were pushed out, are counted too.
    let mut cursor = history.from_now();
    for _ in 0..5 {
        note(&history, Kind::PublishRefused, "112 to 116");
    }
    let Batch { missed, records } = cursor.read(10);
    assert_eq!((missed, ids(&records)), (3, vec![115, 116]));
}

#[test]
fn a_reader_comes_back_to_where_it_was() {
    let history = history(SMALL);
    for _ in 0..4 {
        note(&history, Kind::DestinationFailed, "100 to 103");
    }
    let read = |id| ids(&history.after(id).read(10).records);
    assert_eq!(read(101), [102, 103]);
    assert_eq!(read(103), [0u64; 0]);
    for of_another_run in [0, 7, 99, 104, u64::MAX] {
        assert_eq!(read(of_another_run), [100, 101, 102, 103], "{of_another_run}");
    }
    assert_eq!(ids(&history.from_beginning().read(10).records), [100, 101, 102, 103]);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_waits_is_woken_and_one_that_does_not_read_makes_nobody_wait() {
    let history = history(SMALL);
    let (mut waits, mut sleeps) = (history.from_now(), history.from_now());
    let waiting = tokio::spawn(async move { waits.next(10).await });
    tokio::task::yield_now().await;
    for _ in 0..1000 {
        note(&history, Kind::DestinationFailed, "nobody reads");
    }
    let woken = tokio::time::timeout(Duration::from_secs(1), waiting).await.unwrap().unwrap();
    assert_eq!(woken.missed as usize + woken.records.len(), 1000);
    assert_eq!(sleeps.next(10).await.missed, 994);
}

#[test]
fn numbers_go_on_rising_over_a_restart_and_fit_into_json() {
    let at = |seconds| first_id(UNIX_EPOCH + Duration::from_secs(seconds));
    // A thousand records in a second, then a restart in the next.
    assert!(at(1_800_000_000) + 1000 < at(1_800_000_001));
    assert!(at(7_000_000_000) < 1 << 53, "the year 2191");
    assert_eq!(first_id(UNIX_EPOCH - Duration::from_secs(1)), 1);
}

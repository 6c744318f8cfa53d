use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn after(next: Next) -> Duration {
    match next {
        Next::After(wait) => wait,
        other => panic!("{other:?}"),
    }
}

fn millis(next: Next) -> u128 {
    after(next).as_millis()
}

/// Fails at once.
const IN_VAIN: Attempt = Attempt { lasted: Duration::ZERO, delivered: Duration::ZERO };

fn delivered(seconds: u64) -> Attempt {
    Attempt { lasted: SECOND * seconds as u32, delivered: SECOND * seconds as u32 }
}

#[test]
fn first_waits_by_class() {
    for (retry, least, most) in [
        (Retry::Soon, 200, 900),
        (Retry::BackOff, 200, 900),
        (Retry::Slowly, 30_000, 45_000),
        (Retry::Minutes, 60_000, 120_000),
    ] {
        let first = |unit| millis(Backoff::new(Reconnect::default()).failed(retry, IN_VAIN, unit));
        assert_eq!((first(0.0), first(1.0)), (least, most), "{retry:?}");
    }
    assert_eq!(Backoff::new(Reconnect::default()).failed(Retry::NotUntilChanged, IN_VAIN, 0.5), Next::Parked);
}

#[test]
fn longest_waits_in_a_row() {
    for (retry, expected) in [
        // 0.9 + 20 x 1.5 s are over 30 s of trying, and then it grows.
        (
            Retry::Soon,
            vec![900, 1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500],
        ),
        (Retry::BackOff, vec![900, 2700, 8100, 24_300, 30_000, 30_000]),
        (Retry::Slowly, vec![45_000, 90_000, 90_000]),
        (Retry::Minutes, vec![120_000, 300_000, 300_000]),
    ] {
        let mut backoff = Backoff::new(Reconnect::default());
        let waits: Vec<_> = expected.iter().map(|_| millis(backoff.failed(retry, IN_VAIN, 1.0))).collect();
        assert_eq!(waits, expected, "{retry:?}");
    }
}

#[test]
fn quick_for_thirty_seconds_of_trying() {
    let mut backoff = Backoff::new(Reconnect::default());
    let mut trying = Duration::ZERO;
    while trying < QUICK_FOR {
        let wait = after(backoff.failed(Retry::Soon, IN_VAIN, 1.0));
        assert!(wait <= Duration::from_millis(1500), "{wait:?} after {trying:?}");
        trying += wait;
    }
    assert_eq!(millis(backoff.failed(Retry::Soon, IN_VAIN, 1.0)), 4500);
    assert_eq!(millis(backoff.failed(Retry::Soon, IN_VAIN, 0.0)), 500);
}

#[test]
fn time_spent_in_attempts_counts_as_trying() {
    let mut backoff = Backoff::new(Reconnect::default());
    let slow = Attempt { lasted: SECOND * 10, delivered: Duration::ZERO };
    for _ in 0..3 {
        backoff.failed(Retry::Soon, slow, 1.0);
    }
    assert!(after(backoff.failed(Retry::Soon, slow, 1.0)) > Duration::from_millis(1500));
}

#[test]
fn a_healthy_minute_is_a_new_story() {
    for (seconds, least, most) in [(59, 4000, 30_000), (60, 200, 900)] {
        let mut backoff = Backoff::new(Reconnect::default());
        for _ in 0..8 {
            backoff.failed(Retry::BackOff, IN_VAIN, 1.0);
        }
        let wait = millis(backoff.failed(Retry::BackOff, delivered(seconds), 0.9));
        assert!((least..=most).contains(&wait), "{wait} after {seconds} s");
        assert_eq!(backoff.failures(), if seconds == 60 { 1 } else { 9 });
    }
}

#[test]
fn gives_up_after_the_time_in_the_file() {
    let mut backoff = Backoff::new(Reconnect { give_up_after: Some(SECOND * 60), ..Reconnect::default() });
    let mut total = Duration::ZERO;
    loop {
        match backoff.failed(Retry::BackOff, IN_VAIN, 0.5) {
            Next::After(wait) => total += wait,
            Next::GivenUp => break,
            Next::Parked => panic!("parked"),
        }
    }
    assert!(total <= SECOND * 60 && total >= SECOND * 30, "{total:?}");
    // A delivery, even one too short to be healthy, begins the time anew.
    assert!(matches!(backoff.failed(Retry::BackOff, delivered(15), 0.5), Next::After(_)));
}

#[test]
fn a_wait_longer_than_the_rest_is_not_begun() {
    let mut backoff = Backoff::new(Reconnect { give_up_after: Some(SECOND * 20), ..Reconnect::default() });
    assert_eq!(backoff.failed(Retry::Slowly, IN_VAIN, 0.0), Next::GivenUp);
}

#[test]
fn bounds_from_the_file() {
    let slow = Reconnect { initial: SECOND * 5, max: SECOND * 8, give_up_after: None };
    let mut backoff = Backoff::new(slow);
    assert_eq!(millis(backoff.failed(Retry::Soon, IN_VAIN, 1.0)), 8000);
    assert_eq!(millis(backoff.failed(Retry::Soon, IN_VAIN, 0.0)), 2000);
    assert_eq!(millis(backoff.failed(Retry::Slowly, IN_VAIN, 0.0)), 30_000, "a certificate is never tried faster");
    // `max` below `initial` is odd, but means what it says.
    let odd = Reconnect { initial: SECOND * 5, max: SECOND, give_up_after: None };
    assert_eq!(millis(Backoff::new(odd).failed(Retry::Soon, IN_VAIN, 1.0)), 1000);
}

/// A peer is lost to a thousand destinations at once and is away for a while. They come back, each within 30 s of the peer and
/// nearly all sooner, and never as one wave.
#[test]
fn a_storm_of_a_thousand_is_spread_and_over_within_thirty_seconds() {
    const CUT: usize = 1000;
    /// Tries are counted in steps of so many ms.
    const STEP: u128 = 100;
    for (retry, away, last) in [
        (Retry::Soon, 5 * SECOND, 7 * SECOND),
        (Retry::BackOff, 5 * SECOND, 20 * SECOND),
        (Retry::Soon, 120 * SECOND, 150 * SECOND),
        (Retry::BackOff, 120 * SECOND, 150 * SECOND),
    ] {
        let mut random = Random(7);
        let mut tries = std::collections::BTreeMap::<u128, usize>::new();
        let mut back = Vec::new();
        for _ in 0..CUT {
            let mut backoff = Backoff::new(Reconnect::default());
            // They were live for an hour, so that this is a new story for each.
            let mut now = after(backoff.failed(retry, delivered(3600), random.unit()));
            loop {
                *tries.entry(now.as_millis() / STEP).or_default() += 1;
                if now >= away {
                    break;
                }
                let attempt = Attempt { lasted: Duration::from_millis(5), delivered: Duration::ZERO };
                now += attempt.lasted + after(backoff.failed(retry, attempt, random.unit()));
            }
            back.push(now);
        }
        back.sort_unstable();
        let most = tries.values().max().copied().unwrap();
        // The first tries are spread over 0.7 s, and the second ones begin before those are over.
        assert!(most <= CUT / 4, "{retry:?}, away {away:?}: {most} tries within {STEP} ms");
        assert!(back[CUT - 1] <= last, "{retry:?}, away {away:?}: the last one is back at {:?}", back[CUT - 1]);
        assert!(back[CUT - 1] - away <= 30 * SECOND);
    }
}

/// splitmix64: chance that is the same in every run.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn bounds_hold_over_any_history(
        initial in 1u64..20_000,
        max in 1u64..120_000,
        give_up_after in prop::option::of(1u64..600_000),
        history in prop::collection::vec(
            (0usize..Retry::ALL.len(), 0u64..120_000, 0.0f64..=1.0, prop::num::f64::ANY, any::<bool>()), 1..60),
    ) {
        let bounds = Reconnect {
            initial: Duration::from_millis(initial),
            max: Duration::from_millis(max),
            give_up_after: give_up_after.map(Duration::from_millis),
        };
        let mut backoff = Backoff::new(bounds.clone());
        let mut waited_since_delivery = Duration::ZERO;
        for (class, lasted, share, odd, is_odd) in history {
            let retry = Retry::ALL[class];
            let lasted = Duration::from_millis(lasted);
            let attempt = Attempt { lasted, delivered: lasted.mul_f64(share) };
            if attempt.delivered >= DELIVERY {
                waited_since_delivery = Duration::ZERO;
            }
            // A random source that is broken must not stop a show.
            match backoff.failed(retry, attempt, if is_odd { odd } else { share }) {
                Next::After(wait) => {
                    let (least, most) = match retry {
                        Retry::Soon | Retry::BackOff => {
                            (bounds.initial.mul_f64(0.39).min(bounds.max), bounds.max)
                        }
                        Retry::Slowly => SLOWLY,
                        Retry::Minutes => MINUTES,
                        Retry::NotUntilChanged => panic!("waits for a change"),
                    };
                    prop_assert!(least <= wait && wait <= most, "{retry:?}: {wait:?} not in {least:?}..={most:?}");
                    waited_since_delivery += wait;
                    if let Some(limit) = bounds.give_up_after {
                        prop_assert!(waited_since_delivery <= limit);
                    }
                }
                Next::Parked => prop_assert_eq!(retry, Retry::NotUntilChanged),
                Next::GivenUp => prop_assert!(bounds.give_up_after.is_some()),
            }
        }
    }
}

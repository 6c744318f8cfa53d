//! Who gets in, who does not, and what each is told. The clock is paused.

use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::{
    ingest::access::PublisherKey,
    stream::{Coalescing, Load, StreamSettings, Takeover, Window, testing::publisher},
};

const SECRET: &str = "a secret of the relay";

fn feed(name: &str) -> Arc<Feed> {
    let window = Window { duration: Duration::from_secs(5), bytes: 1, hard_bytes: 1 };
    let (name, takeover) = (name.to_owned(), Takeover::WhenSilent);
    let hold = Duration::from_secs(15);
    Feed::new(StreamSettings { name, window, hold, takeover, coalescing: Coalescing::ByLoad }, Load::default())
}

fn keys(keys: &[&str]) -> Access {
    let keys = keys.iter().map(|key| PublisherKey::unnamed(&(*key).into())).collect();
    Access { keys, ..Access::default() }
}

fn gate() -> Gate {
    let signed = Access { signing: Some(SECRET.into()), ..keys(&["key-of-studio"]) };
    let guarded =
        Access { require_tls: true, allow: vec!["127.0.0.0/8".parse().unwrap()], ..keys(&["key-of-guarded"]) };
    Gate::new([(feed("live"), keys(&["key-of-live", "another"])), (feed("studio"), signed), (feed("guarded"), guarded)])
}

async fn opens(gate: &Gate, key: &str) -> Result<String, String> {
    let admitted = gate.admit(&key.into(), &publisher()).await;
    admitted.map(|admitted| admitted.feed.name().to_owned()).map_err(|refusal| {
        assert_eq!(refusal.code, Refusal::DENIED);
        refusal.description
    })
}

#[tokio::test(start_paused = true)]
async fn a_key_opens_its_stream_and_nothing_else() {
    let gate = gate();
    for (key, stream) in [("key-of-live", "live"), ("another", "live"), ("key-of-studio", "studio")] {
        assert_eq!(opens(&gate, key).await.as_deref(), Ok(stream), "{key}");
    }
    for wrong in ["key", "key-of-live ", "KEY-OF-LIVE", "live"] {
        let refused = opens(&gate, wrong).await.unwrap_err();
        assert!(refused.contains("wrong stream key"), "{wrong}: {refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_stream_and_a_wrong_key_cannot_be_told_apart() {
    let mut answers = Vec::new();
    for wrong in ["nobody?exp=9999999999&sig=00", "studio?exp=9999999999&sig=00", "wrong", "studio"] {
        let began = Instant::now();
        let answer = opens(&gate(), wrong).await;
        answers.push((answer, began.elapsed()));
    }
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
    assert_eq!(answers[0].1, WRONG_KEY_PAUSE);
}

#[tokio::test(start_paused = true)]
async fn a_signed_key_opens_the_stream_that_it_names() {
    let gate = gate();
    let soon = SystemTime::now() + Duration::from_secs(60);
    let signed = |stream, until| signed::sign(&SECRET.into(), stream, until, Some("guest"));
    let admitted = gate.admit(&signed("studio", soon), &publisher()).await.unwrap();
    assert_eq!((admitted.feed.name(), admitted.pass.name.as_deref()), ("studio", Some("guest")));
    let refused = opens(&gate, signed("live", soon).expose_secret()).await.unwrap_err();
    assert!(refused.contains("wrong stream key"), "{refused}: `live` has no such secret");
    let refused = opens(&gate, signed("studio", UNIX_EPOCH).expose_secret()).await.unwrap_err();
    assert_eq!(refused, "this stream key is signed, and ended at 1970-01-01 00:00:00 UTC");
}

#[tokio::test(start_paused = true)]
async fn a_right_key_from_elsewhere_or_without_tls_is_told_why() {
    let gate = gate();
    let refused = opens(&gate, "key-of-guarded").await.unwrap_err();
    assert!(refused.starts_with("stream `guarded` takes publishers with TLS only"), "{refused}");
    let tls = Publisher { tls: Some("TLS 1.3".to_owned()), transport: "rtmps", ..publisher() };
    gate.admit(&"key-of-guarded".into(), &tls).await.unwrap();
    let elsewhere = Publisher { address: "192.0.2.1:1".parse().unwrap(), ..tls };
    let refused = gate.admit(&"key-of-guarded".into(), &elsewhere).await.err().unwrap().description;
    assert!(refused.starts_with("stream `guarded` takes no publisher from 192.0.2.1"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn who_tries_too_often_is_not_heard_but_a_known_encoder_is() {
    let gate = gate();
    opens(&gate, "key-of-live").await.unwrap();
    for _ in 0..5 {
        let refused = opens(&gate, "guess").await.unwrap_err();
        assert!(refused.contains("wrong stream key"), "{refused}");
    }
    let refused = opens(&gate, "guess").await.unwrap_err();
    assert!(refused.contains("too many wrong stream keys"), "{refused}");
    // A right one that was never seen from there is not looked at either: it might be a guess.
    assert!(opens(&gate, "key-of-studio").await.unwrap_err().contains("too many"));
    assert_eq!(opens(&gate, "key-of-live").await.as_deref(), Ok("live"));
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(opens(&gate, "key-of-studio").await.as_deref(), Ok("studio"));
}

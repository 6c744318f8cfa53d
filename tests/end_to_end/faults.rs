//! One destination in trouble is nobody else's trouble.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::broadcast::Broadcast;
use crate::support::bystanders::{Bystanders, assert_missed_nothing, assert_not_paused};
use crate::support::certificates::{Authority, Flaw};
use crate::support::peers::{self, Peer};
use crate::support::relay::Relay;
use crate::support::stunnel::Stunnel;
use crate::support::wire::{Behaviour, Sink};
use crate::support::{compare, ports};

const START: Duration = Duration::from_secs(10);
const END: Duration = Duration::from_secs(10);

#[test]
fn a_killed_destination_is_live_within_two_seconds_of_its_return() {
    let mut relay = Relay::new();
    let killed = Sink::start();
    let bystanders = Bystanders::of(&mut relay);
    relay.destination("killed", &killed.url(), "");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);

    killed.wait_for("media to flow", START, |session| session.tags.len() > 50);
    killed.kill();
    relay.wait_for("killed", "not delivering", Duration::from_secs(2), |entry| entry["state"] != "delivering");
    // The outage itself, not a wait for something.
    thread::sleep(Duration::from_secs(5));
    let before = killed.sessions().len();
    let returned = Instant::now();
    killed.revive();
    let session = killed.wait_for("the return", START, |session| !session.is_over && session.tags.len() > 10);
    let gap = session.first_media.unwrap().duration_since(returned);
    assert!(gap < Duration::from_secs(2), "live again only {gap:?} after its return");
    assert_eq!(killed.sessions().len(), before + 1);

    bystanders.wait_for_more(1_000);
    let published = broadcast.stop();
    bystanders.assert_undisturbed(&published);
    let session = killed.wait_for("the end of the second session", END, |session| session.is_over);
    compare::assert_run_from_keyframe("killed", &published.tags, &session.tags);
    let entry = relay.destination_status("killed");
    assert_eq!(entry["sessions"], 2, "{entry}");
}

#[test]
fn a_destination_that_never_reads_harms_nobody_and_continues_at_a_keyframe() {
    let mut relay = Relay::new();
    let stalled = Sink::start();
    let policy = "[backpressure]\nmax_lag = \"1s\"\n";
    let bystanders = Bystanders::of(&mut relay);
    relay.destination("stalled", &stalled.url(), policy);
    relay.start();
    // 8 Mbit/s: more in a second than the sockets' buffers hide.
    let broadcast = Broadcast::synthetic(&relay, 40_000);

    stalled.wait_for("media to flow", START, |session| session.tags.len() > 50);
    let memory = relay.resident_memory();
    stalled.stall();
    relay.wait_for("stalled", "seen to stall", Duration::from_secs(8), |entry| entry["state"] == "stalling");
    bystanders.wait_for_more(4_000);
    let grown = relay.resident_memory().saturating_sub(memory);
    assert!(grown < 24 << 20, "memory grew by {grown} bytes while one destination stood still");
    stalled.resume();
    bystanders.wait_for_more(3_000);

    let published = broadcast.stop();
    bystanders.assert_undisturbed(&published);
    let published = published.tags;
    let last = stalled.wait_for("the end of the stalled one", END, |session| session.is_over);
    let stretches = compare::count_stretches("stalled", &published, &stalled.sessions());
    assert!(stretches >= 2, "it was stalled for so long that something must be missing");
    assert!(
        relay.destination_status("stalled")["dropped_messages"].as_u64() > Some(50),
        "what was left out is counted"
    );
    let end = compare::frames(&published).last().unwrap().payload.clone();
    assert!(last.tags.iter().any(|tag| tag.payload == end), "after it read again it got all up to the end");
}

#[test]
fn each_failure_says_what_it_is_and_what_to_do() {
    if !peers::are_here(&[Peer::Stunnel]) {
        return;
    }
    let mut relay = Relay::new();
    let authority = Authority::new(relay.folder());
    let healthy = Sink::start();
    let refused = ports::free();
    let denying = Sink::with(Behaviour::refusing("publish", "NetStream.Publish.Denied", "said by the test's sink"));
    let behind_tls = Sink::start();
    let trust = format!("ca_file = \"{}\"", authority.file().display());
    let flaws = [
        ("expired", Flaw::Expired),
        ("not-yet-valid", Flaw::NotYetValid),
        ("wrong-host", Flaw::WrongHost),
        ("self-signed", Flaw::SelfSigned),
    ];
    let mut servers = Vec::new();
    for (name, flaw) in flaws {
        let stunnel = Stunnel::start(relay.folder(), name, &authority.identity(name, flaw), behind_tls.port());
        relay.destination(name, &stunnel.url(), &trust);
        servers.push(stunnel);
    }
    let unknown =
        Stunnel::start(relay.folder(), "unknown", &authority.identity("unknown", Flaw::None), behind_tls.port());
    relay.destination("unknown-issuer", &unknown.url(), "");
    relay.destination("no-tls", &healthy.url().replace("rtmp://", "rtmps://"), "");
    relay.destination("unresolved", "rtmp://no-such-host.invalid/live", "");
    relay.destination("refused", &format!("rtmp://127.0.0.1:{refused}/live"), "");
    relay.destination("denied", &denying.url(), "");
    relay.destination("healthy", &healthy.url(), "");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);

    // The stage, and what the sentence must hold.
    let cases = [
        ("expired", "tls", "expired"),
        ("not-yet-valid", "tls", "not yet valid"),
        ("wrong-host", "tls", "localhost"),
        ("self-signed", "tls", "self-signed"),
        ("unknown-issuer", "tls", "ca_file"),
        ("no-tls", "tls", "TLS"),
        ("unresolved", "resolve", "resolve"),
        ("refused", "connect", "refused"),
        ("denied", "publish", "key"),
    ];
    let mut kinds = Vec::new();
    for (name, stage, words) in cases {
        let entry = relay.wait_for(name, "failing", START, |entry| !entry["last_error"].is_null());
        let error = &entry["last_error"];
        assert_eq!(error["stage"], stage, "{name}: {error}");
        let text = format!("{} {}", error["message"], error["hint"]);
        assert!(text.contains(words), "{name}: nothing of \"{words}\" in {text}");
        assert!(error["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{name}: no hint in {error}");
        let kind = error["kind"].as_str().unwrap().to_owned();
        assert!(!kinds.contains(&kind), "{name}: the kind {kind} was given to another failure already");
        kinds.push(kind);
        assert!(relay.log().lines().any(|line| line.contains(name) && line.contains(words)), "{name}: not in the log");
    }
    let published = broadcast.stop();
    assert_missed_nothing("healthy", &healthy, &published.tags);
    assert_not_paused(&published);
    assert_eq!(behind_tls.sessions().len(), 0, "nothing was published to a server whose certificate is wrong");
}

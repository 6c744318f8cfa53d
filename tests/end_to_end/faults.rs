//! One destination in trouble is nobody else's trouble.

use std::io::{Read, Write};
use std::net::TcpListener;
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
    if !peers::are_here(&[Peer::Stunnel, Peer::Openssl]) {
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
    let other = authority.identity("other", Flaw::None);
    relay.destination("other-pin", &unknown.url(), &format!("certificate_sha256 = \"{}\"", other.fingerprint()));
    let old_tls = only_old_tls();
    relay.destination("old-tls", &format!("rtmps://localhost:{old_tls}/live"), "");
    relay.destination("plain-port", &unknown.url().replace("rtmps://", "rtmp://"), "");
    relay.destination("no-tls", &healthy.url().replace("rtmp://", "rtmps://"), "");
    relay.destination("unresolved", "rtmp://no-such-host.invalid/live", "");
    relay.destination("refused", &format!("rtmp://127.0.0.1:{refused}/live"), "");
    relay.destination("denied", &denying.url(), "");
    relay.destination("healthy", &healthy.url(), "");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);

    // The stage, and what sentence and remedy must hold.
    let cases = [
        ("expired", "tls", "expired on 2021-01-01", "renew"),
        ("not-yet-valid", "tls", "not yet valid", "clock"),
        ("wrong-host", "tls", "host mismatch", "subjectAltName=DNS:localhost"),
        ("self-signed", "tls", "self-signed", "pin it with `certificate_sha256 ="),
        ("unknown-issuer", "tls", "unknown issuer", "`ca_file`"),
        ("other-pin", "tls", "another certificate than the pinned one", "compare it"),
        ("old-tls", "tls", "TLS version", "TLS 1.2 or 1.3"),
        ("no-tls", "tls", "during the TLS handshake", "a plain RTMP port closes like this (then use rtmp://)"),
        ("plain-port", "handshake", "during the RTMP handshake", "a port for TLS closes like this (then use rtmps://)"),
        ("unresolved", "resolve", "resolve", "spelling"),
        ("refused", "connect", "refused", "firewall"),
        ("denied", "publish", "key", "copy the stream key anew"),
    ];
    let mut kinds = Vec::new();
    for (name, stage, words, remedy) in cases {
        let entry = relay.wait_for(name, "failing", START, |entry| !entry["last_error"].is_null());
        let error = &entry["last_error"];
        assert_eq!(error["stage"], stage, "{name}: {error}");
        let (message, hint) = (error["message"].as_str().unwrap(), error["hint"].as_str().unwrap());
        assert!(message.contains(words), "{name}: nothing of \"{words}\" in {message}");
        assert!(hint.contains(remedy), "{name}: nothing of \"{remedy}\" in {hint}");
        let kind = error["kind"].as_str().unwrap().to_owned();
        // What a certificate says does not change within seconds.
        if kind.starts_with("certificate_") {
            assert!(entry["retry_in_ms"].as_u64() > Some(25_000), "{name} is tried again too soon: {entry}");
        }
        assert!(!kinds.contains(&kind), "{name}: the kind {kind} was given to another failure already");
        kinds.push(kind);
        let log = relay.log();
        let told = format!("destination `{name}` failed: {message}; ");
        assert!(log.lines().any(|line| line.contains(&told)), "{name}: not in the log");
        assert!(log.lines().any(|line| line.ends_with(&format!("hint: {hint}"))), "{name}: no remedy in the log");
    }
    let published = broadcast.stop();
    assert_missed_nothing("healthy", &healthy, &published.tags);
    assert_not_paused(&published);
    assert_eq!(behind_tls.sessions().len(), 0, "nothing was published to a server whose certificate is wrong");
}

/// The port of a server that says `protocol_version` to every hello, as one does that has TLS 1.0 and 1.1 alone.
fn only_old_tls() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { return };
            // The hello's record is read as a whole, so that closing does not become a reset.
            let mut head = [0; 5];
            if socket.read_exact(&mut head).is_err() {
                continue;
            }
            let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
            let _ = socket.read_exact(&mut hello).and_then(|()| socket.write_all(&[21, 3, 1, 0, 2, 2, 70]));
        }
    });
    port
}

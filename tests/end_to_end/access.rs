//! Who may publish: named keys, signed keys, a webhook, addresses; and that nobody else's bytes reach a destination.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::broadcast::Broadcast;
use crate::support::bystanders::Bystanders;
use crate::support::certificates::{Authority, Flaw};
use crate::support::peers::{self, Peer};
use crate::support::relay::Relay;
use crate::support::webhook::Webhook;
use crate::support::wire::Publisher;
use crate::support::{clip, ffmpeg, gstreamer, ports, secret, synthetic};

const START: Duration = Duration::from_secs(10);
const DENIED: Option<&str> = Some("NetStream.Publish.Denied");

/// What a publisher with this key is told; `None` where it is let in, and it is gone then.
fn refusal(relay: &Relay, key: &str) -> Option<String> {
    match Publisher::connect(relay.rtmp_port(), key) {
        Ok(publisher) => {
            publisher.unpublish().expect("it can say good-bye");
            None
        }
        Err(refusal) => Some(refusal),
    }
}

/// `forkcast key …` with something to read; gives what it printed.
#[track_caller]
fn key_command(relay: &Relay, arguments: &[&str], input: &str) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forkcast"));
    command.current_dir(relay.folder()).arg("key").args(arguments);
    let mut child = command
        .env("SIGNING_SECRET", signing_secret())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).expect("it prints text"))
}

fn signing_secret() -> &'static str {
    "canary-signing-secret-of-the-relay"
}

#[test]
fn named_keys_open_in_their_time_and_are_named() {
    let mut relay = Relay::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(secret::new);
    [&alice, &bob, &carol].into_iter().for_each(|key| relay.keep_secret(key));
    let (_, digest) = key_command(&relay, &["hash"], &bob);
    relay.destination_file(
        "stream.toml",
        &format!("[keys.alice]\nkey = \"{alice}\"\n[keys.bob]\n{digest}[keys.carol]\nkey = \"{carol}\"\nvalid_until = 2026-01-01T00:00:00Z\n"),
    );
    relay.start();
    for key in [&alice, &bob, relay.stream_key()] {
        assert_eq!(refusal(&relay, key), None);
    }
    assert_eq!(refusal(&relay, &carol).as_deref(), DENIED);
    let log = relay.log();
    for words in ["with the key of `alice`", "with the key of `bob`", "was valid until 2026-01-01 00:00:00 UTC"] {
        assert!(log.contains(words), "{words} is not in the log");
    }
}

/// A guest's key: made by the command, checked by the command, shown by FFmpeg and by GStreamer.
#[test]
fn signed_keys_open_the_stream_that_they_name() {
    if !peers::are_here(&[Peer::Ffmpeg, Peer::Gstreamer]) {
        return;
    }
    let mut relay = Relay::new();
    relay.keep_secret(signing_secret());
    fs::create_dir(relay.folder().join("destinations/studio-b")).unwrap();
    relay.destination_file("studio-b/stream.toml", &format!("[signed]\nsecret = \"{}\"\n", signing_secret()));
    let (is_done, signed) = key_command(&relay, &["sign", "--stream", "studio-b", "--for", "1h", "--id", "guest"], "");
    assert!(is_done, "{signed}");
    let signed = signed.lines().next().expect("the key is the first line").to_owned();
    assert!(signed.starts_with("studio-b?exp="), "{signed}");
    let (is_right, said) = key_command(&relay, &["check"], &signed);
    assert!(is_right && said.contains("it opens stream `studio-b`, as `guest`"), "{said}");
    relay.keep_secret(&signed);
    relay.start();

    let clip = clip::h264_aac();
    let url = format!("rtmp://127.0.0.1:{}/live/{signed}", relay.rtmp_port());
    let published = relay.folder().join("published.flv");
    for start in [ffmpeg::publish, gstreamer::publish] {
        let publisher = start(relay.folder(), &clip, &url, &published);
        crate::support::wait::until("the guest to be live", START, || {
            let stream = relay.stream_named("studio-b");
            (stream["publisher"]["name"] == "guest").then_some(())
        });
        drop(publisher);
        crate::support::wait::until("the guest to be gone", START, || {
            relay.stream_named("studio-b")["publisher"].is_null().then_some(())
        });
    }
    let forged = signed.replace("exp=", "exp=9");
    assert_eq!(refusal(&relay, &forged).as_deref(), DENIED);
    // One that has run out says so, and one that is signed for another stream is a wrong key.
    let (_, late) = key_command(&relay, &["sign", "--stream", "studio-b", "--for", "0s"], "");
    assert_eq!(refusal(&relay, late.lines().next().unwrap_or_default()).as_deref(), DENIED);
    assert!(relay.log().contains("this stream key is signed, and ended at"));
}

#[test]
fn a_webhook_decides_and_its_answer_outlives_it() {
    let mut relay = Relay::new();
    let authority = Authority::new(relay.folder());
    let webhook = Webhook::start(Some(&authority.identity("webhook", Flaw::None)));
    let token = secret::new("token");
    let guest = format!("live?guest={}", secret::new("guest"));
    relay.keep_secret(&token);
    relay.keep_secret(&guest);
    let ca = authority.file();
    relay.destination_file(
        "stream.toml",
        &format!(
            "[webhook]\nurl = \"https://localhost:{}/ask?token={token}\"\nca_file = \"{}\"\ntimeout = \"2s\"\nremember = \"1m\"\n",
            webhook.port(),
            ca.display()
        ),
    );
    relay.start();

    webhook.answer("403 Forbidden", "{\"reason\":\"the show is over\"}");
    assert_eq!(refusal(&relay, &guest).as_deref(), DENIED);
    assert!(relay.log().contains("refused: the show is over"), "the reason is told");
    webhook.answer("200 OK", "{\"name\":\"alice\"}");
    assert_eq!(refusal(&relay, &guest), None);
    let asked = webhook.asked();
    let question: serde_json::Value = serde_json::from_str(asked.last().unwrap()).expect("the question is JSON");
    assert_eq!(
        (&question["stream"], &question["key"], &question["transport"]),
        (&"live".into(), &guest.as_str().into(), &"rtmp".into())
    );
    assert!(question["address"].as_str().is_some_and(|address| address.starts_with("127.0.0.1:")), "{question}");

    // It is away: whoever was let in comes back without it, and nobody else gets in.
    webhook.answer("500 Internal Server Error", "");
    assert_eq!(refusal(&relay, &guest), None);
    assert_eq!(webhook.asked().len(), asked.len(), "it was not asked again");
    assert_eq!(refusal(&relay, "live?guest=another").as_deref(), DENIED);
    assert!(relay.log().contains("it answered with HTTP status 500"));
    assert_eq!(relay.log().matches("with the key of `alice`").count(), 2);
    // The stream's own key needs no webhook.
    assert_eq!(refusal(&relay, relay.stream_key()), None);
}

/// A webhook that is silent, that nobody answers for, or that somebody else answers for, lets nobody in.
#[test]
fn a_webhook_that_gives_no_answer_that_counts_lets_nobody_in() {
    let mut relay = Relay::new();
    let authority = Authority::new(relay.folder());
    let stranger = Webhook::start(Some(&authority.identity("stranger", Flaw::SelfSigned)));
    // It takes the connection, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let silent_port = silent.local_addr().expect("it is bound").port();
    let webhooks = [
        ("silent", format!("http://127.0.0.1:{silent_port}/"), "no answer in time"),
        ("nobody", format!("http://127.0.0.1:{}/", ports::free()), "connection refused"),
        ("stranger", format!("https://localhost:{}/", stranger.port()), "TLS failed"),
    ];
    for (stream, url, _) in &webhooks {
        fs::create_dir(relay.folder().join("destinations").join(stream)).unwrap();
        let ca = authority.file();
        let file = format!("[webhook]\nurl = \"{url}\"\ntimeout = \"500ms\"\nca_file = \"{}\"\n", ca.display());
        relay.destination_file(&format!("{stream}/stream.toml"), &file);
    }
    relay.start();
    for (stream, _, why) in &webhooks {
        let asked = Instant::now();
        assert_eq!(refusal(&relay, &format!("{stream}?guest=1")).as_deref(), DENIED, "{stream}");
        assert!(asked.elapsed() < Duration::from_secs(3), "{stream}: {:?}", asked.elapsed());
        relay.wait_for_log(&format!("stream `{stream}`: a publisher at"), START);
        assert!(relay.log().contains(why), "{stream}: {why}");
    }
    assert!(stranger.asked().is_empty(), "no key goes to a stranger");
}

/// An intruder sends as fast as it can, before any answer: with a wrong key, with a forged signature, with none; and with the
/// right key from an address that may not.
#[test]
fn nothing_of_an_intruder_reaches_a_destination() {
    let mut relay = Relay::new();
    let [wrong, studio] = ["wrong", "studio"].map(secret::new);
    relay.keep_secret(&wrong);
    relay.keep_secret(&studio);
    fs::create_dir(relay.folder().join("destinations/studio-b")).unwrap();
    relay.destination_file("studio-b/stream.toml", &format!("key = \"{studio}\"\nallow = [\"192.0.2.0/24\"]\n"));
    let bystanders = Bystanders::of(&mut relay);
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    bystanders.wait_for_media();
    let mut theirs = synthetic::headers(1_000_000);
    theirs.extend(synthetic::frames(1_000_000, 1_000, 4_000));
    for key in [wrong.as_str(), "live?exp=9999999999&sig=00", "", studio.as_str()] {
        let refusal = Publisher::connect_eagerly(relay.rtmp_port(), key, &theirs).err();
        assert_eq!(refusal.as_deref(), DENIED, "{key}");
    }
    bystanders.wait_for_more(1_000);
    // The same frames, and nothing else.
    bystanders.assert_undisturbed(&broadcast.stop());
    assert!(relay.log().contains("stream `studio-b` takes no publisher from 127.0.0.1"));
}

/// Guessing is slow, and stops; the encoder that was let in from the same address is heard all the same.
#[test]
fn guessing_is_slow_and_locks_nobody_out() {
    let mut relay = Relay::new();
    relay.start();
    assert_eq!(refusal(&relay, relay.stream_key()), None);
    let began = Instant::now();
    for guess in 0..5 {
        assert_eq!(refusal(&relay, &format!("guess-{guess}")).as_deref(), DENIED);
    }
    assert!(began.elapsed() >= Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(refusal(&relay, "guess-5").as_deref(), DENIED);
    relay.wait_for_log("too many wrong stream keys came from your address", START);
    assert_eq!(refusal(&relay, relay.stream_key()), None);
}

#[test]
fn a_key_is_made_and_hashed_without_being_an_argument() {
    let relay = Relay::new();
    let (is_done, made) = key_command(&relay, &["new"], "");
    let key = made.lines().next().unwrap_or_default();
    assert!(is_done && key.len() == 32, "{made}");
    let (_, line) = key_command(&relay, &["hash"], key);
    assert!(made.contains(line.trim()), "{made} {line}");
    let (is_done, said) = key_command(&relay, &["check"], key);
    assert!(!is_done && said.contains("it opens no stream") && !said.contains(key), "{said}");
    let (is_done, said) = key_command(&relay, &["hash"], "");
    assert!(!is_done && said.contains("standard input"), "{said}");
}

//! No key is shown, whatever happens. That of every other test is searched for as well: see `support::relay`.

use std::time::Duration;

use crate::support::process::Process;
use crate::support::relay::Relay;
use crate::support::wire::{Publisher, Sink};
use crate::support::{http, ports, secret, synthetic};

const START: Duration = Duration::from_secs(10);

#[test]
fn a_wrong_stream_key_is_refused_and_not_repeated() {
    let mut relay = Relay::new();
    relay.start();
    let wrong = secret::new("wrong");
    relay.keep_secret(&wrong);
    let refusal = Publisher::connect(relay.rtmp_port(), &wrong).err();
    assert_eq!(refusal.as_deref(), Some("NetStream.Publish.Denied"), "the code on which OBS gives up and says why");
    relay.assert_no_secret_shown();
}

/// A URL that a platform gives per event is a secret in its path and its query, and so is a key with a query of its own.
#[test]
fn secrets_in_urls_and_odd_keys_are_not_shown() {
    let mut relay = Relay::new();
    let sink = Sink::start();
    let refused = ports::free();
    let path = secret::new("path");
    let query = secret::new("query");
    relay.keep_secret(&path);
    relay.keep_secret(&query);
    let key = relay.destination("per-event", &format!("{}/{path}?token={query}", sink.url()), "");
    relay.destination("unreachable", &format!("rtmp://127.0.0.1:{refused}/{path}?token={query}"), "");
    relay.start();
    let mut publisher = Publisher::connect(relay.rtmp_port(), relay.stream_key()).expect("the key is right");
    let mut tags = synthetic::headers(0);
    tags.extend(synthetic::frames(0, 1_000, 2_000));
    publisher.send_paced(&tags).unwrap();

    let session = sink.wait_for("media", START, |session| session.first_media.is_some());
    assert_eq!(session.stream_key, key, "the key arrives as it was written");
    let app = session.connect.as_ref().and_then(|connect| connect.field("app")?.text().map(str::to_owned));
    assert_eq!(app, Some(format!("live/{path}?token={query}")), "and so does the rest of the URL");
    relay.wait_for("unreachable", "failing", START, |entry| !entry["last_error"].is_null());
    relay.assert_no_secret_shown();
}

/// `check --explain` shows where each value comes from, and of a key only that it is there.
#[test]
fn explaining_the_configuration_shows_no_key() {
    let mut relay = Relay::new();
    let key = relay.destination("somewhere", "rtmp://127.0.0.1:1/live", "");
    let mut check = Process::start("check", relay.folder(), relay.command("check").arg("--explain"));
    check.succeed(START);
    let output = check.output();
    assert!(output.contains("somewhere"), "{output}");
    secret::assert_absent("the explanation", &output, &[key, relay.stream_key().to_owned()]);
}

/// Without a configured key one is made, kept from others, and not written to a log.
#[test]
#[cfg(unix)]
fn a_generated_key_is_stored_privately_and_not_logged() {
    use std::os::unix::fs::PermissionsExt;

    let relay = Relay::new();
    let mut command = relay.command("serve");
    command.env_remove("FORKCAST_STREAM_KEY");
    let process = Process::start("keyless", relay.folder(), &mut command);
    let state = relay.folder().join("state");
    let files = crate::support::wait::until("the generated key", START, || {
        let files: Vec<_> = std::fs::read_dir(&state).ok()?.map(|entry| entry.unwrap().path()).collect();
        (!files.is_empty() && http::get(relay.http_port(), "/healthz").is_some()).then_some(files)
    });
    for file in files.iter().filter(|file| file.is_file()) {
        let mode = std::fs::metadata(file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
        let key = std::fs::read_to_string(file).unwrap().trim().to_owned();
        assert!(key.len() >= 20, "a strong key is longer than {} characters", key.len());
        secret::assert_absent("the output", &process.output(), &[key]);
    }
    let names_a_file = files.iter().any(|file| process.output().contains(&file.display().to_string()));
    assert!(names_a_file, "it does not say where the key is:\n{}", process.output());
}

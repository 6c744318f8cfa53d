//! What a person may do over the control API, beside changing a destination, which `hot_changes` shows.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::broadcast::Broadcast;
use crate::support::peers::{self, Peer};
use crate::support::relay::Relay;
use crate::support::wire::Sink;
use crate::support::{clip, ffmpeg, http, secret, wait};

const START: Duration = Duration::from_secs(10);
const JSON: (&str, &str) = ("Content-Type", "application/json");

#[track_caller]
fn refused(relay: &Relay, method: &str, path: &str, body: Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = http::request(relay.http_port(), method, path, &[("Content-Type", "application/json")], &body);
    assert!(answer.status >= 400, "{method} {path}: {}", answer.body);
    (answer.status, answer.json())
}

#[track_caller]
fn done(relay: &Relay, method: &str, path: &str, body: Value) -> String {
    let answer = http::done(relay.http_port(), method, path, &body);
    answer["done"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_broadcast_is_ended_now_and_its_encoder_kept_out() {
    if !peers::are_here(&[Peer::Ffmpeg]) {
        return;
    }
    let mut relay = Relay::new();
    let sinks = [Sink::start(), Sink::start()];
    for (index, sink) in sinks.iter().enumerate() {
        relay.destination(&format!("sink-{index}"), &sink.url(), "");
    }
    relay.start();
    assert_eq!(refused(&relay, "POST", "/api/streams/live/end", Value::Null).0, 409, "nothing is live");
    let mut encoder = ffmpeg::publish_for_ever(relay.folder(), &clip::h264_aac(), &relay.publish_url());
    for sink in &sinks {
        sink.wait_for("media", START, |session| session.tags.len() > 20);
    }
    done(&relay, "POST", "/api/streams/live/end", Value::Null);
    for sink in &sinks {
        assert!(sink.wait_for("the end", START, |session| session.is_over).was_unpublished());
    }
    // FFmpeg dials again every half a second.
    relay.wait_for_log("was ended by hand: stop the encoder", START);
    assert_eq!(refused(&relay, "POST", "/api/streams/live/end", Value::Null).0, 409, "it is over");
    assert!(relay.stream()["shut_for_ms"].as_u64().is_some(), "whoever presses twice does not let the encoder in");
    assert!(sinks.iter().all(|sink| sink.sessions().len() == 1), "nothing begins anew by itself");
    done(&relay, "POST", "/api/streams/live/reopen", Value::Null);
    for sink in &sinks {
        wait::until("the next broadcast", START, || (sink.sessions().len() == 2).then_some(()));
    }
    encoder.signal("INT");
    encoder.finish(START);
}

#[test]
fn one_destination_is_ended_for_this_broadcast_or_connected_anew() {
    let mut relay = Relay::new();
    let sinks = [Sink::start(), Sink::start()];
    for (name, sink) in ["ended", "restarted"].iter().zip(&sinks) {
        relay.destination(name, &sink.url(), "");
    }
    relay.start();
    let path = |name: &str, act: &str| format!("/api/streams/live/destinations/{name}/{act}");
    assert_eq!(refused(&relay, "POST", &path("ended", "end"), Value::Null).0, 409);
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    sinks.iter().for_each(|sink| drop(sink.wait_for("media", START, |session| session.tags.len() > 20)));
    done(&relay, "POST", &path("ended", "end"), Value::Null);
    assert!(sinks[0].wait_for("the end", START, |session| session.is_over).was_unpublished());
    let entry = relay.wait_for_state("ended", "off", START);
    assert!(entry["reason"].as_str().is_some_and(|reason| reason.contains("ended here by hand")), "{entry}");
    assert_eq!(refused(&relay, "POST", &path("ended", "end"), Value::Null).0, 409, "it is over there");
    done(&relay, "POST", &path("restarted", "restart"), Value::Null);
    wait::until("another session", START, || (sinks[1].sessions().len() == 2).then_some(()));
    assert!(!sinks[1].sessions()[0].was_unpublished(), "the platform keeps its broadcast open");
    sinks[1].wait_for("media", START, |session| session.tags.len() > 20);
    // Either word takes the end back, in the same broadcast.
    for (sessions, act) in [(2, "restart"), (3, "start")] {
        done(&relay, "POST", &path("ended", act), Value::Null);
        wait::until("the broadcast again", START, || (sinks[0].sessions().len() == sessions).then_some(()));
        relay.wait_for_state("ended", "delivering", START);
        done(&relay, "POST", &path("ended", "end"), Value::Null);
        relay.wait_for_state("ended", "off", START);
    }
    broadcast.stop();
    relay.wait_for_state("ended", "idle", START);
    assert_eq!(refused(&relay, "POST", &path("restarted", "restart"), Value::Null).0, 409, "nobody publishes");
    let next = Broadcast::synthetic(&relay, 4_000);
    wait::until("the next broadcast at both", START, || {
        (sinks[0].sessions().len() == 4 && sinks[1].sessions().len() == 3).then_some(())
    });
    next.stop();
    for act in ["end", "stop", "start", "restart"] {
        assert_eq!(refused(&relay, "POST", &path("nobody", act), Value::Null).0, 404);
    }
}

#[test]
fn a_publisher_that_is_kicked_may_come_back() {
    if !peers::are_here(&[Peer::Ffmpeg]) {
        return;
    }
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("sink", &sink.url(), "");
    relay.start();
    assert_eq!(refused(&relay, "POST", "/api/streams/live/kick", Value::Null).0, 409);
    let _encoder = ffmpeg::publish_for_ever(relay.folder(), &clip::h264_aac(), &relay.publish_url());
    sink.wait_for("media", START, |session| session.tags.len() > 20);
    done(&relay, "POST", "/api/streams/live/kick", Value::Null);
    relay.wait_for_log("it was cut off by hand", START);
    relay.wait_for_log("is live again", START);
    assert_eq!(sink.sessions().len(), 1, "the destination held");
}

/// Whether a key opens a stream, asked of the files and the state as the program does.
#[track_caller]
fn opens(relay: &Relay, key: &str) -> bool {
    let url = format!("rtmp://127.0.0.1:{}/live/{key}", relay.rtmp_port());
    let clip = clip::h264_aac();
    let published = relay.folder().join("try.flv");
    let before = relay.log().matches("is live").count();
    let mut publisher = ffmpeg::publish(relay.folder(), &clip, &url, &published);
    let is_open = wait::until("an answer to the key", START, || {
        let is_live = relay.log().matches("is live").count() > before;
        (is_live || !publisher.is_running()).then_some(is_live)
    });
    if publisher.is_running() {
        publisher.signal("INT");
        publisher.finish(START);
    }
    is_open
}

#[test]
fn a_stream_is_made_and_its_key_replaced() {
    if !peers::are_here(&[Peer::Ffmpeg]) {
        return;
    }
    let mut relay = Relay::new();
    relay.start();
    let (first, second) = (secret::new("first"), secret::new("second"));
    relay.keep_secret(&first);
    relay.keep_secret(&second);
    done(&relay, "POST", "/api/streams", json!({"name": "studio", "key": first}));
    let file = relay.folder().join("destinations/studio/stream.toml");
    assert!(fs::read_to_string(&file).unwrap().contains(&format!("key = \"{first}\"")));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(relay.stream_named("studio")["state"], "idle");
    for (body, status) in [
        (json!({"name": "studio"}), 409),
        (json!({"name": "live"}), 409),
        (json!({"name": "../up"}), 400),
        (json!({"name": ".hidden"}), 400),
        (json!({"name": ""}), 400),
        (json!({"name": "other", "key": first}), 400),
        (json!({"name": "LIVE"}), 409),
        (json!({"name": "other", "kee": "whatever-it-is"}), 400),
        (json!({"name": "other", "key": "two words"}), 422),
    ] {
        assert_eq!(refused(&relay, "POST", "/api/streams", body.clone()).0, status, "{body}");
    }
    assert!(!relay.folder().join("up").exists() && !relay.folder().join("destinations/other").exists());
    assert!(opens(&relay, &first));
    wait::until("the publisher to be gone", Duration::from_secs(30), || {
        (relay.stream_named("studio")["state"] == "idle").then_some(())
    });

    fs::write(&file, fs::read_to_string(&file).unwrap() + "# the operator's own words\n").unwrap();
    done(&relay, "POST", "/api/streams/studio/rotate-key", json!({"key": second, "grace_seconds": 3600}));
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("# the operator's own words") && !text.contains(&first), "the old one is kept as a digest");
    for key in [&second, &first] {
        assert!(opens(&relay, key), "both open it for a while");
        wait::until("the publisher to be gone", Duration::from_secs(30), || {
            (relay.stream_named("studio")["state"] == "idle").then_some(())
        });
    }
    assert_eq!(refused(&relay, "POST", "/api/streams/studio/rotate-key", json!({"key": second})).0, 409);
    let third = secret::new("third");
    relay.keep_secret(&third);
    done(&relay, "POST", "/api/streams/studio/rotate-key", json!({"key": third, "grace_seconds": 0}));
    assert!(!opens(&relay, &second), "without a grace the old one is of no use any more");
    let (status, error) = refused(&relay, "POST", "/api/streams/live/rotate-key", json!({}));
    assert_eq!(status, 409);
    assert!(error["error"].as_str().unwrap().contains("FORKCAST_STREAM_KEY"), "{error}");
    assert_eq!(refused(&relay, "POST", "/api/streams/nobody/rotate-key", json!({})).0, 404);
    // A slip in a name must not leave a key open that got around.
    let slip = json!({"grace_second": 0});
    assert_eq!(refused(&relay, "POST", "/api/streams/studio/rotate-key", slip).0, 400);

    // One without a key of its own: forkcast makes both, and says in which file they are.
    done(&relay, "POST", "/api/streams", json!({"name": "made"}));
    let place = relay.stream_named("made")["key"]["file"].as_str().expect("it has a file").to_owned();
    let before = fs::read_to_string(&place).unwrap();
    relay.keep_secret(before.trim());
    done(&relay, "POST", "/api/streams/made/rotate-key", json!({}));
    let after = fs::read_to_string(&place).unwrap();
    relay.keep_secret(after.trim());
    assert_ne!(before, after);
    assert!(opens(&relay, after.trim()));
    // The key that forkcast has made is this stream's alone, and new only once.
    let (status, error) = refused(&relay, "POST", "/api/streams", json!({"name": "thief", "key": after.trim()}));
    assert!(status == 400 && error["field"] == "key", "{error}");
    for (stream, expected) in [("studio", 400), ("made", 409)] {
        let path = format!("/api/streams/{stream}/rotate-key");
        assert_eq!(refused(&relay, "POST", &path, json!({"key": after.trim()})).0, expected, "{stream}");
    }

    // What is taken away is gone with its key; what is live, has destinations, or is always there stays.
    let remove = |relay: &Relay, name: &str| refused(relay, "DELETE", &format!("/api/streams/{name}"), json!({}));
    assert_eq!((remove(&relay, "nobody").0, remove(&relay, "live").0), (404, 409));
    let sink = Sink::start();
    let platform = secret::new("platform");
    relay.keep_secret(&platform);
    done(&relay, "POST", "/api/streams/made/destinations", json!({"name": "sink", "url": sink.url(), "key": platform}));
    let (status, error) = remove(&relay, "made");
    assert!(status == 409 && error["error"].as_str().unwrap().contains("made/sink.toml"), "{error}");
    done(&relay, "DELETE", "/api/streams/made/destinations/sink", json!({}));
    wait::until("the publisher to be gone", Duration::from_secs(30), || {
        (relay.stream_named("made")["state"] == "idle").then_some(())
    });
    done(&relay, "DELETE", "/api/streams/made", json!({}));
    assert!(!relay.folder().join("destinations/made").exists() && !std::path::Path::new(&place).exists());
    assert!(!opens(&relay, after.trim()));
    assert_eq!(remove(&relay, "made").0, 404);
}

#[test]
fn what_cannot_be_done_is_said_with_the_place_and_changes_nothing() {
    let mut relay = Relay::new();
    let sink = Sink::start();
    let key = relay.destination("sink", &sink.url(), "");
    relay.start();
    let destinations = "/api/streams/live/destinations";
    let file = relay.folder().join("destinations/sink.toml");
    let before = fs::read_to_string(&file).unwrap();
    let (status, error) =
        refused(&relay, "PATCH", &format!("{destinations}/sink"), json!({"backpressure": {"max_lag": "soon"}}));
    assert_eq!(status, 422, "{error}");
    let problem = &error["problems"][0];
    assert_eq!(problem["field"], "backpressure.max_lag", "{error}");
    assert!(
        problem["line"].as_u64() > Some(1) && problem["hint"].as_str().is_some_and(|hint| !hint.is_empty()),
        "{error}"
    );
    let long = "x".repeat(200);
    for (body, status) in [
        (json!({"platform": "twich", "key": "live_1_a"}), 422),
        (json!({"name": "sink", "url": sink.url(), "key": "another"}), 409),
        (json!({"name": "again", "url": sink.url(), "key": key}), 422),
        (json!({"url": sink.url(), "key": "another"}), 400),
        (json!({"name": "../up", "url": sink.url(), "key": "another"}), 400),
        (json!({"name": "stream", "url": sink.url(), "key": "another"}), 400),
        (json!({"name": long, "url": sink.url(), "key": "another"}), 400),
    ] {
        assert_eq!(refused(&relay, "POST", destinations, body.clone()).0, status, "{body}");
    }
    assert_eq!(refused(&relay, "POST", "/api/streams/nobody/destinations", json!({"platform": "twitch"})).0, 404);
    assert_eq!(refused(&relay, "GET", "/api/streams/nobody", Value::Null).0, 404);
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    assert_eq!(fs::read_dir(relay.folder().join("destinations")).unwrap().count(), 1, "nothing is left behind");

    // A platform whose key is still to come: it is off, and says what is missing.
    done(&relay, "POST", destinations, json!({"platform": "twitch", "key": ""}));
    let (status, error) = refused(&relay, "POST", &format!("{destinations}/twitch/start"), Value::Null);
    assert_eq!(status, 409);
    assert!(error["error"].as_str().unwrap().contains("no key yet"), "{error}");
}

/// Whoever starts with nothing adds the first destination before there is a folder for it.
#[test]
fn the_first_destination_makes_its_folder_and_one_that_has_vanished_is_not_made_anew() {
    let mut relay = Relay::new();
    let folder = relay.folder().join("destinations");
    fs::remove_dir(&folder).unwrap();
    relay.destinations_by_default();
    relay.start();
    let sinks = [Sink::start(), Sink::start()];
    for (name, sink) in ["one", "two"].iter().zip(&sinks) {
        let key = secret::new(name);
        relay.keep_secret(&key);
        let body = json!({"name": name, "url": sink.url(), "key": key});
        done(&relay, "POST", "/api/streams/live/destinations", body);
    }
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    sinks.iter().for_each(|sink| drop(sink.wait_for("media", START, |session| session.tags.len() > 20)));
    let away = relay.folder().join("away");
    fs::rename(&folder, &away).unwrap();
    let body = json!({"name": "three", "url": sinks[0].url(), "key": "another"});
    let (status, error) = refused(&relay, "POST", "/api/streams/live/destinations", body.clone());
    assert_eq!(status, 409, "{error}");
    assert!(error["error"].as_str().unwrap().contains("nothing was written"), "{error}");
    // The empty place where a disk was.
    fs::create_dir(&folder).unwrap();
    assert_eq!(refused(&relay, "POST", "/api/streams/live/destinations", body).0, 409);
    // Whatever there is of files, a person who wants one to end is obeyed.
    relay.wait_for_log("are not gone by", START);
    done(&relay, "POST", "/api/streams/live/destinations/two/stop", Value::Null);
    assert!(sinks[1].wait_for("the end", START, |session| session.is_over).was_unpublished());
    fs::remove_dir(&folder).expect("nothing was left in it");
    fs::rename(&away, &folder).unwrap();
    broadcast.stop();
    for sink in &sinks {
        assert!(sink.wait_for("the end", START, |session| session.is_over).was_unpublished());
        assert_eq!(sink.sessions().len(), 1, "the show went on");
    }
}

/// In a container the folder is often mounted for reading alone. Root may write everywhere but into a file system that is read-only.
#[test]
fn on_a_folder_that_cannot_be_written_it_is_said_and_stopping_works_all_the_same() {
    if !peers::are_here(&[Peer::Confinement]) {
        return;
    }
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("sink", &sink.url(), "");
    relay.mount_destinations_read_only();
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    sink.wait_for("media", START, |session| session.tags.len() > 20);
    let path = "/api/streams/live/destinations";
    for (method, path, body) in [
        ("PATCH", format!("{path}/sink"), json!({"hold": "9s"})),
        ("DELETE", format!("{path}/sink"), Value::Null),
        ("POST", path.to_owned(), json!({"platform": "twitch", "key": "live_1_a"})),
        ("POST", "/api/streams".to_owned(), json!({"name": "studio"})),
    ] {
        let (status, error) = refused(&relay, method, &path, body);
        assert_eq!(status, 409, "{method} {path}: {error}");
        assert!(error["error"].as_str().unwrap().contains("cannot be written"), "{error}");
    }
    let said = done(&relay, "POST", &format!("{path}/sink/stop"), Value::Null);
    assert!(said.contains("until it is started or forkcast restarts"), "{said}");
    assert!(sink.wait_for("the end", START, |session| session.is_over).was_unpublished());
    relay.wait_for_state("sink", "off", START);
    done(&relay, "POST", &format!("{path}/sink/start"), Value::Null);
    wait::until("another session", START, || (sink.sessions().len() == 2).then_some(()));
    broadcast.stop();
}

/// Where a person has a key by the name that a rotation would take, theirs stays; where the file is wrong, nothing is written.
#[test]
fn a_key_is_replaced_without_taking_anothers_and_never_in_a_file_that_is_wrong() {
    let mut relay = Relay::new();
    let (own, guest) = (secret::new("own"), secret::new("guest"));
    [&own, &guest].into_iter().for_each(|key| relay.keep_secret(key));
    let file = relay.folder().join("destinations/studio/stream.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, format!("key = \"{own}\"\n\n[keys.previous]\nkey = \"{guest}\"\n")).unwrap();
    relay.start();
    let rotate = |relay: &mut Relay, grace: u64| {
        let key = secret::new("rotated");
        relay.keep_secret(&key);
        let body = json!({"key": key, "grace_seconds": grace});
        (http::request(relay.http_port(), "POST", "/api/streams/studio/rotate-key", &[JSON], &body.to_string()), key)
    };
    let (answer, first) = rotate(&mut relay, 600);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let (answer, second) = rotate(&mut relay, 1);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(&guest) && text.contains("[keys.previous-key]"), "what is a person's stays");
    assert!(!text.contains(&first) && !text.contains(&own), "old ones are kept as digests");
    // A grace that runs out.
    wait::until("the old key to open it no more", START, || (!opens(&relay, &first)).then_some(()));
    assert!(opens(&relay, &guest) && opens(&relay, &second));

    fs::write(&file, format!("{text}\nhold = ")).unwrap();
    let (answer, _) = rotate(&mut relay, 600);
    assert!(answer.status == 409 && answer.body.contains("mend it first"), "{}", answer.body);
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{text}\nhold = "));
}

/// Whoever wants a destination to end is obeyed, whatever its file says.
#[test]
fn a_destination_whose_file_is_wrong_is_stopped_and_stays_so() {
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("sink", &sink.url(), "");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    sink.wait_for("media", START, |session| session.tags.len() > 20);
    let file = relay.folder().join("destinations/sink.toml");
    let right = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{right}max_lagg = \"3s\"\n")).unwrap();
    relay.wait_for("sink", "a mistake", START, |entry| !entry["file_problem"].is_null());
    let path = "/api/streams/live/destinations/sink";
    let said = done(&relay, "POST", &format!("{path}/stop"), Value::Null);
    assert!(said.contains("is wrong"), "{said}");
    assert!(sink.wait_for("the end", START, |session| session.is_over).was_unpublished());
    let entry = relay.wait_for_state("sink", "off", START);
    assert!(entry["reason"].as_str().is_some_and(|reason| reason.contains("stopped by hand")), "{entry}");
    fs::write(&file, &right).unwrap();
    done(&relay, "POST", "/api/reload", Value::Null);
    assert_eq!(relay.wait_for_state("sink", "off", START)["state"], "off", "a file that is mended starts nothing");
    assert_eq!(sink.sessions().len(), 1);
    done(&relay, "POST", &format!("{path}/start"), Value::Null);
    wait::until("another session", START, || (sink.sessions().len() == 2).then_some(()));
    broadcast.stop();
}

#[test]
fn requests_that_meet_are_done_one_after_the_other() {
    let mut relay = Relay::new();
    relay.start();
    let port = relay.http_port();
    let add = |_| {
        let body = json!({"name": "one", "url": "rtmp://127.0.0.1:9/live", "key": "any-key-will-do"}).to_string();
        http::request(port, "POST", "/api/streams/live/destinations", &[JSON], &body).status
    };
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..20).map(|index| scope.spawn(move || add(index))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 201).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| matches!(status, 201 | 409 | 429)), "{answers:?}");
    let file = relay.folder().join("destinations/one.toml");
    assert!(fs::read_to_string(file).unwrap().contains("url = \"rtmp://127.0.0.1:9/live\""));
}

#[test]
fn a_wait_of_centuries_is_refused() {
    let mut relay = Relay::new();
    relay.start();
    for seconds in [u64::MAX, 86_401] {
        let (status, error) = refused(&relay, "POST", "/api/drain", json!({"wait_seconds": seconds}));
        assert!(status == 400 && error["field"] == "wait_seconds", "{error}");
    }
    assert_eq!(http::get(relay.http_port(), "/readyz").map(|(status, _)| status), Some(200), "it goes on");
}

/// A server that still has the old session would refuse the new one: the key is in use there.
#[test]
fn a_destination_that_is_removed_and_added_again_waits_for_its_old_session_to_end() {
    let mut relay = Relay::new();
    let sink = Sink::start();
    let key = relay.destination("sink", &sink.url(), "");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    sink.wait_for("media", START, |session| session.tags.len() > 20);
    sink.stall();
    done(&relay, "DELETE", "/api/streams/live/destinations/sink", Value::Null);
    let body = json!({"name": "again", "url": sink.url(), "key": key});
    done(&relay, "POST", "/api/streams/live/destinations", body);
    // By when it would have connected.
    for _ in 0..3 {
        done(&relay, "POST", "/api/reload", Value::Null);
    }
    assert_eq!(sink.attempts().len(), 1, "the old session is still there");
    sink.resume();
    wait::until("another session", START, || (sink.sessions().len() == 2).then_some(()));
    assert!(sink.sessions()[0].was_unpublished());
    relay.wait_for_state("again", "delivering", START);
    broadcast.stop();
}

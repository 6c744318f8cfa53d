//! What may happen to the files during a show, and what must not come of it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::broadcast::Broadcast;
use crate::support::bystanders::Bystanders;
use crate::support::relay::Relay;
use crate::support::wire::{Behaviour, Publisher, Sink};
use crate::support::{http, secret, wait};

const START: Duration = Duration::from_secs(10);
const CHANGED: Duration = Duration::from_secs(8);

/// A show with two destinations that nobody may disturb, and one whose file is ill-treated.
struct Show {
    relay: Relay,
    bystanders: Bystanders,
    victim: Sink,
    broadcast: Broadcast,
}

impl Show {
    fn begin() -> Self {
        let mut relay = Relay::new();
        let bystanders = Bystanders::of(&mut relay);
        let victim = Sink::start();
        relay.destination("victim", &victim.url(), "");
        relay.start();
        let broadcast = Broadcast::synthetic(&relay, 4_000);
        bystanders.wait_for_media();
        relay.wait_for_state("victim", "delivering", START);
        Self { relay, bystanders, victim, broadcast }
    }

    fn file(&self) -> std::path::PathBuf {
        self.relay.folder().join("destinations/victim.toml")
    }

    /// The victim was not disturbed either: one session, up to the end.
    fn end_with_nothing_lost(self) {
        let Self { relay, bystanders, victim, broadcast } = self;
        let published = broadcast.stop();
        bystanders.assert_undisturbed(&published);
        crate::support::bystanders::assert_missed_nothing("victim", &victim, &published.tags);
        drop(relay);
    }
}

#[test]
fn a_file_that_is_wrong_changes_nothing_that_runs_and_says_where() {
    let show = Show::begin();
    let right = fs::read_to_string(show.file()).unwrap();
    let key = secret::new("half-written");
    let cases: &[(&str, String, &str)] = &[
        ("half-written", format!("url = \"{}\"\nkey = \"{key}", show.victim.url()), ":2:"),
        ("empty", String::new(), "has neither a `platform` nor a `url`"),
        ("an unknown key", format!("{right}\nmax_lag = \"3s\"\n"), "max_lag"),
        ("a number out of range", format!("{right}\n[backpressure]\nmax_lag = \"0s\"\n"), "max_lag"),
    ];
    for (what, text, expected) in cases {
        fs::write(show.file(), text).unwrap();
        let entry = show.relay.wait_for("victim", what, CHANGED, |entry| {
            entry["file_problem"].as_str().is_some_and(|problem| problem.contains(expected))
        });
        assert_eq!(entry["state"], "delivering", "{what}: {entry}");
        let mistakes = http::get(show.relay.http_port(), "/metrics").unwrap().1;
        assert!(mistakes.contains("\nforkcast_configuration_mistakes 1\n"), "{what}: {mistakes}");
        fs::write(show.file(), &right).unwrap();
        show.relay.wait_for("victim", "right again", CHANGED, |entry| entry["file_problem"].is_null());
    }
    let log = show.relay.log();
    assert!(log.contains("victim.toml:2:"), "the log says where");
    assert!(log.contains(" | "), "with an excerpt");
    assert!(!log.contains(&key), "that is masked");
    show.end_with_nothing_lost();
}

#[test]
fn a_file_of_a_hundred_megabytes_is_not_read() {
    let show = Show::begin();
    let right = fs::read_to_string(show.file()).unwrap();
    let before = show.relay.resident_memory();
    let big = fs::File::create(show.file()).unwrap();
    std::io::Write::write_all(&mut &big, vec![b'#'; 100 << 20].as_slice()).unwrap();
    let entry = show.relay.wait_for("victim", "too large", CHANGED, |entry| !entry["file_problem"].is_null());
    assert!(entry["file_problem"].as_str().is_some_and(|problem| problem.contains("victim.toml")), "{entry}");
    let grown = show.relay.resident_memory().saturating_sub(before);
    assert!(grown < 16 << 20, "the relay grew by {grown} bytes");
    fs::write(show.file(), &right).unwrap();
    show.relay.wait_for("victim", "right again", CHANGED, |entry| entry["file_problem"].is_null());
    show.end_with_nothing_lost();
}

#[test]
fn a_pipe_in_the_place_of_a_file_holds_nothing_up() {
    let show = Show::begin();
    let right = fs::read_to_string(show.file()).unwrap();
    fs::remove_file(show.file()).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(show.file()).status().unwrap().success());
    show.relay.wait_for("victim", "told of", CHANGED, |entry| {
        entry["file_problem"].as_str().is_some_and(|problem| problem.contains("it is a pipe, not a file"))
    });
    fs::remove_file(show.file()).unwrap();
    show.relay.destination_file("victim.toml", &right);
    show.relay.wait_for("victim", "right again", CHANGED, |entry| entry["file_problem"].is_null());
    // It was gone for a moment, and may have been seen so.
    show.bystanders.assert_undisturbed(&show.broadcast.stop());
}

/// Whatever its name is: the one that came later is wrong, in the status, the log and the count of mistakes.
#[test]
fn of_two_files_with_one_target_the_one_that_runs_is_right_everywhere() {
    let show = Show::begin();
    show.relay.destination_file("a-double.toml", &fs::read_to_string(show.file()).unwrap());
    let entry = show.relay.wait_for("a-double", "wrong", CHANGED, |entry| entry["state"] == "wrong");
    assert!(
        entry["reason"].as_str().is_some_and(|reason| reason.contains("`victim` sends to the same server")),
        "{entry}"
    );
    assert!(show.relay.destination_status("victim")["file_problem"].is_null());
    let (_, body) = http::get(show.relay.http_port(), "/api/configuration").unwrap();
    let configuration: serde_json::Value = serde_json::from_str(&body).unwrap();
    let problems = configuration["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{body}");
    assert!(problems[0].to_string().contains("a-double.toml"), "{body}");
    let of_victim = format!("--> {}", show.file().display());
    assert!(!show.relay.log().contains(&of_victim), "{}", show.relay.log());
    show.end_with_nothing_lost();
}

/// The key that forkcast has made lies in its state folder, where a person may put another in its place.
#[test]
fn a_made_key_that_is_changed_by_hand_counts() {
    let mut relay = Relay::new();
    relay.start();
    fs::create_dir(relay.folder().join("destinations/studio")).unwrap();
    relay.destination_file("studio/stream.toml", "");
    let file = relay.folder().join("state/stream-keys/studio");
    wait::until("a key to be made", CHANGED, || file.exists().then_some(()));
    relay.wait_for_log("1 stream added", CHANGED);
    let key = secret::new("by-hand");
    relay.keep_secret(&key);
    fs::write(&file, format!("{key}\n")).unwrap();
    relay.wait_for_log("read again: 1 stream changed", CHANGED);
    Publisher::connect(relay.rtmp_port(), &key).expect("the key is right").unpublish().unwrap();
    assert_eq!(relay.log().matches("read again").count(), 2, "a key that forkcast makes itself is no change");
}

#[test]
fn a_folder_that_vanishes_and_comes_back_changes_nothing() {
    let show = Show::begin();
    let (folder, away) = (show.relay.folder().join("destinations"), show.relay.folder().join("away"));
    fs::rename(&folder, &away).unwrap();
    show.relay.wait_for_log("are not gone by: the folder", CHANGED);
    fs::create_dir(&folder).unwrap();
    show.relay.wait_for_log("all 3 files of destinations", CHANGED);
    fs::remove_dir(&folder).unwrap();
    fs::rename(&away, &folder).unwrap();
    show.relay.wait_for_log("nothing has changed", CHANGED);
    assert_eq!(show.relay.stream()["destinations"].as_array().map(Vec::len), Some(3));
    show.end_with_nothing_lost();
}

/// A disk that is not mounted leaves an empty folder of the same name. One destination is as much of a show as three.
#[test]
fn another_folder_in_its_place_does_not_end_the_only_destination() {
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("sink", &sink.url(), "");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    sink.wait_for("media", START, |session| session.tags.len() > 20);
    let (folder, away) = (relay.folder().join("destinations"), relay.folder().join("away"));
    fs::rename(&folder, &away).unwrap();
    fs::create_dir(&folder).unwrap();
    relay.wait_for_log("is another folder than it was", CHANGED);
    fs::remove_dir(&folder).unwrap();
    fs::rename(&away, &folder).unwrap();
    relay.wait_for_log("read again", CHANGED);
    // The same file taken out by hand is meant.
    fs::remove_file(folder.join("sink.toml")).unwrap();
    assert!(sink.wait_for("the end", START, |session| session.is_over).was_unpublished());
    assert_eq!(sink.sessions().len(), 1, "the show went on until then");
    broadcast.stop();
}

/// What the server itself is told is heard at its start alone; that is said, and the rest of the file goes on counting.
#[test]
fn a_setting_that_needs_a_restart_says_so() {
    let show = Show::begin();
    let file = show.relay.folder().join("forkcast.toml");
    fs::write(&file, "drain = \"5m\"\nmetrics = \"aggregate\"\n").unwrap();
    show.relay.wait_for_log("counts when forkcast is started again", CHANGED);
    let (_, body) = http::get(show.relay.http_port(), "/api/configuration").unwrap();
    let configuration: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(configuration["needs_restart"], serde_json::json!(["`metrics`", "`drain`"]), "{body}");
    fs::write(&file, "drain = 5\n").unwrap();
    wait::until("the mistake to be told with its place", CHANGED, || {
        show.relay.log().contains("forkcast.toml:1:9").then_some(())
    });
    fs::write(&file, "[notify.ops]\nurl = \"http://127.0.0.1:9/\"\n").unwrap();
    show.relay.wait_for_log("read again: 1 webhook changed", CHANGED);
    fs::remove_file(&file).unwrap();
    wait::until("nothing to need a restart", CHANGED, || {
        let (_, body) = http::get(show.relay.http_port(), "/api/configuration")?;
        body.contains("\"needs_restart\":[]").then_some(())
    });
    show.end_with_nothing_lost();
}

#[test]
fn an_operator_who_means_it_says_so() {
    let show = Show::begin();
    for name in ["victim", "first-bystander", "second-bystander"] {
        fs::remove_file(show.relay.folder().join(format!("destinations/{name}.toml"))).unwrap();
    }
    show.relay.wait_for_log("all 3 files of destinations", CHANGED);
    show.relay.signal("HUP");
    wait::until("the destinations to be gone", CHANGED, || {
        show.relay.stream()["destinations"].as_array().is_some_and(Vec::is_empty).then_some(())
    });
    let session = show.victim.wait_for("the end", START, |session| session.is_over);
    assert!(session.was_unpublished(), "it is ended in order");
    show.broadcast.stop();
}

/// A key that the platform knows again: whoever saves the file means that it is to be tried.
#[test]
fn a_parked_destination_is_tried_again_when_its_file_is_saved_as_it_is() {
    let mut relay = Relay::new();
    let victim = Sink::with(Behaviour::refusing("publish", "NetStream.Publish.Denied", "wrong key"));
    relay.destination("victim", &victim.url(), "");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    relay.wait_for_state("victim", "parked", Duration::from_secs(60));
    victim.behave(Behaviour::default());
    let file = relay.folder().join("destinations/victim.toml");
    fs::write(&file, fs::read_to_string(&file).unwrap() + "# mended at the platform\n").unwrap();
    relay.wait_for_state("victim", "delivering", CHANGED);
    broadcast.stop();
}

/// Kubernetes swaps the link of a folder in which all files are.
#[cfg(unix)]
#[test]
fn a_config_map_that_is_swapped_is_read() {
    use std::os::unix::fs::symlink;
    let mut relay = Relay::new();
    let (first, second) = (Sink::start(), Sink::start());
    let folder = relay.folder().join("destinations");
    let key = secret::new("of-the-map");
    relay.keep_secret(&key);
    for (version, url) in [("..1", first.url()), ("..2", second.url())] {
        fs::create_dir(folder.join(version)).unwrap();
        relay.destination_file(&format!("{version}/mapped.toml"), &format!("url = \"{url}\"\nkey = \"{key}\"\n"));
    }
    symlink("..1", folder.join("..data")).unwrap();
    symlink("..data/mapped.toml", folder.join("mapped.toml")).unwrap();
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    first.wait_for("media", START, |session| session.first_media.is_some());
    symlink("..2", folder.join("..next")).unwrap();
    fs::rename(folder.join("..next"), folder.join("..data")).unwrap();
    let session = second.wait_for("media", CHANGED, |session| session.first_media.is_some());
    assert!(session.tags.iter().any(|tag| tag.is_keyframe()));
    let ended = first.wait_for("the end", START, |session| session.is_over);
    assert!(ended.was_unpublished());
    broadcast.stop();
}

/// What the stream's own file says, without a restart: who may publish, from the next publish on.
#[test]
fn a_stream_that_is_added_changed_and_taken_away() {
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.start();
    let (key, next) = (secret::new("studio"), secret::new("studio-next"));
    relay.keep_secret(&key);
    relay.keep_secret(&next);
    let folder = relay.folder().join("destinations/studio");
    fs::create_dir(&folder).unwrap();
    relay.destination_file("studio/stream.toml", &format!("key = \"{key}\"\n"));
    let to = relay.destination("studio-sink", &sink.url(), "");
    fs::rename(relay.folder().join("destinations/studio-sink.toml"), folder.join("sink.toml")).unwrap();
    let exists = || {
        let status = relay.status();
        status["streams"].as_array().unwrap().iter().any(|stream| stream["name"] == "studio")
    };
    wait::until("the stream to be there", CHANGED, || exists().then_some(()));
    let publish = |key: &str| {
        let mut ffmpeg = std::process::Command::new(env!("CARGO_BIN_EXE_forkcast"));
        ffmpeg.args(["key", "check", "--destinations"]).arg(relay.folder().join("destinations"));
        use std::io::Write as _;
        let mut check =
            ffmpeg.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
        check.stdin.take().unwrap().write_all(key.as_bytes()).unwrap();
        check.wait_with_output().unwrap().status.success()
    };
    assert!(publish(&key));
    relay.destination_file("studio/stream.toml", &format!("key = \"{next}\"\nhold = \"3s\"\n"));
    relay.wait_for_log("1 stream added", CHANGED);
    assert!(publish(&next));
    fs::remove_dir_all(&folder).unwrap();
    wait::until("the stream to be gone", CHANGED, || (!exists()).then_some(()));
    relay.wait_for_log("stream `studio` is gone with its files", CHANGED);
    drop(to);
}

#[test]
fn one_change_among_five_hundred_restarts_exactly_one() {
    let mut relay = Relay::new();
    let sink = Sink::start();
    for number in 0..500 {
        relay.destination(&format!("many-{number:03}"), &sink.url(), "");
    }
    relay.start_quietly();
    let broadcast = Broadcast::synthetic(&relay, 500);
    wait::until("all to deliver", Duration::from_secs(60), || (states(&relay)[0] == 500).then_some(()));
    let before = sink.sessions().len();
    let key = secret::new("the-one");
    relay.keep_secret(&key);
    relay.destination_file("many-250.toml", &format!("url = \"{}\"\nkey = \"{key}\"\n", sink.url()));
    let began = Instant::now();
    relay.wait_for("many-250", "over", Duration::from_secs(30), |entry| {
        entry["sessions"] == 2 && entry["state"] == "delivering"
    });
    println!("one of 500 is over after {:?}", began.elapsed());
    assert_eq!(states(&relay), [500, 501], "delivering, and publishes in all");
    assert_eq!(sink.sessions().len(), before + 1);
    broadcast.stop();
}

/// How many destinations deliver, and how many publishes there were in all.
fn states(relay: &Relay) -> [u64; 2] {
    let stream = relay.stream();
    let destinations = stream["destinations"].as_array().expect("a stream lists destinations");
    let delivering = destinations.iter().filter(|entry| entry["state"] == "delivering").count() as u64;
    [delivering, destinations.iter().filter_map(|entry| entry["sessions"].as_u64()).sum()]
}

#[test]
fn a_thousand_streams_are_loaded_at_once_and_one_change_touches_one() {
    let mut relay = Relay::new();
    let root = relay.folder().join("destinations");
    for stream in 0..1000 {
        let folder = root.join(format!("stream-{stream:04}"));
        fs::create_dir(&folder).unwrap();
        write(&folder.join("stream.toml"), &format!("key = \"{}\"\n", secret::new("stream")));
        for destination in 0..5 {
            let key = secret::new("destination");
            let text = format!("url = \"rtmp://127.0.0.1:9/live\"\nkey = \"{key}\"\n");
            write(&folder.join(format!("destination-{destination}.toml")), &text);
        }
    }
    let began = Instant::now();
    relay.start_quietly();
    println!("5,000 destinations: healthy after {:?}", began.elapsed());
    let key = secret::new("another");
    write(
        &root.join("stream-0500/destination-3.toml"),
        &format!("url = \"rtmp://127.0.0.1:9/live\"\nkey = \"{key}\"\n"),
    );
    relay.wait_for_log("1 destination changed", Duration::from_secs(20));
    let log = relay.log();
    let changed = log.lines().filter(|line| line.contains("goes over to its new server or key"));
    assert_eq!(changed.count(), 1, "{log}");
    let line = log.lines().find(|line| line.contains("the files were read again")).expect("it is told");
    println!("{line}");
}

fn write(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
    #[cfg(unix)]
    fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

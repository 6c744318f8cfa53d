//! As in its container: a number for a user, a root that is read-only, no capability, and no way to get one.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::confinement::Confinement;
use crate::support::peers::{self, Peer};
use crate::support::process::Process;
use crate::support::relay::temporary_folder;
use crate::support::wire::{Publisher, Sink};
use crate::support::{http, ports, secret, synthetic, wait};

const START: Duration = Duration::from_secs(10);

#[test]
fn it_runs_with_a_read_only_root_and_no_capability() {
    if !peers::are_here(&[Peer::Confinement]) {
        return;
    }
    let user = user_of_the_image();
    let folder = temporary_folder();
    let confinement = Confinement::new(folder.path(), user);
    let sink = Sink::start();
    let key = secret::new("confined");
    let file = folder.path().join("destinations/somewhere.toml");
    fs::write(&file, format!("url = \"{}\"\nkey = \"{key}\"\n", sink.url())).unwrap();
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    confinement.give_away(&file);

    let (rtmp, http) = (ports::free(), ports::free());
    let forkcast = |command: &str| {
        let mut forkcast = confinement.command("/forkcast");
        forkcast.arg(command).args(["--rtmp", &format!("127.0.0.1:{rtmp}"), "--http", &format!("127.0.0.1:{http}")]);
        forkcast.env("FORKCAST_DESTINATIONS", "/destinations").env("FORKCAST_STATE", "/state");
        forkcast
    };
    let mut relay = Process::start("relay", folder.path(), &mut forkcast("serve"));
    wait::until("the relay to be healthy", START, || {
        assert!(relay.is_running(), "the relay ended at its start:\n{}", relay.output());
        http::get(http, "/healthz").filter(|(status, _)| *status == 200)
    });
    assert_confined(relay.id(), user);

    // The key that it made is in its volume.
    let stream_key = fs::read_to_string(folder.path().join("state/stream-keys/live")).unwrap();
    let mut publisher = Publisher::connect(rtmp, stream_key.trim()).expect("the key is right");
    let mut tags = synthetic::headers(0);
    tags.extend(synthetic::frames(0, 1_000, 2_000));
    publisher.send_paced(&tags).unwrap();
    let session = sink.wait_for("media", START, |session| session.first_media.is_some());
    assert_eq!(session.stream_key, key);
    Process::start("health", folder.path(), &mut forkcast("health")).succeed(START);
    Process::start("check", folder.path(), &mut forkcast("check")).succeed(START);

    publisher.unpublish().unwrap();
    relay.signal("TERM");
    relay.succeed(START);
    assert!(!relay.output().contains("panicked"), "{}", relay.output());
    secret::assert_absent("the log", &relay.output(), &[key.as_str(), stream_key.trim()]);
}

/// Root reads whatever it wants; a user for whom a folder is closed in the middle of a show does not.
#[test]
fn a_folder_that_is_closed_to_it_ends_no_show() {
    if !peers::are_here(&[Peer::Confinement]) {
        return;
    }
    let folder = temporary_folder();
    let confinement = Confinement::new(folder.path(), user_of_the_image());
    let sink = Sink::start();
    let (key, stream_key) = (secret::new("closed"), secret::new("studio"));
    let studio = folder.path().join("destinations/studio");
    fs::create_dir(&studio).unwrap();
    for (name, text) in [
        ("somewhere.toml", format!("url = \"{}\"\nkey = \"{key}\"\n", sink.url())),
        ("stream.toml", format!("key = \"{stream_key}\"\n")),
    ] {
        fs::write(studio.join(name), text).unwrap();
        fs::set_permissions(studio.join(name), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        confinement.give_away(&studio.join(name));
    }
    confinement.give_away(&studio);
    let (rtmp, http) = (ports::free(), ports::free());
    let mut forkcast = confinement.command("/forkcast");
    forkcast.args(["--rtmp", &format!("127.0.0.1:{rtmp}"), "--http", &format!("127.0.0.1:{http}")]);
    forkcast.env("FORKCAST_DESTINATIONS", "/destinations").env("FORKCAST_STATE", "/state");
    let mut relay = Process::start("relay", folder.path(), &mut forkcast);
    wait::until("the relay to be healthy", START, || {
        assert!(relay.is_running(), "the relay ended at its start:\n{}", relay.output());
        http::get(http, "/healthz").filter(|(status, _)| *status == 200)
    });
    let mut publisher = Publisher::connect(rtmp, &stream_key).expect("the key is right");
    publisher.send_paced(&synthetic::headers(0)).unwrap();
    let mut sent = 0;
    let mut goes_on = |until: Option<bool>| {
        wait::until("the files to be looked at", START, || {
            publisher.send_paced(&synthetic::frames(sent, 200, 2_000)).unwrap();
            sent += 200;
            let (_, body) = http::get(http, "/api/status")?;
            let status: serde_json::Value = serde_json::from_str(&body).unwrap();
            let studio = status["streams"].as_array()?.iter().find(|stream| stream["name"] == "studio")?.clone();
            let destination = studio["destinations"].as_array()?.first()?.clone();
            let is_told =
                destination["file_problem"].as_str().is_some_and(|problem| problem.contains("Permission denied"));
            (destination["state"] == "delivering" && until.is_none_or(|until| is_told == until)).then_some(())
        });
    };
    goes_on(None);
    for mode in [0o000, 0o755, 0o644, 0o755] {
        fs::set_permissions(&studio, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        goes_on(Some(mode != 0o755));
    }
    let whole = folder.path().join("destinations");
    for mode in [0o644, 0o755] {
        fs::set_permissions(&whole, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        wait::until("it to be told", START, || {
            let (_, body) = http::get(http, "/api/configuration")?;
            let configuration: serde_json::Value = serde_json::from_str(&body).unwrap();
            let kept = configuration["kept"].as_str().unwrap_or_default();
            (kept.contains("cannot be read (Permission denied") == (mode == 0o644)).then_some(())
        });
    }
    goes_on(Some(false));
    assert_eq!(sink.sessions().len(), 1, "one session from the beginning to the end");
    publisher.unpublish().unwrap();
    relay.signal("TERM");
    relay.succeed(START);
    assert!(!relay.output().contains("panicked"), "{}", relay.output());
    secret::assert_absent("the log", &relay.output(), &[key.as_str(), &stream_key]);
}

/// What the confinement of this test is worth: inside, nothing can be written but the state.
#[test]
fn nothing_but_its_state_can_be_written() {
    if !peers::are_here(&[Peer::Confinement]) {
        return;
    }
    let folder = temporary_folder();
    let confinement = Confinement::new(folder.path(), user_of_the_image());
    for (place, may_write) in [
        ("/", false),
        ("/usr", false),
        ("/usr/bin", false),
        ("/destinations", false),
        ("/proc", false),
        ("/state", true),
    ] {
        let status = confinement.command("touch").arg(Path::new(place).join("new")).output().unwrap().status;
        assert_eq!(status.success(), may_write, "{place}");
    }
    let mut mount: Command = confinement.command("mount");
    assert!(!mount.args(["-o", "remount,rw", "/"]).output().unwrap().status.success(), "and that cannot be changed");
}

/// `/proc/PID/status` and the mounts, as the kernel sees them (`man 5 proc`).
#[track_caller]
fn assert_confined(id: u32, user: u32) {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let value = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("{name} is missing:\n{status}")).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(value("Name"), "forkcast", "{status}");
    for name in ["Uid", "Gid"] {
        // Real, effective, saved, and of the file system.
        assert_eq!(value(name), [user; 4].map(|id| id.to_string()).join(" "));
    }
    assert_eq!(value("Groups"), "");
    for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(u64::from_str_radix(&value(name), 16), Ok(0), "{name}");
    }
    assert_eq!(value("NoNewPrivs"), "1");

    let mounts = fs::read_to_string(format!("/proc/{id}/mountinfo")).unwrap();
    let of = |line: &str| {
        let mut words = line.split(' ').skip(4);
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    // What lies outside of its root is not listed as it sees it.
    let mounts: Vec<_> = mounts.lines().filter_map(of).collect();
    assert!(mounts.iter().any(|(place, _)| place == "/"), "{mounts:?}");
    for (place, options) in &mounts {
        let is_read_only = options.split(',').any(|option| option == "ro");
        assert_eq!(is_read_only, place != "/state", "{place} is {options}");
    }
}

/// The Dockerfile's, which says the rest of what is tried here too.
fn user_of_the_image() -> u32 {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Dockerfile");
    let text = fs::read_to_string(path).unwrap();
    for line in [
        "VOLUME [\"/destinations\", \"/state\"]",
        "#   docker run -d --name forkcast --read-only --cap-drop ALL --security-opt no-new-privileges \\",
        "#       -v \"$PWD/destinations:/destinations:ro\" -v forkcast-state:/state forkcast",
        "ENV FORKCAST_DESTINATIONS=/destinations \\",
        "    FORKCAST_STATE=/state \\",
        "HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD [\"/usr/local/bin/forkcast\", \"health\"]",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "the Dockerfile says something else than is tried here: {line}"
        );
    }
    let users: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("USER ")).collect();
    let [user] = users.as_slice() else { panic!("the Dockerfile names one user: {users:?}") };
    let (user, group) = user.split_once(':').expect("user and group");
    assert_eq!(user, group);
    // A number: an engine that is told to refuse root cannot tell what a name means.
    user.parse().expect("a number")
}

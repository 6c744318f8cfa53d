//! What is wrong only when files are compared, and with their names.

use std::sync::Arc;

use super::*;
use crate::{
    check,
    config::{Given, Running, ServeOptions},
};

const YOUTUBE: &str = "platform = \"youtube\"\nkey = \"abcd\"\n";

fn seen(files: &[(&str, &str)]) -> String {
    rendered(&Memory::new(files).load())
}

#[test]
fn one_stream_key_for_two_streams() {
    let files = [
        ("destinations/stream.toml", "key = \"one-and-the-same\"\n"),
        ("destinations/b/stream.toml", "key = \"one-and-the-same\"\n"),
    ];
    let config = Memory::new(&files).load();
    let expected = "\
mistake: this is the stream key of `live` too (destinations/stream.toml:1:7)
  --> destinations/b/stream.toml:1:7
   |
 1 | key = \"…\"
   |       ^^^
hint: give each stream a key of its own: the key alone says which stream a publisher means";
    assert_eq!(rendered(&config), expected);
    let open: Vec<_> =
        config.streams.iter().map(|stream| (!stream.access.is_empty(), stream.wrong.is_some())).collect();
    assert_eq!(open, [(true, false), (false, true)]);
}

#[test]
fn the_environments_key_is_compared_too() {
    let memory = Memory::new(&[("destinations/b/stream.toml", "key = \"one-and-the-same\"\n")])
        .variable("FORKCAST_STREAM_KEY", "one-and-the-same");
    let message = &memory.load().problems.first().unwrap().message.clone();
    assert_eq!(message, "this is the stream key of `live` too (environment variable FORKCAST_STREAM_KEY)");
}

#[test]
fn a_stream_key_that_is_short_or_none() {
    let expected = "\
warning: the stream key has 4 characters: whoever finds the server can guess it, and publish
  --> destinations/stream.toml:1:7
   |
 1 | key = \"…\"
   |       ^^^
hint: take a longer one, or none: then forkcast makes one";
    assert_eq!(seen(&[("destinations/stream.toml", "key = \"live\"\n")]), expected);

    let memory = Memory::default().variable("FORKCAST_STREAM_KEY", "rtmp://host/live/secret");
    let config = memory.load();
    let expected = "\
mistake: the stream key holds a URL
  --> environment variable FORKCAST_STREAM_KEY
hint: `url` takes the server's URL; `key` takes what the platform calls stream key, or stream name";
    assert_eq!(rendered(&config), expected);
    assert!(config.streams.iter().all(|stream| stream.wrong.is_some() && stream.access.is_empty()));
}

#[test]
fn a_streams_file_with_another_mistake_lets_its_publisher_in() {
    let config = Memory::new(&[("destinations/stream.toml", "key = \"a-good-key\"\nkye = 1\n")]).load();
    let live = config.streams.first().unwrap();
    assert!(!live.access.is_empty() && live.wrong.is_none());
    assert_eq!(config.problems.len(), 1);
}

#[test]
fn this_machine_by_its_name_is_no_other_server() {
    let messages = |files: &[(&str, &str)]| {
        let problems = Memory::new(files).load().problems;
        problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>()
    };
    let by_name = "url = \"rtmp://LocalHost/live\"\nkey = \"abcd\"\n";
    let by_address = "url = \"rtmp://127.0.0.1:1935/live\"\nkey = \"abcd\"\n";
    let twice = messages(&[("destinations/a.toml", by_name), ("destinations/b.toml", by_address)]);
    assert_eq!(twice, ["`a` sends to the same server with the same key (destinations/a.toml:2:7)"]);
    let backup = format!("{by_name}backup_url = \"rtmp://127.0.0.1/live\"\n");
    assert_eq!(messages(&[("destinations/a.toml", &backup)]), ["`backup_url` is the server of `url`"]);
}

#[test]
fn one_key_at_one_server_twice() {
    let config = Memory::new(&[("destinations/a.toml", YOUTUBE), ("destinations/b.toml", YOUTUBE)]).load();
    let expected = "\
mistake: `a` sends to the same server with the same key (destinations/a.toml:2:7)
  --> destinations/b.toml:2:7
   |
 2 | key = \"…\"
   |       ^^^
hint: take one of the files away, or give it a key of its own";
    assert_eq!(rendered(&config), expected);
    let wrong = config.streams.iter().flat_map(|stream| &stream.destinations);
    let wrong: Vec<_> = wrong.map(|destination| matches!(destination.activation, Activation::Wrong { .. })).collect();
    assert_eq!(wrong, [false, true]);

    // Of another stream: it may be meant, one at a time.
    let config = Memory::new(&[("destinations/a.toml", YOUTUBE), ("destinations/studio/a.toml", YOUTUBE)]).load();
    let problem = config.problems.first().unwrap();
    assert!(!problem.is_mistake());
    assert_eq!(problem.hint, "whichever of `live` and `studio` is live second disturbs the first");

    // Primary and backup of one broadcast have one key.
    let backup = "platform = \"youtube\"\nurl = \"rtmps://b.rtmps.youtube.com:443/live2?backup=1\"\nkey = \"abcd\"\n";
    let config = Memory::new(&[("destinations/a.toml", YOUTUBE), ("destinations/b.toml", backup)]).load();
    assert_eq!(rendered(&config), "");
    // With a session there all the time, there is nothing to fail over to.
    assert!(settings(&config).backup.is_none());
    let line = first(&config).explanation.iter().find(|line| line.field == "backup_url").unwrap();
    assert_eq!(line.value, "off: `b` sends there");

    let own = format!("{YOUTUBE}backup_url = \"rtmps://b.rtmps.youtube.com:443/live2?backup=1\"\n");
    let expected = "\
warning: this backup is not used: `b` sends there all the time, with the same key
  --> destinations/a.toml:3:14
   |
 3 | backup_url = \"rtmps://b.rtmps.youtube.com:443/…\"
   |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: take the line out; with both there is a backup already";
    assert_eq!(seen(&[("destinations/a.toml", &own), ("destinations/b.toml", backup)]), expected);
}

/// The memory while what it holds runs; of its destinations, those that are on.
fn running(memory: &Memory) -> Running {
    let mut running = Running::default();
    for stream in memory.load().streams {
        running.streams.insert(stream.name);
        for destination in stream.destinations {
            if let Activation::On(settings) = destination.activation {
                running.destinations.insert(destination.file, Arc::from(settings));
            }
        }
    }
    running
}

/// Whatever their names are, and whether the one that runs is still right.
#[test]
fn of_two_files_with_one_target_the_one_that_runs_is_right() {
    let other = "platform = \"youtube\"\nkey = \"efgh\"\n";
    let root = |name: &str| PathBuf::from(format!("destinations/{name}.toml"));
    let before = Memory::new(&[("destinations/k-dup.toml", YOUTUBE), ("destinations/b.toml", other)]);
    let running = running(&before);
    let broken = format!("{YOUTUBE}nonsense = 1\n");
    for (new, of_k_dup, wrong) in [
        ("a-dup", YOUTUBE, vec!["a-dup"]),
        // One that runs and goes over to that server comes second too.
        ("b", YOUTUBE, vec!["b"]),
        ("a-dup", broken.as_str(), vec!["a-dup", "k-dup"]),
        ("a-dup", other, vec!["k-dup"]),
    ] {
        let mut memory = before.clone();
        memory.files.insert(root(new), YOUTUBE.into());
        memory.files.insert(root("k-dup"), of_k_dup.into());
        let config = Config::load_beside(&memory, Path::new("destinations"), &running);
        let files: Vec<_> = config.problems.iter().filter_map(|problem| problem.place.file()).collect();
        assert_eq!(files, wrong.iter().map(|name| root(name)).collect::<Vec<_>>(), "{new}:\n{}", rendered(&config));
        let is_wrong = |destination: &&DestinationConfig| matches!(destination.activation, Activation::Wrong { .. });
        let destinations = config.streams.iter().flat_map(|stream| &stream.destinations);
        let names: Vec<_> = destinations.filter(is_wrong).map(|destination| destination.name.as_str()).collect();
        assert_eq!(names, wrong, "{new}");
    }
}

#[test]
fn of_two_streams_with_one_key_the_one_that_runs_is_right() {
    let key = "key = \"one-and-the-same\"\n";
    let before = Memory::new(&[("destinations/studio/stream.toml", key)]);
    let running = running(&before);
    let mut memory = before.clone();
    memory.files.insert("destinations/a/stream.toml".into(), key.into());
    let config = Config::load_beside(&memory, Path::new("destinations"), &running);
    let open: Vec<_> = config.streams.iter().map(|stream| (stream.name.as_str(), stream.access.is_empty())).collect();
    assert_eq!(open, [("live", true), ("a", true), ("studio", false)]);
    assert!(rendered(&config).contains("this is the stream key of `studio` too"), "{}", rendered(&config));
}

/// What `forkcast check` finds without a connection.
#[test]
fn servers_that_cannot_be_meant() {
    let memory = Memory::new(&[
        ("destinations/a.toml", YOUTUBE),
        ("destinations/b.toml", YOUTUBE),
        ("destinations/c.toml", "url = \"rtmp://192.0.2.1/live\"\nbackup_url = \"rtmp://192.0.2.1:1935/live/\"\n"),
        ("destinations/d.toml", "url = \"rtmp://192.0.2.1/two\"\nbackup_url = \"rtmp:/192.0.2.2/two\"\n"),
        ("destinations/e.toml", "url = \"rtmp://192.0.2.1/three\"\nbackup_url = \"https://192.0.2.2/three\"\n"),
        ("destinations/f.toml", "url = \"rtmp://192.0.2.1/four\"\nbackup_url = \"rtmp://localhost/live\"\n"),
    ]);
    let server = ServeOptions::resolve(&Given::default(), &memory, Path::new("state"));
    let mut config = memory.load();
    config.note_own_listeners(&server.options);
    let report = check::report(&server, &config, false);
    for (message, file, hint) in [
        ("mistake: `a` sends to the same server with the same key", "b.toml:2:7", "take one of the files away"),
        ("mistake: `backup_url` is the server of `url`", "c.toml:2:14", "a backup is a second server"),
        ("mistake: `backup_url` has no scheme", "d.toml:2:14", "rtmps://"),
        ("mistake: `backup_url`", "e.toml:2:14", "rtmp"),
        ("warning: `backup_url` is this relay itself", "f.toml", "change `backup_url`"),
    ] {
        let place = format!("  --> destinations/{file}\n");
        let problem = report.text.split("\n\n").find(|problem| problem.contains(&place)).unwrap_or_default();
        assert!(problem.starts_with(message), "{message} is not said of {file}:\n{}", report.text);
        let (_, advice) = problem.split_once("\nhint: ").unwrap_or_default();
        assert!(advice.contains(hint), "{problem}");
    }
    assert_eq!(report.exit_code, check::WRONG);
}

#[test]
fn names() {
    let name = |name: &str| seen(&[(&format!("destinations/{name}"), YOUTUBE)]);
    let hint = "hint: rename it: up to 64 letters a to z, digits, `-`, `_` and `.`";
    let table = [
        ("my tube.toml", "the name has a space in it"),
        ("youtübe.toml", "the name cannot have `ü` in it"),
        ("-youtube.toml", "the name cannot begin with `-`"),
        ("a\u{1b}b.toml", "the name cannot have `\u{fffd}` in it"),
    ];
    for (file, message) in table {
        let shown = file.replace('\u{1b}', "\u{fffd}");
        assert_eq!(name(file), format!("mistake: {message}\n  --> destinations/{shown}\n{hint}"));
    }
    assert!(name(&format!("{}.toml", "x".repeat(65))).starts_with("mistake: the name is too long"));
    assert_eq!(name("you.tube_2-b.toml"), "");
    let config = Memory::new(&[("destinations/my tube.toml", YOUTUBE)]).load();
    let destination = first(&config);
    assert_eq!(destination.name, "my_tube.toml");
    assert!(matches!(destination.activation, Activation::Wrong { .. }));
    assert!(
        name("my stream/a.toml").starts_with("mistake: the name has a space in it\n  --> destinations/my stream\n")
    );
}

#[test]
fn names_that_differ_in_case_alone() {
    let other = "platform = \"youtube\"\nkey = \"efgh\"\n";
    assert_eq!(
        seen(&[("destinations/YouTube.toml", YOUTUBE), ("destinations/youtube.toml", other)]),
        "\
mistake: not read: the name differs from destinations/YouTube.toml in nothing but case
  --> destinations/youtube.toml
hint: give one of the files another name"
    );
    assert_eq!(
        seen(&[("destinations/B/a.toml", YOUTUBE), ("destinations/b/a.toml", other)]),
        "\
mistake: this stream's name differs from `B` in nothing but case
  --> destinations/b
hint: give one of the folders another name"
    );
    assert_eq!(
        seen(&[("destinations/LIVE/a.toml", YOUTUBE)]),
        "\
mistake: this stream's name differs from `live` in nothing but case
  --> destinations/LIVE
hint: give this folder another name"
    );
}

#[test]
fn files_that_are_probably_meant_to_be_read() {
    assert_eq!(
        seen(&[("destinations/youtube.toml.txt", YOUTUBE)]),
        "\
warning: not read: the name ends in `.txt`
  --> destinations/youtube.toml.txt
hint: rename it, so that it ends in `.toml`"
    );
    assert_eq!(
        seen(&[("destinations/live/a.toml", YOUTUBE)]),
        "\
mistake: `live` is the default stream, which has no folder of its own
  --> destinations/live
hint: move its files into destinations"
    );
    assert_eq!(
        seen(&[("destinations/b/a.toml", YOUTUBE), ("destinations/b/c/a.toml", YOUTUBE)]),
        "\
warning: a folder in a stream's folder is not read
  --> destinations/b/c
hint: move its files into destinations/b"
    );
}

//! What stands in the place of files and folders, and cannot be read.

use super::*;
use crate::config::StreamConfig;

fn stream<'c>(config: &'c Config, name: &str) -> &'c StreamConfig {
    config.streams.iter().find(|stream| stream.name == name).expect("there is such a stream")
}

#[test]
fn a_folder_that_cannot_be_listed_is_a_stream_that_nobody_can_publish() {
    let mut memory = Memory::new(&[
        ("destinations/a.toml", "url = \"rtmp://192.0.2.1/live\"\n"),
        ("destinations/studio/stream.toml", "key = \"key-of-studio\"\n"),
        ("destinations/studio/a.toml", "url = \"rtmp://192.0.2.2/live\"\n"),
        // No name of a stream, and so none.
        ("destinations/lost+found/a", ""),
    ]);
    memory.unlisted = ["destinations/studio", "destinations/lost+found"].map(PathBuf::from).into();
    let config = memory.load();
    let expected = "\
mistake: the folder cannot be read: permission denied
  --> destinations/lost+found
hint: let forkcast's user list and read it; until then its stream stays as it runs
mistake: the folder cannot be read: permission denied
  --> destinations/studio
hint: let forkcast's user list and read it; until then its stream stays as it runs";
    assert_eq!(rendered(&config), expected);
    let names: Vec<_> = config.streams.iter().map(|stream| (stream.name.as_str(), stream.is_unlisted)).collect();
    assert_eq!(names, [("live", false), ("studio", true)]);
    let studio = stream(&config, "studio");
    assert!(studio.access.is_empty() && studio.access.is_closed && studio.is_wrong && !studio.needs_key());
    assert_eq!(studio.wrong.as_deref(), Some("destinations/studio: the folder cannot be read: permission denied"));
}

/// What narrows the default stream is in a file that nobody knows: its key in the environment opens nothing.
#[test]
fn the_folder_of_all_that_cannot_be_listed_is_the_default_streams() {
    let mut memory = Memory::new(&[("destinations/stream.toml", "allow = \"192.0.2.1\"\n")])
        .variable("FORKCAST_STREAM_KEY", "of-the-environment");
    memory.unlisted.insert("destinations".into());
    let config = memory.load();
    let live = stream(&config, "live");
    assert!(live.is_unlisted && live.wrong.is_some() && live.access.is_empty() && !live.needs_key());
}

#[cfg(unix)]
mod on_the_disk {
    use std::{fs, os::unix::fs::symlink, process::Command, sync::mpsc, thread, time::Duration};

    use super::*;
    use crate::config::{Disk, Entry, Given, Origin, ServeOptions, Source as _};

    fn make_pipe(path: &Path) {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    /// What is read, unless it is waited for.
    fn in_time<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> T {
        let (sender, answer) = mpsc::channel();
        thread::spawn(move || sender.send(read()));
        answer.recv_timeout(Duration::from_secs(10)).expect("no pipe is waited for")
    }

    #[test]
    fn a_pipe_in_the_place_of_a_file_is_told_of_and_not_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("destinations");
        fs::create_dir_all(folder.join("studio")).unwrap();
        for name in ["a.toml", "pipe", "studio/stream.toml"] {
            make_pipe(&folder.join(name));
        }
        let url = "url = \"rtmps://192.0.2.1/live\"\n";
        fs::write(folder.join("b.toml"), format!("{url}key_file = \"pipe\"\n")).unwrap();
        fs::write(folder.join("c.toml"), format!("{url}ca_file = \"pipe\"\n")).unwrap();
        fs::write(folder.join("stream.toml"), "[webhook]\nurl = \"https://auth.example/\"\nca_file = \"pipe\"\n")
            .unwrap();
        let read = folder.clone();
        let config = in_time(move || Config::load(&Disk::default(), &read));
        let messages: Vec<_> = config.problems.iter().map(|problem| problem.message.as_str()).collect();
        let pipe = folder.join("pipe").display().to_string();
        assert_eq!(
            messages,
            [
                format!("`webhook.ca_file`: {pipe} cannot be read: it is a pipe, not a file"),
                "cannot be read: it is a pipe, not a file".to_owned(),
                format!("`key_file`: {pipe} cannot be read: it is a pipe, not a file"),
                format!("`ca_file`: {pipe} cannot be read: it is a pipe, not a file"),
                "cannot be read: it is a pipe, not a file".to_owned(),
            ]
        );
        assert!(config.streams.iter().all(|stream| stream.wrong.is_some()), "nobody gets in by another key");

        let mut given = Given::default();
        given.set("config", pipe.clone(), Origin::Default);
        let server = in_time(move || ServeOptions::resolve(&given, &Disk::default(), Path::new("state")));
        assert_eq!(
            server.problems.first().map(|problem| problem.one_line()),
            Some(format!("{pipe}: cannot be read: it is a pipe, not a file"))
        );
    }

    #[test]
    fn a_link_that_leads_nowhere_does_not_hide_what_is_beside_it() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path();
        fs::write(folder.join("a.toml"), "").unwrap();
        fs::create_dir(folder.join("studio")).unwrap();
        for (name, target) in [("b.toml", "none"), ("c", "none/none"), ("d", "a.toml/none"), ("e", "studio")] {
            symlink(target, folder.join(name)).unwrap();
        }
        let mut entries = Disk::default().entries(folder).unwrap();
        entries.sort();
        let expected =
            [("a.toml", false), ("b.toml", false), ("c", false), ("d", false), ("e", true), ("studio", true)];
        let expected = expected.map(|(name, is_folder)| Entry { name: name.into(), is_folder });
        assert_eq!(entries, expected);
    }
}

//! The demonstration is the main job, says so with its exit code, and leaves nothing behind.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::process::Process;
use crate::support::relay::temporary_folder;
use crate::support::wait;

const END: Duration = Duration::from_secs(20);

#[test]
fn the_demonstration_succeeds() {
    let folder = temporary_folder();
    let mut demo = Process::start("demo", folder.path(), &mut demonstration(folder.path(), 10));
    demo.succeed(Duration::from_secs(60));
    let output = demo.output();
    assert!(output.contains("youtube.toml"), "it says what to do next:\n{output}");
    assert_left_nothing(folder.path());
}

#[test]
#[cfg(unix)]
fn a_signal_ends_it_and_its_keys_are_private_until_they_are_gone() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let folder = temporary_folder();
        let mut demo = Process::start("demo", folder.path(), &mut demonstration(folder.path(), 60));
        wait::until("the demonstration to begin", END, || demo.output().contains("rtmps-2").then_some(()));
        assert_keys_are_private(&folder.path().join("temporary"));
        demo.signal(signal);
        assert_eq!(demo.finish(END).code(), Some(code), "after SIG{signal}");
        assert_left_nothing(folder.path());
    }
}

/// `forkcast demo | head -3`: it ends when nobody reads on, and does not panic.
#[test]
fn a_closed_output_ends_it_quietly() {
    let folder = temporary_folder();
    let errors = std::fs::File::create(folder.path().join("errors")).unwrap();
    let mut command = demonstration(folder.path(), 60);
    let mut demo = command.stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    for _ in 0..3 {
        lines.next().unwrap().unwrap();
    }
    drop(lines);
    let status = wait::until("the demonstration to end", END, || demo.try_wait().unwrap());
    assert_eq!(status.code(), Some(141));
    let errors = std::fs::read_to_string(folder.path().join("errors")).unwrap();
    assert!(!errors.contains("panicked"), "{errors}");
    assert_left_nothing(folder.path());
}

fn demonstration(folder: &Path, seconds: u32) -> Command {
    let temporary = folder.join("temporary");
    std::fs::create_dir_all(&temporary).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_forkcast"));
    command.args(["demo", "--seconds", &seconds.to_string()]).current_dir(folder).env("TMPDIR", temporary);
    command
}

#[track_caller]
fn assert_left_nothing(folder: &Path) {
    let left: Vec<_> = folder.join("temporary").read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "it left {left:?} behind");
}

/// Every file of the demonstration's folder, and so each with a key in it.
#[cfg(unix)]
#[track_caller]
fn assert_keys_are_private(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;

    let mut files = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mode = path.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", path.display());
            files += 1;
        }
    }
    assert!(files >= 7, "four destinations, a stream key and two of certificates: only {files} files");
}

//! The demonstration is the main job, and says so with its exit code.

use std::process::Command;
use std::time::Duration;

use crate::support::process::Process;
use crate::support::relay::temporary_folder;

#[test]
fn the_demonstration_succeeds() {
    let folder = temporary_folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_forkcast"));
    command.args(["demo", "--seconds", "10"]).current_dir(folder.path());
    let mut demo = Process::start("demo", folder.path(), &mut command);
    demo.succeed(Duration::from_secs(60));
    let output = demo.output();
    assert!(output.contains("youtube.toml"), "it says what to do next:\n{output}");
}

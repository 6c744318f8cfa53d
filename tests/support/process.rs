//! A child process that cannot outlive its test.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use crate::support::wait;

/// A running program with its output in a file. Dropping it kills it; if the test is failing, the end of its output is shown.
pub(crate) struct Process {
    name: String,
    child: Child,
    output: PathBuf,
}

impl Process {
    /// Starts `command` with nothing to read and with both outputs in `folder/NAME.log`, appended to what is there.
    pub(crate) fn start(name: &str, folder: &Path, command: &mut Command) -> Self {
        let output = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&output).expect("the log file can be made");
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a file handle can be cloned"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name} ({error}); tests/run installs what the tests need"));
        Self { name: name.to_owned(), child, output }
    }

    /// What it has written so far, to either output.
    pub(crate) fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.output).unwrap_or_default()).into_owned()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_none()
    }

    /// Waits for its own end.
    #[track_caller]
    pub(crate) fn finish(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        let child = &mut self.child;
        wait::until(&what, limit, || child.try_wait().expect("a child can be asked"))
    }

    /// Waits for its own end, which must be a success.
    #[track_caller]
    pub(crate) fn succeed(&mut self, limit: Duration) {
        let status = self.finish(limit);
        assert!(status.success(), "{} ended with {status}", self.name);
    }

    /// Waits until something accepts connections on `port` of this machine.
    #[track_caller]
    pub(crate) fn wait_for_port(&mut self, port: u16) {
        self.wait_for_address(([127, 0, 0, 1], port).into());
    }

    /// Waits until something accepts connections there.
    #[track_caller]
    pub(crate) fn wait_for_address(&mut self, address: SocketAddr) {
        let what = format!("{} to listen on {address}", self.name);
        wait::until(&what, Duration::from_secs(10), || {
            assert!(self.is_running(), "{} ended before it listened", self.name);
            TcpStream::connect(address).ok()
        });
    }

    /// Sends a signal by name: `"TERM"`, `"INT"`, `"KILL"`, `"STOP"`, `"CONT"`.
    pub(crate) fn signal(&self, signal: &str) {
        // The shell's own `kill`: the standard library sends only SIGKILL.
        let kill = format!("kill -{signal} {}", self.id());
        let status = Command::new("sh").args(["-c", &kill]).status().expect("a shell can be started");
        assert!(status.success(), "{kill} failed");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let output = self.output();
            let lines: Vec<&str> = output.lines().collect();
            let tail = lines[lines.len().saturating_sub(60)..].join("\n");
            eprintln!("---- the last lines of {}\n{tail}\n----", self.name);
        }
    }
}

//! What the system says of a process, and a process that cannot outlive the benchmark.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    time::{clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};

/// A running process; dropping it kills it.
pub(crate) struct Guard {
    name: String,
    child: Child,
    log: Option<PathBuf>,
}

impl Guard {
    pub(crate) fn new(name: &str, child: Child) -> Self {
        Self { name: name.to_owned(), child, log: None }
    }

    /// Starts `command`, which reads nothing and writes to `folder/NAME.log`.
    pub(crate) fn start(name: &str, folder: &Path, command: &mut Command) -> Self {
        let log = folder.join(format!("{name}.log"));
        let file = fs::File::create(&log).expect("the folder can be written");
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a file can be shared"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self { name: name.to_owned(), child, log: Some(log) }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the benchmark where it is gone, with what it said last.
    pub(crate) fn must_run(&mut self) {
        if let Some(status) = self.child.try_wait().expect("a child can be asked") {
            let log = self.log.as_ref().and_then(|log| fs::read_to_string(log).ok()).unwrap_or_default();
            panic!("{} ended with {status}:\n{log}", self.name);
        }
    }

    /// Waits until it listens on a port, without connecting: some take one connection only.
    pub(crate) fn wait_for_port(&mut self, port: u16) {
        let began = Instant::now();
        while !is_listening(port) {
            self.must_run();
            assert!(began.elapsed() < Duration::from_secs(20), "{} does not listen on {port}", self.name);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// What it has taken so far.
    pub(crate) fn usage(&self) -> Usage {
        let id = self.id();
        let clock = clock_getcpuclockid(Pid::from_raw(id.cast_signed())).expect("a running process has a clock");
        let time = clock_gettime(clock).expect("it can be read");
        let cpu =
            Duration::from_secs(time.tv_sec().unsigned_abs()) + Duration::from_nanos(time.tv_nsec().unsigned_abs());
        let mut usage =
            Usage { cpu, resident: field(&format!("/proc/{id}/status"), "VmRSS:") << 10, ..Usage::default() };
        let tasks = fs::read_dir(format!("/proc/{id}/task")).expect("the process runs");
        for task in tasks.flatten() {
            let status = task.path().join("status").display().to_string();
            usage.slept += field(&status, "voluntary_ctxt_switches:");
            usage.preempted += field(&status, "nonvoluntary_ctxt_switches:");
        }
        usage
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What processes have taken.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Processor time, of all threads, in user and kernel.
    pub(crate) cpu: Duration,
    /// Resident memory in bytes.
    pub(crate) resident: u64,
    /// Times that a thread went to sleep.
    pub(crate) slept: u64,
    /// Times that a thread had to make room for another.
    pub(crate) preempted: u64,
}

impl Usage {
    /// All of them together.
    pub(crate) fn of(processes: &[Guard]) -> Self {
        processes.iter().map(Guard::usage).fold(Self::default(), |sum, each| Self {
            cpu: sum.cpu + each.cpu,
            resident: sum.resident + each.resident,
            slept: sum.slept + each.slept,
            preempted: sum.preempted + each.preempted,
        })
    }
}

/// The first number of a line of a file of the system.
fn field(file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn is_listening(port: u16) -> bool {
    let suffix = format!(":{port:04X}");
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|file| fs::read_to_string(file).unwrap_or_default());
    tables.iter().flat_map(|table| table.lines().skip(1)).any(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let is_port = columns.next().is_some_and(|local| local.ends_with(&suffix));
        // The state LISTEN.
        is_port && columns.nth(1) == Some("0A")
    })
}

/// A port on which nothing listens.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

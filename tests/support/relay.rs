//! The relay under test: the real program, in a folder of its own, on ports of its own.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::certificates::Identity;
use crate::support::process::Process;
use crate::support::secret::Search;
use crate::support::{http, ports, secret, wait};

/// A relay, running or not. It logs all that it can (`RUST_LOG=trace`), and each that is dropped has its log, its status, its
/// metrics and its command line searched for keys: the whole suite is the test that none is ever shown.
pub(crate) struct Relay {
    /// Before its folder, so that a failing test can still show its log.
    process: Option<Process>,
    folder: TempDir,
    rtmp: u16,
    rtmps: Option<(u16, Identity)>,
    http: u16,
    stream_key: String,
    secrets: Vec<String>,
    /// Its HTTP listener's address: this machine alone, or every network's.
    http_address: &'static str,
    /// Further flags.
    flags: Vec<String>,
    log_level: &'static str,
    /// How many file descriptors it may have; `None` for as many as this process.
    descriptors: Option<u32>,
    /// Nobody says which is its folder of destinations.
    is_by_default: bool,
    /// It cannot write its folder of destinations.
    is_read_only: bool,
    /// Names that lead elsewhere than everybody's.
    hosts: Option<String>,
    /// Further variables of its environment.
    environment: Vec<(String, String)>,
}

impl Relay {
    /// Not started yet, with no destination.
    pub(crate) fn new() -> Self {
        let folder = temporary_folder();
        fs::create_dir_all(folder.path().join("destinations")).expect("the folder can be made");
        let stream_key = secret::new("stream");
        let secrets = vec![stream_key.clone()];
        Self {
            folder,
            process: None,
            rtmp: ports::free(),
            rtmps: None,
            http: ports::free(),
            stream_key,
            secrets,
            http_address: "127.0.0.1",
            flags: Vec::new(),
            log_level: "trace",
            descriptors: None,
            is_by_default: false,
            is_read_only: false,
            hosts: None,
            environment: Vec::new(),
        }
    }

    /// The folder of this test: logs, recordings, `destinations/`.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Accepts RTMPS too, with this certificate.
    pub(crate) fn serve_rtmps(&mut self, identity: Identity) {
        self.rtmps = Some((ports::free(), identity));
    }

    /// The certificates are those of `forkcast.toml`, and only the port is a flag.
    pub(crate) fn serve_rtmps_of_file(&mut self) {
        if let Some((_, identity)) = &mut self.rtmps {
            identity.certificate = "".into();
        }
    }

    /// Starts it with so many file descriptors at the most.
    pub(crate) fn limit_descriptors(&mut self, most: u32) {
        self.descriptors = Some(most);
    }

    /// Leaves it to itself where its destinations are: in `destinations`, below where it is started.
    pub(crate) fn destinations_by_default(&mut self) {
        self.is_by_default = true;
    }

    /// Starts it with its folder of destinations mounted for reading alone, as containers often do.
    pub(crate) fn mount_destinations_read_only(&mut self) {
        self.is_read_only = true;
    }

    /// Starts it with an `/etc/hosts` of its own: these lines, which no other program sees.
    pub(crate) fn with_hosts(&mut self, lines: &str) {
        self.hosts = Some(lines.to_owned());
    }

    /// Its HTTP listener is one that others could reach.
    pub(crate) fn listen_for_http_everywhere(&mut self) {
        self.http_address = "0.0.0.0";
    }

    /// Starts it with further flags.
    pub(crate) fn with_flags(&mut self, flags: &[&str]) {
        self.flags.extend(flags.iter().map(ToString::to_string));
    }

    /// Writes `destinations/NAME.toml` with a fresh key, and gives the key. `more` are further lines of the file.
    pub(crate) fn destination(&mut self, name: &str, url: &str, more: &str) -> String {
        let key = secret::new(name);
        self.secrets.push(key.clone());
        self.destination_file(&format!("{name}.toml"), &format!("url = \"{url}\"\nkey = \"{key}\"\n{more}\n"));
        key
    }

    /// Writes a file below `destinations/`, right or wrong, which nobody else may read: the relay warns of others.
    pub(crate) fn destination_file(&self, name: &str, text: &str) {
        let path = self.folder().join("destinations").join(name);
        fs::write(&path, text).expect("the folder can be written");
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("it is our own");
    }

    /// Writes `forkcast.toml`, which nobody else may read either.
    pub(crate) fn settings_file(&self, text: &str) {
        self.destination_file("../forkcast.toml", text);
    }

    /// Sets an environment variable, from the next start on.
    pub(crate) fn environment(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Takes publishers with this key alone, from the next start on.
    pub(crate) fn set_stream_key(&mut self, key: &str) {
        self.keep_secret(key);
        self.stream_key = key.to_owned();
    }

    /// Something more that must not be seen anywhere.
    pub(crate) fn keep_secret(&mut self, text: &str) {
        self.secrets.push(text.to_owned());
    }

    /// Everything that must not be seen anywhere.
    pub(crate) fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// Starts it, and waits until it says that it is healthy. After `stop` it starts anew on the same ports.
    #[track_caller]
    pub(crate) fn start(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let mut command = self.command("serve");
        if let Some(most) = self.descriptors {
            let program = command;
            command = Command::new("prlimit");
            command.arg(format!("--nofile={most}:{most}")).arg(program.get_program()).args(program.get_args());
            command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        }
        if self.is_read_only {
            let program = command;
            let script = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && shift && exec \"$@\"";
            command = Command::new("unshare");
            command.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]);
            command.arg(self.folder().join("destinations")).arg(program.get_program()).args(program.get_args());
            command.current_dir(self.folder());
            command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        }
        if let Some(lines) = &self.hosts {
            let file = self.folder().join("hosts");
            fs::write(&file, lines).expect("the folder can be written");
            let program = command;
            command = Command::new("unshare");
            let script = "mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"";
            command.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]).arg(file);
            command.arg(program.get_program()).args(program.get_args()).current_dir(self.folder());
            command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        }
        let mut process = Process::start("relay", self.folder(), &mut command);
        wait::until("the relay to be healthy", Duration::from_secs(20), || {
            assert!(process.is_running(), "the relay ended at its start");
            http::get(self.http, "/healthz").filter(|(status, _)| *status == 200)
        });
        self.process = Some(process);
    }

    /// Starts it with the usual log: to write all that it can about ten thousand peers would measure the log.
    #[track_caller]
    pub(crate) fn start_quietly(&mut self) {
        self.log_level = "info";
        self.start();
    }

    /// The program with the flags and the environment of this relay, and one of its commands that takes those.
    pub(crate) fn command(&self, command: &str) -> Command {
        let folder = self.folder();
        let mut relay = Command::new(env!("CARGO_BIN_EXE_forkcast"));
        relay.current_dir(folder).arg(command);
        if !self.is_by_default {
            relay.arg("--destinations").arg(folder.join("destinations"));
        }
        relay.arg("--state").arg(folder.join("state"));
        relay.args([
            "--rtmp",
            &format!("127.0.0.1:{}", self.rtmp),
            "--http",
            &format!("{}:{}", self.http_address, self.http),
        ]);
        if let Some((port, identity)) = &self.rtmps {
            relay.args(["--rtmps", &format!("127.0.0.1:{port}")]);
            if !identity.certificate.as_os_str().is_empty() {
                relay.arg("--tls-cert").arg(&identity.certificate).arg("--tls-key").arg(&identity.key);
            }
        }
        relay.args(&self.flags);
        relay.env("FORKCAST_STREAM_KEY", &self.stream_key).env("RUST_LOG", self.log_level).env("RUST_BACKTRACE", "1");
        relay.envs(self.environment.iter().map(|(name, value)| (name, value)));
        relay
    }

    /// Ends it with a signal, `"TERM"` or `"INT"`, and asserts that it ends in time and with success.
    #[track_caller]
    pub(crate) fn stop(&mut self, signal: &str) {
        let mut process = self.process.take().expect("it runs");
        process.signal(signal);
        process.succeed(Duration::from_secs(10));
    }

    /// Waits for its own end, which must be a success.
    #[track_caller]
    pub(crate) fn finish(&mut self, limit: Duration) {
        self.process.take().expect("it runs").succeed(limit);
    }

    /// Sends a signal that it goes on after: `"HUP"`.
    pub(crate) fn signal(&self, signal: &str) {
        self.process.as_ref().expect("it runs").signal(signal);
    }

    pub(crate) fn rtmp_port(&self) -> u16 {
        self.rtmp
    }

    pub(crate) fn rtmps_port(&self) -> u16 {
        self.rtmps.as_ref().expect("it serves RTMPS").0
    }

    pub(crate) fn http_port(&self) -> u16 {
        self.http
    }

    pub(crate) fn stream_key(&self) -> &str {
        &self.stream_key
    }

    /// What a publisher with one field for it all is given: server and key.
    pub(crate) fn publish_url(&self) -> String {
        format!("rtmp://127.0.0.1:{}/live/{}", self.rtmp, self.stream_key)
    }

    /// The same for RTMPS.
    pub(crate) fn publish_url_rtmps(&self) -> String {
        format!("rtmps://localhost:{}/live/{}", self.rtmps_port(), self.stream_key)
    }

    /// All that it has written, in all its lives.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder().join("relay.log")).unwrap_or_default()).into_owned()
    }

    /// `GET /api/status`.
    #[track_caller]
    pub(crate) fn status(&self) -> Value {
        let (code, body) = http::get(self.http, "/api/status").expect("the relay answers");
        assert_eq!(code, 200, "{body}");
        serde_json::from_str(&body).expect("the status is JSON")
    }

    /// The default stream's entry in the status.
    #[track_caller]
    pub(crate) fn stream(&self) -> Value {
        self.stream_named("live")
    }

    /// A stream's entry in the status.
    #[track_caller]
    pub(crate) fn stream_named(&self, name: &str) -> Value {
        let status = self.status();
        let streams = status["streams"].as_array().expect("the status lists streams");
        streams.iter().find(|stream| stream["name"] == name).expect("there is such a stream").clone()
    }

    /// One destination's entry in the status; null where there is none.
    #[track_caller]
    pub(crate) fn destination_status(&self, name: &str) -> Value {
        let stream = self.stream();
        let destinations = stream["destinations"].as_array().expect("a stream lists destinations");
        destinations.iter().find(|destination| destination["name"] == name).cloned().unwrap_or(Value::Null)
    }

    /// Waits until a destination's entry fulfils a condition, and gives the entry.
    #[track_caller]
    pub(crate) fn wait_for(
        &self,
        name: &str,
        what: &str,
        limit: Duration,
        condition: impl Fn(&Value) -> bool,
    ) -> Value {
        let mut last = Value::Null;
        let start = std::time::Instant::now();
        while start.elapsed() < limit {
            last = self.destination_status(name);
            if condition(&last) {
                return last;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("waited {limit:?} for {name} to be {what}; it is {last}");
    }

    /// Waits until a destination is in a state: `"delivering"`, `"waiting"`, `"idle"`, …
    #[track_caller]
    pub(crate) fn wait_for_state(&self, name: &str, state: &str, limit: Duration) -> Value {
        self.wait_for(name, state, limit, |entry| entry["state"] == state)
    }

    /// Waits until a line of the log contains `text`, and gives the time that stands before the first such line.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, text: &str, limit: Duration) -> SystemTime {
        wait::until(&format!("\"{text}\" in the log"), limit, || {
            let log = self.log();
            let line = log.lines().find(|line| line.contains(text))?;
            let time = line.split_whitespace().next().expect("a line has words");
            Some(humantime::parse_rfc3339(time).expect("a line of the log begins with the time"))
        })
    }

    /// Its process, for what the kernel tells of it.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// The resident memory of the program in bytes.
    pub(crate) fn resident_memory(&self) -> u64 {
        let id = self.process.as_ref().expect("it runs").id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).expect("the kernel tells");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the kernel tells its memory");
        let kibibytes: u64 = line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number");
        kibibytes * 1024
    }

    /// Asserts that no key is seen in the log, the status, the metrics or the command line.
    #[track_caller]
    pub(crate) fn assert_no_secret_shown(&self) {
        let search = Search::of(&self.secrets);
        search.assert_absent("the relay's log", &self.log());
        let Some(process) = &self.process else { return };
        for path in ["/api/status", "/api/events?limit=500", "/metrics", "/healthz", "/readyz"] {
            if let Some((_, body)) = http::get(self.http, path) {
                search.assert_absent(path, &body);
            }
        }
        let arguments = fs::read(format!("/proc/{}/cmdline", process.id())).unwrap_or_default();
        search.assert_absent("the relay's arguments", &String::from_utf8_lossy(&arguments));
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.assert_no_secret_shown();
            let log = self.log();
            assert!(!log.contains("panicked at"), "the relay panicked:\n{log}");
        }
    }
}

/// A folder that goes with its owner, where Cargo wants test files to be.
pub(crate) fn temporary_folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made")
}

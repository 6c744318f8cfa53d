//! What a service manager hears, with a socket of the test's own as the witness; and the log for machines.

use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::broadcast::Broadcast;
use crate::support::relay::Relay;
use crate::support::wire::{Publisher, Sink};
use crate::support::{ports, wait};

const START: Duration = Duration::from_secs(10);

/// A service manager that listens, and what it has heard.
struct Manager {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Manager {
    fn at(socket: UnixDatagram) -> Self {
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a socket takes a timeout");
        Self { socket, heard: Vec::new() }
    }

    /// Takes what has come.
    fn listen(&mut self) {
        let mut datagram = [0; 4096];
        loop {
            match self.socket.recv(&mut datagram) {
                Ok(length) => {
                    let text = std::str::from_utf8(&datagram[..length]).expect("it is text");
                    assert!(text.ends_with('\n'), "{text:?}");
                    self.heard.extend(text.lines().map(str::to_owned));
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn count(&self, word: &str) -> usize {
        self.heard.iter().filter(|heard| *heard == word).count()
    }

    #[track_caller]
    fn wait_for(&mut self, word: &str) {
        wait::until(&format!("the manager to hear {word}"), START, || {
            self.listen();
            (self.count(word) > 0).then_some(())
        });
    }
}

#[test]
fn a_service_manager_hears_how_the_relay_is() {
    let mut relay = Relay::new();
    let path = relay.folder().join("notify");
    let mut manager = Manager::at(UnixDatagram::bind(&path).expect("the folder takes a socket"));
    let sink = Sink::start();
    relay.destination("good", &sink.url(), "");
    relay.environment("NOTIFY_SOCKET", path.to_str().expect("a path is text"));
    relay.environment("WATCHDOG_USEC", "4000000");
    relay.start();
    manager.wait_for("READY=1");
    assert_eq!(manager.heard[1], "STATUS=0 of 1 stream live, 0 of 1 destination deliver", "{:?}", manager.heard);
    let broadcast = Broadcast::synthetic(&relay, 5_000);
    manager.wait_for("STATUS=1 of 1 stream live, 1 of 1 destination deliver");

    // Fed at least twice in the time that the manager waits.
    let (fed, began) = (manager.count("WATCHDOG=1"), Instant::now());
    wait::until("the watchdog to be fed", START, || {
        manager.listen();
        (manager.count("WATCHDOG=1") >= fed + 3).then_some(())
    });
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    broadcast.stop();
    assert_eq!((manager.count("STOPPING=1"), manager.count("READY=1")), (0, 1));

    let kill = format!("kill -HUP {}", relay.process_id());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("there is a shell").success());
    wait::until("the manager to hear of a reload", START, || {
        manager.listen();
        (manager.count("READY=1") == 2).then_some(())
    });
    let at = |word: &str| manager.heard.iter().rposition(|heard| heard == word);
    assert!(at("RELOADING=1").is_some() && at("RELOADING=1") < at("READY=1"), "{:?}", manager.heard);
    relay.stop("TERM");
    manager.wait_for("STOPPING=1");
}

#[cfg(target_os = "linux")]
#[test]
fn a_manager_with_an_abstract_socket_is_heard_and_asks_for_no_watchdog() {
    let mut relay = Relay::new();
    let name = format!("forkcast-test-{}-{}", std::process::id(), ports::free());
    let address = SocketAddr::from_abstract_name(&name).expect("a name is an address");
    let mut manager = Manager::at(UnixDatagram::bind_addr(&address).expect("the name is free"));
    relay.environment("NOTIFY_SOCKET", &format!("@{name}"));
    // Meant for another process.
    relay.environment("WATCHDOG_USEC", "4000000");
    relay.environment("WATCHDOG_PID", "1");
    relay.start();
    manager.wait_for("READY=1");
    relay.stop("INT");
    manager.wait_for("STOPPING=1");
    assert_eq!(manager.count("WATCHDOG=1"), 0);
}

#[test]
fn the_log_for_machines_is_an_object_a_line() {
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("good", &sink.url(), "");
    relay.destination("dead", &format!("rtmp://127.0.0.1:{}/live", ports::free()), "");
    relay.destination_file("wrong.toml", "url = 7\n");
    relay.with_flags(&["--log-format", "json"]);
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 5_000);
    relay.wait_for_state("good", "delivering", START);
    relay.wait_for("dead", "a failure", START, |entry| !entry["last_error"].is_null());
    // Somebody with wrong keys, and somebody who speaks no RTMP.
    assert!(Publisher::connect(relay.rtmp_port(), "wrong-key").is_err());
    TcpStream::connect(("127.0.0.1", relay.rtmp_port())).expect("it listens").write_all(&[0x7f; 64]).expect("it reads");
    broadcast.stop();
    relay.stop("INT");

    let log = relay.log();
    let objects: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("no object: {error}: {line}")))
        .collect();
    for object in &objects {
        let time = object["time"].as_str().expect("each has a time");
        assert!(humantime::parse_rfc3339(time).is_ok(), "{time}");
        assert!(object["level"].is_string() && object["message"].is_string(), "{object}");
        assert!(!object["message"].as_str().unwrap_or_default().contains("hint: "), "{object}");
    }
    let with = |text: &str| {
        let has = |object: &&Value| object["message"].as_str().is_some_and(|message| message.contains(text));
        objects.iter().find(has).unwrap_or_else(|| panic!("nothing says \"{text}\"")).clone()
    };
    let mistake = with("`url` is a number, not text");
    assert_eq!((&mistake["level"], &mistake["hint"]), (&"error".into(), &"put it in quotes: `url = \"…\"`".into()));
    let failed = with("destination `dead` failed: ");
    assert_eq!(failed["level"], "error");
    assert!(failed["hint"].as_str().is_some_and(|hint| hint.starts_with("check host and port")), "{failed}");
    let about = (&failed["kind"], &failed["stream"], &failed["destination"]);
    assert_eq!(about, (&"destination_failed".into(), &"live".into(), &"dead".into()));
    assert_eq!(with("stream `live` is live: ")["kind"], "publish_started");
    with("forkcast 0.1.0 is ready");
    with("stopping: ");
}

/// A word that is no level would be taken for a part of the program, and everything else be silent.
#[test]
fn a_mistyped_level_silences_nothing() {
    let mut relay = Relay::new();
    relay.environment("RUST_LOG", "deubg");
    relay.with_flags(&["--log-format", "json"]);
    relay.start();
    relay.stop("INT");
    let log = relay.log();
    let objects: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    let of = |kind: &str| objects.iter().filter(|object| object["kind"] == kind).collect::<Vec<_>>();
    let [warning] = of("log_level")[..] else { panic!("it is told once: {log}") };
    assert_eq!(warning["level"], "warning");
    let message = warning["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("RUST_LOG says `deubg`, which is no level: "), "{message}");
    assert_eq!((of("listening").len(), of("stopping").len()), (1, 1), "{log}");
}

//! `forkcast check --connect`: every server is asked once, side by side, and nothing is published.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::support::certificates::{Authority, Flaw};
use crate::support::nginx::Nginx;
use crate::support::peers::{self, Peer};
use crate::support::process::Process;
use crate::support::relay::Relay;
use crate::support::stunnel::Stunnel;
use crate::support::wire::{Answer, Behaviour, Sink};
use crate::support::{ports, secret};

/// What the program promises, and a second for a machine that is busy with other tests.
const AT_MOST: Duration = Duration::from_secs(11);

/// What one run printed, its exit code, and how long it took.
struct Run {
    output: String,
    code: Option<i32>,
    took: Duration,
}

#[track_caller]
fn check(relay: &Relay, name: &str, more: &[&str]) -> Run {
    let began = Instant::now();
    let mut command = relay.command("check");
    let mut process = Process::start(name, relay.folder(), command.arg("--connect").args(more));
    let code = process.finish(AT_MOST * 2).code();
    let took = began.elapsed();
    println!("{}took {took:?}", process.output());
    Run { output: process.output(), code, took }
}

impl Run {
    /// The row of a destination and what stands below it, on one line.
    #[track_caller]
    fn row(&self, name: &str) -> String {
        let (_, table) = self.output.split_once("\n  destination ").expect("there is a table");
        let mut rows = table.lines().skip_while(|line| !line.starts_with(&format!("  {name} ")));
        let row = rows.next().unwrap_or_else(|| panic!("{name} has no row:\n{}", self.output));
        let below = rows.take_while(|line| line.starts_with("      "));
        [row].into_iter().chain(below).flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    fn assert_row(&self, name: &str, words: &[&str]) {
        let row = self.row(name);
        for words in words {
            assert!(row.contains(words), "{words:?} is not in: {row}");
        }
    }
}

/// A server that waits for the client's first bytes and then says this, whoever asks.
fn saying(words: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for accepted in listener.incoming() {
            let Ok(mut stream) = accepted else { return };
            thread::spawn(move || {
                let mut heard = [0; 4096];
                let _ = stream.read(&mut heard).and_then(|_| stream.write_all(words));
                while stream.read(&mut heard).is_ok_and(|count| count > 0) {}
            });
        }
    });
    port
}

/// Its only place in the queue of waiting connections is taken, so that the kernel drops further SYNs.
struct BlackHole {
    port: u16,
    _listener: Socket,
    _filling: Vec<TcpStream>,
}

impl BlackHole {
    fn new() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be made");
        let any: std::net::SocketAddr = ([127, 0, 0, 1], 0).into();
        listener.bind(&any.into()).expect("a port is free");
        listener.listen(0).expect("a bound socket can listen");
        let address = listener.local_addr().expect("it is bound").as_socket().expect("it is of IP");
        let mut filling = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            filling.push(stream);
        }
        Self { port: address.port(), _listener: listener, _filling: filling }
    }
}

/// In one run, within its time, each with the words that the destination itself would have.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "other kernels treat a full queue differently")]
fn every_way_to_fail_has_its_line_and_good_servers_are_good() {
    if !peers::are_here(&[Peer::Stunnel]) {
        return;
    }
    let mut relay = Relay::new();
    let authority = Authority::new(relay.folder());
    let trust = format!("ca_file = \"{}\"\n", authority.file().display());
    let mut keys = vec![relay.stream_key().to_owned()];
    let good = ["plain", "second", "behind-tls", "behind-soon", "sent-to"].map(|_| Sink::start());
    let [plain, second, behind_tls, behind_soon, sent_to] = &good;
    let refusing = Sink::with(Behaviour::refusing("connect", "NetConnection.Connect.Rejected", "no such application"));
    let silent = Sink::with(Behaviour::answering(Answer::Silence { at: "connect" }));
    let closing = Sink::with(Behaviour::answering(Answer::Close { at: "connect" }));
    let sending_on = Sink::with(Behaviour::answering(Answer::Redirect(sent_to.url())));
    let front = |name: &str, flaw, sink: &Sink| {
        Stunnel::start(relay.folder(), name, &authority.identity(name, flaw), sink.port())
    };
    let fronts = [
        ("tls", front("tls", Flaw::None, behind_tls)),
        ("ends-soon", front("ends-soon", Flaw::EndsSoon, behind_soon)),
        ("self-signed", front("self-signed", Flaw::SelfSigned, behind_tls)),
        ("wrong-host", front("wrong-host", Flaw::WrongHost, behind_tls)),
        ("expired", front("expired", Flaw::Expired, behind_tls)),
    ];
    for (name, stunnel) in &fronts {
        keys.push(relay.destination(name, &stunnel.url(), &trust));
    }
    let hole = BlackHole::new();
    let at = |scheme: &str, port: u16| format!("{scheme}://127.0.0.1:{port}/live");
    let http = saying(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    for (name, url) in [
        ("refused", at("rtmp", ports::free())),
        ("black-hole", at("rtmp", hole.port)),
        ("no-name", "rtmp://nowhere.invalid/live".to_owned()),
        ("rtmp-on-tls-port", at("rtmps", saying(&[3; 1537]))),
        ("http", at("rtmp", http)),
        ("mute", at("rtmp", saying(b""))),
        ("rejecting", refusing.url()),
        ("silent", silent.url()),
        ("closing", closing.url()),
        ("sending-on", sending_on.url()),
    ] {
        keys.push(relay.destination(name, &url, ""));
    }
    keys.push(relay.destination("plain", &plain.url(), &format!("backup_url = \"{}\"\n", second.url())));
    let unasked = Sink::start();
    keys.push(relay.destination("off", &unasked.url(), "enabled = false\n"));

    let run = check(&relay, "check", &["--explain"]);
    assert_eq!(run.code, Some(2));
    assert!(run.took < AT_MOST, "it took {:?}", run.took);
    run.assert_row("plain", &["ok - - <1 ms", "name", "TCP", "RTMP handshake", "connect"]);
    run.assert_row("plain backup", &["ok - -"]);
    run.assert_row("tls", &["ok 1.3", " d ", "TLS13_AES", "1 certificate shown"]);
    run.assert_row(
        "ends-soon",
        &["ok, but 1.3 5 d", "warning: the certificate of", "5 days are left", "hint: renew it"],
    );
    run.assert_row("sending-on", &["ok", "sends its publishers on to rtmp://127.0.0.1:"]);
    run.assert_row("self-signed", &["no TLS", "self-signed", "hint:", "certificate_sha256"]);
    run.assert_row("wrong-host", &["no TLS", "host mismatch", "elsewhere.example", "hint:"]);
    run.assert_row("expired", &["no TLS", "expired on 2021-01-01", "hint:"]);
    run.assert_row("refused", &["no TCP", "refused the connection", "nothing listens on port"]);
    run.assert_row("black-hole", &["no TCP", "did not answer within 8 s: a blocked port", "firewall"]);
    run.assert_row("no-name", &["no name", "`nowhere.invalid` does not resolve", "hint: check"]);
    run.assert_row("rtmp-on-tls-port", &["no TLS", "plain RTMP", "hint: use `rtmp://127.0.0.1:"]);
    run.assert_row("http", &["no RTMP", "is a web server", "hint: check host and port"]);
    run.assert_row("mute", &["no RTMP", "did not answer to the RTMP handshake within 8 s", "rtmps://"]);
    run.assert_row("rejecting", &["refused", "no such application", "hint: check the path in `url`"]);
    run.assert_row("silent", &["no answer", "did not answer to `connect` within 8 s", "hint: check the path"]);
    run.assert_row("closing", &["no answer", "in answer to `connect`", "hint: check the path"]);
    assert!(run.output.ends_with("17 servers: 5 ok, 12 failed; 1 warning; nothing was published\n"), "{}", run.output);
    let (_, table) = run.output.split_once("\n  destination ").unwrap();
    // A line to be copied is not broken.
    for line in table.lines().filter(|line| !line.trim_start().starts_with("`certificate_sha256 =")) {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
    }
    secret::assert_absent("the table", &run.output, &keys);

    for sink in good.iter().chain([&refusing, &silent, &closing, &sending_on]) {
        assert_eq!(
            (sink.attempts().len(), sink.heard()),
            (1, vec!["connect".to_owned()]),
            "asked once, and no further"
        );
    }
    assert!(unasked.attempts().is_empty(), "what is off is not asked");
}

/// It answers like any server, and would refuse the publish.
#[test]
fn a_destination_that_is_the_relay_itself_is_marked_and_counted() {
    let mut relay = Relay::new();
    let sink = Sink::start();
    let own = format!("rtmp://127.0.0.1:{}/live", relay.rtmp_port());
    relay.destination("own", &own, "");
    relay.destination("good", &sink.url(), &format!("backup_url = \"{own}\"\n"));
    relay.start();
    let run = check(&relay, "check", &[]);
    assert_eq!(run.code, Some(0));
    for (row, field) in [("own", "url"), ("good backup", "backup_url")] {
        let warning = format!("warning: `{field}` is this relay itself, which listens on 127.0.0.1:");
        run.assert_row(row, &["ok, but - -", &warning, &format!("hint: change `{field}`")]);
    }
    run.assert_row("good", &["ok - -"]);
    let summary = "3 servers: 3 ok, 0 failed; 2 warnings; nothing was published\n";
    assert!(run.output.ends_with(summary), "{}", run.output);
}

/// Real servers see a connection that asks for nothing.
#[test]
fn nginx_and_stunnel_see_no_publish() {
    if !peers::are_here(&[Peer::Nginx, Peer::Stunnel]) {
        return;
    }
    let mut relay = Relay::new();
    let authority = Authority::new(relay.folder());
    let trust = format!("ca_file = \"{}\"\n", authority.file().display());
    let nginx = Nginx::start(relay.folder(), "nginx");
    let stunnel = Stunnel::start(relay.folder(), "stunnel", &authority.identity("good", Flaw::None), nginx.port());
    let mut keys = vec![relay.stream_key().to_owned()];
    keys.push(relay.destination("nginx", &nginx.url(), ""));
    keys.push(relay.destination("stunnel", &stunnel.url(), &trust));
    let good = check(&relay, "good", &[]);
    assert_eq!(good.code, Some(0));
    good.assert_row("nginx", &["ok - -"]);
    good.assert_row("stunnel", &["ok 1.3"]);
    assert!(good.output.ends_with("2 servers: 2 ok, 0 failed; 0 warnings; nothing was published\n"));

    // No such application there; TLS where there is none, and none where there is; and nobody.
    let of_nginx = format!("127.0.0.1:{}", nginx.port());
    keys.push(relay.destination("wrong-path", &format!("rtmp://{of_nginx}/nothing"), ""));
    keys.push(relay.destination("plain-on-tls", &format!("rtmp://127.0.0.1:{}/live", stunnel.port()), ""));
    keys.push(relay.destination("not-trusted", &stunnel.url(), ""));
    keys.push(relay.destination("nobody", &format!("rtmp://127.0.0.1:{}/live", ports::free()), ""));
    let mixed = check(&relay, "mixed", &[]);
    assert_eq!(mixed.code, Some(2));
    mixed.assert_row("nginx", &["ok - -"]);
    mixed.assert_row("stunnel", &["ok 1.3"]);
    mixed.assert_row("wrong-path", &["hint: check the path in `url`"]);
    mixed.assert_row("plain-on-tls", &["no RTMP", "hint:", "rtmps://"]);
    mixed.assert_row("not-trusted", &["no TLS", "hint:", "ca_file"]);
    mixed.assert_row("nobody", &["no TCP", "hint:"]);
    for run in [&good, &mixed] {
        secret::assert_absent("the output", &run.output, &keys);
    }
    let log = nginx.log();
    assert!(log.contains("connect: app='live'"), "{log}");
    assert!(!log.contains("publish") && !log.contains("createStream"), "{log}");
    secret::assert_absent("nginx's log", &log, &keys);
}

//! `forkcast check --connect`: every server is asked once, side by side, and nothing is published.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::support::certificates::{Authority, Flaw, Identity};
use crate::support::nginx::Nginx;
use crate::support::peers::{self, Peer};
use crate::support::process::Process;
use crate::support::relay::Relay;
use crate::support::stunnel::Stunnel;
use crate::support::wire::{Answer, Behaviour, Sink};
use crate::support::{http, ports, secret};

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
pub(crate) fn saying(words: &'static [u8]) -> u16 {
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
pub(crate) struct BlackHole {
    pub(crate) port: u16,
    _listener: Socket,
    _filling: Vec<TcpStream>,
}

impl BlackHole {
    pub(crate) fn new() -> Self {
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
    // What was refused was seen: its days stand there, below zero where it has run out.
    run.assert_row("self-signed", &["no TLS -", " d ", "self-signed", "hint:", "certificate_sha256"]);
    run.assert_row("wrong-host", &["no TLS -", " d ", "host mismatch", "elsewhere.example", "hint:"]);
    run.assert_row("expired", &["no TLS - -", " d ", "expired on 2021-01-01", "hint:"]);
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

/// Before it is started the files say it, and while it runs the connection.
#[test]
fn a_destination_that_is_the_relay_itself_is_marked_and_counted() {
    let mut relay = Relay::new();
    let sink = Sink::start();
    let own = format!("rtmp://127.0.0.1:{}/live", relay.rtmp_port());
    relay.destination("own", &own, "");
    relay.destination("good", &sink.url(), &format!("backup_url = \"{own}\"\n"));
    for (run, result, words, summary) in [
        ("before", "no TCP", "warning: ", "3 servers: 1 ok, 2 failed; 2 warnings; nothing was published\n"),
        (
            "running",
            "refused",
            "is this forkcast itself",
            "3 servers: 1 ok, 2 failed; 0 warnings; nothing was published\n",
        ),
    ] {
        if run == "running" {
            relay.start();
        }
        let run = check(&relay, run, &[]);
        assert_eq!(run.code, Some(2));
        for (row, field) in [("own", "url"), ("good backup", "backup_url")] {
            run.assert_row(row, &[result, words, "which listens on 127.0.0.1:", &format!("hint: change `{field}`")]);
        }
        run.assert_row("good", &["ok - -"]);
        assert!(run.output.ends_with(summary), "{}", run.output);
    }
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

/// OpenSSL as a server, with what nobody has any more, or with what nobody wants.
fn openssl(relay: &Relay, name: &str, identity: &Identity, options: &[&str]) -> (Process, u16) {
    let port = ports::free();
    let mut command = Command::new("openssl");
    // It answers as a web server, and so reads no key presses.
    command.args(["s_server", "-www", "-accept", &format!("127.0.0.1:{port}"), "-cert"]).arg(&identity.certificate);
    command.arg("-key").arg(&identity.key).args(options);
    let mut process = Process::start(&format!("openssl-{name}"), relay.folder(), &mut command);
    process.wait_for_port(port);
    (process, port)
}

/// A server that takes the beginning of a TLS handshake, and goes.
fn closing_in_tls() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for accepted in listener.incoming() {
            let Ok(mut stream) = accepted else { return };
            // The hello's record is read as a whole, so that closing does not become a reset.
            let mut head = [0; 5];
            if stream.read_exact(&mut head).is_ok() {
                let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
                let _ = stream.read_exact(&mut hello);
            }
        }
    });
    port
}

/// Asks a relay that runs, as the button of the dashboard does.
#[track_caller]
fn rehearse(relay: &Relay) -> Value {
    http::done(relay.http_port(), "POST", "/api/preflight", &json!({}))
}

/// What a rehearsal says of a server.
#[track_caller]
fn server<'a>(rehearsal: &'a Value, name: &str, is_backup: bool) -> &'a Value {
    let servers = rehearsal["servers"].as_array().expect("a list");
    let is_it = |server: &&Value| server["destination"] == name && server["is_backup"] == is_backup;
    servers.iter().find(is_it).unwrap_or_else(|| panic!("{name} is not there: {rehearsal}"))
}

/// The failures of TLS, in the table and in the answer of a relay that runs: the same words.
#[test]
fn every_way_in_which_tls_fails_has_its_line_and_its_answer() {
    if !peers::are_here(&[Peer::Openssl, Peer::Stunnel]) {
        return;
    }
    let mut relay = Relay::new();
    let authority = Authority::new(relay.folder());
    let trust = format!("ca_file = \"{}\"\n", authority.file().display());
    let good = authority.identity("good", Flaw::None);
    let sink = Sink::start();
    let mut servers = Vec::new();
    let mut keys = vec![relay.stream_key().to_owned()];
    for (name, options) in [
        ("old-tls", &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"][..]),
        ("old-cipher", &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"]),
        ("wants-ours", &["-tls1_2", "-Verify", "1"]),
    ] {
        let (process, port) = openssl(&relay, name, &good, options);
        servers.push(process);
        keys.push(relay.destination(name, &format!("rtmps://localhost:{port}/live"), &trust));
    }
    let mut fronts = Vec::new();
    for (name, flaw) in [("not-yet", Flaw::NotYetValid), ("expired", Flaw::Expired), ("good", Flaw::None)] {
        let front = Stunnel::start(relay.folder(), name, &authority.identity(name, flaw), sink.port());
        keys.push(relay.destination(name, &front.url(), &trust));
        fronts.push(front);
    }
    keys.push(relay.destination("closing", &format!("rtmps://localhost:{}/live", closing_in_tls()), &trust));
    let run = check(&relay, "check", &[]);
    assert_eq!(run.code, Some(2));
    relay.start();
    let rehearsal = rehearse(&relay);
    // The result; the days of a certificate that was seen; what it is, and what to do.
    let cases: [(&str, &str, Option<fn(i64) -> bool>, [&str; 2]); 7] = [
        (
            "old-tls",
            "no TLS - -",
            None,
            ["neither TLS 1.2 nor TLS 1.3", "ask the server's operator for TLS 1.2 or 1.3"],
        ),
        ("old-cipher", "no TLS - -", None, ["no TLS cipher in common", "a current cipher (ECDHE"]),
        ("wants-ours", "no TLS", None, ["demands a client certificate", "no public ingest demands one"]),
        ("not-yet", "no TLS", Some(|days| days > 300_000), ["not yet valid", "clock"]),
        ("expired", "no TLS - -", Some(|days| days < -1_000), ["expired on 2021-01-01", "renew its certificate"]),
        ("closing", "no TLS - -", None, ["during the TLS handshake", "a plain RTMP port closes like this"]),
        ("good", "ok 1.3", Some(|days| days > 300), ["", ""]),
    ];
    for (name, result, days, words) in cases {
        run.assert_row(name, &[result, words[0], words[1]]);
        let server = server(&rehearsal, name, false);
        let text = server["text"].as_str().unwrap();
        assert!(words.iter().all(|words| text.contains(words)), "{name}: {text}");
        assert_eq!(server["is_ready"], name == "good", "{server}");
        if let Some(is_right) = days {
            assert!(server["certificate_days_left"].as_i64().is_some_and(is_right), "{server}");
            let row = run.row(name);
            let shown = row.split_once(" d ").and_then(|(before, _)| before.rsplit(' ').next()?.parse().ok());
            assert!(shown.is_some_and(is_right), "{row}");
        }
    }
    assert!(!run.output.contains("less than a day is left"), "what has run out is told as that:\n{}", run.output);
    secret::assert_absent("the table", &run.output, &keys);
    secret::assert_absent("the answer", &rehearsal.to_string(), &keys);
}

/// What no single server could say: it takes all files together, or the relay itself.
#[test]
fn what_is_wrong_between_files_and_the_relay_itself_are_found_before_air() {
    let mut relay = Relay::new();
    let sink = Sink::start();
    let (url, port) = (sink.url(), relay.rtmp_port());
    let twice = relay.destination("twice-a", &url, "");
    relay.destination_file("twice-b.toml", &format!("url = \"{url}\"\nkey = \"{twice}\"\n"));
    relay.destination("same-backup", &url, &format!("backup_url = \"{url}\"\n"));
    relay.destination("bad-backup", &url, "backup_url = \"http://127.0.0.1/live\"\n");
    relay.destination("literal", &format!("rtmp://127.0.0.1:{port}/live"), "");
    // Which machine that is, no file says: it is seen where it leads.
    relay.destination("itself", &format!("rtmp://0.0.0.0:{port}/live"), "");
    let behind = format!("backup_url = \"rtmp://0.0.0.0:{port}/live\"\n");
    relay.destination("itself-behind", &url, &behind);
    relay.start();
    let run = check(&relay, "check", &[]);
    assert_eq!(run.code, Some(2));
    let flat = run.output.split_whitespace().collect::<Vec<_>>().join(" ");
    let problems = [
        "sends to the same server with the same key",
        "`backup_url` is the server of `url`",
        "`backup_url`: http:// is the address of a web page",
        &format!("`url` is this relay itself, which listens on 127.0.0.1:{port}"),
    ];
    for words in problems {
        assert!(flat.contains(words), "{words:?} is not in:\n{}", run.output);
    }
    let of = |host: &str| format!("`{host}:{port}` is this forkcast itself, which listens on 127.0.0.1:{port}");
    run.assert_row("literal", &["refused", &of("127.0.0.1"), "hint: change `url` to the server"]);
    run.assert_row("itself", &["refused", &of("0.0.0.0"), "hint: change `url` to the server"]);
    run.assert_row("itself-behind", &["ok - -"]);
    run.assert_row("itself-behind backup", &["refused", &of("0.0.0.0"), "hint: change `backup_url` to the server"]);

    let rehearsal = rehearse(&relay);
    let listed = rehearsal["problems"].as_array().unwrap();
    for words in problems {
        let is_it = |problem: &&Value| {
            problem["message"].as_str().is_some_and(|message| words.contains(message) || message.contains(words))
        };
        let problem = listed.iter().find(is_it).unwrap_or_else(|| panic!("{words:?} is not in {rehearsal}"));
        assert!(!problem["hint"].as_str().unwrap().is_empty(), "{problem}");
    }
    for (name, is_backup, host) in
        [("literal", false, "127.0.0.1"), ("itself", false, "0.0.0.0"), ("itself-behind", true, "0.0.0.0")]
    {
        let server = server(&rehearsal, name, is_backup);
        assert_eq!(server["is_ready"], false, "{server}");
        assert!(server["text"].as_str().unwrap().starts_with(&of(host)), "{server}");
    }
    assert_eq!(server(&rehearsal, "itself-behind", false)["is_ready"], true);
}

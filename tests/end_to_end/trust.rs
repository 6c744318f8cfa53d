//! Whom a destination believes: one certificate, anybody; and that the backup, and a server to which it is sent on, are held to
//! the same.

use std::fs;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::support::broadcast::Broadcast;
use crate::support::bystanders::Bystanders;
use crate::support::certificates::{Authority, Flaw};
use crate::support::peers::{self, Peer};
use crate::support::ports;
use crate::support::relay::Relay;
use crate::support::stunnel::Stunnel;
use crate::support::wait;
use crate::support::wire::{Answer, Behaviour, Sink};

const START: Duration = Duration::from_secs(10);

#[test]
fn a_pinned_server_and_one_that_nobody_vouches_for() {
    if !peers::are_here(&[Peer::Stunnel, Peer::Openssl]) {
        return;
    }
    let mut relay = Relay::new();
    let authority = Authority::new(relay.folder());
    let identity = authority.identity("self-signed", Flaw::SelfSigned);
    let sinks = [Sink::start(), Sink::start()];
    let [pinned, anybody] = [("front-a", &sinks[0]), ("front-b", &sinks[1])]
        .map(|(name, sink)| Stunnel::start(relay.folder(), name, &identity, sink.port()));
    // The line as openssl prints it, words and all.
    let pin = format!("certificate_sha256 = \"{}\"", identity.fingerprint());
    relay.destination("pinned", &pinned.url(), &pin);
    relay.destination("anybody", &anybody.url(), "dangerous_accept_any_certificate = true");
    relay.start();
    assert!(relay.log().contains("warning: any certificate is accepted"), "it is warned about at the start");
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    for (name, remark) in [("pinned", "pinned certificate"), ("anybody", "certificate not verified")] {
        let entry = relay.wait_for_state(name, "delivering", START);
        let tls = entry["connection"]["tls"].as_str().unwrap().to_owned();
        assert!(tls.starts_with("TLS 1.") && tls.ends_with(remark), "{tls}");
    }
    let (_, digits) = pin.split_once("Fingerprint=").unwrap();
    for (line, told) in
        [("destination `anybody`: certificate of", true), ("destination `pinned`: certificate of", false)]
    {
        let log = relay.log();
        assert_eq!(log.lines().any(|each| each.contains(line) && each.contains("is not verified")), told, "{log}");
    }
    let hint = format!("certificate_sha256 = \"{digits}");
    assert!(relay.log().contains(&hint), "the line that makes it safe is told: {hint}");
    sinks.iter().for_each(|sink| drop(sink.wait_for("media", START, |session| session.tags.len() > 20)));
    broadcast.stop();
}

#[test]
fn the_backup_and_where_a_server_sends_us_are_held_to_the_same_trust() {
    if !peers::are_here(&[Peer::Stunnel, Peer::Openssl]) {
        return;
    }
    let mut relay = Relay::new();
    let authority = Authority::new(relay.folder());
    let bystanders = Bystanders::of(&mut relay);
    let [first, second] = ["first", "second"].map(|name| authority.identity(name, Flaw::SelfSigned));
    let carrying = Sink::start();
    let behind = Stunnel::start(relay.folder(), "second-front", &second, carrying.port());
    let sending_on = Sink::with(Behaviour::answering(Answer::Redirect(behind.url())));
    let front = Stunnel::start(relay.folder(), "first-front", &first, sending_on.port());
    let dead = format!("rtmps://localhost:{}/live", ports::free());
    let backup = format!("backup_url = \"{}\"\nbackup_after = 1\n", behind.url());
    let (of_first, of_both) = (
        format!("certificate_sha256 = \"{}\"\n", first.fingerprint()),
        format!("certificate_sha256 = [\"{}\", \"{}\"]\n", first.fingerprint(), second.fingerprint()),
    );
    relay.destination("sent-on", &front.url(), &of_first);
    relay.destination("backed-up", &dead, &format!("{of_first}{backup}"));
    relay.destination("sent-on-to-a-friend", &front.url(), &of_both);
    relay.destination("backed-up-by-a-friend", &dead, &format!("{of_both}{backup}"));
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    for name in ["sent-on", "backed-up"] {
        let entry =
            relay.wait_for(name, "refusing", START, |entry| entry["last_error"]["kind"] == "certificate_not_pinned");
        let message = entry["last_error"]["message"].as_str().unwrap();
        assert!(message.contains(&format!("`localhost:{}`", behind.port())), "{name}: {message}");
    }
    for name in ["sent-on-to-a-friend", "backed-up-by-a-friend"] {
        relay.wait_for_state(name, "delivering", START);
    }
    assert_eq!(carrying.sessions().len(), 2, "nothing was published where the certificate is another");
    bystanders.assert_undisturbed(&broadcast.stop());
}

/// Between the relay and a server, and able to end the server's side of the conversation in its name.
struct Between {
    port: u16,
    relay_side: mpsc::Receiver<TcpStream>,
}

impl Between {
    fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let (sender, relay_side) = mpsc::channel();
        thread::spawn(move || {
            for accepted in listener.incoming() {
                let (Ok(near), Ok(far)) = (accepted, TcpStream::connect(("127.0.0.1", server))) else { return };
                let (mut near_in, mut far_in) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                let (mut near_out, mut far_out) = (near.try_clone().unwrap(), far);
                thread::spawn(move || io::copy(&mut near_in, &mut far_out));
                thread::spawn(move || io::copy(&mut far_in, &mut near_out));
                if sender.send(near).is_err() {
                    return;
                }
            }
        });
        Self { port, relay_side }
    }

    /// Ends the present connection towards the relay, as TCP does it: TLS is not ended.
    fn cut_off(&self) {
        let socket = self.relay_side.recv_timeout(START).expect("the relay is connected");
        socket.shutdown(Shutdown::Write).expect("it is connected");
    }
}

#[test]
fn a_stream_that_is_cut_off_in_the_servers_name_is_told_as_that() {
    if !peers::are_here(&[Peer::Stunnel]) {
        return;
    }
    let mut relay = Relay::new();
    let authority = Authority::new(relay.folder());
    let bystanders = Bystanders::of(&mut relay);
    let sink = Sink::start();
    let stunnel = Stunnel::start(relay.folder(), "front", &authority.identity("good", Flaw::None), sink.port());
    let between = Between::start(stunnel.port());
    let trust = format!("ca_file = \"{}\"", authority.file().display());
    relay.destination("victim", &format!("rtmps://localhost:{}/live", between.port), &trust);
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    sink.wait_for("media", START, |session| session.tags.len() > 20);
    between.cut_off();
    let entry = relay.wait_for("victim", "failing", START, |entry| !entry["last_error"].is_null());
    let error = &entry["last_error"];
    assert_eq!((error["stage"].as_str(), error["kind"].as_str()), (Some("sending"), Some("closed_by_peer")), "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.ends_with("closed the connection without ending TLS first (truncated)"), "{message}");
    assert!(error["hint"].as_str().unwrap().contains("forkcast connects again"), "{error}");
    relay.wait_for_log(message, START);
    relay.wait_for("victim", "live again", START, |entry| entry["sessions"] == 2);
    bystanders.assert_undisturbed(&broadcast.stop());
}

#[test]
fn a_destination_that_comes_back_resumes_its_session_but_not_by_another_trust() {
    if !peers::are_here(&[Peer::Stunnel, Peer::Openssl]) {
        return;
    }
    let mut relay = Relay::new();
    let authority = Authority::new(relay.folder());
    let sink = Sink::start();
    let identity = authority.identity("good", Flaw::None);
    let stunnel = Stunnel::start(relay.folder(), "front", &identity, sink.port());
    let between = Between::start(stunnel.port());
    let trust = format!("ca_file = \"{}\"", authority.file().display());
    relay.destination("victim", &format!("rtmps://localhost:{}/live", between.port), &trust);
    relay.start();
    let sessions = |new: usize, resumed: usize| {
        let what = format!("{new} new sessions and {resumed} resumed");
        wait::until(&what, START, || (stunnel.sessions() == (new, resumed)).then_some(()));
        sink.wait_for("media", START, |session| session.tags.len() > 20);
        relay.wait_for_state("victim", "delivering", START);
    };
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    sessions(1, 0);
    between.cut_off();
    sessions(1, 1);
    broadcast.stop();
    relay.wait_for_state("victim", "idle", START);
    // Nothing has changed since the last broadcast.
    let _broadcast = Broadcast::synthetic(&relay, 4_000);
    sessions(1, 2);
    let file = relay.folder().join("destinations/victim.toml");
    let text = fs::read_to_string(file).expect("it is our own");
    let pin = format!("certificate_sha256 = \"{}\"", identity.fingerprint());
    relay.destination_file("victim.toml", &text.replace(&trust, &pin));
    sessions(2, 2);
}

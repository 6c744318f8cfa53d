//! Who is told of what happens: webhooks for people, and the events over HTTP.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::preflight::{BlackHole, saying};
use crate::support::broadcast::Broadcast;
use crate::support::bystanders::Bystanders;
use crate::support::certificates::{Authority, Flaw};
use crate::support::nginx::Nginx;
use crate::support::peers::{self, Peer};
use crate::support::relay::Relay;
use crate::support::webhook::{Request, Webhook};
use crate::support::wire::Sink;
use crate::support::{http, ports, secret, wait};

const START: Duration = Duration::from_secs(15);
/// From the death of a server to the message that says so.
const TOLD: Duration = Duration::from_secs(5);

fn posts(webhook: &Webhook) -> Vec<Value> {
    webhook.asked().iter().map(|body| serde_json::from_str(body).expect("a post is JSON")).collect()
}

/// Waits for a post of this kind, about this destination or about none, and gives it with how long that took.
#[track_caller]
fn wait_for_post(webhook: &Webhook, kind: &str, destination: Option<&str>, limit: Duration) -> (Value, Duration) {
    let start = Instant::now();
    let post = wait::until(&format!("a post {kind}"), limit, || {
        let is_it = |post: &Value| post["kind"] == kind && post["destination"].as_str() == destination;
        posts(webhook).into_iter().find(is_it)
    });
    (post, start.elapsed())
}

/// A real server is killed while it is sent to. Its death is told over HTTPS, signed as two other programs sign.
#[test]
fn a_destination_that_is_killed_is_told_within_five_seconds_signed_and_again_when_it_is_back() {
    if !peers::are_here(&[Peer::Nginx, Peer::Openssl]) {
        return;
    }
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let authority = Authority::new(relay.folder());
    let webhook = Webhook::start(Some(&authority.identity("notify", Flaw::None)));
    let (token, signing) = (secret::new("token"), secret::new("signing"));
    relay.keep_secret(&token);
    relay.keep_secret(&signing);
    let ca = authority.file();
    relay.settings_file(
        &format!(
            "[notify.ops]\nurl = \"https://localhost:{}/services/{token}?t={token}\"\nsecret = \"{signing}\"\nca_file = \"{}\"\n",
            webhook.port(),
            ca.display()
        ),
    );
    let nginx = Nginx::start(relay.folder(), "nginx");
    relay.destination("victim", &nginx.url(), "");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 10_000);
    relay.wait_for_state("victim", "delivering", START);
    wait_for_post(&webhook, "publish_started", None, START);
    bystanders.wait_for_more(100);

    let port = nginx.port();
    drop(nginx);
    let (failed, told) = wait_for_post(&webhook, "destination_failed", Some("victim"), TOLD);
    println!("told {told:?} after the server was killed: {}", failed["text"]);
    assert!(told < TOLD, "told only after {told:?}");
    let (message, hint) = (failed["message"].as_str().unwrap(), failed["hint"].as_str().unwrap());
    assert!(message.starts_with("destination `victim` failed: ") && message.contains("next try"), "{message}");
    assert!(message.contains(&format!("127.0.0.1:{port}")) && !hint.is_empty(), "{failed}");
    assert_eq!(
        (&failed["severity"], &failed["stream"], &failed["folded"]),
        (&"error".into(), &"live".into(), &0.into())
    );
    assert!(failed["content"].as_str().unwrap().contains(hint) && failed["text"] == failed["content"], "{failed}");

    // The log, the list and the webhook say the same.
    assert!(relay.log().contains(&format!("{message}\n  hint: {hint}")));
    let listed = list(&relay, "?severity=error&destination=victim");
    let same = listed["events"].as_array().unwrap().iter().find(|event| event["id"] == failed["id"]).unwrap();
    for field in ["time", "severity", "kind", "stream", "destination", "message", "hint"] {
        assert_eq!(same[field], failed[field]);
    }

    // Half a second later nobody answers there any more: that is the same death, and the next post has it.
    relay.wait_for_log(&format!("destination `victim` failed: `127.0.0.1:{port}` refused the connection"), START);
    let nginx = Nginx::start_at(relay.folder(), "nginx-again", port);
    relay.wait_for_state("victim", "delivering", Duration::from_secs(30));
    let (recovered, _) = wait_for_post(&webhook, "destination_recovered", Some("victim"), TOLD);
    assert_eq!(recovered["severity"], "info");
    assert!(recovered["folded"].as_u64() >= Some(1), "{recovered}");
    assert_eq!(posts(&webhook).iter().filter(|post| post["kind"] == "destination_failed").count(), 1);
    bystanders.assert_undisturbed(&broadcast.stop());
    drop(nginx);

    let requests = webhook.requests();
    assert!(requests.len() >= 3);
    for request in &requests {
        assert_eq!(request.line, format!("POST /services/{token}?t={token} HTTP/1.1"));
        assert_signed(request, &signing);
    }
    let ids: Vec<_> = posts(&webhook).iter().map(|post| post["id"].as_u64().unwrap()).collect();
    assert!(ids.is_sorted(), "{ids:?}");
}

/// Real and hand-made servers that are there and do nothing: one freezes while it is sent to, one stops reading, one takes the
/// connection and says nothing, and to one nothing gets through at all.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "other kernels treat a full queue differently")]
fn a_server_that_freezes_or_never_answers_is_told_within_five_seconds_with_what_to_do() {
    if !peers::are_here(&[Peer::Nginx]) {
        return;
    }
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let webhook = Webhook::start(None);
    relay.settings_file(&format!("[notify.ops]\nurl = \"http://127.0.0.1:{}/\"\n", webhook.port()));
    let (nginx, sink, hole) = (Nginx::start(relay.folder(), "nginx"), Sink::start(), BlackHole::new());
    relay.destination("frozen", &nginx.url(), "");
    relay.destination("stuck", &sink.url(), "");
    relay.destination("mute", &format!("rtmp://127.0.0.1:{}/live", saying(b"")), "");
    relay.destination("hole", &format!("rtmp://127.0.0.1:{}/live", hole.port), "");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 20_000);
    let began = Instant::now();
    for (name, words, remedy) in [
        ("mute", "is not live yet: `127.0.0.1:", "a port for TLS is silent like this"),
        ("hole", "is not live yet: `127.0.0.1:", "no firewall blocks port"),
    ] {
        let (post, _) = wait_for_post(&webhook, "destination_stalling", Some(name), TOLD);
        assert_trouble(&relay, &post, "connecting", words, remedy);
    }
    assert!(began.elapsed() < TOLD + Duration::from_secs(1), "told only after {:?}", began.elapsed());
    for name in ["frozen", "stuck"] {
        relay.wait_for_state(name, "delivering", START);
    }

    nginx.signal("STOP");
    let (post, told) = wait_for_post(&webhook, "destination_stalling", Some("frozen"), TOLD);
    println!("told {told:?} after nginx was frozen: {}", post["text"]);
    assert_trouble(&relay, &post, "stalling", "has taken nothing for 3 s", "the server is overloaded");
    sink.stall();
    let (post, told) = wait_for_post(&webhook, "destination_stalling", Some("stuck"), TOLD);
    println!("told {told:?} after it read no more");
    assert_trouble(&relay, &post, "stalling", "has taken nothing for 3 s", "the server is overloaded");
    sink.resume();
    let (post, _) = wait_for_post(&webhook, "destination_recovered", Some("stuck"), Duration::from_secs(10));
    assert!(post["message"].as_str().unwrap().contains("takes the stream again, after "), "{post}");
    assert_eq!(sink.sessions().len(), 1, "it was patient");
    relay.wait_for("stuck", "well", START, |entry| entry["state"] == "delivering" && entry["reason"].is_null());

    // What becomes of the others is told as that, in the log; who heard of it once has heard of it.
    for name in ["frozen", "mute", "hole"] {
        relay.wait_for_log(&format!("destination `{name}` still fails: `127.0.0.1:"), Duration::from_secs(15));
        let about = |post: &&Value| post["destination"] == name;
        let posts = posts(&webhook);
        let kinds: Vec<_> = posts.iter().filter(about).map(|post| post["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["destination_stalling"], "{name}");
        assert!(!relay.log().contains(&format!("destination `{name}` failed: ")), "{name}");
    }
    nginx.signal("CONT");
    let (post, _) = wait_for_post(&webhook, "destination_recovered", Some("frozen"), Duration::from_secs(30));
    assert!(post["folded"].as_u64() >= Some(1), "{post}");
    bystanders.assert_undisturbed(&broadcast.stop());
}

/// The post, and the status, by which the dashboard goes.
#[track_caller]
fn assert_trouble(relay: &Relay, post: &Value, state: &str, words: &str, remedy: &str) {
    let name = post["destination"].as_str().unwrap();
    assert!(post["message"].as_str().unwrap().contains(words), "{post}");
    assert!(post["hint"].as_str().unwrap().contains(remedy), "{post}");
    assert_eq!((&post["severity"], &post["folded"]), (&"error".into(), &0.into()));
    let entry = relay.destination_status(name);
    assert_eq!(entry["state"], state, "{entry}");
    let error = &entry["last_error"];
    assert_eq!((&error["message"], &error["hint"]), (&entry["reason"], &post["hint"]), "{entry}");
    assert!(post["message"].as_str().unwrap().contains(error["message"].as_str().unwrap()), "{entry}");
}

/// A server that carries thirty destinations goes away.
#[test]
fn thirty_that_fail_at_once_are_all_named_within_five_seconds_in_few_posts() {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let webhook = Webhook::start(None);
    relay.settings_file(&format!("[notify.ops]\nurl = \"http://127.0.0.1:{}/\"\n", webhook.port()));
    let sink = Sink::start();
    let names: Vec<String> = (0..30).map(|number| format!("d{number}")).collect();
    for name in &names {
        relay.destination(name, &sink.url(), "");
    }
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 2_000);
    wait::until("all to flow", Duration::from_secs(30), || (sink.flowing() == 30).then_some(()));
    wait_for_post(&webhook, "publish_started", None, START);
    let before = posts(&webhook).len();
    let killed = Instant::now();
    sink.kill();
    let posts = wait::until("all to be named", TOLD, || {
        let posts = posts(&webhook).split_off(before);
        let mut named: Vec<String> = Vec::new();
        for post in &posts {
            let others = post["others"].as_array().unwrap().iter();
            named.extend(others.chain([post]).filter_map(|of| Some(of["destination"].as_str()?.to_owned())));
        }
        names.iter().all(|name| named.contains(name)).then_some(posts)
    });
    println!(
        "all named {:?} after the kill, in {} posts, the last: {}",
        killed.elapsed(),
        posts.len(),
        posts.last().unwrap()["text"]
    );
    assert!(posts.len() <= 8, "{} posts", posts.len());
    let last = posts.last().unwrap();
    let text = last["text"].as_str().unwrap();
    let other = last["others"][0]["destination"].as_str().unwrap();
    assert!(text.contains("destination failed: `d") && text.contains(&format!("`{other}`")), "{text}");
    bystanders.assert_undisturbed(&broadcast.stop());
}

/// By the recipes of docs/events.md, carried out by OpenSSL and, where it is there, by Python.
#[track_caller]
fn assert_signed(request: &Request, secret: &str) {
    let docs = include_str!("../../docs/events.md");
    let recipe = |language: &str| {
        let rest = docs.split(&format!("```{language}\n")).nth(1).expect("there is a recipe");
        rest.split("```").next().expect("it ends").to_owned()
    };
    let folder = crate::support::relay::temporary_folder();
    fs::write(folder.path().join("body.json"), &request.body).unwrap();
    let (timestamp, signature) = (request.header("forkcast-timestamp"), request.header("forkcast-signature"));
    let mut shell = Command::new("sh");
    shell.current_dir(folder.path()).args(["-c", &recipe("sh")]).env("TIMESTAMP", &timestamp).env("SECRET", secret);
    let output = shell.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), signature, "{output:?}");

    let program = format!(
        "{}\nimport sys\nok = is_from_forkcast(sys.argv[1].encode(), *sys.argv[2:4], open('body.json', 'rb').read())\n\
         bad = is_from_forkcast(sys.argv[1].encode(), *sys.argv[2:4], b'forged')\nprint(ok, bad)",
        recipe("python")
    );
    let mut python = Command::new("python3");
    python.current_dir(folder.path()).args(["-c", &program, secret, &timestamp, &signature]).stderr(Stdio::inherit());
    match python.output() {
        Ok(output) => assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "True False"),
        Err(error) => println!("not checked by Python: {error}"),
    }
}

#[track_caller]
fn list(relay: &Relay, query: &str) -> Value {
    let (status, body) = http::get(relay.http_port(), &format!("/api/events{query}")).expect("the relay answers");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("the list is JSON")
}

/// An encoder that is lost and back twenty times within a minute is some posts.
#[test]
fn what_flaps_is_told_a_few_times_and_the_rest_as_one() {
    let mut relay = Relay::new();
    let webhook = Webhook::start(None);
    let settings = format!("[notify.ops]\nurl = \"http://127.0.0.1:{}/\"\n", webhook.port());
    relay.settings_file(&settings);
    relay.start();
    let start = Instant::now();
    let wait_for_state = |state: &str| wait::until(state, START, || (relay.stream()["state"] == state).then_some(()));
    for _ in 0..20 {
        let broadcast = Broadcast::synthetic(&relay, 1_000);
        wait_for_state("live");
        broadcast.crash();
        wait_for_state("held");
    }
    let took = start.elapsed();
    assert!(took < Duration::from_secs(55), "the machine is too slow for this test: {took:?}");
    let about = |posts: &[Value]| posts.iter().filter(|post| post["stream"] == "live").count();
    assert!((1..=4).contains(&about(&posts(&webhook))), "{:#?}", posts(&webhook));
    let listed = list(&relay, "?stream=live");
    assert!(listed["events"].as_array().unwrap().len() >= 40, "the list has them all");

    // The end does not wait for the minute to be over: what was folded is told then.
    relay.stop("TERM");
    let posts = posts(&webhook);
    let last = posts.iter().rfind(|post| post["stream"] == "live").expect("it was told of");
    assert!(about(&posts) <= 5 && last["folded"].as_u64() >= Some(35), "{posts:#?}");
    assert_eq!(last["kind"], "publisher_lost", "the last word is how things are");
    println!("lost 20 times in {took:?}: {} posts, the last for {} others", about(&posts), last["folded"]);
}

/// Nobody listens at one endpoint: the show, the other endpoint, and the end take no notice, and it is told.
#[test]
fn an_endpoint_that_is_gone_is_told_of_and_disturbs_nobody() {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let works = Webhook::start(None);
    let token = secret::new("token");
    relay.keep_secret(&token);
    let settings = format!(
        "[notify.gone]\nurl = \"http://127.0.0.1:{}/{token}\"\n[notify.works]\nurl = \"http://127.0.0.1:{}/\"\n",
        ports::free(),
        works.port()
    );
    relay.settings_file(&settings);
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    wait_for_post(&works, "publish_started", None, START);
    relay.wait_for_log("notify `gone` takes nothing: `http://127.0.0.1:", START);
    let listed = list(&relay, "?severity=warning");
    let told = listed["events"].as_array().unwrap().iter().find(|event| event["kind"] == "notify_failed").unwrap();
    assert!(told["message"].as_str().unwrap().contains("it is tried again"), "{told}");
    assert!(told["hint"].as_str().unwrap().contains("`notify.gone` in forkcast.toml"), "{told}");
    bystanders.assert_undisturbed(&broadcast.stop());
    wait_for_post(&works, "publish_stopped", None, START);
    let (_, metrics) = http::get(relay.http_port(), "/metrics").unwrap();
    assert!(metrics.contains("forkcast_notifications_total{endpoint=\"works\",result=\"delivered\"}"), "{metrics}");
    relay.stop("INT");
    assert!(posts(&works).iter().all(|post| post["kind"] != "notify_failed"));
}

/// A file that is wrong is told, and who is told can be changed while the relay runs.
#[test]
fn endpoints_change_with_their_file_and_a_mistake_is_told() {
    let mut relay = Relay::new();
    let (first, second) = (Webhook::start(None), Webhook::start(None));
    let settings = |webhook: &Webhook| format!("[notify.ops]\nurl = \"http://127.0.0.1:{}/\"\n", webhook.port());
    relay.settings_file(&settings(&first));
    let sink = Sink::start();
    relay.destination("one", &sink.url(), "");
    relay.start();
    relay.destination_file("two.toml", "url = \"rtmp://127.0.0.1:1\"\nkey = \"canary\"\nresum = \"live\"\n");
    let (wrong, _) = wait_for_post(&first, "configuration_wrong", None, START);
    let message = wrong["message"].as_str().unwrap();
    assert!(message.contains("two.toml:3:1: unknown field `resum`") && !message.contains('\n'), "{wrong}");
    assert!(wrong["hint"].as_str().unwrap().contains("did you mean `resume`?"), "{wrong}");

    relay.settings_file(&settings(&second));
    // What happens between two looks at the file is told to the first.
    wait::until("the second to be told", Duration::from_secs(60), || {
        let broadcast = Broadcast::synthetic(&relay, 1_000);
        wait::until("it to be live", START, || (relay.stream()["state"] == "live").then_some(()));
        broadcast.stop();
        wait::until("it to be over", START, || (relay.stream()["state"] == "idle").then_some(()));
        (!second.asked().is_empty()).then_some(())
    });
    relay.wait_for_log("read again: 1 webhook changed", START);
    let told = first.asked().len();
    Broadcast::synthetic(&relay, 1_000).stop();

    // The series of one that is called otherwise now go with its name.
    relay.settings_file(&settings(&second).replace("notify.ops", "notify.night"));
    let series = |endpoint: &str| {
        let (_, metrics) = http::get(relay.http_port(), "/metrics").unwrap();
        metrics.contains(&format!("forkcast_notifications_total{{endpoint=\"{endpoint}\""))
    };
    wait::until("the metrics of the new name alone", START, || (series("night") && !series("ops")).then_some(()));
    relay.stop("TERM");
    assert_eq!(first.asked().len(), told, "it is no endpoint any more");
}

/// Whoever listens hears what happens, and the relay ends all the same.
#[test]
fn events_are_streamed_until_the_relay_stops() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("one", &sink.url(), "");
    relay.start();
    let mut socket = std::net::TcpStream::connect(("127.0.0.1", relay.http_port())).unwrap();
    socket.set_read_timeout(Some(START)).unwrap();
    write!(socket, "GET /api/events/stream?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut lines = BufReader::new(socket).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("\"kind\":\"listening\"")), "what was before is there too");
    let broadcast = Broadcast::synthetic(&relay, 1_000);
    assert!(lines.any(|line| line.contains("\"kind\":\"publish_started\"")));
    assert!(lines.any(|line| line.contains("\"kind\":\"destination_live\"")));
    broadcast.stop();
    relay.stop("TERM");
    assert!(lines.any(|line| line.contains("\"kind\":\"stopping\"")));
    let start = Instant::now();
    lines.for_each(drop);
    assert!(start.elapsed() < TOLD, "it goes on after the end");
}

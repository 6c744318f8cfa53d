//! Probes of servers on this machine that are written by hand.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use secrecy::SecretString;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::*;
use crate::{
    destination::{
        dialler::Dialler,
        failure::Failure,
        route::Server,
        settings::{Backup, Failback, Settings},
        testing::settings,
    },
    net::Endpoint,
};

const LIMITS: Limits = Limits { total: Duration::from_secs(10), step: Duration::from_secs(8) };

/// A server that does one thing with each connection.
async fn server<F>(serve: fn(TcpStream, mpsc::Sender<Vec<u8>>) -> F) -> (u16, Arc<AtomicUsize>, mpsc::Receiver<Vec<u8>>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepted = Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = mpsc::channel(8);
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(serve(stream, sender.clone()));
        }
    });
    (port, accepted, receiver)
}

/// Accepts `connect`, and gives all that it heard after the handshake, if the connection ended in order.
async fn accepting(mut stream: TcpStream, heard: mpsc::Sender<Vec<u8>>) {
    let mut hello = vec![0; 1537];
    stream.read_exact(&mut hello).await.unwrap();
    hello[0] = 3;
    stream.write_all(&[&[3][..], &[0; 8], &[7; 1528], &hello[1..]].concat()).await.unwrap();
    stream.read_exact(&mut [0; 1536]).await.unwrap();
    let mut said = Vec::new();
    while !said.ends_with(&[0, 0, 9]) {
        stream.read_buf(&mut said).await.unwrap();
    }
    // A chunk of type 0 with an AMF0 command: `_result`, 1, null, { code }.
    let mut answer = vec![3, 0, 0, 0, 0, 0, 62, 20, 0, 0, 0, 0];
    answer.extend(
        b"\x02\0\x07_result\0\x3f\xf0\0\0\0\0\0\0\x05\x03\0\x04code\x02\0\x1dNetConnection.Connect.Success\0\0\x09",
    );
    stream.write_all(&answer).await.unwrap();
    if stream.read_to_end(&mut said).await.is_ok() {
        heard.send(said).await.unwrap();
    }
}

/// Takes the connection, and never says a word.
async fn mute(mut stream: TcpStream, _: mpsc::Sender<Vec<u8>>) {
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

fn to(port: u16) -> Settings {
    Settings { url: format!("rtmp://127.0.0.1:{port}/live").parse().unwrap(), backup: None, ..settings() }
}

fn failure(finding: &Finding) -> &Failure {
    match &finding.outcome {
        Outcome::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn it_stops_at_connect_ends_in_order_and_asks_each_server_once() {
    let (port, accepted, mut heard) = server(accepting).await;
    let with_key = |key: &str| Settings { key: SecretString::from(key), ..to(port) };
    let subjects =
        ["one", "two"].into_iter().flat_map(|name| Subject::all(name, &with_key(&format!("key-of-{name}")))).collect();
    let findings = run(subjects, LIMITS, Own::default()).await;
    assert_eq!(findings.iter().map(|finding| finding.destination.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    for Finding { outcome, seen, .. } in &findings {
        assert_eq!(*outcome, Outcome::Ready);
        let times = [seen.steps.resolve, seen.steps.connect, seen.handshake, seen.rtmp_connect];
        assert!(times.iter().all(Option::is_some) && seen.steps.tls.is_none(), "{seen:?}");
        assert!(times.iter().flatten().sum::<Duration>() <= seen.took, "{seen:?}");
        assert_eq!(seen.round_trip.is_some(), cfg!(target_os = "linux"));
    }
    let said = heard.recv().await.expect("the connection ends in order");
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("connect"), "{said}");
    for never in ["releaseStream", "FCPublish", "createStream", "publish", "key-of-"] {
        assert!(!said.contains(never), "{never} was said: {said}");
    }
    assert_eq!(accepted.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn another_trust_or_address_is_another_connection() {
    let (port, accepted, _heard) = server(accepting).await;
    let backup = Backup { url: to(port).url, after: 3, failback: Failback::Never };
    let table = [
        Settings { backup: Some(backup), ..to(port) },
        Settings { bind: Some("127.0.0.1".parse().unwrap()), ..to(port) },
        Settings { trust: crate::net::tls::Trust::DangerousAnybody, ..to(port) },
    ];
    let findings =
        run(table.iter().flat_map(|settings| Subject::all("any", settings)).collect(), LIMITS, Own::default()).await;
    assert!(findings.iter().all(Finding::is_ready), "{findings:?}");
    assert_eq!(findings.iter().map(|finding| finding.is_backup).collect::<Vec<_>>(), [false, true, false, false]);
    assert_eq!(accepted.load(Ordering::Relaxed), 4, "a primary and a backup are to be mended in two places");
}

#[tokio::test]
async fn what_was_not_done_in_time_is_said_and_holds_nobody_up() {
    let (silent, ..) = server(mute).await;
    let (good, _, _heard) = server(accepting).await;
    let subjects = [silent, good].into_iter().flat_map(|port| Subject::all("any", &to(port))).collect();
    let limits = Limits { total: Duration::from_secs(2), ..LIMITS };
    let began = Instant::now();
    let findings = run(subjects, limits, Own::default()).await;
    assert!(began.elapsed() < LIMITS.step, "{:?}", began.elapsed());
    let [late, ready] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!(late.outcome, Outcome::NotReached(Stage::Handshake));
    assert!(late.seen.steps.connect.is_some() && late.seen.took >= limits.total, "{late:?}");
    assert!(ready.is_ready() && ready.seen.took < limits.total, "{ready:?}");
    let text = table::text(&findings, limits, false).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("the 2 s of this check were over while the RTMP handshake was going on"), "{text}");
    assert!(text.contains("2 servers: 1 ok, 0 failed, 1 not done within 2 s; 0 warnings"), "{text}");
}

#[tokio::test]
async fn a_failure_is_the_one_that_the_destination_has() {
    let (silent, ..) = server(mute).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let limits = Limits { step: Duration::from_millis(200), ..LIMITS };
    let findings = run(
        [silent, closed].into_iter().flat_map(|port| Subject::all("any", &to(port))).collect(),
        limits,
        Own::default(),
    )
    .await;
    let [no_answer, refused] = findings.as_slice() else { panic!("{findings:?}") };
    let endpoint = Endpoint::new("127.0.0.1", silent);
    assert_eq!(*failure(no_answer), Failure::timed_out(&endpoint, Stage::Handshake, limits.step));
    let (settings, endpoint) = (to(closed), Endpoint::new("127.0.0.1", closed));
    let server = Server { url: settings.url.clone(), is_backup: false };
    let of_destination = Dialler::default().dial(&settings, &server, &endpoint).await.unwrap_err();
    assert_eq!(*failure(refused), of_destination);
}

#[tokio::test]
async fn the_relay_itself_is_seen_by_whatever_name_it_is_called() {
    let (port, accepted, _heard) = server(accepting).await;
    let own = Own::new([std::net::SocketAddr::from(([0, 0, 0, 0], port))]);
    let by = |host: &str| Settings { url: format!("rtmp://{host}:{port}/live").parse().unwrap(), ..to(port) };
    let backup = Backup { url: by("0.0.0.0").url, after: 3, failback: Failback::Never };
    let subjects = [by("localhost"), Settings { backup: Some(backup), ..by("127.0.0.1") }];
    let subjects: Vec<_> = subjects.iter().flat_map(|settings| Subject::all("any", settings)).collect();
    let findings = run(subjects.clone(), LIMITS, own).await;
    for (finding, (host, field)) in
        findings.iter().zip([("localhost", "`url`"), ("127.0.0.1", "`url`"), ("0.0.0.0", "`backup_url`")])
    {
        let Failure { kind, message, hint, .. } = failure(finding);
        assert_eq!(kind.label(), "relay_loop");
        assert_eq!(*message, format!("`{host}:{port}` is this forkcast itself, which listens on 0.0.0.0:{port}"));
        assert!(hint.starts_with(&format!("change {field} to the server")), "{hint}");
    }
    let text = table::text(&findings, LIMITS, false);
    assert_eq!(text.matches("  refused  ").count(), 3, "{text}");
    assert_eq!(accepted.load(Ordering::Relaxed), 3);
    // Somebody else's server on this machine is nobody's circle.
    let elsewhere = Own::new([std::net::SocketAddr::from(([0, 0, 0, 0], 1))]);
    assert!(run(subjects, LIMITS, elsewhere).await.iter().all(Finding::is_ready));
}

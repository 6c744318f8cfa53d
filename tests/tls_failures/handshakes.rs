//! What fails before any certificate is seen: the name, TCP, and the handshake itself.

use std::time::Duration;

use rustls::{
    HandshakeKind,
    version::{TLS12, TLS13},
};
use tokio::net::TcpListener;

use forkcast::net::{
    Cause, Target, Transport,
    error::{ConnectProblem, Speaks},
};

use crate::{
    certificates::{Authority, server_params},
    dialled, failure, live,
    peers::{Answer, alert, broken_server, tls_server},
};

#[tokio::test]
async fn a_name_that_does_not_resolve() {
    let target = Target::new("nowhere.invalid", 1935, None);
    let error = dialled(&target).await.expect_err("`.invalid` exists nowhere");
    // Without a DNS server the machine cannot know that there is no such name.
    assert_failure!(
        error,
        Cause::NameNotFound | Cause::LookupFailed { .. } | Cause::LookupTimedOut { .. },
        ["`nowhere.invalid` does not resolve"],
        ["check"]
    );
}

#[tokio::test]
async fn a_port_that_refuses() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = dialled(&Target::new("127.0.0.1", port, None)).await.expect_err("nothing listens");
    assert_failure!(
        error,
        Cause::Connect { problem: ConnectProblem::Refused, .. },
        [format!("`127.0.0.1:{port}` refused the connection (tried 127.0.0.1)")],
        [format!("nothing listens on port {port}"), "firewall".to_owned()]
    );
}

#[tokio::test]
async fn both_versions_are_spoken() {
    let authority = Authority::root("Test Root");
    let identity = authority.issue(&server_params());
    for (versions, name) in [(&[&TLS12][..], "TLS 1.2"), (&[&TLS13], "TLS 1.3"), (&[&TLS12, &TLS13], "TLS 1.3")] {
        let port = tls_server(&identity, versions).await;
        let protection = live("localhost", port, &authority.client()).await.protection().unwrap();
        assert_eq!(protection.version, name);
        assert!(protection.cipher.starts_with("TLS"), "{protection}");
    }
}

#[tokio::test]
async fn sessions_are_resumed() {
    let authority = Authority::root("Test Root");
    let port = tls_server(&authority.issue(&server_params()), &[&TLS13]).await;
    let tls = authority.client();
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let Transport::Client(stream) = live("localhost", port, &tls).await else { panic!("not TLS") };
        kinds.push(stream.get_ref().1.handshake_kind().unwrap());
    }
    assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed]);
}

#[tokio::test]
async fn only_old_tls_versions() {
    let tls = Authority::root("Test Root").client();
    // What a TLS 1.0 server that ignores our version list says: ServerHello, 3.1, 32 random bytes, no session, CBC.
    let mut hello = vec![22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0xC0, 0x13, 0]);
    // The alert protocol_version is 70 (RFC 8446 section 6.2).
    for answer in [alert(70), Answer::Bytes(hello)] {
        let port = broken_server(answer).await;
        assert_failure!(
            failure("localhost", port, &tls).await,
            Cause::TlsVersion,
            ["TLS version", "neither TLS 1.2 nor TLS 1.3"],
            ["TLS 1.2 or 1.3", "operator"]
        );
    }
}

#[tokio::test]
async fn alerts() {
    let tls = Authority::root("Test Root").client();
    // handshake_failure 40, unrecognized_name 112, internal_error 80.
    let port = broken_server(alert(40)).await;
    assert_failure!(
        failure("localhost", port, &tls).await,
        Cause::NoCommonCipher,
        ["no TLS cipher in common"],
        ["ECDHE"]
    );
    let port = broken_server(alert(112)).await;
    assert_failure!(
        failure("localhost", port, &tls).await,
        Cause::HostUnknownToPeer,
        ["does not serve the host name `localhost`"],
        ["check the host in `url`"]
    );
    let port = broken_server(alert(80)).await;
    assert_failure!(failure("localhost", port, &tls).await, Cause::TlsAlert { .. }, ["InternalError"], ["operator"]);
}

#[tokio::test]
async fn plain_rtmp_on_the_tls_port() {
    let port = broken_server(Answer::Bytes([vec![3], vec![0; 1536]].concat())).await;
    assert_failure!(
        failure("localhost", port, &Authority::root("Test Root").client()).await,
        Cause::NotTls { speaks: Speaks::Rtmp },
        ["speaks no TLS on this port", "plain RTMP"],
        [format!("use `rtmp://localhost:{port}/…`")]
    );
}

#[tokio::test]
async fn http_on_the_tls_port() {
    let port = broken_server(Answer::Bytes(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".to_vec())).await;
    assert_failure!(
        failure("localhost", port, &Authority::root("Test Root").client()).await,
        Cause::NotTls { speaks: Speaks::Http },
        ["speaks no TLS on this port", "plain HTTP"],
        ["check host and port", "443"]
    );
}

#[tokio::test]
async fn something_else_on_the_tls_port() {
    let port = broken_server(Answer::Bytes(b"220 mail.example ESMTP\r\n".to_vec())).await;
    assert_failure!(
        failure("localhost", port, &Authority::root("Test Root").client()).await,
        Cause::NotTls { speaks: Speaks::Unknown },
        ["speaks no TLS on this port"],
        ["check the port", "rtmp://"]
    );
}

#[tokio::test]
async fn closed_during_the_handshake() {
    let tls = Authority::root("Test Root").client();
    let port = broken_server(Answer::Close).await;
    assert_failure!(
        failure("localhost", port, &tls).await,
        Cause::ClosedDuringTls { reset: false },
        ["closed the connection during the TLS handshake"],
        ["plain RTMP", "rtmp://"]
    );
    let port = broken_server(Answer::Reset).await;
    assert_failure!(
        failure("localhost", port, &tls).await,
        Cause::ClosedDuringTls { reset: true },
        ["reset the connection during the TLS handshake"],
        ["plain RTMP", "firewall"]
    );
}

#[tokio::test]
async fn a_silent_peer() {
    let port = broken_server(Answer::Silence).await;
    let mut target = Target::new("localhost", port, Some(Authority::root("Test Root").client()));
    target.timeouts.tls = Duration::from_millis(200);
    assert_failure!(
        dialled(&target).await.expect_err("silence"),
        Cause::TlsTimedOut { .. },
        ["did not finish the TLS handshake within 200 ms"],
        ["rtmp://", "overloaded"]
    );
}

#[tokio::test]
async fn a_host_that_no_certificate_can_name() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // 127.1 is an address to the resolver and a malformed name to TLS.
    let error =
        dialled(&Target::new("127.1", port, Some(Authority::root("Test Root").client()))).await.expect_err("no name");
    assert_failure!(error, Cause::HostNotForTls, ["cannot stand in a certificate"], ["check the host in `url`"]);
}

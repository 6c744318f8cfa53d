//! TLS after the handshake, and handshakes that take a turn: what goes on, what ends, and what is said of it.

use std::{io, sync::Arc};

use rustls::{
    HandshakeKind, RootCertStore,
    crypto::aws_lc_rs,
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use forkcast::{
    destination::failure::{Failure, Kind, Retry, Stage},
    net::{Cause, Endpoint, Target, Transport},
};

use crate::{
    certificates::{Authority, Identity, client, server_params},
    dialled, failure, live,
    peers::{Answer, broken_server, greeting_server, server, server_config, server_config_with, shown},
};

fn pair() -> (Authority, Identity) {
    let authority = Authority::root("Test Root");
    let identity = authority.issue(&server_params());
    (authority, identity)
}

/// What the destination makes of the way in which its connection ended.
async fn end_of(transport: &mut Transport) -> (io::Result<usize>, Failure) {
    let end = transport.read(&mut [0; 16]).await;
    let failure = Failure::lost(&Endpoint::new("localhost", 443), Stage::Sending, end.as_ref().err());
    (end, failure)
}

async fn echo(mut stream: TlsStream<TcpStream>) {
    let mut word = [0; 4];
    while stream.read_exact(&mut word).await.is_ok() {
        // New keys before each answer; the peer has to take them, and to make its own.
        stream.get_mut().1.refresh_traffic_keys().unwrap();
        stream.write_all(&word).await.unwrap();
        stream.flush().await.unwrap();
    }
}

#[tokio::test]
async fn new_keys_in_mid_stream() {
    let (authority, identity) = pair();
    let port = server(server_config(&identity, &[&TLS13]), echo).await;
    let mut transport = dialled(&Target::new("localhost", port, Some(authority.client()))).await.unwrap();
    for round in 0..20u32 {
        transport.write_all(&round.to_be_bytes()).await.unwrap();
        transport.flush().await.unwrap();
        assert_eq!(transport.read_u32().await.unwrap(), round);
    }
}

#[tokio::test]
async fn a_hello_that_is_asked_for_again() {
    let (authority, identity) = pair();
    // A group for which the first hello brings no key share.
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![aws_lc_rs::kx_group::SECP384R1];
    let port = greeting_server(server_config_with(provider, &identity, &[&TLS13])).await;
    let Transport::Client(stream) = live("localhost", port, &authority.client()).await else { panic!("not TLS") };
    assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::FullWithHelloRetryRequest));
}

/// Of however many tickets the client keeps a few; and more than it takes in one breath end the connection.
#[tokio::test]
async fn a_flood_of_session_tickets() {
    let (authority, identity) = pair();
    let flood = |tickets| {
        let mut config = server_config(&identity, &[&TLS13]);
        config.send_tls13_tickets = tickets;
        greeting_server(config)
    };
    let port = flood(100).await;
    let tls = authority.client();
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let Transport::Client(stream) = live("localhost", port, &tls).await else { panic!("not TLS") };
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(kind));
    }
    let port = flood(10_000).await;
    let mut transport = dialled(&Target::new("localhost", port, Some(authority.client()))).await.unwrap();
    let (end, failure) = end_of(&mut transport).await;
    assert!(end.is_err(), "megabytes of tickets are not taken");
    assert!(failure.message.contains("`localhost:443`") && failure.retry == Retry::Soon, "{failure}");
}

#[tokio::test]
async fn a_record_that_is_too_large() {
    // A handshake record of 65,535 bytes; 16,384 is the most (RFC 8446 section 5.1).
    let port = broken_server(Answer::Bytes([&[22, 3, 3, 0xFF, 0xFF][..], &[0; 4096]].concat())).await;
    assert_failure!(
        failure("localhost", port, &Authority::root("Test Root").client()).await,
        Cause::TlsBroken { .. },
        ["breaks the rules of TLS"],
        ["proxy", "check host and port"]
    );
}

#[tokio::test]
async fn a_certificate_of_ours_is_demanded() {
    let (authority, identity) = pair();
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.der().clone()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let config = |version| {
        rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_client_cert_verifier(Arc::clone(&verifier))
            .with_cert_resolver(Arc::new(shown(&identity)))
    };
    let port = greeting_server(config(&TLS12)).await;
    assert_failure!(
        failure("localhost", port, &authority.client()).await,
        Cause::ClientCertificateDemanded,
        ["demands a client certificate"],
        ["no public ingest demands one"]
    );
    // In TLS 1.3 our side of the handshake is over before the server misses anything.
    let port = greeting_server(config(&TLS13)).await;
    let mut transport = dialled(&Target::new("localhost", port, Some(authority.client()))).await.unwrap();
    let (end, failure) = end_of(&mut transport).await;
    assert!(end.is_err());
    assert_eq!((failure.kind, failure.retry), (Kind::TlsClientCertificate, Retry::Slowly), "{failure}");
    assert!(failure.message.contains("demands a client certificate"), "{failure}");
}

#[tokio::test]
async fn an_end_in_order_and_one_that_is_cut_off() {
    async fn in_order(mut stream: TlsStream<TcpStream>) {
        let _ = stream.shutdown().await;
        let _ = stream.read(&mut [0; 1]).await;
    }
    async fn cut_off(stream: TlsStream<TcpStream>) {
        let _ = stream.into_inner().0.shutdown().await;
    }
    let (authority, identity) = pair();
    for version in [&TLS13, &TLS12] {
        let port = server(server_config(&identity, &[version]), in_order).await;
        let mut transport = dialled(&Target::new("localhost", port, Some(authority.client()))).await.unwrap();
        let (end, failure) = end_of(&mut transport).await;
        assert_eq!(end.unwrap(), 0);
        assert_eq!(failure.message, "`localhost:443` closed the connection");

        let port = server(server_config(&identity, &[version]), cut_off).await;
        let mut transport = dialled(&Target::new("localhost", port, Some(authority.client()))).await.unwrap();
        let (end, failure) = end_of(&mut transport).await;
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!((failure.kind, failure.retry), (Kind::ClosedByPeer, Retry::Soon));
        assert_eq!(failure.message, "`localhost:443` closed the connection without ending TLS first (truncated)");
    }
}

#[tokio::test]
async fn an_alert_in_mid_stream() {
    let (authority, identity) = pair();
    for version in [&TLS13, &TLS12] {
        let port = greeting_server(server_config(&identity, &[version])).await;
        let mut transport = live("localhost", port, &authority.client()).await;
        // Something in between changes what we send: the server says so with an alert, and ends.
        transport.tcp().writable().await.unwrap();
        assert_eq!(transport.tcp().try_write(&record()).unwrap(), record().len());
        let (_, failure) = end_of(&mut transport).await;
        assert_eq!((failure.stage, failure.kind, failure.retry), (Stage::Sending, Kind::TlsAlert, Retry::Soon));
        assert_eq!(failure.message, "`localhost:443` ended the connection with the TLS alert BadRecordMac");
    }
}

#[tokio::test]
async fn bytes_that_the_server_did_not_send() {
    async fn forged(mut stream: TlsStream<TcpStream>) {
        let _ = stream.get_mut().0.write_all(&record()).await;
        let _ = stream.read(&mut [0; 1]).await;
    }
    let (authority, identity) = pair();
    for version in [&TLS13, &TLS12] {
        let port = server(server_config(&identity, &[version]), forged).await;
        let mut transport = dialled(&Target::new("localhost", port, Some(authority.client()))).await.unwrap();
        let (end, failure) = end_of(&mut transport).await;
        assert!(end.is_err(), "nothing of it is delivered");
        assert_eq!((failure.kind, failure.retry), (Kind::TlsBroken, Retry::Soon), "{failure}");
        assert!(failure.message.contains("damaged or not from there"), "{failure}");
        assert!(failure.hint.contains("forkcast connects again"), "{failure}");
    }
}

/// Application data that no key of the connection has sealed.
fn record() -> Vec<u8> {
    [&[23, 3, 3, 0, 64][..], &[7; 64]].concat()
}

/// One authority's certificate in `ca_file` does not make another's good: the roots of one client are its own.
#[tokio::test]
async fn clients_do_not_share_trust() {
    let (authority, identity) = pair();
    let port = greeting_server(server_config(&identity, &[&TLS13])).await;
    live("localhost", port, &authority.client()).await;
    failure("localhost", port, &client(&Authority::root("Another Root").certificate.pem())).await;
    live("localhost", port, &authority.client()).await;
}

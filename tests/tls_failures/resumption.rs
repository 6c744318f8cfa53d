//! Who comes back takes up its TLS session: a destination at OpenSSL's server, OpenSSL's client at ours.

use std::sync::Arc;

use rustls::HandshakeKind;
use tokio::io::AsyncReadExt;

use forkcast::net::{Target, TlsClient, Transport};

use crate::{
    certificates::{anybody, client},
    clients::{our_server, s_client},
    dialled,
    openssl::{Server, is_here, pair},
};

/// How a connection began, as we say; it has been heard of the server, so that a ticket that it sent was read.
async fn began(server: &mut Server, tls: &Arc<TlsClient>) -> HandshakeKind {
    let target = Target::new("localhost", server.port, Some(Arc::clone(tls)));
    let mut transport = dialled(&target).await.unwrap();
    server.wait_for("CIPHER is ");
    server.says("live\n");
    transport.read_exact(&mut [0; 5]).await.unwrap();
    let Transport::Client(stream) = transport else { panic!("not TLS") };
    stream.get_ref().1.handshake_kind().unwrap()
}

#[tokio::test]
async fn a_destination_that_is_connected_again() {
    if !is_here("a_destination_that_is_connected_again") {
        return;
    }
    let (authority, identity) = pair();
    for version in ["-tls1_3", "-tls1_2"] {
        let mut server = Server::start(&identity, &[version]);
        let tls = authority.client();
        assert_eq!(began(&mut server, &tls).await, HandshakeKind::Full);
        for _ in 0..3 {
            assert_eq!(began(&mut server, &tls).await, HandshakeKind::Resumed, "{version}");
            server.wait_for("Reused session-id");
        }
        // Who believes the same, and who believes others, has none of its sessions.
        let believes_the_same = client(&authority.certificate.pem());
        assert!(believes_the_same.believes_as(&believes_the_same) && !believes_the_same.believes_as(&anybody()));
        for other in [believes_the_same, identity.pinned(), anybody()] {
            assert_eq!(began(&mut server, &other).await, HandshakeKind::Full, "{version}");
        }
        assert_eq!(began(&mut server, &tls).await, HandshakeKind::Resumed, "{version}");
    }
}

#[tokio::test]
async fn an_encoder_that_comes_back() {
    if !is_here("an_encoder_that_comes_back") {
        return;
    }
    let (authority, _) = pair();
    let port = our_server(&authority).await;
    let folder = tempfile::tempdir().unwrap();
    // By our order of ciphers, and by its own.
    let chacha = ["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"];
    for (name, options) in [("tls1_3", &["-tls1_3"][..]), ("tls1_2", &["-tls1_2"]), ("chacha", &chacha)] {
        let file = folder.path().join(name);
        let session = file.to_str().unwrap();
        let first = s_client(port, &[options, &["-sess_out", session]].concat()).await;
        assert!(first.starts_with("New, "), "{name}: {first}");
        let second = s_client(port, &[options, &["-sess_in", session]].concat()).await;
        assert!(second.starts_with("Reused, "), "{name}: {second}");
        assert_eq!(first.split_once(", "), second.split_once(", ").map(|(_, rest)| ("New", rest)));
    }
}

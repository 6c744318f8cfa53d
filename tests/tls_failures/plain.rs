//! A plain `rtmp://` URL whose port speaks something else: TLS, HTTP, mail.

use rustls::version::{TLS12, TLS13};
use secrecy::SecretString;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use forkcast::{
    destination::failure::{Failure, Kind, Retry, Stage},
    net::{Target, Transport},
    rtmp::{
        client::{Client, Config},
        handshake::{Form, RANDOM_LEN},
    },
};

use crate::{
    certificates::{Authority, server_params},
    dialled,
    peers::tls_server,
};

/// What becomes of an RTMP handshake with the port.
async fn handshake_fails(port: u16) -> Failure {
    let target = Target::new("127.0.0.1", port, None);
    let mut transport = dialled(&target).await.unwrap();
    let mut client = Client::new(
        Config {
            app: "live".into(),
            tc_url: "rtmp://127.0.0.1/live".into(),
            stream_key: SecretString::from("a-key".to_owned()),
            chunk_size: 4096,
            enhanced: false,
            handshake: Form::Simple,
            relay_hops: Vec::new(),
        },
        &[7; RANDOM_LEN],
    );
    send(&mut client, &mut transport).await;
    let mut buffer = [0; 4096];
    loop {
        match transport.read(&mut buffer).await {
            Ok(0) => return Failure::lost(&target.endpoint, Stage::Handshake, None),
            Ok(count) => {
                let mut input = &buffer[..count];
                if let Err(error) = client.handle_input(&mut input) {
                    return Failure::protocol(&target.endpoint, Stage::Handshake, &error);
                }
            }
            Err(error) => return Failure::lost(&target.endpoint, Stage::Handshake, Some(&error)),
        }
    }
}

async fn send(client: &mut Client, transport: &mut Transport) {
    let outbox = client.transmit();
    while bytes::Buf::has_remaining(outbox) {
        // A server that has closed already is heard of when its answer is read.
        if transport.write_buf(outbox).await.is_err() {
            return;
        }
    }
}

/// A server that says this as soon as it has heard the first bytes of RTMP.
async fn saying(words: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read_exact(&mut [0; 1537]).await;
        let _ = stream.write_all(words).await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    port
}

#[track_caller]
fn assert_told(failure: &Failure, message: &str, hint: &str) {
    assert_eq!((failure.stage, failure.kind, failure.retry), (Stage::Handshake, Kind::ProtocolError, Retry::Slowly));
    assert!(failure.message.contains("`127.0.0.1:") && failure.message.contains(message), "{failure}");
    assert!(failure.hint.contains(hint), "{failure}");
}

#[tokio::test]
async fn tls_on_a_plain_port() {
    let identity = Authority::root("Test Root").issue(&server_params());
    for version in [&TLS13, &TLS12] {
        let port = tls_server(&identity, &[version]).await;
        assert_told(&handshake_fails(port).await, "speaks TLS on this port", "rtmps:// in place of rtmp://");
    }
}

#[tokio::test]
async fn http_on_a_plain_port() {
    let port = saying(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
    assert_told(&handshake_fails(port).await, "is a web server", "1935");
}

#[tokio::test]
async fn something_else_on_a_plain_port() {
    let port = saying(b"220 mail.example ESMTP\r\n").await;
    assert_told(&handshake_fails(port).await, "does not speak RTMP", "check host and port");
}

//! Our own server: both ends together, and publishers with which there is no TLS.

use std::{io::IoSlice, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use forkcast::net::{
    Target, TcpInfo, TlsServer, Transport,
    tls::{AcceptCause, AcceptError, CertificateFiles},
};

use crate::{
    certificates::{Authority, file, pem, server_params},
    dialled, failure,
};

/// A server of ours, and what came of the first connection to it.
async fn our_server(authority: &Authority) -> (u16, JoinHandle<Result<Transport, AcceptError>>) {
    let identity = authority.issue(&server_params());
    let (certificate, key) = (file(&pem("CERTIFICATE", &identity.chain[0])), file(&identity.key.serialize_pem()));
    let files = CertificateFiles { chain: certificate.path().to_owned(), key: key.path().to_owned() };
    let server = TlsServer::from_files(&[files]).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepted = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        server.accept(stream, Duration::from_millis(500)).await
    });
    (port, accepted)
}

#[tokio::test]
async fn both_ends_together() {
    let authority = Authority::root("Test Root");
    let (port, accepted) = our_server(&authority).await;
    let mut ours = dialled(&Target::new("localhost", port, Some(authority.client()))).await.unwrap();
    let mut theirs = accepted.await.unwrap().unwrap();
    assert_eq!(theirs.protection(), ours.protection());
    assert_eq!(theirs.tcp().local_addr().unwrap(), ours.tcp().peer_addr().unwrap());
    assert!(ours.is_write_vectored() && theirs.is_write_vectored());
    let handshake = ours.written();
    assert!(handshake > 200 && theirs.written() > 500, "{handshake}, {}: a handshake is bytes", theirs.written());

    // Many slices, far more than one record and one socket buffer.
    let slices: Vec<Vec<u8>> = (0..64u8).map(|fill| vec![fill; 10_000]).collect();
    let expected = slices.concat();
    let length = expected.len();
    let writer = tokio::spawn(async move {
        for few in slices.chunks(8) {
            let mut rest = few.concat();
            while !rest.is_empty() {
                let (head, tail) = rest.split_at(rest.len() / 2);
                let written = ours.write_vectored(&[IoSlice::new(head), IoSlice::new(tail)]).await.unwrap();
                rest.drain(..written);
            }
        }
        ours.flush().await.unwrap();
        let mut answer = [0; 2];
        ours.read_exact(&mut answer).await.unwrap();
        let written = ours.written();
        if let Some(tcp) = TcpInfo::of(ours.tcp()) {
            assert_eq!(tcp.acknowledged_bytes, written, "the answer acknowledged all of it");
        }
        ours.shutdown().await.unwrap();
        (answer, written)
    });
    let mut received = vec![0; length];
    theirs.read_exact(&mut received).await.unwrap();
    assert_eq!(received, expected);
    theirs.write_all(b"ok").await.unwrap();
    theirs.flush().await.unwrap();
    let (answer, written) = writer.await.unwrap();
    assert_eq!(&answer, b"ok");
    // Each record of at most 16 KiB costs 22 bytes (5 of header, a type, a tag of 16).
    let (payload, records) = (length as u64, written - handshake);
    assert!(records > payload && records < payload + payload / 100, "{records} bytes for {payload}");
    assert_eq!(theirs.read(&mut [0; 1]).await.unwrap(), 0, "shutdown is a clean end under TLS too");
}

#[tokio::test]
async fn publishers_without_tls() {
    let authority = Authority::root("Test Root");
    // ClientHello of TLS 1.0: version 3.1, 32 random bytes, no session, one cipher (AES-128 CBC), no compression.
    let mut old_hello = vec![22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 1];
    old_hello.extend([7; 32]);
    old_hello.extend([0, 0, 2, 0, 0x2F, 1, 0]);
    macro_rules! assert_publisher {
        ($sends:expr, $cause:pat, $message:expr, $hint:expr) => {{
            let (port, accepted) = our_server(&authority).await;
            let mut publisher = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let sends: &[u8] = $sends;
            publisher.write_all(sends).await.unwrap();
            if sends.is_empty() {
                publisher.shutdown().await.unwrap();
            }
            let error = accepted.await.unwrap().expect_err("there is no TLS with it");
            assert!(matches!(error.cause, $cause), "{error:?}");
            let address = publisher.local_addr().unwrap().to_string();
            assert!(error.to_string().contains(&address), "{error}");
            assert!(error.to_string().contains($message), "{error}");
            assert!(error.hint().contains($hint), "{}", error.hint());
        }};
    }
    assert_publisher!(&[3; 1537], AcceptCause::PlainRtmp, "plain RTMP on the RTMPS port", "rtmps://");
    assert_publisher!(b"GET / HTTP/1.1\r\n\r\n", AcceptCause::PlainHttp, "plain HTTP", "--http");
    assert_publisher!(b"\x80\x2e\x01\x00\x02", AcceptCause::NotTls, "no TLS", "rtmps://");
    assert_publisher!(&old_hello, AcceptCause::OldTls, "neither TLS 1.2 nor TLS 1.3", "update the encoder");
    assert_publisher!(b"", AcceptCause::NothingSent, "before it had sent anything", "rtmps://");
    assert_publisher!(b"\x16\x03\x01", AcceptCause::TimedOut { .. }, "within 0.5 s", "rtmps://");
}

#[tokio::test]
async fn a_publisher_that_does_not_trust_us() {
    let authority = Authority::root("Test Root");
    let (port, accepted) = our_server(&authority).await;
    failure("localhost", port, &Authority::root("Another Root").client()).await;
    let error = accepted.await.unwrap().expect_err("it does not trust us");
    // The exact alert reaches the other side: looking into the certificate must not blur the verdict.
    assert!(matches!(&error.cause, AcceptCause::CertificateRefused { alert } if alert == "UnknownCA"), "{error:?}");
    assert!(error.hint().contains("from an authority that it knows"), "{}", error.hint());
}

//! OpenSSL's client, and a server of ours for it.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use tokio::{io::AsyncWriteExt, net::TcpListener, task::spawn_blocking};

use forkcast::net::{TlsServer, tls::CertificateFiles};

use crate::certificates::{Authority, file, pem, server_params};

/// A server of ours that greets one publisher after the other, and ends each in order.
pub(crate) async fn our_server(authority: &Authority) -> u16 {
    let identity = authority.issue(&server_params());
    let (certificate, key) = (file(&pem("CERTIFICATE", &identity.chain[0])), file(&identity.key.serialize_pem()));
    let files = CertificateFiles { chain: certificate.path().to_owned(), key: key.path().to_owned() };
    let server = TlsServer::from_files(&[files]).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut publisher = server.accept(stream, Duration::from_secs(5)).await.unwrap();
            publisher.write_all(b"live").await.unwrap();
            publisher.shutdown().await.unwrap();
        }
    });
    port
}

/// What OpenSSL's client says of its connection: `New` or `Reused`, version, cipher.
pub(crate) async fn s_client(port: u16, options: &[&str]) -> String {
    let mut command = Command::new("openssl");
    // It goes when the server does.
    command.args(["s_client", "-ign_eof", "-connect", &format!("127.0.0.1:{port}")]).args(options);
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let output = spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let line = said.lines().find(|line| line.contains(", Cipher is "));
    line.unwrap_or_else(|| panic!("it is connected: {said}")).to_owned()
}

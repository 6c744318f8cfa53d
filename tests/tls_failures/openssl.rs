//! The peer is `openssl s_server`: old and weak TLS that no library of ours speaks, and what it does on a key press.

use std::{
    env,
    fs::File,
    io::{BufRead as _, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use forkcast::{
    destination::failure::{Failure, Kind, Stage},
    net::{
        Cause, Endpoint, Target,
        error::{CertificateProblem, Unfit},
    },
};

use crate::{
    certificates::{Authority, Identity, file, pem, pinned, server_params},
    dialled, failure,
};

/// A server that ends with its test, for one client after the other. What is written to it, it sends to its client, or takes as a command.
pub(crate) struct Server {
    process: Child,
    pub(crate) port: u16,
    output: mpsc::Receiver<String>,
    _files: Vec<NamedTempFile>,
}

impl Server {
    pub(crate) fn start(identity: &Identity, options: &[&str]) -> Self {
        let files = [file(&pem("CERTIFICATE", &identity.chain[0])), file(&identity.key.serialize_pem())];
        Self::start_with(files[0].path(), files[1].path(), options).keeping(files)
    }

    fn start_with(certificate: &Path, key: &Path, options: &[&str]) -> Self {
        let mut command = Command::new("openssl");
        // It tells of each message of TLS.
        command.args(["s_server", "-msg", "-accept", "127.0.0.1:0", "-cert"]).arg(certificate);
        command.arg("-key").arg(key).args(options);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (told, output) = mpsc::channel();
        // It never waits for a reader.
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| told.send(line)));
        let mut server = Self { process, port: 0, output, _files: Vec::new() };
        let address = server.wait_for("ACCEPT ");
        server.port = address.trim().rsplit(':').next().unwrap().parse().unwrap();
        server
    }

    fn keeping(mut self, files: [NamedTempFile; 2]) -> Self {
        self._files.extend(files);
        self
    }

    /// The next line of its output with these words in it.
    pub(crate) fn wait_for(&mut self, words: &str) -> String {
        loop {
            let line = self.output.recv_timeout(Duration::from_secs(5)).expect("the server tells of it");
            if line.contains(words) {
                return line;
            }
        }
    }

    pub(crate) fn says(&mut self, words: &str) {
        let input = self.process.stdin.as_mut().unwrap();
        input.write_all(words.as_bytes()).unwrap();
        input.flush().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Without it a test is left out only where a whole run says so, as with the peers of the end-to-end tests.
pub(crate) fn is_here(test: &str) -> bool {
    let version = Command::new("openssl").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if version.is_ok_and(|status| status.success()) {
        return true;
    }
    let path = env::var_os("FORKCAST_TEST_LEFT_OUT").expect("openssl is not on this machine; tests/run installs it");
    let mut file = File::options().create(true).append(true).open(path).unwrap();
    writeln!(file, "{test}: needs openssl").unwrap();
    false
}

pub(crate) fn pair() -> (Authority, Identity) {
    let authority = Authority::root("Test Root");
    let identity = authority.issue(&server_params());
    (authority, identity)
}

#[tokio::test]
async fn only_versions_that_are_too_old() {
    if !is_here("only_versions_that_are_too_old") {
        return;
    }
    let (authority, identity) = pair();
    for version in ["-tls1", "-tls1_1"] {
        let server = Server::start(&identity, &[version, "-cipher", "ALL:@SECLEVEL=0"]);
        assert_failure!(
            failure("localhost", server.port, &authority.client()).await,
            Cause::TlsVersion,
            ["TLS version", "neither TLS 1.2 nor TLS 1.3"],
            ["TLS 1.2 or 1.3", "operator"]
        );
    }
}

#[tokio::test]
async fn only_ciphers_that_are_too_weak() {
    if !is_here("only_ciphers_that_are_too_weak") {
        return;
    }
    let (authority, identity) = pair();
    // CBC; no encryption at all; and, at the end, a good one as the proof that it is the cipher.
    for cipher in ["ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0"] {
        let server = Server::start(&identity, &["-tls1_2", "-cipher", cipher]);
        assert_failure!(
            failure("localhost", server.port, &authority.client()).await,
            Cause::NoCommonCipher,
            ["no TLS cipher in common"],
            ["ECDHE"]
        );
    }
    let server = Server::start(&identity, &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"]);
    dialled(&Target::new("localhost", server.port, Some(authority.client()))).await.unwrap();
}

#[tokio::test]
async fn a_key_that_is_too_short() {
    if !is_here("a_key_that_is_too_short") {
        return;
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/certificates");
    let (certificate, key) = (fixtures.join("rsa1024.pem"), fixtures.join("rsa1024.key"));
    let root = crate::certificates::client(include_str!("../fixtures/certificates/root-ec.pem"));
    let identity = Identity::fixture(include_str!("../fixtures/certificates/rsa1024.pem"));
    for version in ["-tls1_2", "-tls1_3"] {
        let server = Server::start_with(&certificate, &key, &[version, "-cipher", "DEFAULT@SECLEVEL=0"]);
        // Not even a pin makes good what can be broken.
        for tls in [&root, &pinned(&[identity.fingerprint()])] {
            assert_failure!(
                failure("localhost", server.port, tls).await,
                Cause::Certificate(CertificateProblem::Unsuitable { unfit: Unfit::ShortKey { bits: 1024 } }),
                ["RSA key of 1024 bits", "too short"],
                ["at least 2048 bits"]
            );
        }
    }
}

#[tokio::test]
async fn a_certificate_of_ours_is_demanded() {
    if !is_here("a_certificate_of_ours_is_demanded") {
        return;
    }
    let (authority, identity) = pair();
    let server = Server::start(&identity, &["-tls1_2", "-Verify", "1"]);
    assert_failure!(
        failure("localhost", server.port, &authority.client()).await,
        Cause::ClientCertificateDemanded,
        ["demands a client certificate"],
        ["no public ingest demands one"]
    );
    let server = Server::start(&identity, &["-tls1_3", "-Verify", "1"]);
    let mut transport = dialled(&Target::new("localhost", server.port, Some(authority.client()))).await.unwrap();
    let error = transport.read(&mut [0; 1]).await.unwrap_err();
    let failure = Failure::lost(&Endpoint::new("localhost", 443), Stage::Handshake, Some(&error));
    assert_eq!((failure.stage, failure.kind), (Stage::Handshake, Kind::TlsClientCertificate), "{failure}");
}

#[tokio::test]
async fn new_keys_in_mid_stream() {
    if !is_here("new_keys_in_mid_stream") {
        return;
    }
    let (authority, identity) = pair();
    let mut server = Server::start(&identity, &["-tls1_3"]);
    let mut transport = dialled(&Target::new("localhost", server.port, Some(authority.client()))).await.unwrap();
    // It makes new keys with `k`, and with `K` asks for ours.
    for (command, words) in [("k\n", "one\n"), ("K\n", "two\n"), ("K\n", "three\n")] {
        server.says(command);
        // Its own, not our answer to the one before.
        server.wait_for(">>> TLS 1.3, Handshake [length 0005], KeyUpdate");
        server.says(words);
        let mut received = vec![0; words.len()];
        transport.read_exact(&mut received).await.unwrap();
        assert_eq!(received, words.as_bytes());
        transport.write_all(b"heard\n").await.unwrap();
        transport.flush().await.unwrap();
    }
}

/// OpenSSL takes our "no" to a new handshake for an end, and says so; nothing is renegotiated, and nobody waits.
#[tokio::test]
async fn a_new_handshake_in_mid_stream_is_refused() {
    if !is_here("a_new_handshake_in_mid_stream_is_refused") {
        return;
    }
    let (authority, identity) = pair();
    let mut server = Server::start(&identity, &["-tls1_2"]);
    let mut transport = dialled(&Target::new("localhost", server.port, Some(authority.client()))).await.unwrap();
    server.says("before\n");
    let mut received = [0; 7];
    transport.read_exact(&mut received).await.unwrap();
    server.says("R\n");
    server.wait_for("HelloRequest");
    // Our answer goes out with what is sent next, which for a destination is never long.
    let (mut reading, mut writing) = tokio::io::split(transport);
    let media =
        tokio::spawn(
            async move { while writing.write_all(b"media\n").await.is_ok() && writing.flush().await.is_ok() {} },
        );
    let end = timeout(Duration::from_secs(5), reading.read_to_end(&mut Vec::new())).await.expect("it ends");
    media.abort();
    let failure = Failure::lost(&Endpoint::new("localhost", 443), Stage::Sending, end.as_ref().err());
    assert!(
        matches!(failure.kind, Kind::TlsAlert | Kind::ClosedByPeer | Kind::ResetByPeer),
        "the server ended it, after our no: {failure}"
    );
}

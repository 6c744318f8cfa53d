//! The files of a `ca_file` and of our own server: what is wrong with each is said, and what to do.

use std::path::Path;

use rcgen::KeyPair;
use tempfile::NamedTempFile;

use forkcast::net::{
    TlsClient, TlsServer,
    tls::{CertificateFiles, FileProblem, Trust},
};

use crate::certificates::{Authority, file, pem, server_params};

#[test]
fn files() {
    let authority = Authority::root("Test Root");
    let identity = authority.issue(&server_params());
    let (certificate, key) = (file(&pem("CERTIFICATE", &identity.chain[0])), file(&identity.key.serialize_pem()));
    let other_key = file(&KeyPair::generate().unwrap().serialize_pem());
    let (empty, damaged) = (file(""), file("-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----\n"));
    let nonsense = file(&pem("CERTIFICATE", b"nonsense"));
    let encrypted = file(&pem("ENCRYPTED PRIVATE KEY", b"nonsense"));
    let bad_key = file(&pem("PRIVATE KEY", b"nonsense"));
    let missing = Path::new("/nonexistent/cert.pem");

    let server = |chain: &Path, key: &Path| {
        TlsServer::from_files(&[CertificateFiles { chain: chain.to_owned(), key: key.to_owned() }])
    };
    server(certificate.path(), key.path()).unwrap();
    macro_rules! assert_server {
        ($certificate:expr, $key:expr, $problem:pat, $at:expr, $message:expr, $hint:expr) => {{
            let error = server($certificate, $key).expect_err("it should be refused");
            assert!(matches!(error.problem, $problem), "{error:?}");
            assert_eq!(error.file, $at);
            assert!(error.to_string().contains(&$at.display().to_string()), "{error}");
            assert!(error.to_string().contains($message), "{error}");
            assert!(error.hint().contains($hint), "{}", error.hint());
        }};
    }
    use FileProblem::{
        BadCertificate, EncryptedKey, KeyMismatch, Malformed, NoCertificate, NoKey, Unreadable, UnsupportedKey,
    };
    let (good, pair) = (certificate.path(), key.path());
    assert_server!(missing, pair, Unreadable(_), missing, "cannot be read", "check the path");
    assert_server!(
        empty.path(),
        pair,
        NoCertificate { has_key: false },
        empty.path(),
        "no certificate",
        "BEGIN CERTIFICATE"
    );
    assert_server!(pair, good, NoCertificate { has_key: true }, pair, "but a private key", "swapped");
    assert_server!(damaged.path(), pair, Malformed(_), damaged.path(), "not base64", "BEGIN");
    assert_server!(nonsense.path(), pair, BadCertificate(_), nonsense.path(), "cannot be used", "again");
    assert_server!(
        good,
        empty.path(),
        NoKey { has_certificate: false },
        empty.path(),
        "no private key",
        "BEGIN PRIVATE KEY"
    );
    assert_server!(good, good, NoKey { has_certificate: true }, good, "but a certificate", "swapped");
    assert_server!(good, encrypted.path(), EncryptedKey, encrypted.path(), "passphrase", "openssl pkey");
    assert_server!(good, bad_key.path(), UnsupportedKey(_), bad_key.path(), "cannot be used", "ECDSA");
    assert_server!(
        good,
        other_key.path(),
        KeyMismatch { .. },
        other_key.path(),
        "is not that of the certificate",
        "pair"
    );

    let trust = |file: &NamedTempFile| Trust::Authorities { ca_file: Some(file.path().to_owned()) };
    let error = TlsClient::new(&trust(&empty)).unwrap_err();
    assert!(matches!(error.problem, NoCertificate { .. }), "{error}");
    let error = TlsClient::new(&trust(&nonsense)).unwrap_err();
    assert!(matches!(error.problem, BadCertificate(_)), "{error}");
}

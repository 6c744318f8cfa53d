//! A server that is believed for its certificate alone, and one that is believed for nothing.

use std::sync::Arc;

use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd};
use rustls::{
    HandshakeKind,
    version::{TLS12, TLS13},
};

use forkcast::net::{
    Cause, TlsClient, Transport,
    error::{CertificateProblem, Unfit},
    tls::{Fingerprint, Trust},
};

use crate::{
    certificates::{Authority, Identity, anybody, client, fixture, params, pinned, server_params},
    failure, live,
    peers::tls_server,
};

/// Certificates that are refused for as many reasons.
fn all_refused() -> Vec<Identity> {
    let authority = Authority::root("Test Root");
    let (mut over, mut early, mut for_clients, mut marked) =
        (server_params(), server_params(), server_params(), server_params());
    (over.not_before, over.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 2, 3));
    (early.not_before, early.not_after) = (date_time_ymd(2090, 1, 1), date_time_ymd(2091, 1, 1));
    for_clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    marked.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    vec![
        authority.issue(&over),
        authority.issue(&early),
        authority.issue(&for_clients),
        authority.issue(&params("the server", &["a.example"])),
        authority.issue(&params("localhost", &[])),
        Identity::self_signed(&server_params()).0,
        Identity::self_signed(&marked).0,
        fixture!("sha1", "root-rsa").0,
        fixture!("v1", "root-ec").0,
        Identity::fixture(include_str!("../fixtures/certificates/v1-self-signed.pem")),
    ]
}

/// The fingerprint in the line that a hint says to write.
fn pasted(hint: &str) -> Fingerprint {
    let (_, rest) = hint.split_once("certificate_sha256 = \"").expect("the hint says the line");
    rest.split_once('"').expect("the line has an end").0.parse().expect("it is a fingerprint")
}

#[tokio::test]
async fn the_pinned_certificate_is_accepted_whatever_stands_in_it() {
    for identity in all_refused() {
        for version in [&TLS13, &TLS12] {
            let port = tls_server(&identity, &[version]).await;
            failure("localhost", port, &Authority::root("Another Root").client()).await;
            let transport = live("localhost", port, &identity.pinned()).await;
            assert_eq!(transport.certificate(), Some(identity.fingerprint()));
        }
    }
}

#[tokio::test]
async fn no_other_certificate_is() {
    let authority = Authority::root("Test Root");
    let expected = authority.issue(&server_params());
    // Of the same authority, for the same host, even with the same key; and with the pinned one behind it.
    let same_key = KeyPair::from_pem(&expected.key.serialize_pem()).unwrap();
    let renewed = server_params().signed_by(&same_key, &authority.issuer).unwrap();
    let renewed = Identity { chain: vec![renewed.der().clone()], key: same_key };
    let mut with_it = authority.issue(&server_params());
    with_it.chain.push(expected.chain[0].clone());
    for other in [renewed, with_it] {
        for version in [&TLS13, &TLS12] {
            let port = tls_server(&other, &[version]).await;
            live("localhost", port, &authority.client()).await;
            let error = failure("localhost", port, &expected.pinned()).await;
            let hint = error.hint();
            assert_failure!(
                error,
                Cause::Certificate(CertificateProblem::NotPinned { .. }),
                ["shows another certificate than the pinned one", &other.fingerprint().to_string()],
                ["compare it", "somebody is in between", "`openssl x509 -noout -fingerprint -sha256"]
            );
            assert_eq!(pasted(&hint), other.fingerprint());
        }
    }
}

#[tokio::test]
async fn the_line_of_the_hint_is_the_remedy() {
    let strangers = [
        Identity::self_signed(&server_params()).0,
        Identity::fixture(include_str!("../fixtures/certificates/v1-self-signed.pem")),
        Authority::root("Studio Root").issue(&server_params()),
    ];
    // Where the machine that runs the test has no roots of its own, there is no client without `ca_file`.
    let without = TlsClient::new(&Trust::default()).ok().map(Arc::new);
    let clients: Vec<_> = without.into_iter().chain([Authority::root("Another Root").client()]).collect();
    for identity in strangers {
        let port = tls_server(&identity, &[&TLS13]).await;
        for tls in &clients {
            let hint = failure("localhost", port, tls).await.hint();
            live("localhost", port, &pinned(&[pasted(&hint)])).await;
        }
    }
}

#[tokio::test]
async fn a_planned_renewal() {
    let (old, new) = (Identity::self_signed(&server_params()).0, Identity::self_signed(&server_params()).0);
    let tls = pinned(&[old.fingerprint(), new.fingerprint()]);
    for identity in [&old, &new] {
        live("localhost", tls_server(identity, &[&TLS13]).await, &tls).await;
    }
    let third = tls_server(&Identity::self_signed(&server_params()).0, &[&TLS13]).await;
    assert!(matches!(
        failure("localhost", third, &tls).await.cause,
        Cause::Certificate(CertificateProblem::NotPinned { .. })
    ));
}

/// A certificate is public: whoever is in between can show it, and cannot sign with its key.
#[tokio::test]
async fn a_certificate_without_its_key_is_worth_nothing() {
    let (stolen, pem) = Identity::self_signed(&server_params());
    let pinned = stolen.pinned();
    let thief = Identity { chain: stolen.chain.clone(), key: KeyPair::generate().unwrap() };
    for version in [&TLS13, &TLS12] {
        let port = tls_server(&thief, &[version]).await;
        for tls in [&pinned, &client(&pem), &anybody()] {
            assert_failure!(
                failure("localhost", port, tls).await,
                Cause::Certificate(CertificateProblem::KeyNotProven),
                ["whose key it does not hold"],
                ["somebody in between"]
            );
        }
    }
}

#[tokio::test]
async fn anybody_is_believed_where_somebody_insists() {
    let tls = anybody();
    for identity in all_refused() {
        for version in [&TLS13, &TLS12] {
            let transport = live("localhost", tls_server(&identity, &[version]).await, &tls).await;
            assert_eq!(transport.certificate(), Some(identity.fingerprint()));
        }
    }
    // What is no certificate has no key, and without one there is no TLS.
    let nonsense = Identity { chain: vec![b"nonsense".to_vec().into()], key: KeyPair::generate().unwrap() };
    for version in [&TLS13, &TLS12] {
        let port = tls_server(&nonsense, &[version]).await;
        for tls in [&tls, &nonsense.pinned()] {
            assert!(matches!(
                failure("localhost", port, tls).await.cause,
                Cause::Certificate(CertificateProblem::Unsuitable { unfit: Unfit::Malformed })
            ));
        }
    }
}

/// A session is resumed without the certificate being shown again: with the server that showed it, and with no other of its name.
#[tokio::test]
async fn sessions_of_one_server_open_no_other() {
    let (right, wrong) = (Identity::self_signed(&server_params()).0, Identity::self_signed(&server_params()).0);
    for version in [&TLS13, &TLS12] {
        let tls = right.pinned();
        let (port, other) = (tls_server(&right, &[version]).await, tls_server(&wrong, &[version]).await);
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let Transport::Client(stream) = live("localhost", port, &tls).await else { panic!("not TLS") };
            assert_eq!(stream.get_ref().1.handshake_kind(), Some(kind));
        }
        assert!(matches!(
            failure("localhost", other, &tls).await.cause,
            Cause::Certificate(CertificateProblem::NotPinned { .. })
        ));
    }
}

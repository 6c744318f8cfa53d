//! Certificates that are refused: expired, self-signed, for another host, and their like; and the remedies that work.

use std::sync::Arc;

use rcgen::{BasicConstraints, CustomExtension, ExtendedKeyUsagePurpose, IsCa, date_time_ymd};
use rustls::version::{TLS12, TLS13};
use tokio::task::JoinHandle;

use forkcast::net::{
    Cause, Target,
    error::{CertificateProblem, Flaw, Unfit, Whose},
};

use crate::{
    certificates::{Authority, Identity, client, params, server_params},
    dialled, failure, live,
    peers::tls_server,
};

#[tokio::test]
async fn expired() {
    let authority = Authority::root("Test Root");
    let mut params = server_params();
    (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 2, 3));
    let port = tls_server(&authority.issue(&params), &[&TLS13, &TLS12]).await;
    assert_failure!(
        failure("localhost", port, &authority.client()).await,
        Cause::Certificate(CertificateProblem::Expired { whose: Whose::Server, .. }),
        [format!("certificate of `localhost:{port}` expired on 2020-02-03")],
        ["renew its certificate", "clock, which says 20"]
    );
}

#[tokio::test]
async fn an_issuer_that_has_expired() {
    let root = Authority::root("Test Root");
    let mut params = Authority::params("Old Intermediate");
    (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 2, 3));
    let intermediate = root.intermediate(params);
    let port = tls_server(&intermediate.issue(&server_params()).with(&intermediate), &[&TLS13]).await;
    assert_failure!(
        failure("localhost", port, &root.client()).await,
        Cause::Certificate(CertificateProblem::Expired { whose: Whose::Authority(_), .. }),
        ["that of its issuer `Old Intermediate` expired on 2020-02-03"],
        ["renew"]
    );
}

#[tokio::test]
async fn not_yet_valid() {
    let authority = Authority::root("Test Root");
    let mut params = server_params();
    (params.not_before, params.not_after) = (date_time_ymd(2090, 1, 1), date_time_ymd(2091, 1, 1));
    let port = tls_server(&authority.issue(&params), &[&TLS13, &TLS12]).await;
    assert_failure!(
        failure("localhost", port, &authority.client()).await,
        Cause::Certificate(CertificateProblem::NotYetValid { .. }),
        ["not yet valid", "begins on 2090-01-01", "this machine's clock says 20"],
        ["clock"]
    );
}

#[tokio::test]
async fn self_signed() {
    let (identity, pem) = Identity::self_signed(&server_params());
    let port = tls_server(&identity, &[&TLS13, &TLS12]).await;
    let stranger = Authority::root("Another Root").client();
    assert_failure!(
        failure("localhost", port, &stranger).await,
        Cause::Certificate(CertificateProblem::SelfSigned { flaw: None, .. }),
        ["self-signed", "`the server`"],
        ["`ca_file`", "if the server is yours"]
    );
    // The remedy works.
    live("localhost", port, &client(&pem)).await;
}

#[tokio::test]
async fn self_signed_and_marked_as_an_authority() {
    let mut params = server_params();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (identity, pem) = Identity::self_signed(&params);
    let port = tls_server(&identity, &[&TLS13, &TLS12]).await;
    // For this one `ca_file` is no remedy, and the hint must not say that it is.
    for tls in [client(&pem), Authority::root("Another Root").client()] {
        assert_failure!(
            failure("localhost", port, &tls).await,
            Cause::Certificate(CertificateProblem::SelfSigned { flaw: Some(Flaw::Authority), .. }),
            ["self-signed"],
            ["CA:FALSE", "anew"]
        );
    }
}

#[tokio::test]
async fn an_unknown_issuer_and_its_remedy() {
    let private = Authority::root("Studio Root");
    let port = tls_server(&private.issue(&server_params()), &[&TLS13, &TLS12]).await;
    assert_failure!(
        failure("localhost", port, &Authority::root("Another Root").client()).await,
        Cause::Certificate(CertificateProblem::UnknownIssuer { ca_file: true, .. }),
        ["unknown issuer", "`Studio Root`", "nor in `ca_file`"],
        ["`ca_file`", "issuer's certificate"]
    );
    live("localhost", port, &private.client()).await;
}

#[tokio::test]
async fn an_unknown_issuer_that_the_server_sends_along() {
    let private = Authority::root("Studio Root");
    let intermediate = private.intermediate(Authority::params("Studio Intermediate"));
    let identity = intermediate.issue(&server_params()).with(&intermediate).with(&private);
    let port = tls_server(&identity, &[&TLS13]).await;
    assert_failure!(
        failure("localhost", port, &Authority::root("Another Root").client()).await,
        Cause::Certificate(CertificateProblem::UnknownIssuer { .. }),
        ["`Studio Root` is neither among the system's roots"],
        ["`ca_file`"]
    );
    live("localhost", port, &private.client()).await;
}

#[tokio::test]
async fn a_missing_intermediate() {
    let root = Authority::root("Public Root");
    let intermediate = root.intermediate(Authority::params("Public Intermediate"));
    let mut params = server_params();
    // Authority information access, RFC 5280 section 4.2.2.1: caIssuers, http://ca.invalid/. Every public authority has it.
    let access = [
        &[0x30, 0x21, 0x30, 0x1F, 0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02, 0x86, 0x13][..],
        b"http://ca.invalid/a",
    ];
    params.custom_extensions.push(CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access.concat()));
    let identity = intermediate.issue(&params);
    let port = tls_server(&identity, &[&TLS13, &TLS12]).await;
    assert_failure!(
        failure("localhost", port, &root.client()).await,
        Cause::Certificate(CertificateProblem::MissingIntermediate { .. }),
        ["incomplete chain", "`Public Intermediate` is missing"],
        ["full chain", "`ca_file`"]
    );
    let complete = tls_server(&identity.with(&intermediate), &[&TLS13, &TLS12]).await;
    live("localhost", complete, &root.client()).await;
}

#[tokio::test]
async fn an_authority_made_anew_under_its_old_name() {
    let port = tls_server(&Authority::root("Studio Root").issue(&server_params()), &[&TLS13]).await;
    assert_failure!(
        failure("localhost", port, &Authority::root("Studio Root").client()).await,
        Cause::Certificate(CertificateProblem::BadSignature { ca_file: true, .. }),
        ["names `Studio Root` as its issuer, but is not signed with that issuer's key"],
        ["current certificate into `ca_file`"]
    );
}

#[tokio::test]
async fn the_wrong_host() {
    let authority = Authority::root("Test Root");
    let names = ["a.example", "*.b.example", "192.0.2.1", "2001:db8::1", "c.example", "d.example", "e.example"];
    let port = tls_server(&authority.issue(&params("the server", &names)), &[&TLS13, &TLS12]).await;
    assert_failure!(
        failure("localhost", port, &authority.client()).await,
        Cause::Certificate(CertificateProblem::WrongHost { .. }),
        [
            "host mismatch",
            "for `a.example`, `*.b.example`, `192.0.2.1`, `2001:db8::1`, `c.example` and 2 more, not for `localhost`"
        ],
        ["use in `url` a host that the certificate is for", "subjectAltName=DNS:localhost"]
    );
}

#[tokio::test]
async fn a_common_name_is_no_host() {
    let authority = Authority::root("Test Root");
    let port = tls_server(&authority.issue(&params("localhost", &[])), &[&TLS13]).await;
    assert_failure!(
        failure("localhost", port, &authority.client()).await,
        Cause::Certificate(CertificateProblem::WrongHost { .. }),
        ["host mismatch", "no subjectAltName", "only the common name `localhost`"],
        ["subjectAltName=DNS:localhost", "a common name counts no more"]
    );
}

#[tokio::test]
async fn an_address_in_the_certificate() {
    let authority = Authority::root("Test Root");
    let port = tls_server(&authority.issue(&params("the server", &["127.0.0.1"])), &[&TLS13, &TLS12]).await;
    live("127.0.0.1", port, &authority.client()).await;

    let port = tls_server(&authority.issue(&params("the server", &["localhost"])), &[&TLS13, &TLS12]).await;
    assert_failure!(
        failure("127.0.0.1", port, &authority.client()).await,
        Cause::Certificate(CertificateProblem::WrongHost { .. }),
        ["host mismatch", "for `localhost`, not for `127.0.0.1`"],
        ["subjectAltName=IP:127.0.0.1"]
    );
}

#[tokio::test]
async fn a_certificate_for_clients() {
    let authority = Authority::root("Test Root");
    let mut params = server_params();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let port = tls_server(&authority.issue(&params), &[&TLS13]).await;
    assert_failure!(
        failure("localhost", port, &authority.client()).await,
        Cause::Certificate(CertificateProblem::Unsuitable { unfit: Unfit::NotForServers }),
        ["not fit for a server", "serverAuth"],
        ["anew", "extendedKeyUsage=serverAuth"]
    );
}

#[tokio::test]
async fn text_in_a_certificate_cannot_forge_a_log_line() {
    let private = Authority::root("Studio\u{1b}[2J\nerror: all is lost ``");
    let port = tls_server(&private.issue(&server_params()), &[&TLS13]).await;
    assert_failure!(
        failure("localhost", port, &Authority::root("Another Root").client()).await,
        Cause::Certificate(CertificateProblem::UnknownIssuer { .. }),
        ["`Studio [2J error: all is lost ''` is neither"],
        ["`ca_file`"]
    );
}

#[tokio::test]
async fn each_of_many_at_once_gets_its_own_reason() {
    let authority = Authority::root("Test Root");
    let mut old = server_params();
    (old.not_before, old.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 2, 3));
    let expired = tls_server(&authority.issue(&old), &[&TLS13]).await;
    let elsewhere = tls_server(&authority.issue(&params("the server", &["a.example"])), &[&TLS13]).await;
    let stranger = tls_server(&Authority::root("Studio Root").issue(&server_params()), &[&TLS13]).await;
    let tls = authority.client();
    let dials: Vec<JoinHandle<()>> = (0..30)
        .map(|index| {
            let tls = Arc::clone(&tls);
            tokio::spawn(async move {
                let (port, words) = match index % 3 {
                    0 => (expired, "expired on 2020-02-03"),
                    1 => (elsewhere, "`a.example`, not for `localhost`"),
                    _ => (stranger, "`Studio Root`"),
                };
                let error = dialled(&Target::new("localhost", port, Some(tls))).await.expect_err("bad certificate");
                assert!(error.to_string().contains(words), "{error}");
            })
        })
        .collect();
    for each in dials {
        each.await.unwrap();
    }
}

//! Certificates that are no server's, whoever issued them: each with its own reason and remedy. And those that look as if they
//! were refused, and are not.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose,
    NameConstraints, PKCS_ECDSA_P521_SHA512,
};
use rustls::version::{TLS12, TLS13};

use forkcast::net::{
    Cause,
    error::{CertificateProblem, Flaw, Unfit},
};

use crate::{
    certificates::{Authority, Identity, client, fixture, params, server_params},
    failure, live,
    peers::tls_server,
};

/// That the certificate is refused for `$unfit` by a client that trusts `$root`, over both versions.
macro_rules! assert_unfit {
    ($identity:expr, $root:expr, $unfit:pat, $message:expr, $hint:expr) => {{
        let (identity, tls) = ($identity, client(&$root));
        for version in [&TLS13, &TLS12] {
            let port = tls_server(&identity, &[version]).await;
            assert_failure!(
                failure("localhost", port, &tls).await,
                Cause::Certificate(CertificateProblem::Unsuitable { unfit: $unfit }),
                ["not fit for a server", $message],
                ["if the server is yours", $hint]
            );
        }
    }};
}

#[tokio::test]
async fn a_critical_extension_that_nobody_knows() {
    let authority = Authority::root("Test Root");
    let mut params = server_params();
    let mut unknown = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
    params.custom_extensions.push(unknown.clone());
    // A client passes over what is not critical (RFC 5280 section 4.2).
    let port = tls_server(&authority.issue(&params), &[&TLS13]).await;
    live("localhost", port, &authority.client()).await;

    unknown.set_criticality(true);
    params.custom_extensions = vec![unknown];
    assert_unfit!(
        authority.issue(&params),
        authority.certificate.pem(),
        Unfit::CriticalExtension,
        "critical extension",
        "not critical"
    );
}

#[tokio::test]
async fn a_host_for_which_the_authority_may_not_issue() {
    let mut params = Authority::params("Studio Root");
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("studio.example".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    let authority = Authority::with(params);
    assert_unfit!(
        authority.issue(&crate::certificates::params("the server", &["localhost"])),
        authority.certificate.pem(),
        Unfit::OutsideNameConstraints,
        "name constraints",
        "may issue for `localhost`"
    );
}

#[tokio::test]
async fn more_authorities_than_the_first_allows() {
    let root = Authority::root("Test Root");
    let mut params = Authority::params("The Last");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let last = root.intermediate(params);
    let one_more = last.intermediate(Authority::params("One More"));
    assert_unfit!(
        one_more.issue(&server_params()).with(&one_more).with(&last),
        root.certificate.pem(),
        Unfit::PathTooLong,
        "path length",
        "pathlen"
    );
}

#[tokio::test]
async fn an_issuer_that_is_no_authority() {
    let root = Authority::root("Test Root");
    let mut params = params("a server's own", &["issuer.example"]);
    params.is_ca = IsCa::ExplicitNoCa;
    let impostor = root.intermediate(params);
    assert_unfit!(
        impostor.issue(&server_params()).with(&impostor),
        root.certificate.pem(),
        Unfit::IssuerIsNoAuthority,
        "no authority's (CA:FALSE)",
        "CA:TRUE"
    );
}

#[tokio::test]
async fn an_authority_as_a_server() {
    let root = Authority::root("Test Root");
    let mut params = server_params();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_unfit!(root.issue(&params), root.certificate.pem(), Unfit::Authority, "CA:TRUE", "CA:FALSE");
}

#[tokio::test]
async fn signed_with_sha1() {
    let (identity, root) = fixture!("sha1", "root-rsa");
    assert_unfit!(identity, root, Unfit::ObsoleteDigest, "SHA-1", "-sha256");
}

#[tokio::test]
async fn signed_with_a_short_key() {
    let (identity, root) = fixture!("by-rsa1024", "root-rsa1024");
    assert_unfit!(identity, root, Unfit::ShortKey { bits: 1024 }, "RSA key of 1024 bits", "at least 2048 bits");
}

#[tokio::test]
async fn signed_on_an_unusual_curve() {
    let (identity, root) = fixture!("by-secp256k1", "root-secp256k1");
    assert_unfit!(identity, root, Unfit::UnusualSignature, "unusual curve", "P-256");
}

#[tokio::test]
async fn of_x509_version_1() {
    let (identity, root) = fixture!("v1", "root-ec");
    assert_unfit!(identity, root, Unfit::Version1, "version 1", "subjectAltName=DNS:localhost");

    let identity = Identity::fixture(include_str!("../fixtures/certificates/v1-self-signed.pem"));
    let port = tls_server(&identity, &[&TLS13, &TLS12]).await;
    assert_failure!(
        failure("localhost", port, &Authority::root("Another Root").client()).await,
        Cause::Certificate(CertificateProblem::SelfSigned { flaw: Some(Flaw::Version1), .. }),
        ["self-signed"],
        ["subjectAltName=DNS:localhost", "version 1 names no host"]
    );
}

#[tokio::test]
async fn malformed() {
    let authority = Authority::root("Test Root");
    let whole = authority.issue(&server_params());
    for cut in [b"nonsense".to_vec(), whole.chain[0][..200].to_vec(), [&whole.chain[0][..], &[0]].concat()] {
        let key = KeyPair::from_pem(&whole.key.serialize_pem()).unwrap();
        assert_unfit!(
            Identity { chain: vec![cut.into()], key },
            authority.certificate.pem(),
            Unfit::Malformed,
            "malformed",
            "export its certificate again"
        );
    }
}

#[tokio::test]
async fn no_certificate_at_all() {
    let port = tls_server(&Identity { chain: Vec::new(), key: KeyPair::generate().unwrap() }, &[&TLS13]).await;
    assert_failure!(
        failure("localhost", port, &Authority::root("Test Root").client()).await,
        Cause::NoCertificate,
        ["shows no certificate at all"],
        ["configure its certificate"]
    );
}

/// As every browser and `webpki` have it: what looks odd, and tells nothing about whose server it is.
#[tokio::test]
async fn odd_and_accepted() {
    let authority = Authority::root("Test Root");
    // Key usage says for what a key is to be used with TLS 1.2's many kinds of key exchange. The handshake's signature is
    // verified, so that an extension which denies it changes nothing.
    let mut without_signature = server_params();
    without_signature.key_usages = vec![KeyUsagePurpose::KeyAgreement];
    let mut many_names = server_params();
    let more = (0..1000).map(|index| format!("host-{index}.example"));
    many_names.subject_alt_names.extend(CertificateParams::new(more.collect::<Vec<_>>()).unwrap().subject_alt_names);
    for params in [without_signature, many_names] {
        for version in [&TLS13, &TLS12] {
            live("localhost", tls_server(&authority.issue(&params), &[version]).await, &authority.client()).await;
        }
    }
    // The largest of the usual curves.
    let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
    let certificate = server_params().signed_by(&key, &authority.issuer).unwrap();
    let identity = Identity { chain: vec![certificate.der().clone()], key };
    live("localhost", tls_server(&identity, &[&TLS13]).await, &authority.client()).await;
    // The root itself is sent along, and a stranger that has nothing to do with it.
    let chain = authority.issue(&server_params()).with(&authority).with(&Authority::root("Another Root"));
    live("localhost", tls_server(&chain, &[&TLS13]).await, &authority.client()).await;
}

//! Certificates for every purpose and none, made by rcgen.

use std::{io::Write as _, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tempfile::NamedTempFile;

use forkcast::net::{
    TlsClient,
    tls::{Fingerprint, Trust},
};

pub(crate) struct Authority {
    pub(crate) issuer: Issuer<'static, KeyPair>,
    pub(crate) certificate: rcgen::Certificate,
}

pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: KeyPair,
}

impl Authority {
    pub(crate) fn params(name: &str) -> CertificateParams {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    }

    pub(crate) fn root(name: &str) -> Self {
        Self::with(Self::params(name))
    }

    pub(crate) fn with(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    pub(crate) fn intermediate(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    pub(crate) fn issue(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { chain: vec![certificate.der().clone()], key }
    }

    pub(crate) fn client(&self) -> Arc<TlsClient> {
        client(&self.certificate.pem())
    }
}

impl Identity {
    pub(crate) fn self_signed(params: &CertificateParams) -> (Self, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        (Self { chain: vec![certificate.der().clone()], key }, certificate.pem())
    }

    pub(crate) fn fixture(pem: &str) -> Self {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let key = KeyPair::from_pem(include_str!("../fixtures/certificates/leaf.key")).unwrap();
        Self { chain: vec![certificate], key }
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.chain[0])
    }

    /// A client that believes whoever shows this certificate, and nobody else.
    pub(crate) fn pinned(&self) -> Arc<TlsClient> {
        pinned(&[self.fingerprint()])
    }

    pub(crate) fn with(mut self, authority: &Authority) -> Self {
        self.chain.push(authority.certificate.der().clone());
        self
    }
}

/// One of `tests/fixtures/certificates`, with the key of them all, and the certificate of its root.
macro_rules! fixture {
    ($name:literal, $root:literal) => {
        (
            crate::certificates::Identity::fixture(include_str!(concat!("../fixtures/certificates/", $name, ".pem"))),
            include_str!(concat!("../fixtures/certificates/", $root, ".pem")),
        )
    };
}
pub(crate) use fixture;

pub(crate) fn params(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

pub(crate) fn server_params() -> CertificateParams {
    params("the server", &["localhost", "127.0.0.1"])
}

pub(crate) fn client(ca_pem: &str) -> Arc<TlsClient> {
    let file = file(ca_pem);
    Arc::new(TlsClient::new(&Trust::Authorities { ca_file: Some(file.path().to_owned()) }).unwrap())
}

pub(crate) fn pinned(pins: &[Fingerprint]) -> Arc<TlsClient> {
    Arc::new(TlsClient::new(&Trust::Pinned(pins.to_vec())).unwrap())
}

/// A client that believes anybody.
pub(crate) fn anybody() -> Arc<TlsClient> {
    Arc::new(TlsClient::new(&Trust::DangerousAnybody).unwrap())
}

pub(crate) fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    use std::fmt::Write as _;

    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in der.chunks(48) {
        for group in line.chunks(3) {
            let bits = group.iter().enumerate().fold(0, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
            for at in 0..4 {
                let digit = ALPHABET[(bits >> (18 - 6 * at) & 63) as usize] as char;
                text.push(if at <= group.len() { digit } else { '=' });
            }
        }
        text.push('\n');
    }
    writeln!(text, "-----END {label}-----").unwrap();
    text
}

//! The demo's certificate authority, made at each start and thrown away at its end.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::write_privately;
use crate::net::tls::CertificateFiles;

/// The files of the authority and of the one server certificate that it has signed.
pub struct Certificates {
    /// What a destination's `ca_file` names.
    pub ca: PathBuf,
    /// The server's chain and its private key.
    pub server: CertificateFiles,
}

impl Certificates {
    /// Makes an authority and a certificate for `localhost`, in `folder`.
    ///
    /// # Errors
    /// Where a key cannot be made or a file cannot be written.
    pub fn make(folder: &Path) -> anyhow::Result<Self> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.distinguished_name.push(DnType::CommonName, "forkcast demo authority");
        let authority_key = KeyPair::generate()?;
        let authority_certificate = authority.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority, authority_key);

        let mut server = CertificateParams::new(vec!["localhost".to_owned()])?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        let server_key = KeyPair::generate()?;
        let server_certificate = server.signed_by(&server_key, &issuer)?;

        let certificates = Self {
            ca: folder.join("demo-ca.pem"),
            server: CertificateFiles { chain: folder.join("demo-server.pem"), key: folder.join("demo-server-key.pem") },
        };
        write_privately(&certificates.ca, &authority_certificate.pem())?;
        write_privately(&certificates.server.chain, &server_certificate.pem())?;
        write_privately(&certificates.server.key, &server_key.serialize_pem())?;
        Ok(certificates)
    }
}

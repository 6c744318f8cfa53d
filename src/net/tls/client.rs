//! Our side of TLS towards a destination.

use std::{
    cell::RefCell,
    fmt, io,
    net::IpAddr,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use super::{
    certificate,
    file::{self, FileError, FileProblem},
};
use crate::net::{error::Cause, io::Transport, tcp::Tcp};

/// Trust and session memory for connections to servers; one per `ca_file`, shared by `Arc`.
///
/// Verifies chain and host name always, sends the host name (SNI) whenever it is one, and resumes sessions.
pub struct TlsClient {
    config: Arc<ClientConfig>,
    has_ca_file: bool,
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient").field("has_ca_file", &self.has_ca_file).finish_non_exhaustive()
    }
}

impl TlsClient {
    /// Trusts the system's roots and every certificate in `ca_file` (PEM).
    ///
    /// Reads files: milliseconds, and more on the first call, which loads the system's roots for the whole process.
    ///
    /// # Errors
    /// Where `ca_file` cannot be used, or there is nothing at all to trust.
    pub fn new(ca_file: Option<&Path>) -> Result<Self, FileError> {
        let roots = roots(SystemRoots::load(), ca_file)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let unusable = |error: &dyn fmt::Display| {
            FileError::new(ca_file.unwrap_or(Path::new("")), FileProblem::BadCertificate(error.to_string()))
        };
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|error| unusable(&error))?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| unusable(&error))?
            // Rustls asks for this word before any verifier of one's own. Ours adds nothing to what is accepted.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Witness { inner }))
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), has_ca_file: ca_file.is_some() })
    }

    /// Makes `tcp` a TLS connection with `host`, a name or an address.
    pub(in crate::net) async fn connect(
        &self,
        host: &str,
        tcp: TcpStream,
        limit: Duration,
    ) -> Result<Transport, Cause> {
        let name = server_name(host)?;
        let handshake = TlsConnector::from(Arc::clone(&self.config)).connect(name, Tcp::new(tcp)).into_fallible();
        let watched = REFUSED.scope(RefCell::new(None), async {
            let result = handshake.await;
            (result, REFUSED.with(RefCell::take))
        });
        match timeout(limit, watched).await {
            Ok((Ok(stream), _)) => Ok(Transport::Client(Box::new(stream))),
            Ok((Err((error, connection)), chain)) => Err(self.cause(&error, &connection, &chain.unwrap_or_default())),
            Err(_) => Err(Cause::TlsTimedOut { after: limit }),
        }
    }

    fn cause(&self, error: &io::Error, connection: &Tcp, chain: &[CertificateDer<'_>]) -> Cause {
        match certificate_error(error) {
            Some(refusal) => Cause::Certificate(certificate::diagnose(refusal, chain, self.has_ca_file)),
            None => Cause::from_handshake(error, connection.first_received()),
        }
    }
}

fn certificate_error(error: &io::Error) -> Option<&CertificateError> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(error) => Some(error),
        _ => None,
    }
}

fn server_name(host: &str) -> Result<ServerName<'static>, Cause> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(ServerName::from(address));
    }
    // A final dot makes a name absolute for DNS; certificates and SNI never have it.
    let name = host.strip_suffix('.').unwrap_or(host);
    ServerName::try_from(name.to_owned()).map_err(|_| Cause::HostNotForTls)
}

/// The system's root certificates.
struct SystemRoots {
    certificates: Vec<CertificateDer<'static>>,
    /// Why some or all could not be loaded.
    problem: Option<String>,
}

impl SystemRoots {
    /// Loaded once: on some systems it takes a while, and no system changes them often.
    fn load() -> &'static Self {
        static ROOTS: OnceLock<SystemRoots> = OnceLock::new();
        ROOTS.get_or_init(|| {
            let loaded = rustls_native_certs::load_native_certs();
            let problem = loaded.errors.first().map(|first| match loaded.errors.len() {
                1 => first.to_string(),
                count => format!("{first}, and {} more", count - 1),
            });
            Self { certificates: loaded.certs, problem }
        })
    }
}

/// The certificates that are trusted for other connections than RTMP's: the system's roots, and those in `ca_file`.
///
/// # Errors
/// Where `ca_file` cannot be used, or there is nothing at all to trust.
pub fn trusted_certificates(ca_file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let system = SystemRoots::load();
    let mut certificates = system.certificates.clone();
    if let Some(file) = ca_file {
        certificates.extend(file::certificates(file)?);
    }
    if certificates.is_empty() {
        return Err(FileError::new(Path::new(""), FileProblem::NoRoots { detail: system.problem.clone() }));
    }
    Ok(certificates)
}

fn roots(system: &SystemRoots, ca_file: Option<&Path>) -> Result<RootCertStore, FileError> {
    let mut roots = RootCertStore::empty();
    // Systems keep a few old roots that the TLS library does not parse; the others are good.
    roots.add_parsable_certificates(system.certificates.iter().cloned());
    if let Some(file) = ca_file {
        for certificate in file::certificates(file)? {
            roots
                .add(certificate)
                .map_err(|error| FileError::new(file, FileProblem::BadCertificate(error.to_string())))?;
        }
    }
    if roots.is_empty() {
        return Err(FileError::new(Path::new(""), FileProblem::NoRoots { detail: system.problem.clone() }));
    }
    Ok(roots)
}

tokio::task_local! {
    /// The chain that was refused in the handshake that this task is driving. The verifier is shared by all connections
    /// (resumption depends on that) and is not told which one it serves; but it is called in the handshake's own task.
    static REFUSED: RefCell<Option<Vec<CertificateDer<'static>>>>;
}

/// Decides as `inner` does, and keeps the chain that was refused, so that its owner can be told what is wrong with it.
#[derive(Debug)]
struct Witness {
    inner: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        if verdict.is_err() {
            let chain =
                std::iter::once(end_entity).chain(intermediates).map(|each| each.clone().into_owned()).collect();
            // Without a scope nobody wants to know.
            let _ = REFUSED.try_with(|refused| refused.replace(Some(chain)));
        }
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.inner.root_hint_subjects()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_trust_is_an_error_that_says_so() {
        let bare = SystemRoots { certificates: Vec::new(), problem: Some("no certificates directory".to_owned()) };
        let error = roots(&bare, None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "this system has no root certificates, so that no server can be trusted (no certificates directory)"
        );
        assert!(error.hint().contains("ca-certificates") && error.hint().contains("ca_file"), "{}", error.hint());
    }

    #[test]
    fn a_ca_file_alone_is_enough() {
        let bare = SystemRoots { certificates: Vec::new(), problem: None };
        let key = rcgen::KeyPair::generate().unwrap();
        let root = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), root.pem()).unwrap();
        assert_eq!(roots(&bare, Some(file.path())).unwrap().len(), 1);
    }

    #[test]
    fn hosts_as_tls_names() {
        for (host, expected) in [
            ("a.example", Some("a.example")),
            ("a.example.", Some("a.example")),
            ("127.0.0.1", Some("127.0.0.1")),
            ("::1", Some("::1")),
            ("not a name", None),
            ("", None),
        ] {
            match (server_name(host), expected) {
                (Ok(name), Some(expected)) => assert_eq!(name.to_str(), expected),
                (Err(Cause::HostNotForTls), None) => {}
                (other, _) => panic!("{host}: {other:?}"),
            }
        }
    }
}

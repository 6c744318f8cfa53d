//! Our side of TLS towards a destination.

use std::{
    fmt, io,
    net::IpAddr,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use super::{
    Trust, certificate,
    file::{self, FileError, FileProblem},
    verifier::Verifier,
    witness::{self, NoneOfOurs, Seen},
};
use crate::net::{error::Cause, io::Transport, tcp::Tcp};

/// Trust and session memory for connections to servers; one per [`Trust`], shared by `Arc`.
///
/// Sends the host name (SNI) whenever it is one, and resumes sessions: each with a server that was believed before, by the
/// same trust.
pub struct TlsClient {
    config: Arc<ClientConfig>,
    trust: Trust,
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient").field("trust", &self.trust).finish_non_exhaustive()
    }
}

impl TlsClient {
    /// Believes whom `trust` says.
    ///
    /// Reads files where authorities are trusted: milliseconds, and more on the first call, which loads the system's roots for
    /// the whole process.
    ///
    /// # Errors
    /// Where `ca_file` cannot be used, or there is nothing at all to trust.
    pub fn new(trust: &Trust) -> Result<Self, FileError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let file = match trust {
            Trust::Authorities { ca_file } => ca_file.as_deref(),
            Trust::Pinned(_) | Trust::DangerousAnybody => None,
        };
        let unusable = |error: &dyn fmt::Display| {
            FileError::new(file.unwrap_or(Path::new("")), FileProblem::BadCertificate(error.to_string()))
        };
        let verifier = match trust {
            Trust::Authorities { .. } => {
                Verifier::authorities(roots(SystemRoots::load(), file)?, &provider).map_err(|error| unusable(&error))?
            }
            Trust::Pinned(pins) => Verifier::pinned(pins.clone(), &provider),
            Trust::DangerousAnybody => Verifier::dangerous_anybody(&provider),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| unusable(&error))?
            // Rustls asks for this word before any verifier of one's own.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(NoneOfOurs));
        Ok(Self { config: Arc::new(config), trust: trust.clone() })
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
        match timeout(limit, witness::watched(handshake)).await {
            Ok((Ok(stream), _)) => Ok(Transport::Client(Box::new(stream))),
            Ok((Err((error, connection)), seen)) => Err(self.cause(&error, &connection, &seen)),
            Err(_) => Err(Cause::TlsTimedOut { after: limit }),
        }
    }

    fn cause(&self, error: &io::Error, connection: &Tcp, seen: &Seen) -> Cause {
        if let Some(refusal) = certificate_error(error) {
            return Cause::Certificate(certificate::diagnose(refusal, seen.refused.as_ref(), &self.trust));
        }
        match Cause::from_handshake(error, connection.first_received()) {
            // TLS 1.2 has no alert of its own for it.
            Cause::NoCommonCipher | Cause::TlsAlert { .. } if seen.wants_ours => Cause::ClientCertificateDemanded,
            cause => cause,
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

//! Our side of TLS towards a destination.

use std::{
    fmt, io,
    net::IpAddr,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{CertificateError, ClientConfig, client::Resumption, pki_types::ServerName};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use super::{
    Chain, Trust, certificate,
    file::{FileError, FileProblem},
    provider::provider,
    sessions::Sessions,
    verifier::Verifier,
    verifiers,
    witness::{self, NoneOfOurs, Seen},
};
use crate::net::{error::Cause, io::Transport, tcp::Tcp};

/// Trust and session memory for the connections of one destination, one after the other. Whoever trusts the same shares the
/// verifier; sessions are a destination's own: a ticket serves once, and of a thousand that are cut off at the same moment each
/// has one.
///
/// Sends the host name (SNI) whenever it is one, and resumes sessions: each with a server that was believed before, by the
/// same trust.
pub struct TlsClient {
    config: Arc<ClientConfig>,
    trust: Trust,
    verifier: Arc<Verifier>,
}

/// Why there is no TLS, and what was shown before that was clear.
#[derive(Debug)]
pub(in crate::net) struct Unprotected {
    pub(in crate::net) cause: Cause,
    /// The certificates that were refused.
    pub(in crate::net) shown: Option<Chain>,
}

impl Unprotected {
    fn before_any_certificate(cause: Cause) -> Self {
        Self { cause, shown: None }
    }
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
        let verifier = verifiers::of(trust)?;
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| {
                FileError::new(trust.file().unwrap_or(Path::new("")), FileProblem::BadCertificate(error.to_string()))
            })?
            // Rustls asks for this word before any verifier of one's own.
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier) as _)
            .with_client_cert_resolver(Arc::new(NoneOfOurs));
        config.resumption = Resumption::store(Arc::new(Sessions::default()));
        Ok(Self { config: Arc::new(config), trust: trust.clone(), verifier })
    }

    /// Whether both believe the same servers, by what stood in the trust's file when each was made.
    pub fn believes_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.verifier, &other.verifier) && self.trust == other.trust
    }

    /// Makes `tcp` a TLS connection with `host`, a name or an address.
    pub(in crate::net) async fn connect(
        &self,
        host: &str,
        tcp: TcpStream,
        limit: Duration,
    ) -> Result<Transport, Unprotected> {
        let name = server_name(host).map_err(Unprotected::before_any_certificate)?;
        let handshake = TlsConnector::from(Arc::clone(&self.config)).connect(name, Tcp::new(tcp)).into_fallible();
        match timeout(limit, witness::watched(handshake)).await {
            Ok((Ok(stream), _)) => Ok(Transport::Client(Box::new(stream))),
            Ok((Err((error, connection)), seen)) => {
                Err(Unprotected { cause: self.cause(&error, &connection, &seen), shown: seen.shown(SystemTime::now()) })
            }
            Err(_) => Err(Unprotected::before_any_certificate(Cause::TlsTimedOut { after: limit })),
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

#[cfg(test)]
mod tests {
    use super::*;

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

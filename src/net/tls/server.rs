//! Our side of TLS towards a publisher.

use std::{
    fmt, io,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{
    AlertDescription, PeerIncompatible, ServerConfig,
    server::{Acceptor, ClientHello, ResolvesServerCert},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::LazyConfigAcceptor;

use super::{
    file::{FileError, FileProblem},
    provider::{prefers_chacha, provider},
    shown::{CertificateFiles, CertificateStatus, Change, Shown},
};
use crate::net::{io::Transport, tcp::Tcp};

/// The certificates that we show to publishers, ready to accept connections. Clones share them.
///
/// TLS 1.2 and 1.3, with what rustls has of ciphers: authenticated ones with forward secrecy alone. Of those that both have, ours
/// that is first is taken: OpenSSL and GnuTLS offer AES-256 first, whatever their processor. Who offers ChaCha20 first gets it.
#[derive(Clone)]
pub struct TlsServer {
    by_our_order: Arc<ServerConfig>,
    /// The same with the same sessions, but for the order.
    by_their_order: Arc<ServerConfig>,
    shown: Arc<Shown>,
}

impl fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsServer").finish_non_exhaustive()
    }
}

impl TlsServer {
    /// Reads the certificates and their keys; the first is for publishers that name no host that one is for.
    ///
    /// # Errors
    /// Which file is wrong, and in which way.
    pub fn from_files(files: &[CertificateFiles]) -> Result<Self, FileError> {
        let provider = provider();
        let shown = Arc::new(Shown::load(files, &provider)?);
        let by_their_order = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| FileError::new(Path::new(""), FileProblem::BadCertificate(error.to_string())))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        let mut by_our_order = by_their_order.clone();
        by_our_order.ignore_client_order = true;
        Ok(Self { by_our_order: Arc::new(by_our_order), by_their_order: Arc::new(by_their_order), shown })
    }

    /// Looks whether the files have changed: a renewed pair is shown to connections that come from now on, a broken one is not.
    /// Reads files; to be called every few seconds.
    pub fn look(&self, now: SystemTime) -> Vec<Change> {
        self.shown.look(now)
    }

    /// Each certificate, for people and metrics.
    pub fn certificates(&self, now: SystemTime) -> Vec<CertificateStatus> {
        self.shown.status(now)
    }

    /// The handshake with a publisher that has just connected, within `limit`.
    ///
    /// # Errors
    /// Why there is no TLS with it, for the operator's log.
    pub async fn accept(&self, stream: TcpStream, limit: Duration) -> Result<Transport, AcceptError> {
        let peer = stream.peer_addr().ok();
        let handshake = async {
            let mut first = [0; 1];
            match stream.peek(&mut first).await {
                Ok(0) | Err(_) => return Err(AcceptCause::NothingSent),
                Ok(_) => {}
            }
            match first {
                [22] => {}
                [3] => return Err(AcceptCause::PlainRtmp),
                [b'A'..=b'Z'] => return Err(AcceptCause::PlainHttp),
                _ => return Err(AcceptCause::NotTls),
            }
            let hello = LazyConfigAcceptor::new(Acceptor::default(), Tcp::new(stream)).await;
            let hello = hello.map_err(|error| AcceptCause::from_handshake(&error))?;
            let config = self.config_for(&hello.client_hello());
            let stream = hello.into_stream(config).await.map_err(|error| AcceptCause::from_handshake(&error))?;
            Ok(Transport::Server(Box::new(stream)))
        };
        match timeout(limit, handshake).await {
            Ok(result) => result.map_err(|cause| AcceptError { peer, cause }),
            Err(_) => Err(AcceptError { peer, cause: AcceptCause::TimedOut { after: limit } }),
        }
    }

    fn config_for(&self, hello: &ClientHello<'_>) -> Arc<ServerConfig> {
        let is_theirs = prefers_chacha(hello.cipher_suites());
        Arc::clone(if is_theirs { &self.by_their_order } else { &self.by_our_order })
    }
}

/// A publisher with which there is no TLS. `Display` is the sentence; [`AcceptError::hint`] the remedy.
#[derive(Debug)]
pub struct AcceptError {
    /// Who it was; `None` where it had gone already.
    pub peer: Option<SocketAddr>,
    /// What went wrong.
    pub cause: AcceptCause,
}

/// Why there is no TLS with a publisher.
#[derive(Debug)]
pub enum AcceptCause {
    /// It speaks plain RTMP.
    PlainRtmp,
    /// It speaks plain HTTP.
    PlainHttp,
    /// It speaks something else.
    NotTls,
    /// It speaks neither TLS 1.2 nor 1.3.
    OldTls,
    /// It has no cipher suite in common with us.
    NoCommonCipher,
    /// It does not trust our certificate.
    CertificateRefused {
        /// Its alert.
        alert: String,
    },
    /// It went away before it had sent a byte, as port scans and health checks do.
    NothingSent,
    /// It closed the connection.
    Closed,
    /// It was too slow.
    TimedOut {
        /// The limit.
        after: Duration,
    },
    /// Anything else, in the TLS library's words.
    Other(String),
}

impl AcceptCause {
    fn from_handshake(error: &io::Error) -> Self {
        let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
            return Self::Closed;
        };
        match error {
            rustls::Error::PeerIncompatible(
                PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                // Looked for before the version; everything since TLS 1.2 sends it, nothing older does.
                | PeerIncompatible::SignatureAlgorithmsExtensionRequired,
            )
            | rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => Self::OldTls,
            rustls::Error::PeerIncompatible(_) | rustls::Error::AlertReceived(AlertDescription::HandshakeFailure) => {
                Self::NoCommonCipher
            }
            rustls::Error::AlertReceived(
                alert @ (AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnsupportedCertificate),
            ) => Self::CertificateRefused { alert: format!("{alert:?}") },
            other => Self::Other(other.to_string()),
        }
    }
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.peer {
            Some(peer) => write!(f, "publisher `{peer}` {}", self.cause),
            None => write!(f, "a publisher {}", self.cause),
        }
    }
}

impl fmt::Display for AcceptCause {
    /// Continues "the publisher …".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PlainRtmp => f.write_str("speaks plain RTMP on the RTMPS port"),
            Self::PlainHttp => f.write_str("speaks plain HTTP on the RTMPS port"),
            Self::NotTls => f.write_str("speaks no TLS on the RTMPS port"),
            Self::OldTls => f.write_str("speaks no TLS version that is safe: neither TLS 1.2 nor TLS 1.3"),
            Self::NoCommonCipher => f.write_str("has no TLS cipher in common with forkcast"),
            Self::CertificateRefused { alert } => write!(f, "does not trust the certificate shown to it ({alert})"),
            Self::NothingSent => f.write_str("went away before it had sent anything"),
            Self::Closed => f.write_str("closed the connection during the TLS handshake"),
            Self::TimedOut { after } => {
                write!(f, "did not finish the TLS handshake within {} s", after.as_secs_f32())
            }
            Self::Other(detail) => write!(f, "failed in the TLS handshake: {detail}"),
        }
    }
}

impl std::error::Error for AcceptError {}

impl AcceptError {
    /// What to do about it, without a full stop.
    pub fn hint(&self) -> &'static str {
        match &self.cause {
            AcceptCause::PlainRtmp => {
                "set the encoder's server to rtmps:// for this port, or to the plain port with rtmp://"
            }
            AcceptCause::PlainHttp => "the status page has a port of its own (`--http`)",
            AcceptCause::NotTls
            | AcceptCause::NothingSent
            | AcceptCause::Closed
            | AcceptCause::Other(_)
            | AcceptCause::TimedOut { .. } => {
                "if this is your encoder, check that its server URL begins with rtmps://; else it is a scanner"
            }
            AcceptCause::OldTls | AcceptCause::NoCommonCipher => {
                "update the encoder; one that cannot be updated may use the plain RTMP port inside your own network"
            }
            AcceptCause::CertificateRefused { .. } => {
                "use a certificate for the host that the encoder is given, from an authority that it knows, with its full chain"
            }
        }
    }
}

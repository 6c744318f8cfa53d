//! A TLS client that looks at what it is shown.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};

/// The certificate that a server on this machine shows to whoever asks for `host`, verified against `authority`.
///
/// # Errors
/// Why there is no TLS.
pub(crate) fn shown(port: u16, host: &str, authority: &Path) -> Result<CertificateDer<'static>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).expect("it is PEM")).expect("it is an authority's");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).expect("it is a host name");
    let mut tls = ClientConnection::new(Arc::new(config), name).map_err(|error| text(&error))?;
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).map_err(|error| text(&error))?;
    tcp.set_read_timeout(Some(Duration::from_secs(5))).map_err(|error| text(&error))?;
    Stream::new(&mut tls, &mut tcp).flush().map_err(|error| text(&error))?;
    while tls.is_handshaking() {
        tls.complete_io(&mut tcp).map_err(|error| text(&error))?;
    }
    let chain = tls.peer_certificates().expect("a server shows its chain");
    Ok(chain.first().expect("its own is the first").clone().into_owned())
}

/// The certificate in a PEM file.
pub(crate) fn of_file(file: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file).expect("it is PEM")
}

/// What OpenSSL's client says, that is made to speak TLS 1.0 alone, as old encoders do.
pub(crate) fn old_client(port: u16) -> String {
    let mut openssl = Command::new("openssl")
        .args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-tls1", "-cipher", "ALL:@SECLEVEL=0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl is here");
    let mut said = String::new();
    openssl.stderr.take().expect("it is piped").read_to_string(&mut said).expect("it is text");
    openssl.wait().expect("it ends");
    said
}

/// How the name of the suite ends that the relay prefers on this machine, which is the one of its tests.
pub(crate) fn favourite() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    let has_aes = std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    let has_aes = std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let has_aes = false;
    if has_aes { "AES_128_GCM_SHA256" } else { "CHACHA20_POLY1305_SHA256" }
}

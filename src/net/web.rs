//! Asking a program of somebody's over HTTP or HTTPS: the client, and the sentence that says why it failed.

use std::{path::Path, sync::Arc, time::Duration};

use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::tls::{provider, trusted_certificates};

/// A client that follows no redirect, since what it sends could be carried to anywhere. Without TLS nothing has to be trusted, and
/// a container may have no roots at all.
///
/// # Errors
/// What there is to trust cannot be read.
pub fn client(is_tls: bool, ca_file: Option<&Path>, timeout: Duration) -> Result<ureq::Agent, String> {
    let mut tls = TlsConfig::builder().unversioned_rustls_crypto_provider(provider());
    if is_tls {
        let roots = trusted_certificates(ca_file).map_err(|error| error.to_string())?;
        let roots = roots.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
        tls = tls.root_certs(RootCerts::Specific(Arc::new(roots)));
    }
    Ok(ureq::Agent::config_builder()
        .tls_config(tls.build())
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("forkcast/", env!("CARGO_PKG_VERSION")))
        .build()
        .into())
}

/// What went wrong, without anything of the request: the library's words may repeat the URL, which is a secret.
#[must_use]
pub fn sentence(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::HostNotFound => "its host name does not resolve".to_owned(),
        ureq::Error::ConnectionFailed => "it cannot be reached".to_owned(),
        ureq::Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => format!("TLS failed ({error})"),
            None => error.kind().to_string(),
        },
        ureq::Error::Rustls(error) => format!("TLS failed ({error})"),
        ureq::Error::Tls(what) => format!("TLS failed ({what})"),
        _ => "its answer is no HTTP".to_owned(),
    }
}

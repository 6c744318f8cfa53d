//! Authorities that are trusted: the system's, and those in a `ca_file`.

use std::{path::Path, sync::OnceLock};

use rustls::{RootCertStore, pki_types::CertificateDer};

use super::file::{self, FileError, FileProblem};

/// The system's root certificates.
pub(super) struct SystemRoots {
    certificates: Vec<CertificateDer<'static>>,
    /// Why some or all could not be loaded.
    problem: Option<String>,
}

impl SystemRoots {
    /// Loaded once: on some systems it takes a while, and no system changes them often.
    pub(super) fn load() -> &'static Self {
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

    /// With `added`, the certificates of `ca_file`.
    ///
    /// # Errors
    /// Where one of these cannot be used, or there is nothing at all to trust.
    pub(super) fn with(
        &self,
        ca_file: Option<&Path>,
        added: Vec<CertificateDer<'static>>,
    ) -> Result<RootCertStore, FileError> {
        let mut roots = RootCertStore::empty();
        // Systems keep a few old roots that the TLS library does not parse; the others are good.
        roots.add_parsable_certificates(self.certificates.iter().cloned());
        for certificate in added {
            roots.add(certificate).map_err(|error| {
                FileError::new(ca_file.unwrap_or(Path::new("")), FileProblem::BadCertificate(error.to_string()))
            })?;
        }
        if roots.is_empty() {
            return Err(self.nothing_to_trust());
        }
        Ok(roots)
    }

    fn nothing_to_trust(&self) -> FileError {
        FileError::new(Path::new(""), FileProblem::NoRoots { detail: self.problem.clone() })
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
        return Err(system.nothing_to_trust());
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_trust_is_an_error_that_says_so() {
        let bare = SystemRoots { certificates: Vec::new(), problem: Some("no certificates directory".to_owned()) };
        let error = bare.with(None, Vec::new()).unwrap_err();
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
        let added = file::certificates(file.path()).unwrap();
        assert_eq!(bare.with(Some(file.path()), added).unwrap().len(), 1);
    }
}

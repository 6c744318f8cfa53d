//! Certificates and keys from PEM files, with errors that name the file and what is wrong with it.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};

use crate::regular_file;

/// A PEM file that is of no use. `Display` is the sentence; [`FileError::hint`] the remedy.
#[derive(Debug)]
pub struct FileError {
    /// The file; empty where the system's roots are meant.
    pub file: PathBuf,
    /// What is wrong.
    pub problem: FileProblem,
}

/// What is wrong with a PEM file.
#[derive(Debug)]
pub enum FileProblem {
    /// It cannot be read.
    Unreadable(io::Error),
    /// It is not PEM, or damaged.
    Malformed(String),
    /// It has no certificate in it.
    NoCertificate {
        /// It has a private key in it instead.
        has_key: bool,
    },
    /// It has no private key in it.
    NoKey {
        /// It has a certificate in it instead.
        has_certificate: bool,
    },
    /// Its private key is encrypted with a passphrase.
    EncryptedKey,
    /// A certificate in it cannot be used.
    BadCertificate(String),
    /// Its key is of a kind that cannot be used.
    UnsupportedKey(String),
    /// Its key is not that of the certificate in the other file.
    KeyMismatch {
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// Neither the system nor a `ca_file` has a root certificate.
    NoRoots {
        /// What went wrong with the system's, if anything did.
        detail: Option<String>,
    },
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match &self.problem {
            FileProblem::Unreadable(error) => write!(f, "`{file}` cannot be read: {error}"),
            FileProblem::Malformed(detail) => write!(f, "`{file}` is not a proper PEM file: {detail}"),
            FileProblem::NoCertificate { has_key: true } => {
                write!(f, "`{file}` has no certificate in it, but a private key")
            }
            FileProblem::NoCertificate { has_key: false } => write!(f, "`{file}` has no certificate in it"),
            FileProblem::NoKey { has_certificate: true } => {
                write!(f, "`{file}` has no private key in it, but a certificate")
            }
            FileProblem::NoKey { has_certificate: false } => write!(f, "`{file}` has no private key in it"),
            FileProblem::EncryptedKey => write!(f, "the private key in `{file}` is encrypted with a passphrase"),
            FileProblem::BadCertificate(detail) => write!(f, "a certificate in `{file}` cannot be used: {detail}"),
            FileProblem::UnsupportedKey(detail) => write!(f, "the private key in `{file}` cannot be used: {detail}"),
            FileProblem::KeyMismatch { certificate } => {
                write!(f, "the private key in `{file}` is not that of the certificate in `{}`", certificate.display())
            }
            FileProblem::NoRoots { detail } => {
                write!(f, "this system has no root certificates, so that no server can be trusted")?;
                detail.as_ref().map_or(Ok(()), |detail| write!(f, " ({detail})"))
            }
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            FileProblem::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}

impl FileError {
    pub(super) fn new(file: &Path, problem: FileProblem) -> Self {
        Self { file: file.to_owned(), problem }
    }

    /// What to do about it, without a full stop.
    pub fn hint(&self) -> &'static str {
        match &self.problem {
            FileProblem::Unreadable(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                "let the user that forkcast runs as read it"
            }
            FileProblem::Unreadable(error) if error.kind() == io::ErrorKind::InvalidInput => {
                "name a file: pipes and devices are not read"
            }
            FileProblem::Unreadable(_) => "check the path; in a container the file must be mounted",
            FileProblem::Malformed(_) => {
                "it must be text with `-----BEGIN …-----` and `-----END …-----` lines; convert DER with `openssl x509 -inform der`"
            }
            FileProblem::NoCertificate { has_key: true } | FileProblem::NoKey { has_certificate: true } => {
                "check that the certificate's and the key's file are not swapped"
            }
            FileProblem::NoCertificate { has_key: false } => {
                "it must have a section `-----BEGIN CERTIFICATE-----`; the whole chain, the server's own first"
            }
            FileProblem::NoKey { has_certificate: false } => "it must have a section `-----BEGIN PRIVATE KEY-----`",
            FileProblem::EncryptedKey => {
                "decrypt it: `openssl pkey -in KEY.pem -out PLAIN.pem`, readable for forkcast alone"
            }
            FileProblem::BadCertificate(_) => "export the certificate again",
            FileProblem::UnsupportedKey(_) => "use an ECDSA P-256 or RSA key of at least 2048 bits",
            FileProblem::KeyMismatch { .. } => {
                "use the pair that was made together; in the certificate's file the server's own must come first"
            }
            FileProblem::NoRoots { .. } => {
                "install the system's root certificates (Debian: ca-certificates), or name a `ca_file` in the destination's file"
            }
        }
    }
}

/// Every certificate in `file`, in its order; at least one.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let text = regular_file::read(file).map_err(|error| FileError::new(file, FileProblem::Unreadable(error)))?;
    let certificates = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| FileError::new(file, FileProblem::Malformed(describe(&error))))?;
    if certificates.is_empty() {
        let has_key = PrivateKeyDer::from_pem_slice(&text).is_ok();
        return Err(FileError::new(file, FileProblem::NoCertificate { has_key }));
    }
    Ok(certificates)
}

/// The first private key in `file`.
pub(super) fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, FileError> {
    let text = regular_file::read(file).map_err(|error| FileError::new(file, FileProblem::Unreadable(error)))?;
    let problem = match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => return Ok(key),
        Err(pem::Error::NoItemsFound) if contains(&text, b"BEGIN ENCRYPTED PRIVATE KEY") => FileProblem::EncryptedKey,
        Err(pem::Error::NoItemsFound) => {
            FileProblem::NoKey { has_certificate: CertificateDer::from_pem_slice(&text).is_ok() }
        }
        // The form that OpenSSL wrote before PKCS #8 marks encryption inside the section, which is then not plain base64.
        Err(_) if contains(&text, b"Proc-Type: 4,ENCRYPTED") => FileProblem::EncryptedKey,
        Err(error) => FileProblem::Malformed(describe(&error)),
    };
    Err(FileError::new(file, problem))
}

/// Never quotes the file: a damaged line may be part of a key.
fn describe(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no `-----END …-----` line".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a `-----BEGIN …-----` line is damaged".to_owned(),
        pem::Error::Base64Decode(_) => "a section is not base64".to_owned(),
        _ => "it cannot be read as PEM".to_owned(),
    }
}

fn contains(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|window| window == words)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_told_of() {
        let device = Path::new("/dev/null");
        for error in [certificates(device).unwrap_err(), private_key(device).unwrap_err()] {
            assert_eq!(error.to_string(), "`/dev/null` cannot be read: it is a device, not a file");
            assert_eq!(error.hint(), "name a file: pipes and devices are not read");
        }
    }
}

//! Which servers are believed to be the one that they say they are.

use std::path::{Path, PathBuf};

use super::Fingerprint;

/// Which servers are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Whoever shows a certificate for the host, in its time, from an authority that the system knows or that is in `ca_file`.
    Authorities {
        /// A PEM file of certificates to trust beside the system's.
        ca_file: Option<PathBuf>,
    },
    /// Whoever shows one of these certificates, whoever issued it and whatever host and time stand in it; and nobody else.
    Pinned(Vec<Fingerprint>),
    /// Anybody. Whoever is in between can read everything: the name says what it is.
    DangerousAnybody,
}

impl Default for Trust {
    /// The system's authorities alone.
    fn default() -> Self {
        Self::Authorities { ca_file: None }
    }
}

impl Trust {
    /// The file that says whom to believe.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Authorities { ca_file } => ca_file.as_deref(),
            Self::Pinned(_) | Self::DangerousAnybody => None,
        }
    }

    /// What is to be said of a connection beside its version and cipher; nothing of the usual kind.
    pub fn remark(&self) -> Option<&'static str> {
        match self {
            Self::Authorities { .. } => None,
            Self::Pinned(_) => Some("pinned certificate"),
            Self::DangerousAnybody => Some("certificate not verified"),
        }
    }
}

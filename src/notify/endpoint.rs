//! Where somebody wants to hear of what happens.

use std::{path::PathBuf, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};

use super::Selection;

/// One table `[notify.NAME]`.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its name, for the log and the metrics.
    pub name: String,
    /// `https://…`, or `http://` on this machine. Whoever has it may post: chat systems put the token into the path.
    pub url: SecretString,
    /// The URL as far as it may be shown.
    pub shown: String,
    /// What posts are signed with.
    pub secret: Option<SecretString>,
    /// What it is told of.
    pub events: Selection,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        let secret = |endpoint: &Self| endpoint.secret.as_ref().map(|secret| secret.expose_secret().to_owned());
        let settings = |endpoint: &Self| (endpoint.timeout, endpoint.ca_file.clone(), endpoint.events.clone());
        self.name == other.name
            && self.url.expose_secret() == other.url.expose_secret()
            && secret(self) == secret(other)
            && settings(self) == settings(other)
    }
}

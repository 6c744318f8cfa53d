//! Asking another program who may publish: one HTTP request for each publish, closed where there is no answer.
//!
//! ```text
//! POST url   {"stream":"live","key":"…","address":"192.0.2.7:50000","transport":"rtmps"}
//!   200 … 299   may publish; {"name":"…"} says who it is, for the log
//!   400 … 499   may not; {"reason":"…"} is shown to the person at the encoder
//!   else, or no answer in time: may not, for nobody said so
//! ```

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use rustls::crypto::aws_lc_rs;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::limits::{PUBLISHER_NAME, WEBHOOK_ANSWER};
use crate::net::{peer_text::printable, tls::trusted_certificates};

/// Whom to ask, and how.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// `https://…`, or `http://` on this machine. Its path and query may hold a token.
    pub url: SecretString,
    /// The URL as far as it may be shown.
    pub shown: String,
    /// How long an answer may take.
    pub timeout: Duration,
    /// For how long after its publish a publisher may come back without being asked about.
    pub remember: Duration,
    /// Certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Made at the first question, since reading the system's roots takes a while.
    pub agent: Arc<OnceLock<ureq::Agent>>,
}

/// Who wants to publish.
#[derive(Debug, Clone)]
pub struct Question {
    /// The stream.
    pub stream: String,
    /// The stream key that was shown.
    pub key: SecretString,
    /// Where the publisher is.
    pub address: String,
    /// `rtmp` or `rtmps`.
    pub transport: &'static str,
}

/// The question on the wire.
#[derive(Serialize)]
struct Body<'q> {
    stream: &'q str,
    key: &'q str,
    address: &'q str,
    transport: &'q str,
}

/// What an answer may say. Whatever else it says is passed over.
#[derive(Default, Deserialize)]
struct Words {
    name: Option<String>,
    reason: Option<String>,
}

/// Why the publisher may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum No {
    /// The webhook says so, with its reason.
    Refused(Option<String>),
    /// It said nothing that counts. The text is for the operator.
    Unanswered(String),
}

impl Webhook {
    /// Asks; gives the publisher's name where the answer has one. Cancel-safe: a question that is dropped is asked to its end
    /// and its answer forgotten.
    ///
    /// # Errors
    /// [`No`].
    pub async fn ask(&self, question: Question) -> Result<Option<String>, No> {
        let webhook = self.clone();
        let asked = tokio::task::spawn_blocking(move || webhook.ask_blocking(&question)).await;
        asked.unwrap_or_else(|_| Err(No::Unanswered("the question could not be asked".to_owned())))
    }

    fn ask_blocking(&self, question: &Question) -> Result<Option<String>, No> {
        let unanswered = |why: &dyn std::fmt::Display| No::Unanswered(format!("`{}`: {why}", self.shown));
        let agent = match self.agent.get() {
            Some(agent) => agent,
            None => {
                let agent = self.agent().map_err(|error| unanswered(&error))?;
                self.agent.get_or_init(|| agent)
            }
        };
        let Question { stream, key, address, transport } = question;
        let body = Body { stream, key: key.expose_secret(), address, transport };
        let body = serde_json::to_vec(&body).map_err(|error| unanswered(&error))?;
        let request = agent.post(self.url.expose_secret()).content_type("application/json");
        // The library's words may repeat the URL, which is a secret.
        let mut answer = request.send(&body).map_err(|error| unanswered(&plain(&error)))?;
        let status = answer.status();
        let text = answer.body_mut().with_config().limit(WEBHOOK_ANSWER).read_to_vec().unwrap_or_default();
        let words: Words = serde_json::from_slice(&text).unwrap_or_default();
        match status.as_u16() {
            200..=299 => Ok(words.name.map(|name| printable(&name).chars().take(PUBLISHER_NAME).collect())),
            400..=499 => Err(No::Refused(words.reason.map(|reason| printable(&reason)))),
            code => Err(unanswered(&format_args!("it answered with HTTP status {code}"))),
        }
    }

    fn agent(&self) -> Result<ureq::Agent, String> {
        let mut tls = TlsConfig::builder().unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()));
        // Without TLS nothing has to be trusted, and a container may have no roots at all.
        if self.url.expose_secret().starts_with("https://") {
            let roots = trusted_certificates(self.ca_file.as_deref()).map_err(|error| error.to_string())?;
            let roots = roots.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
            tls = tls.root_certs(RootCerts::Specific(Arc::new(roots)));
        }
        Ok(ureq::Agent::config_builder()
            .tls_config(tls.build())
            .timeout_global(Some(self.timeout))
            .http_status_as_error(false)
            // A redirect could carry the key to anywhere.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("forkcast/", env!("CARGO_PKG_VERSION")))
            .build()
            .into())
    }
}

/// What went wrong, without anything of the request.
fn plain(error: &ureq::Error) -> String {
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

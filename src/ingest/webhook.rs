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

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::limits::{PUBLISHER_NAME, WEBHOOK_ANSWER};
use crate::net::{peer_text::printable, web};

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
        let mut answer = request.send(&body).map_err(|error| unanswered(&web::sentence(&error)))?;
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
        let is_tls = self.url.expose_secret().starts_with("https://");
        web::client(is_tls, self.ca_file.as_deref(), self.timeout)
    }
}

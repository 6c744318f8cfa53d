//! The counters that events move: of what is nobody's yet, such as connections at the door. What a stream or a destination counts is
//! its own, and goes with it (`control/metrics.rs`).

use std::time::{SystemTime, UNIX_EPOCH};

use metrics::{counter, gauge};

use super::Event;
use crate::observe::metrics::name;

impl Event<'_> {
    pub(super) fn count(&self) {
        let refused = |reason| counter!(name::INGEST_REFUSED, "reason" => reason).increment(1);
        let reloaded = |result| counter!(name::CERTIFICATE_RELOADS, "result" => result).increment(1);
        match *self {
            Self::IngestRefused { .. } => refused("protocol"),
            Self::TlsRefused { .. } => refused("tls"),
            Self::IngestProbed { .. } => refused("probe"),
            Self::PublishRefused { .. } => refused("publish"),
            Self::LoopRefused { .. } => refused("loop"),
            Self::CertificateRenewed { .. } => reloaded("used"),
            Self::CertificateKept { .. } => reloaded("refused"),
            Self::WebhookFailed { .. } => counter!(name::WEBHOOK_FAILURES).increment(1),
            Self::ConfigurationRead { mistakes, .. } => {
                counter!(name::CONFIGURATION_READS, "result" => "used").increment(1);
                note_configuration(mistakes);
            }
            Self::ConfigurationKept { .. } => counter!(name::CONFIGURATION_READS, "result" => "kept").increment(1),
            _ => {}
        }
    }
}

/// Notes what was made of the files.
pub fn note_configuration(mistakes: usize) {
    #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^52 mistakes")]
    gauge!(name::CONFIGURATION_MISTAKES).set(mistakes as f64);
    gauge!(name::CONFIGURATION_READ_LAST).set(now());
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

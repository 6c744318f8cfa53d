//! The counters that events move.

use std::time::{SystemTime, UNIX_EPOCH};

use metrics::{counter, gauge};

use super::Event;
use crate::observe::metrics::name;

impl Event<'_> {
    pub(super) fn count(&self) {
        let refused = |reason| counter!(name::INGEST_REFUSED, "reason" => reason).increment(1);
        let reloaded = |result| counter!(name::CERTIFICATE_RELOADS, "result" => result).increment(1);
        let of_stream = |name, stream: &str| counter!(name, "stream" => stream.to_owned()).increment(1);
        let of = |name, stream: &str, destination: &str| {
            counter!(name, "stream" => stream.to_owned(), "destination" => destination.to_owned()).increment(1);
        };
        match *self {
            Self::IngestRefused { .. } => refused("protocol"),
            Self::TlsRefused { .. } => refused("tls"),
            Self::IngestProbed { .. } => refused("probe"),
            Self::PublishRefused { .. } => refused("publish"),
            Self::LoopRefused { .. } => refused("loop"),
            Self::CertificateRenewed { .. } => reloaded("used"),
            Self::CertificateKept { .. } => reloaded("refused"),
            Self::WebhookFailed { stream, .. } => of_stream(name::WEBHOOK_FAILURES, stream),
            Self::PublisherLost { stream, .. } => of_stream(name::PUBLISHERS_LOST, stream),
            Self::PublishStarted { stream, transport, tls, .. } => {
                counter!(name::PUBLISHES, "stream" => stream.to_owned(), "transport" => transport).increment(1);
                if tls.is_none() {
                    gauge!(name::PLAIN_PUBLISH_LAST, "stream" => stream.to_owned()).set(now());
                }
            }
            Self::ConfigurationRead { mistakes, .. } => {
                counter!(name::CONFIGURATION_READS, "result" => "used").increment(1);
                note_configuration(mistakes);
            }
            Self::ConfigurationKept { .. } => counter!(name::CONFIGURATION_READS, "result" => "kept").increment(1),
            Self::DestinationBroken { stream, destination, .. } => of(name::DESTINATION_PANICS, stream, destination),
            Self::DestinationLive { stream, destination, .. } => of(name::DESTINATION_SESSIONS, stream, destination),
            Self::DestinationFailed { stream, destination, stage, kind, .. } => {
                let (stream, destination) = (stream.to_owned(), destination.to_owned());
                counter!(
                    name::DESTINATION_FAILURES,
                    "stream" => stream, "destination" => destination, "stage" => stage, "kind" => kind
                )
                .increment(1);
            }
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

//! The vocabulary of the metrics page: the name, kind, labels and meaning of each metric.
//!
//! What happens to strangers at the door is counted where it happens, in the process's own recorder. What a stream or a
//! destination has is measured when the page is asked for (`control/metrics.rs`), so that whatever is gone is gone from the
//! page too.

use metrics::{Unit, counter, describe_counter, describe_gauge};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

/// How much the metrics page says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Series for each stream and each destination.
    #[default]
    Detailed,
    /// Sums and counts by platform and state alone: their number does not grow with streams and destinations.
    Aggregate,
}

impl Mode {
    /// Every form with its name in a file.
    pub const ALL: [(&'static str, Self); 2] = [("detailed", Self::Detailed), ("aggregate", Self::Aggregate)];
}

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the relay starts anew.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// One metric of the page.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name. Units and suffixes follow the Prometheus conventions.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels in [`Mode::Detailed`].
    pub detailed: &'static [&'static str],
    /// Its labels in [`Mode::Aggregate`]; `None` where it is left out there.
    pub aggregate: Option<&'static [&'static str]>,
    /// What it says.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($constant:ident: $kind:ident $name:literal [$($label:literal)*] $aggregate:tt, $help:literal;)*) => {
        /// The name of every metric of forkcast's own.
        pub mod name {
            $(#[doc = $help] pub const $constant: &str = $name;)*
        }

        /// Every metric of forkcast's own.
        pub const ALL: &[Metric] = &[$(Metric {
            name: $name,
            kind: Kind::$kind,
            detailed: &[$($label),*],
            aggregate: metrics!(@aggregate $aggregate),
            help: $help,
        },)*];
    };
    (@aggregate -) => { None };
    (@aggregate [$($label:literal)*]) => { Some(&[$($label),*]) };
}

metrics! {
    BUILD: Gauge "forkcast_build_info" ["version"] ["version"], "1, with the version that runs";
    READY: Gauge "forkcast_ready" [] [], "1 while publishers may come, 0 while the relay drains, stops, or listens nowhere";
    INGEST_REFUSED: Counter "forkcast_ingest_refused_total" ["reason"] ["reason"],
        "Connections to the ingest ports that did not become a publish";
    WEBHOOK_FAILURES: Counter "forkcast_webhook_failures_total" [] [],
        "Publishers that were refused because a webhook gave no answer";
    CERTIFICATE_RELOADS: Counter "forkcast_certificate_reloads_total" ["result"] ["result"],
        "Changed certificate files that were used or refused";
    CERTIFICATE_EXPIRY: Gauge "forkcast_certificate_expiry_timestamp_seconds" ["file"] ["file"],
        "When a certificate that publishers are shown runs out, in seconds since 1970";
    CONFIGURATION_MISTAKES: Gauge "forkcast_configuration_mistakes" [] [],
        "Mistakes in the files as they are now; what ran before goes on";
    CONFIGURATION_READS: Counter "forkcast_configuration_reads_total" ["result"] ["result"],
        "Times that changed files were read and used, or kept out as a whole";
    CONFIGURATION_READ_LAST: Gauge "forkcast_configuration_last_read_timestamp_seconds" [] [],
        "When what the files say was last used, in seconds since 1970";
    NOTIFICATIONS: Counter "forkcast_notifications_total" ["endpoint" "result"] ["endpoint" "result"],
        "Posts to each webhook of `notify` that were delivered, and events that were lost";
    STREAMS: Gauge "forkcast_streams" ["state"] ["state"], "Streams by state";
    STREAM_STATE: Gauge "forkcast_stream_state" ["stream" "state"] -, "1, with the present state of a stream";
    PUBLISHER_CONNECTED: Gauge "forkcast_stream_publisher_connected" ["stream"] -,
        "1 while a publisher is connected to a stream";
    PUBLISHER_SILENT: Gauge "forkcast_stream_publisher_silent_seconds" ["stream"] -,
        "Since the last message of a connected publisher; 0 without one";
    HOLD_LEFT: Gauge "forkcast_stream_hold_left_seconds" ["stream"] -,
        "How much longer a lost publisher is waited for; 0 while none is";
    PUBLISHES: Counter "forkcast_publishes_total" ["stream" "transport"] ["transport"], "Publishes that were accepted";
    PUBLISHERS_LOST: Counter "forkcast_publishers_lost_total" ["stream"] [], "Publishers whose connection was lost";
    PLAIN_PUBLISH_LAST: Gauge "forkcast_plain_publish_last_timestamp_seconds" ["stream"] [],
        "When the last publish without TLS began, in seconds since 1970";
    RECEIVED_BYTES: Counter "forkcast_received_bytes_total" ["stream"] [], "Payload received from publishers";
    RECEIVED_MESSAGES: Counter "forkcast_received_messages_total" ["stream"] [],
        "Audio, video and data messages received from publishers";
    DESTINATIONS: Gauge "forkcast_destinations" ["platform" "state"] ["platform" "state"],
        "Destinations by platform and state";
    DESTINATION_STATE: Gauge "forkcast_destination_state" ["stream" "destination" "platform" "state"] -,
        "1, with the present state of a destination";
    DESTINATION_DELIVERING: Gauge "forkcast_destination_delivering" ["stream" "destination" "platform"] ["platform"],
        "1 while a destination's server takes the stream, else 0; in aggregate mode the number of those";
    ON_BACKUP: Gauge "forkcast_destination_on_backup" ["stream" "destination" "platform"] ["platform"],
        "1 while a destination is connected to its backup server, else 0; in aggregate mode the number of those";
    LIMITS_EXCEEDED: Gauge "forkcast_destination_limits_exceeded" ["stream" "destination" "platform"] ["platform"],
        "How many of the limits of a destination's platform the stream exceeds; in aggregate mode the sum";
    LAG_SECONDS: Gauge "forkcast_destination_lag_seconds" ["stream" "destination" "platform"] ["platform"],
        "How far a destination is behind its stream; in aggregate mode the furthest";
    ROUND_TRIP: Gauge "forkcast_destination_round_trip_seconds" ["stream" "destination" "platform"] ["platform"],
        "TCP's round trip to a destination's server while it is connected (Linux); in aggregate mode the longest";
    UNSENT_BYTES: Gauge "forkcast_destination_unsent_bytes" ["stream" "destination" "platform"] ["platform"],
        "What TCP has taken for a destination and not sent yet (Linux); in aggregate mode the sum";
    RETRANSMITS: Counter "forkcast_destination_retransmitted_segments_total" ["stream" "destination" "platform"] -,
        "TCP segments that the present connection to a destination has sent again (Linux)";
    DESTINATION_SESSIONS: Counter "forkcast_destination_sessions_total" ["stream" "destination" "platform"] ["platform"],
        "Publishes that a destination's server accepted";
    RECONNECTS: Counter "forkcast_destination_reconnects_total" ["stream" "destination" "platform"] ["platform"],
        "Those of them that went on with a broadcast in which the destination had been cut off";
    DESTINATION_FAILURES: Counter "forkcast_destination_failures_total"
        ["stream" "destination" "platform" "stage" "kind"] ["platform" "stage" "kind"],
        "Failures of a destination by stage and kind";
    DESTINATION_PANICS: Counter "forkcast_destination_panics_total" ["stream" "destination" "platform"] ["platform"],
        "Times that a destination was ended by a fault of forkcast's own";
    SENT_BYTES: Counter "forkcast_sent_bytes_total" ["stream" "destination" "platform"] ["platform"],
        "Payload handed to a destination's connection";
    SENT_MESSAGES: Counter "forkcast_sent_messages_total" ["stream" "destination" "platform"] ["platform"],
        "Audio, video and data messages sent to a destination";
    DROPPED_MESSAGES: Counter "forkcast_dropped_messages_total"
        ["stream" "destination" "platform" "reason"] ["platform" "reason"],
        "Messages left out because a destination was too slow, by reason";
}

/// Why a connection to an ingest port did not become a publish: the values of the label `reason` of [`name::INGEST_REFUSED`].
const REFUSALS: [&str; 5] = ["loop", "probe", "protocol", "publish", "tls"];

/// Makes this process count what happens at the door, and gives the handle that renders it. Once a process.
///
/// # Errors
/// Where the process counts already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new().install_recorder()?;
    describe();
    // A counter that is not there yet cannot be seen to rise from nothing.
    for reason in REFUSALS {
        counter!(name::INGEST_REFUSED, "reason" => reason).increment(0);
    }
    for result in ["used", "refused"] {
        counter!(name::CERTIFICATE_RELOADS, "result" => result).increment(0);
    }
    for result in ["used", "kept"] {
        counter!(name::CONFIGURATION_READS, "result" => result).increment(0);
    }
    counter!(name::WEBHOOK_FAILURES).increment(0);
    Ok(handle)
}

/// Tells the present recorder what each metric says.
pub fn describe() {
    for metric in ALL {
        let unit = match metric.name {
            name if name.contains("_seconds") => Unit::Seconds,
            name if name.contains("_bytes") => Unit::Bytes,
            _ => Unit::Count,
        };
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, unit, metric.help),
            Kind::Gauge => describe_gauge!(metric.name, unit, metric.help),
        }
    }
}

#[cfg(test)]
mod tests;

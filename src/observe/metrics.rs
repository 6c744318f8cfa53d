//! The metrics page: names, help texts, and what renders them.

use metrics::{Unit, describe_counter, describe_gauge};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

/// The name of every metric. Units and suffixes follow the Prometheus conventions.
#[allow(missing_docs, reason = "`describe` says of each what it counts")]
pub mod name {
    pub const INGEST_REFUSED: &str = "forkcast_ingest_refused_total";
    pub const CERTIFICATE_RELOADS: &str = "forkcast_certificate_reloads_total";
    pub const CERTIFICATE_EXPIRY: &str = "forkcast_certificate_expiry_timestamp_seconds";
    pub const WEBHOOK_FAILURES: &str = "forkcast_webhook_failures_total";
    pub const NOTIFICATIONS: &str = "forkcast_notifications_total";
    pub const PLAIN_PUBLISH_LAST: &str = "forkcast_plain_publish_last_timestamp_seconds";
    pub const PUBLISHES: &str = "forkcast_publishes_total";
    pub const PUBLISHERS_LOST: &str = "forkcast_publishers_lost_total";
    pub const RECEIVED_BYTES: &str = "forkcast_received_bytes_total";
    pub const RECEIVED_MESSAGES: &str = "forkcast_received_messages_total";
    pub const DESTINATION_SESSIONS: &str = "forkcast_destination_sessions_total";
    pub const DESTINATION_FAILURES: &str = "forkcast_destination_failures_total";
    pub const DESTINATION_PANICS: &str = "forkcast_destination_panics_total";
    pub const DESTINATION_DELIVERING: &str = "forkcast_destination_delivering";
    pub const SENT_BYTES: &str = "forkcast_sent_bytes_total";
    pub const SENT_MESSAGES: &str = "forkcast_sent_messages_total";
    pub const DROPPED_MESSAGES: &str = "forkcast_dropped_messages_total";
    pub const CONFIGURATION_MISTAKES: &str = "forkcast_configuration_mistakes";
    pub const CONFIGURATION_READS: &str = "forkcast_configuration_reads_total";
    pub const CONFIGURATION_READ_LAST: &str = "forkcast_configuration_last_read_timestamp_seconds";
    pub const LAG_SECONDS: &str = "forkcast_destination_lag_seconds";
}

/// Makes this process count, and gives the handle that renders the page. Once a process.
///
/// # Errors
/// Where the process counts already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new().install_recorder()?;
    describe();
    Ok(handle)
}

fn describe() {
    describe_counter!(name::INGEST_REFUSED, "Connections to the ingest ports that were refused");
    describe_counter!(name::CERTIFICATE_RELOADS, "Changed certificate files that were used or refused");
    describe_gauge!(
        name::CERTIFICATE_EXPIRY,
        Unit::Seconds,
        "When a certificate that publishers are shown runs out, in seconds since 1970"
    );
    describe_counter!(name::WEBHOOK_FAILURES, "Publishers refused because a webhook did not answer");
    describe_counter!(
        name::NOTIFICATIONS,
        "Posts to each webhook of `notify` that were delivered, and events that were lost"
    );
    describe_gauge!(
        name::PLAIN_PUBLISH_LAST,
        Unit::Seconds,
        "When the last publish without TLS began, in seconds since 1970"
    );
    describe_counter!(name::PUBLISHES, "Publishes that were accepted");
    describe_counter!(name::PUBLISHERS_LOST, "Publishers whose connection was lost");
    describe_counter!(name::RECEIVED_BYTES, Unit::Bytes, "Payload received from publishers");
    describe_counter!(name::RECEIVED_MESSAGES, "Audio, video and data messages received from publishers");
    describe_counter!(name::DESTINATION_SESSIONS, "Publishes that a destination's server accepted");
    describe_counter!(name::DESTINATION_FAILURES, "Failures of a destination by stage and kind");
    describe_counter!(name::DESTINATION_PANICS, "Destinations that were ended by a fault of forkcast's own");
    describe_gauge!(name::DESTINATION_DELIVERING, "1 while a destination's server accepts the stream, else 0");
    describe_counter!(name::SENT_BYTES, Unit::Bytes, "Payload handed to a destination's connection");
    describe_counter!(name::SENT_MESSAGES, "Audio, video and data messages sent to a destination");
    describe_counter!(name::DROPPED_MESSAGES, "Messages left out because a destination was too slow, by reason");
    describe_gauge!(name::CONFIGURATION_MISTAKES, "Mistakes in the files as they are now; what ran before goes on");
    describe_counter!(name::CONFIGURATION_READS, "Times that changed files were read and used, or kept out as a whole");
    describe_gauge!(
        name::CONFIGURATION_READ_LAST,
        Unit::Seconds,
        "When what the files say was last used, in seconds since 1970"
    );
    describe_gauge!(name::LAG_SECONDS, Unit::Seconds, "How far a destination is behind its stream");
}

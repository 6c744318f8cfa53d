//! Everything that an operator may be told, in one list.
//!
//! An event writes its log line and moves its counters, both here and nowhere else, so that the two never tell different
//! stories. Nothing in an event can hold a key: names, addresses and sentences only.

use std::{net::SocketAddr, time::Duration};

use metrics::counter;
use tracing::{error, info, warn};

use super::metrics::name;

/// Something that happened, told once.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the log line of each event, below, says what its fields are")]
pub enum Event<'a> {
    /// A listener takes publishers.
    Listening { transport: &'static str, address: SocketAddr },
    /// The default HTTP address cannot be had; the relay runs without status, metrics and health.
    HttpOff { address: SocketAddr, error: &'a str },
    /// A connection could not be accepted; the listener goes on.
    AcceptFailed { transport: &'static str, error: &'a str },
    /// A connection to the ingest port ended before it became a publish.
    IngestRefused { address: SocketAddr, transport: &'static str, reason: &'a str },
    /// A publish with a wrong key, or to a stream that is already live.
    PublishRefused { address: SocketAddr, transport: &'static str, reason: &'a str },
    /// A publisher is live.
    PublishStarted { stream: &'a str, address: SocketAddr, transport: &'static str },
    /// The publisher ended the broadcast.
    PublishStopped { stream: &'a str, reason: &'a str },
    /// The publisher's connection was lost; destinations stay connected for `hold`.
    PublisherLost { stream: &'a str, reason: &'a str, hold: Duration },
    /// A configured destination is off.
    DestinationOff { stream: &'a str, destination: &'a str, reason: &'a str },
    /// A destination is not started because it cannot take what is published.
    DestinationUnsuitable { stream: &'a str, destination: &'a str, reason: &'a str },
    /// A destination accepted the publish; `resumed_after` since it was lost, where it was.
    DestinationLive { stream: &'a str, destination: &'a str, resumed_after: Option<Duration> },
    /// A destination is too slow: so many messages were skipped, to go on at a keyframe.
    DestinationDropped { stream: &'a str, destination: &'a str, messages: u64 },
    /// A destination failed; `retry_in` says when it is tried again, `None` that it is not before the next broadcast.
    DestinationFailed {
        stream: &'a str,
        destination: &'a str,
        stage: &'static str,
        kind: &'static str,
        message: &'a str,
        hint: &'a str,
        retry_in: Option<Duration>,
    },
    /// A destination was ended cleanly, with the broadcast.
    DestinationEnded { stream: &'a str, destination: &'a str },
    /// A destination's connection was dropped without an unpublish, so that its broadcast can go on after a restart.
    DestinationLeft { stream: &'a str, destination: &'a str },
    /// The relay was asked to stop.
    Stopping { how: &'static str },
}

impl Event<'_> {
    /// Writes the log line and moves the counters.
    pub fn emit(self) {
        match self {
            Self::Listening { transport, address } => info!("listening for {transport} publishers on {address}"),
            Self::HttpOff { address, error } => {
                warn!(
                    "no status, metrics and health: cannot listen on {address} ({error}); choose another with --http ADDR"
                );
            }
            Self::AcceptFailed { transport, error } => {
                warn!("cannot accept an {transport} connection: {error}");
            }
            Self::IngestRefused { address, transport, reason } => {
                counter!(name::INGEST_REFUSED, "reason" => "protocol").increment(1);
                warn!("{transport} connection from {address} closed: {reason}");
            }
            Self::PublishRefused { address, transport, reason } => {
                counter!(name::INGEST_REFUSED, "reason" => "publish").increment(1);
                warn!("{transport} publisher at {address} refused: {reason}");
            }
            Self::PublishStarted { stream, address, transport } => {
                counter!(name::PUBLISHES, "stream" => stream.to_owned(), "transport" => transport).increment(1);
                info!("stream `{stream}` is live: {transport} publisher at {address}");
            }
            Self::PublishStopped { stream, reason } => info!("stream `{stream}` ended: {reason}"),
            Self::PublisherLost { stream, reason, hold } => {
                counter!(name::PUBLISHERS_LOST, "stream" => stream.to_owned()).increment(1);
                let hold = humantime::format_duration(hold);
                warn!("stream `{stream}` lost its publisher ({reason}): destinations are held open for {hold}");
            }
            Self::DestinationOff { stream, destination, reason } => {
                info!("destination `{}` is off: {reason}", full_name(stream, destination));
            }
            Self::DestinationUnsuitable { stream, destination, reason } => {
                warn!("destination `{}` is not started: {reason}", full_name(stream, destination));
            }
            Self::DestinationLive { stream, destination, resumed_after } => {
                let labels = [("stream", stream.to_owned()), ("destination", destination.to_owned())];
                counter!(name::DESTINATION_SESSIONS, &labels).increment(1);
                let name = full_name(stream, destination);
                match resumed_after {
                    None => info!("destination `{name}` is live: its server accepted the publish"),
                    Some(gap) => info!("destination `{name}` is live again after {} ms", gap.as_millis()),
                }
            }
            Self::DestinationDropped { stream, destination, messages } => {
                warn!(
                    "destination `{}` takes less than the stream brings: {messages} messages skipped, on at a keyframe",
                    full_name(stream, destination)
                );
            }
            Self::DestinationFailed { stream, destination, stage, kind, message, hint, retry_in } => {
                let labels = [
                    ("stream", stream.to_owned()),
                    ("destination", destination.to_owned()),
                    ("stage", stage.to_owned()),
                    ("kind", kind.to_owned()),
                ];
                counter!(name::DESTINATION_FAILURES, &labels).increment(1);
                let next = match retry_in {
                    Some(wait) => format!("next try in {:.1} s", wait.as_secs_f64()),
                    None => "not tried again before the next broadcast".to_owned(),
                };
                error!("destination `{}` failed: {message}; {next}\n  hint: {hint}", full_name(stream, destination));
            }
            Self::DestinationEnded { stream, destination } => {
                info!("destination `{}` ended with the broadcast", full_name(stream, destination));
            }
            Self::DestinationLeft { stream, destination } => info!(
                "destination `{}` left without an unpublish: its broadcast goes on when forkcast is back in time",
                full_name(stream, destination)
            ),
            Self::Stopping { how } => info!("stopping: {how}"),
        }
    }
}

/// The name that a person knows a destination by: that of the default stream's destinations is enough by itself.
pub fn full_name(stream: &str, destination: &str) -> String {
    if stream == "live" { destination.to_owned() } else { format!("{stream}/{destination}") }
}

//! The answer of `/api/status`.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::board::Board;
use crate::{
    destination::{Destination, status::State},
    stream::{Feed, Phase},
};

/// The whole relay at one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// forkcast's version.
    pub version: String,
    /// Since the relay started.
    pub uptime_seconds: f64,
    /// Every configured stream.
    pub streams: Vec<StreamStatus>,
}

/// One stream.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StreamStatus {
    /// `live`, or the folder's name.
    pub name: String,
    /// `idle`, `live` or `held` (the publisher was lost, destinations are kept connected).
    pub state: String,
    /// Who publishes.
    pub publisher: Option<PublisherStatus>,
    /// Payload of the present publish.
    pub received_bytes: u64,
    /// Messages of the present publish.
    pub received_messages: u64,
    /// Codec of the default video track.
    pub video_codec: Option<String>,
    /// Codec of the default audio track.
    pub audio_codec: Option<String>,
    /// Where it goes.
    pub destinations: Vec<DestinationStatus>,
}

/// A live publisher.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PublisherStatus {
    /// Address and port.
    pub address: String,
    /// `rtmp` or `rtmps`.
    pub transport: String,
    /// Since the publish began.
    pub seconds: f64,
}

/// One destination.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DestinationStatus {
    /// Its file's name.
    pub name: String,
    /// Its platform's name; absent where the file is wrong.
    pub platform: Option<String>,
    /// Its server; the path is left out, since it can be a secret.
    pub url: Option<String>,
    /// `off`, `idle`, `connecting`, `delivering`, `held` or `waiting`.
    pub state: String,
    /// Why it is off.
    pub reason: Option<String>,
    /// The last failure since the relay started.
    pub last_error: Option<FailureStatus>,
    /// Payload sent, over all sessions.
    pub sent_bytes: u64,
    /// Messages sent, over all sessions.
    pub sent_messages: u64,
    /// Messages skipped because the destination was too slow.
    pub dropped_messages: u64,
    /// How far it is behind.
    pub lag_ms: u64,
    /// Publishes that its server accepted.
    pub sessions: u64,
    /// Until the next try; absent where none is planned.
    pub retry_in_ms: Option<u64>,
}

/// Why a destination failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FailureStatus {
    /// Where on the way it failed.
    pub stage: String,
    /// What it was, for machines.
    pub kind: String,
    /// What it was, for people.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Status {
    /// The relay now.
    pub fn of(board: &Board) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: board.started.elapsed().as_secs_f64(),
            streams: board.streams.iter().map(|(feed, destinations)| StreamStatus::of(feed, destinations)).collect(),
        }
    }
}

impl StreamStatus {
    fn of(feed: &Feed, destinations: &[Destination]) -> Self {
        let status = feed.status();
        Self {
            name: feed.name().to_owned(),
            state: match status.phase {
                Phase::Idle | Phase::Ended { .. } => "idle",
                Phase::Live => "live",
                Phase::Held => "held",
            }
            .to_owned(),
            publisher: status.publisher.map(|(publisher, live_for)| PublisherStatus {
                address: publisher.address.to_string(),
                transport: publisher.transport.to_owned(),
                seconds: live_for.as_secs_f64(),
            }),
            received_bytes: status.received_bytes,
            received_messages: status.received_messages,
            video_codec: status.video.map(|codec| codec.to_string()),
            audio_codec: status.audio.map(|codec| codec.to_string()),
            destinations: destinations.iter().map(|destination| DestinationStatus::of(destination, feed)).collect(),
        }
    }
}

impl DestinationStatus {
    fn of(destination: &Destination, feed: &Feed) -> Self {
        let report = &destination.report;
        let state = report.state();
        let retry_in_ms = match &state {
            State::Waiting { until: Some(until) } => {
                u64::try_from(until.saturating_duration_since(Instant::now()).as_millis()).ok()
            }
            _ => None,
        };
        Self {
            name: destination.name.clone(),
            platform: destination.platform.clone(),
            url: destination.url.clone(),
            state: state.label().to_owned(),
            reason: match state {
                State::Off { reason } => Some(reason),
                _ => None,
            },
            last_error: report.last_failure().map(|failure| FailureStatus {
                stage: failure.stage.label().to_owned(),
                kind: failure.kind.label().to_owned(),
                message: failure.message,
                hint: failure.hint,
            }),
            sent_bytes: report.sent_bytes(),
            sent_messages: report.sent_messages(),
            dropped_messages: report.dropped_messages(),
            lag_ms: u64::try_from(report.lag(feed).duration.as_millis()).unwrap_or(u64::MAX),
            sessions: report.sessions(),
            retry_in_ms,
        }
    }
}

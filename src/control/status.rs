//! The answer of `/api/status`.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::{
    board::{Board, StreamView},
    guide::KeyPlace,
};
use crate::{
    destination::{
        Destination,
        excess::Exceeded,
        status::{Connection, State},
        task::ENDED_HERE,
    },
    media::{Origin, PictureFormat, SoundFormat},
    net::tls,
    stream::{Facts, Feed, Phase, TransportUse},
};

/// The whole relay at one moment.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// forkcast's version.
    pub version: String,
    /// Since the relay started.
    pub uptime_seconds: f64,
    /// The server URL of each listener, for an encoder. `HOST` stands for this machine's name as the encoder calls it or, for
    /// `rtmps`, for a name of the certificate's.
    pub servers: Vec<String>,
    /// What to do first; absent once a destination is on.
    pub first_step: Option<String>,
    /// Every configured stream.
    pub streams: Vec<StreamStatus>,
    /// The certificates that publishers are shown.
    pub certificates: Vec<CertificateStatus>,
}

/// A certificate that publishers are shown.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CertificateStatus {
    /// Its file.
    pub file: String,
    /// The host names that it is for.
    pub names: Vec<String>,
    /// Its last day, `YYYY-MM-DD` in UTC.
    pub until: Option<String>,
    /// Whole days that are left; negative where it has run out.
    pub days_left: Option<i64>,
}

/// One stream.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StreamStatus {
    /// `live`, or the folder's name.
    pub name: String,
    /// `idle`, `live` or `held` (the publisher was lost, destinations are kept connected).
    pub state: String,
    /// Since the broadcast began, over all publishes that it had; absent while there is none.
    pub on_air_seconds: Option<f64>,
    /// While it is held: until the broadcast ends, if the publisher does not return.
    pub hold_left_ms: Option<u64>,
    /// While encoders are kept out, since a person has ended the broadcast: until they are let in again.
    pub shut_for_ms: Option<u64>,
    /// Where its key is found.
    pub key: Option<KeyPlace>,
    /// Who publishes.
    pub publisher: Option<PublisherStatus>,
    /// Payload of the present publish.
    pub received_bytes: u64,
    /// Messages of the present publish.
    pub received_messages: u64,
    /// What `received_bytes` was, a second apart, up to a minute ago and the oldest first; absent where nobody asks for it.
    pub minute: Option<Vec<u64>>,
    /// Codec of the default video track.
    pub video_codec: Option<String>,
    /// Codec of the default audio track.
    pub audio_codec: Option<String>,
    /// The default video track; absent while nobody publishes.
    pub video: Option<VideoStatus>,
    /// The default audio track; absent while nobody publishes.
    pub audio: Option<AudioStatus>,
    /// All that arrives, over the last seconds; absent until it has been measured.
    pub bits_per_second: Option<u64>,
    /// By which transport publishers have come since the start, `rtmp` and `rtmps`.
    pub transports: BTreeMap<String, TransportStatus>,
    /// Where it goes.
    pub destinations: Vec<DestinationStatus>,
}

/// The picture that arrives. What is not known is absent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct VideoStatus {
    /// In pixels, as it is shown.
    pub width: Option<u32>,
    /// In pixels.
    pub height: Option<u32>,
    /// Who says so: `sequence_header`, by which decoders go, or `metadata`, which the encoder only claims.
    pub size_from: Option<String>,
    /// The codec's profile, such as `High`.
    pub profile: Option<String>,
    /// The codec's level, such as `4.2`.
    pub level: Option<String>,
    /// Over the last seconds.
    pub bits_per_second: Option<u64>,
    /// Over the last seconds.
    pub frames_per_second: Option<f64>,
    /// Between the last two keyframes.
    pub keyframe_interval_seconds: Option<f64>,
    /// The longest time between the last keyframes, and since the last one.
    pub longest_keyframe_interval_seconds: Option<f64>,
}

/// The sound that arrives. What is not known is absent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AudioStatus {
    /// In Hz.
    pub sample_rate: Option<u32>,
    /// As many as are heard.
    pub channels: Option<u8>,
    /// Who says so: `sequence_header` or `metadata`.
    pub format_from: Option<String>,
    /// The codec's profile, such as `LC`.
    pub profile: Option<String>,
    /// Over the last seconds; zero while nothing arrives.
    pub bits_per_second: Option<u64>,
}

/// How a transport has been used.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TransportStatus {
    /// Publishes that were accepted over it.
    pub publishes: u64,
    /// Since the last of them began.
    pub last_seconds_ago: f64,
}

/// A live publisher.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PublisherStatus {
    /// Address and port.
    pub address: String,
    /// `rtmp` or `rtmps`.
    pub transport: String,
    /// Version and cipher of TLS; absent where nothing protects the connection.
    pub tls: Option<String>,
    /// By which key it came in, where that has a name.
    pub name: Option<String>,
    /// Since the publish began.
    pub seconds: f64,
    /// Since the last message came.
    pub silent_ms: u64,
}

/// One destination.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DestinationStatus {
    /// Its file's name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Its platform's name; absent where the file is wrong.
    pub platform: Option<String>,
    /// Its server; the path is left out, since it can be a secret.
    pub url: Option<String>,
    /// `off`, `wrong`, `idle`, `connecting`, `delivering` (its server takes what is sent), `stalling` (it acknowledges
    /// nothing), `held` (the publisher is away), `waiting` (for the next try), `parked` (nothing is tried) or `unsuitable` (it does
    /// not take what is published).
    pub state: String,
    /// Why it is off, wrong, parked or unsuitable, or stalls, or is still connecting.
    pub reason: Option<String>,
    /// It is off because a person has ended this broadcast there: the next one is sent, and `restart` sends this one again.
    pub is_over: bool,
    /// What is wrong with its file, where it goes on by what was read before.
    pub file_problem: Option<String>,
    /// Fields of its file that wait to be filled in, `key` or `url`: with them it is on.
    pub lacks: Vec<String>,
    /// What is known of the present connection.
    pub connection: Option<ConnectionStatus>,
    /// The last failure since the relay started, or what the present connection suffers from.
    pub last_error: Option<FailureStatus>,
    /// Payload sent, over all sessions.
    pub sent_bytes: u64,
    /// Messages sent, over all sessions.
    pub sent_messages: u64,
    /// What `sent_bytes` was, a second apart, up to a minute ago and the oldest first; absent where nobody asks for it.
    pub minute: Option<Vec<u64>>,
    /// Messages left out because the destination was too slow.
    pub dropped_messages: u64,
    /// The same by what was done about it.
    pub dropped: DroppedStatus,
    /// Since the last of them was left out.
    pub last_dropped_seconds_ago: Option<f64>,
    /// How far it is behind.
    pub lag_ms: u64,
    /// For how long its server has taken the present publish.
    pub live_seconds: Option<f64>,
    /// Publishes that its server accepted.
    pub sessions: u64,
    /// Until the next try; absent where none is planned.
    pub retry_in_ms: Option<u64>,
    /// What its platform takes of a stream, in words; absent where nothing is known.
    pub takes: Option<String>,
    /// In what the stream is beyond that now. It is told, and sent all the same.
    pub limits_exceeded: Vec<ExceededStatus>,
}

/// Something that is beyond its limit.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExceededStatus {
    /// `codec`, `video_bitrate`, `audio_bitrate`, `resolution`, `frame_rate`, `keyframe_interval`, `sound` (none arrives) or
    /// `session_length` (it ends soon).
    pub limit: String,
    /// How much it is, what the limit is, and what to do, for people.
    pub message: String,
}

/// A destination's connection.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ConnectionStatus {
    /// Its server, without the path.
    pub server: String,
    /// It is the backup.
    pub is_backup: bool,
    /// Version and cipher of TLS, and `pinned certificate` or `certificate not verified` where its file says so; absent where
    /// nothing protects the connection.
    pub tls: Option<String>,
    /// What TCP says; Linux only.
    pub tcp: Option<TcpStatus>,
    /// The server's last RTMP acknowledgement. Servers count as they like: nothing is decided by it.
    pub rtmp_acknowledged: Option<u32>,
}

/// A connection as TCP sees it, as of about a second ago.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TcpStatus {
    /// Bytes that have arrived.
    pub acknowledged_bytes: u64,
    /// Bytes that have not left this machine.
    pub unsent_bytes: u32,
    /// The round trip.
    pub round_trip_ms: f64,
    /// Segments that were sent again.
    pub retransmits: u32,
}

/// Messages that were left out.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DroppedStatus {
    /// On the way to a keyframe.
    pub skipped: u64,
    /// Of the picture, while the sound went on.
    pub picture: u64,
    /// Frames that no other refers to.
    pub disposable: u64,
}

/// Why a destination failed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FailureStatus {
    /// Where on the way it failed.
    pub stage: String,
    /// What it was, for machines.
    pub kind: String,
    /// What it was, for people.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// How long ago.
    pub seconds_ago: f64,
}

impl Status {
    /// The relay now.
    pub fn of(board: &Board) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: board.started.elapsed().as_secs_f64(),
            servers: board.servers.clone(),
            first_step: board.configuration().first_step.clone(),
            streams: board.streams().iter().map(StreamStatus::of).collect(),
            certificates: board.certificates().into_iter().map(CertificateStatus::from).collect(),
        }
    }

    /// The same with what came and went in the last minute.
    #[must_use]
    pub fn with_minute(mut self, board: &Board) -> Self {
        for stream in &mut self.streams {
            stream.minute = Some(board.recent.of(&stream.name, None));
            for destination in &mut stream.destinations {
                destination.minute = Some(board.recent.of(&stream.name, Some(&destination.name)));
            }
        }
        self
    }
}

impl StreamStatus {
    /// One stream now.
    #[must_use]
    pub fn of(StreamView { feed, key, destinations }: &StreamView) -> Self {
        let status = feed.status();
        Self {
            name: feed.name().to_owned(),
            state: match status.phase {
                Phase::Idle | Phase::Ended { .. } => "idle",
                Phase::Live => "live",
                Phase::Held => "held",
            }
            .to_owned(),
            on_air_seconds: status.on_air.map(|on_air| on_air.as_secs_f64()),
            hold_left_ms: status.hold_left.map(millis),
            shut_for_ms: status.shut_for.map(millis),
            key: Some(key.clone()),
            publisher: status.publisher.map(|(publisher, live_for, silence)| PublisherStatus {
                address: publisher.address.to_string(),
                transport: publisher.transport.to_owned(),
                tls: publisher.tls,
                name: publisher.name,
                seconds: live_for.as_secs_f64(),
                silent_ms: millis(silence),
            }),
            received_bytes: status.received_bytes,
            received_messages: status.received_messages,
            minute: None,
            video_codec: status.video.map(|codec| codec.to_string()),
            audio_codec: status.audio.map(|codec| codec.to_string()),
            video: status.facts.map(VideoStatus::from),
            audio: status.facts.map(AudioStatus::from),
            bits_per_second: status.facts.and_then(|facts| facts.rates.total_bits),
            transports: status.transports.into_iter().map(|(name, used)| (name.to_owned(), used.into())).collect(),
            destinations: destinations.iter().map(|destination| DestinationStatus::of(destination, feed)).collect(),
        }
    }
}

impl DestinationStatus {
    /// One destination of a stream now.
    #[must_use]
    pub fn of(destination: &Destination, feed: &Feed) -> Self {
        let (report, settings) = (&destination.report, destination.settings.as_ref());
        let state = report.state();
        let retry_in_ms = match &state {
            State::Waiting { until: Some(until) } => Some(millis(until.saturating_duration_since(Instant::now()))),
            _ => None,
        };
        let dropped = report.dropped();
        Self {
            name: destination.name.clone(),
            file: destination.file.display().to_string(),
            platform: settings.map(|settings| settings.platform.name.clone()),
            url: settings.map(|settings| settings.url.to_string()),
            file_problem: destination.problem.clone(),
            lacks: destination.lacks.iter().map(ToString::to_string).collect(),
            state: state.label().to_owned(),
            is_over: matches!(&state, State::Off { reason } if reason == ENDED_HERE),
            reason: match &state {
                State::Connecting | State::Stalling => report.trouble().map(|trouble| trouble.message),
                state => state.reason().map(str::to_owned),
            },
            connection: report.connection().map(ConnectionStatus::from),
            last_error: report.last_failure().map(|(failure, at)| FailureStatus {
                stage: failure.stage.label().to_owned(),
                kind: failure.kind.label().to_owned(),
                message: failure.message,
                hint: failure.hint,
                seconds_ago: at.elapsed().as_secs_f64(),
            }),
            sent_bytes: report.sent_bytes(),
            sent_messages: report.sent_messages(),
            minute: None,
            dropped_messages: dropped.total(),
            dropped: DroppedStatus {
                skipped: dropped.skipped,
                picture: dropped.picture,
                disposable: dropped.disposable,
            },
            last_dropped_seconds_ago: report.last_dropped().map(|since| since.as_secs_f64()),
            lag_ms: millis(report.lag(feed).duration),
            live_seconds: report.live_for().map(|live| live.as_secs_f64()),
            sessions: report.sessions(),
            retry_in_ms,
            takes: destination.settings.as_ref().and_then(|settings| settings.platform.takes()),
            limits_exceeded: report.exceeded().into_iter().map(ExceededStatus::from).collect(),
        }
    }
}

impl From<Facts> for VideoStatus {
    fn from(Facts { formats, rates, .. }: Facts) -> Self {
        let PictureFormat { size, profile, level } = formats.picture;
        Self {
            width: size.map(|size| size.width),
            height: size.map(|size| size.height),
            size_from: size.map(|size| label(size.origin)),
            profile: profile.map(str::to_owned),
            level: level.map(|level| format!("{}.{}", level / 10, level % 10)),
            bits_per_second: rates.video_bits,
            frames_per_second: rates.frames.map(|frames| (frames * 100.0).round() / 100.0),
            keyframe_interval_seconds: rates.keyframe_interval.and_then(|of| of.last).map(|last| last.as_secs_f64()),
            longest_keyframe_interval_seconds: rates.keyframe_interval.map(|of| of.longest.as_secs_f64()),
        }
    }
}

impl From<Facts> for AudioStatus {
    fn from(Facts { formats, rates, .. }: Facts) -> Self {
        let SoundFormat { sample_rate, channels, profile, origin } = formats.sound;
        Self {
            sample_rate,
            channels,
            format_from: origin.map(label),
            profile: profile.map(str::to_owned),
            bits_per_second: rates.audio_bits,
        }
    }
}

fn label(origin: Origin) -> String {
    match origin {
        Origin::SequenceHeader => "sequence_header",
        Origin::Metadata => "metadata",
    }
    .to_owned()
}

impl From<Exceeded> for ExceededStatus {
    fn from(exceeded: Exceeded) -> Self {
        Self { limit: exceeded.what.label().to_owned(), message: exceeded.sentence }
    }
}

impl From<TransportUse> for TransportStatus {
    fn from(used: TransportUse) -> Self {
        Self { publishes: used.publishes, last_seconds_ago: used.last.elapsed().as_secs_f64() }
    }
}

impl From<tls::CertificateStatus> for CertificateStatus {
    fn from(certificate: tls::CertificateStatus) -> Self {
        let tls::CertificateStatus { file, names, until, days_left, .. } = certificate;
        Self { file: file.display().to_string(), names, until, days_left }
    }
}

impl From<Connection> for ConnectionStatus {
    fn from(connection: Connection) -> Self {
        Self {
            server: connection.server,
            is_backup: connection.is_backup,
            tls: connection.tls,
            tcp: connection.tcp.map(|tcp| TcpStatus {
                acknowledged_bytes: tcp.acknowledged_bytes,
                unsent_bytes: tcp.unsent_bytes,
                round_trip_ms: tcp.round_trip.as_secs_f64() * 1000.0,
                retransmits: tcp.retransmits,
            }),
            rtmp_acknowledged: connection.rtmp_acknowledged,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

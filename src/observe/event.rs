//! Everything that an operator may be told, in one list.
//!
//! An event writes its log line, and moves the counter of what is nobody's yet: connections at the door, certificates. What a
//! stream or a destination counts is its own, and goes with it (`control/metrics.rs`). Nothing in an event can hold a key:
//! names, addresses and sentences only.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use metrics::{counter, gauge};
use tracing::{debug, error, info, warn};

use super::{Line, News, metrics::name};

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
    IngestRefused { address: SocketAddr, transport: &'static str, reason: &'a str, line: Line },
    /// A connection to the RTMPS port with which there is no TLS; `reason` continues "it …".
    TlsRefused { address: SocketAddr, reason: &'a str, hint: &'a str, line: Line },
    /// The certificate that publishers are shown has run out, will soon, or is not valid yet.
    CertificateProblem { problem: &'a str },
    /// The files of a certificate have changed, and new connections are shown what they hold now.
    CertificateRenewed { file: &'a str, until: &'a str },
    /// The files of a certificate have changed and cannot be used: what was loaded before is still shown.
    CertificateKept { problem: &'a str, hint: &'a str },
    /// There are few file descriptors for what is configured.
    FewDescriptors { limit: u64, wanted: u64 },
    /// A connection that went away without a word: a port scan, or a health check.
    IngestProbed { address: SocketAddr, transport: &'static str },
    /// A publish with a wrong key, or to a stream that is already live.
    PublishRefused { address: SocketAddr, transport: &'static str, reason: &'a str, line: Line },
    /// A relay's stream was refused, because it would run in a circle or has passed too many relays; `reason` says how it came.
    LoopRefused { address: SocketAddr, transport: &'static str, reason: &'a str, line: Line },
    /// The webhook that says who may publish gave no answer: nobody who is not known already gets in.
    WebhookFailed { stream: &'a str, address: SocketAddr, reason: &'a str },
    /// A publisher is live; `tls` is version and cipher, `name` by which key it came in, `returned_after` since it was lost,
    /// where its broadcast goes on.
    PublishStarted {
        stream: &'a str,
        address: SocketAddr,
        transport: &'static str,
        tls: Option<&'a str>,
        name: Option<&'a str>,
        returned_after: Option<Duration>,
    },
    /// A publisher has come over the internet without TLS.
    PublishUnprotected { stream: &'a str, address: SocketAddr },
    /// A publisher is connected and sends nothing.
    PublisherSilent { stream: &'a str, silence: Duration },
    /// The publisher ended the broadcast.
    PublishStopped { stream: &'a str, reason: &'a str },
    /// The publisher's connection was lost; destinations stay connected for `hold`.
    PublisherLost { stream: &'a str, reason: &'a str, hold: Duration },
    /// A publisher was displaced by another one with the same key.
    PublisherDisplaced { stream: &'a str, address: SocketAddr },
    /// A configured destination is off.
    DestinationOff { stream: &'a str, destination: &'a str, reason: &'a str },
    /// A destination's file is wrong: it is held back.
    DestinationWrong { stream: &'a str, destination: &'a str, reason: &'a str },
    /// A destination's task ended by a fault of forkcast's own; it is started anew.
    DestinationBroken { stream: &'a str, destination: &'a str, restart_in: Duration },
    /// Other files have changed what a destination does; `what` continues "destination `x` …".
    DestinationChanged { stream: &'a str, destination: &'a str, what: &'static str },
    /// A stream's files are gone: it ends, with its destinations.
    StreamRemoved { stream: &'a str },
    /// A stream's key can be neither read nor made: nobody may publish it.
    StreamWithoutKey { stream: &'a str, error: &'a str },
    /// A person has ended the broadcast of a stream.
    BroadcastEnded { stream: &'a str },
    /// No further publishers are taken; those that are there are waited for.
    Draining { wait: Duration },
    /// Something is wrong with a file, and was not before.
    ConfigurationProblem { is_mistake: bool, problem: &'a str },
    /// The files were read again, and what runs is what they say.
    ConfigurationRead {
        streams_added: usize,
        streams_removed: usize,
        destinations: usize,
        mistakes: usize,
        took: Duration,
    },
    /// The files were read again, and nothing of them is gone by.
    ConfigurationKept { reason: &'a str },
    /// Settings have changed that count from the next start on.
    NeedsRestart { settings: &'a str },
    /// A destination goes back from its backup to its primary server.
    DestinationFailsBack { stream: &'a str, destination: &'a str },
    /// A destination is connected to a server that may be anyone's, since its file says that any certificate will do.
    CertificateNotVerified { stream: &'a str, destination: &'a str, server: &'a str, fingerprint: &'a str },
    /// A destination is not started, or cut off, because it cannot take what is published.
    DestinationUnsuitable { stream: &'a str, destination: &'a str, what: &'a str, reason: &'a str },
    /// A destination accepted the publish; `tls` is version and cipher, `resumed_after` since it was lost, where it was.
    DestinationLive { stream: &'a str, destination: &'a str, tls: Option<&'a str>, resumed_after: Option<Duration> },
    /// A destination is too slow: messages skipped on the way to a keyframe, frames of the picture, disposable frames.
    DestinationDropped { stream: &'a str, destination: &'a str, skipped: u64, picture: u64, disposable: u64 },
    /// A destination failed; `next` says what comes next, `news` how much of it is to be told.
    DestinationFailed {
        stream: &'a str,
        destination: &'a str,
        stage: &'static str,
        kind: &'static str,
        message: &'a str,
        hint: &'a str,
        next: &'a str,
        news: News,
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
            Self::IngestRefused { address, transport, reason, line } => {
                counter!(name::INGEST_REFUSED, "reason" => "protocol").increment(1);
                match line {
                    Line::Told { left_out } => {
                        let more = more(left_out);
                        warn!("{transport} peer at {address} did not become a publisher: {reason}{more}");
                    }
                    Line::LeftOut => debug!("{transport} peer at {address} did not become a publisher: {reason}"),
                }
            }
            Self::TlsRefused { address, reason, hint, line } => {
                counter!(name::INGEST_REFUSED, "reason" => "tls").increment(1);
                match line {
                    Line::Told { left_out } => {
                        let more = more(left_out);
                        warn!("rtmps peer at {address} did not become a publisher: it {reason}{more}\n  hint: {hint}");
                    }
                    Line::LeftOut => debug!("rtmps peer at {address} did not become a publisher: it {reason}"),
                }
            }
            Self::CertificateProblem { problem } => warn!("rtmps: {problem}"),
            Self::CertificateRenewed { file, until } => {
                counter!(name::CERTIFICATE_RELOADS, "result" => "used").increment(1);
                info!(
                    "rtmps: the certificate in `{file}` is new and in use for new connections; it is valid until {until}"
                );
            }
            Self::CertificateKept { problem, hint } => {
                counter!(name::CERTIFICATE_RELOADS, "result" => "refused").increment(1);
                error!(
                    "rtmps: a certificate has changed and is not used, the one before is: {problem}\n  hint: {hint}"
                );
            }
            Self::FewDescriptors { limit, wanted } => warn!(
                "this process may open {limit} files, and needs {wanted} for its destinations and publishers: connections will be \
                 refused under load\n  hint: raise the limit of open files (`ulimit -n`, or LimitNOFILE of the service)"
            ),
            Self::IngestProbed { address, transport } => {
                counter!(name::INGEST_REFUSED, "reason" => "probe").increment(1);
                debug!("{transport} connection from {address} went away without a word");
            }
            Self::PublishRefused { address, transport, reason, line } => {
                counter!(name::INGEST_REFUSED, "reason" => "publish").increment(1);
                match line {
                    Line::Told { left_out } => {
                        warn!("{transport} publisher at {address} refused: {reason}{}", more(left_out));
                    }
                    Line::LeftOut => debug!("{transport} publisher at {address} refused: {reason}"),
                }
            }
            Self::LoopRefused { address, transport, reason, line } => {
                counter!(name::INGEST_REFUSED, "reason" => "loop").increment(1);
                match line {
                    Line::Told { left_out } => {
                        warn!("{transport} relay at {address} refused: {reason}{}", more(left_out));
                    }
                    Line::LeftOut => debug!("{transport} relay at {address} refused: {reason}"),
                }
            }
            Self::WebhookFailed { stream, address, reason } => {
                counter!(name::WEBHOOK_FAILURES).increment(1);
                error!(
                    "stream `{stream}`: a publisher at {address} was refused, for its webhook did not say whether it may: {reason}\n  \
                     hint: check `webhook.url` in stream.toml, and the program behind it; publishers that it has let in come back \
                     without it for a while"
                );
            }
            Self::PublishStarted { stream, address, transport, tls, name, returned_after } => {
                let with = tls.map_or_else(String::new, |tls| format!(" ({tls})"));
                let by = name.map_or_else(String::new, |name| format!(" with the key of `{name}`"));
                match returned_after {
                    None => info!("stream `{stream}` is live: {transport} publisher at {address}{with}{by}"),
                    Some(gap) => info!(
                        "stream `{stream}` is live again after {:.1} s: {transport} publisher at {address}{with}{by}, the same \
                         broadcast goes on",
                        gap.as_secs_f64()
                    ),
                }
            }
            Self::PublishUnprotected { stream, address } => warn!(
                "stream `{stream}`: the publisher at {address} sends over the internet without TLS: everybody on the way can read \
                 its key, and see the picture\n  hint: use rtmps:// in the encoder; `require_tls = true` in stream.toml refuses \
                 the rest"
            ),
            Self::PublisherSilent { stream, silence } => {
                warn!("stream `{stream}`: the publisher is connected and has sent nothing for {} s", silence.as_secs());
            }
            Self::PublishStopped { stream, reason } => info!("stream `{stream}` ended: {reason}"),
            Self::PublisherLost { stream, reason, hold } => {
                let hold = humantime::format_duration(hold);
                warn!("stream `{stream}` lost its publisher ({reason}): destinations are held open for {hold}");
            }
            Self::PublisherDisplaced { stream, address } => {
                warn!("stream `{stream}`: the publisher at {address} was displaced by another one with the same key");
            }
            Self::DestinationOff { stream, destination, reason } => {
                info!("destination `{}` is off: {reason}", full_name(stream, destination));
            }
            Self::DestinationWrong { stream, destination, reason } => {
                error!("destination `{}` is held back, its file is wrong: {reason}", full_name(stream, destination));
            }
            Self::DestinationBroken { stream, destination, restart_in } => {
                error!(
                    "destination `{}` was ended by a fault of forkcast's own, and is started anew in {} s\n  hint: the lines \
                     above say where; please report them",
                    full_name(stream, destination),
                    restart_in.as_secs()
                );
            }
            Self::DestinationChanged { stream, destination, what } => {
                info!("destination `{}` {what}", full_name(stream, destination));
            }
            Self::StreamRemoved { stream } => {
                info!("stream `{stream}` is gone with its files: it ends, with its destinations");
            }
            Self::StreamWithoutKey { stream, error } => error!("nobody can publish stream `{stream}`: {error}"),
            Self::BroadcastEnded { stream } => info!("the broadcast of stream `{stream}` was ended by hand"),
            Self::Draining { wait } => {
                let wait = humantime::format_duration(wait);
                info!(
                    "draining: no further publishers are taken, and those that are there are waited for, {wait} at the most"
                );
            }
            Self::ConfigurationProblem { is_mistake: true, problem } => {
                error!("what ran before goes on, but a file is wrong\n{problem}");
            }
            Self::ConfigurationProblem { is_mistake: false, problem } => warn!("{problem}"),
            Self::ConfigurationRead { streams_added, streams_removed, destinations, mistakes, took } => {
                counter!(name::CONFIGURATION_READS, "result" => "used").increment(1);
                note_configuration(mistakes);
                let plural = |count: usize, what: &str| match count {
                    1 => format!("1 {what}"),
                    count => format!("{count} {what}s"),
                };
                let streams = match (streams_added, streams_removed) {
                    (0, 0) => String::new(),
                    (added, removed) => format!(", {} added, {removed} removed", plural(added, "stream")),
                };
                let wrong = match mistakes {
                    0 => String::new(),
                    mistakes => format!("; {} in the files", plural(mistakes, "mistake")),
                };
                info!(
                    "the files were read again in {} ms: {} changed{streams}{wrong}",
                    took.as_millis(),
                    plural(destinations, "destination")
                );
            }
            Self::ConfigurationKept { reason } => {
                counter!(name::CONFIGURATION_READS, "result" => "kept").increment(1);
                error!("the files were read again, and are not gone by: {reason}");
            }
            Self::NeedsRestart { settings } => {
                warn!("{settings} of `forkcast.toml` changed: that counts when forkcast is started again");
            }
            Self::DestinationFailsBack { stream, destination } => {
                info!("destination `{}` goes back to its primary server", full_name(stream, destination));
            }
            Self::CertificateNotVerified { stream, destination, server, fingerprint } => {
                let name = full_name(stream, destination);
                warn!(
                    "destination `{name}`: certificate of `{server}` is not verified (`dangerous_accept_any_certificate`), so \
                     whoever is in between can read the stream and its key\n  hint: write `certificate_sha256 = \"{fingerprint}\"` \
                     in its place, once that is the fingerprint of the server's own certificate"
                );
            }
            Self::DestinationUnsuitable { stream, destination, what, reason } => {
                warn!("destination `{}` {what}: {reason}", full_name(stream, destination));
            }
            Self::DestinationLive { stream, destination, tls, resumed_after } => {
                let name = full_name(stream, destination);
                let with = tls.map_or_else(|| " (plain)".to_owned(), |tls| format!(" ({tls})"));
                match resumed_after {
                    None => info!("destination `{name}` is live: its server accepted the publish{with}"),
                    Some(gap) => info!("destination `{name}` is live again after {:.1} s{with}", gap.as_secs_f64()),
                }
            }
            Self::DestinationDropped { stream, destination, skipped, picture, disposable } => {
                let name = full_name(stream, destination);
                warn!(
                    "destination `{name}` takes less than the stream brings: left out {skipped} messages up to a keyframe, \
                     {picture} frames of the picture, {disposable} disposable frames"
                );
            }
            Self::DestinationFailed { stream, destination, message, hint, next, news, .. } => {
                let name = full_name(stream, destination);
                match news {
                    News::New => error!("destination `{name}` failed: {message}; {next}\n  hint: {hint}"),
                    News::Still { tries, lasting } => {
                        let lasting = lasting.as_secs();
                        warn!("destination `{name}` still fails ({tries} tries in {lasting} s): {message}; {next}");
                    }
                    News::Old => debug!("destination `{name}` failed: {message}; {next}"),
                }
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

/// Notes what was made of the files.
pub fn note_configuration(mistakes: usize) {
    #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^52 mistakes")]
    gauge!(name::CONFIGURATION_MISTAKES).set(mistakes as f64);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    gauge!(name::CONFIGURATION_READ_LAST).set(now.as_secs_f64());
}

/// What was left out before a line, in words.
fn more(left_out: u64) -> String {
    match left_out {
        0 => String::new(),
        1 => " (and one more line like it was left out)".to_owned(),
        more => format!(" (and {more} more lines like it were left out)"),
    }
}

/// The name that a person knows a destination by: that of the default stream's destinations is enough by itself.
pub fn full_name(stream: &str, destination: &str) -> String {
    if stream == "live" { destination.to_owned() } else { format!("{stream}/{destination}") }
}

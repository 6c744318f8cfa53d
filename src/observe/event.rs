//! Everything that an operator may be told, in one list.
//!
//! An event makes one statement (`statement.rs`), which is written to the log and kept in the history that dashboard and
//! webhooks read, and moves its counters (`counters.rs`): all of it by [`Event::emit`] and nowhere else, so that they never
//! tell different stories. Nothing in an event can hold a key: names, addresses and sentences only.

mod counters;
mod statement;

pub use self::counters::note_configuration;

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use super::{Line, News, history::History};

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
    /// A person has given a stream another key; `old` says until when the old one opens it.
    KeyReplaced { stream: &'a str, old: &'a str },
    /// A person has ended the broadcast of a stream.
    BroadcastEnded { stream: &'a str },
    /// No further publishers are taken; those that are there are waited for.
    Draining { wait: Duration },
    /// Something is wrong with a file, and was not before: `problem` with the line of the file, `sentence` and `hint` without.
    ConfigurationProblem { is_mistake: bool, problem: &'a str, sentence: &'a str, hint: &'a str },
    /// The files were read again, and what runs is what they say.
    ConfigurationRead {
        streams_added: usize,
        streams_changed: usize,
        streams_removed: usize,
        destinations: usize,
        webhooks: usize,
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
    /// The stream is beyond what a destination's platform takes; `sentences` say in what, and what to do.
    LimitExceeded { stream: &'a str, destination: &'a str, sentences: &'a str },
    /// The stream is no longer; `sentence` says in what.
    LimitKept { stream: &'a str, destination: &'a str, sentence: &'a str },
    /// A destination accepted the publish; `tls` is version and cipher, `resumed_after` since it was lost, where it was.
    /// `has_failed` says that it was told of a failure before, be it at the first connection.
    DestinationLive {
        stream: &'a str,
        destination: &'a str,
        tls: Option<&'a str>,
        resumed_after: Option<Duration>,
        has_failed: bool,
    },
    /// A destination's server takes nothing, or has not answered yet; `what` continues "destination `x` …", `next` says what becomes
    /// of it where that lasts.
    DestinationStalling {
        stream: &'a str,
        destination: &'a str,
        what: &'static str,
        message: &'a str,
        hint: &'a str,
        next: &'a str,
    },
    /// A destination that took nothing takes data again, over the same connection; `after` is how long it did not.
    DestinationFlows { stream: &'a str, destination: &'a str, after: Duration },
    /// A destination is too slow: messages skipped on the way to a keyframe, frames of the picture, disposable frames.
    DestinationDropped { stream: &'a str, destination: &'a str, skipped: u64, picture: u64, disposable: u64 },
    /// A destination failed; `next` says what comes next, `is_parked` that it is not tried again by itself, `news` how much of it
    /// is to be told.
    DestinationFailed {
        stream: &'a str,
        destination: &'a str,
        stage: &'static str,
        kind: &'static str,
        message: &'a str,
        hint: &'a str,
        next: &'a str,
        is_parked: bool,
        news: News,
    },
    /// A destination was ended cleanly; `when` continues "ended …".
    DestinationEnded { stream: &'a str, destination: &'a str, when: &'static str },
    /// A destination's connection was dropped without an unpublish, so that its broadcast can go on after a restart.
    DestinationLeft { stream: &'a str, destination: &'a str },
    /// A webhook for people does not take what it is sent; `lost` is what it will never be sent.
    NotifyFailed { endpoint: &'a str, reason: &'a str, lost: u64 },
    /// A webhook for people takes again what it is sent.
    NotifyRecovered { endpoint: &'a str, lost: u64 },
    /// The relay was asked to stop.
    Stopping { how: &'static str },
}

impl Event<'_> {
    /// Tells it: writes the log line, moves the counters, and keeps what is worth a look for dashboard and webhooks.
    pub fn emit(self) {
        self.count();
        let statement = self.statement();
        statement.log();
        if !statement.is_repeat {
            History::of_process().note(statement, SystemTime::now());
        }
    }
}

/// The name that a person knows a destination by: that of the default stream's destinations is enough by itself.
pub fn full_name(stream: &str, destination: &str) -> String {
    if stream == "live" { destination.to_owned() } else { format!("{stream}/{destination}") }
}

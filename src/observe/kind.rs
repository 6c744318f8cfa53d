//! The names that events go by: for machines, for whoever chooses what to hear of, and for `docs/events.md`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// In the course of things.
    Info,
    /// It goes on, and somebody should know.
    Warning,
    /// Something does not do what it is there for.
    Error,
}

impl Severity {
    /// Every one, from the least.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Error];

    /// Its name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Whom an event is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// A person should hear of it, wherever they are: it goes to webhooks that do not choose.
    Person,
    /// Whoever looks at the log or the dashboard.
    Reader,
    /// The same, but it is about strangers who knock. There can be any number of those: they have a share of their own of what
    /// is kept, and push nothing else out.
    Crowd,
}

/// One row for each kind: its name, which never changes, how much it matters, and whom it is for.
macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $severity:ident, $audience:ident;)*) => {
        /// What happened, without to whom.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $variant,)* }

        impl Kind {
            /// Every one, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in JSON and settings, in snake case.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How much it matters.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// Whom it is for.
            pub const fn audience(self) -> Audience {
                match self { $(Self::$variant => Audience::$audience,)* }
            }
        }
    };
}

kinds! {
    /// A listener takes publishers.
    Listening = "listening", Info, Reader;
    /// The default HTTP address cannot be had.
    HttpOff = "http_off", Warning, Reader;
    /// A connection could not be accepted.
    AcceptFailed = "accept_failed", Warning, Reader;
    /// There are few file descriptors for what is configured.
    FewDescriptors = "few_descriptors", Warning, Reader;
    /// The relay was asked to stop.
    Stopping = "stopping", Info, Reader;
    /// A connection to the ingest port ended before it became a publish.
    IngestRefused = "ingest_refused", Warning, Crowd;
    /// A connection to the RTMPS port with which there is no TLS.
    TlsRefused = "tls_refused", Warning, Crowd;
    /// A publish with a wrong key, or to a stream that is already live.
    PublishRefused = "publish_refused", Warning, Crowd;
    /// A relay's stream that would run in a circle.
    LoopRefused = "loop_refused", Warning, Crowd;
    /// The webhook that says who may publish gave no answer.
    WebhookFailed = "webhook_failed", Error, Person;
    /// The certificate that publishers are shown has run out, will soon, or is not valid yet.
    CertificateProblem = "certificate_problem", Warning, Person;
    /// A changed certificate is in use.
    CertificateRenewed = "certificate_renewed", Info, Reader;
    /// A changed certificate cannot be used.
    CertificateKept = "certificate_kept", Error, Person;
    /// A stream's files are gone.
    StreamRemoved = "stream_removed", Info, Reader;
    /// A stream's key can be neither read nor made.
    StreamWithoutKey = "stream_without_key", Error, Person;
    /// A person has given a stream another key.
    KeyReplaced = "key_replaced", Info, Reader;
    /// A person has ended the broadcast of a stream.
    BroadcastEnded = "broadcast_ended", Info, Person;
    /// No further publishers are taken.
    Draining = "draining", Info, Reader;
    /// A file is wrong, and was not before.
    ConfigurationWrong = "configuration_wrong", Error, Person;
    /// A file is probably not what was meant.
    ConfigurationWarning = "configuration_warning", Warning, Reader;
    /// Files have changed, and what runs is what they say.
    ConfigurationRead = "configuration_read", Info, Reader;
    /// Files have changed, and nothing of them is gone by.
    ConfigurationKept = "configuration_kept", Error, Person;
    /// Settings have changed that count from the next start on.
    NeedsRestart = "needs_restart", Warning, Reader;
    /// A publisher is live.
    PublishStarted = "publish_started", Info, Person;
    /// A publisher that was lost is back, and its broadcast goes on.
    PublisherReturned = "publisher_returned", Info, Person;
    /// A publisher has come over the internet without TLS.
    PublishUnprotected = "publish_unprotected", Warning, Reader;
    /// A publisher is connected and sends nothing.
    PublisherSilent = "publisher_silent", Warning, Person;
    /// The broadcast has ended.
    PublishStopped = "publish_stopped", Info, Person;
    /// The publisher's connection was lost, and destinations are held open.
    PublisherLost = "publisher_lost", Warning, Person;
    /// A publisher was displaced by another one with the same key.
    PublisherDisplaced = "publisher_displaced", Warning, Reader;
    /// A configured destination is off.
    DestinationOff = "destination_off", Info, Reader;
    /// A destination's file is wrong.
    DestinationWrong = "destination_wrong", Error, Person;
    /// A destination's task ended by a fault of forkcast's own.
    DestinationBroken = "destination_broken", Error, Person;
    /// Other files have changed what a destination does.
    DestinationChanged = "destination_changed", Info, Reader;
    /// A destination goes back from its backup to its primary server.
    DestinationFailsBack = "destination_fails_back", Info, Reader;
    /// A destination's server may be anyone's.
    CertificateNotVerified = "certificate_not_verified", Warning, Reader;
    /// A destination cannot take what is published.
    DestinationUnsuitable = "destination_unsuitable", Warning, Person;
    /// The stream is beyond what a destination's platform takes.
    LimitExceeded = "limit_exceeded", Warning, Person;
    /// It no longer is.
    LimitKept = "limit_kept", Info, Reader;
    /// A destination accepted the publish, and had not failed before.
    DestinationLive = "destination_live", Info, Reader;
    /// A destination that had failed accepted the publish.
    DestinationRecovered = "destination_recovered", Info, Person;
    /// A destination is too slow.
    DestinationDropped = "destination_dropped", Warning, Reader;
    /// A destination's server takes nothing, or does not answer, and what becomes of it is not known yet.
    DestinationStalling = "destination_stalling", Error, Person;
    /// A destination failed and is tried again.
    DestinationFailed = "destination_failed", Error, Person;
    /// It goes on failing.
    DestinationStillFailing = "destination_still_failing", Warning, Reader;
    /// A destination failed and is not tried again by itself.
    DestinationParked = "destination_parked", Error, Person;
    /// A destination was ended cleanly, with the broadcast.
    DestinationEnded = "destination_ended", Info, Reader;
    /// A destination's connection was dropped without an unpublish.
    DestinationLeft = "destination_left", Info, Reader;
    /// A webhook for people takes nothing.
    NotifyFailed = "notify_failed", Warning, Reader;
    /// A webhook for people takes again what it is sent.
    NotifyRecovered = "notify_recovered", Info, Reader;
}

impl Kind {
    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| de::Error::custom("no kind of event has this name"))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    const REFERENCE: &str = include_str!("../../docs/events.md");

    /// The names of kinds that lines of the log are given below `folder` without being events.
    fn kinds_of_lines(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                kinds_of_lines(&path, found);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap_or_default();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let names = code.split("kind = \"").skip(1).filter_map(|rest| rest.split('"').next());
            found.extend(names.map(str::to_owned));
        }
    }

    #[test]
    fn every_kind_stands_in_the_reference() {
        let mut names = Vec::new();
        kinds_of_lines(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut names);
        assert!(names.iter().any(|name| name == "welcome"), "{names:?}");
        names.extend(Kind::ALL.iter().map(|kind| kind.name().to_owned()));
        for name in names {
            let rows = REFERENCE.lines().filter(|line| line.starts_with(&format!("| `{name}` |"))).count();
            assert_eq!(rows, 1, "docs/events.md has no row for `{name}`, or two");
        }
    }
}

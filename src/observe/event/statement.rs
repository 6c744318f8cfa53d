//! What each event says: its kind, the sentence, and what to do about it.

use std::fmt;

use super::{Event, full_name};
use crate::observe::{Line, News, kind::Kind, record::Statement};

impl Event<'_> {
    pub(super) fn statement(&self) -> Statement {
        let new = Statement::new;
        match *self {
            Self::Listening { transport, address } => {
                new(Kind::Listening, format!("listening for {transport} publishers on {address}"))
            }
            Self::HttpOff { address, error } => new(
                Kind::HttpOff,
                format!(
                    "no status, metrics and health: cannot listen on {address} ({error}); choose another with --http ADDR"
                ),
            ),
            Self::AcceptFailed { transport, error } => {
                new(Kind::AcceptFailed, format!("cannot accept an {transport} connection: {error}"))
            }
            Self::FewDescriptors { limit, wanted } => new(
                Kind::FewDescriptors,
                format!(
                    "this process may open {limit} files, and needs {wanted} for its destinations and publishers: connections will \
                     be refused under load"
                ),
            )
            .hint("raise the limit of open files (`ulimit -n`, or LimitNOFILE of the service)"),
            Self::Stopping { how } => new(Kind::Stopping, format!("stopping: {how}")),

            Self::IngestRefused { address, transport, reason, line } => told(
                line,
                new(Kind::IngestRefused, format!("{transport} peer at {address} did not become a publisher: {reason}")),
            ),
            Self::TlsRefused { address, reason, hint, line } => told(
                line,
                new(Kind::TlsRefused, format!("rtmps peer at {address} did not become a publisher: it {reason}")).hint(hint),
            ),
            Self::IngestProbed { address, transport } => Statement {
                is_repeat: true,
                ..new(Kind::IngestRefused, format!("{transport} connection from {address} went away without a word"))
            },
            Self::PublishRefused { address, transport, reason, line } => told(
                line,
                new(Kind::PublishRefused, format!("{transport} publisher at {address} refused: {reason}")),
            ),
            Self::LoopRefused { address, transport, reason, line } => {
                told(line, new(Kind::LoopRefused, format!("{transport} relay at {address} refused: {reason}")))
            }
            Self::WebhookFailed { stream, address, reason } => new(
                Kind::WebhookFailed,
                format!(
                    "stream `{stream}`: a publisher at {address} was refused, for its webhook did not say whether it may: {reason}"
                ),
            )
            .of_stream(stream)
            .hint(
                "check `webhook.url` in stream.toml, and the program behind it; publishers that it has let in come back without \
                 it for a while",
            ),

            Self::CertificateProblem { problem } => new(Kind::CertificateProblem, format!("rtmps: {problem}")),
            Self::CertificateRenewed { file, until } => new(
                Kind::CertificateRenewed,
                format!(
                    "rtmps: the certificate in `{file}` is new and in use for new connections; it is valid until {until}"
                ),
            ),
            Self::CertificateKept { problem, hint } => new(
                Kind::CertificateKept,
                format!("rtmps: a certificate has changed and is not used, the one before is: {problem}"),
            )
            .hint(hint),

            Self::StreamRemoved { stream } => {
                let message = format!("stream `{stream}` is gone with its files: it ends, with its destinations");
                new(Kind::StreamRemoved, message).of_stream(stream)
            }
            Self::StreamWithoutKey { stream, error } => {
                let (cause, hint) = error.split_once("\nhint: ").unwrap_or((error, "look at the state folder"));
                let statement = new(Kind::StreamWithoutKey, format!("nobody can publish stream `{stream}`: {cause}"));
                let log = Some(format!("nobody can publish stream `{stream}`: {error}"));
                Statement { log, ..statement.of_stream(stream).hint(hint) }
            }
            Self::KeyReplaced { stream, old } => {
                let message = format!("stream `{stream}` has a new key; {old}");
                new(Kind::KeyReplaced, message).of_stream(stream)
            }
            Self::BroadcastEnded { stream } => {
                new(Kind::BroadcastEnded, format!("the broadcast of stream `{stream}` was ended by hand")).of_stream(stream)
            }
            Self::Draining { wait } => {
                let wait = humantime::format_duration(wait);
                let message = format!(
                    "draining: no further publishers are taken, and those that are there are waited for, {wait} at the most"
                );
                new(Kind::Draining, message)
            }
            Self::ConfigurationProblem { is_mistake: true, problem, sentence, hint } => {
                let goes_on = "what ran before goes on, but a file is wrong";
                let statement = new(Kind::ConfigurationWrong, format!("{goes_on}: {sentence}")).hint(hint);
                Statement { log: Some(format!("{goes_on}\n{problem}")), ..statement }
            }
            Self::ConfigurationProblem { is_mistake: false, problem, sentence, hint } => {
                let statement = new(Kind::ConfigurationWarning, sentence.to_owned()).hint(hint);
                Statement { log: Some(problem.to_owned()), ..statement }
            }
            Self::ConfigurationRead {
                streams_added,
                streams_changed,
                streams_removed,
                destinations,
                webhooks,
                mistakes,
                took,
            } => {
                let parts = [
                    (streams_added, "stream", "added"),
                    (streams_changed, "stream", "changed"),
                    (streams_removed, "stream", "removed"),
                    (destinations, "destination", "changed"),
                    (webhooks, "webhook", "changed"),
                ];
                let parts: Vec<_> = parts
                    .into_iter()
                    .filter(|(count, ..)| *count > 0)
                    .map(|(count, what, how)| format!("{} {how}", plural(count, what)))
                    .collect();
                let changed = if parts.is_empty() { "nothing has changed".to_owned() } else { parts.join(", ") };
                let wrong = match mistakes {
                    0 => String::new(),
                    mistakes => format!("; {} in the files", plural(mistakes, "mistake")),
                };
                // Where it is as usual, a line about nothing is the same as the one before.
                let took = match took.as_secs() {
                    0 => String::new(),
                    _ => format!(", which took {:.1} s", took.as_secs_f64()),
                };
                // What has changed was told before it: of two such lines each is about something else.
                let is_of_its_own = !parts.is_empty();
                let message = format!("the files were read again{took}: {changed}{wrong}");
                Statement { is_of_its_own, ..new(Kind::ConfigurationRead, message) }
            }
            Self::ConfigurationKept { reason } => {
                new(Kind::ConfigurationKept, format!("the files were read again, and are not gone by: {reason}"))
            }
            Self::NeedsRestart { settings } => new(
                Kind::NeedsRestart,
                format!("{settings} of `forkcast.toml` changed: that counts when forkcast is started again"),
            ),

            Self::PublishStarted { stream, address, transport, tls, name, returned_after } => {
                let with = tls.map_or_else(String::new, |tls| format!(" ({tls})"));
                let by = name.map_or_else(String::new, |name| format!(" with the key of `{name}`"));
                let who = format!("{transport} publisher at {address}{with}{by}");
                let statement = match returned_after {
                    None => new(Kind::PublishStarted, format!("stream `{stream}` is live: {who}")),
                    Some(gap) => new(
                        Kind::PublisherReturned,
                        format!(
                            "stream `{stream}` is live again after {:.1} s: {who}, the same broadcast goes on",
                            gap.as_secs_f64()
                        ),
                    ),
                };
                statement.of_stream(stream)
            }
            Self::PublishUnprotected { stream, address } => new(
                Kind::PublishUnprotected,
                format!(
                    "stream `{stream}`: the publisher at {address} sends over the internet without TLS: everybody on the way can \
                     read its key, and see the picture"
                ),
            )
            .of_stream(stream)
            .hint("use rtmps:// in the encoder; `require_tls = true` in stream.toml refuses the rest"),
            Self::PublisherSilent { stream, silence } => new(
                Kind::PublisherSilent,
                format!(
                    "stream `{stream}`: the publisher is connected and has sent nothing for {} s",
                    silence.as_secs()
                ),
            )
            .of_stream(stream),
            Self::PublishStopped { stream, reason } => {
                new(Kind::PublishStopped, format!("stream `{stream}` ended: {reason}")).of_stream(stream)
            }
            Self::PublisherLost { stream, reason, hold } => {
                let hold = humantime::format_duration(hold);
                let message =
                    format!("stream `{stream}` lost its publisher ({reason}): destinations are held open for {hold}");
                new(Kind::PublisherLost, message).of_stream(stream)
            }
            Self::PublisherDisplaced { stream, address } => new(
                Kind::PublisherDisplaced,
                format!(
                    "stream `{stream}`: the publisher at {address} was displaced by another one with the same key"
                ),
            )
            .of_stream(stream),

            Self::DestinationOff { stream, destination, reason } => {
                let message = format!("destination `{}` is off: {reason}", full_name(stream, destination));
                new(Kind::DestinationOff, message).of(stream, destination)
            }
            Self::DestinationWrong { stream, destination, reason } => {
                let name = full_name(stream, destination);
                let message = format!("destination `{name}` is held back, its file is wrong: {reason}");
                new(Kind::DestinationWrong, message).of(stream, destination)
            }
            Self::DestinationBroken { stream, destination, restart_in } => new(
                Kind::DestinationBroken,
                format!(
                    "destination `{}` was ended by a fault of forkcast's own, and is started anew in {} s",
                    full_name(stream, destination),
                    restart_in.as_secs()
                ),
            )
            .of(stream, destination)
            .hint("the lines above say where; please report them"),
            Self::DestinationChanged { stream, destination, what } => {
                let message = format!("destination `{}` {what}", full_name(stream, destination));
                new(Kind::DestinationChanged, message).of(stream, destination)
            }
            Self::DestinationFailsBack { stream, destination } => {
                let message =
                    format!("destination `{}` goes back to its primary server", full_name(stream, destination));
                new(Kind::DestinationFailsBack, message).of(stream, destination)
            }
            Self::CertificateNotVerified { stream, destination, server, fingerprint } => new(
                Kind::CertificateNotVerified,
                format!(
                    "destination `{}`: certificate of `{server}` is not verified (`dangerous_accept_any_certificate`), so whoever \
                     is in between can read the stream and its key",
                    full_name(stream, destination)
                ),
            )
            .of(stream, destination)
            .hint(format!(
                "write `certificate_sha256 = \"{fingerprint}\"` in its place, once that is the fingerprint of the server's own \
                 certificate"
            )),
            Self::DestinationUnsuitable { stream, destination, what, reason } => {
                let message = format!("destination `{}` {what}: {reason}", full_name(stream, destination));
                new(Kind::DestinationUnsuitable, message).of(stream, destination)
            }
            Self::LimitExceeded { stream, destination, sentences } => {
                let message = format!("destination `{}`: {sentences}", full_name(stream, destination));
                new(Kind::LimitExceeded, message).of(stream, destination)
            }
            Self::LimitKept { stream, destination, sentence } => {
                let message = format!("destination `{}`: {sentence}", full_name(stream, destination));
                new(Kind::LimitKept, message).of(stream, destination)
            }
            Self::DestinationLive { stream, destination, tls, resumed_after, has_failed } => {
                let name = full_name(stream, destination);
                let with = tls.map_or_else(|| " (plain)".to_owned(), |tls| format!(" ({tls})"));
                let kind = match resumed_after.is_some() || has_failed {
                    true => Kind::DestinationRecovered,
                    false => Kind::DestinationLive,
                };
                let message = match resumed_after {
                    None => format!("destination `{name}` is live: its server accepted the publish{with}"),
                    Some(gap) => format!("destination `{name}` is live again after {:.1} s{with}", gap.as_secs_f64()),
                };
                new(kind, message).of(stream, destination)
            }
            Self::DestinationStalling { stream, destination, what, message, hint, next } => {
                let name = full_name(stream, destination);
                let message = format!("destination `{name}` {what}: {message}; {next}");
                new(Kind::DestinationStalling, message).of(stream, destination).hint(hint)
            }
            Self::DestinationFlows { stream, destination, after } => {
                let (name, after) = (full_name(stream, destination), after.as_secs_f64());
                let message = format!("destination `{name}` takes the stream again, after {after:.1} s");
                new(Kind::DestinationRecovered, message).of(stream, destination)
            }
            Self::DestinationDropped { stream, destination, skipped, picture, disposable } => {
                let parts = [
                    (skipped, plural(skipped, "message") + " up to a keyframe"),
                    (picture, plural(picture, "frame") + " of the picture"),
                    (disposable, plural(disposable, "disposable frame")),
                ];
                let parts: Vec<_> = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, what)| what).collect();
                let message = format!(
                    "destination `{}` takes less than the stream brings: left out {}",
                    full_name(stream, destination),
                    parts.join(", ")
                );
                new(Kind::DestinationDropped, message).of(stream, destination).hint(
                    "lower the bitrate in the encoder; where it is this destination alone, try another server of its platform, \
                     and where it is all of them, stop one or send over a better line",
                )
            }
            Self::DestinationFailed { stream, destination, message, hint, next, is_parked, news, .. } => {
                let name = full_name(stream, destination);
                let kind = if is_parked { Kind::DestinationParked } else { Kind::DestinationFailed };
                let failed = new(kind, format!("destination `{name}` failed: {message}; {next}"));
                let statement = match news {
                    News::New => failed,
                    News::Outcome => new(kind, format!("destination `{name}` still fails: {message}; {next}")),
                    News::Old => Statement { is_repeat: true, ..failed },
                    News::Still { tries, lasting } => {
                        let lasting = lasting.as_secs();
                        let still =
                            format!("destination `{name}` still fails ({tries} tries in {lasting} s): {message}; {next}");
                        // The hint stands in an earlier line.
                        Statement { log: Some(still.clone()), ..new(Kind::DestinationStillFailing, still) }
                    }
                };
                statement.of(stream, destination).hint(hint)
            }
            Self::DestinationEnded { stream, destination, when } => {
                let message = format!("destination `{}` ended {when}", full_name(stream, destination));
                new(Kind::DestinationEnded, message).of(stream, destination)
            }
            Self::DestinationLeft { stream, destination } => new(
                Kind::DestinationLeft,
                format!(
                    "destination `{}` left without an unpublish: its broadcast goes on when forkcast is back in time",
                    full_name(stream, destination)
                ),
            )
            .of(stream, destination),

            Self::NotifyFailed { endpoint, reason, lost } => {
                let lost = match lost {
                    0 => "it is tried again".to_owned(),
                    1 => "one message is lost".to_owned(),
                    lost => format!("{lost} messages are lost"),
                };
                let hint = format!("check `notify.{endpoint}` in forkcast.toml, and the program behind its URL");
                new(Kind::NotifyFailed, format!("notify `{endpoint}` takes nothing: {reason}; {lost}")).hint(hint)
            }
            Self::NotifyRecovered { endpoint, lost } => {
                let lost = match lost {
                    0 => "nothing is lost".to_owned(),
                    1 => "one message was lost".to_owned(),
                    lost => format!("{lost} messages were lost"),
                };
                new(Kind::NotifyRecovered, format!("notify `{endpoint}` takes again what it is sent: {lost}"))
            }
        }
    }
}

/// `1 stream`, `2 streams`.
fn plural<N: fmt::Display + PartialEq + From<u8>>(count: N, what: &str) -> String {
    if count == N::from(1) { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A line about a stranger: told with how many were left out before, or a repeat.
fn told(line: Line, statement: Statement) -> Statement {
    let more = match line {
        Line::LeftOut => return Statement { is_repeat: true, ..statement },
        Line::Told { left_out: 0 } => return statement,
        Line::Told { left_out: 1 } => " (and one more line like it was left out)".to_owned(),
        Line::Told { left_out } => format!(" (and {left_out} more lines like it were left out)"),
    };
    Statement { message: statement.message + &more, ..statement }
}

#[cfg(test)]
mod tests;

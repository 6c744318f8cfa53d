//! How a destination goes through a broadcast: where it resumes, how long it holds, how late it is, and from where it sends.

use std::{net::IpAddr, ops::RangeInclusive, time::Duration};

use super::{Reader, StreamHold};
use crate::{
    config::{
        document::{At, show_duration, show_size},
        explain::Origin,
        server_url::Server,
    },
    destination::{
        platform::Platform,
        settings::{DEFAULT_HOLD, KEPT_LIMIT, Resume},
    },
};

/// Less than a second is no more than `live` gives; the log is no archive.
const WINDOW: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(300);
/// Zero ends the broadcast together with the encoder's connection; no platform keeps a silent one for an hour.
pub(in crate::config) const HOLD: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);
/// An hour late is no broadcast. What a delay needs in memory binds it sooner.
const DELAY: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);

const BIND: &str = "bind";
const CATCH_UP_WINDOW: &str = "catch_up_window";

impl Reader<'_, '_> {
    pub(super) fn resume(&mut self) -> Resume {
        let resume = self.document.choice("resume", &Resume::ALL);
        let origin = resume.as_ref().map_or(Origin::Default, |at| self.document.origin(&at.span));
        let is_wrong = resume.is_none() && self.document.has("resume");
        let resume = resume.map_or_else(Resume::default, |at| at.value);
        let name = Resume::ALL.iter().find(|(_, known)| *known == resume).map_or("", |(name, _)| name);
        self.explain("resume", name, origin);
        if let Resume::CatchUp { window } = resume {
            return Resume::CatchUp { window: self.duration(CATCH_UP_WINDOW, WINDOW, window) };
        }
        let window = self.document.duration(CATCH_UP_WINDOW, WINDOW);
        if let Some(At { span, .. }) = window.filter(|_| !is_wrong) {
            let message = "`catch_up_window` means nothing here: `resume` is `live`".to_owned();
            self.document.warning(&span, CATCH_UP_WINDOW, message, "add `resume = \"catch_up\"`, or take the line out");
        }
        resume
    }

    /// The file's, else the stream's, else the platform's, else the default.
    pub(super) fn hold(&mut self, platform: &Platform, of_stream: Option<&StreamHold>) -> Duration {
        let in_file = self.document.duration("hold", HOLD);
        let (hold, origin) = match (in_file, of_stream, platform.hold_seconds) {
            (Some(At { value, span }), ..) => (value, self.document.origin(&span)),
            (None, Some(StreamHold { hold, origin }), _) => (*hold, origin.clone()),
            (None, None, Some(seconds)) => {
                (Duration::from_secs(u64::from(seconds)), Origin::Platform(platform.name.clone()))
            }
            (None, None, None) => (DEFAULT_HOLD, Origin::Default),
        };
        self.explain("hold", show_duration(hold), origin);
        hold
    }

    pub(super) fn delay(&mut self) -> Duration {
        let delay = self.document.duration("delay", DELAY);
        let origin = delay.as_ref().map_or(Origin::Default, |at| self.document.origin(&at.span));
        let delay = delay.map_or(Duration::ZERO, |at| at.value);
        let shown = if delay.is_zero() { "none".to_owned() } else { show_duration(delay) };
        self.explain("delay", shown, origin);
        delay
    }

    /// What is kept of the stream is kept in memory.
    pub(super) fn forbid_too_much_memory(&mut self, platform: &Platform, delay: Duration, resume: Resume) {
        let memory = platform.memory(delay.saturating_add(resume.window()));
        if memory.bytes <= KEPT_LIMIT {
            return;
        }
        let (field, other) = if delay.is_zero() { (CATCH_UP_WINDOW, delay) } else { ("delay", resume.window()) };
        let longest = platform.time_of(KEPT_LIMIT).saturating_sub(other);
        let hint = format!("it can be up to {} here", show_duration(Duration::from_secs(longest.as_secs())));
        let message = format!("`{field}` needs {memory}; the limit is {}", show_size(KEPT_LIMIT));
        let span = [field, "resume"].into_iter().find_map(|field| self.document.span_of(field));
        self.document.mistake(&span.unwrap_or_default(), field, message, hint);
    }

    pub(super) fn bind(&mut self, server: &Server) -> Option<IpAddr> {
        let Some(At { value: typed, span }) = self.document.text(BIND) else {
            self.explain(BIND, "any", Origin::Default);
            return None;
        };
        let mut complain = |message: &str, hint: &str| {
            self.document.mistake(&span, BIND, message.to_owned(), hint);
            None
        };
        let bare = typed.trim_start_matches('[').trim_end_matches(']');
        let Ok(address) = bare.parse::<IpAddr>() else {
            let hint = "write an address of this machine, without a port or a mask, such as `192.0.2.7`";
            return complain("`bind` is not an IP address", hint);
        };
        if address.is_unspecified() {
            return complain("`bind` stands for any address of this machine", "take the line out: that is the default");
        }
        let is_broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
        if address.is_multicast() || is_broadcast {
            return complain("no machine sends from this address", "write an address of this machine");
        }
        let host = match server {
            Server::Set { url, .. } => url.host().parse::<IpAddr>().ok(),
            Server::Absent | Server::Wrong => None,
        };
        if host.is_some_and(|host| host.is_ipv4() != address.is_ipv4()) {
            return complain(
                "`bind` and the server's address are of different kinds: one is IPv4, the other IPv6",
                "write an address of the same kind as the server's",
            );
        }
        let origin = self.document.origin(&span);
        self.explain(BIND, address.to_string(), origin);
        Some(address)
    }
}

//! The optional fields of a destination's file, each with its default.

use std::{ops::RangeInclusive, time::Duration};

use super::Reader;
use crate::{
    config::{
        document::{At, show_duration, show_size},
        explain::Origin,
    },
    destination::{
        codecs::Codecs,
        platform::Platform,
        settings::{Backpressure, PolicyName, Reconnect},
    },
};

/// Below a tenth of a second a retry is an attack; above an hour it is forgotten.
const RETRY: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);
/// To give up sooner than a second is not to retry; thirty days is longer than any broadcast.
const GIVE_UP: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30 * 86_400);
/// Less than half a second would drop at each pause of the network; the stream's log is no archive.
const LAG: RangeInclusive<Duration> = Duration::from_millis(500)..=Duration::from_secs(300);
/// One keyframe of a good picture must fit; the other end keeps a slip of the finger from taking the machine's memory.
const BYTES: RangeInclusive<u64> = 1 << 20..=4 << 30;

impl Reader<'_, '_> {
    pub(super) fn codecs(&mut self, platform: &Platform) -> Codecs {
        let names: Vec<_> = Codecs::NAMES.iter().map(|(name, _)| *name).collect();
        let hint =
            format!("write `codecs = \"all\"`, or a list such as `[\"h264\", \"aac\"]` out of {}", names.join(", "));
        let span = self.document.span_of("codecs");
        let codecs = match self.document.texts("codecs", &hint) {
            None => None,
            Some(texts) if texts.len() == 1 && texts.iter().all(|text| text.value == "all") => Some(Codecs::All),
            Some(texts) if texts.is_empty() => {
                let message = "`codecs` is an empty list: nothing would be sent".to_owned();
                self.document.mistake(&span.clone().unwrap_or_default(), "codecs", message, hint);
                None
            }
            Some(texts) => {
                let mut codecs = Vec::new();
                for text in texts {
                    match Codecs::named(&text.value) {
                        Some(codec) if codecs.contains(&codec) => {}
                        Some(codec) => codecs.push(codec),
                        None => self.document.unknown_name(&text, "codecs", &names),
                    }
                }
                Some(Codecs::Only(codecs))
            }
        };
        let origin = match (&codecs, span) {
            (Some(_), Some(span)) => self.document.origin(&span),
            _ => Origin::Platform(platform.name.clone()),
        };
        let codecs = codecs.unwrap_or_else(|| platform.codecs.clone());
        self.explain("codecs", codecs.to_string(), origin);
        codecs
    }

    pub(super) fn multitrack(&mut self, platform: &Platform) -> bool {
        let (multitrack, origin) = match self.document.boolean("multitrack") {
            Some(At { value, span }) => (value, self.document.origin(&span)),
            None => (platform.multitrack, Origin::Platform(platform.name.clone())),
        };
        self.explain("multitrack", multitrack.to_string(), origin);
        multitrack
    }

    pub(super) fn reconnect(&mut self) -> Reconnect {
        let default = Reconnect::default();
        let initial = self.duration("reconnect.initial", RETRY, default.initial);
        let max = self.duration("reconnect.max", RETRY, default.max.max(initial));
        let give_up_after = self.document.duration("reconnect.give_up_after", GIVE_UP);
        match &give_up_after {
            Some(At { value, span }) => {
                self.explain("reconnect.give_up_after", show_duration(*value), self.document.origin(span))
            }
            None => self.explain("reconnect.give_up_after", "never", Origin::Default),
        }
        if let Some(span) = self.document.span_of("reconnect.max").filter(|_| max < initial) {
            let message =
                format!("`reconnect.max` is shorter than `reconnect.initial`, which is {}", show_duration(initial));
            self.document.mistake(&span, "reconnect.max", message, "waits grow from `initial` to `max`");
        }
        Reconnect { initial, max, give_up_after: give_up_after.map(|at| at.value) }
    }

    pub(super) fn backpressure(&mut self) -> Backpressure {
        let default = Backpressure::default();
        let policy = self.document.choice("backpressure.policy", &PolicyName::ALL);
        let policy_origin = policy.as_ref().map_or(Origin::Default, |at| self.document.origin(&at.span));
        let policy = policy.map_or(default.policy, |at| at.value);
        let name = PolicyName::ALL.iter().find(|(_, known)| *known == policy).map_or("", |(name, _)| name);
        self.explain("backpressure.policy", name, policy_origin);
        let max_lag = self.duration("backpressure.max_lag", LAG, default.max_lag);
        let max_bytes = self.document.size("backpressure.max_bytes", BYTES);
        let bytes_origin = max_bytes.as_ref().map_or(Origin::Default, |at| self.document.origin(&at.span));
        let max_bytes = max_bytes.map_or(default.max_bytes, |at| at.value);
        self.explain("backpressure.max_bytes", show_size(max_bytes), bytes_origin);
        Backpressure { policy, max_lag, max_bytes }
    }

    pub(super) fn duration(
        &mut self,
        name: &'static str,
        bounds: RangeInclusive<Duration>,
        default: Duration,
    ) -> Duration {
        let found = self.document.duration(name, bounds);
        let origin = found.as_ref().map_or(Origin::Default, |at| self.document.origin(&at.span));
        let value = found.map_or(default, |at| at.value);
        self.explain(name, show_duration(value), origin);
        value
    }
}

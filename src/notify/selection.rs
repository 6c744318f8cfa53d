//! Which events an endpoint is told of.

use std::fmt;

use crate::observe::{
    Kind, Severity,
    kind::{self, Audience},
};

/// What somebody asked for; whatever one of them names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection(Vec<Choice>);

/// One name in such a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// What a person should hear of.
    Default,
    /// Everything that matters at least so much.
    AtLeast(Severity),
    /// This kind.
    Kind(Kind),
}

impl Choice {
    /// What the name of what a person should hear of is.
    const DEFAULT: &str = "default";

    /// The choice of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let severity = || Severity::ALL.into_iter().find(|severity| severity.name() == name).map(Self::AtLeast);
        let is_default = (name == Self::DEFAULT).then_some(Self::Default);
        is_default.or_else(severity).or_else(|| Kind::named(name).filter(|kind| can_be_told(*kind)).map(Self::Kind))
    }

    /// Every name that there is.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        let kinds = Kind::ALL.iter().filter(|kind| can_be_told(**kind)).map(|kind| kind.name());
        [Self::DEFAULT].into_iter().chain(Severity::ALL.map(Severity::name)).chain(kinds).collect()
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Default => Self::DEFAULT,
            Self::AtLeast(severity) => severity.name(),
            Self::Kind(kind) => kind.name(),
        }
    }

    fn has(self, kind: Kind) -> bool {
        match self {
            Self::Default => kind.audience() == Audience::Person,
            Self::AtLeast(severity) => kind.severity() >= severity,
            Self::Kind(wanted) => kind == wanted,
        }
    }
}

impl Default for Selection {
    fn default() -> Self {
        Self(vec![Choice::Default])
    }
}

impl Selection {
    /// Whatever one of the choices names.
    #[must_use]
    pub fn new(choices: Vec<Choice>) -> Self {
        Self(choices)
    }

    /// Whether events of this kind are wanted.
    #[must_use]
    pub fn has(&self, kind: Kind) -> bool {
        can_be_told(kind) && self.0.iter().any(|choice| choice.has(kind))
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|choice| choice.name()).collect();
        f.write_str(&names.join(", "))
    }
}

/// That an endpoint takes nothing is not told to endpoints: two of them could go on about each other for ever.
fn can_be_told(kind: kind::Kind) -> bool {
    !matches!(kind, Kind::NotifyFailed | Kind::NotifyRecovered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_choice_has() {
        let choose = |names: &[&str]| Selection::new(names.iter().map(|name| Choice::named(name).unwrap()).collect());
        let table: &[(&[&str], &[Kind], &[Kind])] = &[
            (
                &["default"],
                &[
                    Kind::DestinationFailed,
                    Kind::DestinationStalling,
                    Kind::DestinationParked,
                    Kind::DestinationRecovered,
                    Kind::DestinationWrong,
                    Kind::PublishStarted,
                    Kind::PublisherLost,
                    Kind::PublisherReturned,
                    Kind::PublishStopped,
                    Kind::CertificateProblem,
                    Kind::CertificateKept,
                ],
                &[Kind::Listening, Kind::PublishRefused, Kind::DestinationLive, Kind::DestinationStillFailing],
            ),
            (&["error"], &[Kind::DestinationFailed, Kind::DestinationWrong], &[Kind::PublisherLost, Kind::Listening]),
            (
                &["warning"],
                &[Kind::DestinationFailed, Kind::PublisherLost],
                &[Kind::PublishStarted, Kind::NotifyFailed],
            ),
            (&["info"], &[Kind::Listening, Kind::Stopping, Kind::DestinationFailed], &[Kind::NotifyRecovered]),
            (&["destination_parked", "listening"], &[Kind::DestinationParked, Kind::Listening], &[Kind::Stopping]),
            (&["default", "destination_live"], &[Kind::DestinationLive, Kind::DestinationFailed], &[Kind::Listening]),
            (&[], &[], &[Kind::DestinationFailed]),
        ];
        for (names, has, has_not) in table {
            let selection = choose(names);
            has.iter().for_each(|kind| assert!(selection.has(*kind), "{names:?} has {kind}"));
            has_not.iter().for_each(|kind| assert!(!selection.has(*kind), "{names:?} has not {kind}"));
        }
        assert_eq!(choose(&["default", "destination_live"]).to_string(), "default, destination_live");
        for name in ["", "Default", "errors", "notify_failed"] {
            assert_eq!(Choice::named(name), None, "{name}");
        }
        assert!(Choice::names().into_iter().all(|name| Choice::named(name).is_some()));
    }
}

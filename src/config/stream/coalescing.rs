//! How long messages gather for a write: `coalesce`, `low_latency`.

use std::{ops::RangeInclusive, time::Duration};

use crate::{
    config::{
        document::{At, Document, show_duration},
        explain::{Explained, Origin},
    },
    stream::Coalescing,
};

/// What is longer is seen as delay.
const COALESCE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_millis(500);

/// What the stream's file says, and the value to be shown for it.
pub(super) fn read(document: &mut Document<'_>) -> (Coalescing, Explained) {
    let window = document.duration("coalesce", COALESCE);
    let low_latency = document.boolean("low_latency");
    if let (Some(_), Some(At { value: true, span })) = (&window, &low_latency) {
        let message = "`low_latency` and `coalesce` are both given: the one sends at once, the other waits".to_owned();
        document.mistake(span, "low_latency", message, "keep one of the two lines");
    }
    match (window, low_latency) {
        (_, Some(At { value: true, span })) => {
            explained(Coalescing::Fixed(Duration::ZERO), "not at all".to_owned(), document.origin(&span))
        }
        (Some(At { value, span }), _) => {
            explained(Coalescing::Fixed(value), show_duration(value), document.origin(&span))
        }
        (None, _) => by_default(),
    }
}

/// Where the file says nothing.
pub(super) fn by_default() -> (Coalescing, Explained) {
    explained(Coalescing::ByLoad, "by load".to_owned(), Origin::Default)
}

fn explained(coalescing: Coalescing, value: String, origin: Origin) -> (Coalescing, Explained) {
    (coalescing, Explained { field: "coalesce", value, origin })
}

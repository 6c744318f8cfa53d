//! Settings of a destination for tests.

use std::time::Duration;

use super::{
    codecs::Codecs,
    platform::Platform,
    settings::{Backpressure, Reconnect, Resume, Settings, Trust},
};

/// A server of one's own that takes everything.
pub(crate) fn settings() -> Settings {
    let platform = Platform::custom();
    Settings {
        name: "test".to_owned(),
        url: "rtmp://127.0.0.1/live".parse().unwrap(),
        key: "key-of-the-test".into(),
        trust: Trust::default(),
        reconnect: Reconnect::default(),
        backpressure: Backpressure::default(),
        codecs: platform.codecs.clone(),
        multitrack: platform.multitrack,
        backup: None,
        resume: Resume::Live,
        hold: Duration::from_secs(15),
        delay: Duration::ZERO,
        bind: None,
        platform,
    }
}

/// A platform that takes one H.264 and one AAC track.
pub(crate) fn legacy_settings() -> Settings {
    let platform = Platform::named("twitch").unwrap().clone();
    Settings { codecs: platform.codecs.clone(), multitrack: false, platform, ..settings() }
}

#[test]
fn the_legacy_row_is_one() {
    assert!(matches!(legacy_settings().codecs, Codecs::Only(_)));
}

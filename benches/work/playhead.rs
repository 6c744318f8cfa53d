//! What a destination decides and sends, up to its RTMP session.

use std::{fs, hint::black_box, sync::Arc, time::Duration};

use forkcast::{
    config::{Activation, Config, Disk, Watched},
    destination::{
        playhead::{Clock, Playhead, Start, Taken},
        policy::{Policy, View},
        settings::{Backpressure, PolicyName, Settings},
    },
    stream::Lag,
};
use tempfile::TempDir;

use super::{log::Writer, one_second};

/// Seconds that [`playhead_read`] reads, so that the one announcement of the headers is little of it.
pub(crate) const SECONDS: u64 = 10;

/// Decisions of one [`policy_decide`].
pub(crate) const DECISIONS: u64 = 64;

/// What [`policy_decide`] takes.
pub(crate) const POLICIES: [&str; 3] = [PolicyName::ALL[0].0, PolicyName::ALL[1].0, PolicyName::ALL[2].0];

/// Decisions while a destination falls behind beyond its bound, and catches up.
pub(crate) fn policy_decide(policy: &str) -> impl FnMut() + use<> {
    let (_, policy) = PolicyName::ALL.into_iter().find(|(name, _)| *name == policy).expect("there is such a policy");
    let mut policy = Policy::new(&Backpressure { policy, ..Backpressure::default() });
    let views: Vec<_> = (0..DECISIONS).map(|step| view(step.min(DECISIONS - step) * 250)).collect();
    move || {
        for view in &views {
            black_box(policy.decide(black_box(*view)));
        }
    }
}

fn view(millis: u64) -> View {
    let lag = Lag { duration: Duration::from_millis(millis), bytes: millis * 750 };
    View { lag, after_jump: Some(Lag { duration: lag.duration / 4, bytes: lag.bytes / 4 }) }
}

/// [`SECONDS`] of media, taken and prepared message by message, as at the live edge.
pub(crate) fn playhead_read() -> impl FnMut() {
    let mut writer = Writer::new();
    let second = one_second();
    for start in 0..SECONDS {
        // One keyframe, so that all of it is one group, and the log keeps it whole.
        let messages = second.iter().filter(|message| start == 0 || message.payload[0] != 0x17);
        messages.for_each(|message| writer.append(message, Duration::from_secs(start)));
    }
    let settings = settings();
    let now = Duration::from_secs(SECONDS);
    let mut batch = Vec::new();
    move || {
        let mut playhead =
            Playhead::start(&writer.log, now, 0..u64::MAX, Start::Live, &settings, Clock::FromFirstMessage)
                .expect("there is a keyframe");
        while playhead.position() < writer.log.head() {
            let next = Some(playhead.position() + 1);
            assert_eq!(playhead.take(&writer.log, now, next, &mut batch), Taken::Messages);
            for message in batch.drain(..) {
                playhead.prepare(&message, |outgoing| drop(black_box(outgoing))).expect("the platform takes H.264");
            }
        }
    }
}

/// Those of a platform that takes one track in the old form.
fn settings() -> Arc<Settings> {
    let folder = TempDir::new().expect("a folder can be made");
    let text = "platform = \"youtube\"\nkey = \"abcd-efgh-ijkl-mnop\"\n";
    fs::write(folder.path().join("youtube.toml"), text).expect("a temporary folder can be written");
    let config = Config::load(&Watched::new(Disk::default()), folder.path());
    let mut destinations = config.streams.into_iter().flat_map(|stream| stream.destinations);
    let settings = destinations.find_map(|destination| match destination.activation {
        Activation::On(settings) => Some(Arc::from(settings)),
        _ => None,
    });
    settings.expect("the destination is on")
}

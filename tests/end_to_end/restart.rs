//! Stopping the relay while live: an upgrade goes on with the same broadcast, a person's Ctrl-C ends it.

use std::time::Duration;

use crate::support::peers::{self, Peer};
use crate::support::relay::Relay;
use crate::support::wire::{Session, Sink};
use crate::support::{clip, compare, ffmpeg, flv};

const START: Duration = Duration::from_secs(10);
const END: Duration = Duration::from_secs(10);
/// So much that the publish is well under way.
const FLOWING: usize = 60;

#[test]
fn a_restart_by_sigterm_unpublishes_nowhere() {
    if !peers::are_here(&[Peer::Ffmpeg]) {
        return;
    }
    let (mut relay, sinks) = relay_with_three_sinks();
    relay.start();
    let clip = clip::h264_aac();
    let _publisher = ffmpeg::publish_for_ever(relay.folder(), &clip, &relay.publish_url());
    for sink in &sinks {
        sink.wait_for("media to flow", START, |session| session.tags.len() > FLOWING);
    }
    relay.stop("TERM");
    for sink in &sinks {
        let session = sink.wait_for("the drop", END, |session| session.is_over);
        assert!(
            !session.was_unpublished(),
            "an unpublish ends the broadcast on some platforms: {:?}",
            session.commands
        );
    }

    relay.start();
    // The clip begins anew at any time; and FFmpeg puts audio and video together anew when it connects again, so that only
    // the order within each is the clip's.
    let clip = compare::video(&flv::read(&clip));
    let published = [clip.clone(), clip].concat();
    for sink in &sinks {
        let is_new = |session: &Session| !session.is_over && session.tags.len() > FLOWING;
        let session = sink.wait_for("media to flow again", START, is_new);
        compare::assert_run_from_keyframe("after the restart", &published, &compare::video(&session.tags[..FLOWING]));
        assert_eq!(sink.sessions().len(), 2);
        assert!(!sink.sessions()[0].was_unpublished());
    }
}

#[test]
fn sigint_ends_the_broadcast_everywhere() {
    if !peers::are_here(&[Peer::Ffmpeg]) {
        return;
    }
    let (mut relay, sinks) = relay_with_three_sinks();
    relay.start();
    let _publisher = ffmpeg::publish_for_ever(relay.folder(), &clip::h264_aac(), &relay.publish_url());
    for sink in &sinks {
        sink.wait_for("media to flow", START, |session| session.tags.len() > FLOWING);
    }
    relay.stop("INT");
    for sink in &sinks {
        let session = sink.wait_for("the end", END, |session| session.is_over);
        for command in ["FCUnpublish", "deleteStream"] {
            assert!(session.commands.iter().any(|name| name == command), "no {command} among {:?}", session.commands);
        }
    }
}

fn relay_with_three_sinks() -> (Relay, Vec<Sink>) {
    let mut relay = Relay::new();
    let sinks: Vec<Sink> = ["one", "two", "three"]
        .into_iter()
        .map(|name| {
            let sink = Sink::start();
            relay.destination(name, &sink.url(), "");
            sink
        })
        .collect();
    (relay, sinks)
}

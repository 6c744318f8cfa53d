//! Stopping the relay while live: an upgrade goes on with the same broadcast, a person's Ctrl-C ends it.

use std::time::Duration;

use crate::support::peers::{self, Peer};
use crate::support::relay::Relay;
use crate::support::wire::Sink;
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
    let first = relay.folder().join("first.flv");
    let mut publisher = ffmpeg::publish_in_a_loop(relay.folder(), &clip::h264_aac(), &relay.publish_url(), &first);
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
    // FFmpeg ends when its server goes away; who runs it starts it again.
    publisher.finish(END);

    relay.start();
    let second = relay.folder().join("second.flv");
    let publisher = ffmpeg::publish_in_a_loop(relay.folder(), &clip::h264_aac(), &relay.publish_url(), &second);
    for sink in &sinks {
        let session =
            sink.wait_for("media to flow again", START, |session| !session.is_over && session.tags.len() > FLOWING);
        compare::assert_run_from_keyframe("after the restart", &flv::read(&clip::h264_aac()), &session.tags[..FLOWING]);
        assert_eq!(sink.sessions().len(), 2);
    }
    drop(publisher);
}

#[test]
fn sigint_ends_the_broadcast_everywhere() {
    if !peers::are_here(&[Peer::Ffmpeg]) {
        return;
    }
    let (mut relay, sinks) = relay_with_three_sinks();
    relay.start();
    let published = relay.folder().join("published.flv");
    let _publisher = ffmpeg::publish_in_a_loop(relay.folder(), &clip::h264_aac(), &relay.publish_url(), &published);
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

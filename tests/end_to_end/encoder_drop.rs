//! An encoder that is lost and comes back: for every destination it is one broadcast.

use std::thread;
use std::time::Duration;

use crate::support::broadcast::Broadcast;
use crate::support::certificates::{Authority, Flaw};
use crate::support::flv::{self, AUDIO, Tag, VIDEO};
use crate::support::nginx::Nginx;
use crate::support::peers;
use crate::support::relay::Relay;
use crate::support::stunnel::Stunnel;
use crate::support::wire::Sink;
use crate::support::{clip, compare, ffmpeg};

const START: Duration = Duration::from_secs(10);
const END: Duration = Duration::from_secs(30);
const AWAY: Duration = Duration::from_secs(5);
/// Sound and picture may move against each other by this much, in milliseconds.
const SYNC: i64 = 20;

#[test]
fn ffmpeg_is_killed_and_back_after_five_seconds() {
    if !peers::are_here(peers::RECORDERS) {
        return;
    }
    let (mut relay, recorders, _stunnel) = relay_with_two_recorders();
    relay.start();
    let clip = clip::h264_aac();
    // What a killed process wrote of its own publish may not be whole: the clip itself is the witness.
    let unread = relay.folder().join("published.flv");
    let first = ffmpeg::publish(relay.folder(), &clip, &relay.publish_url(), &unread);
    for name in ["plain", "encrypted"] {
        relay.wait_for(name, "flowing", START, |entry| entry["sent_messages"].as_u64() > Some(150));
    }
    first.signal("KILL");
    drop(first);
    relay.wait_for_state("plain", "held", Duration::from_secs(5));
    thread::sleep(AWAY);
    ffmpeg::publish(relay.folder(), &clip, &relay.publish_url(), &unread).succeed(END);
    let published = flv::read(&clip);
    assert_one_broadcast(&relay, &recorders, &[published.clone(), published]);
}

/// OBS writes each track's own times, and sound steps back behind the picture; after a restart its clock begins at zero.
#[test]
fn obs_is_reset_and_back_after_five_seconds() {
    if !peers::are_here(peers::RECORDERS) {
        return;
    }
    let (mut relay, recorders, _stunnel) = relay_with_two_recorders();
    relay.start();
    let tags = as_obs_sends(&flv::read(&clip::h264_aac()));
    assert!(tags.windows(2).filter(|pair| pair[1].timestamp < pair[0].timestamp).count() > 50, "it steps back often");
    let broadcast = Broadcast::start(&relay, tags.clone().into_iter());
    for name in ["plain", "encrypted"] {
        relay.wait_for(name, "flowing", START, |entry| entry["sent_messages"].as_u64() > Some(150));
    }
    let first = broadcast.crash().tags;
    relay.wait_for_state("plain", "held", Duration::from_secs(5));
    thread::sleep(AWAY);
    let before = relay.destination_status("plain")["sent_messages"].as_u64().unwrap();
    let broadcast = Broadcast::start(&relay, tags.into_iter());
    for name in ["plain", "encrypted"] {
        relay.wait_for(name, "flowing", START, |entry| entry["sent_messages"].as_u64() > Some(before + 150));
    }
    let second = broadcast.stop().tags;
    assert_one_broadcast(&relay, &recorders, &[first, second]);
}

/// One over RTMP, one over RTMPS.
fn relay_with_two_recorders() -> (Relay, [(&'static str, Nginx); 2], Stunnel) {
    let mut relay = Relay::new();
    let authority = Authority::new(relay.folder());
    let recorders = ["plain", "encrypted"].map(|name| (name, Nginx::start(relay.folder(), name)));
    let identity = authority.identity("stunnel", Flaw::None);
    let stunnel = Stunnel::start(relay.folder(), "stunnel", &identity, recorders[1].1.port());
    relay.destination("plain", &recorders[0].1.url(), "");
    relay.destination("encrypted", &stunnel.url(), &format!("ca_file = \"{}\"", authority.file().display()));
    (relay, recorders, stunnel)
}

/// Each recorder has one recording that decodes, and sound and picture are as far apart in both halves as they were published.
#[track_caller]
fn assert_one_broadcast(relay: &Relay, recorders: &[(&str, Nginx)], published: &[Vec<Tag>; 2]) {
    for (name, recorder) in recorders {
        let recording = recorder.recording();
        compare::assert_monotonic(name, &recording);
        ffmpeg::assert_decodes(relay.folder(), &recorder.recording_file());
        let offsets: Vec<[i64; 2]> = published
            .iter()
            .enumerate()
            .map(|(half, published)| [VIDEO, AUDIO].map(|kind| offset(name, half, kind, published, &recording)))
            .collect();
        println!("{name}: picture and sound were moved by {offsets:?} ms");
        let apart = offsets.iter().map(|[video, audio]| video - audio).collect::<Vec<i64>>();
        assert!(
            (apart[1] - apart[0]).abs() <= SYNC,
            "{name}: picture and sound moved against each other: {apart:?} ms"
        );
        // FFmpeg itself moves the clip's sound by the delay of its decoder.
        assert!(apart[0].abs() <= 2 * SYNC, "{name}: picture and sound were moved against each other: {apart:?} ms");
        let gap = offsets[1][0] - offsets[0][0];
        assert!(gap > 0, "{name}: the second half comes after the first: {offsets:?}");
    }
}

/// By how much the clock of a track was moved, in the half of the recording before or after the gap.
#[track_caller]
fn offset(name: &str, half: usize, kind: u8, published: &[Tag], recording: &[Tag]) -> i64 {
    let of_kind =
        |tags: &[Tag]| -> Vec<Tag> { compare::frames(tags).into_iter().filter(|tag| tag.kind == kind).collect() };
    let (published, recorded) = (of_kind(published), of_kind(recording));
    // The gap is the longest time between two messages.
    let gap =
        (1..recorded.len()).max_by_key(|index| recorded[*index].timestamp - recorded[index - 1].timestamp).unwrap();
    let recorded = if half == 0 { &recorded[..gap] } else { &recorded[gap..] };
    let is_run = |start: &usize| {
        published[*start..].iter().zip(recorded).all(|(published, got)| published.payload == got.payload)
    };
    // Where it begins with a keyframe it begins somewhere in what was published.
    let start = (0..published.len())
        .find(is_run)
        .unwrap_or_else(|| panic!("{name}: half {half} of track {kind} is no run of what was published"));
    let pairs = published[start..].iter().zip(recorded);
    let mut offsets: Vec<i64> =
        pairs.map(|(published, got)| i64::from(got.timestamp) - i64::from(published.timestamp)).collect();
    assert!(offsets.len() > 50, "{name}: half {half} of track {kind} has only {} frames", offsets.len());
    offsets.dedup();
    assert_eq!(offsets.len(), 1, "{name}: half {half} of track {kind} moved: {offsets:?}");
    offsets[0]
}

/// In the order in which an encoder delivers: the sound half a tenth of a second behind the picture of the same time.
fn as_obs_sends(tags: &[Tag]) -> Vec<Tag> {
    let mut tags = tags.to_vec();
    tags.retain(|tag| tag.is_media());
    tags.sort_by_key(|tag| {
        let is_late_sound = tag.kind == AUDIO && !tag.is_configuration();
        (!tag.is_configuration(), tag.timestamp + if is_late_sound { 50 } else { 0 })
    });
    tags
}

/// Nobody comes back: the destinations are held, told of the end, and not before.
#[test]
fn a_hold_that_runs_out_ends_the_broadcast_cleanly() {
    let mut relay = Relay::new();
    relay.destination_file("stream.toml", "hold = \"2s\"\n");
    let sink = Sink::start();
    relay.destination("sink", &sink.url(), "");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    sink.wait_for("media", START, |session| session.tags.len() > 50);
    let published = broadcast.crash();
    relay.wait_for_state("sink", "held", Duration::from_secs(2));
    assert!(!sink.session().was_unpublished() && !sink.session().is_over);
    let session = sink.wait_for("the end", START, |session| session.is_over);
    assert!(session.was_unpublished());
    compare::assert_run_from_keyframe("sink", &published.tags, &session.tags);
    relay.wait_for_state("sink", "idle", START);
}

/// A destination with less patience than the others is ended and begins anew; the others notice nothing.
#[test]
fn each_destination_is_held_for_as_long_as_it_says() {
    let mut relay = Relay::new();
    let (patient, impatient) = (Sink::start(), Sink::start());
    relay.destination("patient", &patient.url(), "");
    relay.destination("impatient", &impatient.url(), "hold = \"1s\"\n");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    for sink in [&patient, &impatient] {
        sink.wait_for("media", START, |session| session.tags.len() > 50);
    }
    broadcast.crash();
    let ended = impatient.wait_for("the end of patience", START, |session| session.is_over);
    assert!(ended.was_unpublished());
    assert!(!patient.session().is_over);
    let before = patient.session().tags.len();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    patient.wait_for("media to go on", START, |session| session.tags.len() > before + 50);
    impatient.wait_for("media in a new session", START, |session| !session.is_over && session.tags.len() > 20);
    broadcast.stop();
    patient.wait_for("the end", START, |session| session.is_over && session.was_unpublished());
    assert_eq!((patient.sessions().len(), impatient.sessions().len()), (1, 2));
}

/// A program that hangs: its connection lives, and nothing comes.
#[test]
#[ignore = "slow: half a minute of silence"]
fn a_publisher_that_falls_silent_is_lost() {
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("sink", &sink.url(), "");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    sink.wait_for("media", START, |session| session.tags.len() > 50);
    let (publisher, _) = broadcast.fall_silent();
    relay.wait_for_state("sink", "held", Duration::from_secs(40));
    assert!(!sink.session().is_over);
    drop(publisher);
}

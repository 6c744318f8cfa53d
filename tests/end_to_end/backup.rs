//! A destination with two servers: the second takes over, and the first gets it back.

use std::time::Duration;

use crate::support::broadcast::Broadcast;
use crate::support::bystanders::Bystanders;
use crate::support::compare;
use crate::support::flv::{self, Tag};
use crate::support::peers::{self, Peer};
use crate::support::relay::Relay;
use crate::support::wire::{Session, Sink};
use crate::support::{clip, ffmpeg};

const START: Duration = Duration::from_secs(10);
const END: Duration = Duration::from_secs(10);
/// Pictures and sounds in a group of one second, in the clip.
const GROUP: usize = 25 + 48;

#[test]
fn the_backup_takes_over_from_a_killed_primary_and_gives_back() {
    if !peers::are_here(&[Peer::Ffmpeg]) {
        return;
    }
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let (primary, backup) = (Sink::start(), Sink::start());
    let more = format!("backup_url = \"{}\"\nbackup_after = 1\nfailback = \"10s\"\n", backup.url());
    let key = relay.destination("victim", &primary.url(), &more);
    relay.start();
    let broadcast = Broadcast::start(&relay, clip::endless(&clip::h264_aac()));
    primary.wait_for("media to flow", START, |session| session.tags.len() > 100);
    primary.kill();
    let session = backup.wait_for("media at the backup", START, |session| session.tags.len() > 20);
    assert_eq!(session.stream_key, key);
    primary.revive();
    primary.wait_for("media at the primary again", Duration::from_secs(20), |session| {
        !session.is_over && session.tags.len() > 100
    });
    let on_backup = backup.wait_for("the end at the backup", END, |session| session.is_over);
    let published = broadcast.stop();
    bystanders.assert_undisturbed(&published);
    primary.wait_for("the end", END, |session| session.is_over);
    let on_primary = primary.sessions();
    assert_eq!((on_primary.len(), backup.sessions().len()), (2, 1));

    let sessions = [on_primary[0].clone(), on_backup, on_primary[1].clone()];
    let mut next = None;
    for (index, session) in sessions.iter().enumerate() {
        let (start, end) = place_of(&published.tags, session);
        let file = relay.folder().join(format!("session-{index}.flv"));
        flv::write(&file, &session.tags);
        ffmpeg::assert_decodes(relay.folder(), &file);
        if let Some(next) = next {
            println!("session {index} begins at {start}, the one before ended at {next}");
            let difference = start.abs_diff(next);
            // The kill costs what was on its way, and the wait before the retry; the return costs nothing of that.
            let most = if index == 1 { 2 * GROUP } else { GROUP };
            assert!(difference <= most, "session {index}: {difference} frames lost or repeated");
        }
        next = Some(end);
    }
    assert_eq!(next, Some(compare::frames(&published.tags).len()), "up to the end");
}

/// A peer that is there and takes nothing is dead after eight seconds, and needs no second proof.
#[test]
fn a_dead_primary_is_replaced_at_once() {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let (primary, backup) = (Sink::start(), Sink::start());
    relay.destination("victim", &primary.url(), &format!("backup_url = \"{}\"\n", backup.url()));
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 40_000);
    primary.wait_for("media to flow", START, |session| session.tags.len() > 50);
    primary.stall();
    backup.wait_for("media at the backup", Duration::from_secs(15), |session| session.tags.len() > 20);
    assert_eq!(primary.attempts().len(), 1, "the dead one is not tried again first");
    relay.wait_for("victim", "at the backup", START, |entry| entry["connection"]["is_backup"] == true);
    bystanders.assert_undisturbed(&broadcast.stop());
}

/// The default: whoever has the broadcast keeps it, and the next one begins at the primary.
#[test]
fn the_next_publish_is_sent_to_the_primary_again() {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let (primary, backup) = (Sink::start(), Sink::start());
    primary.kill();
    let more = format!("backup_url = \"{}\"\nbackup_after = 2\n", backup.url());
    relay.destination("victim", &primary.url(), &more);
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    backup.wait_for("media at the backup", START, |session| session.tags.len() > 20);
    primary.revive();
    bystanders.wait_for_more(2_000);
    bystanders.assert_undisturbed(&broadcast.stop());
    backup.wait_for("the end at the backup", END, |session| session.is_over && session.was_unpublished());
    assert_eq!(primary.sessions().len(), 0, "it has the next broadcast, and not this one");
    relay.wait_for_state("victim", "idle", END);

    let broadcast = Broadcast::synthetic(&relay, 4_000);
    primary.wait_for("media at the primary", START, |session| session.tags.len() > 20);
    assert_eq!(backup.sessions().len(), 1);
    broadcast.stop();
}

/// The first frame of a session among all that were published, and the first that is behind it.
#[track_caller]
fn place_of(published: &[Tag], session: &Session) -> (usize, usize) {
    compare::assert_run_from_keyframe("victim", published, &session.tags);
    let (wanted, got) = (compare::frames(published), compare::frames(&session.tags));
    let start = wanted.iter().position(|tag| tag.payload == got[0].payload).expect("it was published");
    (start, start + got.len())
}

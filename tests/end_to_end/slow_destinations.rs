//! A destination that takes less than the stream brings: its own bound, its own policy, nobody else's trouble.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::broadcast::Broadcast;
use crate::support::bystanders::{Bystanders, assert_not_paused};
use crate::support::flv::{self, Tag};
use crate::support::peers::{self, Peer};
use crate::support::relay::Relay;
use crate::support::wire::{Behaviour, Session, Sink};
use crate::support::{clip, compare, ffmpeg, synthetic, wait};

const START: Duration = Duration::from_secs(10);
const END: Duration = Duration::from_secs(15);

#[test]
fn a_stalled_destination_is_said_to_stall_and_goes_on_where_it_reads_again() {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let victim = Sink::start();
    relay.destination("victim", &victim.url(), "[backpressure]\nmax_lag = \"2s\"\n");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 40_000);
    victim.wait_for("media to flow", START, |session| session.tags.len() > 50);
    let memory = relay.resident_memory();
    victim.stall();
    let stalled = Instant::now();
    relay.wait_for_state("victim", "stalling", Duration::from_secs(4));
    println!("said to stall after {:?}", stalled.elapsed());
    bystanders.wait_for_more(2_500);
    let grown = relay.resident_memory().saturating_sub(memory);
    println!("memory grew by {grown} bytes");
    assert!(grown < 24 << 20, "memory grew by {grown} bytes while one destination stood still");
    victim.resume();
    relay.wait_for_state("victim", "delivering", Duration::from_secs(5));
    bystanders.wait_for_more(2_000);
    let published = broadcast.stop();
    bystanders.assert_undisturbed(&published);
    let session = victim.wait_for("the end", END, |session| session.is_over);
    assert_eq!(victim.sessions().len(), 1, "it read again within ten seconds: the connection stays");
    let stretches = compare::count_stretches("victim", &published.tags, &[session]);
    assert!(stretches >= 2, "it was stalled for so long that something must be missing");
    assert!(relay.destination_status("victim")["dropped_messages"].as_u64() > Some(50), "what was left out is counted");
}

/// A peer that is there, and takes nothing for longer than a pause of the network lasts.
#[test]
fn a_destination_that_stays_stalled_is_left_and_tried_again() {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let victim = Sink::start();
    relay.destination("victim", &victim.url(), "");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 40_000);
    victim.wait_for("media to flow", START, |session| session.tags.len() > 50);
    victim.stall();
    let stalled = Instant::now();
    let entry = relay.wait_for("victim", "dead", Duration::from_secs(15), |entry| {
        !["delivering", "stalling"].contains(&entry["state"].as_str().unwrap_or_default())
    });
    let dead_after = stalled.elapsed();
    println!("dead after {dead_after:?}: {}", entry["last_error"]);
    // TCP says the one, and the relay the other; both come after eight seconds, and whichever is first is told.
    let kind = &entry["last_error"]["kind"];
    assert!(kind == "stalled" || kind == "connection_lost", "{entry}");
    assert!(dead_after > Duration::from_secs(7), "a pause of {dead_after:?} is no reason to leave");
    assert!(dead_after < Duration::from_millis(10_500), "dead only after {dead_after:?}");
    victim.resume();
    victim.wait_for("a new session", START, |session| !session.is_over && session.tags.len() > 20);
    let published = broadcast.stop();
    bystanders.assert_undisturbed(&published);
}

#[test]
fn memory_is_flat_with_fifty_stalled_destinations() {
    fifty_stalled(10_000);
}

#[test]
#[ignore = "slow: a minute"]
fn memory_is_flat_with_fifty_stalled_destinations_for_a_minute() {
    fifty_stalled(60_000);
}

fn fifty_stalled(milliseconds: u32) {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let sink = Sink::start();
    for index in 0..50 {
        relay.destination(&format!("victim-{index}"), &sink.url(), "");
    }
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 20_000);
    wait::until("all to flow", Duration::from_secs(30), || (sink.flowing() == 50).then_some(()));
    sink.stall();
    // What a stalled destination may hold, its part of the log, fills up first.
    bystanders.wait_for_more(6_000);
    let before = relay.resident_memory();
    let mut most = before;
    for _ in 0..milliseconds / 1_000 {
        bystanders.wait_for_more(1_000);
        most = most.max(relay.resident_memory());
    }
    println!("{before} bytes, at most {most}");
    assert!(most < before + (8 << 20), "memory grew from {before} to {most} bytes");
    bystanders.assert_undisturbed(&broadcast.stop());
}

/// FFmpeg's default: a keyframe every ten seconds. No rule about keyframes may trap a destination between two of them.
#[test]
fn keyframes_further_apart_than_the_bound_still_flow() {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let victim = Sink::start();
    relay.destination("victim", &victim.url(), "[backpressure]\nmax_lag = \"5s\"\n");
    relay.start();
    let tags = synthetic::headers(0).into_iter().chain(synthetic::endless(0, 10_000, 40_000));
    let broadcast = Broadcast::start(&relay, tags);
    victim.wait_for("media to flow", START, |session| session.tags.len() > 50);
    // Longer than the bound, shorter than what is dead; a keyframe comes when it has read again for a while.
    victim.stall();
    bystanders.wait_for_more(6_500);
    victim.resume();
    let before = victim.session().tags.len();
    bystanders.wait_for_more(1_500);
    let flowing =
        victim.wait_for("it to flow again", Duration::from_secs(5), |session| session.tags.len() > before + 50);
    assert!(!flowing.is_over);
    bystanders.wait_for_more(5_000);
    let published = broadcast.stop();
    bystanders.assert_undisturbed(&published);
    let session = victim.wait_for("the end", END, |session| session.is_over);
    let end = compare::frames(&published.tags).last().unwrap().payload.clone();
    assert!(session.tags.iter().any(|tag| tag.payload == end), "it has caught up to the end");
    assert_eq!(victim.sessions().len(), 1);
    let stretches = compare::count_stretches("victim", &published.tags, &[session]);
    println!("{stretches} stretches");
}

#[test]
fn never_drop_delivers_everything_after_a_pause() {
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let victim = Sink::start();
    relay.destination("victim", &victim.url(), "[backpressure]\npolicy = \"never_drop\"\nmax_lag = \"10s\"\n");
    relay.start();
    let broadcast = Broadcast::synthetic(&relay, 20_000);
    victim.wait_for("media to flow", START, |session| session.tags.len() > 50);
    victim.stall();
    bystanders.wait_for_more(5_000);
    victim.resume();
    bystanders.wait_for_more(2_000);
    let published = broadcast.stop();
    bystanders.assert_undisturbed(&published);
    let session = victim.wait_for("the end", END, |session| session.is_over);
    compare::assert_same("victim", &published.tags, &session.tags);
    assert_eq!(relay.destination_status("victim")["dropped_messages"], 0);
}

/// Two destinations behind links of 80 % of the bitrate, one for each policy, and the same clip for both.
#[test]
fn leaving_out_disposable_frames_freezes_the_picture_for_less_long() {
    if !peers::are_here(&[Peer::Ffmpeg]) {
        return;
    }
    let mut relay = Relay::new();
    let bystanders = Bystanders::of(&mut relay);
    let narrow = || Sink::with(Behaviour { receive_buffer: Some(8 * 1024), ..Behaviour::default() });
    let (thinned, jumping) = (narrow(), narrow());
    for (name, sink, policy) in [("thinned", &thinned, "drop_disposable"), ("jumping", &jumping, "drop_to_keyframe")] {
        relay.destination(name, &sink.url(), &format!("[backpressure]\nmax_lag = \"1s\"\npolicy = \"{policy}\"\n"));
    }
    relay.start();
    let clip = flv::read(&many_disposable_frames());
    let disposable = share_of_disposable_bytes(&clip);
    assert!(disposable > 0.25, "only {disposable} of the bytes are disposable");
    let bits: usize = clip.iter().map(|tag| tag.payload.len() * 8).sum();
    let seconds = f64::from(clip.last().unwrap().timestamp) / 1000.0;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a bitrate"
    )]
    let kilobits = (bits as f64 / seconds / 1000.0 * 0.8) as usize;
    for sink in [&thinned, &jumping] {
        sink.read_slowly(kilobits);
    }
    println!("{disposable:.2} of {seconds} s is disposable; the links take {kilobits} kbit/s");
    let broadcast = Broadcast::start(&relay, clip.into_iter());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds")]
    bystanders.wait_for_media();
    let last = (seconds * 1000.0) as u32 - 200;
    let mut worst = 0;
    for step in 1..=last / 250 {
        bystanders.wait_until(step * 250);
        worst = worst.max(relay.destination_status("jumping")["lag_ms"].as_u64().unwrap_or_default());
        worst = worst.max(relay.destination_status("thinned")["lag_ms"].as_u64().unwrap_or_default());
    }
    println!("the worst lag was {worst} ms");
    // The bound, a group of pictures, and what one write holds.
    assert!(worst < 2_500, "the worst lag was {worst} ms");
    let published = broadcast.stop();
    assert_not_paused(&published);
    bystanders.assert_undisturbed(&published);

    let mut freezes = Vec::new();
    for (name, sink) in [("thinned", &thinned), ("jumping", &jumping)] {
        let session = sink.wait_for("the end", END, |session| session.is_over);
        assert_eq!(sink.sessions().len(), 1, "{name}: one session");
        let file = relay.folder().join(format!("{name}.flv"));
        flv::write(&file, &session.tags);
        ffmpeg::assert_decodes(relay.folder(), &file);
        let freeze = longest_freeze(&session);
        let entry = relay.destination_status(name);
        println!("{name}: longest freeze {freeze} ms, {} dropped", entry["dropped_messages"]);
        assert!(entry["dropped_messages"].as_u64() > Some(0), "the link was not narrow enough");
        freezes.push(freeze);
    }
    assert!(freezes[0] < freezes[1], "the longest freeze without disposable frames first is {freezes:?}");
    let sound: Vec<Tag> =
        compare::frames(&thinned.session().tags).into_iter().filter(|tag| tag.kind == flv::AUDIO).collect();
    let wanted: Vec<Tag> = compare::frames(compare::from_first_keyframe(&published.tags));
    let wanted: Vec<Tag> = wanted.into_iter().filter(|tag| tag.kind == flv::AUDIO).collect();
    compare::assert_equal_payloads("the sound of thinned", &wanted, &sound);
}

/// Sixteen seconds of about 4 Mbit/s, of which three frames in four are B-frames that no other refers to, as large as the others.
fn many_disposable_frames() -> PathBuf {
    clip::prepare("disposable-frames-16s.flv", |path| {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg
            .args(["-v", "error", "-y"])
            .args(["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25,noise=alls=60:allf=t"])
            .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"])
            .args(["-t", "16", "-pix_fmt", "yuv420p"])
            .args(["-c:v", "libx264", "-preset", "veryfast", "-b:v", "4M", "-maxrate", "4M", "-bufsize", "4M"])
            .args(["-bf", "3", "-x264-params", "b-adapt=0:b-pyramid=none:pbratio=1.0:keyint=25:scenecut=0"])
            .args(["-c:a", "aac", "-b:a", "96k", "-f", "flv"])
            .arg(path);
        ffmpeg
    })
}

/// The bytes of pictures whose every unit has `nal_ref_idc` 0 (H.264, 7.4.1), of all bytes.
fn share_of_disposable_bytes(tags: &[Tag]) -> f64 {
    let all: usize = tags.iter().map(|tag| tag.payload.len()).sum();
    let disposable: usize = compare::frames(tags)
        .iter()
        .filter(|tag| tag.kind == flv::VIDEO && is_disposable(&tag.payload[5..]))
        .map(|tag| tag.payload.len())
        .sum();
    #[allow(clippy::cast_precision_loss, reason = "a share")]
    let share = disposable as f64 / all as f64;
    share
}

fn is_disposable(mut units: &[u8]) -> bool {
    while let Some((length, rest)) = units.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        if rest[0] & 0x60 != 0 {
            return false;
        }
        units = &rest[length..];
    }
    true
}

/// The longest time from one picture to the next that is shown, in milliseconds.
fn longest_freeze(session: &Session) -> i64 {
    let mut shown: Vec<i64> = compare::frames(&session.tags)
        .iter()
        .filter(|tag| tag.kind == flv::VIDEO)
        .map(|tag| i64::from(tag.timestamp) + composition_time(&tag.payload))
        .collect();
    shown.sort_unstable();
    shown.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
}

/// Of a legacy AVC message: three signed bytes.
fn composition_time(payload: &[u8]) -> i64 {
    i64::from(i32::from_be_bytes([payload[2], payload[3], payload[4], 0]) >> 8)
}

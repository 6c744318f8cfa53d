//! What is done on the page while a show is on, with the keyboard alone: each order reaches whom it is for, and nobody else.

use std::fs;
use std::time::Duration;

use crate::dashboard::{START, TOLD, assert_all_can_be_reached, assert_looks_well, card, fact, open};
use crate::support::broadcast::Broadcast;
use crate::support::browser::Browser;
use crate::support::peers::{self, Peer};
use crate::support::relay::Relay;
use crate::support::wire::Sink;
use crate::support::{clip, ffmpeg, secret, wait};

/// In the dialog that has come up.
#[track_caller]
fn confirm(browser: &mut Browser, question: &str, verb: &str) {
    browser.wait_for(&format!("document.querySelector('dialog h2').innerText === '{question}'"), START);
    assert_eq!(browser.evaluate("document.activeElement.innerText"), "Cancel", "Enter alone ends nothing");
    browser.operate(verb);
    browser.wait_for("document.querySelector('dialog') === null", START);
}

#[test]
fn a_destination_is_stopped_started_ended_given_another_key_and_removed() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let (steady, victim) = (Sink::start(), Sink::start());
    relay.destination("steady", &steady.url(), "");
    relay.destination("victim", &victim.url(), "# what the operator wrote");
    let file = relay.folder().join("destinations/victim.toml");
    relay.start();
    let mut browser = open(&relay);
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    browser.wait_for("document.title === '2 of 2 delivering – forkcast'", START);
    browser.operate("Actions of victim");
    assert_all_can_be_reached(&mut browser, 10);
    assert_looks_well(&mut browser, "actions");
    let sessions =
        |count: usize| wait::until("another session", START, || (victim.sessions().len() == count).then_some(()));
    let is_green = format!("{}.dataset.tone === 'ok'", card("victim"));

    browser.operate("Reconnect: victim");
    sessions(2);
    assert!(!victim.sessions()[0].was_unpublished(), "the platform keeps its broadcast open");
    browser.wait_for(&is_green, START);

    let key = secret::new("another");
    relay.keep_secret(&key);
    browser.operate("New key: victim");
    browser.reach("Stream key");
    assert_eq!(browser.evaluate("document.activeElement.type"), "password");
    browser.insert(&key);
    assert_looks_well(&mut browser, "new-key");
    browser.press("Enter", 13, "\r");
    sessions(3);
    victim.wait_for("media", START, |session| session.stream_key == key && session.tags.len() > 20);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(&key) && text.contains("# what the operator wrote"), "{text}");

    // It may still show what it knew before: what is not live is stopped without a question.
    browser.wait_for(&format!("{is_green} && {} === '3 times'", fact("victim", "Connected")), START);
    browser.operate("Stop: victim");
    // Escape, and nothing has happened.
    browser.wait_for("document.querySelector('dialog') !== null", START);
    assert_looks_well(&mut browser, "confirm");
    browser.press("Escape", 27, "");
    browser.wait_for("document.querySelector('dialog') === null", START);
    assert!(!victim.sessions()[2].is_over);
    browser.operate("Stop: victim");
    confirm(&mut browser, "Stop victim?", "Stop it");
    assert!(victim.wait_for("the end", START, |session| session.is_over).was_unpublished());
    browser.wait_for("/1 destination is off/.test(document.querySelector('.off-ones').innerText)", START);
    assert_eq!(browser.evaluate("document.activeElement !== document.body"), true, "the focus is not lost");
    browser.operate("1 destination is off");
    browser.operate("Start: victim");
    sessions(4);
    browser.wait_for(&is_green, START);

    browser.operate("Actions of victim");
    browser.operate("End broadcast: victim");
    confirm(&mut browser, "End the broadcast on victim?", "End it there");
    assert!(victim.wait_for("the end", START, |session| session.is_over).was_unpublished());
    browser.wait_for(&format!("/^Over for this broadcast$/m.test({}.innerText)", card("victim")), START);
    assert_eq!(browser.evaluate(&format!("{}.dataset.tone", card("victim"))), "off");
    browser.wait_for("document.title === '1 of 1 delivering – forkcast'", START);
    assert_looks_well(&mut browser, "over");
    browser.operate("Send again: victim");
    sessions(5);
    browser.wait_for(&is_green, START);
    browser.wait_for("document.title === '2 of 2 delivering – forkcast'", START);

    browser.operate("Remove: victim");
    confirm(&mut browser, "Remove victim?", "Remove victim");
    browser.wait_for(&format!("{} === undefined", card("victim")), START);
    assert!(!file.exists());
    assert_eq!(victim.sessions().len(), 5);
    assert_eq!(steady.sessions().len(), 1, "the other one has noticed nothing");
    assert!(!steady.session().is_over);
    browser.assert_no_error();
    broadcast.stop();
}

#[test]
fn a_broadcast_is_ended_its_encoder_let_in_again_and_cut_off() {
    if !peers::are_here(&[Peer::Chromium, Peer::Ffmpeg]) {
        return;
    }
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("sink", &sink.url(), "");
    relay.start();
    let mut browser = open(&relay);
    let mut encoder = ffmpeg::publish_for_ever(relay.folder(), &clip::h264_aac(), &relay.publish_url());
    browser.wait_for("document.title === '1 of 1 delivering – forkcast'", START);
    browser.operate("Actions of stream live");
    assert_looks_well(&mut browser, "stream-actions");

    browser.operate("Cut off the encoder: stream live");
    confirm(&mut browser, "Cut off the encoder?", "Cut it off");
    relay.wait_for_log("it was cut off by hand", START);
    relay.wait_for_log("is live again", START);
    browser.wait_for("document.title === '1 of 1 delivering – forkcast'", START);
    assert_eq!(sink.sessions().len(), 1, "the destination held");

    browser.operate("End the broadcast: stream live");
    confirm(&mut browser, "End the broadcast everywhere?", "End it now");
    assert!(sink.wait_for("the end", START, |session| session.is_over).was_unpublished());
    browser.wait_for("/kept out for \\d+ s/.test(document.querySelector('.stream').innerText)", START);
    assert_looks_well(&mut browser, "ended");
    browser.operate("Let encoders in now");
    wait::until("the next broadcast", START, || (sink.sessions().len() == 2).then_some(()));
    browser.wait_for("document.title === '1 of 1 delivering – forkcast'", START);
    browser.assert_no_error();
    encoder.signal("INT");
    encoder.finish(START);
}

/// Platforms that give a URL for each event are given it together with the key; the others have none to be given.
#[test]
fn a_new_event_has_another_url_and_key() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let (before, tonight) = (Sink::start(), Sink::start());
    let key = secret::new("event");
    let file = |key: &str, url: &str| format!("platform = \"instagram\"\nurl = \"{url}\"\nkey = \"{key}\"\n");
    relay.destination_file("event.toml", &file(&key, &before.url()));
    let twitch = secret::new("live");
    relay.destination_file(
        "tw.toml",
        &format!("platform = \"twitch\"\nurl = \"{}\"\nkey = \"{twitch}\"\n", before.url()),
    );
    relay.keep_secret(&key);
    relay.keep_secret(&twitch);
    relay.start();
    let mut browser = open(&relay);
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    browser.wait_for("document.title === '2 of 2 delivering – forkcast'", START);

    browser.operate("Actions of event");
    browser.operate("New key: event");
    browser.wait_for("/field .Stream URL/.test(document.querySelector('dialog').innerText)", START);
    browser.operate("Save");
    browser.wait_for("/Stream key[^]*Fill this in/.test(document.querySelector('dialog').innerText)", START);
    browser.reach("Server URL");
    browser.insert(&tonight.url());
    assert_looks_well(&mut browser, "new-event");
    browser.press("Enter", 13, "\r");
    browser.wait_for("document.querySelector('dialog') === null", START);
    tonight.wait_for("media", START, |session| session.stream_key == key && session.tags.len() > 20);

    let next = secret::new("next-event");
    relay.keep_secret(&next);
    browser.operate("New key: event");
    browser.reach("Stream key");
    browser.insert(&next);
    browser.press("Enter", 13, "\r");
    wait::until("another session", START, || (tonight.sessions().len() == 2).then_some(()));
    tonight.wait_for("media", START, |session| session.stream_key == next && session.tags.len() > 20);
    assert_eq!(
        fs::read_to_string(relay.folder().join("destinations/event.toml")).unwrap(),
        file(&next, &tonight.url())
    );

    browser.wait_for("document.querySelector('dialog') === null", START);
    browser.operate("Actions of tw");
    browser.operate("New key: tw");
    browser.wait_for("/dashboard.twitch.tv/.test(document.querySelector('dialog').innerText)", START);
    assert_eq!(browser.evaluate("/Server URL/.test(document.querySelector('dialog').innerText)"), false);
    browser.reach("Stream key");
    browser.insert("rtmps://somewhere.example/app");
    browser.press("Enter", 13, "\r");
    browser.wait_for("/This is an address, and no key/.test(document.querySelector('dialog').innerText)", START);
    browser.press("Escape", 27, "");
    broadcast.stop();
    browser.assert_no_error();
}

/// A server that takes nothing more, and does not say so: only TCP tells.
#[test]
fn a_destination_that_hangs_is_red_within_five_seconds() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("hangs", &sink.url(), "");
    relay.start();
    let mut browser = open(&relay);
    let broadcast = Broadcast::synthetic(&relay, 20_000);
    browser.wait_for(&format!("{}.dataset.tone === 'ok'", card("hangs")), START);
    sink.stall();
    let told = browser.wait_for(&format!("{}.dataset.tone === 'bad'", card("hangs")), TOLD);
    browser.wait_for(&format!("/takes nothing|not connected/i.test({}.innerText)", card("hangs")), TOLD);
    let says_what_to_do = "/Nothing to do if it stays the only time|nothing to do/i";
    browser.wait_for(&format!("{says_what_to_do}.test({}.querySelector('.failure').innerText)", card("hangs")), TOLD);
    sink.resume();
    browser.wait_for(&format!("{}.dataset.tone === 'ok'", card("hangs")), Duration::from_secs(30));
    println!("red {told:?} after it hung");
    browser.assert_no_error();
    broadcast.stop();
}

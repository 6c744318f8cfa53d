//! What the page says where something is less than it should be: which destination it is, how bad, and what to do.

use std::time::Duration;

use serde_json::json;

use crate::dashboard::{START, TOLD, assert_looks_well, card, fact, open, sparkline, text};
use crate::support::broadcast::Broadcast;
use crate::support::browser::Browser;
use crate::support::peers::{self, Peer};
use crate::support::ports;
use crate::support::relay::Relay;
use crate::support::wire::{Behaviour, Sink};

/// In JavaScript: whether the figures of a destination are unfolded.
fn is_unfolded(name: &str) -> String {
    format!("{}.querySelector('.figures').open", card(name))
}

/// Connected, and a part of the show does not arrive there: neither well nor gone.
#[test]
fn a_destination_that_is_too_slow_is_amber_and_says_what_to_do() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let (good, slow) = (Sink::start(), Sink::start());
    relay.destination("good", &good.url(), "");
    relay.destination("slow", &slow.url(), "[backpressure]\nmax_lag = \"1s\"\n");
    slow.read_slowly(2_500);
    relay.start();
    let mut browser = open(&relay);
    // 4 Mbit/s.
    let broadcast = Broadcast::synthetic(&relay, 20_000);
    browser.wait_for("document.title === '⚠ 2 of 2 delivering, 1 too slow – forkcast'", Duration::from_secs(30));
    assert_eq!(browser.evaluate("document.querySelector('#summary').dataset.tone"), "warn");
    assert_eq!(browser.evaluate("document.querySelector('#icon').href.includes('d99a1c')"), true, "the tab's sign too");
    browser.wait_for(&format!("{}.dataset.tone === 'warn'", card("slow")), TOLD);
    assert_eq!(browser.evaluate(&format!("{}.dataset.tone", card("good"))), "ok");
    let said = format!("{}.innerText", card("slow"));
    browser.wait_for(&format!("/Live for [\\d:]+, but pictures are left out/.test({said})"), START);
    browser.wait_for(&format!("/[1-9]\\d? % was left out in the last minute/.test({said})"), Duration::from_secs(40));
    let shown = browser.evaluate(&said);
    let shown = shown.as_str().unwrap();
    assert!(
        shown.contains("The line to it takes less than you send") && shown.contains("Lower the bitrate"),
        "{shown}"
    );
    browser.wait_for(&format!("/^(\\d{{3}} ms|[1-9]\\.\\d s)$/.test({})", fact("slow", "Behind")), START);
    assert_eq!(browser.evaluate(&format!("/^[\\d,]+ to reach a keyframe$/.test({})", fact("slow", "Dropped"))), true);
    browser.wait_for(&format!("{}.length > 10", sparkline("slow")), START);
    let status = relay.destination_status("slow");
    assert!(status["last_dropped_seconds_ago"].as_f64().unwrap() < 60.0, "{status}");
    assert!(relay.destination_status("good")["last_dropped_seconds_ago"].is_null());

    browser.look(280, "light");
    let is_seen = format!("{}.querySelector('.noted-box').checkVisibility()", card("slow"));
    assert_eq!(browser.evaluate(&is_seen), true, "in a dock, too");
    assert_looks_well(&mut browser, "slow");
    let events = text(&mut browser, "#events");
    let line = events.lines().find(|line| line.contains("takes less than the stream brings")).expect(&events);
    assert!(line.contains("messages up to a keyframe") && !line.contains(" 0 "), "{line}");
    assert!(events.contains("Lower the bitrate in the encoder"), "{events}");

    // Where it is all of them, it is not the platforms.
    let all = "import('/states.js').then(({ Looks }) => {
        const slow = (name, last) => ({ name, state: 'delivering', live_seconds: 9, last_dropped_seconds_ago: last });
        const streams = [[1, 2], [1, null], [1]].map((all) => ({ state: 'live', destinations: all.map((last, of) => slow(of, last)) }));
        new Looks().give(streams, 10);
        return streams.map(({ destinations: [{ look }] }) => look.areAllSlow);
    })";
    assert_eq!(browser.evaluate(all), json!([true, false, false]));

    // By name below the header, which leads to its card.
    browser.operate("slow");
    assert_eq!(browser.evaluate("document.activeElement.localName + document.activeElement.innerText"), "h3slow");
    broadcast.stop();
    browser.wait_for("document.title === 'ready: 2 destinations – forkcast'", START);
    browser.assert_no_error();
}

/// Twelve of them, and some have failed: which ones is seen at once, and the healthy ones take little room.
#[test]
fn of_many_destinations_those_that_failed_are_named_first() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let sink = Sink::start();
    for number in 1..=9 {
        relay.destination(&format!("church-{number}"), &sink.url(), "");
    }
    for name in ["gone-1", "gone-2", "gone-3"] {
        relay.destination(name, &format!("rtmp://127.0.0.1:{}/live", ports::free()), "");
    }
    relay.start();
    let mut browser = open(&relay);
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    browser.wait_for("document.title === '✖ 9 of 12 delivering – forkcast'", START);
    browser.wait_for("document.querySelectorAll('#troubles a').length === 3", START);
    assert_eq!(
        browser.evaluate("document.querySelector('#troubles').innerText.match(/\\S+/g)"),
        json!(["gone-1", "gone-2", "gone-3"])
    );
    for (width, healthy, failed) in [(1280, true, true), (768, true, true), (400, false, true), (280, false, false)] {
        browser.look(width, "light");
        browser.wait_for(&format!("{} === {healthy}", is_unfolded("church-1")), START);
        browser.wait_for(&format!("{} === {failed}", is_unfolded("gone-1")), START);
    }
    assert_looks_well(&mut browser, "many");
    browser.look(400, "light");
    browser.operate("gone-3");
    let is_in_sight =
        "(({ top, bottom }) => top >= 0 && bottom <= innerHeight)(document.activeElement.getBoundingClientRect())";
    assert_eq!(browser.evaluate("document.activeElement.innerText"), "gone-3");
    assert_eq!(browser.evaluate(is_in_sight), true);
    broadcast.stop();
    browser.assert_no_error();
}

/// The longest name that a destination may have, and one of words.
#[test]
fn a_long_name_has_the_line_for_itself_in_a_dock() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let (letters, words) = ("x".repeat(64), "community-church-of-the-annual-meeting-in-2026.second-server.old");
    assert_eq!(words.len(), 64);
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination(&letters, &sink.url(), "");
    relay.destination(words, &sink.url(), "");
    relay.start();
    let mut browser = open(&relay);
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    browser.wait_for("document.title === '2 of 2 delivering – forkcast'", START);
    for name in [&letters, words] {
        browser.wait_for(&format!("/bit/.test({}.querySelector('.rate').innerText)", card(name)), START);
    }
    browser.look(280, "light");
    for name in [&letters, words] {
        let box_of = |selector: &str| format!("{}.querySelector('{selector}').getBoundingClientRect()", card(name));
        let lines = browser.evaluate(&format!(
            "{}.height / parseFloat(getComputedStyle(document.querySelector('h3')).lineHeight)",
            box_of("h3")
        ));
        assert!(lines.as_f64().unwrap() < 5.1, "{name} on {lines} lines");
        let is_below = format!("{}.top >= {}.bottom", box_of(".rate"), box_of("h3"));
        assert_eq!(browser.evaluate(&is_below), true, "the rate is on the line of the state");
        let beside = format!("Math.abs({0}.bottom - {1}.bottom) < {1}.height", box_of(".rate"), box_of(".state"));
        assert_eq!(browser.evaluate(&beside), true);
    }
    assert_eq!(browser.evaluate(&words_broken(words)), json!([]), "no word is broken");
    assert_looks_well(&mut browser, "long-names");
    broadcast.stop();
    browser.assert_no_error();
}

/// In JavaScript: the words of a destination's name that go over from one line to the next.
fn words_broken(name: &str) -> String {
    format!(
        "((text) => [...text.data.matchAll(/[a-z0-9]+/g)].filter(({{ 0: word, index }}) => {{
            const range = document.createRange();
            range.setStart(text, index);
            range.setEnd(text, index + word.length);
            return range.getClientRects().length > 1;
        }}).map(([word]) => word))({}.querySelector('h3').firstChild)",
        card(name)
    )
}

/// While the encoder is away nothing fails: what failed before stays what it was.
#[test]
fn what_failed_before_is_past_while_the_encoder_is_away() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let (sink, other) = (Sink::start(), Sink::start());
    relay.destination("once", &sink.url(), "");
    relay.destination("ended", &other.url(), "");
    relay.start();
    let mut browser = open(&relay);
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    browser.wait_for(&format!("{}.dataset.tone === 'ok'", card("once")), START);
    sink.reset();
    browser.wait_for(&format!("/earlier: .*(closed|reset)/.test({}.innerText)", card("once")), START);
    browser.wait_for(&format!("{}.dataset.tone === 'ok'", card("once")), START);
    crate::support::http::request(relay.http_port(), "POST", "/api/streams/live/destinations/ended/end", &[], "");
    let is_over = format!("/^Over for this broadcast$/m.test({}.innerText)", card("ended"));
    browser.wait_for(&is_over, START);
    broadcast.crash();
    browser.wait_for(&format!("/Held: waits for the encoder/.test({}.innerText)", card("once")), START);
    let failure = format!("{}.querySelector('.failure')", card("once"));
    assert_eq!(browser.evaluate(&format!("{failure}.classList.contains('past')")), true);
    let said = browser.evaluate(&format!("{failure}.innerText"));
    assert!(said.as_str().unwrap().starts_with("earlier: ") && !said.as_str().unwrap().contains('`'), "{said}");
    assert_eq!(browser.evaluate(&is_over), true, "and what is over does not start with the encoder");
    assert_looks_well(&mut browser, "held");
    browser.assert_no_error();
}

/// How long it is until the next try is counted down, and not to zero.
#[test]
fn the_next_try_is_counted_down() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let refused = Behaviour::refusing("connect", "NetConnection.Connect.Rejected", "server is overloaded");
    let sink = Sink::with(refused);
    relay.destination("patient", &sink.url(), "[reconnect]\ninitial = \"20s\"\nmax = \"60s\"\n");
    relay.start();
    let mut browser = open(&relay);
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    let left = format!("Number(/next try in (\\d+) s/.exec({}.innerText)[1])", card("patient"));
    browser.wait_for(&format!("{left} > 5"), START);
    let first = browser.evaluate(&left).as_u64().expect("a number of seconds");
    browser.wait_for(&format!("{left} === {}", first - 2), START);
    let soon = "import('/words.js').then(({ soon }) => [soon(0), soon(1), soon(1001)])";
    assert_eq!(browser.evaluate(soon), json!(["now", "in 1 s", "in 2 s"]));
    broadcast.stop();
    browser.assert_no_error();
}

/// One order is one line, and its steps stand behind it.
#[test]
fn the_steps_of_one_order_are_folded() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("one", &sink.url(), "");
    relay.start();
    let mut browser = open(&relay);
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    browser.wait_for(&format!("{}.dataset.tone === 'ok'", card("one")), START);
    browser.wait_for("/one. is live/.test(document.querySelector('#events').innerText)", START);
    // What follows within the same two seconds would be of one piece with it.
    browser.wait_for(&format!("{}.length > 4", sparkline("one")), START);
    let lines = "document.querySelectorAll('#events ol > li').length";
    let before = browser.evaluate(lines).as_u64().unwrap();
    stop(&relay);
    browser.wait_for("/and \\d steps before/.test(document.querySelector('#events li').innerText)", START);
    browser.wait_for("/the files were read again/i.test(document.querySelector('#events li').textContent)", START);
    assert_eq!(browser.evaluate(lines), before + 1);
    browser.operate("and ");
    assert!(text(&mut browser, "#events li").to_lowercase().contains("is off from now on"));
    assert_looks_well(&mut browser, "steps");
    broadcast.stop();
    browser.assert_no_error();
}

fn stop(relay: &Relay) {
    let path = "/api/streams/live/destinations/one/stop";
    let answer = crate::support::http::request(relay.http_port(), "POST", path, &[], "");
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// Before air what needs somebody stands first, and what can be done stays in sight.
#[test]
fn a_rehearsal_of_many_shows_what_failed_and_its_buttons() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let sink = Sink::start();
    for number in 1..=9 {
        relay.destination(&format!("church-{number}"), &sink.url(), "");
    }
    relay.destination("gone", &format!("rtmp://127.0.0.1:{}/live", ports::free()), "");
    relay.start();
    let mut browser = open(&relay);
    browser.wait_for("document.title === 'ready: 10 destinations – forkcast'", START);
    browser.operate("Check before air");
    browser.wait_for("/1 of 10 servers would not take/.test(document.querySelector('dialog').innerText)", START);
    assert_eq!(browser.evaluate("document.querySelector('dialog tbody tr b').innerText"), "gone");
    for width in [1280, 280] {
        assert_buttons_are_in_sight(&mut browser, width);
    }
    browser.assert_no_error();
}

#[track_caller]
fn assert_buttons_are_in_sight(browser: &mut Browser, width: u32) {
    browser.look(width, "light");
    browser.evaluate("document.querySelector('dialog').scrollTo(0, 0)");
    let seen = "[...document.querySelectorAll('dialog .buttons button')].map((one) => {
        const { x, y, width, height } = one.getBoundingClientRect();
        return document.elementFromPoint(x + width / 2, y + height / 2) === one;
    })";
    assert_eq!(browser.evaluate(seen), json!([true, true]), "at {width}");
    let is_longer = "document.querySelector('dialog').scrollHeight > document.querySelector('dialog').clientHeight";
    assert_eq!(browser.evaluate(is_longer), true, "else it shows nothing");
}

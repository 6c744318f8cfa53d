//! The page in several windows, behind another one, and opened in the middle of a show.

use std::time::Duration;

use serde_json::json;

use crate::dashboard::{START, TOLD, card, open};
use crate::support::broadcast::Broadcast;
use crate::support::browser::Browser;
use crate::support::peers::{self, Peer};
use crate::support::relay::Relay;
use crate::support::wire::Sink;
use crate::support::{http, wait};

const WINDOWS: usize = 7;
/// One listens for all; where it vanishes, another one does after six seconds at the latest, and listens from where it was.
const TAKEN_OVER: Duration = Duration::from_secs(15);

/// A browser has six connections to one server. With one kept by each window the seventh, and then all, would wait for ever.
#[test]
fn seven_windows_of_one_browser_all_stay_green_and_hear_what_happens() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("one", &sink.url(), "");
    relay.start();
    let mut browser = open(&relay);
    for window in 1..WINDOWS {
        browser.add_window();
        browser.look(400, "light");
        browser.open(&format!("http://127.0.0.1:{}/", relay.http_port()));
        browser.wait_for("document.title === 'ready: 1 destination – forkcast'", START);
        assert_eq!(browser.evaluate("document.hidden"), false, "window {window} is one that is looked at");
    }
    let answers = "performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/api/status')).length";
    for window in 0..WINDOWS {
        browser.go_to(window);
        browser.evaluate(
            "window.wasLost = false; new MutationObserver(() => { wasLost = true })
                .observe(document.querySelector('#lost'), { attributeFilter: ['hidden'] }); window.before = 0",
        );
        browser.evaluate(&format!("window.before = {answers}"));
    }
    for window in 0..WINDOWS {
        browser.go_to(window);
        browser.wait_for(&format!("{answers} > before + 5"), START);
    }
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    heard_in(&mut browser, 0..WINDOWS, "/one. is live: its server/");
    browser.close(0);
    sink.kill();
    heard_in(&mut browser, 1..WINDOWS, "/one. failed/");
    sink.revive();
    heard_in(&mut browser, 1..WINDOWS, "/one. is live again/");
    for window in 1..WINDOWS {
        browser.go_to(window);
        browser.wait_for("document.title === '1 of 1 delivering – forkcast'", START);
        assert_eq!(browser.evaluate("wasLost"), false, "window {window} was without a connection");
    }
    broadcast.stop();
    browser.assert_no_error();
}

#[track_caller]
fn heard_in(browser: &mut Browser, windows: std::ops::Range<usize>, form: &str) {
    for window in windows {
        browser.go_to(window);
        browser.wait_for(&format!("{form}.test(document.querySelector('#events').textContent)"), TAKEN_OVER);
    }
}

/// A tab that nobody looks at: its sign turns red all the same, and what happened stands there when it is looked at.
#[test]
fn a_page_behind_another_one_keeps_its_sign_true_and_catches_up() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("one", &sink.url(), "");
    relay.start();
    let mut browser = open(&relay);
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    browser.wait_for("document.title === '1 of 1 delivering – forkcast'", START);
    browser.cover();
    browser.wait_for("document.hidden", START);
    sink.kill();
    // A hidden page may wake up once a second.
    browser.wait_for("document.title === '✖ 0 of 1 delivering – forkcast'", TOLD);
    assert_eq!(browser.evaluate("document.querySelector('#icon').href.includes('d6453d')"), true);
    browser.ask("Page.bringToFront", json!({}));
    browser.wait_for("!document.hidden && /one. failed/.test(document.querySelector('#events').innerText)", TOLD);
    assert_eq!(browser.evaluate(&format!("{}.dataset.tone", card("one"))), "bad");
    sink.revive();
    browser.wait_for("/one. is live again/.test(document.querySelector('#events').innerText)", TAKEN_OVER);
    broadcast.stop();
    browser.assert_no_error();
}

/// Whoever opens the page in the middle of a show sees the minute that was, and no zero that is none.
#[test]
fn a_page_that_is_opened_in_a_show_knows_the_minute_before() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("one", &sink.url(), "");
    relay.start();
    // 4 Mbit/s.
    let broadcast = Broadcast::synthetic(&relay, 20_000);
    let minute = || {
        let (_, body) = http::get(relay.http_port(), "/api/status?minute=true")?;
        let status: serde_json::Value = serde_json::from_str(&body).ok()?;
        let stream = &status["streams"][0];
        let counts = |entry: &serde_json::Value| -> Vec<u64> {
            entry["minute"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect()
        };
        Some((counts(stream), counts(&stream["destinations"][0])))
    };
    let flows = |counts: &[u64]| counts.windows(2).filter(|pair| pair[1] > pair[0] + 200_000).count() >= 5;
    let (received, sent) = wait::until("some seconds of a show", START, || minute().filter(|(_, sent)| flows(sent)));
    assert!(flows(&received), "{received:?} and {sent:?}");
    assert!(relay.destination_status("one")["minute"].is_null(), "who does not ask for it is not sent it");

    let mut browser = Browser::start(relay.folder());
    browser.look(1280, "light");
    browser.prepare(
        "window.rates = new Set(); window.lines = [];
         new MutationObserver(() => {
             for (const { textContent } of document.querySelectorAll('.rate')) rates.add(textContent);
             const line = document.querySelector('.card .line')?.getAttribute('d');
             if (line && lines.at(-1) !== line) lines.push(line);
         }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });",
    );
    browser.open(&format!("http://127.0.0.1:{}/", relay.http_port()));
    browser.wait_for("/^[345]\\.\\d Mbit\\/s$/.test(document.querySelector('.card .rate').textContent)", START);
    let rates = browser.evaluate("[...rates].filter((text) => text && !/^[2345]\\.\\d Mbit\\/s$/.test(text))");
    assert_eq!(rates, json!([]), "nothing was said that is not so");
    let points = browser.evaluate("lines[0].split('L').length").as_u64().unwrap();
    assert!(points >= 5, "the first line has {points} points");
    broadcast.stop();
    browser.assert_no_error();
}

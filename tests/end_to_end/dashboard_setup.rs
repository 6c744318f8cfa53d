//! What a newcomer does on the page: a first destination, a key for an encoder, a look whether all is well. All of it is done
//! with the keyboard alone.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process;
use std::time::Duration;

use serde_json::json;

use crate::dashboard::{
    START, assert_all_can_be_reached, assert_looks_well, assert_nothing_from_elsewhere, card, choose, fact, open, text,
};
use crate::support::broadcast::Broadcast;
use crate::support::browser::Browser;
use crate::support::certificates::{Authority, Flaw};
use crate::support::flv::{AUDIO, VIDEO};
use crate::support::nginx::Nginx;
use crate::support::peers::{self, Peer};
use crate::support::relay::Relay;
use crate::support::stunnel::Stunnel;
use crate::support::wire::{Publisher, Sink};
use crate::support::{clip, ffmpeg, ports, secret, synthetic, wait};

#[test]
fn a_first_destination_is_a_platform_a_key_and_done() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let sink = Sink::start();
    let key = secret::new("first");
    relay.keep_secret(&key);
    relay.start();
    let mut browser = open(&relay);
    browser.wait_for("document.title === 'no destination is on – forkcast'", START);
    browser.operate("Add the first destination");
    browser.reach("Where to?");
    choose(&mut browser, "A server of your own");
    browser.reach("Server URL");
    browser.insert(&sink.url());
    browser.reach("Stream key");
    browser.insert(&key);
    assert_eq!(browser.evaluate("document.activeElement.type + document.activeElement.autocomplete"), "passwordoff");
    assert_looks_well(&mut browser, "add");
    assert_all_can_be_reached(&mut browser, 6);
    browser.operate("Add it");
    browser.wait_for("document.querySelector('dialog') === null", START);
    browser.wait_for("document.title === 'ready: 1 destination – forkcast'", START);
    browser.wait_for("document.querySelector('#toasts').innerText.includes('“server” is there')", START);
    browser.wait_for("document.activeElement.matches('.card h3')", START);
    assert_eq!(browser.evaluate("document.activeElement.innerText"), "server", "the focus goes on where it was made");
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    let delivers = browser.wait_for(&format!("{}.dataset.tone === 'ok'", card("server")), START);
    sink.wait_for("media", START, |session| session.tags.len() > 20 && session.stream_key == key);
    println!("green {delivers:?} after the encoder came");

    let page = "document.documentElement.outerHTML + [...document.querySelectorAll('input')].map(({ value }) => value)";
    assert!(!browser.evaluate(page).to_string().contains(&key), "the key is on the page");
    let file = fs::read_to_string(relay.folder().join("destinations/server.toml")).unwrap();
    assert!(file.starts_with("# Made by forkcast") && file.contains(&key), "{file}");
    assert_nothing_from_elsewhere(&mut browser, &relay);
    broadcast.stop();
    browser.assert_no_error();
}

/// As they come with forkcast: the file is there, and its key is not.
#[test]
fn a_platform_whose_file_waits_for_its_key_is_filled_in_and_a_mistake_stands_at_its_field() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let comment = "# what the operator wrote\n";
    relay.destination_file("twitch.toml", &format!("{comment}platform = \"twitch\"\nkey = \"\"\n"));
    relay.start();
    let mut browser = open(&relay);
    browser.wait_for("document.querySelector('.off-ones')?.innerText.includes('waits for its key')", START);
    browser.operate("Add the first destination");
    browser.reach("Where to?");
    choose(&mut browser, "Twitch");
    browser.wait_for("/dashboard.twitch.tv, Settings/.test(document.querySelector('dialog').innerText)", START);
    browser.operate("Add it");
    browser.wait_for("/Stream key\\s+Fill this in/.test(document.querySelector('dialog').innerText)", START);
    assert_eq!(browser.evaluate("document.activeElement.labels[0].innerText"), "Stream key");

    browser.insert("two words");
    browser.press("Enter", 13, "\r");
    let field = "document.activeElement";
    browser.wait_for(&format!("{field}.getAttribute('aria-invalid') === 'true'"), START);
    let refusal = format!(
        "{field}.getAttribute('aria-describedby').split(' ').map((id) => document.getElementById(id).innerText).join(' ')"
    );
    browser.wait_for(&format!("/has a space/.test({refusal})"), START);
    let refusal = browser.evaluate(&refusal);
    assert!(refusal.as_str().unwrap().contains("copy it once more"), "what to do: {refusal}");
    assert_looks_well(&mut browser, "refused");
    let file = relay.folder().join("destinations/twitch.toml");
    assert!(!fs::read_to_string(&file).unwrap().contains("two words"), "nothing was written");

    let key = secret::new("live_1234");
    relay.keep_secret(&key);
    browser.reach("Stream key");
    browser.evaluate("document.activeElement.select()");
    browser.insert(&format!("  {key} "));
    browser.press("Enter", 13, "\r");
    browser.wait_for("document.title === 'ready: 1 destination – forkcast'", START);
    let written = fs::read_to_string(&file).unwrap();
    assert!(written.starts_with(comment) && written.contains(&format!("key = \"{key}\"")), "{written}");

    // A name that is another's stands at the name.
    browser.operate("Add a destination");
    browser.reach("Where to?");
    choose(&mut browser, "A server of your own");
    browser.reach("Server URL");
    browser.insert("rtmp://192.0.2.1/live");
    browser.reach("Name");
    browser.insert("twitch");
    browser.press("Enter", 13, "\r");
    browser.wait_for(
        "/already: give this one another name/.test(document.querySelector('.field:last-child').innerText)",
        START,
    );
    browser.press("Escape", 27, "");
    browser.wait_for("document.querySelector('dialog') === null", START);
    assert_eq!(browser.evaluate("document.activeElement.innerText"), "Add a destination", "the focus is back");
    browser.assert_no_error_but(&[409, 422]);
}

#[test]
fn a_stream_and_its_keys_are_made_on_the_page() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    relay.start();
    let mut browser = open(&relay);
    browser.wait_for("document.querySelector('.stream') !== null", START);
    browser.operate("Create another stream");
    browser.reach("Name");
    browser.insert("no name");
    browser.operate("Create it");
    browser.wait_for("/this is no name/i.test(document.querySelector('.field').innerText)", START);
    browser.evaluate("document.activeElement.select()");
    browser.insert("studio");
    browser.operate("Create it");
    browser.wait_for("document.querySelector('dialog code.key') !== null", START);
    let first = text(&mut browser, "dialog code.key");
    relay.keep_secret(&first);
    assert!(first.len() == 32 && first.chars().all(|c| "abcdefghjkmnpqrstuvwxyz23456789".contains(c)), "{first}");
    browser.operate("Close");
    // The page drops it when the browser tells of its end, which comes after the click.
    browser.wait_for("document.querySelector('dialog') === null", START);
    browser.wait_for("document.querySelectorAll('.stream').length === 2", START);
    assert!(!browser.evaluate("document.documentElement.outerHTML").to_string().contains(&first), "it is shown once");
    publish_to_studio(&relay, &first);

    browser.ask("Browser.grantPermissions", json!({ "permissions": ["clipboardReadWrite"] }));
    browser.operate("Actions of stream studio");
    browser.operate("New stream key: stream studio");
    browser.wait_for("/old key works for 10 more minutes/.test(document.querySelector('dialog').innerText)", START);
    browser.operate("Make a new key");
    browser.wait_for("document.querySelector('dialog code.key') !== null", START);
    let second = text(&mut browser, "dialog code.key");
    relay.keep_secret(&second);
    assert_ne!(first, second);
    browser.operate("Copy");
    browser.wait_for("document.activeElement.innerText === 'Copied'", START);
    assert_eq!(browser.evaluate("navigator.clipboard.readText()"), second.as_str());
    browser.evaluate("document.querySelector('dialog code.key').textContent = 'the-new-key-of-a-stream-is-here'");
    assert_looks_well(&mut browser, "stream-key");
    browser.operate("Close");
    publish_to_studio(&relay, &second);
    publish_to_studio(&relay, &first);
    assert!(!browser.evaluate("document.documentElement.outerHTML").to_string().contains(&second), "it is shown once");

    // One that is kept elsewhere cannot be changed here, and it is said why.
    browser.operate("Actions of stream live");
    browser.operate("New stream key: stream live");
    browser.operate("Make a new key");
    browser.wait_for("/FORKCAST_STREAM_KEY/.test(document.querySelector('dialog .refusal').innerText)", START);
    assert_eq!(browser.evaluate("document.querySelector('dialog code.key')"), json!(null));
    browser.press("Escape", 27, "");
    browser.assert_no_error_but(&[400, 409]);
}

/// Asserts that a key opens the stream `studio`.
#[track_caller]
fn publish_to_studio(relay: &Relay, key: &str) {
    let mut publisher = Publisher::connect(relay.rtmp_port(), key).expect("the key opens the stream");
    publisher.send_paced(&synthetic::headers(0)).unwrap();
    wait::until("the stream to be live", START, || (relay.stream_named("studio")["state"] == "live").then_some(()));
    publisher.unpublish().unwrap();
    wait::until("its end", START, || (relay.stream_named("studio")["state"] == "idle").then_some(()));
}

#[test]
fn before_air_every_server_is_asked() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("good", &sink.url(), "");
    relay.destination("nobody", &format!("rtmp://127.0.0.1:{}/live", ports::free()), "");
    relay.destination("plain", &sink.url().replace("rtmp:", "rtmps:"), "");
    relay.start();
    let mut browser = open(&relay);
    browser.wait_for("document.title === 'ready: 3 destinations – forkcast'", START);
    browser.operate("Check before air");
    browser.wait_for("/2 of 3 servers would not take/.test(document.querySelector('dialog').innerText)", START);
    let row = |name: &str| {
        format!("[...document.querySelectorAll('dialog tbody tr')].find((row) => row.innerText.startsWith('{name}'))")
    };
    for (name, tone, words) in
        [("good", "ok", "Ready"), ("nobody", "bad", "refused the connection"), ("plain", "bad", "TLS")]
    {
        let seen = browser.evaluate(&format!("{}.innerText", row(name)));
        assert!(seen.as_str().unwrap().contains(words), "{seen}");
        assert_eq!(browser.evaluate(&format!("{}.dataset.tone", row(name))), tone, "{seen}");
    }
    let seen = browser.evaluate(&format!("{}.innerText", row("nobody")));
    assert!(seen.as_str().unwrap().contains("Check host and port"), "what to do: {seen}");
    assert_looks_well(&mut browser, "preflight");
    assert!(!sink.heard().iter().any(|name| name == "publish"), "nothing went live");
    browser.operate("Check again");
    browser.wait_for("/2 of 3 servers would not take/.test(document.querySelector('dialog').innerText)", START);
    browser.press("Escape", 27, "");
    browser.wait_for("document.querySelector('dialog') === null", START);
    browser.assert_no_error();
}

#[test]
fn where_others_can_reach_it_the_page_asks_for_the_token() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    relay.listen_for_http_everywhere();
    let sink = Sink::start();
    relay.destination("of-mine", &sink.url(), "");
    let token = secret::new("token");
    relay.environment("FORKCAST_HTTP_TOKEN", &token);
    relay.keep_secret(&token);
    relay.start();
    let mut browser = open(&relay);
    browser.wait_for("/asks for its token/.test(document.querySelector('dialog').innerText)", START);
    assert!(!browser.evaluate("document.documentElement.outerHTML").to_string().contains("of-mine"));
    assert_eq!(browser.evaluate("document.activeElement.type"), "password");
    assert_looks_well(&mut browser, "token");
    // There is no way around it.
    browser.press("Escape", 27, "");
    browser.press("Escape", 27, "");
    browser.wait_for("document.querySelector('dialog').open", START);
    browser.reach("Token");
    browser.insert("wrong");
    browser.press("Enter", 13, "\r");
    browser.wait_for("/That is not the token/.test(document.querySelector('dialog').innerText)", START);
    browser.reach("Token");
    browser.insert(&token);
    browser.press("Enter", 13, "\r");
    browser.wait_for("document.title === 'ready: 1 destination – forkcast'", START);
    browser.wait_for("document.querySelector('dialog') === null", START);
    assert_eq!(browser.evaluate("localStorage.length"), 0);
    assert_eq!(browser.evaluate("document.cookie"), "");
    let asked = "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/api/events?')).length";
    let before = browser.evaluate(asked);
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    browser.wait_for("/stream .live. is live/i.test(document.querySelector('#events').innerText)", START);
    assert_eq!(browser.evaluate(asked), before, "events come by themselves, with the token too");
    browser.operate("Actions of of-mine");
    browser.operate("Reconnect: of-mine");
    wait::until("another session", START, || (sink.sessions().len() == 2).then_some(()));
    broadcast.stop();

    // In this tab it is known on; in another it is asked for again.
    browser.ask("Page.reload", json!({}));
    browser.wait_for("document.title === 'ready: 1 destination – forkcast'", START);
    assert_eq!(browser.evaluate("document.querySelector('dialog')"), json!(null));
    browser.assert_no_error_but(&[401]);
    let mut other = open(&relay);
    other.wait_for("/asks for its token/.test(document.querySelector('dialog').innerText)", START);
}

#[test]
fn a_file_that_is_wrong_is_shown_with_its_place_and_what_to_do() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let sink = Sink::start();
    let key = relay.destination("one", &sink.url(), "");
    relay.start();
    let mut browser = open(&relay);
    browser.wait_for("document.title === 'ready: 1 destination – forkcast'", START);
    assert_eq!(browser.evaluate("document.querySelector('#configuration').hidden"), true);
    let good = format!("url = \"{}\"\nkey = \"{key}\"\n", sink.url());
    relay.destination_file("one.toml", &format!("{good}hold = \"soon\"\n"));
    relay.destination_file("two.toml", &format!("platform = \"twich\"\nkey = \"{key}2\"\n"));
    relay.keep_secret(&format!("{key}2"));
    browser.wait_for("document.querySelector('#configuration h2').innerText === 'Your files: 2 mistakes'", START);
    // What is said at a card needs not be open here, too.
    assert_eq!(browser.evaluate("document.querySelector('#configuration').open"), false);
    browser.operate("Your files: 2 mistakes");
    let shown = text(&mut browser, "#configuration");
    for words in ["one.toml, line 3, column 8", "hold", "two.toml, line 1, column 12", "Did you mean twitch?"] {
        assert!(shown.contains(words), "no {words} in {shown}");
    }
    browser.wait_for(&format!("/goes on as before/.test({}.innerText)", card("one")), START);
    browser.wait_for(&format!("/counts as soon as it is saved/.test({}.innerText)", card("two")), START);
    for (name, words) in [("one", "Its file, line 3, column 8"), ("two", "Its file, line 1, column 12")] {
        browser
            .wait_for(&format!("{}.innerText.toLowerCase().includes('{}')", card(name), words.to_lowercase()), START);
    }
    // No key helps there.
    for name in ["one", "two"] {
        browser.evaluate(&format!(
            "(more => more.getAttribute('aria-expanded') === 'true' || more.click())({}.querySelector('.more'))",
            card(name)
        ));
        let offered = format!(
            "[...{}.querySelectorAll('.actions button')].filter((one) => one.checkVisibility()).map((one) => one.firstChild.data).join()",
            card(name)
        );
        let expected = if name == "one" { "Reconnect,Stop,Remove" } else { "Leave it off,Remove" };
        assert_eq!(browser.evaluate(&offered), expected);
    }
    assert_looks_well(&mut browser, "files");
    assert_all_can_be_reached(&mut browser, 8);
    browser.operate("Leave it off: two");
    browser.wait_for("/two stopped by hand/i.test(document.querySelector('.off-ones').textContent)", START);
    // Here one does.
    relay.destination_file("three.toml", &format!("url = \"{}\"\nkey = \"two words\"\n", sink.url()));
    browser.wait_for(&format!("/has a space[^]*New key/.test({}.innerText)", card("three")), START);
    let third = secret::new("third");
    relay.keep_secret(&third);
    browser.operate("New key: three");
    browser.reach("Stream key");
    browser.insert(&third);
    browser.press("Enter", 13, "\r");
    browser.wait_for(&format!("/^Ready/m.test({}.innerText)", card("three")), START);
    fs::remove_file(relay.folder().join("destinations/three.toml")).unwrap();
    let gone = Path::new("destinations/two.toml");
    fs::remove_file(relay.folder().join(gone)).unwrap();
    relay.destination_file("one.toml", &good);
    browser.wait_for("document.querySelector('#configuration').hidden", START);
    browser.wait_for(&format!("!/goes on as before/.test({}.innerText)", card("one")), Duration::from_secs(5));
    assert_eq!(browser.evaluate(&format!("{} === undefined", card("two"))), true);
    browser.assert_no_error();
}

/// Of a server of one's own people have one line, with the key as its end. In one piece it would be a path that no server knows.
#[test]
fn a_key_at_the_end_of_a_url_is_taken_apart_before_the_eyes() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let sink = Sink::start();
    let key = secret::new("behind");
    relay.keep_secret(&key);
    relay.start();
    let mut browser = open(&relay);
    let ask = |browser: &mut Browser, opener: &str, url: &str| {
        browser.operate(opener);
        browser.reach("Where to?");
        choose(browser, "A server of your own");
        browser.reach("Server URL");
        browser.insert(url);
        browser.press("Enter", 13, "\r");
        browser.wait_for("/since it looks like the key/.test(document.querySelector('dialog').innerText)", START);
    };
    let values = "[...document.querySelectorAll('dialog input')].map(({ value }) => value)";
    ask(&mut browser, "Add the first destination", &format!("{}/{key}", sink.url()));
    assert_eq!(browser.evaluate(values), json!([sink.url(), key, ""]));
    assert_eq!(browser.evaluate("document.activeElement.labels[0].innerText"), "Stream key (if there is one)");
    assert_eq!(relay.destination_status("server"), json!(null), "nothing is written before it was seen");
    assert_looks_well(&mut browser, "taken-apart");
    browser.press("Enter", 13, "\r");
    browser.wait_for("document.title === 'ready: 1 destination – forkcast'", START);
    let file = fs::read_to_string(relay.folder().join("destinations/server.toml")).unwrap();
    assert!(file.contains(&format!("url = \"{}\"\nkey = \"{key}\"", sink.url())), "{file}");

    // It is the app of that server: so it is written, and the warning stands at the card.
    let url = "rtmp://192.0.2.1/live/instance";
    ask(&mut browser, "Add a destination", url);
    browser.operate("No, put it back");
    assert_eq!(browser.evaluate(values), json!([url, "", ""]));
    browser.operate("Add it");
    browser.wait_for("document.title === 'ready: 2 destinations – forkcast'", START);
    let is_warned = format!("/there is no key, and url goes on behind the app/.test({}.innerText)", card("server-2"));
    browser.wait_for(&is_warned, START);
    assert_looks_well(&mut browser, "warned");

    // What goes wrong with a key that is no key is said in words that this dialog has.
    browser.operate("Add a destination");
    browser.reach("Where to?");
    choose(&mut browser, "YouTube");
    browser.reach("Stream key");
    browser.insert("rtmp://a.rtmp.youtube.com/live2");
    browser.press("Enter", 13, "\r");
    browser.wait_for("/This is an address, and no key/.test(document.querySelector('dialog .field .refusal:not([hidden])').innerText)", START);
    browser.press("Escape", 27, "");
    browser.assert_no_error();
}

/// The file's path is no key. Whoever has just begun is given one to paste, here and where the browser's clipboard is closed.
#[test]
fn a_newcomer_gets_a_key_to_paste_and_is_told_of_a_wrong_one() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    relay.listen_for_http_everywhere();
    let token = secret::new("token");
    relay.environment("FORKCAST_HTTP_TOKEN", &token);
    relay.keep_secret(&token);
    // Its key is forkcast's to make, which the one of the test's own stream is not.
    fs::create_dir(relay.folder().join("destinations/studio")).unwrap();
    relay.destination_file("studio/stream.toml", "");
    relay.start();
    relay.keep_secret(fs::read_to_string(relay.folder().join("state/stream-keys/studio")).unwrap().trim());
    let mut browser = Browser::start(relay.folder());
    for host in ["127.0.0.1", "relay.example"] {
        browser.look(1280, "light");
        browser.open(&format!("http://{host}:{}/", relay.http_port()));
        browser.wait_for("document.querySelector('dialog') !== null", START);
        browser.reach("Token");
        browser.insert(&token);
        browser.press("Enter", 13, "\r");
        browser.wait_for("/stream-keys.studio, to be opened/.test(document.querySelector('#setup').innerText)", START);
        assert_eq!(browser.evaluate("isSecureContext"), host == "127.0.0.1");
        assert_looks_well(&mut browser, "setup");
        browser.operate("Make a key and copy it: Stream Key of studio");
        browser.wait_for("/paste it into your encoder/i.test(document.querySelector('dialog').innerText)", START);
        let key = text(&mut browser, "dialog code.key");
        relay.keep_secret(&key);
        assert_eq!(key.len(), 32);
        assert_eq!(browser.evaluate("getComputedStyle(document.querySelector('dialog code.key')).userSelect"), "all");
        browser.operate("Close");
        browser.wait_for("document.querySelector('dialog') === null", START);
        assert!(!browser.evaluate("document.documentElement.outerHTML").to_string().contains(&key), "it is shown once");

        let says = "[...document.querySelectorAll('.stream')].map((stream) => stream.innerText).join('\\n')";
        assert!(Publisher::connect(relay.rtmp_port(), "the-path-of-a-file").is_err(), "it is no key");
        browser.wait_for(
            &format!("/An encoder at 127.0.0.1:\\d+ was refused \\d+ s ago: wrong stream key/.test({says})"),
            START,
        );
        assert_looks_well(&mut browser, "refused-encoder");
        if host == "relay.example" {
            // Once somebody has come in it is no first key any more.
            let mut publisher = Publisher::connect(relay.rtmp_port(), &key).expect("the key opens the stream");
            publisher.send_paced(&synthetic::headers(0)).unwrap();
            browser.wait_for(&format!("!/was refused/.test({says})"), START);
            publisher.unpublish().unwrap();
            browser.wait_for("!/Make a key and copy it/.test(document.querySelector('#setup').textContent)", START);
        }
    }
    browser.assert_no_error_but(&[401]);
}

/// From nothing to a platform that records: all that a person does is to choose it and to paste its key. That YouTube's name leads
/// to an nginx of this machine, behind a certificate that this relay believes, is what the relay's own `/etc/hosts` is for.
#[test]
fn a_platform_and_its_key_are_enough_to_be_live_there() {
    if !peers::are_here(&[Peer::Chromium, Peer::Ffmpeg, Peer::Nginx, Peer::Stunnel, Peer::Confinement]) {
        return;
    }
    let mut relay = Relay::new();
    let nginx = Nginx::start(relay.folder(), "youtube");
    let authority = Authority::new(relay.folder());
    let hosts = ["a.rtmps.youtube.com", "b.rtmps.youtube.com"];
    let identity = authority.identity_for("youtube", &hosts, Flaw::None);
    // The port is YouTube's, so the address is one that no other test has.
    let [high, low] = u16::try_from(process::id() % 0xFFFF).unwrap().to_be_bytes();
    let address = SocketAddr::from(([127, 83, high, low.max(1)], 443));
    let _stunnel = Stunnel::start_at(relay.folder(), "stunnel", &identity, address, nginx.port());
    relay.with_hosts(&format!("127.0.0.1 localhost\n{} {}\n", address.ip(), hosts.join(" ")));
    relay.environment("SSL_CERT_FILE", &authority.file().display().to_string());
    let key = secret::new("youtube");
    relay.keep_secret(&key);
    relay.start();

    let mut browser = open(&relay);
    browser.operate("Add the first destination");
    browser.reach("Where to?");
    choose(&mut browser, "YouTube");
    browser.reach("Stream key");
    browser.insert(&key);
    browser.press("Enter", 13, "\r");
    browser.wait_for("document.title === 'ready: 1 destination – forkcast'", START);
    browser.operate("Check before air");
    browser.wait_for("/All is well: 2 servers are ready/.test(document.querySelector('dialog').innerText)", START);
    browser.press("Escape", 27, "");
    browser.wait_for("document.querySelector('dialog') === null", START);

    let mut encoder = ffmpeg::publish_for_ever(relay.folder(), &clip::h264_aac(), &relay.publish_url());
    browser.wait_for("document.title === '1 of 1 delivering – forkcast'", START);
    browser.wait_for(&format!("{}.dataset.tone === 'ok'", card("youtube")), START);
    browser.wait_for(&format!("/^TLS 1.3/.test({})", fact("youtube", "Encryption")), START);
    browser.wait_for(&format!("/^[3-9]\\d\\d kB|MB$/.test({})", fact("youtube", "Sent")), START);
    assert_looks_well(&mut browser, "youtube");
    encoder.signal("INT");
    encoder.finish(START);
    browser.wait_for("document.title === 'ready: 1 destination – forkcast'", START);
    let recorded = nginx.recording();
    let count = |kind: u8| recorded.iter().filter(|tag| tag.kind == kind).count();
    assert!(count(VIDEO) > 50 && count(AUDIO) > 50, "{} and {}", count(VIDEO), count(AUDIO));
    assert!(nginx.log().contains(&format!("publish: name='{key}'")), "with that key");
    browser.assert_no_error();
}

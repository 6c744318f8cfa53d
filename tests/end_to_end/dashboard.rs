//! The dashboard in a real browser: what it shows of a show, and that whoever looks at it can read and reach all of it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::limits;
use crate::support::broadcast::Broadcast;
use crate::support::browser::Browser;
use crate::support::ffmpeg;
use crate::support::peers::{self, Peer};
use crate::support::relay::Relay;
use crate::support::wire::{Behaviour, Sink};

pub(crate) const START: Duration = Duration::from_secs(15);
/// From the death of a server to the page that says so.
pub(crate) const TOLD: Duration = Duration::from_secs(5);
/// From the relay's silence to the page that says so, and the time that the browser takes to answer this test.
const LOST: Duration = Duration::from_millis(3500);
/// A dock of OBS, a phone, a tablet, a screen.
const WIDTHS: [u32; 4] = [280, 400, 768, 1280];
const SCHEMES: [&str; 2] = ["light", "dark"];

#[test]
fn a_newcomer_reads_what_goes_where() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    relay.destination_file("twitch.toml", "platform = \"twitch\"\nkey = \"\"\n");
    relay.start();
    let mut browser = open(&relay);
    browser.wait_for("document.title === 'no destination is on – forkcast'", START);

    let server = format!("rtmp://127.0.0.1:{}/live", relay.rtmp_port());
    assert!(text(&mut browser, "#setup").contains(&server));
    assert!(text(&mut browser, "#setup").contains("FORKCAST_STREAM_KEY"), "it says where the key is");
    let first_step = browser.evaluate("document.querySelector('#first-step').textContent");
    let first_step = first_step.as_str().unwrap();
    assert!(first_step.contains("Put a key into") && first_step.contains("twitch.toml"), "{first_step}");

    browser.ask("Browser.grantPermissions", json!({ "permissions": ["clipboardReadWrite"] }));
    browser.evaluate("document.querySelector('#setup button').focus()");
    browser.press("Enter", 13, "\r");
    browser.wait_for("document.activeElement.textContent === 'Copied'", START);
    assert_eq!(browser.evaluate("navigator.clipboard.readText()"), server.as_str());

    assert_all_can_be_reached(&mut browser, 4);
    assert_looks_well(&mut browser, "first");
    browser.assert_no_error();
}

#[test]
fn a_stream_beside_the_first_has_its_own_place_and_its_key_is_not_shown() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    relay.destination("one", &Sink::start().url(), "");
    fs::create_dir(relay.folder().join("destinations/second")).unwrap();
    relay.destination_file("second/two.toml", "url = \"rtmp://192.0.2.1/live\"\nkey = \"\"\n");
    relay.start();
    let file = relay.folder().join("state/stream-keys/second");
    let key = fs::read_to_string(&file).unwrap().trim().to_owned();
    relay.keep_secret(&key);
    let mut browser = open(&relay);
    browser.wait_for("document.querySelectorAll('.stream').length === 2", START);
    let setup = text(&mut browser, "#setup");
    assert!(setup.contains("Stream Key of second") && setup.contains(&*file.to_string_lossy()), "{setup}");
    let page = browser.evaluate("document.documentElement.outerHTML").to_string();
    assert!(!page.contains(&key) && !page.contains(relay.stream_key()), "a key is on the page");
    browser.assert_no_error();
}

#[test]
fn a_destination_that_dies_is_told_within_five_seconds_and_green_again_when_it_is_back() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let (steady, victim) = (Sink::start(), Sink::start());
    relay.destination("steady", &steady.url(), "");
    relay.destination("victim", &victim.url(), "");
    relay.destination_file("resting.toml", "platform = \"twitch\"\nkey = \"\"\n");
    relay.start();
    let mut browser = open(&relay);
    browser.wait_for("document.title === 'ready: 2 destinations – forkcast'", START);

    let broadcast = Broadcast::synthetic(&relay, 20_000);
    browser.wait_for("document.title === '2 of 2 delivering – forkcast'", START);
    for name in ["steady", "victim"] {
        browser.wait_for(&format!("{}.dataset.tone === 'ok'", card(name)), START);
        // 20,000 bytes a picture, 25 pictures a second, and the sound.
        browser.wait_for(
            &format!("/^[345]\\.\\d Mbit\\/s$/.test({}.querySelector('.rate').textContent)", card(name)),
            START,
        );
    }
    let stream = text(&mut browser, ".stream");
    for expected in ["Live for 0:", "Mbit/s", "H.264 High 3.1 + AAC LC", "127.0.0.1:", "rtmp, not encrypted"] {
        assert!(stream.contains(expected), "no `{expected}` in: {stream}");
    }
    // What TCP tells comes a second later.
    for (label, form) in [
        ("Behind", r"^\d+ ms$"),
        ("Round trip", r"^\d+ ms$"),
        ("Sent again", r"^\d+ packets?$"),
        ("Sent", r"^\d+(\.\d)? (kB|MB)$"),
        ("Connected", r"^1 time$"),
        ("Dropped", r"^none$"),
        ("Encryption", r"^none$"),
    ] {
        browser.wait_for(&format!("/{form}/.test({})", fact("victim", label)), START);
    }
    browser.wait_for(&format!("{}.length > 3", sparkline("victim")), START);
    assert_eq!(browser.evaluate("document.querySelector('#setup').open"), false);
    assert_looks_well(&mut browser, "delivering");

    // Each colour that it has from now on: red as long as it is gone, whether it waits or tries.
    browser.evaluate(&format!(
        "window.tones = []; new MutationObserver(() => tones.push({0}.dataset.tone)).observe({0}, {{ attributeFilter: ['data-tone'] }})",
        card("victim")
    ));
    victim.kill();
    let is_told = format!("{0}.dataset.tone === 'bad' && /refused|closed/.test({0}.innerText)", card("victim"));
    let told = browser.wait_for(&is_told, TOLD);
    browser.wait_for("/1 of 2 delivering/.test(document.title)", TOLD);
    assert_eq!(browser.evaluate(&format!("{}.dataset.tone", card("steady"))), "ok");
    let shown = text(&mut browser, ".card:nth-child(2)");
    assert!(shown.contains("next try in") || shown.contains("trying again now"), "{shown}");
    browser.evaluate("document.activeElement.blur()");
    assert_eq!(browser.evaluate("document.querySelector('#troubles').innerText.trim()"), "victim");
    assert_all_can_be_reached(&mut browser, 3);
    browser.evaluate("document.activeElement.blur()");
    assert_looks_well(&mut browser, "killed");

    victim.revive();
    let back = browser.wait_for(&format!("{}.dataset.tone === 'ok'", card("victim")), Duration::from_secs(30));
    browser.wait_for("document.title === '2 of 2 delivering – forkcast'", START);
    assert_eq!(browser.evaluate("tones"), json!(["bad", "ok"]));
    println!("told after {told:?}, green again {back:?} after it was back");
    let shown = text(&mut browser, ".card:nth-child(2)");
    assert!(shown.contains("earlier: ") && !shown.contains('`'), "the last failure stays to be read: {shown}");
    browser.wait_for(&format!("/^2 times$/.test({})", fact("victim", "Connected")), START);
    // What the page has opened it closes again.
    let is_open = format!("{}.querySelector('.more').getAttribute('aria-expanded')", card("victim"));
    assert_eq!(browser.evaluate(&is_open), "false");
    broadcast.stop();
    browser.wait_for("document.title === 'ready: 2 destinations – forkcast'", START);
    browser.assert_no_error();
}

#[test]
fn the_page_says_what_the_stream_is_and_what_of_it_is_beyond_a_limit() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let (twitch, own) = (Sink::start(), Sink::start());
    limits::on_platform(&mut relay, "tw", "twitch", &twitch);
    relay.destination("own", &own.url(), "");
    relay.start();
    let mut browser = open(&relay);
    browser.wait_for("document.title === 'ready: 2 destinations – forkcast'", START);
    let shown = browser.evaluate(&format!("{}.innerText", card("tw")));
    assert!(shown.as_str().unwrap().contains("6 Mbit/s of video, 320 kbit/s of audio, 1080 lines"), "{shown}");

    let _publisher = ffmpeg::publish_for_ever(relay.folder(), &limits::heavy(), &relay.publish_url());
    let is_measured =
        "/50 fps, (7\\.[6-9]|8|8\\.[0-4])(\\.\\d)? Mbit\\/s/.test(document.querySelector('.stream').innerText)";
    browser.wait_for(is_measured, limits::TOLD);
    browser.wait_for("document.querySelector('.stream').innerText.includes('every 3 s')", limits::TOLD);
    let stream = text(&mut browser, ".stream");
    for expected in ["H.264 High 3.2 + AAC LC", "1280×720, 50 fps", "44.1 kHz, mono", "Live for 0:"] {
        assert!(stream.contains(expected), "no `{expected}` in: {stream}");
    }
    browser.wait_for(&format!("{}.querySelectorAll('.limits li').length === 2", card("tw")), limits::TOLD);
    let limits = browser.evaluate(&format!("{}.querySelector('.limits').innerText", card("tw")));
    let limits = limits.as_str().unwrap();
    assert!(
        limits.contains("Mbit/s of video, its limit is 6 Mbit/s: lower the video bitrate in your encoder"),
        "{limits}"
    );
    assert!(limits.contains("A keyframe every 3 s, it wants one every 2 s"), "{limits}");
    assert_eq!(browser.evaluate(&format!("{}.querySelector('.limits').checkVisibility()", card("own"))), false);
    assert_eq!(browser.evaluate("document.title"), "2 of 2 delivering – forkcast", "it is told, and no failure");
    assert_looks_well(&mut browser, "limits");
    browser.assert_no_error();
}

#[test]
fn an_encoder_that_is_gone_is_counted_down() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("patient", &sink.url(), "");
    relay.start();
    let mut browser = open(&relay);
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    browser.wait_for("document.title === '1 of 1 delivering – forkcast'", START);
    broadcast.crash();
    browser.wait_for("document.title === '⚠ the encoder is gone – forkcast'", START);
    let left = "Number(/ends in (\\d+) s/.exec(document.querySelector('.stream').innerText)[1])";
    let first = browser.evaluate(left).as_u64().expect("a number of seconds");
    browser.wait_for(&format!("{left} < {first}"), START);
    browser.wait_for(&format!("{}.innerText.includes('Held: waits for the encoder')", card("patient")), START);
    browser.assert_no_error();
}

#[test]
fn markup_in_names_and_errors_stays_text() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let markup = "<img src=x onerror=window.ran=1><script>window.ran=1</script>";
    let mut relay = Relay::new();
    let sink = Sink::with(Behaviour::refusing("publish", "NetStream.Publish.BadName", markup));
    relay.destination("refused", &sink.url(), "");
    // No name that a destination may have: the page says so, and quotes it.
    relay.destination_file("<img src=x onerror=window.ran=1>.toml", "");
    relay.start();
    let mut browser = open(&relay);
    let broadcast = Broadcast::synthetic(&relay, 4_000);
    browser.wait_for(&format!("{}.innerText.includes('<img src=x onerror')", card("refused")), START);
    browser.wait_for("document.body.innerText.includes('destinations/<img src=x onerror=window.ran=1>.toml')", START);
    assert_eq!(browser.evaluate("document.images.length"), 0);
    assert_eq!(browser.evaluate("document.scripts.length"), 1);
    assert_eq!(browser.evaluate("typeof window.ran"), "undefined");
    browser.assert_no_error();

    // The last line of defence, and the proof that a breach would have been seen.
    let refused = "try { document.body.innerHTML = '<b>'; false } catch { true }";
    assert_eq!(browser.evaluate(refused), true);
    browser.evaluate("document.body.setAttribute('style', 'color: red')");
    assert!(browser.errors().iter().any(|error| error.contains("Content Security Policy")), "{:?}", browser.errors());
    broadcast.stop();
}

#[test]
fn a_relay_that_is_gone_or_hangs_is_told_and_its_return_is_seen() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("one", &sink.url(), "");
    relay.start();
    let mut browser = open(&relay);
    let ready = "document.title === 'ready: 1 destination – forkcast' && document.querySelector('#lost').hidden";
    let lost = "document.title === '✖ no connection – forkcast' && !document.querySelector('#lost').hidden";
    browser.wait_for(ready, START);
    browser.assert_no_error();

    signal(&relay, "STOP");
    let hung = browser.wait_for(lost, LOST);
    assert!(text(&mut browser, "#lost").contains("No connection to forkcast: it does not answer in time"));
    signal(&relay, "CONT");
    browser.wait_for(ready, START);

    relay.stop("TERM");
    let gone = browser.wait_for(lost, LOST);
    assert!(text(&mut browser, "#lost").contains("No connection to forkcast: nobody answers"));
    assert_looks_well(&mut browser, "lost");
    relay.start();
    browser.wait_for(ready, START);
    println!("told {hung:?} after it hung, {gone:?} after it was gone");
}

/// What has happened stands on the page as it happens, the newest first, without a question; and is asked for where the relay
/// does not let this page listen.
#[test]
fn what_happens_is_listed_as_it_happens() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    let victim = Sink::start();
    relay.destination("victim", &victim.url(), "");
    relay.start();
    let mut browser = open(&relay);
    browser.wait_for("document.querySelector('#events li') !== null", START);
    assert!(text(&mut browser, "#events").contains("Listening for rtmp publishers"));
    let asked = "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/api/events?')).length";
    let before = browser.evaluate(asked);

    let broadcast = Broadcast::synthetic(&relay, 4_000);
    browser.wait_for("/stream .live. is live/i.test(document.querySelector('#events').innerText)", START);
    browser.wait_for(&format!("{}.dataset.tone === 'ok'", card("victim")), START);
    victim.kill();
    let killed = "[...document.querySelectorAll('#events li')].find((line) => /victim. failed/.test(line.innerText))";
    let told = browser.wait_for(&format!("{killed} !== undefined"), TOLD);
    println!("listed {told:?} after it was killed");
    assert_eq!(browser.evaluate(&format!("{killed}.dataset.tone")), "bad");
    let line = browser.evaluate(&format!("{killed}.innerText"));
    let line = line.as_str().unwrap();
    assert!(line.contains("error") && line.contains("next try") && line.contains('\n'), "{line}");
    assert_eq!(browser.evaluate(&format!("Boolean({killed}.querySelector('.hint').innerText)")), true);
    victim.revive();
    let recovered = "document.querySelector('#events li')";
    browser.wait_for(&format!("/victim. is live again/.test({recovered}.innerText)"), Duration::from_secs(30));
    assert_eq!(browser.evaluate(&format!("{recovered}.dataset.tone")), "ok");
    let times = "[...document.querySelectorAll('#events time')].map((time) => time.dateTime)";
    assert_eq!(browser.evaluate(&format!("String({times}) === String({times}.sort().reverse())")), true);
    assert_eq!(browser.evaluate(asked), before, "it was told, and did not ask");
    assert_looks_well(&mut browser, "events");
    assert_all_can_be_reached(&mut browser, 3);
    broadcast.stop();
    browser.assert_no_error();

    // Another run, and the page goes on where it was.
    relay.stop("TERM");
    browser.wait_for("!document.querySelector('#lost').hidden", LOST);
    relay.start();
    let runs = "document.querySelector('#events').innerText.match(/listening for rtmp publishers/gi).length";
    browser.wait_for(&format!("{runs} === 2"), START);
}

/// Where every place of a listener is taken, the page asks instead.
#[test]
fn a_page_that_may_not_listen_asks() {
    if !peers::are_here(&[Peer::Chromium]) {
        return;
    }
    let mut relay = Relay::new();
    relay.start();
    let listeners: Vec<_> = (0..64)
        .map(|_| {
            let mut socket = TcpStream::connect(("127.0.0.1", relay.http_port())).unwrap();
            write!(socket, "GET /api/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            let mut first = [0; 12];
            socket.read_exact(&mut first).unwrap();
            assert_eq!(&first, b"HTTP/1.1 200");
            socket
        })
        .collect();
    let mut browser = open(&relay);
    browser.wait_for("document.querySelector('#events li') !== null", START);
    let broadcast = Broadcast::synthetic(&relay, 1_000);
    browser.wait_for("/stream .live. is live/i.test(document.querySelector('#events').innerText)", START);
    broadcast.stop();
    drop(listeners);
}

/// A page of a stranger's whose name is made to be this machine (DNS rebinding) reads nothing.
#[test]
fn other_names_than_its_own_are_refused_and_every_answer_is_hardened() {
    let mut relay = Relay::new();
    relay.start();
    let port = relay.http_port();
    for path in ["/", "/dashboard.js", "/dashboard.css", "/controls.css", "/token.js", "/api/status", "/api/events"] {
        for (host, expected) in [
            (format!("127.0.0.1:{port}"), 200),
            ("localhost".to_owned(), 200),
            (format!("[::1]:{port}"), 200),
            (format!("rebound.example:{port}"), 403),
            ("127.0.0.1.rebound.example".to_owned(), 403),
        ] {
            let answer = request(port, path, &host);
            assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{path} by {host}: {answer}");
            for header in [
                "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; ",
                "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
                "x-content-type-options: nosniff\r\n",
                "referrer-policy: no-referrer\r\n",
                "cache-control: no-store\r\n",
            ] {
                assert!(answer.contains(header), "no `{header}` at {path} by {host}: {answer}");
            }
        }
    }
    for path in ["/metrics", "/healthz"] {
        assert!(request(port, path, "scraped.example").starts_with("HTTP/1.1 200 "), "{path} is for machines");
    }
}

#[track_caller]
pub(crate) fn open(relay: &Relay) -> Browser {
    let mut browser = Browser::start(relay.folder());
    browser.look(1280, "light");
    browser.open(&format!("http://127.0.0.1:{}/", relay.http_port()));
    browser
}

/// In JavaScript: the card of a destination.
pub(crate) fn card(name: &str) -> String {
    format!("[...document.querySelectorAll('.card')].find((card) => card.querySelector('h3').textContent === '{name}')")
}

/// In JavaScript: one of its figures, by its label.
pub(crate) fn fact(name: &str, label: &str) -> String {
    format!(
        "[...{}.querySelectorAll('dt')].find((dt) => dt.textContent === '{label}').nextSibling.textContent",
        card(name)
    )
}

/// In JavaScript: the points of its line.
pub(crate) fn sparkline(name: &str) -> String {
    format!("({}.querySelector('.line').getAttribute('d') ?? '').split(/[ML]/).filter(Boolean)", card(name))
}

#[track_caller]
pub(crate) fn text(browser: &mut Browser, selector: &str) -> String {
    let text = browser.evaluate(&format!("document.querySelector('{selector}').innerText"));
    text.as_str().expect("such an element is there").to_owned()
}

/// Picks an entry of the list that has the focus, as its keys do.
#[track_caller]
pub(crate) fn choose(browser: &mut Browser, entry: &str) {
    browser.wait_for(&format!("[...document.activeElement.options].some(({{ text }}) => text === '{entry}')"), START);
    let chosen = "document.activeElement.selectedOptions[0].text";
    for _ in 0..50 {
        if browser.evaluate(chosen) == entry {
            return;
        }
        browser.press("ArrowDown", 40, "");
    }
    panic!("no key leads to {entry}");
}

/// Nothing has been asked of anybody but the relay.
#[track_caller]
pub(crate) fn assert_nothing_from_elsewhere(browser: &mut Browser, relay: &Relay) {
    let asked = browser.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)");
    let asked = asked.as_array().expect("a list");
    assert!(asked.len() > 10, "the page is made of files and answers: {asked:?}");
    let own = format!("http://127.0.0.1:{}/", relay.http_port());
    assert!(asked.iter().all(|url| url.as_str().is_some_and(|url| url.starts_with(&own))), "{asked:?}");
}

/// All that can be operated is reached by the Tab key, and has a name for those who do not see it.
#[track_caller]
pub(crate) fn assert_all_can_be_reached(browser: &mut Browser, at_least: usize) {
    // What is behind a dialog is out of reach as long as that is there.
    let interactive = "[...(document.querySelector('dialog') ?? document)\
                       .querySelectorAll('a[href], button, summary, input, select, textarea, [tabindex=\"0\"]')]\
                       .filter((element) => element.checkVisibility())";
    for width in WIDTHS {
        browser.look(width, "light");
        browser.evaluate("document.activeElement.blur()");
        browser.evaluate(&format!("window.all = {interactive}; window.reached = new Set(); all.length"));
        let count = browser.evaluate("all.length").as_u64().expect("a number");
        assert!(count >= at_least as u64, "only {count} elements can be operated at {width}");
        for _ in 0..=count {
            browser.press("Tab", 9, "");
            browser.evaluate("reached.add(document.activeElement)");
        }
        let missed =
            browser.evaluate("all.filter((element) => !reached.has(element)).map((element) => element.outerHTML)");
        assert_eq!(missed, json!([]), "at {width}");
    }
    let tree = browser.ask("Accessibility.getFullAXTree", json!({}));
    for node in tree["nodes"].as_array().expect("a tree of nodes") {
        let properties = node["properties"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_focusable = properties.iter().any(|of| of["name"] == "focusable" && of["value"]["value"] == true);
        if is_focusable && node["ignored"] == false {
            assert_ne!(node["name"]["value"], "", "without a name: {node}");
        }
    }
}

/// At each width, light and dark: nothing sticks out, every text can be read, and a picture of it is kept.
#[track_caller]
pub(crate) fn assert_looks_well(browser: &mut Browser, name: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dashboard");
    fs::create_dir_all(&folder).unwrap();
    for (width, scheme) in WIDTHS.into_iter().flat_map(|width| SCHEMES.map(|scheme| (width, scheme))) {
        browser.look(width, scheme);
        let widest = browser.evaluate("document.documentElement.scrollWidth").as_u64().expect("a number");
        assert!(widest <= width.into(), "{name}: {widest} pixels on a page of {width}");
        assert_eq!(browser.evaluate(PALE), json!([]), "{name} at {width}, {scheme}: too little contrast");
        fs::write(folder.join(format!("{name}-{width}-{scheme}.png")), decode_base64(&browser.picture())).unwrap();
    }
    browser.look(1280, "light");
}

/// The texts whose contrast is below 4.5:1, by the formula of WCAG 2.
const PALE: &str = "(() => {
    const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const luminance = (colour) => {
        const [red, green, blue] = channels(colour).map((channel) => {
            const part = channel / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if ((channels(colour)[3] ?? 1) === 1) return colour;
        }
        return 'rgb(255, 255, 255)';
    };
    const texts = [...document.body.querySelectorAll('*')].filter((element) => element.checkVisibility()
        && [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()));
    if (texts.length < 5) return ['there is hardly a text'];
    return texts.flatMap((element) => {
        const [light, dark] = [luminance(getComputedStyle(element).color), luminance(ground(element))].sort((a, b) => b - a);
        const contrast = (light + 0.05) / (dark + 0.05);
        return contrast < 4.5 ? [`${element.textContent}: ${contrast.toFixed(2)}`] : [];
    });
})()";

fn decode_base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0u32, 0);
    for digit in text.bytes().filter_map(|byte| ALPHABET.iter().position(|digit| *digit == byte)) {
        bits = bits << 6 | u32::try_from(digit).expect("below 64");
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xFF).expect("masked"));
        }
    }
    bytes
}

/// The whole answer, head and body.
#[track_caller]
fn request(port: u16, path: &str, host: &str) -> String {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

fn signal(relay: &Relay, signal: &str) {
    let kill = format!("kill -{signal} {}", relay.process_id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

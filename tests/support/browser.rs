//! A real browser, Debian's Chromium without a window, driven over its DevTools protocol.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

use crate::support::process::Process;
use crate::support::relay::temporary_folder;
use crate::support::wait;

pub(crate) const PROGRAM: &str = "chromium";

/// No sandbox: it cannot be had as root, and the only page that is opened is our own. Nothing is fetched but what a test asks for.
const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--log-level=3",
    // A name that is not the machine's own: a page that comes by it over plain HTTP may do less.
    "--host-resolver-rules=MAP relay.example 127.0.0.1",
    "--remote-debugging-port=0",
    "about:blank",
];

/// For an answer of the browser, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser with one page, or with several of which one is meant.
pub(crate) struct Browser {
    socket: WebSocket<TcpStream>,
    /// The page that is meant.
    session: String,
    pages: Vec<Page>,
    requests: u64,
    /// What the page has complained of.
    errors: Vec<String>,
    process: Process,
    _profile: TempDir,
}

/// A page, in a window of its own or as a tab.
struct Page {
    target: String,
    session: String,
}

impl Browser {
    /// With a fresh profile, and an empty page.
    #[track_caller]
    pub(crate) fn start(folder: &Path) -> Self {
        let profile = temporary_folder();
        let mut command = Command::new(PROGRAM);
        command.arg(format!("--user-data-dir={}", profile.path().display())).args(FLAGS);
        let process = Process::start("chromium", folder, &mut command);
        // It writes its port, and on the next line the path of its DevTools.
        let (port, path) = wait::until("the browser to start", PATIENCE, || {
            let text = fs::read_to_string(profile.path().join("DevToolsActivePort")).ok()?;
            let (port, path) = text.split_once('\n')?;
            Some((port.parse::<u16>().ok()?, path.trim().to_owned()))
        });
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the browser listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let url = format!("ws://127.0.0.1:{port}{path}");
        let (socket, _) = tungstenite::client(url, stream).expect("the browser speaks WebSocket");
        let (session, pages, requests, errors) = (String::new(), Vec::new(), 0, Vec::new());
        let mut browser = Self { socket, session, pages, requests, errors, process, _profile: profile };
        browser.add_page(&json!({ "url": "about:blank" }));
        browser
    }

    /// Makes a window beside those that are there: the page in it is meant from now on.
    #[track_caller]
    pub(crate) fn add_window(&mut self) {
        self.add_page(&json!({ "url": "about:blank", "newWindow": true }));
    }

    /// Makes a tab in front of the page that is meant, which is hidden by it and is meant as before.
    #[track_caller]
    pub(crate) fn cover(&mut self) {
        let covered = self.session.clone();
        self.ask("Page.bringToFront", json!({}));
        self.add_page(&json!({ "url": "about:blank" }));
        self.ask("Page.bringToFront", json!({}));
        self.session = covered;
    }

    /// The page that was made as the one of this number, from zero, is meant from now on.
    pub(crate) fn go_to(&mut self, page: usize) {
        self.session = self.pages[page].session.clone();
    }

    /// Closes a page; the numbers of the others stay.
    #[track_caller]
    pub(crate) fn close(&mut self, page: usize) {
        let target = self.pages[page].target.clone();
        self.ask("Target.closeTarget", json!({ "targetId": target }));
    }

    #[track_caller]
    fn add_page(&mut self, parameters: &Value) {
        // Asked of the browser itself.
        self.session.clear();
        let created = self.ask("Target.createTarget", parameters.clone());
        let target = created["targetId"].as_str().expect("a target has an id").to_owned();
        let attached = self.ask("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        self.session = attached["sessionId"].as_str().expect("a session has an id").to_owned();
        self.pages.push(Page { target, session: self.session.clone() });
        for domain in ["Page", "Runtime", "Log"] {
            self.ask(&format!("{domain}.enable"), json!({}));
        }
    }

    /// Runs a script in the page that is opened next, before its own.
    #[track_caller]
    pub(crate) fn prepare(&mut self, script: &str) {
        self.ask("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script }));
    }

    /// Opens a page.
    #[track_caller]
    pub(crate) fn open(&mut self, url: &str) {
        let answer = self.ask("Page.navigate", json!({ "url": url }));
        assert!(answer["errorText"].is_null(), "{url}: {answer}");
    }

    /// The value of an expression in the page.
    #[track_caller]
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.ask("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true, and gives how long that took. An element that is not there yet is no error.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, expression: &str, limit: Duration) -> Duration {
        let start = Instant::now();
        let page = "document.title + '\\n' + document.body.innerText";
        let attempt = format!("(() => {{ try {{ return {expression} }} catch {{ return false }} }})()");
        while self.evaluate(&attempt) != true {
            assert!(start.elapsed() < limit, "waited {limit:?} for {expression} on\n{}", self.evaluate(page));
            std::thread::sleep(Duration::from_millis(50));
        }
        start.elapsed()
    }

    /// Presses a key once, by its name and its Windows virtual key code. `text` is what it types.
    pub(crate) fn press(&mut self, key: &str, code: u32, text: &str) {
        for kind in ["keyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.ask("Input.dispatchKeyEvent", event);
        }
    }

    /// Types or pastes into whatever has the focus.
    pub(crate) fn insert(&mut self, text: &str) {
        self.ask("Input.insertText", json!({ "text": text }));
    }

    /// Goes on with Tab, round the whole page if need be, to what is called so: its label, or the text that it begins with.
    #[track_caller]
    pub(crate) fn reach(&mut self, name: &str) {
        let name = json!(name);
        let is_reached = format!(
            "((element) => element !== document.body && (element.labels?.[0] ?? element).textContent
                .replace(/^[•\\s]+/, '').startsWith({name}))(document.activeElement)"
        );
        for _ in 0..150 {
            if self.evaluate(&is_reached) == true {
                return;
            }
            self.press("Tab", 9, "");
        }
        panic!("no Tab leads to {name} on\n{}", self.evaluate("document.body.innerText"));
    }

    /// Goes there with the keyboard and presses Enter.
    #[track_caller]
    pub(crate) fn operate(&mut self, name: &str) {
        self.reach(name);
        self.press("Enter", 13, "\r");
    }

    /// Makes the page so many pixels wide, and `"light"` or `"dark"`.
    pub(crate) fn look(&mut self, width: u32, scheme: &str) {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", size);
        let scheme = json!({ "name": "prefers-color-scheme", "value": scheme });
        let motion = json!({ "name": "prefers-reduced-motion", "value": "reduce" });
        self.ask("Emulation.setEmulatedMedia", json!({ "features": [scheme, motion] }));
    }

    /// A picture of the whole page, PNG in base64.
    #[track_caller]
    pub(crate) fn picture(&mut self) -> String {
        let size = self.ask("Page.getLayoutMetrics", json!({}))["cssContentSize"].clone();
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let answer = self.ask("Page.captureScreenshot", json!({ "captureBeyondViewport": true, "clip": clip }));
        answer["data"].as_str().expect("a picture").to_owned()
    }

    /// Asserts that the page has complained of nothing: no exception, no error of the console, no breach of its own content
    /// security policy.
    #[track_caller]
    pub(crate) fn assert_no_error(&mut self) {
        assert!(self.errors().is_empty(), "{:#?}", self.errors);
    }

    /// The same where the browser itself notes that an answer was no success: it does so for each.
    #[track_caller]
    pub(crate) fn assert_no_error_but(&mut self, statuses: &[u16]) {
        let is_expected = |error: &String| {
            let is_of = |status: &u16| error.contains(&format!("responded with a status of {status}"));
            error.contains("\"source\":\"network\"") && statuses.iter().any(is_of)
        };
        let others: Vec<_> = self.errors().iter().filter(|error| !is_expected(error)).collect();
        assert!(others.is_empty(), "{others:#?}");
    }

    /// One request of the protocol, and the answer; events in between are looked through.
    #[track_caller]
    pub(crate) fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.requests += 1;
        let mut request = json!({ "id": self.requests, "method": method, "params": parameters });
        if !self.session.is_empty() {
            request["sessionId"] = json!(self.session);
        }
        self.socket.send(Message::text(request.to_string())).expect("the browser takes a request");
        loop {
            let message = self.socket.read().unwrap_or_else(|error| panic!("no answer to {method}: {error}"));
            let Ok(text) = message.to_text() else { continue };
            let Ok(mut message) = serde_json::from_str::<Value>(text) else { continue };
            if message["id"] == self.requests {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
            self.note(&message);
        }
    }

    /// The page's complaints so far.
    pub(crate) fn errors(&mut self) -> &[String] {
        // What it has said before this answer has been read with it.
        self.evaluate("0");
        &self.errors
    }

    fn note(&mut self, event: &Value) {
        let parameters = &event["params"];
        let is_error = match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => true,
            "Runtime.consoleAPICalled" => parameters["type"] == "error" || parameters["type"] == "warning",
            "Log.entryAdded" => parameters["entry"]["level"] == "error" || parameters["entry"]["level"] == "warning",
            _ => false,
        };
        if is_error {
            self.errors.push(parameters.to_string());
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // In order, so that no process of its own still writes into the profile; where a test fails, the guard kills it.
        if !std::thread::panicking() {
            self.session.clear();
            self.ask("Browser.close", json!({}));
            self.process.finish(PATIENCE);
        }
    }
}

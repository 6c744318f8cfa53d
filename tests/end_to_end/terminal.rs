//! The live table, as a terminal shows it: a pseudo-terminal, and what stands on its screen.

use std::fs::{self, File};
use std::io::Read as _;
use std::num::NonZero;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::support::broadcast::Broadcast;
use crate::support::relay::Relay;
use crate::support::secret::Search;
use crate::support::wire::Sink;
use crate::support::{http, ports, wait};

const START: Duration = Duration::from_secs(10);

/// A terminal with a relay in it.
struct Terminal {
    controller: File,
    program: Child,
    /// Everything that was written to it, and what its screen and the lines above it look like.
    shown: Arc<Mutex<(Vec<u8>, vt100::Parser)>>,
}

fn size(columns: u16, lines: u16) -> Winsize {
    Winsize { ws_col: columns, ws_row: lines, ws_xpixel: 0, ws_ypixel: 0 }
}

fn count(number: u16) -> NonZero<u16> {
    NonZero::new(number).expect("a terminal has at least one")
}

impl Terminal {
    #[track_caller]
    fn start(relay: &Relay, columns: u16, lines: u16, term: &str) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("the system has pseudo-terminals");
        grantpt(&controller).and_then(|()| unlockpt(&controller)).expect("it is ours");
        let name = ptsname(&controller, Vec::new()).expect("it has a name").into_string().expect("in letters");
        let user = File::options().read(true).write(true).open(name).expect("it can be opened");
        tcsetwinsize(&user, size(columns, lines)).expect("it takes a size");
        let served = relay.command("serve");
        // The terminal that it is started in is the one that a program asks for its size.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(served.get_program()).args(served.get_args()).current_dir(relay.folder());
        command.envs(served.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("TERM", term).env("RUST_LOG", "info").env_remove("NO_COLOR");
        let end = || Stdio::from(user.try_clone().expect("a file can be cloned"));
        let program = command.stdin(end()).stdout(end()).stderr(end()).spawn().expect("util-linux is installed");
        drop((user, command));
        let controller = File::from(controller);
        let shown = Arc::new(Mutex::new((Vec::new(), vt100::Parser::new(count(lines), count(columns), 10_000))));
        let terminal = Self { controller, program, shown };
        terminal.read_on();
        wait::until("the relay to be healthy", START, || {
            http::get(relay.http_port(), "/healthz").filter(|(status, _)| *status == 200)
        });
        terminal
    }

    fn read_on(&self) {
        let shown = Arc::clone(&self.shown);
        let mut controller = self.controller.try_clone().expect("a file can be cloned");
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // It ends with an error when nobody has the other end any more.
            while let Ok(length @ 1..) = controller.read(&mut buffer) {
                let mut shown = shown.lock().expect("nobody panics with it");
                shown.0.extend_from_slice(&buffer[..length]);
                shown.1.process(&buffer[..length]);
            }
        });
    }

    /// The rows of the screen, without empty ones at its end.
    fn screen(&self) -> Vec<String> {
        let shown = self.shown.lock().expect("nobody panics with it");
        let columns = shown.1.screen().size().1.get();
        let mut rows: Vec<String> = shown.1.screen().rows(0, columns).map(|row| row.trim_end().to_owned()).collect();
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }

    /// The screen and all that has left it upwards.
    fn everything(&self) -> Vec<String> {
        let mut shown = self.shown.lock().expect("nobody panics with it");
        let columns = shown.1.screen().size().1.get();
        let mut lines = Vec::new();
        shown.1.screen_mut().set_scrollback(usize::MAX);
        for back in (0..=shown.1.screen().scrollback()).rev() {
            shown.1.screen_mut().set_scrollback(back);
            if let Some(first) = shown.1.screen().rows(0, columns).next().filter(|_| back > 0) {
                lines.push(first.trim_end().to_owned());
            }
        }
        lines.extend(shown.1.screen().rows(0, columns).map(|row| row.trim_end().to_owned()));
        lines
    }

    #[track_caller]
    fn wait_for(&self, what: &str, condition: impl Fn(&[String]) -> bool) -> Vec<String> {
        let mut last = Vec::new();
        for _ in 0..500 {
            last = self.screen();
            if condition(&last) {
                return last;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("waited for {what}; the screen is\n{}", last.join("\n"));
    }

    fn resize(&self, columns: u16, lines: u16) {
        self.shown.lock().expect("nobody panics with it").1.screen_mut().set_size(count(lines), count(columns));
        tcsetwinsize(&self.controller, size(columns, lines)).expect("it takes a size");
    }

    fn raw(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("nobody panics with it").0).into_owned()
    }

    fn interrupt(&mut self) {
        let kill = format!("kill -INT {}", self.program.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("there is a shell").success());
        let program = &mut self.program;
        let status = wait::until("the relay to end", START, || program.try_wait().expect("a child can be asked"));
        assert!(status.success(), "{status}");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// How many rows are the table's first.
fn tables(rows: &[String]) -> usize {
    rows.iter().filter(|row| row.starts_with("forkcast ") && row.contains(", up ")).count()
}

#[test]
fn a_table_is_drawn_in_place_below_the_log() {
    let mut relay = Relay::new();
    let sink = Sink::start();
    relay.destination("good", &sink.url(), "");
    relay.destination("dead", &format!("rtmp://127.0.0.1:{}/live", ports::free()), "");
    let mut terminal = Terminal::start(&relay, 140, 30, "xterm-256color");
    terminal.wait_for("the table", |rows| rows.iter().any(|row| row.starts_with("stream live: idle")));
    let broadcast = Broadcast::synthetic(&relay, 20_000);
    let delivers = |row: &String| row.contains("good") && row.contains("delivering") && row.contains("bit/s");
    let rows = terminal.wait_for("a bitrate", |rows| {
        rows.iter().any(delivers)
            && rows.iter().any(|row| row.starts_with("stream live: live 0:") && row.contains("bit/s"))
    });
    let dead = rows.iter().find(|row| row.trim_start().starts_with("dead ")).expect("dead is in the table");
    assert!(dead.contains("refused the connection"), "{dead}");
    println!("{}", rows.join("\n"));

    // More lines of the log than the screen has pass by: each is whole, and there is one table, at the bottom.
    broadcast.stop();
    for _ in 0..20 {
        Broadcast::synthetic(&relay, 5_000).stop();
    }
    let broadcast = Broadcast::synthetic(&relay, 5_000);
    let is_told =
        |row: &&String| row.contains("INFO") && row.contains("stream `live` is live: rtmp publisher at 127.0.0.1:");
    wait::until("lines about them", START, || {
        (terminal.everything().iter().filter(is_told).count() == 22).then_some(())
    });
    terminal.wait_for("the table, at the bottom", |rows| {
        tables(rows) == 1
            && rows
                .last()
                .is_some_and(|row| row.trim_start().starts_with("good ") || row.trim_start().starts_with("dead "))
    });
    let all = terminal.everything();
    assert_eq!(tables(&all), 1, "drawn anew, not again:\n{}", all.join("\n"));
    for row in all.iter().filter(|row| row.starts_with("20")) {
        let time = row.split(' ').next().expect("a row has words");
        assert!(humantime::parse_rfc3339(time).is_ok(), "{row}");
    }

    // Narrower and lower, and back: never two tables, nothing of the old one.
    for (columns, lines) in [(60, 20), (30, 8), (120, 40)] {
        terminal.resize(columns, lines);
        let rows = terminal.wait_for("a table of that size", |rows| {
            tables(rows) == 1 && rows.iter().filter(|row| row.starts_with("stream live:")).count() == 1
        });
        assert!(rows.len() <= lines.into(), "{rows:#?}");
    }
    broadcast.stop();
    terminal.interrupt();
    // What is left is the log.
    let rows = terminal.screen();
    assert_eq!(tables(&rows), 0, "{rows:#?}");
    assert!(terminal.everything().iter().any(|row| row.contains("stopping: ")), "{rows:#?}");
    Search::of(relay.secrets()).assert_absent("the terminal", &terminal.raw());
}

#[test]
fn there_is_no_table_where_nobody_could_see_it() {
    for (term, flags) in [("dumb", &[][..]), ("xterm", &["--no-table"])] {
        let mut relay = Relay::new();
        relay.with_flags(flags);
        let mut terminal = Terminal::start(&relay, 80, 24, term);
        let broadcast = Broadcast::synthetic(&relay, 5_000);
        terminal.wait_for("the log", |rows| rows.iter().any(|row| row.contains("stream `live` is live")));
        broadcast.stop();
        terminal.interrupt();
        assert_eq!(tables(&terminal.everything()), 0, "{term}");
        let raw = terminal.raw();
        assert!(!raw.contains("\x1b[J") && !raw.contains("\x1b[?2026h"), "{term}: {raw:?}");
    }
    // Nor into a file.
    let mut relay = Relay::new();
    relay.environment("TERM", "xterm");
    relay.start();
    relay.stop("INT");
    let log = fs::read_to_string(relay.folder().join("relay.log")).expect("it is there");
    assert!(!log.contains('\u{1b}') && tables(&log.lines().map(str::to_owned).collect::<Vec<_>>()) == 0, "{log}");
}

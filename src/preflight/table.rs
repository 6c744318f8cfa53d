//! The findings as text: a line for each server, what to do below those that need it, and a summary.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use super::{
    Limits,
    finding::{Finding, Outcome, Seen},
    limits::COLUMNS,
};
use crate::{
    destination::failure::{Failure, Stage},
    net::Endpoint,
};

const TITLES: [&str; 7] = ["destination", "server", "result", "TLS", "cert", "RTT", "time"];
const INDENT: &str = "  ";
const BELOW: &str = "      ";
/// Longer names are cut, and leave the rest of the line to the server.
const NAME: usize = 26;

/// The table and its summary, each line with its line break. With `steps` each server has a line with the time of every step, and
/// with what TLS agreed on.
#[must_use]
pub fn text(findings: &[Finding], limits: Limits, steps: bool) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut out, findings, limits, steps);
    out
}

fn write(out: &mut String, findings: &[Finding], limits: Limits, steps: bool) -> fmt::Result {
    let rows: Vec<[String; 7]> = findings.iter().map(cells).collect();
    let widths = widths(&rows);
    write_row(out, &TITLES.map(str::to_owned), &widths)?;
    for (finding, row) in findings.iter().zip(&rows) {
        write_row(out, row, &widths)?;
        if let Some(url) = &finding.seen.sent_on {
            wrap(out, &format!("sends its publishers on to {url}"))?;
        }
        if steps {
            wrap(out, &describe(&finding.seen))?;
        }
        match &finding.outcome {
            Outcome::Ready => {}
            Outcome::Failed(Failure { message, hint, .. }) => advise(out, message, hint)?,
            Outcome::NotReached(stage) => advise(
                out,
                &overtime(finding, *stage, limits),
                "check again; if it stays so, the network or the server is slow",
            )?,
        }
        if let Some(warning) = &finding.warning {
            advise(out, &format!("warning: {}", warning.message), &warning.hint)?;
        }
    }
    writeln!(out, "\n{}", summary(findings, limits))
}

fn cells(finding: &Finding) -> [String; 7] {
    let Finding { destination, url, is_backup, outcome, seen, warning } = finding;
    let result = match outcome {
        Outcome::Ready if warning.is_some() => "ok, but",
        Outcome::Ready => "ok",
        Outcome::NotReached(_) => "too slow",
        Outcome::Failed(failure) => match failure.stage {
            Stage::Resolve => "no name",
            Stage::Connect => "no TCP",
            Stage::Tls => "no TLS",
            Stage::Handshake => "no RTMP",
            _ if failure.kind.is_refusal() => "refused",
            _ => "no answer",
        },
    };
    let none = || "-".to_owned();
    let version = seen.protection.as_ref().map(|protection| protection.version.trim_start_matches("TLS ").to_owned());
    let days = seen.chain.as_ref().and_then(|chain| chain.days_left).map(|days| format!("{days} d"));
    [
        format!("{destination}{}", if *is_backup { " backup" } else { "" }),
        url.to_string(),
        result.to_owned(),
        version.unwrap_or_else(none),
        days.unwrap_or_else(none),
        seen.round_trip.map_or_else(none, show),
        show(seen.took),
    ]
}

/// As wide as the widest cell; destination and server share what the others leave.
fn widths(rows: &[[String; 7]]) -> [usize; 7] {
    let mut widths = TITLES.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let gaps = INDENT.len() * widths.len();
    let [name, server, rest @ ..] = &mut widths;
    *name = (*name).min(NAME);
    let left = COLUMNS.saturating_sub(gaps + *name + rest.iter().sum::<usize>());
    *server = (*server).min(left);
    widths
}

fn write_row(out: &mut String, row: &[String; 7], widths: &[usize; 7]) -> fmt::Result {
    let mut line = String::new();
    for (cell, &width) in row.iter().zip(widths) {
        write!(line, "{INDENT}{:width$}", cut(cell, width))?;
    }
    writeln!(out, "{}", line.trim_end())
}

/// Cut in the middle: a server's name begins and ends with what tells it from others.
fn cut(text: &str, width: usize) -> String {
    let count = text.chars().count();
    if count <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let (head, tail) = (kept.div_ceil(2), kept / 2);
    text.chars().take(head).chain(['…']).chain(text.chars().skip(count - tail)).collect()
}

fn advise(out: &mut String, message: &str, hint: &str) -> fmt::Result {
    wrap(out, message)?;
    wrap(out, &format!("hint: {hint}"))
}

/// Below a row, in lines that fit.
fn wrap(out: &mut String, text: &str) -> fmt::Result {
    let mut line = String::new();
    for word in words(text) {
        let is_full = BELOW.len() + line.chars().count() + 1 + word.chars().count() > COLUMNS;
        if is_full && !line.is_empty() {
            writeln!(out, "{BELOW}{line}")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    writeln!(out, "{BELOW}{line}")
}

/// What stands in backticks is one word: it may be a line to be copied.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_quoted = false;
    for part in text.split(' ') {
        match words.last_mut() {
            Some(word) if is_quoted => {
                word.push(' ');
                word.push_str(part);
            }
            _ => words.push(part.to_owned()),
        }
        is_quoted ^= part.matches('`').count() % 2 == 1;
    }
    words
}

fn describe(seen: &Seen) -> String {
    let mut parts = Vec::new();
    let mut step = |what: &str, time: Option<Duration>| {
        if let Some(time) = time {
            parts.push(format!("{what} {}", show(time)));
        }
    };
    step("name", seen.steps.resolve);
    step("TCP", seen.steps.connect);
    step("TLS", seen.steps.tls);
    step("RTMP handshake", seen.handshake);
    step("connect", seen.rtmp_connect);
    if let Some(protection) = &seen.protection {
        parts.push(protection.cipher.clone());
    }
    if let Some(chain) = &seen.chain {
        parts.push(format!("{} certificate{} shown", chain.length, if chain.length == 1 { "" } else { "s" }));
    }
    if parts.is_empty() { "no step was done".to_owned() } else { parts.join(", ") }
}

fn overtime(finding: &Finding, stage: Stage, limits: Limits) -> String {
    let url = finding.seen.sent_on.as_ref().unwrap_or(&finding.url);
    let endpoint = Endpoint::new(url.host(), url.port());
    let what = match stage {
        Stage::Resolve => "its name was looked up",
        Stage::Connect => "TCP was connecting",
        Stage::Tls => "TLS was being agreed on",
        Stage::Handshake => "the RTMP handshake was going on",
        _ => "`connect` was to be answered",
    };
    format!(
        "`{endpoint}` is not known to be right: the {} s of this check were over while {what}",
        limits.total.as_secs_f32()
    )
}

fn summary(findings: &[Finding], limits: Limits) -> String {
    let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let (mut ready, mut failed, mut late) = (0, 0, 0);
    for finding in findings {
        match finding.outcome {
            Outcome::Ready => ready += 1,
            Outcome::Failed(_) => failed += 1,
            Outcome::NotReached(_) => late += 1,
        }
    }
    let late = match late {
        0 => String::new(),
        late => format!(", {late} not done within {} s", limits.total.as_secs_f32()),
    };
    let warnings = findings.iter().filter(|finding| finding.warning.is_some()).count();
    format!(
        "{}: {ready} ok, {failed} failed{late}; {}; nothing was published",
        count(findings.len(), "server"),
        count(warnings, "warning")
    )
}

fn show(time: Duration) -> String {
    match time.as_millis() {
        0 => "<1 ms".to_owned(),
        millis if millis < 1_000 => format!("{millis} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        net::{Steps, io::Protection, tls::Chain},
        preflight::finding::Warning,
    };

    const LIMITS: Limits = Limits { total: Duration::from_secs(10), step: Duration::from_secs(8) };

    fn finding(destination: &str, url: &str, outcome: Outcome, seen: Seen) -> Finding {
        let url = url.parse().unwrap();
        Finding { destination: destination.to_owned(), url, is_backup: false, outcome, seen, warning: None }
    }

    fn millis(millis: u64) -> Option<Duration> {
        Some(Duration::from_millis(millis))
    }

    fn seen_over_tls(days: i64) -> Seen {
        Seen {
            steps: Steps { resolve: millis(3), connect: millis(21), tls: millis(44), ..Steps::default() },
            handshake: millis(43),
            rtmp_connect: millis(1_022),
            protection: Some(Protection { version: "TLS 1.3", cipher: "TLS13_AES_256_GCM_SHA384".to_owned() }),
            chain: Some(Chain { length: 3, until: Some("2026-12-01".to_owned()), days_left: Some(days) }),
            round_trip: Some(Duration::from_micros(20_900)),
            took: Duration::from_millis(1_133),
            sent_on: None,
        }
    }

    fn failure(stage: Stage, message: &str, hint: &str) -> Outcome {
        let peer = Endpoint::new("127.0.0.1", 1936);
        let failure = Failure::lost(&peer, stage, None);
        Outcome::Failed(Failure { message: message.to_owned(), hint: hint.to_owned(), ..failure })
    }

    fn every_kind() -> Vec<Finding> {
        let took = |millis| Seen { took: Duration::from_millis(millis), ..Seen::default() };
        let warning = Warning {
            message: "the certificate of `b.rtmps.youtube.com:443` expires on 2026-12-01, 5 days are left".to_owned(),
            hint: "renew it".to_owned(),
        };
        let late = Seen { steps: Steps { resolve: millis(2), ..Steps::default() }, ..took(10_000) };
        let moved = "rtmps://fra05.contribute.live-video.net/app/what-nobody-may-see".parse().unwrap();
        vec![
            finding("youtube", "rtmps://a.rtmps.youtube.com/live2", Outcome::Ready, seen_over_tls(61)),
            Finding {
                is_backup: true,
                warning: Some(warning),
                ..finding("youtube", "rtmps://b.rtmps.youtube.com/live2", Outcome::Ready, seen_over_tls(5))
            },
            finding(
                "a-name-of-more-than-usual-length",
                "rtmps://a1b2c3d4e5f6.global-contribute.a-platform-with-long-names.example/app/what-nobody-may-see",
                Outcome::Ready,
                Seen { sent_on: Some(moved), ..seen_over_tls(100) },
            ),
            finding(
                "own",
                "rtmp://127.0.0.1:1936/live",
                failure(
                    Stage::Connect,
                    "`127.0.0.1:1936` refused the connection (tried 127.0.0.1)",
                    "nothing listens on port 1936 there, or a firewall refuses; to say that you know what you are doing, write \
                     `certificate_sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ae\"` into the file",
                ),
                took(0),
            ),
            finding("slow", "rtmp://192.0.2.1/live", Outcome::NotReached(Stage::Connect), late),
        ]
    }

    #[test]
    fn a_line_for_each_server_and_what_to_do() {
        let text = text(&every_kind(), LIMITS, false);
        let expected = "
  destination                 server                             result    TLS  cert   RTT    time
  youtube                     rtmps://a.rtmps.youtube.com:443/…  ok        1.3  61 d   20 ms  1.1 s
  youtube backup              rtmps://b.rtmps.youtube.com:443/…  ok, but   1.3  5 d    20 ms  1.1 s
      warning: the certificate of `b.rtmps.youtube.com:443` expires on 2026-12-01, 5 days are left
      hint: renew it
  a-name-of-mor…usual-length  rtmps://a1b2c3d4…es.example:443/…  ok        1.3  100 d  20 ms  1.1 s
      sends its publishers on to rtmps://fra05.contribute.live-video.net:443/…
  own                         rtmp://127.0.0.1:1936/…            no TCP    -    -      -      <1 ms
      `127.0.0.1:1936` refused the connection (tried 127.0.0.1)
      hint: nothing listens on port 1936 there, or a firewall refuses; to say that you know what you
      are doing, write
      `certificate_sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ae\"` into
      the file
  slow                        rtmp://192.0.2.1:1935/…            too slow  -    -      -      10.0 s
      `192.0.2.1:1935` is not known to be right: the 10 s of this check were over while TCP was
      connecting
      hint: check again; if it stays so, the network or the server is slow

5 servers: 3 ok, 1 failed, 1 not done within 10 s; 1 warning; nothing was published
";
        assert_eq!(format!("\n{text}"), expected);
    }

    #[test]
    fn nothing_is_wider_than_a_terminal() {
        for steps in [false, true] {
            for line in text(&every_kind(), LIMITS, steps).lines() {
                assert!(line.chars().count() <= COLUMNS, "{}: {line}", line.chars().count());
            }
        }
    }

    #[test]
    fn the_steps_of_each() {
        let text = text(&every_kind(), LIMITS, true);
        let of_first = "name 3 ms, TCP 21 ms, TLS 44 ms, RTMP handshake 43 ms, connect 1.0 s,";
        for expected in
            [of_first, "TLS13_AES_256_GCM_SHA384, 3 certificates shown\n", "no step was done\n", "  name 2 ms\n"]
        {
            assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
        }
    }

    #[test]
    fn a_line_to_be_copied_stays_whole_and_a_long_name_keeps_both_ends() {
        let text = text(&every_kind(), LIMITS, false);
        let whole = "`certificate_sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ae\"`";
        assert!(text.contains(whole), "{text}");
        assert!(text.contains("  a-name-of-mor…usual-length  rtmps://a1b2c3d4…es.example:443/…  "), "{text}");
        assert!(!text.contains("what-nobody-may-see"), "{text}");
        for (whole, width, shown) in
            [("abcdef", 6, "abcdef"), ("abcdefg", 6, "abc…fg"), ("ab", 1, "…"), ("äöüßé", 4, "äö…é")]
        {
            assert_eq!(cut(whole, width), shown);
        }
    }
}

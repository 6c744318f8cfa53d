//! The table: status to rows that fit the terminal. Pure.

use std::time::Duration;

use crossterm::style::{Color, Stylize as _};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::rates::Rates;
use crate::control::status::{DestinationStatus, Status, StreamStatus};

/// How large the terminal is, in characters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) lines: usize,
}

/// What stands on the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) rows: Vec<Row>,
}

/// One row: its text with colours, and how many columns it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) text: String,
    pub(super) columns: usize,
}

/// The columns of a destination's row: what stands in them, and how wide they are.
const HEAD: [(&str, usize); 6] =
    [("destination", 20), ("state", 11), ("live", 9), ("bitrate", 12), ("lag", 8), ("dropped", 9)];

/// Of the screen, the log keeps so many lines.
const LEFT_TO_THE_LOG: usize = 3;

/// A part of a row.
struct Cell {
    text: String,
    colour: Option<Color>,
}

/// A row that is not cut yet. Where there are too many, those that need nobody go first.
struct Line {
    cells: Vec<Cell>,
    needs_somebody: bool,
}

/// The table for a terminal of that size.
pub(super) fn frame(status: &Status, rates: &Rates, size: Size, has_colours: bool) -> Frame {
    let mut lines = Vec::new();
    for stream in &status.streams {
        lines.push(of_stream(stream, rates));
        let on: Vec<_> = stream.destinations.iter().filter(|destination| destination.state != "off").collect();
        if !on.is_empty() {
            lines.push(head());
        }
        lines.extend(on.into_iter().map(|destination| of_destination(stream, destination, rates)));
    }
    let room = size.lines.saturating_sub(LEFT_TO_THE_LOG).max(1);
    let mut rows = vec![cut(&title(status), size.columns, has_colours)];
    rows.extend(
        those_that_fit(lines, room.saturating_sub(1)).iter().map(|line| cut(&line.cells, size.columns, has_colours)),
    );
    Frame { rows }
}

fn title(status: &Status) -> Vec<Cell> {
    let rest = format!(" {}, up {}", status.version, clock(status.uptime_seconds));
    vec![Cell { text: "forkcast".to_owned(), colour: Some(Color::Cyan) }, plain(rest)]
}

fn of_stream(stream: &StreamStatus, rates: &Rates) -> Line {
    let colour = match stream.state.as_str() {
        "live" => Some(Color::Green),
        "held" => Some(Color::Yellow),
        _ => None,
    };
    let mut cells = vec![plain(format!("stream {}: ", stream.name)), Cell { text: stream.state.clone(), colour }];
    if let Some(publisher) = &stream.publisher {
        let rate =
            rates.of(&(stream.name.clone(), None)).map_or_else(String::new, |rate| format!(", {}", bitrate(rate)));
        let codecs = [&stream.video_codec, &stream.audio_codec].into_iter().flatten().cloned().collect::<Vec<_>>();
        let codecs = if codecs.is_empty() { String::new() } else { format!(", {}", codecs.join(" + ")) };
        let from = format!(", {} from {}", publisher.transport, publisher.address);
        cells.push(plain(format!(" {}{rate}{codecs}{from}", clock(publisher.seconds))));
    }
    if let Some(left) = stream.hold_left_ms {
        cells.push(plain(format!(", its publisher is waited for: {} s left", left.div_ceil(1000))));
    }
    let off = stream.destinations.iter().filter(|destination| destination.state == "off").count();
    if off > 0 {
        cells.push(plain(format!(", {off} {} off", if off == 1 { "destination is" } else { "destinations are" })));
    }
    Line { cells, needs_somebody: true }
}

fn head() -> Line {
    let mut cells = vec![Cell { text: "  ".to_owned(), colour: None }];
    for (index, (name, width)) in HEAD.into_iter().enumerate() {
        cells.push(Cell { text: column(name, width, index), colour: Some(Color::DarkGrey) });
    }
    cells.push(Cell { text: "last error".to_owned(), colour: Some(Color::DarkGrey) });
    Line { cells, needs_somebody: false }
}

fn of_destination(stream: &StreamStatus, destination: &DestinationStatus, rates: &Rates) -> Line {
    let state = destination.state.as_str();
    let colour = match state {
        "delivering" => Some(Color::Green),
        "connecting" | "stalling" | "held" => Some(Color::Yellow),
        "waiting" | "parked" | "wrong" | "unsuitable" => Some(Color::Red),
        _ => None,
    };
    let is_connected = matches!(state, "delivering" | "stalling" | "held");
    let nothing = || "-".to_owned();
    let rate = rates.of(&(stream.name.clone(), Some(destination.name.clone()))).filter(|_| is_connected);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of lag are far below 2^52")]
    let lag = if is_connected { format!("{:.1} s", destination.lag_ms as f64 / 1000.0) } else { nothing() };
    let texts = [
        destination.name.clone(),
        state.to_owned(),
        destination.live_seconds.map_or_else(nothing, clock),
        rate.map_or_else(nothing, bitrate),
        lag,
        destination.dropped_messages.to_string(),
    ];
    let mut cells = vec![plain("  ".to_owned())];
    for (index, ((_, width), text)) in HEAD.into_iter().zip(texts).enumerate() {
        let colour = if index == 1 { colour } else { None };
        cells.push(Cell { text: column(&text, width, index), colour });
    }
    let needs_somebody = matches!(state, "waiting" | "parked" | "wrong" | "stalling" | "unsuitable");
    let error = destination.last_error.as_ref();
    let note = match (&destination.reason, error) {
        (Some(reason), _) => reason.clone(),
        (None, Some(error)) if needs_somebody || state == "connecting" => error.message.clone(),
        (None, Some(error)) => format!("{} ago: {}", clock(error.seconds_ago), error.message),
        (None, None) => String::new(),
    };
    cells.push(Cell { text: note, colour: if needs_somebody { None } else { Some(Color::DarkGrey) } });
    Line { cells, needs_somebody }
}

/// The lines for that many rows, in their order; where they are too many, the last row says how many are left out.
fn those_that_fit(lines: Vec<Line>, room: usize) -> Vec<Line> {
    if lines.len() <= room {
        return lines;
    }
    let Some(room) = room.checked_sub(1) else { return Vec::new() };
    let needy = lines.iter().filter(|line| line.needs_somebody).count().min(room);
    // Of those that need nobody, and of the others.
    let mut places = [room - needy, needy];
    let (total, mut kept) = (lines.len(), Vec::new());
    for line in lines {
        let place = &mut places[usize::from(line.needs_somebody)];
        if *place > 0 {
            *place -= 1;
            kept.push(line);
        }
    }
    let more = total - kept.len();
    kept.push(Line { cells: vec![plain(format!("  and {more} more lines, on the dashboard"))], needs_somebody: true });
    kept
}

fn plain(text: String) -> Cell {
    Cell { text, colour: None }
}

/// A text as wide as its column; names to the left, numbers to the right.
fn column(text: &str, width: usize, index: usize) -> String {
    let text = shortened(text, width - 1);
    let space = " ".repeat(width - 1 - text.width());
    if index < 2 { format!("{text}{space} ") } else { format!("{space}{text} ") }
}

/// A row that takes less than the whole width: at the last column some terminals go on to the next line.
fn cut(cells: &[Cell], columns: usize, has_colours: bool) -> Row {
    let mut left = columns.saturating_sub(1);
    let mut row = Row { text: String::new(), columns: 0 };
    for Cell { text, colour } in cells {
        let text = shortened(text, left);
        left -= text.width();
        row.columns += text.width();
        match colour.filter(|_| has_colours) {
            Some(colour) => row.text.push_str(&text.with(colour).to_string()),
            None => row.text.push_str(&text),
        }
    }
    row
}

/// The beginning of a text that takes no more columns than that, without what could move the cursor.
fn shortened(text: &str, columns: usize) -> String {
    let shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if shown.width() <= columns {
        return shown;
    }
    let mut short = String::new();
    for c in shown.chars() {
        if short.width() + c.width().unwrap_or_default() + 1 > columns {
            break;
        }
        short.push(c);
    }
    if columns > 0 {
        short.push('…');
    }
    short
}

/// `4:05`, `1:04:05`.
fn clock(seconds: f64) -> String {
    let seconds = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

fn bitrate(bits: f64) -> String {
    if bits >= 1e6 { format!("{:.1} Mbit/s", bits / 1e6) } else { format!("{:.0} kbit/s", bits / 1e3) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tokio::time::Instant;

    use super::*;
    use crate::control::status::{DroppedStatus, FailureStatus, PublisherStatus};

    fn destination(name: &str, state: &str) -> DestinationStatus {
        DestinationStatus {
            name: name.to_owned(),
            file: format!("destinations/{name}.toml"),
            platform: None,
            url: None,
            state: state.to_owned(),
            reason: None,
            is_over: false,
            file_problem: None,
            lacks: Vec::new(),
            connection: None,
            last_error: None,
            sent_bytes: 0,
            sent_messages: 0,
            minute: None,
            dropped_messages: 0,
            dropped: DroppedStatus { skipped: 0, picture: 0, disposable: 0 },
            last_dropped_seconds_ago: None,
            lag_ms: 140,
            live_seconds: (state == "delivering").then_some(3725.0),
            sessions: 1,
            retry_in_ms: None,
            takes: None,
            limits_exceeded: Vec::new(),
        }
    }

    fn status(destinations: Vec<DestinationStatus>) -> Status {
        let publisher = PublisherStatus {
            address: "192.0.2.1:5000".to_owned(),
            transport: "rtmps".to_owned(),
            tls: None,
            name: None,
            seconds: 65.0,
            silent_ms: 0,
        };
        let stream = StreamStatus {
            name: "live".to_owned(),
            state: "live".to_owned(),
            on_air_seconds: None,
            hold_left_ms: None,
            shut_for_ms: None,
            key: None,
            publisher: Some(publisher),
            received_bytes: 0,
            received_messages: 0,
            minute: None,
            video_codec: Some("avc1".to_owned()),
            audio_codec: Some("mp4a".to_owned()),
            video: None,
            audio: None,
            bits_per_second: None,
            transports: BTreeMap::new(),
            destinations,
        };
        Status {
            version: "1.2.3".to_owned(),
            uptime_seconds: 70.0,
            servers: Vec::new(),
            first_step: None,
            streams: vec![stream],
            certificates: Vec::new(),
        }
    }

    fn texts(frame: &Frame) -> Vec<&str> {
        frame.rows.iter().map(|row| row.text.trim_end()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_person_sees() {
        let mut twitch = destination("twitch", "waiting");
        twitch.last_error = Some(FailureStatus {
            stage: "tcp".to_owned(),
            kind: "connection_refused".to_owned(),
            message: "the server\u{1b} refuses".to_owned(),
            hint: String::new(),
            seconds_ago: 3.0,
        });
        twitch.dropped_messages = 120;
        let mut status = status(vec![destination("youtube", "delivering"), twitch, destination("x", "off")]);
        let mut rates = Rates::default();
        rates.note(&status, Instant::now());
        tokio::time::advance(Duration::from_secs(2)).await;
        status.streams[0].received_bytes = 1_550_000;
        status.streams[0].destinations[0].sent_bytes = 150_000;
        rates.note(&status, Instant::now());
        let size = Size { columns: 100, lines: 24 };
        let frame = frame(&status, &rates, size, false);
        assert_eq!(
            texts(&frame),
            [
                "forkcast 1.2.3, up 1:10",
                "stream live: live 1:05, 6.2 Mbit/s, avc1 + mp4a, rtmps from 192.0.2.1:5000, 1 destination is off",
                "  destination         state          live     bitrate     lag  dropped last error",
                "  youtube             delivering  1:02:05  600 kbit/s   0.1 s        0",
                "  twitch              waiting           -           -       -      120 the server  refuses",
            ]
        );
    }

    #[test]
    fn nothing_is_wider_or_higher_than_the_terminal() {
        let many =
            (0..50).map(|n| destination(&format!("名前の長い宛先-{n}"), if n == 49 { "parked" } else { "delivering" }));
        let status = status(many.collect());
        for (columns, lines) in [(280, 80), (80, 24), (40, 10), (12, 5), (1, 1), (0, 0)] {
            let frame = frame(&status, &Rates::default(), Size { columns, lines }, false);
            assert!(
                frame.rows.iter().all(|row| row.text.width() == row.columns && row.columns <= columns),
                "{columns}"
            );
            assert!(
                frame.rows.len() <= lines.saturating_sub(LEFT_TO_THE_LOG).max(1),
                "{} of {lines}",
                frame.rows.len()
            );
            if columns == 80 {
                let last = texts(&frame);
                assert!(last.iter().any(|row| row.contains("parked")), "who needs somebody is shown: {last:#?}");
                assert!(last[last.len() - 1].starts_with("  and 3"), "{last:#?}");
            }
        }
    }

    #[test]
    fn colours_take_no_columns() {
        let status = status(vec![destination("a", "delivering")]);
        let size = Size { columns: 80, lines: 24 };
        let (plain, coloured) =
            (frame(&status, &Rates::default(), size, false), frame(&status, &Rates::default(), size, true));
        assert!(coloured.rows[3].text.contains("\x1b["), "{coloured:?}");
        let columns = |frame: &Frame| frame.rows.iter().map(|row| row.columns).collect::<Vec<_>>();
        assert_eq!(columns(&plain), columns(&coloured));
    }
}

//! What `/healthz` and `/readyz` answer: a first line that never changes, and a line for each reason and remark.

use std::collections::BTreeSet;

use axum::http::StatusCode;

use super::board::{Board, Configuration, StreamView};
use crate::{
    destination::{Destination, status::State},
    observe::{event::full_name, pulse},
};

/// The first line of what `/healthz` answers: `forkcast health` knows by it that it is forkcast that answers.
pub const HEALTHY: &str = "forkcast is healthy\n";

/// The same where it is to be started anew.
pub const NOT_HEALTHY: &str = "forkcast is not healthy\n";

/// The first line of what `/readyz` answers.
const READY: &str = "forkcast is ready\n";

/// The same where no publisher should be sent here.
const NOT_READY: &str = "forkcast is not ready\n";

/// A certificate that has less than so many days left is spoken of.
const CERTIFICATE_DAYS: i64 = 30;

/// Of the descriptors, one in so many is to be free.
const FREE_DESCRIPTORS: u64 = 10;

/// Of each sort of thing that is wrong so many are named.
const NAMED: usize = 10;

/// How a warning begins that is about a stream that takes nobody.
const NOBODY: &str = "nobody can publish ";

/// Whether the program is alive: where it is not, a new start is the only remedy. What a new start would not mend is a remark.
pub fn liveness(board: &Board) -> (StatusCode, String) {
    // A relay that hangs may hold the locks that remarks would ask for.
    let silence = board.pulse.age();
    if silence > pulse::HANGS_AFTER {
        let reason = format!("it has made no progress for {} s\n", silence.as_secs());
        return (StatusCode::SERVICE_UNAVAILABLE, format!("{NOT_HEALTHY}{reason}"));
    }
    (StatusCode::OK, format!("{HEALTHY}{}", remarks(board)))
}

/// Whether publishers should be sent here. A file that is wrong, or a destination that fails, is no reason against it: the
/// others are delivered to.
pub fn readiness(board: &Board) -> (StatusCode, String) {
    let reasons = board.readiness.reasons();
    let (code, first) = match reasons.is_empty() {
        true => (StatusCode::OK, READY),
        false => (StatusCode::SERVICE_UNAVAILABLE, NOT_READY),
    };
    let reasons: String = reasons.iter().map(|reason| format!("{reason}\n")).collect();
    (code, format!("{first}{reasons}{}", remarks(board)))
}

/// What is, or soon will be, less than it should be.
fn remarks(board: &Board) -> String {
    let configuration = board.configuration();
    let streams = board.streams();
    let mut remarks: Vec<String> = certificates(board).chain(descriptors()).collect();
    if let Some(reason) = &configuration.kept {
        remarks.push(format!("the files were read again, and are not gone by: {reason}"));
    }
    remarks.extend(named(closed_streams(&streams, &configuration), "streams that nobody can publish"));
    remarks.extend(named(wrong_destinations(&streams), "destinations whose file is wrong"));
    remarks.extend(named(other_mistakes(&streams, &configuration), "mistakes; `forkcast check` lists them"));
    remarks.iter().map(|remark| format!("{remark}\n")).collect()
}

fn certificates(board: &Board) -> impl Iterator<Item = String> {
    board.certificates().into_iter().filter_map(|certificate| {
        let (file, until) = (certificate.file.display(), certificate.until.unwrap_or_default());
        match certificate.days_left? {
            ..0 => Some(format!("certificate `{file}` has run out on {until}: renew it")),
            days @ 0..=CERTIFICATE_DAYS => {
                Some(format!("certificate `{file}` runs out in {days} days, on {until}: renew it"))
            }
            _ => None,
        }
    })
}

fn descriptors() -> Option<String> {
    let process = metrics_process::collector::collect();
    let (open, limit) = (process.open_fds?, process.max_fds?);
    let is_few = limit.saturating_sub(open) < limit / FREE_DESCRIPTORS;
    is_few.then(|| {
        format!(
            "few file descriptors are left: {open} of {limit} are open; raise the limit (`ulimit -n`, or LimitNOFILE of the service)"
        )
    })
}

/// The streams that no key opens, and those that take nobody for another reason.
fn closed_streams(streams: &[StreamView], configuration: &Configuration) -> Vec<String> {
    let without_key = streams.iter().filter_map(|StreamView { feed, key, .. }| {
        Some(format!("{NOBODY}stream `{}`: {}", feed.name(), key.reason_for_none()?))
    });
    let warnings = configuration.problems.iter().filter(|problem| !problem.is_mistake());
    let warned = warnings.map(|problem| &problem.message).filter(|message| message.starts_with(NOBODY));
    without_key.chain(warned.cloned()).collect()
}

fn wrong_destinations(streams: &[StreamView]) -> Vec<String> {
    let mut wrong = Vec::new();
    for StreamView { feed, destinations, .. } in streams {
        for Destination { name, problem, report, .. } in destinations {
            let name = full_name(feed.name(), name);
            match (report.state(), problem) {
                (State::Wrong { reason }, _) => {
                    wrong.push(format!("destination `{name}` is held back, its file is wrong: {reason}"));
                }
                (_, Some(problem)) => {
                    wrong.push(format!("destination `{name}` goes on as before, its file is wrong: {problem}"));
                }
                _ => {}
            }
        }
    }
    wrong
}

/// What is wrong with the files beside what their streams and destinations are spoken of for.
fn other_mistakes(streams: &[StreamView], configuration: &Configuration) -> Vec<String> {
    let reasons: BTreeSet<_> = streams.iter().filter_map(|stream| stream.key.reason_for_none()).collect();
    let is_wrong = |destination: &&Destination| {
        destination.problem.is_some() || matches!(destination.report.state(), State::Wrong { .. })
    };
    let destinations = streams.iter().flat_map(|stream| &stream.destinations);
    let files: BTreeSet<_> = destinations.filter(is_wrong).map(|wrong| wrong.file.as_path()).collect();
    let mut mistakes = Vec::new();
    for problem in configuration.problems.iter().filter(|problem| problem.is_mistake()) {
        let (file, sentence) = (problem.place.file(), problem.one_line());
        if !file.is_some_and(|file| files.contains(file)) && !reasons.contains(sentence.as_str()) {
            let what = if file.is_some() { "a file" } else { "a setting" };
            mistakes.push(format!("{what} is wrong: {sentence}"));
        }
    }
    mistakes
}

/// The first of them, and how many others there are.
fn named(mut remarks: Vec<String>, what: &str) -> Vec<String> {
    let more = remarks.len().saturating_sub(NAMED);
    if more > 0 {
        remarks.truncate(NAMED);
        remarks.push(format!("and {more} more {what}"));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, sync::Arc, time::Duration};

    use super::*;
    use crate::{
        config::{Place, Problem, Severity},
        control::{guide::KeyPlace, readiness::Stage},
        destination::status::Report,
        stream::testing::feed,
    };

    fn board(destinations: Vec<Destination>) -> Board {
        board_of(KeyPlace { text: String::new(), file: None }, destinations)
    }

    fn board_of(key: KeyPlace, destinations: Vec<Destination>) -> Board {
        let board = Board::new(None, Vec::new());
        board.show(Arc::new([StreamView { feed: feed(), key, destinations }]));
        board
    }

    fn wrong(name: String) -> Destination {
        let report = Arc::new(Report::new(State::Wrong { reason: "`kee` is no field".to_owned() }));
        let file = PathBuf::from(format!("{name}.toml"));
        Destination { name, file, settings: None, problem: None, lacks: &[], report }
    }

    fn problem(severity: Severity, place: Place, message: &str) -> Problem {
        let (message, hint) = (message.to_owned(), String::new());
        Problem { severity, place, field: None, message, excerpt: None, hint }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_file_is_a_remark_and_draining_is_a_reason() {
        let board = Arc::new(board((0..12).map(|number| wrong(format!("d{number}"))).collect()));
        board.readiness.enter(Stage::Serving);
        tokio::spawn({
            let board = Arc::clone(&board);
            async move { board.readiness.while_listening(std::future::pending()).await }
        });
        tokio::task::yield_now().await;
        let (code, text) = readiness(&board);
        assert_eq!(code, StatusCode::OK);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[..2],
            ["forkcast is ready", "destination `d0` is held back, its file is wrong: `kee` is no field"]
        );
        assert_eq!((lines.len(), lines[11]), (12, "and 2 more destinations whose file is wrong"));

        board.readiness.enter(Stage::Draining);
        let (code, text) = readiness(&board);
        assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE);
        assert!(text.starts_with("forkcast is not ready\nit is draining: "), "{text}");
        // Who drains is well.
        let (code, text) = liveness(&board);
        assert_eq!(code, StatusCode::OK);
        assert!(text.starts_with("forkcast is healthy\ndestination `d0` is held back"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_makes_no_progress_is_not_healthy() {
        let board = board(Vec::new());
        tokio::time::advance(pulse::HANGS_AFTER).await;
        assert_eq!(liveness(&board).0, StatusCode::OK);
        tokio::time::advance(Duration::from_secs(1)).await;
        let expected = "forkcast is not healthy\nit has made no progress for 11 s\n".to_owned();
        assert_eq!(liveness(&board), (StatusCode::SERVICE_UNAVAILABLE, expected));
    }
    #[tokio::test(start_paused = true)]
    async fn whatever_is_wrong_with_the_files_is_said_once() {
        let at = |file: &str| Place::Line { file: PathBuf::from(file), line: 1, column: 8 };
        let closed = problem(Severity::Mistake, at("stream.toml"), "`0.0.0.0/` is no network");
        let board = board_of(KeyPlace::none(&closed.one_line()), vec![wrong("d0".to_owned())]);
        let no_tls = "nobody can publish stream `b`: it takes RTMPS only, and there is no RTMPS here";
        board.show_configuration(Configuration {
            problems: vec![
                problem(Severity::Mistake, at("forkcast.toml"), "`drian` is no field"),
                closed,
                problem(Severity::Mistake, at("d0.toml"), "`kee` is no field"),
                problem(Severity::Mistake, Place::Environment("A_KEY".to_owned()), "it is not UTF-8 text"),
                problem(Severity::Warning, Place::Settings, no_tls),
                problem(Severity::Warning, at("d1.toml"), "it can be guessed"),
            ],
            kept: Some("the folder destinations cannot be read".to_owned()),
            ..Configuration::default()
        });
        let expected = format!(
            "forkcast is healthy
the files were read again, and are not gone by: the folder destinations cannot be read
nobody can publish stream `live`: stream.toml:1:8: `0.0.0.0/` is no network
{no_tls}
destination `d0` is held back, its file is wrong: `kee` is no field
a file is wrong: forkcast.toml:1:8: `drian` is no field
a setting is wrong: environment variable A_KEY: it is not UTF-8 text
"
        );
        assert_eq!(liveness(&board), (StatusCode::OK, expected));
    }
}

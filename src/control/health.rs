//! What `/healthz` and `/readyz` answer: a first line that never changes, and a line for each reason and remark.

use axum::http::StatusCode;

use super::board::{Board, StreamView};
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

/// So many destinations are named that something is wrong with.
const NAMED: usize = 10;

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
    let mut remarks = String::new();
    for certificate in board.certificates() {
        let (file, until) = (certificate.file.display(), certificate.until.unwrap_or_default());
        match certificate.days_left {
            Some(..0) => remarks.push_str(&format!("certificate `{file}` has run out on {until}: renew it\n")),
            Some(days @ 0..=CERTIFICATE_DAYS) => {
                remarks.push_str(&format!("certificate `{file}` runs out in {days} days, on {until}: renew it\n"));
            }
            _ => {}
        }
    }
    let process = metrics_process::collector::collect();
    if let (Some(open), Some(limit)) = (process.open_fds, process.max_fds)
        && limit.saturating_sub(open) < limit / FREE_DESCRIPTORS
    {
        remarks.push_str(&format!(
            "few file descriptors are left: {open} of {limit} are open; raise the limit (`ulimit -n`, or LimitNOFILE of the service)\n"
        ));
    }
    let mut wrong = Vec::new();
    for StreamView { feed, destinations, .. } in board.streams().iter() {
        for Destination { name, problem, report, .. } in destinations {
            let name = full_name(feed.name(), name);
            match (report.state(), problem) {
                (State::Wrong { reason }, _) => {
                    wrong.push(format!("destination `{name}` is held back, its file is wrong: {reason}\n"));
                }
                (_, Some(problem)) => {
                    wrong.push(format!("destination `{name}` goes on as before, its file is wrong: {problem}\n"));
                }
                _ => {}
            }
        }
    }
    wrong.iter().take(NAMED).for_each(|remark| remarks.push_str(remark));
    if wrong.len() > NAMED {
        remarks.push_str(&format!("and {} more destinations whose file is wrong\n", wrong.len() - NAMED));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, sync::Arc, time::Duration};

    use super::*;
    use crate::{
        control::{guide::KeyPlace, readiness::Stage},
        destination::status::Report,
        stream::testing::feed,
    };

    fn board(destinations: Vec<Destination>) -> Board {
        let board = Board::new(None, Vec::new());
        let key = KeyPlace { text: String::new(), file: None };
        board.show(Arc::new([StreamView { feed: feed(), key, destinations }]));
        board
    }

    fn wrong(name: String) -> Destination {
        let report = Arc::new(Report::new(State::Wrong { reason: "`kee` is no field".to_owned() }));
        Destination { name, file: PathBuf::new(), settings: None, problem: None, lacks: &[], report }
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
}

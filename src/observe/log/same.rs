//! Which line is the same as one of a moment ago. Pure: time is an argument.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use super::line::Line;

/// How long a line is told but once.
pub(super) const WINDOW: Duration = Duration::from_secs(10);

/// So many lines are remembered; of more at once, each is told.
const REMEMBERED: usize = 256;

/// The lines of the last seconds.
#[derive(Debug, Default)]
pub(super) struct Same(HashMap<Line, Row>);

#[derive(Clone, Copy, Debug)]
struct Row {
    told: Instant,
    left_out: u64,
    /// In which order they were told.
    number: usize,
}

impl Same {
    /// Whether a line is to be told: not, where the same one was a moment ago. One whose time is over is soon told of by
    /// [`Self::due`], and what comes until then is counted with it.
    pub(super) fn is_news(&mut self, line: &Line, now: Instant) -> bool {
        if let Some(row) = self.0.get_mut(line) {
            row.left_out += 1;
            return false;
        }
        if self.0.len() < REMEMBERED {
            let number = self.0.len();
            self.0.insert(line.clone(), Row { told: now, left_out: 0, number });
        }
        true
    }

    /// The lines whose time is over and that came again in it, with how often; all whose time is over are forgotten.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Line> {
        let over = self.0.extract_if(|_, row| now - row.told >= WINDOW).collect();
        counted(over)
    }

    /// The same for every line.
    pub(super) fn all(&mut self) -> Vec<Line> {
        let all = self.0.drain().collect();
        counted(all)
    }
}

fn counted(mut rows: Vec<(Line, Row)>) -> Vec<Line> {
    rows.retain(|(_, row)| row.left_out > 0);
    rows.sort_by_key(|(_, row)| (row.told, row.number));
    let remark = |(line, Row { left_out, .. }): (Line, Row)| {
        let times = if left_out == 1 { "once more".to_owned() } else { format!("{left_out} more times") };
        line.remarked(&format!(" ({times} within {} s)", WINDOW.as_secs()))
    };
    rows.into_iter().map(remark).collect()
}

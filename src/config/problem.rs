//! What is wrong with a file, a flag or a variable, said for a person.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// One mistake or warning: what it is, where, and what to do.
///
/// Holds nothing secret: every text of it may go to a log, a terminal or an issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whether it holds something back.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// The field, dotted (`backpressure.max_lag`), where it is about one.
    pub field: Option<String>,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// The line that is wrong, masked.
    pub excerpt: Option<Excerpt>,
    /// What to do about it.
    pub hint: String,
}

impl Problem {
    /// Whether it holds something back.
    #[must_use]
    pub fn is_mistake(&self) -> bool {
        self.severity == Severity::Mistake
    }

    /// Line and column, for sorting the problems of one file; zeros where it is about the file as a whole.
    pub(super) fn position(&self) -> (usize, usize) {
        match self.place {
            Place::Line { line, column, .. } => (line, column),
            _ => (0, 0),
        }
    }

    /// The problem without its excerpt and hint, for a log line or a status.
    #[must_use]
    pub fn one_line(&self) -> String {
        printable(&format!("{}: {}", self.place, self.message))
    }
}

/// How much a problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The file, or the server, is held back.
    Mistake,
    /// It runs, and is probably not what was meant.
    Warning,
}

/// Where a problem is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file, at a line and a column counted in characters, both from one.
    Line {
        /// The file.
        file: PathBuf,
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// A file or folder as a whole.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(&'static str),
    /// Several settings together.
    Settings,
}

impl Place {
    /// The file that it is in.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Line { file, .. } | Self::File(file) => Some(file),
            Self::Environment(_) | Self::Flag(_) | Self::Settings => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line, column } => write!(f, "{}:{line}:{column}", file.display()),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Settings => f.write_str("settings of the server"),
        }
    }
}

/// One line of a file, with what may be secret replaced by `…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The line, masked, up to the end of what is wrong.
    pub text: String,
    /// Where the marked part begins, in characters from zero.
    pub start: usize,
    /// Its length in characters, at least one.
    pub length: usize,
}

impl fmt::Display for Problem {
    /// Several lines, the first without indentation, none with a line break at its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Mistake => "mistake",
            Severity::Warning => "warning",
        };
        writeln!(f, "{word}: {}", printable(&self.message))?;
        writeln!(f, "  --> {}", printable(&self.place.to_string()))?;
        if let (Some(excerpt), Place::Line { line, .. }) = (&self.excerpt, &self.place) {
            let number = line.to_string();
            let margin = " ".repeat(number.len());
            writeln!(f, " {margin} |")?;
            writeln!(f, " {number} | {}", printable(&excerpt.text))?;
            writeln!(f, " {margin} | {}{}", " ".repeat(excerpt.start), "^".repeat(excerpt.length))?;
        }
        write!(f, "hint: {}", printable(&self.hint))
    }
}

/// A text that cannot move a terminal's cursor or break a log line; as many characters as before.
fn printable(text: &str) -> String {
    let safe = |c: char| match c {
        '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(safe).collect()
}

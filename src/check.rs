//! `forkcast check`: what would run, what would not and why, and everything that is wrong.

use std::{
    fmt::{self, Write as _},
    io,
    path::Path,
};

use crate::{
    config::{
        Activation, Config, DEFAULT_STREAM, DestinationConfig, Explained, Place, Problem, Resolved, Severity,
        StreamConfig, show_duration,
    },
    ingest::keys,
    net::descriptors,
    preflight::{self, Finding, Limits, Own, Subject, Warning, table},
};

/// The exit code where everything is right.
pub const FINE: u8 = 0;
/// The exit code where something is wrong.
pub const WRONG: u8 = 2;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// For people, with a line break at its end.
    pub text: String,
    /// [`FINE`] or [`WRONG`]; a warning is fine.
    pub exit_code: u8,
}

/// Puts a report together. With `explain` each effective value stands in it, with where it comes from.
#[must_use]
pub fn report(server: &Resolved, config: &Config, explain: bool) -> Report {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_report(&mut text, server, config, explain);
    let has_mistake = problems(server, config).any(Problem::is_mistake);
    Report { text, exit_code: if has_mistake { WRONG } else { FINE } }
}

/// Connects to every server of the destinations that are on, and writes what came of it; with `explain` the time of each step
/// too. Gives [`FINE`] or [`WRONG`]. Nothing is published.
pub async fn connect(out: &mut impl io::Write, server: &Resolved, config: &Config, explain: bool) -> u8 {
    // A reader that has seen enough is no failure.
    let mut say = |text: &str| drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    let subjects = subjects(config);
    if subjects.is_empty() {
        say("\nno destination is on: there is no server to connect to\n");
        return FINE;
    }
    let limits = Limits::default();
    let seconds = limits.total.as_secs();
    say(&format!("\nconnecting to each server once, for {seconds} s at most; nothing is published\n\n"));
    let _ = descriptors::raise_limit();
    let listeners = [server.options.rtmp, server.options.rtmps.as_ref().map(|rtmps| rtmps.address)];
    let findings = preflight::run(subjects, limits, Own::new(listeners.into_iter().flatten())).await;
    say(&table::text(&findings, limits, explain));
    if findings.iter().all(Finding::is_ready) { FINE } else { WRONG }
}

/// The servers of all that is on. Destinations of the default stream go by their own names, others by `STREAM/NAME`.
fn subjects(config: &Config) -> Vec<Subject> {
    let mut subjects = Vec::new();
    for stream in &config.streams {
        for destination in &stream.destinations {
            let Activation::On(settings) = &destination.activation else { continue };
            let name = match stream.name.as_str() {
                DEFAULT_STREAM => destination.name.clone(),
                stream => format!("{stream}/{}", destination.name),
            };
            let warned = Subject::all(&name, settings).into_iter().map(|subject| {
                let field = if subject.server.is_backup { "backup_url" } else { "url" };
                Subject { warning: of_listeners(config, &destination.file, field), ..subject }
            });
            subjects.extend(warned);
        }
    }
    subjects
}

/// What the relay's own listeners make of a server. It is about no line: the line is right as such.
fn of_listeners(config: &Config, file: &Path, field: &str) -> Option<Warning> {
    let is_it = |problem: &&Problem| {
        let is_field = problem.field.as_deref() == Some(field);
        !problem.is_mistake() && is_field && matches!(&problem.place, Place::File(of) if of == file)
    };
    let Problem { message, hint, .. } = config.problems.iter().find(is_it)?;
    Some(Warning { message: message.clone(), hint: hint.clone() })
}

/// What would keep `serve` from keeping the keys that it makes, one for each stream without one. Nothing is made.
#[must_use]
pub fn state_problem(state: &Path, config: &Config) -> Option<Problem> {
    let mut without_key = config.streams.iter().filter(|stream| stream.access.is_empty() && stream.wrong.is_none());
    let error = without_key.find_map(|stream| keys::probe(state, &stream.name).err())?.to_string();
    let (message, hint) = error.split_once("\nhint: ").unwrap_or((&error, "name another folder with `--state`"));
    Some(Problem {
        severity: Severity::Mistake,
        place: Place::File(state.to_owned()),
        field: Some("state".to_owned()),
        message: message.to_owned(),
        excerpt: None,
        hint: hint.to_owned(),
    })
}

/// What to write where there is no destination's file to fill in: complete, for nothing else may be at hand.
#[must_use]
pub fn first_file(folder: &Path) -> String {
    format!(
        "write a file {} with two lines:\n    platform = \"youtube\"\n    key = \"your stream key\"",
        folder.join("youtube.toml").display()
    )
}

fn problems<'a>(server: &'a Resolved, config: &'a Config) -> impl Iterator<Item = &'a Problem> {
    server.problems.iter().chain(&config.problems)
}

fn write_report(out: &mut String, server: &Resolved, config: &Config, explain: bool) -> fmt::Result {
    if explain {
        writeln!(out, "server")?;
        write_explanation(out, "  ", &server.options.explanation)?;
        writeln!(out)?;
    }
    for stream in &config.streams {
        write_stream(out, server, stream, explain)?;
    }
    for problem in problems(server, config) {
        writeln!(out, "{problem}\n")?;
    }
    write_summary(out, server, config)
}

fn write_stream(out: &mut String, server: &Resolved, stream: &StreamConfig, explain: bool) -> fmt::Result {
    writeln!(out, "stream {}", stream.name)?;
    match &stream.wrong {
        Some(problem) => writeln!(out, "  wrong  nobody can publish: {problem}")?,
        None if stream.ways.is_empty() => {
            writeln!(out, "  stream key (generated at start, kept in the state folder), default")?;
        }
        None => {
            for Explained { field, value, origin } in &stream.ways {
                let what = if matches!(*field, "key" | "keys") { "stream key " } else { "" };
                writeln!(out, "  {what}{value}, {origin}")?;
            }
        }
    }
    if explain {
        write_explanation(out, "  ", &stream.settings)?;
    }
    if stream.destinations.is_empty() && !stream.is_unlisted {
        let root = &server.options.destinations;
        let folder = if stream.name == DEFAULT_STREAM { root.clone() } else { root.join(&stream.name) };
        writeln!(out, "  no destinations yet: {}", first_file(&folder))?;
    }
    let width = stream.destinations.iter().map(|destination| destination.name.len()).max().unwrap_or_default();
    for destination in &stream.destinations {
        write_destination(out, destination, width)?;
        write_limits(out, destination)?;
        write_memory(out, destination)?;
        if explain {
            write_explanation(out, "           ", &destination.explanation)?;
        }
    }
    writeln!(out)
}

fn write_destination(out: &mut String, destination: &DestinationConfig, width: usize) -> fmt::Result {
    let name = &destination.name;
    match &destination.activation {
        Activation::On(settings) => writeln!(out, "  on     {name:width$}  {}", settings.url),
        Activation::Off { reason, .. } => writeln!(out, "  off    {name:width$}  {reason}"),
        Activation::Wrong { problem } => writeln!(out, "  wrong  {name:width$}  {problem}"),
    }
}

/// What the platform takes of a stream: an encoder is set by it.
fn write_limits(out: &mut String, destination: &DestinationConfig) -> fmt::Result {
    let Activation::On(settings) = &destination.activation else { return Ok(()) };
    match settings.platform.takes() {
        Some(takes) => writeln!(out, "           {} takes: {takes}", settings.platform.title),
        None => Ok(()),
    }
}

/// What is kept of the stream for a destination's delay and for catching up.
fn write_memory(out: &mut String, destination: &DestinationConfig) -> fmt::Result {
    let Activation::On(settings) = &destination.activation else { return Ok(()) };
    let kept = settings.kept();
    if kept.is_zero() {
        return Ok(());
    }
    let memory = settings.platform.memory(kept);
    writeln!(out, "           keeps {} of the stream: up to {memory}", show_duration(kept))
}

fn write_explanation(out: &mut String, indent: &str, explanation: &[Explained]) -> fmt::Result {
    let width = |of: fn(&Explained) -> usize| explanation.iter().map(of).max().unwrap_or_default();
    let (fields, values) = (width(|line| line.field.chars().count()), width(|line| line.value.chars().count()));
    for Explained { field, value, origin } in explanation {
        writeln!(out, "{indent}{field:fields$}  {value:values$}  {origin}")?;
    }
    Ok(())
}

fn write_summary(out: &mut String, server: &Resolved, config: &Config) -> fmt::Result {
    let (mut on, mut off, mut wrong) = (0, 0, 0);
    for destination in config.streams.iter().flat_map(|stream| &stream.destinations) {
        match destination.activation {
            Activation::On(_) => on += 1,
            Activation::Off { .. } => off += 1,
            Activation::Wrong { .. } => wrong += 1,
        }
    }
    let mistakes = problems(server, config).filter(|problem| problem.is_mistake()).count();
    let warnings = problems(server, config).count() - mistakes;
    let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let (destinations, mistakes, warnings) =
        (count(on + off + wrong, "destination"), count(mistakes, "mistake"), count(warnings, "warning"));
    writeln!(out, "{destinations}: {on} on, {off} off, {wrong} wrong; {mistakes}, {warnings}")
}

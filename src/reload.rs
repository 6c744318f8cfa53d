//! Hot configuration: when the files are read again, and what of them counts.
//!
//! ```text
//! every second: is what was read still the same? ──no──▶ left alone for a moment? ──yes─┐
//! SIGHUP, the control API ──────────────────────────────────────────────────────────────┴▶ read all ─▶ Relay::apply
//! ```

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    admission::{self, KeyNote},
    check,
    cli::default_state,
    config::{
        Activation, Config, DestinationConfig, Disk, Given, Problem, Resolved, Running, ServeOptions, Source as _,
        Stamps, Watched,
    },
    control::board::{Board, Configuration},
    ingest::keys,
    observe::{Event, event::note_configuration},
    relay::{Changes, Relay, Stream},
};

/// How often it is looked whether what was read is still the same.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Files are read once nothing has changed for so long: what an editor writes in two steps is read once.
const SETTLED: Duration = Duration::from_millis(200);

/// They are read after so long in any case.
const SETTLED_AT_LAST: Duration = Duration::from_secs(2);

/// A look takes at most this part of the time, as long as that is no more than [`LOOK_AT_LEAST`].
const SHARE: u32 = 20;

/// Files are looked at so often, however many there are.
const LOOK_AT_LEAST: Duration = Duration::from_secs(4);

/// How long a reading may take. A network disk that hangs has nobody wait for ever.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything that the files say at one moment.
pub struct Reading {
    /// The server's own settings.
    pub server: Resolved,
    /// The streams and destinations.
    pub config: Config,
    /// Why the folder of destinations cannot be listed.
    unlisted: Option<io::Error>,
    stamps: Stamps,
}

impl Reading {
    /// Reads the files. Blocks for as long as the disk takes.
    #[must_use]
    pub fn take(given: &Given) -> Self {
        Self::of(given, None, &Running::default())
    }

    /// The same for a relay that runs: its folder stays the one that it was started with.
    fn of(given: &Given, started: Option<&ServeOptions>, running: &Running) -> Self {
        let source = Watched::new(Disk::default());
        let server = ServeOptions::resolve(given, &source, &default_state());
        let options = started.unwrap_or(&server.options);
        let unlisted = source.entries(&options.destinations).err();
        let mut config = Config::load_beside(&source, &options.destinations, running);
        config.note_own_listeners(options);
        for stream in config.streams.iter().filter(|stream| stream.needs_key()) {
            keys::files(&options.state, &stream.name).iter().for_each(|file| source.note_own(file));
        }
        Self { unlisted, config, stamps: source.into_stamps(), server }
    }

    /// Every mistake and warning, those of the server first.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.server.problems.iter().chain(&self.config.problems)
    }
}

/// Why the files are read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// They have changed.
    Changed,
    /// Somebody asked for it.
    Asked,
}

/// Reads the files of a relay again while it runs.
pub struct Reloader {
    given: Given,
    started: ServeOptions,
    /// What was read last; whoever looks for changes follows.
    stamps: watch::Sender<Stamps>,
    /// What was told of already.
    problems: Vec<Problem>,
    /// The files of all destinations.
    files: BTreeSet<PathBuf>,
    /// The folder that they lie in: one of the same name may be another.
    place: Option<(u64, u64)>,
    /// A reading that took too long, and may go on for ever.
    reading: Option<JoinHandle<(Reading, Vec<(Stream, KeyNote)>)>>,
}

impl Reloader {
    /// For a relay that was started with what `reading` says.
    #[must_use]
    pub fn new(given: Given, reading: &Reading) -> Self {
        Self {
            given,
            started: reading.server.options.clone(),
            stamps: watch::Sender::new(reading.stamps.clone()),
            problems: reading.problems().cloned().collect(),
            files: reading.config.streams.iter().flat_map(|stream| files_of(&stream.destinations)).collect(),
            place: reading.stamps.place_of(&reading.server.options.destinations),
            reading: None,
        }
    }

    /// What the relay was started with.
    #[must_use]
    pub fn options(&self) -> &ServeOptions {
        &self.started
    }

    /// Whether there was any destination when the files were last gone by.
    #[must_use]
    pub fn has_destinations(&self) -> bool {
        !self.files.is_empty()
    }

    /// Puts what was read at the start on the relay's board.
    pub fn show(&self, relay: &Relay, first_step: Option<String>) {
        // The keys of streams were made since the files were read.
        self.stamps.send_modify(Stamps::note_made);
        let problems = self.problems.clone();
        note_configuration(problems.iter().filter(|problem| problem.is_mistake()).count());
        relay.board.show_configuration(Configuration { problems, first_step, ..Configuration::default() });
    }

    /// Receives a word whenever the files have changed and were left alone for a moment.
    #[must_use]
    pub fn changes(&self) -> mpsc::Receiver<()> {
        let (changed, receiver) = mpsc::channel(1);
        tokio::spawn(look(self.stamps.subscribe(), changed));
        receiver
    }

    /// Reads the files, and makes what runs what they say.
    ///
    /// # Errors
    /// Where what is there is not gone by as a whole: the reason, and what to do.
    pub async fn reload(&mut self, relay: &mut Relay, why: Why) -> Result<Changes, String> {
        let began = Instant::now();
        if self.reading.as_ref().is_some_and(|reading| !reading.is_finished()) {
            return Err(hangs(&self.started));
        }
        let (given, started, running) = (self.given.clone(), self.started.clone(), what_runs(&relay.board));
        let mut read = tokio::task::spawn_blocking(move || {
            let mut reading = Reading::of(&given, Some(&started), &running);
            let configs = std::mem::take(&mut reading.config.streams);
            let streams: Vec<_> = configs.into_iter().map(|config| admission::admit(config, &started.state)).collect();
            reading.stamps.note_made();
            (reading, streams)
        });
        let (reading, streams) = match timeout(PATIENCE, &mut read).await {
            Ok(Ok(read)) => read,
            Ok(Err(_)) => {
                return Err("reading the files ended by a fault of forkcast's own: nothing was changed".to_owned());
            }
            Err(_) => {
                self.reading = Some(read);
                let reason = hangs(&self.started);
                let present = relay.board.configuration();
                relay
                    .board
                    .show_configuration(Configuration { kept: Some(reason.clone()), ..Configuration::clone(&present) });
                Event::ConfigurationKept { reason: &reason }.emit();
                return Err(reason);
            }
        };
        for (stream, note) in &streams {
            if let KeyNote::Failed(error) = note {
                Event::StreamWithoutKey { stream: &stream.name, error: &error.to_string() }.emit();
            }
        }
        let streams: Vec<_> = streams.into_iter().map(|(stream, _)| stream).collect();
        let mut files: BTreeSet<_> = streams.iter().flat_map(|stream| files_of(&stream.destinations)).collect();
        let mut first_step = first_step(&streams, &self.started.destinations);
        for stream in streams.iter().filter(|stream| stream.unlisted.is_some()) {
            // Its destinations go on.
            let folder = self.started.destinations.join(&stream.name);
            files.extend(self.files.iter().filter(|file| file.starts_with(&folder)).cloned());
            first_step = None;
        }
        self.tell_problems(&reading);
        let saved = reading.stamps.changed_since(&self.stamps.borrow());
        self.stamps.send_replace(reading.stamps.clone());
        let kept = self.reason_to_keep(&reading, &files, why);
        let needs_restart = self.needs_restart(&reading.server);
        let present = relay.board.configuration();
        if !needs_restart.is_empty() && present.needs_restart != needs_restart {
            Event::NeedsRestart { settings: &needs_restart.join(", ") }.emit();
        }
        relay.board.show_configuration(Configuration {
            read: SystemTime::now(),
            problems: self.problems.clone(),
            first_step: if kept.is_some() { present.first_step.clone() } else { first_step },
            kept: kept.clone(),
            needs_restart,
        });
        let webhooks = match reading.server.has_mistake() {
            true => 0,
            false => relay.notifier.replace(reading.server.options.notify.clone()),
        };
        if let Some(reason) = kept {
            Event::ConfigurationKept { reason: &reason }.emit();
            return Err(reason);
        }
        self.files = files;
        self.place = reading.stamps.place_of(&self.started.destinations);
        let changes = relay.apply(streams, &saved);
        let mistakes = self.problems.iter().filter(|problem| problem.is_mistake()).count();
        let Changes { streams_added, streams_changed, streams_removed, destinations } = changes;
        Event::ConfigurationRead {
            streams_added,
            streams_changed,
            streams_removed,
            destinations,
            webhooks,
            mistakes,
            took: began.elapsed(),
        }
        .emit();
        Ok(changes)
    }

    /// Tells what was not told before.
    fn tell_problems(&mut self, reading: &Reading) {
        let problems: Vec<Problem> = reading.problems().cloned().collect();
        for problem in problems.iter().filter(|problem| !self.problems.contains(problem)) {
            let (is_mistake, sentence, hint) = (problem.is_mistake(), &problem.one_line(), &problem.hint);
            Event::ConfigurationProblem { is_mistake, problem: &problem.to_string(), sentence, hint }.emit();
        }
        self.problems = problems;
    }

    /// A folder that vanishes is a disk that went away, not an operator who ends every show with one stroke.
    fn reason_to_keep(&self, reading: &Reading, files: &BTreeSet<PathBuf>, why: Why) -> Option<String> {
        let folder = self.started.destinations.display();
        let goes_on = "everything goes on as before";
        match &reading.unlisted {
            Some(error) if !self.files.is_empty() || error.kind() != io::ErrorKind::NotFound => {
                Some(format!("the folder {folder} cannot be read ({error}): {goes_on}; bring it back"))
            }
            _ if why == Why::Asked || self.files.is_empty() || !self.files.is_disjoint(files) => None,
            _ if self.files.len() > 1 => Some(format!(
                "all {} files of destinations in {folder} are gone at once: {goes_on}; bring them back, or send SIGHUP if \
                 that is meant",
                self.files.len()
            )),
            _ if reading.stamps.place_of(&self.started.destinations) != self.place => Some(format!(
                "{folder} is another folder than it was, without the file of the destination: {goes_on}; bring it back, or \
                 send SIGHUP if that is meant"
            )),
            _ => None,
        }
    }

    /// The settings of the server that are others now than at the start: what listens stays as it is.
    fn needs_restart(&self, now: &Resolved) -> Vec<String> {
        if now.has_mistake() {
            return Vec::new();
        }
        let (before, now) = (&self.started, &now.options);
        let pairs = [
            ("rtmp", before.rtmp != now.rtmp),
            ("rtmps", before.rtmps != now.rtmps),
            ("share_ports", before.share_ports != now.share_ports),
            ("http", before.http != now.http),
            ("monitoring", before.monitoring != now.monitoring),
            ("metrics", before.metrics != now.metrics),
            ("log_format", before.log_format != now.log_format),
            ("no_table", before.no_table != now.no_table),
            ("destinations", before.destinations != now.destinations),
            ("http_token", !before.has_token_of(now)),
            ("drain", before.drain != now.drain),
            ("state", before.state != now.state),
        ];
        pairs.into_iter().filter(|(_, is_other)| *is_other).map(|(name, _)| format!("`{name}`")).collect()
    }
}

fn hangs(options: &ServeOptions) -> String {
    format!(
        "the files in {} could not be read within {} s: everything goes on as before; see what holds up the disk, then send SIGHUP",
        options.destinations.display(),
        PATIENCE.as_secs()
    )
}

/// The streams and destinations that run.
fn what_runs(board: &Board) -> Running {
    let mut running = Running::default();
    for stream in &*board.streams() {
        running.streams.insert(stream.feed.name().to_owned());
        let on = stream
            .destinations
            .iter()
            .filter_map(|destination| Some((destination.file.clone(), Arc::clone(destination.settings.as_ref()?))));
        running.destinations.extend(on);
    }
    running
}

fn files_of(destinations: &[DestinationConfig]) -> impl Iterator<Item = PathBuf> {
    destinations.iter().map(|destination| destination.file.clone())
}

/// What to do while no destination is on: where to put the first key, into a file that waits for one, else into a new one.
#[must_use]
pub fn first_step(streams: &[Stream], folder: &Path) -> Option<String> {
    let all = || streams.iter().flat_map(|stream| &stream.destinations);
    if all().any(|destination| matches!(destination.activation, Activation::On(_))) {
        return None;
    }
    let waits = |destination: &&DestinationConfig| matches!(destination.activation, Activation::Off { .. });
    let default = streams.first().map_or(&[][..], |stream| &stream.destinations);
    let files: Vec<_> = default.iter().filter(waits).map(|waiting| waiting.file.display().to_string()).collect();
    let then = "It counts as soon as it is saved; `forkcast check` says what is missing.";
    Some(match files.split_last() {
        None => format!("{}\n{then}", check::first_file(folder)),
        Some((file, [])) => format!("put a key into {file}.\n{then}"),
        Some((last, files)) => format!("put a key into {} or {last}.\n{then}", files.join(", ")),
    })
}

/// Looks again and again whether what was read has changed.
async fn look(mut stamps: watch::Receiver<Stamps>, changed: mpsc::Sender<()>) {
    let mut pause = LOOK_EVERY;
    loop {
        tokio::select! {
            () = sleep(pause) => {}
            () = changed.closed() => return,
        }
        let known = stamps.borrow_and_update().clone();
        let began = Instant::now();
        let Some(mut seen) = now(&known).await else { return };
        pause = (began.elapsed() * SHARE).clamp(LOOK_EVERY, LOOK_AT_LEAST);
        if seen == known {
            continue;
        }
        let first = Instant::now();
        while first.elapsed() < SETTLED_AT_LAST {
            sleep(SETTLED).await;
            let Some(again) = now(&known).await else { return };
            if again == seen {
                break;
            }
            seen = again;
        }
        if changed.send(()).await.is_err() {
            return;
        }
        // Whoever reads them sends the new stamps, unless the disk hangs: then it is looked again.
        if matches!(timeout(2 * PATIENCE, stamps.changed()).await, Ok(Err(_))) {
            return;
        }
    }
}

async fn now(stamps: &Stamps) -> Option<Stamps> {
    let stamps = stamps.clone();
    tokio::task::spawn_blocking(move || stamps.now()).await.ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{config::Origin, ingest::keys::StreamKey};

    #[test]
    fn a_made_key_that_is_changed_by_hand_is_noticed() {
        let home = tempfile::tempdir().unwrap();
        let [state, folder] = ["state", "destinations"].map(|name| home.path().join(name));
        for stream in ["made", "own"] {
            fs::create_dir_all(folder.join(stream)).unwrap();
            StreamKey::load_or_make(&state, stream).unwrap();
        }
        fs::write(folder.join("made/stream.toml"), "").unwrap();
        fs::write(folder.join("own/stream.toml"), "key = \"one-of-its-own\"\n").unwrap();
        let mut given = Given::default();
        for (name, path) in
            [("state", &state), ("destinations", &folder), ("config", &home.path().join("forkcast.toml"))]
        {
            given.set(name, path.display().to_string(), Origin::Flag(name));
        }
        fs::write(home.path().join("forkcast.toml"), "").unwrap();
        let reading = Reading::take(&given);
        let is_same = || reading.stamps == reading.stamps.now();
        fs::write(state.join("stream-keys/own"), "another-key\n").unwrap();
        assert!(is_same(), "nobody goes by that one");
        fs::write(state.join("stream-keys/made"), "another-key\n").unwrap();
        assert!(!is_same());
    }

    #[test]
    fn the_previous_key_is_noticed_too() {
        let home = tempfile::tempdir().unwrap();
        let [state, folder] = ["state", "destinations"].map(|name| home.path().join(name));
        let mut given = Given::default();
        given.set("state", state.display().to_string(), Origin::Flag("state"));
        given.set("destinations", folder.display().to_string(), Origin::Flag("destinations"));
        let reading = Reading::take(&given);
        let until = SystemTime::now() + Duration::from_secs(60);
        StreamKey::rotate(&state, "live", &"another-key".into(), until).unwrap();
        let changed = reading.stamps.now().changed_since(&reading.stamps);
        assert!(keys::files(&state, "live").iter().all(|file| changed.contains(file)), "{changed:?}");
    }
}

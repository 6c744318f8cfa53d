//! The folder of destinations: which files count, what their names mean, and what is wrong between them.

use std::{
    collections::{BTreeSet, HashMap},
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
};

use super::{
    Config, Running, StreamConfig,
    destination::DestinationFile,
    problem::{Place, Problem, Severity},
    shared,
    source::{Entry, Source},
    stream::Publisher,
    variables,
};

/// The stream of the files that lie in no folder of their own.
pub const DEFAULT_STREAM: &str = "live";

/// Longest name of a stream or destination, in characters: it stands in every log line and metric.
pub(super) const NAME_LIMIT: usize = 64;

impl Config {
    /// Reads the folder of destinations, and the default stream's key from the environment.
    ///
    /// A folder that does not exist is one without destinations.
    #[must_use]
    pub fn load(source: &dyn Source, destinations: &Path) -> Self {
        Self::load_beside(source, destinations, &Running::default())
    }

    /// The same while something runs: of two files that cannot both count, the one that runs does.
    #[must_use]
    pub fn load_beside(source: &dyn Source, destinations: &Path, running: &Running) -> Self {
        let mut reader = Reader { source, problems: Vec::new(), named_variables: BTreeSet::new() };
        let streams = reader.read(destinations, running);
        reader.problems.extend(variables::unread(source, &reader.named_variables));
        Self { streams, problems: reader.problems }
    }
}

struct Reader<'s> {
    source: &'s dyn Source,
    problems: Vec<Problem>,
    /// The environment variables that files name.
    named_variables: BTreeSet<String>,
}

/// A stream with what is needed to compare it with others.
pub(super) struct Stream {
    pub(super) name: String,
    pub(super) publisher: Publisher,
    pub(super) destinations: Vec<DestinationFile>,
    is_unlisted: bool,
}

/// A folder is there and cannot be listed: that is told, in these words.
struct Unlisted(String);

impl Reader<'_> {
    fn read(&mut self, root: &Path, running: &Running) -> Vec<StreamConfig> {
        let entries = self.entries(root);
        let mut streams = vec![self.stream(DEFAULT_STREAM, root, entries.as_deref())];
        let mut names = HashMap::from([(DEFAULT_STREAM.to_owned(), DEFAULT_STREAM.to_owned())]);
        for entry in entries.iter().flatten().filter(|entry| entry.is_folder) {
            let folder = root.join(&entry.name);
            let inside = self.entries(&folder);
            if let Ok(inside) = &inside {
                // A folder without settings is somebody's folder of keys or pictures.
                if !inside.iter().any(|entry| !entry.is_folder && stem(entry).is_some()) {
                    continue;
                }
                for deeper in inside.iter().filter(|entry| entry.is_folder) {
                    let message = "a folder in a stream's folder is not read".to_owned();
                    let hint = format!("move its files into {}", folder.display());
                    self.report(Severity::Warning, &folder.join(&deeper.name), message, hint);
                }
            }
            let name = match checked_name(&folder, entry.name.to_str()) {
                Ok(name) => name,
                // It is no stream, whatever is in it.
                Err(_) if inside.is_err() => continue,
                Err(problem) => {
                    self.problems.push(*problem);
                    continue;
                }
            };
            if name == DEFAULT_STREAM {
                let message = format!("`{DEFAULT_STREAM}` is the default stream, which has no folder of its own");
                self.mistake(&folder, message, format!("move its files into {}", root.display()));
            } else if let Some(other) = names.get(&name.to_ascii_lowercase()) {
                let message = format!("this stream's name differs from `{other}` in nothing but case");
                let which = if other == DEFAULT_STREAM { "this folder" } else { "one of the folders" };
                self.mistake(&folder, message, format!("give {which} another name"));
            } else {
                names.insert(name.to_ascii_lowercase(), name.clone());
                let stream = self.stream(&name, &folder, inside.as_deref());
                streams.push(stream);
            }
        }
        shared::compare(&mut streams, running);
        streams.into_iter().map(|stream| self.finish(stream)).collect()
    }

    /// What is in a folder and not hidden, by name. One that is not there is empty; one that cannot be listed is a mistake.
    fn entries(&mut self, folder: &Path) -> Result<Vec<Entry>, Unlisted> {
        match self.source.entries(folder) {
            Ok(mut entries) => {
                entries.retain(|entry| !entry.name.as_encoded_bytes().starts_with(b"."));
                entries.sort();
                Ok(entries)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => {
                let message = format!("the folder cannot be read: {error}");
                let hint = "let forkcast's user list and read it; until then its stream stays as it runs".to_owned();
                let problem = problem(Severity::Mistake, folder, message, hint);
                let unlisted = Unlisted(problem.one_line());
                self.problems.push(problem);
                Err(unlisted)
            }
        }
    }

    fn stream(&mut self, name: &str, folder: &Path, entries: Result<&[Entry], &Unlisted>) -> Stream {
        let entries = match entries {
            Ok(entries) => entries,
            Err(Unlisted(problem)) => {
                let publisher = Publisher::unknown(problem.clone());
                return Stream { name: name.to_owned(), publisher, destinations: Vec::new(), is_unlisted: true };
            }
        };
        let mut named = Vec::new();
        let mut own_file = None;
        for entry in entries.iter().filter(|entry| !entry.is_folder) {
            let file = folder.join(&entry.name);
            self.note_hidden_extension(&file, entry);
            let Some(stem) = stem(entry) else { continue };
            if !stem.is_some_and(|stem| stem.eq_ignore_ascii_case("stream")) {
                named.push((file, stem));
            } else if let Some(other) = own_file.replace(file.clone()) {
                self.problems.push(twice(&file, &other));
            }
        }
        let publisher = self.publisher(name, own_file.as_deref());
        let mut destinations: Vec<DestinationFile> = Vec::new();
        for (file, stem) in named {
            let destination = match checked_name(&file, stem) {
                Err(problem) => DestinationFile::misnamed(&file, *problem),
                Ok(name) => {
                    let same = |other: &&DestinationFile| other.config.name.eq_ignore_ascii_case(&name);
                    match destinations.iter().find(same) {
                        Some(other) => DestinationFile::misnamed(&file, twice(&file, &other.config.file)),
                        None => DestinationFile::read(self.source, &file, &name, publisher.hold.as_ref()),
                    }
                }
            };
            destinations.push(destination);
        }
        let stream = Stream { name: name.to_owned(), publisher, destinations, is_unlisted: false };
        self.note_exposed_keys(&stream, folder, own_file.as_deref());
        stream
    }

    /// What the stream's own file says; for the default stream the environment goes before the file's key.
    fn publisher(&self, stream: &str, own_file: Option<&Path>) -> Publisher {
        let of_file = own_file.map_or_else(Publisher::unnamed, |file| Publisher::read(self.source, file));
        let from_environment = if stream == DEFAULT_STREAM { Publisher::from_environment(self.source) } else { None };
        match from_environment {
            Some(from_environment) => from_environment.before(of_file),
            None => of_file,
        }
    }

    /// Keys in files that others get to see. One warning for all files of a folder: it is a matter of a moment, and of one command.
    fn note_exposed_keys(&mut self, stream: &Stream, folder: &Path, own_file: Option<&Path>) {
        let files = |is_meant: fn(&DestinationFile) -> bool, own_file: Option<&Path>| -> Vec<PathBuf> {
            let destinations = stream.destinations.iter().filter(|destination| is_meant(destination));
            destinations
                .map(|destination| destination.config.file.clone())
                .chain(own_file.map(Path::to_owned))
                .collect()
        };
        let open = files(|file| file.has_open_key, own_file.filter(|_| stream.publisher.has_open_key));
        if let Some((place, which, names)) = together(&open, folder) {
            let message = format!("every user of this machine can read {which}");
            let hint = format!("`chmod 600 {}`, or keep keys elsewhere with `key_file` or `key_env`", names.display());
            self.report(Severity::Warning, place, message, hint);
        }
        let tracked = files(|file| file.has_tracked_key, own_file.filter(|_| stream.publisher.has_tracked_key));
        if let Some((place, which, names)) = together(&tracked, folder) {
            let message = format!("git tracks and would commit {which}");
            let hint = format!(
                "`git rm --cached {names}` and a line in .gitignore keep it out of the repository, `git update-index --skip-worktree \
                 {names}` what you write into it; or keep keys elsewhere with `key_file` or `key_env`; one that was pushed already \
                 is no secret any more",
                names = names.display()
            );
            self.report(Severity::Warning, place, message, hint);
        }
    }

    /// Editors of some systems hide that they saved `youtube.toml` as `youtube.toml.txt`.
    fn note_hidden_extension(&mut self, file: &Path, entry: &Entry) {
        let name = entry.name.to_string_lossy().to_ascii_lowercase();
        if name.ends_with(".toml.txt") {
            let message = "not read: the name ends in `.txt`".to_owned();
            self.report(Severity::Warning, file, message, "rename it, so that it ends in `.toml`".to_owned());
        }
    }

    fn mistake(&mut self, path: &Path, message: String, hint: String) {
        self.report(Severity::Mistake, path, message, hint);
    }

    fn report(&mut self, severity: Severity, path: &Path, message: String, hint: String) {
        self.problems.push(problem(severity, path, message, hint));
    }

    fn finish(&mut self, stream: Stream) -> StreamConfig {
        let Stream { name, publisher, destinations, is_unlisted } = stream;
        let is_wrong = is_unlisted || publisher.problems.iter().any(Problem::is_mistake);
        self.problems.extend(publisher.problems);
        let mut configs = Vec::new();
        for destination in destinations {
            self.problems.extend(destination.problems);
            self.named_variables.extend(destination.key_env);
            configs.push(destination.config);
        }
        let Publisher { access, ways, wrong, named_variables, takeover, coalescing, hold, settings, .. } = publisher;
        self.named_variables.extend(named_variables);
        let hold = hold.map(|of_stream| of_stream.hold);
        StreamConfig {
            name,
            access,
            ways,
            wrong,
            is_wrong,
            is_unlisted,
            takeover,
            coalescing,
            hold,
            settings,
            destinations: configs,
        }
    }
}

/// Where a problem of several files is, what it is about, and what a command is given for them; nothing where there is no file.
fn together<'a>(files: &'a [PathBuf], folder: &'a Path) -> Option<(&'a Path, String, PathBuf)> {
    match files {
        [] => None,
        [file] => Some((file, "the key in this file".to_owned(), file.clone())),
        files => {
            let names: Vec<_> = files.iter().filter_map(|file| file.file_name()).map(OsStr::to_string_lossy).collect();
            let which = format!("the keys in {} files: {}", names.len(), names.join(", "));
            Some((folder, which, folder.join("*.toml")))
        }
    }
}

fn problem(severity: Severity, path: &Path, message: String, hint: String) -> Problem {
    let place = Place::File(path.to_owned());
    Problem { severity, place, field: None, message, excerpt: None, hint }
}

/// Whether a stream or destination may be called that.
#[must_use]
pub fn is_name(name: &str) -> bool {
    checked_name(Path::new(""), Some(name)).is_ok()
}

/// A name that can stand in a log line, a metric and a URL.
fn checked_name(path: &Path, name: Option<&str>) -> Result<String, Box<Problem>> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let message = match name {
        Some(name) if name.len() > NAME_LIMIT => "the name is too long".to_owned(),
        Some(name) if name.chars().all(allowed) && name.starts_with(|c: char| c.is_ascii_alphanumeric()) => {
            return Ok(name.to_owned());
        }
        Some(name) => match (name.chars().find(|c| !allowed(*c)), name.chars().next()) {
            (Some(' '), _) => "the name has a space in it".to_owned(),
            (Some(c), _) => format!("the name cannot have `{c}` in it"),
            (None, Some(c)) => format!("the name cannot begin with `{c}`"),
            (None, None) => "there is no name before `.toml`".to_owned(),
        },
        None => "the name is not UTF-8 text".to_owned(),
    };
    let hint = format!("rename it: up to {NAME_LIMIT} letters a to z, digits, `-`, `_` and `.`");
    Err(Box::new(problem(Severity::Mistake, path, message, hint)))
}

fn twice(file: &Path, other: &Path) -> Problem {
    let message = format!("not read: the name differs from {} in nothing but case", other.display());
    problem(Severity::Mistake, file, message, "give one of the files another name".to_owned())
}

/// The name before `.toml`; the inner `None` is one that is not UTF-8. The outer `None`: not a file of settings.
fn stem(entry: &Entry) -> Option<Option<&str>> {
    let Some(name) = entry.name.to_str() else {
        let is_toml = entry.name.to_string_lossy().to_ascii_lowercase().ends_with(".toml");
        return is_toml.then_some(None);
    };
    let (stem, extension) = name.rsplit_once('.')?;
    extension.eq_ignore_ascii_case("toml").then_some(Some(stem))
}

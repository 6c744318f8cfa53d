//! The folder of destinations: which files count, what their names mean, and what is wrong between them.

use std::{io, path::Path};

use secrecy::ExposeSecret as _;

use super::{
    Activation, Config, StreamConfig,
    destination::{DestinationFile, Target},
    problem::{Place, Problem, Severity},
    source::{Entry, Source},
    stream::Publisher,
};

/// The stream of the files that lie in no folder of their own.
pub const DEFAULT_STREAM: &str = "live";

/// Longest name of a stream or destination, in characters: it stands in every log line and metric.
const NAME_LIMIT: usize = 64;

impl Config {
    /// Reads the folder of destinations, and the default stream's key from the environment.
    ///
    /// A folder that does not exist is one without destinations.
    #[must_use]
    pub fn load(source: &dyn Source, destinations: &Path) -> Self {
        let mut reader = Reader { source, problems: Vec::new() };
        let streams = reader.read(destinations);
        Self { streams, problems: reader.problems }
    }
}

struct Reader<'s> {
    source: &'s dyn Source,
    problems: Vec<Problem>,
}

/// A stream with what is needed to compare it with others.
struct Stream {
    name: String,
    publisher: Publisher,
    destinations: Vec<DestinationFile>,
}

impl Reader<'_> {
    fn read(&mut self, root: &Path) -> Vec<StreamConfig> {
        let entries = self.entries(root);
        let mut streams = vec![self.stream(DEFAULT_STREAM, root, &entries)];
        for entry in entries.iter().filter(|entry| entry.is_folder) {
            let folder = root.join(&entry.name);
            let inside = self.entries(&folder);
            // A folder without settings is somebody's folder of keys or pictures.
            if !inside.iter().any(|entry| !entry.is_folder && stem(entry).is_some()) {
                continue;
            }
            for deeper in inside.iter().filter(|entry| entry.is_folder) {
                let message = "a folder in a stream's folder is not read".to_owned();
                let hint = format!("move its files into {}", folder.display());
                self.report(Severity::Warning, &folder.join(&deeper.name), message, hint);
            }
            let Some(name) = self.name(&folder, entry.name.to_str()) else { continue };
            if name == DEFAULT_STREAM {
                let message = format!("`{DEFAULT_STREAM}` is the default stream, which has no folder of its own");
                self.mistake(&folder, message, format!("move its files into {}", root.display()));
            } else if let Some(other) = streams.iter().find(|other| other.name.eq_ignore_ascii_case(&name)) {
                let message = format!("this stream's name differs from `{}` in nothing but case", other.name);
                self.mistake(&folder, message, "give one of the folders another name".to_owned());
            } else {
                let stream = self.stream(&name, &folder, &inside);
                streams.push(stream);
            }
        }
        forbid_shared_keys(&mut streams);
        forbid_shared_targets(&mut streams);
        streams.into_iter().map(|stream| self.finish(stream)).collect()
    }

    /// What is in a folder and not hidden, by name.
    fn entries(&mut self, folder: &Path) -> Vec<Entry> {
        match self.source.entries(folder) {
            Ok(mut entries) => {
                entries.retain(|entry| !entry.name.as_encoded_bytes().starts_with(b"."));
                entries.sort();
                entries
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                let hint = "let forkcast's user list and read it".to_owned();
                self.mistake(folder, format!("the folder cannot be read: {error}"), hint);
                Vec::new()
            }
        }
    }

    fn stream(&mut self, name: &str, folder: &Path, entries: &[Entry]) -> Stream {
        let mut stream = Stream { name: name.to_owned(), publisher: Publisher::unnamed(), destinations: Vec::new() };
        let mut own_file = None;
        for entry in entries.iter().filter(|entry| !entry.is_folder) {
            let file = folder.join(&entry.name);
            self.note_hidden_extension(&file, entry);
            let Some(stem) = stem(entry) else { continue };
            if stem.is_some_and(|stem| stem.eq_ignore_ascii_case("stream")) {
                if let Some(other) = own_file.replace(file.clone()) {
                    self.twice(&file, &other);
                }
                continue;
            }
            let Some(name) = self.name(&file, stem) else { continue };
            let same = stream.destinations.iter().find(|other| other.config.name.eq_ignore_ascii_case(&name));
            match same.map(|other| other.config.file.clone()) {
                Some(other) => self.twice(&file, &other),
                None => stream.destinations.push(DestinationFile::read(self.source, &file, &name)),
            }
        }
        let from_environment = if name == DEFAULT_STREAM { Publisher::from_environment(self.source) } else { None };
        if let Some(file) = own_file {
            stream.publisher = Publisher::read(self.source, &file);
        }
        if let Some(mut publisher) = from_environment {
            // The file's key is not used, its mistakes are shown all the same.
            publisher.problems.append(&mut stream.publisher.problems);
            stream.publisher = publisher;
        }
        stream
    }

    /// A name that can stand in a log line, a metric and a URL, or a mistake.
    fn name(&mut self, path: &Path, name: Option<&str>) -> Option<String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let hint = format!("rename it: up to {NAME_LIMIT} letters a to z, digits, `-`, `_` and `.`");
        match name {
            Some(name) if name.len() > NAME_LIMIT => self.mistake(path, "the name is too long".to_owned(), hint),
            Some(name) if name.chars().all(allowed) && name.starts_with(|c: char| c.is_ascii_alphanumeric()) => {
                return Some(name.to_owned());
            }
            Some(name) => {
                let message = match (name.chars().find(|c| !allowed(*c)), name.chars().next()) {
                    (Some(' '), _) => "the name has a space in it".to_owned(),
                    (Some(c), _) => format!("the name cannot have `{c}` in it"),
                    (None, Some(c)) => format!("the name cannot begin with `{c}`"),
                    (None, None) => "there is no name before `.toml`".to_owned(),
                };
                self.mistake(path, message, hint);
            }
            None => self.mistake(path, "the name is not UTF-8 text".to_owned(), hint),
        }
        None
    }

    /// Editors of some systems hide that they saved `youtube.toml` as `youtube.toml.txt`.
    fn note_hidden_extension(&mut self, file: &Path, entry: &Entry) {
        let name = entry.name.to_string_lossy().to_ascii_lowercase();
        if name.ends_with(".toml.txt") {
            let message = "not read: the name ends in `.txt`".to_owned();
            self.report(Severity::Warning, file, message, "rename it, so that it ends in `.toml`".to_owned());
        }
    }

    fn twice(&mut self, file: &Path, other: &Path) {
        let message = format!("not read: the name differs from {} in nothing but case", other.display());
        self.mistake(file, message, "give one of the files another name".to_owned());
    }

    fn mistake(&mut self, path: &Path, message: String, hint: String) {
        self.report(Severity::Mistake, path, message, hint);
    }

    fn report(&mut self, severity: Severity, path: &Path, message: String, hint: String) {
        let place = Place::File(path.to_owned());
        self.problems.push(Problem { severity, place, field: None, message, excerpt: None, hint });
    }

    fn finish(&mut self, stream: Stream) -> StreamConfig {
        let Stream { name, publisher, destinations } = stream;
        self.problems.extend(publisher.problems);
        let mut configs = Vec::new();
        for destination in destinations {
            self.problems.extend(destination.problems);
            configs.push(destination.config);
        }
        let Publisher { key, explanation, wrong, .. } = publisher;
        StreamConfig { name, key, explanation, wrong, destinations: configs }
    }
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

/// The key alone decides which stream a publisher means.
fn forbid_shared_keys(streams: &mut [Stream]) {
    for position in 1..streams.len() {
        let (before, rest) = streams.split_at_mut(position);
        let Some(stream) = rest.first_mut() else { return };
        let Some(key) = &stream.publisher.key else { continue };
        let same = before.iter().find(|other| {
            other.publisher.key.as_ref().is_some_and(|other| other.expose_secret() == key.expose_secret())
        });
        let Some(other) = same else { continue };
        let message = format!("this is the stream key of `{}` too ({})", other.name, other.publisher.spot.place);
        let hint = "give each stream a key of its own: the key alone says which stream a publisher means".to_owned();
        stream.publisher.report(Severity::Mistake, message, hint);
        stream.publisher.wrong = stream.publisher.problems.last().map(Problem::one_line);
        stream.publisher.key = None;
    }
}

/// Two sessions with one key at one server take it from each other, again and again.
fn forbid_shared_targets(streams: &mut [Stream]) {
    let mut seen: Vec<(String, String, Target)> = Vec::new();
    for stream in streams {
        for destination in &mut stream.destinations {
            let Some(target) = destination.target.take() else { continue };
            let same = |other: &&(String, String, Target)| {
                other.2.server == target.server && other.2.key.expose_secret() == target.key.expose_secret()
            };
            let Some((other_stream, other_name, other)) = seen.iter().find(same) else {
                seen.push((stream.name.clone(), destination.config.name.clone(), target));
                continue;
            };
            let is_same_stream = *other_stream == stream.name;
            let hint = if is_same_stream {
                "take one of the files away, or give it a key of its own".to_owned()
            } else {
                format!("whichever of `{other_stream}` and `{}` is live second disturbs the first", stream.name)
            };
            let problem = Problem {
                severity: if is_same_stream { Severity::Mistake } else { Severity::Warning },
                place: target.spot.place,
                field: None,
                message: format!("`{other_name}` sends to the same server with the same key ({})", other.spot.place),
                excerpt: target.spot.excerpt,
                hint,
            };
            if is_same_stream {
                destination.config.activation = Activation::Wrong { problem: problem.one_line() };
            }
            destination.problems.push(problem);
        }
    }
}

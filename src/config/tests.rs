//! Files in, settings or rendered problems out: tables without a disk.

mod access;
mod activation;
mod between_files;
mod mistakes;
mod reference;
mod secrets;
mod server;
mod shipped;
mod trust;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{Activation, Config, DestinationConfig, Entry, Source};
use crate::destination::settings::Settings;

/// Files and variables that exist nowhere else.
#[derive(Clone, Default)]
struct Memory {
    files: BTreeMap<PathBuf, Vec<u8>>,
    variables: BTreeMap<String, String>,
    open_to_all: BTreeSet<PathBuf>,
    tracked: BTreeSet<PathBuf>,
}

impl Memory {
    fn new(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect();
        Self { files, ..Self::default() }
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn load(&self) -> Config {
        Config::load(self, Path::new("destinations"))
    }
}

impl Source for Memory {
    fn entries(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = BTreeSet::new();
        for file in self.files.keys() {
            let Ok(inside) = file.strip_prefix(folder) else { continue };
            let mut parts = inside.components();
            if let Some(first) = parts.next() {
                entries.insert(Entry { name: first.as_os_str().to_owned(), is_folder: parts.next().is_some() });
            }
        }
        match entries.is_empty() {
            true => Err(io::ErrorKind::NotFound.into()),
            false => Ok(entries.into_iter().collect()),
        }
    }

    fn read(&self, file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        self.files
            .get(file)
            .cloned()
            .map(Zeroizing::new)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.get(name).map(OsString::from)
    }

    fn variables(&self) -> Vec<String> {
        self.variables.keys().cloned().collect()
    }

    fn is_open_to_all(&self, file: &Path) -> bool {
        self.open_to_all.contains(file)
    }

    fn is_tracked(&self, file: &Path) -> bool {
        self.tracked.contains(file)
    }
}

/// The configuration of one file `destinations/d.toml`.
fn one(text: &str) -> Config {
    Memory::new(&[("destinations/d.toml", text)]).load()
}

fn first(config: &Config) -> &DestinationConfig {
    config.streams.first().and_then(|stream| stream.destinations.first()).expect("there is a destination")
}

#[track_caller]
fn settings(config: &Config) -> &Settings {
    match &first(config).activation {
        Activation::On(settings) => settings,
        other => panic!("not on: {other:?}\n{}", rendered(config)),
    }
}

#[track_caller]
fn off_reason(config: &Config) -> &str {
    match &first(config).activation {
        Activation::Off { reason } => reason,
        other => panic!("not off: {other:?}\n{}", rendered(config)),
    }
}

/// All problems as a person sees them.
fn rendered(config: &Config) -> String {
    let problems: Vec<_> = config.problems.iter().map(ToString::to_string).collect();
    problems.join("\n")
}

/// Asserts what a person sees for one file `destinations/d.toml`. Leading line breaks of `expected` do not count.
#[track_caller]
fn sees(text: &str, expected: &str) {
    let config = one(text);
    assert_eq!(rendered(&config), expected.trim_start_matches('\n').trim_end(), "for the file:\n{text}");
}

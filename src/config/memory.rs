//! Files and variables that exist nowhere else, for tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::source::{Entry, Source};

/// A disk and an environment in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Each file with what it holds.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// Each variable with its value.
    pub variables: BTreeMap<String, String>,
    /// The files that every user of the machine may read.
    pub open_to_all: BTreeSet<PathBuf>,
    /// The files that git tracks.
    pub tracked: BTreeSet<PathBuf>,
    /// The folders that may not be listed.
    pub unlisted: BTreeSet<PathBuf>,
}

impl Memory {
    /// These files, and nothing else.
    #[must_use]
    pub fn new(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect();
        Self { files, ..Self::default() }
    }

    /// With a variable more.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }
}

impl Source for Memory {
    fn entries(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        if self.unlisted.contains(folder) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
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

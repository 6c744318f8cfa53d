//! Where texts come from: the disk and the environment, or a map in a test.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read as _},
    path::Path,
};

use zeroize::Zeroizing;

use super::git_index;
use crate::regular_file;

/// Most bytes that a file of configuration may have. A real one has a few hundred; past this it is the wrong file.
pub const FILE_LIMIT: usize = 1 << 20;

/// What the configuration reads. Everything else about it is a pure function of this.
pub trait Source {
    /// What is in a folder, in any order.
    ///
    /// # Errors
    /// The folder is missing or cannot be listed.
    fn entries(&self, folder: &Path) -> io::Result<Vec<Entry>>;

    /// A file's bytes, cut after [`FILE_LIMIT`] and one more. There may be a key in them: they do not outlive their use.
    ///
    /// # Errors
    /// The file is missing, is none, or cannot be read.
    fn read(&self, file: &Path) -> io::Result<Zeroizing<Vec<u8>>>;

    /// An environment variable that is set.
    fn variable(&self, name: &str) -> Option<OsString>;

    /// The names of all environment variables that are set, in any order.
    fn variables(&self) -> Vec<String>;

    /// Whether every user of the machine may read the file. False where that cannot be told.
    fn is_open_to_all(&self, file: &Path) -> bool;

    /// Whether git tracks the file, so that a commit takes along what is in it. False where that cannot be told.
    fn is_tracked(&self, file: &Path) -> bool;
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name alone.
    pub name: OsString,
    /// A folder, or a link to one.
    pub is_folder: bool,
}

/// The disk and the environment of this process; for one reading, since it keeps what git tracks.
#[derive(Debug, Default)]
pub struct Disk {
    indexes: git_index::Indexes,
}

impl Source for Disk {
    fn entries(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        fs::read_dir(folder)?
            .map(|entry| {
                let name = entry?.file_name();
                let is_folder = is_folder(&folder.join(&name))?;
                Ok(Entry { name, is_folder })
            })
            .collect()
    }

    fn read(&self, file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        let open = regular_file::open(file)?;
        let size = open.metadata().map_or(0, |metadata| metadata.len()).min(FILE_LIMIT as u64);
        // With room for all of it from the start: a buffer that grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(size as usize + 1));
        open.take(FILE_LIMIT as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn variables(&self) -> Vec<String> {
        // Each name that matters is ASCII.
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
    }

    #[cfg(unix)]
    fn is_open_to_all(&self, file: &Path) -> bool {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
    }

    #[cfg(not(unix))]
    fn is_open_to_all(&self, _file: &Path) -> bool {
        false
    }

    fn is_tracked(&self, file: &Path) -> bool {
        self.indexes.track(file)
    }
}

/// Whether a name in a folder is one of a folder. Links are followed: a mounted secret or config map is a link into a hidden folder.
fn is_folder(path: &Path) -> io::Result<bool> {
    let leads_nowhere =
        |error: &io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    match fs::metadata(path) {
        Ok(metadata) => return Ok(metadata.is_dir()),
        Err(error) if leads_nowhere(&error) => return Ok(false),
        Err(_) => {}
    }
    match fs::symlink_metadata(path) {
        // A link to where nobody gets to: read as a file of settings, or listed as a folder, it says so.
        Ok(_) => Ok(path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("toml"))),
        // Taken away just now.
        Err(error) if leads_nowhere(&error) => Ok(false),
        // The folder may be listed, and no more: everything in it would be taken for a file.
        Err(error) => Err(error),
    }
}

//! Files that forkcast itself writes: an operator's comments, order and spelling stay, and a file is never half there.

mod patch;

use std::{
    ffi::OsString,
    fmt,
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::{Map, Value as Json};
use zeroize::Zeroizing;

pub use patch::edited;

use super::{
    Config, Problem,
    source::{Disk, Entry, Source},
};
use crate::regular_file;

/// The fields of a file that are to be set, by their names in it; `null` takes one out (RFC 7396, JSON Merge Patch). There may be
/// a key among them.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Fields(pub Map<String, Json>);

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Fields {
    /// One field alone.
    #[must_use]
    pub fn one(name: &str, value: impl Into<Json>) -> Self {
        Self(Map::from_iter([(name.to_owned(), value.into())]))
    }
}

/// What would be wrong if a file held this text: in it, or in others because of it.
///
/// # Errors
/// Each mistake.
pub fn check(folder: &Path, file: &Path, text: &str) -> Result<(), Vec<Problem>> {
    let present = Config::load(&Disk::default(), folder).problems;
    let draft = Draft { disk: Disk::default(), file, text };
    let is_here = |place: &Path| place == file || Some(place) == file.parent();
    let is_new = |problem: &Problem| problem.place.file().is_some_and(is_here) || !present.contains(problem);
    let problems = Config::load(&draft, folder).problems;
    let mistakes: Vec<_> = problems.into_iter().filter(|problem| problem.is_mistake() && is_new(problem)).collect();
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
}

/// The disk as it would be with one more text on it.
struct Draft<'d> {
    disk: Disk,
    file: &'d Path,
    text: &'d str,
}

impl Source for Draft<'_> {
    fn entries(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let inside = self.file.strip_prefix(folder).ok().map(|inside| inside.iter().collect::<Vec<_>>());
        let mut entries = match (self.disk.entries(folder), &inside) {
            (Err(error), Some(_)) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            (entries, _) => entries?,
        };
        if let Some([first, rest @ ..]) = inside.as_deref() {
            let entry = Entry { name: OsString::from(first), is_folder: !rest.is_empty() };
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    fn read(&self, file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        if file == self.file { Ok(Zeroizing::new(self.text.as_bytes().to_vec())) } else { self.disk.read(file) }
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        self.disk.variable(name)
    }

    fn variables(&self) -> Vec<String> {
        self.disk.variables()
    }

    fn is_open_to_all(&self, file: &Path) -> bool {
        self.disk.is_open_to_all(file)
    }

    fn is_tracked(&self, file: &Path) -> bool {
        self.disk.is_tracked(file)
    }
}

/// Why a file was not written. What was there is untouched.
#[derive(Debug, thiserror::Error)]
pub enum Unwritten {
    /// It is another one than what was read: somebody has saved it meanwhile, and what they wrote would be lost.
    #[error("it was changed meanwhile")]
    Changed,
    /// Its folder cannot be written.
    #[error(transparent)]
    Disk(#[from] io::Error),
}

/// Writes a file whole or not at all, whatever happens meanwhile. `present` is what was read of it; `None` where there was none.
/// One that is there keeps its rights and, where this process may give it away, its owner; a new one is for its owner alone. A link
/// is followed.
///
/// # Errors
/// Where the file is no longer what was read, or its folder cannot be written.
pub fn write(file: &Path, present: Option<&str>, text: &str) -> Result<(), Unwritten> {
    let target = target_of(file);
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = draft_beside(&target);
    let written =
        write_new(&draft, text, fs::metadata(&target).ok().as_ref()).map_err(Unwritten::from).and_then(|()| {
            if holds(file, &target, present)? { Ok(fs::rename(&draft, &target)?) } else { Err(Unwritten::Changed) }
        });
    if written.is_err() {
        // It may not even be there.
        let _ = fs::remove_file(&draft);
    }
    written?;
    sync_folder(folder);
    Ok(())
}

fn target_of(file: &Path) -> PathBuf {
    fs::canonicalize(file).unwrap_or_else(|_| file.to_owned())
}

/// Whether a file still leads to the same place, and what was read is still there.
fn holds(file: &Path, target: &Path, present: Option<&str>) -> io::Result<bool> {
    let now = match regular_file::read(file) {
        Ok(bytes) => Some(Zeroizing::new(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let is_same = now.as_ref().map(|bytes| bytes.as_slice()) == present.map(str::as_bytes);
    Ok(is_same && target_of(file) == target)
}

/// Makes a folder for files with keys in them: for its owner alone.
///
/// # Errors
/// Where the one above it cannot be written.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Removes a file for good.
///
/// # Errors
/// Where its folder cannot be written.
pub fn remove(file: &Path) -> io::Result<()> {
    fs::remove_file(file)?;
    if let Some(folder) = file.parent() {
        sync_folder(folder);
    }
    Ok(())
}

/// A hidden name, which nobody reads as a file of settings.
fn draft_beside(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.{}.draft", std::process::id()))
}

/// Writes a file that belongs to whom the file belongs that it is to replace, with the same rights.
fn write_new(file: &Path, text: &str, replaced: Option<&Metadata>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut open = options.open(file)?;
    open.write_all(text.as_bytes())?;
    if let Some(replaced) = replaced {
        keep_owner(&open, replaced);
        open.set_permissions(replaced.permissions())?;
    }
    open.sync_all()
}

/// Root can give files away, others their group at most: what cannot be kept is not.
#[cfg(unix)]
fn keep_owner(open: &File, replaced: &Metadata) {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let (owner, group) = (Some(replaced.uid()), Some(replaced.gid()));
    let _ = fchown(open, owner, group).or_else(|_| fchown(open, None, group));
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Metadata) {}

/// The name is on the disk, too. Not every system can do that for a folder; the file itself is there.
fn sync_folder(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_of_a_value_is_printed() {
        let fields = json!({"key": "a secret", "backpressure": {"max_lag": "3s"}});
        let fields: Fields = serde_json::from_value(fields).unwrap();
        assert_eq!(format!("{fields:?}"), "{\"backpressure\", \"key\"}");
    }

    #[test]
    fn a_file_is_checked_before_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::write(folder.join("one.toml"), "url = \"rtmp://127.0.0.1/live\"\nkey = \"the-one\"\n").unwrap();
        let check = |name: &str, text: &str| check(folder, &folder.join(name), text);
        assert!(check("two.toml", "url = \"rtmp://127.0.0.1/live\"\nkey = \"the-other\"\n").is_ok());
        assert!(check("studio/two.toml", "url = \"rtmp://127.0.0.1/live\"\nkey = \"the-other\"\n").is_ok());
        let same = check("two.toml", "url = \"rtmp://127.0.0.1/live\"\nkey = \"the-one\"\n").unwrap_err();
        assert!(same[0].message.contains("`one` sends to the same server"), "{same:?}");
        let first = check("a.toml", "url = \"rtmp://127.0.0.1/live\"\nkey = \"the-one\"\n").unwrap_err();
        assert!(first[0].message.contains("`a` sends to the same server"), "the second is wrong by it: {first:?}");
        let wrong = check("one.toml", "url = \"rtmp://127.0.0.1/live\"\nkey = \"k\"\nmax_lag = 3\n").unwrap_err();
        assert_eq!(wrong[0].field.as_deref(), Some("max_lag"));
        // Where nobody would read it.
        let unread = check("LIVE/two.toml", "url = \"rtmp://127.0.0.1/live\"\nkey = \"the-other\"\n").unwrap_err();
        assert!(unread[0].message.contains("differs from `live`"), "{unread:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_rights_and_a_new_one_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("one.toml");
        let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
        write(&file, None, "a").unwrap();
        assert_eq!(mode(&file), 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, Some("a"), "b").unwrap();
        assert_eq!((fs::read_to_string(&file).unwrap().as_str(), mode(&file)), ("b", 0o640));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "a link stays one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no draft is left");
        remove(&link).unwrap();
        assert!(file.exists());
    }

    #[test]
    fn what_somebody_saved_meanwhile_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("one.toml");
        let is_changed = |present| matches!(write(&file, present, "mine"), Err(Unwritten::Changed));
        assert!(is_changed(Some("gone")), "one that was taken away does not come back");
        fs::write(&file, "theirs").unwrap();
        assert!(is_changed(None) && is_changed(Some("their")));
        assert_eq!(fs::read_to_string(&file).unwrap(), "theirs");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
        write(&file, Some("theirs"), "mine").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }

    /// Seen as root alone: others cannot make a file that belongs to somebody else.
    #[cfg(unix)]
    #[test]
    fn a_file_stays_whose_it_is() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("one.toml");
        fs::write(&file, "a").unwrap();
        if chown(&file, Some(12_345), Some(23_456)).is_err() {
            return;
        }
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        write(&file, Some("a"), "b").unwrap();
        let metadata = fs::metadata(&file).unwrap();
        assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o7777), (12_345, 23_456, 0o640));
    }
}

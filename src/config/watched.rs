//! What was read, and whether it is still the same: how a changed file is noticed.
//!
//! Each file and folder that was read is looked at again by its time, size and identity. That follows links, so that a config map
//! whose link is swapped counts as changed; it sees key files that lie elsewhere; it works on network disks, which send no
//! notifications; and it costs one `stat` each.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use zeroize::Zeroizing;

use super::source::{Entry, Source};

/// A source that notes what was read from it.
pub struct Watched<S> {
    source: S,
    /// Held for one entry.
    seen: Mutex<Stamps>,
}

/// Every file and folder that was read, as it was then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamps {
    seen: BTreeMap<PathBuf, Stamp>,
    /// Those of them that forkcast itself writes.
    own: BTreeSet<PathBuf>,
}

/// By what a file is known to be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stamp {
    Missing,
    Present { changed: Option<SystemTime>, size: u64, identity: (u64, u64, i64) },
}

impl<S: Source> Watched<S> {
    /// Nothing was read yet.
    pub fn new(source: S) -> Self {
        Self { source, seen: Mutex::default() }
    }

    /// Notes a file that forkcast itself makes where there is none. That one is gone is no change: its disk may be away, and another
    /// in its place would be a change indeed.
    pub fn note_own(&self, path: &Path) {
        self.note(path);
        self.stamps().own.insert(path.to_owned());
    }

    /// What was read.
    pub fn into_stamps(self) -> Stamps {
        self.seen.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, path: &Path) {
        // Before it is read: what changes meanwhile counts as changed.
        self.note_as(path, Stamp::of(path));
    }

    fn note_as(&self, path: &Path, stamp: Stamp) {
        self.stamps().seen.entry(path.to_owned()).or_insert(stamp);
    }

    fn stamps(&self) -> MutexGuard<'_, Stamps> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stamps {
    /// Which files and folders are others than they were, or were not read then.
    #[must_use]
    pub fn changed_since(&self, earlier: &Self) -> BTreeSet<PathBuf> {
        let is_other = |(path, stamp): &(&PathBuf, &Stamp)| earlier.seen.get(*path) != Some(stamp);
        self.seen.iter().filter(is_other).map(|(path, _)| path.clone()).collect()
    }

    /// Which folder it was that was read: device and inode.
    #[must_use]
    pub fn place_of(&self, folder: &Path) -> Option<(u64, u64)> {
        match self.seen.get(folder) {
            Some(Stamp::Present { identity: (device, inode, _), .. }) => Some((*device, *inode)),
            Some(Stamp::Missing) | None => None,
        }
    }

    /// The same files and folders as they are now.
    #[must_use]
    pub fn now(&self) -> Self {
        let now = |(path, earlier): (&PathBuf, &Stamp)| match Stamp::of(path) {
            Stamp::Missing if self.own.contains(path) => (path.clone(), *earlier),
            stamp => (path.clone(), stamp),
        };
        Self { seen: self.seen.iter().map(now).collect(), own: self.own.clone() }
    }

    /// Forkcast has just made those of its own files that were missing.
    pub fn note_made(&mut self) {
        for path in &self.own {
            if let Some(stamp) = self.seen.get_mut(path).filter(|stamp| **stamp == Stamp::Missing) {
                *stamp = Stamp::of(path);
            }
        }
    }
}

impl Stamp {
    fn of(path: &Path) -> Self {
        match fs::metadata(path) {
            Err(_) => Self::Missing,
            Ok(metadata) => Self::Present {
                changed: metadata.modified().ok(),
                size: if metadata.is_dir() { 0 } else { metadata.len() },
                identity: identity(&metadata),
            },
        }
    }
}

/// Device, inode, and when it was last changed in any way: an editor may keep the time and the size.
#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> (u64, u64, i64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino(), metadata.ctime_nsec().wrapping_add(metadata.ctime().wrapping_mul(1_000_000_000)))
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> (u64, u64, i64) {
    (0, 0, 0)
}

impl<S: Source> Source for Watched<S> {
    fn entries(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        self.note(folder);
        let entries = self.source.entries(folder)?;
        for path in entries.iter().filter(|entry| !entry.is_folder).map(|entry| folder.join(&entry.name)) {
            let is_file = fs::metadata(&path).is_ok_and(|metadata| !metadata.is_dir());
            if !is_file {
                // A link that leads nowhere is not read, and may lead to a folder later.
                self.note_as(&path, Stamp::Missing);
            }
        }
        Ok(entries)
    }

    fn read(&self, file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        self.note(file);
        self.source.read(file)
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        self.source.variable(name)
    }

    fn variables(&self) -> Vec<String> {
        self.source.variables()
    }

    fn is_open_to_all(&self, file: &Path) -> bool {
        self.source.is_open_to_all(file)
    }

    fn is_tracked(&self, file: &Path) -> bool {
        self.source.is_tracked(file)
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::config::{Config, Disk};

    fn write(file: &Path, text: &str) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// Whether a change is noticed, made to a folder with a destination, a stream, a key file elsewhere and a swapped link.
    fn is_noticed(change: impl FnOnce(&Path)) -> bool {
        let home = tempfile::tempdir().unwrap();
        let (home, folder) = (home.path(), home.path().join("destinations"));
        write(&folder.join("twitch.toml"), "platform = \"twitch\"\nkey_file = \"../keys/twitch\"\n");
        write(&home.join("keys/twitch"), "live_1_a");
        write(&folder.join("studio/youtube.toml"), "platform = \"youtube\"\nkey = \"\"\n");
        for version in ["1", "2"] {
            write(&folder.join(format!("..{version}/own.toml")), &format!("url = \"rtmp://127.0.0.{version}/live\"\n"));
        }
        symlink("..1", folder.join("..data")).unwrap();
        symlink("..data/own.toml", folder.join("own.toml")).unwrap();
        symlink("../away/away.toml", folder.join("away.toml")).unwrap();
        symlink("../away", folder.join("away")).unwrap();
        let source = Watched::new(Disk::default());
        let _ = Config::load(&source, &folder);
        let stamps = source.into_stamps();
        assert_eq!(stamps, stamps.now(), "nothing has changed yet");
        change(home);
        stamps != stamps.now()
    }

    #[test]
    fn what_people_and_programs_do_to_a_file_is_noticed() {
        type Act = fn(&Path);
        let table: &[(&str, Act)] = &[
            ("written over", |home| {
                fs::write(home.join("destinations/twitch.toml"), "platform = \"youtube\"\n").unwrap()
            }),
            ("emptied", |home| fs::write(home.join("destinations/twitch.toml"), "").unwrap()),
            ("renamed over", |home| {
                fs::write(home.join("new"), "platform = \"twitch\"\nkey_file = \"../keys/twitcz\"\n").unwrap();
                fs::rename(home.join("new"), home.join("destinations/twitch.toml")).unwrap();
            }),
            ("same size, same time", |home| {
                let file = home.join("destinations/twitch.toml");
                let time = fs::metadata(&file).unwrap().modified().unwrap();
                let text = fs::read_to_string(&file).unwrap().replace("twitch\"\nkey", "twitcz\"\nkey");
                fs::write(&file, text).unwrap();
                fs::File::open(&file).unwrap().set_modified(time).unwrap();
            }),
            ("added", |home| fs::write(home.join("destinations/more.toml"), "").unwrap()),
            ("added to a stream", |home| fs::write(home.join("destinations/studio/more.toml"), "").unwrap()),
            ("removed", |home| fs::remove_file(home.join("destinations/twitch.toml")).unwrap()),
            ("a stream removed", |home| fs::remove_dir_all(home.join("destinations/studio")).unwrap()),
            ("all removed", |home| fs::remove_dir_all(home.join("destinations")).unwrap()),
            ("the key file elsewhere", |home| fs::write(home.join("keys/twitch"), "live_2_b").unwrap()),
            ("the link of a config map", |home| {
                symlink("..2", home.join("destinations/..new")).unwrap();
                fs::rename(home.join("destinations/..new"), home.join("destinations/..data")).unwrap();
            }),
            ("the target of a link", |home| write(&home.join("away/away.toml"), "")),
            ("a folder without settings as the target of a link", |home| fs::create_dir(home.join("away")).unwrap()),
        ];
        for (what, act) in table {
            assert!(is_noticed(act), "{what}");
        }
        assert!(!is_noticed(|home| fs::write(home.join("another"), "").unwrap()), "what nobody reads");
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("destinations");
        let source = Watched::new(Disk::default());
        let _ = Config::load(&source, &folder);
        let stamps = source.into_stamps();
        fs::create_dir(folder).unwrap();
        assert_ne!(stamps, stamps.now());
    }

    #[test]
    fn a_file_of_forkcasts_own_is_missed_by_nobody() {
        let home = tempfile::tempdir().unwrap();
        let [there, made] = ["there", "made"].map(|name| home.path().join(name));
        fs::write(&there, "old").unwrap();
        let source = Watched::new(Disk::default());
        [&there, &made].into_iter().for_each(|file| source.note_own(file));
        let mut stamps = source.into_stamps();
        fs::write(&made, "new").unwrap();
        assert_ne!(stamps, stamps.now());
        stamps.note_made();
        assert_eq!(stamps, stamps.now(), "it made that one itself");
        fs::remove_file(&there).unwrap();
        assert_eq!(stamps, stamps.now(), "its disk may be away");
        fs::write(&there, "another").unwrap();
        assert_eq!(stamps.now().changed_since(&stamps), BTreeSet::from([there]));
    }
}

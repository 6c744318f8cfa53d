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
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use zeroize::Zeroizing;

use super::source::{Entry, Source};

/// A source that notes what was read from it.
pub struct Watched<S> {
    source: S,
    /// Held for one entry.
    seen: Mutex<BTreeMap<PathBuf, Stamp>>,
}

/// Every file and folder that was read, as it was then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamps(BTreeMap<PathBuf, Stamp>);

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

    /// Notes a file that was read otherwise.
    pub fn note(&self, path: &Path) {
        // Before it is read: what changes meanwhile counts as changed.
        let stamp = Stamp::of(path);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).entry(path.to_owned()).or_insert(stamp);
    }

    /// What was read.
    pub fn into_stamps(self) -> Stamps {
        Stamps(self.seen.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Stamps {
    /// Which files and folders are others than they were, or were not read then.
    #[must_use]
    pub fn changed_since(&self, earlier: &Self) -> BTreeSet<PathBuf> {
        let is_other = |(path, stamp): &(&PathBuf, &Stamp)| earlier.0.get(*path) != Some(stamp);
        self.0.iter().filter(is_other).map(|(path, _)| path.clone()).collect()
    }

    /// Which folder it was that was read: device and inode.
    #[must_use]
    pub fn place_of(&self, folder: &Path) -> Option<(u64, u64)> {
        match self.0.get(folder) {
            Some(Stamp::Present { identity: (device, inode, _), .. }) => Some((*device, *inode)),
            Some(Stamp::Missing) | None => None,
        }
    }

    /// The same files and folders as they are now.
    #[must_use]
    pub fn now(&self) -> Self {
        Self(self.0.keys().map(|path| (path.clone(), Stamp::of(path))).collect())
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
        self.source.entries(folder)
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
}

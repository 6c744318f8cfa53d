//! The stream key that nobody configured: made once, then kept in the state folder.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::access::{KeyDigest, PublisherKey};
use crate::{moment, regular_file};

/// Letters and digits, no two alike on a screen. There are 32, so that a random byte picks one without bias.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Characters of a key that is made: 160 bits, as many as a platform's.
const LENGTH: usize = 32;

/// A person's own key has so many characters at the least.
const SHORTEST: usize = 8;

/// Most bytes of a key's file that are looked at.
const FILE_LIMIT: u64 = 4096;

/// A stream's own key.
#[derive(Debug)]
pub struct StreamKey {
    /// What a publisher must show.
    pub key: SecretString,
    /// The file that holds it.
    pub file: PathBuf,
    /// It was made just now: nobody has seen it yet.
    pub is_new: bool,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file that holds it, or its folder, cannot be read or written.
    #[error("the stream key's file {} cannot be {what}: {source}\nhint: let forkcast's user write there, or name another folder with `--state`", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The file is there and holds no key.
    #[error("{} holds no stream key\nhint: delete it, and the next start makes a new one", .0.display())]
    Unusable(PathBuf),
    /// The system gives no randomness.
    #[error(
        "the system gives no random numbers for a stream key: {0}\nhint: set FORKCAST_STREAM_KEY to a key of your own"
    )]
    Random(getrandom::Error),
}

/// The folder with the keys that forkcast has made, below the state folder; a file for each stream.
const STREAM_KEYS: &str = "stream-keys";

impl StreamKey {
    /// The key of a stream: the one that is kept in `state`, else a new one, which is kept there from now on.
    ///
    /// # Errors
    /// The folder cannot be written, the file holds no key, or the system gives no randomness.
    pub fn load_or_make(state: &Path, stream: &str) -> Result<Self, Error> {
        Self::load_or_make_in(&state.join(STREAM_KEYS), stream)
    }

    /// The token of the HTTP listener, kept and made in the same way.
    ///
    /// # Errors
    /// The same.
    pub fn http_token(state: &Path) -> Result<Self, Error> {
        Self::load_or_make_in(state, "http-token")
    }

    fn load_or_make_in(folder: &Path, name: &str) -> Result<Self, Error> {
        let file = folder.join(name);
        if let Some(key) = load(&file)? {
            return Ok(Self { key, file, is_new: false });
        }
        let key = random_key().map_err(Error::Random)?;
        match keep(folder, &file, key.expose_secret()) {
            Ok(()) => Ok(Self { key, file, is_new: true }),
            // Another process was quicker: there is one key, and it is that one's.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let key = load(&file)?.ok_or_else(|| Error::Unusable(file.clone()))?;
                Ok(Self { key, file, is_new: false })
            }
            Err(source) => Err(Error::File { file, what: "written", source }),
        }
    }
}

impl StreamKey {
    /// Puts another key in the place of the one that is kept. That one opens the stream, too, until `until`.
    ///
    /// # Errors
    /// The folder cannot be written, or its file holds no key.
    pub fn rotate(state: &Path, stream: &str, key: &SecretString, until: SystemTime) -> Result<(), Error> {
        let Self { key: old, file, .. } = Self::load_or_make(state, stream)?;
        let failed = |file: &Path| {
            let file = file.to_owned();
            move |source| Error::File { file, what: "written", source }
        };
        let previous = previous_file(state, stream);
        // The old one first: whatever happens in between, nobody is locked out.
        let note = format!("{} {}", KeyDigest::of(&old).hex(), moment::rfc3339(until));
        replace(&previous, &note).map_err(failed(&previous))?;
        replace(&file, key.expose_secret()).map_err(failed(&file))
    }

    /// The key that is kept of a stream, and the one before whatever its time. Nothing is made.
    ///
    /// # Errors
    /// The file cannot be read, or holds no key.
    pub fn kept(state: &Path, stream: &str) -> Result<Vec<PublisherKey>, Error> {
        let key = load(&state.join(STREAM_KEYS).join(stream))?;
        let previous = Self::previous(state, stream, SystemTime::UNIX_EPOCH);
        Ok(key.map(|key| PublisherKey::unnamed(&key)).into_iter().chain(previous).collect())
    }

    /// The key before, as long as it opens the stream.
    #[must_use]
    pub fn previous(state: &Path, stream: &str, now: SystemTime) -> Option<PublisherKey> {
        let mut text = String::new();
        regular_file::open(&previous_file(state, stream)).ok()?.take(FILE_LIMIT).read_to_string(&mut text).ok()?;
        let (digest, until) = text.trim().split_once(' ')?;
        let valid_until = moment::parse(until)?;
        let digest = KeyDigest::from_hex(digest)?;
        let name = Some("previous".to_owned());
        (now < valid_until).then_some(PublisherKey { name, digest, valid_from: None, valid_until: Some(valid_until) })
    }
}

/// The files with what is kept of the keys of a stream: its own, and the one before.
#[must_use]
pub fn files(state: &Path, stream: &str) -> [PathBuf; 2] {
    [state.join(STREAM_KEYS).join(stream), previous_file(state, stream)]
}

/// Removes what is kept of the keys of a stream.
///
/// # Errors
/// The folder cannot be written.
pub fn forget(state: &Path, stream: &str) -> Result<(), Error> {
    for file in files(state, stream) {
        match fs::remove_file(&file) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(Error::File { file, what: "removed", source });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a person's key can be a stream's.
///
/// # Errors
/// What is wrong with it, in a sentence.
pub fn check(key: &SecretString) -> Result<(), String> {
    let key = key.expose_secret();
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control();
    match key.chars().count() {
        ..SHORTEST => {
            Err(format!("a stream key has {SHORTEST} characters at least, or whoever finds the server guesses it"))
        }
        _ if !key.chars().all(is_plain) => Err("a stream key has no spaces and no line breaks in it".to_owned()),
        _ => Ok(()),
    }
}

/// A folder of its own: a stream may have any name.
fn previous_file(state: &Path, stream: &str) -> PathBuf {
    state.join("previous-stream-keys").join(stream)
}

/// Writes a private file over the one that is there, whole or not at all.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new(""));
    make_private_folder(folder)?;
    let name = random_key().map_err(io::Error::other)?;
    let draft = folder.join(format!(".{}.new", name.expose_secret()));
    let written = write_private(&draft, text).and_then(|()| fs::rename(&draft, file));
    if written.is_err() {
        // It may not even be there.
        let _ = fs::remove_file(&draft);
    }
    written
}

/// Whether [`StreamKey::load_or_make`] would find or make a key. Leaves nothing behind.
///
/// # Errors
/// As there.
pub fn probe(state: &Path, stream: &str) -> Result<(), Error> {
    let folder = state.join(STREAM_KEYS);
    let file = folder.join(stream);
    if load(&file)?.is_some() {
        return Ok(());
    }
    // The deepest folder that is there: below it the others would be made.
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new(""));
    let name = random_key().map_err(Error::Random)?;
    let draft = there.join(format!(".{}.probe", name.expose_secret()));
    write_private(&draft, "").and_then(|()| fs::remove_file(&draft)).map_err(|source| Error::File {
        file,
        what: "written",
        source,
    })
}

fn load(file: &Path) -> Result<Option<SecretString>, Error> {
    // With room for all of it from the start: a text that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(FILE_LIMIT as usize + 1));
    match regular_file::open(file).and_then(|open| open.take(FILE_LIMIT).read_to_string(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // No text, or no file.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => {
            return Err(Error::Unusable(file.to_owned()));
        }
        Err(source) => return Err(Error::File { file: file.to_owned(), what: "read", source }),
    }
    let key = text.trim();
    if key.is_empty() || key.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(Error::Unusable(file.to_owned()));
    }
    Ok(Some(key.into()))
}

/// A new key: letters and digits of 160 random bits.
///
/// # Errors
/// Where the system gives no randomness.
pub fn new_key() -> Result<SecretString, Error> {
    random_key().map_err(Error::Random)
}

fn random_key() -> Result<SecretString, getrandom::Error> {
    let mut random = Zeroizing::new([0; LENGTH]);
    getrandom::fill(random.as_mut())?;
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 32)).copied().map(char::from);
    let mut key = String::with_capacity(LENGTH);
    key.extend(random.iter().filter_map(letter));
    Ok(key.into())
}

/// Writes the file whole or not at all, for its owner alone; fails where there is one already.
fn keep(folder: &Path, file: &Path, key: &str) -> io::Result<()> {
    make_private_folder(folder)?;
    // A name of its own keeps two starts at once from writing into one file.
    let name = random_key().map_err(io::Error::other)?;
    let draft = folder.join(format!(".{}.new", name.expose_secret()));
    let written =
        write_private(&draft, key).and_then(|()| fs::hard_link(&draft, file)).or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::StorageFull => Err(error),
            // A file system without hard links: then the last writer wins, which only two starts at once could see.
            _ => fs::rename(&draft, file),
        });
    // After a rename it is gone already.
    let _ = fs::remove_file(&draft);
    written
}

fn write_private(file: &Path, key: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut open = options.open(file)?;
    writeln!(open, "{key}")?;
    open.sync_all()
}

fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept() {
        let state = tempfile::tempdir().unwrap();
        let made = StreamKey::load_or_make(state.path(), "live").unwrap();
        let kept = StreamKey::load_or_make(state.path(), "live").unwrap();
        let other = StreamKey::load_or_make(state.path(), "studio-b").unwrap();
        assert!(made.is_new && !kept.is_new && other.is_new);
        assert_eq!(made.key.expose_secret(), kept.key.expose_secret());
        assert_ne!(made.key.expose_secret(), other.key.expose_secret());
        assert_eq!(made.key.expose_secret().len(), LENGTH);
        assert!(made.key.expose_secret().bytes().all(|byte| ALPHABET.contains(&byte)));
        assert!(!format!("{made:?}").contains(made.key.expose_secret()));
        let names: Vec<_> = fs::read_dir(state.path().join("stream-keys")).unwrap().collect();
        assert_eq!(names.len(), 2, "no draft is left behind");
    }

    #[test]
    fn a_key_that_was_replaced_opens_the_stream_for_a_while() {
        let state = tempfile::tempdir().unwrap();
        let old = StreamKey::load_or_make(state.path(), "live").unwrap();
        let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000);
        let minute = std::time::Duration::from_secs(60);
        assert!(StreamKey::previous(state.path(), "live", now).is_none());
        StreamKey::rotate(state.path(), "live", &"another-key".into(), now + minute).unwrap();
        let new = StreamKey::load_or_make(state.path(), "live").unwrap();
        assert_eq!(new.key.expose_secret(), "another-key");
        let previous = StreamKey::previous(state.path(), "live", now).unwrap();
        assert_eq!((previous.digest, previous.valid_until), (KeyDigest::of(&old.key), Some(now + minute)));
        assert!(StreamKey::previous(state.path(), "live", now + minute).is_none());
        assert!(
            check(&"short".into()).is_err()
                && check(&"with a space".into()).is_err()
                && check(&"long-enough".into()).is_ok()
        );
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let state = tempfile::tempdir().unwrap();
        let made = StreamKey::load_or_make(state.path(), "live").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&made.file), 0o600);
        assert_eq!(mode(made.file.parent().unwrap()), 0o700);
    }

    #[test]
    fn a_file_without_a_key_is_not_overwritten() {
        let state = tempfile::tempdir().unwrap();
        let file = state.path().join("stream-keys/live");
        fs::create_dir(state.path().join("stream-keys")).unwrap();
        for content in ["", "two words\n", "a\nb\n"] {
            fs::write(&file, content).unwrap();
            let error = StreamKey::load_or_make(state.path(), "live").unwrap_err().to_string();
            assert!(error.contains("hint: delete it"), "{error}");
            assert_eq!(fs::read_to_string(&file).unwrap(), content);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_in_the_place_of_a_key_is_not_waited_for() {
        use std::{process::Command, sync::mpsc, thread, time::Duration};
        let state = tempfile::tempdir().unwrap();
        let files = files(state.path(), "live");
        for file in &files {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            assert!(Command::new("mkfifo").arg(file).status().unwrap().success());
        }
        let (sender, answer) = mpsc::channel();
        let folder = state.path().to_owned();
        thread::spawn(move || {
            assert!(StreamKey::previous(&folder, "live", SystemTime::now()).is_none());
            sender.send(StreamKey::load_or_make(&folder, "live").unwrap_err().to_string())
        });
        let error = answer.recv_timeout(Duration::from_secs(10)).expect("it is not waited for");
        assert!(error.contains("hint: delete it"), "{error}");
    }

    #[test]
    fn starts_at_once_agree_on_one_key() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("stream-keys");
        let file = folder.join("live");
        keep(&folder, &file, "first").unwrap();
        assert_eq!(keep(&folder, &file, "second").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&file).unwrap(), "first\n");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named_with_a_hint() {
        let state = tempfile::tempdir().unwrap();
        let not_a_folder = state.path().join("file");
        fs::write(&not_a_folder, "").unwrap();
        let error = StreamKey::load_or_make(&not_a_folder, "live").unwrap_err().to_string();
        assert!(error.contains("--state"), "{error}");
        assert!(probe(&not_a_folder, "live").is_err());
    }

    #[test]
    fn a_probe_leaves_nothing_behind() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("a/b");
        probe(&folder, "live").unwrap();
        assert_eq!(fs::read_dir(state.path()).unwrap().count(), 0);
        let file = StreamKey::load_or_make(&folder, "live").unwrap().file;
        probe(&folder, "live").unwrap();
        fs::write(file, "").unwrap();
        assert!(matches!(probe(&folder, "live"), Err(Error::Unusable(_))));
    }
}

//! What the API changes is written into the files, where an operator finds it and the next start, too.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::{task::spawn_blocking, time::timeout};
use toml_edit::{DocumentMut, Item};

use super::{Operator, is_live, no_stream};
use crate::{
    config::{
        Config, DEFAULT_STREAM, Disk, FILE_LIMIT, Origin, Source as _,
        edit::{self, Fields, Unwritten},
        is_name,
    },
    control::desk::{Answer, Refused, Target},
    destination::status::State,
    ingest::{
        access::KeyDigest,
        keys::{self, StreamKey},
    },
    moment,
    observe::Event,
    reload::Why,
};

/// What stands above the fields of a file that forkcast has made.
const HEADING: &str = "# Made by forkcast. Change it as you like: it counts as soon as it is saved.\n";

/// The file that makes a folder a stream.
const STREAM_FILE: &str = "stream.toml";

/// The fields that a person looks for first.
const FIRST: [&str; 3] = ["platform", "url", "key"];

/// By which name the old key of a stream opens it for a while; the second one where the first is somebody's.
const PREVIOUS: [&str; 2] = ["previous", "previous-key"];

/// How long the disk may take for one request. A network disk that hangs has nobody wait for ever.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a change is tried of a file that another program writes at the same time.
const TRIES: usize = 5;

impl Operator {
    pub(super) async fn add(&mut self, stream: &str, name: Option<String>, fields: Fields) -> Answer {
        if self.relay.feed(stream).is_none() {
            return Err(no_stream(stream));
        }
        let platform = fields.0.get("platform").and_then(Value::as_str);
        let Some(name) = name.or_else(|| platform.map(str::to_owned)) else {
            let error = "a destination needs a `name`, or a `platform` that it can be called by";
            return Err(Refused::Invalid { field: "name", error: error.to_owned() });
        };
        check_name(&name)?;
        let file = self.folder_of(stream).join(format!("{name}.toml"));
        let taken = format!("there is a destination `{name}` already: give this one another name");
        if self.relay.has_destination(stream, &name) {
            return Err(Refused::Taken(taken));
        }
        self.write_new(&file, fields, taken).await?;
        Ok(format!("`{name}` is there: {}", file.display()))
    }

    pub(super) async fn change(&mut self, target: &Target, fields: Fields) -> Answer {
        let file = self.file_of(target)?;
        match self.rewrite(&file, fields).await? {
            true => Ok(format!("`{}` is changed: {}", target.destination, file.display())),
            false => Ok(format!("`{}` says that already", target.destination)),
        }
    }

    pub(super) async fn remove(&mut self, target: &Target) -> Answer {
        let file = self.file_of(target)?;
        self.check_that_files_count()?;
        on_disk(move || edit::remove(&file).map_err(|error| unwritable(&file, &error))).await?;
        self.read_again().await?;
        Ok(format!("`{}` ends, and its file is gone", target.destination))
    }

    pub(super) async fn start(&mut self, target: &Target) -> Answer {
        let Target { stream, destination } = target;
        if self.relay.rejoin(stream, destination) {
            return Ok(format!("`{destination}` sends this broadcast again"));
        }
        if self.relay.set_free(stream, destination) {
            self.read_again().await?;
        }
        let state = self.relay.state(stream, destination);
        let is_off_by_file = matches!(&state, Some(State::Off { .. })) && !self.relay.runs(stream, destination);
        match state {
            Some(State::Wrong { reason }) => {
                Err(Refused::Conflict(format!("`{destination}` cannot be started, its file is wrong: {reason}")))
            }
            Some(State::Off { reason }) if is_off_by_file => {
                let file = self.file_of(target)?;
                let cannot = format!("`{destination}` cannot be started: {reason}");
                let look = file.clone();
                on_disk(move || {
                    let document = parsed(&look, &read(&look)?)?;
                    // A line that does not turn it on is no use: something else is missing.
                    document.get("enabled").map(|_| ()).ok_or(Refused::Conflict(cannot))
                })
                .await?;
                self.rewrite(&file, Fields::one("enabled", true)).await?;
                Ok(format!("`{destination}` is on"))
            }
            _ => Ok(format!("`{destination}` is on")),
        }
    }

    pub(super) async fn stop(&mut self, target: &Target) -> Answer {
        let Target { stream, destination } = target;
        let file = self.file_of(target)?;
        let written = self.rewrite(&file, Fields::one("enabled", false)).await;
        let Err(refused) = written else {
            return Ok(format!("`{destination}` ends, and is off: {}", file.display()));
        };
        // Whatever becomes of the file, a person wants it to end now.
        self.relay.stop(stream, destination);
        let reason = match refused {
            Refused::Wrong(_) => format!("{} is wrong", file.display()),
            refused => refused.to_string(),
        };
        Ok(format!("`{destination}` ends, and is off until it is started or forkcast restarts: {reason}"))
    }

    pub(super) async fn create_stream(&mut self, name: &str, key: Option<SecretString>) -> Answer {
        check_name(name)?;
        let taken = format!("there is a stream `{name}` already");
        let folder = self.folder().join(name);
        if name.eq_ignore_ascii_case(DEFAULT_STREAM) || self.relay.feed(name).is_some() {
            return Err(Refused::Taken(taken));
        }
        if let Some(key) = &key {
            self.check_key_of_nobody_else(key, name)?;
        }
        let file = folder.join(STREAM_FILE);
        let fields = key.map(|key| Fields::one("key", key.expose_secret())).unwrap_or_default();
        self.write_new(&file, fields, taken).await?;
        Ok(format!("stream `{name}` is there: {}", file.display()))
    }

    pub(super) async fn remove_stream(&mut self, name: &str) -> Answer {
        let feed = self.relay.feed(name).ok_or_else(|| no_stream(name))?;
        let stands = |why: &str| Err(Refused::Conflict(format!("stream `{name}` {why}")));
        if name == DEFAULT_STREAM {
            return stands("is the one that is always there");
        }
        if is_live(&feed) {
            return stands("is live: end its broadcast first");
        }
        self.check_that_files_count()?;
        let (folder, stream) = (self.folder_of(name), name.to_owned());
        on_disk(move || remove_stream_files(&folder, &stream)).await?;
        self.read_again().await?;
        let (state, stream) = (self.state().to_owned(), name.to_owned());
        match on_disk(move || Ok(keys::forget(&state, &stream))).await? {
            Ok(()) => Ok(format!("stream `{name}` is gone, with its key")),
            Err(error) => Ok(format!("stream `{name}` is gone; {error}, so another one of this name has its key")),
        }
    }

    pub(super) async fn rotate_key(&mut self, stream: &str, key: Option<SecretString>, grace: Duration) -> Answer {
        if self.relay.feed(stream).is_none() {
            return Err(no_stream(stream));
        }
        self.check_that_files_count()?;
        let key = match key {
            Some(key) => key,
            None => keys::new_key().map_err(|error| Refused::Conflict(error.to_string()))?,
        };
        keys::check(&key).map_err(|error| Refused::Invalid { field: "key", error })?;
        self.check_key_of_nobody_else(&key, stream)?;
        let until = SystemTime::now() + grace;
        let rotation = Rotation {
            folder: self.folder().to_owned(),
            state: self.state().to_owned(),
            stream: stream.to_owned(),
            key,
            until,
        };
        on_disk(move || rotation.carry_out()).await?;
        self.read_again().await?;
        let old = match grace.is_zero() {
            true => "the old one opens it no more".to_owned(),
            false => format!("the old one opens it until {}", moment::show(until)),
        };
        Event::KeyReplaced { stream, old: &old }.emit();
        Ok(format!("`{stream}` has a new key; {old}"))
    }

    /// Writes a file that would be right and is not there yet, and makes what runs what it says.
    async fn write_new(&mut self, file: &Path, fields: Fields, taken: String) -> Result<(), Refused> {
        self.check_that_files_count()?;
        let may_make_folder = !self.reloader.has_destinations();
        let (root, written) = (self.folder().to_owned(), file.to_owned());
        let file = written.clone();
        on_disk(move || {
            if file.exists() || (file.ends_with(STREAM_FILE) && file.parent().is_some_and(Path::exists)) {
                return Err(Refused::Taken(taken));
            }
            let text = new_text(&file, fields)?;
            edit::check(&root, &file, &text).map_err(Refused::Wrong)?;
            make_folder(&root, may_make_folder)?;
            let folder = file.parent().unwrap_or(&root);
            let is_new = !folder.exists();
            if is_new {
                fs::create_dir(folder).map_err(|error| unwritable(folder, &error))?;
            }
            let written = edit::write(&file, None, &text);
            if written.is_err() && is_new {
                // Nothing else is in it.
                let _ = fs::remove_dir(folder);
            }
            written.map_err(|unwritten| match unwritten {
                Unwritten::Changed => Refused::Taken(taken),
                Unwritten::Disk(error) => unwritable(&file, &error),
            })
        })
        .await?;
        if let Err(refused) = self.read_again().await {
            // It would count all of a sudden, once the files are gone by again.
            on_disk(move || edit::remove(&written).map_err(|error| unwritable(&written, &error))).await?;
            return Err(refused);
        }
        Ok(())
    }

    /// Sets fields of a file that would be right with them, and makes what runs what it says. Says whether that is a change. What
    /// another program saves meanwhile is changed, and not lost.
    async fn rewrite(&mut self, file: &Path, fields: Fields) -> Result<bool, Refused> {
        self.check_that_files_count()?;
        let (folder, file) = (self.folder().to_owned(), file.to_owned());
        let is_changed = on_disk(move || rewrite(&folder, &file, |present| edited(&file, present, &fields))).await?;
        if is_changed {
            self.read_again().await?;
        }
        Ok(is_changed)
    }

    /// While what is in the folder is not gone by as a whole, nothing is written there either.
    fn check_that_files_count(&self) -> Result<(), Refused> {
        match &self.relay.board.configuration().kept {
            Some(reason) => Err(Refused::Conflict(format!("nothing was written: {reason}"))),
            None => Ok(()),
        }
    }

    /// The key alone says which stream a publisher means.
    fn check_key_of_nobody_else(&self, key: &SecretString, stream: &str) -> Result<(), Refused> {
        match self.relay.stream_of_key(&KeyDigest::of(key)) {
            Some(other) if other != stream => {
                let error = format!("this is the stream key of `{other}`: give each stream a key of its own");
                Err(Refused::Invalid { field: "key", error })
            }
            _ => Ok(()),
        }
    }

    /// As if the files had changed, for they have: what is kept out otherwise is kept out here, too.
    async fn read_again(&mut self) -> Result<(), Refused> {
        self.reload(Why::Changed).await.map(|_| ()).map_err(Refused::Conflict)
    }

    fn folder(&self) -> &Path {
        &self.reloader.options().destinations
    }

    fn state(&self) -> &Path {
        &self.reloader.options().state
    }

    fn folder_of(&self, stream: &str) -> PathBuf {
        if stream == DEFAULT_STREAM { self.folder().to_owned() } else { self.folder().join(stream) }
    }

    fn file_of(&self, Target { stream, destination }: &Target) -> Result<PathBuf, Refused> {
        let file = self.relay.file_of(stream, destination);
        file.ok_or_else(|| Refused::Unknown(format!("stream `{stream}` has no destination `{destination}`")))
    }
}

/// A stream's other key, and for how long the old one opens it, too.
struct Rotation {
    folder: PathBuf,
    state: PathBuf,
    stream: String,
    key: SecretString,
    until: SystemTime,
}

impl Rotation {
    /// Writes it to where the stream has its key.
    fn carry_out(self) -> Result<(), Refused> {
        let streams = Config::load(&Disk::default(), &self.folder).streams;
        let configured = streams.into_iter().find(|known| known.name == self.stream);
        if configured.as_ref().is_some_and(|stream| stream.is_wrong) {
            let error = format!("the `{STREAM_FILE}` of `{}` is wrong: mend it first", self.stream);
            return Err(Refused::Conflict(error));
        }
        let ways = configured.map(|stream| stream.ways).unwrap_or_default();
        match ways.iter().find(|way| way.field == "key").map(|way| &way.origin) {
            None if ways.is_empty() => self.replace_made_key(),
            Some(origin @ Origin::File { file, .. }) => rewrite(&self.folder, file, |present| {
                let old = toml_key(present).ok_or_else(|| self.elsewhere(origin))?;
                self.check_that_it_is_new(&old)?;
                self.replaced(file, present, &old)
            })
            .map(|_| ()),
            Some(origin) => Err(self.elsewhere(origin)),
            None => Err(self.elsewhere(ways.first().map_or(&Origin::Default, |way| &way.origin))),
        }
    }

    fn replace_made_key(&self) -> Result<(), Refused> {
        let failed = |error: keys::Error| Refused::Conflict(error.to_string());
        let made = StreamKey::load_or_make(&self.state, &self.stream).map_err(failed)?;
        self.check_that_it_is_new(&made.key)?;
        StreamKey::rotate(&self.state, &self.stream, &self.key, self.until).map_err(failed)
    }

    /// The text of a stream's file with the new key; the old one stays as a digest.
    fn replaced(&self, file: &Path, present: &str, old: &SecretString) -> Result<String, Refused> {
        let document = parsed(file, present)?;
        let is_ours = |name: &str| document.get("keys").and_then(|keys| keys.get(name)).is_none_or(is_of_a_rotation);
        let previous = PREVIOUS.into_iter().find(|name| is_ours(name)).ok_or_else(|| {
            let taken = PREVIOUS.map(|name| format!("`{name}`")).join(" and ");
            Refused::Conflict(format!("the old key needs a name, and {taken} are taken in {}", file.display()))
        })?;
        let digest = KeyDigest::of(old).hex();
        let fields = json!({
            "key": self.key.expose_secret(),
            "keys": { previous: { "key_sha256": digest, "valid_until": moment::rfc3339(self.until) } },
        });
        edited(file, present, &serde_json::from_value(fields).unwrap_or_default())
    }

    fn check_that_it_is_new(&self, old: &SecretString) -> Result<(), Refused> {
        match KeyDigest::of(old) == KeyDigest::of(&self.key) {
            true => Err(Refused::Conflict(format!("that is the key of `{}` already", self.stream))),
            false => Ok(()),
        }
    }

    fn elsewhere(&self, origin: &Origin) -> Refused {
        Refused::Conflict(format!("the key of `{}` is not kept by forkcast ({origin}): change it there", self.stream))
    }
}

/// Whether a named key was written by a rotation, and not by a person.
fn is_of_a_rotation(key: &Item) -> bool {
    let Some(table) = key.as_table_like() else { return false };
    table.len() == 2 && table.contains_key("key_sha256") && table.contains_key("valid_until")
}

/// Does something with the disk where nobody else waits for it.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refused> + Send + 'static) -> Result<T, Refused> {
    match timeout(PATIENCE, spawn_blocking(work)).await {
        Ok(done) => done.map_err(|_| Refused::Gone)?,
        Err(_) => {
            let error =
                format!("the disk has not answered for {} s: look at the folder, and ask again", PATIENCE.as_secs());
            Err(Refused::Conflict(error))
        }
    }
}

/// Changes a file that would be right then. Says whether that is a change.
fn rewrite(folder: &Path, file: &Path, change: impl Fn(&str) -> Result<String, Refused>) -> Result<bool, Refused> {
    for _ in 0..TRIES {
        let present = read(file)?;
        let text = change(&present)?;
        if text == present {
            return Ok(false);
        }
        edit::check(folder, file, &text).map_err(Refused::Wrong)?;
        match edit::write(file, Some(&present), &text) {
            Ok(()) => return Ok(true),
            // What was saved in between is read again.
            Err(Unwritten::Changed) => {}
            Err(Unwritten::Disk(error)) => return Err(unwritable(file, &error)),
        }
    }
    Err(Refused::Conflict(format!("another program keeps writing {}: nothing was changed", file.display())))
}

/// The text of a file that forkcast makes.
fn new_text(file: &Path, fields: Fields) -> Result<String, Refused> {
    let (mut first, rest) =
        fields.0.into_iter().partition::<serde_json::Map<_, _>, _>(|(name, _)| FIRST.contains(&name.as_str()));
    let mut text = String::new();
    for name in FIRST {
        if let Some(value) = first.remove(name) {
            text = edited(file, &text, &Fields::one(name, value))?;
        }
    }
    Ok(format!("{HEADING}{}", edited(file, &text, &Fields(rest))?))
}

/// The first file makes the folder of all. Where there were destinations, it has vanished, and another in its place would end
/// their show.
fn make_folder(folder: &Path, may_be_new: bool) -> Result<(), Refused> {
    if folder.exists() {
        return Ok(());
    }
    if !may_be_new {
        let error = format!("the folder {} has vanished: nothing was written; bring it back", folder.display());
        return Err(Refused::Conflict(error));
    }
    edit::make_folder(folder).map_err(|error| unwritable(folder, &error))
}

fn remove_stream_files(folder: &Path, stream: &str) -> Result<(), Refused> {
    let file = folder.join(STREAM_FILE);
    let others = files_beside(&file).map_err(|error| unwritable(folder, &error))?;
    if let Some(first) = others.first() {
        // Keys of platforms are not thrown away by one word.
        let error =
            format!("stream `{stream}` has files of destinations, such as {}: remove those first", first.display());
        return Err(Refused::Conflict(error));
    }
    edit::remove(&file).map_err(|error| unwritable(&file, &error))?;
    // Whatever else an operator keeps there stays; without settings it is no stream.
    let _ = fs::remove_dir(folder);
    Ok(())
}

/// The other files of settings in the folder of one.
fn files_beside(file: &Path) -> io::Result<Vec<PathBuf>> {
    let mut others = Vec::new();
    for entry in fs::read_dir(file.parent().unwrap_or(Path::new("")))? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let is_toml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
        if path != file && !is_hidden && is_toml {
            others.push(path);
        }
    }
    Ok(others)
}

fn check_name(name: &str) -> Result<(), Refused> {
    if is_name(name) && !name.eq_ignore_ascii_case("stream") {
        return Ok(());
    }
    let error = "this is no name: up to 64 letters a to z, digits, `-`, `_` and `.`, and not `stream`";
    Err(Refused::Invalid { field: "name", error: error.to_owned() })
}

fn read(file: &Path) -> Result<String, Refused> {
    let refused = |why: &dyn std::fmt::Display| Refused::Conflict(format!("{} cannot be read: {why}", file.display()));
    let bytes = Disk::default().read(file).map_err(|error| refused(&error))?;
    if bytes.len() > FILE_LIMIT {
        return Err(refused(&format!("it has more than {} MiB", FILE_LIMIT >> 20)));
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| refused(&"it is no text in UTF-8"))
}

fn parsed(file: &Path, text: &str) -> Result<DocumentMut, Refused> {
    text.parse().map_err(|_| to_be_mended(file))
}

fn edited(file: &Path, text: &str, fields: &Fields) -> Result<String, Refused> {
    edit::edited(text, fields).map_err(|_| to_be_mended(file))
}

/// The parser's own sentence may quote what stands there.
fn to_be_mended(file: &Path) -> Refused {
    Refused::Conflict(format!("{} is wrong and has to be mended by hand first", file.display()))
}

fn unwritable(path: &Path, error: &io::Error) -> Refused {
    Refused::Conflict(format!(
        "{} cannot be written ({error}): mount the folder so that forkcast's user may write there, or change the file where \
         it comes from",
        path.display()
    ))
}

/// The stream key that stands in the file itself.
fn toml_key(text: &str) -> Option<SecretString> {
    let document: DocumentMut = text.parse().ok()?;
    document.get("key")?.as_str().map(Into::into)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_another_program_saves_meanwhile_is_changed_and_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("d.toml");
        let before = "url = \"rtmp://192.0.2.1/live\"\nkey = \"a-key\"\n";
        fs::write(&file, before).unwrap();
        let looks = Cell::new(0);
        let changed = rewrite(folder.path(), &file, |present| {
            looks.set(looks.get() + 1);
            if looks.get() == 1 {
                fs::write(&file, format!("{before}# a word of the operator's\n")).unwrap();
            }
            edited(&file, present, &Fields::one("hold", "9s"))
        });
        assert!(changed.unwrap());
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains("the operator's") && text.contains("hold = \"9s\""), "{text}");

        // One that never stops is not fought with.
        let never = rewrite(folder.path(), &file, |present| {
            looks.set(looks.get() + 1);
            fs::write(&file, format!("{before}# {}\n", looks.get())).unwrap();
            edited(&file, present, &Fields::one("hold", "8s"))
        });
        assert!(never.unwrap_err().to_string().contains("another program keeps writing"));
    }

    #[test]
    fn a_file_of_a_hundred_megabytes_is_not_parsed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("d.toml");
        fs::File::create(&file).unwrap().set_len(100 << 20).unwrap();
        let refused = rewrite(folder.path(), &file, |_| panic!("there is nothing to be changed")).unwrap_err();
        assert!(refused.to_string().contains("more than 1 MiB"), "{refused}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_hangs_has_nobody_wait_for_ever() {
        let (release, hold) = std::sync::mpsc::channel::<()>();
        let asked = on_disk(move || {
            let _ = hold.recv();
            Ok(())
        });
        let (refused, ()) = tokio::join!(asked, tokio::time::advance(PATIENCE));
        assert!(refused.unwrap_err().to_string().contains("has not answered"));
        drop(release);
    }
}

//! What the API changes is written into the files, where an operator finds it and the next start, too.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::{Operator, is_live, no_stream};
use crate::{
    config::{
        Config, DEFAULT_STREAM, Disk, Origin,
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

/// By which name the old key of a stream opens it for a while.
const PREVIOUS: &str = "previous";

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
        if file.exists() || self.relay.has_destination(stream, &name) {
            return Err(Refused::Taken(format!("there is a destination `{name}` already: give this one another name")));
        }
        let (first, rest) = fields.0.into_iter().partition(|(name, _)| FIRST.contains(&name.as_str()));
        let mut text = String::new();
        for name in FIRST {
            let one: &serde_json::Map<String, Value> = &first;
            if let Some(value) = one.get(name) {
                text = edited(&file, &text, &Fields::one(name, value.clone()))?;
            }
        }
        text = edited(&file, &text, &Fields(rest))?;
        self.write(&file, None, format!("{HEADING}{text}")).await?;
        Ok(format!("`{name}` is there: {}", file.display()))
    }

    pub(super) async fn change(&mut self, target: &Target, fields: Fields) -> Answer {
        let file = self.file_of(target)?;
        let present = read(&file)?;
        let text = edited(&file, &present, &fields)?;
        if text == present {
            return Ok(format!("`{}` says that already", target.destination));
        }
        self.write(&file, Some(&present), text).await?;
        Ok(format!("`{}` is changed: {}", target.destination, file.display()))
    }

    pub(super) async fn remove(&mut self, target: &Target) -> Answer {
        let file = self.file_of(target)?;
        edit::remove(&file).map_err(|error| unwritable(&file, &error))?;
        self.read_again().await?;
        Ok(format!("`{}` ends, and its file is gone", target.destination))
    }

    pub(super) async fn start(&mut self, target: &Target) -> Answer {
        let Target { stream, destination } = target;
        if self.relay.set_stopped(stream, destination, false) {
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
                let present = read(&file)?;
                let text = edited(&file, &present, &Fields::one("enabled", true))?;
                // A line that does not turn it on is no use: something else is missing.
                let is_the_line = present.lines().any(|line| line.trim_start().starts_with("enabled"));
                if !is_the_line {
                    return Err(Refused::Conflict(format!("`{destination}` cannot be started: {reason}")));
                }
                self.write(&file, Some(&present), text).await?;
                Ok(format!("`{destination}` is on"))
            }
            _ => Ok(format!("`{destination}` is on")),
        }
    }

    pub(super) async fn stop(&mut self, target: &Target) -> Answer {
        let Target { stream, destination } = target;
        let file = self.file_of(target)?;
        let changed = |present: String| {
            let text = edited(&file, &present, &Fields::one("enabled", false))?;
            Ok((present, text))
        };
        let written = match read(&file).and_then(changed) {
            // A file that is wrong cannot be written without being mended; the destination may run all the same.
            Ok((present, text)) => match self.check(&file, &text).await {
                Ok(()) => edit::write(&file, Some(&present), &text).map_err(|error| error.to_string()),
                Err(_) => Err("it is wrong".to_owned()),
            },
            Err(refused) => Err(refused.to_string()),
        };
        if written.is_err() {
            self.relay.set_stopped(stream, destination, true);
        }
        self.read_again().await?;
        Ok(match written {
            Ok(()) => format!("`{destination}` ends, and is off: {}", file.display()),
            Err(reason) => format!(
                "`{destination}` ends, and is off until forkcast restarts: {} cannot be written ({reason})",
                file.display()
            ),
        })
    }

    pub(super) async fn create_stream(&mut self, name: &str, key: Option<SecretString>) -> Answer {
        check_name(name)?;
        let folder = self.folder().join(name);
        if name == DEFAULT_STREAM || self.relay.feed(name).is_some() || folder.exists() {
            return Err(Refused::Taken(format!("there is a stream `{name}` already")));
        }
        let file = folder.join(STREAM_FILE);
        let fields = key.map(|key| Fields::one("key", key.expose_secret())).unwrap_or_default();
        let text = format!("{HEADING}{}", edited(&file, "", &fields)?);
        self.check(&file, &text).await?;
        self.make_folder()?;
        fs::create_dir(&folder).map_err(|error| unwritable(&folder, &error))?;
        if let Err(refused) = self.write(&file, None, text).await {
            // Nothing else is in it.
            let _ = fs::remove_dir(&folder);
            return Err(refused);
        }
        Ok(format!("stream `{name}` is there: {}", file.display()))
    }

    pub(super) async fn remove_stream(&mut self, name: &str) -> Answer {
        let feed = self.relay.feed(name).ok_or_else(|| no_stream(name))?;
        let stands = |why: String| Err(Refused::Conflict(format!("stream `{name}` {why}")));
        if name == DEFAULT_STREAM {
            return stands("is the one that is always there".to_owned());
        }
        if is_live(&feed) {
            return stands("is live: end its broadcast first".to_owned());
        }
        let folder = self.folder_of(name);
        let file = folder.join(STREAM_FILE);
        let others = files_beside(&file).map_err(|error| unwritable(&folder, &error))?;
        if let Some(first) = others.first() {
            // Keys of platforms are not thrown away by one word.
            return stands(format!("has files of destinations, such as {}: remove those first", first.display()));
        }
        edit::remove(&file).map_err(|error| unwritable(&file, &error))?;
        // Whatever else an operator keeps there stays; without settings it is no stream.
        let _ = fs::remove_dir(&folder);
        self.read_again().await?;
        match keys::forget(self.state(), name) {
            Ok(()) => Ok(format!("stream `{name}` is gone, with its key")),
            Err(error) => Ok(format!("stream `{name}` is gone; {error}, so another one of this name has its key")),
        }
    }

    pub(super) async fn rotate_key(&mut self, stream: &str, key: Option<SecretString>, grace: Duration) -> Answer {
        if self.relay.feed(stream).is_none() {
            return Err(no_stream(stream));
        }
        let key = match key {
            Some(key) => key,
            None => keys::new_key().map_err(|error| Refused::Conflict(error.to_string()))?,
        };
        let until = SystemTime::now() + grace;
        let shown = moment::show(until);
        let configured =
            Config::load(&Disk::default(), self.folder()).streams.into_iter().find(|known| known.name == stream);
        let ways = configured.map(|stream| stream.ways).unwrap_or_default();
        match ways.iter().find(|way| way.field == "key") {
            None if ways.is_empty() => {
                keys::check(&key).map_err(|error| Refused::Invalid { field: "key", error })?;
                StreamKey::rotate(self.state(), stream, &key, until)
                    .map_err(|error| Refused::Conflict(error.to_string()))?;
                self.read_again().await?;
            }
            Some(way) => match &way.origin {
                Origin::File { file, .. } => {
                    let file = file.clone();
                    let present = read(&file)?;
                    let old = toml_key(&present).ok_or_else(|| elsewhere(stream, &way.origin))?;
                    if KeyDigest::of(&old) == KeyDigest::of(&key) {
                        return Err(Refused::Conflict(format!("that is the key of `{stream}` already")));
                    }
                    let fields = json!({
                        "key": key.expose_secret(),
                        "keys": { PREVIOUS: { "key": null, "key_sha256": KeyDigest::of(&old).hex(), "valid_until": moment::rfc3339(until) } },
                    });
                    let fields = serde_json::from_value(fields).unwrap_or_default();
                    let text = edited(&file, &present, &fields)?;
                    self.write(&file, Some(&present), text).await?;
                }
                origin => return Err(elsewhere(stream, origin)),
            },
            None => {
                let origin = ways.first().map_or(&Origin::Default, |way| &way.origin);
                return Err(elsewhere(stream, origin));
            }
        }
        Event::KeyReplaced { stream, until: &shown }.emit();
        Ok(format!("`{stream}` has a new key; the old one opens it until {shown}"))
    }

    /// Writes a file that would be right, and makes what runs what it says.
    async fn write(&mut self, file: &Path, present: Option<&str>, text: String) -> Result<(), Refused> {
        self.check(file, &text).await?;
        self.make_folder()?;
        edit::write(file, present, &text).map_err(|error| match error {
            Unwritten::Changed => Refused::Conflict(format!("{} was changed meanwhile: ask again", file.display())),
            Unwritten::Disk(error) => unwritable(file, &error),
        })?;
        self.read_again().await
    }

    /// The first file makes the folder of all. Where there were destinations, it has vanished, and another in its place would end
    /// their show.
    fn make_folder(&self) -> Result<(), Refused> {
        let folder = self.folder();
        if folder.exists() {
            return Ok(());
        }
        if self.reloader.has_destinations() {
            let error = format!("the folder {} has vanished: nothing was written; bring it back", folder.display());
            return Err(Refused::Conflict(error));
        }
        edit::make_folder(folder).map_err(|error| unwritable(folder, &error))
    }

    /// Whether everything would be right with a file that held this text.
    async fn check(&self, file: &Path, text: &str) -> Result<(), Refused> {
        let (folder, file, text) = (self.folder().to_owned(), file.to_owned(), text.to_owned());
        let checked = tokio::task::spawn_blocking(move || edit::check(&folder, &file, &text)).await;
        checked.map_err(|_| Refused::Gone)?.map_err(Refused::Wrong)
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

/// The other files of settings in the folder of one.
fn files_beside(file: &Path) -> io::Result<Vec<PathBuf>> {
    let mut others = Vec::new();
    for entry in fs::read_dir(file.parent().unwrap_or(Path::new("")))? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path != file && !is_hidden && path.extension().is_some_and(|extension| extension == "toml") {
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
    fs::read_to_string(file).map_err(|error| Refused::Conflict(format!("{} cannot be read: {error}", file.display())))
}

fn edited(file: &Path, text: &str, fields: &Fields) -> Result<String, Refused> {
    // The parser's own sentence may quote what stands there.
    edit::edited(text, fields)
        .map_err(|_| Refused::Conflict(format!("{} is wrong and has to be mended by hand first", file.display())))
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
    let document: toml_edit::DocumentMut = text.parse().ok()?;
    document.get("key")?.as_str().map(Into::into)
}

fn elsewhere(stream: &str, origin: &Origin) -> Refused {
    Refused::Conflict(format!("the key of `{stream}` is not kept by forkcast ({origin}): change it there"))
}

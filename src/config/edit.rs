//! Files that forkcast itself writes: an operator's comments, order and spelling stay, and a file is never half there.

use std::{
    ffi::OsString,
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::{Map, Value as Json};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, TomlError, Value};
use zeroize::Zeroizing;

use super::{
    Config, Problem,
    source::{Disk, Entry, Source},
};

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

/// A file's text with these fields in it. What else is there stays as it is, to the byte.
///
/// # Errors
/// Where the text is no TOML: it is to be mended by hand first.
pub fn edited(text: &str, fields: &Fields) -> Result<String, TomlError> {
    let mut document: DocumentMut = text.parse()?;
    patch(document.as_table_mut(), &fields.0);
    Ok(document.to_string())
}

fn patch(table: &mut dyn TableLike, fields: &Map<String, Json>) {
    for (name, value) in fields {
        match value {
            Json::Null => {
                table.remove(name);
            }
            Json::Object(inner) => {
                let is_table = table.get(name).is_some_and(Item::is_table_like);
                if !is_table {
                    table.insert(name, Item::Table(Table::new()));
                }
                if let Some(inside) = table.get_mut(name).and_then(Item::as_table_like_mut) {
                    patch(inside, inner);
                }
            }
            plain => set(table, name, value_of(plain)),
        }
    }
}

/// Puts a value in the place of another one, whose comment stays.
fn set(table: &mut dyn TableLike, name: &str, mut value: Value) {
    match table.get_mut(name).and_then(Item::as_value_mut) {
        Some(present) => {
            *value.decor_mut() = present.decor().clone();
            *present = value;
        }
        None => {
            table.insert(name, Item::Value(value));
        }
    }
}

fn value_of(json: &Json) -> Value {
    match json {
        Json::Bool(is) => (*is).into(),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().unwrap_or_default().into(),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => items.iter().map(value_of).collect::<Array>().into(),
        // Within a list; TOML has no null.
        Json::Object(fields) => {
            let pairs = fields.iter().filter(|(_, value)| !value.is_null());
            pairs.map(|(name, value)| (name.as_str(), value_of(value))).collect::<InlineTable>().into()
        }
        Json::Null => "".into(),
    }
}

/// What would be wrong if a file held this text: in it, or in others because of it.
///
/// # Errors
/// Each mistake.
pub fn check(folder: &Path, file: &Path, text: &str) -> Result<(), Vec<Problem>> {
    let present = Config::load(&Disk::default(), folder).problems;
    let draft = Draft { disk: Disk::default(), file, text };
    let is_new = |problem: &Problem| problem.place.file() == Some(file) || !present.contains(problem);
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

/// Writes a file whole or not at all, whatever happens meanwhile. One that is there keeps its rights; a new one is for its owner
/// alone. A link is followed.
///
/// # Errors
/// Where its folder cannot be written. What was there is untouched then.
pub fn write(file: &Path, text: &str) -> io::Result<()> {
    let target = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = draft_beside(&target);
    let written = write_new(&draft, text).and_then(|()| {
        if let Ok(present) = fs::metadata(&target) {
            fs::set_permissions(&draft, present.permissions())?;
        }
        fs::rename(&draft, &target)
    });
    if written.is_err() {
        // It may not even be there.
        let _ = fs::remove_file(&draft);
    }
    written?;
    sync_folder(folder);
    Ok(())
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

fn write_new(file: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut open = options.open(file)?;
    open.write_all(text.as_bytes())?;
    open.sync_all()
}

/// The name is on the disk, too. Not every system can do that for a folder; the file itself is there.
fn sync_folder(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(json: Json) -> Fields {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_a_person_wrote_stays() {
        let text = "# tonight\nplatform = 'twitch'   # the main one\n\nkey=\"old\" # from the dashboard\n\
                    [backpressure]\n# our uplink is poor\nmax_lag = \"3s\"\n";
        let edit = |json| edited(text, &fields(json)).unwrap();
        assert_eq!(edit(json!({})), text);
        assert_eq!(edit(json!({"key": "new"})), text.replace("\"old\"", "\"new\""));
        assert_eq!(edit(json!({"platform": "kick"})), text.replace("'twitch'", "\"kick\""));
        let off = edit(json!({"enabled": false}));
        assert!(off.contains("# from the dashboard\nenabled = false\n[backpressure]"), "before the table: {off}");
        assert_eq!(edit(json!({"backpressure": {"max_lag": "9s"}})), text.replace("3s", "9s"));
        assert!(!edit(json!({"backpressure": {"max_lag": null}})).contains("max_lag"));
        assert!(!edit(json!({"key": null})).contains("key"));
        let more = edit(json!({"reconnect": {"max": "20s"}, "codecs": ["h264", "aac"], "multitrack": true}));
        assert!(more.contains("codecs = [\"h264\", \"aac\"]") && more.contains("[reconnect]\nmax = \"20s\""), "{more}");
        assert!(edited("key = \"half", &fields(json!({"key": "new"}))).is_err());
    }

    #[test]
    fn nothing_of_a_value_is_printed() {
        let fields = fields(json!({"key": "a secret", "backpressure": {"max_lag": "3s"}}));
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
    }

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_rights_and_a_new_one_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("one.toml");
        let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
        write(&file, "a").unwrap();
        assert_eq!(mode(&file), 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, "b").unwrap();
        assert_eq!((fs::read_to_string(&file).unwrap().as_str(), mode(&file)), ("b", 0o640));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "a link stays one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no draft is left");
        remove(&link).unwrap();
        assert!(file.exists());
    }
}

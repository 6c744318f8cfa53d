//! `forkcast key`: makes and checks stream keys. A key comes by standard input and goes to standard output, and is never an
//! argument: every user of a machine sees those.

use std::{
    fmt::Display,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::SystemTime,
};

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::{
    cli::{KeyCommand, default_state},
    config::{Config, Disk, Given, ServeOptions, StreamConfig},
    ingest::{
        access::{KeyDigest, Verdict},
        keys::{self, StreamKey},
        signed,
    },
    moment,
};

/// Most bytes of a key that are read.
const KEY_LIMIT: usize = 4096;

/// Does what was asked. Exit code 0: done, or the key opens a stream; 2: it opens none, or something is wrong.
pub fn run(command: &KeyCommand) -> ExitCode {
    let done = match command {
        KeyCommand::New => new(),
        KeyCommand::Hash => read_key().map(|key| format!("key_sha256 = \"{}\"\n", KeyDigest::of(&key).hex())),
        KeyCommand::Sign { given, stream, valid_for, id } => {
            sign(&Places::of(given).destinations, stream, valid_for, id.as_deref())
        }
        KeyCommand::Check { given } => read_key().and_then(|key| check(&Places::of(given), &key, SystemTime::now())),
    };
    match done {
        Ok(text) => {
            // A reader that has gone is no failure.
            let _ = io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(Complaint { message, hint }) => {
            eprintln!("error: {message}\n  hint: {hint}");
            ExitCode::from(2)
        }
    }
}

/// What is wrong, and what to do.
#[derive(Debug)]
struct Complaint {
    message: String,
    hint: String,
}

fn complaint(message: impl Display, hint: impl Display) -> Complaint {
    Complaint { message: message.to_string(), hint: hint.to_string() }
}

fn new() -> Result<String, Complaint> {
    let key = keys::new_key().map_err(|error| complaint(error, "try again"))?;
    let digest = KeyDigest::of(&key).hex();
    Ok(format!("{}\n# for stream.toml, instead of the key itself: key_sha256 = \"{digest}\"\n", key.expose_secret()))
}

fn sign(folder: &Path, stream: &str, valid_for: &str, id: Option<&str>) -> Result<String, Complaint> {
    let valid_for = humantime::parse_duration(valid_for)
        .map_err(|_| complaint(format!("`{valid_for}` is not a time"), "write for example `--for 2h` or `--for 3d`"))?;
    let streams = streams(folder);
    let found = streams.iter().find(|config| config.name == stream).ok_or_else(|| {
        let names: Vec<_> = streams.iter().map(|config| format!("`{}`", config.name)).collect();
        complaint(
            format!("there is no stream `{stream}` in {}", folder.display()),
            format!("it can be {}", names.join(", ")),
        )
    })?;
    let secret = found.access.signing.as_ref().ok_or_else(|| {
        complaint(
            format!("stream `{stream}` has no secret to sign with"),
            "write `[signed]` into its stream.toml, and below it `secret`, `secret_file` or `secret_env`",
        )
    })?;
    let until = SystemTime::now().checked_add(valid_for);
    let until = until.ok_or_else(|| complaint("that is too long", "write for example `--for 30d`"))?;
    let key = signed::sign(secret, stream, until, id);
    eprintln!("a key for stream `{stream}`, until {}:", moment::show(until));
    Ok(format!("{}\n", key.expose_secret()))
}

/// Where streams and keys are, as the relay itself would look for them.
struct Places {
    destinations: PathBuf,
    state: PathBuf,
}

impl Places {
    fn of(given: &Given) -> Self {
        let options = ServeOptions::resolve(given, &Disk::default(), &default_state()).options;
        Self { destinations: options.destinations, state: options.state }
    }
}

/// What a key opens, in a sentence.
fn check(places: &Places, key: &SecretString, now: SystemTime) -> Result<String, Complaint> {
    let digest = KeyDigest::of(key);
    let mut streams = streams(&places.destinations);
    // What may let it in all the same, or what was not looked at.
    let mut doubts = Vec::new();
    for StreamConfig { name, access, ways, wrong, .. } in &mut streams {
        if ways.is_empty() && wrong.is_none() {
            match StreamKey::kept(&places.state, name) {
                Ok(made) => access.keys.extend(made),
                Err(error) => doubts.push(error.to_string().replace("\nhint: ", "; ")),
            }
        }
    }
    for StreamConfig { name, access, wrong, .. } in &streams {
        let is_named = signed::stream_of(key) == Some(name);
        let by_signature = if is_named { access.judge_signature(key, now) } else { Verdict::Unknown };
        for (verdict, until) in [
            (access.judge_key(&digest, now), access.key(&digest).and_then(|key| key.valid_until)),
            (by_signature, signed::valid_until(key)),
        ] {
            match (verdict, wrong) {
                (Verdict::Unknown, _) => {}
                (_, Some(problem)) => {
                    let message = format!("it is a key of stream `{name}`, which nobody can publish: {problem}");
                    return Err(complaint(message, "mend that; `forkcast check` says how"));
                }
                (Verdict::Opens(pass), None) => {
                    let of = pass.name.map_or_else(String::new, |name| format!(", as `{name}`"));
                    let until = until.map_or_else(String::new, |until| format!(", until {}", moment::show(until)));
                    return Ok(format!("it opens stream `{name}`{of}{until}\n"));
                }
                (Verdict::Closed(why), None) => {
                    return Err(complaint(format!("it is a key of stream `{name}`, and {why}"), "take a new one"));
                }
            }
        }
        if let Some(problem) = wrong {
            doubts.push(format!("stream `{name}` is one that nobody can publish: {problem}"));
        }
        if access.webhook.is_some() {
            doubts.push(format!("the webhook of `{name}` may let it in: only a publish asks it"));
        }
    }
    let Places { destinations, state } = places;
    let looked = format!(
        "the streams of {} and the keys in {} were looked at; `--destinations` and `--state` name other folders",
        destinations.display(),
        state.display()
    );
    doubts.push(looked);
    Err(complaint("it opens no stream", doubts.join("\n  hint: ")))
}

fn streams(folder: &Path) -> Vec<StreamConfig> {
    Config::load(&Disk::default(), folder).streams
}

fn read_key() -> Result<SecretString, Complaint> {
    // All that there is room for, so that no part is left behind where it grew.
    let mut text = Zeroizing::new(String::with_capacity(KEY_LIMIT));
    let hint = "give the key by standard input, as in `forkcast key check < FILE`";
    let read = io::stdin().take(KEY_LIMIT as u64).read_to_string(&mut text);
    read.map_err(|error| complaint(format!("the key cannot be read: {error}"), hint))?;
    match text.trim() {
        "" => Err(complaint("no key came", hint)),
        key => Ok(key.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn places(file: &str) -> (tempfile::TempDir, Places) {
        let folder = tempfile::tempdir().unwrap();
        let (destinations, state) = (folder.path().join("destinations"), folder.path().join("state"));
        std::fs::create_dir(&destinations).unwrap();
        if !file.is_empty() {
            std::fs::write(destinations.join("stream.toml"), file).unwrap();
        }
        (folder, Places { destinations, state })
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn what_a_key_opens_is_said() {
        let (_folder, places) = places(
            "key = \"key-of-live\"\n[keys.alice]\nkey = \"key-of-alice\"\nvalid_until = 2026-01-01T00:00:00Z\n[signed]\nsecret = \
             \"a-long-enough-secret\"\n",
        );
        let (in_2025, in_2027) = (at(1_740_000_000), at(1_800_000_000));
        let says = |key: &str, now| check(&places, &key.into(), now).unwrap_or_else(|no| no.message);
        assert_eq!(says("key-of-live", in_2027), "it opens stream `live`\n");
        let until = "until 2026-01-01 00:00:00 UTC";
        assert_eq!(says("key-of-alice", in_2025), format!("it opens stream `live`, as `alice`, {until}\n"));
        assert_eq!(says("key-of-alice", in_2027), format!("it is a key of stream `live`, and was valid {until}"));
        assert_eq!(says("key-of-bob", in_2025), "it opens no stream");

        let signed = sign(&places.destinations, "live", "2h", Some("guest")).unwrap();
        let opens = says(signed.trim(), SystemTime::now());
        assert!(opens.starts_with("it opens stream `live`, as `guest`, until 20"), "{opens}");
        let late = SystemTime::now() + Duration::from_secs(2 * 3600 + 1);
        assert!(says(signed.trim(), late).starts_with("it is a key of stream `live`, and is signed, and ended at"));
        for (stream, valid_for, hint) in [("nobody", "2h", "it can be `live`"), ("live", "soon", "--for 2h")] {
            let no = sign(&places.destinations, stream, valid_for, None).unwrap_err();
            assert!(no.hint.contains(hint), "{}", no.hint);
        }
    }

    #[test]
    fn a_key_that_forkcast_made_opens_its_stream_and_so_does_the_one_before_for_a_while() {
        let (_folder, places) = places("");
        let says = |key: &SecretString, now| check(&places, key, now).unwrap_or_else(|no| no.message);
        let looked = check(&places, &"a-key".into(), at(0)).unwrap_err();
        assert!(looked.hint.contains(&places.state.display().to_string()), "{}", looked.hint);
        assert!(!places.state.exists(), "nothing is made");

        let old = StreamKey::load_or_make(&places.state, "live").unwrap().key;
        assert_eq!(says(&old, at(0)), "it opens stream `live`\n");
        StreamKey::rotate(&places.state, "live", &"another-key".into(), at(60)).unwrap();
        assert_eq!(says(&"another-key".into(), at(59)), "it opens stream `live`\n");
        let until = "until 1970-01-01 00:01:00 UTC";
        assert_eq!(says(&old, at(59)), format!("it opens stream `live`, as `previous`, {until}\n"));
        assert_eq!(says(&old, at(60)), format!("it is a key of stream `live`, and was valid {until}"));

        std::fs::write(places.destinations.join("stream.toml"), "key = \"key-of-live\"\n").unwrap();
        assert_eq!(says(&"another-key".into(), at(0)), "it opens no stream", "the file's own key is in its place");
    }

    #[test]
    fn a_key_of_a_stream_that_nobody_can_publish_opens_nothing() {
        let (_folder, places) = places("key = \"key-of-live\"\ndeny = [\"0.0.0.0/\"]\n");
        let no = check(&places, &"key-of-live".into(), at(0)).unwrap_err().message;
        assert!(no.starts_with("it is a key of stream `live`, which nobody can publish: "), "{no}");
        let no = check(&places, &"another".into(), at(0)).unwrap_err();
        assert!(no.hint.starts_with("stream `live` is one that nobody can publish: "), "{}", no.hint);
    }

    #[test]
    fn a_kept_key_that_cannot_be_read_is_told() {
        let (_folder, places) = places("");
        let file = StreamKey::load_or_make(&places.state, "live").unwrap().file;
        std::fs::write(&file, "two words\n").unwrap();
        let no = check(&places, &"a-key".into(), at(0)).unwrap_err();
        assert!(no.hint.starts_with(&format!("{} holds no stream key", file.display())), "{}", no.hint);
    }
}

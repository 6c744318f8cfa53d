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
    cli::KeyCommand,
    config::{Config, Disk, StreamConfig},
    ingest::{
        access::{KeyDigest, Verdict},
        keys, signed,
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
        KeyCommand::Sign { destinations, stream, valid_for, id } => {
            sign(&folder(destinations.as_deref()), stream, valid_for, id.as_deref())
        }
        KeyCommand::Check { destinations } => {
            read_key().and_then(|key| check(&streams(&folder(destinations.as_deref())), &key, SystemTime::now()))
        }
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

/// What a key opens, in a sentence.
fn check(streams: &[StreamConfig], key: &SecretString, now: SystemTime) -> Result<String, Complaint> {
    let digest = KeyDigest::of(key);
    for StreamConfig { name, access, .. } in streams {
        let is_named = signed::stream_of(key) == Some(name);
        let by_signature = if is_named { access.judge_signature(key, now) } else { Verdict::Unknown };
        for verdict in [access.judge_key(&digest, now), by_signature] {
            match verdict {
                Verdict::Opens(pass) => {
                    let of = pass.name.map_or_else(String::new, |name| format!(", as `{name}`"));
                    return Ok(format!("it opens stream `{name}`{of}\n"));
                }
                Verdict::Closed(why) => {
                    return Err(complaint(format!("it is a key of stream `{name}`, and {why}"), "take a new one"));
                }
                Verdict::Unknown => {}
            }
        }
    }
    let asked = streams.iter().find(|stream| stream.access.webhook.is_some());
    let hint = match asked {
        Some(stream) => format!("the webhook of `{}` may let it in: only a publish asks it", stream.name),
        None => {
            "a stream's key that forkcast made itself is kept in the state folder, and not looked at here".to_owned()
        }
    };
    Err(complaint("it opens no stream", hint))
}

fn streams(folder: &Path) -> Vec<StreamConfig> {
    Config::load(&Disk::default(), folder).streams
}

fn folder(given: Option<&Path>) -> PathBuf {
    given.map_or_else(|| PathBuf::from("destinations"), Path::to_owned)
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

    fn streams_of(file: &str) -> (tempfile::TempDir, Vec<StreamConfig>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("stream.toml"), file).unwrap();
        let streams = streams(folder.path());
        (folder, streams)
    }

    #[test]
    fn what_a_key_opens_is_said() {
        let (folder, streams) = streams_of(
            "key = \"key-of-live\"\n[keys.alice]\nkey = \"key-of-alice\"\nvalid_until = 2026-01-01T00:00:00Z\n[signed]\nsecret = \
             \"a-long-enough-secret\"\n",
        );
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let (in_2025, in_2027) = (at(1_740_000_000), at(1_800_000_000));
        let says = |key: &str, now| check(&streams, &key.into(), now).unwrap_or_else(|no| no.message);
        assert_eq!(says("key-of-live", in_2027), "it opens stream `live`\n");
        assert_eq!(says("key-of-alice", in_2025), "it opens stream `live`, as `alice`\n");
        let closed = "it is a key of stream `live`, and was valid until 2026-01-01 00:00:00 UTC";
        assert_eq!(says("key-of-alice", in_2027), closed);
        assert_eq!(says("key-of-bob", in_2025), "it opens no stream");

        let signed = sign(folder.path(), "live", "2h", Some("guest")).unwrap();
        assert_eq!(says(signed.trim(), SystemTime::now()), "it opens stream `live`, as `guest`\n");
        let late = SystemTime::now() + Duration::from_secs(2 * 3600 + 1);
        assert!(says(signed.trim(), late).starts_with("it is a key of stream `live`, and is signed, and ended at"));
        for (stream, valid_for, hint) in [("nobody", "2h", "it can be `live`"), ("live", "soon", "--for 2h")] {
            let no = sign(folder.path(), stream, valid_for, None).unwrap_err();
            assert!(no.hint.contains(hint), "{}", no.hint);
        }
    }
}

//! Each place that reads a secret is a decision: it stands in this list, with what it is for.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The files below `src/` that read one, and why they have to.
const READERS: &[(&str, &str)] = &[
    ("config/destination.rs", "a key is compared with the forms of platforms, and with the end of a path"),
    ("config/document.rs", "a file's text is parsed, and shown through masks"),
    ("config/document/syntax.rs", "lines that do not parse are looked at, and shown through masks"),
    ("config/document/text.rs", "gives out a file's text"),
    ("config/notify.rs", "a signing secret's length is looked at"),
    ("config/secret.rs", "a key is checked as it is read"),
    ("config/server.rs", "the length of the HTTP listener's token is looked at"),
    ("config/server_url.rs", "servers are compared with each other"),
    ("config/shared.rs", "keys are compared with each other"),
    ("config/stream.rs", "a key's length is looked at"),
    ("config/stream/ways.rs", "a signing secret's length is looked at"),
    ("control/token.rs", "the token that was shown is compared with the one that is asked for"),
    ("destination/dialler.rs", "app and tcUrl go to the RTMP client"),
    ("destination/session.rs", "what a server repeats of them is masked"),
    ("destination/settings.rs", "keys are compared, to know what a changed file means"),
    ("destination/task.rs", "a redirect is followed"),
    ("fuzzing/url.rs", "what was parsed of any bytes is looked at"),
    ("ingest/access.rs", "keys are digested"),
    ("ingest/auth.rs", "an empty key has a refusal of its own"),
    ("ingest/keys.rs", "a key that was made is written into its file"),
    ("ingest/loops.rs", "what led back here is told by the host of its URL"),
    ("ingest/signed.rs", "signatures are made and checked"),
    ("ingest/webhook.rs", "a webhook is asked about a key, at its URL"),
    ("key.rs", "`forkcast key` prints the keys that it makes"),
    ("notify/courier.rs", "a webhook for people is posted to, at its URL"),
    ("notify/endpoint.rs", "an endpoint is compared with the one before"),
    ("notify/message.rs", "posts are signed"),
    ("operator/files.rs", "a stream's new key is written into its file"),
    ("preflight/finding.rs", "servers are compared with each other"),
    ("preflight/probe.rs", "a redirect is followed; what a server repeats is masked"),
    ("rtmp/client.rs", "white space around a key is left out; what a server repeats is masked"),
    ("rtmp/client/mask.rs", "what a server repeats of them is masked"),
    ("rtmp/command.rs", "keys are written into messages"),
    ("rtmp/command/connect.rs", "app and tcUrl are written into messages"),
    ("rtmp/command/status.rs", "redirects are written into messages"),
    ("rtmp/secret.rs", "the type itself"),
    ("rtmp/url.rs", "gives out app and tcUrl"),
    ("serve.rs", "a key that was made is shown to a terminal"),
];

/// What texts are called that are as good as a key. A field of such a name has a type that hides it.
const NAMES: &[&str] =
    &["key", "stream_key", "secret", "password", "token", "app", "tc_url", "swf_url", "redirect", "signature"];

/// Fields of such a name that are none.
const NO_SECRETS: &[(&str, &str)] = &[
    (
        "src/cli.rs: stream_key: Option<String>,",
        "an argument that is only there to be refused: every user sees it already",
    ),
    ("src/destination/platform.rs: pub app: Option<String>,", "a fixed word of a platform"),
];

#[test]
fn secrets_are_read_where_it_was_decided() {
    let readers: BTreeSet<String> =
        sources().into_iter().filter(|(_, code)| reads(code)).map(|(path, _)| path).collect();
    let listed: BTreeSet<String> = READERS.iter().map(|(path, _)| (*path).to_owned()).collect();
    let new: Vec<_> = readers.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&readers).collect();
    assert!(new.is_empty(), "these read a secret; where they have to, tests/secrets/exposure.rs says why: {new:?}");
    assert!(gone.is_empty(), "these read none any more: {gone:?}");
}

#[test]
fn no_field_that_is_a_secret_by_its_name_is_a_plain_text() {
    let mut offences = Vec::new();
    for (path, code) in sources() {
        for line in code.lines() {
            let Some((before, kind)) = line.split_once(": ") else { continue };
            let name = before.rsplit([' ', '(', '{']).next().unwrap_or_default();
            let is_field = line.trim_end().ends_with(',') && !line.contains(['(', '"', '=']);
            if is_field
                && NAMES.contains(&name)
                && (kind.contains("String,") || kind.contains("String>"))
                && !kind.contains("SecretString")
            {
                offences.push(format!("src/{path}: {}", line.trim()));
            }
        }
    }
    offences.retain(|offence| NO_SECRETS.iter().all(|(known, _)| known != offence));
    assert!(offences.is_empty(), "a SecretString or a SecretText is needed here:\n{}", offences.join("\n"));
}

/// The rules can be broken.
#[test]
fn a_reading_is_seen() {
    assert!(
        reads("let key = key.expose_secret();") && reads(".map(ServerUrl::expose_app)") && reads("url.expose_tc_url()")
    );
    assert!(!reads("use secrecy::{ExposeSecret as _, SecretString};"));
    assert!(!reads(&code_of(
        "/// [`ServerUrl::expose_app`](x)\nlet a = 1; // key.expose_secret()\n#[cfg(test)]\nmod tests { key.expose_secret() }"
    )));
}

fn reads(code: &str) -> bool {
    code.contains(".expose_") || code.contains("::expose_") || code.contains("fn expose_")
}

/// A source without its comments and its tests, which stand at the bottom.
fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Each file below `src/` that is no test, by its path there.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut waiting = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test(&path) {
            let name = path.strip_prefix(&root).unwrap().display().to_string().replace('\\', "/");
            found.push((name, code_of(&fs::read_to_string(&path).unwrap())));
        }
    }
    assert!(found.len() > 100, "the sources are elsewhere");
    found
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests")
        || path.file_stem().is_some_and(|stem| stem == "tests" || stem == "testing")
}

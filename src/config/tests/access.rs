//! Who may publish, as `stream.toml` says it: what is read, what is reported, and that a mistake lets nobody in who was not
//! meant.

use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::{config::StreamConfig, ingest::access::KeyDigest};

/// What a person sees of one `destinations/stream.toml`, and the stream.
fn stream(text: &str) -> (String, StreamConfig) {
    let mut memory =
        Memory::new(&[("destinations/stream.toml", text)]).variable("EMPTY", "").variable("KEY_OF_BOB", "key-of-bob");
    memory.files.insert("destinations/alice".into(), b"key-of-alice\n".to_vec());
    memory.files.insert("destinations/ca.pem".into(), b"-----BEGIN CERTIFICATE-----\n".to_vec());
    let config = memory.load();
    (rendered(&config), config.streams.into_iter().next().unwrap())
}

fn ways(stream: &StreamConfig) -> Vec<String> {
    stream
        .ways
        .iter()
        .chain(&stream.settings)
        .map(|way| format!("{}: {} ({})", way.field, way.value, way.origin))
        .collect()
}

#[test]
fn every_way_in_is_read() {
    let (problems, live) = stream(
        r#"
key_sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
allow = ["192.0.2.0/24", "2001:db8::1"]
deny = "192.0.2.7"
require_tls = true

[keys.alice]
key_file = "alice"
valid_from = 2026-01-01T00:00:00Z
valid_until = "2026-12-31T23:00:00+01:00"

[keys.bob]
key_env = "KEY_OF_BOB"

[signed]
secret = "a-long-enough-secret"

[webhook]
url = "https://auth.example/ask?token=very-secret"
timeout = "1s"
ca_file = "ca.pem"
"#,
    );
    assert_eq!(problems, "");
    let access = &live.access;
    let keys: Vec<_> = access.keys.iter().map(|key| (key.name.as_deref(), key.digest)).collect();
    let digest = |key: &str| KeyDigest::of(&key.into());
    assert_eq!(
        keys,
        [(None, digest("abc")), (Some("alice"), digest("key-of-alice")), (Some("bob"), digest("key-of-bob"))]
    );
    let alice = &access.keys[1];
    let at = |seconds| Some(UNIX_EPOCH + Duration::from_secs(seconds));
    assert_eq!((alice.valid_from, alice.valid_until), (at(1_767_225_600), at(1_798_754_400)));
    let webhook = access.webhook.as_ref().unwrap();
    assert_eq!((webhook.timeout, webhook.remember), (Duration::from_secs(1), Duration::from_secs(300)));
    assert_eq!((access.allow.len(), access.deny.len(), access.require_tls, access.is_closed), (2, 1, true, false));
    assert_eq!(
        ways(&live),
        [
            "key: (set, by its SHA-256) (destinations/stream.toml:2)",
            "keys: `alice` (set, from key_file destinations/alice), from 2026-01-01 00:00:00 UTC, until 2026-12-31 22:00:00 UTC \
             (destinations/stream.toml:8)",
            "keys: `bob` (set, from key_env KEY_OF_BOB) (destinations/stream.toml:13)",
            "signed: keys signed with the secret (set) (destinations/stream.toml:16)",
            "webhook: https://auth.example/… is asked, for up to 1s, and its answer kept for 5m (destinations/stream.toml:19)",
            "takeover: when_silent (default)",
            "hold: each destination's own (default)",
            "coalesce: by load (default)",
            "allow: 192.0.2.0/24, 2001:db8::1/128 (destinations/stream.toml:3)",
            "deny: 192.0.2.7/32 (destinations/stream.toml:4)",
            "require_tls: true (destinations/stream.toml:5)",
        ]
    );
}

/// The first problem of each file: the message, the line, the hint. The last column: whether anybody may publish.
#[test]
fn mistakes_say_where_they_are_and_let_nobody_in_by_accident() {
    let table = [
        ("key_sha256 = \"abc\"", "`key_sha256` is not a SHA-256 digest", "forkcast key hash", false),
        (
            "key = \"a-good-key\"\nkey_sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"",
            "`key_sha256` is there although the key itself is there too",
            "keep one",
            false,
        ),
        ("[keys.alice]\nvalid_until = 2026-01-01T00:00:00Z", "the key of `alice` is not there", "`key_sha256`", false),
        ("[keys.\"a b\"]\nkey = \"long-enough\"", "this cannot be the name of a key", "letters a to z", false),
        (
            "[keys.alice]\nkey = \"long-enough\"\nvalid_until = 2026-01-01T00:00:00",
            "not a moment",
            "offset from UTC",
            false,
        ),
        (
            "[keys.alice]\nkey = \"long-enough\"\nvalid_until = \"soon\"",
            "not a moment",
            "2026-12-01T20:00:00+01:00",
            false,
        ),
        (
            "[keys.alice]\nkey = \"long-enough\"\nvalid_from = 2026-02-01T00:00:00Z\nvalid_until = 2026-01-01T00:00:00Z",
            "would open at no time",
            "correct one",
            false,
        ),
        (
            "[keys.alice]\nkey = \"long-enough\"\nvalid_til = 2026-01-01T00:00:00Z",
            "unknown field `valid_til`",
            "did you mean `valid_until`?",
            false,
        ),
        // A misspelt way in: the key that forkcast would make is none that was meant.
        ("kye = \"long-enough\"", "unknown field `kye`", "did you mean `key`?", false),
        ("secret = \"long-enough\"", "unknown field `secret`", "below a line `[signed]`", false),
        ("[signed]\nsecrte = \"long-enough\"", "unknown field `signed.secrte`", "did you mean `secret`?", false),
        ("[singed]\nsecret = \"long-enough\"", "unknown field `singed`", "did you mean `[signed]`?", false),
        ("signed = \"long-enough\"", "`signed` is a table, not a value", "write `[signed]`", false),
        ("[webhook]\nulr = \"https://auth.example/\"", "unknown field `webhook.ulr`", "did you mean `url`?", false),
        ("[kyes.alice]\nkey = \"long-enough\"", "unknown field `kyes`", "did you mean `keys`?", false),
        ("takeovr = \"newest\"", "unknown field `takeovr`", "did you mean `takeover`?", true),
        ("keys = \"long-enough\"", "`keys` is not a table of tables", "[keys.NAME]", false),
        ("keys.alice = \"long-enough\"", "something in it that is not a table", "[keys.NAME]", false),
        (
            "key = \"a-good-key\"\n[keys.alice]\nkey_env = \"UNSET\"",
            "environment variable `UNSET` is not set",
            "set `UNSET`",
            true,
        ),
        ("[signed]\nsecret_env = \"EMPTY\"", "environment variable `EMPTY` is not set", "take `secret_env` out", false),
        ("[signed]\nsecret = \"\"", "the secret of `signed` is empty", "forkcast key new", false),
        ("[signed]\nsecret = \"short\"", "the secret has 5 characters", "forkcast key new", true),
        ("[webhook]\ntimeout = \"1s\"", "a `[webhook]` without a `url`", "https://", false),
        ("[webhook]\nurl = \"http://auth.example/\"", "in the clear", "https://", false),
        ("[webhook]\nurl = \"http://127.0.0.1:9/\"\ntimeout = \"1h\"", "`webhook.timeout` is too large", "30s", false),
        ("[webhook]\nurl = \"ftp://auth.example/\"", "not HTTP", "https://", false),
        ("[webhook]\nurl = \"auth.example\"", "not a URL", "https://", false),
        (
            "[webhook]\nurl = \"https://auth.example/\"\nca_file = \"none.pem\"",
            "cannot be read",
            "check the path",
            false,
        ),
        // What narrows a stream and is wrong holds it back: it was meant to keep somebody out.
        (
            "key = \"a-good-key\"\nallow = [\"10.0.0.0/33\"]",
            "something in it that is no network",
            "192.0.2.0/24",
            false,
        ),
        ("key = \"a-good-key\"\nallow = 7", "`allow` is not a list", "192.0.2.0/24", false),
        ("key = \"a-good-key\"\ndenny = [\"10.0.0.0/8\"]", "unknown field `denny`", "did you mean `deny`?", false),
        ("key = \"a-good-key\"\nrequire_tls = \"yes\"", "`require_tls` is text", "require_tls = true", false),
        (
            "key = \"a-good-key\"\nrequire_tsl = true",
            "unknown field `require_tsl`",
            "did you mean `require_tls`?",
            false,
        ),
    ];
    for (text, message, hint, is_open) in table {
        let (problems, live) = stream(text);
        assert!(problems.contains(message), "{text}\n{problems}");
        assert!(problems.contains(hint), "{text}\n{problems}");
        assert!(problems.contains("destinations/stream.toml:"), "{text}\n{problems}");
        assert_eq!(live.wrong.is_none(), is_open, "{text}: {:?}", live.wrong);
        for secret in ["long-enough", "a-good-key"] {
            assert!(!problems.contains(secret), "{problems}");
        }
    }
}

/// `valid_untill` was to close one key; the others are as good as they were.
#[test]
fn a_named_key_with_any_mistake_is_left_out_and_no_other() {
    let file = "key = \"a-good-key\"\n[keys.old]\nkey = \"key-of-old\"\nvalid_untill = 2020-01-01T00:00:00Z\n\
                [keys.new]\nkey = \"key-of-new\"\n";
    let (problems, live) = stream(file);
    assert!(problems.contains("destinations/stream.toml:4:1"), "{problems}");
    let names: Vec<_> = live.access.keys.iter().map(|key| key.name.as_deref()).collect();
    assert_eq!((names.as_slice(), live.wrong), ([None, Some("new")].as_slice(), None));
}

#[test]
fn a_key_that_is_there_twice_opens_once() {
    let (problems, live) = stream("key = \"one-and-the-same\"\n[keys.alice]\nkey = \"one-and-the-same\"\n");
    assert!(problems.contains("this key is there twice (destinations/stream.toml:1:7)"), "{problems}");
    assert_eq!(live.access.keys.len(), 1);
}

#[test]
fn the_environments_key_leaves_the_named_ones() {
    let file = "key = \"of-the-file\"\nrequire_tls = true\n[keys.alice]\nkey = \"key-of-alice\"\n";
    let memory =
        Memory::new(&[("destinations/stream.toml", file)]).variable("FORKCAST_STREAM_KEY", "of-the-environment");
    let config = memory.load();
    let live = config.streams.first().unwrap();
    let names: Vec<_> = live.access.keys.iter().map(|key| (key.name.as_deref(), key.digest)).collect();
    let digest = |key: &str| KeyDigest::of(&key.into());
    assert_eq!(names, [(None, digest("of-the-environment")), (Some("alice"), digest("key-of-alice"))]);
    assert!(live.access.require_tls);
}

#[test]
fn a_stream_that_requires_tls_where_there_is_none_is_warned_about() {
    use crate::config::{Given, ServeOptions};

    let memory = Memory::new(&[("destinations/stream.toml", "require_tls = true\n")]);
    let mut options = ServeOptions::resolve(&Given::default(), &memory, Path::new("state")).options;
    let warned = |options: &ServeOptions| {
        let mut config = memory.load();
        config.note_own_listeners(options);
        rendered(&config)
    };
    let expected = "\
warning: nobody can publish stream `live`: it takes RTMPS only, and there is no RTMPS here
  --> destinations/stream.toml
hint: give `--tls-cert FILE --tls-key FILE`, or take `require_tls` out";
    assert_eq!(warned(&options), expected);
    options.rtmps = Some(crate::config::Rtmps { address: "0.0.0.0:443".parse().unwrap(), certificates: Vec::new() });
    assert_eq!(warned(&options), "");
}

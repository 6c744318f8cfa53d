//! Keys: wrong ones, misplaced ones, and that none is ever shown.

use proptest::prelude::*;

use super::*;

#[test]
fn a_user_name_in_the_url() {
    sees(
        "url = \"rtmp://user:secret@h/live\"\nkey = \"abc\"\n",
        r#"
mistake: `url` has a user name or password in it
  --> destinations/d.toml:1:7
   |
 1 | url = "…"
   |       ^^^
hint: take out what stands before the `@`; a stream key goes into `key`"#,
    );
}

#[test]
fn a_key_in_the_url() {
    sees(
        "url = \"rtmp://a.rtmp.youtube.com/live2/abcd-efgh-ijkl-mnop\"\n",
        r#"
mistake: `url` has the stream key in it
  --> destinations/d.toml:1:7
   |
 1 | url = "rtmp://a.rtmp.youtube.com/…"
   |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: put its last part into `key`; the server alone is `url = "rtmp://a.rtmp.youtube.com/live2"`"#,
    );
    sees(
        "platform = \"twitch\"\nurl = \"rtmp://live.twitch.tv/app/live_123456_secret\"\n",
        r#"
mistake: `url` has the stream key in it
  --> destinations/d.toml:2:7
   |
 2 | url = "rtmp://live.twitch.tv/…"
   |       ^^^^^^^^^^^^^^^^^^^^^^^^^
hint: put its last part into `key`; the server alone is `url = "rtmp://live.twitch.tv/app"`"#,
    );
    sees(
        "url = \"rtmp://192.0.2.1/live/live_123456_secret\"\n",
        r#"
mistake: `url` has the stream key in it
  --> destinations/d.toml:1:7
   |
 1 | url = "rtmp://192.0.2.1/…"
   |       ^^^^^^^^^^^^^^^^^^^^
hint: put the last part of its path into `key`, and end `url` before that"#,
    );
    sees(
        "url = \"rtmp://b.rtmp.youtube.com/live2?backup=1/abcdefg\"\n",
        r#"
mistake: `url` has the stream key in it
  --> destinations/d.toml:1:7
   |
 1 | url = "rtmp://b.rtmp.youtube.com/…"
   |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: put its last part into `key`; the server alone is `url = "rtmp://b.rtmp.youtube.com/live2?backup=1"`"#,
    );
}

#[test]
fn a_key_in_the_wrong_field() {
    sees(
        "platform = \"live_123456_secret\"\nkey_env = \"live_123456_secret\"\n",
        r#"
mistake: unknown platform; it is not shown, as it could be a key
  --> destinations/d.toml:1:12
   |
 1 | platform = "…"
   |            ^^^
hint: it can be `facebook`, `instagram`, `kick`, `linkedin`, `mux`, `restream`, `teams`, `tiktok`, `trovo`, `twitch`, `vimeo`, `x`, `youtube`, `custom`
mistake: `key_env` is not the name of an environment variable
  --> destinations/d.toml:2:11
   |
 2 | key_env = "…"
   |           ^^^
hint: `key_env` takes a name such as `YOUTUBE_KEY`; for the key itself write `key = "…"`"#,
    );
    sees(
        "platform = \"youtube\"\nkey_file = \"abcd-efgh-ijkl-mnop\"\n",
        r#"
mistake: `key_file` looks like a key, not like a path
  --> destinations/d.toml:2:12
   |
 2 | key_file = "…"
   |            ^^^
hint: `key_file` takes the path of a file; for the key itself write `key = "…"`"#,
    );
    sees(
        "platform = \"youtube\"\nkey = \"live_123456_secret\"\n",
        r#"
warning: this looks like a key of Twitch, not of YouTube
  --> destinations/d.toml:2:7
   |
 2 | key = "…"
   |       ^^^
hint: check that it is in the right file"#,
    );
}

#[test]
fn a_key_that_is_none() {
    sees(
        "platform = \"youtube\"\nkey = \"rtmp://a.rtmp.youtube.com/live2/secret\"\n",
        r#"
mistake: `key` holds a URL
  --> destinations/d.toml:2:7
   |
 2 | key = "…"
   |       ^^^
hint: `url` takes the server's URL; `key` takes what the platform calls stream key, or stream name"#,
    );
    sees(
        "platform = \"youtube\"\nkey = \"sec ret\"\n",
        r#"
mistake: `key` has a space or an invisible character in it
  --> destinations/d.toml:2:7
   |
 2 | key = "…"
   |       ^^^
hint: copy it once more, the key alone"#,
    );
    sees(
        "platform = \"youtube\"\nkey = 123456\n",
        r#"
mistake: `key` is a number, not text
  --> destinations/d.toml:2:7
   |
 2 | key = …
   |       ^
hint: put it in quotes: `key = "…"`"#,
    );
}

#[test]
fn a_key_is_given_twice() {
    sees(
        "platform = \"youtube\"\nkey = \"abc\"\nkey_env = \"YOUTUBE_KEY\"\n",
        r#"
mistake: `key_env` is there although `key` is there too
  --> destinations/d.toml:3:11
   |
 3 | key_env = "YOUTUBE_KEY"
   |           ^^^^^^^^^^^^^
hint: keep one of `key`, `key_file` and `key_env`"#,
    );
}

#[test]
fn a_variable_that_is_not_set() {
    sees(
        "platform = \"youtube\"\nkey_env = \"YOUTUBE_KEY\"\n",
        r#"
mistake: environment variable `YOUTUBE_KEY` is not set, or is empty
  --> destinations/d.toml:2:11
   |
 2 | key_env = "YOUTUBE_KEY"
   |           ^^^^^^^^^^^^^
hint: set `YOUTUBE_KEY` for forkcast's process, or take `key_env` out to leave this off"#,
    );
}

#[test]
fn a_key_file_that_is_missing() {
    sees(
        "platform = \"youtube\"\nkey_file = \"keys/youtube\"\n",
        r#"
mistake: `key_file`: destinations/keys/youtube cannot be read: no such file
  --> destinations/d.toml:2:12
   |
 2 | key_file = "keys/youtube"
   |            ^^^^^^^^^^^^^^
hint: check the path; a relative one begins at the folder of this file"#,
    );
    sees(
        "platform = \"youtube\"\nkey_file = \"~/keys/youtube\"\n",
        r#"
mistake: `key_file`: destinations/~/keys/youtube cannot be read: no such file
  --> destinations/d.toml:2:12
   |
 2 | key_file = "~/keys/youtube"
   |            ^^^^^^^^^^^^^^^^
hint: `~` means nothing here: write the whole path"#,
    );
}

#[test]
fn a_ca_file_that_is_missing_or_useless() {
    sees(
        "url = \"rtmps://192.0.2.1/live\"\nca_file = \"ca.pem\"\n",
        r#"
mistake: `ca_file`: destinations/ca.pem cannot be read: no such file
  --> destinations/d.toml:2:11
   |
 2 | ca_file = "ca.pem"
   |           ^^^^^^^^
hint: check the path; a relative one begins at the folder of this file"#,
    );
}

#[test]
fn a_key_file_holds_one_key_and_nothing_else() {
    let mut memory = Memory::new(&[]);
    for (name, content) in [("empty", &b" \n"[..]), ("lines", b"secret\nsecret\n"), ("binary", b"\xff\xfe")] {
        memory.files.insert(format!("destinations/keys/{name}").into(), content.to_vec());
        let text = format!("platform = \"youtube\"\nkey_file = \"keys/{name}\"\n");
        memory.files.insert(format!("destinations/{name}.toml").into(), text.into_bytes());
    }
    let messages: Vec<_> = memory.load().problems.into_iter().map(|problem| problem.message).collect();
    let expected = [
        "`key_file` is not a text file",
        "the file of `key_file` is empty",
        "the key from `key_file` has more than one line",
    ];
    assert_eq!(messages, expected);
}

#[test]
fn a_key_that_everybody_may_read_is_a_warning() {
    let mut memory = Memory::new(&[("destinations/d.toml", "platform = \"youtube\"\nkey = \"abcd\"\n")]);
    memory.open_to_all.insert("destinations/d.toml".into());
    let config = memory.load();
    let expected = "\
warning: every user of this machine can read the key in this file
  --> destinations/d.toml
hint: `chmod 600 destinations/d.toml`, or keep keys elsewhere with `key_file` or `key_env`";
    assert_eq!(rendered(&config), expected);
    assert!(matches!(first(&config).activation, Activation::On(_)));

    for name in ["a", "b", "stream"] {
        let text = if name == "stream" { "key = \"long-enough\"\n" } else { "platform = \"twitch\"\nkey = \"abcd\"\n" };
        memory.files.insert(format!("destinations/{name}.toml").into(), text.replace("abcd", name).into_bytes());
        memory.open_to_all.insert(format!("destinations/{name}.toml").into());
    }
    let expected = "\
warning: every user of this machine can read the keys in 4 files: a.toml, b.toml, d.toml, stream.toml
  --> destinations
hint: `chmod 600 destinations/*.toml`, or keep keys elsewhere with `key_file` or `key_env`";
    assert_eq!(rendered(&memory.load()), expected);
}

#[test]
fn a_key_that_git_would_commit_is_a_warning() {
    let mut memory = Memory::new(&[("destinations/d.toml", "platform = \"youtube\"\nkey = \"abcd\"\n")]);
    memory.tracked.insert("destinations/d.toml".into());
    let config = memory.load();
    let hint = |files: &str| {
        format!(
            "hint: `git rm --cached {files}` and a line in .gitignore keep it out of the repository, `git update-index \
             --skip-worktree {files}` what you write into it; or keep keys elsewhere with `key_file` or `key_env`; one that was \
             pushed already is no secret any more"
        )
    };
    let expected = format!(
        "warning: git tracks and would commit the key in this file\n  --> destinations/d.toml\n{}",
        hint("destinations/d.toml")
    );
    assert_eq!(rendered(&config), expected);
    assert!(matches!(first(&config).activation, Activation::On(_)));

    // Without a key in it, or with the key elsewhere, a file may be in a repository.
    for (name, text) in [
        ("blank", "platform = \"twitch\"\nkey = \"\"\n"),
        ("file", "platform = \"twitch\"\nkey_file = \"keys/twitch\"\n"),
        ("stream", "key = \"long-enough\"\n"),
    ] {
        memory.files.insert(format!("destinations/{name}.toml").into(), text.as_bytes().to_vec());
        memory.tracked.insert(format!("destinations/{name}.toml").into());
    }
    memory.files.insert("destinations/keys/twitch".into(), b"efgh".to_vec());
    let expected = format!(
        "warning: git tracks and would commit the keys in 2 files: d.toml, stream.toml\n  --> destinations\n{}",
        hint("destinations/*.toml")
    );
    assert_eq!(rendered(&memory.load()), expected);
}

#[test]
fn a_key_that_is_probably_in_the_path() {
    let expected = r#"
warning: there is no `key`, and `url` goes on behind the app, probably with the key
  --> destinations/d.toml:1:7
   |
 1 | url = "rtmp://192.0.2.1/…"
   |       ^^^^^^^^^^^^^^^^^^^^
hint: put the last part of its path into `key`, and end `url` before that"#;
    for path in ["live/very-secret-key-123456", "live/mine/"] {
        sees(&format!("url = \"rtmp://192.0.2.1/{path}\"\n"), expected);
    }
    for rest in ["live\"\n", "live?a=b/c\"\n", "live/instance\"\nkey = \"abc\"\n"] {
        sees(&format!("url = \"rtmp://192.0.2.1/{rest}"), "");
    }
}

#[test]
fn a_ca_file_without_a_certificate() {
    let config = Memory::new(&[
        ("destinations/d.toml", "url = \"rtmps://192.0.2.1/live\"\nca_file = \"key.pem\"\n"),
        ("destinations/key.pem", "-----BEGIN PRIVATE KEY-----\n"),
    ])
    .load();
    assert_eq!(config.problems.first().unwrap().message, "the file of `ca_file` holds no certificate");
}

/// Keys that look like one each: no six characters of them may be seen anywhere. One has letters that are not ASCII, one a slash
/// in the middle, as Base64 has.
const CANARIES: [&str; 3] = ["q7zk9wv2xp4jd8lm", "съешьжеещёэтих", "Zm9v7zk9wv/8lm2xp4jd"];

/// Files with a key in every place where somebody might put it.
const PLANTED: [&str; 10] = [
    "platform = \"youtube\"\nkey = \"{}\"\n[reconnect]\nmax = \"5s\"\n",
    "key = '{}' # {}\nurl = \"rtmps://192.0.2.1/live\"\nmax_lag = 5\n",
    "url = \"rtmps://192.0.2.1/live/{}?{}={}\"\nca_file = \"{}\"\n",
    "platform = \"{}\"\nkey_env = \"{}\"\nkey_file = \"{}\"\n",
    "url = \"rtmp://{}:{}@192.0.2.1/live\"\nbackpressure = { policy = \"{}\", key = \"{}\" }\n",
    "kye = [\"{}\", \"{}\"]\n{} = \"{}\"\n[{}]\nkey = 1\n",
    "key = \"\"\"\n{}\"\"\"\ncodecs = [\"{}\"]\nenabled = \"{}\"\n",
    "key: {}\nkey {}\n{}\nplatform = {}\n",
    "platform = \"youtube\"\nbackup_url = \"rtmps://192.0.2.1/live/{}?{}\"\nfailback = \"{}\"\nbind = \"{}\"\n",
    "url = \"rtmp://192.0.2.1/live/{}\"\nbackup_url = \"rtmp://192.0.2.1/live/{}\"\nresume = \"{}\"\nbackup_after = \"{}\"\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is broken about a file: the key in it is never shown.
    #[test]
    fn no_key_is_ever_shown(
        planted in prop::sample::select(&PLANTED[..]),
        canary in prop::sample::select(&CANARIES[..]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop::option::of(prop::sample::select(&['"', '\'', '=', '\n', '[', ']', '{', '#', ' ', '\\', ',', 'é'][..]))), 0..4),
    ) {
        // The place of the key is one character while the text is broken.
        let mut text: Vec<char> = planted.replace("{}", "\u{e000}").chars().collect();
        for (index, insert) in edits {
            let at = index.index(text.len());
            match insert {
                Some(c) => text.insert(at, c),
                // Without its slashes, or the `@`, a URL has the key in its host, and a host is shown.
                None if !['\u{e000}', '/', '@'].contains(&text[at]) => { text.remove(at); }
                None => {}
            }
        }
        let text = text.into_iter().collect::<String>().replace('\u{e000}', canary);
        let config = one(&text);
        let shown = format!("{}\n{config:?}", rendered(&config));
        for (start, _) in canary.char_indices() {
            let part: String = canary[start..].chars().take(6).collect();
            prop_assert!(part.chars().count() < 6 || !shown.contains(&part), "shown for the file:\n{text}\n{shown}");
        }
    }
}

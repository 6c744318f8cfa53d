//! What a person sees at three in the morning: one file, every mistake of it.

use super::*;

#[test]
fn unknown_fields_have_a_nearest_name_or_the_list() {
    sees(
        "url = \"rtmp://192.0.2.1/live\"\nenable = true\nmax_lag = \"5s\"\n[backpressure]\nmaxlag = \"5s\"\nfoo = 1\n[filter]\nbar = 1\n",
        r"
mistake: unknown field `enable`
  --> destinations/d.toml:2:1
   |
 2 | enable = …
   | ^^^^^^
hint: did you mean `enabled`?
mistake: unknown field `max_lag`
  --> destinations/d.toml:3:1
   |
 3 | max_lag = …
   | ^^^^^^^
hint: `max_lag` belongs below a line `[backpressure]`
mistake: unknown field `backpressure.maxlag`
  --> destinations/d.toml:5:1
   |
 5 | maxlag = …
   | ^^^^^^
hint: did you mean `max_lag`?
mistake: unknown field `backpressure.foo`
  --> destinations/d.toml:6:1
   |
 6 | foo = …
   | ^^^
hint: it can be `policy`, `max_lag`, `max_bytes`
mistake: unknown field `filter`
  --> destinations/d.toml:7:2
   |
 7 | [filter]
   |  ^^^^^^
hint: it can be `platform`, `url`, `key`, `key_file`, `key_env`, `enabled`, `protocol`, `ca_file`, `certificate_sha256`, `dangerous_accept_any_certificate`, `codecs`, `multitrack`, `backup_url`, `backup_after`, `failback`, `resume`, `catch_up_window`, `hold`, `delay`, `bind`, `[reconnect]`, `[backpressure]`",
    );
}

#[test]
fn a_field_of_another_file_is_told_where_it_belongs() {
    let destination = "the file of a destination, such as `youtube.toml`";
    let stream = "`stream.toml`, which lies beside the destinations of its stream";
    let server = "`forkcast.toml`, the file of the server";
    for (file, line, name, home) in [
        ("d.toml", "low_latency = true", "low_latency", stream),
        ("d.toml", "require_tls = true", "require_tls", stream),
        ("d.toml", "[keys.alice]\nkey = \"canary\"", "keys", stream),
        ("d.toml", "webhook.url = \"https://canary.example\"", "webhook", stream),
        ("d.toml", "http = \"off\"", "http", server),
        ("d.toml", "[notify.ops]\nurl = \"https://canary.example\"", "notify", server),
        ("stream.toml", "delay = \"30s\"", "delay", destination),
        ("stream.toml", "backpressure.max_lag = \"3s\"", "backpressure", destination),
        ("stream.toml", "strict = true", "strict", server),
    ] {
        let url = if file == "d.toml" { "url = \"rtmp://192.0.2.1/live\"\n" } else { "" };
        let config = Memory::new(&[(&format!("destinations/{file}"), &format!("{url}{line}\n"))]).load();
        let problem = config.problems.iter().find(|problem| problem.message.starts_with("unknown field")).unwrap();
        assert_eq!(problem.hint, format!("`{name}` belongs in {home}"), "{line}");
        assert!(!format!("{problem}").contains("canary"), "{problem}");
    }
}

#[test]
fn a_misspelt_name_is_one_mistake_and_not_two() {
    sees(
        "Platform = \"youtube\"\nkey = \"abcd-efgh\"\n",
        r"
mistake: unknown field `Platform`
  --> destinations/d.toml:1:1
   |
 1 | Platform = …
   | ^^^^^^^^
hint: did you mean `platform`?",
    );
    sees(
        "url = \"rtmp://192.0.2.1/live\"\n[recconnect]\nmax = \"5s\"\n",
        r"
mistake: unknown field `recconnect`
  --> destinations/d.toml:2:2
   |
 2 | [recconnect]
   |  ^^^^^^^^^^
hint: did you mean `[reconnect]`?",
    );
    // Below another table by mistake.
    let config = one("[reconnect]\nplatform = \"youtube\"\nkey = \"abcd-efgh\"\n");
    let messages: Vec<_> = config.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(messages, ["unknown field `reconnect.platform`", "unknown field `reconnect.key`"]);
}

#[test]
fn every_wrong_field_of_a_file_is_named_at_once() {
    sees(
        "platform = \"yuotube\"\nkey = \"abcd-efgh\"\nenabled = \"yes\"\nca_file = 5\nprotocol = \"https\"\nmultitrack = 1\ncodecs = [\"h264\", \"acc\"]\n[backpressure]\nmax_lag = \"5 parsecs\"\nmax_bytes = 5\npolicy = \"drop\"\n[reconnect]\ninitial = 5\nmax = true\ngive_up_after = \"1ms\"\n",
        r#"
mistake: unknown platform `yuotube`
  --> destinations/d.toml:1:12
   |
 1 | platform = "yuotube"
   |            ^^^^^^^^^
hint: did you mean `youtube`? it can be `facebook`, `instagram`, `kick`, `linkedin`, `mux`, `restream`, `teams`, `tiktok`, `trovo`, `twitch`, `vimeo`, `x`, `youtube`, `custom`
mistake: `enabled` is text, not true or false
  --> destinations/d.toml:3:11
   |
 3 | enabled = "yes"
   |           ^^^^^
hint: write `enabled = true` or `enabled = false`, without quotes
mistake: `ca_file` is a number, not text
  --> destinations/d.toml:4:11
   |
 4 | ca_file = 5
   |           ^
hint: put it in quotes: `ca_file = "…"`
mistake: unknown protocol `https`
  --> destinations/d.toml:5:12
   |
 5 | protocol = "https"
   |            ^^^^^^^
hint: did you mean `rtmps`? it can be `rtmps`, `rtmp`
mistake: `multitrack` is a number, not true or false
  --> destinations/d.toml:6:14
   |
 6 | multitrack = 1
   |              ^
hint: write `multitrack = true` or `multitrack = false`, without quotes
mistake: unknown codec `acc`
  --> destinations/d.toml:7:19
   |
 7 | codecs = ["h264", "acc"]
   |                   ^^^^^
hint: did you mean `aac`? it can be `h264`, `hevc`, `av1`, `vp8`, `vp9`, `vvc`, `aac`, `mp3`, `opus`, `flac`, `ac3`, `eac3`
mistake: `backpressure.max_lag` is not a time
  --> destinations/d.toml:9:11
   |
 9 | max_lag = "5 parsecs"
   |           ^^^^^^^^^^^
hint: write a number with its unit, such as `max_lag = "5s"`, `"500ms"` or `"2m"`
mistake: `backpressure.max_bytes` is too small
  --> destinations/d.toml:10:13
    |
 10 | max_bytes = 5
    |             ^
hint: it can be from 1 MiB to 4 GiB
mistake: unknown policy `drop`
  --> destinations/d.toml:11:10
    |
 11 | policy = "drop"
    |          ^^^^^^
hint: it can be `drop_to_keyframe`, `drop_disposable`, `never_drop`
mistake: `reconnect.initial` is a number without a unit
  --> destinations/d.toml:13:11
    |
 13 | initial = 5
    |           ^
hint: write a number with its unit, such as `initial = "5s"`, `"500ms"` or `"2m"`
mistake: `reconnect.max` is true or false, not a time
  --> destinations/d.toml:14:7
    |
 14 | max = true
    |       ^^^^
hint: write a number with its unit, such as `max = "5s"`, `"500ms"` or `"2m"`
mistake: `reconnect.give_up_after` is too small
  --> destinations/d.toml:15:17
    |
 15 | give_up_after = "1ms"
    |                 ^^^^^
hint: it can be from 1s to 30days"#,
    );
}

#[test]
fn quotes_are_forgotten_on_several_lines() {
    sees(
        "platform = youtube\nkey = abcd-efgh-ijkl\n[reconnect]\nmax = 5s\n",
        r#"
mistake: the value of `platform` is not in quotes
  --> destinations/d.toml:1:12
   |
 1 | platform = …
   |            ^
hint: write `platform = "…"`
mistake: the value of `key` is not in quotes
  --> destinations/d.toml:2:7
   |
 2 | key = …
   |       ^
hint: write `key = "…"`
mistake: the value of `max` is not in quotes
  --> destinations/d.toml:4:7
   |
 4 | max = …
   |       ^
hint: write `max = "…"`"#,
    );
}

#[test]
fn a_word_processor_changed_the_quotes() {
    sees(
        "platform = \"youtube\"\nkey = “abcd-efgh-ijkl”\n",
        r#"
mistake: the quotes around the value of `key` are typographic ones
  --> destinations/d.toml:2:7
   |
 2 | key = …
   |       ^
hint: write `key = "…"` with the plain quote `"`; a word processor changes it, a plain text editor does not"#,
    );
}

#[test]
fn a_quote_is_not_closed() {
    sees(
        "platform = \"youtube\nkey = \"abcd-efgh-ijkl\"\nkey2 = 1\n",
        r#"
mistake: the quotes around the value of `platform` are not closed
  --> destinations/d.toml:1:12
   |
 1 | platform = …
   |            ^
hint: write `platform = "…"`
mistake: unknown field `key2`
  --> destinations/d.toml:3:1
   |
 3 | key2 = …
   | ^^^^
hint: did you mean `key`?"#,
    );
}

#[test]
fn a_field_is_there_twice() {
    sees(
        "platform = \"youtube\"\nkey = \"abcd-efgh-ijkl\"\nkey = \"abcd-efgh-ijkl\"\n",
        r"
mistake: `key` is there twice
  --> destinations/d.toml:3:7
   |
 3 | key = …
   |       ^
hint: keep one of them",
    );
}

#[test]
fn lines_without_an_equals_sign() {
    sees(
        "platform \"youtube\"\nkey: \"abcd-efgh-ijkl\"\nabcd-efgh-ijkl-mnop-qrst\n",
        r#"
mistake: this line has no `=`
  --> destinations/d.toml:1:10
   |
 1 | platform …
   |          ^
hint: write `platform = "…"`; a comment begins with `#`
mistake: `key` is followed by `:` instead of `=`
  --> destinations/d.toml:2:6
   |
 2 | key: …
   |      ^
hint: write `key = "…"`
mistake: this line has no `=`
  --> destinations/d.toml:3:25
hint: write `name = "…"`; a comment begins with `#`"#,
    );
}

#[test]
fn a_value_is_missing() {
    sees(
        "platform = \"youtube\"\nkey =\n",
        r#"
mistake: `key` has no value
  --> destinations/d.toml:2:6
   |
 2 | key =
   |      ^
hint: write `key = "…"`, or take the line out"#,
    );
}

#[test]
fn a_windows_path_in_double_quotes() {
    sees(
        "url = \"rtmps://192.0.2.1/live\"\nca_file = \"C:\\certs\\Users\\x.pem\"\n",
        r"
mistake: a backslash in the value of `ca_file` begins an escape that does not exist
  --> destinations/d.toml:2:11
   |
 2 | ca_file = …
   |           ^
hint: take single quotes, which leave backslashes alone: `ca_file = '…'`",
    );
}

#[test]
fn a_table_is_not_closed() {
    sees(
        "url = \"rtmps://192.0.2.1/live\"\n[reconnect\nmax = \"5s\"\n",
        r"
mistake: the `]` of this line is missing
  --> destinations/d.toml:2:11
   |
 2 | [reconnect
   |           ^
hint: write the whole name between brackets, such as `[reconnect]`",
    );
}

#[test]
fn a_table_is_written_as_a_value() {
    sees(
        "url = \"rtmps://192.0.2.1/live\"\nreconnect = \"5s\"\n",
        r"
mistake: `reconnect` is a table, not a value
  --> destinations/d.toml:2:1
   |
 2 | reconnect = …
   | ^^^^^^^^^
hint: write `[reconnect]` on a line of its own, and below it `initial`, `max`, `give_up_after`",
    );
}

#[test]
fn an_inline_table_shows_nothing_it_should_not() {
    sees(
        "url = \"rtmps://192.0.2.1/live\"\nreconnect = { key = \"secretsecret1\", initial = \"5s\", max = \"1s\" }\n",
        r#"
mistake: unknown field `reconnect.key`
  --> destinations/d.toml:2:15
   |
 2 | reconnect = { key = …
   |               ^^^
hint: `key` belongs above every `[…]` line
mistake: `reconnect.max` is shorter than `reconnect.initial`, which is 5s
  --> destinations/d.toml:2:60
   |
 2 | reconnect = { key = "…", initial = "5s", max = "1s"
   |                                                ^^^^
hint: waits grow from `initial` to `max`"#,
    );
}

#[test]
fn codecs_are_a_list_that_is_not_empty() {
    sees(
        "url = \"rtmps://192.0.2.1/live\"\ncodecs = []\n",
        r#"
mistake: `codecs` is an empty list: nothing would be sent
  --> destinations/d.toml:2:10
   |
 2 | codecs = []
   |          ^^
hint: write `codecs = "all"`, or a list such as `["h264", "aac"]` out of h264, hevc, av1, vp8, vp9, vvc, aac, mp3, opus, flac, ac3, eac3"#,
    );
    sees(
        "url = \"rtmps://192.0.2.1/live\"\ncodecs = 5\n",
        r#"
mistake: `codecs` is not a list of names
  --> destinations/d.toml:2:10
   |
 2 | codecs = 5
   |          ^
hint: write `codecs = "all"`, or a list such as `["h264", "aac"]` out of h264, hevc, av1, vp8, vp9, vvc, aac, mp3, opus, flac, ac3, eac3"#,
    );
}

#[test]
fn a_file_that_says_nothing() {
    sees(
        "",
        r#"
mistake: has neither a `platform` nor a `url`
  --> destinations/d.toml
hint: write a line `platform = "youtube"`, or one of facebook, instagram, kick, linkedin, mux, restream, teams, tiktok, trovo, twitch, vimeo, x, youtube, custom"#,
    );
}

#[test]
fn enabled_without_what_it_needs() {
    sees(
        "platform = \"youtube\"\nenabled = true\n",
        r#"
mistake: `enabled = true`, but there is no key
  --> destinations/d.toml:2:11
   |
 2 | enabled = true
   |           ^^^^
hint: write `key = "…"`; it is at studio.youtube.com, Create, Go live, Stream, field "Stream key""#,
    );
    sees(
        "platform = \"linkedin\"\nenabled = true\n",
        r#"
mistake: `enabled = true`, but there is no URL
  --> destinations/d.toml:2:11
   |
 2 | enabled = true
   |           ^^^^
hint: write `url = "rtmps://…"`; it is at the event's page on LinkedIn, "Custom stream (RTMP)", field "Stream URL"; it is new for each event"#,
    );
}

#[test]
fn a_platform_whose_url_is_given_per_event() {
    sees(
        "platform = \"instagram\"\nkey = \"abc\"\n",
        r#"
mistake: a key is there, but no `url`, and Instagram has no fixed one
  --> destinations/d.toml:1:12
   |
 1 | platform = "instagram"
   |            ^^^^^^^^^^^
hint: write `url = "rtmps://…"`; it is at instagram.com, Create, Live video, field "Stream URL"; it is new for each live"#,
    );
}

#[test]
fn a_protocol_that_the_platform_does_not_have() {
    sees(
        "platform = \"facebook\"\nprotocol = \"rtmp\"\nkey = \"abc\"\n",
        r#"
mistake: Facebook takes `rtmps` only, not `rtmp`
  --> destinations/d.toml:2:12
   |
 2 | protocol = "rtmp"
   |            ^^^^^^
hint: take the line out for `rtmps`, or give the server's `url` yourself"#,
    );
    sees(
        "platform = \"trovo\"\nprotocol = \"rtmps\"\nkey = \"abc\"\n",
        r#"
mistake: forkcast knows no `rtmps` server of Trovo
  --> destinations/d.toml:2:12
   |
 2 | protocol = "rtmps"
   |            ^^^^^^^
hint: take the line out for `rtmp`, or give the server's `url` yourself"#,
    );
    sees(
        "platform = \"youtube\"\nprotocol = \"rtmp\"\nurl = \"rtmps://192.0.2.1/live2\"\nkey = \"abc\"\n",
        r#"
mistake: `protocol` says `rtmp`, but `url` begins with `rtmps://`
  --> destinations/d.toml:2:12
   |
 2 | protocol = "rtmp"
   |            ^^^^^^
hint: take the `protocol` line out: with a `url` it is not needed"#,
    );
    sees(
        "url = \"rtmp://live-api-s.facebook.com:80/rtmp\"\nplatform = \"facebook\"\nkey = \"abc\"\n",
        r#"
warning: Facebook takes `rtmps` only, and this is an `rtmp` URL
  --> destinations/d.toml:1:7
   |
 1 | url = "rtmp://live-api-s.facebook.com:80/…"
   |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: copy the platform's `rtmps://` URL"#,
    );
}

#[test]
fn a_url_that_is_none() {
    sees(
        "url = \"https://studio.youtube.com/secret\"\nkey = \"abc\"\n",
        r#"
mistake: `url`: https:// is the address of a web page
  --> destinations/d.toml:1:7
   |
 1 | url = "https://studio.youtube.com/…"
   |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: copy the server URL of the platform's stream settings, it begins with rtmps:// or rtmp://"#,
    );
    sees(
        "url = \"rtmp://h:99999/secret\"\n",
        r#"
mistake: the port of `url` is not a number from 1 to 65535
  --> destinations/d.toml:1:7
   |
 1 | url = "…"
   |       ^^^
hint: correct it, or leave it out with its colon for the usual one (1935 for rtmp, 443 for rtmps)"#,
    );
}

#[test]
fn a_platforms_server_without_the_platforms_row() {
    sees(
        "url = \"rtmp://a.rtmp.youtube.com/live2\"\nkey = \"abc\"\n",
        r#"
warning: this is a server of YouTube, but the file names no platform
  --> destinations/d.toml:1:7
   |
 1 | url = "rtmp://a.rtmp.youtube.com/…"
   |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: add `platform = "youtube"`: then forkcast keeps to what it takes"#,
    );
}

/// The key is nowhere in what is said.
#[test]
fn a_url_that_ends_with_the_key() {
    sees(
        "url = \"rtmp://192.0.2.1/app/canary\"\nkey = \"canary\"\nbackup_url = \"rtmp://192.0.2.2/app/canary/?a=b\"\n",
        r#"
mistake: `url` ends with the stream key, which is sent by itself
  --> destinations/d.toml:1:7
   |
 1 | url = "rtmp://192.0.2.1/…"
   |       ^^^^^^^^^^^^^^^^^^^^
hint: end `url` before the key
mistake: `backup_url` ends with the stream key, which is sent by itself
  --> destinations/d.toml:3:14
   |
 3 | backup_url = "rtmp://192.0.2.2/…"
   |              ^^^^^^^^^^^^^^^^^^^^
hint: end `backup_url` before the key"#,
    );
    for query in ["canary?a=b", "?a=b/canary"] {
        let config = one(&format!("url = \"rtmp://192.0.2.1/app/{query}\"\nkey = \"canary\"\n"));
        assert_eq!(config.problems.len(), 1, "{query}");
    }
    sees("url = \"rtmp://192.0.2.1/live\"\nkey = \"live\"\n", "");
}

#[test]
fn a_backup_that_is_none() {
    sees(
        "platform = \"youtube\"\nkey = \"abcd\"\nbackup_url = \"rtmps://A.rtmps.youtube.com/live2\"\n",
        r#"
mistake: `backup_url` is the server of `url`
  --> destinations/d.toml:3:14
   |
 3 | backup_url = "rtmps://A.rtmps.youtube.com/…"
   |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: a backup is a second server of the platform; take the line out if there is none"#,
    );
    sees(
        "url = \"rtmp://192.0.2.1/live\"\nbackup_url = \"off\"\nbackup_after = 2\nfailback = \"never\"\n",
        r#"
warning: `backup_after` means nothing here: there is no backup
  --> destinations/d.toml:3:16
   |
 3 | backup_after = 2
   |                ^
hint: add the `backup_url`, or take the line out
warning: `failback` means nothing here: there is no backup
  --> destinations/d.toml:4:12
   |
 4 | failback = "never"
   |            ^^^^^^^
hint: add the `backup_url`, or take the line out"#,
    );
    sees(
        "url = \"rtmp://192.0.2.1/live\"\nbackup_url = \"\"\n",
        r#"
mistake: `backup_url` is empty
  --> destinations/d.toml:2:14
   |
 2 | backup_url = "…"
   |              ^^^
hint: write `backup_url = "rtmps://…"`, or take the line out"#,
    );
    sees(
        "platform = \"youtube\"\nkey = \"abcd\"\nbackup_url = \"b.rtmp.youtube.com\"\nbackup_after = 0\nfailback = \"nextpublish\"\n",
        r#"
mistake: `backup_url` has no scheme
  --> destinations/d.toml:3:14
   |
 3 | backup_url = "…"
   |              ^^^
hint: put rtmps:// (or rtmp://, where the platform has no TLS) in front of it
mistake: `backup_after` is too small
  --> destinations/d.toml:4:16
   |
 4 | backup_after = 0
   |                ^
hint: it can be from 1 to 100
mistake: `failback` is neither a time nor a name that it can be
  --> destinations/d.toml:5:12
   |
 5 | failback = "nextpublish"
   |            ^^^^^^^^^^^^^
hint: did you mean `next_publish`? it can be `next_publish`, `never`, or a time on the backup such as `10m`"#,
    );
    sees(
        "platform = \"youtube\"\nkey = \"abcd\"\nbackup_after = \"three\"\nfailback = \"1s\"\n",
        r#"
mistake: `backup_after` is text, not a whole number
  --> destinations/d.toml:3:16
   |
 3 | backup_after = "three"
   |                ^^^^^^^
hint: write `backup_after = 1`, without quotes
mistake: `failback` is too small
  --> destinations/d.toml:4:12
   |
 4 | failback = "1s"
   |            ^^^^
hint: it can be from 10s to 7days"#,
    );
}

#[test]
fn a_broadcast_that_cannot_be() {
    sees(
        "url = \"rtmp://192.0.2.1/live\"\nresume = \"catchup\"\nhold = \"2h\"\ndelay = 30\nbind = \"192.0.2.7:1935\"\n",
        r#"
mistake: unknown resume `catchup`
  --> destinations/d.toml:2:10
   |
 2 | resume = "catchup"
   |          ^^^^^^^^^
hint: did you mean `catch_up`? it can be `live`, `catch_up`
mistake: `hold` is too large
  --> destinations/d.toml:3:8
   |
 3 | hold = "2h"
   |        ^^^^
hint: it can be from 0s to 1h
mistake: `delay` is a number without a unit
  --> destinations/d.toml:4:9
   |
 4 | delay = 30
   |         ^^
hint: write a number with its unit, such as `delay = "5s"`, `"500ms"` or `"2m"`
mistake: `bind` is not an IP address
  --> destinations/d.toml:5:8
   |
 5 | bind = "192.0.2.7:1935"
   |        ^^^^^^^^^^^^^^^^
hint: write an address of this machine, without a port or a mask, such as `192.0.2.7`"#,
    );
    let message = |rest: &str| {
        let config = one(&format!("url = \"rtmp://192.0.2.1/live\"\n{rest}\n"));
        config.problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(message("bind = \"0.0.0.0\""), "`bind` stands for any address of this machine");
    assert_eq!(message("bind = \"224.0.0.1\""), "no machine sends from this address");
    assert!(message("bind = \"[2001:db8::1]\"").contains("different kinds"));
    assert_eq!(message("delay = \"2h\""), "`delay` is too large");
    assert_eq!(message("catch_up_window = \"1m\""), "`catch_up_window` means nothing here: `resume` is `live`");
    assert_eq!(message("resume = \"catch_up\"\ncatch_up_window = \"1m\""), "");
}

#[test]
fn what_is_kept_must_fit_into_memory() {
    sees(
        "platform = \"youtube\"\nkey = \"abcd\"\ndelay = \"5m\"\n",
        r#"
mistake: `delay` needs 1830 MiB of memory at 51.2 Mbit/s, the most that YouTube takes; the limit is 1 GiB
  --> destinations/d.toml:3:9
   |
 3 | delay = "5m"
   |         ^^^^
hint: it can be up to 2m 47s here"#,
    );
    sees("platform = \"youtube\"\nkey = \"abcd\"\ndelay = \"2m 47s\"\n", "");
    sees(
        "url = \"rtmp://192.0.2.1/live\"\nresume = \"catch_up\"\ndelay = \"14m\"\n",
        r#"
mistake: `delay` needs 1038 MiB of memory at 10 Mbit/s, which is assumed; the limit is 1 GiB
  --> destinations/d.toml:3:9
   |
 3 | delay = "14m"
   |         ^^^^^
hint: it can be up to 13m 48s here"#,
    );
}

#[test]
fn files_that_are_no_text() {
    let mut memory = Memory::new(&[]);
    memory.files.insert("destinations/big.toml".into(), vec![b'#'; 2 << 20]);
    memory.files.insert("destinations/latin.toml".into(), b"platform = \"youtube\"\n# caf\xe9\n".to_vec());
    let expected = "\
mistake: is larger than 1 MiB
  --> destinations/big.toml
hint: this is hardly a file of settings; move it out of the folder
mistake: is not UTF-8 text, first in line 2
  --> destinations/latin.toml
hint: save it again as UTF-8; nearly every editor offers that";
    assert_eq!(rendered(&memory.load()), expected);
}

#[test]
fn a_wrong_file_holds_back_itself_alone() {
    let config = Memory::new(&[
        ("destinations/a.toml", "url = \"rtmp://192.0.2.1/live\"\n"),
        ("destinations/b.toml", "url = \"rtmp://192.0.2.2/live\"\nenable = true\n"),
    ])
    .load();
    let activations: Vec<_> =
        config.streams.iter().flat_map(|stream| &stream.destinations).map(|d| &d.activation).collect();
    assert!(matches!(activations.as_slice(), [Activation::On(_), Activation::Wrong { .. }]), "{activations:?}");
    let Some(Activation::Wrong { problem }) = activations.last() else { panic!("it is wrong") };
    assert_eq!(problem, "destinations/b.toml:2:1: unknown field `enable`");
}

#[test]
fn a_terminal_is_not_moved_by_what_a_file_holds() {
    let config = one("url = \"rtmp://192.0.2.1/live\"\nca_file = \"\\u001b[2Ja.pem\"\n\"\\u001b[2J\" = 1\n");
    assert!(!rendered(&config).contains('\u{1b}'), "{}", rendered(&config));
    assert!(config.problems.iter().all(|problem| !problem.one_line().contains('\u{1b}')));
}

#[test]
fn a_file_of_something_else_is_not_told_of_line_by_line() {
    use std::fmt::Write as _;

    let mut text = String::from("url = \"rtmp://192.0.2.1/live\"\n");
    (0..60_000).for_each(|number| writeln!(text, "f{number} = 1").unwrap());
    let config = one(&text);
    assert_eq!(config.problems.len(), 51);
    assert_eq!(config.problems.first().unwrap().message, "there are 59950 more unknown fields");
    assert!(matches!(first(&config).activation, Activation::Wrong { .. }));
}

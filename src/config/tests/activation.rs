//! Which destinations run, with what, and why others do not.

use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::*;
use crate::{
    config::Explained,
    destination::{
        codecs::Codecs,
        settings::{Backpressure, DEFAULT_HOLD, Failback, PolicyName, Reconnect, Resume, Trust},
    },
    ingest::access::KeyDigest,
    rtmp::url::Scheme,
    stream::{Coalescing, Takeover},
};

fn only(names: &[&str]) -> Codecs {
    Codecs::Only(names.iter().map(|name| Codecs::named(name).expect("it is a codec")).collect())
}

#[test]
fn two_lines_are_a_whole_file() {
    let config = one("platform = \"youtube\"\nkey = \"abcd-efgh-ijkl-mnop\"\n");
    let settings = settings(&config);
    assert_eq!(settings.name, "d");
    assert_eq!(settings.platform.name, "youtube");
    assert_eq!(settings.url.expose_tc_url(), "rtmps://a.rtmps.youtube.com:443/live2");
    assert_eq!(settings.key.expose_secret(), "abcd-efgh-ijkl-mnop");
    assert_eq!(settings.reconnect, Reconnect::default());
    assert_eq!(settings.backpressure, Backpressure::default());
    assert_eq!(settings.codecs, only(&["h264", "aac", "mp3"]));
    assert!(!settings.multitrack);
    assert_eq!(rendered(&config), "");
}

#[test]
fn every_field_counts() {
    let memory = Memory::new(&[
        (
            "destinations/d.toml",
            "platform = \"Mux\"\nprotocol = \"rtmp\"\nkey_env = \"MUX_KEY\"\nenabled = true\nca_file = \"../ca.pem\"\ncodecs = [\"h264\", \"H.265\", \"aac\"]\nmultitrack = true\n[reconnect]\ninitial = \"1s\"\nmax = \"2m\"\ngive_up_after = \"6h\"\n[backpressure]\npolicy = \"drop_to_keyframe\"\nmax_lag = \"2500ms\"\nmax_bytes = \"8 MiB\"\n",
        ),
        ("destinations/../ca.pem", "-----BEGIN CERTIFICATE-----\n"),
    ])
    .variable("MUX_KEY", " secret\n");
    let config = memory.load();
    let settings = settings(&config);
    assert_eq!(settings.url.scheme(), Scheme::Rtmp);
    assert_eq!(settings.url.port(), 5222);
    assert_eq!(settings.key.expose_secret(), "secret");
    assert_eq!(settings.trust, Trust::Authorities { ca_file: Some(PathBuf::from("destinations/../ca.pem")) });
    assert_eq!(settings.codecs, only(&["h264", "hevc", "aac"]));
    assert!(settings.multitrack);
    let reconnect = &settings.reconnect;
    assert_eq!(
        (reconnect.initial, reconnect.max, reconnect.give_up_after),
        (Duration::from_secs(1), Duration::from_secs(120), Some(Duration::from_secs(6 * 3600)))
    );
    let backpressure = &settings.backpressure;
    assert_eq!((backpressure.max_lag, backpressure.max_bytes), (Duration::from_millis(2500), 8 << 20));
}

#[test]
fn every_field_of_the_broadcast_counts() {
    let config = one(
        "url = \"rtmps://192.0.2.1/live\"\nkey = \"k\"\nbackup_url = \"rtmp://192.0.2.2/live\"\nbackup_after = 5\nfailback = \"10m\"\nresume = \"catch_up\"\ncatch_up_window = \"1m\"\nhold = \"0s\"\ndelay = \"45s\"\nbind = \"192.0.2.7\"\n[backpressure]\npolicy = \"never_drop\"\n",
    );
    let settings = settings(&config);
    assert_eq!(rendered(&config), "");
    let backup = settings.backup.as_ref().unwrap();
    assert_eq!((backup.url.host(), backup.after), ("192.0.2.2", 5));
    assert_eq!(backup.failback, Failback::After(Duration::from_secs(600)));
    assert_eq!(settings.resume, Resume::CatchUp { window: Duration::from_secs(60) });
    assert_eq!((settings.hold, settings.delay), (Duration::ZERO, Duration::from_secs(45)));
    assert_eq!(settings.bind, Some([192, 0, 2, 7].into()));
    assert_eq!(settings.backpressure.policy, PolicyName::NeverDrop);
    assert_eq!(settings.kept(), Duration::from_secs(105));
    for (text, failback) in [("never", Failback::Never), ("next_publish", Failback::NextPublish)] {
        let config = one(&format!("platform = \"youtube\"\nkey = \"abcd\"\nfailback = \"{text}\"\n"));
        assert_eq!(super::settings(&config).backup.as_ref().unwrap().failback, failback);
    }
}

#[test]
fn a_platforms_backup_is_on_where_its_own_server_is_used() {
    let backup = |rest: &str| {
        let config = one(&format!("platform = \"youtube\"\nkey = \"abcd\"\n{rest}"));
        assert_eq!(rendered(&config), "");
        settings(&config).backup.as_ref().map(|backup| backup.url.expose_tc_url().to_owned())
    };
    assert_eq!(backup("").as_deref(), Some("rtmps://b.rtmps.youtube.com:443/live2?backup=1"));
    assert_eq!(backup("protocol = \"rtmp\"\n").as_deref(), Some("rtmp://b.rtmp.youtube.com/live2?backup=1"));
    assert_eq!(backup("backup_url = \"off\"\n"), None);
    assert_eq!(backup("url = \"rtmps://a.rtmps.youtube.com:443/live2\"\n"), None);
    assert_eq!(backup("backup_url = \"rtmps://192.0.2.1/x\"\n").as_deref(), Some("rtmps://192.0.2.1/x"));
    assert_eq!(settings(&one("platform = \"twitch\"\nkey = \"abcd\"\n")).backup.as_ref().map(|b| b.after), None);
}

#[test]
fn hold_is_the_files_or_the_streams_or_the_platforms() {
    let hold = |stream: &str, rest: &str| {
        let file = format!("key = \"abcd\"\n{rest}");
        let config = Memory::new(&[("destinations/d.toml", &file), ("destinations/stream.toml", stream)]).load();
        assert_eq!(rendered(&config), "");
        let line = first(&config).explanation.iter().find(|line| line.field == "hold").unwrap();
        (settings(&config).hold.as_secs(), line.origin.to_string())
    };
    let of = |seconds, origin: &str| (seconds, origin.to_owned());
    assert_eq!(hold("", "platform = \"youtube\"\n"), of(DEFAULT_HOLD.as_secs(), "default"));
    assert_eq!(hold("", "platform = \"twitch\"\n"), of(90, "platform twitch"));
    assert_eq!(hold("hold = \"20s\"\n", "platform = \"twitch\"\n"), of(20, "destinations/stream.toml:1"));
    let both = "platform = \"twitch\"\nhold = \"1m\"\n";
    assert_eq!(hold("hold = \"20s\"\n", both), of(60, "destinations/d.toml:3"));
}

#[test]
fn a_streams_file_says_how_it_goes_on() {
    let file = "key = \"from-the-file\"\ntakeover = \"newest\"\nhold = \"20s\"\n";
    let memory = Memory::new(&[("destinations/stream.toml", file)]);
    // The environment's key takes the place of the file's key, and of nothing else.
    for memory in [memory.clone(), memory.variable("FORKCAST_STREAM_KEY", "from-the-environment")] {
        let config = memory.load();
        let live = config.streams.first().unwrap();
        assert_eq!((live.takeover, live.hold), (Takeover::Newest, Some(Duration::from_secs(20))));
        let lines: Vec<_> =
            live.settings.iter().map(|line| format!("{} {} {}", line.field, line.value, line.origin)).collect();
        assert_eq!(
            lines,
            [
                "takeover newest destinations/stream.toml:2",
                "hold 20s destinations/stream.toml:3",
                "coalesce by load default"
            ]
        );
    }
    let config = Memory::default().load();
    let live = config.streams.first().unwrap();
    assert_eq!((live.takeover, live.hold), (Takeover::WhenSilent, None));
}

#[test]
fn how_long_messages_gather_for_a_write() {
    let read = |line: &str| {
        let config = Memory::new(&[("destinations/stream.toml", &format!("key = \"from-the-file\"\n{line}"))]).load();
        assert_eq!(rendered(&config), "", "{line}");
        let live = config.streams.first().unwrap();
        let shown = live.settings.iter().find(|line| line.field == "coalesce").unwrap();
        (live.coalescing, format!("{} {}", shown.value, shown.origin))
    };
    let fixed = |millis| Coalescing::Fixed(Duration::from_millis(millis));
    let table = [
        ("", Coalescing::ByLoad, "by load default"),
        ("coalesce = \"33ms\"\n", fixed(33), "33ms destinations/stream.toml:2"),
        ("coalesce = \"0s\"\n", fixed(0), "0s destinations/stream.toml:2"),
        ("low_latency = true\n", fixed(0), "not at all destinations/stream.toml:2"),
        ("low_latency = false\n", Coalescing::ByLoad, "by load default"),
        ("low_latency = false\ncoalesce = \"500ms\"\n", fixed(500), "500ms destinations/stream.toml:3"),
    ];
    for (line, coalescing, shown) in table {
        assert_eq!(read(line), (coalescing, shown.to_owned()), "{line}");
    }
}

#[test]
fn at_once_and_later_is_a_mistake() {
    let file = "key = \"from-the-file\"\ncoalesce = \"33ms\"\nlow_latency = true\n";
    assert_eq!(
        rendered(&Memory::new(&[("destinations/stream.toml", file)]).load()),
        "mistake: `low_latency` and `coalesce` are both given: the one sends at once, the other waits
  --> destinations/stream.toml:3:15
   |
 3 | low_latency = true
   |               ^^^^
hint: keep one of the two lines"
    );
    let file = "key = \"from-the-file\"\ncoalesce = \"5s\"\n";
    let told = rendered(&Memory::new(&[("destinations/stream.toml", file)]).load());
    assert!(told.contains("`coalesce`") && told.contains("500ms"), "{told}");
}

#[test]
fn a_server_of_ones_own_takes_all_and_needs_no_key() {
    let config = one("url = \"rtmp://192.0.2.1/live\"\n");
    let settings = settings(&config);
    assert_eq!((settings.platform.name.as_str(), settings.platform.chunk_size), ("custom", 65_536));
    assert_eq!((&settings.codecs, settings.multitrack), (&Codecs::All, true));
    assert_eq!(settings.key.expose_secret(), "");
}

#[test]
fn a_url_per_event_is_completed_from_the_row() {
    let app = |text| settings(&one(text)).url.expose_tc_url().to_owned();
    let kick = "platform = \"kick\"\nkey = \"k\"\nurl = \"rtmps://fa723fc1b171.global-contribute.live-video.net\"\n";
    assert_eq!(app(kick), "rtmps://fa723fc1b171.global-contribute.live-video.net/app");
    let teams = "platform = \"teams\"\nkey = \"k\"\nurl = \"rtmps://a.rtmpingest.mcr.teams.microsoft.com/live/0a1b\"\n";
    assert_eq!(app(teams), "rtmps://a.rtmpingest.mcr.teams.microsoft.com:1936/live/0a1b");
    let teams = "platform = \"teams\"\nkey = \"k\"\nurl = \"rtmp://a.rtmpingest.mcr.teams.microsoft.com/live/0a1b\"\n";
    assert_eq!(app(teams), "rtmp://a.rtmpingest.mcr.teams.microsoft.com/live/0a1b");
    // What looks like a key at the end belongs to the app here.
    let linkedin = "platform = \"linkedin\"\nurl = \"rtmps://x.channel.media.azure.net:2935/live/0a1b2c3d4e5f60718293a4b5c6d7e8f9\"\n";
    assert!(app(linkedin).ends_with("/live/0a1b2c3d4e5f60718293a4b5c6d7e8f9"));
}

#[test]
fn what_is_still_to_be_filled_in_is_off_and_no_mistake() {
    let youtube = "; it is at studio.youtube.com, Create, Go live, Stream, field \"Stream key\"";
    for key in ["", "key = \"\"", "key = \"  \"", "key = \"PASTE-YOUR-KEY-HERE\"", "key = \"xxxx-xxxx-xxxx-xxxx-xxxx\""]
    {
        let config = one(&format!("platform = \"youtube\"\n{key}\n"));
        let expected = format!("no key yet: put one into destinations/d.toml{youtube}");
        assert_eq!(off_reason(&config), expected, "{key}");
        assert_eq!(rendered(&config), "", "{key}");
    }
    let config = one("platform = \"instagram\"\nurl = \"\"\nkey = \"\"\n");
    assert!(
        off_reason(&config)
            .starts_with("no URL and no key yet: put them into destinations/d.toml; it is at instagram.com")
    );
    let config = one("platform = \"linkedin\"\n");
    assert!(off_reason(&config).starts_with("no URL yet: put it into destinations/d.toml; it is at the event's page"));
    let config = one("url = \"rtmp://192.0.2.1/live\"\nkey = \"\"\n");
    assert_eq!(
        off_reason(&config),
        "no key yet: put one into destinations/d.toml, or take the `key` line out if there is none"
    );
    let config = one("url = \"\"\nkey = \"\"\n");
    assert_eq!(off_reason(&config), "no URL and no key yet: put them into destinations/d.toml");
}

#[test]
fn enabled_decides() {
    let config = one("platform = \"youtube\"\nkey = \"abcd\"\nenabled = false\n");
    assert_eq!(off_reason(&config), "`enabled = false`");
    // Its secret may be somewhere else altogether.
    let config = one("platform = \"youtube\"\nkey_env = \"NOT_SET\"\nca_file = \"none.pem\"\nenabled = false\n");
    assert_eq!(off_reason(&config), "`enabled = false`");
    let config = one("url = \"rtmp://192.0.2.1/live\"\nkey = \"\"\nenabled = true\n");
    assert_eq!(settings(&config).key.expose_secret(), "");
}

#[test]
fn files_that_are_no_settings_are_passed_over() {
    let files = [
        "custom.toml.example",
        "README.md",
        ".hidden.toml",
        "youtube.toml~",
        "#youtube.toml#",
        ".#youtube.toml",
        "youtube.toml.swp",
        ".git/config.toml",
        "..data/youtube.toml",
        "secrets/youtube",
    ];
    let files: Vec<_> = files.iter().map(|name| (format!("destinations/{name}"), "nonsense")).collect();
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let config = Memory::new(&files).load();
    assert_eq!(config.streams.len(), 1);
    assert!(config.streams.iter().all(|stream| stream.destinations.is_empty()));
    assert_eq!(rendered(&config), "");
}

#[test]
fn no_folder_is_a_stream_without_destinations() {
    let config = Memory::default().load();
    let names: Vec<_> = config.streams.iter().map(|stream| stream.name.as_str()).collect();
    assert_eq!((names, config.problems.len()), (vec!["live"], 0));
}

#[test]
fn a_folder_is_a_stream() {
    let config = Memory::new(&[
        ("destinations/b.toml", "url = \"rtmp://192.0.2.1/a\"\n"),
        ("destinations/a.TOML", "url = \"rtmp://192.0.2.1/b\"\n"),
        ("destinations/stream.toml", "key = \"key-of-live\"\n"),
        ("destinations/studio-b/stream.toml", "key_file = \"key\"\n"),
        ("destinations/studio-b/key", "key-of-studio-b\r\n"),
        ("destinations/studio-b/b.toml", "url = \"rtmp://192.0.2.1/c\"\n"),
    ])
    .load();
    assert_eq!(rendered(&config), "");
    let shape = |stream: &crate::config::StreamConfig| {
        let names: Vec<_> = stream.destinations.iter().map(|destination| destination.name.clone()).collect();
        (stream.name.clone(), stream.access.keys.iter().map(|key| key.digest).collect(), names.join(" "))
    };
    let found: Vec<_> = config.streams.iter().map(shape).collect();
    let expected = [("live", "key-of-live", "a b"), ("studio-b", "key-of-studio-b", "b")];
    let digests = |key: &str| vec![KeyDigest::of(&key.into())];
    assert_eq!(found, expected.map(|(name, key, names)| (name.to_owned(), digests(key), names.to_owned())));
}

#[test]
fn the_environment_goes_before_the_file() {
    let memory = Memory::new(&[("destinations/stream.toml", "key = \"from-the-file\"\n")])
        .variable("FORKCAST_STREAM_KEY", "from-the-environment");
    let config = memory.load();
    let live = config.streams.first().unwrap();
    let digests: Vec<_> = live.access.keys.iter().map(|key| key.digest).collect();
    assert_eq!(digests, [KeyDigest::of(&"from-the-environment".into())]);
    assert_eq!(live.ways.first().unwrap().origin.to_string(), "environment FORKCAST_STREAM_KEY");
    let memory = memory.variable("FORKCAST_STREAM_KEY", "");
    let config = memory.load();
    assert_eq!(config.streams.first().unwrap().ways.first().unwrap().origin.to_string(), "destinations/stream.toml:1");
}

#[test]
fn bom_and_windows_line_ends_are_text() {
    let config = one("\u{feff}platform = \"youtube\"\r\nkey = \"abcd\"\r\n\r\n[reconnect]\r\nmax = \"9s\"\r\n");
    assert_eq!(settings(&config).reconnect.max, Duration::from_secs(9));
}

#[test]
fn each_value_is_explained_with_where_it_comes_from() {
    let config = Memory::new(&[(
        "destinations/d.toml",
        "platform = \"youtube\"\nkey_env = \"YT\"\n[backpressure]\nmax_lag = \"3s\"\n",
    )])
    .variable("YT", "secret")
    .load();
    let lines: Vec<_> = first(&config)
        .explanation
        .iter()
        .map(|Explained { field, value, origin }| format!("{field} | {value} | {origin}"))
        .collect();
    assert_eq!(
        lines,
        [
            "platform | youtube | destinations/d.toml:1",
            "url | rtmps://a.rtmps.youtube.com:443/… | platform youtube",
            "key | (set, from key_env YT) | destinations/d.toml:2",
            "backup_url | rtmps://b.rtmps.youtube.com:443/… | platform youtube",
            "backup_after | 3 | default",
            "failback | next_publish | default",
            "codecs | h264, aac, mp3 | platform youtube",
            "multitrack | false | platform youtube",
            "resume | live | default",
            "hold | 15s | default",
            "delay | none | default",
            "bind | any | default",
            "reconnect.initial | 500ms | default",
            "reconnect.max | 30s | default",
            "reconnect.give_up_after | never | default",
            "backpressure.policy | drop_to_keyframe | default",
            "backpressure.max_lag | 3s | destinations/d.toml:4",
            "backpressure.max_bytes | 16 MiB | default",
            "chunk size | 4096 bytes | platform youtube",
        ]
    );
}

//! Flags, variables and `forkcast.toml`, and the report of `check`.

use super::*;
use crate::{
    check,
    config::{Explained, Given, Origin, Resolved, ServeOptions},
    net::tls::CertificateFiles,
};

fn flags(flags: &[(&'static str, &'static str, &str)]) -> Given {
    let mut given = Given::default();
    for (name, flag, value) in flags {
        given.set(name, *value, Origin::Flag(flag));
    }
    given
}

fn resolve(given: &Given, files: &[(&str, &str)]) -> Resolved {
    ServeOptions::resolve(given, &Memory::new(files), Path::new("/home/me/.local/state/forkcast"))
}

fn seen(resolved: &Resolved) -> String {
    let problems: Vec<_> = resolved.problems.iter().map(ToString::to_string).collect();
    problems.join("\n")
}

fn explained(resolved: &Resolved) -> Vec<String> {
    let line = |Explained { field, value, origin }: &Explained| format!("{field} | {value} | {origin}");
    resolved.options.explanation.iter().map(line).collect()
}

const PEM: [(&str, &str); 2] =
    [("cert.pem", "-----BEGIN CERTIFICATE-----\n"), ("key.pem", "-----BEGIN PRIVATE KEY-----\n")];

#[test]
fn with_nothing_said_there_is_a_plain_listener_alone() {
    let resolved = resolve(&Given::default(), &[]);
    assert_eq!(seen(&resolved), "");
    assert_eq!(
        explained(&resolved),
        [
            "destinations | destinations | default",
            "state | /home/me/.local/state/forkcast | default",
            "rtmp | 0.0.0.0:1935 | default",
            "rtmps | off | default",
            "http | 127.0.0.1:8080 | default",
            "monitoring | off | default",
            "metrics | detailed | default",
            "log_format | text | default",
            "no_table | false | default",
            "share_ports | false | default",
            "drain | 0s | default",
            "strict | false | default",
        ]
    );
}

#[test]
fn flags_go_before_variables_before_the_file() {
    let mut given = flags(&[
        ("http", "--http", "127.0.0.1:1"),
        ("config", "--config", "conf/f.toml"),
        ("strict", "--strict", "true"),
        ("no_table", "--no-table", "true"),
    ]);
    given.set("log_format", "JSON", Origin::Environment("FORKCAST_LOG_FORMAT".to_owned()));
    given.set("state", "/state", Origin::Environment("FORKCAST_STATE".to_owned()));
    let file = "http = \"127.0.0.1:2\"\nstate = \"s\"\nrtmp = \"off\"\nrtmps = \"[::]:4443\"\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\ndestinations = \"d\"\nstrict = false\nmetrics = \"aggregate\"\n";
    let files = [("conf/f.toml", file), ("conf/cert.pem", PEM[0].1), ("conf/key.pem", PEM[1].1), ("conf/d/a.toml", "")];
    let resolved = resolve(&given, &files);
    assert_eq!(seen(&resolved), "");
    assert_eq!(
        explained(&resolved),
        [
            "destinations | conf/d | conf/f.toml:7",
            "state | /state | environment FORKCAST_STATE",
            "rtmp | off | conf/f.toml:3",
            "tls_cert | conf/cert.pem | conf/f.toml:5",
            "tls_key | conf/key.pem | conf/f.toml:6",
            "rtmps | [::]:4443 | conf/f.toml:4",
            "http | 127.0.0.1:1 | flag --http",
            "monitoring | off | default",
            "metrics | aggregate | conf/f.toml:9",
            "log_format | json | environment FORKCAST_LOG_FORMAT",
            "no_table | true | flag --no-table",
            "share_ports | false | default",
            "drain | 0s | default",
            "strict | true | flag --strict",
        ]
    );
    assert_eq!(resolved.options.rtmps.unwrap().address.port(), 4443);
}

#[test]
fn a_certificate_turns_rtmps_on() {
    let given = flags(&[("tls_cert", "--tls-cert", "cert.pem"), ("tls_key", "--tls-key", "key.pem")]);
    let rtmps = resolve(&given, &PEM).options.rtmps.unwrap();
    assert_eq!(rtmps.address.to_string(), "0.0.0.0:443");
    assert_eq!(rtmps.certificates, [CertificateFiles { chain: "cert.pem".into(), key: "key.pem".into() }]);
}

#[test]
fn mistakes_of_flags_say_what_to_do() {
    let table = [
        (
            flags(&[("rtmps", "--rtmps", "0.0.0.0:443")]),
            "mistake: RTMPS needs a certificate and its private key\n  --> flag --rtmps\nhint: add `--tls-cert FILE --tls-key FILE` (PEM), or leave RTMPS out and publish with `rtmp://`",
        ),
        (
            flags(&[("tls_cert", "--tls-cert", "cert.pem")]),
            "mistake: there is a certificate, but no private key for it\n  --> flag --tls-cert\nhint: add `--tls-key FILE` (PEM)",
        ),
        (
            flags(&[("tls_key", "--tls-key", "key.pem")]),
            "mistake: there is a private key, but no certificate for it\n  --> flag --tls-key\nhint: add `--tls-cert FILE` (PEM, the whole chain)",
        ),
        (
            flags(&[("tls_cert", "--tls-cert", "key.pem"), ("tls_key", "--tls-key", "none.pem")]),
            "mistake: key.pem does not hold a certificate\n  --> flag --tls-cert\nhint: `tls_cert` is a PEM file with a certificate that forkcast's user may read\nmistake: none.pem cannot be read: no such file\n  --> flag --tls-key\nhint: `tls_key` is a PEM file with a private key that forkcast's user may read",
        ),
        (
            flags(&[("rtmp", "--rtmp", "off")]),
            "mistake: there is no listener: nobody could publish\n  --> settings of the server\nhint: leave out `--rtmp off`, or give `--rtmps` with `--tls-cert` and `--tls-key`",
        ),
        (
            flags(&[("rtmp", "--rtmp", "1935")]),
            "mistake: `1935` is not an address to listen on\n  --> flag --rtmp\nhint: add the address before the port: `0.0.0.0:1935` for every network, `127.0.0.1:1935` for this machine",
        ),
        (
            flags(&[("http", "--http", "localhost:8080")]),
            "mistake: `localhost:8080` is not an address to listen on\n  --> flag --http\nhint: write `127.0.0.1:8080`",
        ),
        (
            flags(&[("rtmp", "--rtmp", "rtmp://0.0.0.0:1935/live")]),
            "mistake: `rtmp://0.0.0.0:1935/…` is not an address to listen on\n  --> flag --rtmp\nhint: an address has no scheme and no path; write for example `0.0.0.0:1935`",
        ),
        (
            flags(&[("rtmp", "--rtmp", "live_123456_secret")]),
            "mistake: `…` is not an address to listen on\n  --> flag --rtmp\nhint: write an IP address and a port such as `0.0.0.0:1935`, or `off`",
        ),
        (
            flags(&[("state", "--state", "rtmp://h/live/secret")]),
            "mistake: `state` is no path; it is not shown, as it could hold a key\n  --> flag --state\nhint: write a path, on one line and in one pair of quotes",
        ),
        (
            flags(&[("http", "--http", "0.0.0.0:1935")]),
            "mistake: `http` and `rtmp` listen on the same address\n  --> flag --http\nhint: give one of them another port",
        ),
        (
            flags(&[("http", "--http", "127.0.0.1:9"), ("monitoring", "--monitoring", "127.0.0.1:9")]),
            "mistake: `monitoring` and `http` listen on the same address\n  --> flag --monitoring\nhint: give one of them another port",
        ),
        (
            flags(&[("metrics", "--metrics", "some"), ("log_format", "--log-format", "live_1_secret")]),
            "mistake: `some` is no value of `metrics`\n  --> flag --metrics\nhint: write `detailed` or `aggregate`\nmistake: `…` is no value of `log_format`\n  --> flag --log-format\nhint: write `text` or `json`",
        ),
        (
            flags(&[("destinations", "--destinations", "/mnt/none"), ("config", "--config", "none.toml")]),
            "mistake: cannot be read: no such file\n  --> none.toml\nhint: check that it exists and that forkcast's user may read it\nmistake: the folder /mnt/none does not exist\n  --> flag --destinations\nhint: create it, or correct the path; in a container, mount it",
        ),
    ];
    for (given, expected) in table {
        let resolved = resolve(&given, &PEM);
        assert_eq!(seen(&resolved), expected, "{given:?}");
        assert!(resolved.has_mistake());
    }
    let mut given = Given::default();
    given.set("strict", "maybe", Origin::Environment("FORKCAST_STRICT".to_owned()));
    let expected = "mistake: `maybe` is neither true nor false\n  --> environment variable FORKCAST_STRICT\nhint: set it to `true` or `false`";
    assert_eq!(seen(&resolve(&given, &[])), expected);
}

#[test]
fn a_variable_that_nothing_reads() {
    let destination = "platform = \"twitch\"\nkey_env = \"FORKCAST_MY_KEY\"\nenabled = false\n";
    let mut memory = Memory::new(&[("destinations/d.toml", destination)]);
    for name in ["FORKCAST_RTMP", "FORKCAST_CONFIG", "FORKCAST_STREAM_KEY", "FORKCAST_TEST_X", "FORKCAST_MY_KEY"] {
        memory = memory.variable(name, "long-enough");
    }
    for name in ["FORKCAST_SERVICE_HOST", "FORKCAST_PORT_1935_TCP_ADDR", "RTMP", "FORKCAST"] {
        memory = memory.variable(name, "something");
    }
    assert_eq!(rendered(&memory.load()), "");
    let config = memory.variable("FORKCAST_HTPP", "1").variable("FORKCAST_WONDER", "1").load();
    assert_eq!(
        rendered(&config),
        "\
warning: nothing reads this variable: no setting has its name
  --> environment variable FORKCAST_HTPP
hint: did you mean `FORKCAST_HTTP`?
warning: nothing reads this variable: no setting has its name
  --> environment variable FORKCAST_WONDER
hint: unset it; what forkcast reads is FORKCAST_DESTINATIONS, FORKCAST_STATE, FORKCAST_RTMP, FORKCAST_RTMPS, FORKCAST_TLS_CERT, FORKCAST_TLS_KEY, FORKCAST_SHARE_PORTS, FORKCAST_HTTP, FORKCAST_HTTP_TOKEN, FORKCAST_HTTP_TOKEN_FILE, FORKCAST_DRAIN, FORKCAST_MONITORING, FORKCAST_METRICS, FORKCAST_LOG_FORMAT, FORKCAST_NO_TABLE, FORKCAST_STRICT, FORKCAST_CONFIG, FORKCAST_STREAM_KEY"
    );
}

#[test]
fn a_state_folder_that_cannot_keep_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let problem = check::state_problem(&file, &Memory::default().load()).unwrap();
    assert!(problem.is_mistake() && problem.hint.contains("--state"), "{problem}");
    assert_eq!(check::state_problem(folder.path(), &Memory::default().load()), None);
    let with_key = Memory::default().variable("FORKCAST_STREAM_KEY", "long-enough");
    assert_eq!(check::state_problem(&file, &with_key.load()), None);
}

#[test]
fn mistakes_of_the_file_have_lines() {
    let file = "rtmp = 1935\nrtmps = 443\nhttp = \"here\"\nstream_key = \"secret\"\nstrict = \"yes\"\n";
    assert_eq!(
        seen(&resolve(&Given::default(), &[("forkcast.toml", file)])),
        "\
mistake: `rtmp` is a number, not text
  --> forkcast.toml:1:8
   |
 1 | rtmp = 1935
   |        ^^^^
hint: put it in quotes: `rtmp = \"…\"`
mistake: `rtmps` is a number, not text
  --> forkcast.toml:2:9
   |
 2 | rtmps = 443
   |         ^^^
hint: put it in quotes: `rtmps = \"…\"`
mistake: `here` is not an address to listen on
  --> forkcast.toml:3:8
   |
 3 | http = \"here\"
   |        ^^^^^^
hint: write an IP address and a port such as `127.0.0.1:8080`, or `off`
mistake: unknown field `stream_key`
  --> forkcast.toml:4:1
   |
 4 | stream_key = …
   | ^^^^^^^^^^
hint: it can be `destinations`, `state`, `rtmp`, `rtmps`, `tls_cert`, `tls_key`, `share_ports`, `http`, `http_token`, `http_token_file`, `drain`, `monitoring`, `metrics`, `log_format`, `no_table`, `strict`, `[notify.NAME]`
mistake: `strict` is text, not true or false
  --> forkcast.toml:5:10
   |
 5 | strict = \"yes\"
   |          ^^^^^
hint: write `strict = true` or `strict = false`, without quotes"
    );
}

#[test]
fn check_says_what_would_run_and_what_is_wrong() {
    let memory = Memory::new(&[
        ("destinations/stream.toml", "key_env = \"LIVE_KEY\"\n"),
        ("destinations/twitch.toml", "platform = \"twitch\"\nkey = \"\"\n"),
        ("destinations/mine.toml", "url = \"rtmp://192.0.2.1/live\"\ndelay = \"30s\"\n"),
        ("destinations/studio-b/yt.toml", "platform = \"youtube\"\nkey = \"abcd\"\nenable = true\n"),
    ])
    .variable("LIVE_KEY", "long-enough");
    let server = ServeOptions::resolve(&Given::default(), &memory, Path::new("state"));
    let report = check::report(&server, &memory.load(), false);
    assert_eq!(
        report.text,
        "\
stream live
  stream key (set, from key_env LIVE_KEY), destinations/stream.toml:1
  on     mine    rtmp://192.0.2.1:1935/…
           keeps 30s of the stream: up to 36 MiB of memory at 10 Mbit/s, which is assumed
  off    twitch  no key yet: put one into destinations/twitch.toml; it is at dashboard.twitch.tv, Settings, Stream, field \"Primary Stream Key\"

stream studio-b
  stream key (generated at start, kept in the state folder), default
  wrong  yt  destinations/studio-b/yt.toml:3:1: unknown field `enable`

mistake: unknown field `enable`
  --> destinations/studio-b/yt.toml:3:1
   |
 3 | enable = …
   | ^^^^^^
hint: did you mean `enabled`?

3 destinations: 1 on, 1 off, 1 wrong; 1 mistake, 0 warnings
"
    );
    assert_eq!(report.exit_code, check::WRONG);
}

#[test]
fn check_says_what_each_platform_takes() {
    let memory = Memory::new(&[
        ("destinations/face.toml", "platform = \"facebook\"\nkey = \"FB-123456789-0-abcd\"\n"),
        ("destinations/mine.toml", "url = \"rtmp://192.0.2.1/live\"\n"),
        ("destinations/tw.toml", "platform = \"twitch\"\nurl = \"rtmp://192.0.2.2/app\"\nkey = \"live_123456_abcd\"\n"),
    ]);
    let server = ServeOptions::resolve(&Given::default(), &memory, Path::new("state"));
    let report = check::report(&server, &memory.load(), false);
    let expected = "
  on     face  rtmps://live-api-s.facebook.com:443/…
           Facebook takes: 9 Mbit/s of video, 256 kbit/s of audio, 1080 lines, 60 frames a second, a keyframe every 2 s, 8 h on air, needs sound
  on     mine  rtmp://192.0.2.1:1935/…
  on     tw    rtmp://192.0.2.2:1935/…
           Twitch takes: 6 Mbit/s of video, 320 kbit/s of audio, 1080 lines, 60 frames a second, a keyframe every 2 s, 48 h on air
";
    assert!(report.text.contains(expected), "{}", report.text);
}

#[test]
fn check_explains_and_is_fine_with_nothing_configured() {
    let memory = Memory::new(&[]);
    let server = ServeOptions::resolve(&Given::default(), &memory, Path::new("state"));
    let report = check::report(&server, &memory.load(), true);
    assert_eq!(
        report.text,
        "\
server
  destinations  destinations    default
  state         state           default
  rtmp          0.0.0.0:1935    default
  rtmps         off             default
  http          127.0.0.1:8080  default
  monitoring    off             default
  metrics       detailed        default
  log_format    text            default
  no_table      false           default
  share_ports   false           default
  drain         0s              default
  strict        false           default

stream live
  stream key (generated at start, kept in the state folder), default
  takeover  when_silent             default
  hold      each destination's own  default
  coalesce  by load                 default
  no destinations yet: write a file destinations/youtube.toml with two lines:
    platform = \"youtube\"
    key = \"your stream key\"

0 destinations: 0 on, 0 off, 0 wrong; 0 mistakes, 0 warnings
"
    );
    assert_eq!(report.exit_code, check::FINE);
}

#[tokio::test]
async fn connecting_asks_what_is_on_and_names_its_stream() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let own = format!("url = \"rtmp://127.0.0.1:{closed}/live\"\n");
    let off = format!("{own}enabled = false\n");
    let files = [("destinations/studio-b/own.toml", own.as_str()), ("destinations/off.toml", &off)];
    let server = resolve(&Given::default(), &[]);
    let mut out = Vec::new();
    assert_eq!(check::connect(&mut out, &server, &Memory::new(&files).load(), false).await, check::WRONG);
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains(&format!("\n  studio-b/own  rtmp://127.0.0.1:{closed}/…  no TCP  ")), "{text}");
    assert!(text.contains("\n1 server: 0 ok, 1 failed;"), "{text}");

    let mut out = Vec::new();
    assert_eq!(check::connect(&mut out, &server, &Memory::new(&files[1..]).load(), false).await, check::FINE);
    assert_eq!(String::from_utf8(out).unwrap(), "\nno destination is on: there is no server to connect to\n");
}

#[test]
fn the_token_of_the_http_listener() {
    let token = "0123456789abcdef";
    let with = |file: &str, others: &[(&str, &str)], variable: Option<&str>| {
        let files: Vec<_> = [("forkcast.toml", file)].iter().chain(others).copied().collect();
        let memory = Memory::new(&files);
        let memory = variable.map_or(memory.clone(), |value| memory.variable("FORKCAST_HTTP_TOKEN", value));
        ServeOptions::resolve(&Given::default(), &memory, Path::new("state"))
    };
    let token_of = |resolved: &Resolved| {
        resolved.options.http_token.as_ref().map(|token| secrecy::ExposeSecret::expose_secret(token).to_owned())
    };
    let written = format!("http_token = \"{token}\"\n");
    for resolved in [
        with(&written, &[], None),
        with("http_token_file = \"token\"\n", &[("token", "0123456789abcdef\n")], None),
        with("http_token = \"another of sixteen\"\n", &[], Some(token)),
    ] {
        assert_eq!(seen(&resolved), "");
        assert_eq!(token_of(&resolved).as_deref(), Some(token));
        assert!(!format!("{resolved:?}").contains(token));
        assert!(resolved.options.explanation.iter().any(|line| line.field == "http_token" && line.value == "(set)"));
    }
    for (resolved, expected) in [
        (with("http_token = \"short\"\n", &[], None), "needs 16 characters or more"),
        (with("http_token = \"with spaces in between\"\n", &[], None), "without spaces"),
        (with("", &[], Some("short")), "environment variable FORKCAST_HTTP_TOKEN"),
        (with("http_token_file = \"missing\"\n", &[], None), "missing cannot be read"),
        (with("http_token_file = \"token\"\n", &[("token", "")], None), "needs 16 characters or more"),
        (with("drain = \"soon\"\n", &[], None), "`drain` is no time up to a day"),
        (with("drain = \"2days\"\n", &[], None), "`drain` is no time up to a day"),
    ] {
        let seen = seen(&resolved);
        assert!(resolved.has_mistake() && seen.contains(expected), "{seen}");
        assert!(!seen.contains("spaces in between") && !seen.contains("\"short\""), "{seen}");
    }
}

//! Secrets of all kinds, in every place where one can be, right or wrong: none is seen anywhere, in any form.
//!
//! The other tests plant keys of plain letters. Here are those that escaping, encoding and masking change: other scripts, quotes,
//! percent signs, combining characters; and servers that repeat a key in as many forms as they can.

use std::fs;
use std::time::Duration;

use crate::support::broadcast::Broadcast;
use crate::support::certificates::{Authority, Flaw};
use crate::support::process::Process;
use crate::support::relay::Relay;
use crate::support::secret::{self, Search, WORDS};
use crate::support::wire::{Answer, Behaviour, Publisher, Sink};
use crate::support::{ports, synthetic, wait};

const START: Duration = Duration::from_secs(20);

/// Counts out secrets, and has each of them searched for.
struct Planter {
    relay: Relay,
    count: usize,
}

impl Planter {
    /// A secret that nobody else has; its word is one by itself too.
    fn secret(&mut self) -> String {
        let word = WORDS[self.count % WORDS.len()];
        self.of(word)
    }

    fn of(&mut self, word: &str) -> String {
        let secret = format!("{word}-k7v9xw2m4p{:02}zq", self.count);
        self.count += 1;
        self.relay.keep_secret(&secret);
        self.relay.keep_secret(word);
        secret
    }

    /// A text with a secret in place of each `{}`.
    fn filled(&mut self, form: &str) -> String {
        let mut parts = form.split("{}");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            text += &self.secret();
            text += part;
        }
        text
    }

    /// A file of a destination that is on, with this server and a key of its own, which is given.
    fn destination(&mut self, name: &str, url: &str) -> String {
        let key = self.secret();
        self.file(name, &format!("url = {}\nkey = {}\n", quoted(url), quoted(&key)));
        key
    }

    fn file(&self, name: &str, text: &str) {
        self.relay.destination_file(&format!("{name}.toml"), text);
    }
}

/// As TOML writes it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The same with nothing but escapes.
fn escaped(text: &str) -> String {
    let escape = |c: char| format!("\\U{:08X}", u32::from(c));
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

#[test]
fn no_secret_is_shown_in_any_form() {
    let mut planter = Planter { relay: Relay::new(), count: 0 };
    let authority = Authority::new(planter.relay.folder());
    planter.relay.serve_rtmps(authority.identity("relay", Flaw::None));

    let sink = Sink::start();
    let mut arriving = plant_keys(&mut planter, &sink);
    arriving.extend(plant_urls(&mut planter, &sink));
    let hostile = plant_hostile_servers(&mut planter);
    plant_wrong_files(&mut planter);
    let stream_keys = plant_stream_keys(&mut planter);

    planter.relay.start();
    let generated = fs::read_to_string(planter.relay.folder().join("state/stream-keys/studio-d")).unwrap();
    planter.relay.keep_secret(generated.trim());
    show_more_than_the_key(&mut planter);

    let broadcast = Broadcast::synthetic(&planter.relay, 2_000);
    let studios: Vec<Publisher> = stream_keys
        .iter()
        .chain([&generated.trim().to_owned()])
        .map(|key| Publisher::connect(planter.relay.rtmp_port(), key).expect("the key opens its stream"))
        .collect();
    show_wrong_keys(&mut planter);
    assert!(planter.count >= 60, "{} secrets", planter.count);
    for key in &arriving {
        wait::until("a key to arrive as it was written", START, || {
            sink.sessions()
                .iter()
                .any(|session| session.stream_key == *key && session.first_media.is_some())
                .then_some(())
        });
    }
    for name in &hostile {
        let entry = planter.relay.wait_for(name, "failing", START, |entry| !entry["last_error"].is_null());
        assert!(!entry["last_error"]["message"].as_str().unwrap_or_default().is_empty(), "{entry}");
    }
    look_everywhere(&planter.relay);
    drop(studios);
    broadcast.stop();
    planter.relay.assert_no_secret_shown();
    planter.relay.stop("TERM");
    planter.relay.assert_no_secret_shown();
}

/// In each of the ways to give a key: all of them go on air.
fn plant_keys(planter: &mut Planter, sink: &Sink) -> Vec<String> {
    let url = quoted(&sink.url());
    let mut keys = Vec::new();
    for index in 0..WORDS.len() {
        let key = planter.secret();
        let written = if index % 2 == 0 { quoted(&key) } else { escaped(&key) };
        planter.file(&format!("literal-{index}"), &format!("url = {url}\nkey = {written} # not {key}\n"));
        keys.push(key);
    }
    let of_file = planter.of("из-файла");
    fs::write(planter.relay.folder().join("key"), format!("\u{feff}{of_file}\n")).unwrap();
    planter.file("of-file", &format!("url = {url}\nkey_file = \"../key\"\n"));
    let of_environment = planter.of("из-среды\"%");
    planter.relay.environment("CANARY_KEY", &of_environment);
    planter.file("of-environment", &format!("url = {url}\nkey_env = \"CANARY_KEY\"\n"));
    keys.extend([of_file, of_environment]);
    keys
}

/// In URLs that platforms give per event: on air, where nobody listens, and where TLS fails.
fn plant_urls(planter: &mut Planter, sink: &Sink) -> Vec<String> {
    let (path, query, backup) = (planter.of("путь-%2F"), planter.of("запрос-\"&"), planter.of("запас-芝"));
    let closed = ports::free();
    let key = planter.destination("per-event", &format!("{}/{path}?token={query}", sink.url()));
    planter.destination("nobody-there", &format!("rtmp://127.0.0.1:{closed}/live/{path}?token={query}"));
    let not_tls = planter.of("не-tls-鍵");
    planter.destination("not-tls", &format!("rtmps://127.0.0.1:{}/live/{not_tls}", sink.port()));
    let untrusted = planter.of("чужой-ключ");
    let rtmps = planter.relay.publish_url_rtmps();
    let server = rtmps.rsplit_once("/live/").expect("it has an app").0;
    planter.destination("untrusted", &format!("{server}/live/{untrusted}"));
    let with_backup = planter.secret();
    let text = format!(
        "url = \"rtmp://127.0.0.1:{closed}/live\"\nbackup_url = {}\nbackup_after = 1\nkey = {}\n",
        quoted(&format!("{}/{backup}", sink.url())),
        quoted(&with_backup)
    );
    planter.file("with-backup", &text);
    vec![key, with_backup]
}

/// Servers that refuse, and repeat what they were given in every form there is; servers that redirect. Gives the names of the
/// destinations that fail there.
fn plant_hostile_servers(planter: &mut Planter) -> Vec<String> {
    let mut names = Vec::new();
    for (index, word) in WORDS.iter().enumerate() {
        let key = planter.of(word);
        // But for the one that only a program's own `Debug` would make of it.
        let forms = secret::forms_of(&key).into_iter().filter(|(name, _)| *name != "a list of bytes");
        let mut said: Vec<String> = forms.map(|(_, form)| form).collect();
        // Only so much is shown of what a server says: each begins with another form.
        let first = index * 5 % said.len();
        said.rotate_left(first);
        let at = if index % 2 == 0 { "publish" } else { "connect" };
        // What is repeated at `connect` is the path, since the key has not been sent yet.
        let code = if index % 3 == 0 { key.as_str() } else { "NetStream.Publish.Denied" };
        let sink = Box::leak(Box::new(Sink::with(Behaviour::refusing(at, code, &said.join(" ")))));
        let name = format!("refused-{index}");
        planter
            .file(&name, &format!("url = {}\nkey = {}\n", quoted(&format!("{}/{key}/more", sink.url())), quoted(&key)));
        names.push(name);
    }
    let elsewhere = planter.of("отсюда-туда");
    let second =
        Box::leak(Box::new(Sink::with(Behaviour::refusing("publish", "NetStream.Publish.Denied", &elsewhere))));
    let userinfo = planter.of("кто-там");
    let leads = [
        format!("{}/{elsewhere}", second.url()),
        format!("http://127.0.0.1/{elsewhere}"),
        format!("rtmp://{userinfo}:{userinfo}@127.0.0.1/live/{elsewhere}"),
        format!("rtmp://127.0.0.1:{elsewhere}/live"),
        format!("rtmp://127.0.0.1:{}/{elsewhere}?{userinfo}", ports::free()),
    ];
    for (index, lead) in leads.into_iter().enumerate() {
        let sink = Box::leak(Box::new(Sink::with(Behaviour::answering(Answer::Redirect(lead)))));
        let name = format!("redirected-{index}");
        planter.destination(&name, &sink.url());
        names.push(name);
    }
    names
}

/// Files that are wrong, each with secrets where they do not belong.
fn plant_wrong_files(planter: &mut Planter) {
    let forms: [&str; 26] = [
        "platform = \"youtube\"\nkey = \"{}\n",
        "platform = \"youtube\"\nkey = {}\n",
        "platform = \"youtube\"\nkey = “{}”\n",
        "platform = \"youtube\"\nkey: \"{}\"\n",
        "platform = \"youtube\"\nkey \"{}\"\n",
        "platform = \"youtube\"\nkey = \"{}\" \"{}\"\n",
        "platform = \"youtube\"\nkey = \"{}\"\nkey = \"{}\"\n",
        "platform = \"youtube\"\nkey = \"\"\"\n{}\n{}\"\"\"\n",
        "platform = \"youtube\"\nkey = \"{}\\q\"\n",
        "platform = \"youtube\"\nkey = [\"{}\"]\n",
        "platform = \"youtube\"\nkey = { it = \"{}\" }\n",
        "platform = \"youtube\"\nkey = \"{} {}\"\n",
        "platform = \"youtube\"\nkey = \"rtmp://127.0.0.1/{}\"\n",
        "platform = \"youtube\"\nkey = \"a\"\nbackup_after = \"{}\"\nhold = \"{}\"\nenabled = \"{}\"\n",
        "platform = \"youtube\"\nkey = \"a\"\n\"{}\" = \"{}\"\nkye = \"{}\"\n",
        "platform = \"youtube\"\nkey = \"a\"\n[\"{}\"]\nkey = \"{}\"\n",
        "platform = \"{}\"\ncodecs = [\"{}\"]\nresume = \"{}\"\nbind = \"{}\"\nprotocol = \"{}\"\n",
        "platform = \"youtube\"\nkey_file = \"{}\"\nca_file = \"{}\"\n",
        "platform = \"youtube\"\nkey_env = \"{}\"\nfailback = \"{}\"\n",
        "platform = \"youtube\"\nkey = \"{}\"\nkey_env = \"{}\"\n",
        "# {}\nplatform = \"youtube\" # {}\nkey = \"a\"\nmax_lag = 5 # {}\n",
        "url = \"rtmp://{}:{}@127.0.0.1/live\"\n",
        "url = \"{}\"\nbackup_url = \"{}://127.0.0.1/{}\"\n",
        "url = \"rtmp://127.0.0.1:{}/live\"\nkey = \"a\"\n",
        "{}",
        "\u{feff}{}\n{} = {}\n",
    ];
    let of_streams: [&str; 12] = [
        // Not as a name that is right: such a one is for the log.
        "[keys.\"{}!\"]\nkey = \"a-long-key-1\"\n",
        "[keys.{}!]\nkey = \"{}\"\n",
        "[keys.alice]\nkey = \"{}\"\n\"{}\" = \"{}\"\nvalid_from = \"{}\"\n",
        "[keys.bob]\nkey = \"{} {}\"\nvalid_until = \"{}\"\n",
        "keys = \"{}\"\n[signed]\nsecret = 5 # {}\n",
        "key_sha256 = \"{}\"\nallow = [\"{}\"]\ndeny = \"{}\"\n",
        "key = \"{}\"\ntakeover = \"{}\"\nhold = \"{}\"\nrequire_tls = \"{}\"\n",
        "[webhook]\nurl = \"http://user:{}@127.0.0.1/{}\"\n",
        "[webhook]\nurl = \"{}\"\ntimeout = \"{}\"\n",
        "[webhook]\nurl = \"http://example.com/{}\"\nca_file = \"{}\"\n",
        "[signed]\nsecret = \"{} {}\"\nsecret_env = \"{}\"\n",
        "{}",
    ];
    let folder = planter.relay.folder().join("destinations");
    for (index, form) in of_streams.iter().enumerate() {
        let text = planter.filled(form);
        fs::create_dir(folder.join(format!("wrong-{index}"))).unwrap();
        fs::write(folder.join(format!("wrong-{index}/stream.toml")), text).unwrap();
    }
    for (index, form) in forms.iter().enumerate() {
        let text = planter.filled(form);
        fs::write(folder.join(format!("wrong-{index}.toml")), text).unwrap();
    }
    let secret = planter.secret();
    let text = [b"platform = \"youtube\"\nkey = \"", secret.as_bytes(), b"\xff\xfe\"\n"].concat();
    fs::write(folder.join("wrong-bytes.toml"), text).unwrap();
}

/// In each of the ways to say who may publish; the default stream's is in the environment.
fn plant_stream_keys(planter: &mut Planter) -> Vec<String> {
    let of_environment = planter.of("эфир-\"%2F");
    planter.relay.set_stream_key(&of_environment);
    let literal = planter.of("студия-а");
    let of_file = planter.of("студия-б");
    let of_variable = planter.of("студия-в");
    let (signing, token) = (planter.of("подпись-\"署名"), planter.of("кто-там%2F"));
    let webhook = format!("http://127.0.0.1:{}/{token}?token={token}", ports::free());
    planter.relay.environment("CANARY_STREAM_KEY", &of_variable);
    let folder = planter.relay.folder().join("destinations");
    let files = [
        ("studio-a", format!("key = {}\n", escaped(&literal))),
        ("studio-b", "key_file = \"key\"\n".to_owned()),
        ("studio-c", "key_env = \"CANARY_STREAM_KEY\"\n".to_owned()),
        ("studio-d", "hold = \"1s\"\n".to_owned()),
        ("studio-e", format!("[signed]\nsecret = {}\n[webhook]\nurl = {}\n", quoted(&signing), quoted(&webhook))),
    ];
    for (name, text) in files {
        fs::create_dir(folder.join(name)).unwrap();
        planter.file(&format!("{name}/stream"), &text);
    }
    fs::write(folder.join("studio-b/key"), &of_file).unwrap();
    vec![literal, of_file, of_variable]
}

/// The right key opens the stream, wherever else another stands.
fn show_more_than_the_key(planter: &mut Planter) {
    let path = planter.secret();
    let key = planter.relay.stream_key().to_owned();
    let app = format!("live/{path}?{path}={path}");
    let publisher = Publisher::connect_to(planter.relay.rtmp_port(), &app, &key, &synthetic::headers(0));
    publisher.expect("the key is right").unpublish().unwrap();
}

/// What publishers show that is no key of ours, in each of the places where encoders put it; more often than they may.
fn show_wrong_keys(planter: &mut Planter) {
    for index in 0..7 {
        let (key, path) = (planter.secret(), planter.secret());
        let app = if index % 2 == 0 { format!("live/{path}") } else { format!("live?{path}={path}") };
        let key = if index % 3 == 0 { format!("studio-e?exp=4102444800&id={key}&sig={key}") } else { key };
        let opened = Publisher::connect_to(planter.relay.rtmp_port(), &app, &key, &[]);
        assert!(opened.is_err(), "a wrong key opens nothing");
    }
}

/// The outputs of the other commands; the relay's own are searched by `Relay`.
fn look_everywhere(relay: &Relay) {
    let search = Search::of(relay.secrets());
    for (name, arguments) in [("check", &[][..]), ("check", &["--explain"]), ("health", &[]), ("serve", &["--strict"])]
    {
        let mut process =
            Process::start(&format!("{name}-{}", arguments.len()), relay.folder(), relay.command(name).args(arguments));
        process.finish(START);
        let output = process.output();
        assert!(!output.is_empty(), "{name} says something");
        search.assert_absent(&format!("{name} {arguments:?}"), &output);
    }
    let mut refused =
        Process::start("argument", relay.folder(), relay.command("serve").arg("--stream-key").arg(&relay.secrets()[1]));
    assert_eq!(refused.finish(START).code(), Some(2));
    search.assert_absent("the refusal of an argument", &refused.output());
}

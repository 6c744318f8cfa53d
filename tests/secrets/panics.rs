//! A panic prints what its message holds, and backtraces are switched on by people in trouble: whatever of a secret's owner gets
//! into one, the secret does not.

use std::fmt::Debug;
use std::fs;
use std::io::{self, Write};
use std::panic;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use forkcast::config::{Config, Disk};
use forkcast::ingest::keys::StreamKey;
use forkcast::observe::Event;
use forkcast::rtmp::amf0::Value;
use forkcast::rtmp::client::{self, Client, ReconnectRequest, Refused};
use forkcast::rtmp::command::{Call, Command, Connect, Reply, Status, StreamReference};
use forkcast::rtmp::handshake::{Form, RANDOM_LEN};
use forkcast::rtmp::message::{Message, MessageType};
use forkcast::rtmp::secret::SecretText;
use forkcast::rtmp::server::{Connected, PublishRequest, Server};
use forkcast::rtmp::url::ServerUrl;
use secrecy::{ExposeSecret, SecretString};

use crate::secret::{Search, WORDS};

#[test]
fn no_panic_shows_a_secret() {
    let printed = Arc::new(Mutex::new(String::new()));
    let into = Arc::clone(&printed);
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        into.lock().unwrap().push_str(&format!("{info}\n{info:?}\n{}\n", std::backtrace::Backtrace::force_capture()));
    }));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut secrets: Vec<String> = Vec::new();
    let mut count = 0;
    for (index, word) in WORDS.iter().enumerate() {
        let secret = format!("{word}-k7v9xw2m4p{index}");
        for owner in owners(&secret, folder.path()) {
            let log = Arc::clone(&printed);
            runtime.block_on(async {
                // As a destination's task is run, and as it is told that it broke.
                let end = tokio::spawn(async move { panic!("{owner:?} {owner:#?}") }).await.unwrap_err();
                log.lock().unwrap().push_str(&format!("{end} {end:?}"));
            });
            count += 1;
        }
        secrets.extend([(*word).to_owned(), secret]);
    }
    panic::set_hook(before);
    let kept = StreamKey::load_or_make(folder.path(), "live").unwrap();
    secrets.push(kept.key.expose_secret().to_owned());

    let log = Log(Arc::clone(&printed));
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || log.clone());
    tracing::subscriber::with_default(subscriber.finish(), || {
        Event::DestinationBroken { stream: "live", destination: "d", restart_in: Duration::from_secs(5) }.emit();
    });
    let printed = printed.lock().unwrap();
    assert!(printed.matches("panicked at").count() >= count && printed.contains("ended by a fault"), "{printed}");
    Search::of(&secrets).assert_absent("what was printed", &printed);
}

/// Each type that holds a secret, with this one in every place of it.
fn owners(secret: &str, state: &std::path::Path) -> Vec<Box<dyn Debug + Send>> {
    let key = || SecretString::from(secret);
    let text = || SecretText::from(secret);
    let url: ServerUrl = format!("rtmps://127.0.0.1/live/{secret}?token={secret}").parse().unwrap();
    let config = client::Config {
        app: text(),
        tc_url: text(),
        stream_key: key(),
        chunk_size: 4096,
        enhanced: true,
        relay_hops: Vec::new(),
        handshake: Form::Digest,
    };
    let client = Client::new(config.clone(), &[7; RANDOM_LEN]);
    let connect = Connect { app: text(), swf_url: text(), tc_url: text(), ..Connect::default() };
    let connected = Connected {
        app: text(),
        tc_url: text(),
        flash_ver: "FMLE/3.0".to_owned(),
        capabilities: forkcast::rtmp::command::Capabilities::relay(),
        relay_hops: Vec::new(),
    };
    let status = || Status { tc_url: Some(text()), redirect: Some(text()), ..Status::error("c", secret) };
    let value = || Value::Object(vec![(secret.to_owned(), secret.into())]);
    let reply = || Reply { properties: value(), information: value() };
    let calls = vec![
        Call::Connect(Box::new(connect)),
        Call::ReleaseStream(key()),
        Call::FcPublish(key()),
        Call::Publish { stream_key: key(), publish_type: "live".to_owned() },
        Call::FcUnpublish(key()),
        Call::DeleteStream(StreamReference::Key(key())),
        Call::OnStatus(status()),
        Call::Result(reply()),
        Call::Error(reply()),
    ];
    let messages: Vec<_> = calls.iter().map(|call| Command::notify(call.clone()).message(1)).collect();
    let media = Message {
        message_type: MessageType::DATA_AMF0,
        message_stream_id: 1,
        timestamp: 0,
        payload: Bytes::copy_from_slice(secret.as_bytes()),
    };
    // Its connection has read them all.
    let mut server = Server::new(&[8; RANDOM_LEN]);
    let _ = server.handle_input(&mut [&[3][..], &[0; 1536], &[0; 1536], secret.as_bytes()].concat().as_slice());
    let refused = Refused {
        stage: client::Stage::Connect,
        code: String::new(),
        description: String::new(),
        redirect: Some(text()),
    };
    vec![
        Box::new(url),
        Box::new(config),
        Box::new(client),
        Box::new(server),
        Box::new(connected),
        Box::new(PublishRequest { stream_key: key(), publish_type: "live".to_owned() }),
        Box::new(calls),
        Box::new((messages, media)),
        Box::new((refused, ReconnectRequest { tc_url: Some(text()) })),
        Box::new(configuration(secret)),
        Box::new(StreamKey::load_or_make(state, "live").unwrap()),
    ]
}

/// Files of destinations and streams with the secret in them, right and wrong.
fn configuration(secret: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let quoted = secret.replace('\\', "\\\\").replace('"', "\\\"");
    let files = [
        (
            "right",
            format!(
                "url = \"rtmp://127.0.0.1/live/{quoted}\"\nkey = \"{quoted}\"\nbackup_url = \"rtmp://127.0.0.2/{quoted}\"\n"
            ),
        ),
        ("wrong", format!("url = \"rtmp://127.0.0.1/live/{quoted}\"\nkey = {secret}\n")),
        ("stream", format!("key = \"{quoted}\"\n")),
    ];
    for (name, text) in files {
        fs::write(folder.path().join(format!("{name}.toml")), text).unwrap();
    }
    Config::load(&Disk::default(), folder.path())
}

/// Where the log goes.
#[derive(Clone)]
struct Log(Arc<Mutex<String>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

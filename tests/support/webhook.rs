//! A program that is asked who may publish, or told what happens: HTTP over TLS or plain, with the answer that the test wants.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::certificates::Identity;

/// The webhook, running for the length of the process.
pub(crate) struct Webhook {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Status line and body.
    answer: Mutex<(String, String)>,
    /// The questions.
    asked: Mutex<Vec<Request>>,
}

/// One question as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The first line.
    pub(crate) line: String,
    /// The lines after it.
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
}

impl Request {
    /// The value of a header, by its name in small letters; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> String {
        let named = self.headers.iter().filter_map(|line| line.split_once(':'));
        let mut values = named.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
        values.next().unwrap_or_default().to_owned()
    }
}

impl Webhook {
    /// Answers with status 200; over TLS with this certificate, where there is one.
    pub(crate) fn start(identity: Option<&Identity>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let tls = identity.map(|identity| {
            let chain = CertificateDer::pem_file_iter(&identity.certificate).expect("it is PEM");
            let chain = chain.collect::<Result<Vec<_>, _>>().expect("it is PEM");
            let key = PrivateKeyDer::from_pem_file(&identity.key).expect("it is PEM");
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .expect("the provider has them")
                .with_no_client_auth();
            Arc::new(config.with_single_cert(chain, key).expect("they fit together"))
        });
        let webhook = Self { port, shared: Arc::default() };
        webhook.answer("200 OK", "");
        let shared = Arc::clone(&webhook.shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                match &tls {
                    None => converse(stream, &shared),
                    Some(tls) => {
                        let tls = ServerConnection::new(Arc::clone(tls)).expect("the configuration is right");
                        converse(StreamOwned::new(tls, stream), &shared);
                    }
                }
            }
        });
        webhook
    }

    /// From now on answers with this status, such as `403 Forbidden`, and this body.
    pub(crate) fn answer(&self, status: &str, body: &str) {
        *self.shared.answer.lock().expect("nobody panics here") = (status.to_owned(), body.to_owned());
    }

    /// The bodies of all questions so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.body).collect()
    }

    /// All questions so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.asked.lock().expect("nobody panics here").clone()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

/// One request and its answer. A peer that goes away, or does not trust us, is none.
fn converse(stream: impl Read + Write, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    let (mut length, mut head) = (0, Vec::new());
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(1..) if line.trim().is_empty() => break,
            Ok(1..) => {}
            _ => return,
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length is a number");
        }
        head.push(line.trim_end().to_owned());
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let (body, headers) = (String::from_utf8(body).expect("JSON is UTF-8"), head.split_off(1.min(head.len())));
    let request = Request { line: head.concat(), headers, body };
    shared.asked.lock().expect("nobody panics here").push(request);
    let (status, body) = shared.answer.lock().expect("nobody panics here").clone();
    let length = body.len();
    let _ = write!(
        reader.get_mut(),
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    let _ = reader.get_mut().flush();
}

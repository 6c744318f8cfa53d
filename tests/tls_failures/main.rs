//! Every way in which a destination cannot be reached, with real sockets on this machine: which cause is found, and what
//! the sentence and the hint say; and what is agreed on and resumed where it can. Certificates are made by rcgen; broken servers
//! answer with bytes written by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test says that it failed; clippy's allowance covers only the test functions themselves"
)]

/// That `$error` has the cause `$cause`, and that its sentence and its hint have these words in them. The sentence always
/// names the server.
macro_rules! assert_failure {
    ($error:expr, $cause:pat, $message:expr, $hint:expr) => {{
        let error: forkcast::net::Error = $error;
        assert!(matches!(error.cause, $cause), "{error:?}");
        let (message, hint) = (error.to_string(), error.hint());
        assert!(message.contains(error.endpoint.host()), "{message}");
        for words in $message {
            assert!(message.contains(&*words), "{words:?} is not in: {message}");
        }
        for words in $hint {
            assert!(hint.contains(&*words), "{words:?} is not in: {hint}");
        }
        assert!(!message.ends_with('.') && !hint.ends_with('.'), "{message} / {hint}");
    }};
}

mod certificates;
mod ciphers;
mod clients;
mod files;
mod handshakes;
mod openssl;
mod peers;
mod pinning;
mod plain;
mod publishers;
mod resumption;
mod stream;
mod trust;
mod unfit;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::io::AsyncReadExt;

use forkcast::net::{Error, LastGood, Target, TlsClient, Transport, dial};

/// The first attempt, which knows nothing of others.
async fn dialled(target: &Target) -> Result<Transport, Error> {
    dial(target, &mut LastGood::default()).await
}

async fn failure(host: &str, port: u16, tls: &Arc<TlsClient>) -> Error {
    let begun = Instant::now();
    let error = dialled(&Target::new(host, port, Some(Arc::clone(tls)))).await.expect_err("it should have failed");
    assert!(begun.elapsed() < Duration::from_secs(5), "{error} took {:?}", begun.elapsed());
    error
}

async fn live(host: &str, port: u16, tls: &Arc<TlsClient>) -> Transport {
    let mut transport = match dialled(&Target::new(host, port, Some(Arc::clone(tls)))).await {
        Ok(transport) => transport,
        Err(error) => panic!("{error}; hint: {}", error.hint()),
    };
    let mut greeting = [0; 4];
    transport.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"live");
    transport
}

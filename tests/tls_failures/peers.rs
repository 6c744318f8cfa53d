//! Servers that speak TLS, and servers that do not.

use std::sync::Arc;

use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::PrivateKeyDer,
    sign::{CertifiedKey, SingleCertAndKey},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use forkcast::net::Transport;

use crate::certificates::Identity;

/// A TLS server that greets each client with four bytes, and answers until it closes.
pub(crate) async fn tls_server(identity: &Identity, versions: &[&'static SupportedProtocolVersion]) -> u16 {
    greeting_server(server_config(identity, versions)).await
}

/// A server that shows the chain as it is, whatever is wrong with it, even where key and certificate are no pair.
pub(crate) fn server_config(identity: &Identity, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
    server_config_with(aws_lc_rs::default_provider(), identity, versions)
}

pub(crate) fn server_config_with(
    provider: CryptoProvider,
    identity: &Identity,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shown(identity)))
}

pub(crate) fn shown(identity: &Identity) -> SingleCertAndKey {
    let key = PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap();
    CertifiedKey::new(identity.chain.clone(), aws_lc_rs::sign::any_supported_type(&key).unwrap()).into()
}

pub(crate) async fn greeting_server(config: ServerConfig) -> u16 {
    server(config, |mut stream| async move {
        let _ = stream.write_all(b"live").await;
        let _ = stream.read(&mut [0; 1]).await;
    })
    .await
}

/// A TLS server that does `then` with each client.
pub(crate) async fn server<F>(config: ServerConfig, then: fn(TlsStream<TcpStream>) -> F) -> u16
where
    F: Future<Output = ()> + Send + 'static,
{
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    then(stream).await;
                }
            });
        }
    });
    port
}

/// What a server does once it has read the client's first message.
pub(crate) enum Answer {
    Bytes(Vec<u8>),
    Close,
    Reset,
    Silence,
}

pub(crate) async fn broken_server(answer: Answer) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // The whole hello is read, so that closing does not become a reset.
        let mut head = [0; 5];
        stream.read_exact(&mut head).await.unwrap();
        let length = u16::from_be_bytes([head[3], head[4]]);
        stream.read_exact(&mut vec![0; length.into()]).await.unwrap();
        match answer {
            Answer::Bytes(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
            Answer::Close => drop(stream),
            Answer::Reset => Transport::plain(stream).abort(),
            Answer::Silence => {
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        }
    });
    port
}

pub(crate) fn alert(description: u8) -> Answer {
    Answer::Bytes(vec![21, 3, 1, 0, 2, 2, description])
}

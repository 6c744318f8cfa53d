//! Which cipher is agreed on with OpenSSL: AES-128-GCM, where a processor does AES itself.

use tokio::io::AsyncReadExt;

use forkcast::{destination::session::Link as _, net::Target};

use crate::{
    clients::{our_server, s_client},
    dialled,
    openssl::{Server, is_here, pair},
};

/// What is first of our ciphers on this machine, by OpenSSL's names: with TLS 1.3, and with TLS 1.2 and an ECDSA key.
fn favourites() -> [(&'static str, &'static str); 2] {
    #[cfg(target_arch = "x86_64")]
    let has_aes = std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    let has_aes = std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let has_aes = false;
    if has_aes {
        [("-tls1_3", "TLS_AES_128_GCM_SHA256"), ("-tls1_2", "ECDHE-ECDSA-AES128-GCM-SHA256")]
    } else {
        [("-tls1_3", "TLS_CHACHA20_POLY1305_SHA256"), ("-tls1_2", "ECDHE-ECDSA-CHACHA20-POLY1305")]
    }
}

/// OpenSSL's server takes what its client offers first.
#[tokio::test]
async fn what_is_offered_to_a_server_first() {
    if !is_here("what_is_offered_to_a_server_first") {
        return;
    }
    let (authority, identity) = pair();
    for (version, favourite) in favourites() {
        let mut server = Server::start(&identity, &[version]);
        let mut transport = dialled(&Target::new("localhost", server.port, Some(authority.client()))).await.unwrap();
        // More than plain TCP, so that messages gather for it sooner.
        assert_eq!(transport.cost(), 3);
        let agreed = server.wait_for("CIPHER is ");
        assert_eq!(agreed.trim(), format!("CIPHER is {favourite}"));
        server.says("live");
        transport.read_exact(&mut [0; 4]).await.unwrap();
    }
}

/// OpenSSL's client offers AES-256 first: that is no wish for the slower one. ChaCha20 first is what machines without AES ask for.
#[tokio::test]
async fn what_is_chosen_of_what_a_publisher_offers() {
    if !is_here("what_is_chosen_of_what_a_publisher_offers") {
        return;
    }
    let (authority, _) = pair();
    let port = our_server(&authority).await;
    for (version, favourite) in favourites() {
        let agreed = s_client(port, &[version]).await;
        assert!(agreed.ends_with(favourite), "{agreed}");
    }
    let (suites, ciphers) = ("-ciphersuites", "-cipher");
    for (options, expected) in [
        (["-tls1_3", suites, "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"], "TLS_CHACHA20_POLY1305_SHA256"),
        (["-tls1_2", ciphers, "ECDHE+CHACHA20:ECDHE+AESGCM"], "ECDHE-ECDSA-CHACHA20-POLY1305"),
        // What it has alone it gets.
        (["-tls1_3", suites, "TLS_AES_256_GCM_SHA384"], "TLS_AES_256_GCM_SHA384"),
        (["-tls1_2", ciphers, "ECDHE-ECDSA-AES256-GCM-SHA384"], "ECDHE-ECDSA-AES256-GCM-SHA384"),
    ] {
        let agreed = s_client(port, &options).await;
        assert!(agreed.ends_with(expected), "{options:?}: {agreed}");
    }
}

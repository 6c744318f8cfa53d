//! What happened in a handshake that its error does not say: what was refused, and whether a certificate of ours was wanted.

use std::{cell::RefCell, future::Future, sync::Arc, time::SystemTime};

use rustls::{SignatureScheme, client::ResolvesClientCert, pki_types::CertificateDer, sign::CertifiedKey};

use super::Chain;

tokio::task_local! {
    /// What is seen in the handshake that this task is driving. Verifier and resolver are shared by all connections (resumption
    /// depends on that) and are not told which one they serve; but they are called in the handshake's own task.
    static SEEN: RefCell<Seen>;
}

/// What was seen in one handshake.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// What the server was refused for.
    pub(super) refused: Option<Refused>,
    /// The server asked for a certificate of ours.
    pub(super) wants_ours: bool,
}

impl Seen {
    /// The certificates that were refused, as they are `now`.
    pub(super) fn shown(&self, now: SystemTime) -> Option<Chain> {
        match self.refused.as_ref()? {
            Refused::Chain(certificates) => Chain::of(certificates, now),
            Refused::Signature(own) => Chain::of(std::slice::from_ref(own), now),
        }
    }
}

/// What a server was refused for.
#[derive(Clone, Debug)]
pub(super) enum Refused {
    /// Its certificate. The chain that it sent, its own certificate first.
    Chain(Vec<CertificateDer<'static>>),
    /// Its signature, which is to show that it holds the key of this certificate.
    Signature(CertificateDer<'static>),
}

/// Runs a handshake, and gives with its result what was seen in it.
pub(super) async fn watched<F: Future>(handshake: F) -> (F::Output, Seen) {
    let watched = async {
        let result = handshake.await;
        (result, SEEN.with(RefCell::take))
    };
    SEEN.scope(RefCell::default(), watched).await
}

/// Keeps what was refused for whoever watches; without a watcher nobody wants to know.
pub(super) fn refused(what: impl FnOnce() -> Refused) {
    let _ = SEEN.try_with(|seen| seen.borrow_mut().refused = Some(what()));
}

/// We have no certificate to show, and only remember that one was wanted: many servers say no more than "handshake failure".
#[derive(Debug)]
pub(super) struct NoneOfOurs;

impl ResolvesClientCert for NoneOfOurs {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let _ = SEEN.try_with(|seen| seen.borrow_mut().wants_ours = true);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

//! Connections to a destination's servers: TCP, TLS with the destination's trust, and the RTMP client for it.

use std::{io, sync::Arc};

use super::{
    failure::{Failure, Stage},
    platform::Platform,
    route::Server,
    settings::Settings,
};
use crate::{
    net::{self, Endpoint, LastGood, Steps, Target, Timeouts, TlsClient, Transport},
    rtmp::{
        client::{Client, Config},
        handshake::{Form, RANDOM_LEN, Random},
        url::Scheme,
    },
};

/// Dials for one destination.
#[derive(Default)]
pub struct Dialler {
    /// Made at the first connection: reading the system's roots takes a while. The same for every server of the destination.
    tls: Option<Arc<TlsClient>>,
    /// Whom it believes was read since the last word that this may have changed.
    is_trust_current: bool,
    /// For when DNS is down.
    last_good: LastGood,
    timeouts: Timeouts,
}

impl Dialler {
    /// One that has other time for each step than the usual.
    pub fn with(timeouts: Timeouts) -> Self {
        Self { timeouts, ..Self::default() }
    }

    /// Connects to `server`.
    ///
    /// # Errors
    /// Which of the classic causes it is, with its remedy.
    pub async fn dial(
        &mut self,
        settings: &Settings,
        server: &Server,
        endpoint: &Endpoint,
    ) -> Result<Transport, Failure> {
        self.dial_timed(settings, server, endpoint, &mut Steps::default()).await
    }

    /// The same; `steps` says how far it came and how long that took, even where it failed or was dropped.
    ///
    /// # Errors
    /// Which of the classic causes it is, with its remedy.
    pub async fn dial_timed(
        &mut self,
        settings: &Settings,
        server: &Server,
        endpoint: &Endpoint,
        steps: &mut Steps,
    ) -> Result<Transport, Failure> {
        let tls = match server.url.scheme() {
            Scheme::Rtmp => None,
            Scheme::Rtmps => Some(self.trust(settings, endpoint).await?),
        };
        let target = Target {
            bind: settings.bind,
            timeouts: self.timeouts,
            ..Target::new(server.url.host(), server.url.port(), tls)
        };
        let dialled = net::dial_timed(&target, &mut self.last_good, steps).await;
        dialled.map_err(|error| match settings.platform.has_server(server.url.host()) {
            true => Failure::from(&error).of_own_server_of(&settings.platform.title),
            false => Failure::from(&error),
        })
    }

    /// Whom to believe, or a file of certificates, may have changed: it is read again before the next connection. Sessions are
    /// resumed where nothing has.
    pub fn review_trust(&mut self) {
        self.is_trust_current = false;
    }

    async fn trust(&mut self, settings: &Settings, endpoint: &Endpoint) -> Result<Arc<TlsClient>, Failure> {
        if let Some(tls) = self.tls.as_ref().filter(|_| self.is_trust_current) {
            return Ok(Arc::clone(tls));
        }
        let trust = settings.trust.clone();
        // It reads files: the system's roots and the destination's own.
        let made = tokio::task::spawn_blocking(move || TlsClient::new(&trust)).await;
        let broken = |error| Failure::lost(endpoint, Stage::Tls, Some(&io::Error::other(error)));
        let made = made.map_err(broken)?.map_err(|error| Failure::from(&error))?;
        let tls = match self.tls.take() {
            Some(present) if present.believes_as(&made) => present,
            _ => Arc::new(made),
        };
        self.tls = Some(Arc::clone(&tls));
        self.is_trust_current = true;
        Ok(tls)
    }
}

/// The RTMP client of a session with `server`; `is_enhanced` where the stream needs Enhanced RTMP, `relay_hops` the relays
/// that it has passed.
///
/// # Errors
/// Where the system gives no random bytes.
pub fn client(settings: &Settings, server: &Server, is_enhanced: bool, relay_hops: Vec<String>) -> io::Result<Client> {
    let mut random: Random = [0; RANDOM_LEN];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(Client::new(config(settings, server, is_enhanced, relay_hops), &random))
}

fn config(settings: &Settings, server: &Server, is_enhanced: bool, relay_hops: Vec<String>) -> Config {
    // A platform's server is no relay that could lead back here, and is told nothing that it does not know.
    let is_platform = Platform::of_host(server.url.host()).is_some();
    Config {
        app: server.url.expose_app().into(),
        tc_url: server.url.expose_tc_url().into(),
        stream_key: settings.key.clone(),
        chunk_size: settings.platform.chunk_size,
        enhanced: is_enhanced,
        relay_hops: if is_platform { Vec::new() } else { relay_hops },
        handshake: Form::Simple,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::HandshakeKind;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::{
        destination::{settings::Trust, testing::settings},
        net::{
            TlsServer,
            tls::{CertificateFiles, Fingerprint},
        },
        rtmp::url::ServerUrl,
    };

    /// A server for `localhost` that greets whoever comes: its port, its certificate's fingerprint, and its authority in PEM.
    async fn server(folder: &Path) -> (u16, Fingerprint, String) {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let (authority_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let root = authority.self_signed(&authority_key).unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let own = params.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap();
        let files = CertificateFiles { chain: folder.join("chain.pem"), key: folder.join("key.pem") };
        fs::write(&files.chain, own.pem()).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        let server = TlsServer::from_files(&[files]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                if let Ok(mut client) = server.accept(stream, Timeouts::default().tls).await {
                    client.write_all(b"live").await.unwrap();
                    client.shutdown().await.unwrap();
                }
            }
        });
        (port, Fingerprint::of(own.der()), root.pem())
    }

    /// How TLS began with the destination's server.
    async fn began(dialler: &mut Dialler, settings: &Settings) -> Result<HandshakeKind, Failure> {
        let server = Server { url: settings.url.clone(), is_backup: false };
        let endpoint = Endpoint::new(server.url.host(), server.url.port());
        let mut transport = dialler.dial(settings, &server, &endpoint).await?;
        // The ticket comes before it.
        transport.read_exact(&mut [0; 4]).await.unwrap();
        let Transport::Client(stream) = transport else { panic!("not TLS") };
        Ok(stream.get_ref().1.handshake_kind().unwrap())
    }

    #[tokio::test]
    async fn sessions_are_resumed_for_as_long_as_the_same_is_believed() {
        use HandshakeKind::{Full, Resumed};

        let folder = tempfile::tempdir().unwrap();
        let (port, fingerprint, root) = server(folder.path()).await;
        let ca_file = folder.path().join("ca.pem");
        fs::write(&ca_file, &root).unwrap();
        let by =
            |trust| Settings { url: format!("rtmps://localhost:{port}/live").parse().unwrap(), trust, ..settings() };
        let by_file = by(Trust::Authorities { ca_file: Some(ca_file.clone()) });
        let mut dialler = Dialler::default();
        assert_eq!(began(&mut dialler, &by_file).await.unwrap(), Full);
        assert_eq!(began(&mut dialler, &by_file).await.unwrap(), Resumed);
        // Looked at, and found to be the same.
        dialler.review_trust();
        assert_eq!(began(&mut dialler, &by_file).await.unwrap(), Resumed);
        // Another authority stands in the file, which says nothing of the server that was believed.
        let another = CertificateParams::new(Vec::new()).unwrap().self_signed(&KeyPair::generate().unwrap()).unwrap();
        fs::write(&ca_file, another.pem()).unwrap();
        assert_eq!(began(&mut dialler, &by_file).await.unwrap(), Resumed, "nobody has said that it changed");
        dialler.review_trust();
        began(&mut dialler, &by_file).await.expect_err("it is not believed any more");
        // And now it is again.
        fs::write(&ca_file, &root).unwrap();
        dialler.review_trust();
        assert_eq!(began(&mut dialler, &by_file).await.unwrap(), Full);
        for trust in [Trust::Pinned(vec![fingerprint]), Trust::DangerousAnybody] {
            dialler.review_trust();
            assert_eq!(began(&mut dialler, &by(trust.clone())).await.unwrap(), Full, "{trust:?}");
            assert_eq!(began(&mut dialler, &by(trust.clone())).await.unwrap(), Resumed, "{trust:?}");
        }
        // Another destination has no part in it.
        assert_eq!(began(&mut Dialler::default(), &by(Trust::DangerousAnybody)).await.unwrap(), Full);
    }

    fn is_told(url: &str) -> bool {
        let url: ServerUrl = url.parse().unwrap();
        let server = Server { url: url.clone(), is_backup: false };
        !config(&Settings { url, ..settings() }, &server, false, vec!["own".to_owned()]).relay_hops.is_empty()
    }

    #[test]
    fn only_what_may_be_a_relay_is_told_of_relays() {
        for platform in Platform::all() {
            let urls = [&platform.server, &platform.backup].map(|urls| [&urls.rtmps, &urls.rtmp]);
            for url in urls.into_iter().flatten().flatten() {
                assert!(!is_told(url), "{url}");
            }
        }
        assert!(!is_told("rtmps://fra05.contribute.live-video.net/app"), "typed, and a platform's all the same");
        for url in ["rtmp://127.0.0.1/live", "rtmps://relay.example/live", "rtmp://[2001:db8::1]/live"] {
            assert!(is_told(url), "{url}");
        }
    }
}

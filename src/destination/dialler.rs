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
        net::dial_timed(&target, &mut self.last_good, steps).await.map_err(|error| Failure::from(&error))
    }

    /// The files of certificates may have changed: they are read again.
    pub fn forget_trust(&mut self) {
        self.tls = None;
    }

    async fn trust(&mut self, settings: &Settings, endpoint: &Endpoint) -> Result<Arc<TlsClient>, Failure> {
        if let Some(tls) = &self.tls {
            return Ok(Arc::clone(tls));
        }
        let trust = settings.trust.clone();
        // It reads files: the system's roots and the destination's own.
        let made = tokio::task::spawn_blocking(move || TlsClient::new(&trust)).await;
        let broken = |error| Failure::lost(endpoint, Stage::Tls, Some(&io::Error::other(error)));
        let tls = Arc::new(made.map_err(broken)?.map_err(|error| Failure::from(&error))?);
        self.tls = Some(Arc::clone(&tls));
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
    use super::*;
    use crate::{destination::testing::settings, rtmp::url::ServerUrl};

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

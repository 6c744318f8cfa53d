//! Which server a destination connects to next: the primary, the backup, or one that a server sent it to.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    failure::{EARLY, Failure, Kind, Retry},
    platform::Urls,
    redirect,
    settings::{Backup, Failback, Settings},
};
use crate::{
    net::{Endpoint, error::Origin},
    rtmp::url::{Scheme, ServerUrl},
};

/// A server of a destination.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its URL.
    pub url: ServerUrl,
    /// It is the backup.
    pub is_backup: bool,
}

impl Server {
    /// Its address for messages, with where it stands: hints speak of that.
    pub fn endpoint(&self, settings: &Settings) -> Endpoint {
        let is_own = |urls: &Urls, url: &ServerUrl| {
            let own = [&urls.rtmps, &urls.rtmp].into_iter().flatten();
            own.filter_map(|own| own.parse().ok()).any(|own: ServerUrl| own == *url)
        };
        // A server that another one has sent us to is as right as that one.
        let (platform, backup) = (&settings.platform, settings.backup.as_ref());
        let origin = match backup.filter(|_| self.is_backup) {
            Some(backup) if is_own(&platform.backup, &backup.url) => Origin::Platform,
            Some(_) => Origin::BackupUrl,
            None if is_own(&platform.server, &settings.url) => Origin::Platform,
            None => Origin::Url,
        };
        Endpoint::new(self.url.host(), self.url.port()).named_by(origin, self.url.scheme() == Scheme::Rtmps)
    }

    /// For messages: what is said of a try.
    pub fn name(&self) -> &'static str {
        if self.is_backup { " at the backup" } else { " at the primary" }
    }
}

/// The way through a destination's servers.
///
/// ```text
///   primary --failed so often, or a dead peer--> backup --the same, or time to go back--> primary
///      \--redirect, at most three in a row--> another server --failed--> back to where it came from
/// ```
#[derive(Clone, Debug)]
pub struct Route {
    primary: Server,
    backup: Option<Backup>,
    /// Set while the backup is in use: since when.
    on_backup: Option<Instant>,
    /// Failures in a row of the server in use.
    failures: u32,
    /// Where the last server of the chain sent us.
    redirected: Option<Server>,
    hops: u32,
}

impl Route {
    /// The way of a destination, from its primary server.
    pub fn new(settings: &Settings) -> Self {
        Self {
            primary: Server { url: settings.url.clone(), is_backup: false },
            backup: settings.backup.clone(),
            on_backup: None,
            failures: 0,
            redirected: None,
            hops: 0,
        }
    }

    /// The server that is next.
    pub fn server(&self) -> Server {
        match (&self.redirected, &self.backup, self.on_backup) {
            (Some(server), ..) => server.clone(),
            (None, Some(backup), Some(_)) => Server { url: backup.url.clone(), is_backup: true },
            _ => self.primary.clone(),
        }
    }

    /// The server in use failed, after it had delivered for so long. Says whether it is another one's turn now.
    pub fn failed(&mut self, failure: &Failure, delivered: Duration, now: Instant) -> bool {
        self.redirected = None;
        self.hops = 0;
        if delivered >= EARLY {
            self.failures = 0;
        }
        self.failures += 1;
        let Some(backup) = &self.backup else { return false };
        let is_dead = matches!(failure.kind, Kind::Stalled | Kind::ConnectionLost);
        // The key is the same there: a refusal of it is no reason to ask elsewhere.
        if failure.retry == Retry::NotUntilChanged || (!is_dead && self.failures < backup.after) {
            return false;
        }
        self.failures = 0;
        self.on_backup = if self.on_backup.is_some() { None } else { Some(now) };
        true
    }

    /// The server in use names another one.
    ///
    /// # Errors
    /// Where that is no server that may be gone to, or it is one too many in a row.
    pub fn redirect(&mut self, to: &str) -> Result<(), Failure> {
        let present = self.server();
        let url = redirect::follow(&present.url, to, self.hops)?;
        self.hops += 1;
        self.redirected = Some(Server { url, is_backup: present.is_backup });
        Ok(())
    }

    /// When it is time to go back to the primary server.
    pub fn fail_back_at(&self) -> Option<Instant> {
        match (&self.backup, self.on_backup) {
            (Some(Backup { failback: Failback::After(wait), .. }), Some(since)) => Some(since + *wait),
            _ => None,
        }
    }

    /// Goes back to the primary server. One failure there is enough to return: viewers wait meanwhile.
    pub fn fail_back(&mut self) {
        self.on_backup = None;
        self.failures = self.backup.as_ref().map_or(0, |backup| backup.after.saturating_sub(1));
        self.redirected = None;
        self.hops = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::{
        backoff::{Attempt, Backoff, Next},
        failure::Stage,
        platform::Platform,
        settings::Reconnect,
        testing::settings,
    };

    fn with_backup(failback: Failback) -> Route {
        let backup = Backup { url: "rtmp://127.0.0.2/live".parse().unwrap(), after: 3, failback };
        Route::new(&Settings { backup: Some(backup), ..settings() })
    }

    fn lost() -> Failure {
        Failure::lost(&Endpoint::new("127.0.0.1", 1935), Stage::Connect, None)
    }

    #[test]
    fn where_each_address_stands() {
        let backup = |url: &str| Backup { url: url.parse().unwrap(), after: 3, failback: Failback::Never };
        let of = |url: &str, backup_url: &str, platform: &str| Settings {
            url: url.parse().unwrap(),
            backup: Some(backup(backup_url)),
            platform: Platform::named(platform).unwrap(),
            ..settings()
        };
        let (own, second) = ("rtmps://a.rtmps.youtube.com:443/live2", "rtmps://b.rtmps.youtube.com:443/live2?backup=1");
        let typed = ("rtmp://192.0.2.1/live", "rtmps://192.0.2.2/live");
        for (url, backup_url, platform, expected) in [
            (own, second, "youtube", [(Origin::Platform, true); 2]),
            (typed.0, typed.1, "youtube", [(Origin::Url, false), (Origin::BackupUrl, true)]),
            (typed.0, typed.1, "custom", [(Origin::Url, false), (Origin::BackupUrl, true)]),
            (own, typed.1, "youtube", [(Origin::Platform, true), (Origin::BackupUrl, true)]),
        ] {
            let settings = of(url, backup_url, platform);
            let found = [false, true].map(|is_backup| {
                let url = if is_backup { backup_url } else { url }.parse().unwrap();
                let endpoint = Server { url, is_backup }.endpoint(&settings);
                (endpoint.origin(), endpoint.is_tls())
            });
            assert_eq!(found, expected, "{url} {backup_url} {platform}");
        }
        // Whoever was sent on there has nothing to look at either.
        let sent_on = Server { url: "rtmps://elsewhere.example/x".parse().unwrap(), is_backup: false };
        assert_eq!(sent_on.endpoint(&of(own, second, "youtube")).origin(), Origin::Platform);
    }

    #[tokio::test(start_paused = true)]
    async fn the_backup_takes_over_and_gives_back() {
        let now = Instant::now();
        let mut route = with_backup(Failback::NextPublish);
        let turns: Vec<bool> = (0..6).map(|_| route.failed(&lost(), Duration::ZERO, now)).collect();
        assert_eq!(turns, [false, false, true, false, false, true]);
        assert!(!route.server().is_backup);
        assert_eq!(route.fail_back_at(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_peer_is_enough() {
        let mut route = with_backup(Failback::After(Duration::from_secs(600)));
        let now = Instant::now();
        let stalled = Failure::stalled(&Endpoint::new("127.0.0.1", 1935), Duration::from_secs(8));
        assert!(route.failed(&stalled, Duration::from_secs(60), now));
        assert!(route.server().is_backup);
        assert_eq!(route.fail_back_at(), Some(now + Duration::from_secs(600)));
        route.fail_back();
        assert!(!route.server().is_backup && route.fail_back_at().is_none());
        assert!(route.failed(&lost(), Duration::ZERO, now), "the primary is still away");
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_delivered_starts_the_count_anew() {
        let mut route = with_backup(Failback::Never);
        let now = Instant::now();
        for _ in 0..10 {
            assert!(!route.failed(&lost(), Duration::from_secs(60), now));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_backup_it_is_always_the_primary() {
        let mut route = Route::new(&settings());
        assert!((0..20).all(|_| !route.failed(&lost(), Duration::ZERO, Instant::now())));
    }

    #[tokio::test(start_paused = true)]
    async fn two_dead_servers_are_not_asked_for_ever_at_the_pace_of_the_first_seconds() {
        let reconnect = Reconnect { give_up_after: Some(Duration::from_secs(600)), ..Reconnect::default() };
        let (mut backoff, mut route) = (Backoff::new(reconnect), with_backup(Failback::NextPublish));
        let mut tries = 0;
        loop {
            tries += 1;
            let failure = Failure { retry: Retry::Soon, ..lost() };
            if route.failed(&failure, Duration::ZERO, Instant::now()) {
                backoff.another_server();
            }
            if backoff.failed(failure.retry, Attempt::default(), 0.5) == Next::GivenUp {
                break;
            }
        }
        assert!(tries < 120, "{tries} tries in ten minutes");
    }
}

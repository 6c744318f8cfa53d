//! What a destination is told while it runs: other settings, to connect anew, to end.

use std::sync::Arc;

use tokio::sync::watch;

use super::settings::{Difference, Settings};

/// What is wanted of a destination. The newest counts; what was wanted in between is nobody's concern.
#[derive(Clone, Debug)]
pub struct Orders {
    /// What its file says now.
    pub settings: Arc<Settings>,
    /// Counts up whenever a file of its own was saved: what waits is tried at once, whatever has changed; what runs goes on.
    pub saves: u64,
    /// Counts up: with each step the connection is dropped, and another one made.
    pub restarts: u64,
    /// Broadcasts up to this number are over here, whatever they are elsewhere.
    pub ended: u64,
    /// It is to end what it serves, and to serve no more: why, for whoever looks.
    pub dismissed: Option<String>,
}

/// What other orders mean for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Nothing,
    /// The session goes on by other numbers.
    InPlace,
    /// The broadcast goes on over another connection: this one is dropped with no word that would end it.
    Reconnect,
    /// What this session shows is over: its server is told.
    End,
}

impl Orders {
    /// To serve every broadcast.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        Self { settings, saves: 0, restarts: 0, ended: 0, dismissed: None }
    }

    /// Whether the broadcast `number` is to be served.
    #[must_use]
    pub fn serve(&self, number: u64) -> bool {
        self.dismissed.is_none() && self.ended < number
    }

    /// What these orders mean for a session of the broadcast `number` that was begun by `earlier` ones.
    #[must_use]
    pub fn change_since(&self, earlier: &Self, number: u64) -> Change {
        let difference = self.settings.difference(&earlier.settings);
        if !self.serve(number) || difference == Difference::Target {
            Change::End
        } else if self.restarts != earlier.restarts || difference == Difference::Connection {
            Change::Reconnect
        } else if difference == Difference::Numbers || self.saves != earlier.saves {
            Change::InPlace
        } else {
            Change::Nothing
        }
    }
}

/// Completes when there are other orders; never, where nobody can give any.
pub async fn changed(orders: &mut watch::Receiver<Orders>) {
    if orders.changed().await.is_err() {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::destination::{
        settings::{Backpressure, Backup, Failback, PolicyName, Reconnect, Resume, Trust},
        testing::settings,
    };

    fn backup(url: &str, after: u32) -> Option<Backup> {
        Some(Backup { url: url.parse().unwrap(), after, failback: Failback::Never })
    }

    #[test]
    fn what_a_change_of_the_file_means_for_a_session() {
        type Edit = fn(&mut Settings);
        let table: &[(&str, Edit, Change)] = &[
            ("nothing", |_| {}, Change::Nothing),
            ("key", |settings| settings.key = "another".into(), Change::End),
            ("url", |settings| settings.url = "rtmp://127.0.0.1:1936/live".parse().unwrap(), Change::End),
            ("app", |settings| settings.url = "rtmp://127.0.0.1/other".parse().unwrap(), Change::End),
            ("trust", |settings| settings.trust = Trust::DangerousAnybody, Change::Reconnect),
            ("delay", |settings| settings.delay = Duration::from_secs(10), Change::Reconnect),
            ("codecs", |settings| settings.codecs = super::super::codecs::Codecs::Only(Vec::new()), Change::Reconnect),
            ("multitrack", |settings| settings.multitrack = !settings.multitrack, Change::Reconnect),
            ("bind", |settings| settings.bind = Some([127, 0, 0, 2].into()), Change::Reconnect),
            ("backup", |settings| settings.backup = backup("rtmp://127.0.0.2/live", 3), Change::Reconnect),
            ("reconnect", |settings| settings.reconnect.max = Duration::from_secs(7), Change::InPlace),
            ("hold", |settings| settings.hold = Duration::from_secs(99), Change::InPlace),
            (
                "resume",
                |settings| settings.resume = Resume::CatchUp { window: Duration::from_secs(9) },
                Change::InPlace,
            ),
            (
                "policy",
                |settings| {
                    settings.backpressure = Backpressure { policy: PolicyName::NeverDrop, ..Backpressure::default() };
                },
                Change::InPlace,
            ),
        ];
        for (what, edit, expected) in table {
            let mut edited = settings();
            edit(&mut edited);
            let now = Orders::new(Arc::new(edited));
            assert_eq!(now.change_since(&Orders::new(Arc::new(settings())), 1), *expected, "{what}");
        }
    }

    #[test]
    fn when_a_backup_takes_over_is_a_number() {
        let with = |after| {
            let settings = Settings { backup: backup("rtmp://127.0.0.2/live", after), ..settings() };
            Orders::new(Arc::new(settings))
        };
        assert_eq!(with(5).change_since(&with(3), 1), Change::InPlace);
    }

    #[test]
    fn what_is_asked_beside_the_file() {
        let before = Orders::new(Arc::new(Settings { reconnect: Reconnect::default(), ..settings() }));
        let ended = Orders { ended: 4, ..before.clone() };
        assert_eq!(ended.change_since(&before, 4), Change::End);
        assert_eq!(ended.change_since(&before, 5), Change::Nothing, "the next broadcast is served");
        let restarted = Orders { restarts: 1, ..before.clone() };
        assert_eq!(restarted.change_since(&before, 1), Change::Reconnect);
        let saved = Orders { saves: 1, ..before.clone() };
        assert_eq!(saved.change_since(&before, 1), Change::InPlace, "a session goes on, and the next one trusts anew");
        let dismissed = Orders { dismissed: Some("off".to_owned()), restarts: 1, ..before.clone() };
        assert_eq!(dismissed.change_since(&before, 1), Change::End);
    }
}

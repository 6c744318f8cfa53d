//! The second server of a destination: which, and when it takes over and gives back.

use std::{ops::RangeInclusive, time::Duration};

use super::Reader;
use crate::{
    config::{
        document::{At, show_duration},
        nearest::nearest,
        server_url::{BACKUP_URL, OFF, Server},
    },
    destination::{
        platform::Platform,
        settings::{Backup, Failback},
    },
};

/// A backup that waits for more than a hundred failures waits for ever.
const AFTER: RangeInclusive<u32> = 1..=100;
/// To go back sooner than in ten seconds is to go back and forth; a week is longer than any broadcast.
const BACK: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_secs(7 * 86_400);

const FAILBACK: &str = "failback";
const FORMS: [(&str, Failback); 2] = [("next_publish", Failback::NextPublish), ("never", Failback::Never)];

/// The name of a form in a file, or its time.
pub(in crate::config) fn show_failback(failback: Failback) -> String {
    match failback {
        Failback::After(time) => show_duration(time),
        form => FORMS.iter().find(|(_, known)| *known == form).map_or_else(String::new, |(name, _)| (*name).to_owned()),
    }
}

impl Reader<'_, '_> {
    pub(super) fn backup(&mut self, platform: &Platform, server: &Server) -> Option<Backup> {
        let backup = Server::read_backup(&mut self.document, platform, server);
        let is_wrong = matches!(backup, Server::Wrong);
        let after = self.document.count("backup_after", AFTER);
        let failback = self.failback();
        let Server::Set { url, origin } = backup else {
            let origin = self.origin_of(BACKUP_URL.name);
            self.explain(BACKUP_URL.name, OFF, origin);
            // Where there is a mistake it was meant, and where there is no primary yet there may be one.
            if !is_wrong && matches!(server, Server::Set { .. }) {
                self.note_no_backup("backup_after");
                self.note_no_backup(FAILBACK);
            }
            return None;
        };
        self.explain(BACKUP_URL.name, url.to_string(), origin);
        let (after_origin, failback_origin) = (self.origin_of("backup_after"), self.origin_of(FAILBACK));
        let after = after.map_or(Backup::AFTER, |at| at.value);
        self.explain("backup_after", after.to_string(), after_origin);
        self.explain(FAILBACK, show_failback(failback), failback_origin);
        Some(Backup { url, after, failback })
    }

    fn failback(&mut self) -> Failback {
        let Some(At { value: text, span }) = self.document.text(FAILBACK) else { return Failback::default() };
        if let Some((_, form)) = FORMS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&text)) {
            return *form;
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return self.document.duration(FAILBACK, BACK).map_or(Failback::default(), |at| Failback::After(at.value));
        }
        let names = FORMS.map(|(name, _)| name);
        let meant = nearest(&text, &names).map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
        let message = "`failback` is neither a time nor a name that it can be".to_owned();
        let hint = format!("{meant}it can be `next_publish`, `never`, or a time on the backup such as `10m`");
        self.document.mistake(&span, FAILBACK, message, hint);
        Failback::default()
    }

    fn note_no_backup(&mut self, field: &'static str) {
        if let Some(span) = self.document.span_of(field) {
            let message = format!("`{field}` means nothing here: there is no backup");
            self.document.warning(&span, field, message, "add the `backup_url`, or take the line out");
        }
    }
}

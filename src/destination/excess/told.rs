//! What is beyond its limit for long enough to be said, and what of that is news.

use std::{collections::BTreeMap, time::Duration};

use super::{Exceeded, Limit};

/// Beyond its limit for so long, something is.
const BEGINS_AFTER: Duration = Duration::from_secs(5);
/// Within its limit for so long, it is no longer.
const OVER_AFTER: Duration = Duration::from_secs(10);
/// The same is told again no sooner: what comes and goes is seen in the status, and must not fill the log.
const AGAIN_AFTER: Duration = Duration::from_secs(10 * 60);

/// Remembers of each limit since when and until when it was exceeded.
#[derive(Debug, Default)]
pub struct Told {
    /// One for each limit at the most.
    limits: BTreeMap<Limit, Entry>,
}

#[derive(Debug)]
struct Entry {
    sentence: String,
    /// Beyond the limit since then, in one piece; within it since then.
    since: Duration,
    is_beyond: bool,
    /// It counts as exceeded.
    is_exceeded: bool,
    /// When that was told last.
    told: Option<Duration>,
    /// It was told, and that it is over was not.
    is_open: bool,
}

/// What an operator has not heard of yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It is beyond its limit.
    Began(Exceeded),
    /// It was told of, and is within its limit again.
    Over(Limit),
}

impl Told {
    /// Takes what is beyond its limit at `now`, and gives what is news. The times of its calls grow.
    pub fn look(&mut self, found: Vec<Exceeded>, now: Duration) -> Vec<News> {
        let mut found: BTreeMap<Limit, String> = found.into_iter().map(|found| (found.what, found.sentence)).collect();
        for (limit, entry) in &mut self.limits {
            entry.update(found.remove(limit), now);
        }
        for (limit, sentence) in found {
            self.limits.insert(limit, Entry::new(sentence, now));
        }
        self.limits.iter_mut().filter_map(|(limit, entry)| entry.news(*limit, now)).collect()
    }

    /// What counts as exceeded, in the order of [`Limit`].
    pub fn exceeded(&self) -> Vec<Exceeded> {
        let exceeded = self.limits.iter().filter(|(_, entry)| entry.is_exceeded);
        exceeded.map(|(what, entry)| Exceeded { what: *what, sentence: entry.sentence.clone() }).collect()
    }
}

impl Entry {
    fn new(sentence: String, now: Duration) -> Self {
        Self { sentence, since: now, is_beyond: true, is_exceeded: false, told: None, is_open: false }
    }

    fn update(&mut self, beyond: Option<String>, now: Duration) {
        if beyond.is_some() != self.is_beyond {
            self.is_beyond = beyond.is_some();
            self.since = now;
        }
        if let Some(sentence) = beyond {
            self.sentence = sentence;
        }
    }

    fn news(&mut self, limit: Limit, now: Duration) -> Option<News> {
        let enough = if self.is_beyond { BEGINS_AFTER } else { OVER_AFTER };
        if now.saturating_sub(self.since) >= enough {
            self.is_exceeded = self.is_beyond;
        }
        let may_be_told = self.told.is_none_or(|told| now.saturating_sub(told) >= AGAIN_AFTER);
        match (self.is_exceeded, self.is_open) {
            (true, false) if may_be_told => {
                self.told = Some(now);
                self.is_open = true;
                Some(News::Began(Exceeded { what: limit, sentence: self.sentence.clone() }))
            }
            (false, true) => {
                self.is_open = false;
                Some(News::Over(limit))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks once a second, where `beyond` says whether the video bitrate is beyond its limit; gives what was told when.
    fn history(told: &mut Told, from: u64, beyond: &[bool]) -> Vec<(u64, &'static str)> {
        let mut history = Vec::new();
        for (second, is_beyond) in (from..).zip(beyond) {
            let found = is_beyond.then(|| Exceeded { what: Limit::VideoBitrate, sentence: format!("at {second}") });
            for news in told.look(found.into_iter().collect(), Duration::from_secs(second)) {
                history.push((second, if matches!(news, News::Began(_)) { "began" } else { "over" }));
            }
        }
        history
    }

    fn is_exceeded(told: &Told) -> bool {
        !told.exceeded().is_empty()
    }

    #[test]
    fn told_once_when_it_begins_and_once_when_it_is_over() {
        let mut told = Told::default();
        assert_eq!(history(&mut told, 0, &[true; 100]), [(5, "began")]);
        let exceeded = Exceeded { what: Limit::VideoBitrate, sentence: "at 99".to_owned() };
        assert_eq!(told.exceeded(), [exceeded], "what is shown is what is now");
        assert_eq!(history(&mut told, 100, &[false; 50]), [(110, "over")]);
        assert!(!is_exceeded(&told));
    }

    #[test]
    fn what_is_short_is_nothing() {
        let mut told = Told::default();
        let peaks = [&[true; 5][..], &[false]].concat().repeat(20);
        assert_eq!(history(&mut told, 0, &peaks), []);
        assert!(!is_exceeded(&told));
        history(&mut told, 200, &[true; 10]);
        let dips = [&[false; 10][..], &[true]].concat().repeat(20);
        assert_eq!(history(&mut told, 210, &dips), []);
        assert!(is_exceeded(&told));
    }

    #[test]
    fn what_comes_and_goes_is_shown_and_not_told_each_time() {
        let mut told = Told::default();
        let round = [&[true; 10][..], &[false; 20]].concat();
        assert_eq!(
            history(&mut told, 0, &round.repeat(60)),
            [(5, "began"), (20, "over"), (605, "began"), (620, "over"), (1205, "began"), (1220, "over")]
        );
        history(&mut told, 1800, &[true; 10]);
        assert!(is_exceeded(&told), "the status has it though it is not told");
    }

    #[test]
    fn each_limit_goes_by_itself() {
        let mut told = Told::default();
        let found =
            |limits: &[Limit]| limits.iter().map(|what| Exceeded { what: *what, sentence: String::new() }).collect();
        told.look(found(&[Limit::Sound]), Duration::ZERO);
        told.look(found(&[Limit::Sound, Limit::FrameRate]), Duration::from_secs(3));
        let news = told.look(found(&[Limit::Sound, Limit::FrameRate]), Duration::from_secs(5));
        assert_eq!(news, [News::Began(Exceeded { what: Limit::Sound, sentence: String::new() })]);
        let news = told.look(found(&[Limit::FrameRate]), Duration::from_secs(8));
        assert_eq!(news, [News::Began(Exceeded { what: Limit::FrameRate, sentence: String::new() })]);
        assert_eq!(told.look(found(&[Limit::FrameRate]), Duration::from_secs(18)), [News::Over(Limit::Sound)]);
    }
}

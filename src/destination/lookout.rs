//! Looks once a second whether the stream is within what a destination's platform takes.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    excess::{
        Exceeded, Limit, exceeded,
        told::{News, Told},
    },
    filter::Filter,
    orders::Orders,
    settings::{Difference, Settings},
    status::{Report, State},
};
use crate::{
    observe::Event,
    stream::{Facts, Feed, Phase},
};

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks for as long as it is polled: what it finds stands in the report, what is news is told.
pub async fn look_out(orders: watch::Receiver<Orders>, feed: Arc<Feed>, report: Arc<Report>) {
    let mut broadcast = feed.broadcast();
    // The sender lives in the feed.
    while broadcast.wait_for(|now| now.phase == Phase::Live).await.is_ok() {
        look_at_broadcast(&orders, &feed, &report).await;
        report.exceeds(Vec::new());
    }
}

/// Until the broadcast is over: what was said of it is not said of the next one.
async fn look_at_broadcast(orders: &watch::Receiver<Orders>, feed: &Feed, report: &Report) {
    let number = feed.broadcast().borrow().number;
    let mut settings = Arc::clone(&orders.borrow().settings);
    let mut filter = Filter::new(&settings);
    let mut show = Show::default();
    loop {
        sleep(LOOK_EVERY).await;
        let broadcast = *feed.broadcast().borrow();
        if broadcast.end_of(number).is_some() {
            return;
        }
        let orders = orders.borrow().clone();
        if !orders.serve(number) || orders.settings.difference(&settings) == Difference::Target {
            show = Show::default();
            report.exceeds(Vec::new());
        }
        if !Arc::ptr_eq(&settings, &orders.settings) {
            settings = Arc::clone(&orders.settings);
            filter = Filter::new(&settings);
        }
        // While the publisher is away there is nothing to look at, and what it did before is as it was.
        if let Some(facts) = feed.facts().filter(|_| orders.serve(number)) {
            show.look(&facts, &settings, &filter, feed, report);
        }
    }
}

/// One broadcast at one place.
#[derive(Default)]
struct Show {
    told: Told,
    /// When the platform had it first: its own clock starts there.
    on_air: Option<Instant>,
}

impl Show {
    fn look(&mut self, facts: &Facts, settings: &Settings, filter: &Filter, feed: &Feed, report: &Report) {
        if matches!(report.state(), State::Delivering | State::Stalling) {
            self.on_air.get_or_insert_with(Instant::now);
        }
        let on_air = self.on_air.map(|since| since.elapsed());
        let already: Vec<Limit> = self.told.exceeded().iter().map(|exceeded| exceeded.what).collect();
        let found = exceeded(facts, &settings.platform, filter, on_air, &already);
        let news = self.told.look(found, feed.now());
        report.exceeds(self.told.exceeded());
        tell(feed, settings, news);
    }
}

/// What begins at the same look is one event: whoever hears of it is to change one encoder.
fn tell(feed: &Feed, settings: &Settings, news: Vec<News>) {
    let (stream, destination) = (feed.name(), settings.name.as_str());
    let mut began = Vec::new();
    for news in news {
        match news {
            // A codec that is not taken is not sent, and that is told by itself.
            News::Began(Exceeded { what: Limit::Codec, .. }) | News::Over(Limit::Codec) => {}
            News::Began(Exceeded { sentence, .. }) => began.push(sentence),
            News::Over(limit) => Event::LimitKept { stream, destination, sentence: limit.kept() }.emit(),
        }
    }
    if !began.is_empty() {
        Event::LimitExceeded { stream, destination, sentences: &began.join("; ") }.emit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        destination::testing,
        media::Kind,
        stream::{
            Publish,
            testing::{inter, keyframe, live_feed, publisher, sound},
        },
    };

    /// Looks out for a destination on Twitch.
    fn look_out_for(feed: &Arc<Feed>) -> (Arc<Report>, watch::Sender<Orders>) {
        let report = Arc::new(Report::new(State::Idle));
        let (sender, orders) = watch::channel(Orders::new(Arc::new(testing::legacy_settings())));
        tokio::spawn(look_out(orders, Arc::clone(feed), Arc::clone(&report)));
        (report, sender)
    }

    /// So many seconds of 25 frames, of that many bytes each.
    async fn publish_for(publish: &mut Publish, began: &mut u32, seconds: u32, bytes: usize) {
        for frame in 0..seconds * 25 {
            let millis = *began + frame * 40;
            let make: fn(&[u8]) -> bytes::Bytes = if millis.is_multiple_of(2000) { keyframe } else { inter };
            publish.append(Kind::Video, millis, make(&vec![0; bytes])).unwrap();
            publish.append(Kind::Audio, millis, sound(&[0; 300])).unwrap();
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        *began += seconds * 1000;
    }

    fn exceeded(report: &Report) -> Vec<Limit> {
        report.exceeded().iter().map(|exceeded| exceeded.what).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_beyond_a_limit_stands_in_the_report_until_it_is_not() {
        let (feed, mut publish) = live_feed().await;
        let (report, _orders) = look_out_for(&feed);
        let mut at = 0;
        publish_for(&mut publish, &mut at, 20, 20_000).await;
        assert_eq!(exceeded(&report), [], "4 Mbit/s");
        publish_for(&mut publish, &mut at, 20, 40_000).await;
        assert_eq!(exceeded(&report), [Limit::VideoBitrate], "8 Mbit/s");
        let sentence = "8 Mbit/s of video, its limit is 6 Mbit/s: lower the video bitrate in your encoder";
        assert_eq!(report.exceeded()[0].sentence, sentence);
        publish_for(&mut publish, &mut at, 30, 20_000).await;
        assert_eq!(exceeded(&report), []);
    }

    /// Three that begin together are one event, and so one post.
    #[tokio::test(start_paused = true)]
    async fn what_begins_at_one_look_is_told_as_one() {
        use crate::observe::{History, Kind as Told, history::Wanted};

        let (feed, mut publish) = live_feed().await;
        let name = "begins-at-one-look";
        let settings = Settings { name: name.to_owned(), ..testing::legacy_settings() };
        let report = Arc::new(Report::new(State::Idle));
        let (_orders, orders) = watch::channel(Orders::new(Arc::new(settings)));
        tokio::spawn(look_out(orders, Arc::clone(&feed), report));
        // 100 frames a second of 8 Mbit/s, and sound of 0.6 Mbit/s.
        for frame in 0..1_000 {
            let millis = frame * 10;
            let make: fn(&[u8]) -> bytes::Bytes = if millis % 1000 == 0 { keyframe } else { inter };
            publish.append(Kind::Video, millis, make(&[0; 10_000])).unwrap();
            publish.append(Kind::Audio, millis, sound(&[0; 750])).unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let wanted = Wanted { destination: Some(name.to_owned()), ..Wanted::default() };
        let told = History::of_process().page(&wanted, 10);
        let [record] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(record.kind, Told::LimitExceeded);
        for words in
            ["of video, its limit is 6 Mbit/s: ", "of audio, its limit is 320 kbit/s: ", "frames a second, its"]
        {
            assert!(record.message.contains(words), "{}", record.message);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_of_one_broadcast_and_outlives_a_publisher_that_comes_back() {
        let (feed, mut publish) = live_feed().await;
        let (report, _orders) = look_out_for(&feed);
        publish_for(&mut publish, &mut 0, 10, 40_000).await;
        assert_eq!(exceeded(&report), [Limit::VideoBitrate]);
        drop(publish);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(exceeded(&report), [Limit::VideoBitrate], "held");
        let mut publish = feed.publish(publisher()).await.unwrap();
        publish_for(&mut publish, &mut 0, 20, 40_000).await;
        assert_eq!(exceeded(&report), [Limit::VideoBitrate]);
        publish.stop();
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(exceeded(&report), []);
        let mut publish = feed.publish(publisher()).await.unwrap();
        publish_for(&mut publish, &mut 0, 20, 20_000).await;
        assert_eq!(exceeded(&report), []);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_on_air_is_that_of_the_destination() {
        let (feed, mut publish) = live_feed().await;
        let (report, _orders) = look_out_for(&feed);
        tokio::time::sleep(Duration::from_secs(60 * 3600)).await;
        publish_for(&mut publish, &mut 0, 10, 1000).await;
        assert_eq!(exceeded(&report), [], "the broadcast is old, and Twitch has none of it");
        report.enter(State::Delivering);
        tokio::time::sleep(Duration::from_secs(47 * 3600)).await;
        assert_eq!(exceeded(&report), []);
        tokio::time::sleep(Duration::from_secs(45 * 60)).await;
        assert_eq!(exceeded(&report), [Limit::SessionLength]);
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_by_the_orders_that_are_in_force() {
        let (feed, mut publish) = live_feed().await;
        let (report, orders) = look_out_for(&feed);
        let mut at = 0;
        publish_for(&mut publish, &mut at, 10, 40_000).await;
        assert_eq!(exceeded(&report), [Limit::VideoBitrate]);
        orders.send_modify(|orders| orders.ended = 1);
        publish_for(&mut publish, &mut at, 10, 40_000).await;
        assert_eq!(exceeded(&report), [], "for this destination the broadcast is over");
        let elsewhere = Settings { key: "another".into(), ..testing::settings() };
        orders.send_replace(Orders::new(Arc::new(elsewhere)));
        publish_for(&mut publish, &mut at, 10, 40_000).await;
        assert_eq!(exceeded(&report), [], "a server of one's own");
        orders.send_replace(Orders::new(Arc::new(testing::legacy_settings())));
        publish_for(&mut publish, &mut at, 10, 40_000).await;
        assert_eq!(exceeded(&report), [Limit::VideoBitrate]);
    }
}

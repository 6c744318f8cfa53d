//! One stream, shared: the thin shell around the pure log that lets one publish write and many tasks read.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Broadcast, Coalescing, Facts, Formats, Listener, Load, Message, Meter, Phase, Timeline,
    bell::Bell,
    demuxer::Demuxer,
    log::{Log, Window},
};
use crate::media::{Codec, Kind};

/// A second publisher displaces the first only where that has been silent for this long.
pub const TAKEOVER_SILENCE: Duration = Duration::from_secs(3);

/// After a person has ended a broadcast, encoders are kept out until none has tried for so long: one that dials again by itself
/// would begin another at once, on every platform.
pub const SHUT: Duration = Duration::from_secs(60);

/// What the settings say of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSettings {
    /// `live` is the default stream.
    pub name: String,
    /// What its log keeps.
    pub window: Window,
    /// How long a lost publisher is waited for: as long as the most patient destination stays connected.
    pub hold: Duration,
    /// What happens when a second publisher shows the key.
    pub takeover: Takeover,
    /// How long a message may wait for others before readers are woken.
    pub coalescing: Coalescing,
}

/// What happens when a second publisher shows the key of a stream that is live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Takeover {
    /// It waits for up to [`TAKEOVER_SILENCE`], and displaces the first where that delivers nothing.
    #[default]
    WhenSilent,
    /// It displaces the first at once.
    Newest,
    /// It is refused for as long as the first one's connection lives.
    Never,
}

impl Takeover {
    /// Every form with its name in a file.
    pub const ALL: [(&'static str, Self); 3] =
        [("when_silent", Self::WhenSilent), ("newest", Self::Newest), ("never", Self::Never)];
}

/// A stream: its log, its timeline and its broadcast. Created once for each configured stream, for the life of the process.
pub struct Feed {
    name: String,
    /// The stream's clock starts here.
    started: Instant,
    /// Held for a few clones or one append, never across an await, so that no reader can make the writer wait.
    state: Mutex<State>,
    /// The log's head, for who waits for a stream to go on: one change for all that has gathered since the last.
    head: watch::Sender<u64>,
    /// The same for who reads all of it.
    bell: Arc<Bell>,
    /// What a wake-up costs, of the readers of this stream and of those that it shares the machine with.
    load: Load,
    broadcast: watch::Sender<Broadcast>,
}

struct State {
    /// What counts now: a file may have changed it.
    settings: StreamSettings,
    log: Log,
    timeline: Timeline,
    /// Counts publishes: a [`Publish`] whose number is not this one has been displaced.
    publish: u64,
    publisher: Option<LivePublisher>,
    /// Those of the newest publisher, also when it is gone: what it has sent is still on its way.
    relay_hops: Vec<String>,
    /// When the last publisher was lost.
    lost: Option<Instant>,
    /// Until when encoders are kept out, after a person has ended the broadcast.
    shut_until: Option<Instant>,
    /// When the present broadcast began, which may be many publishes ago.
    broadcast_began: Option<Instant>,
    /// By which transport publishers came.
    transports: BTreeMap<&'static str, TransportUse>,
    totals: Totals,
}

/// What a stream has seen since the relay started, over all publishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Payload bytes that came.
    pub received_bytes: u64,
    /// Messages that came.
    pub received_messages: u64,
    /// Publishers whose connection was lost.
    pub publishers_lost: u64,
}

/// How a transport has been used since the start: what whoever moves encoders from RTMP to RTMPS wants to know.
#[derive(Clone, Copy, Debug)]
pub struct TransportUse {
    /// Publishes that were accepted over it.
    pub publishes: u64,
    /// When the last of them began; while it lives, it is in use.
    pub last: Instant,
}

/// Who publishes.
#[derive(Clone, Debug)]
pub struct Publisher {
    /// Where the connection comes from.
    pub address: SocketAddr,
    /// `rtmp` or `rtmps`.
    pub transport: &'static str,
    /// Version and cipher of TLS; `None` where nothing protects the connection.
    pub tls: Option<String>,
    /// By which name it came in: that of its key, or what its signature or a webhook calls it.
    pub name: Option<String>,
    /// The ids of the relays that the stream has passed, this one last.
    pub relay_hops: Vec<String>,
}

struct LivePublisher {
    publisher: Publisher,
    /// See [`Publish::cut_off`].
    cut: CancellationToken,
    since: Instant,
    heard: Instant,
    received_bytes: u64,
    received_messages: u64,
    video: Option<Codec>,
    audio: Option<Codec>,
    is_enhanced: bool,
    formats: Formats,
    meter: Meter,
}

impl LivePublisher {
    fn facts(&self, now: Duration) -> Facts {
        Facts { video: self.video, audio: self.audio, formats: self.formats, rates: self.meter.rates(now) }
    }
}

/// What a stream looks like now, for the status page.
#[derive(Clone, Debug)]
pub struct FeedStatus {
    /// Where the broadcast stands.
    pub phase: Phase,
    /// While the broadcast is held: how much longer.
    pub hold_left: Option<Duration>,
    /// While encoders are kept out, since a person has ended the broadcast: for how much longer.
    pub shut_for: Option<Duration>,
    /// Who publishes, for how long, and how long ago the last message came.
    pub publisher: Option<(Publisher, Duration, Duration)>,
    /// Payload bytes of the present publish.
    pub received_bytes: u64,
    /// Messages of the present publish.
    pub received_messages: u64,
    /// Codec of the default video track.
    pub video: Option<Codec>,
    /// Codec of the default audio track.
    pub audio: Option<Codec>,
    /// Whether the publisher sends Enhanced RTMP.
    pub is_enhanced: bool,
    /// What is known of what it sends.
    pub facts: Option<Facts>,
    /// While there is a broadcast, held or not: for how long.
    pub on_air: Option<Duration>,
    /// By which transport publishers came.
    pub transports: BTreeMap<&'static str, TransportUse>,
    /// What came over all publishes.
    pub totals: Totals,
}

/// Why a publish was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotBegun {
    /// Another publisher is live, and stays.
    AlreadyLive,
    /// A person has ended the broadcast: see [`SHUT`].
    Shut,
}

/// Why an append failed: another publisher has taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Displaced;

impl Feed {
    /// A stream that nobody has published to yet; `load` is that of all streams.
    pub fn new(settings: StreamSettings, load: Load) -> Arc<Self> {
        let name = settings.name.clone();
        let state = State {
            log: Log::new(settings.window),
            settings,
            timeline: Timeline::default(),
            publish: 0,
            publisher: None,
            relay_hops: Vec::new(),
            lost: None,
            shut_until: None,
            broadcast_began: None,
            transports: BTreeMap::new(),
            totals: Totals::default(),
        };
        Arc::new(Self {
            name,
            started: Instant::now(),
            state: Mutex::new(state),
            head: watch::Sender::new(0),
            bell: Arc::default(),
            load,
            broadcast: watch::Sender::new(Broadcast::IDLE),
        })
    }

    /// The stream's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the settings say of it now.
    pub fn settings(&self) -> StreamSettings {
        self.lock().settings.clone()
    }

    /// Goes by other settings from now on; a hold that has begun runs as long as it was begun for. The name stays.
    pub fn reconfigure(&self, settings: StreamSettings) {
        let mut state = self.lock();
        state.log.set_window(settings.window);
        state.settings = StreamSettings { name: self.name.clone(), ..settings };
    }

    /// Reads the log. `read` runs under the stream's lock: a few clones, nothing else.
    pub fn read<R>(&self, read: impl FnOnce(&Log) -> R) -> R {
        read(&self.lock().log)
    }

    /// What a wake-up costs: each reader adds its part while it reads.
    pub fn load(&self) -> &Load {
        &self.load
    }

    /// How long a message may wait now for others, before the readers are woken.
    pub fn window(&self) -> Duration {
        self.lock().settings.coalescing.window(self.load.writes())
    }

    /// Changes whenever there is more to read.
    pub fn head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    /// Hears whenever there is more to read, from now on.
    pub fn listen(&self) -> Listener {
        self.bell.listen()
    }

    /// Changes whenever the broadcast begins, is held, goes on or ends.
    pub fn broadcast(&self) -> watch::Receiver<Broadcast> {
        self.broadcast.subscribe()
    }

    /// Begins a publish. Where another is live, [`Takeover`] decides between the two; so an encoder that comes back after its
    /// network broke is not locked out.
    ///
    /// # Errors
    /// [`NotBegun`] where the present publisher stays, or encoders are kept out.
    pub async fn publish(self: &Arc<Self>, publisher: Publisher) -> Result<Publish, NotBegun> {
        if self.is_shut_to_one_more() {
            return Err(NotBegun::Shut);
        }
        let present = self.present();
        let takeover = self.lock().settings.takeover;
        let stays = match takeover {
            _ if present.is_none() => false,
            Takeover::WhenSilent => self.delivers_within(TAKEOVER_SILENCE).await,
            Takeover::Newest => false,
            Takeover::Never => true,
        };
        if stays { Err(NotBegun::AlreadyLive) } else { self.begin(publisher, present) }
    }

    /// The time on the stream's clock.
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// A time of the stream's clock as the system has it.
    pub fn instant(&self, time: Duration) -> Instant {
        self.started + time
    }

    /// Ends the broadcast now, also one that is held: destinations end it cleanly after the last message, and the publisher is
    /// cut off. Says whether there was one.
    pub fn end_broadcast(&self) -> bool {
        let mut state = self.lock();
        if let Some(live) = state.publisher.take() {
            live.cut.cancel();
        }
        let head = state.log.head();
        self.broadcast.send_if_modified(|broadcast| {
            let ended = broadcast.ended(head);
            std::mem::replace(broadcast, ended) != ended
        })
    }

    /// Keeps encoders out until none has tried for [`SHUT`].
    pub fn shut(&self) {
        self.lock().shut_until = Some(Instant::now() + SHUT);
    }

    /// Lets encoders in again.
    pub fn reopen(&self) {
        self.lock().shut_until = None;
    }

    /// Cuts the publisher off as if its connection had been lost: it may come back. Says whether there was one.
    pub fn cut_off(&self) -> bool {
        let state = self.lock();
        state.publisher.as_ref().inspect(|live| live.cut.cancel()).is_some()
    }

    /// The ids of the relays that the stream has passed, this one last.
    pub fn relay_hops(&self) -> Vec<String> {
        self.lock().relay_hops.clone()
    }

    /// Where the broadcast stands.
    pub fn phase(&self) -> Phase {
        self.broadcast.borrow().phase
    }

    /// What the stream looks like now.
    pub fn status(&self) -> FeedStatus {
        let state = self.lock();
        let live = state.publisher.as_ref();
        let phase = self.broadcast.borrow().phase;
        let lost = state.lost.filter(|_| phase == Phase::Held);
        let is_on_air = matches!(phase, Phase::Live | Phase::Held);
        FeedStatus {
            phase,
            hold_left: lost.map(|lost| state.settings.hold.saturating_sub(lost.elapsed())),
            shut_for: state.shut_until.and_then(|until| until.checked_duration_since(Instant::now())),
            publisher: live.map(|live| (live.publisher.clone(), live.since.elapsed(), live.heard.elapsed())),
            received_bytes: live.map_or(0, |live| live.received_bytes),
            received_messages: live.map_or(0, |live| live.received_messages),
            video: live.and_then(|live| live.video),
            audio: live.and_then(|live| live.audio),
            is_enhanced: live.is_some_and(|live| live.is_enhanced),
            facts: live.map(|live| live.facts(self.now())),
            on_air: state.broadcast_began.filter(|_| is_on_air).map(|began| began.elapsed()),
            transports: state.transports.clone(),
            totals: state.totals,
        }
    }

    /// What is known of what is published now; `None` where nobody publishes.
    pub fn facts(&self) -> Option<Facts> {
        let now = self.now();
        self.lock().publisher.as_ref().map(|live| live.facts(now))
    }

    /// Whether the present publisher delivers in that time and is still there at its end: the last words of one that is gone
    /// may come late.
    async fn delivers_within(&self, patience: Duration) -> bool {
        let mut head = self.head.subscribe();
        let mut broadcast = self.broadcast.subscribe();
        let deadline = Instant::now() + patience;
        let mut delivers = false;
        loop {
            tokio::select! {
                biased;
                // The senders live in `self`: neither can be closed.
                _ = broadcast.changed() => {
                    if self.present().is_none() {
                        return false;
                    }
                }
                _ = head.changed(), if !delivers => delivers = true,
                () = tokio::time::sleep_until(deadline) => return delivers,
            }
        }
    }

    /// Whether encoders are kept out. One that tries is a reason to go on with it.
    fn is_shut_to_one_more(&self) -> bool {
        let mut state = self.lock();
        let now = Instant::now();
        let is_shut = state.shut_until.is_some_and(|until| now < until);
        state.shut_until = is_shut.then(|| now + SHUT);
        is_shut
    }

    /// The number of the publish that is live.
    fn present(&self) -> Option<u64> {
        let state = self.lock();
        state.publisher.is_some().then_some(state.publish)
    }

    /// Begins a publish in place of `displaced`; of two that waited for the same silence, one wins.
    fn begin(self: &Arc<Self>, publisher: Publisher, displaced: Option<u64>) -> Result<Publish, NotBegun> {
        let mut state = self.lock();
        if state.publisher.is_some() && Some(state.publish) != displaced {
            return Err(NotBegun::AlreadyLive);
        }
        state.publish += 1;
        state.timeline.begin_publish();
        let now = Instant::now();
        let transport = state.transports.entry(publisher.transport).or_insert(TransportUse { publishes: 0, last: now });
        *transport = TransportUse { publishes: transport.publishes + 1, last: now };
        state.relay_hops.clone_from(&publisher.relay_hops);
        let cut = CancellationToken::new();
        state.publisher = Some(LivePublisher {
            publisher,
            cut: cut.clone(),
            since: Instant::now(),
            heard: Instant::now(),
            received_bytes: 0,
            received_messages: 0,
            video: None,
            audio: None,
            is_enhanced: false,
            formats: Formats::default(),
            meter: Meter::default(),
        });
        let head = state.log.head();
        let before = *self.broadcast.borrow();
        let is_held = before.phase == Phase::Held;
        let returned_after = state.lost.filter(|_| is_held).map(|lost| lost.elapsed());
        let began = before.publish_began(head);
        if began.number != before.number {
            state.broadcast_began = Some(now);
        }
        self.broadcast.send_replace(began);
        Ok(Publish {
            feed: Arc::clone(self),
            number: state.publish,
            demuxer: Demuxer::new(self.started.elapsed()),
            waits_since: None,
            evicted: Vec::new(),
            returned_after,
            cut,
        })
    }

    /// A publish is over. Says whether it still was the present one.
    fn finish(&self, number: u64, change: impl FnOnce(Broadcast, u64) -> Broadcast) -> bool {
        let mut state = self.lock();
        if state.publish != number || state.publisher.is_none() {
            return false;
        }
        state.publisher = None;
        state.lost = Some(Instant::now());
        let head = state.log.head();
        self.broadcast.send_modify(|broadcast| *broadcast = change(*broadcast, head));
        drop(state);
        true
    }

    /// Ends a broadcast whose publisher has not come back since its publish `number` was lost.
    fn end_hold(&self, number: u64) {
        let state = self.lock();
        if state.publish == number && self.broadcast.borrow().phase == Phase::Held {
            let head = state.log.head();
            self.broadcast.send_modify(|broadcast| *broadcast = broadcast.ended(head));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A task that panicked while it held the lock leaves a log that is whole: appending is its last step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to write to a stream, held by one ingest session. Dropping it means that the publisher was lost.
pub struct Publish {
    feed: Arc<Feed>,
    number: u64,
    demuxer: Demuxer,
    /// When the first message came of which the readers have not heard.
    waits_since: Option<Instant>,
    /// Empty between two calls; reused.
    evicted: Vec<Arc<Message>>,
    returned_after: Option<Duration>,
    cut: CancellationToken,
}

impl Publish {
    /// How long the publisher was away, where the publish continues a broadcast that was held.
    pub fn returned_after(&self) -> Option<Duration> {
        self.returned_after
    }

    /// Completes when a person has cut the publisher off: its connection is to be dropped.
    pub async fn cut_off(&self) {
        self.cut.cancelled().await;
    }

    /// Appends one FLV tag body with the publisher's timestamp (ms). Readers hear of it at the next [`Self::wake`], which is to
    /// come when it is [due](Self::due).
    ///
    /// # Errors
    /// [`Displaced`] where another publisher has taken over.
    pub fn append(&mut self, kind: Kind, timestamp: u32, payload: Bytes) -> Result<(), Displaced> {
        let bytes = payload.len() as u64;
        let now = Instant::now();
        let demuxed = self.demuxer.demux(kind, payload, self.feed.now());
        let mut guard = self.feed.lock();
        let state = &mut *guard;
        let publisher = match &mut state.publisher {
            Some(publisher) if state.publish == self.number => publisher,
            _ => return Err(Displaced),
        };
        publisher.received_bytes += bytes;
        publisher.received_messages += 1;
        state.totals.received_bytes += bytes;
        state.totals.received_messages += 1;
        publisher.heard = now;
        publisher.video = self.demuxer.video_codec();
        publisher.audio = self.demuxer.audio_codec();
        publisher.is_enhanced = self.demuxer.is_enhanced();
        publisher.formats = self.demuxer.formats();
        if let Some(demuxed) = demuxed {
            let message = demuxed.place(timestamp, &mut state.timeline);
            publisher.meter.take(&message);
            state.log.append(message, &mut self.evicted);
        }
        drop(guard);
        // Payloads are freed outside of the lock.
        self.waits_since.get_or_insert(now);
        self.evicted.clear();
        Ok(())
    }

    /// When the readers are to be woken; `None` where they have heard of everything.
    pub fn due(&self) -> Option<Instant> {
        self.waits_since.map(|since| since + self.feed.window())
    }

    /// Wakes the readers, once for all that was appended since the last call.
    pub fn wake(&mut self) {
        self.waits_since = None;
        let head = self.feed.read(Log::head);
        let has_moved = self.feed.head.send_if_modified(|seen| {
            let is_new = *seen != head;
            *seen = head;
            is_new
        });
        if has_moved {
            self.feed.bell.ring();
        }
    }

    /// The publisher ended the broadcast: destinations end it too, after the last message. Says whether it was still the
    /// present one.
    pub fn stop(mut self) -> bool {
        self.wake();
        self.feed.finish(self.number, Broadcast::ended)
    }

    /// The publisher's connection was lost: the broadcast is held for its return. Says whether it was still the present one.
    pub fn lose(mut self) -> bool {
        self.hold()
    }

    fn hold(&mut self) -> bool {
        self.wake();
        if !self.feed.finish(self.number, |broadcast, _| broadcast.publisher_lost()) {
            return false;
        }
        self.feed.lock().totals.publishers_lost += 1;
        let (feed, number, hold) = (Arc::clone(&self.feed), self.number, self.feed.lock().settings.hold);
        // Outside of a runtime the process is going down, and nobody waits for the hold to run out.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep(hold).await;
                feed.end_hold(number);
            });
        }
        true
    }
}

impl Drop for Publish {
    /// A publish that was neither stopped nor lost, because its session panicked or was cancelled, is lost too.
    fn drop(&mut self) {
        self.hold();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::testing::{feed, inter, keyframe, live_feed, publisher};

    fn phase(feed: &Feed) -> Phase {
        feed.broadcast().borrow().phase
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_publisher_is_waited_for_and_a_returning_one_goes_on() {
        let (feed, mut publish) = live_feed().await;
        publish.append(Kind::Video, 0, keyframe(b"1")).unwrap();
        drop(publish);
        assert_eq!(phase(&feed), Phase::Held);
        tokio::time::sleep(Duration::from_secs(14)).await;
        let mut publish = feed.publish(publisher()).await.unwrap();
        assert_eq!(*feed.broadcast().borrow(), Broadcast { number: 1, from: 0, publish: 2, phase: Phase::Live });
        assert_eq!(publish.returned_after(), Some(Duration::from_secs(14)));
        // The hold of the lost publish runs out while the new one is live: that is nobody's business any more.
        tokio::time::sleep(Duration::from_secs(2)).await;
        publish.append(Kind::Video, 0, inter(b"2")).unwrap();
        assert_eq!(phase(&feed), Phase::Live);
    }

    #[tokio::test(start_paused = true)]
    async fn the_way_of_a_stream_is_that_of_its_newest_publisher() {
        let by_way_of = |id: &str| Publisher { relay_hops: vec![id.to_owned()], ..publisher() };
        let feed = feed();
        drop(feed.publish(by_way_of("a")).await.unwrap());
        assert_eq!(feed.relay_hops(), ["a"], "what is held is still of the one that is gone");
        let _publish = feed.publish(by_way_of("b")).await.unwrap();
        assert_eq!(feed.relay_hops(), ["b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broadcast_is_on_air_over_all_its_publishes_and_facts_are_those_of_the_present_one() {
        let seconds = |feed: &Feed| feed.status().on_air.map(|on_air| on_air.as_secs());
        let (feed, mut publish) = live_feed().await;
        for millis in 0..5000 {
            publish.append(Kind::Video, millis, if millis % 2000 == 0 { keyframe(b"") } else { inter(b"") }).unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let facts = feed.facts().unwrap();
        assert_eq!(facts.formats.sound.sample_rate, Some(48_000));
        assert!((facts.rates.frames.unwrap() - 1000.0).abs() < 1.0, "{facts:?}");
        assert_eq!(facts.rates.keyframe_interval.unwrap().last, Some(Duration::from_secs(2)));
        drop(publish);
        assert_eq!((seconds(&feed), feed.facts()), (Some(5), None));
        tokio::time::sleep(Duration::from_secs(3)).await;
        let publish = feed.publish(publisher()).await.unwrap();
        assert_eq!((seconds(&feed), feed.facts()), (Some(8), Some(Facts::default())));
        publish.stop();
        assert_eq!(seconds(&feed), None);
        let _publish = feed.publish(publisher()).await.unwrap();
        assert_eq!(seconds(&feed), Some(0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_runs_out() {
        let (feed, publish) = live_feed().await;
        drop(publish);
        tokio::time::sleep(Duration::from_secs(16)).await;
        assert_eq!(phase(&feed), Phase::Ended { until: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_at_once() {
        let (feed, mut publish) = live_feed().await;
        publish.append(Kind::Video, 0, keyframe(b"1")).unwrap();
        publish.stop();
        assert_eq!(phase(&feed), Phase::Ended { until: 1 });
        assert!(feed.status().publisher.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_healthy_publisher_is_never_displaced() {
        let (feed, mut publish) = live_feed().await;
        let second = tokio::spawn({
            let feed = Arc::clone(&feed);
            async move { feed.publish(publisher()).await.map(drop) }
        });
        for millis in (0..4000).step_by(500) {
            tokio::time::sleep(Duration::from_millis(500)).await;
            publish.append(Kind::Video, millis, keyframe(b"")).unwrap();
            publish.wake();
        }
        assert_eq!(second.await.unwrap(), Err(NotBegun::AlreadyLive));
        assert_eq!(publish.append(Kind::Video, 4000, keyframe(b"")), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_publisher_is_displaced_within_three_seconds() {
        let (feed, mut first) = live_feed().await;
        let began = Instant::now();
        let mut second = feed.publish(publisher()).await.unwrap();
        assert_eq!(began.elapsed(), TAKEOVER_SILENCE);
        assert_eq!(first.append(Kind::Video, 0, keyframe(b"")), Err(Displaced));
        // Its end does not end what the second one does.
        drop(first);
        assert_eq!(phase(&feed), Phase::Live);
        assert_eq!(second.append(Kind::Video, 0, keyframe(b"")), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_words_of_one_that_is_gone_lock_nobody_out() {
        let (feed, mut publish) = live_feed().await;
        let second = tokio::spawn({
            let feed = Arc::clone(&feed);
            async move { feed.publish(publisher()).await }
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        publish.append(Kind::Video, 0, keyframe(b"late")).unwrap();
        publish.wake();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let began = Instant::now();
        assert!(publish.lose());
        assert!(second.await.unwrap().is_ok());
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn other_takeover_rules() {
        let with = |takeover| Feed::new(StreamSettings { takeover, ..feed().settings() }, Load::default());
        let newest = with(Takeover::Newest);
        let mut first = newest.publish(publisher()).await.unwrap();
        let began = Instant::now();
        let _second = newest.publish(publisher()).await.unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(first.append(Kind::Video, 0, keyframe(b"")), Err(Displaced));

        let never = with(Takeover::Never);
        let _first = never.publish(publisher()).await.unwrap();
        assert!(never.publish(publisher()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_that_wait_for_the_same_silence_one_wins() {
        let (feed, _first) = live_feed().await;
        let (a, b) = tokio::join!(feed.publish(publisher()), feed.publish(publisher()));
        assert!(a.is_ok() != b.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn readers_are_woken_once_for_a_batch() {
        let (feed, mut publish) = live_feed().await;
        let mut head = feed.head();
        for millis in 0..10 {
            publish.append(Kind::Video, millis, keyframe(b"")).unwrap();
        }
        assert!(!head.has_changed().unwrap());
        publish.wake();
        assert_eq!(*head.borrow_and_update(), 10);
        publish.wake();
        assert!(!head.has_changed().unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_stream_that_is_free() {
        let feed = feed();
        let began = Instant::now();
        drop(feed.publish(publisher()).await.unwrap());
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn an_encoder_that_dials_again_by_itself_does_not_begin_what_a_person_has_ended() {
        let (feed, mut publish) = live_feed().await;
        publish.append(Kind::Video, 0, keyframe(b"1")).unwrap();
        assert!(feed.end_broadcast());
        feed.shut();
        publish.cut_off().await;
        assert_eq!(publish.append(Kind::Video, 40, inter(b"2")), Err(Displaced));
        assert!(!publish.lose(), "the broadcast is over, not held");
        for _ in 0..3 {
            tokio::time::sleep(SHUT - Duration::from_secs(1)).await;
            assert_eq!(
                feed.publish(publisher()).await.err(),
                Some(NotBegun::Shut),
                "each try is a reason to go on with it"
            );
        }
        assert!(feed.status().shut_for.is_some());
        tokio::time::sleep(SHUT).await;
        let publish = feed.publish(publisher()).await.unwrap();
        assert_eq!(feed.broadcast().borrow().number, 2);
        drop(publish);
        assert!(feed.end_broadcast(), "one that is held is ended, too");
        assert!(!feed.end_broadcast());
        feed.shut();
        feed.reopen();
        assert!(feed.publish(publisher()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_publisher_that_is_cut_off_may_come_back() {
        let (feed, publish) = live_feed().await;
        assert!(feed.cut_off());
        publish.cut_off().await;
        assert!(publish.lose());
        assert_eq!(phase(&feed), Phase::Held);
        assert!(!feed.cut_off(), "there is nobody any more");
        assert!(feed.publish(publisher()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn other_settings_count_from_the_next_loss_and_the_next_publisher() {
        let (feed, publish) = live_feed().await;
        feed.reconfigure(StreamSettings {
            name: "another".to_owned(),
            hold: Duration::from_secs(3),
            takeover: Takeover::Never,
            ..feed.settings()
        });
        assert_eq!((feed.name(), feed.settings().name.as_str()), ("live", "live"), "the name stays");
        assert_eq!(feed.publish(publisher()).await.err(), Some(NotBegun::AlreadyLive));
        drop(publish);
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert!(matches!(phase(&feed), Phase::Ended { .. }));
    }
}

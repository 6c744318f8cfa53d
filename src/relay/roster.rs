//! The streams and destinations that run, and how they become what the files say: only what has changed is touched.

use std::{collections::BTreeSet, fmt, path::PathBuf, sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    member::{Member, Stage},
    tell_when_a_hold_runs_out,
};
use crate::{
    config::{Activation, DestinationConfig},
    control::{
        board::{Board, StreamView},
        guide::KeyPlace,
    },
    destination::{
        settings::{Backpressure, DEFAULT_HOLD, Settings},
        task::Stop,
    },
    ingest::{
        access::{Access, KeyDigest},
        auth::Gate,
    },
    observe::Event,
    stream::{Coalescing, Feed, Load, Phase, StreamSettings, Takeover, Window},
};

/// What the log of a stream may hold beyond what its destinations need, for the newest group of pictures of an encoder that
/// seldom sends keyframes, in bytes: ten seconds at 50 Mbit/s.
const LONG_GROUP: u64 = 64 << 20;

/// One stream to be relayed: its name, its key, and where it goes.
#[derive(Debug)]
pub struct Stream {
    /// `live`, or the folder's name.
    pub name: String,
    /// Who may publish; nobody where the stream's own file is wrong.
    pub access: Access,
    /// Where a person finds its key.
    pub key: KeyPlace,
    /// What happens when a second publisher shows the key.
    pub takeover: Takeover,
    /// How long messages gather for a write.
    pub coalescing: Coalescing,
    /// The stream's own file cannot be gone by: who may publish stays as it was, where there is something that it was.
    pub is_wrong: bool,
    /// Why its folder cannot be listed, where that is so: it stays as it is as a whole.
    pub unlisted: Option<String>,
    /// One for each file.
    pub destinations: Vec<DestinationConfig>,
}

/// What other files have changed of what runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Streams that are new.
    pub streams_added: usize,
    /// Streams that somebody else may publish now, or that go on otherwise.
    pub streams_changed: usize,
    /// Streams that are gone.
    pub streams_removed: usize,
    /// Destinations that are new, changed or gone.
    pub destinations: usize,
}

/// All streams that run.
pub(super) struct Roster {
    streams: Vec<Running>,
    gate: Arc<Gate>,
    board: Arc<Board>,
    stage: Stage,
    /// What a wake-up of all destinations of all streams costs.
    load: Load,
    /// How long the slowest destination that ever ran may need to send what is left of a broadcast that is over.
    patience: Duration,
}

/// Whether it is told what became of each destination.
#[derive(Clone, Copy, PartialEq, Eq)]
enum News {
    Told,
    /// The stream is new as a whole.
    Expected,
}

struct Running {
    feed: Arc<Feed>,
    access: Access,
    key: KeyPlace,
    members: Vec<Member>,
    /// Destinations whose files are gone and that may still be saying goodbye, with what they went by.
    departed: Vec<(Arc<Settings>, Member)>,
    /// Cancelled when the stream is gone, or the show is over: whoever is lost then is not waited for.
    gone: CancellationToken,
}

impl Roster {
    /// Nothing runs yet.
    pub(super) fn new(gate: Arc<Gate>, board: Arc<Board>, stop: Stop) -> Self {
        Self {
            streams: Vec::new(),
            gate,
            board,
            stage: Stage { tasks: TaskTracker::new(), stop },
            load: Load::default(),
            patience: Duration::ZERO,
        }
    }

    /// Makes what runs what the files say.
    pub(super) fn apply(&mut self, streams: Vec<Stream>, saved: &BTreeSet<PathBuf>) -> Changes {
        let mut changes = Changes::default();
        let mut before = std::mem::take(&mut self.streams);
        for stream in streams {
            let present = before.iter().position(|running| running.feed.name() == stream.name);
            let running = match present.map(|index| before.swap_remove(index)) {
                Some(mut running) => {
                    if let Some(problem) = &stream.unlisted {
                        running.go_on(problem, &self.stage, saved);
                        self.streams.push(running);
                        continue;
                    }
                    let stream = if stream.is_wrong { running.kept(stream) } else { stream };
                    changes.streams_changed += usize::from(running.is_changed_by(&stream));
                    let (running, changed) = self.renew(running, stream, News::Told, saved);
                    changes.destinations += changed;
                    running
                }
                None => {
                    changes.streams_added += 1;
                    self.renew(self.begin(&stream), stream, News::Expected, saved).0
                }
            };
            self.streams.push(running);
        }
        for mut gone in before {
            changes.streams_removed += 1;
            changes.destinations += gone.members.len();
            Self::end(&mut gone);
        }
        self.gate.replace(self.streams.iter().map(|running| (Arc::clone(&running.feed), running.access.clone())));
        self.show();
        changes
    }

    /// Each stream.
    pub(super) fn feeds(&self) -> impl Iterator<Item = &Arc<Feed>> {
        self.streams.iter().map(|running| &running.feed)
    }

    /// How many streams and destinations there are.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.streams.len(), self.streams.iter().map(|running| running.members.len()).sum())
    }

    /// One destination, with its stream.
    pub(super) fn member(&self, stream: &str, destination: &str) -> Option<(&Arc<Feed>, &Member)> {
        let running = self.streams.iter().find(|running| running.feed.name() == stream)?;
        let member = running.members.iter().find(|member| member.name() == destination)?;
        Some((&running.feed, member))
    }

    /// The same, to be changed.
    pub(super) fn member_mut(&mut self, stream: &str, destination: &str) -> Option<&mut Member> {
        let running = self.streams.iter_mut().find(|running| running.feed.name() == stream)?;
        running.members.iter_mut().find(|member| member.name() == destination)
    }

    /// Turns a destination off now, whatever its file says.
    pub(super) fn stop(&mut self, stream: &str, destination: &str) {
        let Some(member) = self.member_mut(stream, destination) else { return };
        if let Some(what) = member.stop() {
            Event::DestinationChanged { stream, destination, what }.emit();
        }
        self.show();
    }

    /// The stream that a key opens.
    pub(super) fn stream_of_key(&self, key: &KeyDigest) -> Option<&str> {
        let opens = |running: &&Running| running.access.keys.iter().any(|known| known.digest == *key);
        self.streams.iter().find(opens).map(|running| running.feed.name())
    }

    /// From now on a stream whose publisher is lost goes on elsewhere: its destinations are dropped with no word that would end
    /// the broadcast, and nobody connects again.
    pub(super) fn leave_what_is_lost(&self) {
        for running in &self.streams {
            let feed = Arc::clone(&running.feed);
            let orders: Vec<_> = running.members.iter().filter_map(Member::orders).collect();
            let gone = running.gone.clone();
            tokio::spawn(async move {
                let mut broadcast = feed.broadcast();
                tokio::select! {
                    // First: whoever is cut off because the show is over has not gone elsewhere.
                    biased;
                    () = gone.cancelled() => return,
                    // The sender lives in the feed.
                    _ = broadcast.wait_for(|broadcast| broadcast.phase == Phase::Held) => {}
                }
                for orders in orders {
                    orders.send_modify(|orders| orders.restarts += 1);
                }
            });
        }
    }

    /// The show is over: publishers that are lost from now on have not gone elsewhere.
    pub(super) fn wait_for_nobody(&self) {
        self.streams.iter().for_each(|running| running.gone.cancel());
    }

    /// The tasks of all destinations.
    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.stage.tasks
    }

    /// How long the slowest destination may need to send what is left of a broadcast that is over.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Puts what runs on the board.
    fn show(&self) {
        let view = |running: &Running| StreamView {
            feed: Arc::clone(&running.feed),
            key: running.key.clone(),
            destinations: running.members.iter().map(Member::view).collect(),
        };
        self.board.show(self.streams.iter().map(view).collect());
    }

    fn begin(&self, stream: &Stream) -> Running {
        let feed = Feed::new(stream_settings(stream, &[]), self.load.clone());
        let gone = self.stage.stop.leave.child_token();
        tokio::spawn(tell_when_a_hold_runs_out(Arc::clone(&feed), gone.clone()));
        Running {
            feed,
            access: Access::default(),
            key: stream.key.clone(),
            members: Vec::new(),
            departed: Vec::new(),
            gone,
        }
    }

    /// Makes one stream what its files say. Says also how many of its destinations that has changed.
    fn renew(
        &mut self,
        running: Running,
        mut stream: Stream,
        news: News,
        saved: &BTreeSet<PathBuf>,
    ) -> (Running, usize) {
        let mut count = 0;
        let Running { feed, mut members, mut departed, gone, .. } = running;
        let destinations = std::mem::take(&mut stream.destinations);
        let mut next: Vec<(Member, DestinationConfig, bool)> = Vec::new();
        for config in destinations {
            match members.iter().position(|member| member.name() == config.name) {
                Some(index) => next.push((members.swap_remove(index), config, false)),
                None => next.push((Member::new(&config), config, true)),
            }
        }
        // The log must reach back far enough before anybody relies on it.
        let settings: Vec<_> =
            next.iter().filter_map(|(member, config, _)| member.settings_by(&config.activation)).collect();
        self.patience = settings.iter().map(|settings| settings.drain_time()).fold(self.patience, Duration::max);
        let wanted = stream_settings(&stream, &settings);
        if wanted != feed.settings() {
            feed.reconfigure(wanted);
        }
        for mut member in members {
            count += 1;
            let settings = member.settings();
            member.dismiss();
            let (stream, destination) = (feed.name(), member.name());
            Event::DestinationChanged { stream, destination, what: "is gone with its file: it ends" }.emit();
            departed.extend(settings.map(|settings| (settings, member)));
        }
        departed.retain(|(_, member)| member.is_leaving());
        // A file that has another name now, or is there again: the server is free once the old session has said goodbye.
        for (heir, config, _) in next.iter_mut().filter(|(.., is_new)| *is_new) {
            let before = departed.iter().position(|(settings, _)| sends_to(&config.activation, Some(settings)));
            if let Some((_, before)) = before.map(|index| departed.swap_remove(index)) {
                heir.wait_for(before);
            }
        }
        let mut members = Vec::new();
        for (mut member, config, is_new) in next {
            let changed = member.apply(config, &feed, &self.stage, saved);
            count += usize::from(changed.is_some() || is_new);
            if let (Some(what), News::Told) = (changed, news) {
                Event::DestinationChanged { stream: feed.name(), destination: member.name(), what }.emit();
            }
            members.push(member);
        }
        let Stream { access, key, .. } = stream;
        (Running { feed, access, key, members, departed, gone }, count)
    }

    /// A stream's files are gone.
    fn end(running: &mut Running) {
        let stream = running.feed.name();
        running.gone.cancel();
        running.feed.end_broadcast();
        for member in &mut running.members {
            member.dismiss();
        }
        Event::StreamRemoved { stream }.emit();
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { streams_added, streams_changed, streams_removed, destinations } = self;
        write!(
            f,
            "{destinations} destinations changed, {streams_added} streams added, {streams_changed} changed, {streams_removed} removed"
        )
    }
}

impl Running {
    /// A stream whose files are not known at the moment: nothing of it changes, and each destination that runs says why.
    fn go_on(&mut self, problem: &str, stage: &Stage, saved: &BTreeSet<PathBuf>) {
        for member in self.members.iter_mut().filter(|member| member.settings().is_some()) {
            let config = DestinationConfig {
                name: member.name().to_owned(),
                file: member.file().to_owned(),
                activation: Activation::Wrong { problem: problem.to_owned() },
                explanation: Vec::new(),
            };
            member.apply(config, &self.feed, stage, saved);
        }
    }

    /// Whether its own file says something new.
    fn is_changed_by(&self, stream: &Stream) -> bool {
        let StreamSettings { takeover, coalescing, .. } = self.feed.settings();
        self.access != stream.access || takeover != stream.takeover || coalescing != stream.coalescing
    }

    /// A stream whose own file is wrong: what that would have said stays as it was.
    fn kept(&self, stream: Stream) -> Stream {
        let mut destinations = stream.destinations;
        for DestinationConfig { name, activation, .. } in &mut destinations {
            let member = self.members.iter().find(|member| member.name() == name);
            // How long it holds may be the stream's own word.
            if let (Activation::On(settings), Some(running)) = (activation, member.and_then(Member::settings)) {
                settings.hold = running.hold;
            }
        }
        let StreamSettings { takeover, coalescing, .. } = self.feed.settings();
        Stream { access: self.access.clone(), key: self.key.clone(), takeover, coalescing, destinations, ..stream }
    }
}

fn sends_to(activation: &Activation, target: Option<&Settings>) -> bool {
    match (activation, target) {
        (Activation::On(settings), Some(target)) => settings.has_target_of(target),
        _ => false,
    }
}

/// The log keeps as much as the slowest of the stream's destinations may need, and a lost publisher is waited for as long as
/// the most patient of them stays connected.
fn stream_settings(stream: &Stream, on: &[Arc<Settings>]) -> StreamSettings {
    let default = Backpressure::default();
    let duration = on.iter().map(|settings| settings.window()).fold(default.max_lag, Duration::max);
    let bytes = on.iter().map(|settings| settings.window_bytes()).fold(default.max_bytes, u64::max);
    let hold = on.iter().map(|settings| settings.hold).max().unwrap_or(DEFAULT_HOLD);
    let window = Window { duration, bytes, hard_bytes: bytes.saturating_add(LONG_GROUP) };
    let Stream { takeover, coalescing, .. } = *stream;
    StreamSettings { name: stream.name.clone(), window, hold, takeover, coalescing }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        admission,
        config::{Config, Memory},
        ingest::access::KeyDigest,
    };

    fn read(memory: &Memory, state: &Path) -> Vec<Stream> {
        let config = Config::load(memory, Path::new("destinations"));
        config.streams.into_iter().map(|stream| admission::admit(stream, state).0).collect()
    }

    #[tokio::test]
    async fn a_stream_whose_folder_cannot_be_listed_goes_on_as_it_is() {
        let state = tempfile::tempdir().unwrap();
        let mut memory = Memory::new(&[
            ("destinations/studio/stream.toml", "key = \"key-of-studio\"\ntakeover = \"never\"\n"),
            ("destinations/studio/on.toml", "url = \"rtmp://192.0.2.1/live\"\n"),
            ("destinations/studio/off.toml", "platform = \"youtube\"\n"),
        ]);
        let board = Arc::new(Board::new(None, Vec::new()));
        let mut roster = Roster::new(Arc::new(Gate::new([])), Arc::clone(&board), Stop::default());
        roster.apply(read(&memory, state.path()), &BTreeSet::new());
        let feed = roster.feeds().find(|feed| feed.name() == "studio").cloned().unwrap();
        memory.unlisted.insert("destinations/studio".into());
        for is_listed in [false, true] {
            if is_listed {
                memory.unlisted.clear();
            }
            assert_eq!(roster.apply(read(&memory, state.path()), &BTreeSet::new()), Changes::default());
            let running = roster.streams.iter().find(|running| running.feed.name() == "studio").unwrap();
            assert!(Arc::ptr_eq(&running.feed, &feed) && !running.gone.is_cancelled());
            let keys: Vec<_> = running.access.keys.iter().map(|key| key.digest).collect();
            assert_eq!(
                (keys, feed.settings().takeover),
                (vec![KeyDigest::of(&"key-of-studio".into())], Takeover::Never)
            );
            let (_, on) = roster.member("studio", "on").unwrap();
            let (_, off) = roster.member("studio", "off").unwrap();
            assert!(on.settings().is_some() && off.settings().is_none());
            let problem = on.view().problem;
            assert_eq!(problem.is_none(), is_listed, "it is told at what runs: {problem:?}");
        }
    }

    #[tokio::test]
    async fn at_a_start_nobody_can_publish_a_stream_whose_folder_cannot_be_listed() {
        let state = tempfile::tempdir().unwrap();
        let mut memory = Memory::new(&[("destinations/studio/on.toml", "url = \"rtmp://192.0.2.1/live\"\n")]);
        memory.unlisted.insert("destinations/studio".into());
        let board = Arc::new(Board::new(None, Vec::new()));
        let mut roster = Roster::new(Arc::new(Gate::new([])), board, Stop::default());
        roster.apply(read(&memory, state.path()), &BTreeSet::new());
        let running = roster.streams.iter().find(|running| running.feed.name() == "studio").unwrap();
        assert!(running.access.is_empty() && running.key.text.contains("the folder cannot be read"));
        memory.unlisted.clear();
        roster.apply(read(&memory, state.path()), &BTreeSet::new());
        let running = roster.streams.iter().find(|running| running.feed.name() == "studio").unwrap();
        assert!(
            !running.access.is_empty() && roster.member("studio", "on").is_some_and(|(_, on)| on.settings().is_some())
        );
    }

    #[tokio::test]
    async fn what_one_stream_costs_all_streams_wait_for() {
        let board = Arc::new(Board::new(None, Vec::new()));
        let mut roster = Roster::new(Arc::new(Gate::new([])), board, Stop::default());
        let stream = |name: &str| Stream {
            name: name.to_owned(),
            access: Access::default(),
            key: KeyPlace { text: String::new(), file: None },
            takeover: Takeover::default(),
            coalescing: Coalescing::ByLoad,
            is_wrong: false,
            unlisted: None,
            destinations: Vec::new(),
        };
        roster.apply(vec![stream("a"), stream("b")], &BTreeSet::new());
        let feeds: Vec<_> = roster.feeds().cloned().collect();
        let _readers = feeds[0].load().add(100);
        assert_eq!(feeds[1].window(), Coalescing::ByLoad.window(100));
        assert!(!feeds[1].window().is_zero());
    }
}

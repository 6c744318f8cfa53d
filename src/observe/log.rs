//! The log: a line for each thing that is told, for people or for machines. The same line again and again is told once, and
//! once more with how often it came.

mod level;
mod line;
mod same;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use tokio::time::Instant;
use tracing::{Event, Level, Subscriber, warn};
use tracing_subscriber::{
    EnvFilter, Layer,
    layer::{Context, SubscriberExt as _},
};

use self::{
    line::{Line, Look},
    same::Same,
};

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// An object a line, for machines.
    Json,
}

impl Format {
    /// Every form with its name in a file.
    pub const ALL: [(&'static str, Self); 2] = [("text", Self::Text), ("json", Self::Json)];
}

/// Where lines go: each call brings whole lines.
pub trait Sink: Send + Sync + 'static {
    /// Writes them. An output that nobody reads any more is nobody's fault.
    fn write(&self, lines: &str);

    /// Whether colours are seen there.
    fn has_colours(&self) -> bool;
}

/// The log of this process, started.
#[derive(Clone)]
pub struct Log(Arc<Writer>);

impl Log {
    /// Writes what happens from now on to `sink`; `RUST_LOG` says how much of it. Once a process.
    pub fn start(format: Format, sink: impl Sink) -> Self {
        let (filter, complaint) = level::filter(std::env::var_os(EnvFilter::DEFAULT_ENV).as_deref());
        let writer = Arc::new(Writer::new(format, Box::new(sink)));
        let subscriber = tracing_subscriber::registry().with(filter).with(Lines(Arc::clone(&writer)));
        // Not `init`, which listens to the `log` crate too: through that the HTTP client writes the URLs and the bodies of its
        // requests, in which there are keys. A filter could be told otherwise. This is the first and only subscriber, so that it
        // cannot fail.
        let _ = tracing::subscriber::set_global_default(subscriber);
        if let Some(complaint) = complaint {
            warn!(
                kind = "log_level",
                "RUST_LOG {complaint}: it is not gone by, and `info` is\n  hint: write `error`, `warn`, `info`, `debug` or `trace`, or \
                 for one part `info,forkcast::destination=debug`"
            );
        }
        Self(writer)
    }

    /// Tells how often lines came that were left out, as far as that is due. To be called every second or so.
    pub fn settle(&self) {
        self.0.settle(Instant::now());
    }

    /// Tells it of all lines: nothing comes after.
    pub fn finish(&self) {
        self.0.finish();
    }
}

struct Writer {
    look: Look,
    sink: Box<dyn Sink>,
    /// Held for a look into a small map, never while something is written.
    same: Mutex<Same>,
}

impl Writer {
    fn new(format: Format, sink: Box<dyn Sink>) -> Self {
        let look = match format {
            Format::Json => Look::Json,
            Format::Text => Look::Text { has_colours: sink.has_colours() },
        };
        Self { look, sink, same: Mutex::default() }
    }

    fn tell(&self, line: Line, now: Instant) {
        // Whoever debugs wants each.
        let is_each_told = *line.level() > Level::INFO || line.is_of_its_own();
        if is_each_told || self.same().is_news(&line, now) {
            self.write(&line);
        }
    }

    fn settle(&self, now: Instant) {
        let due = self.same().due(now);
        due.iter().for_each(|line| self.write(line));
    }

    fn finish(&self) {
        let due = self.same().all();
        due.iter().for_each(|line| self.write(line));
    }

    fn write(&self, line: &Line) {
        self.sink.write(&line.show(self.look, SystemTime::now()));
    }

    fn same(&self) -> MutexGuard<'_, Same> {
        self.same.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What hears every event of the process.
struct Lines(Arc<Writer>);

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.0.tell(Line::of(event), Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tracing::{debug, error, info};

    use super::*;
    use crate::observe::Event;

    /// What was written.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<String>>);

    impl Sink for Page {
        fn write(&self, lines: &str) {
            self.0.lock().unwrap().push_str(lines);
        }

        fn has_colours(&self) -> bool {
            false
        }
    }

    /// Each line without its time.
    fn written(page: &Page) -> Vec<String> {
        let lines = std::mem::take(&mut *page.0.lock().unwrap());
        let without_time = |line: &str| match line.split_once(' ') {
            Some((time, rest)) if humantime::parse_rfc3339(time).is_ok() => rest.to_owned(),
            _ => line.to_owned(),
        };
        lines.lines().map(without_time).collect()
    }

    fn log(format: Format) -> (Page, Arc<Writer>, tracing::subscriber::DefaultGuard) {
        let page = Page::default();
        let writer = Arc::new(Writer::new(format, Box::new(page.clone())));
        let subscriber = tracing_subscriber::registry().with(Lines(Arc::clone(&writer)));
        (page, writer, tracing::subscriber::set_default(subscriber))
    }

    #[tokio::test(start_paused = true)]
    async fn lines_for_people() {
        let (page, ..) = &log(Format::Text);
        info!(kind = "listening", stream = "live", "listening on {}", 1935);
        error!("it failed\n  hint: mend it");
        warn!(number = 7, text = "t", "\u{1b}[31mred\r");
        assert_eq!(
            written(page),
            [
                " INFO listening on 1935",
                "ERROR it failed",
                "  hint: mend it",
                " WARN \\u{1b}[31mred\\r number=7 text=t",
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn objects_for_machines() {
        let (page, ..) = &log(Format::Json);
        let nobody: Option<&str> = None;
        error!(
            kind = "destination_failed",
            stream = "live",
            destination = nobody,
            number = 7,
            "it \"failed\"\nbadly\n  hint: mend it"
        );
        let line = page.0.lock().unwrap().clone();
        assert_eq!(line.lines().count(), 1, "{line}");
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(humantime::parse_rfc3339(object["time"].as_str().unwrap()).is_ok());
        let expected = serde_json::json!({
            "time": object["time"], "level": "error", "kind": "destination_failed", "stream": "live",
            "message": "it \"failed\"\nbadly", "hint": "mend it", "number": "7",
        });
        assert_eq!(object, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_line_again_is_told_once_with_a_count() {
        let (page, writer, _guard) = &log(Format::Text);
        for _ in 0..1000 {
            warn!("no");
            info!("other");
            debug!("each");
        }
        let lines = written(page);
        assert_eq!(lines.iter().filter(|line| line.contains("no")).count(), 1);
        assert_eq!(lines.iter().filter(|line| line.contains("other")).count(), 1);
        assert_eq!(lines.iter().filter(|line| line.contains("each")).count(), 1000);
        writer.settle(Instant::now());
        assert!(written(page).is_empty(), "the time is not over");
        tokio::time::advance(same::WINDOW).await;
        writer.settle(Instant::now());
        assert_eq!(
            written(page),
            [" WARN no (999 more times within 10 s)", " INFO other (999 more times within 10 s)"]
        );
        tokio::time::advance(Duration::from_secs(1)).await;
        warn!("no");
        assert_eq!(written(page), [" WARN no"], "it is news again");
        warn!("no");
        writer.finish();
        assert_eq!(written(page), [" WARN no (once more within 10 s)"]);
    }
    fn read(destinations: usize, took: u64) {
        Event::ConfigurationRead {
            streams_added: 0,
            streams_changed: 0,
            streams_removed: 0,
            destinations,
            webhooks: 0,
            mistakes: 0,
            took: Duration::from_millis(took),
        }
        .emit();
    }

    #[tokio::test(start_paused = true)]
    async fn files_that_are_read_again_for_nothing_are_told_of_once_however_long_it_takes() {
        let (page, writer, _guard) = &log(Format::Text);
        [1, 3, 2].into_iter().for_each(|took| read(0, took));
        assert_eq!(written(page), [" INFO the files were read again: nothing has changed"]);
        writer.finish();
        let again = " INFO the files were read again: nothing has changed (2 more times within 10 s)";
        assert_eq!(written(page), [again]);
        read(0, 1_250);
        assert_eq!(written(page), [" INFO the files were read again, which took 1.2 s: nothing has changed"]);
    }

    #[tokio::test(start_paused = true)]
    async fn changes_of_different_destinations_are_two() {
        let (page, writer, _guard) = &log(Format::Text);
        for destination in ["youtube", "twitch", "twitch"] {
            Event::DestinationChanged { stream: "live", destination, what: "is on from now on" }.emit();
            read(1, 2);
        }
        writer.finish();
        let read = " INFO the files were read again: 1 destination changed";
        assert_eq!(
            written(page),
            [
                " INFO destination `youtube` is on from now on",
                read,
                " INFO destination `twitch` is on from now on",
                read,
                read,
                " INFO destination `twitch` is on from now on (once more within 10 s)",
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_count_stands_before_the_hint() {
        let (page, writer, _guard) = &log(Format::Text);
        let (problem, sentence, hint) = ("mistake: `a` is no b\n --> d.toml:1:5\nhint: write b", "", "write b");
        for _ in 0..3 {
            error!("it failed\n  hint: mend it");
            Event::ConfigurationProblem { is_mistake: true, problem, sentence, hint }.emit();
        }
        assert_eq!(written(page).len(), 6);
        writer.finish();
        let again = "(2 more times within 10 s)";
        assert_eq!(
            written(page),
            [
                &format!("ERROR it failed {again}"),
                "  hint: mend it",
                "ERROR what ran before goes on, but a file is wrong",
                "mistake: `a` is no b",
                &format!(" --> d.toml:1:5 {again}"),
                "hint: write b",
            ]
        );
    }
}

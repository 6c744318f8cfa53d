//! `forkcast serve`: configuration to a running relay, what is said at the start, and how signals end it.

use std::{
    io::{IsTerminal as _, Write},
    path::Path,
    process::ExitCode,
};

use secrecy::{ExposeSecret as _, SecretString};
use tracing_subscriber::EnvFilter;

use crate::{
    check,
    config::{Activation, Config, DestinationConfig, Disk, Problem, Resolved, StreamConfig},
    control::guide::{Guide, KeyPlace},
    health,
    ingest::{
        access::{Access, PublisherKey},
        keys::{self, StreamKey},
    },
    observe,
    relay::{Addresses, Relay, Stream},
};

/// Serves until a signal says stop. Exit code 2: a configuration that cannot be served; 1: a start that failed.
pub async fn run(server: Resolved) -> ExitCode {
    start_log();
    match serve(server).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stopped::Configuration) => ExitCode::from(2),
        Err(Stopped::Failed(error)) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The log goes to standard error, in local use and in a container alike; `RUST_LOG` says how much of it.
fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .finish();
    // Not `init`, which listens to the `log` crate too: through that the HTTP client writes the URLs and the bodies of its requests,
    // in which there are keys. A filter could be told otherwise. This is the first and only subscriber, so that it cannot fail.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

enum Stopped {
    Configuration,
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

async fn serve(server: Resolved) -> Result<(), Stopped> {
    let mut config = Config::load(&Disk, &server.options.destinations);
    config.note_own_listeners(&server.options);
    let problems = || server.problems.iter().chain(&config.problems);
    for problem in problems() {
        eprintln!("{problem}\n");
    }
    if server.has_mistake() {
        eprintln!("error: the server's own settings are wrong: nothing was started");
        return Err(Stopped::Configuration);
    }
    if server.options.strict && problems().any(Problem::is_mistake) {
        eprintln!("error: --strict, and the configuration has mistakes: nothing was started");
        return Err(Stopped::Configuration);
    }

    let options = server.options;
    let streams: Vec<(Stream, KeyNote)> =
        config.streams.into_iter().map(|stream| with_key(stream, &options.state)).collect::<Result<_, _>>()?;
    let welcome = Welcome::of(&streams, &options.destinations);
    let guide = welcome.guide();
    let signals = Signals::listen()?;
    let metrics = observe::metrics::install()?;
    let streams = streams.into_iter().map(|(stream, _)| stream).collect();
    let relay = Relay::start(&options, streams, guide, metrics).await?;
    welcome.print(&relay.addresses);

    match signals.wait().await {
        Signal::End => relay.end().await,
        Signal::Leave => relay.leave().await,
    }
    Ok(())
}

/// Where a person finds a stream's key.
enum KeyNote {
    /// Made by forkcast and kept in a file: to be shown where the output is a terminal.
    Made(StreamKey),
    /// The operator's own: no need to repeat it, only to say what it is.
    Configured(String),
    /// Nobody may publish.
    Wrong(String),
}

fn with_key(config: StreamConfig, state: &Path) -> Result<(Stream, KeyNote), keys::Error> {
    let StreamConfig { name, mut access, ways, wrong, takeover, destinations, .. } = config;
    let note = match (wrong, ways.first()) {
        (Some(problem), _) => {
            access = Access::default();
            KeyNote::Wrong(problem)
        }
        (None, Some(way)) => KeyNote::Configured(match way.field {
            "signed" => format!("a signed one: `forkcast key sign --stream {name}` makes it ({})", way.origin),
            "webhook" => format!("the stream's webhook says which one ({})", way.origin),
            _ => format!("the one that you gave ({})", way.origin),
        }),
        (None, None) => {
            let made = StreamKey::load_or_make(state, &name)?;
            access.keys.push(PublisherKey::unnamed(&made.key));
            KeyNote::Made(made)
        }
    };
    Ok((Stream { name, access, takeover, destinations }, note))
}

/// What a person needs to go live, said once everything listens.
struct Welcome {
    streams: Vec<(String, KeyLine)>,
    destinations: Counts,
    /// What to do while no destination is on.
    first_step: String,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    on: usize,
    wrong: usize,
}

enum KeyLine {
    /// To be pasted. Printed to a terminal only.
    Paste {
        key: SecretString,
        file: String,
    },
    Text(String),
}

impl Welcome {
    fn of(streams: &[(Stream, KeyNote)], folder: &Path) -> Self {
        let line = |note: &KeyNote| match note {
            KeyNote::Made(made) => KeyLine::Paste { key: made.key.clone(), file: made.file.display().to_string() },
            KeyNote::Configured(what) => KeyLine::Text(what.clone()),
            KeyNote::Wrong(problem) => KeyLine::Text(format!("none: nobody can publish, because {problem}")),
        };
        let mut counts = Counts::default();
        for destination in streams.iter().flat_map(|(stream, _)| &stream.destinations) {
            match destination.activation {
                Activation::On(_) => counts.on += 1,
                Activation::Wrong { .. } => counts.wrong += 1,
                Activation::Off { .. } => {}
            }
        }
        let default = streams.first().map_or(&[][..], |(stream, _)| &stream.destinations);
        Self {
            streams: streams.iter().map(|(stream, note)| (stream.name.clone(), line(note))).collect(),
            destinations: counts,
            first_step: first_step(default, folder),
        }
    }

    /// The same for whoever reads it on the dashboard, without a key.
    fn guide(&self) -> Guide {
        let place = |line: &KeyLine| match line {
            KeyLine::Paste { file, .. } => KeyPlace { text: format!("in the file {file}"), file: Some(file.clone()) },
            KeyLine::Text(text) => KeyPlace { text: text.clone(), file: None },
        };
        Guide {
            servers: Vec::new(),
            keys: self.streams.iter().map(|(name, line)| (name.clone(), place(line))).collect(),
            first_step: (self.destinations.on == 0).then(|| self.first_step.clone()),
        }
    }

    fn print(&self, addresses: &Addresses) {
        // Nobody may be reading: the relay runs all the same.
        let _ = self.write(&mut std::io::stdout().lock(), addresses);
    }

    fn write(&self, out: &mut impl Write, addresses: &Addresses) -> std::io::Result<()> {
        let is_terminal = std::io::stdout().is_terminal();
        writeln!(
            out,
            "\nforkcast {} is ready. In OBS: Settings, Stream, Service \"Custom...\"",
            env!("CARGO_PKG_VERSION")
        )?;
        for server in addresses.servers() {
            let note = match server.contains("HOST") {
                true if server.starts_with("rtmps") => "  (encrypted; HOST is the name in your certificate)",
                true => "  (from another machine: this machine's name or address)",
                false => "",
            };
            let server = if server.starts_with("rtmps") { server } else { server.replace("HOST", "localhost") };
            writeln!(out, "  Server      {server}{note}")?;
        }
        if addresses.rtmp.is_empty() && addresses.rtmps.is_empty() {
            writeln!(out, "  no listener is on: nobody can publish (see --rtmp and --rtmps)")?;
        }
        for (name, line) in &self.streams {
            let title =
                if self.streams.len() == 1 { "Stream Key".to_owned() } else { format!("Stream Key of `{name}`") };
            match line {
                KeyLine::Paste { key, .. } if is_terminal => writeln!(out, "  {title}  {}", key.expose_secret())?,
                KeyLine::Paste { file, .. } => writeln!(out, "  {title}  in the file {file}")?,
                KeyLine::Text(text) => writeln!(out, "  {title}  {text}")?,
            }
        }
        let Counts { on, wrong } = self.destinations;
        let wrong = match wrong {
            0 => String::new(),
            1 => ", 1 is wrong (see above, or `forkcast check`)".to_owned(),
            wrong => format!(", {wrong} are wrong (see above, or `forkcast check`)"),
        };
        match on {
            0 => writeln!(out, "No destination is on yet{wrong}: {}", self.first_step)?,
            on => {
                let on = if on == 1 { "1 destination is".to_owned() } else { format!("{on} destinations are") };
                match wrong.is_empty() {
                    true => writeln!(out, "{on} on; `forkcast check` lists them.")?,
                    false => writeln!(out, "{on} on{wrong}.")?,
                }
            }
        }
        if let Some(http) = addresses.http {
            writeln!(out, "Dashboard: http://{}/\n", health::local(http))?;
        }
        Ok(())
    }
}

/// Where to put the first key: into a file that waits for one, else into a new one.
fn first_step(destinations: &[DestinationConfig], folder: &Path) -> String {
    let waits = |destination: &&DestinationConfig| matches!(destination.activation, Activation::Off { .. });
    let files: Vec<_> = destinations.iter().filter(waits).map(|waiting| waiting.file.display().to_string()).collect();
    let then = "Then start forkcast again; `forkcast check` says what is missing.";
    match files.split_last() {
        None => format!("{}\n{then}", check::first_file(folder)),
        Some((file, [])) => format!("put a key into {file}.\n{then}"),
        Some((last, files)) => format!("put a key into {} or {last}.\n{then}", files.join(", ")),
    }
}

/// What a signal asks for.
enum Signal {
    /// Ctrl-C: the show is over.
    End,
    /// SIGTERM: an upgrade or a restart; the show goes on.
    Leave,
}

/// The signals, caught from the start on.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "catching can fail on Unix")]
    fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// The first signal. A second one ends the process at once.
    async fn wait(mut self) -> Signal {
        let first = self.next().await;
        tokio::spawn(async move {
            self.next().await;
            eprintln!("stopped at once");
            std::process::exit(1);
        });
        first
    }

    #[cfg(unix)]
    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::End,
            _ = self.terminate.recv() => Signal::Leave,
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> Signal {
        // Without a console to interrupt from, nothing can be asked.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::End
    }
}

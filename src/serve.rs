//! `forkcast serve`: configuration to a running relay, what is said at the start, and how signals end it.

use std::{
    io::{IsTerminal as _, Write},
    path::{Path, PathBuf},
    pin::pin,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::interval;
use tracing::{error, info, warn};

use crate::{
    admission::{self, KeyNote},
    config::{Activation, Given, Problem, ServeOptions},
    control::desk::{Ask, Desk, Request},
    health,
    ingest::keys::{self, StreamKey},
    observe::{
        self,
        log::{Format, Log},
    },
    operator::{Next, Operator},
    relay::{Addresses, Relay, Stream},
    reload::{self, Reading, Reloader},
    service::Service,
    terminal::{self, Screen},
};

/// How often it is told what the log has left out.
const SETTLE_LOG: Duration = Duration::from_secs(1);

/// Serves until a signal says stop. Exit code 2: a configuration that cannot be served; 1: a start that failed.
pub async fn run(given: Given) -> ExitCode {
    let reading = Reading::take(&given);
    let options = &reading.server.options;
    let has_table = !options.no_table && terminal::can_show_table();
    let screen = Screen::new(has_table);
    let format = options.log_format;
    // The log goes to standard error, in local use and in a container alike.
    let log = Log::start(format, screen.clone());
    if format == Format::Json {
        tell_panics_to_the_log();
    }
    let settling = tokio::spawn(settle(log.clone()));
    let stopped = serve(given, reading, &screen, has_table).await;
    settling.abort();
    let exit = match stopped {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stopped::Configuration) => ExitCode::from(2),
        Err(Stopped::Failed(error)) => {
            tell(format, &format!("error: {error}"), || error!("{error}"));
            ExitCode::FAILURE
        }
    };
    log.finish();
    screen.clear();
    exit
}

async fn settle(log: Log) {
    let mut again = interval(SETTLE_LOG);
    loop {
        again.tick().await;
        log.settle();
    }
}

/// A machine that reads objects gets nothing else.
fn tell(format: Format, for_people: &str, for_machines: impl FnOnce()) {
    match format {
        Format::Text => eprintln!("{for_people}"),
        Format::Json => for_machines(),
    }
}

/// The standard library would write them in between, in lines of its own.
fn tell_panics_to_the_log() {
    std::panic::set_hook(Box::new(|panic| {
        let backtrace = std::backtrace::Backtrace::capture();
        error!(kind = "panic", backtrace = %backtrace, "{panic}");
    }));
}

fn tell_problem(problem: &Problem) {
    let (place, field) = (problem.place.to_string(), problem.field.as_deref());
    let (message, hint) = (&problem.message, &problem.hint);
    match problem.is_mistake() {
        true => error!(kind = "configuration_mistake", place, field, "{message}\n  hint: {hint}"),
        false => warn!(kind = "configuration_warning", place, field, "{message}\n  hint: {hint}"),
    }
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

async fn serve(given: Given, mut reading: Reading, screen: &Screen, has_table: bool) -> Result<(), Stopped> {
    let format = reading.server.options.log_format;
    for problem in reading.problems() {
        tell(format, &format!("{problem}\n"), || tell_problem(problem));
    }
    if reading.server.has_mistake() {
        let nothing = "the server's own settings are wrong: nothing was started";
        tell(format, &format!("error: {nothing}"), || error!("{nothing}"));
        return Err(Stopped::Configuration);
    }
    let mut options = reading.server.options.clone();
    if options.strict && reading.problems().any(Problem::is_mistake) {
        let nothing = "--strict, and the configuration has mistakes: nothing was started";
        tell(format, &format!("error: {nothing}"), || error!("{nothing}"));
        return Err(Stopped::Configuration);
    }

    let reloader = Reloader::new(given, &reading);
    let (mut streams, mut notes) = (Vec::new(), Vec::new());
    for config in std::mem::take(&mut reading.config.streams) {
        match admission::admit(config, &options.state) {
            (_, KeyNote::Failed(error)) => return Err(error.into()),
            (stream, note) => {
                notes.push((stream.name.clone(), note));
                streams.push(stream);
            }
        }
    }
    let token_file = make_token(&mut options)?;
    let welcome = Welcome::of(&streams, &notes, &options.destinations);
    let mut signals = Signals::listen()?;
    let metrics = observe::metrics::install()?;
    let (desk, requests) = Desk::new();
    let relay = Relay::start(&options, streams, metrics, desk).await?;
    reloader.show(&relay, welcome.first_step.clone());
    // The lines of the start stand above the welcome.
    screen.clear();
    match format {
        Format::Text => welcome.print(&relay.addresses, token_file.as_deref()),
        Format::Json => welcome.log(&relay.addresses, token_file.as_deref()),
    }
    let service = Service::of_process();
    service.ready(&relay.board);
    let table = has_table.then(|| tokio::spawn(terminal::show_table(screen.clone(), Arc::clone(&relay.board))));

    let mut operator = Operator::new(relay, reloader, requests, options.drain, service.clone());
    let mut reads_again = false;
    let how = loop {
        let next = match std::mem::take(&mut reads_again) {
            true => Signal::Reload.next(),
            false => tokio::select! {
                signal = signals.next() => signal.next(),
                next = operator.next() => Ok(next),
            },
        };
        let done = match next {
            Ok(next) => act(&mut operator, next, &mut signals, &mut reads_again).await,
            Err(how) => Err(how),
        };
        match done {
            Ok(IsOver(false)) => {}
            Ok(IsOver(true)) => break Stop::Leave,
            Err(Stop::Leave) if !options.drain.is_zero() && operator.drain(None) => {}
            Err(how) => break how,
        }
    };
    service.stopping();
    signals.exit_at_the_next(format);
    match how {
        Stop::End => operator.into_relay().end().await,
        Stop::Leave => operator.into_relay().leave().await,
    }
    if let Some(table) = table {
        table.abort();
    }
    Ok(())
}

/// Whether the relay is drained, and to be left.
struct IsOver(bool);

/// Does what is next. A word to stop that comes meanwhile is the error, and what is under way is left: a disk that hangs keeps
/// nobody from stopping the relay.
async fn act(
    operator: &mut Operator,
    next: Next,
    signals: &mut Signals,
    reads_again: &mut bool,
) -> Result<IsOver, Stop> {
    let mut acting = pin!(operator.act(next));
    loop {
        tokio::select! {
            is_over = &mut acting => return Ok(IsOver(is_over)),
            signal = signals.next() => match signal {
                Signal::Reload => *reads_again = true,
                Signal::Stop(how) => return Err(how),
            },
        }
    }
}

/// Whoever can reach an address that is not of this machine alone must show a token: made where nobody gave one. Says in which
/// file it is then.
fn make_token(options: &mut ServeOptions) -> Result<Option<PathBuf>, keys::Error> {
    let is_reached_by_others = options.http.is_some_and(|http| !http.address.ip().to_canonical().is_loopback());
    if !is_reached_by_others || options.http_token.is_some() {
        return Ok(None);
    }
    let made = StreamKey::http_token(&options.state)?;
    options.http_token = Some(made.key);
    Ok(Some(made.file))
}

/// What a person needs to go live, said once everything listens.
struct Welcome {
    streams: Vec<(String, KeyLine)>,
    destinations: Counts,
    /// What to do while no destination is on.
    first_step: Option<String>,
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
    fn of(streams: &[Stream], notes: &[(String, KeyNote)], folder: &Path) -> Self {
        let line = |note: &KeyNote| match note {
            KeyNote::Made(made) => KeyLine::Paste { key: made.key.clone(), file: made.file.display().to_string() },
            note => KeyLine::Text(note.place().text),
        };
        let mut counts = Counts::default();
        for destination in streams.iter().flat_map(|stream| &stream.destinations) {
            match destination.activation {
                Activation::On(_) => counts.on += 1,
                Activation::Wrong { .. } => counts.wrong += 1,
                Activation::Off { .. } => {}
            }
        }
        Self {
            streams: notes.iter().map(|(name, note)| (name.clone(), line(note))).collect(),
            destinations: counts,
            first_step: reload::first_step(streams, folder),
        }
    }

    fn print(&self, addresses: &Addresses, token_file: Option<&Path>) {
        // Nobody may be reading: the relay runs all the same.
        let is_terminal = std::io::stdout().is_terminal();
        let _ = self.write(&mut std::io::stdout().lock(), addresses, token_file, is_terminal);
    }

    /// The same in lines of the log, which are no place for a key.
    fn log(&self, addresses: &Addresses, token_file: Option<&Path>) {
        let mut text = Vec::new();
        let _ = self.write(&mut text, addresses, token_file, false);
        let text = String::from_utf8_lossy(&text);
        text.lines().map(str::trim).filter(|line| !line.is_empty()).for_each(|line| info!(kind = "welcome", "{line}"));
    }

    fn write(
        &self,
        out: &mut impl Write,
        addresses: &Addresses,
        token_file: Option<&Path>,
        is_terminal: bool,
    ) -> std::io::Result<()> {
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
            0 => {
                let first_step = self.first_step.as_deref().unwrap_or_default();
                writeln!(out, "No destination is on yet{wrong}: {first_step}")?;
            }
            on => {
                let on = if on == 1 { "1 destination is".to_owned() } else { format!("{on} destinations are") };
                match wrong.is_empty() {
                    true => writeln!(out, "{on} on; `forkcast check` lists them.")?,
                    false => writeln!(out, "{on} on{wrong}.")?,
                }
            }
        }
        if let Some(http) = addresses.http {
            writeln!(out, "Dashboard: http://{}/", health::local(http))?;
            if let Some(file) = token_file {
                writeln!(out, "  it asks for a token, which is in the file {}", file.display())?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

/// What a signal asks for.
enum Signal {
    /// SIGHUP: the files are to be read again.
    Reload,
    Stop(Stop),
}

impl Signal {
    /// What it has the relay do next.
    fn next(self) -> Result<Next, Stop> {
        match self {
            Self::Reload => Ok(Next::Asked(Request::of(Ask::Reload))),
            Self::Stop(how) => Err(how),
        }
    }
}

/// How the relay stops.
enum Stop {
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
    #[cfg(unix)]
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "catching can fail on Unix")]
    fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// A second word to stop ends the process at once.
    fn exit_at_the_next(mut self, format: Format) {
        tokio::spawn(async move {
            while !matches!(self.next().await, Signal::Stop(_)) {}
            tell(format, "stopped at once", || warn!("stopped at once"));
            std::process::exit(1);
        });
    }

    /// The next signal. Cancel-safe.
    #[cfg(unix)]
    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Stop(Stop::End),
            _ = self.terminate.recv() => Signal::Stop(Stop::Leave),
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> Signal {
        // Without a console to interrupt from, nothing can be asked.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::Stop(Stop::End)
    }
}

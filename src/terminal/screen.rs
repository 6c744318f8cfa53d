//! The terminal, shared by the log and the table.

use std::{
    io::{self, IsTerminal as _, Write},
    panic,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use crossterm::{
    cursor::MoveUp,
    queue,
    terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate},
};

use super::table::Frame;
use crate::observe::log::Sink;

/// So much may wait for a terminal that is halted; what comes then is lost, and counted.
const WAITING: usize = 4096;

/// How long the end of the program waits for a terminal.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where the log and the table go.
#[derive(Clone)]
pub struct Screen(Arc<Shared>);

struct Shared {
    /// To the thread that writes; none where standard error is no terminal, and there is no table.
    thread: Option<SyncSender<Job>>,
    /// Lines that a halted terminal did not take.
    lost: AtomicU64,
    log_is_on_terminal: bool,
}

enum Job {
    Lines(String),
    Frame(Frame),
    /// Takes the table away and says that it has: whoever asks writes by itself.
    Clear(SyncSender<()>),
}

impl Screen {
    /// The terminal of this process, with a table or without.
    pub fn new(has_table: bool) -> Self {
        let log_is_on_terminal = io::stderr().is_terminal();
        let thread = (has_table || log_is_on_terminal).then(start).flatten();
        let screen = Self(Arc::new(Shared { thread, lost: AtomicU64::new(0), log_is_on_terminal }));
        if has_table {
            screen.clear_before_panics();
        }
        screen
    }

    /// Shows the table in the place of the one before.
    pub(super) fn draw(&self, frame: Frame) {
        if let Some(thread) = &self.0.thread {
            // A halted terminal misses nothing: the next table says it all.
            let _ = thread.try_send(Job::Frame(frame));
        }
    }

    /// Waits until everything is written, and takes the table away.
    pub fn clear(&self) {
        let Some(thread) = &self.0.thread else { return };
        let (done, is_done) = sync_channel(1);
        if thread.try_send(Job::Clear(done)).is_ok() {
            let _ = is_done.recv_timeout(PATIENCE);
        }
    }

    /// A panic is written by the standard library itself.
    fn clear_before_panics(&self) {
        let (screen, write) = (self.clone(), panic::take_hook());
        panic::set_hook(Box::new(move |panic| {
            // The thread that writes cannot wait for itself.
            if thread::current().name() != Some(THREAD) {
                screen.clear();
            }
            write(panic);
        }));
    }
}

impl Sink for Screen {
    fn write(&self, lines: &str) {
        let Shared { thread: Some(thread), lost, log_is_on_terminal: true } = &*self.0 else {
            let _ = io::stderr().lock().write_all(lines.as_bytes());
            return;
        };
        let before = lost.swap(0, Relaxed);
        let lines = match before {
            0 => lines.to_owned(),
            lost => format!("({lost} lines were lost: the terminal was halted)\n{lines}"),
        };
        match thread.try_send(Job::Lines(lines)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => drop(lost.fetch_add(before + 1, Relaxed)),
            Err(TrySendError::Disconnected(Job::Lines(lines))) => drop(io::stderr().lock().write_all(lines.as_bytes())),
            Err(TrySendError::Disconnected(_)) => {}
        }
    }

    fn has_colours(&self) -> bool {
        self.0.log_is_on_terminal
    }
}

const THREAD: &str = "terminal";

/// Without a thread lines are written where they come from.
fn start() -> Option<SyncSender<Job>> {
    let (sender, jobs) = sync_channel(WAITING);
    let run = move || write_all(&jobs);
    thread::Builder::new().name(THREAD.to_owned()).spawn(run).is_ok().then_some(sender)
}

fn write_all(jobs: &Receiver<Job>) {
    let mut table = Table::default();
    let (mut out, mut err) = (io::stdout(), io::stderr());
    while let Ok(job) = jobs.recv() {
        // An output that nobody reads any more is nobody's fault.
        let _ = match job {
            Job::Lines(lines) => table.write_above(&lines, &mut out, &mut err),
            Job::Frame(frame) => table.replace(frame, &mut out),
            Job::Clear(done) => {
                let cleared = table.clear(&mut out);
                let _ = done.send(());
                cleared
            }
        };
    }
}

/// The table that stands on the screen. The cursor is at the beginning of the line below it.
#[derive(Default)]
struct Table(Frame);

impl Table {
    fn write_above(&mut self, lines: &str, out: &mut impl Write, err: &mut impl Write) -> io::Result<()> {
        if self.0.rows.is_empty() {
            return err.write_all(lines.as_bytes());
        }
        queue!(out, BeginSynchronizedUpdate)?;
        self.erase(out)?;
        out.flush()?;
        err.write_all(lines.as_bytes())?;
        self.write(out)?;
        queue!(out, EndSynchronizedUpdate)?;
        out.flush()
    }

    fn replace(&mut self, frame: Frame, out: &mut impl Write) -> io::Result<()> {
        queue!(out, BeginSynchronizedUpdate)?;
        self.erase(out)?;
        self.0 = frame;
        self.write(out)?;
        queue!(out, EndSynchronizedUpdate)?;
        out.flush()
    }

    fn clear(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.0.rows.is_empty() {
            return Ok(());
        }
        self.erase(out)?;
        self.0 = Frame::default();
        out.flush()
    }

    /// What has become narrower since may have broken rows into several.
    fn erase(&self, out: &mut impl Write) -> io::Result<()> {
        let columns = crossterm::terminal::size().map_or(usize::MAX, |(columns, _)| columns.max(1).into());
        let up: usize = self.0.rows.iter().map(|row| row.columns.div_ceil(columns).max(1)).sum();
        if up > 0 {
            queue!(out, MoveUp(u16::try_from(up).unwrap_or(u16::MAX)))?;
        }
        // Also where there was no table: a terminal shows the `^C` of whoever pressed it.
        queue!(out, crossterm::cursor::MoveToColumn(0), Clear(ClearType::FromCursorDown))
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for row in &self.0.rows {
            write!(out, "{}\r\n", row.text)?;
        }
        Ok(())
    }
}

//! One destination of a running relay: its task, and what its file makes of it.

use std::{
    collections::BTreeSet,
    mem,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::watch, task::JoinHandle, time::sleep};
use tokio_util::task::TaskTracker;

use crate::{
    config::{Activation, DestinationConfig},
    destination::{
        Destination,
        orders::Orders,
        settings::{Difference, Settings},
        status::{Report, State},
        task::{Stop, Task},
    },
    observe::Event,
    stream::Feed,
};

/// The pause before a destination that a fault of our own has ended is started anew.
const RESTART: Duration = Duration::from_secs(5);

/// Why a destination is off that a person has stopped where its file cannot say so.
const STOPPED: &str = "stopped by hand, until it is started or forkcast restarts: its file could not be written";

/// What starting a destination's task takes.
#[derive(Clone)]
pub(super) struct Stage {
    /// Counts the tasks of all destinations.
    pub(super) tasks: TaskTracker,
    /// How all of them are asked to stop.
    pub(super) stop: Stop,
}

/// A destination that is configured.
pub(super) struct Member {
    name: String,
    file: PathBuf,
    /// Lives as long as the destination is configured, so that its sums go on when it is turned off and on.
    report: Arc<Report>,
    activity: Activity,
    /// What is wrong with the file, where what was read before still counts.
    problem: Option<String>,
    /// What its file waits for.
    lacks: &'static [&'static str],
    /// A person has stopped it for the life of this process.
    is_stopped: bool,
    /// A task that was dismissed and may still be saying goodbye: the next one waits for it.
    leaving: Option<JoinHandle<()>>,
}

enum Activity {
    Running(Running),
    Resting,
}

struct Running {
    orders: watch::Sender<Orders>,
    task: JoinHandle<()>,
}

impl Member {
    /// A destination as its file has it, not started yet.
    pub(super) fn new(config: &DestinationConfig) -> Self {
        Self {
            name: config.name.clone(),
            file: config.file.clone(),
            report: Arc::new(Report::new(State::Idle)),
            activity: Activity::Resting,
            problem: None,
            lacks: &[],
            is_stopped: false,
            leaving: None,
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What it runs by.
    pub(super) fn settings(&self) -> Option<Arc<Settings>> {
        match &self.activity {
            Activity::Running(running) => Some(Arc::clone(&running.orders.borrow().settings)),
            Activity::Resting => None,
        }
    }

    /// What it will run by once `activation` counts: a file that is wrong changes nothing.
    pub(super) fn settings_by(&self, activation: &Activation) -> Option<Arc<Settings>> {
        match activation {
            _ if self.is_stopped => None,
            Activation::On(settings) => Some(Arc::new(Settings::clone(settings))),
            Activation::Off { .. } => None,
            Activation::Wrong { .. } => self.settings(),
        }
    }

    /// Goes by what its file says now. Says what that has changed, in words, where it did.
    pub(super) fn apply(
        &mut self,
        config: DestinationConfig,
        feed: &Arc<Feed>,
        stage: &Stage,
        saved: &BTreeSet<PathBuf>,
    ) -> Option<&'static str> {
        self.file = config.file;
        self.problem = None;
        self.lacks = &[];
        match config.activation {
            Activation::On(_) | Activation::Wrong { .. } if self.is_stopped => self.stop(),
            Activation::On(settings) => self.run_by(Arc::from(settings), feed, stage, saved),
            Activation::Off { reason, lacks } => {
                self.lacks = lacks;
                let (stream, destination) = (feed.name(), self.name.as_str());
                if !matches!(self.report.state(), State::Off { reason: present } if present == reason) {
                    Event::DestinationOff { stream, destination, reason: &reason }.emit();
                }
                self.rest(State::Off { reason })
            }
            Activation::Wrong { problem } => match self.activity {
                Activity::Running(_) => {
                    self.problem = Some(problem);
                    None
                }
                Activity::Resting => {
                    let (stream, destination) = (feed.name(), self.name.as_str());
                    if !matches!(self.report.state(), State::Wrong { reason } if reason == problem) {
                        Event::DestinationWrong { stream, destination, reason: &problem }.emit();
                    }
                    self.rest(State::Wrong { reason: problem })
                }
            },
        }
    }

    /// Ends what it serves in order and serves no more, whatever its file says, until [`Self::set_free`] or the end of this process.
    pub(super) fn stop(&mut self) -> Option<&'static str> {
        self.is_stopped = true;
        self.rest(State::Off { reason: STOPPED.to_owned() })
    }

    /// Lets its file decide again: the next [`Self::apply`] does. Says whether that is a change.
    pub(super) fn set_free(&mut self) -> bool {
        mem::take(&mut self.is_stopped)
    }

    /// Its file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Where it stands.
    pub(super) fn state(&self) -> State {
        self.report.state()
    }

    /// Where it is told what to do, while it runs.
    pub(super) fn orders(&self) -> Option<watch::Sender<Orders>> {
        match &self.activity {
            Activity::Running(running) => Some(running.orders.clone()),
            Activity::Resting => None,
        }
    }

    /// Drops its connection and makes another, also where the broadcast was ended there. Says whether it is on.
    pub(super) fn restart(&self) -> bool {
        self.order(|orders| {
            orders.ended = 0;
            orders.restarts += 1;
        })
    }

    /// Ends the broadcast `number` there, in order; the next one is served. Says whether that is new.
    pub(super) fn end(&self, number: u64) -> bool {
        match &self.activity {
            Activity::Running(running) => running.orders.send_if_modified(|orders| {
                let is_new = orders.serve(number);
                orders.ended = orders.ended.max(number);
                is_new
            }),
            Activity::Resting => false,
        }
    }

    /// Takes back that the broadcast was ended there. Says whether it was.
    pub(super) fn rejoin(&self) -> bool {
        match &self.activity {
            Activity::Running(running) => {
                running.orders.send_if_modified(|orders| std::mem::take(&mut orders.ended) != 0)
            }
            Activity::Resting => false,
        }
    }

    /// Ends what it serves in order, and serves no more.
    pub(super) fn dismiss(&mut self) {
        self.rest(State::Off { reason: "its file is gone".to_owned() });
    }

    /// Whether it was dismissed and has not ended yet.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.as_ref().is_some_and(|task| !task.is_finished())
    }

    /// Begins only when `other`, which was dismissed, has gone: both send to the same place.
    pub(super) fn wait_for(&mut self, other: Self) {
        self.leaving = other.leaving;
    }

    /// As others see it.
    pub(super) fn view(&self) -> Destination {
        Destination {
            name: self.name.clone(),
            file: self.file.clone(),
            settings: self.settings(),
            problem: self.problem.clone(),
            lacks: self.lacks,
            report: Arc::clone(&self.report),
        }
    }

    fn order(&self, order: impl FnOnce(&mut Orders)) -> bool {
        match &self.activity {
            Activity::Running(running) => {
                running.orders.send_modify(order);
                true
            }
            Activity::Resting => false,
        }
    }

    fn run_by(
        &mut self,
        settings: Arc<Settings>,
        feed: &Arc<Feed>,
        stage: &Stage,
        saved: &BTreeSet<PathBuf>,
    ) -> Option<&'static str> {
        let Activity::Running(running) = &self.activity else {
            self.start(settings, feed, stage);
            return Some("is on from now on");
        };
        let difference = settings.difference(&running.orders.borrow().settings);
        let is_saved = saved.contains(&self.file) || settings.trust.file().is_some_and(|file| saved.contains(file));
        if difference != Difference::None || is_saved {
            running.orders.send_modify(|orders| {
                orders.settings = settings;
                orders.saves += u64::from(is_saved);
            });
        }
        match difference {
            Difference::None if is_saved && self.report.state().waits() => {
                Some("is tried again, since its file was saved")
            }
            Difference::None => None,
            Difference::Numbers => Some("goes on by its new settings, without a break"),
            Difference::Connection => Some("connects anew by its new settings"),
            Difference::Target => Some("goes over to its new server or key"),
        }
    }

    fn start(&mut self, settings: Arc<Settings>, feed: &Arc<Feed>, stage: &Stage) {
        let (orders, receiver) = watch::channel(Orders::new(settings));
        let (feed, report, stop) = (Arc::clone(feed), Arc::clone(&self.report), stage.stop.clone());
        let before = self.leaving.take();
        report.rest(State::Idle);
        let task = stage.tasks.spawn(async move {
            if let Some(before) = before {
                // However it ended.
                let _ = before.await;
            }
            keep_running(receiver, feed, report, stop).await;
        });
        self.activity = Activity::Running(Running { orders, task });
    }

    fn rest(&mut self, state: State) -> Option<&'static str> {
        match mem::replace(&mut self.activity, Activity::Resting) {
            Activity::Running(Running { orders, task }) => {
                let reason = state.reason().unwrap_or_default().to_owned();
                // The task enters the state itself, once it has said goodbye.
                orders.send_modify(|orders| orders.dismissed = Some(reason));
                self.leaving = Some(task);
                Some("is off from now on")
            }
            Activity::Resting => {
                self.report.rest(state);
                None
            }
        }
    }
}

/// A fault of our own in one destination is nobody else's: its task is started anew.
async fn keep_running(orders: watch::Receiver<Orders>, feed: Arc<Feed>, report: Arc<Report>, stop: Stop) {
    loop {
        let task = Task::new(orders.clone(), Arc::clone(&feed), Arc::clone(&report), stop.clone());
        if tokio::spawn(task.run()).await.is_ok() {
            return;
        }
        report.broken();
        let (stream, destination) = (feed.name().to_owned(), orders.borrow().settings.name.clone());
        Event::DestinationBroken { stream: &stream, destination: &destination, restart_in: RESTART }.emit();
        tokio::select! {
            () = stop.leave.cancelled() => return,
            () = stop.drain.cancelled() => return,
            () = sleep(RESTART) => {}
        }
    }
}

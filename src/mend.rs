//! A destination that fails, or is not started, is tried again as soon as its file is mended.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{sync::watch, time::sleep};

use crate::{
    config::{Activation, Config, Disk},
    destination::{
        settings::Settings,
        status::{Report, State},
        task::Stop,
    },
};

/// How often the file of a destination that does not deliver is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where a destination's settings come from.
#[derive(Clone, Debug)]
pub struct DestinationFile {
    /// The folder of all destinations.
    pub folder: PathBuf,
    /// The destination's stream.
    pub stream: String,
    /// Its file.
    pub file: PathBuf,
}

/// While the destination does not deliver, looks whether its file has changed, and hands over what it says then. A file that is
/// wrong changes nothing; what was written half-way is read again when it is whole.
pub async fn wake_when_mended(
    file: DestinationFile,
    mended: watch::Sender<Arc<Settings>>,
    report: Arc<Report>,
    stop: Stop,
) {
    let watching = async {
        let mut state = report.watch();
        // What was loaded at the start.
        let mut seen = file.changed_at().await;
        // The sender lives in the report.
        while state.wait_for(is_mendable).await.is_ok() {
            sleep(LOOK_EVERY).await;
            let now = file.changed_at().await;
            if now != seen {
                seen = now;
                if let Some(settings) = file.settings().await {
                    mended.send_replace(settings);
                }
            }
        }
    };
    tokio::select! {
        () = stop.leave.cancelled() => {}
        () = stop.drain.cancelled() => {}
        () = watching => {}
    }
}

/// What a person may be about to mend.
fn is_mendable(state: &State) -> bool {
    matches!(state, State::Parked { .. } | State::Waiting { .. } | State::Off { .. })
}

impl DestinationFile {
    async fn changed_at(&self) -> Option<SystemTime> {
        let file = self.file.clone();
        let changed = move || std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok();
        tokio::task::spawn_blocking(changed).await.ok().flatten()
    }

    /// What the file says now, where it is right and on.
    async fn settings(&self) -> Option<Arc<Settings>> {
        let Self { folder, stream, file } = self.clone();
        let load = move || {
            let streams = Config::load(&Disk, &folder).streams;
            let destinations =
                streams.into_iter().filter(|config| config.name == stream).flat_map(|config| config.destinations);
            let found = destinations.into_iter().find(|destination| destination.file == file)?;
            match found.activation {
                Activation::On(settings) => Some(Arc::from(settings)),
                Activation::Off { .. } | Activation::Wrong { .. } => None,
            }
        };
        tokio::task::spawn_blocking(load).await.ok().flatten()
    }
}

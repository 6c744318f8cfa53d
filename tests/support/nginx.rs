//! nginx with its RTMP module as a destination that records.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::flv::{self, Tag};
use crate::support::namespace::Namespace;
use crate::support::process::Process;
use crate::support::{ports, wait};

/// Where Debian puts them; the folder of the program is not on everybody's search path.
pub(crate) const PROGRAM: &str = "/usr/sbin/nginx";
pub(crate) const MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

/// An nginx of its own: own configuration, folder and port, nothing of the system's, no privilege needed.
///
/// Its recorder writes the tags as they came, but no data messages; it writes the AAC header that it keeps and then the one that
/// arrives; and it opens the file at the first audio or video.
pub(crate) struct Nginx {
    process: Process,
    address: SocketAddr,
    recordings: PathBuf,
}

impl Nginx {
    pub(crate) fn start(parent: &Path, name: &str) -> Self {
        Self::launch(parent, name, ([127, 0, 0, 1], ports::free()).into(), Command::new(PROGRAM))
    }

    /// At the port of one that was there before.
    pub(crate) fn start_at(parent: &Path, name: &str, port: u16) -> Self {
        Self::launch(parent, name, ([127, 0, 0, 1], port).into(), Command::new(PROGRAM))
    }

    /// At the far end of a network.
    pub(crate) fn start_in(parent: &Path, name: &str, namespace: &Namespace) -> Self {
        Self::launch(parent, name, namespace.at(ports::free()), namespace.command(PROGRAM))
    }

    fn launch(parent: &Path, name: &str, address: SocketAddr, mut command: Command) -> Self {
        let folder = parent.join(name);
        let recordings = folder.join("recordings");
        fs::create_dir_all(&recordings).expect("the folder can be made");
        let configuration = folder.join("nginx.conf");
        fs::write(&configuration, configure(&folder, &recordings, address)).expect("the folder can be written");
        command.arg("-p").arg(&folder).arg("-c").arg(&configuration);
        let mut process = Process::start(name, parent, &mut command);
        process.wait_for_address(address);
        Self { process, address, recordings }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The server URL, without a key.
    pub(crate) fn url(&self) -> String {
        format!("rtmp://{}/live", self.address)
    }

    /// Sends it a signal by name: `"STOP"` freezes it, and its kernel goes on taking what fits.
    pub(crate) fn signal(&self, signal: &str) {
        self.process.signal(signal);
    }

    /// What it has logged: each connection with its commands.
    pub(crate) fn log(&self) -> String {
        self.process.output()
    }

    /// The tags of the only recording, once its publish is over.
    #[track_caller]
    pub(crate) fn recording(&self) -> Vec<Tag> {
        flv::read(&self.recording_file())
    }

    /// The only recording, once its publish is over.
    #[track_caller]
    pub(crate) fn recording_file(&self) -> PathBuf {
        wait::until("nginx to see the end of the publish", Duration::from_secs(15), || {
            let log = self.process.output();
            let (_, after) = log.split_once("publish: name=")?;
            after.contains("disconnect").then_some(())
        });
        let mut files = self.recording_files();
        assert_eq!(files.len(), 1, "nginx recorded one publish");
        files.remove(0)
    }

    /// What it has recorded of each publish so far, in their order; the last one may still be going on.
    pub(crate) fn recording_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.recordings).expect("the folder is there");
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
        // The file is made when the publish begins.
        files.sort_by_key(|file| fs::metadata(file).and_then(|metadata| metadata.created()).expect("the disk tells"));
        files
    }
}

fn configure(folder: &Path, recordings: &Path, address: SocketAddr) -> String {
    let (folder, recordings) = (folder.display(), recordings.display());
    // One process, which stays in the foreground and whose user is whoever runs the tests.
    format!(
        "load_module {MODULE};
        daemon off;
        master_process off;
        pid {folder}/nginx.pid;
        lock_file {folder}/nginx.lock;
        error_log stderr info;
        events {{ worker_connections 64; }}
        rtmp {{
            server {{
                listen {address};
                access_log off;
                chunk_size 4096;
                # A publisher that is gone without a word is let go of before its next one comes.
                ping 2s;
                ping_timeout 2s;
                application live {{
                    live on;
                    record all;
                    record_unique on;
                    record_path {recordings};
                }}
                # What YouTube calls its own.
                application live2 {{
                    live on;
                    record all;
                    record_unique on;
                    record_path {recordings};
                }}
            }}
        }}"
    )
}

//! Which real peers this machine has.
//!
//! A test whose peer is missing fails, and says what to install; but where this user may not make a namespace, of networks
//! or of mounts, what needs one is left out, and so is what needs systemd's tools: that is no package to put on a machine for a test. Only where `FORKCAST_TEST_LEFT_OUT` names a file (`tests/run
//! --without-peers` sets it) such a test passes, and adds itself to that file: the run ends with the list.

use std::env;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::support::confinement::Confinement;
use crate::support::namespace::Namespace;
use crate::support::{browser, ffmpeg, nginx};

/// A program of somebody else's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Peer {
    Ffmpeg,
    Ffmpeg9,
    Nginx,
    Stunnel,
    Openssl,
    Gstreamer,
    Chromium,
    Promtool,
    /// What looks through a unit of systemd, without one that runs.
    SystemdAnalyze,
    /// A network namespace: iproute2, and the right to use it.
    Namespace,
    /// A read-only root and no capabilities: util-linux, and the right to lay them.
    Confinement,
}

/// What most tests of the relay with real peers use.
pub(crate) const RECORDERS: &[Peer] = &[Peer::Ffmpeg, Peer::Nginx, Peer::Stunnel];

/// May this test go on? A test begins with `if !peers::are_here(…) { return; }`.
#[track_caller]
pub(crate) fn are_here(needed: &[Peer]) -> bool {
    let missing: Vec<&Peer> = needed.iter().filter(|peer| !peer.is_here()).collect();
    if missing.is_empty() {
        return true;
    }
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let Some(path) = env::var_os("FORKCAST_TEST_LEFT_OUT") else {
        // It cannot be installed: the tests ask nobody for root.
        if missing.iter().all(|peer| matches!(peer, Peer::SystemdAnalyze | Peer::Namespace | Peer::Confinement)) {
            eprintln!("{test} is left out: there is no {missing:?} for this user on this machine");
            return false;
        }
        panic!("{missing:?} is not on this machine; tests/run installs it");
    };
    let mut file = File::options().create(true).append(true).open(path).expect("the list can be written");
    writeln!(file, "{test}: needs {missing:?}").expect("the list can be written");
    false
}

impl Peer {
    fn is_here(self) -> bool {
        match self {
            Self::Ffmpeg => runs("ffmpeg", &["-version"]),
            Self::Ffmpeg9 => ffmpeg::find_nine().is_some_and(|path| path.exists()),
            Self::Nginx => Path::new(nginx::MODULE).exists() && runs(nginx::PROGRAM, &["-v"]),
            Self::Stunnel => runs("stunnel4", &["-version"]),
            Self::Openssl => runs("openssl", &["version"]),
            Self::Gstreamer => runs("gst-inspect-1.0", &["rtmp2sink"]) && runs("gst-inspect-1.0", &["flvmux"]),
            Self::Chromium => runs(browser::PROGRAM, &["--version"]),
            Self::SystemdAnalyze => runs("systemd-analyze", &["--version"]),
            Self::Promtool => runs("promtool", &["--version"]),
            Self::Namespace => Namespace::can_be_made(),
            Self::Confinement => Confinement::can_be_made(),
        }
    }
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

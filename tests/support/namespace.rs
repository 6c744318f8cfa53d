//! A network of two ends: one is this machine, the other a namespace whose packets can be made to vanish.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

/// The hardware address of the far end.
const FAR: &str = "02:00:00:00:00:02";

/// A network namespace (`man 7 network_namespaces`) with one cable to this machine. Dropping it takes both away.
pub(crate) struct Namespace {
    name: String,
    address: Ipv4Addr,
}

impl Namespace {
    /// May this user make one? It takes root, and `ip` of iproute2.
    pub(crate) fn can_be_made() -> bool {
        let name = format!("forkcast-try-{}", process::id());
        ip(&["netns", "add", &name]) && ip(&["netns", "delete", &name])
    }

    pub(crate) fn new() -> Self {
        static COUNT: AtomicU16 = AtomicU16::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // Networks for the test of network devices (RFC 2544); two test processes on one machine begin far apart.
        let [high, low] = (u16::try_from(process::id() % 0x3fff).expect("14 bits") * 4 + count * 4).to_be_bytes();
        let (near, far) = (Ipv4Addr::new(198, 18, high, low | 1), Ipv4Addr::new(198, 18, high, low | 2));
        let name = format!("fc-{}-{count}", process::id());
        let cable = format!("fc{}n{count}", process::id());
        run(&["netns", "add", &name]);
        let namespace = Self { name, address: far };
        let name = &namespace.name;
        run(&["link", "add", &cable, "type", "veth", "peer", "name", "far", "address", FAR, "netns", name]);
        run(&["address", "add", &format!("{near}/30"), "dev", &cable]);
        run(&["link", "set", &cable, "up"]);
        // As behind a router: that the far end is gone is not told by the machine's own neighbour table.
        run(&["neighbour", "replace", &far.to_string(), "lladdr", FAR, "nud", "permanent", "dev", &cable]);
        run(&["-n", name, "link", "set", "far", "up"]);
        run(&["-n", name, "link", "set", "lo", "up"]);
        namespace.mend();
        namespace
    }

    /// The address of the far end.
    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        (self.address, port).into()
    }

    /// A program to be run at the far end.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// From now on nobody answers there, and nobody says so: a machine without power, a cable pulled behind a router.
    pub(crate) fn cut(&self) {
        run(&["-n", &self.name, "address", "flush", "dev", "far"]);
    }

    /// Answers again; connections of before the cut are still known there.
    pub(crate) fn mend(&self) {
        run(&["-n", &self.name, "address", "add", &format!("{}/30", self.address), "dev", "far"]);
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The cable goes with its far end.
        ip(&["netns", "delete", &self.name]);
    }
}

fn ip(arguments: &[&str]) -> bool {
    let mut command = Command::new("ip");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[track_caller]
fn run(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().expect("it is installed");
    assert!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

//! stunnel in front of a plain server: RTMPS as many a site runs it, on OpenSSL.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::support::certificates::Identity;
use crate::support::ports;
use crate::support::process::Process;

/// A TLS listener that passes everything on to another port of this machine.
pub(crate) struct Stunnel {
    process: Process,
    port: u16,
}

impl Stunnel {
    pub(crate) fn start(folder: &Path, name: &str, identity: &Identity, to: u16) -> Self {
        Self::start_at(folder, name, identity, ([127, 0, 0, 1], ports::free()).into(), to)
    }

    /// At an address of this machine, such as the port 443 of one that no other program uses.
    pub(crate) fn start_at(folder: &Path, name: &str, identity: &Identity, address: SocketAddr, to: u16) -> Self {
        let configuration = folder.join(format!("{name}.conf"));
        let (certificate, key) = (identity.certificate.display(), identity.key.display());
        let text = format!(
            "foreground = yes
            pid =
            syslog = no
            debug = info
            [rtmps]
            accept = {address}
            connect = 127.0.0.1:{to}
            cert = {certificate}
            key = {key}
            "
        );
        fs::write(&configuration, text.replace("            ", "")).expect("the folder can be written");
        let mut process = Process::start(name, folder, Command::new("stunnel4").arg(&configuration));
        process.wait_for_address(address);
        Self { process, port: address.port() }
    }

    /// How often it has made a TLS session, and how often it has taken one up again.
    pub(crate) fn sessions(&self) -> (usize, usize) {
        let output = self.process.output();
        let count = |words: &str| output.lines().filter(|line| line.contains(words)).count();
        (count("TLS accepted: new session negotiated"), count("TLS accepted: previous session reused"))
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The server URL, without a key; the certificate names this host.
    pub(crate) fn url(&self) -> String {
        format!("rtmps://localhost:{}/live", self.port)
    }
}

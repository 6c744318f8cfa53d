//! stunnel in front of a plain server: RTMPS as many a site runs it, on OpenSSL.

use std::fs;
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
        let port = ports::free();
        let configuration = folder.join(format!("{name}.conf"));
        let (certificate, key) = (identity.certificate.display(), identity.key.display());
        let text = format!(
            "foreground = yes
            pid =
            syslog = no
            debug = info
            [rtmps]
            accept = 127.0.0.1:{port}
            connect = 127.0.0.1:{to}
            cert = {certificate}
            key = {key}
            "
        );
        fs::write(&configuration, text.replace("            ", "")).expect("the folder can be written");
        let mut process = Process::start(name, folder, Command::new("stunnel4").arg(&configuration));
        process.wait_for_port(port);
        Self { process, port }
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

//! `forkcast health`: whether the running relay is healthy, for a container's health check.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use crate::config::{Http, Resolved};

/// A relay that takes longer to answer is not healthy.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the relay that runs with these settings. Exit code 0: healthy; 1: not; 2: there is nothing to ask.
pub fn run(server: &Resolved) -> ExitCode {
    let Some(Http { address, .. }) = server.options.http else {
        eprintln!(
            "error: HTTP is off: there is nothing to ask\n  hint: give `serve` and `health` the same --http ADDR"
        );
        return ExitCode::from(2);
    };
    match ask(local(address)) {
        Ok(()) => {
            println!("healthy");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("not healthy: {error}\n  hint: is forkcast running, with --http {address}?");
            ExitCode::FAILURE
        }
    }
}

fn ask(address: SocketAddr) -> Result<(), ureq::Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).build().into();
    agent.get(format!("http://{address}/healthz")).call().map(|_| ())
}

/// A relay that listens on every address is asked on this machine's own.
fn local(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback = match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(loopback);
    }
    address
}

//! `forkcast health`: whether the running relay is healthy, for a container's health check.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use crate::{
    config::{Http, Resolved},
    control::health::{HEALTHY, NOT_HEALTHY},
};

/// A relay that takes longer to answer is not healthy.
const PATIENCE: Duration = Duration::from_secs(3);

/// Most of an answer that is read, in bytes: a line, and one for each certificate that runs out.
const ANSWER: u64 = 64 << 10;

/// Asks the relay that runs with these settings. Exit code 0: healthy; 1: not; 2: there is nothing to ask.
pub fn run(server: &Resolved) -> ExitCode {
    let http = server.options.http.map(|Http { address, .. }| ("http", address));
    let Some((flag, address)) = http.or(server.options.monitoring.map(|address| ("monitoring", address))) else {
        eprintln!(
            "error: HTTP is off: there is nothing to ask\n  hint: give `serve` and `health` the same --http ADDR"
        );
        return ExitCode::from(2);
    };
    match ask(local(address)) {
        Ok(remarks) => {
            println!("healthy");
            remarks.lines().for_each(|remark| println!("  {remark}"));
            ExitCode::SUCCESS
        }
        Err(Unhealthy::Silent(error)) => {
            eprintln!("not healthy: {error}\n  hint: is forkcast running, with --{flag} {address}?");
            ExitCode::FAILURE
        }
        Err(Unhealthy::AnotherProgram) => {
            eprintln!(
                "not healthy: another program answers at {address}, not forkcast\n  hint: start forkcast with another --{flag} \
                 ADDR, and give `health` the same"
            );
            ExitCode::FAILURE
        }
        Err(Unhealthy::Hangs(reasons)) => {
            eprintln!(
                "not healthy: {}\n  hint: start forkcast anew; please report it, with its log",
                reasons.trim_end()
            );
            ExitCode::FAILURE
        }
    }
}

/// Why the relay is not healthy.
#[derive(Debug)]
enum Unhealthy {
    /// Nobody answers.
    Silent(ureq::Error),
    /// Somebody answers, but in other words.
    AnotherProgram,
    /// It says so itself.
    Hangs(String),
}

/// What the relay remarks beside being healthy, a line each.
fn ask(address: SocketAddr) -> Result<String, Unhealthy> {
    let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false);
    let agent: ureq::Agent = config.build().into();
    let mut answer = agent.get(format!("http://{address}/healthz")).call().map_err(|error| match error {
        ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed => Unhealthy::Silent(error),
        // What came is no HTTP.
        _ => Unhealthy::AnotherProgram,
    })?;
    // A longer body is an error too.
    let body = answer.body_mut().with_config().limit(ANSWER).read_to_vec().ok();
    let body = body.and_then(|body| String::from_utf8(body).ok());
    let body = body.unwrap_or_default();
    match (body.strip_prefix(HEALTHY), body.strip_prefix(NOT_HEALTHY)) {
        (Some(remarks), _) => Ok(remarks.to_owned()),
        (_, Some(reasons)) => Err(Unhealthy::Hangs(reasons.to_owned())),
        _ => Err(Unhealthy::AnotherProgram),
    }
}

/// Where this machine reaches a relay that listens at `address`: one that listens on every address, on loopback.
pub fn local(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback = match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(loopback);
    }
    address
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        thread,
    };

    use super::*;

    /// A program that gives this answer.
    fn answering(answer: String) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(stream.read(&mut [0; 1024]).unwrap() > 0, "no request");
            stream.write_all(answer.as_bytes()).unwrap();
        });
        address
    }

    fn http(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn forkcast_is_told_from_other_programs() {
        assert!(ask(answering(http("200 OK", HEALTHY))).is_ok());
        let hangs = ask(answering(http("503 Service Unavailable", &format!("{NOT_HEALTHY}it hangs\n"))));
        assert!(matches!(hangs, Err(Unhealthy::Hangs(reasons)) if reasons == "it hangs\n"));
        for answer in [
            http("200 OK", "ok\n"),
            http("200 OK", &"long".repeat(1000)),
            http("404 Not Found", "no such page"),
            "220 mail.example ESMTP\r\n".to_owned(),
        ] {
            assert!(matches!(ask(answering(answer.clone())), Err(Unhealthy::AnotherProgram)), "{answer}");
        }
    }

    #[test]
    fn nobody_there() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(matches!(ask(closed), Err(Unhealthy::Silent(_))));
    }
}

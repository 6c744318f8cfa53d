//! What happened, to which server: one sentence, lower case, names in backticks, no full stop.

use std::{
    fmt::{self, Formatter},
    net::SocketAddr,
    time::Duration,
};

use super::{Cause, CertificateProblem, ConnectProblem, Endpoint, Speaks, Whose};

pub(super) fn write(f: &mut Formatter<'_>, at: &Endpoint, cause: &Cause) -> fmt::Result {
    let host = at.host();
    match cause {
        Cause::NameNotFound => write!(f, "`{host}` does not resolve: DNS knows no such name"),
        Cause::LookupFailed { detail } => {
            write!(f, "`{host}` does not resolve: this machine's DNS gives no answer ({detail})")
        }
        Cause::LookupTimedOut { after } => {
            write!(f, "`{host}` does not resolve: DNS did not answer within {}", Seconds(*after))
        }
        Cause::Bind { local, detail } => {
            write!(f, "`{at}` cannot be reached from `{local}` (`bind`): ")?;
            f.write_str(detail.as_deref().unwrap_or("this machine does not have that address"))
        }
        Cause::NoAddressToReach { local } => {
            let family = if local.is_ipv4() { "IPv4" } else { "IPv6" };
            write!(f, "`{at}` has no {family} address, and is to be reached from `{local}` (`bind`)")
        }
        Cause::Connect { problem, tried, limit } => connect(f, at, problem, tried, *limit),
        Cause::HostNotForTls => write!(f, "`{host}` cannot stand in a certificate, so TLS with `{at}` is impossible"),
        Cause::NotTls { speaks } => match speaks {
            Speaks::Rtmp => write!(f, "`{at}` speaks no TLS on this port: it is a plain RTMP server"),
            Speaks::Http => write!(f, "`{at}` speaks no TLS on this port: it is a plain HTTP server"),
            Speaks::Unknown => write!(f, "`{at}` speaks no TLS on this port, but something else"),
        },
        Cause::ClosedDuringTls { reset: false } => write!(f, "`{at}` closed the connection during the TLS handshake"),
        Cause::ClosedDuringTls { reset: true } => write!(f, "`{at}` reset the connection during the TLS handshake"),
        Cause::TlsTimedOut { after } => {
            write!(f, "`{at}` accepted the connection but did not finish the TLS handshake within {}", Seconds(*after))
        }
        Cause::TlsVersion => {
            write!(f, "no TLS version in common: `{at}` speaks neither TLS 1.2 nor TLS 1.3, only older ones")
        }
        Cause::NoCommonCipher => write!(f, "no TLS cipher in common with `{at}`"),
        Cause::HostUnknownToPeer => {
            write!(f, "`{at}` does not serve the host name `{host}` (TLS alert unrecognized_name)")
        }
        Cause::ClientCertificateDemanded => write!(f, "`{at}` demands a client certificate"),
        Cause::TlsAlert { alert } => write!(f, "`{at}` ended the TLS handshake with the alert {alert}"),
        Cause::TlsOther { detail } => write!(f, "the TLS handshake with `{at}` failed: {detail}"),
        Cause::NoCertificate => write!(f, "`{at}` shows no certificate at all"),
        Cause::TlsBroken { detail } => write!(f, "`{at}` breaks the rules of TLS: {detail}"),
        Cause::Certificate(problem) => certificate(f, at, problem),
        Cause::StreamAlert { alert } => write!(f, "`{at}` ended the connection with the TLS alert {alert}"),
        Cause::StreamBroken { detail } => {
            write!(f, "what came from `{at}` is damaged or not from there: TLS cannot open it ({detail})")
        }
    }
}

fn connect(
    f: &mut Formatter<'_>,
    at: &Endpoint,
    problem: &ConnectProblem,
    tried: &[(SocketAddr, ConnectProblem)],
    limit: Duration,
) -> fmt::Result {
    match problem {
        ConnectProblem::Refused => write!(f, "`{at}` refused the connection")?,
        ConnectProblem::TimedOut => {
            write!(f, "`{at}` did not answer within {}: a blocked port, or a wrong address", Seconds(limit))?;
        }
        ConnectProblem::Unreachable => write!(f, "this machine has no network route to `{at}`")?,
        ConnectProblem::NotPermitted => write!(f, "this machine does not permit a connection to `{at}`")?,
        ConnectProblem::NoDescriptor => return write!(f, "no file descriptor is left for a connection to `{at}`"),
        ConnectProblem::Other(detail) => write!(f, "connecting to `{at}` failed: {detail}")?,
    }
    let all_alike = tried.iter().all(|(_, each)| each == problem);
    for (index, (address, each)) in tried.iter().enumerate() {
        f.write_str(if index == 0 { " (tried " } else { ", " })?;
        write!(f, "{}", address.ip())?;
        if !all_alike {
            match each {
                ConnectProblem::Refused => f.write_str(": refused")?,
                ConnectProblem::TimedOut => f.write_str(": no answer")?,
                ConnectProblem::Unreachable => f.write_str(": no route")?,
                ConnectProblem::NotPermitted => f.write_str(": not permitted")?,
                ConnectProblem::NoDescriptor => f.write_str(": no descriptor")?,
                ConnectProblem::Other(detail) => write!(f, ": {detail}")?,
            }
        }
    }
    if tried.is_empty() { Ok(()) } else { f.write_str(")") }
}

fn certificate(f: &mut Formatter<'_>, at: &Endpoint, problem: &CertificateProblem) -> fmt::Result {
    match problem {
        CertificateProblem::Expired { whose: Whose::Server, on, .. } => {
            write!(f, "certificate of `{at}` expired on {on}")
        }
        CertificateProblem::Expired { whose: Whose::Authority(name), on, .. } => {
            write!(f, "certificate of `{at}` is not valid: that of its issuer `{name}` expired on {on}")
        }
        CertificateProblem::NotYetValid { whose: Whose::Server, from, today } => {
            write!(
                f,
                "certificate of `{at}` is not yet valid: it begins on {from}, and this machine's clock says {today}"
            )
        }
        CertificateProblem::NotYetValid { whose: Whose::Authority(name), from, today } => write!(
            f,
            "certificate of `{at}` is not yet valid: that of its issuer `{name}` begins on {from}, and this machine's clock \
             says {today}"
        ),
        CertificateProblem::SelfSigned { name, .. } => {
            write!(f, "certificate of `{at}` is self-signed (`{name}`): nobody whom this machine trusts vouches for it")
        }
        CertificateProblem::UnknownIssuer { issuer, ca_file, .. } => write!(
            f,
            "certificate of `{at}` comes from an unknown issuer: `{issuer}` is neither among the system's roots{}",
            if *ca_file { " nor in `ca_file`" } else { " nor given as `ca_file`" }
        ),
        CertificateProblem::MissingIntermediate { issuer } => {
            write!(f, "`{at}` sends an incomplete chain: the intermediate certificate of `{issuer}` is missing")
        }
        CertificateProblem::BadSignature { issuer, .. } => {
            write!(f, "certificate of `{at}` names `{issuer}` as its issuer, but is not signed with that issuer's key")
        }
        CertificateProblem::WrongHost { names, more, common_name } => {
            wrong_host(f, at, names, *more, common_name.as_deref())
        }
        CertificateProblem::Unsuitable { unfit } => {
            write!(f, "certificate of `{at}` is not fit for a server: it {}", unfit.reason())
        }
        CertificateProblem::NotPinned { fingerprint } => {
            write!(f, "`{at}` shows another certificate than the pinned one: its SHA-256 fingerprint is {fingerprint}")
        }
        CertificateProblem::KeyNotProven => {
            write!(f, "`{at}` shows a certificate whose key it does not hold: its signature in the handshake is wrong")
        }
    }
}

fn wrong_host(
    f: &mut Formatter<'_>,
    at: &Endpoint,
    names: &[String],
    more: usize,
    common_name: Option<&str>,
) -> fmt::Result {
    let host = at.host();
    write!(f, "host mismatch: certificate of `{at}` is ")?;
    if names.is_empty() {
        write!(f, "for no host at all (it has no subjectAltName")?;
        if let Some(name) = common_name {
            write!(f, ", only the common name `{name}`")?;
        }
        return write!(f, "), so not for `{host}`");
    }
    for (index, name) in names.iter().enumerate() {
        write!(f, "{}`{name}`", if index == 0 { "for " } else { ", " })?;
    }
    if more > 0 {
        write!(f, " and {more} more")?;
    }
    write!(f, ", not for `{host}`")
}

/// A limit as people say it: "10 s", "300 ms".
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.subsec_millis() == 0 {
            write!(f, "{} s", self.0.as_secs())
        } else {
            write!(f, "{} ms", self.0.as_millis())
        }
    }
}

//! What to do about it: imperative, without a full stop.

use super::{Cause, CertificateProblem, ConnectProblem, Endpoint, Flaw, Origin, Speaks};
use crate::net::tls::Fingerprint;

pub(super) fn of(at: &Endpoint, cause: &Cause) -> String {
    if at.origin() == Origin::Platform
        && let Some(hint) = of_platform(at, cause)
    {
        return hint;
    }
    let (host, field) = (at.host(), at.field());
    match cause {
        Cause::NameNotFound => format!("check the spelling of `{host}` in {field}; a URL given per event may have run out"),
        Cause::LookupFailed { .. } | Cause::LookupTimedOut { .. } => {
            "check this machine's network connection and its DNS server; where other names do resolve, this name's own DNS is \
             broken"
                .to_owned()
        }
        Cause::Bind { .. } => "check `bind` in the destination's file: it must be an address of a network connection of this \
                               machine that is up; without `bind` the system chooses"
            .to_owned(),
        Cause::NoAddressToReach { local } => {
            let other = if local.is_ipv4() { "IPv6" } else { "IPv4" };
            format!("give an {other} address of this machine as `bind` in the destination's file, or none")
        }
        Cause::Connect { problem, .. } => connect(at, problem),
        Cause::HostNotForTls => format!("check the host in {field}: only letters, digits, `-` and `.` may be in it"),
        Cause::NotTls { speaks: Speaks::Rtmp } => format!(
            "use `rtmp://{at}/…` in {field} (not encrypted), or the port on which this server speaks RTMPS, often 443"
        ),
        Cause::NotTls { speaks: Speaks::Http } => {
            format!("check host and port in {field}: this is a web server; RTMPS is usually on port 443")
        }
        Cause::NotTls { speaks: Speaks::Unknown } => {
            format!("check the port in {field}: RTMPS is usually on 443; if this is a plain RTMP server, use rtmp://")
        }
        Cause::ClosedDuringTls { .. } => format!(
            "check host and port in {field}: a plain RTMP port closes like this (then use rtmp://), and so does a firewall that \
             blocks TLS to `{host}`"
        ),
        Cause::TlsTimedOut { .. } => format!(
            "check the port in {field}: a plain RTMP port is silent like this (then use rtmp://); else the server is overloaded"
        ),
        Cause::TlsVersion => {
            "ask the server's operator for TLS 1.2 or 1.3; forkcast speaks nothing older, since TLS 1.0 and 1.1 are broken"
                .to_owned()
        }
        Cause::NoCommonCipher => {
            "ask the server's operator to enable a current cipher (ECDHE with AES-GCM or ChaCha20), and to use a key on a usual \
             curve (P-256) or RSA; what it offers is obsolete or unusual"
                .to_owned()
        }
        Cause::HostUnknownToPeer => format!(
            "check the host in {field}: it must be the name that the platform gives, not an alias or an address"
        ),
        Cause::ClientCertificateDemanded => {
            format!("check the port in {field}: no public ingest demands one, and forkcast has none to show")
        }
        Cause::TlsAlert { .. } | Cause::TlsOther { .. } => format!(
            "check host and port in {field}; if they are right, the server's operator finds the reason in its log"
        ),
        Cause::NoCertificate => format!(
            "if the server is yours, configure its certificate; else check host and port in {field}: no public ingest is without"
        ),
        Cause::TlsBroken { .. } => format!(
            "check host and port in {field}; a proxy or a virus scanner in between that opens TLS breaks it like this; else tell \
             the server's operator"
        ),
        Cause::Certificate(problem) => certificate(at, problem),
        Cause::StreamAlert { .. } => {
            "nothing to do if it stays the only time; else the server's operator finds the reason in its log".to_owned()
        }
        Cause::StreamBroken { .. } => {
            "nothing to do if it stays the only time: forkcast connects again; else something between here and the server \
             changes what is sent: a proxy, a virus scanner, a broken network device"
                .to_owned()
        }
    }
}

/// Of a platform's own server the address is right: what stands in the way is the way. `None` where that makes no difference.
fn of_platform(at: &Endpoint, cause: &Cause) -> Option<String> {
    let (host, port) = (at.host(), at.port());
    let status_page = "else the platform has trouble: see its status page";
    Some(match cause {
        Cause::NameNotFound => format!(
            "check this machine's network connection and its DNS server: `{host}` is the platform's own server, and right as it is"
        ),
        Cause::Connect { problem: ConnectProblem::Refused, .. } => {
            format!("check that no firewall on the way out refuses port {port}; {status_page}")
        }
        Cause::Connect { problem: ConnectProblem::TimedOut, .. } => format!(
            "check that no firewall, provider or venue network blocks port {port} on the way out{}; {status_page}",
            if at.is_tls() { "" } else { " (`protocol = \"rtmps\"` is seldom blocked)" }
        ),
        Cause::Connect { problem: ConnectProblem::Other(_), .. } => {
            format!("check this machine's network connection; {status_page}")
        }
        Cause::ClosedDuringTls { .. } | Cause::TlsTimedOut { .. } => format!(
            "check that no firewall or proxy between here and the platform blocks TLS to `{host}`; {status_page}"
        ),
        Cause::HostNotForTls
        | Cause::NotTls { .. }
        | Cause::HostUnknownToPeer
        | Cause::ClientCertificateDemanded
        | Cause::TlsAlert { .. }
        | Cause::TlsOther { .. }
        | Cause::NoCertificate
        | Cause::TlsBroken { .. }
        | Cause::Certificate(CertificateProblem::WrongHost { .. }) => format!(
            "find out what between here and the platform answers in its place: a login page of the venue's network, a proxy, a \
             virus scanner; {status_page}"
        ),
        _ => return None,
    })
}

fn connect(at: &Endpoint, problem: &ConnectProblem) -> String {
    let (port, field) = (at.port(), at.field());
    match problem {
        ConnectProblem::Refused => format!(
            "check host and port in {field}, and that the server runs: nothing listens on port {port}, or a firewall refuses"
        ),
        ConnectProblem::TimedOut if port == 443 => {
            format!("check that no firewall blocks port 443 on the way out, and that the host in {field} is right")
        }
        ConnectProblem::TimedOut => format!(
            "check that no firewall, provider or venue network blocks port {port} on the way out, and that the host in {field} \
             is right; rtmps:// on port 443 is seldom blocked"
        ),
        ConnectProblem::Unreachable => {
            "check this machine's network connection: cable, Wi-Fi, VPN, default route".to_owned()
        }
        ConnectProblem::NotPermitted => {
            format!("allow forkcast to connect to port {port} in this machine's firewall or container policy")
        }
        ConnectProblem::NoDescriptor => {
            "raise the limit of open files (`ulimit -n`, or LimitNOFILE of the service) and start again".to_owned()
        }
        ConnectProblem::Other(_) => format!("check host and port in {field} and this machine's network connection"),
    }
}

fn certificate(at: &Endpoint, problem: &CertificateProblem) -> String {
    match problem {
        CertificateProblem::Expired { today, .. } => format!(
            "if the server is yours, renew its certificate; else use another ingest server of the platform; first check this \
             machine's clock, which says {today}"
        ),
        CertificateProblem::NotYetValid { .. } => {
            "set this machine's clock right (it is probably slow); if it is right, the server's certificate was made too early"
                .to_owned()
        }
        CertificateProblem::SelfSigned { flaw: None, fingerprint, ca_file, .. } => format!(
            "if the server is yours, {}, or {} the destination's file; if not, do not send to it: somebody may be in between",
            pin(fingerprint),
            if *ca_file { "add its certificate to the `ca_file` of" } else { "save its certificate and name it as `ca_file` in" }
        ),
        CertificateProblem::SelfSigned { flaw: Some(Flaw::Authority), fingerprint, .. } => format!(
            "if the server is yours, {}, or make its certificate anew with `-addext basicConstraints=critical,CA:FALSE` \
             (openssl marks it as an authority's, which no server may show) and name it as `ca_file` there; if not, do not \
             send to it",
            pin(fingerprint)
        ),
        CertificateProblem::SelfSigned { flaw: Some(Flaw::Version1), fingerprint, .. } => format!(
            "if the server is yours, {}, or make its certificate anew with `-addext subjectAltName={}` (version 1 names no \
             host) and name it as `ca_file` there; if not, do not send to it",
            pin(fingerprint),
            alternative_name(at)
        ),
        CertificateProblem::UnknownIssuer { fingerprint, ca_file: false, .. } => format!(
            "if that is your own authority, name its certificate (PEM) as `ca_file` in the destination's file; if it is a \
             public one, update this machine's roots (Debian: ca-certificates); if you know the server alone, {}; if neither, \
             somebody is in between",
            pin(fingerprint)
        ),
        CertificateProblem::UnknownIssuer { fingerprint, ca_file: true, .. } => format!(
            "check that `ca_file` in the destination's file holds this issuer's certificate and not the server's own or \
             another authority's; or in place of `ca_file` {}",
            pin(fingerprint)
        ),
        CertificateProblem::MissingIntermediate { .. } => {
            "if the server is yours, configure the full chain (`fullchain.pem`, not `cert.pem`); else name the missing \
             certificate (PEM) as `ca_file` in the destination's file"
                .to_owned()
        }
        CertificateProblem::BadSignature { ca_file: true, .. } => {
            "put the issuer's current certificate into `ca_file`: the one there has the same name but another key".to_owned()
        }
        CertificateProblem::BadSignature { ca_file: false, .. } => {
            "do not send to it: the certificate is forged or damaged; tell the server's operator".to_owned()
        }
        CertificateProblem::WrongHost { names, .. } if names.is_empty() => format!(
            "if the server is yours, make its certificate anew with `subjectAltName={}`; a common name counts no more",
            alternative_name(at)
        ),
        CertificateProblem::WrongHost { .. } => format!(
            "use in {} a host that the certificate is for; if the server is yours, make its certificate anew with \
             `subjectAltName={}`",
            at.field(),
            alternative_name(at)
        ),
        CertificateProblem::Unsuitable { unfit } => unfit.remedy(at),
        CertificateProblem::NotPinned { fingerprint } => format!(
            "compare it with the server's own (there: `{FINGERPRINT}`): where they are the same, the certificate was renewed, so \
             write `certificate_sha256 = \"{fingerprint}\"` in the destination's file; where they are not, somebody is in \
             between: do not send to it"
        ),
        CertificateProblem::KeyNotProven => {
            "do not send to it: somebody in between shows the certificate of another; if the server is yours, check that its \
             key is that of its certificate"
                .to_owned()
        }
    }
}

/// How a person sees a certificate's fingerprint on its own machine.
const FINGERPRINT: &str = "openssl x509 -noout -fingerprint -sha256 -in CERT.pem";

/// The line that pins a certificate, and what to do before: continues "if the server is yours, …".
fn pin(fingerprint: &Fingerprint) -> String {
    format!(
        "pin it with `certificate_sha256 = \"{fingerprint}\"` in the destination's file, once that is what \
         `{FINGERPRINT}` prints there"
    )
}

/// The host as `openssl` takes it: `DNS:name` or `IP:address`.
pub(super) fn alternative_name(at: &Endpoint) -> String {
    let host = at.host();
    let kind = if host.parse::<std::net::IpAddr>().is_ok() { "IP" } else { "DNS" };
    format!("{kind}:{host}")
}

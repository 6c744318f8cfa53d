//! A certificate authority for one test, and certificates that are wrong in known ways.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

/// What is wrong with a server's certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    Expired,
    NotYetValid,
    WrongHost,
    SelfSigned,
    /// It has five days and some hours left.
    EndsSoon,
}

/// So many days from now, and some hours.
fn rcgen_in_days(days: i64) -> time::OffsetDateTime {
    time::OffsetDateTime::now_utc() + time::Duration::days(days) + time::Duration::hours(12)
}

/// A new authority with its certificate in a file.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: PathBuf,
}

/// A certificate chain and its private key, as PEM files.
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Identity {
    /// What `openssl x509 -noout -fingerprint -sha256` prints of the certificate: words, `=`, digits.
    pub(crate) fn fingerprint(&self) -> String {
        let mut openssl = Command::new("openssl");
        openssl.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(&self.certificate);
        let output = openssl.output().expect("openssl can be started");
        String::from_utf8(output.stdout).expect("it prints text").trim().to_owned()
    }
}

impl Authority {
    pub(crate) fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "forkcast test authority");
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.self_signed(&key).expect("a certificate can be made");
        fs::write(folder.join("authority.pem"), certificate.pem()).expect("the folder can be written");
        Self { issuer: Issuer::new(params, key), folder: folder.to_owned() }
    }

    /// The file for `ca_file`.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// A certificate for `localhost` and 127.0.0.1, with one flaw or none.
    pub(crate) fn identity(&self, name: &str, flaw: Flaw) -> Identity {
        let hosts: &[&str] = if flaw == Flaw::WrongHost { &["elsewhere.example"] } else { &["localhost", "127.0.0.1"] };
        self.identity_for(name, hosts, flaw)
    }

    /// The same for other hosts.
    pub(crate) fn identity_for(&self, name: &str, hosts: &[&str], flaw: Flaw) -> Identity {
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(hosts).expect("the names are valid");
        params.distinguished_name.push(DnType::CommonName, name);
        match flaw {
            Flaw::Expired => {
                params.not_before = date_time_ymd(2020, 1, 1);
                params.not_after = date_time_ymd(2021, 1, 1);
            }
            Flaw::EndsSoon => params.not_after = rcgen_in_days(5),
            Flaw::NotYetValid => params.not_before = date_time_ymd(3000, 1, 1),
            Flaw::None | Flaw::WrongHost | Flaw::SelfSigned => {}
        }
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = match flaw {
            Flaw::SelfSigned => params.self_signed(&key),
            _ => params.signed_by(&key, &self.issuer),
        };
        let identity = Identity {
            certificate: self.folder.join(format!("{name}.pem")),
            key: self.folder.join(format!("{name}.key")),
        };
        fs::write(&identity.certificate, certificate.expect("a certificate can be made").pem())
            .expect("it can be written");
        fs::write(&identity.key, key.serialize_pem()).expect("it can be written");
        identity
    }
}

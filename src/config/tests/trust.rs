//! Whom a destination believes: what its file can say, and what it cannot say at once.

use super::*;
use crate::{
    check,
    config::{Given, Problem, ServeOptions},
    destination::settings::{Fingerprint, Trust},
};

const PIN: &str = "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";

fn file(lines: &str) -> String {
    format!("url = \"rtmps://192.0.2.1/live\"\n{lines}\n")
}

#[track_caller]
fn trust(lines: &str) -> Trust {
    let config = one(&file(lines));
    assert!(!config.problems.iter().any(Problem::is_mistake), "{}", rendered(&config));
    settings(&config).trust.clone()
}

#[test]
fn who_is_believed() {
    let (this, that) = (Fingerprint::of(b"abc"), Fingerprint::of(b"abd"));
    assert_eq!(trust(""), Trust::default());
    assert_eq!(trust(&format!("certificate_sha256 = \"{PIN}\"")), Trust::Pinned(vec![this]));
    let bare = PIN.replace(':', "").to_lowercase();
    assert_eq!(trust(&format!("certificate_sha256 = \"sha256 Fingerprint={bare}\"")), Trust::Pinned(vec![this]));
    assert_eq!(trust(&format!("certificate_sha256 = [\"{PIN}\", \"{that}\"]")), Trust::Pinned(vec![this, that]));
    assert_eq!(trust("dangerous_accept_any_certificate = true"), Trust::DangerousAnybody);
    assert_eq!(trust("dangerous_accept_any_certificate = false"), Trust::default());
}

#[test]
fn a_malformed_fingerprint() {
    let openssl = "`openssl x509 -noout -fingerprint -sha256 -in CERT.pem` prints it: 64 hexadecimal digits, with colons or without";
    sees(
        &file(&format!("certificate_sha256 = [\"{PIN}\", \"{}\", \"the other\"]", &PIN[..59])),
        &format!(
            r#"
mistake: not the SHA-256 fingerprint of a certificate: it has 40 hexadecimal digits, not 64
  --> destinations/d.toml:2:122
   |
 2 | certificate_sha256 = ["{PIN}", "{sha1}"
   | {blank:121}{mark}
hint: that is a SHA-1; {openssl}
mistake: not the SHA-256 fingerprint of a certificate: there is something else in it than hexadecimal digits and colons
  --> destinations/d.toml:2:185
   |
 2 | certificate_sha256 = ["{PIN}", "{sha1}", "the other"]
   | {blank:184}^^^^^^^^^^^
hint: {openssl}"#,
            sha1 = &PIN[..59],
            blank = "",
            mark = "^".repeat(61),
        ),
    );
    let config = one(&file("certificate_sha256 = []"));
    assert_eq!(config.problems.first().unwrap().message, "`certificate_sha256` has 0 fingerprints in it");
    let config = one(&file("certificate_sha256 = 5"));
    assert!(config.problems.first().unwrap().hint.contains("-fingerprint -sha256"), "{}", rendered(&config));
    // What may have been a key is no less masked here than elsewhere.
    let config = one(&file("certificate_sha256 = \"a1b2c3d4e5f6g7\""));
    assert!(!rendered(&config).contains("a1b2c3"), "{}", rendered(&config));
}

#[test]
fn one_way_of_trust_at_a_time() {
    let config = |lines: &str| {
        let mut memory = Memory::new(&[("destinations/d.toml", &file(lines))]);
        memory.files.insert("destinations/ca.pem".into(), b"-----BEGIN CERTIFICATE-----".to_vec());
        memory.load()
    };
    let (ca_file, pin) = ("ca_file = \"ca.pem\"\n", format!("certificate_sha256 = \"{PIN}\"\n"));
    for (lines, expected) in [
        (format!("{ca_file}{pin}"), &["`ca_file` means nothing beside `certificate_sha256`"][..]),
        (
            format!("{ca_file}{pin}dangerous_accept_any_certificate = true"),
            &[
                "`ca_file` means nothing beside `dangerous_accept_any_certificate`",
                "`certificate_sha256` means nothing beside `dangerous_accept_any_certificate`",
            ],
        ),
        (format!("{pin}dangerous_accept_any_certificate = false"), &[]),
        (format!("{ca_file}dangerous_accept_any_certificate = false"), &[]),
    ] {
        let config = config(&lines);
        let mistakes = config.problems.iter().filter(|problem| problem.is_mistake());
        let messages: Vec<_> = mistakes.map(|problem| problem.message.as_str()).collect();
        assert_eq!(messages, expected, "{lines}");
    }
}

#[test]
fn to_believe_anybody_is_warned_about() {
    sees(
        &file("dangerous_accept_any_certificate = true"),
        r#"
warning: any certificate is accepted: whoever is in between can read the stream and its key
  --> destinations/d.toml:2:36
   |
 2 | dangerous_accept_any_certificate = true
   |                                    ^^^^
hint: take the line out; what is refused then says the line `certificate_sha256 = "…"` with which it is safe"#,
    );
}

#[test]
fn without_tls_there_is_nobody_to_believe() {
    for lines in [format!("certificate_sha256 = \"{PIN}\""), "dangerous_accept_any_certificate = true".to_owned()] {
        let config = one(&format!("url = \"rtmp://192.0.2.1/live\"\n{lines}\n"));
        assert!(
            rendered(&config).contains("means nothing here: the connection is plain `rtmp`"),
            "{}",
            rendered(&config)
        );
        let backed_up = format!("url = \"rtmp://192.0.2.1/live\"\nbackup_url = \"rtmps://192.0.2.2/live\"\n{lines}\n");
        assert!(!rendered(&one(&backed_up)).contains("means nothing"), "the backup is asked with the same trust");
    }
}

#[test]
fn each_is_explained() {
    for (lines, field, value) in [
        (format!("certificate_sha256 = \"{PIN}\""), "certificate_sha256", "BA:78:16:BF:…:F2:00:15:AD"),
        ("dangerous_accept_any_certificate = true".to_owned(), "dangerous_accept_any_certificate", "true"),
    ] {
        let memory = Memory::new(&[("destinations/d.toml", &file(&lines))]);
        let server = ServeOptions::resolve(&Given::default(), &memory, Path::new("/home/user/.local/state/forkcast"));
        let text = check::report(&server, &memory.load(), true).text;
        let line = text.lines().find(|line| line.trim_start().starts_with(field)).unwrap_or_else(|| panic!("{text}"));
        assert!(line.contains(value) && line.ends_with("destinations/d.toml:2"), "{line}");
    }
}

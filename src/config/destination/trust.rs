//! Which servers a destination believes: by an authority, by one certificate alone, or by nothing.

use std::{ops::Range, path::PathBuf};

use super::Reader;
use crate::{
    config::{
        document::At,
        mask::{MASK, is_hardly_a_path, may_hold_a_key},
        secret::{beside, unreadable},
        server_url::Server,
    },
    destination::settings::{Backup, Fingerprint, FingerprintError, Trust},
    rtmp::url::Scheme,
};

/// The certificate of each of two servers, primary and backup, and for each the one that is to follow.
const PINS: usize = 4;

const CA_FILE: &str = "ca_file";
const PIN: &str = "certificate_sha256";
const ANYBODY: &str = "dangerous_accept_any_certificate";

impl Reader<'_, '_> {
    /// Which servers are believed: the primary, the backup, and where either sends us.
    pub(super) fn trust(&mut self, is_off: bool, server: &Server, backup: Option<&Backup>) -> Trust {
        let ca_file = self.ca_file(is_off);
        let pins = self.pins();
        let anybody = self.anybody();
        for field in [CA_FILE, PIN, ANYBODY] {
            self.note_plain(field, server, backup);
        }
        let strongest = match (self.document.span_of(PIN), &anybody) {
            (_, Some(_)) => ANYBODY,
            (Some(_), None) => PIN,
            (None, None) => return Trust::Authorities { ca_file },
        };
        for weaker in [CA_FILE, PIN] {
            if let Some(span) = self.document.span_of(weaker).filter(|_| weaker != strongest) {
                let message = format!("`{weaker}` means nothing beside `{strongest}`");
                self.document.mistake(
                    &span,
                    weaker,
                    message,
                    format!("take one of the two lines out: {}", best(weaker)),
                );
            }
        }
        if anybody.is_some() { Trust::DangerousAnybody } else { Trust::Pinned(pins) }
    }

    fn ca_file(&mut self, is_off: bool) -> Option<PathBuf> {
        let At { value: typed, span } = self.document.text(CA_FILE)?;
        if typed.is_empty() || is_hardly_a_path(&typed) {
            let hint = "write the path of a file with certificates (PEM), or take the line out";
            self.document.mistake(&span, CA_FILE, "`ca_file` is not a path".to_owned(), hint);
            return None;
        }
        let path = beside(self.document.file(), &typed);
        let origin = self.document.origin(&span);
        let shown = if may_hold_a_key(&typed) { MASK.to_owned() } else { path.display().to_string() };
        self.explain(CA_FILE, shown, origin);
        if is_off {
            return Some(path);
        }
        match self.source.read(&path) {
            Err(error) => {
                let (message, hint) = unreadable(CA_FILE, &path, &typed, &error);
                self.document.mistake(&span, CA_FILE, message, hint);
            }
            Ok(bytes) if !String::from_utf8_lossy(&bytes).contains("-----BEGIN CERTIFICATE-----") => {
                let hint = "it must hold `-----BEGIN CERTIFICATE-----`; `openssl x509 -inform der -in FILE -out ca.pem` makes it from the binary form";
                self.document.mistake(&span, CA_FILE, "the file of `ca_file` holds no certificate".to_owned(), hint);
            }
            Ok(_) => {}
        }
        Some(path)
    }

    fn pins(&mut self) -> Vec<Fingerprint> {
        let how = "`openssl x509 -noout -fingerprint -sha256 -in CERT.pem` prints it: 64 hexadecimal digits, with colons or without";
        let Some(texts) = self.document.texts(PIN, how) else { return Vec::new() };
        let span = self.document.span_of(PIN).unwrap_or_default();
        if texts.is_empty() || texts.len() > PINS {
            let message = format!("`{PIN}` has {} fingerprints in it", texts.len());
            self.document.mistake(&span, PIN, message, format!("it can be one, or a list of up to {PINS}"));
            return Vec::new();
        }
        let mut pins = Vec::new();
        for At { value, span } in texts {
            match value.parse::<Fingerprint>() {
                Ok(pin) => pins.push(pin),
                Err(error) => {
                    let hint = match error {
                        FingerprintError::Length(40) => format!("that is a SHA-1; {how}"),
                        _ => how.to_owned(),
                    };
                    self.document.mistake(
                        &span,
                        PIN,
                        format!("not the SHA-256 fingerprint of a certificate: {error}"),
                        hint,
                    );
                }
            }
        }
        let shown: Vec<_> = pins.iter().map(Fingerprint::short).collect();
        let origin = self.document.origin(&span);
        self.explain(PIN, shown.join(", "), origin);
        pins
    }

    /// Where the line stands, if it says so.
    fn anybody(&mut self) -> Option<Range<usize>> {
        let At { value, span } = self.document.boolean(ANYBODY)?;
        let origin = self.document.origin(&span);
        self.explain(ANYBODY, value.to_string(), origin);
        if !value {
            return None;
        }
        let message = "any certificate is accepted: whoever is in between can read the stream and its key".to_owned();
        let hint =
            format!("take the line out; what is refused then says the line `{PIN} = \"…\"` with which it is safe");
        self.document.warning(&span, ANYBODY, message, hint);
        Some(span)
    }

    fn note_plain(&mut self, field: &'static str, server: &Server, backup: Option<&Backup>) {
        let is_plain = matches!(server, Server::Set { url, .. } if url.scheme() == Scheme::Rtmp);
        let Some(span) = self.document.span_of(field) else { return };
        if is_plain && backup.is_none_or(|backup| backup.url.scheme() == Scheme::Rtmp) {
            let message = format!("`{field}` means nothing here: the connection is plain `rtmp`");
            self.document.warning(&span, field, message, "take it out, or use an `rtmps://` URL");
        }
    }
}

/// Which of two lines to keep, where the weaker of them is this one.
fn best(weaker: &str) -> String {
    match weaker {
        CA_FILE => format!("`{PIN}` where it is one server's certificate, `{CA_FILE}` where it is an authority's"),
        _ => format!("`{PIN}` is the safe one"),
    }
}

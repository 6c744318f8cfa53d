//! Each verifier once in the process: the roots of a system take far more memory than a connection, and thousands of destinations
//! trust the same.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, LazyLock, Mutex, PoisonError, Weak},
};

use rustls::pki_types::CertificateDer;

use super::{
    Fingerprint, Trust,
    file::{self, FileError, FileProblem},
    provider::provider,
    roots::SystemRoots,
    verifier::Verifier,
};

/// Whom a verifier believes, whatever file it stands in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Believed {
    /// The system's authorities and these.
    Authorities(Vec<Fingerprint>),
    Pinned(Vec<Fingerprint>),
    Anybody,
}

/// Those that somebody has. Held while one is made, which takes milliseconds, so that whoever wants the same at that moment gets
/// it too; never over an await point.
static VERIFIERS: LazyLock<Mutex<HashMap<Believed, Weak<Verifier>>>> = LazyLock::new(Mutex::default);

/// The verifier of `trust`, as its file is now: where there is one already, that one.
///
/// # Errors
/// Where its `ca_file` cannot be used, or there is nothing at all to trust.
pub(super) fn of(trust: &Trust) -> Result<Arc<Verifier>, FileError> {
    let mut added = Vec::new();
    let believed = match trust {
        Trust::Authorities { ca_file } => {
            added = ca_file.as_deref().map(file::certificates).transpose()?.unwrap_or_default();
            Believed::Authorities(added.iter().map(|certificate| Fingerprint::of(certificate)).collect())
        }
        Trust::Pinned(pins) => Believed::Pinned(pins.clone()),
        Trust::DangerousAnybody => Believed::Anybody,
    };
    let mut verifiers = VERIFIERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(verifier) = verifiers.get(&believed).and_then(Weak::upgrade) {
        return Ok(verifier);
    }
    let verifier = Arc::new(make(trust, added)?);
    verifiers.retain(|_, verifier| verifier.strong_count() > 0);
    verifiers.insert(believed, Arc::downgrade(&verifier));
    Ok(verifier)
}

fn make(trust: &Trust, added: Vec<CertificateDer<'static>>) -> Result<Verifier, FileError> {
    let provider = provider();
    Ok(match trust {
        Trust::Authorities { ca_file } => {
            let file = ca_file.as_deref();
            let roots = SystemRoots::load().with(file, added)?;
            Verifier::authorities(roots, &provider).map_err(|error| {
                FileError::new(file.unwrap_or(Path::new("")), FileProblem::BadCertificate(error.to_string()))
            })?
        }
        Trust::Pinned(pins) => Verifier::pinned(pins.clone(), &provider),
        Trust::DangerousAnybody => Verifier::dangerous_anybody(&provider),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn root() -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap().pem()
    }

    #[test]
    fn who_trusts_the_same_has_the_same_verifier() {
        let folder = tempfile::tempdir().unwrap();
        let [file, copy] = ["file.pem", "copy.pem"].map(|name| folder.path().join(name));
        let trust = |file: &Path| Trust::Authorities { ca_file: Some(file.to_owned()) };
        let text = root();
        fs::write(&file, &text).unwrap();
        fs::write(&copy, &text).unwrap();
        let first = of(&trust(&file)).unwrap();
        for same in [trust(&file), trust(&copy)] {
            assert!(Arc::ptr_eq(&first, &of(&same).unwrap()));
        }
        // What stands in a file counts, not its name.
        fs::write(&file, root()).unwrap();
        let pins = |first: u8| Trust::Pinned(vec![Fingerprint::of(&[first]), Fingerprint::of(b"another")]);
        let others = [trust(&file), pins(1), pins(2), Trust::DangerousAnybody];
        let others: Vec<_> = others.iter().map(|trust| (trust, of(trust).unwrap())).collect();
        for (place, (trust, verifier)) in others.iter().enumerate() {
            assert!(Arc::ptr_eq(verifier, &of(trust).unwrap()) && !Arc::ptr_eq(verifier, &first));
            assert!(others.iter().skip(place + 1).all(|(_, other)| !Arc::ptr_eq(verifier, other)));
        }
    }

    #[test]
    fn one_that_nobody_has_is_forgotten() {
        let trust = Trust::Pinned(vec![Fingerprint::of(b"a certificate of this test")]);
        let verifier = Arc::downgrade(&of(&trust).unwrap());
        assert!(verifier.upgrade().is_none());
        let _other = of(&Trust::Pinned(vec![Fingerprint::of(b"another of this test")])).unwrap();
        let Trust::Pinned(pins) = trust else { unreachable!() };
        assert!(!VERIFIERS.lock().unwrap().contains_key(&Believed::Pinned(pins)));
    }
}

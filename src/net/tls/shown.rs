//! The certificates that we show to publishers: several by host name, each renewed while connections go on.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::SystemTime,
};

use rustls::{
    crypto::CryptoProvider,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use sha2::{Digest as _, Sha256};

use super::{
    certificate::{self, Validity, Warning},
    file::{self, FileError, FileProblem},
};
use crate::regular_file;

/// The two files of a certificate, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, the server's own certificate first.
    pub chain: PathBuf,
    /// Its private key: PKCS #8, PKCS #1 or SEC1.
    pub key: PathBuf,
}

/// What publishers are shown. The first certificate is for those that name no host, or one that none is for.
pub(super) struct Shown {
    provider: Arc<CryptoProvider>,
    /// Swapped as a whole; held for a clone.
    pairs: RwLock<Arc<Vec<Arc<Pair>>>>,
    /// What was seen at the last look, in the order of the pairs.
    looked: Mutex<Vec<Looked>>,
}

struct Pair {
    files: CertificateFiles,
    certified: Arc<CertifiedKey>,
    names: Vec<String>,
    validity: Option<Validity>,
}

/// What a pair of files held when it was last looked at.
struct Looked {
    content: Content,
    /// It is broken, and that is told: the same content is not told of twice.
    is_told: bool,
    /// What was told last of its time.
    warning: Option<Warning>,
}

/// A digest of both files; `None` where one cannot be read.
type Content = Option<[u8; 32]>;

/// What a look at the files has found.
#[derive(Debug)]
pub enum Change {
    /// New files are in use for new connections.
    Renewed {
        /// The chain's file.
        file: PathBuf,
        /// Its last day, `YYYY-MM-DD` in UTC.
        until: String,
    },
    /// New files cannot be used: the old ones stay in use.
    Kept(FileError),
    /// What is to be said of a certificate's time: a sentence with the remedy.
    Expiry(String),
}

/// One certificate, for people and metrics.
#[derive(Clone, Debug)]
pub struct CertificateStatus {
    /// The chain's file.
    pub file: PathBuf,
    /// The host names that it is for.
    pub names: Vec<String>,
    /// Its end, in seconds since 1970; `None` where it cannot be read.
    pub not_after: Option<i64>,
    /// Its last day, `YYYY-MM-DD` in UTC.
    pub until: Option<String>,
    /// Whole days that are left; negative where it has run out.
    pub days_left: Option<i64>,
}

impl Shown {
    /// Reads every pair; at least one.
    ///
    /// # Errors
    /// Which file is wrong, and in which way.
    pub(super) fn load(files: &[CertificateFiles], provider: &Arc<CryptoProvider>) -> Result<Self, FileError> {
        let mut pairs = Vec::new();
        let mut looked = Vec::new();
        for files in files {
            looked.push(Looked { content: files.content(), is_told: false, warning: None });
            pairs.push(Arc::new(Pair::load(files, provider)?));
        }
        Ok(Self { provider: Arc::clone(provider), pairs: RwLock::new(Arc::new(pairs)), looked: Mutex::new(looked) })
    }

    /// Looks whether files have changed, and takes those that are whole. Reads files.
    ///
    /// A pair that does not fit together may be half-way through its renewal: it is told of when it is still so at the next look.
    pub(super) fn look(&self, now: SystemTime) -> Vec<Change> {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changes = Vec::new();
        for (index, (pair, looked)) in self.pairs().iter().zip(looked.iter_mut()).enumerate() {
            changes.extend(self.look_at(index, &pair.files, looked));
        }
        for (pair, looked) in self.pairs().iter().zip(looked.iter_mut()) {
            let warning = pair.validity.and_then(|validity| validity.warning(now));
            if warning != looked.warning {
                looked.warning = warning;
                let text = pair.validity.and_then(|validity| validity.problem(now));
                changes.extend(
                    text.map(|text| {
                        Change::Expiry(format!("the certificate in `{}` {text}", pair.files.chain.display()))
                    }),
                );
            }
        }
        changes
    }

    fn look_at(&self, index: usize, files: &CertificateFiles, looked: &mut Looked) -> Option<Change> {
        let content = files.content();
        if content == looked.content && looked.is_told {
            return None;
        }
        let is_new = content != looked.content;
        match Pair::load(files, &self.provider) {
            Ok(pair) if is_new => {
                let until = pair.validity.map_or_else(String::new, |validity| validity.until());
                let mut pairs = self.pairs().as_ref().clone();
                if let Some(place) = pairs.get_mut(index) {
                    *place = Arc::new(pair);
                }
                *self.pairs.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pairs);
                *looked = Looked { content, is_told: true, warning: looked.warning };
                Some(Change::Renewed { file: files.chain.clone(), until })
            }
            Ok(_) => {
                looked.is_told = true;
                None
            }
            Err(_) if is_new => {
                looked.content = content;
                looked.is_told = false;
                None
            }
            Err(error) => {
                looked.is_told = true;
                Some(Change::Kept(error))
            }
        }
    }

    pub(super) fn status(&self, now: SystemTime) -> Vec<CertificateStatus> {
        let of = |pair: &Arc<Pair>| CertificateStatus {
            file: pair.files.chain.clone(),
            names: pair.names.clone(),
            not_after: pair.validity.map(|validity| validity.not_after()),
            until: pair.validity.map(|validity| validity.until()),
            days_left: pair.validity.and_then(|validity| validity.days_left(now)),
        };
        self.pairs().iter().map(of).collect()
    }

    fn pairs(&self) -> Arc<Vec<Arc<Pair>>> {
        Arc::clone(&self.pairs.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let pairs = self.pairs();
        let is_for = |pair: &&Arc<Pair>| hello.server_name().is_some_and(|host| pair.is_for(host));
        pairs.iter().find(is_for).or(pairs.first()).map(|pair| Arc::clone(&pair.certified))
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").finish_non_exhaustive()
    }
}

impl Pair {
    fn load(files: &CertificateFiles, provider: &CryptoProvider) -> Result<Self, FileError> {
        let CertificateFiles { chain: chain_file, key: key_file } = files;
        let chain = file::certificates(chain_file)?;
        let key = file::private_key(key_file)?;
        let unusable_key =
            |error: rustls::Error| FileError::new(key_file, FileProblem::UnsupportedKey(error.to_string()));
        let signing_key = provider.key_provider.load_private_key(key).map_err(unusable_key)?;
        // Of the server's own: encoders find their way around an old one above it.
        let own = chain.first();
        let validity = own.and_then(|own| Validity::of(own));
        let names = own.map(|own| certificate::host_names(own)).unwrap_or_default();
        let certified = CertifiedKey::new(chain, signing_key);
        match certified.keys_match() {
            Ok(()) => Ok(Self { files: files.clone(), certified: Arc::new(certified), names, validity }),
            Err(rustls::Error::InconsistentKeys(_)) => {
                Err(FileError::new(key_file, FileProblem::KeyMismatch { certificate: chain_file.clone() }))
            }
            Err(error) => Err(FileError::new(chain_file, FileProblem::BadCertificate(error.to_string()))),
        }
    }

    /// Whether it is for this host, by RFC 6125: a `*` stands for one label, the first.
    fn is_for(&self, host: &str) -> bool {
        let is = |name: &String| match name.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
            None => host.eq_ignore_ascii_case(name),
        };
        self.names.iter().any(is)
    }
}

impl CertificateFiles {
    fn content(&self) -> Content {
        let digest = |file: &Path| regular_file::read(file).ok().map(Sha256::digest);
        let both = [digest(&self.chain)?, digest(&self.key)?].concat();
        Some(Sha256::digest(both).into())
    }
}

//! The file with an issuer's keys, read again when it changes.

use std::convert::Infallible;
use std::fs::File;
use std::future::Future;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use thiserror::Error;

use super::Jwt;
use super::key_set::{KeySet, KeySetError};

/// Largest file. A key has some hundred bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// How often the file is looked at.
///
/// Reading a few kilobytes costs next to nothing, and an operator who withdraws a key wants to see
/// it go.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A JWKS file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The system does not let it be read. Check path and rights.
    #[error("the file {} cannot be read", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is larger than any such file.
    #[error("the file {} has more than {FILE_BYTES_MAX} bytes", .path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// What is in it cannot be used.
    #[error("the keys in the file {} cannot be used", .path.display())]
    Keys {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: KeySetError,
    },
}

/// The keys as of the last time that the file was as it should be.
#[derive(Debug)]
pub(super) struct KeyFile {
    path: PathBuf,
    keys: RwLock<Arc<KeySet>>,
    /// What was read last, good or not, so that it is looked at once. Held while it is read, so
    /// that an older content never comes after a newer one.
    content: Mutex<Vec<u8>>,
}

impl KeyFile {
    pub(super) fn open(path: PathBuf) -> Result<Self, KeyFileError> {
        let content = read(&path)?;
        let keys = RwLock::new(Arc::new(parse(&path, &content)?));
        Ok(Self { path, keys, content: Mutex::new(content) })
    }

    pub(super) fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn reload(&self) -> Result<(), KeyFileError> {
        let mut last = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let content = read(&self.path)?;
        if *last == content {
            return Ok(());
        }
        let keys = parse(&self.path, &content);
        *last = content;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys?);
        tracing::info!(path = %self.path.display(), "the keys of the issuer were read again");
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, KeyFileError> {
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    let mut content = Vec::new();
    let file = File::open(path).map_err(io)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut content).map_err(io)?;
    if content.len() as u64 > FILE_BYTES_MAX {
        return Err(KeyFileError::TooLarge { path: path.to_owned() });
    }
    Ok(content)
}

fn parse(path: &Path, content: &[u8]) -> Result<KeySet, KeyFileError> {
    KeySet::parse(content).map_err(|source| KeyFileError::Keys { path: path.to_owned(), source })
}

/// Reads the file again when it changes, by [`JwtFollower::run`].
#[derive(Debug)]
#[must_use = "without it running, keys are only read at the start"]
pub struct JwtFollower(Jwt);

impl JwtFollower {
    pub(super) fn new(jwt: Jwt) -> Self {
        Self(jwt)
    }

    /// Looks at the file every two seconds until `shutdown`.
    ///
    /// A file that is missing or cannot be used is told to the log once, and the keys from before
    /// stay good: withdraw a key by writing a file without it.
    ///
    /// # Cancellation
    ///
    /// Can be dropped at any time.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = shutdown => {}
            never = look_often(&self.0) => match never {},
        }
    }
}

async fn look_often(jwt: &Jwt) -> Infallible {
    let mut said = None;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let jwt = jwt.clone();
        // A task that was cancelled belongs to a runtime that is ending.
        let Ok(looked) = tokio::task::spawn_blocking(move || jwt.reload()).await else { continue };
        match looked {
            Ok(()) => said = None,
            Err(error) => {
                let text = error.to_string();
                if said.as_ref() != Some(&text) {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "the keys of the issuer stay as they were");
                    said = Some(text);
                }
            }
        }
    }
}

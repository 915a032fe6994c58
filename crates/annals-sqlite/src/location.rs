//! Where the files of a log are.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The path of a log with links resolved, and the files beside it.
///
/// Resolved, because two paths to one file must lead to one lock.
#[derive(Debug, Clone)]
pub(crate) struct Location {
    path: PathBuf,
}

impl Location {
    pub(crate) fn resolve(path: &Path) -> io::Result<Self> {
        if let Ok(path) = fs::canonicalize(path) {
            return Ok(Self { path });
        }
        let name = path.file_name().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "the path does not name a file")
        })?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let path = fs::canonicalize(folder.unwrap_or(Path::new(".")))?.join(name);
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file beside the log whose name ends in `suffix`.
    pub(crate) fn beside(&self, suffix: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(suffix);
        path.into()
    }

    /// Whether there is a log, or something else, at the path. An empty file is none: that is
    /// what programs that only reserve a name leave behind.
    pub(crate) fn is_present(&self) -> io::Result<bool> {
        match fs::metadata(&self.path) {
            Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(metadata) => Ok(metadata.len() > 0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes the names in the folder durable, which flushing a file does not do.
    pub(crate) fn flush_folder(&self) -> io::Result<()> {
        match self.path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }

    /// The address under which SQLite reads the database file alone: without locks, without the
    /// write-ahead log, and without making any file.
    pub(crate) fn immutable_uri(&self) -> String {
        let mut uri = String::from("file://");
        for byte in self.path.as_os_str().as_encoded_bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' => {
                    uri.push(char::from(*byte));
                }
                other => uri.push_str(&format!("%{other:02X}")),
            }
        }
        uri.push_str("?immutable=1");
        uri
    }
}

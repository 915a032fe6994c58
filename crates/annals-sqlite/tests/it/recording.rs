//! The recorder: compiled once, loaded into child processes, its log read back.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

/// One change, in the order in which it took place.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Opened { handle: u32, path: String },
    Written { handle: u32, offset: usize, data: Vec<u8> },
    Truncated { handle: u32, length: usize },
    FlushBegun { handle: u32, id: u64 },
    Flushed { id: u64 },
    FlushFailed { id: u64 },
    Unlinked { path: String },
    Renamed { from: String, to: String },
}

/// The compiled recorder.
static RECORDER: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = TempDir::new().expect("there is room for temporary files");
    let (source, library) = (folder.path().join("recorder.c"), folder.path().join("recorder.so"));
    std::fs::write(&source, include_str!("recorder.c")).expect("it can be written");
    let compiled = Command::new("cc")
        .args(["-O1", "-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status()
        .expect("a C compiler named cc is needed, e.g. by `apt-get install gcc`");
    assert!(compiled.success(), "cc could not compile the recorder: {compiled}");
    (folder, library)
});

/// Has `command` run under the recorder: what it does in `folder` is written to `log`.
pub(crate) fn record<'a>(command: &'a mut Command, folder: &Path, log: &Path) -> &'a mut Command {
    command.env("LD_PRELOAD", &RECORDER.1).env("RECORDER_FOLDER", folder).env("RECORDER_LOG", log)
}

/// Reads what was recorded. Paths are relative to `folder`; the folder itself is empty text.
pub(crate) fn read(log: &Path, folder: &Path) -> Vec<Change> {
    let bytes = std::fs::read(log).expect("the recording can be read");
    let mut rest = bytes.as_slice();
    let mut changes = Vec::new();
    let folder = folder.to_str().expect("a plain path");
    let relative = |path: &str| {
        path.strip_prefix(folder).expect("only this folder").trim_start_matches('/').to_owned()
    };
    while let Some((head, after)) = rest.split_first_chunk::<17>() {
        let handle = u32::from_le_bytes(head[1..5].try_into().unwrap());
        let id = u64::from_le_bytes(head[5..13].try_into().unwrap());
        let number = usize::try_from(id).unwrap();
        let length = u32::from_le_bytes(head[13..17].try_into().unwrap()) as usize;
        let (data, after) = after.split_at(length);
        let path = || String::from_utf8(data.to_vec()).expect("a plain path");
        changes.push(match head[0] {
            1 => Change::Opened { handle, path: relative(&path()) },
            2 => Change::Written { handle, offset: number, data: data.to_vec() },
            3 => Change::Truncated { handle, length: number },
            4 => Change::FlushBegun { handle, id },
            5 => Change::Flushed { id },
            6 => Change::FlushFailed { id },
            7 => Change::Unlinked { path: relative(&path()) },
            8 => {
                let both = path();
                let (from, to) = both.split_once('\0').expect("two paths");
                Change::Renamed { from: relative(from), to: relative(to) }
            }
            other => panic!("the recorder does not write {other}"),
        });
        rest = after;
    }
    changes
}

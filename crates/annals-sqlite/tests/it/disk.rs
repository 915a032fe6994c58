//! A model of a disk and of what a power failure leaves on it.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::recording::Change;

/// Writes are torn at this granularity.
const SECTOR: usize = 512;

/// What has reached the disk for certain, and what may have.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    files: Vec<FileOnDisk>,
    /// The names programs see.
    names: HashMap<String, usize>,
    /// The names that survive.
    durable_names: BTreeMap<String, usize>,
    pending_names: Vec<NameChange>,
    settled_names: usize,
    handles: HashMap<u32, Handle>,
    flushes: HashMap<u64, Flush>,
}

#[derive(Debug, Clone, Copy)]
enum Handle {
    Folder,
    File(usize),
}

#[derive(Debug, Default)]
struct FileOnDisk {
    durable: Vec<u8>,
    pending: Vec<ContentChange>,
    /// Pending changes that have left the list so far.
    settled: usize,
}

#[derive(Debug)]
enum ContentChange {
    Write { offset: usize, data: Vec<u8> },
    Truncate { length: usize },
}

#[derive(Debug)]
enum NameChange {
    Add(String, usize),
    Remove(String),
    Rename(String, String),
}

/// A flush under way, and how many changes it covers, counted from the beginning.
#[derive(Debug)]
struct Flush {
    handle: Handle,
    covers: usize,
}

/// How a power failure treats what was not flushed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Loss {
    /// All of it is lost.
    Everything,
    /// None of it is lost, as when only the process dies.
    Nothing,
    /// The disk wrote it in order and came this far.
    Rest,
    /// Any part of it, in whole writes.
    Some,
    /// Any part of it, some writes torn.
    Torn,
}

impl Disk {
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Opened { handle, path } if path.is_empty() => {
                self.handles.insert(*handle, Handle::Folder);
            }
            Change::Opened { handle, path } => {
                let file = self.names.get(path).copied().unwrap_or_else(|| {
                    self.files.push(FileOnDisk::default());
                    let file = self.files.len() - 1;
                    self.names.insert(path.clone(), file);
                    self.pending_names.push(NameChange::Add(path.clone(), file));
                    file
                });
                self.handles.insert(*handle, Handle::File(file));
            }
            Change::Written { handle, offset, data } => {
                let write = ContentChange::Write { offset: *offset, data: data.clone() };
                self.file(*handle).pending.push(write);
            }
            Change::Truncated { handle, length } => {
                self.file(*handle).pending.push(ContentChange::Truncate { length: *length });
            }
            Change::FlushBegun { handle, id } => {
                let handle = self.handles[handle];
                let covers = match handle {
                    Handle::Folder => self.settled_names + self.pending_names.len(),
                    Handle::File(file) => self.files[file].settled + self.files[file].pending.len(),
                };
                self.flushes.insert(*id, Flush { handle, covers });
            }
            Change::Flushed { id } => self.end_flush(*id, true),
            // The worst a system does: the pages count as clean and are never written.
            Change::FlushFailed { id } => self.end_flush(*id, false),
            Change::Unlinked { path } => {
                self.names.remove(path);
                self.pending_names.push(NameChange::Remove(path.clone()));
            }
            Change::Renamed { from, to } => {
                let file = self.names.remove(from).expect("a file that was opened before");
                self.names.insert(to.clone(), file);
                self.pending_names.push(NameChange::Rename(from.clone(), to.clone()));
            }
        }
    }

    fn file(&mut self, handle: u32) -> &mut FileOnDisk {
        match self.handles[&handle] {
            Handle::File(file) => &mut self.files[file],
            Handle::Folder => panic!("nobody writes to a folder"),
        }
    }

    fn end_flush(&mut self, id: u64, is_written: bool) {
        let Flush { handle, covers } = self.flushes.remove(&id).expect("it has begun");
        match handle {
            // A name is not lost for good by a flush that fails: it stays uncertain.
            Handle::Folder if !is_written => {}
            Handle::Folder => {
                let count = covers.saturating_sub(self.settled_names);
                for change in self.pending_names.drain(..count) {
                    apply_name(&mut self.durable_names, &change);
                }
                self.settled_names += count;
            }
            Handle::File(file) => {
                let file = &mut self.files[file];
                let count = covers.saturating_sub(file.settled);
                for change in file.pending.drain(..count) {
                    if is_written {
                        apply_content(&mut file.durable, &change);
                    }
                }
                file.settled += count;
            }
        }
    }

    /// What programs have written to a file, flushed or not.
    pub(crate) fn seen(&self, name: &str) -> Vec<u8> {
        let Some(file) = self.names.get(name) else { return Vec::new() };
        let file = &self.files[*file];
        let mut content = file.durable.clone();
        for change in &file.pending {
            apply_content(&mut content, change);
        }
        content
    }

    /// Writes to `folder` what is found there after a power failure at this moment.
    pub(crate) fn fail(&self, loss: Loss, seed: u64, folder: &Path) {
        let mut random = StdRng::seed_from_u64(seed);
        let mut names = self.durable_names.clone();
        // Folders are journaled: their changes survive in order, up to some point.
        let kept = match loss {
            Loss::Everything => 0,
            Loss::Nothing => self.pending_names.len(),
            _ => random.random_range(0..=self.pending_names.len()),
        };
        for change in &self.pending_names[..kept] {
            apply_name(&mut names, change);
        }
        for (name, file) in &names {
            let file = &self.files[*file];
            let mut content = file.durable.clone();
            let reached = random.random_range(0..=file.pending.len());
            for (number, change) in file.pending.iter().enumerate() {
                let is_kept = match loss {
                    Loss::Everything => false,
                    Loss::Nothing => true,
                    Loss::Rest => number < reached,
                    Loss::Some | Loss::Torn => random.random(),
                };
                match change {
                    ContentChange::Write { offset, data } if is_kept => match loss {
                        Loss::Torn if random.random() => {
                            tear(&mut content, *offset, data, &mut random);
                        }
                        _ => apply_content(&mut content, change),
                    },
                    ContentChange::Truncate { .. } if is_kept => {
                        apply_content(&mut content, change);
                    }
                    _ => {}
                }
            }
            fs::write(folder.join(name), content).expect("an image can be written");
        }
    }
}

fn apply_name(names: &mut BTreeMap<String, usize>, change: &NameChange) {
    match change {
        NameChange::Add(name, file) => {
            names.insert(name.clone(), *file);
        }
        NameChange::Remove(name) => {
            names.remove(name);
        }
        NameChange::Rename(from, to) => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
    }
}

fn apply_content(content: &mut Vec<u8>, change: &ContentChange) {
    match change {
        ContentChange::Write { offset, data } => write(content, *offset, data),
        ContentChange::Truncate { length } => content.resize(*length, 0),
    }
}

fn write(content: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(data);
}

/// Some of the sectors that a write touches are written, others are not.
fn tear(content: &mut Vec<u8>, offset: usize, data: &[u8], random: &mut StdRng) {
    let mut at = offset;
    while at < offset + data.len() {
        let end = ((at / SECTOR + 1) * SECTOR).min(offset + data.len());
        if random.random() {
            write(content, at, &data[at - offset..end - offset]);
        }
        at = end;
    }
}

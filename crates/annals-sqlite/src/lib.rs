//! The embedded event store of Annals: one log in one SQLite file.
//!
//! [`SqliteStore`] gives every guarantee of [`EventStore`](annals_core::EventStore). One thread
//! owns all writing. It takes what was queued while the last batch was being flushed and writes it
//! as the next batch: one transaction, one flush, a verdict for each append. A small pool of
//! threads reads. No async runtime is needed, and any will do.
//!
//! # Files
//!
//! | File | What it is |
//! |---|---|
//! | `bank.db` | the log |
//! | `bank.db-wal`, `bank.db-shm` | the newest part of the log, and its index |
//! | `bank.db-lock` | who holds the log for writing; stays, and means nothing by itself |
//! | `bank.db-snapshot` and its `-wal`, `-shm` | snapshots |
//! | `bank.db-new` | a log that was being made when the process ended; made anew |
//!
//! The newest part **belongs to the log** as long as its files exist: copy and move all of them, or
//! none. The snapshots can be deleted while the log is closed.
//!
//! Read models ([`SqliteReadModels`]) have a folder of their own, which can be removed and rebuilt:
//!
//! | File | What it is |
//! |---|---|
//! | `catalog.db` | which generations there are, and which serve; checkpoints of subscriptions |
//! | `NAME-NUMBER.db` | one generation of a projection: its tables, checkpoints and dead letters |
//!
//! # Processes
//!
//! One process writes the log. Others may read, with [`OpenOptions::read_only`]; they learn of news
//! by looking, within a second at most. A second writer is refused with [`OpenError::Held`]. Read
//! models can be written by any number of processes, which share the work.
//!
//! # Durability
//!
//! An append is acknowledged after `fdatasync` (`fsync` unless SQLite was compiled with
//! `HAVE_FDATASYNC`). When a flush fails, everybody who waits is told that the outcome is unknown,
//! and the store writes no more: open it again, and repeat with the same command ids. The file
//! must be on a local file system that honours flushes and locks.
//!
//! Each event carries a checksum that every read verifies. The indexes and the ledger of commands
//! have none: damage to them is found by [`Integrity::Full`], not by reading.

mod answers;
mod batch;
mod candidates;
mod changes;
mod checkpoint;
mod checksum;
mod connection;
mod fault;
mod head;
mod integrity;
mod location;
mod lock;
mod log;
mod open;
mod options;
mod page;
mod read_models;
mod reader;
mod row;
mod schema;
mod snapshots;
mod store;
mod submission;
mod telemetry;
mod writer;

pub use integrity::Integrity;
pub use lock::Holder;
pub use open::OpenError;
pub use options::{OpenOptions, READERS_DEFAULT, READERS_MAX, WAL_BYTES_DEFAULT};
pub use read_models::{OpenReadModelsError, ReadModelsOptions, SqliteProjection, SqliteReadModels};
pub use rusqlite;
pub use store::SqliteStore;
pub use writer::{BATCH_APPENDS_MAX, BATCH_BYTES_MAX, BATCH_EVENTS_MAX, QUEUE_APPENDS_MAX};

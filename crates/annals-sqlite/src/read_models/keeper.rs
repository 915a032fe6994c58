//! Threads that write.

use std::io;
use std::thread::{self, JoinHandle};

use async_channel::{Receiver, Sender};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::fault::{self, Fault};

/// Work waiting for a thread; further work waits in its callers.
const QUEUE_JOBS_MAX: usize = 256;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The one thread of this process that writes to a file, one piece of work after the other: they
/// queue up here, in their order, instead of trying again and again for SQLite's lock.
#[derive(Debug)]
pub(super) struct Keeper {
    jobs: Sender<Job>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(super) fn start(name: &str, connection: Connection) -> io::Result<Self> {
        let (jobs, queue) = async_channel::bounded(QUEUE_JOBS_MAX);
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work_until_closed(connection, &queue))?;
        Ok(Self { jobs, thread: Some(thread) })
    }

    /// Does `work` on the thread. Work that nobody waits for any more is not begun; once begun it
    /// is done.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            if !answer.is_closed() {
                let _ = answer.send(fault::catch_panic(|| work(connection)));
            }
        });
        self.jobs.send(job).await.map_err(|_| Fault::Closed)?;
        answered.await.map_err(|_| Fault::Closed)?
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.jobs.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn work_until_closed(mut connection: Connection, queue: &Receiver<Job>) {
    while let Ok(job) = queue.recv_blocking() {
        job(&mut connection);
    }
}

//! Telling the callers what became of their appends.

use std::io;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, JoinHandle};

use crate::submission::{Submission, Verdict};

/// Largest batch that the writer answers itself. A hop to another thread would cost a few callers
/// more time than it saves the writer.
const DIRECT_MAX: usize = 8;
/// Batches waiting to be answered; then the writer waits.
const QUEUE_BATCHES_MAX: usize = 4;

/// Answers large batches on a thread of its own, while the writer writes the next one: waking some
/// hundred callers and freeing what they sent is an eighth of the work on a batch.
#[derive(Debug)]
pub(crate) struct Answers {
    queue: Option<SyncSender<Answered>>,
    thread: Option<JoinHandle<()>>,
}

type Answered = (Vec<Submission>, Vec<Verdict>);

impl Answers {
    pub(crate) fn start() -> io::Result<Self> {
        let (queue, batches) = mpsc::sync_channel(QUEUE_BATCHES_MAX);
        let thread = thread::Builder::new()
            .name("annals-answers".to_owned())
            .spawn(move || answer_all(&batches))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Gives each append of the batch, which it empties, its verdict.
    pub(crate) fn give(&self, batch: &mut Vec<Submission>, verdicts: Vec<Verdict>) {
        let answered = (std::mem::take(batch), verdicts);
        match &self.queue {
            Some(queue) if answered.0.len() > DIRECT_MAX => {
                // The thread lives as long as this value, unless it panicked.
                if let Err(mpsc::SendError(answered)) = queue.send(answered) {
                    answer(answered);
                }
            }
            _ => answer(answered),
        }
    }
}

impl Drop for Answers {
    /// Ends the thread after everybody has an answer.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer_all(batches: &Receiver<Answered>) {
    while let Ok(answered) = batches.recv() {
        answer(answered);
    }
}

fn answer((batch, verdicts): Answered) {
    for (submission, verdict) in batch.into_iter().zip(verdicts) {
        // Whoever does not wait any more does not want to know.
        let _ = submission.answer.send(verdict);
    }
}

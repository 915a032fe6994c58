//! Read databases with one bug each.

mod generations;
mod hosting;
mod leases;
mod letters;
mod reading;

use std::sync::Arc;
use std::time::Duration;

use annals_core::{BoxFuture, Checkpoint, CheckpointStore, ReadModelsError};

use crate::MemoryReadModels;
use crate::read_models::{MemoryDatabase, ReadDatabase, ReadModelHarness, ReadModelsUnderTest};

/// Turns given to others while a bug lingers between two steps: many more than they need, so that
/// the bug is found every time, and still a moment only.
const LINGERING_MAX: usize = 5_000;

/// A read database in memory, with one deliberate bug. It is a harness as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SabotagedReadModels {
    /// No bug at all: the decorator itself changes nothing.
    None,

    /// The checkpoint moves, and the rows are written in another transaction.
    RowsComeLater,
    /// What is rejected is skipped, and counts as done.
    RejectedIsSkipped,
    /// Without changes nothing is written, the checkpoint included.
    EmptyAdvanceIsSkipped,
    /// How many events were applied is not counted.
    NothingIsCounted,
    /// Any fencing token will do.
    FencingIsIgnored,
    /// Only the first of several leases is looked at.
    OnlyFirstLeaseIsFenced,
    /// The checkpoint is set wherever it was.
    CheckpointIsNotCompared,
    /// Of several partitions, only the first moves.
    OnlyFirstPartitionMoves,
    /// The last row is gone when the database is opened again.
    RowIsForgotten,
    /// All generations of a projection have the same tables.
    RowsAreShared,

    /// The fair share is rounded down.
    ShareIsRoundedDown,
    /// What a worker has too much it keeps.
    SurplusIsKept,
    /// Leases never end.
    LeaseNeverEnds,
    /// A lease is not renewed by claiming again.
    RenewalIsForgotten,
    /// A lease is not renewed by writing.
    WritingRenewsNothing,
    /// The first partition goes to whoever claims, whatever lease there is.
    PartitionHasTwoOwners,
    /// Free partitions are looked for, and then taken: two steps.
    FreeThenTaken,
    /// The fencing token never rises.
    TokenStays,
    /// Nothing is given back.
    ReleaseIsForgotten,
    /// A worker that has left still counts.
    LeftWorkerCounts,
    /// What workers report is dropped.
    ReportIsDropped,
    /// Who claims what is not there gets nothing instead of being told.
    UnknownIsNobodys,

    /// All streams that stand still are told, of whatever partition.
    PartitionsAreIgnored,
    /// Parking again makes another letter.
    LetterIsReplaced,
    /// A request survives the retry that failed.
    RequestOutlivesRetry,
    /// Queues are told in reverse order.
    QueueIsReversed,
    /// Events that are to queue up are forgotten.
    QueueIsLost,
    /// The letter is gone with its own event, whatever is queued.
    LetterEndsWithItsEvent,
    /// The letter goes on telling of its first event.
    LetterTellsOfAnother,
    /// A request to discard is lost when the event is tried once more.
    DiscardIsLost,
    /// A request to discard falls upon the next event.
    DiscardGoesOn,
    /// The request is gone with the first event that is drained.
    RequestIsGoneEarly,
    /// What has been drained is drained again.
    DrainIsNotCompared,
    /// The queue is shortened before it is known whether the rows can be written.
    QueueIsShortenedFirst,
    /// What is discarded is not remembered.
    DiscardIsForgotten,
    /// Whoever may write may discard, asked or not.
    DiscardNeedsNoRequest,
    /// The first request counts.
    FirstRequestCounts,
    /// Dead letters are listed newest first.
    LettersAreReversed,
    /// A list goes on only behind a letter that is still there.
    CursorMustExist,
    /// Requests for letters that are not there are accepted.
    GoneLetterIsAccepted,

    /// The version of a generation is always 1.
    VersionIsForgotten,
    /// All generations are built from the log of the first.
    LogIsForgotten,
    /// The number of a retired generation is given again.
    NumberIsReused,
    /// Any number of generations can be built at a time.
    SeveralAreBuilt,
    /// A generation that is held does not keep another from being begun.
    HeldDoesNotCount,
    /// Who served before serves on.
    TwoServe,
    /// One stops to serve, then the other begins: two steps.
    SwitchHasAGap,
    /// Whether a generation is behind does not matter.
    SwitchGoesBack,
    /// Only the first partition is looked at to see whether a generation is behind.
    SwitchLooksAtOnePartition,
    /// It is looked whether a generation is behind, and then switched: two steps.
    SwitchLooksFirst,
    /// What serves can be retired.
    RetireTakesWhatServes,
    /// Retired generations stay.
    RetireIsForgotten,
    /// A generation that differs is switched to like any other.
    DifferenceIsIgnored,
    /// Comparing means counting rows.
    OnlyRowsAreCompared,
    /// Generations are compared wherever they are.
    ComparedAnywhere,

    /// Keys are found whatever their case.
    KeyIgnoresCase,
    /// A generation that does not serve answers when none does.
    BuildingAnswers,
    /// A prefix is a pattern.
    PrefixIsAPattern,
    /// Keys are in the order of a language, not of their bytes.
    KeysAreCollated,
    /// The values of an index are ordered as texts, numbers too.
    NumbersAreTexts,
    /// A page goes on behind the value, and loses the other keys that have it.
    CursorForgetsKey,
    /// A page holds one more than was asked for.
    PageIsOneTooLong,
    /// An index that is not there holds nothing.
    UnknownIndexIsEmpty,
    /// An answer says how far the fastest partition is.
    PositionIsTheFastest,
    /// An answer says how far the generation is after the document was read.
    PositionIsReadLater,

    /// The names of readers are the same whatever their case.
    ReaderIgnoresCase,
    /// The checkpoint of a reader is replaced whatever it was.
    ReaderIsNotCompared,
    /// Of a reader's checkpoint, only the position is compared.
    OnlyPositionIsCompared,
    /// The checkpoint of a reader is compared, and then replaced: two steps.
    ReaderLooksFirst,
}

/// A handle on a database with a bug.
#[derive(Debug, Clone)]
struct Models {
    inner: MemoryReadModels,
    bug: SabotagedReadModels,
}

struct Database {
    inner: MemoryDatabase,
    bug: SabotagedReadModels,
}

/// Lets others run in between, until it has made a difference or there is nobody else.
async fn linger(made_a_difference: impl Fn() -> bool) {
    for _ in 0..LINGERING_MAX {
        if made_a_difference() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

impl ReadModelHarness for SabotagedReadModels {
    fn create(&self) -> BoxFuture<'_, Box<dyn ReadDatabase>> {
        let database = Database { inner: MemoryDatabase::new(), bug: *self };
        Box::pin(async { Box::new(database) as Box<dyn ReadDatabase> })
    }

    /// Always the same: whether a bug is found must not depend on luck.
    fn seed(&self) -> u64 {
        1
    }
}

impl ReadDatabase for Database {
    fn open(&self) -> BoxFuture<'_, Arc<dyn ReadModelsUnderTest>> {
        let models = Models { inner: self.inner.models.clone(), bug: self.bug };
        if self.bug == SabotagedReadModels::RowIsForgotten {
            for build in models.inner.lock().builds.values_mut() {
                build.documents.pop_last();
            }
        }
        Box::pin(async { Arc::new(models) as Arc<dyn ReadModelsUnderTest> })
    }

    fn pass(&self, span: Duration) -> BoxFuture<'_, ()> {
        self.inner.pass(span)
    }
}

impl Models {
    fn is(&self, bug: SabotagedReadModels) -> bool {
        self.bug == bug
    }

    fn reader(&self, name: &str) -> String {
        if self.is(SabotagedReadModels::ReaderIgnoresCase) {
            return name.to_lowercase();
        }
        name.to_owned()
    }
}

impl CheckpointStore for Models {
    fn load_checkpoint(&self, name: &str) -> BoxFuture<'_, Result<Checkpoint, ReadModelsError>> {
        self.inner.load_checkpoint(&self.reader(name))
    }

    fn save_checkpoint(
        &self,
        name: &str,
        from: Checkpoint,
        to: Checkpoint,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let name = self.reader(name);
        Box::pin(async move {
            let current = self.inner.load_checkpoint(&name).await?;
            let is_as_thought = match self.bug {
                SabotagedReadModels::ReaderIsNotCompared => true,
                SabotagedReadModels::OnlyPositionIsCompared => current.position == from.position,
                SabotagedReadModels::ReaderLooksFirst => current == from,
                _ => return self.inner.save_checkpoint(&name, from, to).await,
            };
            if !is_as_thought {
                return Err(ReadModelsError::Moved { what: name });
            }
            if self.is(SabotagedReadModels::ReaderLooksFirst) {
                linger(|| {
                    self.inner.lock().checkpoints.get(&name).copied().unwrap_or_default() != from
                })
                .await;
            }
            self.inner.lock().checkpoints.insert(name, to);
            Ok(())
        })
    }
}

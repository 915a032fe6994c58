//! Every promise of a read database.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use annals_core::BoxFuture;
use annals_sqlite::SqliteReadModels;
use annals_testing::ManualClock;
use annals_testing::read_models::{ReadDatabase, ReadModelHarness, ReadModelsUnderTest};
use chrono::TimeDelta;
use tempfile::TempDir;

/// Makes folders on the machine's disk.
struct Folders;

struct Folder {
    path: PathBuf,
    clock: Arc<ManualClock>,
    _folder: TempDir,
}

impl ReadModelHarness for Folders {
    fn create(&self) -> BoxFuture<'_, Box<dyn ReadDatabase>> {
        Box::pin(async {
            let folder = TempDir::new().expect("there is room for temporary files");
            let path = folder.path().join("read");
            let clock = Arc::new(ManualClock::default());
            Box::new(Folder { path, clock, _folder: folder }) as Box<dyn ReadDatabase>
        })
    }
}

impl ReadDatabase for Folder {
    fn open(&self) -> BoxFuture<'_, Arc<dyn ReadModelsUnderTest>> {
        Box::pin(async {
            let models = SqliteReadModels::options().clock(self.clock.clone()).open(&self.path);
            Arc::new(models.expect("the folder can be opened")) as Arc<dyn ReadModelsUnderTest>
        })
    }

    fn pass(&self, span: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.clock.advance(TimeDelta::from_std(span).expect("the suite passes hours"));
        })
    }
}

annals_testing::read_model_conformance!(Folders);

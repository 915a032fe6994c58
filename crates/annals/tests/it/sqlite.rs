//! Everything in files.

use std::sync::Arc;

use annals::BoxFuture;
use annals::sqlite::{SqliteReadModels, SqliteStore};
use tempfile::TempDir;

use crate::balances::{Balances, Rows};
use crate::world::{ReadDatabase, World};

pub(crate) fn world() -> (World<SqliteReadModels>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("bank.db")).unwrap();
    let models = SqliteReadModels::open(folder.path().join("bank.db-read")).unwrap();
    (World { store: Arc::new(store), models: Arc::new(models) }, folder)
}

impl ReadDatabase for SqliteReadModels {
    fn rows(&self) -> BoxFuture<'_, Rows> {
        Box::pin(async move {
            let read = self.read(Balances::NAME, |tables| {
                let mut rows = tables.prepare("SELECT id, amount, last FROM balance")?;
                let rows = rows
                    .query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?
                    .collect::<Result<Rows, _>>()?;
                Ok(rows)
            });
            read.await.unwrap().value
        })
    }
}

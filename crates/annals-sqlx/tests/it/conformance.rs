//! The promises of a read database, on PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use annals_core::BoxFuture;
use annals_testing::read_models::{ReadDatabase, ReadModelHarness, ReadModelsUnderTest};

use crate::database::Database;

/// Each read database is a database of its own.
struct PostgresHarness;

impl ReadModelHarness for PostgresHarness {
    fn create(&self) -> BoxFuture<'_, Box<dyn ReadDatabase>> {
        Box::pin(async {
            let database = Database::create().await;
            annals_sqlx::migrate(&database.options()).await.expect("it can be migrated");
            Box::new(database) as Box<dyn ReadDatabase>
        })
    }
}

impl ReadDatabase for Database {
    fn open(&self) -> BoxFuture<'_, Arc<dyn ReadModelsUnderTest>> {
        Box::pin(async { Arc::new(Database::open(self).await) as Arc<dyn ReadModelsUnderTest> })
    }

    fn pass(&self, span: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let mut connection = self.connect().await;
            let span_us = i64::try_from(span.as_micros()).expect("the suite passes hours");
            for statement in [
                "UPDATE annals_read.partition \
                 SET leased_until = leased_until - $1 * interval '1 microsecond'",
                "UPDATE annals_read.worker \
                 SET heard_until = heard_until - $1 * interval '1 microsecond'",
            ] {
                let passed = sqlx::query(statement).bind(span_us).execute(&mut connection).await;
                passed.expect("time can be moved");
            }
        })
    }
}

annals_testing::read_model_conformance!(PostgresHarness);

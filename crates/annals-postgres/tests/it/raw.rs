//! A writer whose steps a test takes one by one, with the statements of the store or with ones
//! that were broken on purpose.

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, accepts, to_sql_checked};
use tokio_postgres::{Client, Error, Row, Statement};
use uuid::Uuid;

use crate::database::Database;

/// The statements of an append, in the order in which a sequencer sends them.
#[derive(Debug, Clone)]
pub(crate) struct Sql {
    pub(crate) begin: String,
    pub(crate) lock: String,
    pub(crate) check: String,
    pub(crate) append: String,
}

impl Sql {
    /// What the store sends.
    pub(crate) fn of_the_store() -> Self {
        Self {
            begin: include_str!("../../src/sql/begin_write.sql").to_owned(),
            lock: include_str!("../../src/sql/lock_head.sql").to_owned(),
            check: include_str!("../../src/sql/check_conditions.sql").to_owned(),
            append: include_str!("../../src/sql/append.sql").to_owned(),
        }
    }

    /// The append with a part replaced. The part must be there, or the test would prove nothing.
    pub(crate) fn with_append(mut self, part: &str, replacement: &str) -> Self {
        assert!(self.append.contains(part), "append.sql has no {part}");
        self.append = self.append.replace(part, replacement);
        self
    }

    /// The lock replaced.
    pub(crate) fn with_lock(mut self, replacement: &str) -> Self {
        replacement.clone_into(&mut self.lock);
        self
    }

    /// Nobody waits for anybody, and nobody notices.
    pub(crate) fn without_lock(self) -> Self {
        self.with_lock("SELECT gen_random_uuid() AS log_id")
            .with_append("AND lock.is_held", "AND true")
    }

    /// Positions from a sequence, which gives them out before the commit.
    pub(crate) fn with_positions_from_a_sequence(self) -> Self {
        self.without_lock().with_append(
            "head.position + given.number,\n        stream.sequences",
            "nextval('annals.numbers'),\n        stream.sequences",
        )
    }
}

/// One event to append, and under which condition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) stream: &'a str,
    /// The sequence the stream must have.
    pub(crate) expected: Option<i64>,
    pub(crate) tag: &'a str,
    /// A tag that no event after a position may have.
    pub(crate) unless: Option<(&'a str, i64)>,
    pub(crate) command: Option<Uuid>,
    /// A head, and the sequence the stream had then.
    pub(crate) known: Option<(i64, i64)>,
}

impl<'a> Attempt<'a> {
    /// An event without any condition.
    pub(crate) fn on(stream: &'a str) -> Self {
        Self { stream, expected: None, tag: "any:tag", unless: None, command: None, known: None }
    }
}

/// JSON that every event has.
#[derive(Debug)]
struct EmptyObject;

impl ToSql for EmptyObject {
    fn to_sql(
        &self,
        _type: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(b"{}");
        Ok(IsNull::No)
    }

    accepts!(JSON);
    to_sql_checked!();
}

/// What the append statement answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) is_written: bool,
    pub(crate) is_locked: bool,
    pub(crate) head: i64,
    pub(crate) hits: Vec<i64>,
    /// First position of the command, if it was in the ledger.
    pub(crate) repeated: Option<i64>,
}

/// A session that appends step by step.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) session: Client,
    sql: Sql,
    lock: Statement,
    check: Statement,
    append: Statement,
}

impl Writer {
    pub(crate) async fn open(database: &Database, sql: &Sql) -> Self {
        let session = database.owner().await;
        let lock = session.prepare(&sql.lock).await.expect("the lock can be prepared");
        let check = session.prepare(&sql.check).await.expect("the check can be prepared");
        let append = session.prepare(&sql.append).await.expect("the append can be prepared");
        Self { session, sql: sql.clone(), lock, check, append }
    }

    /// The server's process for this session.
    pub(crate) async fn pid(&self) -> i32 {
        let row = self.session.query_one("SELECT pg_backend_pid()", &[]).await;
        row.expect("the session answers").get(0)
    }

    pub(crate) async fn begin(&self) {
        self.session.batch_execute(&self.sql.begin).await.expect("a transaction can begin");
    }

    pub(crate) async fn lock(&self) -> Result<(), Error> {
        self.session.query(&self.lock, &[]).await.map(drop)
    }

    pub(crate) async fn append(&self, attempt: Attempt<'_>) -> Result<Found, Error> {
        self.run(attempt, true).await
    }

    /// Looks whether the attempt's condition holds.
    pub(crate) async fn look(&self, attempt: Attempt<'_>) -> Result<Found, Error> {
        self.run(attempt, false).await
    }

    pub(crate) async fn commit(&self) -> Result<(), Error> {
        self.session.batch_execute("COMMIT").await
    }

    pub(crate) async fn rollback(&self) {
        self.session.batch_execute("ROLLBACK").await.expect("a transaction can be rolled back");
    }

    /// All steps in a row.
    pub(crate) async fn append_at_once(&self, attempt: Attempt<'_>) -> Result<Found, Error> {
        self.begin().await;
        let found = match self.lock().await {
            Ok(()) => self.append(attempt).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(found) => self.commit().await.map(|()| found),
            Err(error) => {
                self.rollback().await;
                Err(error)
            }
        }
    }

    async fn run(&self, attempt: Attempt<'_>, writes: bool) -> Result<Found, Error> {
        let Attempt { stream, expected, tag, unless, command, known } = attempt;
        let (known_head, current_sequence) = known.unzip();
        let (kinds, ids) = (vec!["sample"], vec![stream]);
        let commands: Vec<Uuid> = command.into_iter().collect();
        let (unless_tags, after): (Vec<String>, Vec<i64>) =
            unless.map(|(tag, after)| (format!("{{\"{tag}\"}}"), after)).into_iter().unzip();
        let nothing: Vec<Option<&str>> = vec![None; after.len()];
        let (numbers, needed) = (vec![0_i32; after.len()], vec![true; after.len()]);
        let mut hits = Vec::new();
        if unless.is_some() {
            let values: [&(dyn ToSql + Sync); 7] =
                [&numbers, &after, &needed, &unless_tags, &nothing, &nothing, &nothing];
            let row = self.session.query_one(&self.check, &values).await?;
            hits = row.get::<_, Option<Vec<i64>>>("positions").unwrap_or_default();
        }
        let json = vec![EmptyObject];
        let tags = vec![format!("{{\"{tag}\"}}")];
        let firsts = vec![1_i32; commands.len()];
        let values: [&(dyn ToSql + Sync); 25] = [
            &writes,
            &0_i64,
            &known_head,
            &kinds,
            &ids,
            &vec![expected],
            &vec![None::<Uuid>],
            &vec![current_sequence],
            &commands,
            &kinds,
            &ids,
            &vec![1_i32],
            &vec![1_i64],
            &vec!["happened"],
            &vec![1_i32],
            &vec![Uuid::now_v7()],
            &json,
            &json,
            &tags,
            &vec![tag],
            &vec![1_i32],
            &vec!["happened"],
            &commands,
            &firsts,
            &firsts,
        ];
        self.session.query_one(&self.append, &values).await.map(|row| found(&row, hits))
    }
}

fn found(row: &Row, hits: Vec<i64>) -> Found {
    Found {
        is_written: row.get("holds"),
        is_locked: row.get("is_locked"),
        head: row.get("position"),
        hits,
        repeated: row.get("first_position"),
    }
}

/// Waits until a session waits for a lock, or `is_done` says that it no longer does anything.
pub(crate) async fn until_blocked(observer: &Client, pid: i32, is_done: impl Fn() -> bool) {
    const WAITING: &str = "SELECT count(*) FROM pg_stat_activity \
                           WHERE pid = $1 AND wait_event_type = 'Lock'";
    while !is_done() {
        let waiting = observer.query_one(WAITING, &[&pid]).await.expect("the server answers");
        if waiting.get::<_, i64>(0) == 1 {
            return;
        }
    }
}

/// Every position of the log, in its order.
pub(crate) async fn positions(observer: &Client) -> Vec<i64> {
    let rows = observer.query("SELECT position FROM annals.event ORDER BY position", &[]).await;
    rows.expect("the log can be read").iter().map(|row| row.get(0)).collect()
}

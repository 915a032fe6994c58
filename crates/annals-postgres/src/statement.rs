//! The statements, one file each.

macro_rules! statements {
    ($($(#[$docs:meta])* $name:ident = $file:literal,)*) => {
        /// A statement that sessions keep prepared.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Statement {
            $($(#[$docs])* $name,)*
        }

        impl Statement {
            pub(crate) const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => include_str!(concat!("sql/", $file)),)*
                }
            }
        }
    };
}

statements! {
    Append = "append.sql",
    AppendOne = "append_one.sql",
    BeginWaiting = "begin_waiting.sql",
    BlockedBy = "blocked_by.sql",
    CheckConditions = "check_conditions.sql",
    EndWaiting = "end_waiting.sql",
    EventAt = "event_at.sql",
    FindCommand = "find_command.sql",
    Head = "head.sql",
    LoadSnapshot = "load_snapshot.sql",
    LockHead = "lock_head.sql",
    NameRoles = "name_roles.sql",
    ReadAll = "read_all.sql",
    ReadQuery = "read_query.sql",
    ReadStream = "read_stream.sql",
    Ring = "ring.sql",
    SaveSnapshot = "save_snapshot.sql",
    SchemaExists = "schema_exists.sql",
    SchemaVersion = "schema_version.sql",
    Server = "server.sql",
    Session = "session.sql",
}

/// Begins a transaction that writes. Not prepared: it is a command.
pub(crate) const BEGIN_WRITE: &str = include_str!("sql/begin_write.sql");
/// Begins a transaction whose commit need not be flushed.
pub(crate) const BEGIN_UNFLUSHED: &str = include_str!("sql/begin_unflushed.sql");
/// Asks to be told of news.
pub(crate) const LISTEN: &str = include_str!("sql/listen.sql");
/// Keeps other migrations waiting until the end of the transaction.
pub(crate) const LOCK_MIGRATIONS: &str = include_str!("sql/lock_migrations.sql");

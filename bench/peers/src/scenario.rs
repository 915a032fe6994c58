//! What is measured: the rows of the table, and what is aimed at.

use std::sync::Arc;

use uuid::Uuid;

use crate::clients::{Call, account_id};
use crate::peer::Peer;

/// Accounts that exist before the clock starts, and the events each has then.
pub(crate) const ACCOUNTS: usize = 10_000;
pub(crate) const ACCOUNT_EVENTS: u64 = 10;

/// The stream whose loading is measured, and how many events it has.
pub(crate) const LONG_STREAM: &str = "a1b2c3d4-0000-4000-8000-ffffffffffff";
pub(crate) const LONG_STREAM_EVENTS: u64 = 10_000;

/// What clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// A deposit to any of the accounts.
    DepositAnywhere,
    /// A deposit to the same account.
    DepositToOne,
    /// An append of many events to a new stream.
    Append { events: u64 },
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// How many times as fast as the best peer on PostgreSQL ours is to be: with cached states,
    /// and loading each time.
    pub(crate) aims: (Option<f64>, Option<f64>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Clients { clients: usize, work: Work },
    Load,
    LoadFromSnapshot,
    Scan,
}

const fn clients(clients: usize, work: Work) -> Kind {
    Kind::Clients { clients, work }
}

pub(crate) const SCENARIOS: [Scenario; 10] = [
    Scenario {
        name: "1 client",
        kind: clients(1, Work::DepositAnywhere),
        aims: (Some(2.0), Some(1.2)),
    },
    Scenario {
        name: "16 clients",
        kind: clients(16, Work::DepositAnywhere),
        aims: (Some(4.0), Some(2.0)),
    },
    Scenario {
        name: "64 clients",
        kind: clients(64, Work::DepositAnywhere),
        aims: (Some(8.0), Some(2.5)),
    },
    Scenario {
        name: "256 clients",
        kind: clients(256, Work::DepositAnywhere),
        aims: (Some(10.0), Some(2.5)),
    },
    Scenario {
        name: "16 clients, one account",
        kind: clients(16, Work::DepositToOne),
        aims: (Some(60.0), None),
    },
    Scenario {
        name: "16 clients, 10 events each",
        kind: clients(16, Work::Append { events: 10 }),
        aims: (None, None),
    },
    Scenario {
        name: "16 clients, 100 events each",
        kind: clients(16, Work::Append { events: 100 }),
        aims: (None, None),
    },
    Scenario { name: "load 10,000 events", kind: Kind::Load, aims: (Some(2.0), None) },
    Scenario {
        name: "load them from a snapshot",
        kind: Kind::LoadFromSnapshot,
        aims: (None, None),
    },
    Scenario { name: "scan the log, decoding", kind: Kind::Scan, aims: (None, None) },
];

impl Scenario {
    /// Whether the figure is a time, of which less is better.
    pub(crate) fn is_time(&self) -> bool {
        matches!(self.kind, Kind::Load | Kind::LoadFromSnapshot)
    }
}

impl Work {
    pub(crate) fn events(self) -> u64 {
        match self {
            Self::Append { events } => events,
            Self::DepositAnywhere | Self::DepositToOne => 1,
        }
    }

    pub(crate) fn call(self, peer: &Arc<dyn Peer>) -> Call {
        let peer = Arc::clone(peer);
        Arc::new(move |_, random| {
            let peer = Arc::clone(&peer);
            Box::pin(async move {
                match self {
                    Self::DepositAnywhere => {
                        let account = usize::try_from(random % ACCOUNTS as u64)?;
                        peer.deposit(account_id(account)).await
                    }
                    Self::DepositToOne => peer.deposit(account_id(0)).await,
                    Self::Append { events } => {
                        peer.append(Uuid::new_v4().to_string(), 0, events).await
                    }
                }
            })
        })
    }
}

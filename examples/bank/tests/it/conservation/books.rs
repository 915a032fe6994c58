//! What the log says of money and transfers, checked with every event of it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use annals::{Aggregate, Position, RecordedEvent, Saga, SagaInstance, SagaState, codec};
use bank::account::{Account, AccountEvent};
use bank::transfer::{Transfer, TransferEvent, TransferId, TransferOrder};
use bank::transfer_saga::TransferSaga;

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Completed,
    Failed,
}

/// Where the money of a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Money {
    AtSource,
    InFlight,
    AtTarget,
    Returned,
}

/// What became of a transfer so far.
#[derive(Debug)]
struct Entry {
    order: TransferOrder,
    /// Made in one step: it ends with the deposit.
    is_instant: bool,
    money: Money,
    end: Option<End>,
}

impl fmt::Display for Books {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = |end| self.transfers.values().filter(|one| one.end == Some(end)).count();
        write!(
            formatter,
            "{} events, {} transfers completed and {} failed, {} of {} on the accounts",
            self.through,
            ended(End::Completed),
            ended(End::Failed),
            self.balances.values().sum::<i64>(),
            self.opened
        )
    }
}

/// What the log says up to some position. Every error is a broken promise, in words.
#[derive(Debug, Default)]
pub(super) struct Books {
    through: Position,
    /// What all accounts were opened with.
    opened: i64,
    balances: BTreeMap<String, i64>,
    /// What the accounts have lost or got by all that was ever moved.
    moved: i64,
    /// What the transfers whose money has left one account and reached no other come to.
    in_flight: i64,
    transfers: HashMap<TransferId, Entry>,
    ended: usize,
    /// Instances that have not ended.
    sagas: HashMap<TransferId, SagaInstance<TransferSaga>>,
}

impl Books {
    pub(super) fn through(&self) -> Position {
        self.through
    }

    /// How many transfers have come to their end.
    pub(super) fn ended(&self) -> usize {
        self.ended
    }

    /// Whether every transfer has, and so has every saga.
    pub(super) fn are_settled(&self) -> bool {
        self.ended == self.transfers.len() && self.sagas.is_empty()
    }

    pub(super) fn balances(&self) -> &BTreeMap<String, i64> {
        &self.balances
    }

    /// How a transfer ended, and what was to move; nothing if the log does not know of it.
    pub(super) fn find(&self, id: TransferId) -> Option<(Option<End>, &TransferOrder)> {
        self.transfers.get(&id).map(|entry| (entry.end, &entry.order))
    }

    /// Takes the next event of the log into account.
    pub(super) fn take(&mut self, event: &RecordedEvent) -> Result<(), String> {
        let position = event.position;
        let taken = self.enter(event).and_then(|()| self.check());
        taken.map_err(|wrong| format!("position {position}, {}: {wrong}", event.stream))
    }

    /// What must hold at the end, when nobody writes any more.
    pub(super) fn close(&self) -> Result<(), String> {
        let unended = self.transfers.iter().find(|(_, entry)| entry.end.is_none());
        let on_accounts = self.balances.values().sum::<i64>();
        match (unended, self.sagas.keys().next()) {
            (Some((id, entry)), _) => Err(format!("{id} has not ended: {entry:?}")),
            (None, Some(id)) => Err(format!("the saga of {id} has not ended")),
            (None, None) if on_accounts != self.opened => {
                Err(format!("{on_accounts} on the accounts, {} were opened", self.opened))
            }
            (None, None) => Ok(()),
        }
    }

    fn enter(&mut self, event: &RecordedEvent) -> Result<(), String> {
        if event.position.get() != self.through.get() + 1 {
            return Err(format!("it does not follow on {}", self.through));
        }
        self.through = event.position;
        let id = event.stream.aggregate_id();
        match event.stream.aggregate_type() {
            Account::TYPE => self.move_money(id, codec::decode(event).unwrap()),
            Transfer::TYPE => self.transfer(id.parse().unwrap(), codec::decode(event).unwrap()),
            TransferSaga::TYPE => self.saga(id.parse().unwrap(), event),
            other => Err(format!("{other} has no place in this log")),
        }
    }

    /// What must hold after every event.
    fn check(&self) -> Result<(), String> {
        let (on_accounts, in_flight) = (self.opened + self.moved, self.in_flight);
        if on_accounts + in_flight != self.opened {
            return Err(format!(
                "{on_accounts} on the accounts and {in_flight} in flight are not the {} there were",
                self.opened
            ));
        }
        Ok(())
    }

    fn move_money(&mut self, account: &str, event: AccountEvent) -> Result<(), String> {
        match event {
            AccountEvent::AccountOpened { initial_balance, .. } => {
                self.opened += initial_balance.minor();
                let before = self.balances.insert(account.to_owned(), initial_balance.minor());
                before.map_or(Ok(()), |_| Err("opened twice".to_owned()))
            }
            AccountEvent::AccountClosed { .. } => Err("nobody closes accounts here".to_owned()),
            AccountEvent::MoneyWithdrawn { amount, transfer_id, .. } => {
                self.move_for(account, transfer_id, -amount.minor())
            }
            AccountEvent::MoneyDeposited { amount, transfer_id, .. } => {
                self.move_for(account, transfer_id, amount.minor())
            }
        }
    }

    /// Money leaves an account or arrives there, for a transfer that has to be at that point.
    fn move_for(
        &mut self,
        account: &str,
        transfer: Option<TransferId>,
        change: i64,
    ) -> Result<(), String> {
        let balance = self.balances.get_mut(account).ok_or("it was never opened")?;
        *balance += change;
        self.moved += change;
        if *balance < 0 {
            return Err(format!("it is overdrawn by {}", -*balance));
        }
        let id = transfer.ok_or("money moves for no transfer")?;
        let entry = self.transfers.get_mut(&id).ok_or("money moves for an unknown transfer")?;
        let Entry { order, money, end, .. } = entry;
        if change.abs() != order.amount.minor() {
            return Err(format!("{change} is moved for {id}, instead of {}", order.amount));
        }
        let (is_source, is_target) =
            (account == order.from_account_id.as_str(), account == order.to_account_id.as_str());
        let was_in_flight = *money == Money::InFlight;
        *money = match (*money, change < 0) {
            (Money::AtSource, true) if is_source && end.is_none() => Money::InFlight,
            (Money::InFlight, false) if is_target => Money::AtTarget,
            (Money::InFlight, false) if is_source => Money::Returned,
            (money, true) => return Err(format!("{id}, {money:?}, is withdrawn once too often")),
            (money, false) => return Err(format!("{id}, {money:?}, is deposited once too often")),
        };
        let ends = entry.is_instant && entry.money == Money::AtTarget;
        let is_in_flight = entry.money == Money::InFlight;
        let amount = entry.order.amount.minor();
        self.in_flight += amount * (i64::from(is_in_flight) - i64::from(was_in_flight));
        if ends { self.end(id, End::Completed) } else { Ok(()) }
    }

    fn transfer(&mut self, id: TransferId, event: TransferEvent) -> Result<(), String> {
        let (order, is_instant) = match event {
            TransferEvent::TransferRequested { order, .. } => (order, false),
            TransferEvent::TransferMade { order, .. } => (order, true),
            TransferEvent::TransferCompleted { .. } => return self.end(id, End::Completed),
            TransferEvent::TransferFailed { .. } => return self.end(id, End::Failed),
        };
        let entry = Entry { order, is_instant, money: Money::AtSource, end: None };
        let before = self.transfers.insert(id, entry);
        before.map_or(Ok(()), |_| Err("asked for twice".to_owned()))
    }

    /// The word of the transfer, against what has happened on the accounts.
    fn end(&mut self, id: TransferId, end: End) -> Result<(), String> {
        let entry = self.transfers.get_mut(&id).ok_or("it was never asked for")?;
        let fits = match end {
            End::Completed => entry.money == Money::AtTarget,
            End::Failed => matches!(entry.money, Money::AtSource | Money::Returned),
        };
        if !fits || entry.end.is_some() {
            return Err(format!("{end:?}, {:?} before, its money {:?}", entry.end, entry.money));
        }
        entry.end = Some(end);
        self.ended += 1;
        Ok(())
    }

    /// The word of the saga, against that of the transfer.
    fn saga(&mut self, id: TransferId, event: &RecordedEvent) -> Result<(), String> {
        let entry = self.transfers.get(&id).ok_or("a saga of no transfer")?;
        let is_new = event.sequence.get() == 1;
        if is_new == self.sagas.contains_key(&id) {
            return Err("it goes on after its end".to_owned());
        }
        let instance = self.sagas.entry(id).or_default();
        instance.apply(&codec::decode(event).unwrap());
        let end = match instance.state() {
            SagaState::Completed => Some(End::Completed),
            SagaState::Failed => Some(End::Failed),
            state if state.is_ended() => return Err(format!("it is {}", state.as_str())),
            _ if instance.is_parked() => return Err("it waits for an operator".to_owned()),
            _ => return Ok(()),
        };
        self.sagas.remove(&id);
        if entry.end == end { Ok(()) } else { Err(format!("{end:?}, but {:?}", entry.end)) }
    }
}

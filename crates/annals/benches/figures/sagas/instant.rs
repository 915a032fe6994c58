//! A transfer in one step: one decision over both accounts.

use annals::{Aggregate, Decision, EventEnvelope, EventQuery, LimitError, QueryItem, StreamId};

use super::transfer::Order;
use crate::domain::{Account, Command, Event, Rejection};

pub(super) struct InstantTransfer(pub(super) Order);

/// The accounts that it is from and to.
#[derive(Default)]
pub(super) struct Parties {
    from: Account,
    to: Account,
}

impl Decision for InstantTransfer {
    type Event = Event;
    type State = Parties;
    type Error = Rejection;
    type Services = ();

    fn query(&self) -> Result<EventQuery, LimitError> {
        let (from, to) = (stream(&self.0.from)?, stream(&self.0.to)?);
        EventQuery::any_of([QueryItem::new().stream(from).stream(to)])
    }

    fn apply(&self, parties: &mut Parties, event: &EventEnvelope<Event>) {
        let is_from = event.stream.aggregate_id() == self.0.from;
        let account = if is_from { &mut parties.from } else { &mut parties.to };
        account.apply(&event.event);
    }

    fn decide(
        &self,
        parties: &Parties,
        services: &(),
    ) -> Result<Vec<(StreamId, Event)>, Rejection> {
        let Order { from, to, amount, .. } = &self.0;
        let amount = *amount;
        let mut events = Vec::new();
        for (account, id, command) in [
            (&parties.from, from, Command::Withdraw { amount }),
            (&parties.to, to, Command::Deposit { amount }),
        ] {
            let stream = stream(id).expect("it was within the limits when it was queried");
            let decided = account.handle(command, services)?;
            events.extend(decided.into_iter().map(|event| (stream.clone(), event)));
        }
        Ok(events)
    }
}

fn stream(id: &str) -> Result<StreamId, LimitError> {
    StreamId::new(Account::TYPE, id)
}

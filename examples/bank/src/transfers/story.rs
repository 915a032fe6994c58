//! What the log knows of one transfer, from all streams that have a part in it.

use annals::{
    Aggregate, ConsistencyToken, DecodeError, DomainEvent, EventEnvelope, EventQuery, EventStore,
    LimitError, LoadError, Position, QueryItem, Read, RecordedEvent, Saga, SagaEventOf,
    SagaInstance, SagaState, StreamId, Tag, codec,
};

use super::telling::Teller;
use super::{Mode, TransferAnswer, TransferEntry, TransferState, TransfersError, WaitingFor};
use crate::account::{Account, AccountEvent};
use crate::money::{CURRENCY, Money};
use crate::transfer::{Transfer, TransferEvent, TransferFailure, TransferId, TransferOrder};
use crate::transfer_saga::TransferSaga;

/// The code of transfers whose saga was abandoned.
const ABANDONED: &str = "abandoned_by_operator";

/// What the log knows of one transfer. One query over the stream of the transfer, that of its saga,
/// and whatever names it on an account: so all parts are of the same moment.
#[derive(Debug)]
pub(super) struct Story {
    transfer_id: TransferId,
    query: EventQuery,
    through: Position,
    token: Option<ConsistencyToken>,
    order: Option<(TransferOrder, Mode)>,
    transfer: Transfer,
    failure: Option<TransferFailure>,
    saga: SagaInstance<TransferSaga>,
    in_flight: Money,
    teller: Teller,
    timeline: Vec<TransferEntry>,
}

impl Story {
    pub(super) fn new(transfer_id: TransferId) -> Result<Self, LimitError> {
        let id = transfer_id.to_string();
        let own = StreamId::new(Transfer::TYPE, id.as_str())?;
        let saga = StreamId::new(TransferSaga::TYPE, id.as_str())?;
        let query = EventQuery::any_of([
            QueryItem::new().stream(own).stream(saga),
            QueryItem::new().tag(Tag::new("transfer", transfer_id)?),
        ])?;
        Ok(Self {
            transfer_id,
            query,
            through: Position::ZERO,
            token: None,
            order: None,
            transfer: Transfer::default(),
            failure: None,
            saga: SagaInstance::default(),
            in_flight: Money::ZERO,
            teller: Teller::default(),
            timeline: Vec::new(),
        })
    }

    /// Reads what is new, and gives the position up to which everything is known.
    pub(super) async fn read_on(&mut self, store: &dyn EventStore) -> Result<Position, LoadError> {
        loop {
            let read = Read::query(self.query.clone()).after(self.through);
            let page = store.read(read).await?;
            for recorded in &page.events {
                self.take(recorded)?;
            }
            self.through = page.through;
            if !page.has_more {
                let position = self.through;
                self.token = Some(ConsistencyToken { log_id: store.log_id(), position });
                return Ok(position);
            }
        }
    }

    fn take(&mut self, recorded: &RecordedEvent) -> Result<(), DecodeError> {
        match recorded.stream.aggregate_type() {
            Transfer::TYPE => {
                let envelope = codec::decode_envelope::<TransferEvent>(recorded)?;
                self.take_own(&envelope.event);
                self.tell(envelope, Teller::transfer);
            }
            TransferSaga::TYPE => {
                let envelope = codec::decode_envelope::<SagaEventOf<TransferSaga>>(recorded)?;
                self.saga.apply(&envelope.event);
                self.tell(envelope, Teller::saga);
            }
            Account::TYPE => {
                let envelope = codec::decode_envelope::<AccountEvent>(recorded)?;
                self.move_money(&envelope.event);
                self.tell(envelope, Teller::account);
            }
            _ => {}
        }
        Ok(())
    }

    fn take_own(&mut self, event: &TransferEvent) {
        self.transfer.apply(event);
        match event {
            TransferEvent::TransferRequested { order, .. } => {
                self.order = Some((order.clone(), Mode::Saga));
            }
            TransferEvent::TransferMade { order, .. } => {
                self.order = Some((order.clone(), Mode::Instant));
            }
            TransferEvent::TransferFailed { failure, .. } => self.failure = Some(failure.clone()),
            TransferEvent::TransferCompleted { .. } => {}
        }
    }

    /// All amounts are the transfer's, so what is in flight is that or nothing.
    fn move_money(&mut self, event: &AccountEvent) {
        let moved = match event {
            AccountEvent::MoneyWithdrawn { amount, .. } => self.in_flight.checked_add(*amount),
            AccountEvent::MoneyDeposited { amount, .. } => self.in_flight.checked_sub(*amount),
            AccountEvent::AccountOpened { .. } | AccountEvent::AccountClosed { .. } => None,
        };
        self.in_flight = moved.unwrap_or(self.in_flight);
    }

    fn tell<E: DomainEvent>(
        &mut self,
        envelope: EventEnvelope<E>,
        tell: impl FnOnce(&mut Teller, &EventEnvelope<E>) -> String,
    ) {
        let text = tell(&mut self.teller, &envelope);
        let event_type = envelope.event.kind().name;
        let EventEnvelope { position, timestamp, stream, metadata, .. } = envelope;
        let at = timestamp;
        self.timeline.push(TransferEntry { position, at, stream, event_type, text, metadata });
    }

    /// What callers get to see.
    pub(super) fn answer(&self) -> Result<TransferAnswer, TransfersError> {
        let (Some((order, mode)), Some(token)) = (&self.order, self.token) else {
            return Err(TransfersError::NotFound);
        };
        let state = self.state();
        let abandoned = || {
            let reason = self.saga.reason()?.to_owned();
            Some(TransferFailure { code: ABANDONED.to_owned(), reason })
        };
        let failure = match state {
            TransferState::Failed => self.failure.clone(),
            TransferState::Abandoned => abandoned(),
            _ => None,
        };
        Ok(TransferAnswer {
            transfer_id: self.transfer_id,
            order: order.clone(),
            currency: CURRENCY,
            mode: *mode,
            state,
            failure,
            waiting_for: self.waiting_for().filter(|_| state == TransferState::NeedsOperator),
            in_flight: self.in_flight,
            timeline: self.timeline.clone(),
            position: self.through,
            consistency_token: token,
        })
    }

    fn state(&self) -> TransferState {
        match self.transfer {
            Transfer::Failed => TransferState::Failed,
            _ if self.saga.state() == SagaState::Abandoned => TransferState::Abandoned,
            _ if self.saga.is_parked() => TransferState::NeedsOperator,
            Transfer::Completed => TransferState::Completed,
            Transfer::Requested | Transfer::Unrequested => TransferState::Requested,
        }
    }

    fn waiting_for(&self) -> Option<WaitingFor> {
        let (step, parked) =
            self.saga.open_steps().find_map(|step| Some((step, step.parked.as_ref()?)))?;
        Some(WaitingFor {
            step: step.command.to_string(),
            error: parked.error.clone(),
            since: parked.since,
            attempts: parked.attempts,
        })
    }
}

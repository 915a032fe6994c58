//! What the saga decides, whatever happens on the way.

use annals::{
    EventEnvelope, EventId, Metadata, Position, SagaCommand, SagaEventOf, SagaInstance, SagaState,
    Sequence, StreamId, TakenEvent,
};
use annals::{RecordedStep, SagaEvent};
use annals_testing::{Given, given};
use bank::account::AccountError;
use bank::money::Money;
use bank::transfer::{TransferError, TransferEvent, TransferFailure};
use bank::transfer_saga::{AccountMove, TransferRejection, TransferSaga, TransferStep};

use super::{ID, NOW, account, id, order};

type Instance = SagaInstance<TransferSaga>;
type Recorded = RecordedStep<TransferStep, ()>;

fn of(account_id: &str) -> AccountMove {
    AccountMove {
        transfer_id: id(),
        account_id: account(account_id),
        amount: Money::from_minor(100),
    }
}

fn event(event: TransferEvent) -> EventEnvelope<TransferEvent> {
    EventEnvelope {
        position: Position::new(3).unwrap(),
        stream: StreamId::new("transfer", ID).unwrap(),
        sequence: Sequence::new(1).unwrap(),
        event_id: EventId::from_uuid(ID.parse().unwrap()),
        timestamp: NOW,
        metadata: Metadata::default(),
        event,
    }
}

fn requested() -> EventEnvelope<TransferEvent> {
    let order = order("alice", "bob", 100);
    event(TransferEvent::TransferRequested { transfer_id: id(), order, requested_at: NOW })
}

fn take() -> SagaCommand<TransferSaga> {
    SagaCommand::TakeEvent { event: Box::new(requested()), begins: true, at: NOW }
}

fn succeed(step: u32) -> SagaCommand<TransferSaga> {
    SagaCommand::Succeed { step, attempts: 1, at: NOW }
}

fn reject(step: u32, rejection: impl Into<TransferRejection>) -> SagaCommand<TransferSaga> {
    SagaCommand::Reject { step, round: 0, rejection: rejection.into(), attempts: 1, at: NOW }
}

fn succeeded(step: u32, steps: Vec<Recorded>) -> SagaEventOf<TransferSaga> {
    SagaEvent::StepSucceeded { step, attempts: 1, at: NOW, steps }
}

fn rejected(
    step: u32,
    rejection: impl Into<TransferRejection>,
    steps: Vec<Recorded>,
) -> SagaEventOf<TransferSaga> {
    let rejection = rejection.into();
    SagaEvent::StepRejected { step, round: 0, rejection, attempts: 1, at: NOW, steps }
}

fn dispatch(
    number: u32,
    command: TransferStep,
    compensation: impl Into<Option<TransferStep>>,
) -> Recorded {
    let compensation = compensation.into();
    RecordedStep::Dispatch { number, command, compensation, compensates: None, overdue_at: None }
}

fn compensate(number: u32, compensates: u32, command: TransferStep) -> Recorded {
    let compensates = Some(compensates);
    RecordedStep::Dispatch { number, command, compensation: None, compensates, overdue_at: None }
}

fn failure(code: &str, reason: &str) -> TransferFailure {
    TransferFailure { code: code.to_owned(), reason: reason.to_owned() }
}

fn fail(number: u32, failure: TransferFailure) -> SagaEventOf<TransferSaga> {
    let command = TransferStep::Fail { transfer_id: id(), failure };
    SagaEvent::Compensated { at: NOW, steps: vec![dispatch(number, command, None)] }
}

fn begun() -> Given<Instance> {
    given::<Instance>(()).command(take())
}

fn withdrawn() -> Given<Instance> {
    begun().command(succeed(1))
}

fn deposited() -> Given<Instance> {
    withdrawn().command(succeed(2))
}

#[test]
fn it_begins_by_withdrawing_what_it_can_refund() {
    let withdraw =
        dispatch(1, TransferStep::Withdraw(of("alice")), TransferStep::Refund(of("alice")));
    given::<Instance>(()).when(take()).then([SagaEvent::EventTaken {
        event: TakenEvent(requested()),
        at: NOW,
        steps: vec![withdraw],
    }]);
}

#[test]
fn a_transfer_made_in_one_step_needs_no_saga() {
    let order = order("alice", "bob", 100);
    let made = event(TransferEvent::TransferMade { transfer_id: id(), order, made_at: NOW });
    let completed = event(TransferEvent::TransferCompleted { completed_at: NOW });
    for event in [made, completed] {
        let correlation = <TransferSaga as annals::Saga>::correlate(&event);
        assert_eq!(correlation, annals::Correlation::Nobody);
    }
}

#[test]
fn it_deposits_completes_and_ends() {
    let deposit = dispatch(2, TransferStep::Deposit(of("bob")), TransferStep::TakeBack(of("bob")));
    begun().when(succeed(1)).then([succeeded(1, vec![deposit])]);
    let complete = dispatch(3, TransferStep::Complete { transfer_id: id() }, None);
    withdrawn()
        .when(succeed(2))
        .then([succeeded(2, vec![complete, RecordedStep::Complete])])
        .then_state(|instance| assert_eq!(instance.state(), SagaState::Completing));
    deposited()
        .when(succeed(3))
        .then([succeeded(3, Vec::new())])
        .then_state(|instance| assert_eq!(instance.state(), SagaState::Completed));
}

#[test]
fn a_refused_withdrawal_fails_and_touches_nothing() {
    let (balance, amount) = (Money::from_minor(5), Money::from_minor(100));
    let rejection = AccountError::InsufficientFunds { balance, amount };
    let reason = "cannot withdraw from alice: the balance is 0.05, which does not cover 1.00";
    begun()
        .when(reject(1, rejection.clone()))
        .then([
            rejected(1, rejection, vec![RecordedStep::Fail { reason: reason.to_owned() }]),
            fail(2, failure("insufficient_funds", reason)),
        ])
        .then_state(|instance| assert_eq!(instance.state(), SagaState::Failing));
}

#[test]
fn a_refused_deposit_is_refunded_and_then_fails() {
    let reason = "cannot deposit to bob: the account is closed";
    let refund = compensate(3, 1, TransferStep::Refund(of("alice")));
    withdrawn()
        .when(reject(2, AccountError::Closed))
        .then([rejected(
            2,
            AccountError::Closed,
            vec![RecordedStep::Fail { reason: reason.to_owned() }, refund],
        )])
        .then_state(|instance| assert_eq!(instance.state(), SagaState::Compensating));
    withdrawn()
        .command(reject(2, AccountError::Closed))
        .when(succeed(3))
        .then([succeeded(3, Vec::new()), fail(4, failure("account_closed", reason))]);
    withdrawn()
        .command(reject(2, AccountError::Closed))
        .command(succeed(3))
        .when(succeed(4))
        .then([succeeded(4, Vec::new())])
        .then_state(|instance| assert_eq!(instance.state(), SagaState::Failed));
}

#[test]
fn a_refused_refund_waits_for_an_operator_and_can_be_retried() {
    let parked = || {
        withdrawn()
            .command(reject(2, AccountError::NotFound))
            .command(reject(3, AccountError::Closed))
    };
    withdrawn()
        .command(reject(2, AccountError::NotFound))
        .when(reject(3, AccountError::Closed))
        .then([rejected(3, AccountError::Closed, Vec::new())])
        .then_state(|instance| {
            assert!(instance.is_parked());
            let parked = instance.find_open_step(3).unwrap().parked.as_ref().unwrap();
            assert_eq!(parked.error, "the account is closed");
        });
    let (by, why) = ("olga".to_owned(), "reopened".to_owned());
    parked().command(SagaCommand::Retry { by, why, at: NOW }).when(succeed(3)).then([
        succeeded(3, Vec::new()),
        fail(4, failure("account_not_found", "cannot deposit to bob: the account does not exist")),
    ]);
    let (by, why) = ("olga".to_owned(), "paid out".to_owned());
    parked()
        .when(SagaCommand::Abandon { by: by.clone(), why: why.clone(), at: NOW })
        .then([SagaEvent::Abandoned { by, why, at: NOW }])
        .then_state(|instance| assert_eq!(instance.state(), SagaState::Abandoned));
}

#[test]
fn an_operator_who_has_it_undone_at_the_moment_of_the_deposit_makes_no_money() {
    let (by, why) = ("olga".to_owned(), "wrong account".to_owned());
    let order = SagaCommand::Compensate { by, why: why.clone(), at: NOW };
    let ordered = || withdrawn().command(order.clone());
    // The deposit is to be called off, but has taken effect.
    let take_back = compensate(3, 2, TransferStep::TakeBack(of("bob")));
    ordered().when(succeed(2)).then([succeeded(2, vec![take_back])]);
    let refund = compensate(4, 1, TransferStep::Refund(of("alice")));
    let done = || ordered().command(succeed(2));
    done().when(succeed(3)).then([succeeded(3, vec![refund])]);
    done()
        .command(succeed(3))
        .when(succeed(4))
        .then([succeeded(4, Vec::new()), fail(5, failure(TransferFailure::COMPENSATED, &why))]);
    // It has not taken effect: then there is nothing to take back.
    let refund = compensate(3, 1, TransferStep::Refund(of("alice")));
    ordered().when(SagaCommand::Cancel { step: 2, at: NOW }).then([SagaEvent::StepCancelled {
        step: 2,
        at: NOW,
        steps: vec![refund],
    }]);
}

#[test]
fn a_transfer_that_has_ended_otherwise_is_undone() {
    let reason = "the transfer has ended";
    let take_back = compensate(4, 2, TransferStep::TakeBack(of("bob")));
    deposited().when(reject(3, TransferError::Ended)).then([rejected(
        3,
        TransferError::Ended,
        vec![RecordedStep::Fail { reason: reason.to_owned() }, take_back],
    )]);
}

#[test]
fn a_step_in_the_log_keeps_its_form() {
    let step = serde_json::to_value(TransferStep::Withdraw(of("alice"))).unwrap();
    let expected = serde_json::json!({
        "withdraw": {"transfer_id": ID, "account_id": "alice", "amount": 100}
    });
    assert_eq!(step, expected);
    let rejection = TransferRejection::Account(AccountError::NotFound);
    let expected = serde_json::json!({"account": "not_found"});
    assert_eq!(serde_json::to_value(rejection).unwrap(), expected);
}

//! The saga of transfers in every order of its actions: with crashes, repeated inputs and
//! latecomers in any place, two of them at a time where that is not too many, and with what others
//! do to the accounts meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use annals::{App, BoxFuture, EventStore, ExecuteError, Options, SagaState};
use annals_testing::{Exhaustion, ManualClock, SagaScenario, SagaWorld};
use bank::account::{Account, AccountCommand, AccountId, OwnerName};
use bank::money::Money;
use bank::services::BankServices;
use bank::store::{Access, StoreUrl};
use bank::transfer::{Transfer, TransferCommand, TransferId, TransferOrder};
use bank::transfer_saga::TransferSaga;
use uuid::Uuid;

use crate::each_store::on_each_store;
use crate::home::{Home, block_on};

/// What is to be moved from alice to bob, who has nothing.
const AMOUNT: i64 = 100;

/// A transfer, and what others do to the accounts meanwhile.
struct Scenario {
    store: Arc<dyn EventStore>,
    clock: Arc<ManualClock>,
    /// What alice has.
    balance: i64,
    interventions: Vec<Intervention>,
    /// What has been paid in, in all.
    paid_in: AtomicI64,
}

#[derive(Debug, Clone, Copy)]
enum Intervention {
    AliceIsPaid(i64),
    AliceCloses,
    BobCloses,
}

type World = SagaWorld<TransferSaga, BankServices>;

fn money(minor: i64) -> Money {
    Money::from_minor(minor)
}

fn alice(run: u64) -> AccountId {
    AccountId::new(format!("alice-{run:08}")).unwrap()
}

fn bob(run: u64) -> AccountId {
    AccountId::new(format!("bob-{run:08}")).unwrap()
}

fn transfer(run: u64) -> TransferId {
    Uuid::from_u128(0x7e57_0000_0000_4000_8000_0000_0000_0000 | u128::from(run)).into()
}

impl Scenario {
    /// How much is on no account: what came in is either there or on its way.
    async fn in_flight(&self, world: &World) -> Result<(i64, i64), String> {
        let (run, app) = (world.run(), world.app());
        let alice = app.load::<Account>(&alice(run)).await.unwrap().state.balance().minor();
        let bob = app.load::<Account>(&bob(run)).await.unwrap().state.balance().minor();
        let in_flight = self.paid_in.load(Ordering::Relaxed) - alice - bob;
        if alice < 0 || bob < 0 || ![0, AMOUNT].contains(&in_flight) {
            return Err(format!("alice has {alice}, bob has {bob}, {in_flight} are in flight"));
        }
        Ok((in_flight, bob))
    }
}

impl SagaScenario for Scenario {
    type Saga = TransferSaga;
    type Services = BankServices;

    fn clock(&self) -> &Arc<ManualClock> {
        &self.clock
    }

    fn app(&self) -> App<BankServices> {
        let mut options = Options::default();
        options.cached_states_max = 8;
        let services = BankServices { clock: self.clock.clone() };
        App::with_options(self.store.clone(), None, services, options)
    }

    fn names(&self, run: u64) -> Vec<String> {
        vec![alice(run).to_string(), bob(run).to_string(), transfer(run).to_string()]
    }

    fn begin<'a>(&'a self, world: &'a World) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async {
            let (run, app) = (world.run(), world.app());
            for (account, balance) in [(alice(run), self.balance), (bob(run), 0)] {
                let owner_name = OwnerName::new("Somebody").unwrap();
                let initial_balance = money(balance);
                let open = AccountCommand::OpenAccount { owner_name, initial_balance };
                app.execute::<Account>(&account, open).await.unwrap();
            }
            self.paid_in.store(self.balance, Ordering::Relaxed);
            let amount = money(AMOUNT);
            let (from_account_id, to_account_id) = (alice(run), bob(run));
            let order = TransferOrder { from_account_id, to_account_id, amount };
            let transfer_id = transfer(run);
            let request = TransferCommand::RequestTransfer { transfer_id, order };
            app.execute::<Transfer>(&transfer_id, request).await.unwrap();
            Ok(())
        })
    }

    fn interventions(&self) -> usize {
        self.interventions.len()
    }

    /// What the rules forbid at that moment does not happen.
    fn intervene<'a>(
        &'a self,
        number: usize,
        world: &'a World,
    ) -> BoxFuture<'a, Result<(), String>> {
        let run = world.run();
        let (account, command, amount) = match self.interventions[number] {
            Intervention::AliceIsPaid(minor) => {
                (alice(run), AccountCommand::DepositMoney { amount: money(minor) }, minor)
            }
            Intervention::AliceCloses => (alice(run), AccountCommand::CloseAccount, 0),
            Intervention::BobCloses => (bob(run), AccountCommand::CloseAccount, 0),
        };
        Box::pin(async move {
            match world.app().execute::<Account>(&account, command).await {
                Ok(_) => drop(self.paid_in.fetch_add(amount, Ordering::Relaxed)),
                Err(ExecuteError::Rejected(_)) => {}
                Err(error) => return Err(error.to_string()),
            }
            Ok(())
        })
    }

    fn check<'a>(&'a self, world: &'a World) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async { self.in_flight(world).await.map(drop) })
    }

    fn check_end<'a>(&'a self, world: &'a World) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async {
            let (in_flight, bob) = self.in_flight(world).await?;
            let id = transfer(world.run());
            let transfer = world.app().load::<Transfer>(&id).await.unwrap().state;
            let saga = world.driver().load(&id.to_string()).await.unwrap().state;
            let is_right = match saga.state() {
                SagaState::Completed => {
                    (&transfer, in_flight, bob) == (&Transfer::Completed, 0, AMOUNT)
                }
                SagaState::Failed => (&transfer, in_flight, bob) == (&Transfer::Failed, 0, 0),
                // The refund was refused: an operator finds the money named in the log.
                SagaState::Compensating if saga.is_parked() => {
                    (&transfer, in_flight, bob) == (&Transfer::Requested, AMOUNT, 0)
                }
                _ => false,
            };
            if is_right {
                return Ok(());
            }
            let state = saga.state();
            Err(format!("saga {state:?}, {transfer:?}, bob has {bob}, {in_flight} are in flight"))
        })
    }
}

fn explore(home: &Home, balance: i64, interventions: &[Intervention], disturbances_max: usize) {
    block_on(async {
        let url: StoreUrl = home.store().parse().unwrap();
        let store = url.open(Access::Write).await.unwrap().store().clone();
        let scenario = Scenario {
            store,
            clock: Arc::default(),
            balance,
            interventions: interventions.to_vec(),
            paid_in: AtomicI64::new(0),
        };
        let limits = Exhaustion::default().disturbances_max(disturbances_max);
        let explored = limits.explore(&scenario).await.unwrap();
        assert!(explored.is_complete && explored.ends > 10, "{explored:?}");
    });
}

fn every_order_of_a_transfer_keeps_the_money(home: &Home) {
    explore(home, 1_000, &[], 2);
}

fn every_order_keeps_the_money_if_the_target_closes(home: &Home) {
    explore(home, 1_000, &[Intervention::BobCloses], 1);
}

fn every_order_keeps_the_money_if_both_accounts_close(home: &Home) {
    explore(home, AMOUNT, &[Intervention::BobCloses, Intervention::AliceCloses], 1);
}

fn every_order_keeps_the_money_if_it_arrives_too_late(home: &Home) {
    explore(home, 50, &[Intervention::AliceIsPaid(70)], 1);
}

on_each_store!(
    every_order_of_a_transfer_keeps_the_money,
    every_order_keeps_the_money_if_the_target_closes,
    every_order_keeps_the_money_if_both_accounts_close,
    every_order_keeps_the_money_if_it_arrives_too_late,
);

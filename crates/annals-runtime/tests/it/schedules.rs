//! Random schedules: several applications on one log, calls that take their time and fail, callers
//! that go away. Whatever happens, every answer must have been true during its call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals_core::{CommandId, EventStore, MemoryStore, Read, SnapshotStore};
use annals_runtime::{App, ExecuteError, Options};
use annals_testing::{Call, Fault, FaultyStore, Gate};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};

use crate::domain::{Account, Command, Event, InsufficientFunds, id};
use crate::stores::Slow;

const SCHEDULES: u64 = 400;
const APPLICATIONS: usize = 3;
const COMMANDS: i64 = 30;
const ACCOUNTS: [&str; 2] = ["1", "2"];

type Store = FaultyStore<Slow<MemoryStore>>;

/// What was claimed about an account, and what was known of it when the call began.
#[derive(Debug)]
struct Claim {
    account: &'static str,
    /// The highest sequence that anybody had been told of before.
    known: usize,
    /// The length of the stream when the answer came.
    end: usize,
    what: What,
}

#[derive(Debug)]
enum What {
    Written {
        event: Event,
        sequence: usize,
    },
    NotWritten {
        event: Event,
        #[expect(dead_code, reason = "for the report")]
        why: String,
    },
    Insufficient(i64),
    Balance {
        balance: i64,
        sequence: usize,
    },
    Nothing,
}

#[derive(Debug, Default)]
struct Witness {
    told: Mutex<HashMap<&'static str, usize>>,
    claims: Mutex<Vec<Claim>>,
}

impl Witness {
    fn known(&self, account: &'static str) -> usize {
        self.told.lock().unwrap().get(account).copied().unwrap_or_default()
    }

    fn tell(&self, claim: Claim) {
        if let What::Written { sequence, .. } | What::Balance { sequence, .. } = claim.what {
            let mut told = self.told.lock().unwrap();
            let known = told.entry(claim.account).or_default();
            *known = sequence.max(*known);
        }
        self.claims.lock().unwrap().push(claim);
    }
}

async fn pause(rng: &mut impl Rng) {
    for _ in 0..rng.random_range(0..40) {
        tokio::task::yield_now().await;
    }
}

/// The stream of an account, from the store below all faults.
async fn stream(store: &Store, account: &str) -> Vec<Event> {
    let page = store.inner().inner().read(Read::all().limit(5_000)).await.unwrap();
    let of_account = page.events.iter().filter(|event| event.stream.aggregate_id() == account);
    of_account.map(|event| annals_core::codec::decode(event).unwrap()).collect()
}

fn sequence(sequence: annals_core::Sequence) -> usize {
    usize::try_from(sequence.get()).unwrap()
}

/// Every amount is used once, so that an event tells which command it comes from.
async fn call(app: &App<()>, store: &Store, witness: &Witness, number: i64, rng: &mut StdRng) {
    let account = *ACCOUNTS.choose(rng).unwrap();
    let known = witness.known(account);
    let is_deposit = rng.random_bool(0.5);
    let what = if rng.random_bool(0.3) {
        match app.load::<Account>(&id(account)).await {
            Ok(loaded) => {
                let sequence = sequence(loaded.sequence);
                What::Balance { balance: loaded.state.balance, sequence }
            }
            Err(_) => What::Nothing,
        }
    } else {
        let amount = 100 + number;
        let (command, event) = if is_deposit {
            (Command::Deposit(amount), Event::Deposited { amount })
        } else {
            (Command::Withdraw(amount), Event::Withdrawn { amount })
        };
        let mut execute = app.execute::<Account>(&id(account), command.clone());
        let command_id = rng.random_bool(0.5).then(CommandId::new);
        if let Some(command_id) = command_id {
            execute = execute.command_id(command_id);
        }
        let mut answer = execute.await;
        let is_again = matches!(answer, Err(ExecuteError::Unknown { .. }));
        if is_again && let Some(command_id) = command_id {
            let again = app.execute::<Account>(&id(account), command);
            answer = again.command_id(command_id).await;
        }
        match answer {
            Ok(done) => {
                assert_eq!(done.events, std::slice::from_ref(&event));
                What::Written { event, sequence: sequence(done.sequence) }
            }
            Err(ExecuteError::Unknown { .. }) => What::Nothing,
            Err(ExecuteError::Rejected(InsufficientFunds)) => What::Insufficient(amount),
            // "Nothing was written" is said of this attempt, not of the one before.
            Err(_) if is_again => What::Nothing,
            Err(error) => What::NotWritten { event, why: error.to_string() },
        }
    };
    let end = stream(store, account).await.len();
    witness.tell(Claim { account, known, end, what });
}

fn plan(store: &Store, rng: &mut StdRng) -> Vec<Gate> {
    let mut gates = Vec::new();
    for kind in [Call::Append, Call::Read, Call::FindCommand] {
        for number in 1..=40 {
            if !rng.random_bool(0.2) {
                continue;
            }
            let gate = Gate::new();
            let fault = match rng.random_range(0..6) {
                0 => Fault::Unavailable,
                1 => Fault::RequestCut,
                2 => Fault::AnswerCut,
                // Of an append that is refused and then arrives once more, "nothing was written"
                // would not be true.
                3 if kind != Call::Append => Fault::Duplicated,
                4 => Fault::Held(gate.clone()),
                _ => Fault::AnswerHeld(gate.clone()),
            };
            gates.push(gate);
            store.plan(kind, number, fault);
        }
    }
    gates
}

async fn schedule(seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let store = Arc::new(FaultyStore::new(Slow::new(MemoryStore::new(), rng.random())));
    let snapshots = Arc::new(MemoryStore::new());
    let gates = plan(&store, &mut rng);
    let apps: Vec<App<()>> = (0..APPLICATIONS)
        .map(|_| {
            let mut options = Options::default();
            options.snapshot_every = rng.random_range(1..5);
            options.cached_states_max = rng.random_range(0..4);
            let snapshots = Arc::clone(&snapshots) as Arc<dyn SnapshotStore>;
            App::with_options(Arc::clone(&store) as _, Some(snapshots), (), options)
        })
        .collect();
    let witness = Arc::new(Witness::default());
    let mut tasks = Vec::new();
    for number in 0..COMMANDS {
        let (app, store) = (apps.choose(&mut rng).unwrap().clone(), Arc::clone(&store));
        let (witness, mut rng) = (Arc::clone(&witness), StdRng::seed_from_u64(rng.random()));
        tasks.push(tokio::spawn(async move {
            pause(&mut rng).await;
            call(&app, &store, &witness, number, &mut rng).await;
        }));
    }
    for gate in gates {
        pause(&mut rng).await;
        gate.open();
        if rng.random_bool(0.1) {
            tasks.choose(&mut rng).unwrap().abort();
        }
    }
    for task in tasks {
        if let Err(error) = task.await {
            assert!(error.is_cancelled(), "{error}");
        }
    }
    for account in ACCOUNTS {
        examine(account, &stream(&store, account).await, &witness);
    }
}

fn examine(account: &str, events: &[Event], witness: &Witness) {
    let mut balances = vec![0];
    for event in events {
        let change = match event {
            Event::Deposited { amount } => *amount,
            Event::Withdrawn { amount } => -amount,
            Event::Exploded => panic!("nobody asked for that"),
        };
        balances.push(balances.last().unwrap() + change);
    }
    assert!(balances.iter().all(|balance| *balance >= 0), "overdrawn: {balances:?}");
    for event in events {
        let times = events.iter().filter(|other| *other == event).count();
        assert_eq!(times, 1, "{event:?} was written more than once");
    }
    for claim in witness.claims.lock().unwrap().iter().filter(|claim| claim.account == account) {
        let is_true = match &claim.what {
            What::Written { event, sequence } => events.get(sequence - 1) == Some(event),
            What::NotWritten { event, .. } => !events.contains(event),
            What::Insufficient(amount) => {
                let mut meanwhile = balances.iter().take(claim.end + 1).skip(claim.known);
                !events.contains(&Event::Withdrawn { amount: *amount })
                    && meanwhile.any(|balance| balance < amount)
            }
            What::Balance { balance, sequence } => {
                *sequence >= claim.known && balances.get(*sequence) == Some(balance)
            }
            What::Nothing => true,
        };
        assert!(is_true, "{claim:?} of {balances:?}, {events:?}");
    }
}

#[test]
fn every_answer_was_true_during_its_call() {
    for seed in 0..SCHEDULES {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        // The clock stands still while anybody has something to do: an hour is for ever.
        let limit = Duration::from_secs(3600);
        let limited = async move { tokio::time::timeout(limit, schedule(seed)).await };
        let outcome = runtime.block_on(async { tokio::spawn(limited).await });
        assert!(matches!(outcome, Ok(Ok(()))), "seed {seed}: {outcome:?}");
    }
}

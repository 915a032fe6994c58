//! One order of actions, under way.

use std::collections::btree_map::Entry;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use annals_core::{
    BoxError, Clock, Correlation, EventEnvelope, OpenStep, Position, RecordedEvent, Saga,
    SagaInstance, SagaOrigin, SagaState,
};
use annals_runtime::{DispatchCommand, StepOutcome};
use chrono::{DateTime, Utc};

use super::next_move::{Move, StepKey};
use super::scenario::{SagaScenario, SagaWorld};
use crate::sagas::history;

/// How often a step is tried that cannot be done, before it is parked.
const ATTEMPTS_MAX: u32 = 2;

/// One schedule, with what is held in memory by whoever runs it and by somebody who is late.
pub(super) struct Schedule<'a, C: SagaScenario> {
    scenario: &'a C,
    world: SagaWorld<C::Saga, C::Services>,
    /// Where the log ended before.
    base: Position,
    names: Vec<String>,
    now: Snapshot<C::Saga>,
    /// Every step that was ever open, as it was then.
    seen: BTreeMap<StepKey, Known<C::Saga>>,
    /// Dispatched, and not recorded.
    held: BTreeMap<StepKey, Outcome<C::Saga>>,
    held_late: BTreeMap<StepKey, Outcome<C::Saga>>,
    failures: BTreeMap<StepKey, u32>,
    late: BTreeSet<StepKey>,
    taken: BTreeSet<u64>,
    taken_again: BTreeSet<u64>,
    /// How many more there may be.
    disturbances: usize,
    interventions: usize,
}

type Known<G> = (SagaOrigin, OpenStep<<G as Saga>::Command>);
type Outcome<G> = StepOutcome<<G as Saga>::Rejection>;

/// What the log says at a moment.
struct Snapshot<G: Saga> {
    events: Vec<RecordedEvent>,
    inputs: BTreeMap<u64, EventEnvelope<G::Event>>,
    instances: BTreeMap<String, SagaInstance<G>>,
}

impl<'a, C> Schedule<'a, C>
where
    C: SagaScenario,
    <C::Saga as Saga>::Command:
        DispatchCommand<Services = C::Services, Rejection = <C::Saga as Saga>::Rejection>,
{
    pub(super) async fn begin(scenario: &'a C, disturbances: usize) -> Result<Self, String> {
        let app = scenario.app();
        let base = app.store().head().await.map_err(|error| error.to_string())?;
        // Whatever wrote to the log before, and be it another exploration, has other names.
        let run = base.get();
        let world = SagaWorld::new(app, scenario.clock().clone(), run);
        let instances = BTreeMap::new();
        let mut schedule = Self {
            scenario,
            world,
            base,
            names: scenario.names(run),
            now: Snapshot { events: Vec::new(), inputs: BTreeMap::new(), instances },
            seen: BTreeMap::new(),
            held: BTreeMap::new(),
            held_late: BTreeMap::new(),
            failures: BTreeMap::new(),
            late: BTreeSet::new(),
            taken: BTreeSet::new(),
            taken_again: BTreeSet::new(),
            disturbances,
            interventions: 0,
        };
        scenario.begin(&schedule.world).await?;
        schedule.look().await?;
        Ok(schedule)
    }

    /// What can be done next, always in the same order: what must be done comes first.
    pub(super) fn possible(&self) -> Vec<Move> {
        let mut possible = self.next_inputs();
        possible.extend(self.held.keys().cloned().map(Move::Record));
        for (id, instance) in &self.now.instances {
            possible.extend(self.open_steps(id, instance));
            possible.extend(due_at(instance).map(|_| Move::Tick(id.clone())));
        }
        if self.disturbances > 0 {
            // With nothing in memory a crash changes nothing.
            possible.extend((!self.held.is_empty()).then_some(Move::Crash));
            let again = self.taken.difference(&self.taken_again);
            possible.extend(again.copied().map(Move::TakeAgain));
            // Before anybody has dispatched it, whoever does is the first one.
            let first = possible.iter().filter_map(Move::first_dispatch).cloned();
            let first: BTreeSet<StepKey> = first.collect();
            let not_late = self.seen.keys().filter(|step| !self.late.contains(step));
            let late = not_late.filter(|step| !first.contains(step));
            let late: Vec<StepKey> = late.cloned().collect();
            possible.extend(late.iter().cloned().map(Move::DispatchLate));
            possible.extend(late.into_iter().map(Move::PerformLate));
        }
        possible.extend(self.held_late.keys().cloned().map(Move::RecordLate));
        if self.interventions < self.scenario.interventions() {
            possible.push(Move::Intervene(self.interventions));
        }
        possible
    }

    /// Of each instance, the first input that was not taken.
    fn next_inputs(&self) -> Vec<Move> {
        let mut waiting = BTreeSet::new();
        let not_taken = self.now.inputs.iter().filter(|(place, _)| !self.taken.contains(place));
        not_taken
            .filter(|(_, event)| match C::Saga::correlate(event) {
                Correlation::Begins(id) | Correlation::Concerns(id) => waiting.insert(id),
                Correlation::Nobody => false,
            })
            .map(|(place, _)| Move::Take(*place))
            .collect()
    }

    fn open_steps(&self, id: &str, instance: &SagaInstance<C::Saga>) -> Vec<Move> {
        if instance.state().is_ended() {
            return Vec::new();
        }
        let open = instance.open_steps().filter(|step| step.parked.is_none());
        open.flat_map(|step| {
            let key = key(id, step);
            if instance.is_to_be_cancelled(step) {
                vec![Move::Cancel(key)]
            } else if self.failures.get(&key).is_some_and(|times| *times >= ATTEMPTS_MAX) {
                vec![Move::Park(key)]
            } else if self.held.contains_key(&key) {
                Vec::new()
            } else {
                vec![Move::Dispatch(key.clone()), Move::Perform(key)]
            }
        })
        .collect()
    }

    pub(super) async fn perform(&mut self, action: Move) -> Result<(), String> {
        self.disturbances -= usize::from(action.is_disturbance());
        match action {
            Move::Take(place) => {
                self.taken.insert(place);
                self.take(place).await?;
            }
            Move::TakeAgain(place) => {
                self.taken_again.insert(place);
                self.take(place).await?;
            }
            Move::Dispatch(step) => match self.dispatch(&step).await? {
                StepOutcome::Failed(_) => *self.failures.entry(step).or_default() += 1,
                outcome => drop(self.held.insert(step, outcome)),
            },
            Move::Perform(step) => {
                if self.do_step(&step).await.is_err() {
                    *self.failures.entry(step).or_default() += 1;
                }
            }
            Move::PerformLate(step) => {
                self.late.insert(step.clone());
                // Whoever is late and fails leaves it to others.
                let _ = self.do_step(&step).await;
            }
            Move::DispatchLate(step) => {
                let outcome = self.dispatch(&step).await?;
                self.late.insert(step.clone());
                self.held_late.insert(step, outcome);
            }
            Move::Record(step) => {
                let outcome = self.held.remove(&step).ok_or("nothing is held")?;
                self.record(&step, outcome).await?;
            }
            Move::RecordLate(step) => {
                let outcome = self.held_late.remove(&step).ok_or("nothing is held")?;
                self.record(&step, outcome).await?;
            }
            Move::Cancel(step) => {
                let (origin, open) = self.known(&step)?;
                let driver = &self.world.driver;
                driver.cancel(&step.instance, origin, open).await.map_err(told)?;
            }
            Move::Park(step) => {
                let (origin, open) = self.known(&step)?;
                let (driver, error) = (&self.world.driver, "it failed".to_owned());
                let parked = driver.park(&step.instance, origin, open, ATTEMPTS_MAX, error).await;
                parked.map_err(told)?;
                self.failures.remove(&step);
            }
            Move::Tick(id) => self.tick(&id).await?,
            Move::Crash => {
                self.held.clear();
                let (app, clock) = (self.scenario.app(), self.scenario.clock().clone());
                self.world = SagaWorld::new(app, clock, self.world.run);
            }
            Move::Intervene(number) => {
                self.interventions += 1;
                self.scenario.intervene(number, &self.world).await?;
            }
        }
        self.look().await
    }

    async fn take(&self, place: u64) -> Result<(), String> {
        let event = self.now.inputs.get(&place).ok_or("there is no such input")?;
        self.world.driver.take(event).await.map(drop).map_err(told)
    }

    async fn dispatch(&self, step: &StepKey) -> Result<Outcome<C::Saga>, String> {
        let (origin, open) = self.known(step)?;
        Ok(self.world.driver.dispatch(&step.instance, origin, open).await)
    }

    async fn do_step(&self, step: &StepKey) -> Result<(), BoxError> {
        let (origin, open) = self.known(step)?;
        self.world.driver.perform(&step.instance, origin, open, 1).await.map(drop)
    }

    async fn record(&self, step: &StepKey, outcome: Outcome<C::Saga>) -> Result<(), String> {
        let (origin, open) = self.known(step)?;
        let recorded = self.world.driver.record(&step.instance, origin, open, 1, outcome).await;
        recorded.map(drop).map_err(told)
    }

    async fn tick(&self, id: &str) -> Result<(), String> {
        let instance = self.now.instances.get(id).ok_or("there is no such instance")?;
        let (due_at, origin) = due_at(instance).zip(instance.origin()).ok_or("nothing is due")?;
        let clock = self.scenario.clock();
        clock.set(clock.now().max(due_at));
        self.world.driver.tick(id, origin).await.map(drop).map_err(told)
    }

    fn known(&self, step: &StepKey) -> Result<&Known<C::Saga>, String> {
        self.seen.get(step).ok_or_else(|| format!("{step} was never open"))
    }

    async fn look(&mut self) -> Result<(), String> {
        let events = history::events_after(&**self.world.app.store(), self.base).await?;
        let inputs = history::inputs::<C::Saga>(&events)?;
        let mut instances = BTreeMap::new();
        for event in &inputs {
            let (Correlation::Begins(id) | Correlation::Concerns(id)) = C::Saga::correlate(event)
            else {
                continue;
            };
            if let Entry::Vacant(new) = instances.entry(id) {
                let loaded = self.world.driver.load(new.key()).await.map_err(told)?;
                new.insert(loaded.state);
            }
        }
        for (id, instance) in &instances {
            for step in instance.open_steps() {
                if let Some(origin) = instance.origin() {
                    self.seen.insert(key(id, step), (origin.clone(), step.clone()));
                }
            }
        }
        let place = |event: &EventEnvelope<_>| event.position.get() - self.base.get();
        let inputs = inputs.into_iter().map(|event| (place(&event), event)).collect();
        self.now = Snapshot { events, inputs, instances };
        Ok(())
    }

    /// Checks the invariants. Says whether nothing is left to be done.
    pub(super) async fn check(&self) -> Result<bool, String> {
        history::check::<C::Saga>(&self.now.events)?;
        self.scenario.check(&self.world).await?;
        let is_end = !self.possible().iter().any(Move::is_due);
        if is_end {
            for (id, instance) in &self.now.instances {
                let is_waiting = matches!(instance.state(), SagaState::New | SagaState::Running);
                if !instance.state().is_ended() && !instance.is_parked() && !is_waiting {
                    return Err(format!("{id} is stuck: {:?}", instance.state()));
                }
            }
            self.scenario.check_end(&self.world).await?;
        }
        Ok(is_end)
    }

    /// All on which it depends what can still happen.
    pub(super) fn situation(&self) -> u64 {
        let mut hash = DefaultHasher::new();
        let digest = history::digest(&self.now.events, &self.now.instances);
        self.rename(digest).hash(&mut hash);
        self.scenario.clock().now().hash(&mut hash);
        for held in [&self.held, &self.held_late] {
            for (step, outcome) in held {
                self.anonymous(step).hash(&mut hash);
                self.rename(format!("{outcome:?}")).hash(&mut hash);
            }
            held.len().hash(&mut hash);
        }
        for (step, times) in &self.failures {
            (self.anonymous(step), times).hash(&mut hash);
        }
        for step in &self.late {
            self.anonymous(step).hash(&mut hash);
        }
        for taken in [&self.taken, &self.taken_again] {
            let mut inputs: Vec<_> = taken.iter().map(|place| self.input_name(*place)).collect();
            inputs.sort();
            inputs.hash(&mut hash);
        }
        (self.disturbances, self.interventions).hash(&mut hash);
        hash.finish()
    }

    /// The same wherever in the log it stands.
    fn input_name(&self, place: u64) -> String {
        let event = self.now.inputs.get(&place);
        self.rename(
            event.map(|event| format!("{} {}", event.stream, event.sequence)).unwrap_or_default(),
        )
    }

    fn anonymous(&self, step: &StepKey) -> String {
        self.rename(step.to_string())
    }

    fn rename(&self, text: String) -> String {
        history::rename(text, &self.names)
    }
}

fn key<C>(id: &str, step: &OpenStep<C>) -> StepKey {
    StepKey { instance: id.to_owned(), number: step.number, round: step.round }
}

/// When time next matters to an instance.
fn due_at<G: Saga>(instance: &SagaInstance<G>) -> Option<DateTime<Utc>> {
    if instance.state().is_ended() {
        return None;
    }
    let timers = instance.timers().map(|timer| timer.due_at);
    timers.chain(instance.open_steps().filter_map(|step| step.overdue_at)).min()
}

/// An error with its causes.
fn told(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

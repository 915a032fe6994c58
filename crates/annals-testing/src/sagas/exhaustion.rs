//! A saga in every order of what may happen to it, within limits.

mod next_move;
mod scenario;
mod schedule;

use std::collections::HashSet;
use std::error::Error;
use std::fmt;

use annals_core::{Clock, Saga};
use annals_runtime::DispatchCommand;

pub use scenario::{SagaScenario, SagaWorld};

use schedule::Schedule;

/// How far a saga is explored.
///
/// [`explore`](Exhaustion::explore) runs a scenario again and again, each time in another order of
/// the actions of which running a saga consists. At any moment it may
///
/// - take the next input of an instance, dispatch an open step and forget to record it, record what
///   became of a step, do both at once, call a step off, let the next timer fire: inputs of one
///   instance in the order of the log, all else in every order;
/// - crash: what was dispatched and not recorded is forgotten, and a new application goes on;
/// - deliver an input a second time;
/// - have somebody dispatch a step late, who believed that it was open: before or after its outcome
///   was recorded, and have that one record what it gave;
/// - let somebody else do something ([`SagaScenario::intervene`]).
///
/// After each action it checks the scenario's invariants, and what must be true of every saga: each
/// input taken once and in order, one outcome for each step, no timer fired twice or early, and no
/// instance stuck.
///
/// Orders that come together again are followed once: what stands in the log, what is held in
/// memory and what may still happen decide what can come of it. What an application keeps in memory
/// of states is not compared.
#[derive(Debug, Clone, Copy)]
pub struct Exhaustion {
    disturbances_max: usize,
    actions_max: usize,
    schedules_max: usize,
}

impl Default for Exhaustion {
    fn default() -> Self {
        Self { disturbances_max: 2, actions_max: 100, schedules_max: 50_000 }
    }
}

/// What was explored, without finding anything wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explored {
    /// Schedules that were run, each from the beginning.
    pub schedules: usize,
    /// Different situations that they went through.
    pub situations: usize,
    /// Situations in which nothing was left to be done.
    pub ends: usize,
    /// Actions of the longest schedule.
    pub longest: usize,
    /// Nothing was left out: neither a limit on actions nor that on schedules was reached.
    pub is_complete: bool,
}

/// A schedule in which something goes wrong. Both its forms as text tell the whole story.
#[derive(Clone, PartialEq, Eq)]
pub struct Counterexample {
    /// The actions, in their order.
    pub schedule: Vec<String>,
    /// What is wrong after the last one.
    pub wrong: String,
}

/// One of the actions that were possible.
#[derive(Debug, Clone, Copy)]
struct Choice {
    chosen: usize,
    of: usize,
}

impl Exhaustion {
    /// Most crashes, repeated inputs and late dispatches in one schedule. With 2, the default,
    /// every pair of them is tried in every place.
    #[must_use]
    pub fn disturbances_max(self, disturbances_max: usize) -> Self {
        Self { disturbances_max, ..self }
    }

    /// Most actions in one schedule; longer ones are cut off there. 100, unless told.
    #[must_use]
    pub fn actions_max(self, actions_max: usize) -> Self {
        Self { actions_max, ..self }
    }

    /// Most schedules. 50,000, unless told.
    #[must_use]
    pub fn schedules_max(self, schedules_max: usize) -> Self {
        Self { schedules_max, ..self }
    }

    /// Explores a scenario.
    ///
    /// # Errors
    ///
    /// The first [`Counterexample`] found; schedules with the fewest detours are tried first.
    pub async fn explore<C>(self, scenario: &C) -> Result<Explored, Box<Counterexample>>
    where
        C: SagaScenario,
        <C::Saga as Saga>::Command:
            DispatchCommand<Services = C::Services, Rejection = <C::Saga as Saga>::Rejection>,
    {
        let mut explored = Explored { is_complete: true, ..Explored::default() };
        let mut known = HashSet::new();
        let mut path = Vec::new();
        let began_at = scenario.clock().now();
        loop {
            scenario.clock().set(began_at);
            explored.schedules += 1;
            let schedule = Schedule::begin(scenario, self.disturbances_max).await;
            self.follow(schedule, &mut path, &mut known, &mut explored).await?;
            while let Some(last) = path.last_mut() {
                last.chosen += 1;
                if last.chosen < last.of {
                    break;
                }
                path.pop();
            }
            if path.is_empty() {
                break;
            }
            if explored.schedules == self.schedules_max {
                explored.is_complete = false;
                break;
            }
        }
        explored.situations = known.len();
        Ok(explored)
    }

    /// Runs one schedule: along `path`, and on until its end or a situation that is known.
    async fn follow<C>(
        &self,
        schedule: Result<Schedule<'_, C>, String>,
        path: &mut Vec<Choice>,
        known: &mut HashSet<u64>,
        explored: &mut Explored,
    ) -> Result<(), Box<Counterexample>>
    where
        C: SagaScenario,
        <C::Saga as Saga>::Command:
            DispatchCommand<Services = C::Services, Rejection = <C::Saga as Saga>::Rejection>,
    {
        let mut told = vec!["begin".to_owned()];
        let mut schedule = schedule.map_err(|wrong| counterexample(&told, wrong))?;
        // All but the last action of the path have been checked before.
        let checked = path.len().saturating_sub(1);
        for depth in 0.. {
            explored.longest = explored.longest.max(depth);
            let possible = schedule.possible();
            if depth >= checked {
                let is_end =
                    schedule.check().await.map_err(|wrong| counterexample(&told, wrong))?;
                explored.ends += usize::from(is_end);
            }
            if possible.is_empty() {
                return Ok(());
            }
            if depth == self.actions_max {
                explored.is_complete = false;
                return Ok(());
            }
            if depth == path.len() {
                path.push(Choice { chosen: 0, of: possible.len() });
            }
            let choice = path.get(depth).copied().expect("it is as long");
            if choice.of != possible.len() {
                let wrong = "repeated, the scenario goes another way: it draws something at random";
                return Err(counterexample(&told, wrong.to_owned()));
            }
            let action = possible.into_iter().nth(choice.chosen).expect("it was counted");
            told.push(action.to_string());
            let performed = schedule.perform(action).await;
            performed.map_err(|wrong| counterexample(&told, wrong))?;
            if depth >= checked && !known.insert(schedule.situation()) {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn counterexample(told: &[String], wrong: String) -> Box<Counterexample> {
    Box::new(Counterexample { schedule: told.to_vec(), wrong })
}

impl fmt::Display for Counterexample {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for action in &self.schedule {
            writeln!(formatter, "{action}")?;
        }
        write!(formatter, "then: {}", self.wrong)
    }
}

impl fmt::Debug for Counterexample {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\n{self}")
    }
}

impl Error for Counterexample {}

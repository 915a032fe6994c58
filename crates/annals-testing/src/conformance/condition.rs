//! G5: the append condition.

mod event;
mod query;
mod sequence;

pub use event::g5_expected_event_must_be_that_very_event;
pub use query::{g5_query_condition_sees_all_that_is_new, g5_racers_on_one_query_have_one_winner};
pub use sequence::{
    g5_expected_sequence_is_enforced_for_every_n, g5_racers_on_one_sequence_have_one_winner,
};

use std::sync::Arc;

use annals_core::{Append, AppendError, Appended, EventStore};

use super::race::race;

/// Races `appends`, all on one boundary. Exactly one is written; the others say that their
/// condition did not hold.
async fn race_for_one_winner(
    store: &Arc<dyn EventStore>,
    appends: Vec<Append>,
) -> (Appended, Vec<AppendError>) {
    let tasks = appends.into_iter().map(|append| {
        let store = Arc::clone(store);
        async move { store.append(append).await }
    });
    let (mut winners, mut losers) = (Vec::new(), Vec::new());
    for outcome in race(tasks).await {
        match outcome {
            Ok(appended) => winners.push(appended),
            Err(error @ (AppendError::Conflict { .. } | AppendError::ConditionFailed { .. })) => {
                losers.push(error)
            }
            Err(error) => panic!("a healthy store answers: {error:?}"),
        }
    }
    assert_eq!(winners.len(), 1, "racers that won on one boundary: {winners:?}");
    let winner = winners.pop().expect("there is exactly one");
    (winner, losers)
}

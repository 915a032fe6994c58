//! From appends to outcomes.

use annals_core::Append;

use super::Outcome;
use crate::append_error::BatchError;
use crate::draft::{Answer, Draft, Knowledge};
use crate::exchange;
use crate::known_streams::KnownStreams;
use crate::news::News;
use crate::session::{Session, SessionError};

/// Writes a batch: at first on what is known, and if that was wrong on facts, under the lock.
pub(super) async fn write(
    session: &mut Session,
    known: &mut KnownStreams,
    news: &News,
    appends: &[Append],
) -> Result<(Vec<Outcome>, bool), BatchError> {
    let draft = Draft::new(appends, Knowledge::Guess(known, news.head()));
    let answer = exchange::write(session, &draft).await?;
    if answer.is_written {
        return Ok((note_written(&draft, &answer, known, news), true));
    }
    draft.note_found(&answer, known);
    news.publish(answer.head);
    let facts = answer.facts(&draft);
    let draft = Draft::new(appends, Knowledge::Facts(&facts));
    if !draft.writes() {
        // All of it was found under the lock, and is durable since that transaction's commit.
        return Ok((draft.outcomes_as_known(answer.head), false));
    }
    let answer = exchange::look(session, &draft).await?;
    let facts = answer.facts_with(&draft, &facts);
    let draft = Draft::new(appends, Knowledge::Facts(&facts));
    if !draft.writes() {
        exchange::commit_looked(session).await?;
        news.publish(answer.head);
        return Ok((draft.outcomes_as_known(answer.head), false));
    }
    let answer = exchange::write_looked(session, &draft).await?;
    if !answer.is_written {
        // Somebody writes without the lock.
        return Err(BatchError::NotWritten(SessionError::incomplete()));
    }
    Ok((note_written(&draft, &answer, known, news), true))
}

/// Notes and publishes what is durable now.
fn note_written(
    draft: &Draft<'_>,
    answer: &Answer,
    known: &mut KnownStreams,
    news: &News,
) -> Vec<Outcome> {
    draft.note_written(answer, known);
    let outcomes = draft.outcomes(answer.head, &answer.ends);
    let head = answer.head.plus(draft.events().len() as u64);
    if let Some(last) = draft.events().last() {
        news.remember(head, last.event.event_id());
    }
    news.publish(head);
    outcomes
}

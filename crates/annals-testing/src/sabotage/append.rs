//! Bugs on the way into the log.

use annals_core::{
    Append, AppendCondition, AppendError, Appended, EventQuery, EventType, Json, NewEvent, Read,
    ReadError, Sequence, StreamId,
};

use super::{Sabotage, SabotagedStore, dawdle};

impl SabotagedStore {
    pub(super) async fn sabotaged_append(&self, append: Append) -> Result<Appended, AppendError> {
        match self.sabotage {
            Sabotage::AppendIsTorn => self.append_torn(append).await,
            Sabotage::UncertainIsShown => {
                let events = append.events().to_vec();
                let ids: Vec<_> = events.iter().map(NewEvent::event_id).collect();
                self.memory().uncertain.extend(events);
                dawdle().await;
                let outcome = self.inner.append(append).await;
                self.memory().uncertain.retain(|event| !ids.contains(&event.event_id()));
                outcome
            }
            Sabotage::EventComesLate => self.append_late(append).await,
            Sabotage::SequenceCountsTheLog => {
                let mut appended = self.inner.append(append).await?;
                let positions = (0..).map(|n| appended.first_position.plus(n).get());
                for (sequence, position) in appended.sequences.iter_mut().zip(positions) {
                    *sequence = Sequence::ZERO.plus(position);
                }
                Ok(appended)
            }
            Sabotage::TooHighIsAccepted => self.append_too_high(append).await,
            Sabotage::CheckThenAct => {
                self.check(append.condition()).await?;
                dawdle().await;
                self.inner.append(without_condition(append)).await
            }
            Sabotage::ConditionComesBeforeLedger => {
                self.check(append.condition()).await?;
                self.inner.append(append).await
            }
            Sabotage::LedgerIsDropped => match unnamed(append) {
                Some(append) => self.inner.append(append).await,
                None => self.nothing_appended().await,
            },
            Sabotage::LedgerIsForgotten | Sabotage::LedgerComesAfterwards => {
                self.append_with_own_ledger(append).await
            }
            Sabotage::EmptyAppendIsForgotten if append.events().is_empty() => {
                self.nothing_appended().await
            }
            Sabotage::RefusalUsesAPosition
            | Sabotage::RefusalLeavesAnEvent
            | Sabotage::RefusalStandsInLedger => self.append_with_trace(append).await,
            Sabotage::RefusalTakesNeighbours => self.append_or_fall_with_others(append).await,
            Sabotage::AppendsOvertake => {
                let turn = self.next_turn();
                for _ in 0..turn * 7 % 5 {
                    tokio::task::yield_now().await;
                }
                self.inner.append(append).await
            }
            Sabotage::WrittenIsCalledUnavailable => {
                let appended = self.inner.append(append).await?;
                if self.next_turn() % 4 == 3 {
                    return Err(AppendError::Unavailable { source: "not at home".into() });
                }
                Ok(appended)
            }
            _ => self.inner.append(self.with_broken_condition(append)).await,
        }
    }

    fn next_turn(&self) -> usize {
        let mut memory = self.memory();
        memory.appends += 1;
        memory.appends
    }

    pub(super) fn has_own_ledger(&self) -> bool {
        self.is(Sabotage::LedgerIsForgotten) || self.is(Sabotage::LedgerComesAfterwards)
    }

    async fn append_torn(&self, append: Append) -> Result<Appended, AppendError> {
        let (mut events, condition, id) = append.into_parts();
        if events.len() < 2 {
            return self.inner.append(Append::new(events, condition, id)?).await;
        }
        let rest = events.split_off(1);
        let mut appended = self.inner.append(Append::new(events, condition, id)?).await?;
        if appended.repeated {
            return Ok(appended);
        }
        dawdle().await;
        let rest = Append::new(rest, AppendCondition::default(), None)?;
        appended.sequences.extend(self.inner.append(rest).await?.sequences);
        Ok(appended)
    }

    /// The number is given out, and readers see it only when the slow commit is through.
    async fn append_late(&self, append: Append) -> Result<Appended, AppendError> {
        let ids: Vec<_> = append.events().iter().map(NewEvent::event_id).collect();
        self.memory().hidden.extend(&ids);
        let outcome = self.inner.append(append).await;
        dawdle().await;
        self.memory().hidden.retain(|id| !ids.contains(id));
        outcome
    }

    async fn append_too_high(&self, append: Append) -> Result<Appended, AppendError> {
        let mut append = append;
        loop {
            match self.inner.append(append.clone()).await {
                Err(AppendError::Conflict { stream, expected, actual }) if expected > actual => {
                    append = with_sequences(append, |other, _| *other != stream);
                }
                outcome => return outcome,
            }
        }
    }

    async fn append_with_own_ledger(&self, append: Append) -> Result<Appended, AppendError> {
        let Some(id) = append.command_id() else { return self.inner.append(append).await };
        if let Some(first) = self.memory().ledger.get(&id) {
            return Ok(first.clone());
        }
        let appended = match unnamed(append) {
            Some(append) => self.inner.append(append).await?,
            None => self.nothing_appended().await?,
        };
        if self.is(Sabotage::LedgerComesAfterwards) {
            dawdle().await;
        }
        let repeat = Appended { repeated: true, ..appended.clone() };
        self.memory().ledger.insert(id, repeat);
        Ok(appended)
    }

    async fn append_with_trace(&self, append: Append) -> Result<Appended, AppendError> {
        let outcome = self.inner.append(append.clone()).await;
        if !matches!(
            outcome,
            Err(AppendError::Conflict { .. } | AppendError::ConditionFailed { .. })
        ) {
            return outcome;
        }
        let (events, _, id) = append.into_parts();
        let (left, id) = match self.sabotage {
            Sabotage::RefusalLeavesAnEvent => (events.into_iter().take(1).collect(), None),
            Sabotage::RefusalStandsInLedger => (Vec::new(), id),
            _ => (vec![filler()], None),
        };
        if self.is(Sabotage::RefusalUsesAPosition) {
            self.memory().hidden.extend(left.iter().map(NewEvent::event_id));
        }
        if let Ok(trace) = Append::new(left, AppendCondition::default(), id) {
            let _ = self.inner.append(trace).await?;
        }
        outcome
    }

    async fn append_or_fall_with_others(&self, append: Append) -> Result<Appended, AppendError> {
        let before = self.memory().refusals;
        dawdle().await;
        if self.memory().refusals > before {
            let stream = append
                .events()
                .first()
                .map_or_else(|| filler().stream().clone(), |event| event.stream().clone());
            let zero = Sequence::ZERO;
            return Err(AppendError::Conflict { stream, expected: zero, actual: zero });
        }
        let outcome = self.inner.append(append).await;
        self.memory().refusals += usize::from(outcome.is_err());
        outcome
    }

    async fn nothing_appended(&self) -> Result<Appended, AppendError> {
        let head = self.inner.head().await.map_err(unavailable)?;
        Ok(Appended { first_position: head.plus(1), sequences: Vec::new(), repeated: false })
    }

    /// What the store itself would check, by reading.
    async fn check(&self, condition: &AppendCondition) -> Result<(), AppendError> {
        for (stream, expected) in condition.sequences() {
            let mut actual = Sequence::ZERO;
            loop {
                let read = Read::stream(stream.clone(), actual);
                let page = self.inner.read(read).await.map_err(unavailable)?;
                actual = page.events.last().map_or(actual, |event| event.sequence);
                if !page.has_more {
                    break;
                }
            }
            if actual != expected {
                return Err(AppendError::Conflict { stream: stream.clone(), expected, actual });
            }
        }
        let Some(unless) = condition.unless() else { return Ok(()) };
        let read = Read::query(unless.query.clone()).after(unless.after).limit(1);
        let page = self.inner.read(read).await.map_err(unavailable)?;
        match page.events.first() {
            Some(event) => Err(AppendError::ConditionFailed { at: event.position }),
            None => Ok(()),
        }
    }

    fn with_broken_condition(&self, append: Append) -> Append {
        match self.sabotage {
            Sabotage::MustNotExistIsUnchecked => {
                with_sequences(append, |_, expected| expected > Sequence::ZERO)
            }
            Sabotage::OnlyFirstStreamIsChecked => {
                let first = append.condition().sequences().next().map(|(stream, _)| stream.clone());
                with_sequences(append, |stream, _| Some(stream) == first.as_ref())
            }
            Sabotage::QueryConditionIsIgnored => {
                let condition = expectations(append.condition(), |_, _| true);
                with_condition(append, condition)
            }
            Sabotage::ExpectedEventIsIgnored => {
                let condition = sequences_only(append.condition());
                with_condition_and_query(append, condition)
            }
            Sabotage::OnlyFirstItemCounts | Sabotage::KnownPositionIsOffByOne => {
                let Some(unless) = append.condition().unless() else { return append };
                let (query, after) = match self.sabotage {
                    Sabotage::OnlyFirstItemCounts => (first_item(&unless.query), unless.after),
                    _ if unless.after < annals_core::Position::MAX => {
                        (unless.query.clone(), unless.after.plus(1))
                    }
                    _ => (unless.query.clone(), unless.after),
                };
                let condition = expectations(append.condition(), |_, _| true);
                let condition = condition.nothing_new(query, after);
                with_condition(append, condition)
            }
            _ => append,
        }
    }
}

pub(super) fn first_item(query: &EventQuery) -> EventQuery {
    EventQuery::any_of(query.items().iter().take(1).cloned()).unwrap_or_else(|_| query.clone())
}

/// The expectations about those streams that are `is_kept`.
fn expectations(
    condition: &AppendCondition,
    is_kept: impl Fn(&StreamId, Sequence) -> bool,
) -> AppendCondition {
    let kept = condition.sequences().filter(|(stream, sequence)| is_kept(stream, *sequence));
    kept.fold(AppendCondition::default(), |kept, (stream, sequence)| {
        match condition.last_event(stream) {
            Some(event_id) => kept.expect_event(stream.clone(), sequence, event_id),
            None => kept.expect_sequence(stream.clone(), sequence),
        }
    })
}

fn sequences_only(condition: &AppendCondition) -> AppendCondition {
    condition.sequences().fold(AppendCondition::default(), |kept, (stream, sequence)| {
        kept.expect_sequence(stream.clone(), sequence)
    })
}

/// `append` with only those expected sequences that `is_kept`.
fn with_sequences(append: Append, is_kept: impl Fn(&StreamId, Sequence) -> bool) -> Append {
    let kept = expectations(append.condition(), is_kept);
    with_condition_and_query(append, kept)
}

fn with_condition(append: Append, condition: AppendCondition) -> Append {
    let (events, _, id) = append.into_parts();
    Append::new(events, condition, id).expect("it was within the limits, and is not larger now")
}

/// As [`with_condition`], and the query condition stays.
fn with_condition_and_query(append: Append, condition: AppendCondition) -> Append {
    let condition = match append.condition().unless() {
        Some(unless) => condition.nothing_new(unless.query.clone(), unless.after),
        None => condition,
    };
    with_condition(append, condition)
}

fn without_condition(append: Append) -> Append {
    with_condition(append, AppendCondition::default())
}

/// `append` without its command id; `None` if nothing is left.
fn unnamed(append: Append) -> Option<Append> {
    let (events, condition, _) = append.into_parts();
    Append::new(events, condition, None).ok()
}

/// An event nobody asked for.
fn filler() -> NewEvent {
    let stream = StreamId::new("sabotage", "filler").expect("a valid stream");
    let event_type = EventType::new("filler").expect("a valid event type");
    NewEvent::new(stream, event_type, 1, Json::empty_object()).expect("within the limits")
}

fn unavailable(error: ReadError) -> AppendError {
    AppendError::Unavailable { source: error.into() }
}

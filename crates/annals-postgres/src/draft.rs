//! A batch worked out in memory: which of its appends hold, if what is known is right.

mod answer;
mod knowledge;
mod slot;
mod verdict;

use std::collections::HashMap;

use annals_core::{
    Append, AppendError, Appended, CommandId, NewEvent, NothingNew, Position, RecordedEvent,
    Sequence, StreamId,
};
use chrono::DateTime;

use crate::known_streams::{KnownStreams, StreamEnd};

pub(crate) use answer::Answer;
pub(crate) use knowledge::Knowledge;
pub(crate) use slot::Slot;
use verdict::Verdict;

/// The appends of a batch taken one after the other, each on top of those before it that hold.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    appends: &'a [Append],
    slots: Vec<Slot<'a>>,
    numbers: HashMap<&'a StreamId, usize>,
    events: Vec<DraftedEvent<'a>>,
    /// The events as queries see them, made when the first query needs them.
    recorded: Vec<RecordedEvent>,
    commands: HashMap<CommandId, usize>,
    verdicts: Vec<Verdict>,
    head_at_least: Position,
    /// The head at which current guesses are facts.
    known_head: Option<Position>,
}

/// An event that is to be written.
#[derive(Debug)]
pub(crate) struct DraftedEvent<'a> {
    pub(crate) event: &'a NewEvent,
    /// The number of its stream in the draft.
    pub(crate) slot: usize,
    /// Its place among the batch's events of its stream, from 1.
    pub(crate) place: u64,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(appends: &'a [Append], knowledge: Knowledge<'_>) -> Self {
        let mut draft = Self {
            appends,
            slots: Vec::with_capacity(appends.len()),
            numbers: HashMap::with_capacity(appends.len()),
            events: Vec::with_capacity(appends.len()),
            recorded: Vec::new(),
            commands: HashMap::new(),
            verdicts: Vec::with_capacity(appends.len()),
            head_at_least: Position::ZERO,
            known_head: knowledge.known_head(),
        };
        for (number, append) in appends.iter().enumerate() {
            let verdict = draft.judge(number, append, knowledge);
            draft.verdicts.push(verdict);
        }
        draft
    }

    fn judge(&mut self, number: usize, append: &'a Append, knowledge: Knowledge<'_>) -> Verdict {
        // Every stream is looked up, whether this draft needs it or not: should it fail, the next
        // one has all the facts.
        let condition = append.condition();
        let mentioned = condition.sequences().map(|(stream, _)| stream);
        for stream in mentioned.chain(append.events().iter().map(NewEvent::stream)) {
            self.slot(stream, knowledge);
        }
        if let Some(id) = append.command_id() {
            if let Some(first) = knowledge.repeat(id) {
                return Verdict::Repeat(first);
            }
            if let Some(first) = self.commands.get(&id) {
                return Verdict::RepeatOf(*first);
            }
        }
        for (stream, expected) in condition.sequences() {
            let slot = self.slot(stream, knowledge);
            let added = self.slots.get(slot).map_or(0, |slot| slot.added);
            let last_event = condition.last_event(stream);
            let holds =
                self.slots.get_mut(slot).is_some_and(|slot| slot.expect(expected, last_event));
            if !holds {
                return Verdict::Conflict { slot, expected, added };
            }
        }
        if let Some(at) = knowledge.hit(number) {
            return Verdict::Matched(at);
        }
        if let Some(unless) = condition.unless()
            && let Some(index) = self.find_match(unless, knowledge)
        {
            return Verdict::MatchedInBatch(index);
        }
        self.accept(number, append, knowledge)
    }

    fn accept(&mut self, number: usize, append: &'a Append, knowledge: Knowledge<'_>) -> Verdict {
        let first = self.events.len();
        for event in append.events() {
            let slot = self.slot(event.stream(), knowledge);
            let place = self.slots.get_mut(slot).map_or(0, |slot| slot.add(event.event_id()));
            self.events.push(DraftedEvent { event, slot, place });
        }
        if let Some(id) = append.command_id() {
            self.commands.insert(id, number);
        }
        Verdict::Accepted { first, count: append.events().len() }
    }

    /// The number of a stream in the draft.
    fn slot(&mut self, stream: &'a StreamId, knowledge: Knowledge<'_>) -> usize {
        let next = self.slots.len();
        let number = *self.numbers.entry(stream).or_insert(next);
        if number == next {
            self.slots.push(Slot::new(stream, knowledge.end(stream), knowledge.is_guess()));
        }
        number
    }

    /// The first event of the batch so far that matches.
    fn find_match(&mut self, unless: &NothingNew, knowledge: Knowledge<'_>) -> Option<usize> {
        self.record_events();
        let (head, after) = (knowledge.head(), unless.after);
        let is_match = |event: &RecordedEvent| unless.query.matches(event);
        if !knowledge.is_guess() || after <= head {
            let known = usize::try_from(after.get().saturating_sub(head.get())).ok()?;
            return (known..)
                .zip(self.recorded.get(known..)?)
                .find_map(|(index, event)| is_match(event).then_some(index));
        }
        // Who knows the log up to `after` has read it, so the head is there by now.
        let found = self.recorded.iter().position(is_match)?;
        self.head_at_least = self.head_at_least.max(after);
        Some(found)
    }

    fn record_events(&mut self) {
        for drafted in self.events.iter().skip(self.recorded.len()) {
            // Only what queries look at counts.
            let event = drafted.event.clone();
            let (position, sequence) = (Position::ZERO, Sequence::ZERO);
            self.recorded.push(event.recorded_at(position, sequence, DateTime::UNIX_EPOCH));
        }
    }

    /// The streams, in the order of their numbers.
    pub(crate) fn streams(&self) -> impl Iterator<Item = &'a StreamId> {
        self.slots.iter().map(|slot| slot.stream)
    }

    /// What is assumed of each stream.
    pub(crate) fn slots(&self) -> &[Slot<'a>] {
        &self.slots
    }

    /// What is to be written.
    pub(crate) fn events(&self) -> &[DraftedEvent<'a>] {
        &self.events
    }

    /// Lowest head that the draft goes by.
    pub(crate) fn head_at_least(&self) -> Position {
        self.head_at_least
    }

    /// The head at which streams with a current sequence need not be looked up.
    pub(crate) fn known_head(&self) -> Option<Position> {
        self.known_head
    }

    /// Whether there is anything to write.
    pub(crate) fn writes(&self) -> bool {
        self.verdicts.iter().any(|verdict| matches!(verdict, Verdict::Accepted { .. }))
    }

    /// The only append of the batch, if it is of the simplest kind: one event, with nothing to be
    /// known but its own stream and its command id.
    pub(crate) fn single(&self) -> Option<(&'a Append, &Slot<'a>)> {
        match (self.appends, self.slots.as_slice(), self.events.len()) {
            ([append], [slot], 1) if append.condition().unless().is_none() => Some((append, slot)),
            _ => None,
        }
    }

    /// Command ids that must not be in the ledger.
    pub(crate) fn new_commands(&self) -> impl Iterator<Item = CommandId> {
        let ids = self.appends.iter().zip(&self.verdicts);
        ids.filter(|(_, verdict)| !matches!(verdict, Verdict::Repeat(_)))
            .filter_map(|(append, _)| append.command_id())
    }

    /// Commands to note: their ids, the number of their first event from 0, and how many events
    /// they led to.
    pub(crate) fn commands(&self) -> impl Iterator<Item = (CommandId, usize, usize)> {
        self.appends.iter().zip(&self.verdicts).filter_map(|(append, verdict)| match verdict {
            Verdict::Accepted { first, count } => Some((append.command_id()?, *first, *count)),
            _ => None,
        })
    }

    /// Query conditions, with the number of their append and whether they must hold.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = (usize, &'a NothingNew, bool)> {
        self.appends.iter().zip(&self.verdicts).enumerate().filter_map(
            |(number, (append, verdict))| {
                let is_needed = matches!(verdict, Verdict::Accepted { .. });
                Some((number, append.condition().unless()?, is_needed))
            },
        )
    }

    /// Notes where the streams end now that the batch is written.
    pub(crate) fn note_written(&self, answer: &Answer, known: &mut KnownStreams) {
        known.note_head(answer.head, answer.head.plus(self.events.len() as u64));
        for (slot, before) in self.slots.iter().zip(&answer.ends) {
            let end = match slot.last_added {
                Some(last) => {
                    let sequence = before.sequence.plus(slot.added);
                    StreamEnd { sequence, event_id: Some(last) }
                }
                None => *before,
            };
            known.note(slot.stream, end);
        }
    }

    /// Notes where the streams were found to end, without the batch.
    pub(crate) fn note_found(&self, answer: &Answer, known: &mut KnownStreams) {
        known.note_head(answer.head, answer.head);
        for (slot, end) in self.slots.iter().zip(&answer.ends) {
            known.note(slot.stream, *end);
        }
    }

    /// The outcome of each append of a draft that writes nothing and was made from facts.
    pub(crate) fn outcomes_as_known(&self, head: Position) -> Vec<Result<Appended, AppendError>> {
        let ends: Vec<StreamEnd> = self.slots.iter().map(Slot::known_end).collect();
        self.outcomes(head, &ends)
    }

    /// The outcome of each append, given what the draft turned out to stand on.
    pub(crate) fn outcomes(
        &self,
        head: Position,
        ends: &[StreamEnd],
    ) -> Vec<Result<Appended, AppendError>> {
        let outcome = |verdict: &Verdict| verdict.outcome(self, head, ends);
        self.verdicts.iter().map(outcome).collect()
    }

    /// The sequences of some of the events.
    fn sequences(&self, first: usize, count: usize, ends: &[StreamEnd]) -> Vec<Sequence> {
        let events = self.events.iter().skip(first).take(count);
        let before = |event: &DraftedEvent<'_>| ends.get(event.slot).map(|end| end.sequence);
        events.map(|event| before(event).unwrap_or_default().plus(event.place)).collect()
    }
}

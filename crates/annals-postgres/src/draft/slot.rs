//! One stream within a draft.

use annals_core::{EventId, Sequence, StreamId};

use crate::known_streams::{KnownEnd, StreamEnd};

/// A stream, what is assumed of it, and what the batch adds to it.
#[derive(Debug)]
pub(crate) struct Slot<'a> {
    pub(crate) stream: &'a StreamId,
    /// What is known of its end.
    known: Option<StreamEnd>,
    /// Whether it need not be looked up unless somebody else has written.
    is_current: bool,
    is_guess: bool,
    /// The end before the batch that verdicts rest on; `None` as long as none does.
    base: Option<StreamEnd>,
    /// Whether a verdict rests on which event is the last one before the batch.
    is_event_needed: bool,
    /// How many events the batch adds.
    pub(crate) added: u64,
    /// The last of them.
    pub(crate) last_added: Option<EventId>,
}

impl<'a> Slot<'a> {
    pub(crate) fn new(stream: &'a StreamId, known: Option<KnownEnd>, is_guess: bool) -> Self {
        Self {
            stream,
            known: known.map(|known| known.end),
            is_current: known.is_some_and(|known| known.is_current),
            is_guess,
            base: None,
            is_event_needed: false,
            added: 0,
            last_added: None,
        }
    }

    /// Where the stream ends as far as is known; nowhere if nothing is.
    pub(crate) fn known_end(&self) -> StreamEnd {
        self.known.unwrap_or(StreamEnd { sequence: Sequence::ZERO, event_id: None })
    }

    /// The sequence of its last event before the batch if nobody else has written; `None` if it
    /// has to be looked up in any case.
    pub(crate) fn current_sequence(&self) -> Option<Sequence> {
        self.known.filter(|_| self.is_current).map(|known| known.sequence)
    }

    /// An end that was found, with the last event where that was known without looking.
    pub(crate) fn completed(&self, found: StreamEnd) -> StreamEnd {
        let known = self.known.filter(|known| known.sequence == found.sequence);
        let event_id = found.event_id.or_else(|| known?.event_id);
        StreamEnd { event_id, ..found }
    }

    /// The sequence that must be the stream's last one before the batch; `None` if any will do.
    pub(crate) fn assumed_sequence(&self) -> Option<Sequence> {
        self.base.map(|base| base.sequence)
    }

    /// The event that must be the stream's last one before the batch; `None` if any will do.
    pub(crate) fn assumed_event(&self) -> Option<EventId> {
        self.base.filter(|_| self.is_event_needed)?.event_id
    }

    /// Adds an event and gives its place among those added.
    pub(crate) fn add(&mut self, event_id: EventId) -> u64 {
        self.added += 1;
        self.last_added = Some(event_id);
        self.added
    }

    /// Whether the stream, with what was added so far, ends with this sequence and event.
    pub(crate) fn expect(&mut self, expected: Sequence, event_id: Option<EventId>) -> bool {
        let before_batch = expected.get().checked_sub(self.added);
        let Some(base) = self.base.or_else(|| self.choose_base(before_batch)) else {
            // The batch alone has put the stream further, wherever it was.
            return false;
        };
        self.base = Some(base);
        // Plain numbers: an assumed sequence can be the highest there is.
        if base.sequence.get() + self.added != expected.get() {
            return false;
        }
        event_id.is_none_or(|event_id| self.expect_event(event_id, base))
    }

    /// The end to go by: what is known, unless it is a guess and who expects more has seen more.
    fn choose_base(&self, expected: Option<u64>) -> Option<StreamEnd> {
        let expected = expected.and_then(|number| Sequence::new(number).ok());
        match (self.known, expected) {
            (Some(known), Some(expected)) if self.is_guess && expected > known.sequence => {
                Some(StreamEnd { sequence: expected, event_id: None })
            }
            (Some(known), _) => Some(known),
            (None, Some(expected)) => Some(StreamEnd { sequence: expected, event_id: None }),
            (None, None) => None,
        }
    }

    fn expect_event(&mut self, expected: EventId, base: StreamEnd) -> bool {
        if self.added > 0 {
            return self.last_added == Some(expected);
        }
        if base.sequence == Sequence::ZERO {
            return false;
        }
        self.is_event_needed = true;
        let last = base.event_id.unwrap_or(expected);
        self.base = Some(StreamEnd { event_id: Some(last), ..base });
        last == expected
    }
}

//! What can be done next.

use std::fmt;

/// A step in one of its rounds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct StepKey {
    pub(super) instance: String,
    pub(super) number: u32,
    pub(super) round: u32,
}

/// What can be done next. Inputs are named by their place in the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Move {
    Take(u64),
    Dispatch(StepKey),
    Record(StepKey),
    /// Dispatch and record, at once where that can be.
    Perform(StepKey),
    Cancel(StepKey),
    Park(StepKey),
    Tick(String),
    Crash,
    TakeAgain(u64),
    DispatchLate(StepKey),
    RecordLate(StepKey),
    PerformLate(StepKey),
    Intervene(usize),
}

impl Move {
    /// It must be done, sooner or later.
    pub(super) fn is_due(&self) -> bool {
        matches!(
            self,
            Self::Take(_)
                | Self::Dispatch(_)
                | Self::Record(_)
                | Self::Perform(_)
                | Self::Cancel(_)
                | Self::Park(_)
                | Self::Tick(_)
        )
    }

    /// The step that it dispatches, if it is nobody late.
    pub(super) fn first_dispatch(&self) -> Option<&StepKey> {
        match self {
            Self::Dispatch(step) => Some(step),
            _ => None,
        }
    }

    pub(super) fn is_disturbance(&self) -> bool {
        matches!(
            self,
            Self::Crash | Self::TakeAgain(_) | Self::DispatchLate(_) | Self::PerformLate(_)
        )
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { instance, number, round } = self;
        write!(formatter, "step {number} of {instance}")?;
        if *round > 0 { write!(formatter, " in round {round}") } else { Ok(()) }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Take(place) => write!(formatter, "take event {place}"),
            Self::Dispatch(step) => write!(formatter, "dispatch {step}"),
            Self::Record(step) => write!(formatter, "record {step}"),
            Self::Perform(step) => write!(formatter, "perform {step}"),
            Self::Cancel(step) => write!(formatter, "call off {step}"),
            Self::Park(step) => write!(formatter, "park {step}"),
            Self::Tick(instance) => write!(formatter, "time passes for {instance}"),
            Self::Crash => formatter.write_str("crash"),
            Self::TakeAgain(place) => write!(formatter, "take event {place} again"),
            Self::DispatchLate(step) => write!(formatter, "somebody late dispatches {step}"),
            Self::RecordLate(step) => write!(formatter, "somebody late records {step}"),
            Self::PerformLate(step) => write!(formatter, "somebody late performs {step}"),
            Self::Intervene(number) => write!(formatter, "intervention {number}"),
        }
    }
}

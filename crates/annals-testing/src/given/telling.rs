//! How a failed test tells its story.

use std::fmt::Debug;

use annals_core::StreamId;

/// Given and when, for the message of a failure.
#[derive(Debug)]
pub(super) struct Telling {
    given: String,
    when: String,
}

impl Telling {
    pub(super) fn new(given: String, when: &impl Debug) -> Self {
        Self { given, when: format!("{when:?}") }
    }

    /// # Panics
    ///
    /// Always: that is what it is for.
    #[track_caller]
    pub(super) fn fail(&self, expected: &str, actual: &str) -> ! {
        let Self { given, when } = self;
        let part = |text: &str| text.replace('\n', "\n    ");
        panic!(
            "\ngiven\n    {}\nwhen\n    {}\nthen expected\n    {}\nbut got\n    {}\n",
            part(given),
            part(when),
            part(expected),
            part(actual)
        );
    }
}

/// One per line.
pub(super) fn list(events: &[impl Debug]) -> String {
    lines(events.iter().map(|event| format!("{event:?}")))
}

/// One per line, with its stream.
pub(super) fn list_of_streams(events: &[(StreamId, impl Debug)]) -> String {
    lines(events.iter().map(|(stream, event)| format!("{stream}: {event:?}")))
}

pub(super) fn lines(events: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = events.collect();
    if lines.is_empty() { "nothing".to_owned() } else { lines.join("\n") }
}

pub(super) fn rejection(rejection: &impl Debug) -> String {
    format!("rejected: {rejection:?}")
}

pub(super) fn outcome<E>(
    outcome: &Result<Vec<E>, impl Debug>,
    list: impl FnOnce(&[E]) -> String,
) -> String {
    match outcome {
        Ok(events) => list(events),
        Err(error) => rejection(error),
    }
}

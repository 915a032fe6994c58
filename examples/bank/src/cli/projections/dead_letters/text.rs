//! Dead letters as people read them.

use annals::{DeadLetter, DeadLetterRequest, RecordedEvent};

use crate::cli::output::shown;
use crate::cli::table::Table;

const TIME: &str = "%Y-%m-%d %H:%M:%S";

pub(super) fn letters(letters: &[DeadLetter]) -> String {
    let heading = ["id", "generation", "stream", "position", "queued", "since", "error"];
    let mut table = Table::new(heading);
    table.align_right(3);
    table.align_right(4);
    for letter in letters {
        table.row([
            letter.id.to_string(),
            format!("{} {}", letter.generation.projection, letter.generation.number),
            letter.stream.to_string(),
            letter.position.to_string(),
            letter.queued.to_string(),
            letter.since.format(TIME).to_string(),
            shown(&letter.error),
        ]);
    }
    table.to_string()
}

pub(super) fn letter(letter: &DeadLetter, event: Option<&RecordedEvent>) -> String {
    let mut text = format!(
        "\
id        {}
in        {}
stream    {}
position  {}
event     {}
error     {}
attempts  {}
since     {}
last      {}
queued    {}",
        letter.id,
        letter.generation,
        letter.stream,
        letter.position,
        letter.event_type.as_str(),
        shown(&letter.error),
        letter.attempts,
        letter.since.format(TIME),
        letter.last_attempt_at.format(TIME),
        letter.queued,
    );
    match &letter.request {
        Some(DeadLetterRequest::Retry { by }) => text += &format!("\nretry     by {}", shown(by)),
        Some(DeadLetterRequest::Discard { by, why }) => {
            text += &format!("\ndiscard   by {}: {}", shown(by), shown(why));
        }
        None => {}
    }
    if let Some(at) = letter.discarded_at {
        text += &format!("\ndiscarded {}", at.format(TIME));
    }
    if let Some(event) = event {
        text += &format!("\nversion   {}", event.event_version);
        text += &format!("\npayload   {}", shown(event.payload.as_str()));
    }
    text
}

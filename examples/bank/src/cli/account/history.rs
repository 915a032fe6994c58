//! `bank account history`

use annals::{At, Sequence, limits::PAGE_EVENTS_DEFAULT};

use super::{Look, text};
use crate::bank::{Bank, EventAnswer};
use crate::cli::exit::Failure;
use crate::cli::output::{self, Format};

/// Prints the events up to a moment, page by page, however many there are.
///
/// As JSON they are one array with one event in a line.
pub(super) async fn print(bank: &Bank, look: &Look) -> Result<(), Failure> {
    let moment = look.moment();
    // Says whether there is such an account, and such a moment of it.
    bank.account(&look.id, moment).await?;
    let mut after = Sequence::ZERO;
    let mut separator = "[\n";
    loop {
        let page = bank.history(&look.id, after, PAGE_EVENTS_DEFAULT).await?;
        let in_time = page.events.iter().take_while(|event| !is_beyond(event, moment));
        for event in in_time {
            match look.format {
                Format::Text => output::line(&text::event(event))?,
                Format::Json => {
                    output::write(separator.as_bytes())?;
                    output::write(&serde_json::to_vec(event).map_err(|e| Failure::internal(&e))?)?;
                    separator = ",\n";
                }
            }
        }
        let last = page.events.last().filter(|last| page.has_more && !is_beyond(last, moment));
        let Some(last) = last else { break };
        after = last.sequence;
    }
    if look.format == Format::Json { output::line("\n]") } else { Ok(()) }
}

fn is_beyond(event: &EventAnswer, moment: Option<At>) -> bool {
    match moment {
        Some(At::Sequence(sequence)) => event.sequence > sequence,
        Some(At::Position(position)) => event.position > position,
        Some(At::Time(time)) => event.timestamp > time,
        None => false,
    }
}

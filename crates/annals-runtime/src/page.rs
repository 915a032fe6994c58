//! Reading on until there is something.

use annals_core::{EventStore, Page, Read, ReadError};

/// The next page that holds an event, or the last one; and the read that goes on after it, if there
/// is more.
///
/// A store that has looked for long without finding anything may say so with a page that holds no
/// events and has more to come.
pub(crate) async fn with_events(
    store: &dyn EventStore,
    mut read: Read,
) -> Result<(Page, Option<Read>), ReadError> {
    loop {
        let page = store.read(read.clone()).await?;
        read = read.after(page.through);
        if !page.has_more {
            return Ok((page, None));
        }
        if !page.events.is_empty() {
            return Ok((page, Some(read)));
        }
    }
}

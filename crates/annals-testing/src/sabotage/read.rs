//! Bugs on the way out of the log.

use annals_core::limits::PAGE_EVENTS_MAX;
use annals_core::{Json, Page, Position, Read, ReadError, RecordedEvent, Selection, Sequence};
use chrono::{TimeDelta, Utc};

use super::append::first_item;
use super::{Sabotage, SabotagedStore, dawdle};

impl SabotagedStore {
    pub(super) async fn sabotaged_read(&self, read: Read) -> Result<Page, ReadError> {
        let mut page = match self.sabotage {
            Sabotage::PageIsUnboundedInBytes => self.read_without_end(&read).await?,
            Sabotage::AcknowledgedIsShownLate => {
                let behind = self.inner.head().await?.before();
                let up_to = read.up_to_position().min(behind);
                self.inner.read(read.clone().up_to(up_to)).await?
            }
            _ => self.inner.read(self.broken(read.clone())).await?,
        };
        match self.sabotage {
            Sabotage::PageIsReversed => page.events.reverse(),
            Sabotage::PageClaimsTheEnd if page.has_more => {
                page.has_more = false;
                page.through = self.inner.head().await?.min(read.up_to_position());
            }
            Sabotage::PageHasTwoViews if !page.has_more => {
                dawdle().await;
                let end = self.inner.head().await?.min(read.up_to_position());
                page.through = page.through.max(end);
            }
            _ => {}
        }
        let memory = self.memory();
        if !page.has_more
            && let Some(event) = memory.uncertain.first()
        {
            let next = page.through.plus(1);
            let event = event.clone().recorded_at(next, Sequence::ZERO.plus(1), Utc::now());
            page.events.push(event);
            page.through = next;
        }
        page.events.retain(|event| !memory.hidden.contains(&event.event_id));
        for event in &mut page.events {
            if memory.is_tampered {
                event.payload = Json::from_stored("\"tampered with\"");
            }
            self.break_event(event);
        }
        Ok(page)
    }

    fn broken(&self, read: Read) -> Read {
        let changed = match (self.sabotage, read.selection()) {
            (Sabotage::OnlyFirstItemCounts, Selection::Query(query)) => {
                Read::query(first_item(query))
            }
            (Sabotage::KnownSequenceIsIgnored, Selection::Stream { stream, .. }) => {
                Read::stream(stream.clone(), Sequence::ZERO)
            }
            (Sabotage::PageIsUnbounded, _) => return read.limit(PAGE_EVENTS_MAX),
            _ => return read,
        };
        let (after, up_to) = (read.after_position(), read.up_to_position());
        changed.after(after).up_to(up_to).limit(read.limit_events())
    }

    /// Pages glued together, up to the read's limit in events.
    async fn read_without_end(&self, read: &Read) -> Result<Page, ReadError> {
        let mut whole = self.inner.read(read.clone()).await?;
        while whole.has_more && whole.events.len() < read.limit_events() {
            let rest = read.limit_events() - whole.events.len();
            let more = self.inner.read(read.clone().after(whole.through).limit(rest)).await?;
            whole.events.extend(more.events);
            whole = Page { events: whole.events, ..more };
        }
        Ok(whole)
    }

    fn break_event(&self, event: &mut RecordedEvent) {
        match self.sabotage {
            Sabotage::SequenceCountsTheLog => {
                event.sequence = Sequence::ZERO.plus(event.position.get());
            }
            Sabotage::JsonIsNormalised => {
                event.payload = normalised(&event.payload);
                event.metadata = normalised(&event.metadata);
            }
            Sabotage::NulIsCutOut => {
                event.payload = Json::from_stored(event.payload.as_str().replace("\\u0000", ""));
            }
            Sabotage::TagsAreReversed => event.tags.reverse(),
            Sabotage::TimeStepsBack if event.position.get().is_multiple_of(3) => {
                event.timestamp -= TimeDelta::nanoseconds(1_500);
            }
            _ => {}
        }
    }

    /// The wrong way round: an append between the look and the listening wakes nobody.
    pub(super) async fn look_then_listen(&self, position: Position) -> Result<Position, ReadError> {
        loop {
            let head = self.inner.head().await?;
            if head > position {
                return Ok(head);
            }
            tokio::task::yield_now().await;
            self.news.notified().await;
        }
    }
}

fn normalised(json: &Json) -> Json {
    match json.read::<serde_json::Value>() {
        Ok(value) => Json::from_stored(value.to_string()),
        Err(_) => json.clone(),
    }
}

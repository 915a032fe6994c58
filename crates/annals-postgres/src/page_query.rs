//! The items of a query as values of a statement.

use annals_core::{EventQuery, QueryItem, StreamId};

use crate::array_text::array_text;

/// One list for each dimension, with one entry for each item. `None` does not restrict.
#[derive(Debug, Default)]
pub(crate) struct Items {
    pub(crate) tags: Vec<Option<String>>,
    pub(crate) types: Vec<Option<String>>,
    pub(crate) stream_types: Vec<Option<String>>,
    pub(crate) stream_ids: Vec<Option<String>>,
}

impl Items {
    /// Adds the items of `query` and says how many there were. A query for everything is one item
    /// that does not restrict.
    pub(crate) fn add(&mut self, query: &EventQuery) -> usize {
        let items = query.items();
        if items.is_empty() {
            self.add_item(&QueryItem::new());
            return 1;
        }
        items.iter().for_each(|item| self.add_item(item));
        items.len()
    }

    fn add_item(&mut self, item: &QueryItem) {
        let streams = item.streams();
        self.tags.push(unless_empty(item.tags().iter().map(annals_core::Tag::as_str)));
        self.types.push(unless_empty(item.types().iter().map(annals_core::EventType::as_str)));
        self.stream_types.push(unless_empty(streams.iter().map(StreamId::aggregate_type)));
        self.stream_ids.push(unless_empty(streams.iter().map(StreamId::aggregate_id)));
    }
}

fn unless_empty<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> Option<String> {
    (texts.len() > 0).then(|| array_text(texts))
}

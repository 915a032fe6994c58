//! Reading documents.

use annals_core::limits::LIST_ITEMS_MAX;
use annals_core::{
    BoxFuture, DocumentList, DocumentOrder, DocumentReader, IndexValue, Json, ListedDocument,
    ReadModelsError, Seen,
};

use super::{Build, MemoryReadModels, Tables};

impl DocumentReader for MemoryReadModels {
    fn find_document(
        &self,
        projection: &str,
        key: &str,
    ) -> BoxFuture<'_, Result<Seen<Option<Json>>, ReadModelsError>> {
        let (projection, key) = (projection.to_owned(), key.to_owned());
        self.step(move |tables, _| {
            let build = tables.answering(&projection)?;
            Ok(build.seen(build.documents.get(&key).map(|stored| stored.document.clone())))
        })
    }

    fn list_documents(
        &self,
        list: DocumentList,
    ) -> BoxFuture<'_, Result<Seen<Vec<ListedDocument>>, ReadModelsError>> {
        self.step(move |tables, _| {
            let build = tables.answering(&list.projection)?;
            let mut found = build.select(&list.order, list.is_descending)?;
            found.sort_by(|one, other| (&one.value, &one.key).cmp(&(&other.value, &other.key)));
            if list.is_descending {
                found.reverse();
            }
            found.truncate(list.limit.min(LIST_ITEMS_MAX));
            Ok(build.seen(found))
        })
    }
}

impl Tables {
    fn answering<'a>(&'a mut self, projection: &'a str) -> Result<&'a Build, ReadModelsError> {
        let what = format!("generation of {projection} that serves");
        self.serving(projection).map(|build| &*build).ok_or(ReadModelsError::NotFound { what })
    }
}

impl Build {
    fn seen<T>(&self, value: T) -> Seen<T> {
        Seen {
            value,
            generation: self.generation.key.clone(),
            log_id: self.generation.log_id,
            position: self.position(),
        }
    }

    /// What the order asks for, in any order.
    fn select(
        &self,
        order: &DocumentOrder,
        is_descending: bool,
    ) -> Result<Vec<ListedDocument>, ReadModelsError> {
        match order {
            DocumentOrder::Key { prefix, after } => {
                let all = self.documents.iter();
                let found = all.filter(|(key, _)| {
                    let follows = |after| is_after(*key, after, is_descending);
                    key.starts_with(prefix) && after.as_ref().is_none_or(follows)
                });
                Ok(found.map(|(key, stored)| listed(key, None, &stored.document)).collect())
            }
            DocumentOrder::Index { name, value, after } => {
                if !self.indexes.contains(name.as_str()) {
                    let what = format!("index {name} of {}", self.generation.key);
                    return Err(ReadModelsError::NotFound { what });
                }
                let all = self.documents.iter().filter_map(|(key, stored)| {
                    let own = stored.values.get(name.as_str())?;
                    Some(listed(key, Some(own), &stored.document))
                });
                let found = all.filter(|listed| {
                    let place = (listed.value.as_ref(), &listed.key);
                    let follows = |(value, key): &(IndexValue, String)| {
                        is_after(&place, &(Some(value), key), is_descending)
                    };
                    value.as_ref().is_none_or(|value| place.0 == Some(value))
                        && after.as_ref().is_none_or(follows)
                });
                Ok(found.collect())
            }
        }
    }
}

fn is_after<T: Ord + ?Sized>(one: &T, other: &T, is_descending: bool) -> bool {
    if is_descending { one < other } else { one > other }
}

fn listed(key: &str, value: Option<&IndexValue>, document: &Json) -> ListedDocument {
    ListedDocument { key: key.to_owned(), value: value.cloned(), document: document.clone() }
}

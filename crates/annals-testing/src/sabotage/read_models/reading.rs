//! Bugs in how documents are read.

use annals_core::{
    BoxFuture, DocumentList, DocumentOrder, DocumentReader, GenerationKey, GenerationState, Json,
    ListedDocument, Position, ReadModelsError, Seen,
};

use super::{Models, SabotagedReadModels, linger};
use crate::memory::Build;

impl DocumentReader for Models {
    fn find_document(
        &self,
        projection: &str,
        key: &str,
    ) -> BoxFuture<'_, Result<Seen<Option<Json>>, ReadModelsError>> {
        let ignores_case = self.is(SabotagedReadModels::KeyIgnoresCase);
        let key = if ignores_case { key.to_lowercase() } else { key.to_owned() };
        let projection = projection.to_owned();
        Box::pin(async move {
            if self.is(SabotagedReadModels::BuildingAnswers) {
                self.serve_any(&projection);
            }
            let seen = self.inner.find_document(&projection, &key).await?;
            self.told(seen).await
        })
    }

    fn list_documents(
        &self,
        list: DocumentList,
    ) -> BoxFuture<'_, Result<Seen<Vec<ListedDocument>>, ReadModelsError>> {
        Box::pin(async move {
            let seen = match self.bug {
                SabotagedReadModels::PrefixIsAPattern
                | SabotagedReadModels::KeysAreCollated
                | SabotagedReadModels::NumbersAreTexts
                | SabotagedReadModels::CursorForgetsKey => self.list_otherwise(list).await?,
                SabotagedReadModels::PageIsOneTooLong => {
                    let limit = list.limit.saturating_add(1);
                    self.inner.list_documents(DocumentList { limit, ..list }).await?
                }
                SabotagedReadModels::UnknownIndexIsEmpty => {
                    let order = DocumentOrder::Key { prefix: String::new(), after: None };
                    let all = DocumentList { order, limit: 0, ..list.clone() };
                    match self.inner.list_documents(list).await {
                        Err(ReadModelsError::NotFound { .. }) => {
                            self.inner.list_documents(all).await?
                        }
                        found => found?,
                    }
                }
                _ => self.inner.list_documents(list).await?,
            };
            self.told(seen).await
        })
    }
}

impl Models {
    fn serve_any(&self, projection: &str) {
        let mut tables = self.inner.lock();
        if tables.serving(projection).is_some() {
            return;
        }
        let mut builds = tables.builds.values_mut();
        let found = builds.find(|build| build.generation.key.projection == projection);
        if let Some(build) = found {
            build.generation.state = GenerationState::Serving;
        }
    }

    async fn told<T>(&self, mut seen: Seen<T>) -> Result<Seen<T>, ReadModelsError> {
        if self.is(SabotagedReadModels::PositionIsReadLater) {
            let now = || self.inner.lock().builds.get(&seen.generation).map(Build::position);
            linger(|| now() != Some(seen.position)).await;
            seen.position = now().unwrap_or(seen.position);
        }
        seen.position = self.told_position(&seen.generation, seen.position);
        Ok(seen)
    }

    pub(super) fn told_position(&self, key: &GenerationKey, position: Position) -> Position {
        if !self.is(SabotagedReadModels::PositionIsTheFastest) {
            return position;
        }
        let tables = self.inner.lock();
        let shares = tables.builds.get(key).map_or(&[][..], |build| &build.shares);
        shares.iter().map(|share| share.checkpoint.position).max().unwrap_or(position)
    }

    /// Takes everything, and goes through it in its own way.
    async fn list_otherwise(
        &self,
        list: DocumentList,
    ) -> Result<Seen<Vec<ListedDocument>>, ReadModelsError> {
        let order = match list.order.clone() {
            DocumentOrder::Key { .. } => DocumentOrder::Key { prefix: String::new(), after: None },
            DocumentOrder::Index { name, value, .. } => {
                DocumentOrder::Index { name, value, after: None }
            }
        };
        let is_descending = false;
        let all = DocumentList { order, is_descending, limit: usize::MAX, ..list.clone() };
        let mut seen = self.inner.list_documents(all).await?;
        seen.value.sort_by_key(|listed| self.rank(listed));
        if list.is_descending {
            seen.value.reverse();
        }
        let is_beyond = |listed: &ListedDocument| match &list.order {
            DocumentOrder::Key { prefix, after } => {
                let is_alike = if self.is(SabotagedReadModels::PrefixIsAPattern) {
                    is_like(&listed.key, prefix)
                } else {
                    listed.key.starts_with(prefix)
                };
                is_alike
                    && after.as_ref().is_none_or(|after| {
                        let key = after.clone();
                        self.is_after(listed, &ListedDocument { key, ..listed.clone() }, &list)
                    })
            }
            DocumentOrder::Index { after, .. } => after.as_ref().is_none_or(|(value, key)| {
                let (value, key) = (Some(value.clone()), key.clone());
                self.is_after(listed, &ListedDocument { value, key, ..listed.clone() }, &list)
            }),
        };
        seen.value.retain(is_beyond);
        seen.value.truncate(list.limit);
        Ok(seen)
    }

    fn is_after(
        &self,
        listed: &ListedDocument,
        after: &ListedDocument,
        list: &DocumentList,
    ) -> bool {
        let (listed, after) =
            if self.is(SabotagedReadModels::CursorForgetsKey) && listed.value.is_some() {
                let key = String::new();
                let same = ListedDocument { key: key.clone(), ..listed.clone() };
                (self.rank(&same), self.rank(&ListedDocument { key, ..after.clone() }))
            } else {
                (self.rank(listed), self.rank(after))
            };
        if list.is_descending { listed < after } else { listed > after }
    }

    /// What documents are ordered by.
    fn rank(&self, listed: &ListedDocument) -> (String, Option<annals_core::IndexValue>, String) {
        let text = match &listed.value {
            Some(annals_core::IndexValue::Number(number)) => number.to_string(),
            Some(annals_core::IndexValue::Text(text)) => text.clone(),
            None => String::new(),
        };
        let text = if self.is(SabotagedReadModels::NumbersAreTexts) { text } else { String::new() };
        let is_collated = self.is(SabotagedReadModels::KeysAreCollated);
        let folded = if is_collated { listed.key.to_lowercase() } else { text };
        (folded, listed.value.clone(), listed.key.clone())
    }
}

/// Whether `key` begins like `pattern`, where `_` stands for any character.
fn is_like(key: &str, pattern: &str) -> bool {
    let mut characters = key.chars();
    pattern.chars().all(|wanted| {
        let character = characters.next();
        character.is_some() && (wanted == '_' || character == Some(wanted))
    })
}

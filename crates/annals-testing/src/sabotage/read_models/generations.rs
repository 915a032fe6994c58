//! Bugs in which builds there are, and which serves.

use annals_core::{
    BoxFuture, Comparison, Generation, GenerationKey, GenerationState, GenerationStatus,
    Generations, IfBehind, ReadModelsError, Serving,
};

use super::{Models, SabotagedReadModels, linger};
use crate::memory::Build;

impl Generations for Models {
    fn generations(&self) -> BoxFuture<'_, Result<Vec<Generation>, ReadModelsError>> {
        self.inner.generations()
    }

    fn serving(&self, projection: &str) -> BoxFuture<'_, Result<Option<Serving>, ReadModelsError>> {
        let projection = projection.to_owned();
        Box::pin(async move {
            let mut serving = self.inner.serving(&projection).await?;
            if let Some(serving) = &mut serving {
                serving.position = self.told_position(&serving.key, serving.position);
            }
            Ok(serving)
        })
    }

    fn status(
        &self,
        generation: &GenerationKey,
    ) -> BoxFuture<'_, Result<GenerationStatus, ReadModelsError>> {
        self.inner.status(generation)
    }

    fn compare(
        &self,
        serving: &GenerationKey,
        other: &GenerationKey,
    ) -> BoxFuture<'_, Result<Option<Comparison>, ReadModelsError>> {
        let (serving, other) = (serving.clone(), other.clone());
        Box::pin(async move {
            let mut compared = self.inner.compare(&serving, &other).await?;
            if self.is(SabotagedReadModels::ComparedAnywhere) && compared.is_none() {
                return Ok(Some(Comparison { position: Default::default(), tables: Vec::new() }));
            }
            if self.is(SabotagedReadModels::OnlyRowsAreCompared) {
                for table in compared.iter_mut().flat_map(|compared| &mut compared.tables) {
                    table.digests.1.clone_from(&table.digests.0);
                }
            }
            Ok(compared)
        })
    }

    fn keep_comparison(
        &self,
        generation: &GenerationKey,
        comparison: Comparison,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let key = generation.clone();
        Box::pin(async move {
            self.inner.keep_comparison(&key, comparison).await?;
            if self.is(SabotagedReadModels::DifferenceIsIgnored) {
                self.inner.lock().find(&key)?.generation.state = GenerationState::Building;
            }
            Ok(())
        })
    }

    fn switch(
        &self,
        to: &GenerationKey,
        if_behind: IfBehind,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        Box::pin(self.sabotaged_switch(to.clone(), if_behind))
    }

    fn retire(&self, generation: &GenerationKey) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let key = generation.clone();
        Box::pin(async move {
            match self.bug {
                SabotagedReadModels::RetireIsForgotten => Ok(()),
                SabotagedReadModels::RetireTakesWhatServes => {
                    self.inner.lock().find(&key)?;
                    self.inner.lock().builds.remove(&key);
                    Ok(())
                }
                _ => self.inner.retire(&key).await,
            }
        })
    }
}

impl Models {
    async fn sabotaged_switch(
        &self,
        to: GenerationKey,
        if_behind: IfBehind,
    ) -> Result<(), ReadModelsError> {
        let before = self.serving_now(&to.projection);
        match self.bug {
            SabotagedReadModels::TwoServe => {
                self.inner.switch(&to, if_behind).await?;
                self.set_state(before.as_ref(), GenerationState::Serving)
            }
            SabotagedReadModels::SwitchHasAGap => {
                self.inner.switch(&to, if_behind).await?;
                self.set_state(Some(&to), GenerationState::Retained)?;
                linger(|| false).await;
                self.set_state(Some(&to), GenerationState::Serving)
            }
            SabotagedReadModels::SwitchGoesBack => self.switch_at_once(&to, before.as_ref()),
            SabotagedReadModels::SwitchLooksAtOnePartition
            | SabotagedReadModels::SwitchLooksFirst => {
                if let Some(before) = &before
                    && self.looked_at(&to)? < self.looked_at(before)?
                {
                    return Err(ReadModelsError::Moved { what: to.to_string() });
                }
                let looked_at = before.as_ref().map(|before| self.looked_at(before)).transpose()?;
                linger(|| before.as_ref().and_then(|key| self.looked_at(key).ok()) != looked_at)
                    .await;
                let before = self.serving_now(&to.projection);
                self.switch_at_once(&to, before.as_ref())
            }
            _ => self.inner.switch(&to, if_behind).await,
        }
    }

    fn serving_now(&self, projection: &str) -> Option<GenerationKey> {
        let mut tables = self.inner.lock();
        tables.serving(projection).map(|build| build.generation.key.clone())
    }

    /// What is taken for the position of a generation.
    fn looked_at(&self, key: &GenerationKey) -> Result<u64, ReadModelsError> {
        let mut tables = self.inner.lock();
        let build: &Build = tables.find(key)?;
        let first = build.shares.first().map_or(0, |share| share.checkpoint.position.get());
        let is_one = self.is(SabotagedReadModels::SwitchLooksAtOnePartition);
        Ok(if is_one { first } else { build.position().get() })
    }

    fn switch_at_once(
        &self,
        to: &GenerationKey,
        before: Option<&GenerationKey>,
    ) -> Result<(), ReadModelsError> {
        self.inner.lock().find(to)?;
        self.set_state(before, GenerationState::Retained)?;
        self.set_state(Some(to), GenerationState::Serving)
    }

    fn set_state(
        &self,
        key: Option<&GenerationKey>,
        state: GenerationState,
    ) -> Result<(), ReadModelsError> {
        if let Some(key) = key {
            self.inner.lock().find(key)?.generation.state = state;
        }
        Ok(())
    }
}

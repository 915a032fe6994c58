//! Bugs in who works on what.

use annals_core::{BoxFuture, Claim, GenerationKey, Lease, Leases, ReadModelsError, WorkerId};
use chrono::{DateTime, Utc};

use super::{Models, SabotagedReadModels, linger};
use crate::memory::Owner;

/// Whose a partition is and since which token, by number.
type Hands = Vec<(Option<Owner>, u64)>;

impl Leases for Models {
    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Vec<Lease>, ReadModelsError>> {
        Box::pin(self.sabotaged_claim(claim))
    }

    fn release(
        &self,
        generation: &GenerationKey,
        worker: WorkerId,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let key = generation.clone();
        Box::pin(async move {
            if self.is(SabotagedReadModels::ReleaseIsForgotten) {
                return Ok(());
            }
            let until = self.inner.lock().find(&key)?.workers.get(&worker).copied();
            self.inner.release(&key, worker).await?;
            if let Some(until) = until.filter(|_| self.is(SabotagedReadModels::LeftWorkerCounts)) {
                self.inner.lock().find(&key)?.workers.insert(worker, until);
            }
            Ok(())
        })
    }
}

impl Models {
    async fn sabotaged_claim(&self, mut claim: Claim) -> Result<Vec<Lease>, ReadModelsError> {
        let (key, worker) = (claim.generation.clone(), claim.worker);
        let before = match self.hands(&key) {
            Err(_) if self.is(SabotagedReadModels::UnknownIsNobodys) => return Ok(Vec::new()),
            hands => hands?,
        };
        match self.bug {
            SabotagedReadModels::ReportIsDropped => claim.report = Default::default(),
            SabotagedReadModels::LeaseNeverEnds => self.change_owners(&key, |owner| {
                owner.until = DateTime::<Utc>::MAX_UTC;
            })?,
            SabotagedReadModels::PartitionHasTwoOwners => self.free_first(&key)?,
            SabotagedReadModels::FreeThenTaken => {
                let tokens = |hands: Hands| hands.into_iter().map(|(_, token)| token);
                let seen: Vec<u64> = tokens(before.clone()).collect();
                linger(|| {
                    self.hands(&key).is_ok_and(|hands| !tokens(hands).eq(seen.iter().copied()))
                })
                .await;
                self.free_again(&key, &before)?;
            }
            _ => {}
        }
        let leases = self.inner.claim(claim).await?;
        match self.bug {
            SabotagedReadModels::ShareIsRoundedDown => self.round_down(&key, worker),
            SabotagedReadModels::SurplusIsKept => self.take_back(&key, worker, &before),
            SabotagedReadModels::TokenStays => {
                for share in &mut self.inner.lock().find(&key)?.shares {
                    share.fencing_token = 1;
                }
                Ok(self.inner.lock().find(&key)?.leases_of(worker))
            }
            SabotagedReadModels::RenewalIsForgotten => {
                let mut tables = self.inner.lock();
                for (share, (before, _)) in tables.find(&key)?.shares.iter_mut().zip(before) {
                    if let (Some(owner), Some(before)) = (&mut share.owner, before)
                        && owner.worker == before.worker
                    {
                        owner.until = before.until;
                    }
                }
                Ok(leases)
            }
            _ => Ok(leases),
        }
    }

    fn hands(&self, key: &GenerationKey) -> Result<Hands, ReadModelsError> {
        let mut tables = self.inner.lock();
        let shares = tables.find(key)?.shares.iter();
        Ok(shares.map(|share| (share.owner.clone(), share.fencing_token)).collect())
    }

    fn change_owners(
        &self,
        key: &GenerationKey,
        change: impl Fn(&mut Owner),
    ) -> Result<(), ReadModelsError> {
        let mut tables = self.inner.lock();
        let shares = tables.find(key)?.shares.iter_mut();
        shares.filter_map(|share| share.owner.as_mut()).for_each(change);
        Ok(())
    }

    fn free_first(&self, key: &GenerationKey) -> Result<(), ReadModelsError> {
        if let Some(first) = self.inner.lock().find(key)?.shares.first_mut() {
            first.free();
        }
        Ok(())
    }

    /// What was free a moment ago is believed to be free.
    fn free_again(&self, key: &GenerationKey, before: &Hands) -> Result<(), ReadModelsError> {
        let mut tables = self.inner.lock();
        for (share, (owner, _)) in tables.find(key)?.shares.iter_mut().zip(before) {
            if owner.is_none() {
                share.free();
            }
        }
        Ok(())
    }

    fn round_down(
        &self,
        key: &GenerationKey,
        worker: WorkerId,
    ) -> Result<Vec<Lease>, ReadModelsError> {
        let mut tables = self.inner.lock();
        let build = tables.find(key)?;
        let fair = build.shares.len() / build.workers.len().max(1);
        let own = build.shares.iter_mut().filter(|share| share.is_of(worker));
        own.skip(fair).for_each(crate::memory::Share::free);
        Ok(build.leases_of(worker))
    }

    fn take_back(
        &self,
        key: &GenerationKey,
        worker: WorkerId,
        before: &Hands,
    ) -> Result<Vec<Lease>, ReadModelsError> {
        let mut tables = self.inner.lock();
        let build = tables.find(key)?;
        for (share, (owner, token)) in build.shares.iter_mut().zip(before) {
            if owner.as_ref().is_some_and(|owner| owner.worker == worker) {
                share.owner.clone_from(owner);
                share.fencing_token = *token;
            }
        }
        Ok(build.leases_of(worker))
    }

    /// Until when the leases last, by number of the partition.
    pub(super) fn untils(&self, key: &GenerationKey) -> Vec<Option<DateTime<Utc>>> {
        let hands = self.hands(key).unwrap_or_default().into_iter();
        hands.map(|(owner, _)| owner.map(|owner| owner.until)).collect()
    }

    pub(super) fn set_untils(&self, key: &GenerationKey, untils: &[Option<DateTime<Utc>>]) {
        let mut tables = self.inner.lock();
        let Some(build) = tables.builds.get_mut(key) else { return };
        for (share, until) in build.shares.iter_mut().zip(untils) {
            if let (Some(owner), Some(until)) = (&mut share.owner, until) {
                owner.until = *until;
            }
        }
    }
}

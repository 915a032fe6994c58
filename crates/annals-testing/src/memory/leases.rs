//! Who works on which partition.

use annals_core::{
    ApplyError, BoxFuture, Claim, GenerationKey, Lease, Leases, Partition, ReadModelsError,
    WorkerId,
};
use chrono::{DateTime, Utc};

use super::{Build, MemoryReadModels, Owner, Share, after};

impl Leases for MemoryReadModels {
    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Vec<Lease>, ReadModelsError>> {
        self.step(move |tables, now| Ok(tables.find(&claim.generation)?.claim(&claim, now)))
    }

    fn release(
        &self,
        generation: &GenerationKey,
        worker: WorkerId,
    ) -> BoxFuture<'_, Result<(), ReadModelsError>> {
        let key = generation.clone();
        self.step(move |tables, _| {
            if let Some(build) = tables.builds.get_mut(&key) {
                build.workers.remove(&worker);
                build.shares.iter_mut().filter(|share| share.is_of(worker)).for_each(Share::free);
            }
            Ok(())
        })
    }
}

impl Build {
    fn claim(&mut self, claim: &Claim, now: DateTime<Utc>) -> Vec<Lease> {
        let until = after(now, claim.ttl);
        self.workers.retain(|_, until| *until > now);
        self.workers.insert(claim.worker, until);
        self.shares.iter_mut().filter(|share| share.owner_at(now).is_none()).for_each(Share::free);

        let fair = self.shares.len().div_ceil(self.workers.len());
        let own = self.shares.iter_mut().filter(|share| share.is_of(claim.worker));
        own.skip(fair).for_each(Share::free);
        let has = self.shares.iter().filter(|share| share.is_of(claim.worker)).count();
        let nobodys = self.shares.iter_mut().filter(|share| share.owner.is_none());
        for share in nobodys.take(fair - has) {
            share.fencing_token += 1;
            share.owner = Some(Owner { worker: claim.worker, until, ttl: claim.ttl });
        }
        for share in self.shares.iter_mut().filter(|share| share.is_of(claim.worker)) {
            share.owner = Some(Owner { worker: claim.worker, until, ttl: claim.ttl });
            share.report = claim.report.clone();
        }
        self.leases_of(claim.worker)
    }

    pub(crate) fn leases_of(&self, worker: WorkerId) -> Vec<Lease> {
        let shares = Partition::all(self.generation.partitions).zip(&self.shares);
        shares
            .filter(|(_, share)| share.is_of(worker))
            .map(|(partition, share)| Lease {
                generation: self.generation.key.clone(),
                partition,
                worker,
                fencing_token: share.fencing_token,
                checkpoint: share.checkpoint,
            })
            .collect()
    }

    /// The partition that the lease is the right to.
    pub(crate) fn fenced(
        &mut self,
        lease: &Lease,
        now: DateTime<Utc>,
    ) -> Result<&mut Share, ApplyError> {
        let share = self.shares.get_mut(usize::from(lease.partition.get()));
        let is_held = |share: &&mut Share| {
            let owner = share.owner_at(now).map(|owner| owner.worker);
            owner == Some(lease.worker) && share.fencing_token == lease.fencing_token
        };
        share.filter(is_held).ok_or(ApplyError::Fenced)
    }
}

impl Share {
    /// Whose it is, unless the lease is over.
    pub(crate) fn owner_at(&self, now: DateTime<Utc>) -> Option<&Owner> {
        self.owner.as_ref().filter(|owner| owner.until > now)
    }

    /// Extends the lease: whoever writes is alive.
    pub(crate) fn renew(&mut self, now: DateTime<Utc>) {
        if let Some(owner) = &mut self.owner {
            owner.until = owner.until.max(after(now, owner.ttl));
        }
    }

    pub(crate) fn is_of(&self, worker: WorkerId) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.worker == worker)
    }

    pub(crate) fn free(&mut self) {
        self.owner = None;
    }
}

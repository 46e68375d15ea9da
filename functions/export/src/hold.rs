//! A job in hand: its lease kept up, its owner's rights and anybody's wish to cancel looked at on the way.

use crate::{Export, Stop, soon};
use domain::{
    access::Behalf,
    batch::Batch,
    job::{Job, JobProblem, JobState},
    role::Roles,
    staff::User,
};
use store::{StoreError, keys};
use tokio::time::Instant;

pub(crate) struct Hold<'e> {
    export: &'e Export,
    pub job: Job,
    /// The version with which this life began: no other life has it.
    pub life: u64,
    pub until: Instant,
    beaten: Instant,
    assigned_only: bool,
}

impl<'e> Hold<'e> {
    pub fn new(export: &'e Export, claimed: Job, until: Instant) -> Self {
        let life = claimed.version;
        Self { export, job: claimed, life, until, beaten: Instant::now(), assigned_only: true }
    }

    /// Reads job and owner as they are now. The owner must still hold what the job takes.
    ///
    /// # Errors
    /// [`Stop`].
    pub async fn look(&mut self) -> Result<Behalf, Stop> {
        let (job, user, roles) = (keys::job(&self.job.id), keys::user(&self.job.owner), keys::custom_roles());
        let items = self.export.store.read(&[job.clone(), user.clone(), roles.clone()], soon()).await?;
        let Some(row) = items.get::<Job>(&job)? else { return Err(Stop::Lost) };
        if row.state != JobState::Running || row.lease != self.job.lease {
            return Err(Stop::Lost);
        }
        self.job = row;
        if self.job.cancelled_by.is_some() {
            return Err(Stop::Cancelled);
        }
        let roles = items.get::<Roles>(&roles)?.unwrap_or_default();
        let refused = |why: String| {
            let text = format!("whoever started it may not do it any more: {why}");
            Stop::Failed(JobProblem::new("not_permitted", text))
        };
        let Some(user) = items.get::<User>(&user)? else { return Err(refused("no such user".to_owned())) };
        let behalf = Behalf::of(&user, &roles, &self.job.id, self.job.work.permissions());
        let behalf = behalf.map_err(|refusal| refused(refusal.to_string()))?;
        self.assigned_only = behalf.assigned_only();
        Ok(behalf)
    }

    /// Whether the owner sees this batch.
    pub fn sees(&self, batch: &Batch) -> bool {
        !self.assigned_only || batch.assigned_to.as_ref() == Some(&self.job.owner)
    }

    /// Writes how far it has come, when it is time to.
    ///
    /// # Errors
    /// [`Stop`].
    pub async fn beat(&mut self, done: u64, asked: u64) -> Result<(), Stop> {
        if self.beaten.elapsed() < self.export.beat {
            return Ok(());
        }
        self.look().await?;
        let alive = self.job.alive(done, asked, self.export.clock.now());
        // A life that ends is followed by one that begins anew: nothing of it was progress.
        let alive = Job { claims: self.job.claims, ..alive };
        match self.export.store.save_job(&self.job, &alive, soon()).await {
            Ok(()) => self.job = alive,
            // Somebody has asked that it ends, or has it: the next look tells.
            Err(StoreError::Changed | StoreError::Ambiguous | StoreError::Busy) => {
                self.look().await?;
            }
            Err(error) => return Err(error.into()),
        }
        self.beaten = Instant::now();
        Ok(())
    }
}

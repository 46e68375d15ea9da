//! The centre of background jobs: one's own, and for who watches over the system everybody's.

use crate::{Begun, Desk, Keep, Trouble, issuing::month};
use domain::{
    access::{Actor, Authority, Oneself, Permit, Refused},
    audit::{Class, Severity},
    batch::RunState,
    change::{Change, Standing},
    id::{ChangeId, JobId},
    job::{Job, JobFile, JobState, Notice, Work},
    permission::{Permission, right},
};
use jiff::Timestamp;
use store::{Act, Listed, StoreError};

#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    pub state: Option<JobState>,
    /// `generate`, `import`, `export` or `change_codes`.
    pub kind: Option<&'static str>,
    pub batch_id: Option<String>,
}

impl JobFilter {
    fn takes(&self, job: &Job) -> bool {
        self.state.is_none_or(|state| job.state == state)
            && self.kind.is_none_or(|kind| job.work.name() == kind)
            && self.batch_id.as_deref().is_none_or(|batch| job.work.batch_id() == Some(batch))
    }
}

fn may_see(actor: &Actor, job: &Job) -> bool {
    job.owner == *actor.user() || (actor.holds(Permission::SystemMonitoring) && !actor.assigned_only())
}

/// The first right that the job's work needs and the actor doesn't hold now.
fn lacks(actor: &Actor, job: &Job) -> Option<Permission> {
    job.work.permissions().iter().copied().find(|permission| !actor.holds(*permission))
}

impl Desk {
    /// Jobs that the caller may see, newest first.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn jobs(
        &self,
        oneself: &Oneself,
        filter: &JobFilter,
        before: Option<&JobId>,
        limit: usize,
    ) -> Result<Listed<Job>, Trouble> {
        let wanted = |job: &Job| may_see(&oneself.0, job) && filter.takes(job);
        Ok(self.store.jobs(before, limit, wanted, self.deadline()).await?)
    }

    /// # Errors
    /// [`Trouble::NotFound`].
    pub async fn job(&self, oneself: &Oneself, id: &JobId) -> Result<Job, Trouble> {
        let job = self.store.job(id, self.deadline()).await?.filter(|job| may_see(&oneself.0, job));
        job.ok_or(Trouble::NotFound("job"))
    }

    /// The caller's own notices, newest first.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn notices(
        &self,
        oneself: &Oneself,
        before: Option<&JobId>,
        limit: usize,
    ) -> Result<Listed<Notice>, Trouble> {
        Ok(self.store.notices(oneself.0.user(), before, limit, self.deadline()).await?)
    }

    /// Asks that a job ends. One that waits ends here; another one when its worker sees the wish.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::State`] when it is over.
    pub async fn cancel_job(&self, oneself: &Oneself, id: &JobId, keep: Keep<'_, Job>) -> Result<Job, Trouble> {
        let until = self.deadline();
        loop {
            let job = self.job(oneself, id).await?;
            let now = self.now();
            let wished = job.cancelled_by(oneself.0.user(), now);
            let wished = wished.ok_or(Trouble::State("job_over", "it is over already".to_owned()))?;
            if job.cancelled_by.is_some() {
                return Ok(job);
            }
            // One's own job one may always stop, in person; a program's key opens what is in its scope.
            let own = job.owner == *oneself.0.user() && oneself.0.session().is_some();
            if let Some(missing) = lacks(&oneself.0, &job).filter(|_| !own) {
                self.refused(&oneself.0, Some(missing.key()), "jobs.cancel").await?;
                return Err(Refused::Missing(missing).into());
            }
            let act = self.store.act(oneself, now, Class::Change, "job.cancel_asked", format!("job:{id}"))?;
            let act = act.severity(Severity::Warning);
            let (act, after) = if job.state == JobState::Waiting {
                let mut act = act;
                if let Some(change) = self.store.change_of_job(&job, self.deadline()).await?
                    && change.standing == Standing::Open
                {
                    let (by, reason) = (oneself.0.user().clone(), "the job was cancelled".to_owned());
                    let decided = change.decided(Standing::Refused { by, at: now, reason });
                    act = act.also(oneself, Class::Money, "change.refused", format!("change:{}", change.id))?;
                    act = crate::changes::described_change(act, &decided).change(Some(&change), &decided)?;
                }
                let over = Job { cancelled_by: wished.cancelled_by, ..job.stopped(now) };
                (self.given_up(act, oneself, &job, &over, now).await?, over)
            } else {
                (act.job(Some(&job), &wished)?, wished)
            };
            match act.answered(keep.of(&after))?.commit(self.deadline()).await {
                Ok(()) => return Ok(after),
                // Its worker has moved it on.
                Err(StoreError::Changed) => self.once_more(until)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Adds to an act that a job which no worker has begun is over, and what its run had taken beforehand.
    async fn given_up<'s>(
        &'s self,
        mut act: Act<'s>,
        by: &dyn Authority,
        job: &Job,
        over: &Job,
        now: Timestamp,
    ) -> Result<Act<'s>, Trouble> {
        if let Some((batch_id, run_id)) = job.work.fills()
            && let Some(run) = self.store.run(batch_id, run_id, self.deadline()).await?
            && let Some(batch) = self.store.batch(batch_id, self.deadline()).await?
        {
            let mut discarded = run.clone();
            discarded.state = RunState::Discarded;
            discarded.version += 1;
            let amount = run.asked.saturating_mul(batch.money.amount);
            act = act.run(Some(&run), &discarded)?.batch(Some(&batch), &batch.released(run.asked, now))?;
            if let Some(day) = run.day {
                act = act.not_issued(&month(day), amount)?;
            }
            act = act.also(by, Class::Change, "run.discarded", format!("batch:{batch_id}"))?;
            act = act.changed("codes", Some(run.asked.to_string()), None);
        }
        Ok(act.job(Some(job), over)?.notice(&Notice::of(over))?)
    }

    /// Asks for the same again, after it has failed or was cancelled.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::State`] unless it has failed or was cancelled; whatever asking anew may say.
    pub async fn retry_job(&self, oneself: &Oneself, id: &JobId, keep: Keep<'_, Begun>) -> Result<Begun, Trouble> {
        let job = self.job(oneself, id).await?;
        let actor = &oneself.0;
        // Somebody else's wish isn't mine: what it leads to would be.
        if job.owner != *actor.user() {
            return Err(Trouble::NotFound("job"));
        }
        if !matches!(job.state, JobState::Failed | JobState::Cancelled) {
            return Err(Trouble::State(
                "not_retryable",
                format!("a job that is {} can't be tried again", job.state.name()),
            ));
        }
        let what = "jobs.retry";
        match job.work {
            Work::Generate { batch_id, .. } => {
                let permit = self.permit::<right::PromoCodesGenerate>(actor, what).await?;
                self.generate_codes(&permit, &batch_id, job.asked, keep).await
            }
            Work::Import { batch_id, upload, file_name, skip_bad, .. } => {
                let permit = self.permit::<right::PromoCodesImport>(actor, what).await?;
                let import = crate::Import { upload, file_name, skip_bad };
                self.import_codes(&permit, &batch_id, &import, keep).await
            }
            Work::Export { batch_id, format, qr, sheets } => {
                let permit = self.permit::<right::PromoCodesDownload>(actor, what).await?;
                self.count_download(actor).await?;
                self.export_afresh(&permit, &crate::Wanted { batch_id, format, qr, sheets }, keep).await
            }
            Work::ChangeCodes { act, reason, selection } => {
                let permit = self.permit::<right::PromoCodesBulkOperations>(actor, what).await?;
                self.change_codes(&permit, act, &reason, selection, what, keep).await
            }
            Work::Reconcile { from, to, upload, file_name, dry_run } => {
                let permit = self.permit::<right::DisbursementsReconcile>(actor, what).await?;
                match upload {
                    None => self.books_afresh(&permit, to, keep).await,
                    Some(upload) => {
                        let file_name = file_name.unwrap_or_default();
                        let file = crate::StatementFile { upload, file_name, from, to, dry_run };
                        self.books_of_statement(&permit, file, keep).await
                    }
                }
            }
            Work::ExportPayouts { from, to, status, batch_id, .. } => {
                let permit = self.permit::<right::DisbursementsExport>(actor, what).await?;
                self.count_download(actor).await?;
                self.export_payouts(&permit, crate::PayoutTable { from, to, status, batch_id }, keep).await
            }
        }
    }

    /// One of a job's files, if the caller may have it: codes need the right to download them.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::Refused`].
    pub async fn job_file(&self, oneself: &Oneself, id: &JobId, number: usize) -> Result<(Job, JobFile), Trouble> {
        let job = self.job(oneself, id).await?;
        let actor = &oneself.0;
        if let Work::Export { batch_id, .. } = &job.work {
            self.permit::<right::PromoCodesDownload>(actor, "jobs.files").await?;
            self.seen_batch(actor, batch_id).await?;
        } else {
            if job.owner != *actor.user() {
                return Err(Trouble::NotFound("file"));
            }
            // An import's report names codes, and the books are finance's; other results are masked.
            let guarded = matches!(job.work, Work::Import { .. } | Work::Reconcile { .. } | Work::ExportPayouts { .. });
            if let (true, Some(missing)) = (guarded, lacks(actor, &job)) {
                self.refused(actor, Some(missing.key()), "jobs.files").await?;
                return Err(Refused::Missing(missing).into());
            }
            if let Some(batch_id) = job.work.batch_id() {
                self.seen_batch(actor, batch_id).await?;
            }
        }
        let file = job.files.get(number).cloned().ok_or(Trouble::NotFound("file"))?;
        Ok((job, file))
    }

    /// Notes that somebody is about to download a file.
    ///
    /// # Errors
    /// [`Trouble::Store`]: what can't be noted isn't given.
    pub async fn note_download(&self, by: &dyn Authority, job: &Job, file: &JobFile) -> Result<(), Trouble> {
        let entity = format!("job:{}", job.id);
        let act = self.store.act(by, self.now(), Class::Access, "job.file.downloaded", entity)?;
        let act = act.severity(Severity::Warning).changed("file", None, Some(file.name.clone()));
        let act = act.changed("batch", None, job.work.batch_id().map(str::to_owned));
        Ok(act.changed("sha256", None, Some(file.sha256.clone())).commit(self.deadline()).await?)
    }

    /// Codes beyond a ceiling that wait for a second person or have been decided on, newest first.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn approvals(
        &self,
        permit: &Permit<right::DisbursementsApprove>,
        standing: Option<&str>,
        before: Option<&ChangeId>,
        limit: usize,
    ) -> Result<Listed<Change>, Trouble> {
        let wanted = |change: &Change| {
            change.what.is_codes()
                && !permit.actor().assigned_only()
                && standing.is_none_or(|standing| change.standing.name() == standing)
        };
        Ok(self.store.changes(permit, before, limit, wanted, self.deadline()).await?)
    }

    /// Agrees to codes beyond a ceiling, or refuses them (BAT-09). Whoever asked can't.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::NotAllowed`]; [`StoreError::Changed`] when somebody was faster.
    pub async fn decide_codes(
        &self,
        permit: &Permit<right::DisbursementsApprove>,
        id: &ChangeId,
        refusal: Option<&str>,
        keep: Keep<'_, (Change, Job)>,
    ) -> Result<(Change, Job), Trouble> {
        use domain::change::{NotAllowed, What};
        let change = self.store.change(permit, id, self.deadline()).await?.ok_or(Trouble::NotFound("change"))?;
        let What::Codes { job, batch, .. } = &change.what else { return Err(Trouble::NotFound("change")) };
        self.seen_batch(permit.actor(), batch).await?;
        let now = self.now();
        match change.judge(permit.actor(), now) {
            // Nobody can agree any more, but what waits must be put away.
            Err(NotAllowed::Lapsed) if refusal.is_some() => {}
            judged => judged?,
        }
        let job = self.store.job(job, self.deadline()).await?.ok_or(NotAllowed::Outdated)?;
        if job.state != JobState::Waiting || job.change.as_ref() != Some(id) {
            return Err(NotAllowed::Outdated.into());
        }
        let by = permit.actor().user().clone();
        let (standing, after, action) = match refusal {
            None => {
                let asker = self.store.user(permit, &change.asked_by, self.deadline()).await?;
                change.still_asked(asker.as_ref())?;
                (Standing::Approved { by, at: now }, job.agreed(now), "change.approved")
            }
            Some(reason) => {
                let standing = Standing::Refused { by: by.clone(), at: now, reason: reason.to_owned() };
                let over = Job { cancelled_by: Some(by), ..job.stopped(now) };
                (standing, over, "change.refused")
            }
        };
        let decided = change.decided(standing);
        let act = self.store.act(permit, now, Class::Money, action, format!("change:{id}"))?;
        let act = act.severity(Severity::Warning);
        let act = crate::changes::described_change(act, &decided).changed("reason", None, refusal.map(str::to_owned));
        let act = act.change(Some(&change), &decided)?;
        let act = match refusal {
            None => act.job(Some(&job), &after)?,
            Some(_) => self.given_up(act, permit, &job, &after, now).await?,
        };
        let done = (decided, after);
        act.answered(keep.of(&done))?.commit(self.deadline()).await?;
        Ok(done)
    }
}

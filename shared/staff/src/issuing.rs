//! Making codes: the ceilings of the money that they stand for, and the rows that a run begins with.

use crate::{Desk, Trouble, changes::new_change};
use domain::{
    access::{Actor, Authority},
    audit::Class,
    batch::{Batch, Origin, Run},
    change::{Change, What},
    id::{JobId, UserId},
    identity::hex,
    job::{Job, JobState, Seed, Work},
    role::{Rank, Roles},
    settings::{Payable, Settings},
    time,
};
use jiff::{Timestamp, civil::Date};
use std::fmt::Display;
use store::{Act, Deadline, Issued, Made, chance};

/// What came of asking for a job.
#[derive(Clone, Debug)]
pub struct Begun {
    pub batch: Option<Batch>,
    pub job: Job,
    /// What a second person has to agree to first.
    pub change: Option<Change>,
}

/// A file that codes are imported from.
#[derive(Clone, Debug)]
pub struct Import {
    /// Where it lies in the bucket of files.
    pub upload: String,
    /// What its owner calls it.
    pub file_name: String,
    /// Import the good lines though others are bad.
    pub skip_bad: bool,
}

/// What making codes is judged by, read anew for every try.
pub(crate) struct Ground {
    pub now: Timestamp,
    pub settings: Settings,
    pub roles: Roles,
    pub numbers: Made,
    pub own: Made,
    issued: Issued,
    /// `2026-11`, of the business.
    month: String,
    /// What may still be asked for of all open batches; known only where it has a ceiling.
    payable: u64,
}

/// A generation about to be begun.
pub(crate) struct Generation {
    run: Run,
    pub job: Job,
    pub change: Option<Change>,
    amount: u64,
}

/// The calendar month that codes of this day of the business are counted for.
pub(crate) fn month(day: Date) -> String {
    day.strftime("%Y-%m").to_string()
}

pub(crate) fn new_run_id() -> Result<String, Trouble> {
    Ok(hex(&chance::<12>()?))
}

impl Ground {
    /// Why somebody else must agree that `codes` more are made for `batch`, as it is before.
    fn beyond(&self, batch: &Batch, codes: u64) -> bool {
        let payable = Payable { batch: batch.issued_amount(), month: self.issued.amount, in_all: self.payable };
        self.settings.codes.beyond(payable, codes.saturating_mul(batch.money.amount))
    }

    /// A run of `codes` for `batch` (as it is before), and its job, which waits where a ceiling is passed.
    pub fn generation(
        &self,
        desk: &Desk,
        actor: &Actor,
        batch: &Batch,
        codes: u64,
        ids: &Ids,
    ) -> Result<Generation, Trouble> {
        let work = Work::Generate {
            batch_id: batch.id.clone(),
            run_id: ids.run.clone(),
            seed: Some(Seed::new(ids.seed)),
            redraw: 0,
        };
        let mut job = Job::new(ids.job.clone(), work, actor.user().clone(), codes, self.now);
        let amount = codes.saturating_mul(batch.money.amount);
        let mut change = None;
        if self.beyond(batch, codes) {
            let what = What::Codes { job: job.id.clone(), batch: batch.id.clone(), codes, amount };
            let waits = new_change(desk, actor, what, Rank::Staff)?;
            job.state = JobState::Waiting;
            job.change = Some(waits.id.clone());
            change = Some(waits);
        }
        let mut run = Run::staging(ids.run.clone(), batch.id.clone(), codes, Origin::Generated);
        run.job = Some(job.id.clone());
        run.day = Some(time::day(self.now, &self.settings.zone()));
        Ok(Generation { run, job, change, amount })
    }
}

/// Ids and chance of a job, drawn once: every try of one call writes the same.
pub(crate) struct Ids {
    pub job: JobId,
    pub run: String,
    seed: [u8; 32],
}

impl Generation {
    /// Adds everything but the batch to an act.
    pub fn written<'s>(&self, act: Act<'s>, by: &dyn Authority, ground: &Ground) -> Result<Act<'s>, Trouble> {
        let mut act = asked(act, by, &self.job)?;
        act = act.run(None, &self.run)?.job(None, &self.job)?;
        act = act.issued(&ground.month, &ground.issued, self.amount)?;
        if let Some(change) = &self.change {
            act = act.also(by, Class::Money, "change.asked", format!("change:{}", change.id))?;
            act = crate::changes::described_change(act, change).change(None, change)?;
        }
        Ok(act)
    }
}

/// The entry of a job that somebody has asked for.
pub(crate) fn asked<'s>(act: Act<'s>, by: &dyn Authority, job: &Job) -> Result<Act<'s>, Trouble> {
    let shown = |value: &dyn Display| Some(value.to_string());
    let act = act.also(by, Class::Change, "job.asked", format!("job:{}", job.id))?;
    Ok(act
        .changed("kind", None, shown(&job.work.name()))
        .changed("batch", None, job.work.batch_id().map(str::to_owned))
        .changed("codes", None, (job.asked > 0).then(|| job.asked.to_string())))
}

impl Desk {
    pub(crate) fn ids(&self) -> Result<Ids, Trouble> {
        Ok(Ids { job: self.new_job_id()?, run: new_run_id()?, seed: chance()? })
    }

    pub(crate) fn new_job_id(&self) -> Result<JobId, Trouble> {
        Ok(JobId::drawn(self.now(), chance()?))
    }

    /// Reads what making codes is judged by.
    pub(crate) async fn ground(&self, user: &UserId) -> Result<Ground, Trouble> {
        let (roles, _, settings) = self.store.governance(self.deadline()).await?;
        let now = self.now();
        let month = month(time::day(now, &settings.zone()));
        // Before the sum: whoever changes the sum meanwhile changes this row too, and is noticed.
        let (numbers, issued, own) = self.store.issuing(&month, user, self.deadline()).await?;
        let payable = match settings.codes.ceiling_in_all {
            Some(_) => self.store.payable(self.deadline()).await?,
            None => 0,
        };
        Ok(Ground { now, settings, roles, numbers, own, issued, month, payable })
    }

    /// Judges codes worth `more` that a later date brings back to life, by the ceiling of all money. What is returned
    /// goes into the act with [`Act::issued`], so that two can't pass the ceiling at one time.
    ///
    /// # Errors
    /// [`Trouble::Invalid`] beyond the ceiling.
    pub(crate) async fn revived(
        &self,
        user: &UserId,
        settings: &Settings,
        more: u64,
    ) -> Result<Option<(String, Issued)>, Trouble> {
        if settings.codes.ceiling_in_all.is_none() {
            return Ok(None);
        }
        let month = month(time::day(self.now(), &settings.zone()));
        // Before the sum: whoever changes the sum meanwhile changes this row too, and is noticed.
        let (_, issued, _) = self.store.issuing(&month, user, self.deadline()).await?;
        if settings.codes.beyond_all(self.store.payable(self.deadline()).await?, more) {
            let words = "codes that come back to life would pass the ceiling of what may be payable in all";
            return Err(Trouble::field("expires_at", "ceiling", words));
        }
        Ok(Some((month, issued)))
    }

    /// Whether another try after a lost race may still be made.
    pub(crate) fn once_more(&self, until: Deadline) -> Result<(), Trouble> {
        if until.passed() { Err(store::StoreError::Busy.into()) } else { Ok(()) }
    }
}

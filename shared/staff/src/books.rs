//! The books: comparing them with MoMo's, tables of payouts, and what two people say of a difference.

use crate::{Begun, Desk, Keep, Sought, Trouble, issuing::asked};
use domain::{
    access::{Authority, Permit},
    audit::{Class, Severity},
    id::{JobId, UploadId, UserId},
    identity::{digest, hex},
    job::{Job, JobFile, JobState, Work},
    payout::Outside,
    permission::{Permission, right},
    reconcile::{Finding, Note, Refusal, Standing},
    time,
};
use jiff::{ToSpan, civil::Date};
use store::{ComparedBooks, Listed, StoreError, keys};

/// The longest time that one comparison or table is about, in days.
pub const DAYS_MAX: i32 = 92;

/// A statement of MTN's portal that was uploaded.
#[derive(Clone, Debug)]
pub struct StatementFile {
    /// Where it lies in the bucket of files.
    pub upload: String,
    /// What its owner calls it.
    pub file_name: String,
    pub from: Date,
    pub to: Date,
    /// Only the files are made.
    pub dry_run: bool,
}

/// Payouts as a table.
#[derive(Clone, Debug)]
pub struct PayoutTable {
    pub from: Date,
    pub to: Date,
    pub status: Option<Outside>,
    pub batch_id: Option<String>,
}

/// What there is for a question about the books.
#[derive(Clone, Debug)]
pub enum BooksFound {
    Ready(Box<ComparedBooks>),
    Coming(Box<Job>),
    /// Made just now; nobody has been told of it.
    Begun(Box<Job>),
}

/// What is said of a difference.
#[derive(Clone, Debug)]
pub enum Saying {
    /// What it was and how it was resolved; somebody else has to agree.
    Propose(Note),
    Close,
    /// It isn't so: the difference is open again.
    Reject,
}

fn refused(refusal: Refusal) -> Trouble {
    Trouble::State("not_now", refusal.to_string())
}

impl Desk {
    /// Days in order, over, and not too many.
    async fn checked_days(&self, from: Date, to: Date) -> Result<(), Trouble> {
        let today = time::day(self.now(), &self.settings().await?.zone());
        if from > to {
            return Err(Trouble::field("from", "order", "not after `to`"));
        }
        if to > today {
            return Err(Trouble::field("to", "out_of_bounds", "not after today"));
        }
        if to > from.saturating_add((DAYS_MAX - 1).days()) {
            return Err(Trouble::field("to", "out_of_bounds", format!("at most {DAYS_MAX} days at one time")));
        }
        Ok(())
    }

    /// The newest day that can be compared, or the one that is named, if it isn't later than that.
    async fn comparable(&self, day: Option<Date>) -> Result<Date, Trouble> {
        let today = time::day(self.now(), &self.settings().await?.zone());
        let newest = today.saturating_sub(2.days());
        let day = day.unwrap_or(newest);
        if day > newest {
            let words = "a day is compared two days later, when its references were asked about again";
            return Err(Trouble::field("day", "too_early", words));
        }
        Ok(day)
    }

    /// The comparison of a day with what MoMo answered when it was asked again; made once for all who ask (API-07).
    ///
    /// # Errors
    /// [`Trouble::Invalid`] for a day whose references can't all have been asked about again.
    pub async fn books_of_day(
        &self,
        permit: &Permit<right::DisbursementsReconcile>,
        day: Option<Date>,
    ) -> Result<BooksFound, Trouble> {
        let day = self.comparable(day).await?;
        let row: Option<ComparedBooks> = self.store.one(&keys::books(day, day, "asked"), self.deadline()).await?;
        if let Some(compared) = row {
            return Ok(BooksFound::Ready(Box::new(compared)));
        }
        let question = hex(&digest(&["books", permit.actor().user().as_str(), &day.to_string()]));
        let until = self.deadline();
        loop {
            let before = self.store.job_asked(&question, self.deadline()).await?;
            if let Some(newest) = &before
                && let Some(job) = self.store.job(&newest.job, self.deadline()).await?
                && (!job.state.is_over() || job.state == JobState::Failed)
            {
                return Ok(BooksFound::Coming(Box::new(job)));
            }
            let work = Work::Reconcile { from: day, to: day, upload: None, file_name: None, dry_run: false };
            let job = Job::new(self.new_job_id()?, work, permit.actor().user().clone(), 0, self.now());
            let act = self.asked_for_books(permit, &job)?.asked(&question, before.as_ref(), None, &job)?;
            match act.commit(self.deadline()).await {
                Ok(()) => return Ok(BooksFound::Begun(Box::new(job))),
                Err(StoreError::Changed) => self.once_more(until)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn asked_for_books<'s>(
        &'s self,
        permit: &Permit<right::DisbursementsReconcile>,
        job: &Job,
    ) -> Result<store::Act<'s>, Trouble> {
        let act = self.store.act(permit, job.created_at, Class::Money, "books.asked", format!("job:{}", job.id))?;
        Ok(asked(act, permit, job)?.job(None, job)?)
    }

    /// Compares a day anew, whatever there is already.
    ///
    /// # Errors
    /// As [`Desk::books_of_day`].
    pub async fn books_afresh(
        &self,
        permit: &Permit<right::DisbursementsReconcile>,
        day: Date,
        keep: Keep<'_, Begun>,
    ) -> Result<Begun, Trouble> {
        let day = self.comparable(Some(day)).await?;
        let work = Work::Reconcile { from: day, to: day, upload: None, file_name: None, dry_run: false };
        self.begin_books(permit, work, keep).await
    }

    /// Compares with a statement that was uploaded.
    ///
    /// # Errors
    /// [`Trouble::Invalid`].
    pub async fn books_of_statement(
        &self,
        permit: &Permit<right::DisbursementsReconcile>,
        file: StatementFile,
        keep: Keep<'_, Begun>,
    ) -> Result<Begun, Trouble> {
        self.checked_days(file.from, file.to).await?;
        let StatementFile { upload, file_name, from, to, dry_run } = file;
        let work = Work::Reconcile { from, to, upload: Some(upload), file_name: Some(file_name), dry_run };
        self.begin_books(permit, work, keep).await
    }

    async fn begin_books(
        &self,
        permit: &Permit<right::DisbursementsReconcile>,
        work: Work,
        keep: Keep<'_, Begun>,
    ) -> Result<Begun, Trouble> {
        let job = Job::new(self.new_job_id()?, work, permit.actor().user().clone(), 0, self.now());
        let begun = Begun { batch: None, job, change: None };
        let act = self.asked_for_books(permit, &begun.job)?;
        act.answered(keep.of(&begun))?.commit(self.deadline()).await?;
        Ok(begun)
    }

    /// Where this user's statement is put.
    ///
    /// # Errors
    /// [`Trouble::Store`] without randomness.
    pub fn new_statement(&self) -> Result<UploadId, Trouble> {
        Ok(UploadId::drawn(self.now(), store::chance()?))
    }

    /// A table of payouts, as a job.
    ///
    /// # Errors
    /// [`Trouble::Invalid`]; [`Trouble::NotFound`] for a batch that the caller doesn't see.
    pub async fn export_payouts(
        &self,
        permit: &Permit<right::DisbursementsExport>,
        table: PayoutTable,
        keep: Keep<'_, Begun>,
    ) -> Result<Begun, Trouble> {
        self.checked_table(permit, &table).await?;
        let job = self.table_job(permit, table)?;
        let act = self.asked_for_table(permit, &job)?;
        let begun = Begun { batch: None, job, change: None };
        act.answered(keep.of(&begun))?.commit(self.deadline()).await?;
        Ok(begun)
    }

    /// The newest table of these payouts, or the job that makes it; started once for one caller and one question
    /// (API-07). `gone` is a job whose file is there no longer.
    ///
    /// # Errors
    /// As [`Desk::export_payouts`].
    pub async fn payout_table(
        &self,
        permit: &Permit<right::DisbursementsExport>,
        table: &PayoutTable,
        gone: Option<&JobId>,
    ) -> Result<Sought, Trouble> {
        self.checked_table(permit, table).await?;
        let status = table.status.map_or("all", Outside::name);
        let question = hex(&digest(&[
            "payouts",
            permit.actor().user().as_str(),
            &table.from.to_string(),
            &table.to.to_string(),
            status,
            table.batch_id.as_deref().unwrap_or_default(),
            if permit.actor().holds(Permission::CustomersRead) { "whole" } else { "masked" },
        ]));
        let until = self.deadline();
        loop {
            let before = self.store.job_asked(&question, self.deadline()).await?;
            if let Some(newest) = before.as_ref().filter(|newest| gone != Some(&newest.job))
                && let Some(job) = self.store.job(&newest.job, self.deadline()).await?
            {
                if job.state == JobState::Done {
                    return Ok(Sought::Ready(job));
                }
                // One that was given up brings nothing any more: another one is begun.
                if !job.state.is_over() {
                    return Ok(Sought::Coming(job));
                }
            }
            self.may_download(permit.actor()).await?;
            let job = self.table_job(permit, table.clone())?;
            let act = self.asked_for_table(permit, &job)?.asked(&question, before.as_ref(), None, &job)?;
            match act.commit(self.deadline()).await {
                Ok(()) => {
                    self.count_download(permit.actor()).await?;
                    return Ok(Sought::Begun(job));
                }
                Err(StoreError::Changed) => self.once_more(until)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn checked_table(
        &self,
        permit: &Permit<right::DisbursementsExport>,
        table: &PayoutTable,
    ) -> Result<(), Trouble> {
        self.checked_days(table.from, table.to).await?;
        if let Some(batch) = &table.batch_id {
            self.seen_batch(permit.actor(), batch).await?;
        }
        Ok(())
    }

    fn table_job(&self, permit: &Permit<right::DisbursementsExport>, table: PayoutTable) -> Result<Job, Trouble> {
        let PayoutTable { from, to, status, batch_id } = table;
        let whole_numbers = permit.actor().holds(Permission::CustomersRead);
        let work = Work::ExportPayouts { from, to, status, batch_id, whole_numbers };
        Ok(Job::new(self.new_job_id()?, work, permit.actor().user().clone(), 0, self.now()))
    }

    fn asked_for_table<'s>(
        &'s self,
        permit: &Permit<right::DisbursementsExport>,
        job: &Job,
    ) -> Result<store::Act<'s>, Trouble> {
        let entity = format!("job:{}", job.id);
        let act = self.store.act(permit, job.created_at, Class::Access, "payouts.export_asked", entity)?;
        Ok(asked(act.severity(Severity::Warning), permit, job)?.job(None, job)?)
    }

    /// Notes that somebody is about to download a file of a comparison.
    ///
    /// # Errors
    /// [`Trouble::Store`]: what can't be noted isn't given.
    pub async fn note_books_download(
        &self,
        permit: &Permit<right::DisbursementsReconcile>,
        compared: &ComparedBooks,
        file: &JobFile,
    ) -> Result<(), Trouble> {
        let entity = format!("books:{}", compared.to);
        let act = self.store.act(permit, self.now(), Class::Access, "books.file.downloaded", entity)?;
        let act = act.severity(Severity::Warning).changed("file", None, Some(file.name.clone()));
        Ok(act.changed("sha256", None, Some(file.sha256.clone())).commit(self.deadline()).await?)
    }

    /// Comparisons, the newest days first.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn compared_books(
        &self,
        _permit: &Permit<right::DisbursementsReconcile>,
        position: Option<&str>,
        limit: usize,
    ) -> Result<Listed<ComparedBooks>, Trouble> {
        Ok(self.store.compared_books(position, limit, |_| true, self.deadline()).await?)
    }

    /// Differences, the newest days first.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn findings(
        &self,
        _permit: &Permit<right::DisbursementsReconcile>,
        standing: Option<&'static str>,
        position: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Finding>, Trouble> {
        let wanted = |finding: &Finding| standing.is_none_or(|standing| finding.standing.name() == standing);
        Ok(self.store.findings(position, limit, wanted, self.deadline()).await?)
    }

    /// Says something of a difference: what it was, that it is closed, or that it isn't so. `seen` tells whether the
    /// difference is still the one that the caller has read.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; what `seen` answers; [`Trouble::State`] where one person would do both, or nothing was proposed.
    pub async fn say_of_finding(
        &self,
        permit: &Permit<right::DisbursementsReconcile>,
        (day, id): (Date, &str),
        seen: impl Fn(&Finding) -> Result<(), Trouble>,
        saying: &Saying,
        keep: Keep<'_, Finding>,
    ) -> Result<Finding, Trouble> {
        let who: &UserId = permit.actor().user();
        let until = self.deadline();
        loop {
            let key = keys::finding(day, id);
            let before: Option<Finding> = self.store.one(&key, self.deadline()).await?;
            let before = before.ok_or(Trouble::NotFound("difference"))?;
            seen(&before)?;
            let now = self.now();
            let (after, action) = match saying {
                Saying::Propose(note) => (before.propose(who, note.clone(), now), "difference.proposed"),
                Saying::Close => (before.close(who, now), "difference.closed"),
                Saying::Reject => (before.reject(), "difference.rejected"),
            };
            let after = after.map_err(refused)?;
            let authority: &dyn Authority = permit;
            let act = self.store.act(authority, now, Class::Money, action, format!("difference:{id}"))?;
            let act = act
                .changed("standing", Some(before.standing.name().to_owned()), Some(after.standing.name().to_owned()))
                .changed("kind", None, Some(after.difference.kind.name().to_owned()))
                .changed("note", None, noted(&after.standing))
                .finding(&before, &after)?;
            match act.answered(keep.of(&after))?.commit(self.deadline()).await {
                Ok(()) => return Ok(after),
                Err(StoreError::Changed) => self.once_more(until)?,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn noted(standing: &Standing) -> Option<String> {
    match standing {
        Standing::Open => None,
        Standing::Proposed { proposal } | Standing::Closed { proposal, .. } => {
            Some(proposal.note.as_str().chars().take(200).collect())
        }
    }
}

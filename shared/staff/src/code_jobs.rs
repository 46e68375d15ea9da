//! Work on many codes, as jobs: making, importing, exporting and changing them.

use crate::{
    Begun, Desk, Import, Keep, Trouble,
    batches::no_move,
    issuing::{asked, new_run_id},
    trouble::FieldProblem,
};
use domain::{
    access::Permit,
    audit::{Class, Severity},
    batch::{Act, Batch, BatchState, RUN_CODES_MAX, Run, SHEET_CODES},
    id::JobId,
    identity::{digest, hex},
    job::{Format, Job, JobState, Selection, SheetRange, Work},
    permission::right,
};
use store::{Asked, StoreError};

/// An export as somebody wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub batch_id: String,
    pub format: Format,
    /// A QR code on each card.
    pub qr: bool,
    pub sheets: Option<SheetRange>,
}

/// What there is for an export that somebody wants (API-07).
#[derive(Clone, Debug)]
pub enum Sought {
    /// The newest result, whose files are there.
    Ready(Job),
    /// The job that makes it, or has failed to.
    Coming(Job),
    /// A job that was made for it just now, which nobody has been told of.
    Begun(Job),
}

impl Wanted {
    /// Names the question: the same caller, the same wish, the same codes with the same name and date.
    fn question(&self, permit: &Permit<right::PromoCodesDownload>, batch: &Batch) -> String {
        let sheets = self.sheets.map_or_else(|| "all".to_owned(), |range| format!("{}-{}", range.first, range.last));
        hex(&digest(&[
            "export",
            permit.actor().user().as_str(),
            &self.batch_id,
            self.format.extension(),
            &self.qr.to_string(),
            &sheets,
            &batch.codes.to_string(),
            &batch.name,
            &batch.expires_at.as_millisecond().to_string(),
        ]))
    }
}

/// How many codes of live runs lie on these sheets.
fn codes_on(runs: &[Run], sheets: Option<SheetRange>) -> u64 {
    let on = |run: &Run| {
        let Some(range) = sheets else { return run.asked };
        let before = |sheet: u32| u64::from(sheet.saturating_sub(run.first_sheet)) * u64::from(SHEET_CODES);
        before(range.last.saturating_add(1)).min(run.asked) - before(range.first).min(run.asked)
    };
    runs.iter().map(on).sum()
}

impl Desk {
    /// Asks for codes of a batch. Beyond a ceiling the job waits for a second person (BAT-09).
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::Invalid`] for too many; [`Trouble::State`] when the batch takes none.
    pub async fn generate_codes(
        &self,
        permit: &Permit<right::PromoCodesGenerate>,
        batch_id: &str,
        count: u64,
        keep: Keep<'_, Begun>,
    ) -> Result<Begun, Trouble> {
        let actor = permit.actor();
        let ids = self.ids()?;
        let until = self.deadline();
        loop {
            // Whether somebody may see it is looked at before what it is.
            self.seen_batch(actor, batch_id).await?;
            let ground = self.ground(actor.user()).await?;
            let batch = self.seen_batch(actor, batch_id).await?;
            batch.takes_codes().map_err(no_move)?;
            let room = ground.settings.codes.per_batch.saturating_sub(batch.codes + batch.coming);
            if !(1..=RUN_CODES_MAX).contains(&count) || count > room {
                let most = room.min(RUN_CODES_MAX);
                return Err(Trouble::field("count", "too_many", format!("at most {most} codes more for this batch")));
            }
            let generation = ground.generation(self, actor, &batch, count, &ids)?;
            let after = batch.expecting(count);
            let entity = format!("batch:{batch_id}");
            let act = self.store.act(permit, ground.now, Class::Change, "batch.codes_asked", entity)?;
            let act = act.changed("coming", Some(batch.coming.to_string()), Some(after.coming.to_string()));
            let act = generation.written(act.batch(Some(&batch), &after)?, permit, &ground)?;
            let begun = Begun { batch: Some(after), job: generation.job.clone(), change: generation.change.clone() };
            match act.answered(keep.of(&begun))?.commit(self.deadline()).await {
                Ok(()) => return Ok(begun),
                Err(StoreError::Changed) => self.once_more(until)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Asks for codes from a file. How many there are, and whether they pass a ceiling, the worker finds out.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::State`] when the batch takes none.
    pub async fn import_codes(
        &self,
        permit: &Permit<right::PromoCodesImport>,
        batch_id: &str,
        import: &Import,
        keep: Keep<'_, Begun>,
    ) -> Result<Begun, Trouble> {
        let actor = permit.actor();
        let batch = self.seen_batch(actor, batch_id).await?;
        batch.takes_codes().map_err(no_move)?;
        let now = self.now();
        let work = import.work(batch_id, &new_run_id()?);
        let job = Job::new(self.new_job_id()?, work, actor.user().clone(), 0, now);
        let act = self.store.act(permit, now, Class::Change, "batch.import_asked", format!("batch:{batch_id}"))?;
        let act = asked(act, permit, &job)?.job(None, &job)?;
        let begun = Begun { batch: Some(batch), job, change: None };
        act.answered(keep.of(&begun))?.commit(self.deadline()).await?;
        Ok(begun)
    }

    /// The newest result of an export, or the job that makes it; started at most once for one caller and one question.
    /// `gone` is a job whose files are there no longer.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::Invalid`]; [`Trouble::State`] when there are no codes.
    pub async fn export(
        &self,
        permit: &Permit<right::PromoCodesDownload>,
        wanted: &Wanted,
        gone: Option<&JobId>,
    ) -> Result<Sought, Trouble> {
        let until = self.deadline();
        let nothing_kept = |_: &Begun| store::Answer {
            status: 202,
            content_type: None,
            etag: None,
            location: None,
            body: String::new(),
        };
        loop {
            let batch = self.exported_batch(permit, wanted).await?;
            let before = self.store.job_asked(&wanted.question(permit, &batch), self.deadline()).await?;
            if let Some(newest) = before.as_ref().filter(|newest| gone != Some(&newest.job))
                && let Some(job) = self.store.job(&newest.job, self.deadline()).await?
            {
                if job.state == JobState::Done {
                    return Ok(Sought::Ready(job));
                }
                // It was given up: an older result is better than none.
                if job.state.is_over()
                    && let Some(done) = newest.done.as_ref().filter(|done| gone != Some(*done))
                    && let Some(older) = self.store.job(done, self.deadline()).await?
                {
                    return Ok(Sought::Ready(older));
                }
                return Ok(Sought::Coming(job));
            }
            self.may_download(permit.actor()).await?;
            let keep = Keep::new(None, &nothing_kept);
            match self.begin_export(permit, &batch, wanted, before.as_ref(), keep).await {
                Ok(begun) => {
                    self.count_download(permit.actor()).await?;
                    return Ok(Sought::Begun(begun.job));
                }
                Err(Trouble::Store(StoreError::Changed)) => self.once_more(until)?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes an export anew, whatever there is already.
    ///
    /// # Errors
    /// As [`Desk::export`].
    pub async fn export_afresh(
        &self,
        permit: &Permit<right::PromoCodesDownload>,
        wanted: &Wanted,
        keep: Keep<'_, Begun>,
    ) -> Result<Begun, Trouble> {
        let batch = self.exported_batch(permit, wanted).await?;
        let before = self.store.job_asked(&wanted.question(permit, &batch), self.deadline()).await?;
        self.begin_export(permit, &batch, wanted, before.as_ref(), keep).await
    }

    async fn exported_batch(
        &self,
        permit: &Permit<right::PromoCodesDownload>,
        wanted: &Wanted,
    ) -> Result<Batch, Trouble> {
        let batch = self.seen_batch(permit.actor(), &wanted.batch_id).await?;
        if batch.state == BatchState::Deleted || batch.codes == 0 {
            return Err(Trouble::State("no_codes", "this batch has no codes to export".to_owned()));
        }
        on_sheets(wanted.sheets, &batch)?;
        Ok(batch)
    }

    async fn begin_export(
        &self,
        permit: &Permit<right::PromoCodesDownload>,
        batch: &Batch,
        wanted: &Wanted,
        before: Option<&Asked>,
        keep: Keep<'_, Begun>,
    ) -> Result<Begun, Trouble> {
        let Wanted { batch_id, format, qr, sheets } = wanted.clone();
        let codes = match sheets {
            None => batch.codes,
            Some(_) => codes_on(&self.store.live_runs(&batch.id, self.deadline()).await?, sheets),
        };
        let now = self.now();
        let work = Work::Export { batch_id, format, qr, sheets };
        let job = Job::new(self.new_job_id()?, work, permit.actor().user().clone(), codes, now);
        let entity = format!("batch:{}", batch.id);
        let act = self.store.act(permit, now, Class::Access, "batch.export_asked", entity)?;
        let act = act.severity(Severity::Warning).changed("format", None, Some(format.extension().to_owned()));
        let act = asked(act, permit, &job)?.job(None, &job)?;
        let mut done = before.and_then(|newest| newest.done.clone());
        if let Some(newest) = before
            && let Some(earlier) = self.store.job(&newest.job, self.deadline()).await?
            && earlier.state == JobState::Done
        {
            done = Some(earlier.id);
        }
        let act = act.asked(&wanted.question(permit, batch), before, done, &job)?;
        let begun = Begun { batch: Some(batch.clone()), job, change: None };
        act.answered(keep.of(&begun))?.commit(self.deadline()).await?;
        Ok(begun)
    }

    /// Asks that something is done to many codes. What became of each is in the job's results.
    ///
    /// # Errors
    /// [`Trouble::Refused`] without the act's own right; [`Trouble::NotFound`]; [`Trouble::Invalid`].
    pub async fn change_codes(
        &self,
        permit: &Permit<right::PromoCodesBulkOperations>,
        act: Act,
        reason: &str,
        selection: Selection,
        what: &str,
        keep: Keep<'_, Begun>,
    ) -> Result<Begun, Trouble> {
        let actor = permit.actor();
        match act {
            Act::Report => drop(self.permit::<right::PromoCodesFraudReport>(actor, what).await?),
            Act::Block | Act::Unblock | Act::Delete => {
                drop(self.permit::<right::PromoCodesStatusChange>(actor, what).await?);
            }
        }
        let (batch, codes) = match &selection {
            Selection::Codes { codes } => (None, codes.len() as u64),
            Selection::Batch { batch_id, sheets, .. } => {
                let batch = self.seen_batch(actor, batch_id).await?;
                if batch.state == BatchState::Deleted || batch.codes == 0 {
                    return Err(Trouble::State("no_codes", "this batch has no codes".to_owned()));
                }
                on_sheets(*sheets, &batch)?;
                let runs = self.store.live_runs(batch_id, self.deadline()).await?;
                (Some(batch), codes_on(&runs, *sheets))
            }
        };
        let now = self.now();
        let entity =
            batch.as_ref().map_or_else(|| "kind:promo-codes".to_owned(), |batch| format!("batch:{}", batch.id));
        let work = Work::ChangeCodes { act, reason: reason.to_owned(), selection };
        let job = Job::new(self.new_job_id()?, work, actor.user().clone(), codes, now);
        let written = self.store.act(permit, now, Class::Change, "codes.change_asked", entity)?;
        let written = written.severity(Severity::Warning).changed("act", None, Some(act.name().to_owned()));
        let written = written.changed("reason", None, Some(reason.to_owned()));
        let written = asked(written, permit, &job)?.job(None, &job)?;
        let begun = Begun { batch, job, change: None };
        written.answered(keep.of(&begun))?.commit(self.deadline()).await?;
        Ok(begun)
    }
}

/// A range of sheets must lie in its batch.
fn on_sheets(sheets: Option<SheetRange>, batch: &Batch) -> Result<(), Trouble> {
    let Some(SheetRange { first, last }) = sheets else { return Ok(()) };
    let mut problems = Vec::new();
    if first > last {
        problems.push(FieldProblem::new("sheet_from", "order", "not after `sheet_to`"));
    }
    if last > batch.sheets {
        problems.push(FieldProblem::new(
            "sheet_to",
            "out_of_bounds",
            format!("this batch has {} sheets", batch.sheets),
        ));
    }
    if problems.is_empty() { Ok(()) } else { Err(Trouble::Invalid(problems)) }
}

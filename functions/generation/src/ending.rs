//! How jobs end: a run goes live or is given up, always in one write with the job's last state.

use crate::{ACTOR, Generation, Stop, Unfinished, WRITE_MS, count_end, hold::Hold, soon};
use domain::{
    access::System,
    alert::{Alert, Kind},
    audit::{Class, Severity},
    batch::{self, Batch, BatchState, Run, RunState},
    job::{Job, JobFile, JobProblem, Notice, Work},
};
use jiff::Timestamp;
use service::metrics::{self, Unit};
use std::time::Duration;
use store::{Act, Deadline, StoreError};

/// Times that an end is tried against others who write the same batch: ten runs can end at one moment.
const TRIES: usize = 60;
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// How a job ends without having done its work.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    Cancelled,
    Failed(JobProblem, Vec<JobFile>),
}

impl Ending {
    fn of(self, job: &Job, now: Timestamp) -> Job {
        match self {
            Self::Cancelled => job.stopped(now),
            Self::Failed(problem, files) => job.gave_up(problem, files, now),
        }
    }
}

/// The calendar month of the business that a run was counted for.
pub(crate) fn month_of(day: jiff::civil::Date) -> String {
    day.strftime("%Y-%m").to_string()
}

/// One alert a job, whatever its codes: somebody has found that codes are in the wrong hands.
fn reported(job: &Job) -> Option<Alert> {
    let changed = job.done.saturating_sub(job.failed);
    match &job.work {
        Work::ChangeCodes { act: batch::Act::Report, reason, .. } if changed > 0 => Some(Alert {
            id: format!("{}-{}", job.id, Kind::CodesReported.name()),
            at: job.updated_at,
            kind: Kind::CodesReported,
            entity: format!("job:{}", job.id),
            note: format!("{changed} codes were reported: {reason}"),
        }),
        Work::ChangeCodes { .. }
        | Work::Generate { .. }
        | Work::Import { .. }
        | Work::Export { .. }
        | Work::Reconcile { .. }
        | Work::ExportPayouts { .. } => None,
    }
}

/// What every end writes: the job, its owner's notice, and an alert where one is due.
fn with_end<'s>(act: Act<'s>, before: &Job, after: &Job) -> Result<Act<'s>, StoreError> {
    let act = act
        .changed("state", Some(before.state.name().to_owned()), Some(after.state.name().to_owned()))
        .changed("done", None, Some(after.done.to_string()))
        .changed("failed", None, Some(after.failed.to_string()))
        .changed("problem", None, after.problem.as_ref().map(|problem| problem.code.clone()))
        .job(Some(before), after)?
        .notice(&Notice::of(after))?;
    match reported(after) {
        Some(alert) => act.alert(&alert),
        None => Ok(act),
    }
}

fn told(job: &Job) {
    count_end(job);
    if let Some(alert) = reported(job) {
        metrics::emit("alerts_total", 1.0, Unit::Count, &[("kind", alert.kind.name())]);
        metrics::emit("alerts_raised_total", 1.0, Unit::Count, &[]);
    }
}

impl Hold<'_> {
    /// Makes a complete run redeemable, in the one write that also ends the job.
    pub(crate) async fn go_live(&mut self, batch_id: &str, run_id: &str, files: Vec<JobFile>) -> Result<(), Stop> {
        for _ in 0..TRIES {
            self.look_up_owner().await?;
            let (store, now) = (&self.generation.store, self.now());
            let (Some(batch), Some(run)) =
                (store.batch(batch_id, soon()).await?, store.run(batch_id, run_id, soon()).await?)
            else {
                return Err(Stop::failed("batch_closed", "the batch is gone"));
            };
            match run.state {
                RunState::Staging if self.job.checkpoint == run.strips() && self.job.done == run.asked => {}
                RunState::Staging => return Err(Stop::failed("incomplete", "not all of its codes were made")),
                // Only together with the end of its job; whoever wrote that has ended it.
                RunState::Live | RunState::Discarded => return Err(Stop::Lost),
            }
            let Some((filled, first_sheet)) = batch.filled(run.asked, now) else {
                return Err(batch_closed(&batch));
            };
            let live = Run { state: RunState::Live, first_sheet, version: run.version + 1, ..run.clone() };
            let after = self.job.finished(files.clone(), now);
            let owner = self.owner()?;
            let act = store
                .act(owner, now, Class::Change, "run.live", format!("batch:{batch_id}"))?
                .changed("run", None, Some(run.id.clone()))
                .changed("codes", Some(batch.codes.to_string()), Some(filled.codes.to_string()))
                .changed("sheets", Some(batch.sheets.to_string()), Some(filled.sheets.to_string()))
                .changed("amount", None, Some(batch.money.to_string()))
                .changed("state", Some(batch.state.name().to_owned()), Some(filled.state.name().to_owned()))
                .batch(Some(&batch), &filled)?
                .run(Some(&run), &live)?
                .also(owner, Class::Change, "job.done", format!("job:{}", after.id))?;
            let act = with_end(act, &self.job, &after)?;
            let result = act.commit(Deadline::in_ms(WRITE_MS)).await;
            if self.ended(after, result).await? {
                return Ok(());
            }
        }
        Err(StoreError::Busy.into())
    }

    /// Ends a job that fills no run.
    pub(crate) async fn finish(&mut self, files: Vec<JobFile>) -> Result<(), Stop> {
        for _ in 0..TRIES {
            self.look_up_owner().await?;
            let now = self.now();
            let mut after = self.job.finished(files.clone(), now);
            // Codes that a filter left out were looked at, and are no part of what was asked for.
            after.asked = after.done;
            let act = self.generation.store.act(
                self.owner()?,
                now,
                Class::Change,
                "job.done",
                format!("job:{}", after.id),
            )?;
            let result = with_end(act, &self.job, &after)?.commit(Deadline::in_ms(WRITE_MS)).await;
            if self.ended(after, result).await? {
                return Ok(());
            }
        }
        Err(StoreError::Busy.into())
    }

    async fn ended(&mut self, after: Job, result: Result<(), StoreError>) -> Result<bool, Stop> {
        match self.wrote(after, result).await? {
            crate::Wrote::Applied => {
                told(&self.job);
                Ok(true)
            }
            crate::Wrote::Refused | crate::Wrote::Unknown => {
                tokio::time::sleep(BETWEEN_TRIES).await;
                Ok(false)
            }
        }
    }
}

pub(crate) fn batch_closed(batch: &Batch) -> Stop {
    Stop::failed("batch_closed", format!("the batch is {} and takes no codes any more", batch.state.name()))
}

impl Generation {
    /// Ends a job without its work done. Whatever it has filled is given up: none of it can ever be redeemed.
    ///
    /// Whoever has taken the job since it was read is left to end it.
    pub(crate) async fn end(&self, job: &Job, ending: Ending) -> Result<(), Unfinished> {
        let lease = job.lease.clone();
        let mut job = job.clone();
        for _ in 0..TRIES {
            let now = self.clock.now();
            let after = ending.clone().of(&job, now);
            let result = self.give_up(&job, &after).await?.commit(Deadline::in_ms(WRITE_MS)).await;
            match result {
                Ok(()) => {
                    told(&after);
                    return Ok(());
                }
                Err(StoreError::Changed | StoreError::Ambiguous) => {
                    let Some(found) = self.store.job(&job.id, soon()).await? else { return Ok(()) };
                    if found.state.is_over() || found.lease != lease {
                        return Ok(());
                    }
                    job = found;
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Busy.into())
    }

    async fn give_up(&self, before: &Job, after: &Job) -> Result<Act<'_>, StoreError> {
        let (system, now) = (System(ACTOR), after.updated_at);
        let action = format!("job.{}", after.state.name());
        let act = self.store.act(&system, now, Class::Change, &action, format!("job:{}", after.id))?;
        let act = with_end(act.severity(Severity::Warning), before, after)?;
        let Some((batch_id, run_id)) = before.work.fills() else { return Ok(act) };
        let (batch, run) = (self.store.batch(batch_id, soon()).await?, self.store.run(batch_id, run_id, soon()).await?);
        let Some(batch) = batch else { return Ok(act) };
        match run {
            Some(run) if run.state == RunState::Staging => {
                let discarded = Run { state: RunState::Discarded, version: run.version + 1, ..run.clone() };
                let amount = run.asked.saturating_mul(batch.money.amount);
                let act = act
                    .also(&system, Class::Change, "run.discarded", format!("batch:{batch_id}"))?
                    .changed("run", None, Some(run.id.clone()))
                    .changed(
                        "coming",
                        Some(batch.coming.to_string()),
                        Some((batch.coming - run.asked.min(batch.coming)).to_string()),
                    )
                    .batch(Some(&batch), &batch.released(run.asked, now))?
                    .run(Some(&run), &discarded)?;
                match run.day {
                    Some(day) => act.not_issued(&month_of(day), amount),
                    None => Ok(act),
                }
            }
            // An import whose file was refused never had a run; its batch waits for nothing.
            None if batch.state == BatchState::Generating => act
                .also(&system, Class::Change, "run.discarded", format!("batch:{batch_id}"))?
                .batch(Some(&batch), &batch.released(0, now)),
            Some(_) | None => Ok(act),
        }
    }
}

//! SQS → codes into the table: made, imported, changed.
//!
//! The job's row decides, the message is only a nudge. What may be done next is `domain::job::Job::step`; here is the
//! order of reads and writes. Each chunk is one transaction that moves the row on, so nothing here is repeated by who
//! comes second, and nothing that was begun needs to be remembered.

mod change;
mod ending;
mod fill;
mod hold;
mod import;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::{
    id::JobId,
    identity::hex,
    job::{Job, JobFile, JobProblem, Step, Work},
};
use ending::Ending;
use files::{Files, FilesError};
use hold::{Hold, Wrote};
use service::{
    Clock,
    aws::Aws,
    config::Environment,
    metrics::{self, Unit},
    nudge::{JobNudge, JobNudges},
};
use std::{error::Error, sync::Arc, time::Duration};
use store::{Deadline, Store, StoreError};
use tokio::{task::JoinSet, time::Instant};

/// The name under which this function's changes are audited.
const ACTOR: &str = "generation";
/// How long the table may take for one read.
const READ_MS: u64 = 5_000;
/// How long the table may take for one chunk: far less than a lease.
const WRITE_MS: u64 = 10_000;
/// Times that a job is read again because somebody else wrote it just when it was to be taken.
const CLAIM_TRIES: usize = 5;

fn soon() -> Deadline {
    Deadline::in_ms(READ_MS)
}

#[derive(Clone)]
pub struct Generation {
    pub store: Store,
    pub files: Files,
    pub clock: Clock,
    /// For a job that isn't done when the function's time is up.
    pub nudges: JobNudges,
}

/// Why work on a job ends before the job does.
#[derive(Debug, thiserror::Error)]
enum Stop {
    /// The message comes again, or the sweeper finds the row.
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error("another worker has the job, or it is over")]
    Lost,
    #[error("somebody wants it to stop")]
    Cancelled,
    #[error("the function's time is up")]
    OutOfTime,
    #[error("{}", .0.text)]
    Failed(JobProblem, Vec<JobFile>),
}

impl Stop {
    fn failed(code: &str, text: impl Into<String>) -> Self {
        Self::Failed(JobProblem::new(code, text), Vec::new())
    }
}

/// What one message's work ended in, when it can't be acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Files(FilesError),
    #[error("the message is no nudge about a job")]
    Malformed,
}

impl Generation {
    /// # Errors
    /// Every variable that is missing or malformed.
    pub fn from_environment() -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut environment = Environment::of_process();
        let aws = Aws::from_environment(&mut environment);
        let table = environment.required("TABLE_NAME");
        let files = Files::from_environment(&mut environment, &aws);
        // It nudges nobody but itself.
        let own_queue = environment.required("GENERATION_QUEUE_URL");
        let nudges = JobNudges::new(aws.sqs(), own_queue.clone(), own_queue, Duration::from_secs(5));
        environment.finish()?;
        Ok(Self { store: Store::new(aws.dynamodb(), table), files, clock: Clock::system(), nudges })
    }

    /// Works on all messages of a batch at once and reports those that must come again. Ends before `until`.
    pub async fn handle(self: &Arc<Self>, event: SqsEvent, until: Instant) -> SqsBatchResponse {
        let mut work = JoinSet::new();
        for message in event.records {
            let worker = Arc::clone(self);
            work.spawn(async move { worker.message(message, until).await });
        }
        let mut response = SqsBatchResponse::default();
        while let Some(done) = work.join_next().await {
            match done {
                Ok(Ok(())) => {}
                Ok(Err(message_id)) => {
                    let mut failure = BatchItemFailure::default();
                    failure.item_identifier = message_id;
                    response.batch_item_failures.push(failure);
                }
                // Which message it was is not known any more, so the whole batch comes again; rows make that harmless.
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            }
        }
        response
    }

    /// # Errors
    /// The message's id, when it must come again.
    async fn message(&self, message: SqsMessage, until: Instant) -> Result<(), String> {
        let id = message.message_id.unwrap_or_default();
        let body = message.body.unwrap_or_default();
        let worked = match serde_json::from_str::<JobNudge>(&body) {
            Ok(nudge) => self.run(&nudge.job, until).await,
            Err(_) => Err(Unfinished::Malformed),
        };
        worked.map_err(|unfinished| {
            tracing::error!(message = id, %unfinished, "a nudge is not finished and comes again");
            id
        })
    }

    /// Takes a job as far as it goes before `until`. A job that isn't done by then is nudged anew.
    ///
    /// # Errors
    /// When the message must come again; whatever was committed stays.
    pub async fn run(&self, id: &JobId, until: Instant) -> Result<(), Unfinished> {
        for _ in 0..CLAIM_TRIES {
            let Some(job) = self.store.job(id, soon()).await? else {
                tracing::warn!(job = %id, "a nudge for a job that does not exist is dropped");
                return Ok(());
            };
            if job.work.is_export() {
                tracing::error!(job = %id, "an export came to the wrong queue; the sweeper sends it to the right one");
                return Ok(());
            }
            let token = hex(&store::chance::<16>()?);
            let claimed = match job.step(&token, self.clock.now()) {
                Step::Rest | Step::Held { .. } => return Ok(()),
                Step::Cancel => return self.end(&job, Ending::Cancelled).await,
                Step::GiveUp => return self.end(&job, Ending::Failed(keeps_failing(), Vec::new())).await,
                Step::Claim(claimed) => *claimed,
            };
            match self.claim(&job, claimed, until).await {
                Ok(Some(hold)) => return self.work(hold).await,
                Ok(None) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // Somebody writes it again and again; it is due, and the sweeper finds it.
        Ok(())
    }

    /// `None` when somebody else wrote the row first.
    async fn claim(&self, before: &Job, claimed: Job, until: Instant) -> Result<Option<Hold<'_>>, StoreError> {
        let result = self.store.save_job(before, &claimed, Deadline::in_ms(WRITE_MS)).await;
        let job = match result {
            Ok(()) => claimed,
            Err(StoreError::Changed) => return Ok(None),
            Err(StoreError::Ambiguous) => match self.store.job(&before.id, soon()).await? {
                Some(found) if found.lease == claimed.lease => found,
                Some(_) | None => return Ok(None),
            },
            Err(error) => return Err(error),
        };
        Ok(Some(Hold::new(self, job, until)))
    }

    async fn work(&self, mut hold: Hold<'_>) -> Result<(), Unfinished> {
        tracing::info!(job = %hold.job.id, kind = hold.job.work.name(), chunk = hold.job.checkpoint, "taken");
        let stop = match hold.go().await {
            Ok(()) => return Ok(()),
            Err(stop) => stop,
        };
        tracing::info!(job = %hold.job.id, chunk = hold.job.checkpoint, %stop, "left");
        match stop {
            Stop::Lost => Ok(()),
            Stop::Cancelled => self.end(&hold.job, Ending::Cancelled).await,
            Stop::Failed(problem, files) => self.end(&hold.job, Ending::Failed(problem, files)).await,
            Stop::OutOfTime => self.hand_on(&hold).await,
            Stop::Store(error) => Err(error.into()),
            Stop::Files(error) => Err(Unfinished::Files(error)),
        }
    }

    /// Gives the job back and nudges the next worker. If either fails the row is due when its lease has ended.
    async fn hand_on(&self, hold: &Hold<'_>) -> Result<(), Unfinished> {
        let released = hold.job.released(self.clock.now());
        match self.store.save_job(&hold.job, &released, soon()).await {
            Ok(()) | Err(StoreError::Ambiguous) => {}
            Err(StoreError::Changed) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        if self.nudges.send(&released).await.is_err() {
            tracing::warn!(job = %released.id, "no nudge could be sent; the sweeper finds the job");
        }
        Ok(())
    }
}

impl Hold<'_> {
    async fn go(&mut self) -> Result<(), Stop> {
        self.look_up_owner().await?;
        match &self.job.work {
            Work::Generate { .. } => self.generate().await,
            Work::Import { .. } => self.import().await,
            Work::ChangeCodes { .. } => self.change_codes().await,
            Work::Export { .. } | Work::Reconcile { .. } | Work::ExportPayouts { .. } => Err(Stop::Lost),
        }
    }

    /// One write that moves the job on: applied, or to be decided anew.
    async fn wrote(&mut self, after: Job, result: Result<(), StoreError>) -> Result<Wrote, Stop> {
        let again = match result {
            Ok(()) => {
                self.job = after;
                return Ok(Wrote::Applied);
            }
            Err(StoreError::Changed) => Wrote::Refused,
            Err(StoreError::Ambiguous) => Wrote::Unknown,
            Err(error) => return Err(error.into()),
        };
        let found = self.generation.store.job(&after.id, soon()).await?.ok_or(Stop::Lost)?;
        if hold::is_written(&after, &found) {
            self.job = found;
            return Ok(Wrote::Applied);
        }
        if found.state.is_over() || found.lease != self.job.lease {
            return Err(Stop::Lost);
        }
        // Its version is what the next write replaces, whoever has written it.
        self.job = found;
        if self.job.cancelled_by.is_some() { Err(Stop::Cancelled) } else { Ok(again) }
    }
}

fn keeps_failing() -> JobProblem {
    JobProblem::new(
        "keeps_failing",
        "workers took this job again and again and none came any further; try it again, and if it fails again, \
         tell whoever runs the system",
    )
}

/// One job is over.
fn count_end(job: &Job) {
    let (kind, state) = (job.work.name(), job.state.name());
    metrics::emit("jobs_ended_total", 1.0, Unit::Count, &[("kind", kind), ("state", state)]);
    if let (Some(begun), Some(ended)) = (job.started_at, job.ended_at) {
        let seconds = domain::time::between(begun, ended) as f64 / 1_000.0;
        metrics::emit("job_seconds", seconds, Unit::Seconds, &[("kind", kind), ("state", state)]);
    }
    tracing::info!(job = %job.id, kind, state, done = job.done, failed = job.failed, "over");
}

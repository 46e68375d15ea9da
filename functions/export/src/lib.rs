//! Batches as files: CSV to work with, PDF to print, streamed from the table into the bucket of files. Payouts as a
//! table, and our books against MoMo's, in the same manner.
//!
//! A job is taken by its lease and done in one life: whoever takes it after a crash begins the file anew, in another
//! place. The file counts once it has been read back and found whole; the write that ends the job names it.

mod books;
mod document;
mod hold;
mod pages;
mod payouts;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use document::Document;
use domain::{
    access::System,
    audit::Class,
    batch::{Batch, BatchState},
    id::JobId,
    identity::hex,
    job::{Format, Job, JobFile, JobProblem, JobState, Notice, Print, SheetRange, Step, Work},
    money::Currency,
    settings::Settings,
    time,
};
use files::{Files, FilesError};
use hold::Hold;
use pages::Plan;
use service::{
    Clock,
    aws::Aws,
    config::{BadConfig, Environment},
    live::LiveSettings,
    metrics::{self, Unit},
    nudge::JobNudge,
};
use std::{sync::Arc, time::Duration};
use store::{Deadline, Store, StoreError, keys};
use tokio::time::Instant;

/// The name under which this function ends jobs on its own account.
const ACTOR: System = System("export");
/// How long the table may take for one read or write.
const TABLE_MS: u64 = 5_000;
/// Between two writes of progress.
const BEAT: Duration = Duration::from_secs(2);
/// Kept free at the end: the file is read back, and the job's end written.
const LAST_STEPS: Duration = Duration::from_secs(60);
/// What is gathered before it is handed to the upload.
const GATHERED: usize = 256 * 1024;
/// Tries of the write that ends a job.
const END_TRIES: usize = 3;

pub struct Export {
    pub store: Store,
    pub files: Files,
    pub settings: LiveSettings,
    pub clock: Clock,
    /// Between two writes of progress, each with a look at the job and its owner.
    pub beat: Duration,
    /// Of the business: what the books are in.
    pub currency: Currency,
}

/// Why a job isn't gone on with.
#[derive(Debug, PartialEq)]
pub(crate) enum Stop {
    /// Somebody else has it, or it is over.
    Lost,
    /// Whoever may has asked that it ends.
    Cancelled,
    Failed(JobProblem),
    /// Trouble that passes: the next life begins anew.
    Later(String),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt(_) => {
                tracing::error!(%error, "an export met a row that cannot be read");
                Self::Failed(JobProblem::new("damaged", "the batch's records can't be read; tell who runs the system"))
            }
            StoreError::Changed | StoreError::Busy | StoreError::Ambiguous | StoreError::Rejected(_) => {
                Self::Later(error.to_string())
            }
        }
    }
}

impl From<FilesError> for Stop {
    fn from(error: FilesError) -> Self {
        Self::Later(error.to_string())
    }
}

pub(crate) fn soon() -> Deadline {
    Deadline::in_ms(TABLE_MS)
}

/// What a job asks for.
struct Wish {
    batch_id: String,
    format: Format,
    qr: bool,
    sheets: Option<SheetRange>,
}

impl Wish {
    fn of(work: &Work) -> Result<Self, Stop> {
        match work {
            Work::Export { batch_id, format, qr, sheets } => {
                Ok(Self { batch_id: batch_id.clone(), format: *format, qr: *qr, sheets: *sheets })
            }
            // A message on the wrong queue; the row's own worker finds it when it is due.
            Work::Generate { .. }
            | Work::Import { .. }
            | Work::ChangeCodes { .. }
            | Work::Reconcile { .. }
            | Work::ExportPayouts { .. } => Err(Stop::Lost),
        }
    }
}

/// What a job has come to.
struct Made {
    files: Vec<JobFile>,
    /// Codes, payouts or references that it is about.
    count: u64,
    /// Facts for the audit log.
    facts: Vec<(&'static str, String)>,
    print: Option<(String, Print)>,
}

impl Export {
    /// # Errors
    /// Every variable that is missing or malformed.
    pub fn from_environment() -> Result<Self, BadConfig> {
        let mut environment = Environment::of_process();
        let aws = Aws::from_environment(&mut environment);
        let currency = environment.optional("MOMO_CURRENCY");
        let currency = currency.as_deref().map_or(Some(Currency::Rwf), Currency::parse).unwrap_or_else(|| {
            environment.problem("MOMO_CURRENCY is RWF or EUR");
            Currency::Rwf
        });
        let mut export = Self::new(
            Store::new(aws.dynamodb(), environment.required("TABLE_NAME")),
            Files::from_environment(&mut environment, &aws),
            Clock::system(),
        );
        export.currency = currency;
        environment.finish()?;
        Ok(export)
    }

    pub fn new(store: Store, files: Files, clock: Clock) -> Self {
        Self { store, files, settings: LiveSettings::default(), clock, beat: BEAT, currency: Currency::Rwf }
    }

    /// Works on the messages one after the other and reports those that must come again. Ends before `until`.
    pub async fn handle(&self, event: SqsEvent, until: Instant) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        for message in event.records {
            if let Err(message_id) = self.message(message, until).await {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = message_id;
                response.batch_item_failures.push(failure);
            }
        }
        if self.store.take_contention() > 0 {
            metrics::emit("contention_total", 1.0, Unit::Count, &[("function", "export")]);
        }
        response
    }

    /// # Errors
    /// The message's id, when it must come again.
    async fn message(&self, message: SqsMessage, until: Instant) -> Result<(), String> {
        let id = message.message_id.unwrap_or_default();
        let Ok(nudge) = serde_json::from_str::<JobNudge>(&message.body.unwrap_or_default()) else {
            tracing::error!(message = id, "a message is no nudge");
            return Err(id);
        };
        self.run(&nudge.job, until).await.map_err(|error| {
            tracing::error!(message = id, job = %nudge.job, %error, "a nudge is not finished and comes again");
            id
        })
    }

    /// Takes a job, if it can be taken, and brings it to an end before `until`.
    ///
    /// # Errors
    /// When the job's row can't be read or taken. Trouble later on gives the job back, to be due again.
    pub async fn run(&self, id: &JobId, until: Instant) -> Result<(), StoreError> {
        let token = hex(&store::chance::<12>()?);
        loop {
            let Some(job) = self.store.job(id, soon()).await? else {
                tracing::warn!(job = %id, "a nudge for a job that does not exist is dropped");
                return Ok(());
            };
            if !job.work.is_export() {
                tracing::error!(job = %id, "a nudge came to the wrong queue");
                return Ok(());
            }
            let now = self.clock.now();
            let claimed = match job.step(&token, now) {
                Step::Rest | Step::Held { .. } => return Ok(()),
                Step::Cancel => return self.end(&job, &job.stopped(now)).await,
                Step::GiveUp => {
                    let text = "it has failed several times; start it anew, or tell who runs the system";
                    let problem = JobProblem::new("keeps_failing", text);
                    return self.end(&job, &job.gave_up(problem, Vec::new(), now)).await;
                }
                Step::Claim(claimed) => *claimed,
            };
            match self.store.save_job(&job, &claimed, soon()).await {
                Ok(()) => return self.live(claimed, until).await,
                // Whether it was applied is read from the row.
                Err(StoreError::Changed | StoreError::Ambiguous) => match self.store.job(id, soon()).await? {
                    Some(row) if row == claimed => return self.live(claimed, until).await,
                    Some(_) | None => continue,
                },
                Err(error) => return Err(error),
            }
        }
    }

    /// One life of a job that was taken.
    async fn live(&self, claimed: Job, until: Instant) -> Result<(), StoreError> {
        tracing::info!(job = %claimed.id, claims = claimed.claims, "taken");
        let mut hold = Hold::new(self, claimed, until);
        let made = match self.make(&mut hold).await {
            Ok(made) => self.finish(&mut hold, made).await,
            Err(stop) => Err(stop),
        };
        let now = self.clock.now();
        match made {
            Ok(()) | Err(Stop::Lost) => Ok(()),
            Err(Stop::Cancelled) => self.end(&hold.job, &hold.job.stopped(now)).await,
            Err(Stop::Failed(problem)) => self.end(&hold.job, &hold.job.gave_up(problem, Vec::new(), now)).await,
            Err(Stop::Later(why)) => {
                tracing::warn!(job = %hold.job.id, why, "an export is given back and begins anew");
                match self.store.save_job(&hold.job, &hold.job.released(now), soon()).await {
                    Ok(()) | Err(StoreError::Changed) => Ok(()),
                    // The lease lapses by itself, and the sweeper finds the job then.
                    Err(StoreError::Busy | StoreError::Ambiguous) => Ok(()),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// Makes the job's files.
    async fn make(&self, hold: &mut Hold<'_>) -> Result<Made, Stop> {
        match &hold.job.work {
            Work::Reconcile { .. } => self.make_books(hold).await,
            Work::ExportPayouts { .. } => self.make_payouts(hold).await,
            Work::Export { .. } | Work::Generate { .. } | Work::Import { .. } | Work::ChangeCodes { .. } => {
                self.make_codes(hold).await
            }
        }
    }

    /// Makes the file of a batch, from the first code to the last.
    async fn make_codes(&self, hold: &mut Hold<'_>) -> Result<Made, Stop> {
        let wish = Wish::of(&hold.job.work)?;
        hold.look().await?;
        let (batch, settings) = self.batch(&wish.batch_id, hold).await?;
        let runs = self.store.live_runs(&batch.id, soon()).await?;
        let plan = Plan::of(runs, wish.sheets);
        if plan.codes == 0 {
            let text = if wish.sheets.is_some() { "there are no codes on these sheets" } else { "it has no codes yet" };
            return Err(Stop::Failed(JobProblem::new("no_codes", text)));
        }
        let began = self.clock.now();
        let mut document = match wish.format {
            Format::Csv => Document::csv(&batch),
            Format::Pdf => Document::pdf(&batch, &plan, wish.qr, &settings, self.store.logo(soon()).await?)?,
        };
        let stamp = settings.zone().to_datetime(began).strftime("%Y%m%d-%H%M%S").to_string();
        let name = format!("{}-{stamp}.{}", batch.name, wish.format.extension());
        let key = files::result_key(&hold.job.id, hold.life, &name);
        let mut upload = self.files.upload(key, &name, document.content_type());
        let grace_hours = settings.redemption.grace_hours;
        let mut written = 0;
        let wrote: Result<(), Stop> = async {
            let mut walk = plan.walk();
            while let Some(page) = walk.next(&self.store).await? {
                for sheet in &page.sheets {
                    written += document.sheet(&batch, sheet, grace_hours, began);
                }
                if document.ready() >= GATHERED {
                    upload.write(document.take()).await?;
                }
                hold.beat(page.read, plan.codes).await?;
                if Instant::now() + LAST_STEPS > hold.until {
                    let text = "there are too many codes for one file; export them by ranges of sheets";
                    return Err(Stop::Failed(JobProblem::new("too_large", text)));
                }
            }
            upload.write(document.finish()?).await?;
            Ok(())
        }
        .await;
        if let Err(stop) = wrote {
            upload.abort().await;
            return Err(stop);
        }
        let file = upload.finish().await?;
        let print = (wish.format == Format::Pdf).then(|| Print {
            job: hold.job.id.clone(),
            at: began,
            by: hold.job.owner.clone(),
            sheets: plan.sheets(),
            expires_at: batch.expires_at,
        });
        let facts = vec![
            ("batch", batch.id.clone()),
            ("file", file.name.clone()),
            ("sha256", file.sha256.clone()),
            ("codes", written.to_string()),
        ];
        Ok(Made { files: vec![file], count: written, facts, print: print.map(|print| (batch.id, print)) })
    }

    /// The settings in force.
    async fn settings_in_force(&self) -> Result<Arc<Settings>, Stop> {
        let Some(key) = self.settings.wanted() else { return Ok(self.settings.last()) };
        let items = self.store.read(std::slice::from_ref(&key), soon()).await?;
        Ok(self.settings.current(&items, true)?)
    }

    /// The batch as it is now, if the job's owner may see it, and the settings in force.
    async fn batch(&self, id: &str, hold: &Hold<'_>) -> Result<(Batch, Arc<Settings>), Stop> {
        let batch_key = keys::batch(id);
        let settings_key = self.settings.wanted();
        let mut wanted = vec![batch_key.clone()];
        wanted.extend(settings_key.clone());
        let items = self.store.read(&wanted, soon()).await?;
        let settings = self.settings.current(&items, settings_key.is_some())?;
        let batch = items.get::<Batch>(&batch_key)?;
        let seen = batch.filter(|batch| batch.state != BatchState::Deleted && hold.sees(batch));
        let missing = || Stop::Failed(JobProblem::new("no_batch", "there is no such batch any more"));
        Ok((seen.ok_or_else(missing)?, settings))
    }

    /// The write that ends the job well: file, notice, record of the print and audit entry with it.
    async fn finish(&self, hold: &mut Hold<'_>, made: Made) -> Result<(), Stop> {
        for _ in 0..END_TRIES {
            let behalf = hold.look().await?;
            let now = self.clock.now();
            let read = Job { done: made.count, asked: made.count, ..hold.job.clone() };
            let after = read.finished(made.files.clone(), now);
            let mut act = self.store.act(&behalf, now, Class::Change, "job.done", format!("job:{}", after.id))?;
            for (field, value) in &made.facts {
                act = act.changed(field, None, Some(value.clone()));
            }
            act = act.job(Some(&hold.job), &after)?.notice(&Notice::of(&after))?;
            if let Some((batch_id, print)) = &made.print {
                act = act.print(batch_id, print)?;
            }
            match act.commit(soon()).await {
                Ok(()) => {
                    told(&after);
                    return Ok(());
                }
                // Somebody may have asked meanwhile that it ends; or it was applied, and the answer lost.
                Err(StoreError::Changed | StoreError::Ambiguous | StoreError::Busy) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Stop::Later("the job's end could not be written".to_owned()))
    }

    /// The write that ends a job otherwise.
    async fn end(&self, before: &Job, after: &Job) -> Result<(), StoreError> {
        let action = format!("job.{}", after.state.name());
        let now = after.ended_at.unwrap_or_else(|| self.clock.now());
        let mut act = self.store.act(&ACTOR, now, Class::Change, &action, format!("job:{}", after.id))?;
        if let Some(problem) = &after.problem {
            act = act.changed("problem", None, Some(problem.code.clone()));
        }
        let act = act.job(Some(before), after)?.notice(&Notice::of(after))?;
        match act.commit(soon()).await {
            Ok(()) => {
                told(after);
                Ok(())
            }
            // Whoever changed it knows more, or it was this very write.
            Err(StoreError::Changed) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What is logged and counted of a job that is over.
fn told(job: &Job) {
    let problem = job.problem.as_ref().map(|problem| problem.code.as_str());
    tracing::info!(job = %job.id, state = job.state.name(), problem, codes = job.done, "over");
    let dimensions = [("kind", job.work.name()), ("state", job.state.name())];
    metrics::emit("jobs_ended_total", 1.0, Unit::Count, &dimensions);
    if let (JobState::Done, Some(began), Some(ended)) = (job.state, job.started_at, job.ended_at) {
        let seconds = time::between(began, ended) as f64 / 1_000.0;
        metrics::emit("job_seconds", seconds, Unit::Seconds, &[("kind", job.work.name())]);
    }
}

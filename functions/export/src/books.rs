//! Our books against MoMo's, for somebody who asked.

use crate::{Export, LAST_STEPS, Made, Stop, hold::Hold};
use books::{Books, BooksError};
use domain::job::{JobProblem, Work};
use files::FilesError;
use std::time::Duration;
use store::Deadline;
use tokio::time::{Instant, sleep};

/// The largest statement that is read.
const STATEMENT_BYTES: u64 = 32 << 20;
/// So often the lease is looked at while a comparison goes on; it lasts a minute.
const LOOK_EVERY: Duration = Duration::from_secs(20);

impl From<BooksError> for Stop {
    fn from(error: BooksError) -> Self {
        match error {
            BooksError::Store(error) => error.into(),
            BooksError::Files(error) => error.into(),
            BooksError::Statement(why) => Self::Failed(JobProblem::new("bad_statement", why)),
            BooksError::Report(why) => {
                tracing::error!(why, "a report could not be made");
                Self::Failed(JobProblem::new("no_report", "the report could not be made; tell who runs the system"))
            }
            BooksError::NoTime => Self::Failed(JobProblem::new(
                "too_large",
                "there are too many payouts for one comparison; take fewer days",
            )),
        }
    }
}

/// Does `work` and keeps up the job's lease meanwhile: nothing in it tells how far it has come.
async fn kept_up<T>(
    hold: &mut Hold<'_>,
    references: u64,
    work: impl Future<Output = Result<T, BooksError>>,
) -> Result<T, Stop> {
    let mut work = Box::pin(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done?),
            () = sleep(LOOK_EVERY) => hold.beat(references, references).await?,
        }
    }
}

impl Export {
    pub(crate) async fn make_books(&self, hold: &mut Hold<'_>) -> Result<Made, Stop> {
        let Work::Reconcile { from, to, upload, dry_run, .. } = hold.job.work.clone() else { return Err(Stop::Lost) };
        let behalf = hold.look().await?;
        let settings = self.settings_in_force().await?;
        let zone = settings.zone();
        let books = Books { store: self.store.clone(), files: self.files.clone() };
        let left = hold.until.saturating_duration_since(Instant::now()).saturating_sub(LAST_STEPS);
        let deadline = Deadline::in_ms(u64::try_from(left.max(Duration::from_secs(1)).as_millis()).unwrap_or(u64::MAX));
        let compared = match &upload {
            None => kept_up(hold, 0, books.compare_day(to, self.currency, &zone, deadline)).await?,
            Some(key) => {
                let bytes = match self.files.get(key, STATEMENT_BYTES).await {
                    Ok((bytes, _)) => bytes,
                    Err(FilesError::Missing) => {
                        return Err(Stop::Failed(JobProblem::new("no_upload", "upload the statement first")));
                    }
                    Err(FilesError::TooLarge { .. }) => {
                        let text = "a statement has at most 32 MiB; take fewer days";
                        return Err(Stop::Failed(JobProblem::new("too_large", text)));
                    }
                    Err(error) => return Err(error.into()),
                };
                let work = books.compare_statement(&bytes, (from, to), self.currency, &zone, deadline);
                kept_up(hold, 0, work).await?
            }
        };
        hold.beat(compared.references, compared.references).await?;
        let (job, life) = (hold.job.id.clone(), hold.life);
        let place = |name: &str| files::result_key(&job, life, name);
        let now = self.clock.now();
        let files = if dry_run {
            kept_up(hold, compared.references, books.write(&compared, &settings, &place, now)).await?
        } else {
            let work = books.keep(&compared, (&behalf, Some(&job)), &settings, &place, now);
            kept_up(hold, compared.references, work).await?.compared.files
        };
        let facts = vec![
            ("from", from.to_string()),
            ("to", to.to_string()),
            ("differences", compared.reconciliation.differences.len().to_string()),
            ("dry_run", dry_run.to_string()),
        ];
        Ok(Made { files, count: compared.references, facts, print: None })
    }
}

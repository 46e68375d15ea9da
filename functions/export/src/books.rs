//! Our books against MoMo's, for somebody who asked.

use crate::{Export, LAST_STEPS, Made, Stop, hold::Hold};
use books::{Books, BooksError};
use domain::job::{JobProblem, Work};
use files::FilesError;
use std::time::Duration;
use store::Deadline;
use tokio::time::Instant;

/// The largest statement that is read.
const STATEMENT_BYTES: u64 = 32 << 20;

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
            None => books.compare_day(to, self.currency, &zone, deadline).await?,
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
                books.compare_statement(&bytes, (from, to), self.currency, &zone, deadline).await?
            }
        };
        hold.beat(compared.references, compared.references).await?;
        let (job, life) = (hold.job.id.clone(), hold.life);
        let place = |name: &str| files::result_key(&job, life, name);
        let now = self.clock.now();
        let files = if dry_run {
            books.write(&compared, &settings, &place, now).await?
        } else {
            books.keep(&compared, (&behalf, Some(&job)), &settings, &place, now).await?.compared.files
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

//! Comparing, and keeping what came of it: findings, files, an alert, an entry.

use crate::{
    BooksError, Day, TABLE_MS,
    records::{self, READ_ROWS, begins},
};
use domain::{
    access::Authority,
    alert::{self, Alert},
    audit::{Class, Severity},
    id::JobId,
    identity::{RedemptionId, digest, hex},
    job::JobFile,
    money::Currency,
    reconcile::{
        Books as Sums, Counters, Finding, Period, Reconciliation, Source, Sum, Theirs, Verdict, difference_note,
        reconcile,
    },
    redemption::Redemption,
    settings::Settings,
    time,
};
use files::Files;
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use service::metrics::{self, Unit};
use sheets::{report, statement};
use store::{ComparedBooks, Deadline, Store, keys};

/// Most of a statement's payouts were redeemed up to so many days before it: what failed was retried by hand. Others are
/// looked up by what their line names.
const BEFORE_STATEMENT_DAYS: i32 = 35;
/// Differences of one comparison that are kept to be resolved; all are in its table.
const FINDINGS_MAX: usize = 5_000;

/// The table and the bucket that comparisons are made with.
#[derive(Clone)]
pub struct Books {
    pub store: Store,
    pub files: Files,
}

/// Where the files of a comparison lie: by job and life, or by day.
pub type Places<'a> = &'a (dyn Fn(&str) -> String + Sync);

/// A comparison that has been made, and not yet kept.
#[derive(Debug)]
pub struct Compared {
    pub from: Date,
    pub to: Date,
    pub reconciliation: Reconciliation,
    /// Lines of a statement that can't be taken as they are, as a table.
    pub problems: Option<Vec<u8>>,
    /// References that were compared.
    pub references: u64,
    /// Payouts that a later comparison may say more of.
    pub waiting: u64,
}

/// What was kept of it.
#[derive(Debug)]
pub struct Made {
    pub compared: ComparedBooks,
    pub new_findings: u64,
}

impl Compared {
    fn source(&self) -> &'static str {
        match self.reconciliation.period.source {
            Source::Asked => "asked",
            Source::Statement { .. } => "statement",
        }
    }
}

impl Books {
    /// The payouts that were redeemed on a day against what MoMo answered when it was asked again.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn compare_day(
        &self,
        day: Date,
        currency: Currency,
        zone: &TimeZone,
        deadline: Deadline,
    ) -> Result<Compared, BooksError> {
        let records = records::days(&self.store, (day, day), zone, deadline).await?;
        let books = Some(self.sums(day, &records, deadline).await?);
        let period = Period { day, currency, source: Source::Asked, books };
        Ok(compared((day, day), &period, &records, &records.theirs))
    }

    /// What a statement of the days from `from` to `to` says against our references.
    ///
    /// # Errors
    /// [`BooksError::Statement`] when it can't be read as a whole; [`BooksError`].
    pub async fn compare_statement(
        &self,
        bytes: &[u8],
        (from, to): (Date, Date),
        currency: Currency,
        zone: &TimeZone,
        deadline: Deadline,
    ) -> Result<Compared, BooksError> {
        let rules = statement::Rules::of(currency, zone.clone());
        let read = statement::read(bytes, &rules).map_err(|refused| BooksError::Statement(refused.to_string()))?;
        let first = from.checked_sub(BEFORE_STATEMENT_DAYS.days()).unwrap_or(from);
        let mut records = records::days(&self.store, (first, to), zone, deadline).await?;
        records::found_by_lines(&self.store, &read.lines, &mut records, zone, deadline).await?;
        let source = Source::statement(from, to, zone, read.unread());
        let period = Period { day: to, currency, source, books: None };
        let mut compared = compared((from, to), &period, &records, &read.lines);
        compared.problems = (!read.problems.is_empty()).then(|| statement::report(&read.problems));
        Ok(compared)
    }

    /// What counters and records say of one day. The counters are those of every batch: what was counted without a
    /// payout stands in a batch that no payout names.
    async fn sums(&self, day: Date, records: &Day, deadline: Deadline) -> Result<Sums, BooksError> {
        let counted = self.counted(day, deadline).await?;
        let of = |row: &Counters| Sum { count: row.redeemed, amount: row.redeemed_amount };
        let codes = counted.values().fold(Sum::default(), |all, row| all.plus(of(row)));
        Ok(Sums { codes, redemptions: self.redemptions(&records.ids, deadline).await?, payouts: records.payouts })
    }

    /// What the redemptions themselves say: a payout without one is money without a reason.
    async fn redemptions(&self, ids: &[RedemptionId], deadline: Deadline) -> Result<Sum, BooksError> {
        let mut sum = Sum::default();
        for ids in ids.chunks(READ_ROWS) {
            if deadline.passed() {
                return Err(BooksError::NoTime);
            }
            let rows: Vec<keys::Key> = ids.iter().map(keys::redemption).collect();
            let items = self.store.read(&rows, Deadline::in_ms(TABLE_MS)).await?;
            for row in &rows {
                if let Some(redemption) = items.get::<Redemption>(row)? {
                    sum.add(redemption.money.amount);
                }
            }
        }
        Ok(sum)
    }

    /// Writes the report as PDF and the differences as CSV, reads both back, and keeps findings, alert and entry. The
    /// alert comes first: once the row says that somebody was called, it is so.
    ///
    /// # Errors
    /// [`BooksError`]; asked again it goes on where it stopped, since what is known is not kept twice.
    pub async fn keep(
        &self,
        compared: &Compared,
        (by, job): (&dyn Authority, Option<&JobId>),
        settings: &Settings,
        places: Places<'_>,
        now: Timestamp,
    ) -> Result<Made, BooksError> {
        // A day on which nothing was sent has nothing to show.
        let files =
            if compared.references == 0 { Vec::new() } else { self.write(compared, settings, places, now).await? };
        let entity = format!("books:{}", compared.to);
        let alerted = self.call(compared, &entity, now).await?;
        let mut new_findings = 0;
        for difference in compared.reconciliation.differences.iter().take(FINDINGS_MAX) {
            let finding = Finding::new(compared.to, difference.clone(), now);
            new_findings += u64::from(self.store.keep_finding(&finding, Deadline::in_ms(TABLE_MS)).await?);
        }
        let row = ComparedBooks {
            from: compared.from,
            to: compared.to,
            source: compared.source().to_owned(),
            made_at: now,
            job: job.cloned(),
            verdict: compared.reconciliation.verdict(),
            totals: compared.reconciliation.totals,
            differences: compared.reconciliation.differences.len() as u64,
            open: compared.reconciliation.open.len() as u64,
            waiting: compared.waiting,
            alerted,
            files,
        };
        let severity = if row.verdict == Verdict::Differs { Severity::Critical } else { Severity::Info };
        let act = self.store.act(by, now, Class::Money, "books.compared", entity)?;
        let act = act
            .severity(severity)
            .changed("from", None, Some(compared.from.to_string()))
            .changed("source", None, Some(row.source.clone()))
            .changed("verdict", None, Some(format!("{:?}", row.verdict).to_lowercase()))
            .changed("differences", None, Some(row.differences.to_string()))
            .compared(&row)?;
        act.commit(Deadline::in_ms(TABLE_MS)).await?;
        Ok(Made { compared: row, new_findings })
    }

    /// Calls somebody when there are differences that nobody was called for. Answers a digest of what the last call
    /// was for.
    async fn call(&self, compared: &Compared, entity: &str, now: Timestamp) -> Result<Option<String>, BooksError> {
        let Some(note) = difference_note(&compared.reconciliation) else { return Ok(None) };
        let mut ids: Vec<&str> = compared.reconciliation.differences.iter().map(|found| found.id.as_str()).collect();
        ids.sort_unstable();
        let parts: Vec<&str> = ids.into_iter().chain([note.as_str()]).collect();
        let found = hex(&digest(&parts));
        let key = keys::books(compared.to, compared.from, compared.source());
        let before: Option<ComparedBooks> = self.store.one(&key, Deadline::in_ms(TABLE_MS)).await?;
        if before.and_then(|before| before.alerted).as_ref() != Some(&found) {
            let short: String = found.chars().take(16).collect();
            let id = format!("books-{}-{}-{short}", compared.to, compared.source());
            self.raise(&Alert { id, at: now, kind: alert::Kind::BooksDiffer, entity: entity.to_owned(), note }).await?;
        }
        Ok(Some(found))
    }

    /// Raises an alert, and counts it for the alarm that watches the sum over all kinds.
    pub(crate) async fn raise(&self, alert: &Alert) -> Result<(), BooksError> {
        if self.store.raise(alert, Deadline::in_ms(TABLE_MS)).await? {
            metrics::emit("alerts_raised_total", 1.0, Unit::Count, &[]);
        }
        Ok(())
    }

    /// Writes the report as PDF and the differences as CSV, and reads them back; nothing else is kept.
    ///
    /// # Errors
    /// [`BooksError::Report`], [`BooksError::Files`].
    pub async fn write(
        &self,
        compared: &Compared,
        settings: &Settings,
        places: Places<'_>,
        now: Timestamp,
    ) -> Result<Vec<JobFile>, BooksError> {
        let zone = settings.zone();
        let (from, to) = (time::figures(compared.from), time::figures(compared.to));
        let heading = report::Heading {
            brand: settings.brand.clone(),
            company: settings.sheets.company.clone(),
            period: if from == to { to } else { format!("{from} – {to}") },
            made_at: now,
            made_on: zone.to_datetime(now).strftime("%d/%m/%Y %H:%M").to_string(),
        };
        let pdf =
            report::pdf(&heading, &compared.reconciliation).map_err(|unmade| BooksError::Report(unmade.to_string()))?;
        let mut wanted = vec![
            ("pdf", "application/pdf", pdf),
            ("csv", "text/csv; charset=utf-8", report::csv(&compared.reconciliation)),
        ];
        if !compared.reconciliation.open.is_empty() {
            wanted.push(("open.csv", "text/csv; charset=utf-8", report::open_csv(&compared.reconciliation)));
        }
        if let Some(problems) = &compared.problems {
            wanted.push(("lines.csv", "text/csv; charset=utf-8", problems.clone()));
        }
        let mut files = Vec::new();
        for (extension, kind, bytes) in wanted {
            let name = format!("reconciliation-{}-{}.{extension}", compared.to, compared.source());
            let mut upload = self.files.upload(places(&name), &name, kind);
            upload.write(bytes).await?;
            files.push(upload.finish().await?);
        }
        Ok(files)
    }
}

fn compared((from, to): (Date, Date), period: &Period, records: &Day, theirs: &[Theirs]) -> Compared {
    let reconciliation = reconcile(period, &records.ours, theirs);
    let references = records.ours.len() as u64;
    Compared { from, to, reconciliation, problems: None, references, waiting: records.waiting }
}

/// The newest day that is worth a comparison: what was paid at once has been asked about again, a day after it was sent.
/// What ends later is asked about later, so a day is compared again until nothing of it waits.
pub fn newest_askable(now: Timestamp, zone: &TimeZone) -> Date {
    let today = time::day(now, zone);
    let two_days = today.checked_sub(2.days()).unwrap_or(today);
    debug_assert!(begins(two_days, zone) < now);
    two_days
}

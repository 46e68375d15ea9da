//! The books, hour by hour: each day is compared with MoMo from the second day after it, day by day until nothing of it
//! waits any more, and its counters are counted again once it is over.

use crate::Nightly;
use books::{BooksError, newest_askable};
use domain::{
    access::System,
    settings::Settings,
    time::{self, DAY_MS},
};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use service::metrics::{self, Unit};
use std::sync::Arc;
use store::{ComparedBooks, Deadline, keys};

const ACTOR: System = System("nightly");
/// Days that are counted again: a schedule that stood still makes up for them.
const RECOUNT_DAYS: i32 = 7;
/// Days that are compared until all of them is known: so late may a payout end that waited for a person.
const COMPARE_DAYS: i32 = 35;
/// A comparison that isn't the last one of its day is made again so much later.
const AGAIN_MS: i64 = DAY_MS;
const TABLE_MS: u64 = 5_000;

/// What one run has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub compared: u32,
    pub differences: u64,
    pub corrected: usize,
}

impl Nightly {
    /// # Errors
    /// [`BooksError`]; the next run does what this one left.
    pub async fn keep_books(&self, deadline: Deadline) -> Result<Kept, BooksError> {
        let settings = self.settings_in_force().await?;
        let zone = settings.zone();
        let now = self.sealer.log.clock.now();
        let mut kept = Kept::default();
        let today = time::day(now, &zone);
        for back in (1..=RECOUNT_DAYS).rev() {
            let day = today.checked_sub(back.days()).unwrap_or(today);
            if self.books.is_recounted(day).await? {
                continue;
            }
            let recounted = self.books.recount(day, &ACTOR, &settings, now, deadline).await?;
            kept.corrected += recounted.corrected;
            metrics::emit("counters_drifted", count(recounted.drifted), Unit::Count, &[]);
        }
        for day in self.to_compare(now, &zone).await? {
            let compared = self.books.compare_day(day, self.currency, &zone, deadline).await?;
            // Each comparison has files of its own: what an earlier one has shown stays what it was.
            let place = |name: &str| format!("books/{day}/{}/{name}", now.as_millisecond());
            let made = self.books.keep(&compared, (&ACTOR, None), &settings, &place, now).await?;
            kept.compared += 1;
            kept.differences += made.compared.differences;
            metrics::emit("books_differences", made.compared.differences as f64, Unit::Count, &[]);
        }
        // What an alarm waits for: that nothing is compared is as bad as a difference.
        metrics::emit("books_kept_total", 1.0, Unit::Count, &[]);
        Ok(kept)
    }

    /// Days that were not compared yet, and those of which the last comparison left something open a day ago. The
    /// newest first: there is most to find.
    async fn to_compare(&self, now: Timestamp, zone: &TimeZone) -> Result<Vec<Date>, BooksError> {
        let newest = newest_askable(now, zone);
        let days: Vec<Date> = (0..COMPARE_DAYS).filter_map(|back| newest.checked_sub(back.days()).ok()).collect();
        let rows: Vec<keys::Key> = days.iter().map(|day| keys::books(*day, *day, "asked")).collect();
        let items = self.books.store.read(&rows, Deadline::in_ms(TABLE_MS)).await?;
        let mut wanted = Vec::new();
        for (day, row) in days.into_iter().zip(&rows) {
            let row: Option<ComparedBooks> = items.get(row)?;
            let known = |row: &ComparedBooks| row.is_final(zone) || time::between(row.made_at, now) < AGAIN_MS;
            if !row.as_ref().is_some_and(known) {
                wanted.push(day);
            }
        }
        Ok(wanted)
    }

    async fn settings_in_force(&self) -> Result<Arc<Settings>, BooksError> {
        let Some(key) = self.settings.wanted() else { return Ok(self.settings.last()) };
        let items = self.books.store.read(std::slice::from_ref(&key), Deadline::in_ms(TABLE_MS)).await?;
        Ok(self.settings.current(&items, true)?)
    }
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

//! The books, hour by hour: each day is compared with MoMo once all its references were asked about again, and its
//! counters are counted again once it is over.

use crate::Nightly;
use books::{BooksError, newest_askable};
use domain::{access::System, settings::Settings, time};
use jiff::{ToSpan, civil::Date};
use service::metrics::{self, Unit};
use std::sync::Arc;
use store::Deadline;

const ACTOR: System = System("nightly");
/// Days that are looked back on: a schedule that stood still makes up for them.
const BACK_DAYS: i32 = 7;
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
        for back in (1..=BACK_DAYS).rev() {
            let day = today.checked_sub(back.days()).unwrap_or(today);
            if self.books.is_recounted(day).await? {
                continue;
            }
            let recounted = self.books.recount(day, &ACTOR, &settings, now, deadline).await?;
            kept.corrected += recounted.corrected;
            metrics::emit("counters_drifted", count(recounted.drifted), Unit::Count, &[]);
        }
        let newest = newest_askable(now, &zone);
        for back in (0..BACK_DAYS).rev() {
            let day = newest.checked_sub(back.days()).unwrap_or(newest);
            if self.is_compared(day).await? {
                continue;
            }
            let compared = self.books.compare_day(day, self.currency, &zone, deadline).await?;
            let place = |name: &str| format!("books/{day}/{name}");
            let made = self.books.keep(&compared, (&ACTOR, None), &settings, &place, now).await?;
            kept.compared += 1;
            kept.differences += made.compared.differences;
            if made.new_findings > 0 {
                // The alarm watches the sum over all kinds.
                metrics::emit("alerts_raised_total", 1.0, Unit::Count, &[]);
            }
            metrics::emit("books_differences", made.compared.differences as f64, Unit::Count, &[]);
        }
        // What an alarm waits for: that nothing is compared is as bad as a difference.
        metrics::emit("books_kept_total", 1.0, Unit::Count, &[]);
        Ok(kept)
    }

    async fn is_compared(&self, day: Date) -> Result<bool, BooksError> {
        let key = store::keys::books(day, day, "asked");
        let row: Option<store::ComparedBooks> = self.books.store.one(&key, Deadline::in_ms(TABLE_MS)).await?;
        Ok(row.is_some())
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

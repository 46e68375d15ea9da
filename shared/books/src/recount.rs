//! Counters of a day that is over, counted again from the records; what is found twice is put right.

use crate::{
    Books, BooksError, TABLE_MS,
    records::{self, place},
};
use domain::{
    access::Authority,
    alert::{self, Alert},
    audit::{Class, Severity},
    batch::Batch,
    identity::{digest, hex},
    reconcile::{Counters, Drift, NotYet, Place, drift_note, drifts},
    settings::Settings,
    time,
};
use jiff::{Timestamp, civil::Date};
use std::collections::BTreeMap;
use store::{Deadline, Recount, keys};

/// What a recount came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recounted {
    pub rows: usize,
    pub drifted: usize,
    pub corrected: usize,
}

impl Books {
    /// Counts one day again. The first time only notes what drifted; a second time, a while later, adds what is missing
    /// where it finds the same.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn recount(
        &self,
        day: Date,
        by: &dyn Authority,
        settings: &Settings,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Recounted, BooksError> {
        let zone = settings.zone();
        let key = keys::recount(day);
        let before: Recount = self.store.one(&key, Deadline::in_ms(TABLE_MS)).await?.unwrap_or_default();
        let mut recounted = records::days(&self.store, (day, day), &zone, deadline).await?.redeemed;
        for payout in self.store.settled_on(day, deadline).await? {
            recounted.entry(place(&payout, day)).or_default().pay(payout.money.amount);
        }
        let counted = self.counted(day, deadline).await?;
        let found = drifts(&counted, &recounted, now);
        let mut done = Recounted { rows: counted.len().max(recounted.len()), drifted: found.len(), corrected: 0 };
        let today = time::day(now, &zone);
        let mut left = Vec::new();
        let mut corrected = Vec::new();
        for drift in found {
            let known = before.drifts.iter().find(|known| known.place == drift.place);
            match known.map(|known| drift.correction(known, today)) {
                Some(Ok(step)) => {
                    let act = self.store.act(
                        by,
                        now,
                        Class::Money,
                        "counters.corrected",
                        format!("batch:{}", drift.place.batch),
                    )?;
                    let mut act = act.severity(Severity::Warning).changed("day", None, Some(day.to_string()));
                    let values = drift.counted.parts().into_iter().zip(drift.recounted.parts());
                    for ((name, counted), (_, recounted)) in values {
                        act = act.changed(name, Some(counted.to_string()), Some(recounted.to_string()));
                    }
                    act.corrected_counter(&drift.place, &drift, step)?.commit(Deadline::in_ms(TABLE_MS)).await?;
                    done.corrected += 1;
                    corrected.push(drift);
                }
                Some(Err(why)) => {
                    tracing::info!(%day, %why, "counters are not put right yet");
                    // What has moved is compared with what it is now, or it would never be found twice. Otherwise the
                    // time apart goes on from the first look.
                    left.push(known.filter(|_| why != NotYet::Moved).cloned().unwrap_or(drift));
                }
                None => left.push(drift),
            }
        }
        let is_new = |drift: &&Drift| before.drifts.iter().all(|known| known.place != drift.place);
        let new: Vec<Drift> = left.iter().filter(is_new).cloned().collect();
        // Before they are on record: what is known already calls nobody.
        self.tell(day, &new, "found", now).await?;
        let after = Recount { done: left.is_empty(), drifts: left, version: before.version + 1 };
        if (&after.drifts, after.done) != (&before.drifts, before.done) {
            let act = self.store.act(by, now, Class::System, "counters.recounted", format!("books:{day}"))?;
            let act = act.changed("rows", None, Some(done.rows.to_string()));
            let act = act.changed("drifted", None, Some(done.drifted.to_string()));
            act.recount(day, before.version, &after)?.commit(Deadline::in_ms(TABLE_MS)).await?;
        }
        self.tell(day, &corrected, "corrected", now).await?;
        Ok(done)
    }

    /// Whether a day's counters have been found right, or put right.
    ///
    /// # Errors
    /// [`BooksError::Store`].
    pub async fn is_recounted(&self, day: Date) -> Result<bool, BooksError> {
        let recount: Option<Recount> = self.store.one(&keys::recount(day), Deadline::in_ms(TABLE_MS)).await?;
        Ok(recount.is_some_and(|recount| recount.done))
    }

    /// Once for what is found and once for what is put right, row by row. The alarm sends people to the alerts of its
    /// own day, so it is today's.
    async fn tell(&self, day: Date, drifts: &[Drift], what: &str, now: Timestamp) -> Result<(), BooksError> {
        let Some(note) = drift_note(drifts, what == "corrected") else { return Ok(()) };
        let rows: Vec<String> =
            drifts.iter().map(|drift| format!("{}/{}", drift.place.batch, drift.place.shard)).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let id = format!("drift-{day}-{what}-{}", hex(&digest(&rows)[..8]));
        let entity = format!("books:{day}");
        self.raise(&Alert { id, at: now, kind: alert::Kind::CountersDrifted, entity, note }).await
    }

    /// What every batch's counters say of one day.
    pub(crate) async fn counted(&self, day: Date, deadline: Deadline) -> Result<BTreeMap<Place, Counters>, BooksError> {
        let mut counted = BTreeMap::new();
        let mut position = None;
        loop {
            let listed = self.store.batches(true, position, 100, |_: &Batch| true, Deadline::in_ms(TABLE_MS)).await?;
            for batch in &listed.items {
                if deadline.passed() {
                    return Err(BooksError::NoTime);
                }
                for (shard, row) in self.store.counters_of_day(&batch.id, day, Deadline::in_ms(TABLE_MS)).await? {
                    let counters = Counters {
                        redeemed: row.redeemed,
                        redeemed_amount: row.redeemed_amount,
                        paid: row.paid,
                        paid_amount: row.paid_amount,
                    };
                    counted.insert(Place { day, batch: batch.id.clone(), shard }, counters);
                }
            }
            position = listed.next.and_then(|number| number.parse().ok());
            if position.is_none() {
                return Ok(counted);
            }
        }
    }
}

//! Retention (AUD-04): entries older than the setting go to the archive, are read back there, and leave the table.
//!
//! An hour goes as a whole, and only when it verifies. The mark is moved, with an audit entry, before the first entry
//! is given to the table's clean-up; a run that dies after that is taken up at the mark.

use crate::Nightly;
use domain::{
    audit::{Class, Entry, Severity},
    seal::{Hour, Part, Row, Sealed, Tree},
    settings::Settings,
    time::DAY_MS,
};
use seal::{Kept, Log, SealError};
use service::metrics::{self, Unit};
use std::collections::HashMap;
use store::{Archived, Deadline, StoreError, keys};

const TABLE_MS: u64 = 10_000;

/// What one run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Hours that were archived, empty ones included, and entries in them.
    pub hours: u64,
    pub entries: u64,
    /// Hours that don't verify. They stay in the table, for whoever looks into them.
    pub refused: Vec<Hour>,
}

impl Nightly {
    /// Archives what is older than the settings say, hour by hour, until `deadline`.
    ///
    /// # Errors
    /// Where it stopped; the next run goes on from there.
    pub async fn retain(&self, deadline: Deadline) -> Result<Retained, SealError> {
        let log = &self.sealer.log;
        let days = self.retention_days().await?;
        let now = log.clock.now();
        let keep_from = Hour::of(domain::time::plus(now, -DAY_MS.saturating_mul(i64::from(days))));
        let mut mark = log.store.archived(Deadline::in_ms(TABLE_MS)).await?;
        let mut hour = match mark {
            Some(mark) => {
                // Its entries may not all have been given to the clean-up.
                if mark.archived {
                    self.expire(mark.hour, deadline).await?;
                }
                mark.hour.plus(1)
            }
            None => match log.archive.first(Hour::of(now)).await? {
                Some(first) => first,
                None => return Ok(Retained::default()),
            },
        };
        let last = log.last_sealed().await?;
        let mut done = Retained::default();
        while hour < keep_from && last.is_some_and(|last| hour <= last) && !deadline.passed() {
            let whole = match log.archive.digest(hour).await? {
                Kept::Digest(sealed) => self.archive(hour, &sealed).await?.then_some(sealed),
                Kept::Absent | Kept::Unreadable => None,
            };
            let after = Archived { hour, archived: whole.is_some(), version: 0 };
            let entry = self.entry(hour, whole.as_deref());
            match log.store.note_archived(mark, after, entry.as_ref(), Deadline::in_ms(TABLE_MS)).await {
                Ok(()) => {}
                // Another run is at it.
                Err(StoreError::Changed) => break,
                Err(error) => return Err(error.into()),
            }
            match whole {
                Some(sealed) => {
                    self.expire(hour, deadline).await?;
                    done.hours += 1;
                    done.entries += sealed.digest.count;
                }
                None => {
                    tracing::error!(%hour, "an hour of the audit log does not verify and stays in the table");
                    metrics::emit("audit_archive_refused_total", 1.0, Unit::Count, &[]);
                    done.refused.push(hour);
                }
            }
            mark = log.store.archived(Deadline::in_ms(TABLE_MS)).await?;
            hour = hour.plus(1);
        }
        Ok(done)
    }

    /// The setting as it is now. When it can't be read nothing is archived.
    async fn retention_days(&self) -> Result<u32, SealError> {
        let key = keys::settings();
        let rows = self.sealer.log.store.read(std::slice::from_ref(&key), Deadline::in_ms(TABLE_MS)).await?;
        Ok(rows.get::<Settings>(&key)?.unwrap_or_default().security.audit.retention_days)
    }

    /// What is put on record of an hour; nothing of an empty one.
    fn entry(&self, hour: Hour, whole: Option<&Sealed>) -> Option<Entry> {
        let now = self.sealer.log.clock.now();
        let entry = |action: &str| {
            let (actor, entity) = ("system:nightly".to_owned(), format!("audit:{hour}"));
            Entry::new(format!("{action}-{hour}"), now, Class::System, action, actor, entity)
        };
        match whole.map(|sealed| sealed.digest.count) {
            Some(0) => None,
            Some(count) => Some(entry("audit.archive").change("archived_entries", None, Some(count.to_string()))),
            None => Some(entry("audit.archive_refused").severity(Severity::Critical)),
        }
    }

    /// Puts the hour's entries into the archive and reads them back. `false` when the hour is not as it was sealed.
    async fn archive(&self, hour: Hour, sealed: &Sealed) -> Result<bool, SealError> {
        let log = &self.sealer.log;
        if !log.check_hour(hour, sealed).await?.is_whole() {
            return Ok(false);
        }
        for (shard, part) in (0..).zip(&sealed.digest.shards) {
            if part.count > 0 && !archive_shard(log, hour, shard, part).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Gives what is archived of an hour to the table's clean-up.
    async fn expire(&self, hour: Hour, deadline: Deadline) -> Result<(), SealError> {
        let log = &self.sealer.log;
        let Kept::Digest(sealed) = log.archive.digest(hour).await? else { return Ok(()) };
        for (shard, part) in (0..).zip(&sealed.digest.shards) {
            if part.count == 0 {
                continue;
            }
            let Some(archived) = log.archive.entries(hour, shard).await? else { continue };
            let archived: HashMap<&str, [u8; 32]> =
                archived.iter().filter_map(|row| Some((row.text("sk")?, row.leaf()))).collect();
            let mut after = None;
            loop {
                let page = log.page(hour, shard, after.as_deref()).await?;
                // Only what lies in the archive just as it lies here.
                let same = |row: &&Row| row.text("sk").is_some_and(|sk| archived.get(sk) == Some(&row.leaf()));
                let unset = page.rows.iter().filter(|row| !row.expires()).filter(same);
                let going: Vec<String> = unset.filter_map(|row| row.text("sk")).map(str::to_owned).collect();
                log.store.expire_audit(hour, shard, &going, log.clock.now(), deadline).await?;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Puts one shard where there is none and reads it back. `false` unless what lies there then is what was sealed.
async fn archive_shard(log: &Log, hour: Hour, shard: u8, part: &Part) -> Result<bool, SealError> {
    let mut lines = String::new();
    let mut after = None;
    loop {
        let page = log.page(hour, shard, after.as_deref()).await?;
        for row in &page.rows {
            lines.push_str(&row.canonical());
            lines.push('\n');
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    // What lies there already stays. After an interrupted run that is the same, though the table may hold less by now.
    log.archive.put(&log.archive.entries_key(hour, shard), "application/x-ndjson", lines.into_bytes()).await?;
    let kept = log.archive.entries(hour, shard).await?.unwrap_or_default();
    Ok(Part::of(&Tree::of(kept.iter().map(Row::leaf))) == *part)
}

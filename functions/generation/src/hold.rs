//! A job that this worker holds: who it works for, how fast it may write, how much time is left.

use crate::{Generation, Stop, soon};
use domain::{
    access::Behalf,
    job::{Job, JobFile},
    settings::Settings,
};
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The job is given back while there is this much time left.
const RESERVE: Duration = Duration::from_secs(10);
/// How long, and for how many chunks, what the owner may is not looked at again.
const OWNER_FRESH: Duration = Duration::from_secs(5);
const OWNER_CHUNKS: u32 = 20;
/// Chunks whose writes are taken from the second's budget at once.
const CHUNKS_AT_ONCE: u32 = 4;
/// The longest rest after a chunk that met others.
const LONGEST_REST: Duration = Duration::from_secs(2);

/// What became of a write that moves the job on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrote {
    Applied,
    /// Something else that it was conditional on has changed: read and decide anew.
    Refused,
    /// No answer, and not applied as far as can be seen: the same again.
    Unknown,
}

pub(crate) struct Hold<'g> {
    pub generation: &'g Generation,
    /// As it is in the table.
    pub job: Job,
    pub settings: Settings,
    owner: Option<Behalf>,
    owner_seen: Instant,
    chunks_since: u32,
    until: Instant,
    /// Items that may be written before the budget is asked again.
    allowance: u32,
    rest: Duration,
    chunk_begun: Instant,
}

impl<'g> Hold<'g> {
    pub fn new(generation: &'g Generation, job: Job, until: Instant) -> Self {
        let now = Instant::now();
        Self {
            generation,
            job,
            settings: Settings::default(),
            owner: None,
            owner_seen: now,
            chunks_since: 0,
            until,
            allowance: 0,
            rest: Duration::ZERO,
            chunk_begun: now,
        }
    }

    pub fn now(&self) -> Timestamp {
        self.generation.clock.now()
    }

    /// Reads what the owner may now, and the settings with it.
    pub async fn look_up_owner(&mut self) -> Result<(), Stop> {
        let caller = self.generation.store.caller(&self.job.owner, None, None, soon()).await?;
        self.settings = caller.settings;
        self.owner_seen = Instant::now();
        self.chunks_since = 0;
        let not_permitted =
            |why: String| Stop::failed("not_permitted", format!("the job's owner may not do this any more: {why}"));
        let user = caller.user.ok_or_else(|| not_permitted("there is no such account".to_owned()))?;
        let behalf = Behalf::of(&user, &caller.roles, &self.job.id, self.job.work.permissions());
        self.owner = Some(behalf.map_err(|refused| not_permitted(refused.to_string()))?);
        Ok(())
    }

    /// In whose name the job writes.
    pub fn owner(&self) -> Result<&Behalf, Stop> {
        self.owner.as_ref().ok_or(Stop::Lost)
    }

    pub fn in_time(&self) -> Result<(), Stop> {
        if Instant::now() + RESERVE < self.until { Ok(()) } else { Err(Stop::OutOfTime) }
    }

    /// Whether it is time to look at the owner again.
    pub async fn still_permitted(&mut self) -> Result<(), Stop> {
        self.chunks_since += 1;
        if self.owner_seen.elapsed() >= OWNER_FRESH || self.chunks_since > OWNER_CHUNKS {
            self.look_up_owner().await?;
        }
        Ok(())
    }

    /// Waits until a chunk of `items` may be written.
    pub async fn before_chunk(&mut self, items: u32) -> Result<(), Stop> {
        self.in_time()?;
        self.still_permitted().await?;
        if !self.rest.is_zero() {
            sleep(self.rest).await;
        }
        let per_second = self.settings.codes.writes_per_second;
        let store = &self.generation.store;
        while self.allowance < items {
            let wanted = (items * CHUNKS_AT_ONCE).min(per_second / 2).max(items);
            if store.take_writes(wanted, per_second, soon()).await? {
                self.allowance += wanted;
            } else {
                self.in_time()?;
                let into_second = Timestamp::now().subsec_millisecond().unsigned_abs();
                sleep(Duration::from_millis(1_000u64.saturating_sub(u64::from(into_second)))).await;
            }
        }
        self.allowance -= items;
        // What the budget's own row met is no sign of people being held up.
        store.take_contention();
        self.chunk_begun = Instant::now();
        Ok(())
    }

    /// Puts a small file beside the job. Its place is named by this worker's hold on the job, so that one who comes back
    /// late writes over nothing.
    pub async fn put_file(&self, name: &str, content_type: &str, bytes: Vec<u8>) -> Result<JobFile, Stop> {
        let key = files::result_key(&self.job.id, self.job.version, name);
        let mut upload = self.generation.files.upload(key, name, content_type);
        upload.write(bytes).await?;
        Ok(upload.finish().await?)
    }

    /// After a chunk that met others the job rests as long as the chunk took, so that it goes at half its speed.
    pub fn after_chunk(&mut self) {
        self.rest = if self.generation.store.take_contention() > 0 {
            (self.rest * 2).max(self.chunk_begun.elapsed()).min(LONGEST_REST)
        } else if self.rest > Duration::from_millis(2) {
            self.rest / 2
        } else {
            Duration::ZERO
        };
    }
}

/// Whether the row that was found is the one that was to be written.
pub(crate) fn is_written(after: &Job, found: &Job) -> bool {
    let parts = |job: &Job| {
        (
            job.version,
            job.state,
            job.checkpoint,
            job.done,
            job.lease.clone(),
            job.routed_until,
            job.cancelled_by.clone(),
        )
    };
    parts(after) == parts(found)
}

//! Every minute: whatever is due gets a nudge. Payouts and jobs whose message was lost, whose worker died, whose time
//! has come; batches that have expired or are complete.

mod batches;
mod jobs;
mod money;

use domain::time;
use serde_json::{Value, json};
use service::{
    Clock,
    aws::Aws,
    config::{BadConfig, Environment},
    live::LiveSettings,
    metrics::{self, Unit},
    nudge::{JobNudges, Nudges},
};
use std::time::Duration;
use store::{
    Ceilings, Deadline, Due, Saving, Store, StoreError,
    keys::{self, DUE_SHARDS},
};

/// Rows of one shard in one sweep; what is left is found a minute later.
const PER_SHARD: i32 = 100;
/// The same of payouts that have ended: about half of what MTN lets us ask in a minute, over all shards.
const RECHECKS_PER_SHARD: i32 = 40;
const TABLE_MS: u64 = 5_000;
/// For batches, and again for jobs.
const ASIDE_MS: u64 = 5_000;
/// A sweep ends by then, whatever is left.
const BUDGET_MS: u64 = 40_000;
/// A message that takes longer is not waited for.
const NUDGE_LIMIT: Duration = Duration::from_secs(2);

pub struct Sweeper {
    pub store: Store,
    pub nudges: Nudges,
    pub jobs: JobNudges,
    pub settings: LiveSettings,
    pub clock: Clock,
    /// The rail whose float is watched.
    pub provider: String,
}

/// What one sweep found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Nudged.
    pub routed: u32,
    /// In the index but not due any more, or taken by somebody else meanwhile.
    pub passed: u32,
    /// Jobs nudged.
    pub jobs: u32,
    /// Batches that have expired or are complete now.
    pub batches: u32,
}

impl Sweeper {
    /// # Errors
    /// Every variable that is missing or malformed.
    pub fn from_environment() -> Result<Self, BadConfig> {
        let mut environment = Environment::of_process();
        let aws = Aws::from_environment(&mut environment);
        let sweeper = Self {
            store: Store::new(aws.dynamodb(), environment.required("TABLE_NAME")),
            nudges: Nudges::new(aws.sqs(), environment.required("PAYOUT_QUEUE_URL"), NUDGE_LIMIT),
            jobs: JobNudges::from_environment(&mut environment, &aws, NUDGE_LIMIT),
            settings: LiveSettings::default(),
            clock: Clock::system(),
            provider: domain::payout::MTN_MOMO.to_owned(),
        };
        environment.finish()?;
        Ok(sweeper)
    }

    /// One sweep over all shards. A shard that fails doesn't keep the others from being swept.
    ///
    /// # Errors
    /// The last shard's or row's failure, after everything else was swept; the next sweep tries again.
    pub async fn sweep(&self) -> Result<Value, StoreError> {
        let deadline = Deadline::in_ms(BUDGET_MS);
        let mut swept = Swept::default();
        let mut failed = None;
        // Few, and a batch that has expired must say so within the minute.
        // Under a time of their own: a slow table mustn't keep payouts from being found.
        let batches = self.batches(&mut swept, Deadline::in_ms(ASIDE_MS)).await.err();
        let jobs = self.jobs(&mut swept, Deadline::in_ms(ASIDE_MS)).await.err();
        for error in [batches, jobs] {
            failed = error.or(failed);
        }
        let mut lag_ms = 0;
        for partition in self.partitions() {
            if deadline.passed() {
                tracing::warn!(partition, "a sweep ran out of time before this partition");
                metrics::emit("sweeps_cut_short_total", 1.0, Unit::Count, &[]);
                break;
            }
            match self.route_all(&partition, &mut swept, deadline).await {
                Ok(lag) => lag_ms = lag_ms.max(lag),
                Err(error) => failed = Some(error),
            }
        }
        if let Err(error) = self.watch_money(Deadline::in_ms(ASIDE_MS)).await {
            failed = Some(error);
        }
        metrics::emit("payout_due_lag_seconds", lag_ms as f64 / 1_000.0, Unit::Seconds, &[]);
        metrics::emit("sweeps_total", 1.0, Unit::Count, &[]);
        metrics::emit("payouts_due", f64::from(swept.routed), Unit::Count, &[]);
        metrics::emit("jobs_due", f64::from(swept.jobs), Unit::Count, &[]);
        match failed {
            None => {
                let Swept { routed, passed, jobs, batches } = swept;
                Ok(json!({ "routed": routed, "passed": passed, "jobs": jobs, "batches": batches }))
            }
            Some(error) => {
                tracing::error!(%error, routed = swept.routed, "a sweep is not whole");
                Err(error)
            }
        }
    }

    /// The partitions of the due index in the order in which they are swept: urgent payouts, the others from another
    /// shard each minute (with a backlog the first ones would take all the time there is), and at last those that have
    /// ended and are only asked about once more.
    fn partitions(&self) -> Vec<String> {
        let minute = self.clock.now().as_second().div_euclid(60);
        let first = u8::try_from(minute.rem_euclid(i64::from(DUE_SHARDS))).unwrap_or(0);
        let shards = || (0..DUE_SHARDS).map(|n| (first + n) % DUE_SHARDS);
        let urgent = std::iter::once(keys::DUE_URGENT.to_owned());
        urgent.chain(shards().map(keys::due_payout_shard)).chain(shards().map(keys::due_recheck_shard)).collect()
    }

    /// Nudges what is due in one partition. Says how long the oldest of them has been due, in milliseconds.
    async fn route_all(&self, partition: &str, swept: &mut Swept, deadline: Deadline) -> Result<i64, StoreError> {
        let most = if partition.starts_with("DUE#recheck#") { RECHECKS_PER_SHARD } else { PER_SHARD };
        let now = self.clock.now();
        let due = self.store.due_payouts(partition, now, most, Deadline::in_ms(TABLE_MS)).await?;
        let (mut lag_ms, mut failed) = (0, None);
        for row in due {
            if deadline.passed() {
                break;
            }
            match self.route(&row).await {
                Ok(Some(late_ms)) => {
                    swept.routed += 1;
                    lag_ms = lag_ms.max(late_ms);
                }
                Ok(None) => swept.passed += 1,
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(lag_ms), Err)
    }

    /// The index only suggests: the row is read, put aside for five minutes, and only then nudged. Says by how many
    /// milliseconds it was late; `None` when it wasn't due any more, or somebody else was faster.
    async fn route(&self, due: &Due) -> Result<Option<i64>, StoreError> {
        let Some(payout) = self.store.payout(&due.payout, Deadline::in_ms(TABLE_MS)).await? else { return Ok(None) };
        let now = self.clock.now();
        let Some(routed) = payout.routed(now) else { return Ok(None) };
        let today = time::day(now, &jiff::tz::TimeZone::UTC);
        let saving = Saving { alerts: &[], actor: "sweeper", today, ceilings: Ceilings::default() };
        match self.store.save_payout(&payout, &routed, saving, Deadline::in_ms(TABLE_MS)).await {
            Ok(()) => {}
            Err(StoreError::Changed) => return Ok(None),
            Err(error) => return Err(error),
        }
        if self.nudges.send(&due.payout).await.is_err() {
            tracing::warn!(payout = %due.payout, "no nudge was sent; it is due again in five minutes");
        }
        Ok(payout.shown_at().map(|at| time::between(at, now)))
    }
}

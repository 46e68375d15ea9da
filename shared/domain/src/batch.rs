//! Batches, the runs that fill them, and the codes themselves.

mod bounds;
mod codes;
mod counts;
mod look;
mod name;

pub use bounds::{NewBatch, Wrong, batch_problems, expiry_problem};
pub use codes::{Act, CODE_METADATA_MAX, CodeId, CodeState, NotPossible};
pub use counts::{Counts, OwnExpiry, Statistics, Tally};
pub use look::{COMPLETE_AFTER_MS, Look};
pub use name::{BadName, BatchName};

use crate::{
    code::CodeText,
    id::{JobId, UserId},
    identity::{CustomerId, RedemptionId},
    money::Money,
    time::{self, HOUR_MS},
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Cards on one printed sheet.
pub const SHEET_CODES: u32 = 12;
/// Codes of one strip: eight sheets. A strip's codes, the strip itself and the job's row fit one transaction.
pub const STRIP_CODES: u32 = 96;
/// Codes of one run.
pub const RUN_CODES_MAX: u64 = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchState {
    /// Its first run is being made.
    Generating,
    Active,
    Blocked,
    Expired,
    Completed,
    Archived,
    /// A tombstone. Its codes stay taken, its name is free again.
    Deleted,
}

impl BatchState {
    pub const ALL: [Self; 7] =
        [Self::Generating, Self::Active, Self::Blocked, Self::Expired, Self::Completed, Self::Archived, Self::Deleted];

    pub fn name(self) -> &'static str {
        match self {
            Self::Generating => "generating",
            Self::Active => "active",
            Self::Blocked => "blocked",
            Self::Expired => "expired",
            Self::Completed => "completed",
            Self::Archived => "archived",
            Self::Deleted => "deleted",
        }
    }

    /// Whether money may still be asked for its codes, now or after a change of its date.
    pub fn is_open(self) -> bool {
        match self {
            Self::Generating | Self::Active | Self::Blocked => true,
            Self::Expired | Self::Completed | Self::Archived | Self::Deleted => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    pub id: String,
    /// For people and paper: batch 1, 2, …
    pub number: u64,
    pub name: String,
    pub state: BatchState,
    pub money: Money,
    /// Codes redeem before this point in time, and in the hours of grace after it.
    /// Stored as `redeem_until`: `expires_at` is what the table's own clean-up reads.
    #[serde(rename = "redeem_until", with = "time::required")]
    pub expires_at: Timestamp,
    #[serde(with = "time::required")]
    pub created_at: Timestamp,
    pub version: u64,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub assigned_to: Option<UserId>,
    #[serde(default)]
    pub created_by: Option<UserId>,
    /// Codes of live runs, with those that were deleted since.
    #[serde(default)]
    pub codes: u64,
    /// Sheets of live runs: the next run begins at the following one.
    #[serde(default)]
    pub sheets: u32,
    /// Codes of runs that are being made.
    #[serde(default)]
    pub coming: u64,
    /// Since when it is in its state.
    #[serde(default, with = "time::optional")]
    pub state_since: Option<Timestamp>,
    /// Somebody ended it before its date.
    #[serde(default)]
    pub expired_by_hand: bool,
    /// It was blocked when it expired: a later date makes it blocked again, never active.
    #[serde(default)]
    pub was_blocked: bool,
    /// What an archived batch was before.
    #[serde(default)]
    pub archived_from: Option<BatchState>,
    /// When the system looks whether it has expired or is complete.
    #[serde(default, with = "time::optional")]
    pub look_at: Option<Timestamp>,
}

/// Why a batch can't be brought into a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMove {
    #[error("a batch that is {} can't become {}", .0.name(), .1.name())]
    From(BatchState, BatchState),
    #[error("it is so already")]
    Already,
    #[error("its first codes are still being made; wait for the job or cancel it")]
    Generating,
    #[error("codes are being made for it; wait for the job or cancel it")]
    CodesComing,
    #[error("codes of it have been claimed; it can be blocked or archived, not deleted")]
    Claimed,
    #[error("block it first; a batch that is in use can't be deleted")]
    BlockFirst,
    #[error("archive it first; codes with a date of their own may still be redeemed")]
    ArchiveFirst,
    #[error("it was blocked this moment; a code may just be on its way. Try again in a few seconds")]
    JustBlocked,
}

/// A redemption that was under way when a batch was blocked has committed by then.
pub const IN_FLIGHT_MS: i64 = 5 * time::SECOND_MS;

impl Batch {
    /// An active batch without codes, due to be looked at when it ends.
    pub fn new(id: String, number: u64, name: String, money: Money, expires_at: Timestamp, now: Timestamp) -> Self {
        Self {
            id,
            number,
            name,
            state: BatchState::Active,
            money,
            expires_at,
            created_at: now,
            version: 1,
            description: String::new(),
            assigned_to: None,
            created_by: None,
            codes: 0,
            sheets: 0,
            coming: 0,
            state_since: Some(now),
            expired_by_hand: false,
            was_blocked: false,
            archived_from: None,
            look_at: Some(expires_at),
        }
    }

    /// The batch in another state at `now`, one version on.
    fn moved(&self, state: BatchState, now: Timestamp) -> Self {
        Self { state, state_since: Some(now), version: self.version + 1, ..self.clone() }
    }

    /// Over, and remembering whether it was blocked.
    fn expired(&self, now: Timestamp) -> Self {
        Self { was_blocked: self.state == BatchState::Blocked, ..self.moved(BatchState::Expired, now) }
    }

    /// Its state, for an archived one what it was before: an archive changes nothing about its codes.
    pub fn standing(&self) -> BatchState {
        let put_away = self.archived_from.filter(|_| self.state == BatchState::Archived);
        put_away.unwrap_or(self.state)
    }

    /// What all its codes are worth, those that are coming with them.
    pub fn issued_amount(&self) -> u64 {
        (self.codes + self.coming).saturating_mul(self.money.amount)
    }

    /// Until when its codes redeem, with the hours of grace.
    pub fn ends_at(&self, grace_hours: u32) -> Timestamp {
        time::plus(self.expires_at, i64::from(grace_hours) * HOUR_MS)
    }

    /// A change of state that a person asks for (BAT-10). `expired` by hand keeps the date.
    ///
    /// # Errors
    /// [`NoMove`].
    pub fn brought_to(&self, state: BatchState, grace_hours: u32, now: Timestamp) -> Result<Self, NoMove> {
        use BatchState::{Active, Archived, Blocked, Completed, Deleted, Expired, Generating};
        if self.state == state {
            return Err(NoMove::Already);
        }
        let refused = Err(NoMove::From(self.state, state));
        match (self.state, state) {
            (Generating, _) => Err(NoMove::Generating),
            (Active, Blocked) => Ok(self.moved(state, now)),
            (Active | Blocked, Expired) => Ok(Self { expired_by_hand: true, ..self.expired(now) }),
            // A date that has passed meanwhile counts.
            (Blocked, Active) if now >= self.ends_at(grace_hours) => {
                Ok(Self { was_blocked: false, ..self.expired(now) })
            }
            (Blocked, Active) => Ok(self.moved(Active, now)),
            (Expired | Completed, Archived) => {
                if self.coming > 0 {
                    return Err(NoMove::CodesComing);
                }
                Ok(Self { archived_from: Some(self.state), ..self.moved(Archived, now) })
            }
            (Archived, Expired | Completed) if self.archived_from == Some(state) => {
                Ok(Self { archived_from: None, ..self.moved(state, now) })
            }
            (Active | Blocked | Expired | Completed | Archived | Deleted, _) => refused,
        }
    }

    /// Out of the archive, as what it was.
    ///
    /// # Errors
    /// [`NoMove`] when it isn't in there.
    pub fn unarchived(&self, now: Timestamp) -> Result<Self, NoMove> {
        match (self.state, self.archived_from) {
            (BatchState::Archived, Some(state)) => Ok(Self { archived_from: None, ..self.moved(state, now) }),
            (state, _) => Err(NoMove::From(state, BatchState::Expired)),
        }
    }

    /// Deleted. `claimed` codes were ever claimed, as counted after the batch could not be redeemed from any more.
    ///
    /// # Errors
    /// [`NoMove`].
    pub fn deleted(&self, claimed: u64, now: Timestamp) -> Result<Self, NoMove> {
        match self.state {
            BatchState::Generating => return Err(NoMove::Generating),
            BatchState::Active => return Err(NoMove::BlockFirst),
            BatchState::Expired if !self.expired_by_hand && !self.was_blocked => return Err(NoMove::ArchiveFirst),
            BatchState::Deleted => return Err(NoMove::Already),
            BatchState::Blocked | BatchState::Expired | BatchState::Completed | BatchState::Archived => {}
        }
        if claimed > 0 {
            return Err(NoMove::Claimed);
        }
        if self.coming > 0 {
            return Err(NoMove::CodesComing);
        }
        if self.state_since.is_some_and(|since| time::between(since, now) < IN_FLIGHT_MS) {
            return Err(NoMove::JustBlocked);
        }
        Ok(Self { look_at: None, ..self.moved(BatchState::Deleted, now) })
    }

    /// With another date, which reaches every unclaimed code at once: a later one revives, an earlier one expires.
    #[must_use]
    pub fn dated(&self, expires_at: Timestamp, grace_hours: u32, now: Timestamp) -> Self {
        let dated = Self { expires_at, version: self.version + 1, look_at: Some(now), ..self.clone() };
        let over = now >= dated.ends_at(grace_hours);
        let state = match (self.state, over) {
            (BatchState::Expired, false) if self.was_blocked => BatchState::Blocked,
            (BatchState::Expired, false) => BatchState::Active,
            (BatchState::Active, true) => BatchState::Expired,
            (state, _) => state,
        };
        if state == self.state {
            return dated;
        }
        Self { state, state_since: Some(now), expired_by_hand: false, was_blocked: false, ..dated }
    }

    /// Whether runs may be begun for it.
    ///
    /// # Errors
    /// [`NoMove`] in words.
    pub fn takes_codes(&self) -> Result<(), NoMove> {
        match self.state {
            BatchState::Active => Ok(()),
            BatchState::Generating => Err(NoMove::Generating),
            state @ (BatchState::Blocked
            | BatchState::Expired
            | BatchState::Completed
            | BatchState::Archived
            | BatchState::Deleted) => Err(NoMove::From(state, BatchState::Generating)),
        }
    }

    /// With `codes` more on their way.
    #[must_use]
    pub fn expecting(&self, codes: u64) -> Self {
        Self { coming: self.coming + codes, version: self.version + 1, ..self.clone() }
    }

    /// With a run's codes live, and the number of its first sheet. `None` where it takes none any more.
    pub fn filled(&self, codes: u64, now: Timestamp) -> Option<(Self, u32)> {
        match self.state {
            BatchState::Generating | BatchState::Active | BatchState::Blocked | BatchState::Expired => {}
            BatchState::Completed | BatchState::Archived | BatchState::Deleted => return None,
        }
        let first = self.sheets + 1;
        let sheets = u32::try_from(codes.div_ceil(u64::from(SHEET_CODES))).ok()?;
        let mut filled = self.released(codes, now);
        filled.codes += codes;
        filled.sheets = self.sheets.checked_add(sheets)?;
        // From its first codes on it is looked at by the hour: they may all be settled long before its date.
        filled.look_at = Some(now);
        Some((filled, first))
    }

    /// With a run of `codes` given up.
    #[must_use]
    pub fn released(&self, codes: u64, now: Timestamp) -> Self {
        let state = if self.state == BatchState::Generating { BatchState::Active } else { self.state };
        let mut released = self.clone();
        if state != self.state {
            released = self.moved(state, now);
            released.look_at = Some(now);
        } else {
            released.version += 1;
        }
        released.coming = self.coming.saturating_sub(codes);
        released
    }

    /// What the audit log may hold of it.
    pub fn audited(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name, "description": self.description, "state": self.state.name(),
            "amount": self.money.to_string(), "expires": self.expires_at.to_string(),
            "assigned_to": self.assigned_to, "codes": self.codes, "sheets": self.sheets,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Being filled; its codes answer "unknown" and can be discarded.
    Staging,
    Live,
    /// Given up. Its codes never were: an import may bring the same texts again.
    Discarded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Generated,
    Imported,
}

/// One generation or import into a batch. It is redeemable from the one write that makes it live.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub id: String,
    pub batch_id: String,
    pub state: RunState,
    /// How many codes were asked for; it goes live only with exactly these.
    pub asked: u64,
    /// The number in the batch of its first sheet, once it is live.
    #[serde(default)]
    pub first_sheet: u32,
    #[serde(default)]
    pub job: Option<JobId>,
    #[serde(default = "generated")]
    pub origin: Origin,
    /// The day of the business on which it was begun.
    #[serde(default)]
    pub day: Option<Date>,
    #[serde(default)]
    pub version: u64,
}

fn generated() -> Origin {
    Origin::Generated
}

impl Run {
    /// A run that is being filled.
    pub fn staging(id: String, batch_id: String, asked: u64, origin: Origin) -> Self {
        Self { id, batch_id, state: RunState::Staging, asked, first_sheet: 0, job: None, origin, day: None, version: 1 }
    }

    pub fn strips(&self) -> u64 {
        self.asked.div_ceil(u64::from(STRIP_CODES))
    }

    /// Sheet and slot, each from 1, of its code `n`. Sheets are counted through the whole batch.
    pub fn place(&self, n: u32) -> (u32, u32) {
        (self.first_sheet + n / SHEET_CODES, n % SHEET_CODES + 1)
    }

    pub fn last_sheet(&self) -> u32 {
        self.first_sheet + u32::try_from(self.asked.div_ceil(u64::from(SHEET_CODES))).unwrap_or(u32::MAX).max(1) - 1
    }
}

/// Who has claimed a code, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    pub redemption: RedemptionId,
    pub customer: CustomerId,
    #[serde(with = "time::required")]
    pub at: Timestamp,
}

/// A code's own facts. Expiry and batch blocks live on the batch and are derived when asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Code {
    pub text: CodeText,
    pub batch_id: String,
    pub run_id: String,
    /// Its place in the run, from 0.
    #[serde(default)]
    pub n: u32,
    pub origin: Origin,
    pub money: Money,
    /// Counts redemptions that were reversed: the first claim has generation 1.
    pub generation: u32,
    pub claim: Option<Claim>,
    #[serde(default)]
    pub blocked: bool,
    #[serde(default)]
    pub reported: bool,
    /// A deleted code stays as a tombstone: its text is taken for ever.
    #[serde(default)]
    pub deleted: bool,
    /// Its own date, in place of the batch's.
    #[serde(default, rename = "own_redeem_until", with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub own_expiry: Option<Timestamp>,
    /// What an import brought beside the code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// When the payout of `settled_generation` was seen paid. Written past the version: see the store's `save_payout`.
    #[serde(default, with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_generation: Option<u32>,
    pub version: u64,
}

impl Code {
    /// A code as a run makes it.
    pub fn made(text: CodeText, batch: &Batch, run: &Run, n: u32) -> Self {
        Self {
            text,
            batch_id: batch.id.clone(),
            run_id: run.id.clone(),
            n,
            origin: run.origin,
            money: batch.money,
            generation: 1,
            claim: None,
            blocked: false,
            reported: false,
            deleted: false,
            own_expiry: None,
            metadata: BTreeMap::new(),
            settled_at: None,
            settled_generation: None,
            version: 1,
        }
    }
}

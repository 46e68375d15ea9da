//! Batches, the runs that fill them, and the codes themselves, as redemption sees them.

use crate::{
    code::CodeText,
    identity::{CustomerId, RedemptionId},
    money::Money,
    time,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchState {
    Generating,
    Active,
    Blocked,
    Expired,
    Completed,
    Archived,
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Being filled; its codes answer "unknown" and can be discarded.
    Staging,
    Live,
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
    pub version: u64,
}

//! Batches as the API shows them.

use super::time;
use domain::batch::{self, Batch, Statistics};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use staff::{Made, Printing};
use std::collections::BTreeMap;
use store::DayCounts;

use super::{ChangeView, jobs::JobView};

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchStateName {
    /// Its first codes are being made.
    Generating,
    Active,
    Blocked,
    Expired,
    /// Every code is settled.
    Completed,
    Archived,
    Deleted,
}

impl From<batch::BatchState> for BatchStateName {
    fn from(state: batch::BatchState) -> Self {
        match state {
            batch::BatchState::Generating => Self::Generating,
            batch::BatchState::Active => Self::Active,
            batch::BatchState::Blocked => Self::Blocked,
            batch::BatchState::Expired => Self::Expired,
            batch::BatchState::Completed => Self::Completed,
            batch::BatchState::Archived => Self::Archived,
            batch::BatchState::Deleted => Self::Deleted,
        }
    }
}

impl From<BatchStateName> for batch::BatchState {
    fn from(state: BatchStateName) -> Self {
        match state {
            BatchStateName::Generating => Self::Generating,
            BatchStateName::Active => Self::Active,
            BatchStateName::Blocked => Self::Blocked,
            BatchStateName::Expired => Self::Expired,
            BatchStateName::Completed => Self::Completed,
            BatchStateName::Archived => Self::Archived,
            BatchStateName::Deleted => Self::Deleted,
        }
    }
}

/// A batch. Amounts are whole units of its currency, times RFC 3339 in UTC.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BatchView {
    pub id: String,
    /// For people and paper.
    pub number: u64,
    pub name: String,
    pub description: String,
    pub state: BatchStateName,
    /// What one code pays.
    pub amount: u64,
    pub currency: &'static str,
    pub expires_at: String,
    /// Somebody ended it before its date.
    pub expired_by_hand: bool,
    pub assigned_to: Option<String>,
    pub created_by: Option<String>,
    pub created_at: String,
    /// Since when it is in its state.
    pub state_since: Option<String>,
    /// Codes that can be redeemed or could once, with those that were deleted since.
    pub codes: u64,
    /// Codes that are being made.
    pub coming: u64,
    /// Printed sheets of twelve.
    pub sheets: u32,
    /// Also in the ETag.
    pub version: u64,
}

impl From<&Batch> for BatchView {
    fn from(batch: &Batch) -> Self {
        Self {
            id: batch.id.clone(),
            number: batch.number,
            name: batch.name.clone(),
            description: batch.description.clone(),
            state: batch.state.into(),
            amount: batch.money.amount,
            currency: batch.money.currency.code(),
            expires_at: batch.expires_at.to_string(),
            expired_by_hand: batch.expired_by_hand,
            assigned_to: batch.assigned_to.as_ref().map(ToString::to_string),
            created_by: batch.created_by.as_ref().map(ToString::to_string),
            created_at: batch.created_at.to_string(),
            state_since: time(batch.state_since),
            codes: batch.codes,
            coming: batch.coming,
            sheets: batch.sheets,
            version: batch.version,
        }
    }
}

pub fn batch_tag(batch: &Batch) -> String {
    web::etag("batch", &batch.id, batch.version)
}

/// A new batch, and the job that makes its first codes, where it has some.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BatchAndJob {
    pub batch: BatchView,
    pub job: Option<JobView>,
    /// What a second person has to agree to before codes are made.
    pub change: Option<ChangeView>,
}

impl From<&Made> for BatchAndJob {
    fn from(made: &Made) -> Self {
        let begun = made.begun.as_ref();
        Self {
            batch: BatchView::from(&made.batch),
            job: begun.map(|begun| JobView::from(&begun.job)),
            change: begun.and_then(|begun| begun.change.as_ref()).map(ChangeView::from),
        }
    }
}

/// Codes by state, and the money in each, in whole units of the currency.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct FiguresView {
    /// All that are there; those that were deleted are not in it.
    pub codes: u64,
    pub active: u64,
    pub blocked: u64,
    /// Claimed; the payout is not settled.
    pub used: u64,
    /// The value was delivered.
    pub redeemed: u64,
    pub reported: u64,
    pub expired: u64,
    pub deleted: u64,
    /// Redemptions, whatever became of their payouts.
    pub redemptions: u64,
    pub redeemed_amount: u64,
    pub paid: u64,
    pub paid_amount: u64,
    pub issued_amount: u64,
    /// What may still be asked for.
    pub outstanding_amount: u64,
    pub in_payment_amount: u64,
    /// Redemptions for each code, 0 to 1.
    pub redemption_rate: f64,
}

impl FiguresView {
    /// The sum over batches.
    pub fn of<'a>(all: impl IntoIterator<Item = &'a Statistics>) -> Self {
        let mut sum = Self::default();
        for one in all {
            sum.codes += one.codes;
            sum.active += one.active;
            sum.blocked += one.blocked;
            sum.used += one.used;
            sum.redeemed += one.redeemed;
            sum.reported += one.reported;
            sum.expired += one.expired;
            sum.deleted += one.deleted;
            sum.redemptions += one.redemptions;
            sum.redeemed_amount += one.redeemed_amount;
            sum.paid += one.paid;
            sum.paid_amount += one.paid_amount;
            sum.issued_amount += one.issued_amount;
            sum.outstanding_amount += one.outstanding_amount;
            sum.in_payment_amount += one.in_payment_amount;
        }
        if sum.codes > 0 {
            sum.redemption_rate = sum.redemptions as f64 / sum.codes as f64;
        }
        sum
    }
}

/// What one day of the business saw.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DayView {
    /// As 2026-11-20, in the business's time zone.
    pub day: String,
    pub redeemed: u64,
    pub redeemed_amount: u64,
    /// Payouts of that day's redemptions that were settled.
    pub paid: u64,
    pub paid_amount: u64,
}

impl DayView {
    /// The sum over batches, day by day.
    pub fn of<'a>(all: impl IntoIterator<Item = &'a BTreeMap<String, DayCounts>>) -> Vec<Self> {
        let mut days: BTreeMap<&str, DayCounts> = BTreeMap::new();
        for (day, counts) in all.into_iter().flatten() {
            let sum = days.entry(day).or_default();
            sum.redeemed += counts.redeemed;
            sum.redeemed_amount += counts.redeemed_amount;
            sum.paid += counts.paid;
            sum.paid_amount += counts.paid_amount;
        }
        let view = |(day, counts): (&str, DayCounts)| Self {
            day: day.to_owned(),
            redeemed: counts.redeemed,
            redeemed_amount: counts.redeemed_amount,
            paid: counts.paid,
            paid_amount: counts.paid_amount,
        };
        days.into_iter().map(view).collect()
    }
}

/// A batch in figures, exact at this moment.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BatchFigures {
    pub batch: String,
    pub number: u64,
    pub name: String,
    pub figures: FiguresView,
    pub days: Vec<DayView>,
}

impl BatchFigures {
    pub fn of(batch: &Batch, statistics: &Statistics, days: &BTreeMap<String, DayCounts>) -> Self {
        Self {
            batch: batch.id.clone(),
            number: batch.number,
            name: batch.name.clone(),
            figures: FiguresView::of([statistics]),
            days: DayView::of([days]),
        }
    }
}

/// One printing of sheets.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PrintView {
    pub job: String,
    pub at: String,
    pub by: String,
    pub sheet_from: u32,
    pub sheet_to: u32,
    /// The date on the cards.
    pub expires_at: String,
    /// The batch has another date by now.
    pub outdated: bool,
}

impl From<&Printing> for PrintView {
    fn from(Printing { print, outdated }: &Printing) -> Self {
        Self {
            job: print.job.to_string(),
            at: print.at.to_string(),
            by: print.by.to_string(),
            sheet_from: print.sheets.first,
            sheet_to: print.sheets.last,
            expires_at: print.expires_at.to_string(),
            outdated: *outdated,
        }
    }
}

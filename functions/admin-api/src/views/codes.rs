//! Codes as the API shows them: masked, until they are redeemed or somebody asks to see them whole.

use super::{
    FieldChange,
    batches::{BatchFigures, DayView, FiguresView},
};
use domain::{
    audit::Entry,
    batch::{self, Batch, CodeState, Origin, Statistics},
    code::Malformed,
};
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use staff::{Found, Lookup};
use std::collections::BTreeMap;
use store::DayCounts;

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CodeStateName {
    Active,
    Blocked,
    /// Claimed; the payout is not settled.
    Used,
    /// The value was delivered.
    Redeemed,
    Reported,
    Expired,
    Deleted,
}

impl From<CodeState> for CodeStateName {
    fn from(state: CodeState) -> Self {
        match state {
            CodeState::Active => Self::Active,
            CodeState::Blocked => Self::Blocked,
            CodeState::Used => Self::Used,
            CodeState::Redeemed => Self::Redeemed,
            CodeState::Reported => Self::Reported,
            CodeState::Expired => Self::Expired,
            CodeState::Deleted => Self::Deleted,
        }
    }
}

impl From<CodeStateName> for CodeState {
    fn from(state: CodeStateName) -> Self {
        match state {
            CodeStateName::Active => Self::Active,
            CodeStateName::Blocked => Self::Blocked,
            CodeStateName::Used => Self::Used,
            CodeStateName::Redeemed => Self::Redeemed,
            CodeStateName::Reported => Self::Reported,
            CodeStateName::Expired => Self::Expired,
            CodeStateName::Deleted => Self::Deleted,
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CodeActName {
    Block,
    Unblock,
    Delete,
    Report,
}

impl From<CodeActName> for batch::Act {
    fn from(act: CodeActName) -> Self {
        match act {
            CodeActName::Block => Self::Block,
            CodeActName::Unblock => Self::Unblock,
            CodeActName::Delete => Self::Delete,
            CodeActName::Report => Self::Report,
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OriginName {
    Generated,
    Imported,
}

/// One column that an import brought, or somebody has written beside the code.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetadataField {
    #[garde(length(chars, min = 1, max = 64))]
    pub name: String,
    #[garde(length(chars, max = 200))]
    pub value: String,
}

/// A code.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CodeView {
    pub id: String,
    /// Masked until it is redeemed.
    pub code: String,
    pub masked: bool,
    pub state: CodeStateName,
    pub batch: String,
    pub batch_number: u64,
    pub batch_name: String,
    pub sheet: u32,
    /// Its place on the sheet, 1 to 12.
    pub slot: u32,
    pub amount: u64,
    pub currency: &'static str,
    pub origin: OriginName,
    /// The day of the business on which it was made.
    pub made_on: Option<String>,
    pub expires_at: String,
    /// It has a date of its own, not its batch's.
    pub own_date: bool,
    /// The redemption that has claimed it.
    pub redemption: Option<String>,
    pub claimed_at: Option<String>,
    pub metadata: Vec<MetadataField>,
    /// What was done to it, newest first: with one code only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<Vec<HistoryView>>,
    pub version: u64,
}

/// One act on a code.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HistoryView {
    pub at: String,
    /// `code.verb`
    pub action: String,
    pub actor: String,
    pub changes: Vec<FieldChange>,
}

impl From<&Entry> for HistoryView {
    fn from(entry: &Entry) -> Self {
        Self {
            at: entry.at.to_string(),
            action: entry.action.clone(),
            actor: entry.actor.clone(),
            changes: entry.changes.iter().map(FieldChange::from).collect(),
        }
    }
}

impl From<&Found> for CodeView {
    fn from(found: &Found) -> Self {
        let Found { code, batch, run, state } = found;
        let (shown, masked) = found.shown();
        let (sheet, slot) = run.place(code.n);
        Self {
            id: code.id().to_string(),
            code: shown,
            masked,
            state: (*state).into(),
            batch: batch.id.clone(),
            batch_number: batch.number,
            batch_name: batch.name.clone(),
            sheet,
            slot,
            amount: code.money.amount,
            currency: code.money.currency.code(),
            origin: match code.origin {
                Origin::Generated => OriginName::Generated,
                Origin::Imported => OriginName::Imported,
            },
            made_on: run.day.map(|day| day.to_string()),
            expires_at: code.own_expiry.unwrap_or(batch.expires_at).to_string(),
            own_date: code.own_expiry.is_some(),
            redemption: code.claim.as_ref().map(|claim| claim.redemption.to_string()),
            claimed_at: code.claim.as_ref().map(|claim| claim.at.to_string()),
            metadata: code
                .metadata
                .iter()
                .map(|(name, value)| MetadataField { name: name.clone(), value: value.clone() })
                .collect(),
            history: None,
            version: code.version,
        }
    }
}

pub fn code_tag(found: &Found) -> String {
    web::etag("code", &found.code.id().to_string(), found.code.version)
}

#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FormatProblem {
    Length,
    Character,
    DatePart,
}

impl From<Malformed> for FormatProblem {
    fn from(problem: Malformed) -> Self {
        match problem {
            Malformed::Length(_) => Self::Length,
            Malformed::Character(_) => Self::Character,
            Malformed::DatePart => Self::DatePart,
        }
    }
}

/// What a typed text is. Looking changes nothing.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ValidationView {
    /// It is a code as we print them, or one that was imported.
    pub valid_format: bool,
    /// What keeps it from being one.
    pub reason: Option<FormatProblem>,
    /// The same in words.
    pub message: Option<String>,
    pub exists: bool,
    /// It exists under another text: O was read as 0 and the like.
    pub corrected: bool,
    pub state: Option<CodeStateName>,
    /// Masked.
    pub code: Option<String>,
}

impl From<&Lookup> for ValidationView {
    fn from(lookup: &Lookup) -> Self {
        Self {
            valid_format: lookup.problem.is_none(),
            reason: lookup.problem.map(FormatProblem::from),
            message: lookup.problem.map(|problem| problem.to_string()),
            exists: lookup.found.is_some(),
            corrected: lookup.corrected,
            state: lookup.found.as_ref().map(|found| found.state.into()),
            code: lookup.found.as_ref().map(|found| found.code.text.masked()),
        }
    }
}

/// What a search for one code finds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SearchView {
    pub exists: bool,
    pub corrected: bool,
    pub id: Option<String>,
    /// Whole only for who may download codes.
    pub code: Option<String>,
    pub state: Option<CodeStateName>,
    pub amount: Option<u64>,
    pub currency: Option<&'static str>,
    /// Only for who may read codes.
    pub batch: Option<String>,
    pub batch_number: Option<u64>,
    pub sheet: Option<u32>,
    pub slot: Option<u32>,
}

impl SearchView {
    pub fn of(lookup: &Lookup, code: Option<String>, with_batch: bool) -> Self {
        let found = lookup.found.as_ref();
        let placed = found.filter(|_| with_batch);
        Self {
            exists: found.is_some(),
            corrected: lookup.corrected,
            id: placed.map(|found| found.code.id().to_string()),
            code: code.or_else(|| found.map(|found| found.shown().0)),
            state: found.map(|found| found.state.into()),
            amount: found.map(|found| found.code.money.amount),
            currency: found.map(|found| found.code.money.currency.code()),
            batch: placed.map(|found| found.batch.id.clone()),
            batch_number: placed.map(|found| found.batch.number),
            sheet: placed.map(|found| found.run.place(found.code.n).0),
            slot: placed.map(|found| found.run.place(found.code.n).1),
        }
    }
}

/// Codes in figures.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CodeStatistics {
    /// All of these batches together.
    pub total: FiguresView,
    pub days: Vec<DayView>,
    /// The batch that was asked for, or the 50 newest.
    pub batches: Vec<BatchFigures>,
}

impl CodeStatistics {
    pub fn of(all: &[(Batch, Statistics, BTreeMap<String, DayCounts>)]) -> Self {
        Self {
            total: FiguresView::of(all.iter().map(|(_, statistics, _)| statistics)),
            days: DayView::of(all.iter().map(|(_, _, days)| days)),
            batches: all.iter().map(|(batch, statistics, days)| BatchFigures::of(batch, statistics, days)).collect(),
        }
    }
}

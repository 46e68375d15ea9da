//! Payouts as the API shows them: numbers of phones and codes masked, unless the caller may see them.

use super::{codes::CodeStateName, codes::HistoryView, time};
use domain::{
    payout::{self, Attempt, ByHand, Outside, Payout, SeenStatus, State},
    permission::Permission,
    reversal::{Reversal, Reversed},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use staff::PayoutDetail;

/// The word that customers, exports and filters see.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PayoutStatus {
    Queued,
    Processing,
    Completed,
    Failed,
    Held,
    AwaitingApproval,
    Cancelled,
}

impl From<Outside> for PayoutStatus {
    fn from(status: Outside) -> Self {
        match status {
            Outside::Queued => Self::Queued,
            Outside::Processing => Self::Processing,
            Outside::Completed => Self::Completed,
            Outside::Failed => Self::Failed,
            Outside::Held => Self::Held,
            Outside::AwaitingApproval => Self::AwaitingApproval,
            Outside::Cancelled => Self::Cancelled,
        }
    }
}

impl From<PayoutStatus> for Outside {
    fn from(status: PayoutStatus) -> Self {
        match status {
            PayoutStatus::Queued => Self::Queued,
            PayoutStatus::Processing => Self::Processing,
            PayoutStatus::Completed => Self::Completed,
            PayoutStatus::Failed => Self::Failed,
            PayoutStatus::Held => Self::Held,
            PayoutStatus::AwaitingApproval => Self::AwaitingApproval,
            PayoutStatus::Cancelled => Self::Cancelled,
        }
    }
}

/// What the payout is inside.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PayoutState {
    Queued,
    Sending,
    Submitted,
    Retrying,
    Held,
    AwaitingApproval,
    Paid,
    Refused,
    Cancelled,
    /// Paid by other means.
    Settled,
}

impl From<&State> for PayoutState {
    fn from(state: &State) -> Self {
        match state {
            State::Queued { .. } => Self::Queued,
            State::Sending { .. } => Self::Sending,
            State::Submitted { .. } => Self::Submitted,
            State::Retrying { .. } => Self::Retrying,
            State::Held { .. } => Self::Held,
            State::AwaitingApproval { .. } => Self::AwaitingApproval,
            State::Paid { .. } => Self::Paid,
            State::Refused { .. } => Self::Refused,
            State::Cancelled { .. } => Self::Cancelled,
            State::Settled { .. } => Self::Settled,
        }
    }
}

/// One reference, and what the provider said of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AttemptView {
    pub number: u8,
    pub reference: String,
    pub provider: String,
    pub host: String,
    pub sends: u8,
    /// Of the sends, those that provably reached nobody; they used up no retry.
    pub unsent: u8,
    /// Others that used up none: they were turned away for our set-up, or only looked whether MoMo was well again.
    pub spared: u8,
    /// Questions about it since its last send.
    pub asks: u32,
    pub first_sent_at: String,
    pub last_sent_at: String,
    /// When the provider last said anything that proves something.
    pub answered_at: Option<String>,
    pub first_failed_at: Option<String>,
    pub last_answer: Option<String>,
    /// The provider's reason for a failure.
    pub reason: Option<String>,
    /// The provider's own id of the transfer.
    pub transaction: Option<String>,
    /// `pending`, `successful`, `failed` or `not_found`, as the provider last reported it.
    pub seen: Option<&'static str>,
    pub seen_at: Option<String>,
}

impl From<&Attempt> for AttemptView {
    fn from(attempt: &Attempt) -> Self {
        Self {
            number: attempt.number,
            reference: attempt.reference.clone(),
            provider: attempt.rail.provider.clone(),
            host: attempt.rail.host.clone(),
            sends: attempt.sends,
            unsent: attempt.unsent,
            spared: attempt.spared,
            asks: attempt.asks,
            first_sent_at: attempt.first_sent_at.to_string(),
            last_sent_at: attempt.last_sent_at.to_string(),
            answered_at: time(attempt.answered_at),
            first_failed_at: time(attempt.first_failed_at),
            last_answer: attempt.last_answer.clone(),
            reason: attempt.reason.clone(),
            transaction: attempt.transaction.clone(),
            seen: attempt.seen.as_ref().map(|seen| match seen.status {
                SeenStatus::Pending => "pending",
                SeenStatus::Successful => "successful",
                SeenStatus::Failed => "failed",
                SeenStatus::NotFound => "not_found",
            }),
            seen_at: attempt.seen.as_ref().map(|seen| seen.at.to_string()),
        }
    }
}

/// That the customer was paid by other means, which a second person has to agree to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SettlementView {
    pub by: String,
    pub receipt: String,
    pub note: String,
}

/// What people have done about it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HandsView {
    /// Why nothing more is sent.
    pub held: Option<String>,
    pub urgent: Option<String>,
    /// Users none of whom approves it.
    pub touched_by: Vec<String>,
    pub approved_by: Option<String>,
    pub limit_waived: bool,
    /// Retries that people have asked for.
    pub retries: u8,
    pub settlement: Option<SettlementView>,
}

impl From<&payout::Hands> for HandsView {
    fn from(hands: &payout::Hands) -> Self {
        let settlement = |waits: &payout::Settlement| SettlementView {
            by: waits.by.to_string(),
            receipt: waits.receipt.clone(),
            note: waits.note.clone(),
        };
        Self {
            held: hands.barred.clone(),
            urgent: hands.urgent.clone(),
            touched_by: hands.touched_by.iter().map(ToString::to_string).collect(),
            approved_by: hands.approved_by.as_ref().map(ToString::to_string),
            limit_waived: hands.limit_waived,
            retries: hands.retries,
            settlement: hands.settlement.as_ref().map(settlement),
        }
    }
}

/// That a redemption was taken back.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ReversalView {
    pub redemption: String,
    pub by: String,
    pub at: String,
    pub reason: String,
    /// Its code doesn't redeem again until somebody unblocks it.
    pub code_blocked: bool,
}

impl From<&Reversal> for ReversalView {
    fn from(reversal: &Reversal) -> Self {
        Self {
            redemption: reversal.redemption.to_string(),
            by: reversal.by.to_string(),
            at: reversal.at.to_string(),
            reason: reversal.reason.clone(),
            code_blocked: reversal.blocked,
        }
    }
}

/// A redemption that was taken back, and its payout.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ReversedView {
    pub reversal: ReversalView,
    pub payout: PayoutView,
}

impl From<&Reversed> for ReversedView {
    fn from(reversed: &Reversed) -> Self {
        Self { reversal: (&reversed.reversal).into(), payout: (&reversed.payout).into() }
    }
}

/// What there is to say of one payout beside its line in a list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PayoutMore {
    pub attempts: Vec<AttemptView>,
    pub hands: HandsView,
    /// What the caller can do about it now: `approve`, `ask`, `cancel`, `hold`, `refuse`, `release`, `resolve`, `retry`,
    /// `reverse`, `urgent`.
    pub acts: Vec<&'static str>,
    pub reversal: Option<ReversalView>,
    /// The id of its code, where the caller sees the code's batch.
    pub code_id: Option<String>,
    /// What its code is now.
    pub code_state: Option<CodeStateName>,
    pub batch_name: Option<String>,
    /// When it is paid: the day of whose total it is part.
    pub charged_on: Option<String>,
    /// What happened to it and to its redemption, newest first; at most 100 entries of each.
    pub timeline: Vec<HistoryView>,
}

/// A payout.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PayoutView {
    /// The redemption's id, which is the external id that the provider shows.
    pub id: String,
    pub status: PayoutStatus,
    pub state: PayoutState,
    /// Why it is held, cancelled or has failed.
    pub why: Option<String>,
    pub amount: u64,
    pub currency: &'static str,
    /// E.164; masked, except in one payout for who may read customers.
    pub payee: String,
    pub customer: String,
    pub batch: String,
    /// Masked, except in one payout once it is delivered or was asked for whole.
    pub code: String,
    pub code_masked: bool,
    pub generation: u32,
    pub redeemed_at: String,
    pub updated_at: String,
    /// When it is looked at next.
    pub due_at: Option<String>,
    /// What happens next, in words.
    pub next_step: String,
    /// How many references it has had.
    pub references: usize,
    pub reference: Option<String>,
    pub urgent: bool,
    /// A person holds it.
    pub held_by_hand: bool,
    /// A second person has to say whether it was paid by other means.
    pub settlement_waits: bool,
    pub needs_attention: bool,
    /// With one payout only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more: Option<PayoutMore>,
    /// Also in the ETag.
    pub version: u64,
}

impl From<&Payout> for PayoutView {
    fn from(payout: &Payout) -> Self {
        let why = match &payout.state {
            State::Held { why, .. } => Some(why.name().to_owned()),
            State::Refused { reason, .. } => Some(reason.clone()),
            State::Cancelled { why, .. } => Some(why.clone()),
            State::Settled { receipt, .. } => Some(format!("receipt {receipt}")),
            State::Queued { .. }
            | State::Sending { .. }
            | State::Submitted { .. }
            | State::Retrying { .. }
            | State::AwaitingApproval { .. }
            | State::Paid { .. } => None,
        };
        Self {
            id: payout.id.to_string(),
            status: payout.state.outside().into(),
            state: (&payout.state).into(),
            why,
            amount: payout.money.amount,
            currency: payout.money.currency.code(),
            payee: payout.payee.masked(),
            customer: payout.customer.as_str().to_owned(),
            batch: payout.batch_id.clone(),
            code: payout.code.masked(),
            code_masked: true,
            generation: payout.generation,
            redeemed_at: payout.created_at.to_string(),
            updated_at: payout.updated_at.to_string(),
            due_at: time(payout.due_at()),
            next_step: payout.next_step(),
            references: payout.attempts.len(),
            reference: payout.attempt().map(|attempt| attempt.reference.clone()),
            urgent: payout.hands.urgent.is_some(),
            held_by_hand: payout.hands.barred.is_some(),
            settlement_waits: payout.hands.settlement.is_some(),
            needs_attention: payout.state.needs_attention(),
            more: None,
            version: payout.version,
        }
    }
}

impl PayoutView {
    /// For a caller who holds what `holds` says. A code is whole once this very redemption was delivered, or when it was
    /// revealed.
    pub fn whole(detail: &PayoutDetail, revealed: Option<String>, holds: impl Fn(Permission) -> bool) -> Self {
        let payout = &detail.payout;
        let mut view = Self::from(payout);
        if holds(Permission::CustomersRead) {
            payout.payee.e164().clone_into(&mut view.payee);
        }
        let delivered = detail.code.as_ref().filter(|code| payout.state.is_settled() && !code.shown().1);
        if let Some(code) = revealed.or_else(|| delivered.map(|code| code.shown().0)) {
            (view.code, view.code_masked) = (code, false);
        }
        view.more = Some(PayoutMore {
            attempts: payout.attempts.iter().map(AttemptView::from).collect(),
            hands: (&payout.hands).into(),
            acts: detail.acts.iter().copied().map(ByHand::name).collect(),
            reversal: detail.reversal.as_ref().map(ReversalView::from),
            code_id: detail.code.as_ref().map(|found| found.code.id().to_string()),
            code_state: detail.code.as_ref().map(|found| found.state.into()),
            batch_name: detail.code.as_ref().map(|found| found.batch.name.clone()),
            charged_on: payout.charged_on.map(|day| day.to_string()),
            timeline: detail.timeline.iter().map(HistoryView::from).collect(),
        });
        view
    }
}

pub fn payout_tag(payout: &Payout) -> String {
    web::etag("payout", payout.id.as_str(), payout.version)
}

/// What a question is answered with.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Explained {
    /// Newest first, at most ten.
    pub items: Vec<PayoutView>,
}

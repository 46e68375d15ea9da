//! One payout: the states money goes through, what to do next, and what an answer means.
//!
//! `queued → sending → submitted → paid | refused`, beside them `retrying`, `held`, `awaiting_approval`, `cancelled` and
//! `settled`. Nothing that may have been sent returns to `queued`. Every state that is not an end carries the time at
//! which somebody must look again; after an end each reference is still asked about twice.

mod acts;
mod attempt;
mod explain;
pub mod figures;
mod learn;
mod plan;
mod state;
mod watch;

pub use acts::NotNow;
pub use attempt::{Attempt, Seen, SeenStatus};
pub use explain::{ByHand, Question};
pub use learn::{ReportedTransfer, StatusAnswer, TransferAnswer};
pub use plan::{AccountCheck, CustomerSums, Ground, Step, plan};
pub use state::{Hold, Outside, State};

use crate::{
    alert::Alert,
    audit::{Class, Entry, Severity},
    batch::Code,
    code::CodeText,
    id::UserId,
    identity::{CustomerId, RedemptionId, digest, hex},
    money::Money,
    phone::Msisdn,
    settings::PayoutPolicy,
    time::{self, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS},
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

/// A committed redemption's payout that no message has started by then is found by the sweeper.
pub const FIRST_DUE_MS: i64 = 90 * SECOND_MS;
/// A reference is sent again at the earliest this long after its last send: never two sends of one in flight.
pub const RESEND_AFTER_MS: i64 = 10 * MINUTE_MS;
/// A reference is sent again at the latest this long after its first send; providers forget references.
pub const RESEND_WITHIN_MS: i64 = 24 * HOUR_MS;
/// A new reference waits this long after the first FAILED, which may still turn into SUCCESSFUL.
pub const NEW_REFERENCE_AFTER_MS: i64 = 15 * MINUTE_MS;
/// A new reference needs a FAILED that was read at most this long ago.
pub const FAILED_FRESH_MS: i64 = 60 * SECOND_MS;
/// Unsettled for this long since its first send, a payout is held and a person is told; asking goes on.
pub const HOLD_UNSETTLED_AFTER_MS: i64 = 24 * HOUR_MS;
/// How long the sweeper leaves a row alone that it has nudged.
pub const ROUTED_FOR_MS: i64 = 5 * MINUTE_MS;
/// Each reference is asked about again so long after its last send, whatever it has come to.
pub const RECHECK_AFTER_MS: [i64; 2] = [24 * HOUR_MS, 72 * HOUR_MS];
/// Claims of which none wrote an outcome until the payout is held as poison.
pub const MAX_CLAIMS: u8 = 5;

/// Which account at which host sends: a reference means something only there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rail {
    pub provider: String,
    pub host: String,
    pub target_environment: String,
    /// The API user or user name, hashed.
    pub account: String,
}

/// MTN MoMo's disbursement API, as a provider is called in records.
pub const MTN_MOMO: &str = "mtn-momo-disbursement";

impl Rail {
    pub fn mtn_momo(host: &str, target_environment: &str, api_user: &str) -> Self {
        Self {
            provider: MTN_MOMO.to_owned(),
            host: host.to_owned(),
            target_environment: target_environment.to_owned(),
            account: hex(&digest(&["rail", api_user])[..8]),
        }
    }

    /// Whether it says what became of a reference. One that doesn't proves nothing by its silence (decision 0014).
    pub fn can_be_asked(&self) -> bool {
        self.provider == MTN_MOMO
    }

    /// Africa's Talking's airtime; `environment` tells its sandbox from the real thing.
    pub fn airtime(host: &str, environment: &str, username: &str) -> Self {
        Self {
            provider: "africas-talking-airtime".to_owned(),
            host: host.to_owned(),
            target_environment: environment.to_owned(),
            account: hex(&digest(&["rail", username])[..8]),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Payout {
    /// The redemption's id, which is also the external id the provider repeats in callbacks.
    pub id: RedemptionId,
    pub code: CodeText,
    pub generation: u32,
    pub batch_id: String,
    pub customer: CustomerId,
    pub payee: Msisdn,
    pub money: Money,
    pub state: State,
    pub attempts: Vec<Attempt>,
    /// Until then only the worker that claimed it may send; outcomes are taken from anyone.
    #[serde(with = "time::optional", default)]
    pub lease_until: Option<Timestamp>,
    /// Claims since the last outcome.
    #[serde(default)]
    pub claims: u8,
    /// The sweeper has routed it; it is not routed again before then. The next write by a worker clears it.
    #[serde(with = "time::optional", default)]
    pub routed_until: Option<Timestamp>,
    /// When a callback last pulled `due_at`.
    #[serde(with = "time::optional", default)]
    pub prompted_at: Option<Timestamp>,
    /// After an end: when its references are asked about again.
    #[serde(with = "time::optional", default)]
    pub recheck_at: Option<Timestamp>,
    /// It goes by the second rail: its payee was on a network that mobile money doesn't reach.
    #[serde(default)]
    pub second_rail: bool,
    /// The day (of the business) on which it was sent first, or first since it was refused.
    #[serde(default)]
    pub sent_on: Option<Date>,
    /// The day whose total it is part of: that one, or none while it has ended without a payment of ours.
    #[serde(default)]
    pub charged_on: Option<Date>,
    /// What people have done about it.
    #[serde(default)]
    pub hands: Hands,
    #[serde(with = "time::required")]
    pub created_at: Timestamp,
    #[serde(with = "time::required")]
    pub updated_at: Timestamp,
    pub version: u64,
}

/// What people have done about a payout. It changes what may be sent, never what is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hands {
    /// Users who have held, released, hurried, retried or redeemed it: none of them approves it.
    pub touched_by: Vec<UserId>,
    /// Nothing more is sent until it is released; why.
    pub barred: Option<String>,
    /// Who agreed to its first send.
    pub approved_by: Option<UserId>,
    /// It starts before all waiting ones; why.
    pub urgent: Option<String>,
    /// A limit was waived for it; then a second person agrees.
    pub limit_waived: bool,
    /// Retries beyond the policy's, one for each that a person has asked for.
    pub retries: u8,
    /// The next new reference is a person's wish, whatever the reason of the failure was.
    pub retry_wanted: bool,
    /// One person says that the customer was paid by other means; a second one has to agree.
    pub settlement: Option<Settlement>,
}

/// That the customer was paid by other means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    pub by: UserId,
    /// The number of the receipt.
    pub receipt: String,
    pub note: String,
}

impl Hands {
    fn touch(&mut self, by: &UserId) {
        if !self.touched_by.contains(by) {
            self.touched_by.push(by.clone());
        }
    }
}

impl Payout {
    /// Of a redemption that is committed with it at `now`; nothing is sent yet. Above what `policy` lets pass it waits
    /// for a second person.
    pub fn new(
        of: &Code,
        id: RedemptionId,
        customer: CustomerId,
        payee: Msisdn,
        policy: &PayoutPolicy,
        now: Timestamp,
    ) -> Self {
        let state = if policy.needs_approval(of.money.amount) {
            State::AwaitingApproval { due_at: time::plus(now, DAY_MS) }
        } else {
            State::Queued { due_at: time::plus(now, FIRST_DUE_MS) }
        };
        Self {
            id,
            code: of.text.clone(),
            generation: of.generation,
            batch_id: of.batch_id.clone(),
            customer,
            payee,
            money: of.money,
            state,
            attempts: Vec::new(),
            lease_until: None,
            claims: 0,
            routed_until: None,
            prompted_at: None,
            recheck_at: None,
            second_rail: false,
            sent_on: None,
            charged_on: None,
            hands: Hands::default(),
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// Takes out a reference that was only asked about, and isn't known. Answers why the one before it has failed.
    fn forget_what_was_looked_for(&mut self) -> Option<String> {
        let looked_for = self.attempts.last().is_some_and(|attempt| attempt.sends == 0 && !attempt.known);
        if !looked_for {
            return None;
        }
        self.attempts.pop();
        self.attempts.last().and_then(|attempt| attempt.reason.clone())
    }

    pub fn attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// Sends and new references so far, beyond the first send.
    pub fn retries(&self) -> u8 {
        let left =
            |attempt: &Attempt| u32::from(attempt.sends.saturating_sub(attempt.unsent).saturating_sub(attempt.spared));
        let sends: u32 = self.attempts.iter().map(left).sum();
        sends.saturating_sub(1).try_into().unwrap_or(u8::MAX)
    }

    /// Whether a send may have left; then only the provider's word ends it.
    pub fn was_sent(&self) -> bool {
        !self.attempts.is_empty()
    }

    /// Whether all that was sent was read as failed, and so again a quarter of an hour later.
    pub fn has_failed_for_good(&self) -> bool {
        self.was_sent() && self.attempts.iter().all(Attempt::has_failed)
    }

    /// When somebody must look at it: for what is to come, or after an end to ask a last time how it went.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.state.due_at().or(self.recheck_at)
    }

    /// When the due index shows it: when it is due, but not while a nudge of the sweeper's is on its way.
    pub fn shown_at(&self) -> Option<Timestamp> {
        self.due_at().map(|due_at| self.routed_until.map_or(due_at, |until| until.max(due_at)))
    }

    /// Taken by the sweeper, to be nudged now. `None` when it is not due or already on its way.
    #[must_use]
    pub fn routed(&self, now: Timestamp) -> Option<Self> {
        self.shown_at().filter(|at| *at <= now)?;
        let mut routed = self.clone();
        routed.routed_until = Some(time::plus(now, ROUTED_FOR_MS));
        routed.updated_at = now;
        routed.version += 1;
        Some(routed)
    }

    /// Put off because the provider can't be used now; nothing was sent.
    #[must_use]
    pub fn put_off(&self, now: Timestamp) -> Self {
        plan::postponed(self, MINUTE_MS, now)
    }

    /// Held because it does not belong to the account in use; nothing was sent now.
    #[must_use]
    pub fn misconfigured(&self, now: Timestamp) -> Self {
        plan::held(self, Hold::Config, now)
    }

    /// A callback's hint: ask now, at most once a minute. `None` when it changes nothing.
    #[must_use]
    pub fn prompted(&self, now: Timestamp) -> Option<Self> {
        let soon = self.prompted_at.is_some_and(|at| time::between(at, now) < MINUTE_MS);
        let asked_already = self.state.due_at().is_none_or(|due_at| due_at <= now);
        if !matches!(self.state, State::Submitted { .. } | State::Held { .. }) || soon || asked_already {
            return None;
        }
        let mut prompted = self.clone();
        prompted.state = prompted.state.due(now);
        prompted.prompted_at = Some(now);
        prompted.routed_until = None;
        prompted.updated_at = now;
        prompted.version += 1;
        Some(prompted)
    }

    /// The entry for a change from `self` to `after`; `None` when only bookkeeping changed (lease, due time, counts).
    pub fn audit(&self, after: &Self, actor: &str) -> Option<Entry> {
        let (from, to) = (&self.state, &after.state);
        let sent =
            |payout: &'_ Self| payout.attempts.iter().rfind(|attempt| attempt.sends > 0 || attempt.known).cloned();
        let reference = |payout: &Self| sent(payout).map(|attempt| attempt.reference);
        let sends = |payout: &Self| sent(payout).map(|attempt| attempt.sends.to_string());
        let why = |state: &State| match state {
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
        let entry = Entry::new(
            format!("{}-{}", after.id, after.version),
            after.updated_at,
            Class::Money,
            &format!("payout.{}", to.name()),
            format!("system:{actor}"),
            format!("payout:{}", self.id),
        )
        .change("state", Some(from.name().to_owned()), Some(to.name().to_owned()))
        .change("why", why(from), why(to))
        .change("reference", reference(self), reference(after))
        .change("sends", sends(self), sends(after))
        .change("barred", self.hands.barred.clone(), after.hands.barred.clone())
        .change("urgent", self.hands.urgent.clone(), after.hands.urgent.clone());
        let severity = match to {
            State::Held { why: Hold::Totals, .. } => Severity::Info,
            State::Held { .. } => Severity::Critical,
            State::Refused { .. } => Severity::Warning,
            State::Queued { .. }
            | State::Sending { .. }
            | State::Submitted { .. }
            | State::Retrying { .. }
            | State::AwaitingApproval { .. }
            | State::Paid { .. }
            | State::Cancelled { .. }
            | State::Settled { .. } => Severity::Info,
        };
        (!entry.changes.is_empty()).then(|| entry.severity(severity))
    }
}

/// What follows from an answer: the payout as it is now, and whom to tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    pub payout: Payout,
    pub alerts: Vec<Alert>,
}

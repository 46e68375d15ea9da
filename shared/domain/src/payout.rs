//! One payout: the states money goes through, what to do next, and what an answer means.
//!
//! `queued → sending → submitted → paid | refused`, beside them `retrying`, `held`, `awaiting_approval`, `cancelled`.
//! Nothing returns to `queued`. Every state that is not an end carries the time at which somebody must look again.

mod learn;
mod plan;

pub use learn::{ReportedTransfer, StatusAnswer, TransferAnswer};
pub use plan::{Step, plan};

use crate::{
    alert::Alert,
    audit::{Class, Entry, Severity},
    code::CodeText,
    identity::{CustomerId, RedemptionId, digest, hex},
    money::Money,
    phone::Msisdn,
    time::{self, HOUR_MS, MINUTE_MS, SECOND_MS},
};
use jiff::Timestamp;
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

impl Rail {
    pub fn mtn_momo(host: &str, target_environment: &str, api_user: &str) -> Self {
        Self {
            provider: "mtn-momo-disbursement".to_owned(),
            host: host.to_owned(),
            target_environment: target_environment.to_owned(),
            account: hex(&digest(&["rail", api_user])[..8]),
        }
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

/// One reference and everything known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// 1, 2, …
    pub number: u8,
    pub reference: String,
    pub rail: Rail,
    pub sends: u8,
    #[serde(with = "time::required")]
    pub first_sent_at: Timestamp,
    #[serde(with = "time::required")]
    pub last_sent_at: Timestamp,
    /// Some answer has known this reference; a later "not found" proves nothing then.
    #[serde(default)]
    pub known: bool,
    #[serde(default)]
    pub asks: u32,
    #[serde(with = "time::optional", default)]
    pub first_failed_at: Option<Timestamp>,
    #[serde(with = "time::optional", default)]
    pub last_failed_at: Option<Timestamp>,
    /// A typed "not found" for a reference that was never known, read at this time.
    #[serde(with = "time::optional", default)]
    pub not_found_at: Option<Timestamp>,
    /// The provider's reason for a failure, as it wrote it.
    pub reason: Option<String>,
    /// The provider's own id of the transfer once it is paid.
    pub transaction: Option<String>,
    /// What the last answer was, in a word.
    pub last_answer: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Exhausted or too old, without proof of anything.
    Unknown,
    /// The provider speaks of another transfer than ours.
    Mismatch,
    /// The provider refuses our set-up, not the payee.
    Config,
    /// Five claims without an outcome.
    Poison,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum State {
    /// Committed, never sent.
    Queued {
        #[serde(with = "time::required")]
        due_at: Timestamp,
    },
    /// A send may be in flight or its answer was lost.
    Sending {
        #[serde(with = "time::required")]
        due_at: Timestamp,
    },
    /// The provider has it.
    Submitted {
        #[serde(with = "time::required")]
        due_at: Timestamp,
    },
    /// Failed, and asked again at `due_at`: then a new reference follows, or it is refused for good.
    Retrying {
        #[serde(with = "time::required")]
        due_at: Timestamp,
    },
    /// A person is asked; meanwhile the provider still is, too.
    Held {
        why: Hold,
        #[serde(with = "time::required")]
        due_at: Timestamp,
    },
    /// A second person decides before the first send.
    AwaitingApproval {
        #[serde(with = "time::required")]
        due_at: Timestamp,
    },
    Paid {
        #[serde(with = "time::required")]
        at: Timestamp,
    },
    Refused {
        #[serde(with = "time::required")]
        at: Timestamp,
        reason: String,
    },
    Cancelled {
        #[serde(with = "time::required")]
        at: Timestamp,
    },
}

impl State {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Sending { .. } => "sending",
            Self::Submitted { .. } => "submitted",
            Self::Retrying { .. } => "retrying",
            Self::Held { .. } => "held",
            Self::AwaitingApproval { .. } => "awaiting_approval",
            Self::Paid { .. } => "paid",
            Self::Refused { .. } => "refused",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// When somebody must look again; `None` at an end.
    pub fn due_at(&self) -> Option<Timestamp> {
        match self {
            Self::Queued { due_at }
            | Self::Sending { due_at }
            | Self::Submitted { due_at }
            | Self::Retrying { due_at }
            | Self::Held { due_at, .. }
            | Self::AwaitingApproval { due_at } => Some(*due_at),
            Self::Paid { .. } | Self::Refused { .. } | Self::Cancelled { .. } => None,
        }
    }

    /// The same state, to be looked at again at `later`; ends stay as they are.
    #[must_use]
    pub fn due(mut self, later: Timestamp) -> Self {
        match &mut self {
            Self::Queued { due_at }
            | Self::Sending { due_at }
            | Self::Submitted { due_at }
            | Self::Retrying { due_at }
            | Self::Held { due_at, .. }
            | Self::AwaitingApproval { due_at } => *due_at = later,
            Self::Paid { .. } | Self::Refused { .. } | Self::Cancelled { .. } => {}
        }
        self
    }

    /// The word that customers, exports and filters see.
    pub fn outside(&self) -> Outside {
        match self {
            Self::Queued { .. } => Outside::Queued,
            Self::Sending { .. } | Self::Submitted { .. } | Self::Retrying { .. } => Outside::Processing,
            Self::Held { .. } => Outside::Held,
            Self::AwaitingApproval { .. } => Outside::AwaitingApproval,
            Self::Paid { .. } => Outside::Completed,
            Self::Refused { .. } => Outside::Failed,
            Self::Cancelled { .. } => Outside::Cancelled,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    Queued,
    Processing,
    Completed,
    Failed,
    Held,
    AwaitingApproval,
    Cancelled,
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
    #[serde(with = "time::required")]
    pub created_at: Timestamp,
    #[serde(with = "time::required")]
    pub updated_at: Timestamp,
    pub version: u64,
}

impl Payout {
    pub fn attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// Sends and new references so far, beyond the first send.
    pub fn retries(&self) -> u8 {
        let sends: u32 = self.attempts.iter().map(|attempt| u32::from(attempt.sends)).sum();
        sends.saturating_sub(1).try_into().unwrap_or(u8::MAX)
    }

    /// When the due index shows it: when it is due, but not while a nudge of the sweeper's is on its way.
    pub fn shown_at(&self) -> Option<Timestamp> {
        self.state.due_at().map(|due_at| self.routed_until.map_or(due_at, |until| until.max(due_at)))
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
        let reference = |payout: &Self| payout.attempt().map(|attempt| attempt.reference.clone());
        let sends = |payout: &Self| payout.attempt().map(|attempt| attempt.sends.to_string());
        let why = |state: &State| match state {
            State::Held { why, .. } => Some(format!("{why:?}").to_lowercase()),
            State::Refused { reason, .. } => Some(reason.clone()),
            State::Queued { .. }
            | State::Sending { .. }
            | State::Submitted { .. }
            | State::Retrying { .. }
            | State::AwaitingApproval { .. }
            | State::Paid { .. }
            | State::Cancelled { .. } => None,
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
        .change("sends", sends(self), sends(after));
        let severity = match to {
            State::Held { .. } => Severity::Critical,
            State::Refused { .. } => Severity::Warning,
            State::Queued { .. }
            | State::Sending { .. }
            | State::Submitted { .. }
            | State::Retrying { .. }
            | State::AwaitingApproval { .. }
            | State::Paid { .. }
            | State::Cancelled { .. } => Severity::Info,
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

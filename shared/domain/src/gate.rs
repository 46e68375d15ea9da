//! The gate in front of a rail: circuit breaker, float, and whether what is paid still is what is tried.
//!
//! One row, shared by all workers and read with each claim. What it keeps out waits; nothing is used up by waiting.

use crate::{
    alert::{self, Alert},
    audit::{Class, Entry, Severity},
    money::grouped,
    settings::PayoutPolicy,
    time::{self, MINUTE_MS, SECOND_MS},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A breaker stays open for at most this many times its first period.
const LONGEST: u32 = 16;
/// How long a payout waits before it looks whether a pause has ended.
const PAUSED_MS: i64 = MINUTE_MS;
/// Outcomes and customers below which a share of them says nothing.
const FEWEST_OUTCOMES: usize = 50;
const FEWEST_CUSTOMERS: usize = 20;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gate {
    pub breaker: Breaker,
    /// Sends wait; questions are still asked.
    pub pause: Option<Pause>,
    pub balance: Option<Balance>,
    /// 0: not stored yet.
    pub version: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Breaker {
    Closed {
        /// Failures of the provider since its last good answer.
        troubles: u32,
    },
    Open {
        #[serde(with = "time::required")]
        until: Timestamp,
        /// How often it has opened in a row.
        times: u32,
        why: String,
    },
    /// One call is let through to see whether the provider is well again.
    HalfOpen {
        /// Whoever probes has died if it says nothing by then.
        #[serde(with = "time::required")]
        until: Timestamp,
        times: u32,
    },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { troubles: 0 }
    }
}

impl Breaker {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseWhy {
    /// The float, less what is on its way, is too small. It ends by itself.
    Funds,
    /// Too many payouts fail. A person ends it.
    Outcomes,
}

impl PauseWhy {
    pub fn name(self) -> &'static str {
        match self {
            Self::Funds => "funds",
            Self::Outcomes => "outcomes",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub why: PauseWhy,
    #[serde(with = "time::required")]
    pub since: Timestamp,
}

/// The float as it was last read, in whole units of the account's currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    pub amount: u64,
    /// What was sending or submitted when it was read: perhaps taken from the float already, perhaps not.
    pub on_its_way: u64,
    #[serde(with = "time::required")]
    pub at: Timestamp,
}

/// What a call to the provider may do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    Free,
    /// Only after the gate was written as [`Gate::probing`]: one call at a time.
    Probe,
    Wait(Timestamp),
}

/// The gate as it becomes, and whom to tell.
/// What the provider is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Ask,
    Send,
    /// The same reference once more. What is on its way is part of what the float is held back for, so a float that is
    /// too small for others doesn't stop it; else it would stop them, and itself, for ever.
    Resend,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    pub gate: Gate,
    pub alerts: Vec<Alert>,
}

impl Gate {
    /// Whether a call may be made.
    pub fn pass(&self, call: Call, now: Timestamp) -> Pass {
        let paused = match (call, self.pause.as_ref().map(|pause| pause.why)) {
            (Call::Ask, _) | (_, None) | (Call::Resend, Some(PauseWhy::Funds)) => false,
            (Call::Send, Some(_)) | (Call::Resend, Some(PauseWhy::Outcomes)) => true,
        };
        match &self.breaker {
            Breaker::Open { until, .. } | Breaker::HalfOpen { until, .. } if now < *until => Pass::Wait(*until),
            _ if paused => Pass::Wait(time::plus(now, PAUSED_MS)),
            Breaker::Open { .. } | Breaker::HalfOpen { .. } => Pass::Probe,
            Breaker::Closed { .. } => Pass::Free,
        }
    }

    fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// Taken by the worker that probes, for `lease_ms`.
    #[must_use]
    pub fn probing(&self, now: Timestamp, lease_ms: i64) -> Self {
        let times = match &self.breaker {
            Breaker::Closed { .. } => 1,
            Breaker::Open { times, .. } | Breaker::HalfOpen { times, .. } => *times,
        };
        let mut next = self.next();
        next.breaker = Breaker::HalfOpen { until: time::plus(now, lease_ms), times };
        next
    }

    /// After an answer that only a provider in trouble gives, or none. `None` when nothing changes: who meets trouble
    /// while the breaker is open was let through before it opened.
    #[must_use]
    pub fn troubled(&self, why: &str, policy: &PayoutPolicy, now: Timestamp) -> Option<Moved> {
        let mut next = self.next();
        let times = match &self.breaker {
            Breaker::Closed { troubles } if troubles + 1 < policy.breaker_after => {
                next.breaker = Breaker::Closed { troubles: troubles + 1 };
                return Some(Moved { gate: next, alerts: Vec::new() });
            }
            Breaker::Closed { .. } => 1,
            Breaker::HalfOpen { times, .. } => times.saturating_add(1),
            Breaker::Open { .. } => return None,
        };
        let factor = 1_u32 << times.saturating_sub(1).min(LONGEST.ilog2());
        let open_ms = i64::from(policy.breaker_seconds) * SECOND_MS * i64::from(factor);
        let why: String = why.chars().take(64).collect();
        let mut alerts = Vec::new();
        if times == 1 {
            alerts.push(next.alert(alert::Kind::BreakerOpened, now, &format!("MoMo is in trouble ({why}). Payouts wait and go on by themselves when one call gets through; look at MTN's status, and do nothing else.")));
        }
        next.breaker = Breaker::Open { until: time::plus(now, open_ms), times, why };
        Some(Moved { gate: next, alerts })
    }

    /// After a good answer. `None` when nothing changes.
    #[must_use]
    pub fn recovered(&self) -> Option<Self> {
        match &self.breaker {
            Breaker::Closed { troubles: 0 } => None,
            Breaker::Closed { .. } | Breaker::Open { .. } | Breaker::HalfOpen { .. } => {
                let mut next = self.next();
                next.breaker = Breaker::default();
                Some(next)
            }
        }
    }

    /// After the float was read: it pauses sending, or lets it go on.
    #[must_use]
    pub fn weighed(&self, balance: Balance, policy: &PayoutPolicy) -> Moved {
        let now = balance.at;
        let free = balance.amount.saturating_sub(balance.on_its_way);
        let was_low = self.balance.as_ref().is_some_and(|before| before.amount < policy.balance_alert);
        let mut next = self.next();
        let mut alerts = Vec::new();
        if balance.amount < policy.balance_alert && !was_low {
            let text = format!("{} is left in MoMo's float. Top it up.", grouped(balance.amount));
            alerts.push(next.alert(alert::Kind::FundsLow, now, &text));
        }
        let dry = free < policy.balance_pause;
        next.pause = match (&self.pause, dry) {
            (None, true) => {
                let text = format!(
                    "Payouts wait: of MoMo's float of {}, {} is on its way already. Top it up; payouts go on by themselves then.",
                    grouped(balance.amount),
                    grouped(balance.on_its_way)
                );
                alerts.push(next.alert(alert::Kind::PayoutsPaused, now, &text));
                Some(Pause { why: PauseWhy::Funds, since: now })
            }
            (Some(Pause { why: PauseWhy::Funds, .. }), false) => None,
            (pause, _) => pause.clone(),
        };
        next.balance = Some(balance);
        Moved { gate: next, alerts }
    }

    /// After a look at the last outcomes. `None` when nothing changes.
    #[must_use]
    pub fn judged(&self, outcomes: &Outcomes, policy: &PayoutPolicy, now: Timestamp) -> Option<Moved> {
        if self.pause.is_some() || !outcomes.are_bad(policy) {
            return None;
        }
        let mut next = self.next();
        next.pause = Some(Pause { why: PauseWhy::Outcomes, since: now });
        let text = format!(
            "Payouts wait: of the last {} only {} were paid. See why the others failed, mend it, then start payouts again.",
            outcomes.last.len(),
            outcomes.paid()
        );
        let alerts = vec![next.alert(alert::Kind::PayoutsPaused, now, &text)];
        Some(Moved { gate: next, alerts })
    }

    /// A person lets payouts go on. `None` when nothing is paused.
    #[must_use]
    pub fn resumed(&self) -> Option<Self> {
        self.pause.as_ref()?;
        let mut next = self.next();
        next.pause = None;
        Some(next)
    }

    fn alert(&self, kind: alert::Kind, now: Timestamp, note: &str) -> Alert {
        Alert {
            id: format!("gate-{}-{}", self.version, kind.name()),
            at: now,
            kind,
            entity: "payouts:gate".to_owned(),
            note: note.to_owned(),
        }
    }

    /// The entry for a change from `self` to `after`; `None` when only counts changed.
    pub fn audit(&self, after: &Self, actor: &str, at: Timestamp) -> Option<Entry> {
        let pause = |gate: &Self| gate.pause.as_ref().map(|pause| pause.why.name().to_owned());
        let entry = Entry::new(
            format!("gate-{}", after.version),
            at,
            Class::System,
            "payouts.gate",
            format!("system:{actor}"),
            "payouts:gate".to_owned(),
        )
        .change("breaker", Some(self.breaker.name().to_owned()), Some(after.breaker.name().to_owned()))
        .change("pause", pause(self), pause(after));
        (!entry.changes.is_empty()).then(|| entry.severity(Severity::Warning))
    }
}

/// The last payouts that ended, newest last. A row of its own: each end writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcomes {
    pub last: Vec<Outcome>,
    /// 0: not stored yet.
    pub version: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The first eight characters of the customer's id.
    pub customer: String,
    pub paid: bool,
}

impl Outcomes {
    #[must_use]
    pub fn with(&self, outcome: Outcome, policy: &PayoutPolicy) -> Self {
        let mut last = self.last.clone();
        last.push(outcome);
        let keep = usize::try_from(policy.outcomes).unwrap_or(usize::MAX);
        last.drain(..last.len().saturating_sub(keep));
        Self { last, version: self.version + 1 }
    }

    /// After a pause was ended by a person: the past doesn't count again.
    #[must_use]
    pub fn forgotten(&self) -> Self {
        Self { last: Vec::new(), version: self.version + 1 }
    }

    pub fn paid(&self) -> usize {
        self.last.iter().filter(|outcome| outcome.paid).count()
    }

    fn are_bad(&self, policy: &PayoutPolicy) -> bool {
        let Some(percent) = policy.pause_below_percent else { return false };
        let mut customers: Vec<&str> = self.last.iter().map(|outcome| outcome.customer.as_str()).collect();
        customers.sort_unstable();
        customers.dedup();
        self.last.len() >= FEWEST_OUTCOMES
            && customers.len() >= FEWEST_CUSTOMERS
            && self.paid() * 100 < usize::from(percent) * self.last.len()
    }
}

//! The gate in front of a rail: circuit breakers, float, and whether what is paid still is what is tried.
//!
//! One row, shared by all workers and read with each claim. What it keeps out waits; nothing is used up by waiting.

mod breaker;

pub use breaker::Breaker;

use crate::{
    alert::{self, Alert},
    audit::{Class, Entry, Severity},
    money::grouped,
    settings::PayoutPolicy,
    time::{self, MINUTE_MS},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How long a payout waits before it looks whether a pause has ended.
const PAUSED_MS: i64 = MINUTE_MS;
/// Outcomes and customers below which a share of them says nothing.
const FEWEST_OUTCOMES: usize = 50;
const FEWEST_CUSTOMERS: usize = 20;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gate {
    /// Of questions and of whatever every call needs. What it keeps out is not sent either.
    pub breaker: Breaker,
    /// Of sends alone: a provider that answers questions may still take no transfer, and a good answer to a question
    /// says nothing about the next send.
    pub sends: Breaker,
    /// Sends wait; questions are still asked.
    pub pause: Option<Pause>,
    pub balance: Option<Balance>,
    /// 0: not stored yet.
    pub version: u64,
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

/// What the provider is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Ask,
    Send,
    /// The same reference once more. What is on its way is part of what the float is held back for, so a float that is
    /// too small for others doesn't stop it; else it would stop them, and itself, for ever.
    Resend,
}

/// The gate as it becomes, and whom to tell.
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
        let breakers = self.breakers(call);
        if let Some(until) = breakers.iter().filter_map(|breaker| breaker.shut_until(now)).max() {
            Pass::Wait(until)
        } else if paused {
            Pass::Wait(time::plus(now, PAUSED_MS))
        } else if breakers.iter().all(|breaker| breaker.is_closed()) {
            Pass::Free
        } else {
            Pass::Probe
        }
    }

    /// Those that a call has to pass.
    fn breakers(&self, call: Call) -> Vec<&Breaker> {
        match call {
            Call::Ask => vec![&self.breaker],
            Call::Send | Call::Resend => vec![&self.breaker, &self.sends],
        }
    }

    fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// Taken by the worker that probes with this call, for `lease_ms`.
    #[must_use]
    pub fn probing(&self, call: Call, now: Timestamp, lease_ms: i64) -> Self {
        let mut next = self.next();
        next.breaker = self.breaker.probing(now, lease_ms);
        if call != Call::Ask {
            next.sends = self.sends.probing(now, lease_ms);
        }
        next
    }

    /// After an answer to `call` that only a provider in trouble gives, or none. `None` when nothing changes.
    #[must_use]
    pub fn troubled(&self, call: Call, why: &str, policy: &PayoutPolicy, now: Timestamp) -> Option<Moved> {
        let mut next = self.next();
        if call == Call::Ask {
            next.breaker = self.breaker.troubled(why, policy, now).unwrap_or(next.breaker);
        } else {
            next.sends = self.sends.troubled(why, policy, now).unwrap_or(next.sends);
            // Questions may be well, and the next one finds out.
            next.breaker = self.breaker.unproven(why, now);
        }
        let well = |gate: &Self| gate.breaker.is_closed() && gate.sends.is_closed();
        let mut alerts = Vec::new();
        if well(self) && !well(&next) {
            let why = why.chars().take(64).collect::<String>();
            alerts.push(next.alert(alert::Kind::BreakerOpened, now, &format!("MoMo is in trouble ({why}). Payouts wait and go on by themselves when one call gets through; look at MTN's status, and do nothing else.")));
        }
        let moved = (&next.breaker, &next.sends) != (&self.breaker, &self.sends);
        moved.then_some(Moved { gate: next, alerts })
    }

    /// After a good answer to `call`. `None` when nothing changes.
    #[must_use]
    pub fn recovered(&self, call: Call) -> Option<Self> {
        let mut next = self.next();
        next.breaker = Breaker::default();
        if call != Call::Ask {
            next.sends = Breaker::default();
        }
        ((&next.breaker, &next.sends) != (&self.breaker, &self.sends)).then_some(next)
    }

    /// After a transfer was refused or known already: calls are answered, and it says nothing about the next send, which
    /// may look at once. `None` when nothing changes.
    #[must_use]
    pub fn answered(&self, now: Timestamp) -> Option<Self> {
        let mut next = self.next();
        next.breaker = Breaker::default();
        next.sends = self.sends.unproven("a transfer was refused or known already", now);
        ((&next.breaker, &next.sends) != (&self.breaker, &self.sends)).then_some(next)
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
        .change("sends", Some(self.sends.name().to_owned()), Some(after.sends.name().to_owned()))
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

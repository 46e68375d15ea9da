//! A circuit breaker: after some failures in a row it keeps calls out for a while, then lets one through to see.

use crate::{
    settings::PayoutPolicy,
    time::{self, SECOND_MS},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// It stays open for at most this many times its first period.
const LONGEST: u32 = 16;
/// Characters that are kept of why it opened.
const MOST_OF_WHY: usize = 64;

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

    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// Until when nothing passes.
    pub(super) fn shut_until(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Open { until, .. } | Self::HalfOpen { until, .. } => Some(*until).filter(|until| now < *until),
            Self::Closed { .. } => None,
        }
    }

    /// Taken by the worker that probes, for `lease_ms`. A closed one stays closed.
    pub(super) fn probing(&self, now: Timestamp, lease_ms: i64) -> Self {
        match self {
            Self::Closed { .. } => self.clone(),
            Self::Open { times, .. } | Self::HalfOpen { times, .. } => {
                Self::HalfOpen { until: time::plus(now, lease_ms), times: *times }
            }
        }
    }

    /// A probe was used up by another kind of call, whose trouble says nothing: the next call probes again.
    pub(super) fn unproven(&self, why: &str, now: Timestamp) -> Self {
        match self {
            Self::HalfOpen { times, .. } => Self::Open { until: now, times: *times, why: first(why) },
            Self::Closed { .. } | Self::Open { .. } => self.clone(),
        }
    }

    /// After an answer that only a provider in trouble gives, or none. `None` when nothing changes: who meets trouble
    /// while it is open was let through before it opened.
    pub(super) fn troubled(&self, why: &str, policy: &PayoutPolicy, now: Timestamp) -> Option<Self> {
        let times = match self {
            Self::Closed { troubles } if troubles + 1 < policy.breaker_after => {
                return Some(Self::Closed { troubles: troubles + 1 });
            }
            Self::Closed { .. } => 1,
            Self::HalfOpen { times, .. } => times.saturating_add(1),
            Self::Open { .. } => return None,
        };
        let factor = 1_u32 << times.saturating_sub(1).min(LONGEST.ilog2());
        let open_ms = i64::from(policy.breaker_seconds) * SECOND_MS * i64::from(factor);
        Some(Self::Open { until: time::plus(now, open_ms), times, why: first(why) })
    }
}

fn first(why: &str) -> String {
    why.chars().take(MOST_OF_WHY).collect()
}

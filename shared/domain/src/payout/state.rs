//! The states of a payout, and the words that the outside has for them.

use crate::time;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// A person has stopped it.
    ByHand,
    /// It passes the limit of one payout or of its customer.
    Limit,
    /// The day or month has no room left; it goes on by itself with the next one.
    Totals,
    /// The payee's account can't receive.
    Account,
}

impl Hold {
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Mismatch => "mismatch",
            Self::Config => "config",
            Self::Poison => "poison",
            Self::ByHand => "by_hand",
            Self::Limit => "limit",
            Self::Totals => "totals",
            Self::Account => "account",
        }
    }
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
    /// Nothing was sent, or all that was sent has failed, and nothing more is.
    Cancelled {
        #[serde(with = "time::required")]
        at: Timestamp,
        #[serde(default)]
        why: String,
    },
    /// The customer was paid by other means; two people say so.
    Settled {
        #[serde(with = "time::required")]
        at: Timestamp,
        /// The number of the receipt.
        receipt: String,
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
            Self::Settled { .. } => "settled",
        }
    }

    /// Under which its money is counted: the state, and of a held one the reason.
    pub fn gauge(&self) -> &'static str {
        match self {
            Self::Held { why, .. } => match why {
                Hold::Unknown => "held_unknown",
                Hold::Mismatch => "held_mismatch",
                Hold::Config => "held_config",
                Hold::Poison => "held_poison",
                Hold::ByHand => "held_by_hand",
                Hold::Limit => "held_limit",
                Hold::Totals => "held_totals",
                Hold::Account => "held_account",
            },
            Self::Queued { .. }
            | Self::Sending { .. }
            | Self::Submitted { .. }
            | Self::Retrying { .. }
            | Self::AwaitingApproval { .. }
            | Self::Paid { .. }
            | Self::Refused { .. }
            | Self::Cancelled { .. }
            | Self::Settled { .. } => self.name(),
        }
    }

    /// A person has to do something about it.
    pub fn needs_attention(&self) -> bool {
        match self {
            Self::Held { why: Hold::Totals, .. } => false,
            Self::Held { .. } | Self::AwaitingApproval { .. } | Self::Refused { .. } => true,
            Self::Queued { .. }
            | Self::Sending { .. }
            | Self::Submitted { .. }
            | Self::Retrying { .. }
            | Self::Paid { .. }
            | Self::Cancelled { .. }
            | Self::Settled { .. } => false,
        }
    }

    /// The customer has the money.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Paid { .. } | Self::Settled { .. })
    }

    /// Nothing is to be done any more, but to ask a last time how it went.
    pub fn is_end(&self) -> bool {
        self.due_at().is_none()
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
            Self::Paid { .. } | Self::Refused { .. } | Self::Cancelled { .. } | Self::Settled { .. } => None,
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
            Self::Paid { .. } | Self::Refused { .. } | Self::Cancelled { .. } | Self::Settled { .. } => {}
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
            Self::Paid { .. } | Self::Settled { .. } => Outside::Completed,
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

impl Outside {
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Held => "held",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Cancelled => "cancelled",
        }
    }
}

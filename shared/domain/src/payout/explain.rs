//! A payout in words: what happens next, and what people may do about it now.

use super::{Hold, Payout, State};
use crate::{code::CodeText, id::UserId, identity::RedemptionId, permission::Permission, phone::Msisdn};
use jiff::Timestamp;

/// What somebody on call has in hand when they ask what became of a payout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    Redemption(RedemptionId),
    /// A reference, as the provider has it.
    Reference(String),
    Phone(Msisdn),
    Code(CodeText),
}

impl Question {
    /// What a text can only be; a text that may be a number is one. `None` when it is nothing that can be found by.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        if let Ok(id) = RedemptionId::parse(&lower) {
            return Some(Self::Redemption(id));
        }
        if is_uuid(&lower) {
            return Some(Self::Reference(lower));
        }
        match Msisdn::parse(text) {
            Ok(phone) => Some(Self::Phone(phone)),
            Err(_) => CodeText::parse(text).ok().map(Self::Code),
        }
    }

    /// Whether a text looks like the eight characters that a customer reads out. They are the beginning of an id, by
    /// which nothing is found.
    pub fn is_short_form(text: &str) -> bool {
        let text = text.trim();
        text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() == lengths.len()
        && parts
            .iter()
            .zip(lengths)
            .all(|(part, length)| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// What people can do about a payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ByHand {
    Approve,
    /// Ask once more how it went.
    Ask,
    Cancel,
    Hold,
    Refuse,
    Release,
    /// That it was paid by other means.
    Resolve,
    Retry,
    /// Take the redemption back.
    Reverse,
    Urgent,
}

impl ByHand {
    pub const ALL: [Self; 10] = [
        Self::Approve,
        Self::Ask,
        Self::Cancel,
        Self::Hold,
        Self::Refuse,
        Self::Release,
        Self::Resolve,
        Self::Retry,
        Self::Reverse,
        Self::Urgent,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Ask => "ask",
            Self::Cancel => "cancel",
            Self::Hold => "hold",
            Self::Refuse => "refuse",
            Self::Release => "release",
            Self::Resolve => "resolve",
            Self::Retry => "retry",
            Self::Reverse => "reverse",
            Self::Urgent => "urgent",
        }
    }

    /// What it takes.
    pub fn permission(self) -> Permission {
        match self {
            Self::Approve | Self::Refuse => Permission::DisbursementsApprove,
            Self::Ask | Self::Retry => Permission::DisbursementsRetry,
            Self::Cancel => Permission::DisbursementsCancel,
            Self::Hold | Self::Release => Permission::DisbursementsHold,
            Self::Resolve => Permission::DisbursementsReconcile,
            Self::Reverse => Permission::RedemptionsReverse,
            Self::Urgent => Permission::DisbursementsConfigure,
        }
    }
}

impl Payout {
    /// What `who` can do about it as it is now, permissions aside. Taking the redemption back also depends on its code.
    pub fn possible(&self, who: &UserId, now: Timestamp) -> Vec<ByHand> {
        let may = |act: &ByHand| match act {
            ByHand::Approve => self.approve(who, now).is_ok(),
            ByHand::Ask => self.ask_again(now).is_ok(),
            ByHand::Cancel => self.cancel(who, "", now).is_ok(),
            ByHand::Hold => self.hold(who, "", now).is_ok(),
            ByHand::Refuse => self.disapprove(who, "", now).is_ok(),
            ByHand::Release => self.release(who, now).is_ok(),
            ByHand::Resolve => self.settle(who, "", "", now).is_ok(),
            ByHand::Retry => self.retry(who, None, now).is_ok(),
            ByHand::Reverse => !self.is_reversed() && self.reverse(who, now).is_ok(),
            ByHand::Urgent => self.hurry(who, "", now).is_ok(),
        };
        ByHand::ALL.into_iter().filter(may).collect()
    }

    /// What happens next, for whoever is asked about it. Nothing in it is anybody's secret.
    pub fn next_step(&self) -> String {
        let course = self.course();
        let mut words = course.to_owned();
        if self.hands.settlement.is_some() {
            words.push_str(" Somebody says that it was paid by other means; a second person decides on that.");
        } else if self.hands.barred.is_some() && !self.state.is_end() {
            words.push_str(" A person holds it: nothing more is sent until it is released.");
        }
        words
    }

    fn course(&self) -> &'static str {
        let sent = self.was_sent();
        match &self.state {
            State::Queued { .. } => "A worker sends it as soon as payouts are on and MoMo can be reached.",
            State::Sending { .. } => {
                "It may have been sent. MoMo is asked whether it has it; it is sent again only after MoMo has said no."
            }
            State::Submitted { .. } => "MoMo has it. MoMo is asked how it went, without end.",
            State::Retrying { .. } => {
                "It has failed. MoMo is asked about every reference once more; it is sent again only if all have still \
                 failed."
            }
            State::Held { why, .. } => held(*why, sent),
            State::AwaitingApproval { .. } => {
                "A second person decides: nobody who has redeemed, held, released, hurried or retried it."
            }
            State::Paid { .. } if self.recheck_at.is_some() => {
                "The customer has the money. MoMo is asked once more, to be sure that it was paid once."
            }
            State::Paid { .. } => "The customer has the money. Nothing more is done.",
            State::Refused { .. } => {
                "It has failed for good. A person retries it, cancels it, or pays by other means and says so."
            }
            State::Cancelled { .. } if self.recheck_at.is_some() => {
                "It was cancelled; nothing is sent any more. MoMo is asked once more how what was sent went."
            }
            State::Cancelled { .. } => "It was cancelled; nothing is sent any more.",
            State::Settled { .. } if self.recheck_at.is_some() => {
                "The customer was paid by other means. MoMo is asked once more, to be sure that it was paid once."
            }
            State::Settled { .. } => "The customer was paid by other means. Nothing more is done.",
        }
    }
}

fn held(why: Hold, sent: bool) -> &'static str {
    match (why, sent) {
        (Hold::Unknown, _) => {
            "Nobody knows whether it was paid. MoMo is asked every hour; look it up in MTN's portal by its reference. It is \
             never paid under a new one before MoMo has said that it failed. What was paid by other means is said with \
             its receipt, by two people."
        }
        (Hold::Mismatch, _) => {
            "MoMo's answer is another transfer than ours. Look its reference up in MTN's portal before anything else. A \
             day after that answer it can be cancelled, or settled by two people with the receipt."
        }
        (Hold::Config, _) => {
            "MoMo refuses our set-up, not the customer. Put keys, addresses or environment right, then release it."
        }
        (Hold::Poison, _) => {
            "Workers took it five times and none lived to tell. Look at the payout worker's errors, then release it."
        }
        (Hold::ByHand, true) => "A person has stopped it; what was sent is still asked about. Release it to go on.",
        (Hold::ByHand, false) => "A person has stopped it before anything was sent. Release or cancel it.",
        (Hold::Limit, _) => "It passes a limit. Release it, which takes a second person's approval, or cancel it.",
        (Hold::Totals, _) => "The day or month has no room left. It goes on by itself with the next one.",
        (Hold::Account, _) => {
            "The customer's account can't receive. Release it when the customer has put that right, or cancel it."
        }
    }
}

//! A batch in figures. Every figure counts facts as they were written, in the transaction of each; nothing is guessed
//! from lists. One definition serves the API, exports, reports and reconciliation (REP-06).

use super::{Act, Batch, BatchState, Code, CodeId, CodeState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Sums over all days of a batch's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Redemptions that were not taken back.
    pub redeemed: u64,
    pub redeemed_amount: u64,
    pub paid: u64,
    pub paid_amount: u64,
    /// Redemptions that were taken back.
    pub reversed: u64,
    pub tally: Tally,
}

/// What staff have done to a batch's codes, as sums of steps: a code that was unblocked takes its step back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Blocked now, neither reported nor deleted.
    pub blocked: i64,
    pub deleted: i64,
    /// Reported before anybody claimed them.
    pub reported_unclaimed: i64,
    pub reported_claimed: i64,
    /// Of the claimed ones, those whose payout is settled.
    pub reported_paid: i64,
}

impl Tally {
    /// The step that `act` makes for `code`, which it was found possible for.
    pub fn step(code: &Code, act: Act) -> Self {
        let none = Self::default();
        let unblocked = if code.blocked { -1 } else { 0 };
        match act {
            Act::Block => Self { blocked: 1, ..none },
            Act::Unblock => Self { blocked: -1, ..none },
            Act::Delete => Self { deleted: 1, blocked: unblocked, ..none },
            Act::Report if code.claim.is_some() => {
                Self { reported_claimed: 1, reported_paid: i64::from(code.is_settled()), ..none }
            }
            Act::Report => Self { reported_unclaimed: 1, blocked: unblocked, ..none },
        }
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            blocked: self.blocked + other.blocked,
            deleted: self.deleted + other.deleted,
            reported_unclaimed: self.reported_unclaimed + other.reported_unclaimed,
            reported_claimed: self.reported_claimed + other.reported_claimed,
            reported_paid: self.reported_paid + other.reported_paid,
        }
    }

    /// The names under which the parts are stored, with their values.
    pub fn parts(self) -> [(&'static str, i64); 5] {
        [
            ("blocked", self.blocked),
            ("deleted", self.deleted),
            ("reported_unclaimed", self.reported_unclaimed),
            ("reported_claimed", self.reported_claimed),
            ("reported_paid", self.reported_paid),
        ]
    }

    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// A code with a date of its own, as it is now.
#[derive(Clone, Debug)]
pub struct OwnExpiry {
    pub id: CodeId,
    pub code: Code,
}

/// How many codes are in which state, and the money in each (amount × codes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Codes of live runs that were not deleted.
    pub codes: u64,
    pub active: u64,
    pub blocked: u64,
    pub used: u64,
    pub redeemed: u64,
    pub reported: u64,
    pub expired: u64,
    pub deleted: u64,
    /// Redemptions that were not taken back, whatever became of their payouts, and their sum.
    pub redemptions: u64,
    pub redeemed_amount: u64,
    /// Settled payouts and their sum.
    pub paid: u64,
    pub paid_amount: u64,
    /// In whole units of the currency: all codes, those that may still be asked for, and those in payment.
    pub issued_amount: u64,
    pub outstanding_amount: u64,
    pub in_payment_amount: u64,
}

/// Counters are read one after the other: a step seen without the one before it must not wrap around.
fn whole(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

impl Statistics {
    /// From a batch's counters, and its codes with a date of their own.
    pub fn of(batch: &Batch, counts: &Counts, own: &[OwnExpiry], grace_hours: u32, now: Timestamp) -> Self {
        let tally = counts.tally;
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let (all, claimed, paid) = (signed(batch.codes), signed(counts.redeemed), signed(counts.paid));
        let mut blocked = tally.blocked;
        let mut active = all - claimed - blocked - tally.deleted - tally.reported_unclaimed;
        let mut expired = 0;
        let over = match batch.standing() {
            BatchState::Expired | BatchState::Completed => true,
            BatchState::Generating
            | BatchState::Active
            | BatchState::Blocked
            | BatchState::Archived
            | BatchState::Deleted => now >= batch.ends_at(grace_hours),
        };
        if over {
            expired = active + blocked;
            (active, blocked) = (0, 0);
        }
        for OwnExpiry { code, .. } in own {
            let state = code.state(batch, grace_hours, now);
            match (state, over) {
                (CodeState::Expired, false) if code.blocked => (blocked, expired) = (blocked - 1, expired + 1),
                (CodeState::Expired, false) => (active, expired) = (active - 1, expired + 1),
                (CodeState::Active, true) => (active, expired) = (active + 1, expired - 1),
                (CodeState::Blocked, true) => (blocked, expired) = (blocked + 1, expired - 1),
                (_, _) => {}
            }
        }
        let used = whole(claimed - paid - (tally.reported_claimed - tally.reported_paid));
        let amount = batch.money.amount;
        Self {
            codes: whole(all - tally.deleted),
            active: whole(active),
            blocked: whole(blocked),
            used,
            redeemed: whole(paid - tally.reported_paid),
            reported: whole(tally.reported_unclaimed + tally.reported_claimed),
            expired: whole(expired),
            deleted: whole(tally.deleted),
            redemptions: counts.redeemed,
            redeemed_amount: counts.redeemed_amount,
            paid: counts.paid,
            paid_amount: counts.paid_amount,
            issued_amount: whole(all - tally.deleted).saturating_mul(amount),
            outstanding_amount: whole(active).saturating_mul(amount),
            in_payment_amount: counts.redeemed_amount.saturating_sub(counts.paid_amount),
        }
    }

    /// No code is active, blocked or used.
    pub fn nothing_open(&self) -> bool {
        self.active == 0 && self.blocked == 0 && self.used == 0
    }

    pub fn in_state(&self, state: CodeState) -> u64 {
        match state {
            CodeState::Active => self.active,
            CodeState::Blocked => self.blocked,
            CodeState::Used => self.used,
            CodeState::Redeemed => self.redeemed,
            CodeState::Reported => self.reported,
            CodeState::Expired => self.expired,
            CodeState::Deleted => self.deleted,
        }
    }
}

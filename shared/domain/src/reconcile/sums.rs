//! Counts and amounts, and where two of them should be one.

use super::{Expected, Source, TheirStatus};
use crate::{
    money::{Currency, grouped},
    payout::Outside,
};
use serde::{Deserialize, Serialize};

/// How many, and their amounts together in whole units of the currency. Both stop at the largest number there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    pub count: u64,
    pub amount: u64,
}

impl Sum {
    pub fn add(&mut self, amount: u64) {
        *self = self.plus(Self { count: 1, amount });
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { count: self.count.saturating_add(other.count), amount: self.amount.saturating_add(other.amount) }
    }

    /// Whether it is below the largest number, where nobody can say any more what it should be.
    pub fn is_exact(self) -> bool {
        self.count < u64::MAX && self.amount < u64::MAX
    }

    /// `15,000 RWF (3)`.
    pub fn shown(self, currency: Currency) -> String {
        format!("{} {} ({})", grouped(self.amount), currency.code(), grouped(self.count))
    }
}

/// What the records say of one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Books {
    /// Redeemed codes, as the batches' counters have them.
    pub codes: Sum,
    /// Redemptions, reversed ones included: each has its payout.
    pub redemptions: Sum,
    pub payouts: Payouts,
}

/// Payouts of the day's redemptions by where they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Payouts {
    pub queued: Sum,
    pub processing: Sum,
    pub awaiting_approval: Sum,
    pub held: Sum,
    pub paid: Sum,
    /// Settled by a person by other means than MoMo.
    pub outside: Sum,
    pub failed: Sum,
    pub cancelled: Sum,
}

impl Payouts {
    /// Counts one payout. `outside` when a person settled it by other means.
    pub fn add(&mut self, standing: Outside, outside: bool, amount: u64) {
        if outside {
            return self.outside.add(amount);
        }
        let sum = match standing {
            Outside::Queued => &mut self.queued,
            Outside::Processing => &mut self.processing,
            Outside::AwaitingApproval => &mut self.awaiting_approval,
            Outside::Held => &mut self.held,
            Outside::Completed => &mut self.paid,
            Outside::Failed => &mut self.failed,
            Outside::Cancelled => &mut self.cancelled,
        };
        sum.add(amount);
    }

    pub fn all(&self) -> Sum {
        self.parts().into_iter().fold(Sum::default(), |all, (_, part)| all.plus(part))
    }

    /// Each state's name with its sum.
    pub fn parts(&self) -> [(&'static str, Sum); 8] {
        [
            ("queued", self.queued),
            ("processing", self.processing),
            ("awaiting approval", self.awaiting_approval),
            ("held", self.held),
            ("paid", self.paid),
            ("settled outside MoMo", self.outside),
            ("failed", self.failed),
            ("cancelled", self.cancelled),
        ]
    }
}

/// Our references by what we say of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct References {
    pub paid: Sum,
    pub not_paid: Sum,
    pub open: Sum,
    pub outside: Sum,
}

impl References {
    pub fn add(&mut self, expected: Expected, amount: u64) {
        let sum = match expected {
            Expected::Paid => &mut self.paid,
            Expected::NotPaid => &mut self.not_paid,
            Expected::Open => &mut self.open,
            Expected::Outside => &mut self.outside,
        };
        sum.add(amount);
    }
}

/// Answers or lines by what they say; repeats aren't counted, and an amount that can't be read is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    pub successful: Sum,
    pub failed: Sum,
    pub pending: Sum,
    pub not_found: Sum,
    pub unknown: Sum,
}

impl Answers {
    pub fn add(&mut self, status: TheirStatus, amount: u64) {
        let sum = match status {
            TheirStatus::Successful => &mut self.successful,
            TheirStatus::Failed => &mut self.failed,
            TheirStatus::Pending => &mut self.pending,
            TheirStatus::NotFound => &mut self.not_found,
            TheirStatus::Unknown => &mut self.unknown,
        };
        sum.add(amount);
    }
}

/// Both sides in sums of the business's currency. What is in another one counts 0, and is a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub here: References,
    pub there: Answers,
    /// Paid here, and MoMo wasn't asked again or proved nothing.
    pub unanswered: Sum,
    /// Paid here around the end of the statement: not in it, maybe in the next one. Not in `here`.
    pub at_the_edge: Sum,
}

/// Which side has paid more, and by how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "more", content = "amount", rename_all = "snake_case")]
pub enum Balance {
    Even,
    Here(u64),
    There(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Agrees,
    /// Nothing differs so far, and not everything is known.
    Incomplete,
    Differs,
}

/// Two sums that should be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Between {
    CodesAndRedemptions,
    RedemptionsAndPayouts,
    /// Payouts that are paid, and the references that paid them.
    PayoutsAndReferences,
    HereAndThere,
    /// A sum reached the largest number: it can't be compared.
    TooLarge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Break {
    pub between: Between,
    pub left: Sum,
    pub right: Sum,
}

impl Break {
    /// For the person who looks for it.
    pub fn words(&self, currency: Currency) -> String {
        let (left, right) = (self.left.shown(currency), self.right.shown(currency));
        match self.between {
            Between::CodesAndRedemptions => {
                format!("The counters have {left} of redeemed codes, the records {right} of redemptions.")
            }
            Between::RedemptionsAndPayouts => format!("There are {left} of redemptions and {right} of payouts."),
            Between::PayoutsAndReferences => {
                format!("Payouts of {left} are paid; the references that paid them make {right}.")
            }
            Between::HereAndThere => format!("Paid here: {left}. Paid by MoMo: {right}."),
            Between::TooLarge => "A sum is too large to be compared.".to_owned(),
        }
    }
}

impl Totals {
    /// What was paid here and there, without what MoMo hasn't answered yet.
    pub fn balance(&self) -> Balance {
        let (here, there) = (self.here.paid.amount, self.there.successful.plus(self.unanswered).amount);
        match here.cmp(&there) {
            std::cmp::Ordering::Equal => Balance::Even,
            std::cmp::Ordering::Greater => Balance::Here(here.saturating_sub(there)),
            std::cmp::Ordering::Less => Balance::There(there.saturating_sub(here)),
        }
    }

    pub(super) fn breaks(&self, books: Option<&Books>, source: Source) -> Vec<Break> {
        let (paid, there) = (self.here.paid, self.there.successful);
        let mut pairs = Vec::new();
        if let Some(books) = books {
            pairs.push((Between::CodesAndRedemptions, books.codes, books.redemptions, Sum::default()));
            pairs.push((Between::RedemptionsAndPayouts, books.redemptions, books.payouts.all(), Sum::default()));
            // A statement's day is the day of payment, the books' is that of redemption.
            match source {
                Source::Asked => pairs.push((Between::PayoutsAndReferences, books.payouts.paid, paid, Sum::default())),
                Source::Statement { .. } => {}
            }
        }
        pairs.push((Between::HereAndThere, paid, there, self.unanswered));
        let unequal = pairs.iter().filter(|(_, left, right, known)| right.plus(*known) != *left);
        let mut found: Vec<Break> =
            unequal.map(|(between, left, right, _)| Break { between: *between, left: *left, right: *right }).collect();
        let large = pairs.iter().find(|(_, left, right, known)| !left.is_exact() || !right.plus(*known).is_exact());
        found.extend(large.map(|(_, left, right, _)| Break { between: Between::TooLarge, left: *left, right: *right }));
        found
    }
}

//! The payouts of a day against what MoMo says of them, to the franc.
//!
//! Ours is one record for each reference ever used. Theirs is either what MoMo answered when each reference was asked
//! for again, or the lines of a statement from its portal. A line belongs to the reference it names, else to the one
//! with its transaction id, else to the redemption with its external id. What both sides say of it is then an agreement,
//! a [`Difference`], or still open ([`Waiting`]). Nothing depends on the order in which records come.
//!
//! A transaction id isn't compared where the reference was found: what a statement's column of that name means is MTN's
//! secret, and the reference says more.

mod finding;
mod judge;
mod lines;
mod notes;
mod recount;
mod shown;
mod sums;

pub use finding::{BadNote, Finding, NOTE_MAX, Note, Proposal, Refusal, Standing};
pub use notes::{difference_note, drift_note};
pub use recount::{APART_MS, Correction, Counters, Drift, NotYet, Place, drifts};
pub use shown::{Difference, Here, Kind, Repeat, There, Waiting, Why};
pub use sums::{Answers, Balance, Between, Books, Break, Payouts, References, Sum, Totals, Verdict};

use crate::{
    identity::RedemptionId,
    money::{Currency, whole_amount},
    time::{self, MINUTE_MS},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use judge::Judge;
use lines::Lines;
use serde::{Deserialize, Serialize};
use shown::masked;
use std::{cmp::Ordering, fmt};

/// Their clock and ours may differ by this much: a transfer so near the end of a statement may stand in the next one.
pub const CLOCKS_MS: i64 = 5 * MINUTE_MS;

/// What we say of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// It settled its payout. At most one of a payout's references should say so.
    Paid,
    /// Failed, and read again.
    NotPaid,
    /// Nobody knows yet.
    Open,
    /// A person settled the payout by other means: MoMo must not have paid it.
    Outside,
}

impl Expected {
    pub fn name(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::NotPaid => "not_paid",
            Self::Open => "open",
            Self::Outside => "outside",
        }
    }
}

/// One reference of ours.
#[derive(Clone, PartialEq, Eq)]
pub struct Ours {
    pub payout: RedemptionId,
    /// The first send: of two references of a payout the later one is the newer.
    pub sent_at: Timestamp,
    pub reference: String,
    /// In whole units of the currency.
    pub amount: u64,
    pub currency: Currency,
    /// In figures with country code. Empty for a customer who was erased; then it isn't compared.
    pub payee: String,
    pub expected: Expected,
    /// When we learned how it went; of an open one the last send.
    pub at: Timestamp,
    pub transaction: Option<String>,
}

impl Ours {
    /// By payout, then from the oldest reference to the newest.
    fn compare(&self, other: &Self) -> Ordering {
        let key = |ours: &Self| (ours.amount, ours.currency.code(), ours.expected, ours.at);
        self.payout
            .cmp(&other.payout)
            .then_with(|| self.sent_at.cmp(&other.sent_at))
            .then_with(|| self.reference.cmp(&other.reference))
            .then_with(|| key(self).cmp(&key(other)))
            .then_with(|| (&self.payee, &self.transaction).cmp(&(&other.payee, &other.transaction)))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TheirAmount {
    /// In whole units of the currency.
    Whole(u64),
    /// No whole number, as it was written.
    Unreadable(String),
}

impl TheirAmount {
    /// As the provider's API writes it: `5`, `5.0`.
    pub fn read(text: &str) -> Self {
        whole_amount(text).map_or_else(|_| Self::Unreadable(text.to_owned()), Self::Whole)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TheirStatus {
    Successful,
    Failed,
    Pending,
    /// A typed "no such reference".
    NotFound,
    /// An answer that proves nothing, or a word that nobody has told us.
    Unknown,
}

impl TheirStatus {
    pub fn name(self) -> &'static str {
        match self {
            Self::Successful => "successful",
            Self::Failed => "failed",
            Self::Pending => "pending",
            Self::NotFound => "not_found",
            Self::Unknown => "unknown",
        }
    }
}

/// One answer of MoMo's, or one line of its statement.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Theirs {
    /// Ours, as we sent it.
    pub reference: Option<String>,
    /// What we sent as external id: the redemption's id.
    pub external_id: Option<String>,
    /// MoMo's own id of the transfer.
    pub transaction: Option<String>,
    pub amount: TheirAmount,
    pub currency: String,
    /// In figures with country code. Empty where nothing is said; then it isn't compared.
    pub payee: String,
    pub status: TheirStatus,
    pub at: Option<Timestamp>,
    /// Of the statement, from 1.
    pub line: u64,
}

/// Whole numbers never appear in logs; a debug print masks the payee.
impl fmt::Debug for Ours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reference, amount, currency, payee, expected, .. } = self;
        write!(f, "Ours({reference}: {amount} {} to {}, {expected:?})", currency.code(), masked(payee))
    }
}

impl fmt::Debug for Theirs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, reference, amount, currency, payee, status, .. } = self;
        write!(f, "Theirs({line}: {reference:?}: {amount:?} {currency} to {}, {status:?})", masked(payee))
    }
}

/// Where their side comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum Source {
    /// Every reference was asked for again; no answer means that nobody has yet. The answer by which a payout was
    /// settled is none of these: compared with itself it agrees with everything.
    Asked,
    /// What isn't in the statement didn't happen in its time.
    ///
    /// Ours should then reach a few days beyond both ends: a payout redeemed before midnight may be paid behind it.
    Statement {
        #[serde(with = "time::required")]
        from: Timestamp,
        /// Not within.
        #[serde(with = "time::required")]
        to: Timestamp,
        /// Lines that couldn't be read, or not wholly: with one of them nobody can say that all agrees.
        unread: u64,
    },
}

impl Source {
    /// A statement of whole days, both within. A day that can't be told in the zone leaves the end open.
    pub fn statement(first: Date, last: Date, zone: &TimeZone, unread: u64) -> Self {
        let begins = |day: Option<Date>, or| {
            let begin = day.and_then(|day| day.to_zoned(zone.clone()).ok());
            begin.map_or(or, |begin| begin.timestamp())
        };
        let (from, to) = (begins(Some(first), Timestamp::MIN), begins(last.tomorrow().ok(), Timestamp::MAX));
        Self::Statement { from, to, unread }
    }
}

/// What is compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// Of the business's zone. Ids of differences are of a day.
    pub day: Date,
    /// The business has one; sums are in it.
    pub currency: Currency,
    pub source: Source,
    /// What the records say of the day; `None` where the payouts compared aren't just this day's.
    pub books: Option<Books>,
}

/// What came of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciliation {
    pub period: Period,
    pub totals: Totals,
    /// By kind, then by reference.
    pub differences: Vec<Difference>,
    /// Neither paid nor failed on both sides, or not known yet.
    pub open: Vec<Waiting>,
    /// Lines of a statement that say again what another one says; they count once.
    pub repeats: Vec<Repeat>,
}

/// Compares both sides. Nothing is believed of either; what doesn't fit is said.
pub fn reconcile(period: &Period, ours: &[Ours], theirs: &[Theirs]) -> Reconciliation {
    // Sorted by payout, then from the oldest reference to the newest.
    let mut ours: Vec<&Ours> = ours.iter().collect();
    ours.sort_unstable_by(|one, other| one.compare(other));
    ours.dedup();
    let Lines { of_ours, strays, repeats } = Lines::sort(&ours, theirs, period.source);
    let mut judge = Judge::new(period);
    let mut from = 0;
    for attempts in ours.chunk_by(|one, next| one.payout == next.payout) {
        let lines = of_ours.get(from..from + attempts.len()).unwrap_or_default();
        judge.payout(attempts, lines);
        from += attempts.len();
    }
    for line in &strays {
        judge.stray(line);
    }
    judge.done(repeats)
}

impl Reconciliation {
    /// Nothing differs, nothing is missing, and every sum is the same to the franc.
    pub fn agrees(&self) -> bool {
        self.verdict() == Verdict::Agrees
    }

    pub fn verdict(&self) -> Verdict {
        let differs = !self.differences.is_empty() || !self.breaks().is_empty();
        // What is open may still turn out otherwise: until then nobody can say that all agrees.
        match (differs, !self.open.is_empty() || self.unread() > 0) {
            (true, _) => Verdict::Differs,
            (false, true) => Verdict::Incomplete,
            (false, false) => Verdict::Agrees,
        }
    }

    /// Where sums that should be one are two.
    pub fn breaks(&self) -> Vec<Break> {
        self.totals.breaks(self.period.books.as_ref(), self.period.source)
    }

    /// How many differences of this kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.differences.iter().filter(|difference| difference.kind == kind).count()
    }

    /// Lines of the statement that weren't read, or not wholly.
    pub fn unread(&self) -> u64 {
        match self.period.source {
            Source::Asked => 0,
            Source::Statement { unread, .. } => unread,
        }
    }
}

//! Alerts: what a person has to look at. Written in the transaction of what caused them.

use crate::time;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The provider refused with proof and nothing is left to try.
    PayoutRefused,
    /// Nobody can say whether the money arrived; it is asked for without end.
    PayoutUnknown,
    /// The provider's answer names another amount, currency, payee or external id.
    PayoutMismatch,
    /// Our own set-up is refused: credentials, address list, environment, currency.
    RailMisconfigured,
    /// Workers took it five times and none lived to write what it learned.
    PayoutPoison,
    /// A reference that had failed was paid after all.
    PaidAfterRefusal,
    /// Two references of one redemption are both reported as paid.
    SuspectedDoublePayment,
    /// Wrong passwords have locked an account.
    AccountLocked,
    /// A right password after several wrong ones, or from a place the user has not been seen in.
    SuspiciousSignIn,
    /// A refresh token came back after it had been replaced: somebody holds a copy.
    RefreshReused,
    /// A change of roles was made without a second person, because there is none.
    ApprovalWaived,
    /// Somebody deactivated, deleted or reset an administrator, or changed the address of an account that can do much.
    SensitiveAccount,
    /// Whoever holds the deployment let a locked-out administrator in again.
    BreakGlass,
    /// A letter to a member of the staff was given up.
    LetterUndelivered,
    /// Codes were reported in bulk: somebody has found them in the wrong hands.
    CodesReported,
    /// The provider is in trouble; payouts wait.
    BreakerOpened,
    /// The float is below its mark.
    FundsLow,
    /// Sending has paused by itself: the float is nearly empty, or too many payouts fail.
    PayoutsPaused,
    /// A payout passes the limit of one payout or of its customer, and waits for a person.
    PayoutOverLimit,
    /// What may be sent in a day or month is used up; payouts wait for the next one.
    TotalsReached,
    /// The payee's account can't receive; the payout waits for a person.
    AccountInactive,
    /// Somebody did not agree to a payout.
    ApprovalRefused,
    /// Somebody switched payouts, redemptions or messages off or on.
    Switched,
    /// Our books and the provider's differ.
    BooksDiffer,
    /// Counters were not what the records say, and were put right.
    CountersDrifted,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::PayoutRefused => "payout_refused",
            Self::PayoutUnknown => "payout_unknown",
            Self::PayoutMismatch => "payout_mismatch",
            Self::RailMisconfigured => "rail_misconfigured",
            Self::PayoutPoison => "payout_poison",
            Self::PaidAfterRefusal => "paid_after_refusal",
            Self::SuspectedDoublePayment => "suspected_double_payment",
            Self::AccountLocked => "account_locked",
            Self::SuspiciousSignIn => "suspicious_sign_in",
            Self::RefreshReused => "refresh_reused",
            Self::ApprovalWaived => "approval_waived",
            Self::SensitiveAccount => "sensitive_account",
            Self::BreakGlass => "break_glass",
            Self::LetterUndelivered => "letter_undelivered",
            Self::CodesReported => "codes_reported",
            Self::BreakerOpened => "breaker_opened",
            Self::FundsLow => "funds_low",
            Self::PayoutsPaused => "payouts_paused",
            Self::PayoutOverLimit => "payout_over_limit",
            Self::TotalsReached => "totals_reached",
            Self::AccountInactive => "account_inactive",
            Self::ApprovalRefused => "approval_refused",
            Self::Switched => "switched",
            Self::BooksDiffer => "books_differ",
            Self::CountersDrifted => "counters_drifted",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Derived from the entity, its version and the kind: a resend raises no second alert.
    pub id: String,
    #[serde(with = "time::required")]
    pub at: Timestamp,
    pub kind: Kind,
    pub entity: String,
    /// What happened and what to do next, for the person who reads it.
    pub note: String,
}

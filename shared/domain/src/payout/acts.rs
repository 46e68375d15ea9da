//! What people do about a payout: hold, release, agree, cancel, retry, hurry, settle by other means, take back.
//!
//! Each is refused from a state that doesn't allow it. What may have been sent is only ever asked about: a hold forbids
//! the next send, and nothing is cancelled or taken back that may be on its way.

use super::{Hold, Payout, Settlement, State, plan::stepped};
use crate::{
    id::UserId,
    time::{self, DAY_MS},
};
use jiff::Timestamp;

/// A retry can be put off for so long.
const LATEST_RETRY_MS: i64 = 30 * DAY_MS;
/// Retries that people ask for of one payout; each needs a reference of its own.
const MOST_RETRIES: u8 = 20;

/// Why a payout is cancelled whose redemption was taken back: its code may redeem again.
pub(super) const REVERSED: &str = "reversed";

/// Why an act isn't possible now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    #[error("it has ended: {0}")]
    Ended(&'static str),
    #[error("something may have been sent; wait until MoMo says how it went")]
    PerhapsSent,
    #[error("it isn't held")]
    NotHeld,
    #[error("it is held already")]
    HeldAlready,
    #[error("it isn't held because its outcome is unknown")]
    NotUnknown,
    #[error("it doesn't wait for approval")]
    NotWaiting,
    #[error("somebody else must decide: you have redeemed, held, released, hurried or retried it")]
    SecondPerson,
    #[error("only a payout that has failed can be retried; this one is {0}")]
    NotFailed(&'static str),
    #[error("it is urgent already")]
    UrgentAlready,
    #[error("it was retried by hand twenty times; settle it by other means")]
    TooOften,
    #[error("its network can't be asked what became of a send; pay it by other means and settle it")]
    CannotBeAsked,
    #[error("a time between now and thirty days from now")]
    BadTime,
    #[error(
        "MoMo's answer is another transfer than ours; look it up in MTN's portal, and conclude it a day after that answer"
    )]
    Mismatch,
    #[error("somebody says that it was paid by other means; decide on that first")]
    SettlementWaits,
}

/// A person's reason, told apart from the word that stands for a redemption that was taken back.
fn reason(said: &str) -> String {
    if said == REVERSED { format!("{said} by hand") } else { said.to_owned() }
}

impl NotNow {
    /// Stable, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ended(_) => "ended",
            Self::PerhapsSent => "perhaps_sent",
            Self::NotHeld => "not_held",
            Self::HeldAlready => "held_already",
            Self::NotUnknown => "not_unknown",
            Self::NotWaiting => "not_waiting",
            Self::SecondPerson => "second_person",
            Self::NotFailed(_) => "not_failed",
            Self::UrgentAlready => "urgent_already",
            Self::TooOften => "too_often",
            Self::CannotBeAsked => "cannot_be_asked",
            Self::BadTime => "bad_time",
            Self::Mismatch => "mismatch",
            Self::SettlementWaits => "settlement_waits",
        }
    }
}

impl Payout {
    fn by(&self, who: &UserId, now: Timestamp) -> Self {
        let mut next = stepped(self, now);
        next.hands.touch(who);
        next
    }

    /// No (further) send until it is released. What has been sent is still asked about.
    ///
    /// # Errors
    /// [`NotNow::Ended`], [`NotNow::HeldAlready`].
    pub fn hold(&self, who: &UserId, reason: &str, now: Timestamp) -> Result<Self, NotNow> {
        if self.state.is_end() {
            return Err(NotNow::Ended(self.state.name()));
        }
        if self.hands.barred.is_some() {
            return Err(NotNow::HeldAlready);
        }
        let mut next = self.by(who, now);
        next.hands.barred = Some(reason.to_owned());
        match self.state {
            State::Queued { .. } | State::AwaitingApproval { .. } => {
                next.state = State::Held { why: Hold::ByHand, due_at: time::plus(now, DAY_MS) };
            }
            State::Held { .. } | State::Sending { .. } | State::Submitted { .. } | State::Retrying { .. } => {}
            State::Paid { .. } | State::Refused { .. } | State::Cancelled { .. } | State::Settled { .. } => {
                return Err(NotNow::Ended(self.state.name()));
            }
        }
        Ok(next)
    }

    /// Lets it go on. Of what may have been sent MoMo is asked first; a limit is waived only with a second person.
    ///
    /// # Errors
    /// [`NotNow::NotHeld`], [`NotNow::Ended`], [`NotNow::SettlementWaits`].
    pub fn release(&self, who: &UserId, now: Timestamp) -> Result<Self, NotNow> {
        if self.state.is_end() {
            return Err(NotNow::Ended(self.state.name()));
        }
        // Else MoMo would pay what somebody says was paid already.
        if self.hands.settlement.is_some() {
            return Err(NotNow::SettlementWaits);
        }
        let mut next = self.by(who, now);
        next.hands.barred = None;
        next.claims = 0;
        let State::Held { why, .. } = self.state else {
            return if self.hands.barred.is_some() { Ok(next) } else { Err(NotNow::NotHeld) };
        };
        next.state = match (why, self.attempt()) {
            (Hold::Limit, None) => {
                next.hands.limit_waived = true;
                next.hands.approved_by = None;
                State::AwaitingApproval { due_at: time::plus(now, DAY_MS) }
            }
            // Waived once, it waits for the second person whatever has stopped it since.
            (_, None) if self.hands.limit_waived && self.hands.approved_by.is_none() => {
                State::AwaitingApproval { due_at: time::plus(now, DAY_MS) }
            }
            (_, None) => State::Queued { due_at: now },
            // Asked now; what is unknown stays so until the provider says.
            (Hold::Unknown | Hold::Mismatch, Some(_)) => State::Held { why, due_at: now },
            (_, Some(attempt)) if attempt.first_failed_at.is_some() || attempt.was_refused() => {
                next.hands.retry_wanted = true;
                next.hands.retries = next.hands.retries.saturating_add(1);
                State::Retrying { due_at: now }
            }
            (_, Some(attempt)) if attempt.known => State::Submitted { due_at: now },
            (_, Some(_)) => State::Sending { due_at: now },
        };
        Ok(next)
    }

    /// MoMo is asked now how it went, and nothing else changes.
    ///
    /// # Errors
    /// [`NotNow::NotUnknown`].
    pub fn ask_again(&self, now: Timestamp) -> Result<Self, NotNow> {
        let State::Held { why: why @ (Hold::Unknown | Hold::Mismatch), .. } = self.state else {
            return Err(NotNow::NotUnknown);
        };
        let mut next = stepped(self, now);
        next.claims = 0;
        next.state = State::Held { why, due_at: now };
        Ok(next)
    }

    /// A second person agrees: to its first send, or that it was paid by other means.
    ///
    /// # Errors
    /// [`NotNow::NotWaiting`], [`NotNow::SecondPerson`]; as [`Payout::settle`] when it can't be settled any more.
    pub fn approve(&self, who: &UserId, now: Timestamp) -> Result<Self, NotNow> {
        self.may_decide(who)?;
        let mut next = stepped(self, now);
        if let Some(settlement) = next.hands.settlement.take() {
            self.may_settle(now)?;
            next.state = State::Settled { at: now, receipt: settlement.receipt };
            next.hands.barred = None;
            next.hands.approved_by = Some(who.clone());
            next.lease_until = None;
            next.charged_on = None;
            return Ok(next.watched(false, now));
        }
        next.hands.approved_by = Some(who.clone());
        next.state = State::Queued { due_at: now };
        Ok(next)
    }

    /// A second person doesn't agree: it is cancelled, or stays unsettled as it was.
    ///
    /// # Errors
    /// [`NotNow::NotWaiting`], [`NotNow::SecondPerson`].
    pub fn disapprove(&self, who: &UserId, reason: &str, now: Timestamp) -> Result<Self, NotNow> {
        self.may_decide(who)?;
        let mut next = stepped(self, now);
        if next.hands.settlement.take().is_none() {
            next.state = State::Cancelled { at: now, why: self::reason(reason) };
        }
        Ok(next)
    }

    fn may_decide(&self, who: &UserId) -> Result<(), NotNow> {
        if self.hands.settlement.is_none() && !matches!(self.state, State::AwaitingApproval { .. }) {
            return Err(NotNow::NotWaiting);
        }
        if self.hands.touched_by.contains(who) { Err(NotNow::SecondPerson) } else { Ok(()) }
    }

    /// Nothing is sent any more. Only while nothing was, after all that was has failed for good, or where MoMo has another
    /// transfer under its reference: after a restore its code may have been paid to somebody else.
    ///
    /// # Errors
    /// [`NotNow::PerhapsSent`], [`NotNow::Ended`], [`NotNow::Mismatch`].
    pub fn cancel(&self, who: &UserId, reason: &str, now: Timestamp) -> Result<Self, NotNow> {
        self.unsent_or_failed(now)?;
        let mut next = self.by(who, now);
        next.state = State::Cancelled { at: now, why: self::reason(reason) };
        next.charged_on = None;
        Ok(next.watched(false, now))
    }

    fn unsent_or_failed(&self, now: Timestamp) -> Result<(), NotNow> {
        match self.state {
            State::Refused { .. } => Ok(()),
            State::Paid { .. } | State::Cancelled { .. } | State::Settled { .. } => {
                Err(NotNow::Ended(self.state.name()))
            }
            State::Queued { .. } | State::AwaitingApproval { .. } | State::Held { .. } if !self.was_sent() => Ok(()),
            // What MoMo says of another transfer than ours proves nothing. People have looked it up by then.
            State::Held { why: Hold::Mismatch, .. } => {
                let looked_up = self.attempts.iter().all(|attempt| attempt.can_be_given_up(now));
                if looked_up { Ok(()) } else { Err(NotNow::Mismatch) }
            }
            // Nothing is on its way while it waits to be sent again: a send is claimed as sending first.
            State::Held { .. } | State::Retrying { .. } if self.has_failed_for_good() => Ok(()),
            State::Queued { .. }
            | State::AwaitingApproval { .. }
            | State::Held { .. }
            | State::Sending { .. }
            | State::Submitted { .. }
            | State::Retrying { .. } => Err(NotNow::PerhapsSent),
        }
    }

    /// Once more, at `at` or now: every reference is asked again first, and a new one follows only if all still have
    /// failed.
    ///
    /// # Errors
    /// [`NotNow::NotFailed`], [`NotNow::CannotBeAsked`], [`NotNow::TooOften`], [`NotNow::BadTime`].
    pub fn retry(&self, who: &UserId, at: Option<Timestamp>, now: Timestamp) -> Result<Self, NotNow> {
        if !matches!(self.state, State::Refused { .. }) {
            return Err(NotNow::NotFailed(self.state.name()));
        }
        if self.hands.settlement.is_some() {
            return Err(NotNow::SettlementWaits);
        }
        // A second send would be for luck: nothing proves that the first one was not taken.
        if self.attempts.iter().any(|attempt| !attempt.rail.can_be_asked()) {
            return Err(NotNow::CannotBeAsked);
        }
        if self.hands.retries >= MOST_RETRIES {
            return Err(NotNow::TooOften);
        }
        if at.is_some_and(|at| at < now || time::between(now, at) > LATEST_RETRY_MS) {
            return Err(NotNow::BadTime);
        }
        let mut next = self.by(who, now);
        next.hands.retries += 1;
        next.hands.retry_wanted = true;
        // Whoever wants it sent doesn't want it held.
        next.hands.barred = None;
        next.state = State::Retrying { due_at: at.unwrap_or(now) };
        next.recheck_at = None;
        Ok(next)
    }

    /// It starts before all waiting ones. It skips no check.
    ///
    /// # Errors
    /// [`NotNow::Ended`], [`NotNow::UrgentAlready`].
    pub fn hurry(&self, who: &UserId, reason: &str, now: Timestamp) -> Result<Self, NotNow> {
        if self.state.is_end() {
            return Err(NotNow::Ended(self.state.name()));
        }
        if self.hands.urgent.is_some() {
            return Err(NotNow::UrgentAlready);
        }
        let mut next = self.by(who, now);
        next.hands.urgent = Some(reason.to_owned());
        if let State::Queued { .. } = next.state {
            next.state = State::Queued { due_at: now };
        }
        Ok(next)
    }

    /// The customer was paid by other means; nothing more is sent, and a second person has to agree.
    ///
    /// # Errors
    /// [`NotNow::PerhapsSent`] while MoMo may still pay it, [`NotNow::Ended`], [`NotNow::Mismatch`],
    /// [`NotNow::SettlementWaits`].
    pub fn settle(&self, who: &UserId, receipt: &str, note: &str, now: Timestamp) -> Result<Self, NotNow> {
        self.may_settle(now)?;
        if self.hands.settlement.is_some() {
            return Err(NotNow::SettlementWaits);
        }
        let mut next = self.by(who, now);
        next.hands.barred.get_or_insert_with(|| "to be settled by other means".to_owned());
        next.hands.settlement =
            Some(Settlement { by: who.clone(), receipt: receipt.to_owned(), note: note.to_owned() });
        if let State::Queued { .. } | State::AwaitingApproval { .. } = next.state {
            next.state = State::Held { why: Hold::ByHand, due_at: time::plus(now, DAY_MS) };
        }
        Ok(next)
    }

    fn may_settle(&self, now: Timestamp) -> Result<(), NotNow> {
        let a_day_old = self.attempt().is_some_and(|attempt| time::between(attempt.last_sent_at, now) >= DAY_MS);
        match &self.state {
            // A day has passed and MoMo says nothing: people have looked in its portal.
            State::Held { why: Hold::Unknown, .. } => Ok(()),
            // Nobody can ask any more where the account that it was sent from is gone.
            State::Held { why: Hold::Config, .. } if a_day_old => Ok(()),
            State::Cancelled { why, .. } if why != REVERSED => Ok(()),
            State::Cancelled { .. } => Err(NotNow::Ended(REVERSED)),
            State::Queued { .. }
            | State::Sending { .. }
            | State::Submitted { .. }
            | State::Retrying { .. }
            | State::Held { .. }
            | State::AwaitingApproval { .. }
            | State::Paid { .. }
            | State::Refused { .. }
            | State::Settled { .. } => self.unsent_or_failed(now),
        }
    }

    /// Whether it was cancelled because its redemption was taken back.
    pub fn is_reversed(&self) -> bool {
        matches!(&self.state, State::Cancelled { why, .. } if why == REVERSED)
    }

    /// The redemption is taken back before anything was sent.
    ///
    /// # Errors
    /// [`NotNow::PerhapsSent`] once a send may have left, failed or not; [`NotNow::Ended`];
    /// [`NotNow::SettlementWaits`].
    pub fn reverse(&self, who: &UserId, now: Timestamp) -> Result<Self, NotNow> {
        if self.was_sent() {
            return Err(NotNow::PerhapsSent);
        }
        // Else the code would pay once more what somebody says was paid already.
        if self.hands.settlement.is_some() {
            return Err(NotNow::SettlementWaits);
        }
        match self.state {
            State::Paid { .. } | State::Settled { .. } => return Err(NotNow::Ended(self.state.name())),
            State::Queued { .. }
            | State::Sending { .. }
            | State::Submitted { .. }
            | State::Retrying { .. }
            | State::Held { .. }
            | State::AwaitingApproval { .. }
            | State::Refused { .. }
            | State::Cancelled { .. } => {}
        }
        let mut next = self.by(who, now);
        next.state = State::Cancelled { at: now, why: REVERSED.to_owned() };
        Ok(next)
    }
}

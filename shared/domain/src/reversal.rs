//! Taking a redemption back while no money has left. Both facts stay: that it was made, and that it was taken back.

use crate::{
    batch::Code,
    id::UserId,
    identity::RedemptionId,
    money::Money,
    payout::{NotNow, Payout},
    time,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A further record beside the redemption, whose own facts never change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reversal {
    pub redemption: RedemptionId,
    pub batch_id: String,
    pub money: Money,
    #[serde(with = "time::required")]
    pub redeemed_at: Timestamp,
    pub by: UserId,
    #[serde(with = "time::required")]
    pub at: Timestamp,
    pub reason: String,
    /// The code doesn't redeem again until somebody unblocks it.
    pub blocked: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReversed {
    #[error(transparent)]
    Payout(#[from] NotNow),
    #[error("the code isn't claimed by this redemption any more")]
    NotClaimed,
    #[error("the code was reported; close that case first")]
    Reported,
}

/// Everything that a reversal writes, in one transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Reversed {
    pub code: Code,
    pub payout: Payout,
    pub reversal: Reversal,
}

/// Takes a redemption back: its payout is cancelled before anything was sent, and its code is free again under its
/// next generation, so that nothing of the old one can ever be taken for the new one.
///
/// # Errors
/// [`NotReversed`].
pub fn reverse(
    code: &Code,
    payout: &Payout,
    (who, reason): (&UserId, &str),
    blocked: bool,
    now: Timestamp,
) -> Result<Reversed, NotReversed> {
    let claimed = code.claim.as_ref().is_some_and(|claim| claim.redemption == payout.id);
    if !claimed || code.generation != payout.generation {
        return Err(NotReversed::NotClaimed);
    }
    if code.reported {
        return Err(NotReversed::Reported);
    }
    let cancelled = payout.reverse(who, now)?;
    let freed = Code {
        claim: None,
        generation: code.generation + 1,
        blocked: code.blocked || blocked,
        version: code.version + 1,
        ..code.clone()
    };
    let reversal = Reversal {
        redemption: payout.id.clone(),
        batch_id: payout.batch_id.clone(),
        money: payout.money,
        redeemed_at: payout.created_at,
        by: who.clone(),
        at: now,
        reason: reason.to_owned(),
        blocked: freed.blocked,
    };
    Ok(Reversed { code: freed, payout: cancelled, reversal })
}

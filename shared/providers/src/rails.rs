//! Which rail pays whom.

use crate::MobileMoney;
use domain::payout::{Payout, Rail};
use std::sync::Arc;

/// The rails of one deployment. There is no second one unless it is wired on purpose.
#[derive(Clone)]
pub struct Rails {
    pub mobile_money: Arc<dyn MobileMoney>,
    pub second: Option<Arc<dyn MobileMoney>>,
}

impl Rails {
    /// The rail that a payout was redeemed for; none where it isn't wired. Not by the number: people keep theirs when
    /// they change networks.
    pub fn of(&self, payout: &Payout) -> Option<&Arc<dyn MobileMoney>> {
        if payout.second_rail { self.second.as_ref() } else { Some(&self.mobile_money) }
    }

    /// The rail with just this identity; none where it is not in use any more. A reference is asked about under no
    /// other: there it would not be known, and that would prove nothing.
    pub fn known(&self, rail: &Rail) -> Option<&Arc<dyn MobileMoney>> {
        [Some(&self.mobile_money), self.second.as_ref()].into_iter().flatten().find(|known| known.rail() == *rail)
    }
}

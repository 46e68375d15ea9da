//! Which rail pays whom.

use crate::MobileMoney;
use domain::{payout::Rail, phone::Network};
use std::sync::Arc;

/// The rails of one deployment. There is no second one unless it is wired on purpose.
#[derive(Clone)]
pub struct Rails {
    pub mobile_money: Arc<dyn MobileMoney>,
    pub second: Option<Arc<dyn MobileMoney>>,
}

impl Rails {
    /// The rail that pays numbers of this network; none where nothing does.
    pub fn of(&self, network: Network) -> Option<&Arc<dyn MobileMoney>> {
        match network {
            Network::Mtn => Some(&self.mobile_money),
            Network::Airtel | Network::Ktrn => self.second.as_ref(),
        }
    }

    /// The rail with just this identity; none where it is not in use any more. A reference is asked about under no
    /// other: there it would not be known, and that would prove nothing.
    pub fn known(&self, rail: &Rail) -> Option<&Arc<dyn MobileMoney>> {
        [Some(&self.mobile_money), self.second.as_ref()].into_iter().flatten().find(|known| known.rail() == *rail)
    }
}

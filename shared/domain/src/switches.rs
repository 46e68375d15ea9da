//! The three switches that stop the product in seconds. One row, read with every claim.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switches {
    pub payouts: bool,
    pub redemptions: bool,
    pub sms: bool,
    /// The deployment that may act. A restored table carries an old epoch, so it pays nothing until somebody looks.
    pub epoch: String,
}

impl Switches {
    pub fn all_on(epoch: &str) -> Self {
        Self { payouts: true, redemptions: true, sms: true, epoch: epoch.to_owned() }
    }

    /// What counts in the deployment `epoch`: everything is off when the row is missing or from another epoch.
    pub fn in_force(row: Option<Self>, epoch: &str) -> Self {
        row.filter(|switches| switches.epoch == epoch).unwrap_or(Self {
            payouts: false,
            redemptions: false,
            sms: false,
            epoch: epoch.to_owned(),
        })
    }
}

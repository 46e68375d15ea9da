//! Stopping and starting: workers read the switches with every claim, so it acts within seconds.

use crate::{Desk, Keep, Trouble};
use domain::{
    access::Permit,
    alert::{Alert, Kind},
    audit::{Class, Severity},
    gate::{Gate, Outcomes},
    identity::hex,
    payout::MTN_MOMO,
    permission::right,
    switches::Switches,
};
use store::{StoreError, chance, keys};

/// What is absent stays.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub payouts: Option<bool>,
    pub redemptions: Option<bool>,
    pub sms: Option<bool>,
    /// Also ends a pause that payouts have made by themselves.
    pub resume: bool,
    pub reason: String,
}

/// The switches as they count now, and the gate behind them.
#[derive(Clone, Debug)]
pub struct Switching {
    pub switches: Switches,
    /// Whether the row is of this deployment; a restored one is not, and then everything is off.
    pub of_deployment: bool,
    pub gate: Gate,
}

fn on(switch: bool) -> &'static str {
    if switch { "on" } else { "off" }
}

impl Desk {
    async fn switching(&self) -> Result<(Option<Switches>, Gate, Outcomes), Trouble> {
        let wanted = [keys::switches(), keys::gate(MTN_MOMO), keys::outcomes(MTN_MOMO)];
        let items = self.store.read(&wanted, self.deadline()).await?;
        let gate = items.get(&wanted[1])?.unwrap_or_default();
        Ok((items.get(&wanted[0])?, gate, items.get(&wanted[2])?.unwrap_or_default()))
    }

    /// # Errors
    /// [`Trouble::Store`].
    pub async fn switches(&self, _permit: &Permit<right::PayoutsStop>) -> Result<Switching, Trouble> {
        let (row, gate, _) = self.switching().await?;
        let of_deployment = row.as_ref().is_some_and(|row| row.epoch == self.epoch);
        Ok(Switching { switches: Switches::in_force(row, &self.epoch), of_deployment, gate })
    }

    /// Switches off or on. What was off because the table was restored is on only where it is asked for.
    ///
    /// # Errors
    /// [`Trouble::State`] when it is so already.
    pub async fn switch(
        &self,
        permit: &Permit<right::PayoutsStop>,
        wanted: &Wanted,
        keep: Keep<'_, Switching>,
    ) -> Result<Switching, Trouble> {
        let until = self.deadline();
        loop {
            let (row, gate, outcomes) = self.switching().await?;
            let before = Switches::in_force(row.clone(), &self.epoch);
            let after = Switches {
                payouts: wanted.payouts.unwrap_or(before.payouts),
                redemptions: wanted.redemptions.unwrap_or(before.redemptions),
                sms: wanted.sms.unwrap_or(before.sms),
                epoch: self.epoch.clone(),
            };
            let resumed = gate.resumed().filter(|_| wanted.resume);
            if row.as_ref() == Some(&after) && resumed.is_none() {
                return Err(Trouble::State("already_so", "it is so already".to_owned()));
            }
            let now = self.now();
            let pause = |gate: &Gate| gate.pause.as_ref().map(|pause| pause.why.name().to_owned());
            let switch = |on: bool| Some(self::on(on).to_owned());
            let act = self.store.act(permit, now, Class::Money, "switches.changed", "switches:all".to_owned())?;
            let mut act = act
                .severity(Severity::Warning)
                .changed("payouts", switch(before.payouts), switch(after.payouts))
                .changed("redemptions", switch(before.redemptions), switch(after.redemptions))
                .changed("sms", switch(before.sms), switch(after.sms))
                .changed("epoch", row.as_ref().map(|row| row.epoch.clone()), Some(self.epoch.clone()))
                .changed("reason", None, Some(wanted.reason.clone()))
                .switches(row.as_ref(), &after)?;
            if let Some(resumed) = &resumed {
                act = act.changed("pause", pause(&gate), pause(resumed));
                act = act.gate(MTN_MOMO, (&gate, resumed), (&outcomes, &outcomes.forgotten()))?;
            }
            let also = if resumed.is_some() { " A pause was ended." } else { "" };
            let note = format!(
                "Somebody has switched: payouts are {}, redemptions {}, messages {}.{also} Why: {}",
                on(after.payouts),
                on(after.redemptions),
                on(after.sms),
                wanted.reason
            );
            let id = format!("switched-{}", hex(&chance::<8>()?));
            let act =
                act.alert(&Alert { id, at: now, kind: Kind::Switched, entity: "switches:all".to_owned(), note })?;
            let done = Switching { switches: after, of_deployment: true, gate: resumed.unwrap_or(gate) };
            match act.answered(keep.of(&done))?.commit(self.deadline()).await {
                Ok(()) => return Ok(done),
                Err(StoreError::Changed) => self.once_more(until)?,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

use crate::{Sweeper, TABLE_MS};
use domain::{
    gate::{Gate, PauseWhy},
    time::{self, MINUTE_MS},
};
use service::{
    metrics::{self, Unit},
    nudge::Nudge,
};
use store::{Deadline, StoreError, keys};

impl Sweeper {
    /// Has the float read when that was too long ago, and tells how much money is in which state.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub(crate) async fn watch_money(&self, deadline: Deadline) -> Result<(), StoreError> {
        let (gate_key, settings_key) = (keys::gate(&self.provider), self.settings.wanted());
        let mut wanted = vec![gate_key.clone()];
        wanted.extend(settings_key.clone());
        let items = self.store.read(&wanted, Deadline::in_ms(TABLE_MS)).await?;
        let policy = &self.settings.current(&items, settings_key.is_some())?.payouts;
        let gate: Gate = items.get(&gate_key)?.unwrap_or_default();
        let now = self.clock.now();
        // While it is low it is read each minute: sending goes on as soon as somebody has topped it up.
        let minutes = if gate.pause.is_some() { 1 } else { policy.balance_minutes };
        let old = |at| time::between(at, now) >= i64::from(minutes) * MINUTE_MS;
        let dry = gate.pause.as_ref().is_some_and(|pause| pause.why == PauseWhy::Funds);
        let watched = dry || policy.balance_alert > 0 || policy.balance_pause > 0;
        if watched && gate.balance.as_ref().is_none_or(|balance| old(balance.at)) {
            let asked = self.nudges.ask(&Nudge::Balance).await;
            if asked.is_err() {
                tracing::warn!("the float is not looked at in this minute: no nudge was sent");
            }
        }
        if deadline.passed() {
            return Ok(());
        }
        let gauges = self.store.gauges(Deadline::in_ms(TABLE_MS)).await?;
        for (state, found) in &gauges {
            // What has ended only grows, and is no gauge.
            if !matches!(state.as_str(), "paid" | "refused" | "cancelled" | "settled") {
                metrics::emit("payouts_in_state", found.count as f64, Unit::Count, &[("state", state)]);
            }
        }
        let unknown =
            ["sending", "submitted", "retrying", "held_unknown", "held_mismatch", "held_config", "held_poison"];
        let amount: i64 = unknown.iter().filter_map(|state| gauges.get(*state)).map(|found| found.amount).sum();
        metrics::emit("money_unknown", amount as f64, Unit::Count, &[]);
        Ok(())
    }
}

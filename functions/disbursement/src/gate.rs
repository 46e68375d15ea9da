//! The gate in front of the provider: who may call it now, and what its answers say of its health.
//!
//! The gate's row is a guide, not a ledger: a write of it that fails is logged, and the next answers make up for it.
//! Only a probe must be written before its call.

use crate::{Disbursement, TABLE_MS, Unfinished, learn::Answer, work::raised};
use domain::{
    alert::Alert,
    gate::{Balance, Call, Gate, Moved, Outcome, Pass},
    payout::Payout,
    settings::PayoutPolicy,
};
use service::metrics::{self, Unit};
use std::time::Duration;
use store::{Deadline, StoreError, keys as rows};
use tokio::time::Instant;

/// Between two looks whether this second has a question left.
const NEXT_SECOND: Duration = Duration::from_millis(700);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Granted,
    /// Somebody else has the probe: read and plan anew.
    Denied,
}

impl Disbursement {
    /// Whether a call may be made; takes the probe if there is one to take.
    pub(crate) async fn admitted(&self, provider: &str, gate: &Gate, call: Call) -> Result<Admission, Unfinished> {
        let now = self.clock.now();
        match gate.pass(call, now) {
            Pass::Free => Ok(Admission::Granted),
            Pass::Wait(_) => Ok(Admission::Denied),
            Pass::Probe => {
                let lease_ms = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
                match self.save_gate(provider, gate, &gate.probing(call, now, lease_ms), &[]).await {
                    Ok(()) => Ok(Admission::Granted),
                    Err(StoreError::Changed) => Ok(Admission::Denied),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }

    /// Takes one of the questions that all workers together may ask in a second; waits for the next second while there
    /// is time. `false`: there was none.
    pub(crate) async fn may_ask(
        &self,
        provider: &str,
        policy: &PayoutPolicy,
        until: Instant,
    ) -> Result<bool, StoreError> {
        loop {
            if self.store.take_ask(provider, policy.asks_per_second, Deadline::in_ms(TABLE_MS)).await? {
                return Ok(true);
            }
            metrics::emit("momo_asks_put_off_total", 1.0, Unit::Count, &[]);
            if Instant::now() + NEXT_SECOND + self.longest_send() > until {
                return Ok(false);
            }
            tokio::time::sleep(NEXT_SECOND).await;
        }
    }

    async fn save_gate(&self, provider: &str, before: &Gate, after: &Gate, alerts: &[Alert]) -> Result<(), StoreError> {
        let by = (crate::ACTOR, self.clock.now());
        self.store.save_gate(provider, (before, after), alerts, by, Deadline::in_ms(TABLE_MS)).await?;
        for (before, after) in [(&before.breaker, &after.breaker), (&before.sends, &after.sends)] {
            if before.name() != after.name() {
                metrics::emit("breaker_moves_total", 1.0, Unit::Count, &[("to", after.name())]);
            }
        }
        raised(alerts);
        Ok(())
    }

    async fn gate(&self, provider: &str) -> Result<Gate, StoreError> {
        let key = rows::gate(provider);
        Ok(self.store.one(&key, Deadline::in_ms(TABLE_MS)).await?.unwrap_or_default())
    }

    /// Counts an answer to `call` that only a provider in trouble gives.
    pub(crate) async fn troubled(&self, provider: &str, call: Call, why: &str, policy: &PayoutPolicy) {
        let counted = async {
            let gate = self.gate(provider).await?;
            let Some(Moved { gate: next, alerts }) = gate.troubled(call, why, policy, self.clock.now()) else {
                return Ok(());
            };
            self.save_gate(provider, &gate, &next, &alerts).await
        };
        note(counted.await, "trouble of the provider was not counted");
    }

    /// After a good answer: whatever was counted of such calls counts no more.
    pub(crate) async fn recovered(&self, provider: &str, answer: &Answer, seen: &Gate) {
        let now = self.clock.now();
        let after = |gate: &Gate| match answer.proves() {
            Some(call) => gate.recovered(call),
            None => gate.answered(now),
        };
        // As it was read before the call: in quiet times nothing is written.
        if after(seen).is_none() {
            return;
        }
        let cleared = async {
            let gate = self.gate(provider).await?;
            match after(&gate) {
                Some(next) => self.save_gate(provider, &gate, &next, &[]).await,
                None => Ok(()),
            }
        };
        note(cleared.await, "that the provider is well again was not written");
    }

    /// One more of the last outcomes; if too many of them are bad, sending pauses.
    pub(crate) async fn ended(&self, payout: &Payout, paid: bool, loaded: &crate::work::Loaded) {
        let policy = &loaded.settings.payouts;
        // A rail that never says what was paid has no share of it.
        if policy.pause_below_percent.is_none() || !loaded.money.can_be_asked() {
            return;
        }
        let outcome = Outcome { customer: payout.customer.as_str().chars().take(8).collect(), paid };
        let provider = loaded.money.rail().provider;
        let written = async {
            let deadline = Deadline::in_ms(TABLE_MS);
            let mut before = loaded.outcomes.clone();
            let outcomes = loop {
                let after = before.with(outcome.clone(), policy);
                match self.store.save_outcomes(&provider, before.version, &after, deadline).await {
                    Ok(()) => break after,
                    // Others end at the same time; each is one of the last.
                    Err(StoreError::Changed) if !deadline.passed() => {
                        before = self.store.one(&rows::outcomes(&provider), deadline).await?.unwrap_or_default();
                    }
                    Err(error) => return Err(error),
                }
            };
            let gate = self.gate(&provider).await?;
            match gate.judged(&outcomes, policy, self.clock.now()) {
                Some(Moved { gate: next, alerts }) => self.save_gate(&provider, &gate, &next, &alerts).await,
                None => Ok(()),
            }
        };
        note(written.await, "how a payout ended is missing among the last outcomes");
    }

    /// Reads the float and what is on its way, and pauses sending or lets it go on.
    ///
    /// # Errors
    /// See [`StoreError`]. A provider that doesn't say is no error: it is asked again within minutes.
    pub async fn look_at_balance(&self) -> Result<(), StoreError> {
        let settings = self.settings_in_force().await?;
        let money = &self.rails.mobile_money;
        let provider = &money.rail().provider;
        let amount = match money.balance().await {
            Ok(amount) => amount,
            Err(not_ready) => {
                tracing::warn!(%not_ready, "the float is not known");
                return Ok(());
            }
        };
        let gauges = self.store.gauges(Deadline::in_ms(TABLE_MS)).await?;
        let sum = |state: &str| gauges.get(state).map_or(0, |found| u64::try_from(found.amount).unwrap_or(0));
        let on_its_way = sum("sending") + sum("submitted");
        metrics::emit("momo_balance", amount as f64, Unit::Count, &[]);
        let gate = self.gate(provider).await?;
        let balance = Balance { amount, on_its_way, at: self.clock.now() };
        let Moved { gate: next, alerts } = gate.weighed(balance, &settings.payouts);
        match self.save_gate(provider, &gate, &next, &alerts).await {
            // Somebody has moved the gate meanwhile; the float is read again within minutes.
            Ok(()) | Err(StoreError::Changed) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn settings_in_force(&self) -> Result<std::sync::Arc<domain::settings::Settings>, StoreError> {
        let Some(key) = self.settings.wanted() else { return Ok(self.settings.last()) };
        let items = self.store.read(std::slice::from_ref(&key), Deadline::in_ms(TABLE_MS)).await?;
        self.settings.current(&items, true)
    }
}

/// Somebody else's write is as good; what fails is made up for by the next answers.
fn note(written: Result<(), StoreError>, what: &str) {
    match written {
        Ok(()) | Err(StoreError::Changed) => {}
        Err(error) => tracing::warn!(%error, "{what}"),
    }
}

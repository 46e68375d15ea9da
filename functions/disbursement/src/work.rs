//! One payout: what is next, and doing it.

use crate::{Disbursement, TABLE_MS, Unfinished, gate::Admission};
use domain::{
    alert::{self, Alert},
    gate::{Call, Gate, Outcomes},
    identity::RedemptionId,
    payout::{AccountCheck, CustomerSums, Ground, Payout, State, Step, plan},
    settings::Settings,
    switches::Switches,
    time::{self, HOUR_MS, MINUTE_MS},
    totals::{self, Totals},
};
use providers::{MobileMoney, NotReady, Transfer};
use service::metrics::{self, Unit};
use std::{sync::Arc, time::Duration};
use store::{Ceilings, Deadline, KnownAccount, Saving, StoreError, keys as rows};
use tokio::time::Instant;

/// Steps for one payout in one go, beside a question about each of its references: ask, send, ask again. More wait for
/// the next nudge.
const MAX_STEPS: usize = 6;
/// A send starts only with this much time left beyond the HTTP time-out, to write down what came of it.
const AFTER_SEND: Duration = Duration::from_secs(8);
/// How long it is believed that an account can't receive.
const NO_ACCOUNT_KEPT_MS: i64 = 10 * MINUTE_MS;

/// What is read for one decision, in one call; a second one where the policy looks at customers or accounts.
pub(crate) struct Loaded {
    pub payout: Option<Payout>,
    pub money: Arc<dyn MobileMoney>,
    pub switches: Switches,
    pub settings: Arc<Settings>,
    pub gate: Gate,
    pub outcomes: Outcomes,
    totals: Totals,
    customer: Option<CustomerSums>,
    account: AccountCheck,
}

impl Disbursement {
    /// Takes a payout as far as it goes now.
    pub(crate) async fn work(&self, id: &RedemptionId, until: Instant) -> Result<(), Unfinished> {
        let mut steps = 0;
        loop {
            let loaded = self.load(id).await?;
            let Some(payout) = &loaded.payout else {
                tracing::warn!(payout = %id, "a nudge for a payout that does not exist is dropped");
                return Ok(());
            };
            if steps >= MAX_STEPS + payout.attempts.len() {
                // Whatever is left is due, and the sweeper finds it.
                return Ok(());
            }
            steps += 1;
            let settings = &loaded.settings;
            let now = self.clock.now();
            let (money, rail) = (&loaded.money, loaded.money.rail());
            let ground = Ground {
                switches: &loaded.switches,
                policy: &settings.payouts,
                environment: &self.environment,
                rail: &rail,
                gate: &loaded.gate,
                totals: &loaded.totals,
                customer: loaded.customer,
                account: loaded.account,
                zone: &settings.zone(),
                now,
                lease_ms: i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX),
            };
            let learned = match plan(payout, &ground) {
                Step::Rest => return Ok(()),
                Step::Postpone(later) => return self.save_or_leave(payout, &later, &[], settings).await,
                Step::Hold(held, alert::Kind::TotalsReached) => {
                    self.totals_reached(&held, settings).await?;
                    return self.save_or_leave(payout, &held, &[], settings).await;
                }
                Step::Hold(held, kind) => {
                    let alert = hold_alert(&held, kind);
                    return self.save_or_leave(payout, &held, &[alert], settings).await;
                }
                Step::CheckAccount => match self.check_account(payout, &loaded).await? {
                    true => continue,
                    false => return self.save_or_leave(payout, &payout.put_off(now), &[], settings).await,
                },
                Step::Ask(claimed, reference) => {
                    if let Err(not_ready) = money.ready().await {
                        return self.put_off(&loaded, payout, &not_ready).await;
                    }
                    // A rail that answers no question proves nothing by one, and a probe would be lost on it.
                    if money.can_be_asked()
                        && self.admitted(&rail.provider, &loaded.gate, Call::Ask).await? == Admission::Denied
                    {
                        continue;
                    }
                    if money.can_be_asked() && !self.may_ask(&rail.provider, &settings.payouts, until).await? {
                        return self.save_or_leave(payout, &payout.put_off(self.clock.now()), &[], settings).await;
                    }
                    if !self.claim(payout, &claimed, settings).await? {
                        continue;
                    }
                    self.ask(&claimed, &reference, &loaded).await?
                }
                Step::Send(_) if payout.money.currency.code() != self.currency || self.lacks_rail(payout) => {
                    let held = payout.misconfigured(now);
                    let alert = hold_alert(&held, alert::Kind::RailMisconfigured);
                    return self.save_or_leave(payout, &held, &[alert], settings).await;
                }
                Step::Send(claimed) => {
                    if let Err(not_ready) = money.ready().await {
                        return self.put_off(&loaded, payout, &not_ready).await;
                    }
                    if Instant::now() + self.longest_send() > until {
                        return Err(Unfinished::NoTime);
                    }
                    // As the plan has it: only what may be on its way is sent again.
                    let resends = matches!(payout.state, State::Sending { .. });
                    let call = if resends { Call::Resend } else { Call::Send };
                    match self.admitted(&rail.provider, &loaded.gate, call).await? {
                        Admission::Granted => {}
                        Admission::Denied => continue,
                    }
                    let claimed_at = Instant::now();
                    match self.claim(payout, &claimed, settings).await? {
                        // A claim that took so long that its lease may end during the send is left to be asked about.
                        true if claimed_at.elapsed() + self.longest_send() > self.lease => return Ok(()),
                        true => self.send(&claimed, &loaded).await?,
                        false => continue,
                    }
                }
            };
            let again = learned.is_some_and(|payout| payout.due_at().is_some_and(|due| due <= self.clock.now()));
            if !again {
                return Ok(());
            }
        }
    }

    /// A send, at worst: refused for its token, a new token, sent again; and time to write down what came of it.
    pub(crate) fn longest_send(&self) -> Duration {
        self.http_timeout * 3 + AFTER_SEND
    }

    /// Comes back in a minute; nothing was claimed and nothing was sent.
    async fn put_off(&self, loaded: &Loaded, payout: &Payout, not_ready: &NotReady) -> Result<(), Unfinished> {
        tracing::warn!(payout = %payout.id, %not_ready, "put off");
        metrics::emit("momo_not_ready_total", 1.0, Unit::Count, &[]);
        self.save_or_leave(payout, &payout.put_off(self.clock.now()), &[], &loaded.settings).await?;
        self.troubled(&loaded.money.rail().provider, Call::Ask, &not_ready.0, &loaded.settings.payouts).await;
        Ok(())
    }

    pub(crate) async fn load(&self, id: &RedemptionId) -> Result<Loaded, StoreError> {
        let rails: Vec<Arc<dyn MobileMoney>> =
            [Some(&self.rails.mobile_money), self.rails.second.as_ref()].into_iter().flatten().cloned().collect();
        let payout_key = rows::payout(id);
        let settings_key = self.settings.wanted();
        let now = self.clock.now();
        let today = time::day(now, &self.settings.last().zone());
        let totals_key = rows::totals(&totals::month(today));
        let mut wanted = vec![payout_key.clone(), rows::switches(), totals_key.clone()];
        for rail in &rails {
            let provider = rail.rail().provider;
            wanted.extend([rows::gate(&provider), rows::outcomes(&provider)]);
        }
        wanted.extend(settings_key.clone());
        let items = self.store.read(&wanted, Deadline::in_ms(TABLE_MS)).await?;
        let payout: Option<Payout> = items.get(&payout_key)?;
        let money = Arc::clone(payout.as_ref().map_or(&self.rails.mobile_money, |payout| self.rail_of(payout)));
        let provider = money.rail().provider;
        let mut loaded = Loaded {
            payout,
            money,
            switches: Switches::in_force(items.get(&rows::switches())?, &self.epoch),
            settings: self.settings.current(&items, settings_key.is_some())?,
            gate: items.get(&rows::gate(&provider))?.unwrap_or_default(),
            outcomes: items.get(&rows::outcomes(&provider))?.unwrap_or_default(),
            totals: items.get(&totals_key)?.unwrap_or_default(),
            customer: None,
            account: AccountCheck::Unknown,
        };
        if loaded.payout.as_ref().is_some_and(|payout| !payout.was_sent()) {
            self.load_customer(&mut loaded).await?;
        }
        Ok(loaded)
    }

    /// What the policy wants to know of the customer before a first send.
    async fn load_customer(&self, loaded: &mut Loaded) -> Result<(), StoreError> {
        let policy = &loaded.settings.payouts;
        let limited = policy.customer_per_day.is_some() || policy.customer_per_month.is_some();
        // Another rail knows nothing of accounts, and is not asked.
        let checked = policy.check_account && loaded.money.can_be_asked();
        if !checked {
            loaded.account = AccountCheck::Active;
        }
        let Some(payout) = loaded.payout.as_ref().filter(|_| limited || checked) else { return Ok(()) };
        let (customer_key, account_key) = (rows::customer(&payout.customer), rows::account(&payout.customer));
        let wanted = [customer_key.clone(), account_key.clone()];
        let items = self.store.read(&wanted, Deadline::in_ms(TABLE_MS)).await?;
        if limited {
            let customer: Option<domain::customer::Customer> = items.get(&customer_key)?;
            let day = time::day(payout.created_at, &loaded.settings.zone());
            loaded.customer = customer.map(|customer| CustomerSums {
                day: customer.amount_on_day(day),
                month: customer.amount_in_month(day),
            });
        }
        if !checked {
            return Ok(());
        }
        let kept_ms = i64::from(policy.account_kept_hours) * HOUR_MS;
        let now = self.clock.now();
        let account: Option<KnownAccount> = items.get(&account_key)?;
        // That it can't receive may be mended any minute.
        let kept_ms = |known: &KnownAccount| if known.active { kept_ms } else { NO_ACCOUNT_KEPT_MS };
        let account =
            account.filter(|known| known.payee == payout.payee && time::between(known.at, now) < kept_ms(known));
        loaded.account = match account {
            Some(KnownAccount { active: true, .. }) => AccountCheck::Active,
            Some(KnownAccount { active: false, .. }) => AccountCheck::Inactive,
            None => AccountCheck::Unknown,
        };
        Ok(())
    }

    /// Asks whether the payee's account can receive. `false`: nobody knows now.
    async fn check_account(&self, payout: &Payout, loaded: &Loaded) -> Result<bool, Unfinished> {
        match loaded.money.account_active(payout.payee.party_id()).await {
            Ok(active) => {
                let known = KnownAccount { payee: payout.payee.clone(), active, at: self.clock.now() };
                self.store.save_account(&payout.customer, &known, Deadline::in_ms(TABLE_MS)).await?;
                Ok(true)
            }
            Err(not_ready) => {
                tracing::warn!(payout = %payout.id, %not_ready, "the payee's account is not known");
                self.troubled(&loaded.money.rail().provider, Call::Ask, &not_ready.0, &loaded.settings.payouts).await;
                Ok(false)
            }
        }
    }

    pub(crate) async fn save(
        &self,
        before: &Payout,
        after: &Payout,
        alerts: &[Alert],
        settings: &Settings,
    ) -> Result<(), StoreError> {
        let today = time::day(after.updated_at, &settings.zone());
        let saving = Saving { alerts, actor: crate::ACTOR, today, ceilings: Ceilings::from(&settings.payouts) };
        self.store.save_payout(before, after, saving, Deadline::in_ms(TABLE_MS)).await?;
        raised(alerts);
        Ok(())
    }

    /// Saves, or leaves it to whoever has changed the row meanwhile.
    async fn save_or_leave(
        &self,
        before: &Payout,
        after: &Payout,
        alerts: &[Alert],
        settings: &Settings,
    ) -> Result<(), Unfinished> {
        match self.save(before, after, alerts, settings).await {
            Ok(()) | Err(StoreError::Changed) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// `true` when this worker has the payout now. An ambiguous claim is no claim: nothing is sent on it.
    async fn claim(&self, before: &Payout, claimed: &Payout, settings: &Settings) -> Result<bool, Unfinished> {
        match self.save(before, claimed, &[], settings).await {
            Ok(()) => Ok(true),
            Err(StoreError::Changed) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn send(&self, claimed: &Payout, loaded: &Loaded) -> Result<Option<Payout>, Unfinished> {
        let Some(attempt) = claimed.attempt() else { return Ok(None) };
        let transfer = Transfer {
            reference: attempt.reference.clone(),
            external_id: claimed.id.to_string(),
            amount: claimed.money.amount,
            currency: claimed.money.currency.code(),
            payee: claimed.payee.party_id().to_owned(),
            message: format!("{} {}", loaded.settings.brand, claimed.id.short()),
        };
        let answer = loaded.money.transfer(&transfer).await;
        log_answer(claimed, "sent", &format!("{answer:?}"));
        self.learn(claimed, &attempt.reference, &crate::learn::Answer::Transfer(answer), loaded).await
    }

    async fn ask(&self, claimed: &Payout, reference: &str, loaded: &Loaded) -> Result<Option<Payout>, Unfinished> {
        let asked_at = self.clock.now();
        let answer = loaded.money.status(reference).await;
        log_answer(claimed, "asked", crate::learn::word(&answer));
        self.learn(claimed, reference, &crate::learn::Answer::Status(answer, asked_at), loaded).await
    }

    /// One alert for each day or month that is used up, not one for each payout that waits.
    async fn totals_reached(&self, held: &Payout, settings: &Settings) -> Result<(), StoreError> {
        let zone = settings.zone();
        let day = time::day(held.updated_at, &zone);
        let start = day.to_zoned(zone).map_or(held.updated_at, |at| at.timestamp());
        let alert = Alert {
            id: format!("totals-{day}"),
            at: start,
            kind: alert::Kind::TotalsReached,
            entity: "payouts:totals".to_owned(),
            note: "What may be sent in a day or month is used up. Payouts wait for the next one; raise the limit to let them go on now.".to_owned(),
        };
        if self.store.raise(&alert, Deadline::in_ms(TABLE_MS)).await? {
            raised(std::slice::from_ref(&alert));
        }
        Ok(())
    }
}

pub(crate) fn raised(alerts: &[Alert]) {
    for alert in alerts {
        metrics::emit("alerts_total", 1.0, Unit::Count, &[("kind", alert.kind.name())]);
        // The alarm watches the sum over all kinds.
        metrics::emit("alerts_raised_total", 1.0, Unit::Count, &[]);
    }
}

fn log_answer(payout: &Payout, what: &str, answer: &str) {
    let reference = payout.attempt().map(|attempt| attempt.reference.as_str()).unwrap_or_default();
    tracing::info!(payout = %payout.id, reference, answer, "{what}");
}

fn hold_alert(held: &Payout, kind: alert::Kind) -> Alert {
    let note = if kind == alert::Kind::RailMisconfigured {
        "This payout does not belong to the MoMo account in use: it was sent under another one, or its currency is another. Look it up there, or bring the old keys back, before anything is paid again."
    } else if kind == alert::Kind::PayoutPoison {
        "Five workers took this payout and none lived to write what it learned. Read the function's log, then release it."
    } else if kind == alert::Kind::PayoutOverLimit {
        "This payout passes the limit of one payout or of its customer. Release it, and a second person approves it; or cancel it."
    } else if kind == alert::Kind::AccountInactive {
        "MoMo says that the payee's account can't receive. Call the customer; release it once the account can, or settle it by other means."
    } else {
        "A person must look at this payout."
    };
    Alert {
        id: format!("{}-{}-{}", held.id, held.version, kind.name()),
        at: held.updated_at,
        kind,
        entity: format!("payout:{}", held.id),
        note: note.to_owned(),
    }
}

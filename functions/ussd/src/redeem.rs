//! Load, decide, commit, nudge: one code.

use crate::{Context, Ussd, language};
use domain::{
    batch::{Batch, Code, Run, RunState},
    code::CodeText,
    customer::Customer,
    payout::{Outside, Payout},
    redemption::{Attempt, Commit, Facts, Origins, Refusal, charged, decide, meant},
    switches::Switches,
    text::Texts,
    time,
    ussd::{Answer, Screen, refusal_screen},
};
use service::metrics::{self, Unit};
use std::sync::Arc;
use store::{Deadline, Refused, StoreError, keys};

/// Everything read for one decision.
struct Loaded {
    stored: Option<Answer>,
    code: Option<Code>,
    batch: Option<Batch>,
    run: Option<Run>,
    customer: Customer,
    switches: Switches,
    settings: Arc<domain::settings::Settings>,
}

pub fn count(result: &str) {
    metrics::emit("redemption_attempts_total", 1.0, Unit::Count, &[("result", result)]);
}

impl Ussd {
    pub(crate) async fn redeem(&self, context: &Context, typed: &CodeText, deadline: Deadline) -> Answer {
        let hop_key = keys::hop(&context.hop.session, context.hop.phone.e164(), &context.hop.text);
        let mut seen_unclaimed = false;
        let error = loop {
            let loaded = match self.load(context, typed, &hop_key, deadline).await {
                Ok(loaded) => loaded,
                Err(error) => break error,
            };
            if let Some(answer) = loaded.stored {
                count("repeated");
                return answer;
            }
            seen_unclaimed = loaded.code.as_ref().is_some_and(|code| code.claim.is_none());
            match self.decide_and_commit(context, typed, &loaded, &hop_key, deadline).await {
                Ok(answer) => return answer,
                // Somebody was faster on the code, the customer or this very hop: read and decide anew.
                Err(StoreError::Changed) if !deadline.passed() => {}
                Err(error) => break error,
            }
        };
        self.answer_for_trouble(context, &hop_key, &error, seen_unclaimed).await
    }

    /// What to say when nothing is certain: what is stored, if it can be read; else words that promise nothing.
    async fn answer_for_trouble(
        &self,
        context: &Context,
        hop_key: &keys::Key,
        error: &StoreError,
        seen_unclaimed: bool,
    ) -> Answer {
        tracing::error!(%error, session = context.hop.session, "a code could not be answered as usual");
        let settings = self.settings.last();
        let read = self.store.read(&[hop_key.clone(), context.customer_key()], Deadline::in_ms(500)).await;
        let (stored, customer) = match &read {
            Ok(items) => (
                items.get::<Answer>(hop_key).ok().flatten(),
                items.get::<Customer>(&context.customer_key()).ok().flatten(),
            ),
            Err(_) => (None, None),
        };
        if let Some(answer) = stored {
            count("repeated");
            return answer;
        }
        let texts = Texts::new(&settings, language(&settings, customer.as_ref()));
        count(if matches!(error, StoreError::Ambiguous) { "unknown" } else { "trouble" });
        // A write that got no answer may still be applied after this read, so "not redeemed" is never said of it; and
        // "still good" only of a code that was seen unclaimed and whose write was certainly not applied.
        let screen = match error {
            StoreError::Ambiguous if seen_unclaimed => Screen::Received,
            StoreError::Changed | StoreError::Busy | StoreError::Rejected(_) if seen_unclaimed => Screen::TroubleKept,
            StoreError::Ambiguous
            | StoreError::Changed
            | StoreError::Busy
            | StoreError::Rejected(_)
            | StoreError::Corrupt(_) => Screen::Trouble,
        };
        screen.render(&settings, &texts)
    }

    /// Two reads: everything that is known by key, then batch and run of the code that was meant.
    async fn load(
        &self,
        context: &Context,
        typed: &CodeText,
        hop_key: &keys::Key,
        deadline: Deadline,
    ) -> Result<Loaded, StoreError> {
        let exact_key = keys::code(typed);
        let forgiven_key = typed.forgiven().map(|forgiven| keys::code(&forgiven));
        let settings_key = self.settings.wanted();
        let mut wanted = vec![hop_key.clone(), context.customer_key(), keys::switches(), exact_key.clone()];
        wanted.extend(forgiven_key.clone());
        wanted.extend(settings_key.clone());
        let items = self.store.read(&wanted, deadline).await?;
        let settings = self.settings.current(&items, settings_key.is_some())?;

        let mut forgiven: Option<Code> = forgiven_key.map(|key| items.get(&key)).transpose()?.flatten();
        let exact: Option<Code> = items.get(&exact_key)?;
        let code = meant(exact.clone(), forgiven.clone());
        let mut loaded = Loaded {
            stored: items.get(hop_key)?,
            batch: None,
            run: None,
            customer: items.get(&context.customer_key())?.unwrap_or_else(|| {
                Customer::new(context.customer_id.clone(), context.hop.phone.clone(), self.clock.now())
            }),
            switches: Switches::in_force(items.get(&keys::switches())?, &self.epoch),
            settings,
            code,
        };
        if let (Some(code), None) = (&loaded.code, &loaded.stored) {
            let (batch_key, run_key) = (keys::batch(&code.batch_id), keys::run(&code.batch_id, &code.run_id));
            let items = self.store.read(&[batch_key.clone(), run_key.clone()], deadline).await?;
            loaded.batch = items.get(&batch_key)?;
            loaded.run = items.get(&run_key)?;
        }
        // A text of a run that never went live, or was given up, means nothing; a misread code may.
        let shadowed = exact.is_some() && loaded.run.as_ref().is_none_or(|run| run.state != RunState::Live);
        if let (true, None, Some(code)) = (shadowed, &loaded.stored, meant(None, forgiven.take())) {
            let (batch_key, run_key) = (keys::batch(&code.batch_id), keys::run(&code.batch_id, &code.run_id));
            let items = self.store.read(&[batch_key.clone(), run_key.clone()], deadline).await?;
            loaded.batch = items.get(&batch_key)?;
            loaded.run = items.get(&run_key)?;
            loaded.code = Some(code);
        }
        Ok(loaded)
    }

    async fn decide_and_commit(
        &self,
        context: &Context,
        typed: &CodeText,
        loaded: &Loaded,
        hop_key: &keys::Key,
        deadline: Deadline,
    ) -> Result<Answer, StoreError> {
        let facts = Facts {
            typed,
            code: loaded.code.as_ref(),
            batch: loaded.batch.as_ref(),
            run: loaded.run.as_ref(),
            customer: &loaded.customer,
            network: context.hop.phone.network(&context.hop.network_code),
            switches: &loaded.switches,
            settings: &loaded.settings,
            now: self.clock.now(),
        };
        match decide(&facts) {
            Ok(code) => self.commit(context, &facts, code, hop_key, deadline).await,
            Err(refusal) => self.refuse(context, &facts, &refusal, hop_key, deadline).await,
        }
    }

    async fn commit(
        &self,
        context: &Context,
        facts: &Facts<'_>,
        code: &Code,
        hop_key: &keys::Key,
        deadline: Deadline,
    ) -> Result<Answer, StoreError> {
        let origins = Origins {
            environment: &self.environment,
            session: &context.hop.session,
            address: context.address.as_deref(),
        };
        let commit = Commit::new(facts, code, origins);
        let settings = facts.settings;
        let texts = Texts::new(settings, language(settings, Some(facts.customer)));
        let reference = commit.redemption.id.short();
        let screen = Screen::Success { money: code.money, phone: &context.hop.phone, reference: &reference };
        let answer = screen.render(settings, &texts);
        let today = time::day(facts.now, &settings.zone());
        self.store.commit_redemption(&commit, hop_key, &answer, today, deadline).await?;
        count("redeemed");
        tracing::info!(session = context.hop.session, redemption = %commit.redemption.id, "redeemed");
        // From here the payout can't be lost: if this message is, the due index finds the row.
        if self.nudges.send(&commit.redemption.id).await.is_err() {
            tracing::warn!(redemption = %commit.redemption.id, "no nudge was sent; the sweeper will find the payout");
            metrics::emit("nudges_lost_total", 1.0, Unit::Count, &[("function", "ussd")]);
        }
        Ok(answer)
    }

    async fn refuse(
        &self,
        context: &Context,
        facts: &Facts<'_>,
        refusal: &Refusal,
        hop_key: &keys::Key,
        deadline: Deadline,
    ) -> Result<Answer, StoreError> {
        let texts = Texts::new(facts.settings, language(facts.settings, Some(facts.customer)));
        let payout = if let Refusal::AlreadyYours { redemption, .. } = refusal {
            self.outside_state(redemption, deadline).await?
        } else {
            None
        };
        let answer = refusal_screen(refusal, payout, &context.hop.phone, facts.settings, &texts, facts.now);
        let customer = charged(facts, refusal, &context.hop.session, &answer.words);
        let attempt = Attempt {
            id: keys::hop_id(&context.hop.session, context.hop.phone.e164(), &context.hop.text),
            at: facts.now,
            customer: context.customer_id.clone(),
            phone: context.hop.phone.masked(),
            code: facts.typed.masked(),
            batch_id: facts.code.map(|code| code.batch_id.clone()),
            reason: refusal.name().to_owned(),
            session: context.hop.session.clone(),
        };
        let refused = Refused { attempt: &attempt, customer: customer.as_ref().map(|after| (facts.customer, after)) };
        self.store.commit_refusal(&refused, hop_key, &answer, deadline).await?;
        count(refusal.name());
        tracing::info!(session = context.hop.session, reason = refusal.name(), "refused");
        Ok(answer)
    }

    async fn outside_state(
        &self,
        redemption: &domain::identity::RedemptionId,
        deadline: Deadline,
    ) -> Result<Option<Outside>, StoreError> {
        let payout: Option<Payout> = self.store.payout(redemption, deadline).await?;
        Ok(payout.map(|payout| payout.state.outside()))
    }
}

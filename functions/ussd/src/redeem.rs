//! Load, decide, commit, nudge: one code.

use crate::{Context, Ussd, language, payee::Named};
use domain::{
    batch::{Batch, Code, Run, RunState},
    code::CodeText,
    customer::Customer,
    payout::{Outside, Payout, State},
    phone::Msisdn,
    redemption::{Attempt, Commit, Decision, Facts, Origins, Refusal, charged, decide, meant},
    switches::Switches,
    text::Texts,
    time,
    ussd::{Answer, PayeeCheck, Screen, refusal_screen},
};
use service::metrics::{self, Unit};
use std::sync::Arc;
use store::{Deadline, Refused, StoreError, keys};

/// What a hop with a code asks for.
#[derive(Clone, Copy)]
pub struct Wish<'w> {
    pub code: &'w CodeText,
    pub named: Option<Named<'w>>,
}

/// How far a hop has come, for the words when it comes no further.
struct Progress {
    /// The code was there, and nobody's.
    seen_unclaimed: bool,
    /// The last write, if there was one, may have claimed it.
    claims: bool,
}

/// Everything read for one decision.
struct Loaded {
    stored: Option<Answer>,
    code: Option<Code>,
    batch: Option<Batch>,
    run: Option<Run>,
    customer: Customer,
    check: Option<PayeeCheck>,
    switches: Switches,
    settings: Arc<domain::settings::Settings>,
}

pub fn count(result: &str) {
    metrics::emit("redemption_attempts_total", 1.0, Unit::Count, &[("result", result)]);
}

impl Ussd {
    pub(crate) async fn redeem(&self, context: &Context, wish: Wish<'_>, deadline: Deadline) -> Answer {
        let hop_key = keys::hop(&context.hop.session, context.hop.phone.e164(), &context.hop.text);
        let mut progress = Progress { seen_unclaimed: false, claims: true };
        let error = loop {
            let loaded = match self.load(context, wish, &hop_key, deadline).await {
                Ok(loaded) => loaded,
                Err(error) => break error,
            };
            if let Some(answer) = loaded.stored {
                count("repeated");
                return answer;
            }
            progress.seen_unclaimed = loaded.code.as_ref().is_some_and(|code| code.claim.is_none());
            match self.decide_and_act(context, wish, &loaded, &hop_key, &mut progress, deadline).await {
                Ok(answer) => return answer,
                // Somebody was faster on the code, the customer or this very hop: read and decide anew.
                Err(StoreError::Changed) if !deadline.passed() => {}
                Err(error) => break error,
            }
        };
        self.answer_for_trouble(context, &hop_key, &error, &progress).await
    }

    /// What to say when nothing is certain: what is stored, if it can be read; else words that promise nothing.
    async fn answer_for_trouble(
        &self,
        context: &Context,
        hop_key: &keys::Key,
        error: &StoreError,
        progress: &Progress,
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
            StoreError::Ambiguous if progress.seen_unclaimed && progress.claims => Screen::Received,
            StoreError::Ambiguous | StoreError::Changed | StoreError::Busy | StoreError::Rejected(_)
                if progress.seen_unclaimed =>
            {
                Screen::TroubleKept
            }
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
        wish: Wish<'_>,
        hop_key: &keys::Key,
        deadline: Deadline,
    ) -> Result<Loaded, StoreError> {
        let typed = wish.code;
        let exact_key = keys::code(typed);
        let forgiven_key = typed.forgiven().map(|forgiven| keys::code(&forgiven));
        let settings_key = self.settings.wanted();
        let mut wanted = vec![hop_key.clone(), context.customer_key(), keys::switches(), exact_key.clone()];
        let check_key = wish.named.map(|_| keys::payee_check(&context.customer_id));
        wanted.extend(forgiven_key.clone());
        wanted.extend(check_key.clone());
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
            check: check_key.map(|key| items.get(&key)).transpose()?.flatten(),
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

    async fn decide_and_act(
        &self,
        context: &Context,
        wish: Wish<'_>,
        loaded: &Loaded,
        hop_key: &keys::Key,
        progress: &mut Progress,
        deadline: Deadline,
    ) -> Result<Answer, StoreError> {
        let facts = Facts {
            typed: wish.code,
            code: loaded.code.as_ref(),
            batch: loaded.batch.as_ref(),
            run: loaded.run.as_ref(),
            customer: &loaded.customer,
            network: context.hop.phone.network(&context.hop.network_code),
            named: wish.named.map(|named| named.number),
            switches: &loaded.switches,
            settings: &loaded.settings,
            now: self.clock.now(),
        };
        let (code, payee) = match decide(&facts) {
            Ok(Decision::Redeem { code, payee }) => (code, payee),
            Ok(Decision::AskNumber) => {
                count("number_asked");
                let texts = Texts::new(facts.settings, language(facts.settings, Some(facts.customer)));
                return Ok(Screen::AskNumber.render(facts.settings, &texts));
            }
            Err(refusal) => return self.refuse(context, &facts, &refusal, hop_key, deadline).await,
        };
        if let Some(named) = wish.named.filter(|named| named.number == payee) {
            progress.claims = false;
            let check = loaded.check.as_ref();
            if let Some(answer) = self.check_payee(context, &facts, named, check, hop_key, deadline).await? {
                return Ok(answer);
            }
        }
        progress.claims = true;
        self.commit(context, &facts, code, payee, hop_key, deadline).await
    }

    async fn commit(
        &self,
        context: &Context,
        facts: &Facts<'_>,
        code: &Code,
        payee: &Msisdn,
        hop_key: &keys::Key,
        deadline: Deadline,
    ) -> Result<Answer, StoreError> {
        let origins = Origins {
            environment: &self.environment,
            session: &context.hop.session,
            address: context.address.as_deref(),
        };
        let commit = Commit::new(facts, code, payee, origins);
        let settings = facts.settings;
        let texts = Texts::new(settings, language(settings, Some(facts.customer)));
        let reference = commit.redemption.id.short();
        let (money, phone, reference) = (code.money, payee, reference.as_str());
        let waits = matches!(commit.payout.state, State::AwaitingApproval { .. });
        let screen = if waits {
            Screen::AwaitingApproval { money, phone, reference }
        } else {
            Screen::Success { money, phone, reference }
        };
        let answer = screen.render(settings, &texts);
        let today = time::day(facts.now, &settings.zone());
        self.store.commit_redemption(&commit, hop_key, &answer, today, deadline).await?;
        count("redeemed");
        tracing::info!(session = context.hop.session, redemption = %commit.redemption.id, "redeemed");
        // From here the payout can't be lost: if this message is, the due index finds the row. One that waits for a
        // person is moved by that person.
        if !waits && self.nudges.send(&commit.redemption.id).await.is_err() {
            tracing::warn!(redemption = %commit.redemption.id, "no nudge was sent; the sweeper will find the payout");
            metrics::emit("nudges_lost_total", 1.0, Unit::Count, &[("function", "ussd")]);
        }
        Ok(answer)
    }

    pub(crate) async fn refuse(
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

//! The number to pay, for callers on other networks: whose account it is, shown and agreed to before anything is redeemed.

use crate::{Context, Ussd, language, redeem::count};
use domain::{
    phone::Msisdn,
    redemption::{Facts, Refusal},
    text::Texts,
    ussd::{PayeeCheck, PayeeStep, Screen},
};
use service::{
    metrics::{self, Unit},
    nudge::Nudge,
};
use std::time::Duration;
use store::{Deadline, StoreError, keys};
use tokio::time::{Instant, sleep};

/// How long a hop waits for the payout worker to say whose account a number is.
pub const NAME_WAIT: Duration = Duration::from_millis(1_200);
/// Between two looks at the row.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
/// What is left of the hop's time for storing its answer.
const FOR_THE_ANSWER: Duration = Duration::from_millis(400);

/// The number that a caller has named.
#[derive(Clone, Copy, Debug)]
pub struct Named<'n> {
    pub number: &'n Msisdn,
    /// The caller has said yes to what the last screen showed.
    pub says_yes: bool,
}

impl Ussd {
    /// The screen about the named number; `None` when its name was shown to this caller, who has said yes.
    pub(crate) async fn check_payee(
        &self,
        context: &Context,
        facts: &Facts<'_>,
        named: Named<'_>,
        check: Option<&PayeeCheck>,
        hop_key: &keys::Key,
        deadline: Deadline,
    ) -> Result<Option<domain::ussd::Answer>, StoreError> {
        let number = named.number;
        let next = |check: Option<&PayeeCheck>| {
            PayeeCheck::step(check, number, &context.hop.session, named.says_yes, self.clock.now())
        };
        let mut step = next(check);
        if let PayeeStep::Ask(question) = &step {
            self.store.save_payee_check(&context.customer_id, question, deadline).await?;
            self.nudge_for_name(context).await;
            step = PayeeStep::Wait;
        }
        if step == PayeeStep::Wait {
            step = self.look(context, next, deadline).await?;
        }
        let (screen, shown) = match &step {
            PayeeStep::Confirmed => return Ok(None),
            PayeeStep::TooMany { until } => {
                let refusal = Refusal::TooManyAttempts { until: *until };
                return self.refuse(context, facts, &refusal, hop_key, deadline).await.map(Some);
            }
            // Another session of this customer has asked about another number meanwhile.
            PayeeStep::Ask(_) => return Err(StoreError::Changed),
            PayeeStep::Wait => (Screen::CheckingNumber { number }, None),
            PayeeStep::NoAccount => (Screen::NoAccount { number }, None),
            PayeeStep::Show(check, name) => (Screen::ConfirmName { number, name }, Some((&context.customer_id, check))),
        };
        let texts = Texts::new(facts.settings, language(facts.settings, Some(facts.customer)));
        let answer = screen.render(facts.settings, &texts);
        // A copy of this hop says the same words: what one copy has shown, another cannot have shown differently.
        self.store.save_payee_screen(shown, hop_key, &answer, facts.now, deadline).await?;
        count(match step {
            PayeeStep::Show(..) => "name_shown",
            PayeeStep::NoAccount => "no_account",
            PayeeStep::Wait | PayeeStep::Ask(_) | PayeeStep::Confirmed | PayeeStep::TooMany { .. } => "name_awaited",
        });
        Ok(Some(answer))
    }

    async fn nudge_for_name(&self, context: &Context) {
        if self.nudges.ask(&Nudge::Name(context.customer_id.clone())).await.is_err() {
            tracing::warn!(session = context.hop.session, "no nudge for a name was sent; the next hop sends another");
            metrics::emit("nudges_lost_total", 1.0, Unit::Count, &[("function", "ussd")]);
        }
    }

    /// Looks for the worker's answer, once at least, and again while there is time.
    async fn look(
        &self,
        context: &Context,
        next: impl Fn(Option<&PayeeCheck>) -> PayeeStep,
        deadline: Deadline,
    ) -> Result<PayeeStep, StoreError> {
        let left = deadline.instant().saturating_duration_since(Instant::now()).saturating_sub(FOR_THE_ANSWER);
        let until = Instant::now() + self.name_wait.min(left);
        loop {
            let check = self.store.payee_check(&context.customer_id, deadline).await?;
            let step = next(check.as_ref());
            if step != PayeeStep::Wait || Instant::now() + BETWEEN_LOOKS > until {
                return Ok(step);
            }
            sleep(BETWEEN_LOOKS).await;
        }
    }
}

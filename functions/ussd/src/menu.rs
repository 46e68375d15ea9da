//! The hops that move no money.

use crate::{Context, Ussd};
use domain::{
    audit::{Class, Entry},
    customer::{Customer, Redeemed},
    payout::{Outside, Payout},
    text::{Language, Texts},
    time::{self, DAY_MS},
    ussd::{Answer, Screen},
};
use store::{Deadline, Items, StoreError, keys};

impl Ussd {
    /// Reads the customer, and the settings if they have aged.
    async fn customer(&self, context: &mut Context, deadline: Deadline) -> Result<Option<Customer>, StoreError> {
        let key = context.customer_key();
        let mut wanted = vec![key.clone()];
        let settings = self.settings.wanted();
        wanted.extend(settings.clone());
        let items: Items = self.store.read(&wanted, deadline).await?;
        context.settings = self.settings.current(&items, settings.is_some())?;
        items.get(&key)
    }

    /// A screen that depends on nothing but the language; it is shown even when the table doesn't answer.
    pub(crate) async fn plain_screen(&self, mut context: Context, screen: &Screen<'_>, deadline: Deadline) -> Answer {
        let customer = self.customer(&mut context, deadline).await.unwrap_or_else(|error| {
            tracing::error!(%error, "the customer's language is not known; the default is used");
            None
        });
        screen.render(&context.settings, &Texts::new(&context.settings, context.language(customer.as_ref())))
    }

    /// The first screen. Who dials for the first time is registered; whose last session dropped is told its result.
    pub(crate) async fn welcome(&self, mut context: Context, deadline: Deadline) -> Answer {
        let customer = match self.customer(&mut context, deadline).await {
            Ok(customer) => customer,
            Err(error) => {
                tracing::error!(%error, "the first screen is shown without knowing the customer");
                let texts = Texts::new(&context.settings, context.settings.ussd.default_language);
                return Screen::Welcome.render(&context.settings, &texts);
            }
        };
        let settings = &context.settings;
        let texts = Texts::new(settings, context.language(customer.as_ref()));
        if settings.ussd.maintenance {
            return Screen::Maintenance.render(settings, &texts);
        }
        let Some(customer) = customer else {
            self.register(&context, deadline).await;
            return Screen::Welcome.render(settings, &texts);
        };
        let now = self.clock.now();
        let untold = customer.untold.as_ref();
        let untold =
            untold.filter(|untold| untold.session != context.hop.session && time::between(untold.at, now) < DAY_MS);
        match untold.map(|untold| (untold.redeemed.as_ref(), untold.words.as_str())) {
            Some((Some(redeemed), _)) => match self.states(std::slice::from_ref(redeemed), deadline).await {
                Ok(states) => match states.first() {
                    Some((redeemed, state)) => Screen::WelcomeBack { redeemed, state: *state }.render(settings, &texts),
                    None => Screen::Welcome.render(settings, &texts),
                },
                Err(error) => {
                    tracing::error!(%error, "the last result is not known now");
                    Screen::Welcome.render(settings, &texts)
                }
            },
            Some((None, words)) if !words.is_empty() => Screen::RefusedBefore { words }.render(settings, &texts),
            Some((None, _)) | None => Screen::Welcome.render(settings, &texts),
        }
    }

    async fn register(&self, context: &Context, deadline: Deadline) {
        let now = self.clock.now();
        let before = Customer::new(context.customer_id.clone(), context.hop.phone.clone(), now);
        let mut after = before.clone();
        after.version = 1;
        let entry = customer_entry(context, &after, "customer.register", now);
        match self.store.save_customer(&before, &after, Some(&entry), deadline).await {
            // Another hop was faster.
            Ok(()) | Err(StoreError::Changed) => {}
            Err(error) => {
                tracing::error!(%error, "a customer could not be registered; the first redemption will do it")
            }
        }
    }

    pub(crate) async fn rewards(&self, mut context: Context, deadline: Deadline) -> Answer {
        let customer = match self.customer(&mut context, deadline).await {
            Ok(customer) => customer,
            Err(error) => {
                tracing::error!(%error, "rewards cannot be read");
                let texts = Texts::new(&context.settings, context.settings.ussd.default_language);
                return Screen::Trouble.render(&context.settings, &texts);
            }
        };
        let settings = &context.settings;
        let texts = Texts::new(settings, context.language(customer.as_ref()));
        let recent = customer.map(|customer| customer.recent).unwrap_or_default();
        match self.states(&recent, deadline).await {
            Ok(rewards) => Screen::Rewards(&rewards).render(settings, &texts),
            Err(error) => {
                tracing::error!(%error, "rewards cannot be read");
                Screen::Trouble.render(settings, &texts)
            }
        }
    }

    /// Each redemption with its payout's state, in the same order.
    async fn states(&self, recent: &[Redeemed], deadline: Deadline) -> Result<Vec<(Redeemed, Outside)>, StoreError> {
        let wanted: Vec<keys::Key> = recent.iter().map(|redeemed| keys::payout(&redeemed.redemption)).collect();
        let items = self.store.read(&wanted, deadline).await?;
        let mut states = Vec::with_capacity(recent.len());
        for (redeemed, key) in recent.iter().zip(&wanted) {
            let payout: Payout =
                items.get(key)?.ok_or_else(|| StoreError::Corrupt("a redemption without its payout".to_owned()))?;
            states.push((redeemed.clone(), payout.state.outside()));
        }
        Ok(states)
    }

    pub(crate) async fn set_language(&self, mut context: Context, language: Language, deadline: Deadline) -> Answer {
        loop {
            let written = match self.customer(&mut context, deadline).await {
                Ok(customer) => self.store_language(&context, customer, language, deadline).await,
                Err(error) => Err(error),
            };
            let texts = Texts::new(&context.settings, language);
            match written {
                Ok(()) => return Screen::Welcome.render(&context.settings, &texts),
                Err(StoreError::Changed) if !deadline.passed() => {}
                Err(error) => {
                    tracing::error!(%error, "a choice of language could not be stored");
                    return Screen::Trouble.render(&context.settings, &texts);
                }
            }
        }
    }

    async fn store_language(
        &self,
        context: &Context,
        customer: Option<Customer>,
        language: Language,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let before =
            customer.unwrap_or_else(|| Customer::new(context.customer_id.clone(), context.hop.phone.clone(), now));
        if before.language == Some(language) {
            return Ok(());
        }
        let mut after = before.clone();
        after.version += 1;
        after.language = Some(language);
        let entry = customer_entry(context, &after, "customer.language", now).change(
            "language",
            before.language.map(|language| language.code().to_owned()),
            Some(language.code().to_owned()),
        );
        self.store.save_customer(&before, &after, Some(&entry), deadline).await
    }
}

fn customer_entry(context: &Context, customer: &Customer, action: &str, now: jiff::Timestamp) -> Entry {
    let id = customer.id.as_str();
    let mut entry = Entry::new(
        format!("{id}-{}", customer.version),
        now,
        Class::Change,
        action,
        format!("customer:{id}"),
        format!("customer:{id}"),
    );
    entry.session = Some(context.hop.session.clone());
    entry.address.clone_from(&context.address);
    entry
}

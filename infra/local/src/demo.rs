//! The demo batch: made at the first start by the product's own generator.

use domain::{
    audit::{Class, Entry},
    batch::{Batch, BatchState, Code, Origin, Run, RunState},
    code::{CodeText, RandomPart},
    money::{Currency, Money},
    switches::Switches,
    time::{self, DAY_MS},
};
use jiff::{Timestamp, civil::Date};
use rand_core::CryptoRng;
use std::collections::HashSet;
use store::{Deadline, Store, StoreError, keys};

/// How a batch is made up.
pub struct Plan<'a> {
    pub id: &'a str,
    pub number: u64,
    pub name: &'a str,
    pub amount: u64,
    pub count: usize,
    pub currency: Currency,
}

/// Switches payouts and redemptions on if nobody has ever thrown a switch here.
///
/// # Errors
/// See [`StoreError`].
pub async fn switch_on(store: &Store, epoch: &str, now: Timestamp) -> Result<(), StoreError> {
    let key = keys::switches();
    if store.read(std::slice::from_ref(&key), Deadline::in_ms(5_000)).await?.get::<Switches>(&key)?.is_some() {
        return Ok(());
    }
    let entry = Entry::new(
        "first-switches".to_owned(),
        now,
        Class::System,
        "switches.set",
        "system:local".to_owned(),
        "switches:all".to_owned(),
    );
    let entry = entry.change("payouts", None, Some("on".to_owned())).change("redemptions", None, Some("on".to_owned()));
    store.save_switches(&Switches::all_on(epoch), &entry, Deadline::in_ms(5_000)).await
}

/// Makes a batch of new codes, redeemable for 90 days from `now`.
///
/// # Errors
/// [`StoreError::Changed`] when the batch exists already.
pub async fn make_batch(
    store: &Store,
    plan: &Plan<'_>,
    day: Date,
    now: Timestamp,
    random: &mut impl CryptoRng,
) -> Result<Vec<CodeText>, StoreError> {
    let mut drawn = HashSet::with_capacity(plan.count);
    let mut texts = Vec::with_capacity(plan.count);
    while texts.len() < plan.count {
        let part = RandomPart::draw(random);
        if drawn.insert(part) {
            texts.push(part.code(day));
        }
    }
    let money = Money::new(plan.amount, plan.currency).map_err(|error| StoreError::Rejected(error.to_string()))?;
    let run_id = format!("{}-1", plan.id);
    let batch = Batch {
        id: plan.id.to_owned(),
        number: plan.number,
        name: plan.name.to_owned(),
        state: BatchState::Active,
        money,
        expires_at: time::plus(now, 90 * DAY_MS),
        created_at: now,
        version: 1,
    };
    let run =
        Run { id: run_id.clone(), batch_id: batch.id.clone(), state: RunState::Staging, asked: plan.count as u64 };
    let codes: Vec<Code> = texts
        .iter()
        .map(|text| Code {
            text: text.clone(),
            batch_id: batch.id.clone(),
            run_id: run_id.clone(),
            origin: Origin::Generated,
            money,
            generation: 1,
            claim: None,
            blocked: false,
            reported: false,
            deleted: false,
            version: 1,
        })
        .collect();
    let entry = Entry::new(
        format!("{run_id}-live"),
        now,
        Class::Change,
        "run.live",
        "system:local".to_owned(),
        format!("batch:{}", batch.id),
    );
    let entry =
        entry.change("codes", None, Some(plan.count.to_string())).change("amount", None, Some(money.to_string()));
    store.create_batch(&batch, &run, &codes, &entry, Deadline::in_ms(60_000)).await?;
    Ok(texts)
}

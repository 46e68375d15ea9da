//! The demo batch: made at the first start by the product's own generator.

use domain::{
    audit::{Class, Entry},
    batch::{Batch, BatchName, Code, Origin, Run},
    code::{CodeText, RandomPart},
    money::{Currency, Money},
    switches::Switches,
    time::{self, DAY_MS},
};
use jiff::{Timestamp, civil::Date};
use rand_core::CryptoRng;
use std::collections::HashSet;
use store::{Deadline, Made, Store, StoreError, keys};

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

/// The next batch's number, and a name for it that nobody has.
///
/// # Errors
/// See [`StoreError`].
pub async fn free(store: &Store, name: &str, now: Timestamp) -> Result<(u64, String), StoreError> {
    let key = keys::batch_numbers();
    let made: Option<Made> = store.read(std::slice::from_ref(&key), Deadline::in_ms(5_000)).await?.get(&key)?;
    let taken = match BatchName::parse(name) {
        Ok(name) => store.batch_name_taken(&name, Deadline::in_ms(5_000)).await?,
        Err(error) => return Err(StoreError::Rejected(error.to_string())),
    };
    let name = if taken { format!("{name}_{}", now.as_second()) } else { name.to_owned() };
    Ok((made.unwrap_or_default().count + 1, name))
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
    let expires_at = time::plus(now, 90 * DAY_MS);
    let batch = Batch::new(plan.id.to_owned(), plan.number, plan.name.to_owned(), money, expires_at, now);
    let run = Run::staging(run_id.clone(), batch.id.clone(), plan.count as u64, Origin::Generated);
    let codes: Vec<Code> = texts.iter().zip(0..).map(|(text, n)| Code::made(text.clone(), &batch, &run, n)).collect();
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

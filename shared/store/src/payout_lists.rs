//! Payouts in lists: by the day on which they were redeemed, newest first, and those that wait for a person.

use crate::{
    Deadline, Listed, Store, StoreError,
    keys::{self, LISTED_SHARDS},
    payouts::ListedPayout,
};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{payout::Payout, redemption::Redemption};
use jiff::civil::Date;

/// Rows that one query gives; the payouts of one round are read by their keys in one call.
const ROUND: usize = 100;
/// Rounds of one request. A day without payouts is one, too.
const ROUNDS: usize = 8;

/// A row of a list: its place, and the payout's key.
type Place = (String, keys::Key);

impl Store {
    /// Payouts that were redeemed from `to` back to `from`, both included, newest first; `wanted` chooses. One request
    /// looks at so many and no more: a page may be short, or empty, and go on at `next`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn payouts(
        &self,
        (from, to): (Date, Date),
        position: Option<&str>,
        limit: usize,
        wanted: impl Fn(&Payout) -> bool,
        deadline: Deadline,
    ) -> Result<Listed<Payout>, StoreError> {
        // Our own text, so one that doesn't read is the beginning.
        let begin = position.and_then(|text| text.split_once('|'));
        let begin = begin.and_then(|(day, place)| Some((day.parse::<Date>().ok()?, place.to_owned())));
        let (mut day, mut before) = match begin {
            Some((day, place)) if day <= to => (day, Some(place).filter(|place| !place.is_empty())),
            Some(_) | None => (to, None),
        };
        let mut items = Vec::new();
        for _ in 0..ROUNDS {
            if day < from {
                return Ok(Listed { items, next: None });
            }
            let mut places = Vec::new();
            for shard in 0..LISTED_SHARDS {
                places.extend(
                    self.places(&keys::payouts_of_day_pk(day, shard), before.as_deref(), true, deadline).await?,
                );
            }
            places.sort_unstable_by(|a, b| b.0.cmp(&a.0));
            // Behind the first hundred a shard may have more that it has not told.
            let full = places.len() >= ROUND;
            places.truncate(ROUND);
            let payouts = self.of_places(&places, deadline).await?;
            for ((place, _), payout) in places.iter().zip(payouts) {
                before = Some(place.clone());
                if let Some(payout) = payout.filter(|payout| wanted(payout)) {
                    items.push(payout);
                }
                if items.len() >= limit {
                    return Ok(Listed { items, next: Some(format!("{day}|{place}")) });
                }
            }
            if !full {
                let Ok(yesterday) = day.yesterday() else { return Ok(Listed { items, next: None }) };
                (day, before) = (yesterday, None);
            }
        }
        if day < from {
            return Ok(Listed { items, next: None });
        }
        Ok(Listed { items, next: Some(format!("{day}|{}", before.unwrap_or_default())) })
    }

    /// Payouts that a person has to do something about, the oldest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn payouts_for_attention(
        &self,
        position: Option<&str>,
        limit: usize,
        wanted: impl Fn(&Payout) -> bool,
        deadline: Deadline,
    ) -> Result<Listed<Payout>, StoreError> {
        let mut after = position.map(str::to_owned);
        let mut items = Vec::new();
        for _ in 0..ROUNDS {
            let places = self.places(keys::ATTENTION_PK, after.as_deref(), false, deadline).await?;
            let payouts = self.of_places(&places, deadline).await?;
            for ((place, _), payout) in places.iter().zip(payouts) {
                after = Some(place.clone());
                if let Some(payout) = payout.filter(|payout| payout.state.needs_attention() && wanted(payout)) {
                    items.push(payout);
                }
                if items.len() >= limit {
                    return Ok(Listed { items, next: after });
                }
            }
            if places.len() < ROUND {
                return Ok(Listed { items, next: None });
            }
        }
        Ok(Listed { items, next: after })
    }

    /// Payouts that were settled on a day, in no order.
    ///
    /// # Errors
    /// See [`StoreError`]; [`StoreError::Busy`] when there is no time for all of them.
    pub async fn settled_on(&self, day: Date, deadline: Deadline) -> Result<Vec<Payout>, StoreError> {
        let mut payouts = Vec::new();
        for shard in 0..LISTED_SHARDS {
            let pk = keys::payouts_settled_pk(day, shard);
            let mut behind: Option<String> = None;
            loop {
                if deadline.passed() {
                    return Err(StoreError::Busy);
                }
                let places = self.places(&pk, behind.as_deref(), false, deadline).await?;
                payouts.extend(self.of_places(&places, deadline).await?.into_iter().flatten());
                behind = places.last().map(|(place, _)| place.clone());
                if places.len() < ROUND {
                    break;
                }
            }
        }
        Ok(payouts)
    }

    /// The facts of a redemption.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn redemption(
        &self,
        id: &domain::identity::RedemptionId,
        deadline: Deadline,
    ) -> Result<Option<Redemption>, StoreError> {
        self.one(&keys::redemption(id), deadline).await
    }

    /// Up to [`ROUND`] rows of one list behind a place.
    async fn places(
        &self,
        pk: &str,
        behind: Option<&str>,
        newest_first: bool,
        deadline: Deadline,
    ) -> Result<Vec<Place>, StoreError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true).scan_index_forward(!newest_first);
        let query = query.expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
        let query = match behind {
            None => query.key_condition_expression("pk = :pk"),
            Some(place) => query
                .key_condition_expression(if newest_first {
                    "pk = :pk AND sk < :place"
                } else {
                    "pk = :pk AND sk > :place"
                })
                .expression_attribute_values(":place", AttributeValue::S(place.to_owned())),
        };
        let mut places = Vec::new();
        let mut from = None;
        loop {
            let left = i32::try_from(ROUND - places.len()).unwrap_or(i32::MAX);
            let page = self.page(query.clone().limit(left).set_exclusive_start_key(from), deadline).await?;
            for item in page.items.unwrap_or_default() {
                let place = crate::read::key_of(&item)?.sk;
                let row: ListedPayout = self.decode(item)?;
                places.push((place, keys::payout(&row.payout)));
            }
            from = page.last_evaluated_key;
            if from.is_none() || places.len() >= ROUND {
                return Ok(places);
            }
        }
    }

    async fn of_places(&self, places: &[Place], deadline: Deadline) -> Result<Vec<Option<Payout>>, StoreError> {
        let wanted: Vec<keys::Key> = places.iter().map(|(_, key)| key.clone()).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let items = self.read(&wanted, deadline).await?;
        wanted.iter().map(|key| items.get(key)).collect()
    }
}

//! Payouts, found and explained.

use crate::{Desk, Found, Trouble, batches::sees};
use domain::{
    access::{Actor, Permit},
    audit::{Class, Entry, Severity},
    batch::Batch,
    code::CodeText,
    customer::Customer,
    identity::{CustomerId, RedemptionId},
    payout::{ByHand, Outside, Payout},
    permission::right,
    phone::Msisdn,
    reversal::Reversal,
    time,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::collections::HashSet;
use store::{Listed, keys};

/// The newest entries of the log that are shown with a payout: so many of the payout, and of its redemption.
const TIMELINE: usize = 100;
/// The most payouts that one question is answered with.
const ANSWERS: u32 = 10;
/// The batches that somebody is looked for who sees only their own.
const OWN_BATCHES: usize = 200;

#[derive(Clone, Debug, Default)]
pub struct PayoutFilter {
    pub status: Option<Outside>,
    pub batch_id: Option<String>,
    pub customer: Option<String>,
    /// Whole units of the currency, both taken in.
    pub amount: (Option<u64>, Option<u64>),
    pub urgent: Option<bool>,
}

impl PayoutFilter {
    fn takes(&self, payout: &Payout) -> bool {
        let amount = payout.money.amount;
        self.status.is_none_or(|status| payout.state.outside() == status)
            && self.batch_id.as_ref().is_none_or(|batch| payout.batch_id == *batch)
            && self.customer.as_ref().is_none_or(|customer| payout.customer.as_str() == customer)
            && self.amount.0.is_none_or(|least| least <= amount)
            && self.amount.1.is_none_or(|most| amount <= most)
            && self.urgent.is_none_or(|urgent| payout.hands.urgent.is_some() == urgent)
    }
}

/// Part of a list.
#[derive(Debug)]
pub struct PayoutPage {
    pub items: Vec<Payout>,
    /// The position to go on from; absent at the end.
    pub next: Option<String>,
    /// Everything that is wanted and was redeemed later is in this page or an earlier one.
    pub searched_back_to: Timestamp,
}

/// Everything there is to say of a payout to one caller.
#[derive(Clone, Debug)]
pub struct PayoutDetail {
    pub payout: Payout,
    /// Its code as it is now, if the caller sees its batch.
    pub code: Option<Found>,
    pub reversal: Option<Reversal>,
    /// Newest first.
    pub timeline: Vec<Entry>,
    /// What this caller can do about it now.
    pub acts: Vec<ByHand>,
}

/// What a question is about, with the right that it takes beside that of reading payouts.
pub enum About<'a> {
    Redemption(RedemptionId),
    Reference(String),
    Code(&'a Permit<right::PromoCodesRead>, CodeText),
    Phone(&'a Permit<right::CustomersRead>, Msisdn),
}

/// The point in time at which a day of the business begins.
pub(crate) fn start_of(day: Date, zone: &TimeZone) -> Timestamp {
    day.to_zoned(zone.clone()).map_or(Timestamp::MIN, |at| at.timestamp())
}

/// A position is `day|place`, a place begins with its milliseconds.
fn searched_back_to(next: Option<&str>, from: Date, zone: &TimeZone) -> Timestamp {
    let Some((day, place)) = next.and_then(|next| next.split_once('|')) else { return start_of(from, zone) };
    match place.split('#').next().map(str::parse) {
        Some(Ok(milliseconds)) => time::from_millis(milliseconds),
        // The whole of the day after it.
        Some(Err(_)) | None => {
            day.parse::<Date>().and_then(Date::tomorrow).map_or(start_of(from, zone), |day| start_of(day, zone))
        }
    }
}

impl Desk {
    /// The batches of an actor who sees no others; `None` for who sees all.
    async fn own_batches(&self, actor: &Actor) -> Result<Option<HashSet<String>>, Trouble> {
        if !actor.assigned_only() {
            return Ok(None);
        }
        let wanted = |batch: &Batch| sees(actor, batch);
        let listed = self.store.batches(true, None, OWN_BATCHES, wanted, self.deadline()).await?;
        Ok(Some(listed.items.into_iter().map(|batch| batch.id).collect()))
    }

    /// A payout that the actor sees.
    pub(crate) async fn seen_payout(&self, actor: &Actor, id: &RedemptionId) -> Result<Payout, Trouble> {
        let payout = self.store.payout(id, self.deadline()).await?.ok_or(Trouble::NotFound("payout"))?;
        if actor.assigned_only() {
            let batch = self.store.batch(&payout.batch_id, self.deadline()).await?;
            batch.filter(|batch| sees(actor, batch)).ok_or(Trouble::NotFound("payout"))?;
        }
        Ok(payout)
    }

    /// Payouts that were redeemed from `to` back to `from`, days of the business, newest first.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn payouts(
        &self,
        permit: &Permit<right::DisbursementsRead>,
        filter: &PayoutFilter,
        (from, to): (Date, Date),
        position: Option<&str>,
        limit: usize,
    ) -> Result<PayoutPage, Trouble> {
        let own = self.own_batches(permit.actor()).await?;
        let wanted =
            |payout: &Payout| filter.takes(payout) && own.as_ref().is_none_or(|own| own.contains(&payout.batch_id));
        let Listed { items, next } = self.store.payouts((from, to), position, limit, wanted, self.deadline()).await?;
        let zone = self.settings().await?.zone();
        let searched_back_to = searched_back_to(next.as_deref(), from, &zone);
        Ok(PayoutPage { items, next, searched_back_to })
    }

    /// Payouts that a person has to do something about, oldest first.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn payouts_for_attention(
        &self,
        permit: &Permit<right::DisbursementsRead>,
        filter: &PayoutFilter,
        position: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Payout>, Trouble> {
        let own = self.own_batches(permit.actor()).await?;
        let wanted =
            |payout: &Payout| filter.takes(payout) && own.as_ref().is_none_or(|own| own.contains(&payout.batch_id));
        Ok(self.store.payouts_for_attention(position, limit, wanted, self.deadline()).await?)
    }

    /// # Errors
    /// [`Trouble::NotFound`].
    pub async fn payout(
        &self,
        permit: &Permit<right::DisbursementsRead>,
        id: &RedemptionId,
    ) -> Result<PayoutDetail, Trouble> {
        let payout = self.seen_payout(permit.actor(), id).await?;
        self.payout_detail(permit, payout).await
    }

    async fn payout_detail(
        &self,
        permit: &Permit<right::DisbursementsRead>,
        payout: Payout,
    ) -> Result<PayoutDetail, Trouble> {
        let (actor, now) = (permit.actor(), self.now());
        let reversal = keys::reversal(&payout.id);
        let (code, timeline, reversal) = tokio::join!(
            self.by_text(actor, &payout.code),
            self.store.payout_history(permit, &payout.id, now, TIMELINE, self.deadline()),
            self.store.one(&reversal, self.deadline()),
        );
        let possible = payout.possible(actor.user(), now);
        let acts = possible.into_iter().filter(|act| actor.holds(act.permission())).collect();
        Ok(PayoutDetail { code: code?, reversal: reversal?, timeline: timeline?, acts, payout })
    }

    /// What became of what somebody asks about: the payouts, newest first.
    ///
    /// # Errors
    /// [`Trouble::NoSecret`] where customers can't be found by number.
    pub async fn explain(
        &self,
        permit: &Permit<right::DisbursementsRead>,
        about: About<'_>,
    ) -> Result<Vec<PayoutDetail>, Trouble> {
        let actor = permit.actor();
        let ids = match about {
            About::Redemption(id) => vec![id],
            About::Reference(reference) => {
                let found = self.store.payout_of_reference(&reference, self.deadline()).await?;
                found.into_iter().map(|payout| payout.id).collect()
            }
            About::Code(right, text) => {
                let lookup = self.look_up(right, text.as_str()).await?;
                let code = lookup.found.map(|found| found.code);
                // What was taken back was redeemed under an earlier generation.
                let generations = code.iter().flat_map(|code| (1..=code.generation).rev().take(ANSWERS as usize));
                let id =
                    |generation| code.as_ref().map(|code| RedemptionId::of(&self.environment, &code.text, generation));
                generations.filter_map(id).collect()
            }
            About::Phone(right, phone) => {
                let id = self.customer_id(&phone).await?;
                let entity = format!("customer:{}", id.as_str());
                self.note(right, (Class::Access, Severity::Info), "customer.looked_up", entity).await?;
                let customer: Option<Customer> = self.store.one(&keys::customer(&id), self.deadline()).await?;
                let recent = customer.map(|customer| customer.recent).unwrap_or_default();
                recent.into_iter().map(|redeemed| redeemed.redemption).collect()
            }
        };
        let mut answers = Vec::with_capacity(ids.len());
        for id in ids {
            match self.seen_payout(actor, &id).await {
                Ok(payout) => answers.push(self.payout_detail(permit, payout).await?),
                Err(Trouble::NotFound(_)) => {}
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(answers)
    }

    async fn customer_id(&self, phone: &Msisdn) -> Result<CustomerId, Trouble> {
        let secret = self.customers.as_ref().ok_or(Trouble::NoSecret)?.get().await.map_err(|error| {
            tracing::error!(%error, "the secret of customers' keys cannot be read");
            Trouble::NoSecret
        })?;
        Ok(CustomerId::of(secret.customer_pepper.as_bytes(), phone))
    }
}

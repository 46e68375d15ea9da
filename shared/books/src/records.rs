//! What the records say of days: payouts as references, and their sums.

use crate::{BooksError, TABLE_MS};
use domain::{
    payout::{Payout, SeenStatus, State},
    reconcile::{Counters, Expected, Ours, Payouts, Place, Sum, TheirAmount, TheirStatus, Theirs},
    time,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::collections::BTreeMap;
use store::{Deadline, Store, keys};

/// Payouts that one read of the list gives.
const PAGE: usize = 800;

/// What payouts of some days come to.
#[derive(Debug, Default)]
pub struct Day {
    pub ours: Vec<Ours>,
    /// What MoMo answered when each reference was asked about again.
    pub theirs: Vec<Theirs>,
    pub payouts: Payouts,
    pub redemptions: Sum,
    /// Redemptions by row of counters.
    pub redeemed: BTreeMap<Place, Counters>,
}

impl Day {
    fn add(&mut self, payout: &Payout, day: Date) {
        self.redemptions.add(payout.money.amount);
        let outside = matches!(payout.state, State::Settled { .. });
        self.payouts.add(payout.state.outside(), outside, payout.money.amount);
        let place = place(payout, day);
        self.redeemed.entry(place).or_default().redeem(payout.money.amount);
        for attempt in &payout.attempts {
            let expected = expected(payout, attempt.has_paid());
            let ended = match &payout.state {
                State::Paid { at }
                | State::Refused { at, .. }
                | State::Cancelled { at, .. }
                | State::Settled { at, .. } => Some(*at),
                State::Queued { .. }
                | State::Sending { .. }
                | State::Submitted { .. }
                | State::Retrying { .. }
                | State::Held { .. }
                | State::AwaitingApproval { .. } => None,
            };
            self.ours.push(Ours {
                payout: payout.id.clone(),
                sent_at: attempt.first_sent_at,
                reference: attempt.reference.clone(),
                amount: payout.money.amount,
                currency: payout.money.currency,
                payee: payout.payee.party_id().to_owned(),
                expected,
                at: ended.unwrap_or(attempt.last_sent_at),
                transaction: attempt.transaction.clone(),
            });
            // The answer by which a payout ended agrees with itself; only what was asked later says something.
            let asked_again = attempt.seen.as_ref().filter(|seen| ended.is_none_or(|ended| seen.at > ended));
            let Some(seen) = asked_again else { continue };
            self.theirs.push(Theirs {
                reference: Some(attempt.reference.clone()),
                external_id: Some(payout.id.to_string()),
                transaction: attempt.transaction.clone(),
                amount: TheirAmount::read(&seen.amount),
                currency: seen.currency.clone(),
                payee: seen.payee.clone(),
                status: match seen.status {
                    SeenStatus::Pending => TheirStatus::Pending,
                    SeenStatus::Successful => TheirStatus::Successful,
                    SeenStatus::Failed => TheirStatus::Failed,
                    SeenStatus::NotFound => TheirStatus::NotFound,
                },
                at: Some(seen.at),
                line: 0,
            });
        }
    }
}

/// The row of counters that a payout's code counts in.
pub(crate) fn place(payout: &Payout, day: Date) -> Place {
    Place { day, batch: payout.batch_id.clone(), shard: keys::shard(payout.code.as_str(), keys::SHARDS) }
}

fn expected(payout: &Payout, has_paid: bool) -> Expected {
    match &payout.state {
        State::Paid { .. } if has_paid => Expected::Paid,
        State::Paid { .. } | State::Refused { .. } | State::Cancelled { .. } => Expected::NotPaid,
        State::Settled { .. } => Expected::Outside,
        State::Queued { .. }
        | State::Sending { .. }
        | State::Submitted { .. }
        | State::Retrying { .. }
        | State::Held { .. }
        | State::AwaitingApproval { .. } => Expected::Open,
    }
}

/// Reads the payouts that were redeemed from `from` to `to`, both included.
///
/// # Errors
/// [`BooksError::NoTime`], [`BooksError::Store`].
pub(crate) async fn days(
    store: &Store,
    (from, to): (Date, Date),
    zone: &TimeZone,
    deadline: Deadline,
) -> Result<Day, BooksError> {
    let mut all = Day::default();
    let mut position: Option<String> = None;
    loop {
        if deadline.passed() {
            return Err(BooksError::NoTime);
        }
        let page =
            store.payouts((from, to), position.as_deref(), PAGE, |_| true, Deadline::in_ms(4 * TABLE_MS)).await?;
        for payout in &page.items {
            all.add(payout, time::day(payout.created_at, zone));
        }
        position = page.next;
        if position.is_none() {
            return Ok(all);
        }
    }
}

/// When a day of the business begins.
pub(crate) fn begins(day: Date, zone: &TimeZone) -> Timestamp {
    day.to_zoned(zone.clone()).map_or(Timestamp::MIN, |at| at.timestamp())
}

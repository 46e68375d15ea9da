//! What the records say of days: payouts as references, and their sums.

use crate::{BooksError, TABLE_MS};
use domain::{
    identity::RedemptionId,
    payout::{Attempt, Payout, Seen, SeenStatus, State},
    reconcile::{Counters, Expected, Ours, Payouts, Place, TheirAmount, TheirStatus, Theirs},
    time,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use store::{Deadline, Store, keys};

/// Rows of one read.
pub(crate) const READ_ROWS: usize = 100;
/// Payouts that one read of the list gives.
const PAGE: usize = 800;
/// Payouts of one comparison: so many fit into a function's memory beside the report that is made of them.
const PAYOUTS_MAX: usize = 400_000;

/// What payouts of some days come to.
#[derive(Debug, Default)]
pub struct Day {
    pub ours: Vec<Ours>,
    /// What MoMo answered when each reference was asked about again.
    pub theirs: Vec<Theirs>,
    pub payouts: Payouts,
    /// Of which payouts these are, and with it of which redemptions.
    pub ids: Vec<RedemptionId>,
    /// Payouts that a later look may say more of: they have not ended, or were not asked about again since.
    pub waiting: u64,
    /// Redemptions by row of counters.
    pub redeemed: BTreeMap<Place, Counters>,
}

impl Day {
    fn add(&mut self, payout: &Payout, day: Date) {
        self.ids.push(payout.id.clone());
        self.waiting += u64::from(waits(payout));
        let outside = matches!(payout.state, State::Settled { .. });
        self.payouts.add(payout.state.outside(), outside, payout.money.amount);
        let place = place(payout, day);
        self.redeemed.entry(place).or_default().redeem(payout.money.amount);
        let ended = ended(payout);
        for attempt in &payout.attempts {
            let expected = expected(payout, attempt.has_paid());
            self.ours.push(Ours {
                payout: payout.id.clone(),
                // One that a restored table has found was sent at nobody knows when.
                sent_at: if attempt.sends == 0 { payout.created_at } else { attempt.first_sent_at },
                reference: attempt.reference.clone(),
                amount: payout.money.amount,
                currency: payout.money.currency,
                payee: payout.payee.party_id().to_owned(),
                expected,
                at: ended.unwrap_or(attempt.last_sent_at),
                transaction: attempt.transaction.clone(),
            });
            let Some(seen) = asked_again(attempt, ended) else { continue };
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

fn ended(payout: &Payout) -> Option<Timestamp> {
    match &payout.state {
        State::Paid { at } | State::Refused { at, .. } | State::Cancelled { at, .. } | State::Settled { at, .. } => {
            Some(*at)
        }
        State::Queued { .. }
        | State::Sending { .. }
        | State::Submitted { .. }
        | State::Retrying { .. }
        | State::Held { .. }
        | State::AwaitingApproval { .. } => None,
    }
}

/// The answer by which a payout ended agrees with itself; only what was asked later says something.
fn asked_again(attempt: &Attempt, ended: Option<Timestamp>) -> Option<&Seen> {
    attempt.seen.as_ref().filter(|seen| ended.is_none_or(|ended| seen.at > ended))
}

/// Whether more is to be learned of it. One that ended late has its questions late, so the day tells nothing here.
fn waits(payout: &Payout) -> bool {
    let ended = ended(payout);
    ended.is_none()
        || payout.recheck_at.is_some()
        || payout.attempts.iter().any(|attempt| asked_again(attempt, ended).is_none())
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
/// [`BooksError::NoTime`], also for more payouts than fit; [`BooksError::Store`].
pub(crate) async fn days(
    store: &Store,
    (from, to): (Date, Date),
    zone: &TimeZone,
    deadline: Deadline,
) -> Result<Day, BooksError> {
    let mut all = Day::default();
    let mut position: Option<String> = None;
    loop {
        if deadline.passed() || all.ids.len() > PAYOUTS_MAX {
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

/// Adds the payouts that lines name and that were redeemed on other days: by their references, and by the redemptions
/// that their external ids are.
///
/// # Errors
/// As [`days`].
pub(crate) async fn found_by_lines(
    store: &Store,
    lines: &[Theirs],
    all: &mut Day,
    zone: &TimeZone,
    deadline: Deadline,
) -> Result<(), BooksError> {
    let known: HashSet<&str> = all.ours.iter().map(|ours| ours.reference.as_str()).collect();
    let references: BTreeSet<&str> =
        lines.iter().filter_map(|line| line.reference.as_deref()).filter(|one| !known.contains(one)).collect();
    let named = lines.iter().filter_map(|line| line.external_id.as_deref());
    let mut wanted: BTreeSet<RedemptionId> = named.filter_map(|id| RedemptionId::parse(id).ok()).collect();
    let references: Vec<&str> = references.into_iter().collect();
    for some in references.chunks(READ_ROWS) {
        if deadline.passed() {
            return Err(BooksError::NoTime);
        }
        wanted.extend(store.payouts_of_references(some, Deadline::in_ms(TABLE_MS)).await?);
    }
    for known in &all.ids {
        wanted.remove(known);
    }
    let rows: Vec<keys::Key> = wanted.iter().map(keys::payout).collect();
    for some in rows.chunks(READ_ROWS) {
        if deadline.passed() || all.ids.len() > PAYOUTS_MAX {
            return Err(BooksError::NoTime);
        }
        let items = store.read(some, Deadline::in_ms(TABLE_MS)).await?;
        for row in some {
            if let Some(payout) = items.get::<Payout>(row)? {
                all.add(&payout, time::day(payout.created_at, zone));
            }
        }
    }
    Ok(())
}

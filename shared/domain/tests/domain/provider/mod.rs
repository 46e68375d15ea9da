//! A model of the provider: what it was sent, what it made of it, and what it says. It forgets nothing.

use domain::{
    payout::{Payout, ReportedTransfer, StatusAnswer, TransferAnswer},
    time::{MINUTE_MS, SECOND_MS, plus},
};
use jiff::Timestamp;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};
use std::collections::BTreeMap;

/// A FAILED may turn into SUCCESSFUL for this long.
const TURNS_WITHIN_MS: i64 = 15 * MINUTE_MS;
/// A send that was not answered may still arrive for this long.
const ARRIVES_WITHIN_MS: i64 = 9 * MINUTE_MS;
/// A question about a transfer may find nothing for this long after it was taken.
const LAGS_MS: i64 = 30 * SECOND_MS;

pub struct Dice(ChaCha8Rng);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub fn below(&mut self, sides: u64) -> u64 {
        self.0.next_u64() % sides
    }

    pub fn one_in(&mut self, sides: u64) -> bool {
        self.below(sides) == 0
    }

    /// Between 1 and `most` milliseconds.
    pub fn within(&mut self, most: i64) -> i64 {
        1 + i64::try_from(self.below(most.unsigned_abs())).expect("below an i64")
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Became {
    Paid,
    Failed(&'static str),
}

/// One reference that was taken, with its whole course from then on.
#[derive(Clone, Debug)]
struct Taken {
    at: Timestamp,
    settles_at: Timestamp,
    becomes: Became,
    /// When a FAILED turns into SUCCESSFUL, if it does.
    turns_at: Option<Timestamp>,
}

impl Taken {
    fn new(at: Timestamp, calm: bool, dice: &mut Dice) -> Self {
        let most = if dice.one_in(10) { 20 * 60 * MINUTE_MS } else { 10 * MINUTE_MS };
        let settles_at = plus(at, dice.within(most));
        let becomes = match dice.below(10) {
            0..=3 => Became::Paid,
            4 => Became::Failed("PAYEE_NOT_FOUND"),
            5 => Became::Failed(if dice.one_in(2) { "NOT_ALLOWED" } else { "INTERNAL_PROCESSING_ERROR" }),
            6 | 7 => Became::Failed("NOT_ENOUGH_FUNDS"),
            _ => Became::Failed("EXPIRED"),
        };
        let turns = matches!(becomes, Became::Failed(_)) && !calm && dice.one_in(4);
        let turns_at = turns.then(|| {
            let after =
                if dice.one_in(3) { TURNS_WITHIN_MS - dice.within(MINUTE_MS) } else { dice.within(TURNS_WITHIN_MS) };
            plus(settles_at, after)
        });
        Self { at, settles_at, becomes, turns_at }
    }

    fn paid_at(&self) -> Option<Timestamp> {
        match self.becomes {
            Became::Paid => Some(self.settles_at),
            Became::Failed(_) => self.turns_at,
        }
    }
}

#[derive(Debug, Default)]
pub struct Provider {
    taken: BTreeMap<String, Taken>,
    /// Sends that were not answered and may still arrive, with the time at which they do.
    in_flight: Vec<(String, Timestamp, Taken)>,
    now: Option<Timestamp>,
    posts: usize,
    /// Sends of a reference while an earlier send of it was still on its way.
    overlaps: usize,
}

impl Provider {
    /// Lets arrive what arrives until `now`.
    pub fn until(&mut self, now: Timestamp) {
        self.now = Some(now);
        for (reference, _, taken) in self.in_flight.extract_if(.., |(_, at, _)| *at <= now) {
            self.taken.entry(reference).or_insert(taken);
        }
    }

    pub fn post(&mut self, reference: &str, now: Timestamp, calm: bool, dice: &mut Dice) -> TransferAnswer {
        self.until(now);
        self.posts += 1;
        self.overlaps += usize::from(self.in_flight.iter().any(|(other, ..)| other == reference));
        let lost = || TransferAnswer::Unknown("time-out".to_owned());
        let chance = if calm { 99 } else { dice.below(100) };
        if self.taken.contains_key(reference) {
            return match chance {
                0..=29 => lost(),
                // The request is judged before it is looked up.
                30..=39 => TransferAnswer::Invalid("400".to_owned()),
                _ => TransferAnswer::Exists,
            };
        }
        match chance {
            0..=14 => lost(),
            15..=29 => {
                let at = plus(now, dice.within(ARRIVES_WITHIN_MS));
                let taken = Taken::new(at, calm, dice);
                self.in_flight.push((reference.to_owned(), at, taken));
                lost()
            }
            30..=34 => TransferAnswer::Config("403".to_owned()),
            35 | 36 => TransferAnswer::Invalid("400".to_owned()),
            37..=40 => TransferAnswer::Unsent("429".to_owned()),
            answered => {
                self.taken.insert(reference.to_owned(), Taken::new(now, calm, dice));
                if answered < 60 { lost() } else { TransferAnswer::Accepted }
            }
        }
    }

    pub fn get(
        &mut self,
        reference: &str,
        payout: &Payout,
        now: Timestamp,
        calm: bool,
        dice: &mut Dice,
    ) -> StatusAnswer {
        self.until(now);
        if !calm && dice.one_in(6) {
            return StatusAnswer::Unknown("503".to_owned());
        }
        let Some(taken) = self.taken.get(reference) else { return StatusAnswer::NotFound };
        if !calm && plus(taken.at, LAGS_MS) > now && dice.one_in(3) {
            return StatusAnswer::NotFound;
        }
        let report = crate::sample::report(payout);
        if taken.paid_at().is_some_and(|at| at <= now) {
            return StatusAnswer::Successful(report);
        }
        match taken.becomes {
            Became::Failed(reason) if taken.settles_at <= now => {
                // The same failure is not always given the same reason.
                let reason = if !calm && dice.one_in(5) { "EXPIRED" } else { reason };
                StatusAnswer::Failed(ReportedTransfer { reason: Some(reason.to_owned()), ..report })
            }
            Became::Failed(_) | Became::Paid => StatusAnswer::Pending(report),
        }
    }

    /// How many references have been paid by now.
    pub fn paid(&self) -> usize {
        self.taken.values().filter(|taken| taken.paid_at().is_some_and(|at| Some(at) <= self.now)).count()
    }

    /// Whether anything that was sent may still be paid.
    pub fn may_pay(&self, now: Timestamp) -> bool {
        !self.in_flight.is_empty()
            || self.taken.values().any(|taken| taken.settles_at > now || taken.turns_at.is_some_and(|at| at > now))
    }

    /// The reference has failed, its time to turn is over, and it did not. One that was never taken is not dead: a
    /// restored table would send it.
    pub fn is_dead_for_good(&self, reference: &str, now: Timestamp) -> bool {
        let dead = |taken: &Taken| taken.paid_at().is_none() && plus(taken.settles_at, TURNS_WITHIN_MS) <= now;
        self.taken.get(reference).is_some_and(dead)
    }

    pub fn overlaps(&self) -> usize {
        self.overlaps
    }

    pub fn posts(&self) -> usize {
        self.posts
    }

    /// Whether a FAILED turned into SUCCESSFUL.
    pub fn turned(&self) -> bool {
        self.taken.values().any(|taken| taken.turns_at.is_some())
    }
}

//! Counters against the records they count, and what puts them right.

use crate::time::{self, MINUTE_MS};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Two recounts before a correction are at least this far apart.
pub const APART_MS: i64 = 10 * MINUTE_MS;

/// One row of a batch's counters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    pub day: Date,
    /// The batch's id.
    pub batch: String,
    pub shard: u8,
}

/// What such a row says, or should say. Amounts are in whole units of the currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    pub redeemed: u64,
    pub redeemed_amount: u64,
    pub paid: u64,
    pub paid_amount: u64,
}

impl Counters {
    /// Counts a redemption.
    pub fn redeem(&mut self, amount: u64) {
        self.redeemed = self.redeemed.saturating_add(1);
        self.redeemed_amount = self.redeemed_amount.saturating_add(amount);
    }

    /// Counts a payout that was settled.
    pub fn pay(&mut self, amount: u64) {
        self.paid = self.paid.saturating_add(1);
        self.paid_amount = self.paid_amount.saturating_add(amount);
    }

    /// Each counter's name in the table with its value.
    pub fn parts(self) -> [(&'static str, u64); 4] {
        [
            ("redeemed", self.redeemed),
            ("redeemed_amount", self.redeemed_amount),
            ("paid", self.paid),
            ("paid_amount", self.paid_amount),
        ]
    }
}

/// A row of counters that doesn't say what the records say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    pub place: Place,
    /// When the records were counted.
    #[serde(with = "time::required")]
    pub at: Timestamp,
    pub counted: Counters,
    pub recounted: Counters,
}

/// What to add to a row of counters, never what to put in its place: it may be added to meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    pub redeemed: i64,
    pub redeemed_amount: i64,
    pub paid: i64,
    pub paid_amount: i64,
}

impl Correction {
    /// Each counter's name in the table with its step.
    pub fn parts(self) -> [(&'static str, i64); 4] {
        [
            ("redeemed", self.redeemed),
            ("redeemed_amount", self.redeemed_amount),
            ("paid", self.paid),
            ("paid_amount", self.paid_amount),
        ]
    }
}

/// Why a row is not corrected now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotYet {
    #[error("the day {0} is not over: its counters still move")]
    OpenDay(Date),
    #[error("the two recounts are of different rows")]
    OtherRow,
    #[error("the second recount came less than {} minutes after the first", APART_MS / MINUTE_MS)]
    TooSoon,
    #[error("the two recounts differ: something is still being written")]
    Moved,
    #[error("the counters say what the records say")]
    Nothing,
    #[error("the difference is too large to be true; a person has to look")]
    TooLarge,
}

/// Compares all rows; one that is missing on a side says 0 there.
pub fn drifts(counted: &BTreeMap<Place, Counters>, recounted: &BTreeMap<Place, Counters>, at: Timestamp) -> Vec<Drift> {
    let places: BTreeSet<&Place> = counted.keys().chain(recounted.keys()).collect();
    let of = |side: &BTreeMap<Place, Counters>, place: &Place| side.get(place).copied().unwrap_or_default();
    let drift = |place: &Place| Drift {
        place: place.clone(),
        at,
        counted: of(counted, place),
        recounted: of(recounted, place),
    };
    places.into_iter().map(drift).filter(|drift| drift.counted != drift.recounted).collect()
}

impl Drift {
    /// What to add, when this recount and the one before it, a while apart, found the same on a day that is over.
    ///
    /// # Errors
    /// [`NotYet`].
    pub fn correction(&self, before: &Self, today: Date) -> Result<Correction, NotYet> {
        if self.place != before.place {
            return Err(NotYet::OtherRow);
        }
        if self.place.day >= today {
            return Err(NotYet::OpenDay(self.place.day));
        }
        if time::between(before.at, self.at) < APART_MS {
            return Err(NotYet::TooSoon);
        }
        if (self.counted, self.recounted) != (before.counted, before.recounted) {
            return Err(NotYet::Moved);
        }
        if self.counted == self.recounted {
            return Err(NotYet::Nothing);
        }
        let step = |of: fn(Counters) -> u64| {
            let step = i128::from(of(self.recounted)) - i128::from(of(self.counted));
            i64::try_from(step).map_err(|_| NotYet::TooLarge)
        };
        Ok(Correction {
            redeemed: step(|counters| counters.redeemed)?,
            redeemed_amount: step(|counters| counters.redeemed_amount)?,
            paid: step(|counters| counters.paid)?,
            paid_amount: step(|counters| counters.paid_amount)?,
        })
    }
}

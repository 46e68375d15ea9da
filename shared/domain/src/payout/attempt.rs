//! One reference and everything known of it.

use super::{FAILED_FRESH_MS, NEW_REFERENCE_AFTER_MS, Rail};
use crate::time::{self, DAY_MS};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is kept as the last answer of a payment, and of a transfer that is not ours.
pub(super) const PAID: &str = "SUCCESSFUL";
pub(super) const ANOTHERS: &str = "another transfer";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// 1, 2, …
    pub number: u8,
    pub reference: String,
    pub rail: Rail,
    /// None: it is only asked about, in case a restored table has forgotten that it was sent.
    pub sends: u8,
    /// Of the sends, those that provably reached nobody; they use up no retry.
    #[serde(default)]
    pub unsent: u8,
    /// Of the sends, others that use up no retry: they were turned away for our set-up, or found the provider still in
    /// trouble when they were let through to see.
    #[serde(default)]
    pub spared: u8,
    /// The last send was let through to see whether the provider is well again.
    #[serde(default)]
    pub probes: bool,
    /// Of the sends, those that were refused at the door, with none before them that may have been taken.
    #[serde(default)]
    pub refused: u8,
    /// The first send that may have been taken.
    #[serde(with = "time::required")]
    pub first_sent_at: Timestamp,
    #[serde(with = "time::required")]
    pub last_sent_at: Timestamp,
    /// Some answer has known this reference; a later "not found" proves nothing then.
    #[serde(default)]
    pub known: bool,
    /// Questions since its last send.
    #[serde(default)]
    pub asks: u32,
    /// When the provider last said anything of it that proves something.
    #[serde(with = "time::optional", default)]
    pub answered_at: Option<Timestamp>,
    #[serde(with = "time::optional", default)]
    pub first_failed_at: Option<Timestamp>,
    #[serde(with = "time::optional", default)]
    pub last_failed_at: Option<Timestamp>,
    /// When the provider first had another transfer under this reference. Cleared when it says that it is ours.
    #[serde(with = "time::optional", default)]
    pub another_at: Option<Timestamp>,
    /// When a typed "not found" was read last.
    #[serde(with = "time::optional", default)]
    pub not_found_at: Option<Timestamp>,
    /// The provider's reason for a failure, as it wrote it.
    pub reason: Option<String>,
    /// The provider's own id of the transfer once it is paid.
    pub transaction: Option<String>,
    /// What the last answer was, in a word.
    pub last_answer: Option<String>,
    /// The transfer as the provider last reported it, for reconciliation.
    #[serde(default)]
    pub seen: Option<Seen>,
}

/// What the provider says of a reference, as it writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    #[serde(with = "time::required")]
    pub at: Timestamp,
    pub status: SeenStatus,
    pub amount: String,
    pub currency: String,
    /// In figures, with country code.
    pub payee: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenStatus {
    Pending,
    Successful,
    Failed,
    NotFound,
}

impl Attempt {
    /// Sent for the first time now.
    pub(super) fn first(number: u8, reference: String, rail: Rail, probes: bool, now: Timestamp) -> Self {
        Self {
            number,
            reference,
            rail,
            sends: 1,
            unsent: 0,
            spared: 0,
            probes,
            refused: 0,
            first_sent_at: now,
            last_sent_at: now,
            known: false,
            asks: 0,
            answered_at: None,
            first_failed_at: None,
            last_failed_at: None,
            another_at: None,
            not_found_at: None,
            reason: None,
            transaction: None,
            last_answer: None,
            seen: None,
        }
    }

    /// Not sent: to be asked about.
    pub(super) fn looked_for(number: u8, reference: String, rail: Rail, now: Timestamp) -> Self {
        Self { sends: 0, ..Self::first(number, reference, rail, false, now) }
    }

    /// FAILED, read so just now, and read so at least a quarter of an hour after it was read so first. Or so for a day,
    /// and forgotten since. Or refused at the door, and not known just now.
    pub(super) fn surely_failed(&self, now: Timestamp) -> bool {
        let fresh = |at: Timestamp| time::between(at, now) < FAILED_FRESH_MS;
        let missing = self.not_found_at.is_some_and(fresh);
        match (self.first_failed_at, self.last_failed_at) {
            (Some(first), Some(last)) => {
                let forgotten = missing && time::between(last, now) >= DAY_MS;
                time::between(first, last) >= NEW_REFERENCE_AFTER_MS && (fresh(last) || forgotten)
            }
            (None, _) | (_, None) => missing && self.was_refused_and_is_missing(),
        }
    }

    /// It was refused at the door, and no send of it can have been taken: the same reference may be sent again.
    pub(super) fn was_refused(&self) -> bool {
        let for_nothing = u16::from(self.refused) + u16::from(self.unsent);
        !self.known && (self.sends == 0 || self.refused > 0 && for_nothing == u16::from(self.sends))
    }

    /// Refused, and a "not found" since its last send says the same.
    fn was_refused_and_is_missing(&self) -> bool {
        self.was_refused() && self.not_found_at.is_some_and(|at| at >= self.last_sent_at)
    }

    /// Whether a refusal of its last send proves that none was taken: a later one may meet an earlier, accepted one.
    pub(super) fn is_first_heard_of(&self) -> bool {
        let for_nothing = u16::from(self.refused) + u16::from(self.unsent);
        !self.known && self.sends < u8::MAX && for_nothing + 1 == u16::from(self.sends)
    }

    /// Read as FAILED twice, a quarter of an hour apart, and nothing else between or since. Or refused at the door, and
    /// not known since.
    pub(super) fn has_failed(&self) -> bool {
        let both = self.first_failed_at.zip(self.last_failed_at);
        both.is_some_and(|(first, last)| time::between(first, last) >= NEW_REFERENCE_AFTER_MS)
            || self.was_refused_and_is_missing()
    }

    /// It has failed, or a day has passed since the provider had another transfer under it, and nothing of ours since.
    pub(super) fn can_be_given_up(&self, now: Timestamp) -> bool {
        self.has_failed() || self.another_at.is_some_and(|at| time::between(at, now) >= DAY_MS)
    }

    /// Whether this reference has paid.
    pub fn has_paid(&self) -> bool {
        self.last_answer.as_deref() == Some(PAID)
    }
}

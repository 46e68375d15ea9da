//! One reference and everything known of it.

use super::{FAILED_FRESH_MS, NEW_REFERENCE_AFTER_MS, Rail};
use crate::{gate::Call, time};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// 1, 2, …
    pub number: u8,
    pub reference: String,
    pub rail: Rail,
    pub sends: u8,
    /// Of the sends, those that use up no retry: they provably reached nobody, were turned away for our set-up, or found
    /// the provider still in trouble when they were let through to see.
    #[serde(default)]
    pub spared: u8,
    /// The last send was let through to see whether the provider is well again.
    #[serde(default)]
    pub probes: bool,
    /// Sends that were refused at the door, with none before them that may have been taken.
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
    #[serde(default)]
    pub asks: u32,
    /// When the provider last said anything of it that proves something.
    #[serde(with = "time::optional", default)]
    pub answered_at: Option<Timestamp>,
    #[serde(with = "time::optional", default)]
    pub first_failed_at: Option<Timestamp>,
    #[serde(with = "time::optional", default)]
    pub last_failed_at: Option<Timestamp>,
    /// A typed "not found" for a reference that was never known, read at this time.
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
            not_found_at: None,
            reason: None,
            transaction: None,
            last_answer: None,
            seen: None,
        }
    }

    /// What its last send is for the gate.
    pub fn call(&self) -> Call {
        if self.first_sent_at == self.last_sent_at { Call::Send } else { Call::Resend }
    }

    /// FAILED, read so just now, and read so at least a quarter of an hour after it was read so first. Or refused at
    /// the door, and not known just now.
    pub(super) fn surely_failed(&self, now: Timestamp) -> bool {
        let fresh = |at: Timestamp| time::between(at, now) < FAILED_FRESH_MS;
        match (self.first_failed_at, self.last_failed_at) {
            (Some(first), Some(last)) => fresh(last) && time::between(first, last) >= NEW_REFERENCE_AFTER_MS,
            (None, _) | (_, None) => {
                self.was_refused() && self.not_found_at.is_some_and(|at| fresh(at) && at >= self.last_sent_at)
            }
        }
    }

    /// Every send of it was refused at the door, so nothing came of it: the same reference may be sent again.
    pub(super) fn was_refused(&self) -> bool {
        self.refused == self.sends && !self.known
    }

    /// Read as FAILED twice, a quarter of an hour apart, and nothing else between or since.
    pub(super) fn has_failed_twice(&self) -> bool {
        let both = self.first_failed_at.zip(self.last_failed_at);
        both.is_some_and(|(first, last)| time::between(first, last) >= NEW_REFERENCE_AFTER_MS)
    }

    /// Whether this reference has paid.
    pub fn has_paid(&self) -> bool {
        self.last_answer.as_deref() == Some("SUCCESSFUL")
    }
}

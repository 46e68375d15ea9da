//! After an end: every reference that was ever used is asked about again after a day and after three.
//!
//! A FAILED can turn, and money that left twice is only found by asking. What the answers say is kept on the attempts
//! and compared by the daily reconciliation.

use super::{NEW_REFERENCE_AFTER_MS, Payout, RECHECK_AFTER_MS, Rail, State};
use crate::time::{self, DAY_MS, HOUR_MS};
use jiff::Timestamp;

/// A reference of which nobody could be asked for so long is left to the statement.
const GIVE_UP_MS: i64 = 14 * DAY_MS;
/// After a question that proved nothing.
const ASK_AGAIN_MS: i64 = HOUR_MS;

impl Payout {
    /// When all references are asked about, in order of time.
    fn rounds(&self) -> Vec<Timestamp> {
        let Some(last) = self.attempts.iter().map(|attempt| attempt.last_sent_at).max() else { return Vec::new() };
        let mut rounds: Vec<Timestamp> = RECHECK_AFTER_MS.iter().map(|after| time::plus(last, *after)).collect();
        // Of several references one was paid: what the others came to is not left until tomorrow.
        if let (State::Paid { at }, 2..) = (&self.state, self.attempts.len()) {
            rounds.push(time::plus(*at, NEW_REFERENCE_AFTER_MS));
        }
        rounds.sort_unstable();
        rounds
    }

    /// The first reference of this account that nobody has answered for since the newest round began.
    pub(super) fn unchecked(&self, rail: &Rail, now: Timestamp) -> Option<String> {
        let round = self.rounds().into_iter().rfind(|at| *at <= now)?;
        let mut of_account = self.attempts.iter().filter(|attempt| attempt.rail == *rail);
        let unanswered = of_account.find(|attempt| attempt.answered_at.is_none_or(|at| at < round));
        unanswered.map(|attempt| attempt.reference.clone())
    }

    /// When it is asked about next, `None` after the last round.
    pub(super) fn next_recheck(&self, rail: &Rail, now: Timestamp) -> Option<Timestamp> {
        let last = self.attempts.iter().map(|attempt| attempt.last_sent_at).max()?;
        if time::between(last, now) > GIVE_UP_MS {
            return None;
        }
        if self.unchecked(rail, now).is_some() {
            return Some(time::plus(now, ASK_AGAIN_MS));
        }
        self.rounds().into_iter().find(|at| *at > now)
    }

    /// With the questions after its end planned anew. After an answer that proved something the next reference is
    /// asked about at once.
    pub(super) fn watched(mut self, proved: bool, now: Timestamp) -> Self {
        self.recheck_at = match (self.state.is_end(), self.attempts.last()) {
            (true, Some(attempt)) if proved && self.unchecked(&attempt.rail, now).is_some() => Some(now),
            (true, Some(attempt)) => self.next_recheck(&attempt.rail, now),
            (true, None) | (false, _) => None,
        };
        self
    }
}

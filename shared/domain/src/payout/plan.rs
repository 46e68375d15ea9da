//! What a worker does next with a payout. A pure table: the worker only carries it out.

use super::learn::passes;
use super::{
    Attempt, FAILED_FRESH_MS, Hold, MAX_CLAIMS, NEW_REFERENCE_AFTER_MS, Payout, RESEND_AFTER_MS, RESEND_WITHIN_MS,
    Rail, State,
};
use crate::{
    alert,
    identity::payout_reference,
    settings::PayoutPolicy,
    switches::Switches,
    time::{self, DAY_MS, MINUTE_MS},
};
use jiff::Timestamp;

/// How long a payout waits while the switch is off before it is looked at again.
const SWITCHED_OFF_MS: i64 = MINUTE_MS;

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing to do now: settled, not due, or in another worker's hands.
    Rest,
    /// Store this and come back when it is due.
    Postpone(Payout),
    /// Store this, then send it under its last attempt's reference.
    Send(Payout),
    /// Store this, then ask for the state of this reference.
    Ask(Payout, String),
    /// Store this with an alert: a person must look.
    Hold(Payout, alert::Kind),
}

/// The next step for `payout`, to be taken by a worker whose lease lasts `lease_ms`.
///
/// Sending needs all of: the switch on; nothing sent yet, or a reference that is provably unknown to the provider
/// and old enough, or a FAILED read within the last minute; retries left. Asking needs only that it is due.
pub fn plan(
    payout: &Payout,
    switches: &Switches,
    policy: &PayoutPolicy,
    environment: &str,
    rail: &Rail,
    now: Timestamp,
    lease_ms: i64,
) -> Step {
    if payout.lease_until.is_some_and(|until| until > now) {
        return Step::Rest;
    }
    let Some(due_at) = payout.state.due_at() else { return Step::Rest };
    let due = due_at <= now;
    if payout.claims >= MAX_CLAIMS {
        return if due { Step::Hold(held(payout, Hold::Poison, now), alert::Kind::PayoutPoison) } else { Step::Rest };
    }
    match &payout.state {
        // A nudge starts a new payout at once; its due time only catches a lost nudge.
        State::Queued { .. } => match (switches.payouts, due) {
            (true, _) => Step::Send(new_reference(payout, environment, rail, now, lease_ms)),
            (false, true) => Step::Postpone(postponed(payout, SWITCHED_OFF_MS, now)),
            (false, false) => Step::Rest,
        },
        State::Paid { .. } | State::Refused { .. } | State::Cancelled { .. } => Step::Rest,
        State::AwaitingApproval { .. } => {
            if due {
                Step::Postpone(postponed(payout, DAY_MS, now))
            } else {
                Step::Rest
            }
        }
        State::Sending { .. } | State::Submitted { .. } | State::Retrying { .. } | State::Held { .. } if !due => {
            Step::Rest
        }
        State::Sending { .. } | State::Submitted { .. } | State::Retrying { .. } | State::Held { .. } => {
            let Some(attempt) = payout.attempt() else {
                // Held before anything was sent: only a person can move it.
                return Step::Postpone(postponed(payout, DAY_MS, now));
            };
            if attempt.rail != *rail {
                // Under another account the provider would not know the reference, and that would prove nothing.
                return Step::Hold(held(payout, Hold::Config, now), alert::Kind::RailMisconfigured);
            }
            let wants_send = may_resend(payout, attempt, policy, now) || may_renew(payout, attempt, policy, now);
            if wants_send && !switches.payouts {
                Step::Postpone(postponed(payout, SWITCHED_OFF_MS, now))
            } else if may_resend(payout, attempt, policy, now) {
                Step::Send(sent_again(payout, now, lease_ms))
            } else if wants_send {
                Step::Send(new_reference(payout, environment, rail, now, lease_ms))
            } else {
                // Before a new reference every earlier one is asked again, the oldest first: each may have turned.
                let doubtful = payout.attempts.iter().find(|attempt| !surely_failed(attempt, now));
                let retrying = matches!(payout.state, State::Retrying { .. });
                let asked = doubtful.filter(|_| retrying).unwrap_or(attempt);
                Step::Ask(claimed(payout, now, lease_ms), asked.reference.clone())
            }
        }
    }
}

/// The same reference once more: a typed "not found" read just now, never known, ten minutes to a day after its sends.
fn may_resend(payout: &Payout, attempt: &Attempt, policy: &PayoutPolicy, now: Timestamp) -> bool {
    matches!(payout.state, State::Sending { .. })
        && !attempt.known
        && attempt.not_found_at.is_some_and(|at| time::between(at, now) < FAILED_FRESH_MS && at >= attempt.last_sent_at)
        && time::between(attempt.last_sent_at, now) >= RESEND_AFTER_MS
        && time::between(attempt.first_sent_at, now) <= RESEND_WITHIN_MS
        && payout.retries() < policy.retries
}

/// A new reference: every one so far has surely failed, and the last one for a reason that may pass.
fn may_renew(payout: &Payout, attempt: &Attempt, policy: &PayoutPolicy, now: Timestamp) -> bool {
    matches!(payout.state, State::Retrying { .. })
        && payout.attempts.iter().all(|attempt| surely_failed(attempt, now))
        && passes(attempt.reason.as_deref())
        && payout.retries() < policy.retries
}

/// FAILED, read so just now, and read so at least a quarter of an hour after it was read so first.
pub(super) fn surely_failed(attempt: &Attempt, now: Timestamp) -> bool {
    match (attempt.first_failed_at, attempt.last_failed_at) {
        (Some(first), Some(last)) => {
            time::between(last, now) < FAILED_FRESH_MS && time::between(first, last) >= NEW_REFERENCE_AFTER_MS
        }
        (None, _) | (_, None) => false,
    }
}

fn stepped(payout: &Payout, now: Timestamp) -> Payout {
    let mut next = payout.clone();
    next.routed_until = None;
    next.updated_at = now;
    next.version += 1;
    next
}

pub(super) fn postponed(payout: &Payout, by_ms: i64, now: Timestamp) -> Payout {
    let mut next = stepped(payout, now);
    next.state = next.state.due(time::plus(now, by_ms));
    next
}

/// In this worker's hands for `lease_ms`; due again just then, in case it dies.
fn claimed(payout: &Payout, now: Timestamp, lease_ms: i64) -> Payout {
    let mut next = postponed(payout, lease_ms, now);
    next.lease_until = Some(time::plus(now, lease_ms));
    next.claims += 1;
    next
}

/// Under a reference of its own, derived from the attempt's number.
fn new_reference(payout: &Payout, environment: &str, rail: &Rail, now: Timestamp, lease_ms: i64) -> Payout {
    let mut next = claimed(payout, now, lease_ms);
    let number = u8::try_from(next.attempts.len() + 1).unwrap_or(u8::MAX);
    next.attempts.push(Attempt {
        number,
        reference: payout_reference(environment, &next.code, next.generation, number),
        rail: rail.clone(),
        sends: 1,
        first_sent_at: now,
        last_sent_at: now,
        known: false,
        asks: 0,
        first_failed_at: None,
        last_failed_at: None,
        not_found_at: None,
        reason: None,
        transaction: None,
        last_answer: None,
    });
    next.state = State::Sending { due_at: time::plus(now, lease_ms) };
    next
}

fn sent_again(payout: &Payout, now: Timestamp, lease_ms: i64) -> Payout {
    let mut next = claimed(payout, now, lease_ms);
    if let Some(attempt) = next.attempts.last_mut() {
        attempt.sends = attempt.sends.saturating_add(1);
        attempt.last_sent_at = now;
        attempt.not_found_at = None;
    }
    next.state = State::Sending { due_at: time::plus(now, lease_ms) };
    next
}

pub(super) fn held(payout: &Payout, why: Hold, now: Timestamp) -> Payout {
    let mut next = stepped(payout, now);
    next.state = State::Held { why, due_at: time::plus(now, DAY_MS) };
    next.claims = 0;
    next.lease_until = None;
    next
}

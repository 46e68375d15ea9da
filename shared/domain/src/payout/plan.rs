//! What a worker does next with a payout. A pure table: the worker only carries it out.

use super::learn::passes;
use super::{Attempt, FAILED_FRESH_MS, Hold, MAX_CLAIMS, Payout, RESEND_AFTER_MS, RESEND_WITHIN_MS, Rail, State};
use crate::{
    alert,
    gate::{Call, Gate, Pass},
    identity::payout_reference,
    settings::PayoutPolicy,
    switches::Switches,
    time::{self, DAY_MS, MINUTE_MS, SECOND_MS},
    totals::{Room, Totals},
};
use jiff::{Timestamp, tz::TimeZone};

/// How long a payout waits while the switch is off before it is looked at again.
const SWITCHED_OFF_MS: i64 = MINUTE_MS;
/// How long an answer about a reference is enough while nothing may be sent.
const ASKED_LATELY_MS: i64 = 15 * MINUTE_MS;
/// After a pause those that waited come back over so long, not all at once.
const SPREAD_MS: i64 = 20 * SECOND_MS;

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing to do now: settled, not due, or in another worker's hands.
    Rest,
    /// Store this and come back when it is due.
    Postpone(Payout),
    /// Ask whether the payee's account can receive, keep the answer, and plan again.
    CheckAccount,
    /// Store this, then send it under its last attempt's reference.
    Send(Payout),
    /// Store this, then ask for the state of this reference.
    Ask(Payout, String),
    /// Store this with an alert: a person must look.
    Hold(Payout, alert::Kind),
}

/// What is known of the payee's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountCheck {
    Active,
    Inactive,
    /// Never asked, or too long ago.
    Unknown,
}

/// What a customer has redeemed on the day and in the month of this payout, it included; whole units of the currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomerSums {
    pub day: u64,
    pub month: u64,
}

/// Everything beside the payout that the next step depends on.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    pub switches: &'a Switches,
    pub policy: &'a PayoutPolicy,
    pub environment: &'a str,
    /// The rail that would be used now.
    pub rail: &'a Rail,
    pub gate: &'a Gate,
    /// Of the calendar month of `now`.
    pub totals: &'a Totals,
    /// Known where the policy limits customers.
    pub customer: Option<CustomerSums>,
    pub account: AccountCheck,
    pub zone: &'a TimeZone,
    pub now: Timestamp,
    /// How long the worker's claim lasts.
    pub lease_ms: i64,
}

/// The next step for `payout`.
///
/// Sending needs all of: the switch on and the gate open; nothing barred by a person; for a first send no approval
/// missing, no limit passed and an account that can receive; for a further one a reference that is provably unknown
/// to the provider and old enough, or a FAILED read within the last minute; retries left. Asking needs only that it
/// is due and that the breaker is closed.
pub fn plan(payout: &Payout, ground: &Ground<'_>) -> Step {
    let now = ground.now;
    if payout.lease_until.is_some_and(|until| until > now) {
        return Step::Rest;
    }
    let due = payout.due_at().is_some_and(|at| at <= now);
    if payout.state.is_end() {
        return if due { recheck(payout, ground) } else { Step::Rest };
    }
    if payout.claims >= MAX_CLAIMS {
        return if due { Step::Hold(held(payout, Hold::Poison, now), alert::Kind::PayoutPoison) } else { Step::Rest };
    }
    match &payout.state {
        // A nudge starts a new payout at once; its due time only catches a lost nudge.
        State::Queued { .. } => match (ground.switches.payouts, due) {
            (true, _) => first_send(payout, ground),
            (false, true) => Step::Postpone(postponed(payout, SWITCHED_OFF_MS, now)),
            (false, false) => Step::Rest,
        },
        State::Paid { .. } | State::Refused { .. } | State::Cancelled { .. } | State::Settled { .. } => Step::Rest,
        State::Sending { .. }
        | State::Submitted { .. }
        | State::Retrying { .. }
        | State::Held { .. }
        | State::AwaitingApproval { .. }
            if !due =>
        {
            Step::Rest
        }
        // The day or month that had no room is over.
        State::Held { why: Hold::Totals, .. } if !payout.was_sent() => match ground.switches.payouts {
            true => first_send(payout, ground),
            false => Step::Postpone(postponed(payout, SWITCHED_OFF_MS, now)),
        },
        State::AwaitingApproval { .. } => Step::Postpone(postponed(payout, DAY_MS, now)),
        State::Sending { .. } | State::Submitted { .. } | State::Retrying { .. } | State::Held { .. } => {
            match payout.attempt() {
                Some(attempt) => settle(payout, attempt, ground),
                // Held before anything was sent: only a person can move it.
                None => Step::Postpone(postponed(payout, DAY_MS, now)),
            }
        }
    }
}

/// Everything that is judged before money may leave for the first time.
fn first_send(payout: &Payout, ground: &Ground<'_>) -> Step {
    let Ground { policy, now, .. } = *ground;
    if payout.hands.barred.is_some() {
        return Step::Postpone(held(payout, Hold::ByHand, now));
    }
    let amount = payout.money.amount;
    let over = |limit: Option<u64>, sum: u64| limit.is_some_and(|most| sum > most);
    let too_much = over(policy.most_per_payout, amount)
        || ground
            .customer
            .is_some_and(|sums| over(policy.customer_per_day, sums.day) || over(policy.customer_per_month, sums.month));
    if too_much && !payout.hands.limit_waived {
        return Step::Hold(held(payout, Hold::Limit, now), alert::Kind::PayoutOverLimit);
    }
    // Whoever has held and released it meanwhile has not agreed to the limit that somebody waived.
    let second_person = policy.needs_approval(amount) || payout.hands.limit_waived;
    if second_person && payout.hands.approved_by.is_none() {
        let mut next = stepped(payout, now);
        next.state = State::AwaitingApproval { due_at: time::plus(now, DAY_MS) };
        return Step::Postpone(next);
    }
    match ground.account {
        AccountCheck::Inactive if policy.check_account => {
            return Step::Hold(held(payout, Hold::Account, now), alert::Kind::AccountInactive);
        }
        AccountCheck::Active | AccountCheck::Inactive | AccountCheck::Unknown => {}
    }
    // The last of the judgements: whoever waits for room has passed the others.
    if let Room::Until(next_period) = ground.totals.room(amount, policy, now, ground.zone) {
        let mut waiting = held(payout, Hold::Totals, now);
        waiting.state = State::Held { why: Hold::Totals, due_at: next_period };
        return Step::Hold(waiting, alert::Kind::TotalsReached);
    }
    if let Some(waits) = kept_out(payout, Call::Send, ground) {
        return waits;
    }
    if policy.check_account && ground.account == AccountCheck::Unknown {
        return Step::CheckAccount;
    }
    Step::Send(new_reference(payout, ground.gate.pass(Call::Send, now) == Pass::Probe, ground))
}

/// A payout of which something may have been sent.
fn settle(payout: &Payout, attempt: &Attempt, ground: &Ground<'_>) -> Step {
    let Ground { policy, now, lease_ms, .. } = *ground;
    if attempt.rail != *ground.rail {
        // Under another account the provider would not know the reference, and that would prove nothing. What people
        // may do about one that is unknown or not ours stays as it is.
        let why = match payout.state {
            State::Held { why: why @ (Hold::Unknown | Hold::Mismatch), .. } => why,
            State::Held { .. }
            | State::Queued { .. }
            | State::AwaitingApproval { .. }
            | State::Sending { .. }
            | State::Submitted { .. }
            | State::Retrying { .. }
            | State::Paid { .. }
            | State::Refused { .. }
            | State::Cancelled { .. }
            | State::Settled { .. } => Hold::Config,
        };
        return Step::Hold(held(payout, why, now), alert::Kind::RailMisconfigured);
    }
    let resends = may_resend(payout, attempt, policy, now);
    let call = if resends { Call::Resend } else { Call::Send };
    if resends || may_start_over(payout, attempt, policy, now) {
        if payout.hands.barred.is_some() {
            return Step::Postpone(held(payout, Hold::ByHand, now));
        }
        if !ground.switches.payouts {
            return Step::Postpone(postponed(payout, SWITCHED_OFF_MS, now));
        }
        if payout.charged_on.is_none()
            && let Room::Until(next_period) = ground.totals.room(payout.money.amount, policy, now, ground.zone)
        {
            // What was refused made room for others; there may be none left for it.
            let mut waiting = held(payout, Hold::Totals, now);
            waiting.state = State::Held { why: Hold::Totals, due_at: next_period };
            return Step::Hold(waiting, alert::Kind::TotalsReached);
        }
        if let Some(waits) = kept_out(payout, call, ground) {
            return waits;
        }
        let probes = ground.gate.pass(call, now) == Pass::Probe;
        // A reference is left behind only when the provider has it: a restored table would send what it has not, and
        // pay beside the one that followed.
        let same = resends || attempt.was_refused();
        return Step::Send(if same {
            sent_again(payout, probes, ground)
        } else {
            new_reference(payout, probes, ground)
        });
    }
    let instead = kept_out(payout, Call::Ask, ground)
        .or_else(|| look_beyond(payout, attempt, ground))
        .or_else(|| asked_lately(payout, attempt, ground));
    if let Some(step) = instead {
        return step;
    }
    // Before a new reference every earlier one is asked again, the oldest first: each may have turned.
    let doubtful = payout.attempts.iter().find(|attempt| !attempt.surely_failed(now));
    let retrying = matches!(payout.state, State::Retrying { .. });
    let asked = doubtful.filter(|_| retrying).unwrap_or(attempt);
    Step::Ask(claimed(payout, now, lease_ms), asked.reference.clone())
}

/// Everything has surely failed and would end. A restored table may have forgotten the reference that followed, so that one
/// is asked about first: if MoMo has it, it goes on from there.
fn look_beyond(payout: &Payout, attempt: &Attempt, ground: &Ground<'_>) -> Option<Step> {
    let Ground { now, lease_ms, .. } = *ground;
    let sure = payout.attempts.iter().all(|attempt| attempt.surely_failed(now));
    let retrying = matches!(payout.state, State::Retrying { .. });
    if !retrying || !sure || goes_on(payout, attempt, ground.policy) || attempt.was_refused() {
        return None;
    }
    let mut next = claimed(payout, now, lease_ms);
    let (number, reference) = next_reference(payout, ground);
    next.attempts.push(Attempt::looked_for(number, reference.clone(), ground.rail.clone(), now));
    Some(Step::Ask(next, reference))
}

/// After an end: every reference that was used is asked about again, those of another account excepted.
fn recheck(payout: &Payout, ground: &Ground<'_>) -> Step {
    let Ground { now, lease_ms, .. } = *ground;
    if payout.claims >= MAX_CLAIMS {
        // It ends as it is; workers that die of it are no reason to call a settled payout held.
        let mut next = stepped(payout, now);
        next.claims = 0;
        next.recheck_at = Some(time::plus(now, DAY_MS));
        return Step::Postpone(next);
    }
    match payout.unchecked(ground.rail, now) {
        Some(reference) => match kept_out(payout, Call::Ask, ground) {
            Some(waits) => waits,
            None => Step::Ask(claimed(payout, now, lease_ms), reference),
        },
        None => {
            let mut next = stepped(payout, now);
            next.recheck_at = payout.next_recheck(ground.rail, now);
            Step::Postpone(next)
        }
    }
}

/// What the gate keeps out waits, without having been claimed.
fn kept_out(payout: &Payout, call: Call, ground: &Ground<'_>) -> Option<Step> {
    match ground.gate.pass(call, ground.now) {
        Pass::Free | Pass::Probe => None,
        Pass::Wait(until) => {
            let spread = i64::from(payout.id.as_str().bytes().fold(0_u8, u8::wrapping_add)) * SPREAD_MS / 256;
            // Urgent ones come first.
            let spread = if payout.hands.urgent.is_some() { 0 } else { spread };
            Some(Step::Postpone(postponed(
                payout,
                time::between(ground.now, until).max(SECOND_MS) + spread,
                ground.now,
            )))
        }
    }
}

/// What waits for leave to send is asked about before it is sent, and that answer is good for a minute only. While
/// nothing may be sent the question would be for nothing each time, and there are so many in a second.
fn asked_lately(payout: &Payout, attempt: &Attempt, ground: &Ground<'_>) -> Option<Step> {
    let failed = matches!(payout.state, State::Retrying { .. }) && goes_on(payout, attempt, ground.policy);
    let missing = matches!(payout.state, State::Sending { .. }) && attempt.not_found_at.is_some();
    let call = if missing { Call::Resend } else { Call::Send };
    let stopped = !ground.switches.payouts || matches!(ground.gate.pass(call, ground.now), Pass::Wait(_));
    let answered = payout.attempts.iter().filter_map(|attempt| attempt.answered_at).max();
    let lately = answered.is_some_and(|at| time::between(at, ground.now) < ASKED_LATELY_MS);
    let waits = (failed || missing) && stopped && lately;
    waits.then(|| Step::Postpone(postponed(payout, SWITCHED_OFF_MS, ground.now)))
}

fn retries_left(payout: &Payout, policy: &PayoutPolicy) -> bool {
    payout.retries() < policy.retries.saturating_add(payout.hands.retries)
}

/// The same reference once more: a typed "not found" read just now, never known, ten minutes to a day after its sends.
fn may_resend(payout: &Payout, attempt: &Attempt, policy: &PayoutPolicy, now: Timestamp) -> bool {
    matches!(payout.state, State::Sending { .. })
        && !attempt.known
        && attempt.not_found_at.is_some_and(|at| time::between(at, now) < FAILED_FRESH_MS && at >= attempt.last_sent_at)
        && time::between(attempt.last_sent_at, now) >= RESEND_AFTER_MS
        && time::between(attempt.first_sent_at, now) <= RESEND_WITHIN_MS
        && retries_left(payout, policy)
}

/// Once more from the start: every reference so far has surely failed, and it goes on after that.
fn may_start_over(payout: &Payout, attempt: &Attempt, policy: &PayoutPolicy, now: Timestamp) -> bool {
    // The same reference is never sent twice within minutes.
    let apart = attempt.sends == 0 || time::between(attempt.last_sent_at, now) >= RESEND_AFTER_MS;
    matches!(payout.state, State::Retrying { .. })
        && payout.attempts.iter().all(|attempt| attempt.surely_failed(now))
        && (apart || !attempt.was_refused())
        && goes_on(payout, attempt, policy)
}

/// Whether another send may follow a failure: the last one was for a reason that may pass, or a person wants it. Not while
/// a person bars it: then a failure is the end, and what was proposed meanwhile can be decided.
fn goes_on(payout: &Payout, attempt: &Attempt, policy: &PayoutPolicy) -> bool {
    (payout.hands.retry_wanted || passes(attempt.reason.as_deref()))
        && retries_left(payout, policy)
        && payout.hands.barred.is_none()
}

pub(super) fn stepped(payout: &Payout, now: Timestamp) -> Payout {
    let mut next = payout.clone();
    next.routed_until = None;
    next.updated_at = now;
    next.version += 1;
    next
}

pub(super) fn postponed(payout: &Payout, by_ms: i64, now: Timestamp) -> Payout {
    let mut next = stepped(payout, now);
    let later = time::plus(now, by_ms);
    if next.state.is_end() {
        next.recheck_at = next.recheck_at.map(|_| later);
    }
    next.state = next.state.due(later);
    next
}

/// In this worker's hands for `lease_ms`; due again just then, in case it dies.
fn claimed(payout: &Payout, now: Timestamp, lease_ms: i64) -> Payout {
    let mut next = postponed(payout, lease_ms, now);
    next.lease_until = Some(time::plus(now, lease_ms));
    next.claims += 1;
    next
}

/// It is part of the total of its day from its first send on.
fn charge(payout: &mut Payout, ground: &Ground<'_>) {
    if payout.charged_on.is_none() {
        payout.charged_on = Some(time::day(ground.now, ground.zone));
        payout.sent_on = payout.charged_on;
    }
}

/// The number of the next attempt, and the reference that follows from it.
fn next_reference(payout: &Payout, ground: &Ground<'_>) -> (u8, String) {
    let number = u8::try_from(payout.attempts.len() + 1).unwrap_or(u8::MAX);
    (number, payout_reference(ground.environment, &payout.code, number))
}

/// Under a reference of its own, derived from the attempt's number.
fn new_reference(payout: &Payout, probes: bool, ground: &Ground<'_>) -> Payout {
    let Ground { now, lease_ms, .. } = *ground;
    let mut next = claimed(payout, now, lease_ms);
    let (number, reference) = next_reference(payout, ground);
    next.attempts.push(Attempt::first(number, reference, ground.rail.clone(), probes, now));
    next.state = State::Sending { due_at: time::plus(now, lease_ms) };
    next.hands.retry_wanted = false;
    charge(&mut next, ground);
    next
}

fn sent_again(payout: &Payout, probes: bool, ground: &Ground<'_>) -> Payout {
    let Ground { now, lease_ms, .. } = *ground;
    let mut next = claimed(payout, now, lease_ms);
    if let Some(attempt) = next.attempts.last_mut() {
        if attempt.was_refused() {
            attempt.first_sent_at = now;
            attempt.reason = None;
        }
        attempt.sends = attempt.sends.saturating_add(1);
        attempt.probes = probes;
        attempt.asks = 0;
        attempt.last_sent_at = now;
        attempt.not_found_at = None;
    }
    next.state = State::Sending { due_at: time::plus(now, lease_ms) };
    next.hands.retry_wanted = false;
    charge(&mut next, ground);
    next
}

pub(super) fn held(payout: &Payout, why: Hold, now: Timestamp) -> Payout {
    let mut next = stepped(payout, now);
    next.state = State::Held { why, due_at: time::plus(now, DAY_MS) };
    next.claims = 0;
    next.lease_until = None;
    next
}

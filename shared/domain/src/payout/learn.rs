//! What a provider's answer means for a payout. Outcomes are taken whoever brings them; a lease governs only sending.

use super::{
    Attempt, HOLD_UNSETTLED_AFTER_MS, Hold, Learned, NEW_REFERENCE_AFTER_MS, Payout, RESEND_AFTER_MS, RESEND_WITHIN_MS,
    Seen, SeenStatus, State,
    attempt::{ANOTHERS, PAID},
};
use crate::{
    alert::{self, Alert},
    money::whole_amount,
    settings::PayoutPolicy,
    time::{self, DAY_MS, MINUTE_MS, SECOND_MS},
};
use jiff::Timestamp;

/// A known reference that the provider doesn't know any more is held after this many questions.
const MISSING_ASKS: u32 = 5;

/// The provider's answer to a send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferAnswer {
    /// 202: it has the transfer and will say later how it went.
    Accepted,
    /// 409: it has had this reference before.
    Exists,
    /// It provably reached nobody: no connection, or turned away for coming too often.
    Unsent(String),
    /// Time-out, reset, 5xx, nonsense: it may have it or not.
    Unknown(String),
    /// Our set-up is refused, not the payee.
    Config(String),
    /// The request itself is refused.
    Invalid(String),
}

/// A transfer as the provider reports it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ReportedTransfer {
    /// As written by the provider: `5` or `5.0`.
    pub amount: String,
    pub currency: String,
    /// The payee's number in figures with country code.
    pub payee: String,
    pub external_id: String,
    pub transaction: Option<String>,
    pub reason: Option<String>,
}

/// The provider's answer to a question about a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusAnswer {
    Pending(ReportedTransfer),
    Successful(ReportedTransfer),
    Failed(ReportedTransfer),
    /// A typed "no such reference".
    NotFound,
    /// Anything that proves nothing.
    Unknown(String),
}

/// What a FAILED means for us, by its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// This payee can't be paid.
    Payee,
    /// May work later, under a new reference.
    Later,
    /// Our account or set-up.
    Config,
    /// A person must look before anything else is tried.
    Review,
}

fn failure(reason: &str) -> Failure {
    match reason {
        "PAYEE_NOT_FOUND" | "PAYEE_NOT_ALLOWED_TO_RECEIVE" | "PAYEE_LIMIT_REACHED" => Failure::Payee,
        "NOT_ENOUGH_FUNDS"
        | "PAYER_LIMIT_REACHED"
        | "EXPIRED"
        | "APPROVAL_REJECTED"
        | "PAYMENT_NOT_APPROVED"
        | "TRANSACTION_CANCELED"
        | "COULD_NOT_PERFORM_TRANSACTION" => Failure::Later,
        "NOT_ALLOWED" | "SENDER_ACCOUNT_NOT_ACTIVE" => Failure::Config,
        _ => Failure::Review,
    }
}

struct Lesson<'a> {
    next: Payout,
    alerts: Vec<Alert>,
    policy: &'a PayoutPolicy,
    now: Timestamp,
    /// The answer says something certain about its reference.
    proved: bool,
}

impl Payout {
    /// What follows from the answer to sending `reference`. `None` when the payout is settled or doesn't know it.
    pub fn after_transfer(
        &self,
        reference: &str,
        answer: &TransferAnswer,
        policy: &PayoutPolicy,
        now: Timestamp,
    ) -> Option<Learned> {
        if let State::Paid { .. } | State::Settled { .. } = self.state {
            return None;
        }
        let (mut lesson, at) = self.lesson(reference, policy, now)?;
        let word = match answer {
            TransferAnswer::Accepted => "202".to_owned(),
            TransferAnswer::Exists => "409".to_owned(),
            TransferAnswer::Unsent(why)
            | TransferAnswer::Unknown(why)
            | TransferAnswer::Config(why)
            | TransferAnswer::Invalid(why) => why.clone(),
        };
        let newest = at + 1 == lesson.next.attempts.len();
        let attempt = lesson.next.attempts.get_mut(at)?;
        attempt.last_answer = Some(word.clone());
        if !newest {
            attempt.known |= matches!(answer, TransferAnswer::Accepted | TransferAnswer::Exists);
            return Some(lesson.of_an_older_reference(self));
        }
        match answer {
            TransferAnswer::Accepted => {
                attempt.known = true;
                lesson.unsettled(at, i64::from(policy.first_ask_seconds) * SECOND_MS);
            }
            TransferAnswer::Exists => {
                attempt.known = true;
                lesson.unsettled(at, 0);
            }
            TransferAnswer::Unsent(_) => {
                attempt.unsent = attempt.unsent.saturating_add(1);
                lesson.unproven(at, MINUTE_MS);
            }
            TransferAnswer::Unknown(_) => {
                attempt.spared = attempt.spared.saturating_add(u8::from(attempt.probes));
                lesson.unproven(at, MINUTE_MS);
            }
            TransferAnswer::Config(_) => {
                attempt.spared = attempt.spared.saturating_add(1);
                lesson.unproven(at, RESEND_AFTER_MS);
                lesson.alert(alert::Kind::RailMisconfigured, &format!("MoMo refuses our set-up ({word}). Check keys, address list, environment and currency; this payout is asked about and sent again by itself."));
            }
            // The request may be judged before its reference is looked up, and a restored table may have forgotten what
            // was sent: MoMo is asked before anybody is told that it was refused.
            TransferAnswer::Invalid(_) if attempt.is_first_heard_of() => {
                attempt.reason = Some(word.clone());
                attempt.refused = attempt.refused.saturating_add(1);
                let asked = attempt.rail.can_be_asked();
                if asked {
                    lesson.next.state = State::Retrying { due_at: now };
                } else {
                    lesson.refuse(&word);
                }
            }
            TransferAnswer::Invalid(_) => lesson.unproven(at, MINUTE_MS),
        }
        Some(lesson.done())
    }

    /// What follows from the answer to asking for `reference` at `now`, whenever it is written down: an answer is as old as
    /// its question. `None` when the payout is settled or doesn't know it.
    pub fn after_status(
        &self,
        reference: &str,
        answer: &StatusAnswer,
        policy: &PayoutPolicy,
        now: Timestamp,
    ) -> Option<Learned> {
        let (mut lesson, at) = self.lesson(reference, policy, now)?;
        // Somebody has asked later and been answered: what was said before that proves nothing, a payment excepted.
        let younger = self.attempts.get(at)?.answered_at.is_some_and(|answered_at| answered_at > now);
        let outdated = StatusAnswer::Unknown("an older answer".to_owned());
        let paid = matches!(answer, StatusAnswer::Successful(_));
        let answer = if younger && !paid { &outdated } else { answer };
        let anothers = match answer {
            StatusAnswer::Pending(reported) | StatusAnswer::Successful(reported) | StatusAnswer::Failed(reported) => {
                Some(reported).filter(|reported| !self.is_ours(reported))
            }
            StatusAnswer::NotFound | StatusAnswer::Unknown(_) => None,
        };
        lesson.note(at, answer, anothers.is_some());
        if let State::Paid { .. } | State::Settled { .. } = self.state {
            return lesson.after_the_end(at, answer, anothers.is_some(), self);
        }
        let newest = at + 1 == lesson.next.attempts.len();
        let attempt = lesson.next.attempts.get_mut(at)?;
        attempt.known |=
            matches!(answer, StatusAnswer::Pending(_) | StatusAnswer::Successful(_) | StatusAnswer::Failed(_));
        if let Some(reported) = anothers {
            lesson.mismatch(reported);
            return Some(lesson.done());
        }
        match answer {
            StatusAnswer::Failed(reported) => {
                attempt.first_failed_at.get_or_insert(now);
                attempt.last_failed_at = Some(now);
                attempt.reason.clone_from(&reported.reason);
            }
            // It has turned once, so the next FAILED is the first one again.
            StatusAnswer::Pending(_) => (attempt.first_failed_at, attempt.last_failed_at) = (None, None),
            StatusAnswer::NotFound => attempt.not_found_at = Some(now),
            StatusAnswer::Successful(_) | StatusAnswer::Unknown(_) => {}
        }
        if !newest && !matches!(answer, StatusAnswer::Successful(_)) {
            return Some(lesson.older(at, answer, self));
        }
        match answer {
            StatusAnswer::Pending(_) => lesson.ask_on(at),
            StatusAnswer::Unknown(_) => lesson.ask_on(at),
            StatusAnswer::NotFound => lesson.not_found(at),
            StatusAnswer::Successful(reported) => {
                attempt.transaction.clone_from(&reported.transaction);
                lesson.paid(newest);
            }
            StatusAnswer::Failed(reported) => {
                lesson.failed(at, reported.reason.as_deref().unwrap_or("no reason given"));
            }
        }
        Some(lesson.done())
    }

    fn lesson<'a>(&self, reference: &str, policy: &'a PayoutPolicy, now: Timestamp) -> Option<(Lesson<'a>, usize)> {
        let at = self.attempts.iter().position(|attempt| attempt.reference == reference)?;
        let mut next = self.clone();
        next.updated_at = self.updated_at.max(now);
        next.version += 1;
        next.claims = 0;
        next.routed_until = None;
        next.lease_until = None;
        Some((Lesson { next, alerts: Vec::new(), policy, now, proved: false }, at))
    }

    fn is_ours(&self, reported: &ReportedTransfer) -> bool {
        whole_amount(&reported.amount) == Ok(self.money.amount)
            && reported.currency == self.money.currency.code()
            && reported.payee.trim_start_matches('+') == self.payee.party_id()
            && reported.external_id == self.id.as_str()
    }
}

impl Lesson<'_> {
    fn done(self) -> Learned {
        Learned { payout: self.next.watched(self.proved, self.now), alerts: self.alerts }
    }

    /// Keeps what was answered beside the reference it is about.
    fn note(&mut self, at: usize, answer: &StatusAnswer, anothers: bool) {
        let now = self.now;
        let Some(attempt) = self.next.attempts.get_mut(at) else { return };
        attempt.asks = attempt.asks.saturating_add(1);
        let (word, status) = match answer {
            StatusAnswer::Pending(_) => ("PENDING", Some(SeenStatus::Pending)),
            StatusAnswer::Successful(_) => (PAID, Some(SeenStatus::Successful)),
            StatusAnswer::Failed(_) => ("FAILED", Some(SeenStatus::Failed)),
            StatusAnswer::NotFound => ("404", Some(SeenStatus::NotFound)),
            StatusAnswer::Unknown(why) => (why.as_str(), None),
        };
        // That it has paid is never forgotten: a second reference that has paid, too, must stand out.
        if !attempt.has_paid() {
            attempt.last_answer = Some(if anothers { ANOTHERS } else { word }.to_owned());
        }
        let Some(status) = status else { return };
        if anothers {
            attempt.another_at.get_or_insert(now);
        } else if status != SeenStatus::NotFound {
            attempt.another_at = None;
        }
        self.proved = true;
        attempt.answered_at = Some(now);
        attempt.seen = Some(match answer {
            StatusAnswer::Pending(reported) | StatusAnswer::Successful(reported) | StatusAnswer::Failed(reported) => {
                Seen {
                    at: now,
                    status,
                    amount: first(&reported.amount, 24).to_owned(),
                    currency: first(&reported.currency, 8).to_owned(),
                    payee: first(reported.payee.trim_start_matches('+'), 24).to_owned(),
                }
            }
            StatusAnswer::NotFound | StatusAnswer::Unknown(_) => {
                Seen { at: now, status, amount: String::new(), currency: String::new(), payee: String::new() }
            }
        });
    }

    /// News of a payout that was paid, here or by other means. A success under a reference that was not known to have
    /// paid is money that left twice: nothing can be undone here, a person is called. All else is only noted, and only
    /// when it was asked for.
    fn after_the_end(mut self, at: usize, answer: &StatusAnswer, anothers: bool, before: &Payout) -> Option<Learned> {
        let attempt = before.attempts.get(at)?;
        let known = attempt.has_paid() || anothers && attempt.another_at.is_some();
        if let (StatusAnswer::Successful(reported), false) = (answer, known) {
            self.next.attempts.get_mut(at)?.transaction.clone_from(&reported.transaction);
            // It left by our account, whoever was paid by other means beside it.
            if !anothers {
                self.next.charged_on = self.next.charged_on.or(self.next.sent_on);
            }
            self.alert(alert::Kind::SuspectedDoublePayment, "MoMo reports a reference of this redemption as paid that was not known to be, beside the payment that settled it. Look both up in MTN's portal; one of them may have to be taken back.");
        } else if before.recheck_at.is_none_or(|at| at > self.now) && before.lease_until.is_none() {
            return None;
        }
        Some(self.done())
    }

    /// Late news of an older reference, short of success, is noted and changes nothing of what the newest one is in.
    fn of_an_older_reference(mut self, before: &Payout) -> Learned {
        self.next.claims = before.claims;
        self.next.routed_until = before.routed_until;
        self.next.lease_until = before.lease_until;
        self.done()
    }

    fn alert(&mut self, kind: alert::Kind, note: &str) {
        self.alerts.push(Alert {
            id: format!("{}-{}-{}", self.next.id, self.next.version, kind.name()),
            at: self.now,
            kind,
            entity: format!("payout:{}", self.next.id),
            note: note.to_owned(),
        });
    }

    fn due_in(&self, milliseconds: i64) -> Timestamp {
        time::plus(self.now, milliseconds)
    }

    /// The provider has it and it is neither paid nor failed.
    fn unsettled(&mut self, at: usize, in_ms: i64) {
        let due_at = self.due_in(in_ms);
        self.waiting(at, State::Submitted { due_at }, due_at);
    }

    /// Nobody knows whether the provider has it.
    fn unproven(&mut self, at: usize, in_ms: i64) {
        let due_at = self.due_in(in_ms);
        self.waiting(at, State::Sending { due_at }, due_at);
    }

    /// Waits in `state`. One that is held stays held; one that waits for a new reference goes on waiting for it;
    /// one that has waited a day is held and reported.
    fn waiting(&mut self, at: usize, state: State, due_at: Timestamp) {
        let old = self
            .next
            .attempts
            .get(at)
            .is_some_and(|attempt| time::between(attempt.first_sent_at, self.now) >= HOLD_UNSETTLED_AFTER_MS);
        let current = std::mem::replace(&mut self.next.state, State::Queued { due_at });
        let ended = current.is_end();
        self.next.state = match current {
            State::Held { .. } | State::Retrying { .. } => current.due(due_at),
            State::Refused { .. } | State::Cancelled { .. } | State::Paid { .. } | State::Settled { .. } => current,
            State::Queued { .. } | State::Sending { .. } | State::Submitted { .. } | State::AwaitingApproval { .. } => {
                state
            }
        };
        // Of what has failed nothing is on its way, however old it is; people can conclude it.
        let failed = matches!(self.next.state, State::Retrying { .. }) && self.next.has_failed_for_good();
        if old && !ended && !failed && !matches!(self.next.state, State::Held { .. }) {
            self.hold_unknown("a day has passed since it was sent and MoMo has not said how it went");
        }
    }

    fn ask_on(&mut self, at: usize) {
        let (asks, known) =
            self.next.attempts.get(at).map_or((0, false), |attempt: &Attempt| (attempt.asks, attempt.known));
        let minutes = [1, 5, 15, 30, 60];
        let held = matches!(self.next.state, State::Held { .. });
        let wait = if held {
            60
        } else {
            minutes[usize::try_from(asks.saturating_sub(1)).unwrap_or(usize::MAX).min(minutes.len() - 1)]
        };
        if known { self.unsettled(at, wait * MINUTE_MS) } else { self.unproven(at, wait * MINUTE_MS) }
    }

    fn not_found(&mut self, at: usize) {
        if self.next.state.is_end() {
            return;
        }
        let Some(attempt) = self.next.attempts.get_mut(at) else { return };
        let held = matches!(self.next.state, State::Held { .. });
        let waits = match self.next.state {
            State::Retrying { .. } | State::Held { why: Hold::Totals | Hold::Unknown, .. } => true,
            State::Queued { .. }
            | State::Sending { .. }
            | State::Submitted { .. }
            | State::Held { .. }
            | State::AwaitingApproval { .. }
            | State::Paid { .. }
            | State::Refused { .. }
            | State::Cancelled { .. }
            | State::Settled { .. } => false,
        };
        // Refused at the door and not known, or failed and forgotten since: it has failed, however old it is.
        if waits && attempt.surely_failed(self.now) {
            let reason = attempt.reason.clone().unwrap_or_default();
            return self.failed_so_far(&reason, self.goes_on(&reason), self.now);
        }
        if attempt.known {
            if attempt.asks >= MISSING_ASKS && !held {
                self.hold_unknown("MoMo had this reference and now says it has not");
            } else {
                self.ask_on(at);
            }
            return;
        }
        let (first, last) = (attempt.first_sent_at, attempt.last_sent_at);
        let retries = self.next.retries();
        let too_late = time::between(first, self.now) > RESEND_WITHIN_MS;
        let exhausted = !self.retries_left();
        if held {
            self.ask_on(at);
        } else if too_late {
            self.hold_unknown("MoMo does not know it and it is too old to be sent again under its reference");
        } else if exhausted {
            self.hold_unknown("every send has been used and MoMo does not know the reference");
        } else {
            let scheduled = time::plus(last, self.retry_delay_ms(retries).max(RESEND_AFTER_MS));
            // Due now: the plan reads this very answer as leave to send the reference again.
            let due_at = scheduled.max(self.now);
            self.waiting(at, State::Sending { due_at }, due_at);
        }
    }

    fn retries_left(&self) -> bool {
        self.next.retries() < self.policy.retries.saturating_add(self.next.hands.retries)
    }

    fn retry_delay_ms(&self, retries: u8) -> i64 {
        let minutes = &self.policy.retry_minutes;
        let minute = minutes.get(usize::from(retries)).or(minutes.last()).copied().unwrap_or(60);
        i64::from(minute) * MINUTE_MS
    }

    fn hold_unknown(&mut self, why: &str) {
        self.next.state = State::Held { why: Hold::Unknown, due_at: self.due_in(60 * MINUTE_MS) };
        self.alert(alert::Kind::PayoutUnknown, &format!("{why}. It is asked for every hour without end; look it up in MTN's portal before anything is paid again."));
    }

    fn mismatch(&mut self, reported: &ReportedTransfer) {
        let already = matches!(self.next.state, State::Held { why: Hold::Mismatch, .. });
        if !matches!(self.next.state, State::Cancelled { .. }) {
            self.next.state = State::Held { why: Hold::Mismatch, due_at: self.due_in(DAY_MS) };
        }
        if !already {
            let ours = self.next.money;
            self.alert(
                alert::Kind::PayoutMismatch,
                &format!(
                    "MoMo answers with a transfer that is not ours: {} {} there, {ours} here; payee {}, external id {}. Compare both in MTN's portal; a day after this answer it can be cancelled, or settled with a receipt.",
                    first(&reported.amount, 24),
                    first(&reported.currency, 8),
                    if reported.payee == self.next.payee.party_id() { "the same" } else { "another" },
                    if reported.external_id == self.next.id.as_str() { "the same" } else { "another" },
                ),
            );
        }
    }

    fn paid(&mut self, newest: bool) {
        let ended = matches!(self.next.state, State::Refused { .. } | State::Cancelled { .. });
        self.next.state = State::Paid { at: self.now };
        self.next.charged_on = self.next.charged_on.or(self.next.sent_on);
        if ended || !newest {
            self.alert(alert::Kind::PaidAfterRefusal, "MoMo had reported this transfer as failed and has paid it after all. Look for a second payment of the same redemption.");
        }
    }

    fn refuse(&mut self, reason: &str) {
        let reason = if reason.is_empty() { "no reason given" } else { reason };
        self.next.state = State::Refused { at: self.now, reason: first(reason, 64).to_owned() };
        self.next.hands.retry_wanted = false;
        // It makes room in the day's total.
        self.next.charged_on = None;
        self.alert(alert::Kind::PayoutRefused, &format!("MoMo refused with proof ({}). The customer was not paid; call the customer and retry or settle it by hand.", first(reason, 64)));
    }

    /// FAILED is believed when it is read again a quarter of an hour later, for every reference that was used: until
    /// then it may still turn, and nobody is told to pay by hand.
    fn failed(&mut self, at: usize, reason: &str) {
        match self.next.state {
            State::Refused { .. } | State::Cancelled { .. } | State::Settled { .. } => return,
            // A person has to look first, whatever is said now.
            State::Held { why: Hold::Mismatch, .. } => {
                self.next.state = State::Held { why: Hold::Mismatch, due_at: self.due_in(DAY_MS) };
                return;
            }
            State::Held { .. }
            | State::Queued { .. }
            | State::Sending { .. }
            | State::Submitted { .. }
            | State::Retrying { .. }
            | State::AwaitingApproval { .. }
            | State::Paid { .. } => {}
        }
        let Some(first_failed) = self.next.attempts.get(at).and_then(|attempt| attempt.first_failed_at) else { return };
        let retries = self.next.retries();
        let kind = failure(reason);
        let wanted = self.next.hands.retry_wanted;
        if kind == Failure::Config && !wanted && self.next.hands.barred.is_none() {
            let already = matches!(self.next.state, State::Held { why: Hold::Config, .. });
            // Read once more a quarter of an hour later: then people may conclude it by other means.
            let sure = self.next.has_failed_for_good();
            let wait = if sure { DAY_MS } else { NEW_REFERENCE_AFTER_MS };
            self.next.state = State::Held { why: Hold::Config, due_at: self.due_in(wait) };
            if !already {
                self.alert(alert::Kind::RailMisconfigured, &format!("MoMo failed the transfer because of our account ({}). Mend the account, then retry it by hand.", first(reason, 64)));
            }
            return;
        }
        let again = self.goes_on(reason);
        let wait = if again && !wanted {
            self.retry_delay_ms(retries).max(NEW_REFERENCE_AFTER_MS)
        } else {
            NEW_REFERENCE_AFTER_MS
        };
        self.failed_so_far(reason, again, time::plus(first_failed, wait));
    }

    /// It ends when every reference has surely failed, no other one is to follow, and MoMo doesn't know the next one
    /// either: a restored table may have forgotten that it was sent.
    fn failed_so_far(&mut self, reason: &str, again: bool, due_at: Timestamp) {
        let sure = self.next.attempts.iter().all(|attempt| attempt.surely_failed(self.now));
        let last = self.next.attempts.last();
        let at_the_end = last.is_some_and(Attempt::was_refused);
        if sure && !again && at_the_end {
            let reason = self.next.forget_what_was_looked_for().unwrap_or_else(|| reason.to_owned());
            return self.refuse(&reason);
        }
        // The same reference is never sent twice within minutes, refused or not.
        let refused = last.filter(|last| again && last.sends > 0 && last.was_refused());
        let apart = refused.map_or(self.now, |last| time::plus(last.last_sent_at, RESEND_AFTER_MS));
        // Due now, and read just now: the plan takes it as leave to go on.
        self.next.state = State::Retrying { due_at: due_at.max(self.now).max(apart) };
    }

    /// Whether another send may follow a failure for this reason, as the plan has it.
    fn goes_on(&self, reason: &str) -> bool {
        let may_pass = self.next.hands.retry_wanted || failure(reason) == Failure::Later;
        may_pass && self.retries_left() && self.next.hands.barred.is_none()
    }

    /// News of an older reference, short of success. While a payout waits to be surely failed they count as much as
    /// the newest one's; else they are noted and change nothing.
    fn older(mut self, at: usize, answer: &StatusAnswer, before: &Payout) -> Learned {
        match (&self.next.state, answer) {
            (State::Retrying { .. }, StatusAnswer::Failed(_)) => {
                self.next.state = State::Retrying { due_at: self.now };
                self.done()
            }
            // Failed, and forgotten since: the next one is looked at.
            (State::Retrying { .. }, StatusAnswer::NotFound)
                if self.next.attempts.get(at).is_some_and(|attempt| attempt.surely_failed(self.now)) =>
            {
                self.next.state = State::Retrying { due_at: self.now };
                self.done()
            }
            (State::Retrying { .. }, _) => {
                self.ask_on(at);
                self.done()
            }
            // Nothing is sent after an end, so whoever asked lets go of it.
            (State::Refused { .. } | State::Cancelled { .. }, _) => self.done(),
            _ => self.of_an_older_reference(before),
        }
    }
}

/// Whether a new reference may help after this reason.
pub(super) fn passes(reason: Option<&str>) -> bool {
    reason.is_some_and(|reason| failure(reason) == Failure::Later)
}

/// The first `most` characters: provider texts are not ours to trust in length.
fn first(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(at, _)| &text[..at])
}

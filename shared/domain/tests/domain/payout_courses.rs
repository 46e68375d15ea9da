//! Every course of the first exchanges with the provider, without chance: what it makes of each send, what each
//! question is answered, which answers are lost, and where the worker dies.

use crate::sample::{self, Around};

use domain::{
    payout::{
        NEW_REFERENCE_AFTER_MS, Payout, RESEND_AFTER_MS, ReportedTransfer, State, StatusAnswer, Step, TransferAnswer,
    },
    settings::PayoutPolicy,
    switches::Switches,
    time::{between, plus},
};
use jiff::Timestamp;
use sample::{minutes, noon, payout, report};
use std::collections::BTreeMap;

/// Exchanges that are followed; each has up to fifteen courses.
const EXCHANGES: u32 = 7;

#[derive(Clone, Copy, PartialEq)]
enum Transfer {
    Pending,
    Paid,
    Failed { reason: &'static str, since: Timestamp },
}

#[derive(Clone)]
struct Moment {
    row: Payout,
    taken: BTreeMap<String, Transfer>,
    now: Timestamp,
}

#[derive(Default)]
struct Seen {
    moments: u64,
    renewed: u64,
    sent_again: u64,
    ends: BTreeMap<&'static str, u64>,
}

impl Moment {
    fn promises(&self, before: &Self) {
        let paid = self.taken.values().filter(|transfer| **transfer == Transfer::Paid).count();
        assert!(paid <= 1, "paid twice: {:?}", self.row);
        assert!(self.row.version <= before.row.version + 2, "a claim and an outcome");
        let ended = matches!(self.row.state, State::Paid { .. } | State::Refused { .. });
        assert_eq!(self.row.state.due_at().is_none(), ended);
        if let State::Paid { .. } = self.row.state {
            assert_eq!(paid, 1);
        }
        if let State::Refused { .. } = self.row.state {
            let open = self.taken.values().any(|transfer| *transfer == Transfer::Pending);
            assert!(!open, "refused while it may be paid: {:?}", self.row);
        }
    }

    /// What the provider may have become until now: transfers settle, and a FAILED turns within its quarter of an hour.
    fn providers(&self, reference: &str) -> Vec<BTreeMap<String, Transfer>> {
        let mut courses = vec![self.taken.clone()];
        let mut also = |becomes: Transfer| {
            let mut taken = self.taken.clone();
            taken.insert(reference.to_owned(), becomes);
            courses.push(taken);
        };
        match self.taken.get(reference) {
            Some(Transfer::Pending) => {
                also(Transfer::Paid);
                for reason in ["EXPIRED", "PAYEE_NOT_FOUND", "NOT_ALLOWED"] {
                    also(Transfer::Failed { reason, since: self.now });
                }
            }
            Some(Transfer::Failed { since, .. }) if between(*since, self.now) < NEW_REFERENCE_AFTER_MS => {
                also(Transfer::Paid);
            }
            Some(Transfer::Failed { .. } | Transfer::Paid) | None => {}
        }
        courses
    }

    fn learned(&self, taken: BTreeMap<String, Transfer>, row: Option<Payout>) -> Self {
        Self { row: row.unwrap_or_else(|| self.row.clone()), taken, now: self.now }
    }

    fn after_send(&self, policy: &PayoutPolicy) -> Vec<Self> {
        let reference = self.row.attempt().expect("claimed with an attempt").reference.clone();
        let told = |answer: TransferAnswer| {
            self.row.after_transfer(&reference, &answer, policy, self.now).map(|learned| learned.payout)
        };
        let lost = || TransferAnswer::Unknown("time-out".to_owned());
        let mut arrived = self.taken.clone();
        let known = arrived.contains_key(&reference);
        arrived.entry(reference.clone()).or_insert(Transfer::Pending);
        // The worker dies before or after the send; or it is answered, or the answer is lost.
        let mut courses = vec![
            self.learned(self.taken.clone(), None),
            self.learned(arrived.clone(), None),
            self.learned(arrived.clone(), told(lost())),
        ];
        if known {
            for answer in [TransferAnswer::Exists, TransferAnswer::Invalid("400".to_owned())] {
                courses.push(self.learned(arrived.clone(), told(answer)));
            }
        } else {
            courses.push(self.learned(arrived, told(TransferAnswer::Accepted)));
            for answer in [lost(), TransferAnswer::Config("403".to_owned()), TransferAnswer::Invalid("400".to_owned())]
            {
                courses.push(self.learned(self.taken.clone(), told(answer)));
            }
        }
        courses
    }

    fn after_ask(&self, reference: String, policy: &PayoutPolicy) -> Vec<Self> {
        let report = report(&self.row);
        let mut courses = Vec::new();
        for taken in self.providers(&reference) {
            let truth = match taken.get(&reference) {
                None => StatusAnswer::NotFound,
                Some(Transfer::Pending) => StatusAnswer::Pending(report.clone()),
                Some(Transfer::Paid) => StatusAnswer::Successful(report.clone()),
                Some(Transfer::Failed { reason, .. }) => {
                    StatusAnswer::Failed(ReportedTransfer { reason: Some((*reason).to_owned()), ..report.clone() })
                }
            };
            for answer in [truth, StatusAnswer::Unknown("503".to_owned())] {
                let learned =
                    self.row.after_status(&reference, &answer, policy, self.now).map(|learned| learned.payout);
                courses.push(self.learned(taken.clone(), learned));
            }
            courses.push(self.learned(taken, None));
        }
        // A send whose answer was lost may arrive right after it was not found.
        let asked = self.row.attempts.iter().find(|attempt| attempt.reference == reference);
        let sent_at = asked.map_or(self.now, |attempt| attempt.last_sent_at);
        let was_sent = asked.is_some_and(|attempt| attempt.sends > attempt.refused);
        if was_sent && !self.taken.contains_key(&reference) && between(sent_at, self.now) < RESEND_AFTER_MS {
            let learned = self.row.after_status(&reference, &StatusAnswer::NotFound, policy, self.now);
            let mut arrived = self.taken.clone();
            arrived.insert(reference, Transfer::Pending);
            courses.push(self.learned(arrived, learned.map(|learned| learned.payout)));
        }
        courses
    }

    fn follow(mut self, exchanges: u32, policy: &PayoutPolicy, seen: &mut Seen) {
        seen.moments += 1;
        let due = self.row.state.due_at().filter(|_| exchanges > 0);
        let Some(due) = due else {
            *seen.ends.entry(self.row.state.name()).or_default() += 1;
            return;
        };
        self.now = self.now.max(due);
        let step = Around { policy: policy.clone(), ..Around::default() }.plan(&self.row, self.now);
        let before = self.clone();
        let courses = match step {
            Step::Rest | Step::CheckAccount => panic!("it is due and nobody's: {:?}", self.row),
            Step::Postpone(row) | Step::Hold(row, _) => vec![self.learned(self.taken.clone(), Some(row))],
            Step::Send(row) => {
                // One that was only asked about before is new as well.
                let renews = row.attempts.last().is_some_and(|attempt| attempt.sends == 1);
                seen.renewed += u64::from(renews && row.attempts.len() > 1);
                seen.sent_again += u64::from(!renews);
                for older in self.row.attempts.iter().filter(|older| renews && older.sends > 0) {
                    let failed = self.taken.get(&older.reference).is_some_and(|transfer| match transfer {
                        Transfer::Failed { since, .. } => between(*since, self.now) >= NEW_REFERENCE_AFTER_MS,
                        Transfer::Pending | Transfer::Paid => false,
                    });
                    assert!(failed, "a new reference while the old one may be paid: {:?}", self.row);
                }
                self.row = row;
                self.after_send(policy)
            }
            Step::Ask(row, reference) => {
                self.row = row;
                self.after_ask(reference, policy)
            }
        };
        for course in courses {
            course.promises(&before);
            course.follow(exchanges - 1, policy, seen);
        }
    }
}

// proves: PAY-02, PAY-04
#[test]
#[allow(clippy::print_stdout, reason = "the reader wants to know how much was walked")]
fn no_course_of_the_first_exchanges_pays_twice_or_loses_sight_of_a_payout() {
    let mut seen = Seen::default();
    for retries in [0, 3] {
        let start = Moment { row: payout(), taken: BTreeMap::new(), now: plus(noon(), 1) };
        start.follow(EXCHANGES, &PayoutPolicy { retries, ..PayoutPolicy::default() }, &mut seen);
    }
    let Seen { moments, renewed, sent_again, ends } = seen;
    println!("{moments} moments, {renewed} new references, {sent_again} sent again; {ends:?}");
    // Else the courses would prove nothing about them.
    assert!(moments > 100_000 && renewed > 100 && sent_again > 100);
}

// proves: PAY-02
#[test]
fn a_failed_that_was_read_within_its_quarter_of_an_hour_is_read_again_before_a_new_reference() {
    let (policy, on) = (PayoutPolicy::default(), Switches::all_on("blue"));
    let next =
        |row: &Payout, now| Around { switches: on.clone(), policy: policy.clone(), ..Around::default() }.plan(row, now);
    let Step::Send(sent) = next(&payout(), noon()) else { panic!("sent") };
    let reference = sent.attempts[0].reference.clone();
    let read = |row: &Payout, reason: &str, now| {
        let answer = StatusAnswer::Failed(ReportedTransfer { reason: Some(reason.to_owned()), ..report(row) });
        row.after_status(&reference, &answer, &policy, now).expect("not settled").payout
    };
    // Failed because of our account, so held; a callback has it asked about again, and there is another reason.
    let held = read(&sent, "NOT_ALLOWED", minutes(1));
    let shortly_before = plus(minutes(16), -30_000);
    let prompted = held.prompted(shortly_before).expect("asked about again");
    let waiting = read(&prompted, "EXPIRED", shortly_before);
    assert_eq!(waiting.state, State::Retrying { due_at: minutes(16) });
    // Between the last answer and the quarter of an hour it may have turned into SUCCESSFUL.
    assert!(matches!(next(&waiting, minutes(16)), Step::Ask(..)));
}
